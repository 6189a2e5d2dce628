"""Seam levelling: windows that are not equally loud meet halfway before they are joined.

Of one noise, neighbours agree on what happens where they overlap, but not quite on its level and
its colour: of those each window has its own, and a fade turns from one to the other so fast that
an ear finds the place. So each side takes on half of their mean difference there, in the middle of
the overlap, and less and less away from it. (Photographs on a surface are joined so, as Lempitsky
and Ivanov 2007 have it.) In the middle of a window nothing changes, so that what it was told is
heard. Where a state moves, windows are steps of a stair; levelled, they are points of a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def moved_frames(frames: IntArray, overlaps: IntArray, reach: int) -> NDArray[np.float64]:
    """How far from an overlap's middle windows of so many `frames` are moved: `reach`, or to their
    own middle if that is nearer."""
    return np.minimum(reach, (frames - overlaps) / 2)


@dataclass(frozen=True)
class _Made:
    """A window as it was made: `rows` (rows, frames) from frame `start` on."""

    start: int
    rows: FloatArray

    @property
    def middle(self) -> int:
        """Frames of its first half."""
        return int(self.rows.shape[1]) // 2

    @property
    def stands_still(self) -> bool:
        """As the latents of silence do, which are to stay what they are."""
        return bool((self.rows == self.rows[:, :1]).all())


def levelled(
    pieces: Iterable[tuple[int, FloatArray]], reach: int
) -> Iterator[tuple[int, FloatArray]]:
    """The windows (rows, frames), as halves of them, each levelled with the neighbour on its side.

    `pieces` come in order of time; no overlap is longer than half a window. A window is its own
    again `reach` frames from an overlap's middle, or in its own middle if that is nearer. One that
    stands still, and what it is joined to, are left as they are there. A half depends on nothing
    but the two windows that meet on its side, and comes as soon as they do. Holds two windows.
    With a `reach` of 0 the pieces come as they are.

    Raises ValueError for a longer overlap.
    """
    if not reach:
        yield from pieces
        return
    held: _Made | None = None
    for start, rows in pieces:
        window = _Made(start, rows)
        first = rows[:, : window.middle]
        if held is not None:
            second, first = _met(held, window, reach)
            yield held.start + held.middle, second
        yield start, first
        held = window
    if held is not None:
        yield held.start + held.middle, held.rows[:, held.middle :]


def _met(left: _Made, right: _Made, reach: int) -> tuple[FloatArray, FloatArray]:
    """The second half of one window and the first of the next, each moved by half of what both
    differ by where they overlap."""
    end = left.start + left.rows.shape[1]
    overlap = end - right.start
    if overlap > min(left.rows.shape[1] - left.middle, right.middle):
        raise ValueError(f"an overlap of {overlap} frames is more than half a window")
    halves = left.rows[:, left.middle :], right.rows[:, : right.middle]
    if overlap < 1 or left.stands_still or right.stands_still:
        return halves
    differ = right.rows[:, :overlap].astype(np.float64) - left.rows[:, -overlap:]
    half = differ.mean(axis=1, keepdims=True) / 2
    middle = right.start + overlap / 2

    def moved(window: _Made, first: int, rows: FloatArray, inwards: int) -> FloatArray:
        """By all of `half` in the middle of the overlap, by evenly less on the way into the window,
        down to nothing, and by as much more on the way out, so that both sides may be one line."""
        away = first + np.arange(rows.shape[1]) + 0.5 - middle
        own = moved_frames(np.array(window.rows.shape[1]), np.array(overlap), reach)
        share = np.maximum(1 - inwards * away / own, 0.0)
        return np.asarray(rows - (inwards * half * share).astype(np.float32), np.float32)

    return (
        moved(left, left.start + left.middle, halves[0], -1),
        moved(right, right.start, halves[1], 1),
    )
