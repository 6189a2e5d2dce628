"""A loop that goes round in a file: each of its moments is judged once."""

from __future__ import annotations

from collections.abc import Sequence


def once(
    joins_s: Sequence[float], turn_s: float | None, length_s: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The joins to judge in a file of `length_s`, and moments that are neither these nor others.

    Where a loop whose turns last `turn_s` goes round twice or more, a join is judged in that turn
    which has a turn around it. What it is in the other turns, and where a turn ends, must not be
    among the moments that it is compared with: a fault would hide behind its own copies.
    """
    if turn_s is None or length_s < 2 * turn_s:
        return tuple(joins_s), ()
    judged = tuple(time_s for time_s in joins_s if turn_s / 2 <= time_s < 3 * turn_s / 2)
    again = set(joins_s).difference(judged)
    return judged, tuple(sorted(again.union(ends_s(turn_s, length_s))))


def ends_s(turn_s: float | None, length_s: float) -> tuple[float, ...]:
    """Where turns of `turn_s` end inside a file of `length_s`; none of other sounds."""
    count = 0 if turn_s is None else int(length_s / turn_s)
    return tuple(number * (turn_s or 0.0) for number in range(1, count + 1))
