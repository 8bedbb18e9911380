"""`camera:` URIs: opening a camera, image or video as a scanner.

Rules: OpenCV and the decoders are imported at the first opening, never before; without them the device says so. A video
is played once; then its state says that it has ended. Must not know threads' insides, nor what is done with the scans.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from drivers.camera.capture import CameraTransport, ReadsPictures
from drivers.camera.parsers.confirm import CameraParser, ConfirmRule
from drivers.camera.source import OnPreview, PictureSource
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.ports import Opened, Opener, OpenRefused, Parser
from drivers.scanner.uri import ScannerUri


class CameraLibraries(NamedTuple):
    """What a camera needs: a way to open pictures, and a decoder."""

    open_pictures: Callable[[str], PictureSource | OpenRefused]
    decoder: ReadsPictures


def load_libraries() -> CameraLibraries:
    """Import OpenCV and the decoders. Raises ImportError."""
    from drivers.camera.decoders import installed_decoders
    from drivers.camera.pictures import open_pictures

    return CameraLibraries(open_pictures=open_pictures, decoder=installed_decoders())


class CameraOpener:
    """Opens the camera of one URI."""

    def __init__(
        self,
        uri: ScannerUri,
        *,
        load: Callable[[], CameraLibraries] = load_libraries,
        on_preview: OnPreview | None = None,
    ) -> None:
        """`load` gives the libraries, unless a test brings its own; it is called at the first `open`."""
        self._path = uri.path or "0"
        self._load = load
        self._on_preview = on_preview
        self._libraries: CameraLibraries | None = None
        self._last: CameraTransport | None = None

    def open(self) -> Opened | OpenRefused:
        """Open it now."""
        if self._last is not None and self._last.ended:
            return OpenRefused(reason=StatusReason.END_OF_INPUT, hint=HintKey.CHECK_URI, detail=self._path)
        try:
            self._libraries = libraries = self._libraries or self._load()
        except ImportError as error:
            return OpenRefused(
                reason=StatusReason.LIBRARY_MISSING, hint=HintKey.INSTALL_LIBRARY, detail=error.name or str(error)
            )
        source = libraries.open_pictures(self._path)
        if isinstance(source, OpenRefused):
            return source
        self._last = CameraTransport(source, libraries.decoder, self._on_preview)
        name = f"camera {self._path}" if self._path.isdigit() else os.path.basename(self._path)
        return Opened(transport=self._last, description=name)


def open_device(uri: ScannerUri, on_preview: OnPreview | None = None) -> Opener:
    """Give the opener of a `camera:` URI; `on_preview` gets the pictures to show, on the scanner's thread."""
    return CameraOpener(uri, on_preview=on_preview)


def make_parser(uri: ScannerUri) -> Parser:
    """Give the parser of a `camera:` URI."""
    return CameraParser(device=uri.text, rule=ConfirmRule())
