"""The files the program shows and plays: fonts, icons, sounds, themes, translations; each names its origin.

Rules: files are reached through these functions only (they work from a wheel, a checkout and a frozen program alike);
nothing is read at import. Must not know: Qt, or any other room.
"""

from pathlib import Path


def _file(folder: str, name: str) -> Path:
    # Beside this module in a checkout, a wheel and the frozen folder alike; importlib.resources would load zip readers
    # and more while a cashier waits for the first window.
    return Path(__file__).parent / folder / name


def font(name: str) -> Path:
    """The file of one font face, e.g. `guitai-sans`: a path, so that Qt maps it instead of copying megabytes."""
    return _file("fonts", f"{name}.otf")


def icon(name: str) -> str:
    """The SVG source of one icon; its strokes say `currentColor`."""
    return _file("icons", f"{name}.svg").read_text(encoding="utf-8")


def sound(name: str) -> bytes:
    """One sound as a complete WAV file."""
    return _file("sounds", f"{name}.wav").read_bytes()


def theme() -> str:
    """The table of colour roles, as TOML text."""
    return _file("themes", "theme.toml").read_text(encoding="utf-8")


def translation(language: str) -> str:
    """The catalogue of sentences of one language (`zh_CN`, `zh_TW`, `en`), as TOML text."""
    return _file("translations", f"{language}.toml").read_text(encoding="utf-8")
