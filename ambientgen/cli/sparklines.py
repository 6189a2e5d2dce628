"""Curves in a terminal: a sparkline for each state, how far it goes, and in which words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.console import bars, width
from ambientgen.prompts import Template
from ambientgen.state_values import state_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ambientgen.scene import Scene, State

COLUMNS = 40
"""Of a sparkline, where the terminal is wide enough."""
_FEWEST = 12
_BESIDE = 34  # columns that range and words should have, before the sparkline gets narrower


def sparkline_table(
    scene: Scene, stretch_s: tuple[float, float], clock: Callable[[float], str]
) -> str:
    """A row for each state: name, sparkline, lowest to highest level, their words; a time axis.

    stretch_s: start and length in seconds. clock: a time as words. A sparkline's column is the mean
    of its time; words are those nearest to the lowest and the highest level, left out or cut where
    the terminal ends.
    """
    start_s, length_s = stretch_s
    longest = max(len(state.name) for state in scene.states)
    columns = max(min(COLUMNS, width() - longest - 6 - _BESIDE), _FEWEST)
    fine = 16  # moments in a column: a short peak is still part of the range
    times_s = start_s + (np.arange(columns * fine) + 0.5) / (columns * fine) * length_s
    ends_s = np.array([start_s, start_s + length_s])
    values = state_values(scene, times_s)
    reached = np.concatenate([values, state_values(scene, ends_s)], axis=1)
    means = values.reshape(len(values), columns, fine).mean(axis=2)
    words = [
        _words(state, levels, every)
        for state, levels, every in zip(scene.states, _levels(scene, reached), reached, strict=True)
    ]
    room = max(width() - longest - columns - 19, 8)
    lines = [
        f"  {state.name.ljust(longest)}  {bars(drawn)}  {_range(every).ljust(12)} "
        f"{textwrap.shorten(said, room, placeholder=' …')}"
        for state, drawn, every, said in zip(
            scene.states, means.tolist(), reached, words, strict=True
        )
    ]
    start, end = clock(start_s), clock(start_s + length_s)
    axis = " " * (longest + 4) + start + end.rjust(columns - len(start))
    return "\n".join(line.rstrip() for line in [*lines, axis])


def _range(values: NDArray[np.float64]) -> str:
    """`0.15 to 0.90`, or the one value of a curve that rests."""
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low} to {high}"


def _levels(scene: Scene, values: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Of each state the level index nearest to its lowest value, and to its highest."""
    template = Template.of(scene)
    low, high = template.nearest(values.min(axis=1)), template.nearest(values.max(axis=1))
    return list(zip(low, high, strict=True))


def _words(state: State, levels: tuple[int, int], values: NDArray[np.float64]) -> str:
    """`light rain … a torrential downpour`, for the `levels` nearest to the ends of `values`."""
    ends = zip(levels, (values.min(), values.max()), strict=True)
    said = [state.levels[level] or unworded(float(value)) for level, value in ends]
    return " … ".join(dict.fromkeys(said))


def unworded(value: float) -> str:
    """What to say of a level that is nearest to silence."""
    return "(faint)" if value else "(not heard)"
