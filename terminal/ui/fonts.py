"""The bundled type family: registers the faces once and makes fonts by size.

Rules: every text uses these faces, so that a shop name never loses a rare character and looks the same on every PC. The
strong face falls back to the regular one per character. Digits of both are tabular by design.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QFont, QFontDatabase

import assets

REGULAR: Final = "Guitai Sans"
STRONG: Final = "Guitai Sans Strong"


def register_fonts() -> None:
    """Makes both faces known to Qt. Needs a QGuiApplication. Raises RuntimeError when a face is damaged."""
    if REGULAR in QFontDatabase.families():
        return
    for name in ("guitai-sans", "guitai-sans-strong"):
        if QFontDatabase.addApplicationFont(str(assets.font(name))) < 0:
            raise RuntimeError(f"the bundled font {name} cannot be read")


def regular(pixels: int) -> QFont:
    """The regular face, `pixels` high."""
    font = QFont([REGULAR])
    font.setPixelSize(max(1, pixels))
    return font


def strong(pixels: int) -> QFont:
    """The strong face, `pixels` high; characters it lacks come from the regular face."""
    font = QFont([STRONG, REGULAR])
    font.setPixelSize(max(1, pixels))
    return font
