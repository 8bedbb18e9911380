"""What is wrong with what the owner wrote: where it stands, which key, and what to write instead. All faults at once.

A fault never repeats a value, for some values are keys. It must not know how it is shown.
"""

from __future__ import annotations

from msgspec import Struct


class Fault(Struct, frozen=True, kw_only=True):
    """`where`: the table and its entry; `key` is empty when the whole entry is meant."""

    where: str
    key: str
    hint: str

    @property
    def sentence(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.hint) if part)


class Faults(Struct, frozen=True, kw_only=True):
    """Nothing was applied, and why."""

    faults: tuple[Fault, ...]


def one_fault(where: str, key: str, hint: str) -> Faults:
    return Faults(faults=(Fault(where=where, key=key, hint=hint),))
