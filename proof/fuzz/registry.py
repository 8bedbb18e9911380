"""Every target by its name. The modules are imported when asked for: atheris must see them being imported."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from proof.fuzz.target import Target

_MODULES: Final = tuple(f"proof.fuzz.{name}" for name in ("devices", "messages", "offline", "wallets", "bills"))


def all_targets() -> dict[str, Target]:
    found: dict[str, Target] = {}
    for name in _MODULES:
        for target in cast("tuple[Target, ...]", import_module(name).TARGETS):
            assert target.name not in found, "two targets of one name"
            found[target.name] = target
    return found
