"""A stream at another rate: soxr on chunks of an absolute grid, the same however it is cut.

A resampler that is fed block by block depends on where it began. Here each chunk of about a second
is resampled by itself, with enough on both sides that its filters see no edge. Chunks begin where
samples of both rates coincide; in loops they begin anew with every turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ambientgen.mix.air import Air, Place
from ambientgen.mix.chunks import Chunk, Chunks
from ambientgen.stream import FloatArray, Stream, Stretch, from_start

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
        if self._same:
            return self.stream.reach(stretch)
        return self.stream.reach(self._chunks.around(self._own(stretch)))

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels)."""
        if self._same:
            yield from self.stream.blocks(stretch)
            return
        silent, (first, end) = from_start(stretch, self.period)
        if silent:
            yield np.zeros((silent, self.channels), np.float32)
        if end is not None and first >= end:
            return
        for chunk, piece in self._chunks.pieces(self.stream, self._own((first, end))):
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

    @property
    def _chunks(self) -> Chunks:
        """The grid, in samples of the source: ends of chunks are whole in both rates."""
        context_s = CONTEXT_S if self.air is None else max(CONTEXT_S, self.air.context_s)
        context = math.ceil(context_s * self.stream.rate / self._step) * self._step
        length = max(1, round(_CHUNK_S * self.stream.rate / self._step)) * self._step
        return Chunks(length, context, self.stream.period)

    def _out(self, sample: int) -> int:
        """The number in `rate` of a sample of the source that begins a chunk."""
        return sample // self._step * (self.rate // math.gcd(self.stream.rate, self.rate))

    def _own(self, stretch: Stretch) -> Stretch:
        """The samples of the source from which on these begin, and with which they end."""
        first, end = stretch
        rate = self.stream.rate
        last = None if end is None else max(first, end - 1) * rate // self.rate + 1
        return first * rate // self.rate, last

    def _place(self, chunk: Chunk) -> Place:
        """What `air` must know of a chunk."""
        period = self.stream.period
        return Place(*chunk, self._chunks.context, self.stream.rate, self.rate, period)

    def _made(self, piece: FloatArray, chunk: Chunk) -> FloatArray:
        """One chunk in samples of `rate`, of the stream's samples with context."""
        import soxr

        whole = soxr.resample(piece.astype(np.float64), self.stream.rate, self.rate, QUALITY)
        skipped, count = self._out(self._chunks.context), self._out(chunk[1] - chunk[0])
        made: NDArray[np.float64] = whole[skipped : skipped + count]
        if self.air is not None:
            made = np.add(made, self.air.above(piece, self._place(chunk)))
        return made.astype(np.float32)
