"""Names as a shell takes them: commands that we suggest can be copied as they stand."""

from __future__ import annotations

import os
import shlex

STDOUT = "-"
"""Names standard output where a file's name is expected."""


def shell_word(path: str | os.PathLike[str]) -> str:
    """A file's name for a command line: quoted where it must be, and never an option's."""
    name = os.fspath(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
