"""The command line itself: cheap to start, honest about how it ended, silent about what it does not understand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from guitai import __version__
from guitai import cli as command_line
from guitai.exits import CommandStop, Exit

ROOT = Path(__file__).parents[3]
HEAVY = ("PySide6", "cryptography", "cv2", "httpx", "numpy", "sqlalchemy", "sqlite_utils", "starlette", "uvicorn")


def ending_in(body: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `guitai probe` a command that does `body`."""

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def probe(as_json: bool) -> object:
        return body()

    def get_command(_group: object, _ctx: click.Context, name: str) -> click.Command | None:
        return probe if name == "probe" else None

    monkeypatch.setattr(command_line.CommandFolder, "get_command", get_command)


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_starting_is_cheap(arguments: list[str]) -> None:
    """Neither --version nor --help loads Qt, crypto, HTTP or a database: commands import what they need when called."""
    code = (
        "import sys; sys.argv = ['guitai', *sys.argv[1:]]; from guitai.__main__ import main; status = main(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr.strip()) == (0, "[]")
    if arguments == ["--version"]:
        assert result.stdout == f"guitai {__version__}\n"


def test_every_command_module_holds_a_command() -> None:
    """What --help lists can be called."""
    group = command_line.cli
    assert isinstance(group, command_line.CommandFolder)
    context = click.Context(group)
    for name in group.list_commands(context):
        assert isinstance(group.get_command(context, name), click.Command), name


def test_wrong_usage_is_status_2_and_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command is wrong usage; stdout stays empty for the program that reads it."""
    assert command_line.run(["no-such-command"]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "no-such-command" in said.err


def test_with_json_wrong_usage_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json every exit prints one object with a reason and a message."""
    assert command_line.run(["no-such-command", "--json"]) == Exit.USAGE
    ending = json.loads(capsys.readouterr().out)
    assert ending["reason"] == "usage"
    assert "no-such-command" in ending["message"]


def test_a_stop_carries_its_status_words_and_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that stops says the status, what happened and what to do, and shows no stack trace."""
    stop = CommandStop(Exit.DEVICE, reason="device_unavailable", message="No scan gun.", hint="Plug it in.")
    ending_in(raising(stop), monkeypatch)
    assert command_line.run(["probe"]) == Exit.DEVICE
    assert capsys.readouterr().err == "guitai: No scan gun.\nPlug it in.\n"
    assert command_line.run(["probe", "--json"]) == Exit.DEVICE
    assert json.loads(capsys.readouterr().out) == {
        "reason": "device_unavailable",
        "message": "No scan gun.",
        "hint": "Plug it in.",
    }


def test_a_bug_ends_as_unknown_and_gives_nothing_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash is never status 1 ("not paid"); its text, which may hold anything, is not printed."""
    monkeypatch.delenv("GUITAI_DEBUG", raising=False)
    ending_in(raising(ValueError("281234567890123456")), monkeypatch)
    assert command_line.run(["probe"]) == Exit.UNKNOWN
    said = capsys.readouterr()
    assert "281234567890123456" not in said.out + said.err
    assert "ValueError" in said.err
    assert "Traceback" not in said.err


def test_debugging_shows_the_stack(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """GUITAI_DEBUG=1 is how a developer asks for the trace."""
    monkeypatch.setenv("GUITAI_DEBUG", "1")
    ending_in(raising(ValueError("here")), monkeypatch)
    assert command_line.run(["probe"]) == Exit.UNKNOWN
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (Exit.NOT_DONE, 1), (Exit.UNKNOWN, 3)])
def test_what_a_command_returns_is_the_status(monkeypatch: pytest.MonkeyPatch, returned: object, status: int) -> None:
    """A command returns its Exit, or nothing when it is done."""
    ending_in(lambda: returned, monkeypatch)
    assert command_line.run(["probe"]) == status


def test_an_interrupt_is_the_shells_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130, as a shell expects, and not with a statement about money."""
    ending_in(raising(KeyboardInterrupt()), monkeypatch)
    assert command_line.run(["probe"]) == 130
