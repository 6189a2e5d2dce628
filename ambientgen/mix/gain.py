"""Gain over time: smooth, and a function of absolute time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ambientgen.mix.moments import Moments
from ambientgen.scene.layers import Ranged
from ambientgen.stream import Derived, FloatArray, Stretch

KNOTS_PER_S = 100
"""Between two the amplitude goes straight: where a curve jumps it takes 10 ms, and is no click."""


@dataclass(frozen=True)
class Gained(Derived):
    """A stream whose level follows a curve in dB.

    In a loop the curve is heard as it is in its first turn, over and over.
    """

    gain_db: Ranged

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """As the stream's."""
        begin = stretch[0]
        for block in self.stream.blocks(stretch):
            yield block * self._amplitudes(begin, begin + len(block))[:, None]
            begin += len(block)

    def _amplitudes(self, begin: int, end: int) -> FloatArray:
        """Factors (n,) of samples `begin` to `end`."""
        if end == begin:
            return np.empty(0, np.float32)
        knots = Moments(max(1, self.rate // KNOTS_PER_S), self.period)
        first, last = knots.before(begin), knots.before(end - 1) + 1
        at = [knots.at(index) for index in range(first, last + 1)]
        decibels = self.gain_db.at(np.array([knots.seconds(sample, self.rate) for sample in at]))
        # One by one: vectors of other lengths may differ in the last bit.
        levels = [10.0 ** (value / 20.0) for value in decibels.tolist()]
        parts = [
            low + (high - low) * (np.arange(stop - start) / (stop - start))
            for start, stop, low, high in zip(at, at[1:], levels, levels[1:], strict=False)
        ]
        return np.concatenate(parts)[begin - at[0] : end - at[0]].astype(np.float32)
