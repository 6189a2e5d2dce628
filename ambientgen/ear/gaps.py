"""Silence, dropouts and clicks: faults of the trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import grey_opening

from ambientgen.ear.source import Array
from ambientgen.ear.trace import FINE_S, HOP_S, SEEN_S, SILENCE_DB, Floats, Trace
from ambientgen.ear.verdicts import Verdict, at_most

LONGEST_SILENCE_S = 0.5
DROPOUT_DB = 15.0
CLICK = 5.0

_ONSET_DB = 6.0  # twice the amplitude
# A click's own 2 ms, the 2 ms that prediction remembers, and the 1 ms that jolts are averaged over
# are 5 ms: in slots of 5 ms they lie in one, or in two. What fills three is longer than a click.
_LONGER = 3
_HEARD_DB = 3.0  # twice the power: at least half of what is louder can be heard
_SLOTS = round(HOP_S / FINE_S)
_SHARPEST = 50  # jolts among which a click is looked for
_NEXT = 25  # jolts that say what the file is like
_OF_ONE_CLICK = 4  # slots to either side, 20 ms, whose jolts are the click's own
_USUAL_AT_LEAST = 5.0  # so that in a file without sharp moments a mild one is no click
_LEAST_JOLT = 0.5  # below what noise has, so that a stretch of zeros is no ground to rise from

_EDGE_S = 0.25  # of the file, where fades begin and end
_LONGEST_DROPOUT = int(LONGEST_SILENCE_S / FINE_S)  # what is longer is silence
_NOTHING_DB = -100.0  # below 16 bits' own noise: a dropped buffer, and how far it counts as deep
_NEAR = int(0.1 / FINE_S)  # what surrounds a dropout

Stretches = tuple[tuple[float, float], ...]
"""(start, end) in seconds."""


def gap_verdicts(
    heard: Trace,
    silent_s: Stretches = (),
    channels_db: Floats | None = None,
    faded_s: Stretches = (),
) -> list[Verdict]:
    """Verdicts about silence, dropouts and clicks.

    `silent_s` are stretches in which the scene asks for nothing: there silence is no fault, nor are
    pauses. In those that are `faded_s`, silence is none. `channels_db` (m, channels) are levels of
    single channels, in which holes are looked for too: one channel may be silent for longer, as
    what is heard on one side alone makes it.
    """
    level = heard.level_db.astype(np.float64)
    singly = [] if channels_db is None else list(channels_db.T.astype(np.float64))
    return [
        _silence(level, (*silent_s, *faded_s)),
        _dropouts([level, *singly], silent_s),
        _clicks(heard),
    ]


def _silence(level: Array, silent_s: Stretches) -> Verdict:
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


def _dropouts(levels: list[Array], silent_s: Stretches) -> Verdict:
    """The deepest hole of the sound as a whole, and of each of its channels."""
    found = [hole for hole in (_holes(level, silent_s) for level in levels) if hole is not None]
    if not found:
        return Verdict("faults.dropouts", None, "dB")
    deepest = max(depth for depth, _ in found)
    where = sorted({time_s for _, times_s in found for time_s in times_s})
    return at_most("faults.dropouts", deepest, DROPOUT_DB, "dB", tuple(where))


def _holes(level: Array, silent_s: Stretches) -> tuple[float, tuple[float, ...]] | None:
    """How far the deepest short hole lies under everything else that is as low as the file gets,
    and where the deepest are; outside of `silent_s`.

    The file's own floor is the level that one 5 ms in a hundred does not reach, of those in which
    there is anything: many holes are no floor.
    """
    inner = level[int(_EDGE_S / FINE_S) : len(level) - int(_EDGE_S / FINE_S)]
    inner = np.maximum(inner, _NOTHING_DB)
    sounding = inner[inner > _NOTHING_DB]
    if len(inner) < 4 * _NEAR or not len(sounding):
        return None
    floor = np.percentile(sounding, 1)
    depths, places = [0.0], [0.0]
    for start, stop in _runs(inner < floor - DROPOUT_DB / 2):
        before, after = inner[max(0, start - _NEAR) : start], inner[stop : stop + _NEAR]
        if stop - start > _LONGEST_DROPOUT or not len(before) or not len(after):
            continue
        time_s = float(start * FINE_S + _EDGE_S)
        if any(first <= time_s <= last for first, last in silent_s):
            continue
        # A hole has two steep sides: what fades out, or stays low, is none.
        rim = min(float(np.median(before)), float(np.median(after)), float(floor))
        depths.append(rim - float(inner[start:stop].min()))
        places.append(time_s)
    deepest = np.argsort(depths)[::-1][:5]
    return max(depths), tuple(sorted(places[i] for i in deepest if depths[i] > DROPOUT_DB))


def _clicks(heard: Trace) -> Verdict:
    """The sharpest jolt against what the file's sharpest moments are like.

    These are the `_NEXT` (a minute of crackling fire has hundreds alike): a click that stands alone
    is a fault, one among its like is what the file is made of.
    """
    jolt = heard.jolt.astype(np.float64)
    order = np.argsort(jolt)[::-1]
    sharpest = order[:_SHARPEST]
    alone = sharpest[~_onsets(heard, sharpest)]
    if not len(alone):
        return Verdict("faults.clicks", None)
    first = alone[0]
    apart = order[np.abs(order - first) > _OF_ONE_CLICK]
    if not len(apart):
        return Verdict("faults.clicks", None)
    usual = max(float(np.mean(jolt[apart[:_NEXT]])), _USUAL_AT_LEAST)
    value = float(jolt[first]) / usual
    where = (float(first * FINE_S),) if value > CLICK else ()
    return at_most("faults.clicks", value, CLICK, "times the next", where)


def _onsets(heard: Trace, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these instants (n,) are the sharp beginning of something, and so no clicks: (n,).

    A click is over within 2 ms, and leaves the sound as it was. What begins is louder from then on:
    a thunderclap. Or it is only where the sound had been quiet, such as a stroke's treble amid the
    roar of wind, which the level as a whole hides. Jolts show it: they weigh every band by what it
    usually has. So an onset is also what jolts for longer than a click, and leaves the sound
    jolting more than before. Both are asked: a tick among a voice's pulses is short, and a torn
    buffer lasts, but nothing follows it. A level that rises by an offset, of which no band hears
    anything, is no onset.
    """
    level, jolt = heard.level_db.astype(np.float64), heard.jolt.astype(np.float64)
    lasting = grey_opening(jolt, _LONGER)  # without all that is shorter
    restless = 20 * np.log10(np.maximum(jolt, _LEAST_JOLT))

    def begins(index: int) -> bool:
        if _rise_db(level, index) >= _ONSET_DB and _heard_rise_db(heard, index) >= _HEARD_DB:
            return True
        longer = lasting[index] >= jolt[index] / 2
        return bool(longer and _rise_db(restless, index) >= _ONSET_DB)

    return np.array([begins(int(index)) for index in at], bool)


def _rise_db(level: Array, index: int) -> float:
    """How much louder the 50 ms from 20 ms after an instant are than those before it."""
    before, after = level[max(0, index - 14) : max(1, index - 4)], level[index + 4 : index + 14]
    return float(np.median(after) - np.median(before)) if len(after) else 0.0


def _heard_rise_db(heard: Trace, index: int) -> float:
    """The same of all bands together, in the three spectra wholly after an instant and the three
    wholly before it; inf where there are none to compare."""
    last, first = int((index * FINE_S - SEEN_S) // HOP_S), -(-(index + 2) // _SLOTS)
    sides = heard.bands_db[max(0, last - 2) : max(0, last + 1)], heard.bands_db[first : first + 3]
    if not all(map(len, sides)):
        return np.inf
    before, after = (np.median(np.sum(10 ** (side / 10.0), axis=1)) for side in sides)
    return float(10 * np.log10(after / before))


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and last + 1 index of every stretch of True: (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)
