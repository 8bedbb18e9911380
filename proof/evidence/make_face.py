"""Makes the face of the evidence page from the counter's own: `python -m proof.evidence.make_face`.

The page must be legible on a computer without Chinese fonts, and fetches nothing: the characters of its sentences go
with it. Run it again when a sentence gets a new character (a test tells). Needs fonttools (extra `dev`); the program
itself never runs this.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from proof.evidence.page import CHINESE

#: fonttools sets its attributes at run time: it is used through Any, here only.
subset: Any = import_module("fontTools.subset")

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "assets" / "fonts" / "guitai-sans.otf"
FACE = HERE / "page.woff2"


def characters() -> set[int]:
    """Every Chinese character of the page's own words."""
    words = "".join(
        (HERE / name).read_text(encoding="utf-8") for name in ("words.toml", "kinds.toml", "page.html", "page.py")
    )
    return {ord(character) for character in words if any(first <= ord(character) <= last for first, last in CHINESE)}


def main() -> None:
    """Writes the face beside this script."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["kern"]
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 13, 14]
    font = subset.load_font(str(SOURCE), options)
    worker = subset.Subsetter(options)
    worker.populate(unicodes=characters())
    worker.subset(font)
    subset.save_font(font, str(FACE), options)
    sys.stdout.write(f"{FACE.name}: {len(font.getBestCmap())} characters, {FACE.stat().st_size / 1e3:.0f} kB\n")


if __name__ == "__main__":
    main()
