"""A periodic sound at a slightly other speed: a function of absolute time, its period exact.

A loop is made of whole latent frames and asked for in samples. Streaming resamplers carry a state
from block to block: what they give depends on where they began, and their ratio is rounded. Here
sample n is interpolated at n · made / asked, counted in whole numbers, so that every turn of the
loop is the same to the bit, and any stretch of it can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ambientgen.units import Loop

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

HALF = 24
"""Samples on each side that a sample is made of: a Kaiser window over 48 of them falls from the
pass band, to 7.5 kHz at 16 kHz, to -80 dB within a kilohertz."""

_BETA = 7.86  # Kaiser's formula for 80 dB: 0.1102 (A - 8.7)
_PHASES = 2048  # between two samples; kernels in between are interpolated, wrong by under -120 dB


PIECE_SAMPLES = 8192
"""So many samples at a time."""

Piece = tuple[FloatArray, int, int, int]
"""Samples of the loop as made, the number of the first, and which samples to make of them: the
first, and the one after the last. It holds what `source` says."""


def source(loop: Loop, first: int, end: int) -> tuple[int, int]:
    """The made samples, first and one after the last, that samples `first` to `end` are made of."""
    if loop.samples == loop.made_samples:
        return first, end
    places, _ = _places(loop, np.array([first, end - 1]))
    return int(places[0]) - HALF + 1, int(places[1]) + HALF + 1


def resampled(loop: Loop, piece: Piece) -> FloatArray:
    """The samples of the loop as asked for that a piece is for."""
    made, made_first, first, end = piece
    if loop.samples == loop.made_samples:
        return made[first - made_first : end - made_first]
    places, phases = _places(loop, np.arange(first, end))
    around = np.lib.stride_tricks.sliding_window_view(made, 2 * HALF)
    around = around[places - HALF + 1 - made_first]
    step = phases * _PHASES
    nearest = step.astype(np.int64)
    share = (step - nearest).astype(np.float32)[:, None]
    kernels = _kernels()
    kernel = kernels[nearest] + share * (kernels[nearest + 1] - kernels[nearest])
    return np.asarray((around * kernel).sum(axis=1), np.float32)


def _places(loop: Loop, samples: IntArray) -> tuple[IntArray, NDArray[np.float64]]:
    """The made sample before each of `samples`, and how far past it, from 0 to 1."""
    # As an offset, which is small: the product itself would not fit 64 bits after a day.
    offset = samples * (loop.made_samples - loop.samples)
    return samples + offset // loop.samples, (offset % loop.samples) / loop.samples


@lru_cache(maxsize=1)
def _kernels() -> FloatArray:
    """Windowed sincs for each phase from 0 to 1, each summing to 1: shape (phases + 1, 2 HALF)."""
    phases = np.arange(_PHASES + 1)[:, None] / _PHASES
    at = np.arange(2 * HALF) - (HALF - 1) - phases
    within = np.sqrt(np.clip(1.0 - (at / HALF) ** 2, 0.0, None))
    kernels = np.sinc(at) * np.i0(_BETA * within)
    return np.asarray(kernels / kernels.sum(axis=1, keepdims=True), np.float32)


def pieces(
    blocks: Iterable[FloatArray], begin: int, loop: Loop, first: int, end: int | None
) -> Iterator[Piece]:
    """A stream of the loop as made, from sample `begin` on, cut for `resampled`.

    The pieces together are samples `first` to `end` (not included; None: all) of the loop as asked.
    """
    kept = np.empty(0, np.float32)
    stream = iter(blocks)
    while end is None or first < end:
        stop = first + PIECE_SAMPLES if end is None else min(first + PIECE_SAMPLES, end)
        low, high = source(loop, first, stop)
        while begin + len(kept) < high:
            kept = np.concatenate([kept, next(stream)])
        kept, begin = kept[low - begin :], low
        yield kept[: high - low], low, first, stop
        first = stop
