"""The hash chain of a terminal's journal, as both sides compute it.

hash(n) = SHA-256("guitai-journal-v1" ‖ 0 ‖ hash(n-1) ‖ seq ‖ at_ms ‖ len(kind) ‖ kind ‖ body), integers as 8 bytes
big-endian; hash(0) is derived from the terminal's id, so that two terminals' chains never meet. Bodies are hashed as
written: nobody re-serialises.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from protocol.messages import JournalEntry


def genesis(terminal_id: str) -> str:
    """The head of an empty chain."""
    return sha256(b"guitai-journal-v1\0genesis\0" + terminal_id.encode()).hexdigest()


def link(previous: str, *, seq: int, kind: str, at_ms: int, body: str) -> str:
    """The hash of one entry on top of `previous` (hex)."""
    kind_bytes = kind.encode()
    digest = sha256(b"guitai-journal-v1\0")
    digest.update(bytes.fromhex(previous))
    digest.update(_eight(seq) + _eight(at_ms) + _eight(len(kind_bytes)))
    digest.update(kind_bytes)
    digest.update(body.encode())
    return digest.hexdigest()


def _eight(number: int) -> bytes:
    """A forged row may hold any number: one that no entry can have breaks the chain there, not its reader."""
    return (number % 2**64).to_bytes(8, "big")


def first_break(head: str, after_seq: int, entries: Iterable[JournalEntry]) -> int | None:
    """The seq of the first entry that does not follow `head`/`after_seq` without a gap; None when all do.

    Of an entry whose content is withheld only the hash is known: it is taken as said, and the next one must follow it.
    Whoever holds the content can show later that it is the one that was hashed; another one never will be.
    """
    seq = after_seq
    for entry in entries:
        seq += 1
        if entry.withheld is None:
            head = link(head, seq=entry.seq, kind=entry.kind, at_ms=entry.at_ms, body=entry.body)
        else:
            head = entry.hash
        if entry.seq != seq or entry.hash != head:
            return entry.seq
    return None
