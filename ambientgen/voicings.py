"""Which notes sound when: the keys and chords on which a model's music and drones stand.

A mel's bands are wider than the steps of a scale, so a mel can say how loud and how bright music
is, and not which notes it plays. Those are chosen here, as functions of absolute time, from the
tuning of a whole scene: all that is tuned in it is in one key and plays one chord at a time.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ambientgen.tuning import SEMITONES, Tuning

Doubles = NDArray[np.float64]

NOTES = 5
"""Notes that sound at a time: of a chord as the corpus' music has it (`synth/music.py`), with a
seventh and a bass."""

PHRASE = 4  # bars, of which the first is on the tonic, so that the key is heard
PITCH_A_HZ, NUMBER_OF_A = 440.0, 69  # ISO 16; MIDI counts semitones from 69 there
# Of a held chord: its lowest note lies in the octave from here, as those of the corpus' drones do
# (`synth/drone.py`), and the others over it by fifths and octaves, which no key contradicts.
LOWEST_HELD_HZ = 38.0
HELD_RATIOS = (1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True)
class Voicing(ABC):
    """Notes bar by bar.

    bar_s: about how long a bar lasts, in seconds; in a loop bars fill the turn.
    """

    tuning: Tuning
    bar_s: ClassVar[float] = 7.0  # calm: twice as long as most bars of the corpus' music

    @abstractmethod
    def notes_hz(self, bar: int) -> Doubles:
        """The fundamentals (`NOTES`,) of a bar; it may be below 0."""


class Chords(Voicing):
    """Slow chords of one key, the tonic's again and again: a bass, and a triad with its seventh an
    octave above."""

    def notes_hz(self, bar: int) -> Doubles:
        """As `Voicing` says."""
        key = self.tuning.key
        roots = key.roots[bar % 2 :: 2]  # so that no chord comes twice in a row
        at_home = bar % PHRASE == 0
        root = roots[0 if at_home else self.tuning.drawn("chord", bar, len(roots))]
        above = [key.semitones(root + third) for third in (0, 2, 4, 6)]
        return _pitch_hz(np.array([above[0] - SEMITONES, *above], np.float64) + key.number)


class Held(Voicing):
    """One deep chord for ever: the key's tonic, its fifth, and both in higher octaves."""

    def notes_hz(self, bar: int) -> Doubles:
        """As `Voicing` says; the same for all bars."""
        tonic_hz = float(_pitch_hz(np.float64(self.tuning.key.number)))
        octaves = math.floor(math.log2(tonic_hz / LOWEST_HELD_HZ))
        return tonic_hz / 2.0**octaves * np.array(HELD_RATIOS)


VOICINGS: Mapping[str, Callable[[Tuning], Voicing]] = {"chords": Chords, "held": Held}
"""By the names that a model's ambientgen.json has for them."""


def _pitch_hz(number: Doubles | np.float64) -> Doubles:
    """Equal temperament."""
    return np.asarray(PITCH_A_HZ * 2.0 ** ((number - NUMBER_OF_A) / SEMITONES))
