"""Fades: in from silence at the scene's start, out to silence at its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ambientgen.stream import FloatArray


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
