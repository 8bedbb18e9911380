"""The seam between the capture thread and whatever gives pictures. Must not import a picture library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]
    """A picture: height by width, one byte a pixel."""


class PicturesEnded(Exception):
    """The file has no more pictures."""


class PictureSource(Protocol):
    """Where pictures come from. `period_ms` is how far apart a file's pictures are; None = as they come (a camera)."""

    period_ms: int | None

    def next(self) -> Grey:
        """Give the next picture, waiting for it. Raises `Disconnected` or `PicturesEnded`."""
        ...

    def close(self) -> None:
        """Let the camera or file go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A picture to show: grey, one byte a pixel, rows without gaps."""

    width: int
    height: int
    pixels: bytes = field(repr=False)


OnPreview = Callable[[Preview], None]
