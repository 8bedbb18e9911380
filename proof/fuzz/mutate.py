"""A seeded mutator: what is tried where atheris is not there, and in the tests' short slice. Same seed, same inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

_TOKENS: Final = (
    b"\x00", b"\xff", b"\r\n", b"&", b"=", b"%", b"%00", b"{", b"}", b"[", b"]", b'"', b"<", b">", b"</xml>",
    b"<![CDATA[",
    b"]]>", b"&#0;", b"\\ud800", b"\\u0000", b"-1", b"0", b"9" * 20, b"9" * 400, b"1e999", b"NaN", b"null", b"true",
    b"``", b",`",
    b"\t,", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xed\xa0\x80", b"PK\x03\x04", b"\x1f\x8b", b"SUCCESS", b"00",
    b"#", b"'''",
)  # fmt: skip


def inputs(seeds: Sequence[bytes], *, seed: int, count: int, most_bytes: int) -> Iterator[bytes]:
    """The seeds, then `count` mutations of them."""
    chance = Random(seed)
    corpus = [one[:most_bytes] for one in (b"", *seeds)]
    yield from corpus
    for _ in range(count):
        made = bytearray(chance.choice(corpus))
        for _ in range(chance.randint(1, 6)):
            _change(made, corpus, chance)
        yield bytes(made[:most_bytes])


def _change(made: bytearray, corpus: Sequence[bytes], chance: Random) -> None:
    at = chance.randint(0, len(made))
    end = min(len(made), at + chance.choice((1, 2, 4, 16, 64)))
    match chance.randrange(7):
        case 0:
            made[at:end] = b""
        case 1:
            made[at:at] = chance.choice(_TOKENS)
        case 2:
            made[at:end] = chance.choice(_TOKENS)
        case 3:
            made[at:at] = made[at:end] * chance.choice((1, 2, 50))
        case 4:
            made[at:at] = chance.randbytes(chance.choice((1, 4, 16)))
        case 5:
            other = chance.choice(corpus)
            made[at:] = other[chance.randint(0, len(other)) :]
        case _:
            if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
