"""Endless soundscapes that change as a scene says, through AudioLDM 2.

    import ambientgen
    report = ambientgen.render("rain.yaml", "rain.wav")

Importing costs nothing: torch and the rest come with the first call that needs them.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ambientgen.shell import shell_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ambientgen import errors, messages
    from ambientgen.errors import AmbientgenError
    from ambientgen.messages import Listener
    from ambientgen.renderer import RenderReport
    from ambientgen.scene import Scene

    __version__: str

__all__ = [
    "AmbientgenError",
    "RenderReport",
    "Scene",
    "__version__",
    "errors",
    "load_scene",
    "messages",
    "parse_scene",
    "render",
]

_OWNERS = {
    "AmbientgenError": "ambientgen.errors",
    "RenderReport": "ambientgen.renderer",
    "Scene": "ambientgen.scene",
}


def load_scene(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Scene:
    """The scene in a YAML file; `overrides` such as `states.rain.curve=0.8` are put in first.

    Raises:
        ambientgen.errors.SceneError: all problems at once, each with its place and remedy.
    """
    from ambientgen.errors import Problem, SceneError
    from ambientgen.models.registry import renders_apart
    from ambientgen.scene import load_scene as load
    from ambientgen.sidecar.reading import is_sidecar

    if Path(path).suffix == ".json" and Path(path).is_file() and is_sidecar(Path(path)):
        remedy = f"render it with `ambientgen render {shell_word(path)}`"
        raise SceneError(Problem(os.fspath(path), "this is a sidecar, not a scene", remedy))
    return load(path, overrides, renders_apart)


def parse_scene(text: str, source: str = "scene.yaml", overrides: Sequence[str] = ()) -> Scene:
    """The same of a scene's text. `source` names it in messages; its folder is the one that
    recordings' paths count from.

    Raises:
        ambientgen.errors.SceneError: as `load_scene`.
    """
    from ambientgen.models.registry import renders_apart
    from ambientgen.scene import parse_scene as parse

    return parse(text, source, overrides, renders_apart)


def render(
    scene: Scene | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    duration_s: float | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    force: bool = False,
    sidecar: bool = False,
    cache: bool | str | os.PathLike[str] = False,
    device: str = "auto",
    workers: int | None = None,
    batch: int | None = None,
    listener: Listener | None = None,
) -> RenderReport:
    """Render a scene, or the scene in a file, into a sound file, whole or not at all.

    Args:
        scene: a scene, or a YAML file that holds one.
        path: the sound file. Its suffix chooses the format.
        duration_s: crops the scene, or holds its last levels; None: as long as the scene is.
        from_s: where to begin. What is rendered is to the bit what it is in the whole.
        to_s: where to end, in seconds of the scene as `from_s`.
        force: replace files that exist.
        sidecar: describe the sound beside it, in `NAME.json`; if not, one that describes the sound
            which is replaced goes.
        cache: take finished windows from the user's own store, or from one in that folder, and
            keep new ones there.
        device: `auto`, `cpu`, `cuda` or `mps`.
        workers: how many threads work; None: one for each core, on a GPU one.
        batch: how many of the longest windows share a pass of the UNet; None: as many as fill a
            GPU; on a CPU two of pocket's, one of other models'.
        listener: is told what happens, in the words of `ambientgen.messages`.

    Raises:
        ambientgen.errors.AmbientgenError: SceneError, UsageError, ModelError or OutputError, each
            with its place, what is wrong and what to do.
    """
    from ambientgen.asked import Asked
    from ambientgen.messages import ignore
    from ambientgen.renderer import Renderer
    from ambientgen.sidecar import rule_for
    from ambientgen.store import open_store

    inputs = [os.fspath(scene)] if isinstance(scene, str | os.PathLike) else []
    loaded = load_scene(scene) if isinstance(scene, str | os.PathLike) else scene
    if isinstance(cache, bool):
        store = open_store() if cache else None
    else:
        store = open_store(Path(cache))
    renderer = Renderer(device, workers, listener or ignore, store, batch)
    return renderer.render(
        loaded,
        os.fspath(path),
        Asked(duration_s, (from_s, to_s)),
        force=force,
        sidecar=rule_for(os.fspath(path), sidecar, force, inputs),
    )


def __getattr__(name: str) -> object:
    """The names of `__all__` that importing would cost time for, looked up when asked for."""
    if name == "__version__":
        from ambientgen.version import package_version

        return package_version()
    if name in ("errors", "messages"):
        return import_module(f"{__name__}.{name}")
    if name in _OWNERS:
        return getattr(import_module(_OWNERS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
