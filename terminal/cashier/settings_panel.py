"""The display panel: language, colours, text size, keypad, sound. Each is a row of options and applies at once."""

from __future__ import annotations

from msgspec.structs import replace

from terminal.cashier.effects import ChangeSetting, Effect
from terminal.cashier.phrase import say
from terminal.cashier.state import CashierState, Settings
from terminal.cashier.view import ChoiceView

OPTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("language", ("zh_CN", "zh_TW", "en")),
    ("theme", ("light", "dark")),
    ("text_size", ("100", "125", "150", "175", "200")),
    ("keypad", ("shown", "hidden")),
    ("sound", ("on", "off")),
)


def choices(settings: Settings, selected: int = -1) -> tuple[ChoiceView, ...]:
    """The rows of the panel."""
    return tuple(
        ChoiceView(
            title=say(f"display.{name}"),
            options=tuple((value, say(f"display.{name}_{value}")) for value in values),
            chosen=_value(settings, name),
            name=name,
            selected=index == selected,
        )
        for index, (name, values) in enumerate(OPTIONS)
    )


def change(state: CashierState, name: str, value: str) -> tuple[CashierState, tuple[Effect, ...]]:
    """Applies one option; anything that is not an option changes nothing."""
    if value not in dict(OPTIONS).get(name, ()):
        return state, ()
    row = [option for option, _ in OPTIONS].index(name)
    return replace(state, settings=with_value(state.settings, name, value), setting_row=row), (
        ChangeSetting(name=name, value=value),
    )


def with_value(settings: Settings, name: str, value: str) -> Settings:
    """The settings with one option changed; what is unknown is left out (a damaged file must not stop a till)."""
    if value not in dict(OPTIONS).get(name, ()):
        return settings
    match name:
        case "language":
            return replace(settings, language=value)
        case "theme":
            return replace(settings, theme=value)
        case "text_size":
            return replace(settings, text_size=value)
        case "keypad":
            return replace(settings, keypad=value)
        case _:
            return replace(settings, sound=value)


def _value(settings: Settings, name: str) -> str:
    match name:
        case "language":
            return settings.language
        case "theme":
            return settings.theme
        case "text_size":
            return settings.text_size
        case "keypad":
            return settings.keypad
        case _:
            return settings.sound
