"""A ZIP as Alipay's packer writes one: names in GBK, and no flag that says which encoding they are in.

The library's writer flags every name beyond ASCII as UTF-8, so the container is written here. Pure: the same files
give the same bytes.
"""

import struct
import zlib
from collections.abc import Sequence

_VERSION = 20
_DEFLATED = 8
_NO_TIME, _FIRST_DAY = 0, (1 << 5) | 1  # 1980-01-01, the format's first day


def zip_of(files: Sequence[tuple[str, bytes]]) -> bytes:
    """`files`: name and content of each, in this order."""
    body, directory = bytearray(), bytearray()
    for name, content in files:
        raw_name = name.encode("gbk")
        packed = _deflated(content)
        about = struct.pack(
            "<HHHHHIIIHH",
            *(_VERSION, 0, _DEFLATED, _NO_TIME, _FIRST_DAY),
            *(zlib.crc32(content), len(packed), len(content), len(raw_name), 0),
        )
        directory += b"PK\x01\x02" + struct.pack("<H", _VERSION) + about
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw_name
        body += b"PK\x03\x04" + about + raw_name + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + b"PK\x05\x06" + end)


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()
