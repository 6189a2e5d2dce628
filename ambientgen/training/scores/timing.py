"""Is a curve heard when it is due? Steps at odd times, and a ramp without stairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ambientgen.training.scores import hearing
from ambientgen.training.scores.bench import Bench, held, moving
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.training.scores.thresholds import EVENTS, JUMP_OVER_OWN, LATE_S

LOW, HIGH = 0.25, 0.85
STEPS_S = (9.7, 18.9, 29.3, 38.1)  # up, down, up, down: on no multiple of a window or frame
STEPS_TAKE_S = 48
BIN_S = 0.25
GAP_S, SPAN_S = 1.0, 4.0  # a step's two levels are those of 1 to 4 s before and after it
CLEAR = 2.0  # deviations of the steadier one's bins by which they differ: else there is no step
RAMP_S, RAMP_TAKE_S = (5.0, 25.0), 30
RAMP = {0.0: LOW, RAMP_S[0]: LOW, RAMP_S[1]: HIGH, 30.0: HIGH}
HALF_S = 0.5


def score(bench: Bench) -> list[Table]:
    """When steps are heard, then how even a ramp is; continuous states, takes averaged."""
    states = [s for s in bench.states if s not in EVENTS]
    return [
        Table(
            "steps_in_time",
            "A step is heard when it is due",
            f"Curves that jump between {LOW} and {HIGH}: the level in the state's bands, takes "
            f"averaged, passes half-way within {LATE_S:g} s of each of {len(STEPS_S)} jumps.",
            [_steps(bench, state) for state in states],
        ),
        Table(
            "no_stairs",
            "A ramp has no stairs",
            f"A ramp of {RAMP_S[1] - RAMP_S[0]:g} s: no jump between neighbouring half-seconds is "
            f"larger than {JUMP_OVER_OWN:g} × the largest at a constant level. Beside it "
            "procedural sound, which climbs as evenly as its kind can.",
            [_ramp(bench, state) for state in states],
        ),
    ]


def _levels(bench: Bench, state: str, fields: str, seconds: float, bin_s: float) -> Audio:
    """Level in dB of each bin, the mean over takes."""
    listening = hearing.weights(bench, state)
    count = round(seconds / bin_s)
    takes = [
        hearing.levels_db(bench.takes.take({state: fields}, seconds, seed), listening, count)
        for seed in bench.seeds(bench.effort.sweeps)
    ]
    return np.asarray(np.mean(takes, axis=0))


def crossing_s(levels: Audio, step_s: float, up: bool) -> float:
    """When `levels` (bins of BIN_S) pass half-way at a step `up` or down: the crossing nearest to
    it that goes that way, in s.

    Infinite where they never do.
    """
    middles = (np.arange(len(levels)) + 0.5) * BIN_S
    since = middles - step_s
    before = levels[(since > -SPAN_S) & (since < -GAP_S)]
    after = levels[(since > GAP_S) & (since < SPAN_S)]
    moved = (after.mean() - before.mean()) * (1 if up else -1)
    # The steadier side: the other may hold a step that is early or late.
    if moved <= CLEAR * min(before.std(), after.std()):
        return np.inf
    high = (levels > (before.mean() + after.mean()) / 2) == up
    near = np.abs(since) < SPAN_S
    crossed = np.flatnonzero(high[1:] & ~high[:-1] & near[1:] & near[:-1])
    if not len(crossed):
        return np.inf
    edges = (crossed + 1) * BIN_S
    return float(edges[np.abs(edges - step_s).argmin()])


def _steps(bench: Bench, state: str) -> Row:
    points = {0.0: LOW} | {at: (HIGH, LOW)[i % 2] for i, at in enumerate(STEPS_S)}
    drawn = ", ".join(f"{at:g}s: {level}" for at, level in points.items())
    fields = f"{{easing: hold, curve: {{{drawn}}}}}"
    levels = _levels(bench, state, fields, STEPS_TAKE_S, BIN_S)
    off = [crossing_s(levels, at, i % 2 == 0) - at for i, at in enumerate(STEPS_S)]
    figures = {f"at {at:g} s": value for at, value in zip(STEPS_S, off, strict=True)}
    return Row(state, figures, max(map(abs, off)) <= LATE_S)


def _ramp(bench: Bench, state: str) -> Row:
    curves = RAMP, {0.0: (LOW + HIGH) / 2}
    jump, own = (
        _largest_jump(_levels(bench, state, _fields(c), RAMP_TAKE_S, HALF_S)) for c in curves
    )
    taught = [_largest_jump(_taught(bench, state, tuple(c.items()))) for c in curves]
    figures = {
        "largest jump, dB": jump,
        "at a constant level, dB": own,
        "ratio": jump / own,
        "procedural, dB": taught[0],
        "procedural, constant, dB": taught[1],
    }
    return Row(state, figures, jump <= JUMP_OVER_OWN * own)


def _largest_jump(levels: Audio) -> float:
    """The largest between neighbouring half-seconds of where the ramp is, in dB."""
    first, last = (round(at_s / HALF_S) for at_s in RAMP_S)
    return float(np.abs(np.diff(levels[first:last])).max())


def _fields(curve: Mapping[float, float]) -> str:
    return held(curve[0.0]) if len(curve) == 1 else moving(curve)


def _taught(bench: Bench, state: str, curve: tuple[tuple[float, float], ...]) -> Audio:
    """Levels of half-seconds of procedural takes along a curve, their mean."""
    wishes = [Wish(state, curve, RAMP_TAKE_S, s) for s in bench.seeds(bench.effort.sweeps)]
    bench.teacher.prepare(wishes)
    listening, count = hearing.weights(bench, state), round(RAMP_TAKE_S / HALF_S)
    takes = [hearing.levels_db(bench.teacher.take(w), listening, count) for w in wishes]
    return np.asarray(np.mean(takes, axis=0))
