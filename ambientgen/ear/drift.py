"""Does a sound that should stay the same creep away? Level, centroid and texture over the hours."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from ambientgen.ear.asked import Placed
from ambientgen.ear.source import Array
from ambientgen.ear.texture import SEGMENT_S, TextureStats, distance
from ambientgen.ear.trace import HOP_S, Trace, band_centres_hz
from ambientgen.ear.verdicts import Verdict, at_most
from ambientgen.state_values import state_value

if TYPE_CHECKING:
    from ambientgen.scene import Scene

LEVEL_DB, CENTROID_OCTAVES, TEXTURE = 3.0, 0.33, 2.0
SHORTEST_S = 60.0
"""A trend over less is what the sound does anyway."""

_BIN_S = 10.0
_STILL = 0.03  # of intensity: as good as constant
_SPLITS = 40


def drift_verdicts(
    heard: Trace, scene: Scene | None, placed: Placed | None = None
) -> list[Verdict]:
    """Trends over the longest stretch at constant state, and where nothing that is `placed` moves.

    Without a scene nobody knows what should have stayed: the whole file is measured, and not
    judged.
    """
    names = ("drift.level", "drift.centroid", "drift.texture")
    start, stop = 0.0, heard.duration_s
    if scene is not None:
        start, stop = _still(scene, heard.duration_s, placed or Placed())
    if stop - start < SHORTEST_S:
        note = (
            f"too short: {SHORTEST_S:g} s are needed"
            if scene is None
            else "no minute at constant state"
        )
        return [Verdict(name, None, note=note) for name in names]
    values = (*_trends(heard, start, stop), _texture(heard, start, stop))
    limits, units = (LEVEL_DB, CENTROID_OCTAVES, TEXTURE), ("dB", "octaves", "times chance")
    if scene is None:
        note = "not judged: --scene tells what should stay constant"
        return [
            Verdict(name, value, unit, note=note)
            for name, value, unit in zip(names, values, units, strict=True)
        ]
    return [
        Verdict(name, None, unit) if value is None else at_most(name, value, limit, unit, (start,))
        for name, value, limit, unit in zip(names, values, limits, units, strict=True)
    ]


def _still(scene: Scene, length_s: float, placed: Placed) -> tuple[float, float]:
    """The longest stretch, to a second, in which no state moves by more than `_STILL`, nothing
    `placed` by more than what counts like it, and the whole is not faded."""
    first, last = placed.unfaded_s(length_s)
    times = np.append(np.arange(first, last, 1.0), last)
    levels = [state_value(scene, state, times) for state in scene.states]
    starts = np.zeros(len(times), np.int64)
    for values in (*levels, *(_STILL * moved for moved in placed.moved(times))):
        starts = np.maximum(starts, _within(values, _STILL))
    lengths = times - times[starts]
    index = int(lengths.argmax())
    return float(times[starts[index]]), float(times[index])


def _within(values: Array, span: float) -> NDArray[np.int64]:
    """For each of `values` (n,) where the longest stretch begins that ends with it and moves by no
    more than `span`: (n,)."""
    starts = np.zeros(len(values), np.int64)
    lows: deque[int] = deque()  # where a stretch has its lowest, and then the lowest behind that
    highs: deque[int] = deque()
    start = 0
    for index, value in enumerate(values.tolist()):
        while lows and values[lows[-1]] >= value:
            lows.pop()
        while highs and values[highs[-1]] <= value:
            highs.pop()
        lows.append(index)
        highs.append(index)
        while values[highs[0]] - values[lows[0]] > span:
            start = min(lows[0], highs[0]) + 1
            for ends in (lows, highs):
                while ends[0] < start:
                    ends.popleft()
        starts[index] = start
    return starts


def _trends(heard: Trace, start: float, stop: float) -> tuple[float, float]:
    """Change of level in dB and of spectral centroid in octaves, from one end to the other.

    Theil and Sen's slope, which a thunderclap does not turn, over means of 10 s.
    """
    frames = heard.bands_db[int(start / HOP_S) : int(stop / HOP_S)].astype(np.float64)
    count = max(4, int((stop - start) / _BIN_S))
    power = np.stack([(10 ** (part / 10)).mean(axis=0) for part in np.array_split(frames, count)])
    levels = 10 * np.log10(power.sum(axis=1) + 1e-12)
    centroids = np.log2(power @ band_centres_hz() / (power.sum(axis=1) + 1e-15) + 1.0)
    level, centroid = (_change(values) for values in (levels, centroids))
    return level, centroid


def _change(values: Array) -> float:
    # Every pair of thousands of bins is too many: a few hundred say the same.
    some = np.linspace(0, len(values) - 1, min(len(values), 400)).astype(int)
    slope = theilslopes(values[some], some)[0]
    return abs(float(slope)) * len(values)


def _texture(heard: Trace, start: float, stop: float) -> float | None:
    """How far the texture of the first half is from that of the second, against random halves."""
    first, last = int(np.ceil(start / SEGMENT_S)), int(stop / SEGMENT_S)
    some = np.array(heard.texture(first, last), dtype=object)
    if len(some) < 8:
        return None
    half = len(some) // 2
    rng = np.random.default_rng(0)
    chance = []
    for _ in range(_SPLITS):
        order = rng.permutation(len(some))
        one, other = some[order[:half]], some[order[half:]]
        chance.append(distance(TextureStats.average(one), TextureStats.average(other)))
    apart = distance(TextureStats.average(some[:half]), TextureStats.average(some[half:]))
    return apart / (float(np.median(chance)) + 1e-9)
