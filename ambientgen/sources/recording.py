"""A recording of one's own, going round and round: each turn fades into the next.

Two stretches of one recording have nothing to do with each other, so the fade keeps their power
rather than their sum; what they do have in common is measured, and the level stays flat. Turn and
place within it follow from the absolute sample alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.audio_file.opened import opened
from ambientgen.crossfade import join
from ambientgen.errors import UsageError
from ambientgen.scene.layers import Layer
from ambientgen.scene.recordings import recording_path
from ambientgen.sources.procedural import period_of
from ambientgen.sources.usable import SHORTEST_S, not_finite, too_short, unreadable
from ambientgen.stream import FloatArray, Stretch

if TYPE_CHECKING:
    from ambientgen.scene.scene import Scene

FADE_S = 2.0
FADE_SHARE = 4  # no fade is longer than this part of the file
# In a loop a fade may be as short as this, so that more of the file is heard in each turn.
LEAST_FADE_S = 0.5
# The width that a scene has where it says none leaves a recording as it is.
OWN_WIDTH = 0.5
_MOST_RAISED = 2.0  # 6 dB: channels that cancel each other would otherwise become noise
_BLOCK_S = 4.0


@dataclass(frozen=True)
class Recording:
    """The file of a layer, as long as wanted: mono or stereo, at `rate`. See `Stream`.

    width: 0 (both channels are one) to 1; from `OWN_WIDTH` on they are as they were recorded.
    The file is decoded once, when it is first asked for, and held: 30 minutes of stereo at 48 kHz
    are 0.7 GB. Raises UsageError where it cannot be used, as `check_recording` would say.
    """

    layer: Layer
    scene: Scene
    rate: int
    width: float = 1.0

    @cached_property
    def channels(self) -> int:
        """The file's: 1 or 2."""
        with opened(recording_path(self.layer)) as file:
            return int(file.channels)

    @property
    def period(self) -> int | None:
        """Of a loop, its length in samples; None: it never repeats."""
        return period_of(self.scene, self.rate)

    def reach(self, stretch: Stretch) -> Stretch:
        """The very stretch: it comes from nothing else."""
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels)."""
        first, end = stretch
        size = int(_BLOCK_S * self.rate)
        while end is None or first < end:
            stop = first + size if end is None else min(first + size, end)
            yield self._stretch(first, stop)
            first = stop

    @cached_property
    def _file(self) -> FloatArray:
        return narrowed(decoded(self.layer, self.rate), self.width)

    @cached_property
    def _turns(self) -> tuple[int, int]:
        """How many turns make a loop (0: it is none), and the samples of a fade."""
        length = len(self._file)
        most = min(int(FADE_S * self.rate), length // FADE_SHARE)
        if self.period is None:
            return 0, most
        least = min(int(LEAST_FADE_S * self.rate), most)
        turns = -(-self.period // (length - least))
        return turns, min(most, length - -(-self.period // turns))

    def _turn(self, sample: int) -> tuple[int, int, int]:
        """First sample of the turn that holds `sample`, of the next one, and the length of the
        turn before."""
        turns, fade = self._turns
        period = self.period
        if period is None:
            length = len(self._file) - fade
            start = sample // length * length
            return start, start + length, length if start > 0 else 0
        whole, place = divmod(sample, period)

        def begins(turn: int) -> int:
            return -(-turn * period // turns)

        at = place * turns // period  # the last that begins at `place` or before it
        before = begins(at) - begins(at - 1) if at else period - begins(turns - 1)
        return whole * period + begins(at), whole * period + begins(at + 1), before

    def _stretch(self, first: int, end: int) -> FloatArray:
        out = np.zeros((end - first, self.channels), np.float32)
        at = first if self.period is not None else max(first, 0)
        while at < end:
            start, stop, before = self._turn(at)
            heard = self._heard(at - start, min(stop, end) - start, before)
            out[at - first : at - first + len(heard)] = heard
            at += len(heard)
        return out

    def _heard(self, first: int, end: int, before: int) -> FloatArray:
        """Samples of one turn, as the turn before, of length `before` (0: none), fades into it."""
        fade = self._turns[1]
        if before and first < fade:
            return self._seam(before)[first : min(end, fade)]
        return self._file[first:end]

    def _seam(self, before: int) -> FloatArray:
        if before not in self._seams:
            fade = self._turns[1]
            left, right = self._file[before : before + fade], self._file[:fade]
            self._seams[before] = join(left.T, right.T).T
        return self._seams[before]

    @cached_property
    def _seams(self) -> dict[int, FloatArray]:
        return {}


def decoded(layer: Layer, rate: int) -> FloatArray:
    """A layer's whole file at `rate`, without its constant offset: float32 (n, channels).

    Raises UsageError where it cannot be read or holds nothing to hear.
    """
    import soxr

    path = recording_path(layer)
    try:
        with opened(path) as file:
            own_rate = int(file.samplerate)
            samples = file.read(dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise UsageError(unreadable(layer, error)) from error
    if not np.isfinite(samples).all():
        raise UsageError(not_finite(layer))
    if len(samples) < SHORTEST_S * own_rate:
        raise UsageError(too_short(layer, len(samples) / own_rate))
    samples -= samples.mean(axis=0, dtype=np.float64).astype(np.float32)
    if own_rate != rate:
        samples = soxr.resample(samples, own_rate, rate, quality="VHQ")
    return np.ascontiguousarray(samples, np.float32)


def narrowed(samples: FloatArray, width: float) -> FloatArray:
    """Stereo (n, 2) whose channels differ less, in the same power; below `OWN_WIDTH` evenly.

    What is in mono, and a width from `OWN_WIDTH` on, change nothing.
    """
    if samples.shape[1] == 1 or width >= OWN_WIDTH:
        return samples
    share = width / OWN_WIDTH
    middle = 0.5 * (samples[:, 0] + samples[:, 1])
    side = samples[:, 0] - middle
    powers = [float(np.mean(np.square(part, dtype=np.float64))) for part in (middle, side)]
    left = powers[0] + share**2 * powers[1]
    gain = min(math.sqrt(sum(powers) / left), _MOST_RAISED) if left > 0.0 else 1.0
    middle *= np.float32(gain)
    side *= np.float32(gain * share)
    return np.stack([middle + side, middle - side], axis=1)
