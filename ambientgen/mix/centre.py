"""A stream about its centre: without what does not sound, offsets and drifts below 3 Hz."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ambientgen.mix.chunks import Chunks
from ambientgen.stream import Derived, FloatArray, Stretch, from_start

WIDTH_S = 0.2
"""Of the moving mean that is taken away, twice over: -3 dB at 2.8 Hz, within 0.5 dB above 5 Hz."""


@dataclass(frozen=True)
class Centred(Derived):
    """A stream less its mean over 0.4 s, weighted by a triangle: linear phase, finite memory."""

    def reach(self, stretch: Stretch) -> Stretch:
        """The stretch of the source: from a chunk's start on, with context."""
        return self.stream.reach(self._chunks.around(stretch))

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels)."""
        silent, (first, end) = from_start(stretch, self.period)
        if silent:
            yield np.zeros((silent, self.channels), np.float32)
        if end is not None and first >= end:
            return
        for (begin, _), piece in self._chunks.pieces(self.stream, (first, end)):
            made = self._made(piece)
            stop = len(made) if end is None else min(len(made), end - begin)
            yield made[max(0, first - begin) : stop]

    @property
    def _half(self) -> int:
        return round(WIDTH_S * self.rate / 2)

    @property
    def _chunks(self) -> Chunks:
        # Sums run from a chunk's start on: what comes later changes no bit.
        return Chunks(self.rate, 2 * self._half, self.period, whole=False)

    def _made(self, piece: FloatArray) -> FloatArray:
        """A chunk, of its samples with context."""
        means = piece.astype(np.float64)
        for _ in range(2):
            means = _means(means, 2 * self._half + 1)
        context = self._chunks.context
        return (piece[context : len(piece) - context] - means).astype(np.float32)


def _means(samples: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The mean of each `count` samples in a row: (n - count + 1, channels)."""
    sums = np.cumsum(np.pad(samples, ((1, 0), (0, 0))), axis=0)
    return np.asarray((sums[count:] - sums[:-count]) / count)
