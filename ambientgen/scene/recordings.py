"""The recordings that a scene's layers are made of: where they lie, and whether they are there."""

from __future__ import annotations

import os
from pathlib import Path

from ambientgen.errors import Problem
from ambientgen.scene.layers import Layer
from ambientgen.scene.scene import Scene
from ambientgen.scene.text import named


def recording_path(layer: Layer) -> Path:
    """The sound file of a layer with the engine `recording`: counted from the scene's folder, or,
    as shells have it, from one's home (`~/rain.wav`).

    Raises:
        ValueError: the layer has no file.
    """
    if layer.file is None:
        raise ValueError(f"the layer {layer.name} has no file")
    return Path(layer.base, os.path.expanduser(layer.file))


def missing_recordings(scene: Scene) -> list[Problem]:
    """The recordings that are not there, each at its line; whether one can be read is not asked."""
    found = []
    for layer in scene.layers:
        if layer.file is None:
            continue
        said = named(layer.file)
        try:
            missing, folder = not recording_path(layer).exists(), recording_path(layer).is_dir()
        except (OSError, ValueError):  # a name that no file can have
            missing, folder = True, False
        if missing:
            remedy = "check the name: it counts from the scene's folder"
            found.append(Problem(layer.place, f"there is no recording {said}", remedy))
        elif folder:
            remedy = "name a sound file in it"
            found.append(Problem(layer.place, f"the recording {said} is a folder", remedy))
    return found
