"""Tills that are switched off, copied, and activated again (SAFETY.md section 3, 6 and 7), by its own calls."""

from __future__ import annotations

import asyncio

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.configure.orders import OwnerOrders
from gateway.configure.words import (
    CodeMade,
    ProofKeysAction,
    ProofKeysOrder,
    ProofKeysSaid,
    Refused,
    TerminalsAction,
    TerminalsOrder,
    TerminalsSaid,
)
from gateway.payments.values import Alarm, AlarmKind
from gateway.store import standing
from gateway.store.tables_offline import JOURNAL_BRANCHES
from protocol.chain import genesis, link
from protocol.keys import public_text
from protocol.messages import (
    ActivationRequest,
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    OfflineKit,
    OfflineKitRequest,
    Problem,
    RefundRequest,
    decode,
    encode,
)
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import Till, World, in_world, problem_of, script_of, status_of
from tests.contract.gateway.offline_world import (
    again,
    kit_of,
    look,
    offline_side,
    offline_till,
    payment_of,
    pays,
    url_of,
)
from tests.contract.gateway.page_world import PageWorld, in_page_world


def chain(terminal_id: str, *bodies: str, kind: str = "note") -> tuple[JournalEntry, ...]:
    head, entries = genesis(terminal_id), list[JournalEntry]()
    for seq, body in enumerate(bodies, start=1):
        head = link(head, seq=seq, kind=kind, at_ms=seq, body=body)
        entries.append(JournalEntry(seq=seq, kind=kind, at_ms=seq, body=body, hash=head))
    return tuple(entries)


async def upload(till: Till, entries: tuple[JournalEntry, ...]) -> JournalAnswer | Reason:
    response = await till.send(till.signed("POST", "/v1/journal", encode(JournalUpload(entries=entries))))
    if response.status == 200:
        return decode(JournalAnswer, response.body)
    return decode(Problem, response.body).reason


async def sells(world: PageWorld, till: Till) -> Reason | GatewayState:
    """A scanned payment: how it began, or why not."""
    answer = await till.pay(till.payment(world.wallets.show_code("alipay", script_of("pay"))))
    return answer.reason if isinstance(answer, Problem) else answer.state


async def forked(world: PageWorld) -> tuple[Till, Till]:
    """A till and a copy of its disk, after both wrote a second entry."""
    till = await world.till()
    copy = Till(world=world)
    copy.key, copy.keyid, copy.trusted = till.key, till.keyid, dict(till.trusted)
    assert isinstance(await upload(till, chain(till.keyid, "{}", '{"a":1}')), JournalAnswer)
    assert await upload(copy, chain(till.keyid, "{}", '{"b":1}')) is Reason.JOURNAL_FORK
    return till, copy


def owner(world: PageWorld) -> OwnerOrders:
    return OwnerOrders(
        store=world.store,
        clock=world.clock,
        entropy=world.entropy,
        root_fingerprint=world.keys.root_kid,
        url="https://pay.test",
        proof_keys=lambda: world.gateway.proof_keys,
    )


async def refused(world: PageWorld, till: Till, code: str) -> Reason:
    """Why this code does not activate this device."""
    request = ActivationRequest(code=code, public_key=public_text(till.key), device_name="")
    keyid, till.keyid = till.keyid, ""
    response = await till.send(till.signed("POST", "/v1/terminals/activate", encode(request)))
    till.keyid = keyid
    return decode(Problem, response.body).reason


def test_a_gateway_that_gives_no_kits_still_says_whether_the_till_may_sell() -> None:
    """A stopped till finds out by its kit: "there is none here" would tell it that it may sell again."""

    async def story(world: World) -> None:
        till = await world.till()

        async def asked() -> Reason:
            request = OfflineKitRequest(first=1, wanted=0, offline_key=public_text(till.key))
            response = await till.send(till.signed("POST", "/v1/offline/kit", encode(request)))
            return decode(Problem, response.body).reason

        assert await asked() is Reason.UNKNOWN_PATH
        alarm = Alarm(kind=AlarmKind.JOURNAL_FORK, detail="")
        world.store.run_now(lambda tx: standing.freeze(tx, till.keyid, alarm, now_ms=1))
        assert await asked() is Reason.TERMINAL_FROZEN

    in_world(story)


