"""Is it what it says? A judge that knows procedural sound only names single states and pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ambientgen.training.scores.bench import Bench, held
from ambientgen.training.scores.hearing import FILLED, band_powers
from ambientgen.training.scores.judge import Judge
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.training.scores.thresholds import BOTH_NAMED, NAMED

LEVELS = (0.4, 0.65, 0.9)
TAKE_S = 10.24
PAIR_LEVEL = 0.6
PAIR_SEED = 3  # of the choice of pairs
# A moment is 64 ms. A band is raised if it grows by 1 dB: the least that an ear tells in noise.
MOMENT_FRAMES, RAISED_DB = 4, 1.0
COVERED = 0.1  # raising fewer of its bands and moments, a state is as good as covered by another


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


def pair_take(bench: Bench, pair: tuple[str, str], seed: int, apart: bool | None = None) -> Audio:
    """A render of two at one level, as the model does it, or each by itself or not (`apart`)."""
    return bench.takes.take(dict.fromkeys(pair, held(PAIR_LEVEL)), TAKE_S, seed, apart)


def stands_out(own: Audio, other: Audio) -> float:
    """Share of all bands and moments that `own` raises by RAISED_DB or more over `other`, 0…1."""
    mine, theirs = _moments(own), _moments(other)
    return float(np.mean(mine >= (10 ** (RAISED_DB / 10) - 1) * theirs))


def _moments(audio: Audio) -> Audio:
    powers = band_powers(audio)[:, FILLED]
    whole = len(powers) // MOMENT_FRAMES * MOMENT_FRAMES
    return np.asarray(powers[:whole].reshape(-1, MOMENT_FRAMES, powers.shape[1]).mean(1))


def least_heard(bench: Bench, wishes: Sequence[Wish]) -> float:
    """How far the more covered one of two procedural takes `stands_out`, over the floor too."""
    one, other = wishes
    take = bench.teacher.take
    return min(
        stands_out(take(one, floor=False), take(other)),
        stands_out(take(other, floor=False), take(one)),
    )


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


def _uncovered(found: dict[str, list[bool]], standing: list[float]) -> Row:
    """The shares once more, without mixtures in which one state covers the other: to compare."""
    clear = np.array(standing) >= COVERED
    figures: dict[str, Figure] = {}
    if clear.any():
        figures |= {name: float(np.mean(np.array(each)[clear])) for name, each in found.items()}
    return Row(f"both found in the {int(clear.sum())} where neither is covered", figures)


def _pairs(bench: Bench, judge: Judge) -> Table:
    rows, right, mixed, taught, standing = [], [], [], [], []
    for i, pair in enumerate(pairs(bench.states, bench.effort.pairs)):
        seed = bench.seeds(1).start + i
        names = judge.names(pair_take(bench, pair, seed), 2)
        together = judge.names(pair_take(bench, pair, seed, apart=False), 2)
        wishes = [Wish.held(state, PAIR_LEVEL, TAKE_S, seed) for state in pair]
        ideal = judge.names(bench.teacher.mixture(wishes), 2)
        right.append(set(names) == set(pair))
        mixed.append(set(together) == set(pair))
        taught.append(set(ideal) == set(pair))
        standing.append(least_heard(bench, wishes))
        figures: dict[str, Figure] = {
            "heard": ", ".join(names),
            "together": ", ".join(together),
            "in procedural": ", ".join(ideal),
            "the fainter stands out": standing[-1],
        }
        rows.append(Row(" + ".join(pair), figures))
    found = {"heard": right, "together": mixed, "in procedural": taught}
    share = {name: float(np.mean(each)) for name, each in found.items()}
    rows.append(Row("**both found**", share, share["heard"] >= BOTH_NAMED))
    rows.append(_uncovered(found, standing))
    return Table(
        "pairs",
        "Both are heard in mixtures of two",
        f"Both states at {PAIR_LEVEL}; the judge's two strongest names are both right in at least "
        f"{BOTH_NAMED:.0%} of mixtures, rendered as the model does it. Together: from one prompt "
        f"(`apart: false`), which is not judged. How much the fainter stands out: the share of "
        f"bands and moments that it raises by {RAISED_DB:g} dB in procedural sound; covered below "
        f"{COVERED:g}.",
        rows,
    )
