"""What the ear, and a comparison of latents, say of the joins of one take made in one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ambientgen.ear.seams import FEATURES, trace_features
from ambientgen.ear.source import finite
from ambientgen.ear.texture import RATE, TextureStats, distance, mono16k, segment_stats
from ambientgen.ear.trace import HOP_S, Trace, trace
from ambientgen.plan import Plan
from ambientgen.state_values import jumps_s, state_values
from ambientgen.training.seams.takes import Take, limited
from ambientgen.training.seams.ways import SHIPPED, Way
from ambientgen.windows import CALM_BOUND, Window

Array = NDArray[np.float64]
FloatArray = NDArray[np.float32]

EVENTS = ("birds", "dishes", "fire", "footsteps", "thunder")
"""States made of single events, which a join may cut in two."""
EVENT_LEVEL = 0.15  # from here on, events are heard: past halfway to the first level word
EXCERPT_S = 0.8  # of sound that textures are compared on: an overlap of 0.64 s, and some around it
BESIDE = (1 / 3, 2 / 3)  # of the way to the next join: where no join is
DIP_S = 0.16  # to both sides of a join: the middle half of an overlap of 0.64 s
SIDES_S = (0.4, 1.0)  # from a join: what its level is compared with
SCRIPTED_S = 0.5  # from where a state jumps: a change there is its author's, and no seam
MIDWAY = "midway"
"""The key of the control: instants halfway between the shipped way's joins, judged as joins."""

_PROBES = 9  # moments at which the average of a window is taken


@dataclass(frozen=True)
class Joins:
    """The joins of one take, made in one way; `seed` and `scene` say which.

    placements: (n, 6), among the other instants of the take, by feature, then the detector; joins
    within `SCRIPTED_S` of a state's jump are not among the n.
    changing, events: of each of the n joins whether a state moves by more than `CALM_BOUND` from
    window to window, and whether a state of `EVENTS` is heard. agreement: correlation of the two
    windows' latents at each overlap, also of those at the very ends. dips_db: at each of the n
    joins the level less that around it, and less what other instants have on average. texture:
    distance of the sound at joins from that between them, less what is between them by chance.
    unet, decoder: latent frames worked on for a second of sound.
    """

    way: str
    scene: str
    seed: int
    placements: list[list[float]]
    changing: list[bool]
    events: list[bool]
    agreement: list[float]
    dips_db: list[float]
    texture: float | None
    unet: float
    decoder: float


def judged(
    take: Take, way: Way, scene: str, made: Sequence[FloatArray], audio: Array
) -> list[Joins]:
    """The joins of one take; of the way that ships also the control."""
    mono = mono16k(audio, take.plan.geometry.sample_rate)
    heard = trace([finite(mono)], RATE)
    joins_s = np.array(take.joins_s)
    found = replace(
        _judged(take, scene, heard, mono, joins_s),
        way=way.name,
        agreement=[round(value, 4) for value in agreements(take, made)],
        unet=way.frames_a_second(take)[0],
        decoder=way.frames_a_second(take)[1],
    )
    if way.name != SHIPPED.name:
        return [found]
    return [found, _judged(take, scene, heard, mono, (joins_s[1:] + joins_s[:-1]) / 2)]


def sounded(take: Take, way: Way, made: Sequence[FloatArray]) -> Array:
    """The samples (n,) of windows made and joined in that way."""
    return limited(take, way.join(take, made))


def _judged(take: Take, scene: str, heard: Trace, mono: Array, joins_s: Array) -> Joins:
    """What the ear says of these moments of a sound, whatever they are."""
    found = trace_features(heard, joins_s.tolist())
    unscripted = ~scripted(take.plan, found.joins_s)
    kept = found.joins_s[unscripted]
    dips = dips_db(heard, kept) - (dips_db(heard, found.others_s).mean() if len(kept) else 0.0)
    return Joins(
        way=MIDWAY,
        scene=scene,
        seed=take.plan.scene.seed,
        placements=found.placements()[unscripted].round(4).tolist(),
        changing=[moves(take.plan, time_s) > CALM_BOUND for time_s in kept],
        events=[has_events(take.plan, time_s) for time_s in kept],
        agreement=[],
        dips_db=dips.round(3).tolist(),
        texture=texture_apart(mono, found.joins_s),
        unet=0.0,
        decoder=0.0,
    )


