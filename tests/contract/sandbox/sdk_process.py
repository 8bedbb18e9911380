"""An SDK that others wrote, in an interpreter of its own: some share a module name, and their deprecation warnings
are theirs. The test asks in JSON lines, a `third_party_…` program of this folder answers.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

_ROOT = Path(__file__).parents[3]
_ENDS_WITHIN_S = 5

Answers: TypeAlias = Mapping[str, Callable[..., object]]


class SdkProcess:
    """What the test holds of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, call: str, **given: object) -> Any:
        """What the program answered. One that died fails the test; its own words are on stderr."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, "given": given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the SDK's process ended at {call}"
        return json.loads(line)


@contextlib.contextmanager
def sdk_process(program: str) -> Generator[SdkProcess]:
    """Runs `tests.contract.sandbox.<program>` until the end of the block; it must end cleanly when nothing more is
    asked."""
    # Loopback is never reached through a proxy, whatever this machine's settings are.
    settings = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    command = [sys.executable, "-W", "ignore", "-m", f"tests.contract.sandbox.{program}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=settings
    ) as process:
        try:
            yield SdkProcess(process)
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                status = process.wait(timeout=_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert status == 0


def answer_until_the_end(answers: Answers) -> None:
    """The program's side: answers each line until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        said = answers[asked["call"]](**asked["given"])
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
