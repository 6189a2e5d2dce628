"""Where a sound is to go, and all that can be known to be wrong with it before rendering."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ambientgen.audio_file.audio_format import AudioFormat
from ambientgen.audio_file.encoding import Encoding, Shape
from ambientgen.audio_file.formats import FORMATS, STREAM_FORMATS
from ambientgen.audio_file.part import LONGEST_NAME_BYTES, is_abandoned
from ambientgen.errors import OutputError, Problem, UsageError
from ambientgen.messages import Notice
from ambientgen.shell import STDOUT, shell_word

_BY_SUFFIX = Encoding()
_DEFAULT_FORMAT = "wav"  # of pipes and devices, whose names say nothing
_GONE = ("the current folder is gone", "change to another folder")
_TOO_LONG = ("the name is too long", "choose a shorter one")

# What the system reports, in words, with what the user can do.
_CAUSES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space, or write to another folder"),
    errno.EDQUOT: ("your disk quota is used up", "free some space, or write elsewhere"),
    errno.EFBIG: (
        "the file grew past what this file system or your limits allow",
        "write .flac, a shorter duration, or to another disk",
    ),
    errno.EROFS: ("the file system is read-only", "write to another folder"),
    errno.EACCES: ("writing here is not permitted", "write to another folder"),
    errno.EPERM: ("writing here is not permitted", "write to another folder"),
    errno.ENAMETOOLONG: _TOO_LONG,
    errno.ENOTDIR: ("part of the path is a file, not a folder", "name another"),
    errno.EIO: ("the disk reports an error", "write to another disk"),
}


class ReaderGone(OutputError):  # noqa: N818 (nothing of ours went wrong)
    """The other end of a pipe was closed: a player that quit, `head` that has enough."""


@dataclass(frozen=True)
class Target:
    """A checked destination. path: None for standard output; of a file with links followed.

    special: a pipe or device, which is written to as it is and never replaced.
    """

    name: str
    path: Path | None
    special: bool
    format: type[AudioFormat]

    @property
    def streamed(self) -> bool:
        """Nothing can be renamed or rewritten here."""
        return self.path is None or self.special


def check_target(
    path: str | Path,
    force: bool = False,
    encoding: Encoding = _BY_SUFFIX,
    shape: Shape | None = None,
) -> None:
    """Refuse a destination that cannot work. Cheap, and writes nothing: call it before rendering.

    path: a file, a named pipe or device, or "-" for standard output. force: an existing file may
    be replaced. encoding, shape: how the sound is to be written; None: its shape is not known yet.

    Raises OutputError for an existing file without `force`, a folder, a missing or unwritable
    folder, a disk or socket, a name too long; UsageError for an unknown format, a suffix that
    says another one, a format that cannot go to a pipe, bits, a sample rate or channels that the
    format does not have.
    """
    find_target(path, force, encoding, shape)


def is_stream(path: str | Path) -> bool:
    """Whether samples sent there leave at once: standard output, a named pipe, a device."""
    name = os.fspath(path)
    return name == STDOUT or (os.path.exists(name) and not os.path.isfile(name))


def check_endless(path: str | Path) -> None:
    """Refuse a file as the destination of a sound that never ends.

    Raises UsageError, and what `check_target` does.
    """
    if not find_target(path, True).streamed:
        what = "the sound never ends, and a file must"
        remedy = "give `--duration 10m`, or `--to 10m`, or stream it with `-o -`"
        raise UsageError(Problem(os.fspath(path), what, remedy))


def real_path(path: str | Path) -> str:
    """The whole path of a file, links followed. `-` stays as it is.

    Raises OutputError where it begins in the current folder, and that was deleted.
    """
    if path == STDOUT:
        return STDOUT
    try:
        return os.path.realpath(path)
    except FileNotFoundError as error:
        raise OutputError(Problem(os.fspath(path), *_GONE)) from error


def check_current_folder() -> None:
    """Refuse to work where the current folder was deleted: torch's libraries crash there, however
    files are named.

    Raises OutputError.
    """
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise OutputError(Problem("", *_GONE)) from error


def find_target(
    path: str | Path,
    force: bool,
    encoding: Encoding = _BY_SUFFIX,
    shape: Shape | None = None,
) -> Target:
    """`check_target`, and what it found."""
    target = _found(path, force, encoding.format_name)
    refused = target.format.refusal(encoding, shape)
    if refused is not None:
        raise UsageError(Problem("standard output" if path == STDOUT else target.name, *refused))
    return target


def loop_notice(path: str | Path, encoding: Encoding = _BY_SUFFIX) -> Notice | None:
    """What is to be told before a loop is written in a format that cannot hold one, or None.

    Raises what `check_target` does, but for files that are there already.
    """
    kind = find_target(path, True, encoding).format
    if kind.gapless:
        return None
    return Notice(
        f"{kind.suffix[1:].upper()} pads its ends, so most players leave a gap where the loop "
        "joins: write .ogg, .flac or .wav for loops"
    )


def _found(path: str | Path, force: bool, format_name: str | None) -> Target:
    name = os.fspath(path)
    if name == STDOUT:
        return _stream_target(name, None, format_name)
    if "\0" in name or not name:
        raise UsageError(Problem(repr(name), "not a file name", "name a file such as rain.wav"))
    real = Path(real_path(name))  # a link stays: what it points at is written
    mode = _mode(name)
    if mode is not None and stat.S_ISDIR(mode):
        raise OutputError(Problem(name, "is a folder", "name a file in it"))
    if mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        return _stream_target(name, Path(name), format_name)
    if mode is not None and not stat.S_ISREG(mode):
        raise OutputError(Problem(name, "is no file", "name another"))
    audio_format = _file_format(name, real, format_name)
    _check_folder(name, real)
    if mode is not None and not force and not is_abandoned(real):
        raise OutputError(
            Problem(name, "exists already", "use --force to replace it, or name another with -o")
        )
    return Target(name, real, special=False, format=audio_format)


@contextlib.contextmanager
def errors_named(name: str) -> Iterator[None]:
    """The system's errors, as one clear line about the destination `name`.

    Put around our own calls only: what else goes wrong while a sink is open is not about it.
    """
    place = "standard output" if name == STDOUT else name
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone(Problem(place, "the reader has gone")) from error
    except OSError as error:
        known = _CAUSES.get(error.errno or 0)
        what, remedy = known or (error.strerror or str(error), "name another file with -o")
        if name == STDOUT:  # the shell, not an option, says where it goes
            remedy = "send the output elsewhere"
        raise OutputError(Problem(place, what, remedy)) from error


def cause_of(error: OSError) -> str:
    """What the system reports, in words."""
    known = _CAUSES.get(error.errno or 0)
    return known[0] if known else (error.strerror or str(error)).lower()


def _mode(name: str) -> int | None:
    """File type and permissions, or None where nothing is there yet."""
    with errors_named(name):
        try:
            return os.stat(name).st_mode
        except FileNotFoundError:
            if not name.endswith(("/", os.sep)):
                return None
    raise OutputError(Problem(name, "is a folder's name", "name a file in it"))


def _check_folder(name: str, real: Path) -> None:
    """The folder is there and takes new files."""
    if len(os.fsencode(real.name)) > LONGEST_NAME_BYTES:
        raise OutputError(Problem(name, *_TOO_LONG))
    if not real.parent.is_dir():
        remedy = f"make it with `mkdir -p {shell_word(real.parent)}`"
        raise OutputError(Problem(name, f"there is no folder {real.parent}", remedy))
    if not os.access(real.parent, os.W_OK | os.X_OK):
        what = f"the folder {real.parent} cannot be written to"
        raise OutputError(Problem(name, what, "write to another folder with -o"))


def _file_format(name: str, real: Path, format_name: str | None) -> type[AudioFormat]:
    """The format that suffix and wish agree on."""
    suffix = Path(name).suffix.lower()
    by_suffix = {audio_format.suffix: audio_format for audio_format in FORMATS.values()}
    if real.suffix.lower() in by_suffix.keys() - {suffix}:
        what = f"is a link to {real.name}, of another format"
        raise UsageError(Problem(name, what, "name that file, or another with -o"))
    if suffix not in by_suffix:
        *first, last = by_suffix
        known = f"{', '.join(first)} or {last}"
        what = f"{suffix} is no format known here" if suffix else "the name has no suffix"
        raise UsageError(Problem(name, what, f"end it in {known}"))
    if format_name is None:
        return by_suffix[suffix]
    wanted = _format(format_name)
    if wanted is not by_suffix[suffix]:
        what = f"the name says {suffix[1:]} but the format asked for is {format_name}"
        raise UsageError(Problem(name, what, f"end it in {wanted.suffix}"))
    return wanted


def _stream_target(name: str, path: Path | None, format_name: str | None) -> Target:
    """Standard output, a named pipe or a device."""
    audio_format = _format(format_name or _DEFAULT_FORMAT)
    place = "standard output" if path is None else name
    if path is None and sys.stdout is None:
        raise OutputError(Problem(place, "is closed", "leave it open, or redirect it to a file"))
    if path is None and _is_terminal():
        raise UsageError(
            Problem(place, "is a terminal, which sound would garble", "pipe it to a player or file")
        )
    if not audio_format.can_pipe:
        raise UsageError(
            Problem(place, f"{format_name} cannot be written to a pipe", "write wav, or to a file")
        )
    return Target(name, path, special=path is not None, format=audio_format)


def _is_terminal() -> bool:
    try:
        return os.isatty(sys.stdout.fileno())
    except (OSError, ValueError):  # replaced by something that is no file
        return False


def _format(name: str) -> type[AudioFormat]:
    if name not in STREAM_FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(Problem("", f"no audio format is called {name!r}", f"choose of {known}"))
    return STREAM_FORMATS[name]
