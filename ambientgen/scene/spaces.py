"""`duration:30s`: text to YAML, a field to its author; the parser stumbles only further on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ambientgen.errors import Problem
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.hints import HINTS
from ambientgen.scene.text import named

# Behind the colon may stand a space that is none to YAML, such as a no-break space.
_UNSPACED = re.compile(
    r"(?P<name>\w[\w.]{0,40}%?):(?![ \r\n])\s*(?P<value>[^\s:][^:]*)(?P<more>:.*)?", re.DOTALL
)
_COLONLESS = re.compile(r"(?P<name>[a-z_]{1,40})(?: *[=\uff1a] *| +)(?P<value>[^\s:=][^:=]*)")
_MOST_LINES = 30  # so far from the place where the parser stumbled, they are looked for
_TIME = re.compile(r"[0-9.]+(ms|s|m|h|%)")


def unspaced(text: str, place: str) -> Problem | None:
    """The problem of `name:value` where `name: value` was meant; None if `text` is no such thing.

    Only names of fields, known states and times count: other text may well hold a colon.
    """
    found = _UNSPACED.fullmatch(text)
    if not found:
        return None
    name = found["name"]
    if name not in HINTS and name not in KNOWN and not _TIME.fullmatch(name):
        return None
    value = "…" if found["more"] else found["value"]
    what = f"a space is missing after {named(f'{name}:')}"
    return Problem(place, what, f"write {named(f'{name}: {value}')}")


def _colonless(text: str, place: str) -> Problem | None:
    """The problem of `name value` or `name = value` on a line, where `name: value` was meant."""
    found = _COLONLESS.fullmatch(text)
    if not found or (found["name"] not in HINTS and found["name"] not in KNOWN):
        return None
    name, value = found["name"], found["value"]
    return Problem(place, f"there is no `:` after `{name}`", f"write {named(f'{name}: {value}')}")


def unspaced_lines(text: str, source: str, line: int) -> list[Problem]:
    """The lines without that space, or that colon, around `line` (from 1), where the parser
    stumbled.

    It stumbles at the line itself or, as text may go on, below: all lines above and below that are
    of this kind are told.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    above = list(_run(lines, range(line - 1, 0, -1), source))
    here = list(_run(lines, range(line, line + 1), source))
    below = _run(lines, range(line + 1, len(lines) + 1), source)
    return [*above[::-1], *here, *below]


def _run(lines: Sequence[str], numbers: range, source: str) -> Iterator[Problem]:
    """The problems of these lines, up to the first that has none."""
    for number in numbers[:_MOST_LINES]:
        line = re.sub(r"(^| +)#.*", "", lines[number - 1]).rstrip()
        written = line.lstrip()
        place = f"{source}:{number}:{len(line) - len(written) + 1}"
        problem = unspaced(written, place) or _colonless(written, place)
        if problem:
            yield problem
        elif written:
            return
