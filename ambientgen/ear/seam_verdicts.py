"""Verdicts about joins, and about the loop point: the end of a file against its beginning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ambientgen.ear.seams import EDGE_S, FEATURES, SeamFeatures, auc, trace_features
from ambientgen.ear.source import Array, Sound
from ambientgen.ear.texture import RATE
from ambientgen.ear.trace import FINE_S, HOP_S, Trace, trace
from ambientgen.ear.turns import ends_s
from ambientgen.ear.verdicts import Verdict, at_most

HOP_UNTOLD_S = 1.92
"""Where nothing tells the joins: every hop of pocket's shortest windows, where all of its windows
begin."""

AUC_LOW = 0.55
EVIDENCE = 3.0
EVIDENCE_UNTOLD = 4.0  # arbitrary instants are no reason to fail a file
WORST = {"flux": 2.0, "step": 2.0, "dip": 2.0, "texture": 2.0, "break": 3.0}
"""How much more unusual than every other instant a join may be: a crackle may fall on a join."""

_LEAST_SPREAD = 4.8  # what the most unusual of 500 instants of even noise reaches
_FEWEST = 8  # joins that can be said something about together
# Other instants without which the most suspicious join is not judged. On clean procedural sounds
# with invented joins, 12 of each length, 11 fail beside 6 others, 2 beside 30, none beside 63.
_FEWEST_OTHERS = 60
_LOOP_S = 3.2  # to both sides of the loop point: more than its features see


def seam_verdicts(features: SeamFeatures, told: bool, turns: float = 1.0) -> list[Verdict]:
    """The detector, each feature over all joins, and the most suspicious join by itself.

    `turns`: how often a loop goes round, and with it each other instant there is to compare with.
    """
    note = "" if told else f"joins not told: every {HOP_UNTOLD_S} s"
    if not len(features.joins_s):
        return [Verdict("seams.auc", None, note="no join that could be judged")]
    found = []
    if len(features.joins_s) >= _FEWEST:
        limit = EVIDENCE if told else EVIDENCE_UNTOLD
        placements = features.placements()
        whole = auc(placements[:, -1])
        said = f"AUC {whole.value:.3f}, 95 % interval {whole.low:.3f} to {whole.high:.3f}"
        said += f", {whole.joins} joins"
        found.append(
            Verdict(
                "seams.auc",
                whole.low,
                "",
                whole.low <= AUC_LOW,
                AUC_LOW,
                note=f"{said}; {note}" if note else said,
            )
        )
        for name, column in zip(FEATURES, placements.T, strict=False):
            # Placements are even from 0 to 1 if joins cannot be told: variance 1/12 each.
            evidence = (float(column.mean()) - 0.5) * np.sqrt(12 * len(column))
            found.append(at_most(f"seams.{name}", float(evidence), limit, "sigma"))
    worst = _worst("seams.worst", features, note)
    if len(features.others_s) < _FEWEST_OTHERS * max(turns, 1.0):
        too_short = "not judged: too few other instants to compare it with"
        worst = replace(worst, passed=None, where_s=(), note=f"{worst.note}; {too_short}")
    return [*found, worst]


def loop_verdict(
    sound: Sound, heard: Trace, promised: bool, turn_s: float | None = None
) -> Verdict:
    """The joint from the end to the start; judged only where a loop was promised. Its turns last
    `turn_s`, if they are known: the same joint between two of them is nothing to compare with."""
    features = loop_features(sound, heard, turn_s)
    if not len(features.joins_s):
        return Verdict("loop.point", None, note="too short")
    verdict = _worst("loop.point", features, "")
    if promised:
        return verdict
    return Verdict(
        verdict.name,
        verdict.value,
        verdict.unit,
        None,
        verdict.limit,
        note=f"{verdict.note}; not judged: the file promises no loop",
    )


def loop_features(sound: Sound, heard: Trace, turn_s: float | None = None) -> SeamFeatures:
    """The loop point's features, and those of all instants of the file, in one scale.

    The join is heard as a player would play it: the last seconds, then the first.
    """
    length = min(_LOOP_S, sound.duration_s / 2)
    ends = [sound.excerpt(sound.duration_s - length, length), sound.excerpt(0.0, length)]
    joined = trace([np.concatenate(ends)], sound.rate)
    frames = len(heard.bands_db)
    fine = round(frames * HOP_S / FINE_S)
    both = Trace(
        np.concatenate([heard.bands_db, joined.bands_db]),
        np.concatenate([heard.level_db[:fine], joined.level_db]),
        np.concatenate([_fitted(heard.jolt, fine), joined.jolt]),
        heard.textures,
        round(frames * HOP_S * RATE) + joined.samples,
    )
    border = frames * HOP_S  # between the file and its repeated ends: no instant to judge
    found = trace_features(both, [border, border + length], ends_s(turn_s, border))
    clear = np.abs(found.others_s - border) > EDGE_S
    here = np.abs(found.joins_s - border - length) < HOP_S
    return SeamFeatures(
        found.joins_s[here], found.others_s[clear], found.at_joins[here], found.at_others[clear]
    )


def _fitted(values: np.ndarray[tuple[int], np.dtype[np.float32]], size: int) -> Array:
    return np.pad(values[:size], (0, max(0, size - len(values))), mode="edge")


def _worst(name: str, features: SeamFeatures, note: str) -> Verdict:
    """The most suspicious join against the most unusual of all other instants."""
    tops = np.maximum(features.at_others.max(axis=0), _LEAST_SPREAD)
    ratios = features.at_joins / tops / np.array([WORST[name] for name in FEATURES])
    join, feature = np.unravel_index(int(ratios.argmax()), ratios.shape)
    name_found, limit = FEATURES[feature], WORST[FEATURES[feature]]
    value = float(features.at_joins[join, feature] / tops[feature])
    order = np.argsort(-ratios.max(axis=1))[:5]
    where = tuple(sorted(float(features.joins_s[i]) for i in order if ratios[i].max() > 1))
    z = float(features.at_joins[join, feature])
    said = f"{name_found}, z {z:.1f}, others to {features.at_others[:, feature].max():.1f}"
    said = f"{said}; {note}" if note else said
    passed = value <= limit
    return Verdict(name, value, "times the others", passed, limit, False, where, said)
