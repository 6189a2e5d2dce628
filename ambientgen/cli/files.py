"""Files, other than sounds, that commands leave behind."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ambientgen.errors import OutputError, Problem, UsageError
from ambientgen.shell import shell_word


def check_named(place: str, path: str, remedy: str) -> None:
    """Refuse a name of which no file can have it: an empty one above all, which is the current
    folder to the system.

    Raises UsageError. place: what the command calls it.
    """
    if not Path(path).name:
        what = f"`{path}` is no file's name" if path else "is empty"
        raise UsageError(Problem(place, what, remedy))


def check_not_read(option: str, path: Path, read: Iterable[str | None]) -> None:
    """Refuse an output that is, or leads to, one of the files that the command reads.

    Raises UsageError at `option`; OutputError where the current folder is gone.
    """
    from ambientgen.audio_file.target import real_path

    real = real_path(path)
    if any(name is not None and real_path(name) == real for name in read):
        raise UsageError(Problem(option, f"{path} is read here", "name another file"))


def write_text(path: Path, text: str, force: bool) -> None:
    """Write a new file, or replace one with `force`; it is there whole or not at all.

    Raises:
        OutputError: as `check_new_file` and `write_whole` do.
    """
    check_new_file(path, force)
    write_whole(path, text.encode(), force)


def check_new_file(path: Path, force: bool) -> None:
    """Refuse a place for a file that cannot work, before anything is made.

    Raises:
        OutputError: the file exists and `force` is not set; a folder stands there; there is no
            folder to hold it, or none that takes files; the current folder, where it would lie,
            was deleted; or the name is none.
    """
    from ambientgen.audio_file.target import errors_named, real_path

    if "\0" in str(path):
        raise OutputError(Problem(repr(str(path)), "is no file's name", "name another with -o"))
    real_path(path)  # of a deleted folder the system says that it is there
    with errors_named(str(path)):
        if path.is_dir():
            raise OutputError(Problem(str(path), "is a folder", "name a file in it"))
        if not path.parent.is_dir():
            remedy = f"make it with `mkdir -p {shell_word(path.parent)}`"
            what = f"there is no folder {path.parent}"
            raise OutputError(Problem(str(path), what, remedy))
        if path.exists() and not path.is_file():
            raise OutputError(Problem(str(path), "is no file", "name another"))
        if path.exists() and not force:
            remedy = "use --force to replace it, or choose another name"
            raise OutputError(Problem(str(path), "exists already", remedy))
        if not os.access(path.parent, os.W_OK | os.X_OK):
            what = f"the folder {path.parent} cannot be written to"
            raise OutputError(Problem(str(path), what, "write to another folder"))


def write_whole(path: Path, content: bytes, force: bool) -> None:
    """Write a file that is there whole or not at all, whatever happens meanwhile.

    Raises:
        OutputError: it exists and `force` is not set, or it cannot be written, as where the current
            folder was deleted meanwhile.
    """
    from ambientgen.audio_file.part import Part
    from ambientgen.audio_file.target import errors_named, real_path

    with errors_named(str(path)):
        part = Part(Path(real_path(path)))
        try:
            with open(part.descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.take_name(force)
        finally:
            part.discard()
