"""Air: what a texture would have above the band of its source, made from noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ambientgen.stream import FloatArray


@dataclass(frozen=True)
class Place:
    """Where a chunk lies: samples `first` to `end` of a source of `rate` Hz, to be of `to_rate` Hz.

    context: samples that are given on both sides of it. period: of the source, in its samples, of a
    loop; None: it is none.
    """

    first: int
    end: int
    context: int
    rate: int
    to_rate: int
    period: int | None


@dataclass(frozen=True)
class Air:
    """Noise and transients above a source's band, shaped by what lies below.

    seed, name: what its noise is keyed by. common: the share of it that all channels have in
    common, 0 to 1, as in `noise.Take`.
    """

    seed: int
    name: str
    common: float = 1.0

    @property
    def context_s(self) -> float:
        """Seconds to both sides of a moment that can matter to it."""
        return 0.15

    def above(self, piece: FloatArray, place: Place) -> NDArray[np.float64]:
        """What to add to a chunk at its new rate, (n, channels).

        piece: the source's samples (n, channels), with context on both sides.
        """
        count = (place.end - place.first) * place.to_rate // place.rate
        return np.zeros((count, piece.shape[1]))