def test_a_till_whose_activation_a_restored_backup_lost_gets_no_kit_and_sells_over_the_line() -> None:
    """ "Frozen" would stop it altogether, and it is not: the gateway takes its payments."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        till.keyid = f"{till.keyid}.3"
        kit = await kit_of(world, till, Ed25519PrivateKey.generate())
        assert isinstance(kit, Problem)
        assert kit.reason is Reason.GATEWAY_RESTORED
        assert await sells(world, till) is GatewayState.SENT

    in_page_world(story)


def test_a_till_gets_so_many_slow_hashes_and_no_more() -> None:
    """One that asks without end would take the processors from all others: 64 are most of a second of one of them."""

    async def story(world: PageWorld) -> None:
        till, key = await world.till(), Ed25519PrivateKey.generate()
        for first in range(1, 4 * 64, 64):
            assert isinstance(await kit_of(world, till, key, first=first, wanted=64), OfflineKit)
        refused = await kit_of(world, till, key, first=257, wanted=64)
        assert isinstance(refused, Problem)
        assert (refused.reason, refused.retry_after_ms) == (Reason.RATE_LIMITED, 64_000)
        assert isinstance(await kit_of(world, till, key), OfflineKit), "which wants none"
        assert isinstance(await kit_of(world, await world.till(), key, wanted=64), OfflineKit)
        await asyncio.sleep(64)
        assert isinstance(await kit_of(world, till, key, first=257, wanted=64), OfflineKit)

    in_page_world(story)


async def reissued(world: PageWorld, terminal_id: str) -> str:
    made = await owner(world).do(TerminalsOrder(action=TerminalsAction.REISSUE, terminal=terminal_id))
    assert isinstance(made, CodeMade), made
    return made.code


def test_a_till_that_was_switched_off_begins_nothing_and_ends_what_it_began() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        open_one = await world.shown_page(till)
        paid = status_of(await till.pay(till.payment(world.wallets.show_code("alipay", script_of("pay")))))
        paid, _ = await till.final(paid.payment_no)
        said = await owner(world).do(TerminalsOrder(action=TerminalsAction.REVOKE, terminal=till.keyid))
        assert isinstance(said, TerminalsSaid)
        assert [row.revoked_ms is not None for row in said.terminals] == [True]
        assert await sells(world, till) is Reason.TERMINAL_REVOKED
        refund = RefundRequest(
            refund_no=new_number(world.entropy.bytes(15)), amount_fen=1, currency="CNY", note="", operator="01"
        )
        answer = await till.call("POST", f"/v1/payments/{paid.payment_no}/refunds", encode(refund))
        assert problem_of(answer).reason is Reason.TERMINAL_REVOKED
        kit = await kit_of(world, till, Ed25519PrivateKey.generate())
        assert isinstance(kit, Problem)
        assert kit.reason is Reason.TERMINAL_REVOKED
        assert status_of(await till.ask(paid.payment_no)).state is GatewayState.PAID
        assert status_of(await till.ack(paid)).state is GatewayState.PAID
        assert status_of(await till.cancel(open_one.payment_no)).state is GatewayState.NOT_PAID
        assert isinstance(await upload(till, chain(till.keyid, "{}")), JournalAnswer)

    in_page_world(story)


def test_a_signed_refusal_says_403() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        await owner(world).do(TerminalsOrder(action=TerminalsAction.REVOKE, terminal=till.keyid))
        body = encode(till.payment(world.wallets.show_code("alipay", script_of("pay"))))
        assert (await till.send(till.signed("POST", "/v1/payments", body))).status == 403

    in_page_world(story)


def test_a_payment_that_is_known_is_answered_as_it_is_also_after_the_till_was_switched_off() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        request = till.payment(world.wallets.show_code("alipay", script_of("pay")))
        began = status_of(await till.pay(request))
        await till.final(began.payment_no)
        await owner(world).do(TerminalsOrder(action=TerminalsAction.REVOKE, terminal=till.keyid))
        assert status_of(await till.pay(request)).state is GatewayState.PAID

    in_page_world(story)


def test_a_till_that_was_switched_off_comes_back_with_a_code_that_was_made_for_it_and_with_no_other() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        terminal_id = till.keyid
        await owner(world).do(TerminalsOrder(action=TerminalsAction.REVOKE, terminal=terminal_id))
        assert await refused(world, till, world.activation_code()) is Reason.TERMINAL_REVOKED
        assert await sells(world, till) is Reason.TERMINAL_REVOKED
        await again(world, till, code=await reissued(world, terminal_id))
        assert till.keyid == f"{terminal_id}.2"
        assert await sells(world, till) is GatewayState.SENT

    in_page_world(story)


def test_a_code_that_was_made_for_one_till_activates_no_other_device() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        code = await reissued(world, till.keyid)
        assert await refused(world, Till(world=world), code) is Reason.ACTIVATION_UNKNOWN
        assert await refused(world, await world.till(), code) is Reason.ACTIVATION_UNKNOWN

    in_page_world(story)


def test_a_fork_freezes_both_branches_for_new_payments_and_for_nothing_else() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        paid = status_of(await till.pay(till.payment(world.wallets.show_code("alipay", script_of("pay")))))
        paid, _ = await till.final(paid.payment_no)
        open_one = await world.shown_page(till)
        entries = chain(till.keyid, "{}")
        await upload(till, entries)
        assert await upload(till, chain(till.keyid, '{"other":1}')) is Reason.JOURNAL_FORK
        assert world.alarms()[AlarmKind.JOURNAL_FORK] == 1
        assert await sells(world, till) is Reason.TERMINAL_FROZEN
        assert status_of(await till.ask(paid.payment_no)).state is GatewayState.PAID
        assert status_of(await till.ack(paid)).state is GatewayState.PAID
        assert status_of(await till.cancel(open_one.payment_no)).state is GatewayState.NOT_PAID

    in_page_world(story)


def test_both_branches_of_a_fork_are_refused_and_a_gap_freezes_nobody() -> None:
    async def story(world: PageWorld) -> None:
        till, copy = await forked(world)
        assert await sells(world, till) is Reason.TERMINAL_FROZEN
        assert await sells(world, copy) is Reason.TERMINAL_FROZEN
        other = await world.till()
        assert await upload(other, chain(other.keyid, "{}", "{}")[1:]) is Reason.JOURNAL_GAP
        assert await sells(world, other) is GatewayState.SENT

    in_page_world(story)


def test_offline_orders_of_a_frozen_till_are_refused() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        await upload(a.till, chain(a.terminal_id, "{}"))
        await upload(a.till, chain(a.terminal_id, '{"other":1}'))
        assert (await look(world, signed := a.order())).status_code == 404
        assert payment_of(world, signed) is None

    in_page_world(story)


def test_the_owner_activates_one_again_it_sells_and_the_other_stays_refused() -> None:
    async def story(world: PageWorld) -> None:
        till, copy = await forked(world)
        terminal_id = till.keyid
        await again(world, till)
        assert await sells(world, till) is GatewayState.SENT
        assert await sells(world, copy) is Reason.TERMINAL_FROZEN
        assert AlarmKind.JOURNAL_FORK not in world.alarms()
        # What the other one sends changes nothing, and freezes nobody again.
        assert await upload(copy, chain(terminal_id, "{}", '{"b":1}', "{}")) is Reason.JOURNAL_FORK
        assert await sells(world, till) is GatewayState.SENT
        assert AlarmKind.JOURNAL_FORK not in world.alarms()

    in_page_world(story)


def test_the_copy_may_still_ask_and_cancel() -> None:
    async def story(world: PageWorld) -> None:
        till, copy = await forked(world)
        await again(world, till)
        number = f"{new_number(world.entropy.bytes(15))}-1"
        assert status_of(await copy.cancel(number)).state is GatewayState.NOT_PAID
        assert status_of(await copy.ask(number)).state is GatewayState.NOT_PAID

    in_page_world(story)


def test_the_till_that_goes_on_delivers_its_whole_chain_anew_and_the_other_branch_is_kept() -> None:
    async def story(world: PageWorld) -> None:
        till, copy = await forked(world)
        terminal_id = till.keyid
        beside = await world.till()
        theirs = chain(beside.keyid, "{}", '{"c":1}')
        await upload(beside, theirs[:1])
        await again(world, copy)  # the owner chose the copy: its entries were not here
        mine = chain(terminal_id, "{}", '{"b":1}', '{"b":2}')
        assert await upload(copy, mine[2:]) is Reason.JOURNAL_GAP
        assert AlarmKind.JOURNAL_GAP not in world.alarms()
        empty = await upload(copy, ())
        assert isinstance(empty, JournalAnswer)
        assert (empty.accepted_through, empty.head) == (0, genesis(terminal_id))
        answer = await upload(copy, mine)
        assert isinstance(answer, JournalAnswer)
        assert (answer.accepted_through, answer.head) == (3, mine[-1].hash)
        kept = world.store.run_now(lambda tx: tx.connection.execute(JOURNAL_BRANCHES.select()).all())
        assert [(row.epoch, row.seq, row.body) for row in kept] == [(1, 1, "{}"), (1, 2, '{"a":1}')]
        # Another till's chain is as it was: what it sends again is known.
        answer = await upload(beside, theirs)
        assert isinstance(answer, JournalAnswer)
        assert answer.accepted_through == 2

    in_page_world(story)


def test_an_ordinary_second_activation_keeps_the_chain_and_nobody_is_fenced_off() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        entries = chain(till.keyid, "{}", '{"a":1}')
        await upload(till, entries[:1])
        await again(world, till)
        answer = await upload(till, entries[1:])
        assert isinstance(answer, JournalAnswer)
        assert answer.accepted_through == 2
        till.keyid = till.keyid.partition(".")[0]
        assert await sells(world, till) is GatewayState.SENT

    in_page_world(story)


def test_the_same_code_again_is_the_same_answer_and_ends_no_freeze() -> None:
    """A lost answer burns nothing; but only a new code is the owner's word."""

    async def story(world: PageWorld) -> None:
        code = world.activation_code(uses=3)
        till = Till(world=world)
        await till.activate(code)
        terminal_id = till.keyid
        await upload(till, chain(terminal_id, "{}"))
        await upload(till, chain(terminal_id, '{"other":1}'))
        till.keyid = ""
        assert (await till.activate(code)).epoch == 1
        assert await sells(world, till) is Reason.TERMINAL_FROZEN

    in_page_world(story)


