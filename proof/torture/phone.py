"""The sandbox's control calls, for the fingers of simulated customers. Plain HTTP on this computer, no proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final, cast
from urllib.parse import urlsplit

#: A phone that follows a page may wait for a gateway that was just killed.
_TIMEOUT_S: Final = 45.0


@dataclass(frozen=True, slots=True)
class SandboxCalls:
    """One running sandbox. A problem answer is an answer: its JSON is returned like any other."""

    url: str

    def get(self, path: str) -> Mapping[str, Any]:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None) -> Mapping[str, Any]:
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=_TIMEOUT_S)) as line:
            line.request(method, path, body, {"content-type": "application/json"})
            return cast("Mapping[str, Any]", json.load(line.getresponse()))
