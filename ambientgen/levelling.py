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


@dataclass(frozen=True)
class _Window:
    """A window's `rows` (rows, frames) from frame `start` on, and what they have become so far."""

    start: int
    rows: FloatArray
    level: FloatArray

    @property
    def stands_still(self) -> bool:
        """As the latents of silence do, which are to stay what they are."""
        return bool((self.rows == self.rows[:, :1]).all())

    def moved(self, by: FloatArray) -> _Window:
        return _Window(self.start, self.rows, self.level + by)


def levelled(
    pieces: Iterable[tuple[int, FloatArray]], reach: int
) -> Iterator[tuple[int, FloatArray]]:
    """The same windows (rows, frames) at the same frames, each levelled with both its neighbours.

    `pieces` come in order of time; no overlap is longer than half a window. A window is its own
    again `reach` frames from an overlap's middle, or in its own middle if that is nearer. One that
    stands still, and what it is joined to, are left as they are there. So each half of a window
    depends on the neighbour it is joined to, and on nothing else. Holds two windows.
    """
    held: _Window | None = None
    for start, rows in pieces:
        window = _Window(start, rows, rows)
        if held is not None:
            held, window = _met(held, window, reach)
            yield held.start, held.level
        held = window
    if held is not None:
        yield held.start, held.level


def _met(left: _Window, right: _Window, reach: int) -> tuple[_Window, _Window]:
    """Two neighbours, each moved by half of what they differ by."""
    end = left.start + left.rows.shape[1]
    overlap = end - right.start
    if overlap < 1 or left.stands_still or right.stands_still:
        return left, right
    differ = right.rows[:, :overlap].astype(np.float64) - left.rows[:, -overlap:]
    half = differ.mean(axis=1, keepdims=True) / 2

    middle = (right.start + end) / 2

    def share(window: _Window, inwards: int) -> NDArray[np.float64]:
        """Of each frame: 1 in the middle of the overlap, evenly less on the way into the window,
        down to 0, and as much more on the way out, so that both sides climb alike."""
        count = window.rows.shape[1]
        frames = window.start + np.arange(count) + 0.5
        own = min(reach, (count - overlap) / 2)
        return np.asarray(np.maximum(1 - inwards * (frames - middle) / own, 0.0))

    return (
        left.moved((half * share(left, -1)).astype(np.float32)),
        right.moved((-half * share(right, 1)).astype(np.float32)),
    )