def test_after_a_new_activation_old_offline_orders_are_of_a_bad_epoch_and_counters_begin_anew() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        old = a.order(oseq=1)
        phone = world.phone("wechat")
        await phone.press(await phone.open(url_of(world, a.order(oseq=2))))
        await again(world, a.till)
        b = await offline_side(world, a.till)
        assert b.kit.epoch == 2
        assert (await look(world, old)).status_code == 404
        signed = b.order(oseq=1)
        await pays(world.phone("alipay"), url_of(world, signed))
        final, _ = await b.till.final(f"{signed.order.order_no}-1")
        assert final.state is GatewayState.PAID

    in_page_world(story)


def test_a_kit_registers_one_order_key_in_an_epoch() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        key, other = (Ed25519PrivateKey.from_private_bytes(world.entropy.bytes(32)) for _ in range(2))
        first = await kit_of(world, till, key, first=5, wanted=3)
        assert isinstance(first, OfflineKit)
        assert [one.index for one in first.codes] == [5, 6, 7]
        assert (first.epoch, first.base_url) == (1, world.public_url)
        assert [one.kid for one in first.proof_keys] == [1, 2]
        second = await kit_of(world, till, key, first=5, wanted=3)
        assert isinstance(second, OfflineKit)
        assert (second.codes, second.proof_keys) == (first.codes, first.proof_keys)
        differs = await kit_of(world, till, other)
        assert isinstance(differs, Problem)
        assert differs.reason is Reason.CONTENT_DIFFERS
        assert world.alarms() == {AlarmKind.ORDER_KEY_DIFFERS: 1}
        assert public_text(other) not in str(differs)
        # The owner activates the till again: its key is the one of the new epoch, and nobody has to look any more.
        await again(world, till)
        renewed = await kit_of(world, till, other)
        assert isinstance(renewed, OfflineKit)
        assert renewed.epoch == 2
        assert world.alarms() == {}

    in_page_world(story)


