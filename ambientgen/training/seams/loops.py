"""Loops of any length, joined to themselves: is the joint heard among all other moments?"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ambientgen.ear.seam_verdicts import loop_verdict
from ambientgen.ear.seams import join_features
from ambientgen.ear.source import open_sound
from ambientgen.ear.trace import trace
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene, parse_scene
from ambientgen.world import state_values

Array = NDArray[np.float64]

LENGTHS_S = (4.0, 4.03, 7.77, 13.131, 31.4, 60.0)
"""Of loops: 4 s is the shortest there is; only 4 and 60 s are whole numbers of pocket's latent
frames, of 0.08 s."""
CONTROL_S = (4.03, 13.131)
"""Of the same scenes rendered without `loop: true`, whose joint must be heard."""

_POINTS = ("25%", "75%")  # so that a loop ends, and starts again, in the middle of a movement
_HEARD_S = 24.0  # of turns in a row, at least: enough instants for the ear's statistics


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

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Joint:
        """What `vars` of one gave."""
        return cls(**values)


def loop_scene(scene: Scene, length_s: float) -> Scene:
    """A loop of the states of `scene`: each moves evenly between the levels it has after a third
    and two thirds of it, and back."""
    moments = np.array([1 / 3, 2 / 3]) * scene.duration_s
    lines = [
        f"duration: {round(length_s * 1000)}ms",
        "loop: true",
        f"seed: {scene.seed}",
        f"setting: {json.dumps(scene.setting)}",
        f"model: {json.dumps(scene.model)}",
        "states:",
    ]
    for state, levels in zip(scene.states, state_values(scene, moments).tolist(), strict=True):
        points = ", ".join(f"{p}: {v:.4f}" for p, v in zip(_POINTS, levels, strict=True))
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
    found = placements(np.asarray(samples, np.float64), rate).round(4).tolist()
    return Joint(name, scene.seed, length_s, made, found, passed)


def placements(turn: Array, rate: int) -> Array:
    """Where one turn's joint stands among its other moments, by feature, then the detector: (6,).

    Turns are heard in a row, so that what comes just before and after the joint is judged too.
    """
    turn_s = len(turn) / rate
    turns = max(2, math.ceil(_HEARD_S / turn_s))
    joints_s = [turn_s * (1 + index) for index in range(turns - 1)]
    found = join_features(np.tile(turn, turns), rate, joints_s)
    return np.asarray(found.placements().mean(axis=0))
