"""A till's line to the gateway that a test can cut and mend: bytes are handed on, nothing is understood."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class CutLine:
    """Listens on a free loopback port while it is entered. Cut, it hangs up on everybody and answers nobody."""

    def __init__(self, gateway: str) -> None:
        parts = urlsplit(gateway)
        assert parts.hostname is not None
        assert parts.port is not None
        self._behind = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._whole = True
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="line")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        with self._lock:
            self._whole = False
            for end in self._open:
                _hang_up(end)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def __enter__(self) -> CutLine:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        _hang_up(self._listener)
        self._thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        pipes: list[threading.Thread] = []
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                break
            with self._lock:
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(self._behind)
                self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                pipe = threading.Thread(target=self._pipe, args=(source, target), name="line-pipe")
                pipe.start()
                pipes.append(pipe)
        for pipe in pipes:
            pipe.join(10)

    def _pipe(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(65_536):
                target.sendall(chunk)
        except OSError:
            pass
        _hang_up(target)
        with self._lock:
            self._open.discard(source)
        if threading.current_thread() is not threading.main_thread():
            source.close()


def _hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
