"""The signer port's cheap side: keys whose signature is a keyed hash, for worlds that are not about cryptography.

They stand in for Ed25519 and RSA keys behind the same abstract classes, so that every line of the programs that signs
and verifies still runs: what is covered, what is compared, what is refused. Who knows a public half could forge, which
nobody in these worlds does; every fiftieth seed, and `--real-crypto`, use the real keys.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any, TypeVar, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct
from msgspec.structs import replace

from gateway.channels.unionpay.certificates import CertificateChain
from protocol.keys import read_b64url

T = TypeVar("T")


def hashed_public(text: str) -> Ed25519PublicKey | None:
    """`protocol.keys.read_public` for these keys."""
    raw = read_b64url(text)
    return None if raw is None or len(raw) != 32 else HashedPublicKey(raw)


class HashedPublicKey(Ed25519PublicKey):
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def public_bytes(self, encoding: Any, format: Any) -> bytes:  # noqa: A002 - the base class names it so
        del encoding, format
        return self._raw

    def public_bytes_raw(self) -> bytes:
        return self._raw

    def verify(self, signature: Any, data: Any) -> None:
        if bytes(signature) != blake2b(data, key=self._raw).digest():
            raise InvalidSignature

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashedPublicKey) and other.public_bytes_raw() == self._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __copy__(self) -> HashedPublicKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> HashedPublicKey:
        return self


class HashedPrivateKey(Ed25519PrivateKey):
    """From a 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._public = HashedPublicKey(blake2b(seed, digest_size=32, person=b"public half").digest())

    def public_key(self) -> Ed25519PublicKey:
        return self._public

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002
        del encoding, format, encryption_algorithm
        return self._seed

    def private_bytes_raw(self) -> bytes:
        return self._seed

    def sign(self, data: Any) -> bytes:
        return blake2b(data, key=self._public.public_bytes_raw()).digest()

    def __copy__(self) -> HashedPrivateKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> HashedPrivateKey:
        return self


class HashedRsaPublicKey(RSAPublicKey):
    """All but `verify` is the real key's, so that texts and certificates stay what they were."""

    def __init__(self, real: RSAPublicKey, mark: bytes | None = None) -> None:
        self._real = real
        self._mark = mark or _mark(real)

    def encrypt(self, plaintext: bytes, padding: Any) -> bytes:
        return self._real.encrypt(plaintext, padding)

    @property
    def key_size(self) -> int:
        return self._real.key_size

    def public_numbers(self) -> Any:
        return self._real.public_numbers()

    def public_bytes(self, encoding: Any, format: Any) -> bytes:  # noqa: A002
        return self._real.public_bytes(encoding, format)

    def verify(self, signature: Any, data: Any, padding: Any, algorithm: Any) -> None:
        del padding, algorithm
        if bytes(signature) != blake2b(data, key=self._mark).digest():
            raise InvalidSignature

    def recover_data_from_signature(self, signature: bytes, padding: Any, algorithm: Any) -> bytes:
        return self._real.recover_data_from_signature(signature, padding, algorithm)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RSAPublicKey) and other.public_numbers() == self._real.public_numbers()

    def __hash__(self) -> int:
        return hash(self._mark)

    def __copy__(self) -> HashedRsaPublicKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> HashedRsaPublicKey:
        return self


class HashedRsaKey(RSAPrivateKey):
    """All but `sign` is the real key's."""

    def __init__(self, real: RSAPrivateKey) -> None:
        self._real = real
        self._mark = _mark(real.public_key())
        self._public = HashedRsaPublicKey(real.public_key(), self._mark)

    def decrypt(self, ciphertext: bytes, padding: Any) -> bytes:
        return self._real.decrypt(ciphertext, padding)

    @property
    def key_size(self) -> int:
        return self._real.key_size

    def public_key(self) -> RSAPublicKey:
        return self._public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        del padding, algorithm
        return blake2b(data, key=self._mark).digest()

    def private_numbers(self) -> Any:
        return self._real.private_numbers()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002
        return self._real.private_bytes(encoding, format, encryption_algorithm)

    def __copy__(self) -> HashedRsaKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> HashedRsaKey:
        return self


class _HashedChain(CertificateChain):
    """UnionPay's answers carry their certificate: it is believed as ever, its key is the cheap one."""

    def key_of(self, pem: str, *, now_ms: int) -> RSAPublicKey | None:
        key = CertificateChain.key_of(self, pem, now_ms=now_ms)
        return None if key is None else HashedRsaPublicKey(key)


def with_hashed_keys(value: T) -> T:
    """A copy of a value of the gateway's channels or of the sandbox in which every RSA key is a cheap one."""
    return cast("T", _swapped(value))


def _swapped(value: Any) -> Any:
    if isinstance(value, RSAPrivateKey):
        return HashedRsaKey(value)
    if isinstance(value, RSAPublicKey):
        return HashedRsaPublicKey(value)
    if isinstance(value, CertificateChain):
        return _HashedChain(roots=value.roots, middles=value.middles, signer_name=value.signer_name)
    if isinstance(value, tuple):
        return tuple(_swapped(one) for one in cast("tuple[Any, ...]", value))
    if isinstance(value, Mapping):
        return {name: _swapped(one) for name, one in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Struct):
        return replace(value, **{name: _swapped(getattr(value, name)) for name in value.__struct_fields__})
    if is_dataclass(value) and not isinstance(value, type):
        made = copy.copy(value)
        for field in fields(value):
            object.__setattr__(made, field.name, _swapped(getattr(value, field.name)))
        return made
    return value


def _mark(key: RSAPublicKey) -> bytes:
    return blake2b(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
