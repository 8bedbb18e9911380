"""The one typed wrapper round OpenCV and numpy: pictures from cameras and files, grey, and thresholded.

Rules: imported only when a camera is opened (OpenCV costs a quarter second and some 60 MB). A picture is grey, one byte
a pixel. A camera that stops giving pictures says `Disconnected`; a file that has ended says `PicturesEnded`. Must not
know codes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from drivers.camera.source import PicturesEnded, PictureSource
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.ports import Disconnected, OpenRefused

if TYPE_CHECKING:
    from cv2.typing import MatLike

    from drivers.camera.source import Grey

_IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm"))
_WIDTH, _HEIGHT = 1280, 720
_IMAGE_PERIOD_MS = 66
_LEAST_FPS, _MOST_FPS = 1.0, 60.0
_FAILURES_IN_A_ROW = 10
_THRESHOLD_BLOCKS = 12  # blocks along the shorter side
_THRESHOLD_OFFSET = 5


class StillImage:
    """One image, over and over."""

    def __init__(self, picture: Grey) -> None:
        """Show `picture`."""
        self.period_ms: int | None = _IMAGE_PERIOD_MS
        self._picture = picture

    def next(self) -> Grey:
        """Give the same picture again."""
        return self._picture

    def close(self) -> None:
        """Hold nothing."""


class Capture:
    """A camera or a video file."""

    def __init__(self, capture: cv2.VideoCapture, period_ms: int | None) -> None:
        """Own `capture`, which is open."""
        self.period_ms = period_ms
        self._capture = capture

    def next(self) -> Grey:
        """Give the next picture. Cameras fail once in a while; only many failures in a row are a loss."""
        tries = 1 if self.period_ms is not None else _FAILURES_IN_A_ROW
        for _ in range(tries):
            try:
                there, picture = self._capture.read()
            except cv2.error as error:
                raise Disconnected(f"the camera's pictures cannot be read ({error.err})") from error
            if there:
                return grey_of(picture)
        if self.period_ms is not None:
            raise PicturesEnded
        raise Disconnected("the camera gives no pictures any more")

    def close(self) -> None:
        """Let it go."""
        self._capture.release()


def open_pictures(path: str) -> PictureSource | OpenRefused:
    """Open camera number `path` or the device, image or video file `path`."""
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # OpenCV prints to stderr what is told here by values
    if path.isdigit() or path.startswith("/dev/"):
        return _open_camera(path)
    if not os.path.isfile(path):
        return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.CHECK_URI, detail=path)
    if Path(path).suffix.lower() in _IMAGE_SUFFIXES:
        return _open_image(path)
    capture = cv2.VideoCapture(path)
    if not capture.isOpened():
        return OpenRefused(reason=StatusReason.OPEN_FAILED, hint=HintKey.CHECK_URI, detail=f"{path} is no video")
    fps = min(max(capture.get(cv2.CAP_PROP_FPS), _LEAST_FPS), _MOST_FPS)
    return Capture(capture, round(1000 / fps))


def _open_image(path: str) -> PictureSource | OpenRefused:
    try:
        picture = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        return OpenRefused(reason=StatusReason.OPEN_FAILED, hint=HintKey.CHECK_URI, detail=str(error))
    if picture is None:
        return OpenRefused(reason=StatusReason.OPEN_FAILED, hint=HintKey.CHECK_URI, detail=f"{path} is no image")
    return StillImage(grey_of(picture))


def _open_camera(path: str) -> PictureSource | OpenRefused:
    if sys.platform == "linux":
        node = f"/dev/video{path}" if path.isdigit() else path
        if not os.path.exists(node):
            return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN, detail=node)
        if not os.access(node, os.R_OK | os.W_OK):
            return OpenRefused(reason=StatusReason.PERMISSION, hint=HintKey.JOIN_VIDEO, detail=node)
        capture = cv2.VideoCapture(node, cv2.CAP_V4L2)
    else:
        capture = cv2.VideoCapture(int(path)) if path.isdigit() else cv2.VideoCapture(path)
    if not capture.isOpened():
        capture.release()
        reason, hint = StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM
        return OpenRefused(reason=reason, hint=hint, detail=f"camera {path} does not open")
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, _WIDTH)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _HEIGHT)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return Capture(capture, None)


def grey_of(picture: MatLike) -> Grey:
    """Make a picture grey, one byte a pixel."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(grey, dtype=np.uint8)


def thresholded(picture: Grey) -> Grey:
    """Black and white by each pixel's surroundings: reads codes under glare and over-exposure."""
    block = max(3, min(picture.shape) // _THRESHOLD_BLOCKS) | 1
    flat = cv2.adaptiveThreshold(picture, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, _THRESHOLD_OFFSET)
    return np.ascontiguousarray(flat, dtype=np.uint8)
