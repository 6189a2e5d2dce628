"""One fixed gain, then a limiter that is a function of absolute time with a finite memory.

The limiter measures, on an absolute grid of cells of about a millisecond, how far the highest true
peak lies above the ceiling. That need is spread over time: forward to the look-ahead before it,
and fading over the release after it. A Hann window over the look-ahead then smooths the spread
need into a gain. All this is additions, products and maxima: no recursion, so that a render may
begin anywhere, given `context_before` samples more, and yield the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambientgen.peaks import HALF, TruePeaks

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Measured = tuple[FloatArray, NDArray[Any]]
"""Samples, (n,) or (n, channels), and the peak at each of them, (n,)."""

_CELLS_PER_SECOND = 1000
# How long before a peak the gain begins to fall: short enough to be masked by the peak, and long
# enough not to click.
_LOOK_AHEAD_S = 0.005
# How long after it the gain takes to return: slower than the ear's roughness (no distortion of low
# tones) and faster than a breath of wind (no pumping).
_RELEASE_S = 0.15
_MARGIN_DB = 0.15  # between what is measured as a true peak, and what finer measures may find
_FAINTEST_GAIN = 1e-9  # −180 dB, where reports end: a gain of 0 has no decibels


@dataclass(frozen=True)
class LimiterSettings:
    """gain_db: one fixed gain. ceiling_db: no peak passes it (dBTP).

    true_peak: peaks between samples count, so that no converter or encoder passes the ceiling;
    False: only samples do (dBFS).
    """

    gain_db: float = 0.0
    ceiling_db: float = -1.0
    true_peak: bool = True


@dataclass(frozen=True)
class LimiterReport:
    """What the limiter did: samples turned down, the first of them, the deepest in dB (≥ 0)."""

    reduced_samples: int = 0
    first_sample: int | None = None
    deepest_db: float = 0.0


class StreamLimiter:
    """Gain and limiter over a stream of blocks; the result does not depend on how it is cut.

    `push` blocks of float32, (n,) or (n, channels), as `measured` gives them; each call returns
    what is ready, `finish` the rest. Channels share one gain, so that the stereo image stands
    still. Where nothing is over the ceiling a sample is multiplied by the fixed gain in float32
    and otherwise untouched.

    first_sample: absolute index of the first sample pushed.
    emit_from, emit_to: absolute indices between which samples are returned and reported; None:
    all that were pushed. With `context_before` samples before and `context_after` samples behind
    them the result is the same as the whole stream's. Beyond what is pushed lies silence.
    """

    def __init__(
        self,
        settings: LimiterSettings,
        sample_rate: int,
        first_sample: int = 0,
        emit_from: int | None = None,
        emit_to: int | None = None,
    ) -> None:
        self._gain = np.float32(10.0 ** (settings.gain_db / 20.0))
        self._ceiling = np.float32(10.0 ** (settings.ceiling_db / 20.0))
        margin_db = _MARGIN_DB if settings.true_peak else 0.0
        self._threshold = float(self._ceiling) * 10.0 ** (-margin_db / 20.0)
        self._true_peak = settings.true_peak
        self._cell = max(1, round(sample_rate / _CELLS_PER_SECOND))
        self._ahead = max(1, math.ceil(_LOOK_AHEAD_S * sample_rate / self._cell))
        release = max(1, math.ceil(_RELEASE_S * sample_rate / self._cell))
        # Raised cosine, 1 at the peak to 0 at the release's end.
        self._fading = 0.5 + 0.5 * np.cos(np.pi * np.arange(release + 1) / release)
        self._smoothing = _cell_weights(self._cell, self._ahead)
        self._emit_from = max(first_sample if emit_from is None else emit_from, first_sample)
        self._emit_to = emit_to
        self._end = first_sample  # of what was pushed
        # Samples wait from the start of the next cell to leave; needs from `_memory` cells before.
        self._memory = self._ahead + release
        self._next = first_sample - first_sample % self._cell
        self._lead = first_sample - self._next  # silence that fills the first cell
        self._waiting: NDArray[np.float32] | None = None
        self._heights = np.zeros(self._lead)  # the peaks of what waits and is not yet in `_needs`
        self._needs = np.zeros(self._memory)
        self._report = LimiterReport()

    @property
    def context_before(self) -> int:
        """Samples before a moment that can matter to it."""
        return (self._memory + 1) * self._cell + self._beside

    @property
    def context_after(self) -> int:
        """Samples after a moment that can matter to it; also how far the result lags, at most."""
        return (self._ahead + 1) * self._cell + self._beside

    @property
    def _beside(self) -> int:
        """Samples on each side that a true peak is made of."""
        return HALF if self._true_peak else 0

    @property
    def cell_samples(self) -> int:
        """Samples in a cell of the grid."""
        return self._cell

    @property
    def report(self) -> LimiterReport:
        """What was done to the samples returned so far."""
        return self._report

    def measured(self, blocks: Iterable[FloatArray]) -> Iterator[Measured]:
        """A stream's blocks with its peaks, as `push` wants them."""
        if not self._true_peak:
            for block in blocks:
                samples = np.asarray(block, np.float32)
                heights = np.abs(samples).reshape(len(samples), -1).max(axis=1, initial=0.0)
                yield samples, heights
            return
        peaks = TruePeaks(self._threshold / float(self._gain))
        for block in blocks:
            yield peaks.push(block)
        yield peaks.finish()

    def push(self, block: FloatArray, heights: NDArray[Any]) -> FloatArray:
        """Take the next samples, and the peak at each, (n,), before any gain.

        Return those that nothing to come can change (perhaps none).
        """
        self._end += len(block)
        if self._waiting is None:
            self._waiting = np.zeros((self._lead, *block.shape[1:]), np.float32)
        self._append(block * self._gain, heights.astype(np.float64) * float(self._gain))
        return self._leave()

    def finish(self) -> NDArray[np.float32]:
        """Return the last samples. Nothing can be pushed after it."""
        if self._waiting is None:
            return np.empty(0, np.float32)
        partial = -(self._end - self._next) % self._cell
        rest = partial + self._ahead * self._cell
        self._append(np.zeros((rest, *self._waiting.shape[1:]), np.float32), np.zeros(rest))
        return self._leave()

    def _append(self, samples: NDArray[np.float32], heights: NDArray[np.float64]) -> None:
        """Let samples wait, and note what the cells need that they complete."""
        assert self._waiting is not None
        self._waiting = np.concatenate([self._waiting, samples])
        heights = np.concatenate([self._heights, heights])
        complete = len(heights) // self._cell * self._cell
        self._heights = heights[complete:]
        peaks = heights[:complete].reshape(-1, self._cell).max(axis=1)
        needs = 1.0 - self._threshold / np.maximum(peaks, self._threshold)
        # An infinite peak must not pass for one at the ceiling: sinks refuse what is no number.
        needs[~np.isfinite(peaks)] = np.nan
        self._needs = np.concatenate([self._needs, needs])

    def _leave(self) -> NDArray[np.float32]:
        """Finish all cells whose look-ahead is known."""
        assert self._waiting is not None
        cells = max(0, len(self._needs) - self._memory - self._ahead)
        samples = self._waiting[: cells * self._cell]
        needs = self._needs[: self._memory + cells + self._ahead]
        self._waiting, self._needs = self._waiting[len(samples) :], self._needs[cells:]
        start, self._next = self._next, self._next + len(samples)
        keep_from = max(self._emit_from - start, 0)
        keep_to = min(self._end if self._emit_to is None else self._emit_to, self._end) - start
        kept = slice(keep_from, max(keep_to, keep_from))
        if not cells or not needs.any():
            return samples[kept]
        reduction = self._reduction(needs)[kept]
        self._note(reduction, start + keep_from)
        gain = (1.0 - reduction).reshape(-1, *(1,) * (samples.ndim - 1))
        limited = samples[kept] * gain
        # Rounding may leave a peak one step above the ceiling.
        return np.clip(limited, -self._ceiling, self._ceiling).astype(np.float32)

    def _reduction(self, needs: NDArray[np.float64]) -> NDArray[np.float64]:
        """One minus the gain, per sample, of the cells between the memory and the look-ahead.

        Sums run term by term over whole arrays: each sample's value is made by the same
        operations in the same order, however many are made at once.
        """
        release = len(self._fading) - 1
        count = len(needs) - release - self._ahead  # the cells to finish and `_ahead` before
        spread = np.zeros(count)
        for ahead in range(self._ahead + 1):
            np.maximum(spread, needs[release + ahead :][:count], out=spread)
        for behind in range(1, release + 1):
            faded = needs[release - behind :][:count] * self._fading[behind]
            np.maximum(spread, faded, out=spread)
        cells = count - self._ahead
        reduction = np.zeros((cells, self._cell))
        for behind, weights in enumerate(self._smoothing):
            reduction += spread[self._ahead - behind :][:cells, np.newaxis] * weights
        return reduction.reshape(-1)

    def _note(self, reduction: NDArray[np.float64], start: int) -> None:
        """Add to the report what is done to the samples from absolute index `start` on."""
        acted = np.flatnonzero(1.0 - reduction < 1.0)
        if not len(acted):
            return
        before = self._report
        deepest_db = -20.0 * math.log10(max(1.0 - float(reduction.max()), _FAINTEST_GAIN))
        self._report = LimiterReport(
            before.reduced_samples + len(acted),
            start + int(acted[0]) if before.first_sample is None else before.first_sample,
            max(before.deepest_db, deepest_db),
        )


