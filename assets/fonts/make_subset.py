"""Makes the bundled faces from Debian's fonts-noto-cjk: `python assets/fonts/make_subset.py [SOURCE_FOLDER]`.

Rules: the regular face holds every character of GBK (a shop named 犇喆 must not lose letters), Latin, and the signs
the screens use; the strong face holds the common characters (GB2312 level 1, plus every sentence of the catalogues),
because it is drawn at sizes where a synthesized bold looks smeared, and falls back to the regular face per character.
A character that neither face has is drawn as a visible box, never as a blank (`--notdef-outline`).
The faces are renamed, so that an installed font of the original's name is never mixed with ours.
Needs fonttools (extra `dev`); the program itself never runs this.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

#: fonttools sets its attributes at run time: it is used through Any, here only.
subset: Any = import_module("fontTools.subset")

HERE = Path(__file__).resolve().parent
SOURCE = Path("/usr/share/fonts/opentype/noto")
FACE_IN_COLLECTION = 2  # Noto Sans CJK SC within the .ttc
SIGNS = "‘’“”…—–·•°±×÷←↑→↓⏎⇧⇥✓✔✕✖●○◐◌■□▲▼◆◇★☆¥€£¢￥①②③④⑤⑥⑦⑧⑨⑩⚠"


def gbk() -> set[int]:
    """Every character a GBK byte pair names."""
    found: set[int] = set()
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            try:
                found.update(map(ord, bytes([lead, trail]).decode("gbk")))
            except UnicodeDecodeError:
                continue
    return found


def gb2312_level_1() -> set[int]:
    """The 3,755 most common hanzi and the punctuation rows."""
    found: set[int] = set()
    for lead in [*range(0xA1, 0xAA), *range(0xB0, 0xD8)]:
        for trail in range(0xA1, 0xFF):
            try:
                found.update(map(ord, bytes([lead, trail]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return found


def latin() -> set[int]:
    """ASCII, Latin-1, general punctuation, and the signs the screens use."""
    return {*range(0x20, 0x7F), *range(0xA0, 0x100), *range(0x2010, 0x2028), *map(ord, SIGNS)}


def catalogue() -> set[int]:
    """Every character of the translated sentences, both Chinese scripts."""
    return {ord(c) for file in (HERE.parent / "translations").glob("*.toml") for c in file.read_text(encoding="utf-8")}


def make(source: Path, target: Path, family: str, characters: set[int]) -> None:
    """Subsets one face of the collection into `target` under its own family name."""
    options = subset.Options()
    options.font_number = FACE_IN_COLLECTION
    options.notdef_outline = True
    options.layout_features = ["ccmp", "kern", "mark"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.name_languages = [0x409]
    options.desubroutinize = False
    options.drop_tables += ["DSIG", "vhea", "vmtx", "VORG", "BASE"]
    font = subset.load_font(str(source), options)
    worker = subset.Subsetter(options)
    worker.populate(unicodes=characters)
    worker.subset(font)
    rename(font, family)
    subset.save_font(font, str(target), options)
    sys.stdout.write(f"{target.name}: {len(font.getBestCmap())} characters, {target.stat().st_size / 1e6:.2f} MB\n")


def rename(font: Any, family: str) -> None:
    """Gives the face our family name and regular style; the copyright and licence records stay."""
    plain = family.replace(" ", "")
    for record in font["name"].names:
        if record.nameID in (1, 4):
            record.string = family
        elif record.nameID == 2:
            record.string = "Regular"
        elif record.nameID in (3, 6):
            record.string = plain
    table = font["CFF "].cff
    table.fontNames = [plain]
    top = table.topDictIndex[0]
    top.FamilyName = top.FullName = family
    font["OS/2"].usWeightClass = 400
    font["OS/2"].fsSelection = (font["OS/2"].fsSelection & ~0x21) | 0x40
    font["head"].macStyle = 0


def main() -> None:
    """Writes both faces beside this script."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    make(source / "NotoSansCJK-Regular.ttc", HERE / "guitai-sans.otf", "Guitai Sans", gbk() | latin() | catalogue())
    strong = gb2312_level_1() | latin() | catalogue()
    make(source / "NotoSansCJK-Bold.ttc", HERE / "guitai-sans-strong.otf", "Guitai Sans Strong", strong)


if __name__ == "__main__":
    main()
