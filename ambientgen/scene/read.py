"""From a file, or its text, to the scene: the table of contents of this package."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ambientgen.errors import SceneError
from ambientgen.scene.build import Apart, Origin, build_scene, together
from ambientgen.scene.check import check
from ambientgen.scene.fields import LONGEST_TITLE
from ambientgen.scene.overrides import apply_overrides
from ambientgen.scene.scene import Scene
from ambientgen.scene.text import checked_text, read_scene_file
from ambientgen.scene.tree import MAX_VALUES, compose, find


def load_scene(
    path: str | PathLike[str], overrides: Sequence[str] = (), apart: Apart = together
) -> Scene:
    """The scene in a YAML file.

    Args:
        path: the file; its name without suffix is the default title.
        overrides: `states.rain.curve=0.8` and the like, put in before the scene is checked.
        apart: whether a model, by its name, has the states of a scene that does not say it
            rendered each by itself.

    Raises:
        SceneError: all problems of file and overrides at once, each at `file:line:column` or
            `--set path`, with its remedy.
    """
    return parse_scene(read_scene_file(Path(path)), str(path), overrides, apart)


def parse_scene(
    text: str | bytes,
    source: str = "scene.yaml",
    overrides: Sequence[str] = (),
    apart: Apart = together,
    most_values: int = MAX_VALUES,
) -> Scene:
    """The scene in a YAML text; `source` names it in messages and gives the default title, and its
    folder is the one that recordings' paths count from. `apart` as in `load_scene`. No text of more
    than `most_values` is read.

    Raises:
        SceneError: as `load_scene`.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    root, problems = compose(checked_text(raw, source), source, most=most_values)
    problems = problems + apply_overrides(root, overrides)
    fields = check(root, source, problems)
    origin = Origin(
        title=_title_of(source),
        base=str(Path(source).parent),
        place=lambda path: str(find(root, path).node.place),
    )
    return build_scene(fields, origin, apart)


def _title_of(source: str) -> str:
    """A title that a scene could have given itself, of a file's name: that may hold anything."""
    stem = Path(source).stem.encode("utf-8", "replace").decode()
    shown = "".join(letter if letter.isprintable() else " " for letter in stem)
    return shown[:LONGEST_TITLE].strip() or "Untitled"


__all__ = ["SceneError", "load_scene", "parse_scene"]