@dataclass(frozen=True)
class Turns:
    """A loop of `samples`, as a limiter with cells of `cell` samples has to hear it.

    Unless the loop is a whole number of cells, its end and its start would be measured on grids
    that do not meet, and the gain could jump between them. So some samples, fewer than a cell and
    evenly spread, are heard twice, and taken out again afterwards.
    """

    samples: int
    cell: int

    def place(self, sample: int | IntArray) -> Any:
        """Where sample number `sample` of the loop stands among those that are heard."""
        return sample + sample * (-self.samples % self.cell) // self.samples

    def heard(self, blocks: Iterable[Measured], first: int) -> Iterator[Measured]:
        """The stream from sample `first` on, with the samples that are heard twice."""
        for block, heights in blocks:
            times = np.diff(self.place(np.arange(first, first + len(block) + 1)))
            yield np.repeat(block, times, axis=0), np.repeat(heights, times)
            first += len(block)

    def kept(self, blocks: Iterable[FloatArray], first: int) -> Iterator[FloatArray]:
        """The stream as it was, of one that begins where sample `first` is heard."""
        begin = self.place(first)
        for block in blocks:
            places = self.place(np.arange(first, first + len(block))) - begin
            chosen = places[places < len(block)]
            yield block[chosen]
            first, begin = first + len(chosen), begin + len(block)


