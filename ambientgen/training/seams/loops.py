"""Loops of any length, joined to themselves: is the joint heard among all other moments?"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.stats import rankdata

from ambientgen.ear.seam_verdicts import loop_verdict
from ambientgen.ear.seams import EDGE_S, trace_features
from ambientgen.ear.source import open_sound
from ambientgen.ear.texture import RATE
from ambientgen.ear.trace import FINE_S, HOP_S, Trace, trace
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene, parse_scene
from ambientgen.state_values import state_values

Array = NDArray[np.float64]

LENGTHS_S = (4.0, 4.03, 7.77, 13.131, 31.4, 60.0)
"""Of loops: 4 s is the shortest there is; only 4 and 60 s are whole numbers of pocket's latent
frames, of 0.08 s."""
CONTROL_S = (4.03, 13.131)
"""Of the same scenes rendered without `loop: true`, whose joint must be heard."""

MANNER = 2
"""Of judging: figures of another manner are not pooled with these."""

_TURNS = (0.25, 0.75)  # of a loop, where movements turn before they are shifted
_SALT = 41  # of the random numbers that shift them, and say where in a turn its sound begins
_MOMENTS = 25  # of a loop, its joint among them, at most
_APART_S = 0.5  # moments nearer to the joint are partly it


@dataclass(frozen=True)
class Joint:
    """One loop, joined to itself. `made` says whether it was rendered as a loop.

    placements: (6,), of the joint among all other moments, by feature, then the detector; passed:
    what `ambientgen check` says of its `loop.point`.
    """

    scene: str
    seed: int
    length_s: float
    made: bool
    placements: list[float]
    passed: bool


def loop_scene(scene: Scene, length_s: float) -> Scene:
    """A loop of the states of `scene`: each moves evenly between the levels it has after a third
    and two thirds of it, and back.

    Where in a movement the joint falls is chance, drawn for each seed and length. Were it always
    the middle, a joint would be placed among moments at which movements turn, and noise that swells
    so and is joined nowhere would be told: at 4 s and swells of 12 dB its joint is placed at 0.60.
    """
    moments = np.array([1 / 3, 2 / 3]) * scene.duration_s
    shift, _ = _chances(scene.seed, length_s)
    order = np.argsort(turns := (np.array(_TURNS) + shift) % 1)
    lines = [
        f"duration: {round(length_s * 1000)}ms",
        "loop: true",
        f"seed: {scene.seed}",
        *([f"setting: {json.dumps(scene.setting)}"] if scene.setting else []),
        f"model: {json.dumps(scene.model)}",
        "states:",
    ]
    for state, levels in zip(scene.states, state_values(scene, moments).tolist(), strict=True):
        points = ", ".join(f"{100 * turns[i]:.3f}%: {levels[i]:.4f}" for i in order)
        words = json.dumps(list(state.levels))
        lines.append(f"  {state.name}: {{levels: {words}, curve: {{{points}}}}}")
    return parse_scene("\n".join(lines) + "\n", "loop.yaml")


def joint(
    renderer: Renderer, scene: Scene, name: str, folder: Path, kind: tuple[float, bool]
) -> Joint:
    """Render `scene` (called `name`) and judge where its end meets its start.

    kind: how long it is, and whether it is made as a loop. The sound is written into `folder`, and
    deleted.
    """
    length_s, made = kind
    looped = loop_scene(scene, length_s)
    path = folder / f"{name}-{scene.seed}-{length_s:g}-{made}.wav"
    renderer.render(looped if made else replace(looped, loop=False), path)
    try:
        sound = open_sound(path)
        heard = trace((block.mean(axis=1) for block in sound.blocks()), sound.rate)
        passed = loop_verdict(sound, heard, promised=True).passed is True
        samples, rate = soundfile.read(path)
    finally:
        path.unlink()
    _, lead = _chances(scene.seed, length_s)
    found = placements(np.asarray(samples, np.float64), rate, lead).round(4).tolist()
    return Joint(name, scene.seed, length_s, made, found, passed)


def _chances(seed: int, length_s: float) -> tuple[float, float]:
    """Two random numbers in 0…1 of a loop: how far movements are shifted, and `lead`."""
    shift, lead = np.random.default_rng([_SALT, seed, round(length_s * 1000)]).random(2)
    return float(shift), float(lead)


def placements(turn: Array, rate: int, lead: float) -> Array:
    """Where one turn's joint stands among its other moments, by feature, then the detector: (6,).

    lead: 0…1, how much of the turn is heard before its joint. It is to be chance, since the ear
    foretells a waveform half a second at a time, and worst where two of these meet: if a turn began
    at its joint, that of a loop of whole seconds would always lie there.

    A loop is a circle, and any of its moments may be called its joint. So each moment is judged in
    the same way, in the middle of one turn (with the ear's context) that leads from it to itself,
    and the true joint is placed among them. If nothing tells it, its placements are even from 0 to
    1, however short the loop: the ear's own statistics, learnt from a few seconds, would not be.
    All are evenly apart: neighbours are alike, so that one further off than the others would more
    often be the most and the least unusual of all by a feature, and the detector takes the most.
    """
    turn_s = len(turn) / rate
    before = math.floor(lead * turn_s / HOP_S)
    heard = trace([np.tile(np.roll(turn, round(before * HOP_S * rate)), 4)], rate)
    count = min(_MOMENTS, math.floor(turn_s / _APART_S))
    hops = before + np.round(np.arange(count) * turn_s / HOP_S / count).astype(int)
    rows = np.stack([_judged(heard, turn_s, hop) for hop in hops.tolist()])
    ranks = np.stack([rankdata(column) for column in rows.T], axis=1)
    scores = np.concatenate([rows, ranks.max(axis=1, keepdims=True)], axis=1)
    below, same = scores[1:] < scores[0], scores[1:] == scores[0]
    return np.asarray(below.mean(axis=0) + same.mean(axis=0) / 2)


def _judged(turns: Trace, turn_s: float, hop: int) -> Array:
    """Features (5,) of the moment so many spectra after the second turn's beginning."""
    reach = math.ceil((turn_s / 2 + EDGE_S) / HOP_S) + 3  # spectra to both sides
    middle = math.floor(turn_s / HOP_S)
    first, end = middle + hop - reach, middle + hop + reach
    fine = round(HOP_S / FINE_S)
    around = Trace(
        turns.bands_db[first:end],
        turns.level_db[first * fine : end * fine],
        turns.jolt[first * fine : end * fine],
        turns.textures,
        round((end - first) * HOP_S * RATE),
    )
    found = trace_features(around, [turn_s + (hop - first) * HOP_S])
    return np.asarray(found.at_joins[0])