def agreements(take: Take, made: Sequence[FloatArray]) -> list[float]:
    """Correlation of neighbours' latents in each overlap, from -1 to 1.

    Each row's mean over the take is taken out first, or the offsets of channels, which all windows
    share, would pass for agreement.
    """
    middle = np.concatenate(list(made), axis=1).mean(axis=1, keepdims=True)
    found = []
    for left, right, overlap in zip(made, made[1:], take.overlaps, strict=False):
        if overlap:
            sides = (left[:, -overlap:] - middle).ravel(), (right[:, :overlap] - middle).ravel()
            found.append(float(np.corrcoef(*sides)[0, 1]))
    return found


def moves(plan: Plan, time_s: float) -> float:
    """How far any state's average moves from window to window at the join nearest to a moment."""
    frame = (time_s + plan.start_s) * plan.geometry.frames_per_second
    middles = [after.start_frame + before.overlap / 2 for before, after in pairwise(plan.windows)]
    after = int(np.argmin(np.abs(np.array(middles) - frame))) + 1
    means = [_mean(plan, window) for window in plan.windows[after - 1 : after + 1]]
    return float(np.abs(means[1] - means[0]).max())


def _mean(plan: Plan, window: Window) -> Array:
    at = window.start_frame + (np.arange(_PROBES) + 0.5) / _PROBES * window.frames
    return state_values(plan.scene, at / plan.geometry.frames_per_second).mean(axis=1)


def scripted(plan: Plan, times_s: Array) -> NDArray[np.bool_]:
    """Which moments of the sound, (n,), lie within `SCRIPTED_S` of where a state jumps."""
    jumps = [jumps_s(plan.scene, state) for state in plan.scene.states]
    away = np.abs(np.subtract.outer(times_s + plan.start_s, np.concatenate([[], *jumps])))
    return np.asarray(away.min(axis=1, initial=np.inf) <= SCRIPTED_S)


def has_events(plan: Plan, time_s: float) -> bool:
    """Whether single events are heard at a moment of the sound."""
    values = state_values(plan.scene, np.array([time_s + plan.start_s]))[:, 0]
    named = zip(plan.scene.states, values.tolist(), strict=True)
    return any(state.name in EVENTS and value >= EVENT_LEVEL for state, value in named)


def dips_db(heard: Trace, times_s: Array) -> Array:
    """Level in the middle of an overlap less that on both sides, in dB, mean over bands: (n,).

    A slope adds nothing; the sound's own events do, to both signs and everywhere.
    """
    level = heard.bands_db.astype(np.float64).mean(axis=1)
    total = np.concatenate([[0.0], np.cumsum(level)])
    at = np.asarray(times_s) / HOP_S

    def mean(start_s: float, end_s: float) -> Array:
        edges = [np.clip(np.round(at + s / HOP_S), 0, len(level)) for s in (start_s, end_s)]
        first, stop = (edge.astype(np.int64) for edge in edges)
        return np.asarray((total[stop] - total[first]) / np.maximum(stop - first, 1))

    near, far = SIDES_S
    return np.asarray(mean(-DIP_S, DIP_S) - (mean(-far, -near) + mean(near, far)) / 2)


def texture_apart(mono: Array, joins_s: Array) -> float | None:
    """Texture distance of the sound at joins from that between them, less that between two sets of
    moments without a join; all sets are of one size. None: fewer than two joins."""
    if len(joins_s) < 3:
        return None
    gaps = np.diff(joins_s)
    at_joins = _textures(mono, joins_s[:-1])
    one, other = (_textures(mono, joins_s[:-1] + share * gaps) for share in BESIDE)
    if at_joins is None or one is None or other is None:
        return None
    apart = (distance(at_joins, one) + distance(at_joins, other)) / 2
    return round(apart - distance(one, other), 4)


def _textures(mono: Array, times_s: Array) -> TextureStats | None:
    """Mean statistics of excerpts of 16 kHz sound around moments."""
    size = round(EXCERPT_S * RATE)
    firsts = [round(time_s * RATE) - size // 2 for time_s in times_s.tolist()]
    inside = [first for first in firsts if 0 <= first <= len(mono) - size]
    if not inside:
        return None
    return TextureStats.average(segment_stats(mono[first : first + size]) for first in inside)


DETECTOR = len(FEATURES)  # its column in `placements`
