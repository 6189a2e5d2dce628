"""Overlapping windows -> one gapless stream, level flat whatever the windows have in common.

Two sides `x`, `y` of equal power, mixed `a·x + b·y`, have the power `a² + b² + 2abρ` of one of
them, where ρ is their correlation. Dividing by its root keeps the level flat: ρ = 1 gives the
linear ramps of copies of one sound, ρ = 0 the constant-power ramps of strangers. Where the sides
differ in level the power moves from one to the other without over- or undershoot: its slope has
the sign of the difference for every ρ ≥ 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

# Sides more opposed than this cancel: no gain could keep their level, so none is asked to.
LEAST_CORRELATION = -0.9

Floating = TypeVar("Floating", np.float32, np.float64)


def ramp(frames: int) -> NDArray[np.float64]:
    """The rising side, a raised cosine within (0, 1), shape (frames,); one minus it is its mirror.

    Sampled at frame centres, so that no frame of an overlap is spent on a gain of 0 or 1.
    """
    centres = (np.arange(frames) + 0.5) / max(frames, 1)
    return 0.5 - 0.5 * np.cos(np.pi * centres)


def gains(frames: int, correlation: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Falling and rising gain, each (frames,), of a join whose sides correlate, above -1.

    Their sum is 1 at correlation 1; their squares' sum is 1 at correlation 0.
    """
    rising = ramp(frames)
    level = _level(rising, np.asarray(correlation, np.float64))
    return (1.0 - rising) / level, rising / level


def overlap_correlation(
    left: NDArray[Floating], right: NDArray[Floating], rows_per_group: int | None = None
) -> NDArray[np.float64]:
    """Correlation from LEAST_CORRELATION to 1 of two sides, one for each group of rows: (groups,).

    left, right: the same moments as each side tells them, (…, frames); the leading axes are
    taken as rows. rows_per_group: so many neighbouring rows share one correlation (the bins of a
    channel, say); None: all rows do. Means are not taken out: it is power that must stay, and
    an offset is part of it. Where a side is silent there is nothing to keep level: 1, the
    plain ramp. Copies give exactly 1.

    Raises ValueError where shapes differ or rows do not divide into groups.
    """
    if left.shape != right.shape:
        raise ValueError(f"sides of shapes {left.shape} and {right.shape} cannot be joined")
    frames = left.shape[-1]
    rows = int(np.prod(left.shape[:-1], dtype=np.int64))
    size = rows if rows_per_group is None else rows_per_group
    if size < 1 or rows % size:
        raise ValueError(f"{rows} rows do not divide into groups of {size}")
    grouped = (rows // size, size * frames)
    x = left.astype(np.float64).reshape(grouped)
    y = right.astype(np.float64).reshape(grouped)
    product = np.sum(x * x, axis=1) * np.sum(y * y, axis=1)
    audible = product > 0.0
    found = np.sum(x * y, axis=1) / np.sqrt(np.where(audible, product, 1.0))
    return np.where(audible, np.clip(found, LEAST_CORRELATION, 1.0), 1.0)


def join(
    left: NDArray[Floating], right: NDArray[Floating], rows_per_group: int | None = None
) -> NDArray[Floating]:
    """Fade from `left` to `right`, both (…, frames) and over the same moments.

    See `overlap_correlation` for `rows_per_group` and the errors. Where the sides are equal the
    result is that very sound, bit for bit.
    """
    correlation = overlap_correlation(left, right, rows_per_group)
    rising = ramp(left.shape[-1])
    level = _level(rising, correlation[:, np.newaxis])
    x = left.astype(np.float64).reshape(len(correlation), -1, left.shape[-1])
    y = right.astype(np.float64).reshape(x.shape)
    mixed = (x + rising * (y - x)) / level[:, np.newaxis, :]
    return mixed.reshape(left.shape).astype(left.dtype)


def join_windows(
    pieces: Iterable[tuple[int, NDArray[Floating]]],
    max_overlap_frames: int | None = None,
) -> Iterator[NDArray[Floating]]:
    """Join windows into contiguous blocks; their concatenation is the whole.

    pieces: (absolute start frame, window (…, frames)) in order of time. Each begins at or before
    the end of the one before, ends no earlier than it does, and leaves alone what is already
    joined, so that no moment is told by more than two windows. The overlap may differ at each
    join and may be 0. A join depends on its two windows alone, so a stream begun one window
    early is right from its second join's end on.

    max_overlap_frames: a promise that no overlap is longer; frames beyond its reach are yielded
    as soon as their window arrives, instead of with the next one. It changes where blocks are
    cut, never what they hold.

    Holds at most two windows. Blocks may be views of the windows: do not write into either.
    Raises ValueError at a gap, at a window out of order, where shapes disagree, or where the
    promise is broken.
    """
    held: NDArray[Floating] | None = None  # what the next window may still overlap
    held_start = 0
    for start, piece in pieces:
        if held is not None:
            overlap = _checked_overlap(held_start, held, start, piece)
            if start > held_start:
                yield held[..., : start - held_start]
            if overlap:
                yield join(held[..., start - held_start :], piece[..., :overlap])
            start, piece = start + overlap, piece[..., overlap:]
        held, held_start = piece, start
        if max_overlap_frames is not None:
            finished = held.shape[-1] - max_overlap_frames
            if finished > 0:
                yield held[..., :finished]
                held, held_start = held[..., finished:], held_start + finished
    if held is not None and held.shape[-1]:
        yield held


def _checked_overlap(
    held_start: int, held: NDArray[Floating], start: int, piece: NDArray[Floating]
) -> int:
    """Frames that `piece` shares with `held`; raises ValueError where they cannot be joined."""
    if piece.shape[:-1] != held.shape[:-1]:
        raise ValueError(f"a window of shape {piece.shape} after one of {held.shape}")
    held_end = held_start + held.shape[-1]
    if start > held_end:
        raise ValueError(f"a gap: frames {held_end} to {start} are in no window")
    if start < held_start:
        raise ValueError(f"the window at frame {start} reaches back before {held_start}")
    overlap: int = held_end - start
    if piece.shape[-1] < overlap:
        raise ValueError(f"the window at frame {start} ends before the one it follows")
    return overlap


def _level(rising: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root of the power that ramps adding to 1 leave of two sides of power 1; broadcasts.

    `a² + b² + 2abρ`, written so that correlation 1 gives exactly 1.
    """
    return np.sqrt(1.0 - 2.0 * rising * (1.0 - rising) * (1.0 - correlation))
