"""How a plan's windows follow one another: once each, or round and round in a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ambientgen.plan import Plan
from ambientgen.windows import Window, turns

KEPT_WINDOWS = 128
"""So many windows of a loop are kept for when they come again: of a render of one turn, all that
do, for a loop of minutes, all."""

Result = TypeVar("Result")


def to_make(plan: Plan) -> Iterator[Window]:
    """The windows to render, in order: all, and those of a long loop once more in each turn."""
    if plan.loop is None:
        yield from plan.windows
        return
    kept: set[int] = set()
    for _, window in turns(plan.windows, plan.loop.frames, *plan.reach.latents):
        if window.index not in kept:
            yield window
        if len(kept) < KEPT_WINDOWS:
            kept.add(window.index)
        if len(kept) == len(plan.windows):
            return


def placed(plan: Plan, made: Iterable[tuple[Window, Result]]) -> Iterator[tuple[int, Result]]:
    """What was made of the windows of `to_make`, in order, with each frame where it is to start."""
    if plan.loop is None:
        yield from ((window.start_frame, result) for window, result in made)
        return
    kept: dict[int, Result] = {}
    stream = iter(made)
    for start_frame, window in turns(plan.windows, plan.loop.frames, *plan.reach.latents):
        result = kept[window.index] if window.index in kept else next(stream)[1]
        if len(kept) < KEPT_WINDOWS:
            kept[window.index] = result
        yield start_frame, result
