"""What the music and drones of a scene have in common: a key, and a seed that draws its chords."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

SEMITONES = 12
"""Of an octave, all alike (equal temperament)."""

TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # MIDI's 12 is a C
OTHER_NAMES = {
    **{"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"},
    **{"Cb": "B", "Fb": "E", "E#": "F", "B#": "C"},
}
# Semitones over the tonic, those of the corpus' music (`synth/music.py`). A chord stands on a step
# whose fifth is a perfect one: the others are restless.
MODES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
}
PERFECT_FIFTH = 7
LOWEST_TONIC = 45  # A2, 110 Hz, the others above it; the corpus' music has 46 to 58


@dataclass(frozen=True)
class Key:
    """A tonic and a mode, by their names: of `TONICS` and of `MODES`.

    Raises ValueError for any others.
    """

    tonic: str
    mode: str

    def __post_init__(self) -> None:
        if self.tonic not in TONICS or self.mode not in MODES:
            raise ValueError(f"{self.name!r} is no key")

    @classmethod
    def drawn(cls, seed: int) -> Key:
        """The key that a seed, any integer, has drawn."""
        tonic = TONICS[_drawn(seed, "tonic", len(TONICS))]
        return cls(tonic, list(MODES)[_drawn(seed, "mode", len(MODES))])

    @classmethod
    def named(cls, name: str) -> Key:
        """The key called so, such as `D minor`; letters may be small, `Db` is `C#`.

        Raises ValueError for any other text.
        """
        tonic, _, mode = name.strip().partition(" ")
        tonic = tonic[:1].upper() + tonic[1:]
        try:
            return cls(OTHER_NAMES.get(tonic, tonic), mode.strip().lower())
        except ValueError:
            raise ValueError(f"{name!r} is no key") from None

    @classmethod
    def meant(cls, name: str) -> Key | None:
        """The key that a text which is no name of one probably means: `Am`, `A`, `D-minor`."""
        plain = re.sub(r"[-_]", " ", name).strip()
        minor = re.sub(r" *(m|min|moll)$", " minor", plain)
        for tried in (plain, minor, f"{plain} major", re.sub(r" *(maj|dur)$", " major", plain)):
            with suppress(ValueError):
                return cls.named(tried)
        return None

    @property
    def name(self) -> str:
        """As `named` takes it."""
        return f"{self.tonic} {self.mode}"

    @property
    def number(self) -> int:
        """The tonic's MIDI number, `LOWEST_TONIC` to eleven above it."""
        return LOWEST_TONIC + (TONICS.index(self.tonic) - LOWEST_TONIC) % len(TONICS)

    @property
    def roots(self) -> tuple[int, ...]:
        """The steps of the scale, from 0, that carry a chord with a perfect fifth."""
        return tuple(
            step
            for step in range(len(MODES[self.mode]))
            if self.semitones(step + 4) - self.semitones(step) == PERFECT_FIFTH
        )

    def semitones(self, step: int) -> int:
        """Of a step of the scale, over the tonic; steps go on in the next octave."""
        steps = MODES[self.mode]
        octave, within = divmod(step, len(steps))
        return steps[within] + SEMITONES * octave


@dataclass(frozen=True)
class Tuning:
    """What all that is tuned in a scene has in common: its key, and the seed, any integer, that
    draws which chords of it are played."""

    key: Key
    seed: int

    def drawn(self, what: str, place: int, count: int) -> int:
        """A whole number from 0 to `count` - 1, the same whenever it is asked for."""
        return _drawn(self.seed, f"{what} {place}", count)


def _drawn(seed: int, what: str, count: int) -> int:
    name = f"{seed}\0{what}".encode()
    digest = hashlib.blake2b(name, digest_size=8, person=b"ambientgen tune").digest()
    return int.from_bytes(digest, "little") % count
