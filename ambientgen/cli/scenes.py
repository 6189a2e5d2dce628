"""`ambientgen scenes`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.files import write_text
from ambientgen.cli.outputs import is_folder
from ambientgen.console import Console, table
from ambientgen.errors import Problem, UsageError
from ambientgen.shell import STDOUT, shell_word

if TYPE_CHECKING:
    from ambientgen.scene import ShippedScene


def _names(incomplete: str) -> list[str]:
    from ambientgen.scene.shipped import scenes_folder

    names = sorted(path.stem for path in scenes_folder().glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def scenes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", autocompletion=_names, help="Copy this scene out, to NAME.yaml."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE|DIR|-", help="Copy it there instead; - prints it."
        ),
    ] = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """List the scenes that come along, or copy one out."""
    from ambientgen.scene import shipped_scene, shipped_scenes

    console = Console()
    if name is None:
        if output is not None:
            remedy = "name one, such as `ambientgen scenes rain -o lake.yaml`"
            raise UsageError(Problem(f"-o {output}", "no scene is named to be copied", remedy))
        _list(shipped_scenes(), as_json, console)
        return
    if as_json and output == STDOUT:
        what = "a scene and --json cannot both go to standard output"
        raise UsageError(Problem(f"-o {STDOUT}", what, "write the scene to a file"))
    scene = shipped_scene(name)
    if output == STDOUT:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")  # a scene is, whatever the locale
        console.out(scene.text.rstrip("\n"))
        return
    path = f"{scene.name}.yaml" if output is None else output
    if is_folder(path):
        path = os.path.join(path, f"{scene.name}.yaml")
    write_text(Path(path), scene.text, force)
    if as_json:
        console.out(json.dumps({"name": scene.name, "output": path}))
    else:
        console.out(f"{path} written; render it with `ambientgen render {shell_word(path)}`")


def _list(found: tuple[ShippedScene, ...], as_json: bool, console: Console) -> None:
    from ambientgen.scene.durations import spell

    if as_json:
        fields = ("name", "title", "duration_s", "comment")
        listed = [{field: getattr(scene, field) for field in fields} for scene in found]
        console.out(json.dumps(listed, indent=2))
        return
    rows = [(scene.name, spell(scene.duration_s), scene.comment or scene.title) for scene in found]
    console.out(table(rows, indent="") if rows else "no scenes come along with this installation")
    console.say("Copy one out: ambientgen scenes NAME")
