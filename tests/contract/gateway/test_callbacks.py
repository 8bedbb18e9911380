"""The callback gateway, wallet by wallet: believed, replayed, forged, foreign, malformed; what is kept and answered."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from gateway.callbacks.gateway import CallbackGateway
from gateway.callbacks.letter import MOST_BYTES
from gateway.callbacks.metrics import callback_metrics
from gateway.callbacks.outcomes import Outcome
from gateway.jobs.schedule import DEFAULT_PACE, ActionKind, next_action
from gateway.payments.refunds import own_refund
from gateway.payments.values import RefundCause, RefundHeard
from gateway.store import journal, payments, restorations
from gateway.store.sealing import Seal, SealBroken
from gateway.store.units import Tx
from protocol.messages import JournalEntry, LateMoneyState
from protocol.offline.order import PAYMENT_STARTED
from protocol.states import GatewayState, ProofKind, RefundState
from tests.contract.gateway.callback_world import (
    KEY_BYTES,
    NOW_MS,
    CallbackWorld,
    CountingEntropy,
    alipay_form,
    alipay_letter,
    in_callback_world,
    open_order,
    unionpay_letter,
)
from tests.unit.gateway import channel_unionpay_wallet as unionpay
from tests.unit.gateway.payment_rows import KEY, ended_order, order, payment

S = GatewayState


def test_a_verified_notification_pays_and_is_kept_sealed() -> None:
    """Paid, answered in the wallet's word, the next query cancelled, waiters told, the body readable with the key."""

    async def story(world: CallbackWorld) -> None:
        world.put(*open_order())
        waiting = world.waiters.join(KEY)
        body = alipay_letter(alipay_form())
        reply = await world.post("a1", body, headers={"content-type": "x", "cookie": "never"})
        assert (reply.status, reply.body) == (200, b"success")
        assert world.payment().state is S.PAID
        assert waiting.is_set()
        assert world.woken == 1
        assert [task.kind.value for task in world.tasks()] == ["notice"]
        (row,) = world.kept()
        assert (row.outcome, row.size, row.processed_ms) == ("accepted", len(body), NOW_MS)
        assert body not in row.sealed
        assert world.opened(row) == ({"content-type": "x"}, body)
        with pytest.raises(SealBroken):
            world.seal.open(row.sealed, about="callback alipay a2 1")
        with pytest.raises(SealBroken):
            Seal(bytes(32), CountingEntropy()).open(row.sealed, about="callback alipay a1 1")

    in_callback_world(story)


def test_unionpay_is_answered_in_its_own_words() -> None:
    async def story(world: CallbackWorld) -> None:
        world.put(*open_order("u1", "unionpay"))
        reply = await world.post("u1", unionpay_letter(), channel="unionpay")
        assert (reply.status, reply.body) == (200, b"ok")
        assert world.payment().state is S.PAID
        again = await world.post("u1", unionpay_letter(), channel="unionpay")
        assert (again.status, again.body) == (200, b"ok")
        wrong = await world.post("u1", unionpay_letter(txnAmt="1251", queryId="9"), channel="unionpay")
        assert (wrong.status, wrong.body) == (400, b"fail")
        assert world.outcomes("u1") == ["accepted", "repeat", "differs"]

    in_callback_world(story)


def test_the_same_event_again_is_answered_success_and_applied_once() -> None:
    async def story(world: CallbackWorld) -> None:
        world.put(*open_order())
        body = alipay_letter(alipay_form())
        for _ in range(3):
            assert (await world.post("a1", body)).body == b"success"
        before = world.payment()
        world.gateway = CallbackGateway(calls=world.calls, seal=world.seal, wake=lambda: None)
        assert (await world.post("a1", body)).body == b"success"
        assert world.payment() == before
        assert world.outcomes() == ["accepted", "repeat", "repeat", "repeat"]
        assert world.timeline().count("paid") == 1
        other_event = alipay_letter(alipay_form(notify_id="another"))
        assert (await world.post("a1", other_event)).body == b"success"
        assert world.payment() == before

    in_callback_world(story)


