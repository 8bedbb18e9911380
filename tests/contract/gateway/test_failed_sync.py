"""A disk whose sync fails, under real processes: a failed commit is unknown. The gateway's store ends and the next
start reads what is there; the till's journal opens its file again and goes on. strace makes the sync fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.store.sqlite import open_sqlite
from proof.torture.syscalls import strace_trouble
from sync.journal.connection import open_reading
from sync.journal.verify import verify

ROOT = Path(__file__).resolve().parents[3]
TERMINAL_ID = "0000000000000"
_TROUBLE = strace_trouble()
pytestmark = pytest.mark.skipif(_TROUBLE is not None, reason=_TROUBLE or "")

_STORE = """
import asyncio, json, sys
from pathlib import Path
from sqlalchemy import text
from gateway.store.runners import ThreadedStore
from gateway.store.sqlite import open_sqlite
from gateway.store.units import StoreFailed

async def story():
    told, promised = [], []
    store = ThreadedStore(open_sqlite(Path(sys.argv[1])), on_failed=told.append)
    for number in range(200):
        row = {"t": "t", "b": str(number)}
        add = text("insert into nonces (keyid, nonce, at_ms) values (:t, :b, 1)")
        try:
            await store.run(lambda tx: tx.connection.execute(add, row))
        except StoreFailed:
            continue
        promised.append(number)
    print(json.dumps({"promised": promised, "failures": len(told)}), flush=True)
    import os
    os._exit(1)  # as the process ends: nothing is closed in order

asyncio.run(story())
"""

_TILL = """
import json, sys
from pathlib import Path
from protocol.messages import Presented
from protocol.numbers import new_number
from sync.engine.statements import PaymentStarted
from sync.errors import SyncError
from sync.journal.journal import Journal

journal = Journal.open(Path(sys.argv[1]), terminal_id="0000000000000")
promised, refused = [], []
for number in range(60):
    order_no = new_number(number.to_bytes(15, "big"))
    started = PaymentStarted(
        payment_no=f"{order_no}-1", order_no=order_no, n=1, sale_id=order_no, amount_fen=1, currency="CNY",
        presented=Presented.CUSTOMER, subject="", operator="01",
    )
    try:
        journal.ready()
        journal.append([started], at_ms=number)
    except SyncError:
        refused.append(f"{order_no}-1")
        continue
    promised.append(f"{order_no}-1")
print(json.dumps({"promised": promised, "refused": refused, "head": journal.head.seq}), flush=True)
"""


def _with_failing_sync(script: str, path: Path, when: str) -> dict[str, list[str] | int]:
    """Runs the script; the syncs that `when` names fail."""
    inject = ("-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={when}")
    done = subprocess.run(
        ("strace", "-f", "-qq", "-o", os.devnull, *inject, sys.executable, "-c", script, str(path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    said: dict[str, list[str] | int] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("first", [30, 45])
def test_the_store_ends_with_the_first_failed_sync_and_the_next_start_has_every_promise(
    tmp_path: Path, first: int
) -> None:
    path = tmp_path / "gateway.db"
    open_sqlite(path).dispose()
    said = _with_failing_sync(_STORE, path, f"{first}+")
    promised = said["promised"]
    assert isinstance(promised, list)
    assert said["failures"] == 1
    assert 0 < len(promised) < 200
    engine = open_sqlite(path)
    with engine.connect() as connection:
        kept = [int(row[0]) for row in connection.execute(text("select nonce from nonces order by rowid"))]
        connection.rollback()
    engine.dispose()
    # The one whose commit failed may be there or not; nothing after it was even tried.
    assert kept in (promised, [*promised, len(promised)])


def test_the_journal_opens_its_file_again_and_goes_on_from_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    said = _with_failing_sync(_TILL, path, "30..32")
    promised, refused = said["promised"], said["refused"]
    assert isinstance(promised, list)
    assert isinstance(refused, list)
    assert refused, "the disk failed"
    assert len(promised) + len(refused) == 60
    with closing(open_reading(path)) as db:
        kept = [row[0] for row in db.execute("select about from entry order by seq")]
        assert verify(db, TERMINAL_ID).broken is None
    assert kept == promised, "what was refused is not there, what was promised is"
    assert said["head"] == len(kept)
