"""Takes files out of what wallets pack them into, with limits: a bomb is refused before it is unpacked.

Rules
- A ZIP's names are GBK without the flag that says so (facts 6.2): read as cp437 they are put right here.
- Limits hold on what really comes out, not on what the directory of the ZIP claims.
It must not know what is in a file.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from typing import Final

from gateway.bills.line import BadBill, BillFault

#: A merchant's busiest day is some tens of megabytes.
MOST_BYTES: Final = 128 * 1_048_576
#: And a million payments. A file of nothing but line ends would take a hundred times its size to hold.
MOST_LINES: Final = 2_000_000
_MOST_MEMBERS: Final = 64
_CHUNK: Final = 65_536
_UTF8_NAME: Final = 0x800
_ENCRYPTED: Final = 0x1
_GZIP: Final = b"\x1f\x8b"
#: What the library raises over bytes that are no archive, its own slips among them.
_BROKEN: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_GZIP_WINDOW: Final = 31


def plain(content: bytes, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The file itself: unpacked if it came as GZIP. Raises BadBill."""
    if not content.startswith(_GZIP):
        if len(content) > most_bytes:
            raise BadBill(BillFault.TOO_LARGE)
        return content
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = stream.decompress(content, most_bytes + 1)
    except zlib.error:
        raise BadBill(BillFault.ARCHIVE, what="gzip") from None
    if len(text) > most_bytes or stream.unconsumed_tail:
        raise BadBill(BillFault.TOO_LARGE)
    if not stream.eof or stream.unused_data:
        raise BadBill(BillFault.TRUNCATED, what="gzip")
    return text


def check_lines(content: bytes) -> None:
    """Before a text is cut into lines. Raises BadBill."""
    if content.count(b"\n") > MOST_LINES:
        raise BadBill(BillFault.TOO_LARGE, what="lines")


def members(content: bytes, *, most_bytes: int = MOST_BYTES) -> dict[str, bytes]:
    """Every file of a ZIP, by its name. Raises BadBill."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Not is_dir(): it looks at the last letter of a name that may have none.
            listed = [info for info in archive.infolist() if not info.filename.endswith("/")]
            if len(listed) > _MOST_MEMBERS:
                raise BadBill(BillFault.TOO_LARGE, what="members")
            found: dict[str, bytes] = {}
            left = most_bytes
            for info in listed:
                if info.flag_bits & _ENCRYPTED:
                    raise BadBill(BillFault.ARCHIVE, what="encrypted")
                taken = _taken(archive, info, left)
                left -= len(taken)
                found[_name(info)] = taken
            return found
    except _BROKEN:
        raise BadBill(BillFault.ARCHIVE, what="zip") from None


def _taken(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    taken = bytearray()
    with archive.open(info) as file:
        while part := file.read(_CHUNK):
            taken += part
            if len(taken) > limit:
                raise BadBill(BillFault.TOO_LARGE)
    return bytes(taken)


def _name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename
