"""The one module that knows the untyped `qrcode` package: a text in, rows of dark and light modules out."""

from __future__ import annotations

from typing import Any


def matrix_of(text: str) -> tuple[tuple[bool, ...], ...]:
    """The modules of a QR code of error correction M, without a quiet zone. Imported when the first code is shown."""
    import qrcode.constants
    import qrcode.main

    code: Any = qrcode.main.QRCode(border=0, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(text)
    code.make(fit=True)
    rows: list[list[bool]] = code.get_matrix()
    return tuple(tuple(bool(cell) for cell in row) for row in rows)