def test_a_kit_ends_with_the_last_index_and_wants_a_key() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        key = Ed25519PrivateKey.from_private_bytes(world.entropy.bytes(32))
        last = await kit_of(world, till, key, first=65_534, wanted=4)
        assert isinstance(last, OfflineKit)
        assert [one.index for one in last.codes] == [65_534, 65_535]
        body = encode(OfflineKitRequest(first=1, wanted=0, offline_key="no key"))
        answer = await till.call("POST", "/v1/offline/kit", body)
        assert problem_of(answer).reason is Reason.BAD_REQUEST

    in_page_world(story)


def test_a_copy_from_before_the_last_activation_gets_no_kit() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        terminal_id = till.keyid
        await again(world, till)
        till.keyid = terminal_id
        kit = await kit_of(world, till, Ed25519PrivateKey.from_private_bytes(world.entropy.bytes(32)))
        assert isinstance(kit, Problem)
        assert kit.reason is Reason.TERMINAL_FROZEN

    in_page_world(story)


def test_the_owner_lists_tills_and_is_told_of_one_that_is_not_there() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        world.static_qr()
        said = await owner(world).do(TerminalsOrder(action=TerminalsAction.LIST))
        assert isinstance(said, TerminalsSaid)
        assert [(row.terminal, row.epoch, row.frozen_ms, row.revoked_ms) for row in said.terminals] == [
            (till.keyid, 1, None, None)
        ]
        for action in (TerminalsAction.REVOKE, TerminalsAction.REISSUE):
            assert isinstance(await owner(world).do(TerminalsOrder(action=action, terminal="NOBODY")), Refused)

    in_page_world(story)


