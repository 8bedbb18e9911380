"""Rule: in certificate mode requests name the certificates, and only a certificate of the account is believed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.channels.account import AccountError
from gateway.channels.alipay.certificates import certificate_number, certificates_of, root_number
from gateway.channels.port import ChannelReason, Paid, Unknown
from tests.unit.gateway import channel_alipay_papers as papers
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import NOW_MS, ORDER, PAY_NODE

_VECTORS = Path(__file__).parents[2] / "vectors"
CHANNEL = wallet.channel(**papers.settings())
PAY = CHANNEL.pay(ORDER, now_ms=NOW_MS).read


def named(number: str | None, **changes: object) -> bytes:
    """A signed pay answer that names a certificate."""
    plain = wallet.body({**PAY_NODE, **changes})
    return plain if number is None else plain[:-1] + f',"alipay_cert_sn":"{number}"}}'.encode()


def test_numbers_of_published_certificates() -> None:
    """The production root bundle (distributed by Alipay, printed in go-pay/gopay): its number was computed elsewhere
    with Alipay's own SDK. The bundle holds SM2 and a certificate that is not parsed."""
    bundle = (_VECTORS / "alipay_root.pem").read_text(encoding="ascii")
    assert bundle.count("BEGIN") == 4
    assert len(certificates_of(bundle)) == 3
    assert root_number(certificates_of(bundle)) == "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6"


def test_a_number_is_that_of_the_issuers_name_and_the_serial() -> None:
    assert certificate_number(papers.application()) == hashlib.md5("CN=class 2,O=测试,C=CN13".encode()).hexdigest()


def test_requests_name_the_application_s_certificate_and_the_root() -> None:
    sent = parse_qs(urlsplit(CHANNEL.query(ORDER.ref, now_ms=NOW_MS).request.url).query)
    assert sent["app_cert_sn"] == [certificate_number(papers.application())]
    assert sent["alipay_root_cert_sn"] == [certificate_number(papers.root())]
    assert "app_cert_sn" not in wallet.channel().query(ORDER.ref, now_ms=NOW_MS).request.url


@pytest.mark.parametrize("number", [certificate_number(papers.wallets()), None])
def test_an_answer_of_the_account_s_certificate_is_believed(number: str | None) -> None:
    assert isinstance(PAY(wallet.answer(named(number))), Paid)


def test_an_answer_that_names_another_certificate_is_not_believed_although_the_key_fits() -> None:
    said = PAY(wallet.answer(named("05d88faef76d723019c5c14d3ecd014a")))
    assert said == Unknown(reason=ChannelReason.BAD_SIGNATURE, code="alipay_cert_sn")


def test_a_certificate_that_only_vouches_for_another_signs_no_answers() -> None:
    said = PAY(wallet.answer(named(certificate_number(papers.between()))))
    assert said == Unknown(reason=ChannelReason.BAD_SIGNATURE, code="alipay_cert_sn")


def test_two_certificates_of_the_wallet_are_believed_side_by_side() -> None:
    """A rotation: the old and the new one, each by its number."""
    new = papers.certificate(
        "wallet", wallet.wallet_key().public_key(), issuer="root", signer=papers.root_key(), serial=77
    )
    both = papers.pem(papers.wallets(), papers.between(), new)
    read = wallet.channel(**papers.settings(wallet_certificate=both)).pay(ORDER, now_ms=NOW_MS).read
    for one in (papers.wallets(), new):
        assert isinstance(read(wallet.answer(named(certificate_number(one)))), Paid)


def test_what_cannot_be_used_is_named_when_the_account_is_opened() -> None:
    stranger = papers.certificate(
        "wallet", wallet.wallet_key().public_key(), issuer="class 2", signer=wallet.app_key(), serial=5
    )
    for changes, where in (
        ({"app_certificate": "no"}, ["app_certificate"]),
        ({"app_certificate": papers.pem(papers.wallets())}, ["app_certificate"]),
        ({"wallet_certificate": papers.pem(stranger, papers.between())}, ["wallet_certificate"]),
        ({"wallet_certificate": papers.pem(papers.wallets())}, ["wallet_certificate"]),
        (
            {"wallet_certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            ["wallet_certificate"],
        ),
        ({"wallet_root_certificate": "no"}, ["wallet_root_certificate"]),
        ({"wallet_public_key": wallet.public_pem(wallet.wallet_key())}, ["wallet_public_key"]),
        (
            {"private_key": "no", "app_certificate": "no", "wallet_certificate": "no"},
            ["private_key", "app_certificate", "wallet_certificate"],
        ),
    ):
        with pytest.raises(AccountError) as error:
            wallet.channel(**papers.settings(**changes))
        assert [fault.where for fault in (error.value, *error.value.also)] == where
