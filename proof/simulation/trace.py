"""What happened, in order, and its hash: the same seed on the same code gives the same hash, or the simulation lies.

A line holds the time, who, what and a few words; never a code, a key, a signature or anything that differs from run to
run. It must not know what the lines mean.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256


class Trace:
    """Lines of one world. `count` is for the report; it is not part of the hash."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()

    def note(self, at_ms: int, who: str, what: str, about: str = "") -> None:
        line = f"{at_ms / 1000:10.3f} {who:<12} {what} {about}".rstrip()
        self._hash.update(line.encode() + b"\n")
        self.lines.append(line)

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def timeline(self, word: str, *, most: int = 120) -> tuple[str, ...]:
        """The lines that mention a number, the last `most` of them."""
        return tuple(line for line in self.lines if word in line)[-most:]

    def digest(self) -> str:
        return self._hash.hexdigest()
