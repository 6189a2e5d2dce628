"""YAML text -> a tree of plain values in which every value and key knows its line and column.

The tree is built here, from the parser's events, rather than by PyYAML's composer: that one
recurses (200,000 brackets crash it), follows aliases (a few lines can mean gigabytes), lets a
repeated key win silently and reads scalars by YAML 1.1 (`yes` is true, `1:30` is 90). Events come
one by one, so a file is left at the first bracket too many.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Union

import yaml

from ambientgen.errors import Problem, SceneError
from ambientgen.scene.spaces import unspaced_lines
from ambientgen.scene.text import named

MAX_DEPTH = 12
"""Mappings inside mappings; a scene needs five."""

MAX_VALUES = 10_000
"""Values in one scene: nearly 10,000 curve points, and still checked within a second."""

MOST_PROBLEMS = 100
"""So many problems are told at once; who mends them learns of the rest."""

Scalar = Union[None, bool, int, float, str]  # noqa: UP007  (`None | bool` is no type at run time)
# libyaml's parser is forty times faster than the Python one, and is in all of PyYAML's wheels.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
# How JSON writes a character beyond U+FFFF, as 🌧; behind an odd number of `\`.
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_LONGEST_INTEGER = 30  # digits; longer ones are beyond every range, and int() refuses thousands


@dataclass(frozen=True)
class Place:
    """Where something stands: a file's line and column, or (line 0) an option of the command."""

    source: str
    line: int = 0
    column: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """By which places of one source sort."""
        return self.line, self.column

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass
class Node:
    """A value and its place. `broken` values were reported already and are not judged again."""

    value: Scalar | list[Node] | dict[str, Entry]
    place: Place
    broken: bool = False

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars (no deeper than `MAX_DEPTH`)."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass
class Entry:
    """A value of a mapping, with the place of its key, and where the key is given again."""

    key_place: Place
    node: Node
    again: list[Place] = field(default_factory=list)


@dataclass
class Found:
    """What lies at a path, as far as the path leads, and whether it was reported as broken."""

    node: Node
    key_place: Place
    broken: bool


def find(root: Node, path: Sequence[int | str]) -> Found:
    """Follow `path` into the tree as far as it leads."""
    node, key_place, broken = root, root.place, root.broken
    for step in path:
        inner = node.value
        if isinstance(inner, dict) and str(step) in inner:
            key_place, node = inner[str(step)].key_place, inner[str(step)].node
        elif isinstance(inner, list) and isinstance(step, int) and 0 <= step < len(inner):
            node = inner[step]
            key_place = node.place
        else:
            return Found(node, key_place, broken)
        broken = broken or node.broken
    return Found(node, key_place, broken)


def again_problem(place: Place, name: str, first: Place) -> Problem:
    """A key that its mapping holds already."""
    line = f" (first on line {first.line})" if first.line else ""
    return Problem(str(place), f"{named(name)} is given twice{line}", "keep one of them")


