"""The cashier page's edges: strangers, replays, foreign pages, hostile names, floods; and what never leaves it."""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from sqlalchemy import update

from gateway.store import pages
from gateway.store.tables import MERCHANTS, METADATA, STORES
from protocol.messages import PaymentStatus
from sandbox.wallet_browser import WebPlace
from tests.contract.gateway.page_world import Opened, PageWorld, Phone, in_page_world

JSON = {"content-type": "application/json"}


async def shown(world: PageWorld) -> tuple[PaymentStatus, str]:
    status = await world.shown_page(await world.till())
    assert status.qr is not None
    return status, status.qr


async def signed_in(phone: Phone, qr: str) -> tuple[str, str]:
    """The address that the wallet sends the browser back to, before it is opened, and the page's own."""
    answer = await phone.browser.fetch("GET", qr, headers={})
    assert answer is not None
    place = phone.browser.place(urljoin(qr, answer.header("location")))
    assert isinstance(place, WebPlace)
    return place.url, qr


async def opened_at(phone: Phone, url: str) -> Opened:
    answer = await phone.browser.fetch("GET", url, headers={})
    assert answer is not None
    return Opened(url=url, html=answer.body.decode(), status=answer.status, headers=dict(answer.headers))


def test_an_unknown_a_malformed_and_a_revoked_token_look_alike() -> None:
    async def story(world: PageWorld) -> None:
        static = world.static_qr()
        world.store.run_now(lambda tx: pages.revoke_static(tx, "s1", now_ms=1))
        addresses = ["/q/" + "0" * 26, "/q/x", "/q/" + "Z" * 300, urlsplit(static).path]
        answers = [await world.request("GET", address) for address in addresses]
        assert {answer.status_code for answer in answers} == {404}
        bodies = {re.sub(r'nonce="[^"]*"', "", answer.text) for answer in answers}
        assert len(bodies) == 1
        assert "老王" not in bodies.pop()

    in_page_world(story)


def test_a_state_cannot_be_replayed() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        phone = world.phone("wechat")
        back, _ = await signed_in(phone, qr)
        first = await opened_at(phone, back)
        assert first.status == 302
        # In this browser the payer is known by now, and is simply led on. The state itself opens nothing again.
        assert (await opened_at(phone, back)).headers["location"] == first.headers["location"]
        cookies = {"cookie": f"guitai_b={'0' * 26}", "user-agent": phone.browser.wallet.user_agent}
        stolen = await world.request("GET", back, headers=cookies)
        assert stolen.status_code == 400
        assert "set-cookie" not in stolen.headers

    in_page_world(story)


def test_a_state_is_worth_nothing_in_another_browser_or_at_another_page() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        _, other_qr = await shown(world)
        victim, thief = world.phone("wechat"), world.phone("wechat", customer="thief")
        back, _ = await signed_in(victim, qr)
        await thief.open(qr)
        stranger = world.phone("wechat", customer="stranger")
        assert (await opened_at(stranger, back)).status == 400
        moved = back.replace(urlsplit(qr).path, urlsplit(other_qr).path)
        assert (await opened_at(victim, moved)).status == 400
        assert (await opened_at(victim, back)).status == 302

    in_page_world(story)


def test_a_sign_in_that_took_too_long_is_begun_again() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        phone = world.phone("alipay")
        back, _ = await signed_in(phone, qr)
        world.clock.offset_ms += 301_000
        failed = await opened_at(phone, back)
        assert failed.status == 400
        assert failed.facts["state"] == "wait"
        assert f'href="../{urlsplit(qr).path.rpartition("/")[2]}"' in failed.html

    in_page_world(story)


def test_a_code_that_the_wallet_refuses_names_nobody() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        phone = world.phone("wechat")
        back, _ = await signed_in(phone, qr)
        code = parse_qs(urlsplit(back).query)["code"][0]
        answer = await opened_at(phone, back.replace(code, "0" * len(code)))
        assert answer.status == 400
        assert "set-cookie" not in answer.headers

    in_page_world(story)


def test_the_browser_is_led_to_its_wallet_with_a_state_that_is_new_each_time() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        agent = {"user-agent": world.wallets.by_name["wechat"].user_agent}
        one, two = [await world.request("GET", qr, headers=agent) for _ in range(2)]
        assert one.status_code == 302
        assert one.headers["location"] != two.headers["location"]
        assert one.headers["cache-control"] == "no-store"
        cookie = one.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=lax", "secure", f"path={urlsplit(qr).path}".lower()):
            assert part in cookie

    in_page_world(story)


_OTHERS: Final = {
    "Mozilla/5.0 (Macintosh) Safari/605.1.15": "打开下面任一应用",
    "Mozilla/5.0 QQ/8.9.3 V1_IPH_SQ_8.9.3": "这家店不收 QQ ",
    "Mozilla/5.0 JDJR-App": "这家店不收京东金融",
}


def test_a_browser_that_is_no_wallet_of_the_shop_is_told_which_app_to_open() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        for agent, says in _OTHERS.items():
            answer = await world.request("GET", qr, headers={"user-agent": agent})
            page = Opened(url=qr, html=answer.text, status=answer.status_code, headers={})
            assert page.status == 200
            assert page.facts == {"press": None, "amount_fen": 1250, "state": "choose_app"}
            for words in (says, "微信", "支付宝", "云闪付"):
                assert words in page.html

    in_page_world(story)


def test_the_language_goes_along_through_the_sign_in() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        for wallet in ("wechat", "alipay", "unionpay"):
            page = await world.phone(wallet).open(f"{qr}?lang=en")
            assert '<html lang="en"' in page.html
            assert "Pay with" in page.html

    in_page_world(story)


