"""Does the sound follow the curve? Every state alone along 0 -> 1 -> 0, and silence at 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ambientgen.training.scores import hearing
from ambientgen.training.scores.bench import Bench, moving
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.training.scores.thresholds import (
    EVENTS,
    FOLLOWS,
    FOLLOWS_IN_EVENTS,
    SILENT_ABOVE_FLOOR_DB,
    SILENT_BELOW_FULL_DB,
)

SWEEP = {0.0: 0.0, 30.0: 1.0, 60.0: 0.0}
SWEEP_S, BINS = 60.0, 12  # 5 s each
# Silence is measured where it is hardest: in a scene that names the state and lets it come later.
SILENCE = {0.0: 0.0, 16.0: 0.0, 20.0: 1.0, 26.0: 1.0}
SILENCE_S, SILENT_UNTIL_S, FULL_FROM_S = 26.0, 14.0, 20.0
MOST_SILENCES = 2  # takes

Take = Callable[[int], Audio]  # of a seed


@dataclass(frozen=True)
class Followed:
    """A sweep as it was heard: correlations of the measure, of the level and of the density with
    the curve, and the level in dB at the lowest, middle and highest bins."""

    measure: float
    level: float
    density: float
    low_db: float
    middle_db: float
    high_db: float


def asked() -> Audio:
    """The curve's mean in every bin, (BINS,)."""
    times = (np.arange(BINS * 50) + 0.5) * SWEEP_S / (BINS * 50)
    return np.asarray(np.interp(times, list(SWEEP), list(SWEEP.values())).reshape(BINS, -1).mean(1))


def sweep_wish(state: str, seed: int) -> Wish:
    """The procedural sound of the same sweep."""
    return Wish(state, tuple(SWEEP.items()), SWEEP_S, seed)


def followed(bench: Bench, state: str, take: Take, seeds: range) -> Followed:
    """How well `take` follows the sweep, levels and densities averaged over `seeds`."""
    listening, curve = hearing.weights(bench, state), asked()
    floor = hearing.floor_db(bench, listening)
    sounds = [take(seed) for seed in seeds]
    levels = np.mean([hearing.levels_db(s, listening, BINS) for s in sounds], axis=0)
    events = np.mean([hearing.densities(s, listening, BINS, floor) for s in sounds], axis=0)
    measure = hearing.standardised(levels)
    if state in EVENTS:
        measure = measure + hearing.standardised(events)
    middle = BINS // 4
    return Followed(
        hearing.follows(curve, measure),
        hearing.follows(curve, levels),
        hearing.follows(curve, events),
        float(levels[[0, -1]].mean()),
        float(levels[[middle - 1, middle, -middle - 1, -middle]].mean()),
        float(levels[BINS // 2 - 1 : BINS // 2 + 1].mean()),
    )


def score(bench: Bench) -> Table:
    """Rank correlation with the curve for every state, beside the procedural sound's own."""
    seeds = bench.seeds(bench.effort.sweeps)
    taught = range(seeds.start, seeds.start + min(len(seeds), 2))
    bench.teacher.prepare(sweep_wish(s, seed) for s in bench.states for seed in taught)
    rows = [_row(bench, state, seeds, taught) for state in bench.states]
    return Table(
        "curves",
        "Follows the curve",
        f"Sweep 0 → 1 → 0 over 60 s, {len(seeds)} seeds averaged, 5 s bins: rank correlation of "
        f"the measure with the curve, at least {FOLLOWS} ({FOLLOWS_IN_EVENTS} for events, whose "
        f"measure is level and density). Procedural: the same of {len(taught)} takes.",
        rows,
    )


def _row(bench: Bench, state: str, seeds: range, taught: range) -> Row:
    heard = followed(
        bench, state, lambda s: bench.takes.take({state: moving(SWEEP)}, SWEEP_S, s), seeds
    )
    ideal = followed(bench, state, lambda s: bench.teacher.take(sweep_wish(state, s)), taught)
    least = FOLLOWS_IN_EVENTS if state in EVENTS else FOLLOWS
    figures = {
        "kind": "events" if state in EVENTS else "continuous",
        "correlation": heard.measure,
        "of level": heard.level,
        "of density": heard.density,
        "dB, lowest bin": heard.low_db,
        "middle": heard.middle_db,
        "highest": heard.high_db,
        "procedural": ideal.measure,
    }
    return Row(state, figures, heard.measure >= least)


def silence(bench: Bench) -> Table:
    """How far below its full level, and above the floor, each state lies where its level is 0."""
    rows = []
    for state in bench.states:
        listening = hearing.weights(bench, state)
        quiet, full = [], []
        for seed in bench.seeds(min(bench.effort.sweeps, MOST_SILENCES)):
            sound = bench.takes.take({state: moving(SILENCE)}, SILENCE_S, seed)
            power = hearing.band_powers(sound) @ listening
            per_s = len(power) / SILENCE_S
            quiet.append(power[: int(SILENT_UNTIL_S * per_s)].mean())
            full.append(power[int(FULL_FROM_S * per_s) :].mean())
        at_0, at_1 = (float(hearing.decibels(np.mean(p))) for p in (quiet, full))
        below, above = at_1 - at_0, at_0 - hearing.floor_db(bench, listening)
        passed = below >= SILENT_BELOW_FULL_DB or above <= SILENT_ABOVE_FLOOR_DB
        rows.append(Row(state, {"dB below full": below, "dB above floor": above}, passed))
    return Table(
        "silence",
        "Silent at 0",
        f"A state that is named but stands at 0: at least {SILENT_BELOW_FULL_DB:.0f} dB below its "
        f"full level in its bands, or within {SILENT_ABOVE_FLOOR_DB:.0f} dB of the corpus' "
        "microphone noise.",
        rows,
    )
