"""The sandbox's control calls, for the fingers of simulated customers. Plain HTTP on this computer, no proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class SandboxCalls:
    """One running sandbox. A problem answer is an answer: its JSON is returned like any other."""

    url: str

    def get(self, path: str) -> Mapping[str, Any]:
        return self._ask(Request(f"{self.url}{path}"))

    def post(self, path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        content = json.dumps(body).encode()
        return self._ask(Request(f"{self.url}{path}", data=content, headers={"content-type": "application/json"}))

    def _ask(self, request: Request) -> Mapping[str, Any]:
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT_S) as answer:
                return cast("Mapping[str, Any]", json.load(answer))
        except HTTPError as problem:
            with problem:
                return cast("Mapping[str, Any]", json.load(problem))
