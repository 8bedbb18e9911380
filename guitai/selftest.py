"""`guitai --selftest`: does this copy of the terminal work on this computer? For the installer and for field agents.

Every part that a shop PC needs is really used once: libraries, fonts, a window, a QR drawn and read back, the journal
on this disk, keys, the scanners' libraries. Nothing is kept and no network is used.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from drivers.camera.decoders import Decoder
    from drivers.camera.pictures import Grey

CODE = "283333333344443421"


class Checked(Struct, frozen=True, kw_only=True):
    """One part: whether it works, and what was found or went wrong."""

    name: str
    passed: bool
    found: str


def run_selftest() -> tuple[Checked, ...]:
    """Runs every check; one that breaks does not stop the others."""
    return tuple(_checked(name, check) for name, check in _CHECKS)


def _checked(name: str, check: Callable[[], str]) -> Checked:
    try:
        return Checked(name=name, passed=True, found=check())
    except Exception as error:  # noqa: BLE001 - whatever is broken here is this check's finding
        return Checked(name=name, passed=False, found=f"{type(error).__name__}: {error}")


def _journal() -> str:
    from protocol.numbers import new_terminal_id
    from sync.journal.journal import Journal

    with tempfile.TemporaryDirectory(prefix="guitai-selftest-") as folder:
        started = time.perf_counter()
        journal = Journal.open(Path(folder) / "journal.db", terminal_id=new_terminal_id(os.urandom(8)))
        journal.close()
        return f"opened and closed in {(time.perf_counter() - started) * 1000:.0f} ms"


def _keys() -> str:
    from protocol.keys import b64url, fingerprint, private_key, public_text
    from protocol.secret import Secret

    key = private_key(Secret(b64url(os.urandom(32))))
    return f"a device key can be made ({fingerprint(public_text(key))[:4]}…)"


def _link() -> str:
    from sync.link.http import HttpExchange

    return f"{HttpExchange.__name__} is ready"


def _window() -> str:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import qVersion
    from PySide6.QtWidgets import QApplication, QWidget

    app = QApplication.instance() or QApplication(["guitai"])
    widget = QWidget()
    widget.resize(64, 64)
    if widget.grab().isNull():
        raise RuntimeError("the window could not be drawn")
    return f"Qt {qVersion()} on {os.environ.get('QT_QPA_PLATFORM', 'the screen')}, {type(app).__name__}"


def _fonts() -> str:
    from PySide6.QtGui import QFontDatabase

    import assets

    number = QFontDatabase.addApplicationFont(str(assets.font("guitai-sans")))
    families = QFontDatabase.applicationFontFamilies(number)
    if not families:
        raise RuntimeError("the bundled font cannot be loaded")
    return families[0]


def _assets() -> str:
    import assets

    for language in ("zh_CN", "zh_TW", "en"):
        assets.translation(language)
    assets.theme()
    return f"{len(assets.sound('paid'))} bytes of sound, three languages"


def _drawn_qr() -> Grey:
    """A clean QR of a made-up payment code, as a camera would deliver it: 8 pixels a module, a white border."""
    import numpy

    from terminal.ui.qr_matrix import matrix_of

    dark = numpy.pad(numpy.array(matrix_of(CODE), dtype=numpy.uint8), 4)
    return ((1 - numpy.kron(dark, numpy.ones((8, 8), dtype=numpy.uint8))) * 255).astype(numpy.uint8)


def _read_by(decoder: Decoder) -> None:
    if [reading.text for reading in decoder.decode(_drawn_qr())] != [CODE]:
        raise RuntimeError("a clean QR was not read")


def _camera() -> str:
    import cv2

    from drivers.camera.decoders import Zxing

    _read_by(Zxing())
    return f"OpenCV {cv2.__version__}; a QR was drawn and read back"


def _second_reader() -> str:
    from drivers.camera.decoders import Zbar

    _read_by(Zbar())
    return "the second reader reads it too"


def _scanners() -> str:
    from drivers.inventory import list_devices

    return f"{len(list_devices())} devices seen"


def _unsent() -> str:
    """Whoever replaces this copy must know what only this computer has."""
    from guitai.folder import resolved
    from sync.folder import Folder
    from sync.journal.read import JournalReader
    from terminal.cashier.words import yuan_grouped

    path = Folder(resolved(None)).journal
    if not path.exists():
        return "no till on this computer keeps anything"
    with JournalReader(path) as journal:
        unsent = journal.unsent()
    if not unsent.count:
        return "everything is uploaded"
    return f"{unsent.count} entries (¥{yuan_grouped(unsent.fen)}) are not uploaded: keep the data folder {path.parent}"


_CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("journal", _journal),
    ("keys", _keys),
    ("line", _link),
    ("window", _window),
    ("fonts", _fonts),
    ("assets", _assets),
    ("camera", _camera),
    ("second reader", _second_reader),
    ("scanners", _scanners),
    ("unsent", _unsent),
)
