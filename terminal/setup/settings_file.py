"""The shop's choices in `settings.toml` of the data folder: language, colours, text size, keypad, sound, limits.

`max_amount_fen` is the most that one payment may be; `cash_sale_fen` the most that one sale takes in cash, and
`cash_offline_day_fen` a day's sum of cash while the gateway cannot be reached (0: none).

Rules: a damaged or wrong file never stops a till: what can be read counts, the rest is the default, and the app says
so. The file holds no money and no secret. Blocking; called before the window and on the worker thread.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from terminal.cashier.keys import bind
from terminal.cashier.settings_panel import OPTIONS, with_value
from terminal.cashier.state import Settings

FILE = "settings.toml"


class SettingsRead(Struct, frozen=True, kw_only=True):
    """`damaged` is True when something in the file could not be used."""

    settings: Settings
    damaged: bool


def read_settings(folder: Path) -> SettingsRead:
    """The settings of a data folder; the defaults when there is no file."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return SettingsRead(settings=Settings(), damaged=False)
    except (OSError, UnicodeDecodeError):
        return SettingsRead(settings=Settings(), damaged=True)
    try:
        return from_table(tomllib.loads(text))
    except (ValueError, RecursionError):  # no TOML; a number of thousands of digits; nesting without end
        return SettingsRead(settings=Settings(), damaged=True)


def from_table(table: Mapping[str, object]) -> SettingsRead:
    """Reads what the table says; names what it does not understand by `damaged`."""
    settings, damaged = Settings(), False
    for name, _ in OPTIONS:
        value = table.get(name)
        if value is not None:
            changed = with_value(settings, name, str(value))
            damaged = damaged or (changed is settings)
            settings = changed
    limit = table.get("max_amount_fen")
    if limit is not None:
        usable = isinstance(limit, int) and 0 < limit <= settings.max_fen
        settings = replace(settings, max_fen=limit) if usable and isinstance(limit, int) else settings
        damaged = damaged or not usable
    for name in ("cash_sale_fen", "cash_offline_day_fen"):
        cash = table.get(name)
        if cash is not None:
            # 0 is an owner's word too: no cash.
            usable = isinstance(cash, int) and not isinstance(cash, bool) and 0 <= cash <= 100 * settings.max_fen
            settings = _with_cash(settings, name, cash) if usable and isinstance(cash, int) else settings
            damaged = damaged or not usable
    keys = table.get("keys")
    if isinstance(keys, dict):
        bound = bind({str(name): str(key) for name, key in keys.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # tomllib's dict
        if isinstance(bound, str):
            damaged = True
        else:
            settings = replace(settings, keys=bound)
    return SettingsRead(settings=settings, damaged=damaged)


def _with_cash(settings: Settings, name: str, fen: int) -> Settings:
    if name == "cash_sale_fen":
        return replace(settings, cash_sale_fen=fen)
    return replace(settings, cash_offline_day_fen=fen)


def write_setting(folder: Path, name: str, value: str) -> None:
    """Keeps one choice; other lines of the file stay as they are. Raises OSError when the folder cannot be written."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = folder / FILE
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, TOMLKitError):
        document = tomlkit.document()
    document[name] = value
    beside = path.with_suffix(".new")
    beside.write_text(tomlkit.dumps(document), encoding="utf-8")
    os.replace(beside, path)