@pytest.mark.parametrize(
    ("fields", "outcome", "alarm"),
    [
        (alipay_form(out_trade_no="0" * 27), "unknown_order", None),
        (alipay_form(total_amount="12.51"), "differs", "mismatch"),
        (alipay_form(total_amount="0.01"), "differs", "mismatch"),
        (alipay_form(seller_id="2088000000000002"), "foreign", None),
        (alipay_form(app_id="2021000000000002"), "foreign", None),
        (alipay_form(trans_currency="USD"), "foreign", None),
        (alipay_form(notify_id=""), "malformed", None),
    ],
)
def test_what_is_signed_and_not_ours_moves_nothing(fields: dict[str, str], outcome: str, alarm: str | None) -> None:
    async def story(world: CallbackWorld) -> None:
        row, sent = open_order()
        world.put(row, sent)
        assert (await world.post("a1", alipay_letter(fields))).body == b"fail"
        assert (world.payment(), world.order()) == (row, sent)
        assert world.outcomes() == [outcome]
        assert world.alarms() == ({} if alarm is None else {alarm: 1})

    in_callback_world(story)


def test_an_order_of_another_account_is_unknown_here() -> None:
    """Two accounts at one application: the wallet's word about one does not reach the other."""

    async def story(world: CallbackWorld) -> None:
        row, sent = open_order("a1")
        world.put(row, sent)
        body = alipay_letter(alipay_form(seller_id="2088000000000002"))
        assert (await world.post("a2", body)).body == b"fail"
        assert world.payment() == row
        assert world.outcomes("a2") == ["unknown_order"]

    in_callback_world(story)


def test_a_flipped_byte_anywhere_is_refused_and_raises_one_alarm() -> None:
    async def story(world: CallbackWorld) -> None:
        row, sent = open_order()
        world.put(row, sent)
        body = alipay_letter(alipay_form())
        for at in range(0, len(body), 11):
            flipped = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            assert (await world.post("a1", flipped)).body == b"fail", at
        assert world.payment() == row
        assert "accepted" not in world.outcomes()
        assert world.alarms() == {"forged_callback": 1}

    in_callback_world(story)


