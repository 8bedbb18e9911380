"""A store's static QR by its owner's order: made once, told again, renewed; refused where no phone could reach it."""

from __future__ import annotations

from gateway.configure.orders import OwnerOrders
from gateway.configure.words import Refused, StaticQrOrder, StaticQrSaid, read_order, write_line
from sandbox.wallet import Scanned, ScanResult
from tests.contract.gateway.page_world import PUBLIC, PageWorld, in_page_world


def owner(world: PageWorld, page_url: str | None = PUBLIC) -> OwnerOrders:
    return OwnerOrders(
        store=world.store,
        clock=world.clock,
        entropy=world.entropy,
        root_fingerprint="",
        url=None,
        proof_keys=lambda: world.gateway.proof_keys,
        page_url=page_url,
    )


async def told(world: PageWorld, *, store: str = "s1", renew: bool = False) -> StaticQrSaid:
    said = await owner(world).do(StaticQrOrder(store=store, renew=renew))
    assert isinstance(said, StaticQrSaid), said
    return said


def test_it_is_made_once_and_then_told_again() -> None:
    async def story(world: PageWorld) -> None:
        first, again = await told(world), await told(world)
        assert (first.fresh, again.fresh) == (True, False)
        assert again.url == first.url
        followed = await world.phone("wechat").follow(first.url, amount_fen=100)
        assert isinstance(followed, Scanned)
        assert followed.result is ScanResult.PAID

    in_page_world(story)


def test_a_renewed_one_ends_those_that_are_printed_and_keeps_the_stores_account() -> None:
    async def story(world: PageWorld) -> None:
        old = await told(world)
        await world.phone("alipay").follow(old.url, amount_fen=100)
        new = await told(world, renew=True)
        assert new.url != old.url
        assert (await world.request("GET", old.url)).status_code == 404
        await world.phone("alipay").follow(new.url, amount_fen=200)
        paid = world.all_payments()
        assert sorted(one.amount_fen for one in paid) == [100, 200]
        assert len({one.key.terminal_id for one in paid}) == 1

    in_page_world(story)


def test_each_store_has_its_own() -> None:
    async def story(world: PageWorld) -> None:
        one, other = await told(world, store="s1"), await told(world, store="s2")
        assert one.url != other.url
        page = await world.request("GET", other.url)
        assert "别家 别店" in page.text
        assert "这家店现在不能用手机收款" in page.text, "a shop without an account is said to be one"

    in_page_world(story)


def test_an_unknown_store_and_a_gateway_that_no_phone_reaches_are_refused_in_words() -> None:
    async def story(world: PageWorld) -> None:
        unknown = await owner(world).do(StaticQrOrder(store="s9"))
        unreached = await owner(world, page_url=None).do(StaticQrOrder(store="s1"))
        assert isinstance(unknown, Refused)
        assert "no store has this id" in unknown.faults.faults[0].sentence
        assert isinstance(unreached, Refused)
        assert "--public-url" in unreached.faults.faults[0].sentence

    in_page_world(story)


def test_the_order_goes_over_the_door_as_one_line() -> None:
    line = write_line(StaticQrOrder(store="s1", renew=True))
    assert line.count(b"\n") == 1
    assert read_order(b'{"token": "t", "order": ' + line.strip() + b"}") == StaticQrOrder(store="s1", renew=True)
