"""From the raw bytes of one code to a scan: AIM identifier, prefix, encoding, control bytes.

Rules: pure; text is strict UTF-8, and control characters other than GS (which GS1 codes contain) make it noise.
It must not know how the bytes were framed, nor what the text means.
"""

from __future__ import annotations

import re
import unicodedata

from drivers.scanner.events import Noise, NoiseReason, Scan

MAX_CODE_BYTES = 4296
"""The longest text any common symbol holds: QR version 40-L, alphanumeric."""

_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_GS = "\x1d"

# ISO/IEC 15424: the letter names the symbology, the third character a variant of it.
_AIM_EXACT = {"]C1": "gs1-128", "]E4": "ean8", "]d2": "gs1-datamatrix", "]Q3": "gs1-qr"}
_AIM_LETTER = {
    "A": "code39",
    "C": "code128",
    "E": "ean13",
    "F": "codabar",
    "G": "code93",
    "I": "itf",
    "L": "pdf417",
    "Q": "qr",
    "d": "datamatrix",
    "e": "gs1-databar",
    "h": "hanxin",
    "z": "aztec",
}


def symbology_of_aim(aim_id: str) -> str | None:
    """Name the symbology of an AIM identifier such as ``]C0``; None where it is not a listed one."""
    return _AIM_EXACT.get(aim_id) or _AIM_LETTER.get(aim_id[1])


def read_code(
    raw: bytes,
    *,
    at_ms: int,
    device: str,
    prefix: str = "",
    aim_id: str | None = None,
    symbology: str | None = None,
) -> Scan | Noise:
    """Turn the bytes of one framed code into a scan, or say why they cannot be one.

    Guns put their prefix before or after the AIM identifier, as they were set up; both orders are stripped.
    """
    if len(raw) > MAX_CODE_BYTES:
        return Noise(reason=NoiseReason.TOO_LONG, length=len(raw), at_ms=at_ms, device=device)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Noise(reason=NoiseReason.BAD_ENCODING, length=len(raw), at_ms=at_ms, device=device)
    if any(unicodedata.category(char) == "Cc" and char != _GS for char in text):
        return Noise(reason=NoiseReason.CONTROL_BYTES, length=len(raw), at_ms=at_ms, device=device)
    bare = text.removeprefix(prefix)
    if aim_id is None and (found := _AIM.match(bare)):
        aim_id = found.group()
        after_aim = bare[found.end() :]
        bare = after_aim if bare != text else after_aim.removeprefix(prefix)
    if not bare:
        return Noise(reason=NoiseReason.EMPTY, length=len(raw), at_ms=at_ms, device=device)
    if symbology is None and aim_id is not None:
        symbology = symbology_of_aim(aim_id)
    return Scan(text=bare, at_ms=at_ms, device=device, aim_id=aim_id, symbology=symbology)
