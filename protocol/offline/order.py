"""ORDER: what a till without a line signs into a QR, 110 bytes; the customer's phone carries it to the gateway.

    type 1 | terminal_id 8 | epoch 2 | order id 15 | amount_fen 4 | currency 2 | kid 1 | oseq 4 |
    cancelled 2 | release 2 | made_at 4 | clock 1 | signature 64

Integers are big-endian. The till's offline key signs "guitai-order-v1" NUL and the first 46 bytes. PAY asks for money;
STATUS asks what became of an order that was sent over the line. Whether the order may be paid is not decided here.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from msgspec import Struct

from protocol.numbers import TERMINAL_ID_BYTES, crockford, new_number
from protocol.offline.text import read_record, text_length

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ORDER_BYTES: Final = 110
SIGNED_BYTES: Final = 46
#: Characters of an ORDER in the address of its QR: `{base}/o/{text}`.
ORDER_CHARACTERS: Final = text_length(ORDER_BYTES)
#: ISO 4217, CNY: the only currency there is.
CURRENCY_CNY: Final = 156
MOST_FEN: Final = 2**32 - 1
#: The kinds of the journal entries by which a till says that it cancels a payment, and that it began one.
CANCEL_INTENDED: Final = "payment.cancel_intended"
PAYMENT_STARTED: Final = "payment.started"
OFFLINE_SHOWN: Final = "offline.shown"
#: How many earlier offline orders the cancelled bitmap speaks of.
BITMAP_ORDERS: Final = 16

_SIGNED_AS: Final = b"guitai-order-v1\0"
_LAYOUT: Final = struct.Struct(">B8sH15sIHBIHHIB")
assert _LAYOUT.size == SIGNED_BYTES


class OrderType(IntEnum):
    PAY = 0x11
    STATUS = 0x12


class ClockQuality(IntEnum):
    """How good `made_at` is: GATEWAY is the time of a gateway heard since this computer started."""

    GATEWAY = 0
    GUESSED = 1


_TYPES: Final = frozenset(OrderType)
_CLOCKS: Final = frozenset(ClockQuality)


class OfflineOrder(Struct, frozen=True, kw_only=True):
    """The fields of an ORDER.

    `oseq` counts this till's offline orders from 1 within an epoch; bit i of `cancelled` says that order `oseq - 1 - i`
    was cancelled at the till. `kid` is the proof key that the till can verify. `release` is the index of the typed code
    that would free this order, 0 for none. `made_at_s` is Unix seconds.
    """

    type: OrderType
    terminal_id: str
    epoch: int
    order_no: str
    amount_fen: int
    kid: int
    oseq: int
    cancelled: int
    release: int
    made_at_s: int
    clock: ClockQuality
    currency: int = CURRENCY_CNY

    def says_cancelled(self, oseq: int) -> bool:
        """Whether the bitmap says so of that earlier order."""
        place = self.oseq - 1 - oseq
        return 0 <= place < BITMAP_ORDERS and bool(self.cancelled >> place & 1)


class SignedOrder(Struct, frozen=True, kw_only=True):
    """An ORDER as it stands in the QR: its fields and its bytes. Not yet verified."""

    order: OfflineOrder
    raw: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is signed: what makes this order this order, and what a proof is bound to."""
        return sha256(self.raw[:SIGNED_BYTES]).digest()

    @property
    def text(self) -> str:
        """As it stands in the address."""
        return crockford(self.raw)

    def signed_by(self, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(self.raw[SIGNED_BYTES:], _SIGNED_AS + self.raw[:SIGNED_BYTES])
        except InvalidSignature:
            return False
        return True


def sign_order(order: OfflineOrder, key: Ed25519PrivateKey) -> SignedOrder:
    """The ORDER's bytes. The fields must fit: that is the till's business, so a misfit is a bug."""
    terminal = read_record(order.terminal_id, TERMINAL_ID_BYTES)
    number = read_record(order.order_no[:24], 15)
    assert terminal is not None, "a terminal id is 13 characters"
    assert number is not None, "an order number is 24 characters and a check character"
    assert new_number(number) == order.order_no, "an order number with its check character"
    assert 0 < order.amount_fen <= MOST_FEN, "an amount of 32 bits"
    signed = _LAYOUT.pack(
        order.type,
        terminal,
        order.epoch,
        number,
        order.amount_fen,
        order.currency,
        order.kid,
        order.oseq,
        order.cancelled,
        order.release,
        order.made_at_s,
        order.clock,
    )
    return SignedOrder(order=order, raw=signed + key.sign(_SIGNED_AS + signed))


def read_order(text: str) -> SignedOrder | None:
    """Reads the ORDER of an address, in any case; None when it is not one. The signature is not looked at."""
    raw = read_record(text, ORDER_BYTES)
    return None if raw is None else order_from(raw)


def order_from(raw: bytes) -> SignedOrder | None:
    """The same from bytes (a journal's)."""
    if len(raw) != ORDER_BYTES:
        return None
    kind, terminal, epoch, number, fen, currency, kid, oseq, cancelled, release, made_at, clock = _LAYOUT.unpack(
        raw[:SIGNED_BYTES]
    )
    if kind not in _TYPES or clock not in _CLOCKS or currency != CURRENCY_CNY or fen == 0 or oseq == 0:
        return None
    order = OfflineOrder(
        type=OrderType(kind),
        terminal_id=crockford(terminal),
        epoch=epoch,
        order_no=new_number(number),
        amount_fen=fen,
        currency=currency,
        kid=kid,
        oseq=oseq,
        cancelled=cancelled,
        release=release,
        made_at_s=made_at,
        clock=ClockQuality(clock),
    )
    return SignedOrder(order=order, raw=raw)