def test_a_hostile_shop_name_is_text() -> None:
    async def story(world: PageWorld) -> None:
        hostile = "</script><script>alert(1)</script>{{7*7}}\"onload='x"
        world.store.run_now(lambda tx: tx.connection.execute(update(STORES).values(name=hostile)))
        world.store.run_now(lambda tx: tx.connection.execute(update(MERCHANTS).values(name="{'<b>")))
        _, qr = await shown(world)
        choose = Opened(url=qr, html=(await world.request("GET", qr)).text, status=200, headers={})
        for page in (await world.phone("alipay").open(qr), choose):
            assert "<script>alert" not in page.html
            assert "&lt;/script&gt;" in page.html
            assert "<b>" not in page.html.split("<h1>")[1].split("</h1>")[0]
            assert page.html.count("<script") == page.html.count("</script>")

    in_page_world(story)


_NO_PRESS: Final[list[tuple[dict[str, str], bytes, int]]] = [
    ({"content-type": "text/plain"}, b"{}", 415),
    ({}, b"{}", 415),
    ({**JSON, "sec-fetch-site": "cross-site"}, b"{}", 403),
    ({**JSON, "sec-fetch-site": "same-site"}, b"{}", 403),
    (JSON, b"{", 400),
    (JSON, b'{"x":' + b"[" * 1_015, 400),
    (JSON, b"[]", 400),
    (JSON, b'{"amount_fen": "12"}', 400),
    (JSON, b'{"amount_fen": 1.5}', 400),
    (JSON, b"\xff\xfe", 400),
    (JSON, b"[" * 1_024, 400),
    (JSON, b" " * 1_025, 413),
]


def test_what_is_no_press_of_the_page_is_refused() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        for headers, body, status in _NO_PRESS:
            answer = await world.request("POST", f"{qr}/pay", headers=headers, body=body)
            assert answer.status_code == status, (headers, body)
        assert world.all_orders() == 0

    in_page_world(story)


def test_who_has_not_signed_in_presses_for_nothing() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        for cookie in ("", "guitai_p=forged", f"guitai_p={'A' * 120}"):
            answer = await world.request("POST", f"{qr}/pay", headers={**JSON, "cookie": cookie}, body=b"{}")
            said = answer.json()
            assert (said["result"], said["redirect"]) == ("wait", qr)
        assert world.all_orders() == 0

    in_page_world(story)


def test_a_payers_cookie_opens_no_other_page() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        _, other = await shown(world)
        phone = world.phone("alipay")
        back, _ = await signed_in(phone, qr)
        answer = await phone.browser.fetch("GET", back, headers={})
        assert answer is not None
        cookie = answer.header("set-cookie").partition(";")[0]
        pressed = await world.request("POST", f"{other}/pay", headers={**JSON, "cookie": cookie}, body=b"{}")
        assert pressed.json()["result"] == "wait"
        assert (await world.request("POST", f"{qr}/pay", headers={**JSON, "cookie": cookie}, body=b"{}")).json()[
            "result"
        ] == "open"

    in_page_world(story)


def test_a_flood_is_turned_away_and_others_are_not() -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        looks = [(await world.request("GET", qr)).status_code for _ in range(45)]
        assert looks == [200] * 40 + [429] * 5
        assert (await world.request("GET", qr, address="203.0.113.77")).status_code == 200
        strangers = [(await world.request("GET", f"/q/{n:026d}")).status_code for n in range(25)]
        assert strangers == [404] * 20 + [429] * 5
        presses = [(await world.request("POST", f"{qr}/pay", headers=JSON, body=b"{}")).status_code for _ in range(32)]
        assert presses == [200] * 30 + [429] * 2

    in_page_world(story)


@pytest.mark.parametrize("wallet", ["wechat", "alipay", "unionpay"])
def test_a_payers_id_is_in_no_row_no_address_and_no_page(wallet: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def story(world: PageWorld) -> None:
        _, qr = await shown(world)
        phone = world.phone(wallet)
        back, _ = await signed_in(phone, qr)
        answer = await phone.browser.fetch("GET", back, headers={})
        assert answer is not None
        payer = payer_in(world, answer.header("set-cookie"), qr)
        page = await phone.open(qr)
        said = await phone.press(page)
        assert said["result"] == "open"
        phone.pay(said)
        await phone.status(page, said, query="&wait=10")
        (order,) = world.orders_of(world.all_payments()[0].key)
        assert order.payer_mark is not None
        assert len(order.payer_mark) == 32
        tables = world.store.run_now(
            lambda tx: [repr(tx.connection.execute(table.select()).all()) for table in METADATA.sorted_tables]
        )
        logged = capsys.readouterr()
        for place in (*tables, page.html, page.url, json.dumps(said), repr(answer.headers), logged.out, logged.err):
            assert payer not in place

    in_page_world(story)


def payer_in(world: PageWorld, set_cookie: str, qr: str) -> str:
    """The id that is sealed in a cookie, read with the gateway's own key."""
    page = world.gateway.page
    assert page is not None
    cookie = set_cookie.partition(";")[0].removeprefix("guitai_p=")
    token = qr.rpartition("/")[2]
    tickets = page._tickets  # pyright: ignore[reportPrivateUsage]
    session = tickets.open(cookie, token=token, now_ms=world.clock.now_ms())
    assert session is not None
    assert len(session.payer.reveal()) >= 12
    return session.payer.reveal()
