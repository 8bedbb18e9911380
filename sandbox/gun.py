"""A virtual scan gun: a pseudo-terminal that a till opens as its serial port.

The far end stays open here, so that the till may close and open it as often as it likes. The line is raw: nothing
echoes, nothing is translated. A till that does not read never blocks the sandbox; what it left unread is thrown away,
as a real gun's words to a closed port are. What the till sends (beep, trigger) is read and dropped. POSIX only.
"""

import array
import asyncio
import fcntl
import os
import termios
import tty
from collections.abc import Iterator

from sandbox.gun_port import Hold
from sandbox.wire import RandomBytes

_TERMINATOR = b"\r"
_GAP_S = 0.002
_STALE_S = 2.0
_MAX_CHUNK = 7
# Far below what the kernel would buffer, far above what a till leaves lying that reads at all.
_MOST_UNREAD = 128


class VirtualGun:
    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._gun_end, self._till_end = os.openpty()
        tty.setraw(self._till_end)
        os.set_blocking(self._gun_end, False)
        self._one_code_at_a_time = asyncio.Lock()
        self._last_hold_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._gun_end, self._drop_commands)
        self.path = os.ttyname(self._till_end)

    @property
    def uri(self) -> str:
        """The scanner URI under which a till finds this gun."""
        return f"serial:{self.path}"

    async def hold(self, code: str) -> Hold:
        """Scans a code: its digits and a carriage return, in the random pieces in which serial lines deliver."""
        async with self._one_code_at_a_time:
            self._throw_away_stale()
            if self._unread() > _MOST_UNREAD:
                return Hold.LINE_FULL
            self._last_hold_s = self._loop.time()
            for piece in pieces(code.encode("ascii") + _TERMINATOR, self._random_bytes):
                try:
                    written = os.write(self._gun_end, piece)
                except BlockingIOError:
                    written = 0
                if written < len(piece):
                    return Hold.LINE_FULL
                await asyncio.sleep(_GAP_S)
            return Hold.SENT

    def close(self) -> None:
        self._loop.remove_reader(self._gun_end)
        os.close(self._gun_end)
        os.close(self._till_end)

    def _throw_away_stale(self) -> None:
        """Unread bytes of an old scan would be glued to this one, and its code is dead by now."""
        if self._loop.time() - self._last_hold_s > _STALE_S and self._unread():
            termios.tcflush(self._till_end, termios.TCIFLUSH)

    def _unread(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._till_end, termios.FIONREAD, count)
        return count[0]

    def _drop_commands(self) -> None:
        try:
            os.read(self._gun_end, 4096)
        except BlockingIOError:
            return


def pieces(line: bytes, random_bytes: RandomBytes) -> Iterator[bytes]:
    """The line in pieces of 1 to 7 bytes."""
    start = 0
    while start < len(line):
        size = 1 + random_bytes(1)[0] % _MAX_CHUNK
        yield line[start : start + size]
        start += size
