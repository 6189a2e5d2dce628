"""Do mixtures hold together? Three states, each curve moving alone; edits that keep the rest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ambientgen.training.scores import hearing
from ambientgen.training.scores.bench import Bench, held, moving
from ambientgen.training.scores.curves import BINS, SWEEP, SWEEP_S, asked
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.training.scores.thresholds import (
    ENVELOPES_KEPT,
    EVENTS,
    FOLLOWS,
    FOLLOWS_IN_EVENTS,
)

TRIPLES = (
    ("rain", "wind", "birds"),
    ("crowd", "traffic", "dishes"),
    ("stream", "leaves", "crickets"),
    ("waves", "fire", "birds"),
    ("thunder", "rain", "wind"),
    ("footsteps", "traffic", "rain"),
    ("frogs", "crickets", "stream"),
    ("music", "crowd", "rain"),
    ("crickets", "wind", "leaves"),
    ("birds", "stream", "wind"),
)
HELD = 0.4  # the level of the states that stand
TAKES = 2
LOW, HIGH = 0.3, 0.75  # bins in which the moving state is low or high
EDIT_S, BEFORE, AFTER = 20.0, 0.3, 0.7


def triples(bench: Bench) -> list[tuple[str, str, str]]:
    """The mixtures whose states the model knows, as many as the effort allows."""
    known = [t for t in TRIPLES if set(t) <= set(bench.states)]
    return known[: bench.effort.triples]


def score(bench: Bench) -> list[Table]:
    """Curves that move alone, then edits."""
    return [_moving(bench), _edits(bench)]


def _moving(bench: Bench) -> Table:
    rows = []
    seeds = bench.seeds(min(TAKES, bench.effort.sweeps))
    for triple in triples(bench):
        for mover in triple:
            others = [s for s in triple if s != mover]
            fields = {s: moving(SWEEP) if s == mover else held(HELD) for s in triple}
            renders = [bench.takes.take(fields, SWEEP_S, seed) for seed in seeds]
            bench.teacher.prepare(w for seed in seeds for w in _wishes(triple, mover, seed))
            taught = [bench.teacher.mixture(_wishes(triple, mover, seed)) for seed in seeds]
            heard, leak = _alone(bench, mover, others, renders)
            ideal, ideal_leak = _alone(bench, mover, others, taught)
            figures = {
                "moves": heard,
                "others drift, dB": leak,
                "procedural moves": ideal,
                "procedural drift, dB": ideal_leak,
            }
            least = FOLLOWS_IN_EVENTS if mover in EVENTS else FOLLOWS
            name = f"**{mover}** beside {' and '.join(others)}"
            rows.append(Row(name, figures, heard >= least))
    return Table(
        "mixtures",
        "Three states, each curve moving alone",
        f"One state sweeps 0 → 1 → 0, two stand at {HELD}, rendered as the model does it (pocket: "
        f"each by itself); {len(seeds)} takes averaged, 5 s bins. Each is measured in the bands "
        "where it stands out over the two others. Drift: how much the standing ones change, on "
        "average, between the mover's low and high.",
        rows,
    )


def _wishes(triple: tuple[str, ...], mover: str, seed: int) -> list[Wish]:
    still = ((0.0, HELD),)
    sweep = tuple(SWEEP.items())
    return [Wish(s, sweep if s == mover else still, SWEEP_S, seed) for s in triple]


def _alone(bench: Bench, mover: str, others: list[str], sounds: list[Audio]) -> tuple[float, float]:
    """Rank correlation of the mover with its curve; how far the others' levels drift, in dB."""
    curve = asked().round(6)  # twins of a sweep count alike, whatever their last bits

    def levels(state: str, beside: list[str]) -> Audio:
        listening = hearing.weights(bench, state, beside)
        return np.asarray(
            np.mean([hearing.levels_db(sound, listening, BINS) for sound in sounds], axis=0)
        )

    drifts = []
    for state in others:
        level = levels(state, [s for s in (mover, *others) if s != state])
        drifts.append(abs(float(level[curve > HIGH].mean() - level[curve < LOW].mean())))
    listening = hearing.weights(bench, mover, others)
    measure = hearing.standardised(levels(mover, others))
    if mover in EVENTS:
        floor = hearing.floor_db(bench, listening)
        events = [hearing.densities(sound, listening, BINS, floor) for sound in sounds]
        measure = measure + hearing.standardised(np.asarray(np.mean(events, axis=0)))
    return hearing.follows(curve, measure), float(np.mean(drifts))


def _edits(bench: Bench) -> Table:
    rows = []
    seed = bench.seeds(1).start
    ramp = {0.0: BEFORE, EDIT_S: AFTER}
    edits = {"louder": held(AFTER), "a ramp": moving(ramp)}
    taught = {"louder": ((0.0, AFTER),), "a ramp": tuple(ramp.items())}
    for triple in triples(bench):
        first = _edit_take(bench, dict.fromkeys(triple, held(BEFORE)), seed)
        stranger = _edit_take(bench, dict.fromkeys(triple, held(BEFORE)), seed + 1)
        for edited in triple:
            others = [s for s in triple if s != edited]
            ways = [hearing.weights(bench, s, [edited]) for s in others]

            def likeness(take: Audio, ways: list[Audio] = ways, first: Audio = first) -> float:
                return float(np.mean([hearing.envelope_likeness(first, take, w) for w in ways]))

            figures = {
                name: likeness(
                    _edit_take(bench, {s: held(BEFORE) for s in others} | {edited: f}, seed, triple)
                )
                for name, f in edits.items()
            }
            passed = min(figures.values()) >= ENVELOPES_KEPT
            figures["another seed"] = likeness(stranger)
            unedited = {s: Wish.held(s, BEFORE, EDIT_S, seed) for s in triple}
            ideal = bench.teacher.mixture(list(unedited.values()))
            for name, curve in taught.items():
                wishes = unedited | {edited: Wish(edited, curve, EDIT_S, seed)}
                figures[f"procedural, {name}"] = likeness(
                    bench.teacher.mixture(list(wishes.values())), first=ideal
                )
            rows.append(Row(f"**{edited}** beside {' and '.join(others)}", figures, passed))
    return Table(
        "edits",
        "An edit keeps the acoustics of the rest",
        f"Three states at {BEFORE}, rendered likewise; one is edited to {AFTER}, or to a ramp "
        "there, with the seed kept: correlation of the others' band envelopes with the first take, "
        "in the bands where they stand out over the edited state, at least "
        f"{ENVELOPES_KEPT}. Procedural: the same of sounds in which nothing but the edited state "
        "has changed.",
        rows,
    )


def _edit_take(
    bench: Bench, fields: Mapping[str, str], seed: int, order: tuple[str, ...] = ()
) -> Audio:
    """A take whose states stand in the scene's order: another order would be other prompts."""
    return bench.takes.take({s: fields[s] for s in order or tuple(fields)}, EDIT_S, seed)
