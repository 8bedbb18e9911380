"""A value that must not be seen: payment codes, keys, activation codes.

Rule (SAFETY.md section 1, invariant 34): a secret never reaches a log, a file, an exception text or the screen. The
wrapper has a blank repr, refuses formatting and pickling, and gives its value only to a caller who asks by name.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import NoReturn, final


@final
class Secret:
    """Holds one secret string. `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself. Call it at the last moment and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __format__(self, spec: str) -> str:
        return "…"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied to disk")

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __copy__(self) -> Secret:
        return self
