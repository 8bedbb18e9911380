"""What a till needs to sell without the line, in a world: its order key, its anchor outside of the data folder. And
what the gateway leaves out because it is slow and nobody looks at it.

The order key and the gateway's proof keys are real Ed25519 keys in every world: they are few, and they are the subject.
"""

from __future__ import annotations

from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from protocol.offline.typed_code import SlowHash
from sync.anchor import AnchorRecord
from sync.offline_desk import OfflineMeans


def no_picture(_text: str) -> dict[str, object]:
    """The gun of these worlds reads a proof's text."""
    return {}


class SimulatedAnchor:
    """One machine's own store, which no copy of its data folder brings along."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._record: AnchorRecord | None = None

    def read(self) -> AnchorRecord | None:
        return self._record

    def write(self, record: AnchorRecord) -> None:
        self._record = replace(record)

    def machine(self) -> str:
        return self._machine


class Means:
    """A machine's: `key` stands in the data folder and is copied with it, `anchor` is not, but by who copies the whole
    machine. `slow_hash`: of typed codes, as the gateway of this world makes it."""

    def __init__(self, machine: str, key: Ed25519PrivateKey, slow_hash: SlowHash) -> None:
        self.key = key
        self.anchor = SimulatedAnchor(machine)
        self.slow_hash = slow_hash
        #: What the anchor held when the disk was copied.
        self.imaged: AnchorRecord | None = None

    def is_copied(self) -> None:
        """A copy of its disk is made, perhaps of all that there is."""
        self.imaged = self.anchor.read()

    def of_epoch(self, epoch: int, slow_hash: SlowHash) -> OfflineMeans:
        return OfflineMeans(epoch=epoch, key=self.key, anchor=self.anchor, slow_hash=slow_hash)


def make_means(machine: str, chance: Random, copied: Means | None, slow_hash: SlowHash) -> Means:
    """`copied`: of the machine whose disk this one's is a copy of; now and then its anchor is, too."""
    if copied is None:
        return Means(machine, Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)), slow_hash)
    made = Means(machine, copied.key, slow_hash)
    if copied.imaged is not None and chance.random() < 0.7:
        made.anchor.write(copied.imaged)
    return made
