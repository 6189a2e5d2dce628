"""Floats to 16-bit integers, by a rule of our own: the digest of a sound hangs on no library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_BYTES = 2
_FULL_SCALE = 32768.0  # what readers divide by, so that a value read back is the value written


def to_int16(block: NDArray[np.floating]) -> NDArray[np.int16]:
    """Nearest 16-bit samples (halves go to the even), little-endian, of the same shape.

    Full scale is ±1; what lies beyond is clipped. Multiplying float32 by a power of two is
    exact, so the result is the same on every machine.

    Raises ValueError where a number is not finite.
    """
    if not np.isfinite(block).all():
        raise ValueError("the sound holds numbers that are not finite")
    within = np.clip(block, -1.0, 1.0).astype(np.float32)
    scaled = np.rint(within * np.float32(_FULL_SCALE))
    samples: NDArray[np.int16] = np.minimum(scaled, _FULL_SCALE - 1.0).astype("<i2")
    return samples
