"""One target under atheris, in a process of its own: `python -m proof.fuzz.engine NAME FOLDER SECONDS`.

The gateway's, till's and drivers' own modules are imported under atheris' eyes, so that it sees which branches an input
reached. It ends the process itself. A crash, an input slower than five seconds or more than a gigabyte is written into
FOLDER by libFuzzer.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_SLOWEST_S = 5
_MOST_MB = 1_024


def main(name: str, folder: Path, seconds: int) -> None:
    atheris: Any = import_module("atheris")  # its own types do not know what it is used for
    with atheris.instrument_imports(include=["drivers", "gateway", "protocol", "proof.fuzz"]):
        from proof.fuzz.registry import all_targets

        targets = all_targets()
    target = targets[name]
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.most_bytes}",
        f"-timeout={_SLOWEST_S}",
        f"-rss_limit_mb={_MOST_MB}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