def test_the_owner_rotates_proof_keys_and_says_that_one_is_no_secret() -> None:
    async def story(world: PageWorld) -> None:
        async def states(action: ProofKeysAction, kid: int = 0) -> dict[int, str]:
            said = await owner(world).do(ProofKeysOrder(action=action, kid=kid))
            assert isinstance(said, ProofKeysSaid), said
            return {key.kid: key.state for key in said.keys}

        assert await states(ProofKeysAction.LIST) == {1: "current", 2: "next"}
        assert await states(ProofKeysAction.ROTATE) == {1: "retired", 2: "current", 3: "next"}
        assert await states(ProofKeysAction.COMPROMISE, 1) == {1: "compromised", 2: "current", 3: "next"}
        unknown = await owner(world).do(ProofKeysOrder(action=ProofKeysAction.COMPROMISE, kid=200))
        assert isinstance(unknown, Refused)
        kit = await kit_of(world, await world.till(), Ed25519PrivateKey.from_private_bytes(world.entropy.bytes(32)))
        assert isinstance(kit, OfflineKit)
        assert [key.kid for key in kit.proof_keys] == [2, 3]

    in_page_world(story)


def test_a_sale_that_the_journal_tells_is_the_orders_from_then_on() -> None:
    """`sale_id` is not in an ORDER: it is unknown until the till's journal names it."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        await pays(world.phone("wechat"), url_of(world, signed))
        payment = payment_of(world, signed)
        assert payment is not None
        assert payment.sale_id is None
        sale_id = new_number(world.entropy.bytes(15))
        body = f'{{"payment_no":"{signed.order.order_no}-1","sale_id":"{sale_id}","more":[1]}}'
        # The first word about it stays, in the same upload and in a later one.
        second = body.replace(sale_id, new_number(world.entropy.bytes(15)))
        await upload(a.till, chain(a.terminal_id, '{"sale_id":5}', "no json", body, second))
        await upload(a.till, chain(a.terminal_id, '{"sale_id":5}', "no json", body, second, second))
        named = payment_of(world, signed)
        assert named is not None
        assert named.sale_id == sale_id
        again_ = a.till.payment(None, order_no=signed.order.order_no, sale_id=sale_id)
        assert status_of(await a.till.pay(again_)).state is not GatewayState.NOT_PAID
        other = a.till.payment(None, order_no=signed.order.order_no)
        assert problem_of(await a.till.pay(other)).reason is Reason.CONTENT_DIFFERS

    in_page_world(story)


def test_an_entry_that_is_nested_without_end_stops_no_journal_and_no_press() -> None:
    """Entries are the till's own words and may be anything."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first, second = a.order(), a.order()
        await pays(world.phone("wechat"), url_of(world, first))
        number = f"{second.order.order_no}-1"
        deep = f'{{"payment_no":"{number}","sale_id":"{number[:25]}","x":{"[" * 5_000}{"]" * 5_000}}}'
        answer = await upload(a.till, chain(a.terminal_id, deep, "{}"))
        assert isinstance(answer, JournalAnswer)
        assert answer.accepted_through == 2
        await pays(world.phone("alipay"), url_of(world, second))
        assert (await a.till.final(number))[0].state is GatewayState.PAID

    in_page_world(story)


def test_a_sale_that_the_journal_told_before_anybody_pressed_is_found_at_the_press() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        sale_id = new_number(world.entropy.bytes(15))
        body = f'{{"payment_no":"{signed.order.order_no}-1","sale_id":"{sale_id}"}}'
        await upload(a.till, chain(a.terminal_id, body))
        phone = world.phone("wechat")
        await phone.press(await phone.open(url_of(world, signed)))
        payment = payment_of(world, signed)
        assert payment is not None
        assert payment.sale_id == sale_id

    in_page_world(story)
