"""Every slot earns its place: a small panel of all scores, with one part after another taken away.

Two of the rows are proofs rather than ablations. With LOA frozen the sound must not follow the
curve, or something behind the diffusion stage reads it. With the UNet's weights shuffled everything
must collapse, or the sound comes from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ambientgen.renderer import Renderer
from ambientgen.synth.signals import RATE
from ambientgen.training.scores import hearing, variants
from ambientgen.training.scores.bench import Bench, Takes, held, moving
from ambientgen.training.scores.classes import pairs
from ambientgen.training.scores.judge import Judge
from ambientgen.training.scores.natural import heard, published
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.training.scores.thresholds import CHANCE_FOLLOWS, FOLLOWS_IN_EVENTS, NAMED

LEVELS, TAKE_S = (0.5, 0.8), 7.68
RAMP, RAMP_S, RAMP_BINS = {0.0: 0.0, 30.0: 1.0}, 30.0, 12
STEP, STEP_S, STEP_AT_S = {0.0: 0.15, 8.3: 0.15, 8.301: 0.9}, 16.0, 8.3
STEP_GRID_S = 0.256
MIXTURES, PAIR_LEVEL = 6, 0.6
TAUGHT = 3  # procedural takes of each state


@dataclass(frozen=True)
class Panel:
    """A few figures that stand for all: shares named, the median rank correlation with a ramp and
    its swing in dB, how far from its place a step is heard, and texture distance."""

    named: float
    both_named: float
    follows: float
    swing_db: float
    step_off_s: float
    distance: float


def changed_renderers(bench: Bench) -> dict[str, Renderer]:
    """What is taken away, by name."""
    found: dict[str, Renderer] = {
        "CLAP zeroed": variants.Changed(variants.without_clap),
        "T5 zeroed": variants.Changed(variants.without_t5),
        "T5 stream of the UNet empty": variants.Altering(variants.textless),
        "LOA tokens in reverse order": variants.Altering(variants.swapped),
        "LOA tokens at each other's times": variants.Altering(variants.backwards),
        "LOA tokens all alike": variants.Altering(variants.averaged),
    }
    folder = bench.takes.renderer.model(bench.takes.model_name).spec.folder
    if (folder / "loa_encoder").is_dir():
        found["GPT-2 replaced by a lookup"] = variants.LookingUp(bench.teacher)
    return found


def score(bench: Bench, judge: Judge) -> list[Table]:
    """The panel whole, with each part taken away, and the two proofs."""
    columns = {
        name: panel_of(altered(bench, r), judge) for name, r in changed_renderers(bench).items()
    }
    whole = panel_of(bench, judge)
    rows = [Row("**nothing taken away**", _figures(whole))]
    rows += [Row(name, _figures(panel)) for name, panel in columns.items()]
    ablations = Table(
        "ablations",
        "What each part is worth",
        f"{len(bench.some())} states at {LEVELS}, mixtures of two, a ramp of {RAMP_S:g} s and a "
        "step from 0.15 to 0.9.",
        rows,
    )
    return [ablations, proofs(bench, judge, whole)]


def proofs(bench: Bench, judge: Judge, whole: Panel) -> Table:
    """LOA frozen: nothing follows. UNet shuffled: nothing is left."""
    still = panel_of(altered(bench, variants.Altering(variants.frozen)), judge)
    noise = panel_of(altered(bench, variants.Changed(variants.shuffled_unet)), judge)
    # Named no more often than a third of what is asked, following nothing, and no texture at all.
    gone = noise.named < NAMED / 3 and noise.follows < CHANCE_FOLLOWS
    return Table(
        "proofs",
        "The sound comes from LOA, through the UNet",
        f"With LOA frozen the rank correlation must be chance (below {CHANCE_FOLLOWS}); with the "
        "UNet's weights shuffled so must it be, with states no longer named and textures further "
        "off.",
        [
            Row("whole", _figures(whole), whole.follows >= FOLLOWS_IN_EVENTS),
            Row("LOA frozen", _figures(still), abs(still.follows) < CHANCE_FOLLOWS),
            Row("UNet shuffled", _figures(noise), gone and noise.distance > whole.distance),
        ],
    )


def altered(bench: Bench, renderer: Renderer) -> Bench:
    """The bench with another renderer, whose takes are kept apart."""
    return replace(bench, takes=bench.takes.with_renderer(renderer))


def _figures(panel: Panel) -> dict[str, float]:
    return {
        "named": panel.named,
        "both named": panel.both_named,
        "follows": panel.follows,
        "swing, dB": panel.swing_db,
        "step off by, s": panel.step_off_s,
        "texture distance": panel.distance,
    }


def panel_of(bench: Bench, judge: Judge) -> Panel:
    some, seed = bench.some(), bench.seeds(1).start
    takes = bench.takes
    singles = {
        s: [takes.take({s: held(level)}, TAKE_S, seed + i) for i, level in enumerate(LEVELS)]
        for s in some
    }
    named = [judge.names(sound, 1)[0] == s for s, sounds in singles.items() for sound in sounds]
    mixed = pairs(some, min(MIXTURES, len(some) * (len(some) - 1) // 2))
    both = [_both(takes, judge, pair, seed + i) for i, pair in enumerate(mixed)]
    # A seed for each: of one seed all states swell at the same moments, so that a median over
    # states would be no better than one of them.
    ramps = [ramp(bench, state, seed + i) for i, state in enumerate(some)]
    return Panel(
        float(np.mean(named)),
        float(np.mean(both)) if both else float("nan"),
        float(np.median([follows for follows, _ in ramps])),
        float(np.median([swing for _, swing in ramps])),
        float(np.median([_step_off_s(bench, state, seed) for state in some])),
        float(np.mean([_distance(bench, s, sounds) for s, sounds in singles.items()])),
    )


def _both(takes: Takes, judge: Judge, pair: tuple[str, str], seed: int) -> bool:
    # From one prompt: it is mixtures in words that GPT-2 is asked about.
    sound = takes.take(dict.fromkeys(pair, held(PAIR_LEVEL)), TAKE_S, seed, apart=False)
    return set(judge.names(sound, 2)) == set(pair)


def ramp(bench: Bench, state: str, seed: int) -> tuple[float, float]:
    """Rank correlation of a state's level with a ramp, and how many dB the ramp spans."""
    sound = bench.takes.take({state: moving(RAMP)}, RAMP_S, seed)
    levels = hearing.levels_db(sound, hearing.weights(bench, state), RAMP_BINS)
    third = RAMP_BINS // 3
    swing = float(levels[-third:].mean() - levels[:third].mean())
    return hearing.follows(np.arange(RAMP_BINS, dtype=np.float64), levels), swing


def _step_off_s(bench: Bench, state: str, seed: int) -> float:
    """How far from its place a step is heard: where two levels explain the sound best."""
    sound = bench.takes.take({state: moving(STEP)}, STEP_S, seed)
    count = int(STEP_S / STEP_GRID_S)
    levels = hearing.levels_db(
        sound[: int(count * STEP_GRID_S * RATE)], hearing.weights(bench, state), count
    )
    cuts = range(4, count - 4)
    left = [levels[:c].var() * c + levels[c:].var() * (count - c) for c in cuts]
    return abs(cuts[int(np.argmin(left))] * STEP_GRID_S - STEP_AT_S)


def _distance(bench: Bench, state: str, sounds: list[Audio]) -> float:
    taught = [
        heard(bench.teacher.take(Wish.held(state, level, TAKE_S, seed)))
        for level in LEVELS
        for seed in bench.seeds(TAUGHT)
    ]
    per_level = len(taught) // len(LEVELS)
    apart = [
        published(heard(sound), other)
        for i, sound in enumerate(sounds)
        for other in taught[i * per_level : (i + 1) * per_level]
    ]
    return float(np.median(apart))
