"""Floats to what a file holds, by rules of our own: the digest of a sound hangs on no library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
"""int16, int32 (of 24 bits) or float32, little-endian."""

DEPTHS = {"16": 2, "24": 3, "32f": 4}
"""Bytes of a sample, by the name of its depth."""

_TYPES = {"16": "<i2", "24": "<i4"}


def to_pcm(
    block: NDArray[np.floating], bits: str = "16", dither: NDArray[np.float64] | None = None
) -> Samples:
    """Samples of a depth in `DEPTHS`, of the same shape: int16, int32 within 24 bits, or float32.

    Integers are the nearest (halves go to the even) to the value plus `dither`, which is of
    `block`'s shape and in steps of the integers; None: to the value itself. What is exactly 0 stays
    0, so that digital silence is silent. Full scale is ±1; integers beyond it are clipped, floats
    are not. Multiplying by a power of two is exact, so the result is the same on every machine.

    Raises ValueError where a number is not finite.
    """
    if not np.isfinite(block).all():
        raise ValueError("the sound holds numbers that are not finite")
    if bits == "32f":
        return block.astype("<f4")
    full_scale = float(1 << (8 * DEPTHS[bits] - 1))
    # Readers divide by it, so that a value read back is the value written.
    scaled = np.clip(block, -1.0, 1.0).astype(np.float32).astype(np.float64) * full_scale
    if dither is not None:
        scaled += np.where(block == 0, 0.0, dither)
    whole = np.clip(np.rint(scaled), -full_scale, full_scale - 1.0)
    samples: Samples = whole.astype(_TYPES[bits])
    return samples


def packed(samples: Samples) -> bytes:
    """The bytes of samples in a WAV file, channels interleaved; int32 as the 3 bytes of 24 bits."""
    if samples.dtype != np.dtype("<i4"):
        return samples.tobytes()
    apart = np.ascontiguousarray(samples).view(np.uint8).reshape(-1, 4)
    return apart[:, :3].tobytes()
