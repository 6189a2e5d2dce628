"""Is the path between two keyframes smooth? LOA held at points along it, and heard.

A point of a path is a level between two words: a state whose author names just those two words
blends exactly their LOA. All points share seed and noise and nothing swells, so what changes
between them is LOA.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from ambientgen.scene.catalogue import KNOWN
from ambientgen.training.scores import hearing
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio
from ambientgen.training.scores.thresholds import MONOTONE, STEP_OVER_MEAN

POINTS = np.linspace(0, 1, 7)
POINT_S = 5.12
LOUD_WORD = 3  # of 0 … 4, for paths from one state to another


def score(bench: Bench) -> list[Table]:
    """Paths within each state, far and near, then paths from state to state."""
    held = replace(bench, takes=bench.takes.still())
    return [_within(held), _across(held)]


def _path(bench: Bench, name: str, words: tuple[str, str], listening: list[Audio]) -> Audio:
    """Level in dB along a path between two words, for each way of listening: (ways, points)."""
    phrases = json.dumps(list(words))
    heard = np.zeros((len(listening), len(POINTS)))
    for i, point in enumerate(POINTS):
        fields = f"{{levels: {phrases}, curve: {point:.4f}}}"
        sound = bench.takes.take({name: fields}, POINT_S)
        heard[:, i] = [hearing.levels_db(sound, way, 1)[0] for way in listening]
    return heard


def _smoothness(name: str, levels: Audio) -> Row:
    """The row of one path: `levels` (points,) in dB, which should rise."""
    steps = np.diff(levels)
    mean = float(np.abs(steps).mean()) or 1.0
    order = hearing.follows(POINTS, levels)
    worst = float(np.abs(steps).max()) / mean
    figures = {
        "rank correlation": order,
        "largest step / mean": worst,
        "mean step, dB": mean,
        "span, dB": float(levels[-1] - levels[0]),
    }
    return Row(name, figures, order >= MONOTONE and worst <= STEP_OVER_MEAN)


def _within(bench: Bench) -> Table:
    rows = []
    for state in bench.states if bench.effort.takes > 1 else bench.some():
        listening = [hearing.weights(bench, state)]
        heard = [str(word) for word in KNOWN[state].levels if word is not None]
        # The longest path there is, and one between neighbouring words.
        for words in ((heard[0], heard[-1]), (heard[1], heard[2])):
            (levels,) = _path(bench, state, words, listening)
            rows.append(_smoothness(f"{words[0]} → {words[1]}", levels))
    return Table(
        "smooth",
        "LOA interpolation is smooth",
        f"LOA held at {len(POINTS)} points of the straight line between two keyframes: the level "
        f"in the state's bands rises (rank correlation at least {MONOTONE}) and no step exceeds "
        f"{STEP_OVER_MEAN:g} × the mean step.",
        rows,
    )


def _across(bench: Bench) -> Table:
    rows = []
    some = bench.some()
    for one, other in zip(some, some[1:] + some[:1], strict=True):
        words = (str(KNOWN[one].levels[LOUD_WORD]), str(KNOWN[other].levels[LOUD_WORD]))
        ways = [hearing.weights(bench, other, [one]), hearing.weights(bench, one, [other])]
        rising, falling = _path(bench, "change", words, ways)
        rows.append(_smoothness(f"{words[0]} → {words[1]}", rising - falling))
    return Table(
        "smooth_across",
        "The same from state to state",
        "The level in the bands of the second state over that in the bands of the first.",
        rows,
    )
