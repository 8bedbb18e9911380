"""What no program of ours may do, read from the source itself: shells, TLS without verification, secrets compared in
the open, pickles, exports that a spreadsheet would run.

The linter has rules for some of it (`S`); these hold without it, in one place, and for what it does not know.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.account import AccountError, parse_account
from gateway.channels.settings import SETTINGS
from terminal.reports.sheet import as_csv
from tests.architecture.test_tree import ROOMS, python_files
from tests.unit.gateway import channel_alipay_wallet as wallet

ROOT = Path(__file__).parents[2]
UNSAFE_READERS = {"pickle", "shelve", "marshal", "yaml", "dill"}
#: Names under which a signature, a token or a code travels. Comparing one with `==` tells by its time how much of it
#: was right.
SECRETS = re.compile(r"(?:^|_)(?:signature|sign|mac|hmac|secret|token|auth_code|password|nonce_mac)$")
#: What compares such a name and tells nobody anything, and why.
NOT_TOLD = {
    "base64.b64encode(plain).decode('ascii') == signature": "a public signature, found good before",
    "name != SIGN": "the name of a field",
    "name != SIGNATURE": "the name of a field",
    "(line.amount_fen > 0) == sign": "plus or minus",
    "_T.token == bindparam('k_token')": "SQL: a look-up by index of 130 random bits",
    "state.last_code == code.auth_code": "in the till, of two scans of its own gun",
}


#: What the tests look at; nodes of other kinds are not kept.
KINDS = (
    ast.AnnAssign, ast.Assign, ast.Attribute, ast.AugAssign, ast.Call, ast.Compare, ast.Constant, ast.Import,
    ast.ImportFrom, ast.Module, ast.Name,
)  # fmt: skip


@cache
def by_kind() -> dict[type[ast.AST], list[tuple[str, ast.AST]]]:
    """The nodes of all files with their places: each file is read and walked through once."""
    found: dict[type[ast.AST], list[tuple[str, ast.AST]]] = {kind: [] for kind in KINDS}
    for file in python_files(*ROOMS):
        name = str(file.relative_to(ROOT))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if type(node) in found:
                found[type(node)].append((f"{name}:{getattr(node, 'lineno', 0)}", node))
    return found


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for kind in kinds:
        yield from by_kind()[kind]


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    return tuple((place, ast.unparse(node.func), node) for place, node in nodes(ast.Call) if isinstance(node, ast.Call))


@pytest.fixture(scope="module", autouse=True)
def nothing_is_kept() -> Iterator[None]:
    """A million nodes would be a burden to every test that comes after these."""
    yield
    by_kind.cache_clear()
    calls.cache_clear()


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in node.keywords if one.arg == name), None)


def test_the_source_is_read() -> None:
    assert len(list(nodes(ast.Module))) > 300


def test_nothing_runs_in_a_shell() -> None:
    found = [
        place
        for place, name, node in calls()
        if name in {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "eval", "exec"}
        or keyword(node, "shell") is not None
    ]
    assert found == []


def test_nothing_is_unpickled_and_no_yaml_or_marshal_is_read() -> None:
    imported: list[tuple[str, str]] = []
    for place, node in nodes(ast.Import, ast.ImportFrom):
        match node:
            case ast.Import(names=names):
                imported += [(place, alias.name) for alias in names]
            case ast.ImportFrom(module=str() as module):
                imported.append((place, module))
            case _:
                continue
    assert len(imported) > 1_000
    assert [one for one in imported if one[1].partition(".")[0] in UNSAFE_READERS] == []


def test_tls_is_verified_everywhere_and_there_is_no_switch() -> None:
    """No `verify=False`, no context without checks, no setting or environment variable that could turn them off."""
    found: list[str] = []
    for place, name, node in calls():
        verify = keyword(node, "verify")
        if isinstance(verify, ast.Constant) and verify.value is not True:
            found.append(place)
        if name.endswith(("_create_unverified_context", "_create_stdlib_context")):
            found.append(place)
    for place, node in nodes(ast.Assign, ast.AnnAssign, ast.AugAssign):
        text = ast.unparse(node)
        if re.search(r"check_hostname\s*=\s*False|verify_mode\s*=\s*(?!ssl\.CERT_REQUIRED)|CERT_NONE", text):
            found.append(place)
    assert [place for place in found if not place.startswith("sandbox/tls.py")] == []
    environment = re.compile(r"SSL_CERT|REQUESTS_CA|CURL_CA|PYTHONHTTPSVERIFY|INSECURE|NO_VERIFY", re.IGNORECASE)
    texts = [place for place, node in nodes(ast.Constant) if isinstance(getattr(node, "value", None), str)
             and environment.fullmatch(str(getattr(node, "value", "")))]  # fmt: skip
    assert texts == []


@pytest.mark.parametrize(
    "name", ["verify", "verify_tls", "insecure", "tls", "trust_all", "skip_verify", "check_hostname"]
)
def test_an_account_has_no_setting_that_turns_verification_off(name: str) -> None:
    assert all(name not in settings for settings in SETTINGS.values())
    with pytest.raises(AccountError):
        parse_account(wallet.settings(**{name: False}))


def test_no_option_of_a_command_turns_verification_off() -> None:
    options = [
        str(argument.value)
        for _, name, node in calls()
        if name.endswith("option")
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]
    assert len(options) > 50
    assert [one for one in options if re.search(r"insecure|verify|no-tls|trust", one)] == []


def test_secrets_are_compared_in_constant_time() -> None:
    """A signature, a tag or a token is compared by `compare_digest`, or by a library that does so."""
    found: list[str] = []
    for place, node in nodes(ast.Compare):
        assert isinstance(node, ast.Compare)
        if not any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
            continue
        sides = [side for side in (node.left, *node.comparators) if not isinstance(side, ast.Constant)]
        names = [_last_name(side) for side in sides]
        if len(sides) == 2 and any(name is not None and SECRETS.search(name) for name in names):
            found.append(f"{place} {ast.unparse(node)}")
    # The simulated wallets guard no money.
    told = [one for one in found if one.partition(" ")[2] not in NOT_TOLD and not one.startswith("sandbox/")]
    assert told == []
    assert {one.partition(" ")[2] for one in found} >= NOT_TOLD.keys(), "an exception that nobody needs"


def _last_name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower()
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str() as name), *_]):
            return name.lower()
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name.lower()
        case _:
            return None


def test_every_file_that_names_its_mode_is_for_this_user_alone() -> None:
    """A mode that is written out gives nothing to a group or to others."""
    found: list[str] = []
    for place, name, node in calls():
        mode = keyword(node, "mode") or (node.args[-1] if name.endswith((".chmod", "os.open")) and node.args else None)
        if isinstance(mode, ast.Constant) and type(mode.value) is int and mode.value & 0o077:
            found.append(place)
    assert found == []


def test_no_text_of_anybody_is_read_as_html_on_the_screen() -> None:
    """Names of goods, stores and people are drawn as they are: nothing that guesses whether a text is rich is used."""
    rich = {"qlabel", "qtextedit", "qtextbrowser", "qtextdocument", "qmessagebox", "qtooltip", "settooltip", "sethtml"}
    used: set[tuple[str, str]] = set()
    for place, node in nodes(ast.Name, ast.Attribute):
        assert isinstance(node, ast.expr)
        if place.startswith("terminal/"):
            used.add((place, _last_name(node) or ""))
    assert any(name == "qwidget" for _, name in used), "the screen's classes are seen"
    assert {one for one in used if one[1] in rich} == set()


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=4),
    st.sampled_from(["=", "+", "-", "@", "\t", "\r", "|", "%", "　=", " @"]),
)
def test_no_cell_of_an_export_starts_what_a_spreadsheet_would_run(cells: list[str], start: str) -> None:
    """Whoever names goods, stores or people names them here, too."""
    import csv
    import io

    text = as_csv([start + cells[0]], [[start + cell for cell in cells], cells])
    for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
        for cell in row:
            assert not cell.lstrip(" 　\u00a0").startswith(("=", "+", "-", "@", "\t", "\r", "|", "%")), repr(cell)


def test_every_export_is_written_by_the_one_guarded_writer() -> None:
    """`csv.writer` is used there only; a second writer would need its own guard."""
    writers = {place.partition(":")[0] for place, name, _ in calls() if name in {"csv.writer", "csv.DictWriter"}}
    assert writers == {"terminal/reports/sheet.py"}
