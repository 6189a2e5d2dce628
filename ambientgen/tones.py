"""Tuned noise: white noise drawn together onto the partials of notes, for the vocoder to shape.

The texture vocoder gives its excitation the levels that a mel asks for, band by band. Of white
noise it makes noise, whatever the mel says; of noise that stands on notes it makes tones, as loud
and as bright. Each partial comes and goes by itself as a narrow band of noise does, and partials
near one another share the power that white noise has there: so the vocoder meets levels that it
knows. Notes are a function of absolute time, as noise is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.noise import Noise, NoiseField, Take
from ambientgen.voicings import NOTES, Voicing

FloatArray = NDArray[np.float32]
Doubles = NDArray[np.float64]
Frames = NDArray[np.int64]

# Of each note. Strings have more; over 7 kHz the model hears next to nothing.
PARTIALS, HIGHEST_HZ = 12, 7_000.0
# Of a harmonic's power with its number; of the corpus' strings 1.8 to 2.4, of its pads 2.4 to 3.4.
FALL = 2.0
NEAR_OCTAVES = 0.25  # in which partials share white noise's power: a few of a mel's bands
# Magnitude of the white noise that stays, beside what rises to the treble. Of what pocket makes of
# it nine tenths of the power stands out of its neighbourhood by 15 dB (docs/pocket.md).
FLOOR = 0.1
KNOT_S = 1.5  # in which a partial comes or goes: a band of about half a hertz, as of several voices
WOW_S = 0.004  # by which a note runs early or late: 5 cents out of tune, as procedural ones are
FADE_S = 2.0  # from one chord to the next; the corpus' pads swell for 0.4 to 2.4 s
TILE = 64  # mel frames made at once, counted from frame 0 of a turn: shapes never differ
SPLINE = 4  # knots that a moment hears, of a cubic B-spline
SETS = 2  # of courses, for even bars and odd ones: neighbours have nothing in common
COURSES = SETS * 2 * PARTIALS * NOTES  # numbers a knot: two parts of each partial


@dataclass(frozen=True)
class TimeAxis:
    """Where tuned noise stands in time: mel frames of `hop` samples, `frames_per_s` of them in a
    second that is heard; in a loop they come again after `period`."""

    frames_per_s: float
    hop: int
    period: int | None = None

    def parts(self, part_s: float, multiple: int = 1) -> int | None:
        """Parts of about `part_s` in a loop, a multiple of `multiple`; None: it is no loop."""
        if self.period is None:
            return None
        return multiple * max(1, round(self.period / (self.frames_per_s * part_s * multiple)))

    def at(self, frames: Frames, part_s: float, multiple: int = 1) -> tuple[Frames, Doubles]:
        """In which part of about `part_s` frames lie, counted on in later turns of a loop, and how
        far in it, 0 to 1."""
        if self.period is None:
            part, within = np.divmod(frames / (self.frames_per_s * part_s), 1.0)
            return part.astype(np.int64), within
        # Of the place in a turn alone, so that each turn has the same to the bit.
        parts = self.parts(part_s, multiple) or 1
        turns, place = np.divmod(frames, self.period)
        part, within = np.divmod(place / (self.period / parts), 1.0)
        return turns * parts + part.astype(np.int64), within

    def cycles(self, hz: Doubles) -> Doubles:
        """Cycles that tones make in a frame; in a loop the nearest that close it."""
        cycles = hz / self.frames_per_s
        return cycles if self.period is None else np.round(cycles * self.period) / self.period


@dataclass(frozen=True)
class Tuned:
    """Noise of `white`, `axis.hop` numbers a frame, drawn together onto a voicing's partials.

    `courses` say how partials come and go: (knots, `COURSES`), of a knot the real and then the
    imaginary parts of all partials for even bars, and for odd ones; partials by harmonic, then by
    note. `wow` says how early or late notes run: (knots, `NOTES`).
    """

    white: Noise
    courses: Noise
    wow: Noise
    voicing: Voicing
    axis: TimeAxis

    def frames(self, start: int, count: int) -> FloatArray:
        """Frames `start … start + count - 1` as float32 (count, hop): of about unit variance, the
        same to the bit in whatever stretch they are asked for.

        Raises ValueError for a negative count.
        """
        return np.asarray(self.air(start, count) + self.tones(start, count))

    def air(self, start: int, count: int) -> FloatArray:
        """The white noise that stays, (count, hop): beside `FLOOR` its second difference, which
        rises to all of it at the highest frequencies, where there are no partials."""
        white = self.white.frames(start - 1, count + 2).ravel()
        first, end = self.axis.hop, len(white) - self.axis.hop
        around = white[first - 1 : end - 1] + white[first + 1 : end + 1]
        own = white[first:end]
        air = np.float32(FLOOR) * own + (own - np.float32(0.5) * around) / np.float32(2.0)
        return np.asarray(air, np.float32).reshape(count, self.axis.hop)

    def tones(self, start: int, count: int) -> FloatArray:
        """The partials alone, (count, hop)."""
        made = [np.zeros((0, self.axis.hop), np.float32)]
        for first, end in _turns(start, start + count, self.axis.period):
            low, high = first // TILE, -(-end // TILE)
            tiles = np.concatenate([self._tile(tile) for tile in range(low, high)])
            made.append(tiles[first - low * TILE : end - low * TILE])
        return np.concatenate(made)

    def _tile(self, tile: int) -> FloatArray:
        """The partials of one tile of frames, (TILE, hop)."""
        # One frame more: inside a frame a partial goes straight to where it is in the next.
        frames = np.arange(tile * TILE, (tile + 1) * TILE + 1, dtype=np.int64)
        courses = self._between(self.courses, frames).reshape(TILE + 1, SETS, 2, -1)
        late = WOW_S * self.axis.frames_per_s * np.tile(self._between(self.wow, frames), PARTIALS)
        heard = torch.zeros(TILE, self.axis.hop)
        for bar, weights in self._bars(frames):
            cycles, magnitudes = partials(self.voicing, bar, self.axis)
            real, imaginary = courses[:, bar % SETS].swapaxes(0, 1)
            moving = (real + 1j * imaginary) / math.sqrt(2.0) * weights[:, None] * magnitudes
            moving *= np.exp(2j * math.pi * cycles * late)
            turned = np.exp(2j * math.pi * ((frames[:-1, None] * cycles) % 1.0))
            here, next_ = moving[:-1] * turned, moving[1:] * turned
            rows = np.concatenate([here.real, -here.imag, next_.real, -next_.imag], axis=1)
            waves = _waves(self.voicing, bar, self.axis)
            heard += torch.from_numpy(rows.astype(np.float32)) @ waves
        return np.asarray(heard.numpy())

    def _bars(self, frames: Frames) -> list[tuple[int, Doubles]]:
        """The bars that sound in some of these frames, and how strongly in each. Neighbours have
        nothing in common, so their powers add up."""
        bars = self.axis.parts(self.voicing.bar_s, SETS)
        own, within = self.axis.at(frames, self.voicing.bar_s, SETS)
        length = self.voicing.bar_s
        if bars is not None and self.axis.period is not None:
            length = self.axis.period / bars / self.axis.frames_per_s
        # A bar begins in the middle of its part: no joint of a loop, and no beginning, is a fade.
        fade = min(0.5, FADE_S / length)
        gone = np.clip((within - 0.5) / fade + 0.5, 0.0, 1.0)
        weights: dict[int, Doubles] = {}
        for bar_of, here in ((own, 1.0 - gone), (own + 1, gone)):
            loud = np.sin(0.5 * math.pi * here)
            for bar in np.unique(bar_of):
                number = int(bar) if bars is None else int(bar) % bars
                share = np.where(bar_of == bar, loud, 0.0)
                weights[number] = weights.get(number, 0.0) + share
        return [(bar, share) for bar, share in sorted(weights.items()) if share.any()]

    def _between(self, drawn: Noise, frames: Frames) -> Doubles:
        """Noise that has a frame at each knot, at all `frames`: (frames, width), of unit power."""
        at, within = self.axis.at(frames, KNOT_S)
        first = int(at[0])
        values = drawn.frames(first, int(at[-1]) - first + SPLINE).astype(np.float64)
        near, spline = at - first, _spline(within)
        spline /= np.sqrt((spline**2).sum(0))
        moved = sum(spline[k][:, None] * values[near + k] for k in range(SPLINE))
        return np.asarray(moved, np.float64)


def tuned_noise(take: Take, voicing: Voicing, white: Noise, axis: TimeAxis) -> Tuned:
    """Tuned noise of a take, made of its `white` noise. On either side of a wide sound notes run
    early and late alike: else it had less in common than it should."""
    knots = axis.parts(KNOT_S)
    courses = take.field("courses of partials", COURSES, knots)
    wow = NoiseField(take.seed, "wow", NOTES, knots)
    return Tuned(white, courses, wow, voicing, axis)


@lru_cache(maxsize=8)
def partials(voicing: Voicing, bar: int, axis: TimeAxis) -> tuple[Doubles, Doubles]:
    """Of a bar's partials (PARTIALS * NOTES,): cycles a frame, and magnitudes, of which 0 are those
    too high to be made."""
    harmonics = np.repeat(np.arange(1, PARTIALS + 1), NOTES)
    hz = np.tile(voicing.notes_hz(bar), PARTIALS) * harmonics
    # A note's harmonics are softer than notes near them: the fifth is a major third, in any key.
    powers = np.where(hz < HIGHEST_HZ, harmonics**-FALL, 0.0)
    near = np.exp(-0.5 * (np.log2(hz / hz[:, None]) / NEAR_OCTAVES) ** 2)
    # So near to each of them white noise of unit variance, 2 / rate a hertz, has this much power.
    rate = axis.frames_per_s * axis.hop
    white = 2.0 / rate * hz * math.log(2.0) * NEAR_OCTAVES * math.sqrt(2.0 * math.pi)
    # A tone's power is half its square.
    magnitudes = np.sqrt(2.0 * white * powers / (near @ powers))
    cycles = axis.cycles(hz)
    for shared in (cycles, magnitudes):
        shared.setflags(write=False)
    return cycles, magnitudes


@lru_cache(maxsize=8)
def _waves(voicing: Voicing, bar: int, axis: TimeAxis) -> torch.Tensor:
    """What one of each partial is inside a frame, (4 * PARTIALS * NOTES, hop): cosine and sine as
    they fade out, and as they come in."""
    cycles, _ = partials(voicing, bar, axis)
    within = np.arange(axis.hop) / axis.hop
    angles = 2 * math.pi * cycles[:, None] * within
    both = np.concatenate([np.cos(angles), np.sin(angles)])
    return torch.from_numpy(np.concatenate([both * (1.0 - within), both * within]).astype("f4"))


def _turns(start: int, end: int, period: int | None) -> Iterator[tuple[int, int]]:
    """Frames `start` to `end` as stretches of a loop's first turn; of no loop, as they are."""
    if period is None:
        if end > start:
            yield start, end
        return
    while start < end:
        first = start % period
        last = min(period, first + end - start)
        yield first, last
        start += last - first


def _spline(within: Doubles) -> Doubles:
    """The weights (SPLINE, n) of the knots around moments that lie `within` (0 to 1) between the
    inner two: a uniform cubic B-spline's."""
    left = 1.0 - within
    return np.stack(
        [
            left**3,
            3 * within**3 - 6 * within**2 + 4,
            3 * left**3 - 6 * left**2 + 4,
            within**3,
        ]
    )
