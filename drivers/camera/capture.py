"""The capture thread and the camera as a transport: one read is the readings of the newest picture.

Rules: a camera's pictures are read as fast as they come and only the newest is kept, so that a slow decode never works
through a queue of old pictures; a file's pictures keep their distance and none is lost. Decoding happens in `read`, on
the supervisor's thread, at most some twelve times a second. A camera that hangs is given up. Must not know any library.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from drivers.camera.parsers.readings import Reading, encode_picture
from drivers.camera.source import OnPreview, PicturesEnded, PictureSource, Preview
from drivers.scanner.ports import Disconnected

if TYPE_CHECKING:
    from drivers.camera.source import Grey

_HANG_S = 5.0
_LEAST_DISTANCE_S = 0.08
_JOIN_S = 2.0


class ReadsPictures(Protocol):
    """A decoder."""

    def decode(self, picture: Grey) -> list[Reading]:
        """Give every code found."""
        ...


class Capturing:
    """The thread that keeps the newest picture."""

    def __init__(self, source: PictureSource) -> None:
        """Own `source`, and start."""
        self._source = source
        self._changed = threading.Condition()
        self._newest: Grey | None = None
        self._newest_at = time.monotonic()
        self._end: Disconnected | PicturesEnded | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Grey | None:
        """Give the newest picture not yet taken, waiting for one. Raises `Disconnected` or `PicturesEnded`."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._end is not None, timeout_s)
            picture, self._newest = self._newest, None
            self._changed.notify_all()
            if picture is not None:
                return picture
            if self._end is not None:
                raise self._end
            if time.monotonic() - self._newest_at > _HANG_S:
                raise Disconnected("the camera gives no pictures")
            return None

    def stop(self) -> None:
        """Ask the thread to end and wait for it; one that hangs in the camera's driver is left behind."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            self._pump()
        except (Disconnected, PicturesEnded) as end:
            with self._changed:
                self._end = end
                self._changed.notify_all()
        finally:
            self._source.close()

    def _pump(self) -> None:
        while not self._stopping:
            picture = self._source.next()
            with self._changed:
                if self._source.period_ms is not None:
                    self._changed.wait_for(lambda: self._newest is None or self._stopping)
                self._newest, self._newest_at = picture, time.monotonic()
                self._changed.notify_all()
                if self._source.period_ms is not None:
                    self._changed.wait_for(lambda: self._stopping, self._source.period_ms / 1000)


class CameraTransport:
    """An open camera or file."""

    def __init__(self, source: PictureSource, decoder: ReadsPictures, on_preview: OnPreview | None = None) -> None:
        """Own `source`. `on_preview` gets each picture that is decoded, on the reading thread."""
        self._every_picture = source.period_ms is not None
        self._capturing: Capturing | None = Capturing(source)
        self._decoder = decoder
        self._on_preview = on_preview
        self._decoded_at = 0.0
        self._woken = threading.Event()
        self.ended = False

    def read(self, timeout_ms: int) -> bytes:
        """Give the readings of the next picture, or nothing in time."""
        if self._capturing is None:
            raise Disconnected("closed")
        rest_s = self._decoded_at + _LEAST_DISTANCE_S - time.monotonic()
        if not self._every_picture and rest_s > 0 and self._woken.wait(min(rest_s, timeout_ms / 1000)):
            self._woken.clear()
            return b""
        try:
            picture = self._capturing.take(timeout_ms / 1000)
        except PicturesEnded as end:
            self.ended = True
            raise Disconnected("the file has ended") from end
        if picture is None:
            return b""
        self._decoded_at = time.monotonic()
        if self._on_preview is not None:
            height, width = picture.shape
            self._on_preview(Preview(width=width, height=height, pixels=picture.tobytes()))
        return encode_picture(self._decoder.decode(picture))

    def write(self, data: bytes) -> None:
        """Refuse: a camera takes no commands."""
        raise AssertionError("a camera has no command encoder")

    def flush_input(self) -> None:
        """Drop the picture that waits; a file's pictures are all wanted."""
        if self._capturing is not None and not self._every_picture:
            self._capturing.take(0)

    def wake(self) -> None:
        """End the pause between two pictures early."""
        self._woken.set()

    def close(self) -> None:
        """Let the camera go."""
        capturing, self._capturing = self._capturing, None
        if capturing is not None:
            capturing.stop()
