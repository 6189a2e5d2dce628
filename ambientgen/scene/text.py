"""Bytes -> text that is safe to hand to a YAML parser: small, UTF-8, without control characters."""

from __future__ import annotations

import re
from pathlib import Path

from ambientgen.errors import Problem, SceneError

MAX_BYTES = 1_000_000
"""A scene is a page of text; a file over 1 MB is something else."""

_MOST_PROBLEMS = 20  # of one kind: a file full of tabs needs no thousand lines to say so
_LONGEST_NAME = 60
_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
# What YAML does not allow in a stream, and the line breaks that editors and YAML count differently.
_UNWRITTEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def read_scene_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        SceneError: missing, a folder, unreadable, or over `MAX_BYTES`.
    """
    try:
        if path.is_dir():
            raise _refusal(str(path), "this is a folder", "name a scene file, such as `rain.yaml`")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        remedy = "check the name; `ambientgen scenes` lists the scenes that come along"
        if not path.suffix and path.with_suffix(".yaml").is_file():
            remedy = f"did you mean `{path.with_suffix('.yaml')}`?"
        raise _refusal(str(path), "there is no such file", remedy) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        what = f"the file cannot be read ({said.lower()})"
        raise _refusal(str(path), what, "check the name and its permissions") from None
    if len(raw) > MAX_BYTES:
        raise _refusal(
            str(path), "the file is over 1 MB", "a scene is a short text: name another file"
        )
    return raw


def checked_text(raw: bytes, source: str) -> str:
    """The text of a scene's bytes, without its byte order mark.

    Raises:
        SceneError: too large, empty, binary, not UTF-8, or with tabs or control characters.
    """
    if len(raw) > MAX_BYTES:
        raise _refusal(source, "the scene is over 1 MB", "a scene is a short text")
    text = _decoded(raw, source)
    if not text.strip():
        remedy = "write at least `duration: 1m` and `states: {rain: {curve: 0.5}}`"
        raise _refusal(f"{source}:1:1", "the file is empty", remedy)
    _refuse_unwritten(text, source)
    _refuse_tabs(text, source)
    return text


def named(name: object) -> str:
    """A name from a file as messages quote it: in backticks, short, nothing unprintable."""
    text = str(name)
    shown = text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
    return "`" + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown) + "`"


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of the character at `offset`."""
    before = re.split(r"\r\n|\r|\n", text[:offset])
    return len(before), len(before[-1]) + 1


def _decoded(raw: bytes, source: str) -> str:
    if raw.startswith(_WIDE_MARKS):
        raise _refusal(f"{source}:1:1", "the file is UTF-16", "save it as UTF-8")
    raw = raw.removeprefix(_UTF8_MARK)
    if b"\x00" in raw:
        before = raw[: raw.index(b"\x00")].decode("utf-8", "replace")
        what = "there is a NUL byte: the file is binary, not text"
        raise _refusal(_place(source, before, len(before)), what, "name a YAML file saved as UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise _refusal(
            _place(source, before, len(before)), what, "save the file as UTF-8"
        ) from None


def _refuse_unwritten(text: str, source: str) -> None:
    problems = []
    for found in _UNWRITTEN.finditer(text):
        what = f"there is an unprintable character (U+{ord(found[0]):04X})"
        problems.append(Problem(_place(source, text, found.start()), what, "delete it"))
        if len(problems) == _MOST_PROBLEMS:
            break
    if problems:
        raise SceneError(*problems)


def _refuse_tabs(text: str, source: str) -> None:
    problems = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if "\t" in line:
            place = f"{source}:{number}:{line.index(chr(9)) + 1}"
            problems.append(Problem(place, "there is a tab", "write spaces instead"))
        if len(problems) == _MOST_PROBLEMS:
            break
    if problems:
        raise SceneError(*problems)


def _place(source: str, text: str, offset: int) -> str:
    line, column = position(text, offset)
    return f"{source}:{line}:{column}"


def _refusal(place: str, what: str, remedy: str) -> SceneError:
    return SceneError(Problem(place, what, remedy))
