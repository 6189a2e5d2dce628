"""Tuned noise: white noise drawn together onto the partials of notes, for the vocoder to shape.

The texture vocoder gives its excitation the levels that a mel asks for, band by band. Of white
noise it makes noise, whatever the mel says; of noise that stands on notes it makes tones, as loud
and as bright. Each partial comes and goes by itself as a narrow band of noise does, and carries as
much power as white noise has in the part of the spectrum that is nearest to it: so the vocoder
meets levels that it knows. Notes are a function of absolute time, as noise is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.noise import Noise, NoiseField, Take
from ambientgen.voicings import NOTES, Voicing

FloatArray = NDArray[np.float32]

# Of each note. Strings have more; over 7 kHz the model hears next to nothing.
PARTIALS, HIGHEST_HZ = 12, 7_000.0
WIDEST_HZ = 400.0  # that a partial stands for: beyond the last ones lies nothing but `FLOOR`
# Magnitude of the white noise that stays. Of what pocket makes of it, 0.9 of the power stands out
# of its neighbourhood by 15 dB (procedural music 1.0, drones 0.9 to 1.0); with 0.3 it is 0.75.
FLOOR = 0.1
KNOT_S = 1.5  # in which a partial comes or goes: a band of about half a hertz, as of several voices
WOW_S = 0.004  # by which a note runs early and late: out of tune by 4 cents, as procedural ones are
FADE_S = 2.0  # from one chord to the next
TILE = 64  # mel frames made at once, counted from absolute frame 0: shapes never differ
SPLINE = 4  # knots that a moment hears, of a cubic B-spline
BARS = 2  # even and odd ones: neighbours have nothing in common
COURSES = BARS * 2 * PARTIALS * NOTES  # numbers a knot: two parts of each partial


@dataclass(frozen=True)
class Beat:
    """The time axis of tuned noise: `frames_per_s` mel frames of `hop` samples; in a loop they come
    again after `period`."""

    frames_per_s: float
    hop: int
    period: int | None = None

    def parts(self, part_s: float, multiple: int = 1) -> int | None:
        """Parts of about `part_s` in a turn, a multiple of `multiple`; None: there are no turns."""
        if self.period is None:
            return None
        return multiple * max(1, round(self.period / (self.frames_per_s * part_s * multiple)))

    def frames_of(self, part_s: float, parts: int | None) -> float:
        """Frames of such a part."""
        if self.period is None or parts is None:
            return self.frames_per_s * part_s
        return self.period / parts

    def turns(self, hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turns that tones make in a frame; in a loop the nearest that close it."""
        turns = hz / self.frames_per_s
        return turns if self.period is None else np.round(turns * self.period) / self.period


