"""Whole files as they ship: can their joins be told, under all that sounds beside them?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ambientgen.ear.events import away_from
from ambientgen.ear.seams import trace_features
from ambientgen.ear.sidecar import told_beside
from ambientgen.ear.source import finite, open_sound
from ambientgen.ear.trace import trace
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene
from ambientgen.sidecar import rule_for


@dataclass(frozen=True)
class Whole:
    """One file. placements: (n, 6), of its joins among its other instants, by feature, then the
    detector; a join of any layer is one of the file's, but for those where an event begins.
    midway: the same of the moments halfway between its joins, which are none: the control."""

    scene: str
    seed: int
    placements: list[list[float]]
    midway: list[list[float]] = field(default_factory=list)


def whole(renderer: Renderer, scene: Scene, name: str, folder: Path) -> Whole:
    """Render all of a scene into `folder`, as it says but for the format, which is WAV, and judge
    the joins that its sidecar tells of. The sound is gone then."""
    scene = replace(scene, output=replace(scene.output, format="wav"))
    path = folder / f"{name}-{scene.seed}.wav"
    renderer.render(scene, path, sidecar=rule_for(str(path), write=True, force=False))
    heard_of = open_sound(path)
    heard = trace((finite(block).mean(axis=1) for block in heard_of.blocks()), heard_of.rate)
    told = told_beside(path)
    path.unlink()
    joins_s = np.unique(told.joins_s or ())
    halfway_s = away_from((joins_s[1:] + joins_s[:-1]) / 2, told.events_s or ())
    both = [trace_features(heard, moments) for moments in (told.unscripted_s or (), halfway_s)]
    placements, midway = (np.round(found.placements(), 4).tolist() for found in both)
    return Whole(name, scene.seed, placements, midway)
