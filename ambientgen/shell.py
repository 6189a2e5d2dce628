"""Names of files as a shell takes them, so that commands that we suggest can be copied as they
stand, and as pictures show them."""

from __future__ import annotations

import os
import shlex

STDOUT = "-"
"""Names standard output where a file's name is expected."""


def readable(name: str) -> str:
    """A file's name as text: bytes in it that are none are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def shell_word(path: str | os.PathLike[str]) -> str:
    """A file's name for a command line: quoted where it must be, and never an option's."""
    name = os.fspath(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
