"""Names of files as a shell takes them, so that commands that we suggest can be copied as they
stand, and as pictures show them."""

from __future__ import annotations

import os
import re
import shlex

STDOUT = "-"
"""Names standard output where a file's name is expected."""


_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""Control characters, line breaks, and what Unicode says is none: XML has no way to write most."""


def readable(name: str) -> str:
    """A file's name as text on one line: what is none in it is replaced."""
    return _UNSEEN.sub("\ufffd", os.fsencode(name).decode("utf-8", "replace"))


def shell_word(path: str | os.PathLike[str]) -> str:
    """A file's name for a command line: quoted where it must be, and never an option's."""
    name = os.fspath(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
