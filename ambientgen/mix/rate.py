"""A stream at another rate: soxr on chunks of an absolute grid, the same however it is cut.

A resampler that is fed block by block depends on where it began. Here each chunk of about a second
is resampled by itself, with enough on both sides that its filters see no edge. Chunks begin where
samples of both rates coincide; in loops they begin anew with every turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ambientgen.mix.air import Air, Place
from ambientgen.stream import Cut, FloatArray, Stream, Stretch

QUALITY = "VHQ"
"""soxr's name of its very high quality: what it adds lies 170 dB below the sound."""

CONTEXT_S = 0.02
"""Beyond a chunk's ends. With it, and with half of it, what chunks make differs from one long call
by less than -160 dB, whichever two of our rates."""

_CHUNK_S = 1.0  # 2 × 20 ms of context are then 4 % of work


@dataclass(frozen=True)
class ToRate:
    """A stream in samples of `rate` Hz; `air` adds what lies above the band of its own rate.

    At its own rate it is the stream itself. Raises ValueError for a loop that is no whole number of
    samples in both rates: see `units.whole_period`.
    """

    stream: Stream
    rate: int
    air: Air | None = None

    def __post_init__(self) -> None:
        period = self.stream.period
        if period is not None and period % self._step:
            said = f"a loop of {period} samples at {self.stream.rate} Hz"
            raise ValueError(f"{said} is no whole number of samples at {self.rate} Hz")

    @property
    def channels(self) -> int:
        """As many as the stream's."""
        return self.stream.channels

    @property
    def period(self) -> int | None:
        """The stream's, in samples of `rate`."""
        period = self.stream.period
        return None if period is None else self._out(period)

    def reach(self, stretch: Stretch) -> Stretch:
        """The stretch of the source: whole chunks, and their context."""
        return self.stream.reach(self._own(stretch))

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels)."""
        first, end = stretch
        if self._same:
            yield from self.stream.blocks(stretch)
            return
        if self.period is None and first < 0:
            silent = -first if end is None else min(-first, end - first)
            yield np.zeros((max(0, silent), self.channels), np.float32)
            first = 0
        if end is not None and first >= end:
            return
        own = self._own((first, end))
        cut = Cut(own[0], self.stream.blocks(own))
        wanted = (self._around(chunk) for chunk in self._chunks(first, end))
        for chunk, piece in zip(self._chunks(first, end), cut.pieces(wanted), strict=False):
            begin = self._out(chunk[0])
            made = self._made(piece, chunk)
            stop = len(made) if end is None else min(len(made), end - begin)
            yield made[max(0, first - begin) : stop]

    @property
    def _same(self) -> bool:
        return self.rate == self.stream.rate

    @property
    def _step(self) -> int:
        """Samples of the source after which samples of both rates coincide again."""
        return self.stream.rate // math.gcd(self.stream.rate, self.rate)

    @cached_property
    def _context(self) -> int:
        """Samples of the source beyond a chunk's ends."""
        context_s = CONTEXT_S if self.air is None else max(CONTEXT_S, self.air.context_s)
        return math.ceil(context_s * self.stream.rate / self._step) * self._step

    def _out(self, sample: int) -> int:
        """The number in `rate` of a sample of the source that begins a chunk."""
        return sample // self._step * (self.rate // math.gcd(self.stream.rate, self.rate))

    def _around(self, chunk: tuple[int, int]) -> tuple[int, int]:
        return chunk[0] - self._context, chunk[1] + self._context

    def _own(self, stretch: Stretch) -> Stretch:
        """What the stream itself is asked for."""
        first, end = stretch
        if self._same:
            return stretch
        begin = self._chunk_of(first)[0] - self._context
        if end is None:
            return begin, None
        return begin, self._chunk_of(max(first, end - 1))[1] + self._context

    def _chunk_of(self, sample: int) -> tuple[int, int]:
        """The chunk that makes sample `sample` of `rate`, in samples of the source."""
        out, period = self._out, self.stream.period
        length = max(1, round(_CHUNK_S * self.stream.rate / self._step)) * self._step
        if period is None:
            number = sample // out(length)
            return number * length, (number + 1) * length
        turn, place = divmod(sample, out(period))
        last = max(0, period // length - 1)  # which takes in what is left of the turn
        number = min(place // out(length), last)
        start = turn * period
        end = period if number == last else (number + 1) * length
        return start + number * length, start + end

    def _chunks(self, first: int, end: int | None) -> Iterator[tuple[int, int]]:
        """The chunks of a stretch, one after another."""
        while end is None or first < end:
            chunk = self._chunk_of(first)
            yield chunk
            first = self._out(chunk[1])

    def _place(self, chunk: tuple[int, int]) -> Place:
        """What `air` must know of a chunk."""
        period = self.stream.period
        return Place(*chunk, self._context, self.stream.rate, self.rate, period)

    def _made(self, piece: FloatArray, chunk: tuple[int, int]) -> FloatArray:
        """One chunk in samples of `rate`, of the stream's samples with context."""
        import soxr

        whole = soxr.resample(piece.astype(np.float64), self.stream.rate, self.rate, QUALITY)
        skipped, count = self._out(self._context), self._out(chunk[1] - chunk[0])
        made: NDArray[np.float64] = whole[skipped : skipped + count]
        if self.air is not None:
            made = np.add(made, self.air.above(piece, self._place(chunk)))
        return made.astype(np.float32)
