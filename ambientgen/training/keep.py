"""Results that are made once and kept on disk, and what keeps a disk from taking them."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ambientgen.audio_file.part import sync_folder
from ambientgen.audio_file.target import cause_of
from ambientgen.errors import AmbientgenError, OutputError, Problem

_TORN = 0  # no number of the system's: numpy says how much was written, but not why no more
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, _TORN)
_REFUSED = (*_FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
_TRIED_BYTES = 1 << 20
_NUMBERS = re.compile(r"\[\n([-+.\deE,\s]+)\n *\]")  # a list of nothing else; texts have no lines


def kept(path: Path, make: Callable[[Path], None], beside: Sequence[str] = ()) -> Path:
    """`path`, made first if it is not there: `make` writes the file it is given.

    That is a `.part` beside `path`, of the same suffix, renamed once it is whole: a stop in
    mid-write leaves nothing that the next run would take for the result. It vouches for files
    `beside` it, which `make` wrote too.

    Raises:
        OutputError: the disk takes no more.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.part{path.suffix}")
        with written(partial, str(path)):
            make(partial)
            sync_files([partial, *(path.parent / name for name in beside)])
            partial.replace(path)
            sync_folder(path.parent)
    return path


def sync_files(paths: Iterable[Path]) -> None:
    """Wait until files are on the disk: what gets its name after that is whole, even if the power
    goes."""
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def put_fields(path: Path, fields: Mapping[str, Any]) -> None:
    """Put fields into a JSON file, whatever else it says: whole, or not at all. Raises OutputError.

    A number that is none is refused: nobody could read it again.
    """
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    text = json_text({**said, **fields})
    partial = path.with_name(f"{path.name}.part")
    with written(partial, str(path)):
        partial.write_text(text, encoding="utf-8")
        sync_files([partial])
        partial.replace(path)


def json_text(fields: Mapping[str, Any]) -> str:
    """JSON to be read by people too: lists of numbers are rows. Raises ValueError for a number that
    is none."""
    text = json.dumps(fields, indent=2, allow_nan=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def kept_of(digest: str, path: Path, make: Callable[[Path], None]) -> Path:
    """`kept`, with a few letters of `digest` in its name: of the weights that it is made with.

    What other weights made of it is deleted then.
    """
    marked = path.with_name(f"{path.stem}-{digest[:12]}{path.suffix}")
    if not marked.exists():
        kept(marked, make)
        # `path` itself: older work folders have it under that name, and say no weights.
        for other in {path, *path.parent.glob(f"{path.stem}-*{path.suffix}")} - {marked}:
            with suppress(OSError):
                other.unlink()
    return marked


def new_array(path: Path, shape: tuple[int, ...]) -> Any:
    """A file of float16 zeros to be filled, mapped into memory.

    Its room on the disk is taken now, where the system lets it: a mapped file that the disk has no
    room for ends the process without a word.
    """
    array = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                if error.errno in _FULL:  # else it is not known there
                    raise
    return array


@contextmanager
def written(path: Path, place: str) -> Iterator[None]:
    """What keeps a part, `path`, from being written, as one line about `place`. The part goes if it
    has not got another name.

    torch, safetensors and numpy say it in their own words, or say nothing: then the part is written
    to once more, which the system refuses with its reason.

    Raises:
        OutputError: the disk takes no more.
    """
    try:
        yield
    except Exception as error:
        cause = None if isinstance(error, AmbientgenError) else _cause(path, error)
        if cause is None:
            raise
        raise refused(place, cause) from error
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def writing_below(folder: Path) -> Iterator[None]:
    """The same for small files written anywhere in a work folder. Raises OutputError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise refused(str(error.filename or f"--work {folder}"), error) from error


def refused(place: str, cause: OSError) -> OutputError:
    """One line: what the system said when `place` was written, and what to do."""
    first = "make room" if cause.errno in _FULL else "mend that"
    remedy = f"{first}, and the same command goes on from here"
    return OutputError(Problem(place, f"cannot be written ({cause_of(cause)})", remedy))


def _cause(path: Path, error: Exception) -> OSError | None:
    """The system's reason for `error` while `path` was written; None: it had another."""
    if isinstance(error, OSError) and error.errno is not None:
        return error if error.errno in _REFUSED else None
    if told := re.search(r"\(os error (\d+)\)", str(error)):  # as safetensors has it
        number = int(told[1])
        return OSError(number, os.strerror(number))
    if isinstance(error, OSError | RuntimeError):
        try:
            with path.open("ab") as file:
                file.write(bytes(_TRIED_BYTES))
        except OSError as cause:
            return cause
    if isinstance(error, OSError) and "requested and" in str(error):
        return OSError(_TORN, "not all of it was taken")
    return None
