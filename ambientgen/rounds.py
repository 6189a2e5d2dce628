"""How a plan's windows follow one another: once each, or round and round in a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ambientgen.plan import Plan
from ambientgen.windows import Window, turns

KEPT_WINDOWS = 128
"""At most this many windows of a loop are kept for its next turns: enough for every window of a
loop of some minutes."""

Result = TypeVar("Result")


def to_make(plan: Plan) -> Iterator[Window]:
    """The windows to render, in order: all that are not silent, and those of a long loop once more
    in each turn."""
    if plan.loop is None:
        yield from (window for window in plan.windows if not window.silent)
        return
    kept: set[int] = set()
    loud = sum(not window.silent for window in plan.windows)
    for _, window in turns(plan.windows, plan.loop.frames, *plan.made_latents):
        if len(kept) == loud:
            return
        if window.silent or window.index in kept:
            continue
        yield window
        if len(kept) < KEPT_WINDOWS:
            kept.add(window.index)


def placed(
    plan: Plan, made: Iterable[tuple[Window, Result]], silence: Callable[[Window], Result]
) -> Iterator[tuple[int, Result]]:
    """What was made of the windows of `to_make`, in order, with each frame where it is to start;
    between them `silence` of the silent ones."""
    stream = iter(made)
    if plan.loop is None:
        for window in plan.windows:
            yield window.start_frame, silence(window) if window.silent else next(stream)[1]
        return
    kept: dict[int, Result] = {}
    for start_frame, window in turns(plan.windows, plan.loop.frames, *plan.made_latents):
        if window.silent:
            yield start_frame, silence(window)
            continue
        result = kept[window.index] if window.index in kept else next(stream)[1]
        if len(kept) < KEPT_WINDOWS:
            kept[window.index] = result
        yield start_frame, result