def limited_blocks(blocks: Iterable[FloatArray], limiter: StreamLimiter) -> Iterator[FloatArray]:
    """Pass a stream of blocks through `limiter`, to its end; empty blocks are left out."""
    return _pushed(limiter.measured(blocks), limiter)


def _pushed(measured: Iterable[Measured], limiter: StreamLimiter) -> Iterator[FloatArray]:
    for block, heights in measured:
        ready = limiter.push(block, heights)
        if len(ready):
            yield ready
    rest = limiter.finish()
    if len(rest):
        yield rest


class StretchLimiter:
    """`StreamLimiter` over a stretch of sound, of a loop too: the samples asked for leave it.

    settings, sample_rate: as there. first_sample: of the stream. samples: those to return, from the
    first to the one after the last (None: all). loop_samples: length of the loop's turn, whose
    stream may begin before 0.
    """

    def __init__(
        self,
        settings: LimiterSettings,
        sample_rate: int,
        first_sample: int,
        samples: tuple[int, int | None],
        loop_samples: int | None = None,
    ) -> None:
        self._first, (self._from, end) = first_sample, samples
        cell = StreamLimiter(settings, sample_rate).cell_samples
        self._turns = Turns(loop_samples or cell, cell)
        first, start = self._turns.place(first_sample), self._turns.place(self._from)
        stop = None if end is None else self._turns.place(end)
        self._limiter = StreamLimiter(settings, sample_rate, first, start, stop)

    @property
    def report(self) -> LimiterReport:
        """What was done to the samples returned so far."""
        return self._limiter.report

    def limited(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """The samples asked for, of a stream with the context they need."""
        if self._turns.samples == self._turns.cell:  # all of them are heard once
            return limited_blocks(blocks, self._limiter)
        # Peaks are measured before: between two copies of a sample the wave would be another.
        heard = self._turns.heard(self._limiter.measured(blocks), self._first)
        return self._turns.kept(_pushed(heard, self._limiter), self._from)


def _cell_weights(cell: int, cells: int) -> NDArray[np.float64]:
    """Share of each of the present and the `cells` past cells in a sample: (cells + 1, cell).

    A Hann window over the last `cells · cell` samples, summed over each cell it reaches;
    the second axis is the sample's place within the present cell.
    """
    taps = cells * cell
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(taps) + 0.5) / taps)
    window /= window.sum()
    weights = np.zeros((cells + 1, cell))
    for place in range(cell):
        past = (np.arange(taps) - place + cell - 1) // cell
        np.add.at(weights[:, place], past, window)
    return weights
