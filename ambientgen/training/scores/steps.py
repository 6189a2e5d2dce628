"""How many steps are enough? Texture distance to procedural takes, by steps and guidance."""

from __future__ import annotations

import numpy as np

from ambientgen.models.registry import resolve
from ambientgen.training.scores.bench import Bench, Takes, held
from ambientgen.training.scores.natural import heard, published
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Wish
from ambientgen.training.scores.thresholds import MOST_STEPS

LEVEL, TAKE_S = 0.65, 5.12
TAKES = 4  # procedural ones, of each state
STEPS = (1, 2, 4, 8, 25)
GUIDANCE, MANY = 2.5, 25


def score(bench: Bench) -> Table:
    """The mean over states of median texture distances, for every number of steps."""
    states = bench.states if bench.effort.takes > 1 else bench.some()
    wishes = {s: [Wish.held(s, LEVEL, TAKE_S, seed) for seed in bench.seeds(TAKES)] for s in states}
    bench.teacher.prepare(w for each in wishes.values() for w in each)
    taught = {s: [heard(bench.teacher.take(w)) for w in each] for s, each in wishes.items()}

    def texture(takes: Takes) -> float:
        far = []
        for state in states:
            for seed in bench.seeds(bench.effort.takes):
                sound = heard(takes.take({state: held(LEVEL)}, TAKE_S, seed))
                far.append(np.median([published(sound, other) for other in taught[state]]))
        return float(np.mean(far))

    options = [(steps, 1.0) for steps in STEPS] + [(MOST_STEPS, GUIDANCE), (MANY, GUIDANCE)]
    found = {
        (steps, guidance): texture(bench.takes.with_options(steps=steps, guidance=guidance))
        for steps, guidance in options
    }
    rows = [
        Row(_name(steps, guidance), {"distance": value})
        for (steps, guidance), value in found.items()
    ]
    own, asked = texture(bench.takes), bench.takes.options.get("steps")
    last = (
        "the model's defaults" if asked is None else f"as asked: {_name(asked, _guidance(bench))}"
    )
    many = found[MANY, GUIDANCE]
    rows.append(Row(f"**{last}**", {"distance": own}, own <= many))
    return Table(
        "steps",
        "Few steps",
        f"Mean over {len(states)} states of the texture distance to procedural takes at {LEVEL}: "
        f"the last row must be no worse than {MANY} steps with guidance {GUIDANCE}.",
        rows,
    )


def _guidance(bench: Bench) -> float:
    """How much guidance a render has where only steps are asked for: the model's own, or that of
    the bench's options."""
    asked = bench.takes.options.get("guidance")
    return resolve(bench.takes.model_name).defaults.guidance if asked is None else float(asked)


def _name(steps: int, guidance: float) -> str:
    counted = "1 step" if steps == 1 else f"{steps} steps"
    return f"{counted}, guidance {guidance}" if guidance > 1 else counted
