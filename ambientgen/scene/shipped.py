"""The scenes that come along: in an installed package under ambientgen/scenes, else in scenes/."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ambientgen.errors import Problem, UsageError
from ambientgen.scene.faults import nearest
from ambientgen.scene.read import parse_scene

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ShippedScene:
    """A scene that comes along, with what a list of scenes tells of it.

    Attributes:
        name: the file's name without suffix, such as `rain`.
        title: what the scene is called.
        duration_s: how long it lasts, in seconds.
        comment: the file's opening comment, on one line.
        text: the whole file.
    """

    name: str
    title: str
    duration_s: float
    comment: str
    text: str


def scenes_folder() -> Path:
    """Where the shipped scenes lie; the folder may be missing in a broken installation."""
    installed = _PACKAGE / "scenes"
    return installed if installed.is_dir() else _PACKAGE.parent / "scenes"


def shipped_scenes() -> tuple[ShippedScene, ...]:
    """All shipped scenes, by name."""
    return tuple(_read(path) for path in sorted(scenes_folder().glob("*.yaml")))


def shipped_scene(name: str) -> ShippedScene:
    """The shipped scene of this name (with or without `.yaml`).

    Raises:
        UsageError: there is none; with the nearest one.
    """
    wanted = name.removesuffix(".yaml")
    paths = {path.stem: path for path in sorted(scenes_folder().glob("*.yaml"))}
    if wanted in paths:
        return _read(paths[wanted])
    near = nearest(wanted, paths)
    remedy = f"did you mean `{near}`?" if near else f"there are: {', '.join(paths) or 'none'}"
    raise UsageError(Problem(name, "no scene of this name comes along", remedy))


def _read(path: Path) -> ShippedScene:
    text = path.read_text(encoding="utf-8")
    scene = parse_scene(text, str(path))
    return ShippedScene(path.stem, scene.title, scene.duration_s, _opening_comment(text), text)


def _opening_comment(text: str) -> str:
    """The comment lines at the very top, joined."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").strip())
    return " ".join(filter(None, lines))
