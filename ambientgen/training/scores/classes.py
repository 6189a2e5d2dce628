"""Is it what it says? A judge that knows procedural sound only names single states and pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ambientgen.training.scores.bench import Bench, held
from ambientgen.training.scores.judge import Judge
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.training.scores.thresholds import BOTH_NAMED, NAMED

LEVELS = (0.4, 0.65, 0.9)
TAKE_S = 10.24
PAIR_LEVEL = 0.6
PAIR_SEED = 3  # of the choice of pairs


def single_wishes(bench: Bench, state: str) -> list[Wish]:
    """Procedural takes at the very levels, lengths and seeds of the single renders."""
    seeds = bench.seeds(bench.effort.takes)
    return [Wish.held(state, level, TAKE_S, seed) for level in LEVELS for seed in seeds]


def singles(bench: Bench, state: str) -> list[Audio]:
    """Renders of one state alone, in the order of `single_wishes`."""
    return [
        bench.takes.take({state: held(w.curve[0][1])}, TAKE_S, w.seed)
        for w in single_wishes(bench, state)
    ]


def pairs(states: tuple[str, ...], count: int) -> list[tuple[str, str]]:
    """Mixtures of two, drawn once by chance so that each state comes about as often."""
    rng = np.random.default_rng(PAIR_SEED)
    left = [tuple(p) for p in rng.permutation(list(combinations(states, 2))).tolist()]
    used = dict.fromkeys(states, 0)
    chosen: list[tuple[str, str]] = []
    while left and len(chosen) < count:
        one, other = min(left, key=lambda pair: used[pair[0]] + used[pair[1]])
        left.remove((one, other))
        chosen.append((str(one), str(other)))
        used[one] += 1
        used[other] += 1
    return chosen


def pair_take(bench: Bench, pair: tuple[str, str], seed: int) -> Audio:
    """A render of a mixture of two at one level."""
    return bench.takes.take(dict.fromkeys(pair, held(PAIR_LEVEL)), TAKE_S, seed)


def score(bench: Bench, judge: Judge) -> list[Table]:
    """The judge's findings: single states, then mixtures of two."""
    return [_singles(bench, judge), _pairs(bench, judge)]


def _singles(bench: Bench, judge: Judge) -> Table:
    bench.teacher.prepare(w for s in bench.states for w in single_wishes(bench, s))
    rows, right, taught = [], [], []
    for state in bench.states:
        names = [judge.names(sound, 1)[0] for sound in singles(bench, state)]
        ideal = [judge.names(bench.teacher.take(w), 1)[0] for w in single_wishes(bench, state)]
        right += [name == state for name in names]
        taught += [name == state for name in ideal]
        wrong = sorted({name for name in names if name != state})
        figures = {
            "named": f"{names.count(state)} of {len(names)}",
            "procedural": f"{ideal.count(state)} of {len(ideal)}",
            "taken for": ", ".join(wrong) or None,
        }
        rows.append(Row(state, figures))
    share = {"named": float(np.mean(right)), "procedural": float(np.mean(taught))}
    rows.append(Row("**all**", share, share["named"] >= NAMED))
    return Table(
        "classes",
        "Is what it says",
        f"Renders of one state at {', '.join(map(str, LEVELS))}, {TAKE_S:g} s each, named by a "
        f"judge that has heard procedural sound only: at least {NAMED:.0%} right.",
        rows,
    )


def _pairs(bench: Bench, judge: Judge) -> Table:
    rows, right, taught = [], [], []
    for i, pair in enumerate(pairs(bench.states, bench.effort.pairs)):
        seed = bench.seeds(1).start + i
        names = judge.names(pair_take(bench, pair, seed), 2)
        wishes = [Wish.held(state, PAIR_LEVEL, TAKE_S, seed) for state in pair]
        ideal = judge.names(bench.teacher.mixture(wishes), 2)
        right.append(set(names) == set(pair))
        taught.append(set(ideal) == set(pair))
        figures = {"heard": ", ".join(names), "in procedural": ", ".join(ideal)}
        rows.append(Row(" + ".join(pair), figures))
    share = {"heard": float(np.mean(right)), "in procedural": float(np.mean(taught))}
    rows.append(Row("**both found**", share, share["heard"] >= BOTH_NAMED))
    return Table(
        "pairs",
        "Both are heard in mixtures of two",
        f"Both states at {PAIR_LEVEL}; the judge's two strongest names are both right in at least "
        f"{BOTH_NAMED:.0%} of mixtures.",
        rows,
    )
