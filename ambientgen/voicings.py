"""Which notes sound when: the keys and chords on which a model's music and drones stand.

A mel's bands are wider than the steps of a scale, so a mel can say how loud and how bright music
is, and not which notes it plays. Those are chosen here, as functions of absolute time: by the seed
of a whole scene, so that all that is tuned in it is in one key and plays one chord at a time.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ambientgen.noise import NoiseField

FloatArray = NDArray[np.float64]

NOTES = 5
"""Notes that sound at a time."""

SEMITONES = 12
"""Of an octave, all alike (equal temperament)."""

PITCH_A_HZ, NUMBER_OF_A = 440.0, 69  # ISO 16; MIDI counts semitones from 69 there
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # MIDI's 12 is a C
OTHER_NAMES = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}
# Semitones over the tonic. A chord stands on a step whose fifth is a perfect one: the others are
# restless.
MODES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
}
PERFECT_FIFTH = 7
LOWEST_TONIC = 45  # A2, 110 Hz; the others are the eleven semitones above it
# Of a held chord: its lowest note lies in the octave from here, and the others over it by fifths
# and octaves, which no key contradicts.
LOWEST_HELD_HZ = 38.0
HELD_RATIOS = (1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True)
class Key:
    """A tonic and a mode, by their names: of `TONICS` and of `MODES`."""

    tonic: str
    mode: str

    @classmethod
    def drawn(cls, seed: int) -> Key:
        """The key that a seed, any integer, has drawn."""
        tonic = TONICS[_drawn(seed, "tonic", 0, len(TONICS))]
        return cls(tonic, list(MODES)[_drawn(seed, "mode", 0, len(MODES))])

    @classmethod
    def named(cls, name: str) -> Key:
        """The key called so, such as `D minor`; letters may be small, `Db` is `C#`.

        Raises ValueError for any other text.
        """
        tonic, _, mode = name.strip().partition(" ")
        tonic, mode = tonic[:1].upper() + tonic[1:], mode.strip().lower()
        tonic = OTHER_NAMES.get(tonic, tonic)
        if tonic not in TONICS or mode not in MODES:
            raise ValueError(f"{name!r} is no key")
        return cls(tonic, mode)

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


@dataclass(frozen=True)
class Voicing(ABC):
    """Notes bar by bar.

    bar_s: about how long a bar lasts, in seconds; in a loop bars fill the turn.
    """

    tuning: Tuning
    bar_s: ClassVar[float] = 7.0  # calm: twice as long as most bars of the corpus' music

    @abstractmethod
    def notes_hz(self, bar: int) -> FloatArray:
        """The fundamentals (`NOTES`,) of a bar; it may be below 0."""


class Chords(Voicing):
    """Slow chords of one key: a bass, and a triad with its seventh an octave above."""

    def notes_hz(self, bar: int) -> FloatArray:
        """As `Voicing` says."""
        key = self.tuning.key
        root = key.roots[_drawn(self.tuning.seed, "chord", bar, len(key.roots))]
        above = [key.semitones(root + third) for third in (0, 2, 4, 6)]
        return _pitch_hz(np.array([above[0] - SEMITONES, *above], np.float64) + key.number)


class Held(Voicing):
    """One deep chord for ever: the key's tonic, its fifth, and both in higher octaves."""

    def notes_hz(self, bar: int) -> FloatArray:
        """As `Voicing` says; the same for all bars."""
        tonic_hz = float(_pitch_hz(np.float64(self.tuning.key.number)))
        octaves = math.floor(math.log2(tonic_hz / LOWEST_HELD_HZ))
        return tonic_hz / 2.0**octaves * np.array(HELD_RATIOS)


VOICINGS: Mapping[str, Callable[[Tuning], Voicing]] = {"chords": Chords, "held": Held}
"""By the names that a model's ambientgen.json has for them."""


def _pitch_hz(number: FloatArray | np.float64) -> FloatArray:
    """Equal temperament."""
    return np.asarray(PITCH_A_HZ * 2.0 ** ((number - NUMBER_OF_A) / SEMITONES))


def _drawn(seed: int, what: str, place: int, count: int) -> int:
    """A whole number from 0 to `count` - 1, the same whenever it is asked for."""
    normal = float(NoiseField(seed, what, 1).frames(place, 1)[0, 0])
    return min(count - 1, math.floor(count * 0.5 * math.erfc(-normal / math.sqrt(2.0))))
