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
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ambientgen.noise import NoiseField

FloatArray = NDArray[np.float64]

NOTES = 5
"""Notes that sound at a time."""

PITCH_A_HZ, NUMBER_OF_A = 440.0, 69  # ISO 16; MIDI counts semitones from 69 there
SEMITONES = 12
# Semitones over the tonic: major, natural minor, dorian, mixolydian, lydian. A chord stands on a
# step whose fifth is a perfect one: the others are restless.
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 4, 6, 7, 9, 11),
)
PERFECT_FIFTH = 7
LOWEST_TONIC = 45  # A2, 110 Hz; the others are the eleven semitones above it
# Of a held chord: its lowest note lies in the octave from here, and the others over it by fifths
# and octaves, which no key contradicts.
LOWEST_HELD_HZ = 38.0
HELD_RATIOS = (1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True)
class Voicing(ABC):
    """Notes bar by bar, drawn from a seed: any integer.

    bar_s: about how long a bar lasts, in seconds; in a loop bars fill the turn.
    """

    seed: int
    bar_s: ClassVar[float] = 7.0  # calm: twice as long as most bars of the corpus' music

    @abstractmethod
    def notes_hz(self, bar: int) -> FloatArray:
        """The fundamentals (`NOTES`,) of a bar; it may be below 0."""


@dataclass(frozen=True)
class Key:
    """A tonic and a scale, drawn from a seed: any integer."""

    seed: int

    @cached_property
    def tonic(self) -> int:
        """A MIDI number, `LOWEST_TONIC` to eleven above it."""
        return LOWEST_TONIC + _drawn(self.seed, "tonic", 0, SEMITONES)

    @cached_property
    def scale(self) -> tuple[int, ...]:
        """One of `SCALES`."""
        return SCALES[_drawn(self.seed, "scale", 0, len(SCALES))]

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """The steps of the scale, from 0, that carry a chord with a perfect fifth."""
        return tuple(
            step
            for step in range(len(self.scale))
            if self.semitones(step + 4) - self.semitones(step) == PERFECT_FIFTH
        )

    def semitones(self, step: int) -> int:
        """Of a step of the scale, over the tonic; steps go on in the next octave."""
        octave, within = divmod(step, len(self.scale))
        return self.scale[within] + SEMITONES * octave


@dataclass(frozen=True)
class Chords(Voicing):
    """Slow chords of one key: a bass, and a triad with its seventh an octave above."""

    def notes_hz(self, bar: int) -> FloatArray:
        """As `Voicing` says."""
        key = Key(self.seed)
        root = key.roots[_drawn(self.seed, "chord", bar, len(key.roots))]
        above = [key.semitones(root + third) for third in (0, 2, 4, 6)]
        return _pitch_hz(np.array([above[0] - SEMITONES, *above], np.float64) + key.tonic)


@dataclass(frozen=True)
class Held(Voicing):
    """One deep chord for ever: the key's tonic, its fifth, and both in higher octaves."""

    def notes_hz(self, bar: int) -> FloatArray:
        """As `Voicing` says; the same for all bars."""
        tonic_hz = float(_pitch_hz(np.float64(Key(self.seed).tonic)))
        octaves = math.floor(math.log2(tonic_hz / LOWEST_HELD_HZ))
        return tonic_hz / 2.0**octaves * np.array(HELD_RATIOS)


VOICINGS: Mapping[str, Callable[[int], Voicing]] = {"chords": Chords, "held": Held}
"""By the names that a model's ambientgen.json has for them."""


def _pitch_hz(number: FloatArray | np.float64) -> FloatArray:
    """Equal temperament."""
    return np.asarray(PITCH_A_HZ * 2.0 ** ((number - NUMBER_OF_A) / SEMITONES))


def _drawn(seed: int, what: str, place: int, count: int) -> int:
    """A whole number from 0 to `count` - 1, the same whenever it is asked for."""
    normal = float(NoiseField(seed, what, 1).frames(place, 1)[0, 0])
    return min(count - 1, math.floor(count * 0.5 * math.erfc(-normal / math.sqrt(2.0))))
