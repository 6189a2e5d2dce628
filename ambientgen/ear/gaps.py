"""Silence, dropouts and clicks: faults of the trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ambientgen.ear.source import Array
from ambientgen.ear.trace import FINE_S, Trace
from ambientgen.ear.verdicts import Verdict, at_most

SILENCE_DB = -85.0
"""Below this, in dB of full scale, there is nothing: quieter than 14 bits can tell."""
LONGEST_SILENCE_S = 0.5
DROPOUT_DB = 15.0
CLICK = 5.0

_ONSET_DB = 6.0  # twice the amplitude

_EDGE_S = 0.25  # of the file, where fades begin and end
_LONGEST_DROPOUT = int(0.3 / FINE_S)
_NEAR = int(0.1 / FINE_S)  # what surrounds a dropout


def gap_verdicts(heard: Trace, silent_s: tuple[tuple[float, float], ...] = ()) -> list[Verdict]:
    """Verdicts about silence, dropouts and clicks.

    `silent_s` are stretches (start, end) in seconds in which the scene asks for nothing: silence is
    no fault there.
    """
    level = heard.level_db.astype(np.float64)
    return [_silence(level, silent_s), _dropouts(level), _clicks(heard)]


def _silence(level: Array, silent_s: tuple[tuple[float, float], ...]) -> Verdict:
    empty = level < SILENCE_DB
    times = (np.arange(len(level)) + 0.5) * FINE_S
    for start, stop in silent_s:
        empty &= ~((times >= start) & (times <= stop))
    runs = _runs(empty)
    lengths = (runs[:, 1] - runs[:, 0]) * FINE_S
    worst = np.argsort(-lengths)[:5]
    where = tuple(float(runs[i, 0] * FINE_S) for i in sorted(worst) if lengths[i] >= 0.1)
    longest = float(lengths.max(initial=0.0))
    return at_most("faults.silence", longest, LONGEST_SILENCE_S, "s", where)


def _dropouts(level: Array) -> Verdict:
    """How far the deepest short hole lies under everything else that is as low as the file gets.

    The file's own floor is the level that one 5 ms in a hundred does not reach; it is taken within
    10 s as well, for scenes that fall silent.
    """
    inner = level[int(_EDGE_S / FINE_S) : len(level) - int(_EDGE_S / FINE_S)]
    if len(inner) < 4 * _NEAR:
        return Verdict("faults.dropouts", None, "dB")
    floor = np.percentile(inner, 1)
    depths, places = [0.0], [0.0]
    for start, stop in _runs(inner < floor - DROPOUT_DB / 2):
        before, after = inner[max(0, start - _NEAR) : start], inner[stop : stop + _NEAR]
        if stop - start > _LONGEST_DROPOUT or not len(before) or not len(after):
            continue
        # A hole has two steep sides: what fades out, or stays low, is none.
        rim = min(float(np.median(before)), float(np.median(after)), float(floor) + 30.0)
        depths.append(min(rim, float(floor)) - float(inner[start:stop].min()))
        places.append(float(start * FINE_S + _EDGE_S))
    deepest = np.argsort(depths)[::-1][:5]
    where = tuple(sorted(places[i] for i in deepest if depths[i] > DROPOUT_DB))
    return at_most("faults.dropouts", max(depths), DROPOUT_DB, "dB", where)


def _clicks(heard: Trace) -> Verdict:
    """The sharpest jolt against what the file's sharpest moments are like.

    These are the 25 next (a minute of crackling fire has hundreds alike): a click that stands alone
    is a fault, one among its like is what the file is made of.
    """
    jolt = heard.jolt.astype(np.float64)
    level = heard.level_db.astype(np.float64)
    order = np.argsort(jolt)[::-1]
    # The sharp beginning of something louder, such as a thunderclap, is no click.
    alone = [i for i in order[:50] if _rise_db(level, int(i)) < _ONSET_DB]
    if not alone:
        return Verdict("faults.clicks", None)
    first = alone[0]
    apart = order[np.abs(order - first) > 4]
    if not len(apart):
        return Verdict("faults.clicks", None)
    usual = max(float(np.mean(jolt[apart[:25]])), 5.0)
    value = float(jolt[first]) / usual
    where = (float(first * FINE_S),) if value > CLICK else ()
    return at_most("faults.clicks", value, CLICK, "times the next", where)


def _rise_db(level: Array, index: int) -> float:
    """How much louder the 50 ms from 20 ms after an instant are than those before it."""
    before, after = level[max(0, index - 14) : max(1, index - 4)], level[index + 4 : index + 14]
    return float(np.median(after) - np.median(before)) if len(after) else 0.0


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and last + 1 index of every stretch of True: (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)