_LAUGHS = b"<!DOCTYPE x [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '&%c;&%c;&%c;'>" % (98 + i, 97 + i, 97 + i, 97 + i) for i in range(20)
)
HOSTILE = [
    b"",
    b"\x00" * 64,
    b"\xff\xfe=\x80",
    b"<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><xml><a>&f;</a></xml>",
    _LAUGHS + b"]><xml><a>&u;</a></xml>",
    b"[" * 50_000,
    b'{"a":' * 10_000,
    '{"id":"é"}'.encode("utf-16"),
    b"charset=gbk&subject=%D4%E7&sign=x",
    b"sign=x&sign=y",
    b"a=%zz",
    b"&" * 60_000,
    b"=" * 60_000,
]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("channel", "account"), [("alipay", "a1"), ("unionpay", "u1"), ("wechat", "w1")])
def test_hostile_bytes_are_refused_counted_and_kept(channel: str, account: str, signed: bool) -> None:
    """Also under headers that look like a signature."""
    headers = {"content-type": "text/xml; charset=x"}
    if signed:
        headers |= {
            "wechatpay-serial": "PUB_KEY_ID_0",
            "wechatpay-signature": "WECHATPAY/SIGNTEST/x",
            "wechatpay-timestamp": str(NOW_MS // 1_000),
            "wechatpay-nonce": "n",
        }

    async def story(world: CallbackWorld) -> None:
        for at, body in enumerate(HOSTILE):
            reply = await world.post(account, body, channel=channel, headers=headers)
            assert b"fail" in reply.body.lower(), at
            assert channel == "alipay" or reply.status >= 400, at
            row = world.kept(account)[-1]
            assert row.size == len(body), at
            assert not Outcome(row.outcome).received, at
            assert world.opened(row)[1] == body[:8_192], at
        assert sum(world.gateway.counts.values()) == len(HOSTILE)

    in_callback_world(story)


def test_too_long_unknown_and_broken_are_refused_unread() -> None:
    async def story(world: CallbackWorld) -> None:
        row, sent = open_order()
        world.put(row, sent)
        body = alipay_letter(alipay_form())
        assert (await world.post("a1", body + b"&x=" + b"y" * MOST_BYTES)).body == b"fail"
        for account, channel in (("nobody", "alipay"), ("a1", "wechat"), ("../a1", "alipay"), ("u1", "x" * 200)):
            assert (await world.post(account, body, channel=channel)).status == 404
        assert (await world.post("broken", body)).status == 503
        assert world.payment() == row
        assert world.outcomes("a1") == ["oversized"]
        assert world.outcomes("broken") == ["account_broken"]
        assert world.outcomes("?") == ["unknown_account"] * 4
        assert {wallet for wallet, _ in world.gateway.counts} == {"alipay", "wechat", "other"}

    in_callback_world(story)


def test_a_flood_is_counted_and_does_not_fill_the_disk() -> None:
    """And an honest notification in it is still believed and kept."""

    async def story(world: CallbackWorld) -> None:
        world.put(*open_order())
        for _ in range(300):
            assert (await world.post("a1", b"sign=x&sign_type=RSA2")).body == b"fail"
        assert len(world.kept()) == 200
        assert (await world.post("a1", alipay_letter(alipay_form()))).body == b"success"
        assert world.outcomes()[-1] == "accepted"
        assert world.gateway.counts["alipay", Outcome.BAD_SIGNATURE] == 300
        world.clock.at_ms += 3_600_000
        await world.post("a1", b"x")
        assert len(world.kept()) == 202

    in_callback_world(story)


def test_paid_on_an_order_that_ended_is_asked_about_at_once() -> None:
    """A statement may be older than the undo: it is never late money by itself."""

    async def story(world: CallbackWorld) -> None:
        row = payment(S.NOT_PAID)
        world.put(row, replace(ended_order(watch_step=6), ended_ms=NOW_MS - 80_000_000))
        assert (await world.post("a1", alipay_letter(alipay_form()))).body == b"success"
        assert world.payment() == row
        assert world.order().late_state is None
        (task,) = world.tasks()
        assert (task.kind.value, task.due_ms <= NOW_MS) == ("work", True)
        assert world.woken == 1

    in_callback_world(story)


def test_paid_on_an_order_that_was_never_sent_is_late_money_and_goes_back() -> None:
    async def story(world: CallbackWorld) -> None:
        world.put(payment(S.NOT_PAID, proof_kind=ProofKind.NOT_SENT), ended_order(ProofKind.NOT_SENT))
        await world.post("a1", alipay_letter(alipay_form()))
        assert world.order().late_state is LateMoneyState.FOUND
        assert world.alarms() == {"late_money": 1}
        assert "refund" in [task.kind.value for task in world.tasks()]

    in_callback_world(story)


def test_after_a_restored_backup_only_a_paid_order_is_taken_up_by_its_notification() -> None:
    """What its wallet says of another one settles nothing: a person looks for it. Nor does "paid" before its till was
    heard; then it is asked whether that is still so."""

    async def story(world: CallbackWorld) -> None:
        name = order().out_trade_no
        body = f'{{"payment_no":"{KEY.payment_no}","amount_fen":1250}}'
        entry = JournalEntry(seq=1, kind=PAYMENT_STARTED, at_ms=NOW_MS, body=body, hash="1" * 64)

        def lost(tx: Tx) -> None:
            restorations.found(tx, "a test", now_ms=NOW_MS)
            journal.append(tx, KEY.terminal_id, [entry], now_ms=NOW_MS)

        world.store.run_now(lost)
        closed = alipay_form(out_trade_no=name, trade_status="TRADE_CLOSED", notify_id="1")
        assert (await world.post("a1", alipay_letter(closed))).body == b"fail"
        assert world.store.run_now(lambda tx: payments.find(tx, KEY)) is None
        paid = alipay_form(out_trade_no=name, notify_id="2")
        assert (await world.post("a1", alipay_letter(paid))).body == b"fail"
        world.store.run_now(lambda tx: restorations.heard_from(tx, KEY.terminal_id, 1, signed_ms=NOW_MS))
        assert (await world.post("a1", alipay_letter(paid))).body == b"success"
        assert world.payment().state is S.SENT
        found = world.store.run_now(lambda tx: payments.order(tx, name))
        assert found is not None
        action = next_action(world.payment(), found, DEFAULT_PACE, now_ms=NOW_MS)
        assert (action and action.kind) is ActionKind.QUERY
        assert world.outcomes() == ["unknown_order", "unknown_order", "accepted"]

    in_callback_world(story)


def _refund_form(refund_no: str, **changes: str) -> dict[str, str]:
    form = alipay_form(notify_id="r1", refund_fee="12.50", gmt_refund="2026-11-22 11:00:00", **changes)
    return form | ({"out_biz_no": refund_no} if refund_no else {})


@pytest.mark.parametrize("named", [True, False])
def test_news_of_a_refund_brings_its_query_forward(named: bool) -> None:
    """Alipay's `refund_fee` adds up, so it proves no single refund: the query does."""

    async def story(world: CallbackWorld) -> None:
        world.put(payment(S.PAID), order())
        refund = replace(
            own_refund(order(), RefundCause.UNDO, now_ms=0),
            cause=RefundCause.TILL,
            state=RefundState.SENT,
            sent_ms=NOW_MS - 3_600_000,
            asked_ms=NOW_MS - 600_000,
            asks=11,
            heard=RefundHeard.OPEN,
        )
        world.put_refund(refund)
        body = alipay_letter(_refund_form(refund.refund_no if named else ""))
        assert (await world.post("a1", body)).body == b"success"
        after = world.refund(refund.refund_no)
        assert (after.state, after.asks) == (RefundState.SENT, 0)
        (task,) = world.tasks()
        assert (task.kind.value, task.due_ms <= NOW_MS) == ("refund", True)

    in_callback_world(story)


@pytest.mark.parametrize("named", [True, False])
def test_a_refund_that_is_done_is_done_once_and_for_its_amount_only(named: bool) -> None:
    """The way of a refund query's answer: the row ends, and the repeat changes nothing. Whether the wallet repeats the
    payment's number or not: the refund's own says whose it is."""

    async def story(world: CallbackWorld) -> None:
        world.put(payment(S.PAID, account_id="u1"), order(account_id="u1", channel="unionpay"))
        refund = replace(
            own_refund(order(account_id="u1", channel="unionpay"), RefundCause.UNDO, now_ms=0),
            cause=RefundCause.TILL,
            state=RefundState.SENT,
            sent_ms=NOW_MS - 1_000,
        )
        world.put_refund(refund)

        def letter(amount: str, query_id: str) -> bytes:
            return unionpay_letter(
                orderId=refund.refund_no,
                txnType="04",
                txnSubType="00",
                txnAmt=amount,
                queryId=query_id,
                origQryId=unionpay.QUERY_ID,
                reqReserved=refund.out_trade_no if named else "",
            )

        less = await world.post("u1", letter("1249", "1"), channel="unionpay")
        assert (less.body, world.refund(refund.refund_no).state) == (b"fail", RefundState.SENT)
        for _ in range(2):
            assert (await world.post("u1", letter("1250", "2"), channel="unionpay")).body == b"ok"
            assert world.refund(refund.refund_no).state is RefundState.DONE
        assert world.outcomes("u1") == ["differs", "accepted", "repeat"]
        assert world.timeline().count("refund_done") == 1

    in_callback_world(story)


def test_a_refund_that_is_not_ours_raises_an_alarm_and_ends_the_deliveries() -> None:
    async def story(world: CallbackWorld) -> None:
        world.put(payment(S.PAID), order())
        assert (await world.post("a1", alipay_letter(_refund_form("madeByHand")))).body == b"success"
        assert world.outcomes() == ["unknown_refund"]
        assert world.alarms() == {"mismatch": 1}
        stranger = alipay_letter(_refund_form("madeByHand", out_trade_no="9" * 27))
        assert (await world.post("a1", stranger)).body == b"fail"

    in_callback_world(story)


def test_what_is_old_is_forgotten() -> None:
    async def story(world: CallbackWorld) -> None:
        world.put(*open_order())
        await world.post("a1", b"x")
        world.clock.at_ms += 181 * 86_400_000
        await world.post("a1", alipay_letter(alipay_form()))
        assert world.outcomes() == ["accepted"]

    in_callback_world(story)


def test_metrics_tell_counts_and_how_long_each_wallet_is_silent() -> None:
    """Also after a restart: the rows know."""

    async def story(world: CallbackWorld) -> None:
        world.put(*open_order())
        await world.post("a1", alipay_letter(alipay_form()))
        await world.post("a1", b"x")
        lines = callback_metrics(world.gateway, now_ms=NOW_MS + 1_500)
        assert 'guitai_callbacks_total{channel="alipay",outcome="accepted"} 1' in lines
        assert 'guitai_callbacks_total{channel="alipay",outcome="malformed"} 1' in lines
        assert 'guitai_callback_age_seconds{account="a1"} 1.500' in lines
        fresh = CallbackGateway(calls=world.calls, seal=world.seal, wake=lambda: None)
        await fresh.start()
        assert fresh.latest_ms == {"a1": NOW_MS}

    in_callback_world(story)


def test_nothing_of_a_notification_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    async def story(world: CallbackWorld) -> None:
        await world.post("a1", urlencode({"buyer_id": "canary-buyer", "sign": "x", "sign_type": "RSA2"}).encode())
        await world.post("a1", json.dumps({"canary-json": 1}).encode())

    in_callback_world(story)
    said = capsys.readouterr()
    assert "canary" not in said.out + said.err
    assert KEY_BYTES.hex() not in said.out + said.err
