"""Fades: in from silence at the scene's start, out to silence at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ambientgen.stream import FloatArray, Stream, Stretch


@dataclass(frozen=True)
class Fades:
    """How many samples a fade in and a fade out last, and where the scene ends (None: nowhere).

    They lie at places of the scene, not of what is rendered of it: a stretch from the middle of a
    fade has the middle of the fade. A raised cosine begins and ends without a bend.
    """

    in_samples: int = 0
    out_samples: int = 0
    end: int | None = None

    def gains(self, first: int, count: int) -> NDArray[np.float32] | None:
        """Gains of samples `first` on, (count,), 0 to 1; None: all are 1."""
        out_samples = 0 if self.end is None else self.out_samples
        end = first + count if self.end is None else self.end
        if first >= self.in_samples and first + count <= end - out_samples:
            return None
        middles = np.arange(first, first + count) + 0.5
        gains = np.ones(count)
        if self.in_samples:
            gains *= _raised(middles / self.in_samples)
        if out_samples:
            gains *= _raised((end - middles) / out_samples)
        return gains.astype(np.float32)

    def faded(self, block: FloatArray, first: int) -> FloatArray:
        """Samples `first` on, (n,) or (n, channels), as loud as the fades say."""
        gains = self.gains(first, len(block))
        return block if gains is None else block * gains.reshape(-1, *(1,) * (block.ndim - 1))


def _raised(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half a cosine from 0 to 1 as `share` goes from 0 to 1, and constant outside."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


@dataclass(frozen=True)
class Faded:
    """A stream with fades, and between them what it was. Not for loops, which have no end."""

    stream: Stream
    fades: Fades

    @property
    def rate(self) -> int:
        """Hz."""
        return self.stream.rate

    @property
    def channels(self) -> int:
        """How many."""
        return self.stream.channels

    @property
    def period(self) -> int | None:
        """None: what fades never comes again."""
        return self.stream.period

    def reach(self, stretch: Stretch) -> Stretch:
        """As the stream says."""
        return self.stream.reach(stretch)

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The stream's blocks, as loud as the fades say."""
        first = stretch[0]
        for block in self.stream.blocks(stretch):
            yield self.fades.faded(block, first)
            first += len(block)