@dataclass(frozen=True)
class Tuned:
    """Noise of `white`, `beat.hop` numbers a frame, drawn together onto a voicing's partials.

    `courses` says how partials come and go, `COURSES` numbers a knot; `wow` how early and late
    notes run, one for each.
    """

    white: Noise
    courses: Noise
    wow: Noise
    voicing: Voicing
    beat: Beat

    def frames(self, start: int, count: int) -> FloatArray:
        """Frames `start … start + count - 1` as float32 (count, hop): of about unit variance, the
        same to the bit in whatever stretch they are asked for."""
        first, stop = start // TILE, -(-(start + count) // TILE)
        tones = np.concatenate([self._tile(tile) for tile in range(first, stop)])
        skipped = start - first * TILE
        return np.asarray(self._air(start, count) + tones[skipped : skipped + count])

    def _air(self, start: int, count: int) -> FloatArray:
        """The white noise that stays, (count, hop)."""
        white = self.white.frames(start - 1, count + 2).ravel()
        first, end = self.beat.hop, len(white) - self.beat.hop
        around = white[first - 1 : end - 1] + white[first + 1 : end + 1]
        own = white[first:end]
        air = np.float32(FLOOR) * own + (own - np.float32(0.5) * around) / np.float32(2.0)
        return np.asarray(air, np.float32).reshape(count, self.beat.hop)

    def _tile(self, tile: int) -> FloatArray:
        """The tones of one tile of frames, (TILE, hop)."""
        # One frame more: inside a frame a partial goes straight to where it is in the next.
        frames = np.arange(tile * TILE, (tile + 1) * TILE + 1)
        if self.beat.period is not None:
            frames %= self.beat.period
        heard = torch.zeros(TILE, self.beat.hop)
        courses = self._between(self.courses, frames).reshape(TILE + 1, BARS, 2, -1)
        notes_late = WOW_S * self.beat.frames_per_s * self._between(self.wow, frames)
        late = np.tile(notes_late, PARTIALS)
        for bar, weights in self._bars(frames):
            turns, magnitudes = partials(self.voicing, bar, self.beat)
            real, imaginary = courses[:, bar % BARS].swapaxes(0, 1)
            moving = (real + 1j * imaginary) / math.sqrt(2.0) * weights[:, None] * magnitudes
            moving *= np.exp(2j * math.pi * turns * late)
            turned = np.exp(2j * math.pi * ((frames[:-1, None] * turns) % 1.0))
            here, next_ = moving[:-1] * turned, moving[1:] * turned
            rows = np.concatenate([here.real, -here.imag, next_.real, -next_.imag], axis=1)
            waves = _waves(self.voicing, bar, self.beat)
            heard += torch.from_numpy(rows.astype(np.float32)) @ waves
        return heard.numpy()

    def _bars(self, frames: NDArray[np.int64]) -> list[tuple[int, NDArray[np.float64]]]:
        """The bars that sound in some of these frames, and how strongly in each. Neighbours have
        nothing in common, so their powers add up."""
        bars = self.beat.parts(self.voicing.bar_s, BARS)
        length = self.beat.frames_of(self.voicing.bar_s, bars)
        own, within = np.divmod(frames / length, 1.0)
        fade = min(0.5, FADE_S * self.beat.frames_per_s / length)
        gone = 0.5 * math.pi * np.clip((within - (1.0 - fade)) / fade, 0.0, 1.0)
        weights: dict[int, NDArray[np.float64]] = {}
        for bar_of, loud in ((own, np.cos(gone)), (own + 1, np.sin(gone))):
            for bar in np.unique(bar_of).astype(int):
                number = int(bar) if bars is None else int(bar) % bars
                share = np.where(bar_of == bar, loud, 0.0)
                weights[number] = weights.get(number, 0.0) + share
        return [(bar, share) for bar, share in sorted(weights.items()) if share.any()]

    def _between(self, drawn: Noise, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Noise that has a frame at each knot, at all `frames`: (frames, width), of unit power."""
        knots = self.beat.parts(KNOT_S)
        at, within = np.divmod(frames / self.beat.frames_of(KNOT_S, knots), 1.0)
        first = int(at.min())
        values = drawn.frames(first, int(at.max()) - first + SPLINE).astype(np.float64)
        near, spline = at.astype(int) - first, _spline(within)
        spline /= np.sqrt((spline**2).sum(0))
        moved = sum(spline[k][:, None] * values[near + k] for k in range(SPLINE))
        return np.asarray(moved, np.float64)


def tuned(take: Take, voicing: Voicing, white: Noise, beat: Beat) -> Tuned:
    """Tuned noise of a take, made of its `white` noise. On either side of a wide sound notes run
    early and late alike: else it had less in common than it should."""
    knots = beat.parts(KNOT_S)
    courses = take.field("courses of partials", COURSES, knots)
    wow = NoiseField(take.seed, "wow", NOTES, knots)
    return Tuned(white, courses, wow, voicing, beat)


@lru_cache(maxsize=8)
def partials(
    voicing: Voicing, bar: int, beat: Beat
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of a bar's partials (NOTES * PARTIALS,): turns a frame, and magnitudes, of which 0 are those
    too high to be made."""
    harmonics = np.arange(1, PARTIALS + 1)
    hz = (voicing.notes_hz(bar) * harmonics[:, None]).ravel()
    made = hz < HIGHEST_HZ
    order = np.argsort(np.where(made, hz, np.inf), kind="stable")[: made.sum()]
    between = np.diff(hz[order]) / 2
    nearest = np.concatenate([between[:1], between]) + np.concatenate([between, between[-1:]])
    magnitudes = np.zeros(len(hz))
    # White noise of unit variance has a power of 2 / rate a hertz; a tone's is half its square.
    rate = beat.frames_per_s * beat.hop
    magnitudes[order] = np.sqrt(4.0 * np.minimum(nearest, WIDEST_HZ) / rate)
    return beat.turns(hz), magnitudes


@lru_cache(maxsize=8)
def _waves(voicing: Voicing, bar: int, beat: Beat) -> torch.Tensor:
    """What one of each partial is inside a frame, (4 * NOTES * PARTIALS, hop): cosine and sine as
    they fade out, and as they come in."""
    turns, _ = partials(voicing, bar, beat)
    within = np.arange(beat.hop) / beat.hop
    angles = 2 * math.pi * turns[:, None] * within
    both = np.concatenate([np.cos(angles), np.sin(angles)])
    return torch.from_numpy(np.concatenate([both * (1.0 - within), both * within]).astype("f4"))


def _spline(within: NDArray[np.float64]) -> NDArray[np.float64]:
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
