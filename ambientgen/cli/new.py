"""`ambientgen new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.files import write_text
from ambientgen.console import Console
from ambientgen.errors import Problem, UsageError
from ambientgen.shell import shell_word


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What to call it; .yaml is put behind it.")
    ],
    force: options.Force = False,
) -> None:
    """Write a commented scene to start from."""
    from ambientgen.scene import new_scene_text

    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.name in (".yaml", ".yml", "..yaml") or name.endswith("/"):
        raise UsageError(Problem("NAME", "a scene needs a name", "write `ambientgen new lake`"))
    write_text(path, new_scene_text(name), force)
    command = f"ambientgen render {shell_word(path)}"
    Console().out(f"{path} written; change what you like, then `{command}`")