def compose(
    text: str, source: str, *, located: bool = True, most: int = MAX_VALUES
) -> tuple[Node, list[Problem]]:
    """The tree of one YAML document, and what is wrong with it as YAML.

    With `located=False` every place is `source` alone (for values from the command line). `most`
    values are read.

    Raises:
        SceneError: the text is no YAML, is nested too deeply, or holds too many values.
    """
    paired = _PAIR.search(text) is not None
    builder = _Builder(source, located, most, text if paired else None)
    # YAML knows no pairs of surrogates. Others of their length stand in, so that places stay right.
    parsed = _PAIR.sub(r"\1\\u0020\\u0020", text) if paired else text
    try:
        for event in yaml.parse(parsed, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise SceneError(*builder.problems, *builder.explained(error, text)) from None
    except yaml.YAMLError as error:
        what = f"this is not YAML ({' '.join(str(error).split())[:100]})"
        raise SceneError(Problem(source, what, "save it as plain UTF-8 text")) from None
    nothing = Node(None, Place(source, 1, 1) if located else Place(source))
    return builder.root or nothing, builder.problems


def scalar(text: str) -> Scalar:
    """An unquoted scalar by YAML 1.2's core schema, decimal only.

    Only `true` and `false` are booleans; `yes`, `1:30`, `0x1F`, `1_000` and dates are text.
    """
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _LONGEST_INTEGER else float(text)
    if _NUMBER.fullmatch(text) or _ENDLESS.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _one(pair: re.Match[str]) -> str:
    """A pair of surrogates as YAML writes the character they are."""
    high, low = (int(pair[half][2:], 16) for half in (2, 3))
    return f"{pair[1]}\\U{0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00:08X}"


@dataclass
class _Open:
    """A collection whose end has not come yet, and the key that waits for its value."""

    node: Node
    key: tuple[str, Place] | None = None
    dropped: bool = False  # the waiting key is a repeated or impossible one


@dataclass
class _Builder:
    source: str
    located: bool
    most: int = MAX_VALUES
    written: str | None = None  # the text as it stands, where something stands in for pairs
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    values: int = 0
    documents: int = 0
    _unkeyed: int = 0  # depth inside a collection that stands where a key should

    def explained(self, error: yaml.MarkedYAMLError, text: str) -> list[Problem]:
        saying = _saying(str(error.problem or error.context or "unreadable"))
        marks = [error.problem_mark, error.context_mark]
        first, second = reversed(marks) if saying.at_beginning else marks
        place = self._place(first or second)
        if saying.of_colons and place.line:
            unspaced = unspaced_lines(text, self.source, place.line)
            if unspaced:
                return unspaced
        return [Problem(str(place), saying.what, saying.remedy)]

    def _place(self, mark: Any) -> Place:
        if not self.located or mark is None:
            return Place(self.source)
        return Place(self.source, mark.line + 1, mark.column + 1)

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                what = "a second document begins (`---`)"
                self._stop(event, what, "keep one scene a file")
        elif isinstance(event, yaml.AliasEvent):
            place = self._place(event.start_mark)
            self._problem(place, f"{named(f'*{event.anchor}')} is an alias", "write the value out")
            self._add(Node(None, place, broken=True), name=None)
        elif isinstance(event, yaml.NodeEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            if self._unkeyed:
                self._unkeyed -= 1
            else:
                self.stack.pop()

    def _begin(self, event: Any) -> None:
        place = self._place(event.start_mark)
        tagged = self._check_decorations(event, place)
        if isinstance(event, yaml.ScalarEvent):
            text = self._text_of(event)
            value = scalar(text) if event.implicit[0] and not event.style else text
            self._add(Node(value, place, broken=tagged), name=text)
            return
        if len(self.stack) + self._unkeyed >= MAX_DEPTH:
            what = f"this is nested more than {MAX_DEPTH} deep"
            self._stop(event, what, "a scene needs five levels")
        node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], place, tagged)
        if self._unkeyed or not self._add(node, name=None):
            self._unkeyed += 1
        else:
            self.stack.append(_Open(node))

    def _text_of(self, event: Any) -> str:
        """A scalar's text. Where something stands in for pairs of surrogates it is read again: in
        double quotes a pair is one character, elsewhere it is what is written."""
        if self.written is None:
            return str(event.value)
        written = self.written[event.start_mark.index : event.end_mark.index]
        if not _PAIR.search(written):
            return str(event.value)
        alone = _PAIR.sub(_one, written) if event.style == '"' else written
        again = yaml.parse(alone, Loader=_LOADER)
        return str(next(each.value for each in again if isinstance(each, yaml.ScalarEvent)))

    def _check_decorations(self, event: Any, place: Place) -> bool:
        """Refuse anchors and tags. True if there is a tag: what the value means is then unclear."""
        if event.anchor:
            self._problem(place, f"{named('&' + event.anchor)} is an anchor", "write the value out")
        if getattr(event, "tag", None):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problem(place, f"{named(tag)} is a tag", "write the plain value, text in quotes")
        return bool(getattr(event, "tag", None))

    def _add(self, node: Node, name: str | None) -> bool:
        """Put a node where it belongs. False if it stands where a key should and is none."""
        self.values += 1
        if self.values > 2 * self.most:  # keys are counted too
            what = f"the scene holds more than {self.most} values"
            problem = Problem(str(node.place), what, "write fewer curve points")
            raise SceneError(*self.problems, problem)
        if self._unkeyed:
            return True
        if not self.stack:
            self.root = node
            return True
        top = self.stack[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
        elif isinstance(top.node.value, dict):
            if top.key is None:
                return self._take_key(top, top.node.value, node, name)
            key, key_place = top.key
            if not top.dropped:
                top.node.value[key] = Entry(key_place, node)
            top.key, top.dropped = None, False
        return True

    def _take_key(self, top: _Open, inside: dict[str, Entry], node: Node, name: str | None) -> bool:
        top.key = (name or "", node.place)
        if name is None:
            top.dropped = True
            if not node.broken:
                what = "a list or mapping stands where a name should"
                self._problem(node.place, what, "write `name: value`")
            return False
        if name in inside:
            top.dropped = True
            inside[name].again.append(node.place)
            problem = again_problem(node.place, name, inside[name].key_place)
            self._problem(node.place, problem.what, problem.remedy)
        return True

    def _problem(self, place: Place, what: str, remedy: str) -> None:
        self.problems.append(Problem(str(place), what, remedy))
        if len(self.problems) == MOST_PROBLEMS:
            what = f"there are more problems than these {MOST_PROBLEMS}"
            raise SceneError(*self.problems, Problem(self.source, what, "mend these first"))

    def _stop(self, event: Any, what: str, remedy: str) -> None:
        raise SceneError(*self.problems, Problem(str(self._place(event.start_mark)), what, remedy))


@dataclass(frozen=True)
class _Saying:
    """What the parsers say (in either's words), and what that means to an author."""

    sign: str
    what: str
    remedy: str
    at_beginning: bool = False  # report where the unfinished thing begins, not where the text ends
    of_colons: bool = False  # the real reason may be a colon without a space, some lines above


_SAYINGS = (
    _Saying(
        "mapping values are not allowed",
        "there is a `:` where none can stand",
        "put text that holds `: ` in quotes, and check the indentation",
        of_colons=True,
    ),
    _Saying(
        "could not find expected ':'",
        "there is no `:` after this name",
        "write `name: value`, and text of several lines in quotes",
        at_beginning=True,
        of_colons=True,
    ),
    _Saying("cannot start any token", "text cannot begin with this character", "put it in quotes"),
    _Saying("expected ',' or ']'", "this `[` is not closed", "write `[first, second]`", True),
    _Saying("expected ',' or '}'", "this `{` is not closed", "write `{name: value}`", True),
    _Saying("node content", "a value is missing", "write it, or delete this bracket"),
    _Saying("unexpected end of stream", "this quote is not closed", "close it", True),
    _Saying("unexpected document separator", "this quote is not closed", "close it", True),
    *(
        _Saying(
            sign,
            "this does not belong here",
            "indent the fields of one level alike",
            of_colons=True,
        )
        for sign in ("expected key", "<block end>")
    ),
    _Saying("sequence entries", "a `-` cannot stand here", "begin the list on a line of its own"),
    _Saying(
        "Unicode character escape",
        "this escape stands for no character (half of a pair, or beyond U+10FFFF)",
        "write the character itself",
    ),
    _Saying("escape", "this `\\` means nothing in double quotes", "use single quotes"),
    _Saying(
        "document start",
        "there is text after the scene's end",
        "write `name: value` lines",
        of_colons=True,
    ),
)


def _saying(problem: str) -> _Saying:
    for saying in _SAYINGS:
        if saying.sign in problem:
            return saying
    remedy = "check quotes, brackets and indentation here"
    return _Saying("", f"this is not YAML ({problem})", remedy)
