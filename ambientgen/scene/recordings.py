"""The recordings that a scene's layers are made of: where they lie, and whether they are there."""

from __future__ import annotations

import os
from pathlib import Path

from ambientgen.errors import Problem
from ambientgen.scene.layers import Layer
from ambientgen.scene.text import named


def recording_path(layer: Layer) -> Path:
    """The sound file of a layer with the engine `recording`: counted from the scene's folder, or,
    as shells have it, from one's home (`~/rain.wav`).

    Raises:
        ValueError: the layer has no file.
    """
    if layer.file is None:
        raise ValueError(f"the layer {layer.name} has no file")
    return _path_of(layer.file, layer.base)


def missing_recording(layer: Layer) -> Problem | None:
    """That a layer's recording is not there, at its line; whether it can be read is not asked.
    None: it is there, or the layer has none."""
    lost = None if layer.file is None else absence(layer.file, layer.base)
    return None if lost is None else Problem(layer.place, *lost)


def absence(file: str, base: str) -> tuple[str, str] | None:
    """What is wrong with a recording of that name, counted from the folder `base`, and the remedy;
    None: it is there."""
    try:
        missing, folder = not _path_of(file, base).exists(), _path_of(file, base).is_dir()
    except (OSError, ValueError):  # a name that no file can have
        missing, folder = True, False
    if missing:
        remedy = "check the name: it counts from the scene's folder"
        return f"there is no recording {named(file)}", remedy
    return (
        (f"the recording {named(file)} is a folder", "name a sound file in it") if folder else None
    )


def _path_of(file: str, base: str) -> Path:
    return Path(base, os.path.expanduser(file))
