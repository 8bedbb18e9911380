"""Makes the counter's sounds: `python assets/sounds/make_sounds.py`. Deterministic: the same bytes on every machine.

Rules: each state has its own melody, told apart by rhythm and direction and not by pitch alone; a sound starts at full
loudness within 5 ms (a scan's tick is heard at once) and ends in silence, so that no speaker clicks.
Written from sine partials by the standard library alone; the product's own work, no recording is used.
"""

import math
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RATE_HZ = 22_050
ATTACK_S = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One decaying tone; `hz` 0 is a rest. `partials` are the loudness of the 1st, 2nd ... harmonic."""

    hz: float
    length_s: float
    loudness: float = 0.6
    decay: float = 5.0
    partials: tuple[float, ...] = (1.0, 0.35, 0.12)


REST = Note(hz=0, length_s=0.05, loudness=0)
C5, E5, LOW_A, LOW_F = 523.25, 659.25, 220.0, 174.61
WOOD = (1.0, 0.0, 0.5, 0.0, 0.25)

SOUNDS: dict[str, tuple[Note, ...]] = {
    "scan_taken": (Note(hz=1760, length_s=0.06, loudness=0.5, decay=9, partials=WOOD),),
    "paid": (Note(hz=C5, length_s=0.16, decay=4), Note(hz=E5, length_s=0.42)),
    "late": (
        Note(hz=C5, length_s=0.14, decay=4),
        Note(hz=E5, length_s=0.22),
        REST,
        Note(hz=C5, length_s=0.14, decay=4),
        Note(hz=E5, length_s=0.42),
    ),
    "not_paid": (Note(hz=LOW_A, length_s=0.22), REST, Note(hz=LOW_F, length_s=0.40)),
    "refused": (Note(hz=294, length_s=0.09, loudness=0.6, decay=10, partials=WOOD),),
    "offline": (Note(hz=LOW_F, length_s=0.50, decay=3),),
    "unknown": (Note(hz=440, length_s=0.35, loudness=0.35, decay=2), REST, Note(hz=440, length_s=0.35, decay=4)),
}


def samples(note: Note) -> list[float]:
    """One note as numbers in -1 … 1."""
    count = int(note.length_s * RATE_HZ)
    scale = note.loudness / sum(note.partials)
    found: list[float] = []
    for index in range(count):
        t = index / RATE_HZ
        envelope = min(1.0, t / ATTACK_S) * math.exp(-note.decay * t) * min(1.0, (count - index) / (0.01 * RATE_HZ))
        tone = sum(p * math.sin(2 * math.pi * note.hz * (n + 1) * t) for n, p in enumerate(note.partials))
        found.append(scale * envelope * tone)
    return found


def write(name: str, notes: tuple[Note, ...]) -> None:
    """Writes one mono 16-bit file."""
    frames = array("h", (round(32_767 * value) for note in notes for value in samples(note)))
    with wave.open(str(HERE / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(frames.tobytes())


def main() -> None:
    """Writes every sound beside this script."""
    for name, notes in SOUNDS.items():
        write(name, notes)


if __name__ == "__main__":
    main()
