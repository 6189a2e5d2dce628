"""`--set states.rain.curve=0.8`: values put into a scene's tree before it is checked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ambientgen.errors import Problem, SceneError
from ambientgen.scene.check import EACH, fields_at, told_duration_s
from ambientgen.scene.durations import DurationError, parse_span
from ambientgen.scene.faults import listed
from ambientgen.scene.text import checked_text, named
from ambientgen.scene.tree import Entry, Node, Place, compose

OPTION = "--set"
_EXAMPLE = "write for example `--set states.rain.curve=0.8`"
_MOST_STEPS = 8  # a scene needs five; the tree is walked by recursion
_STEP = re.compile(r'"([^"]*)"|([^."]+)')
_PATH = re.compile(rf"(?:{_STEP.pattern})(?:\.(?:{_STEP.pattern}))*")


def apply_overrides(root: Node, overrides: Sequence[str]) -> list[Problem]:
    """Put each `path=value` into the tree, in turn; later ones win. The tree is changed in place.

    A path's steps are divided by dots (`"1.5s"` in quotes is one step) and lead through mappings,
    made where missing, and lists, counted from 0. A value is YAML; `null` takes a field out.
    Returns what is wrong.
    """
    problems: list[Problem] = []
    grown: list[Node] = []
    for override in overrides:
        try:
            problems += _apply(root, override, grown)
        except SceneError as error:
            problems += error.problems
    length_s = _length_s(root)  # which an override may have set, of whose shares points may be
    for node in grown:
        if isinstance(node.value, dict):
            node.value = _in_order_of_time(node.value, length_s)
    return problems


def _apply(root: Node, override: str, grown: list[Node]) -> list[Problem]:
    """One override; mappings that got a new key are added to `grown`."""
    path, equals, written = override.partition("=")
    path = path.strip()
    source = f"{OPTION} {named(path).strip('`')}"
    if not equals:
        return [Problem(source, "there is no `=`", _EXAMPLE)]
    steps = [quoted or bare for quoted, bare in _STEP.findall(path)]
    if not _PATH.fullmatch(path) or len(steps) > _MOST_STEPS:
        return [Problem(source, "this is no path to a field", _EXAMPLE)]
    node = Node(None, Place(source))
    problems: list[Problem] = []
    if written.strip():
        text = checked_text(written.encode("utf-8", "surrogatepass"), source)
        node, problems = compose(text, source, located=False)
    out = node.value is None and bool(written.strip()) and not problems
    if out and (done := _take_out(root, steps, Place(source))) is not None:
        return done
    return problems + _put(root, steps, node, Place(source), grown)


def _take_out(root: Node, steps: list[str], place: Place) -> list[Problem] | None:
    """Take a field out; nothing is to be done where a field that a scene may have is not there.

    Returns what is wrong: a state or a layer that is not there may be a slip. None: that is no
    field, which is told as with any other value.
    """
    node: Node | None = root
    names = False  # whether the step is one of an author's names, or a number
    for index, step in enumerate(steps):
        last = index == len(steps) - 1
        inner = None if node is None else node.value
        if isinstance(inner, dict) and step in inner:
            if last:
                del inner[step]
                return []
            node = inner[step].node
        elif isinstance(inner, list) and step.isdecimal() and int(step) < len(inner):
            if last:
                return None  # the first of `levels` may be null
            node = inner[int(step)]
        elif names:
            above = ".".join(steps[:index])
            there = f"it has {listed(inner, 'and')}" if isinstance(inner, dict) and inner else ""
            return [Problem(str(place), f"{named(above)} has no {named(step)}", there)]
        elif step in fields_at(tuple(steps[:index])).model_fields:
            node = None
        else:
            return None
        names = not names and step in EACH
    return []


def _put(
    root: Node, steps: list[str], node: Node, place: Place, grown: list[Node]
) -> list[Problem]:
    """Set a field to a node; a mapping that it is new to is added to `grown`."""
    target = root
    for index, step in enumerate(steps[:-1]):
        inner = _mapping_or_list(target)
        if isinstance(inner, dict):
            target = inner.setdefault(step, Entry(place, Node({}, place))).node
        elif isinstance(inner, list) and step.isdecimal() and int(step) < len(inner):
            target = inner[int(step)]
        else:
            return [_blocked(steps[:index], step, place)]
    inner, last = _mapping_or_list(target), steps[-1]
    if isinstance(inner, dict):
        known = last in inner
        inner[last] = Entry(inner[last].key_place if known else place, node)
        if not known:
            grown.append(target)
    elif isinstance(inner, list) and last.isdecimal() and int(last) < len(inner):
        inner[int(last)] = node
    else:
        return [_blocked(steps[:-1], last, place)]
    return []


def _mapping_or_list(node: Node) -> object:
    """What a path can lead through; nothing at all becomes a mapping."""
    if node.value is None and not node.broken:
        node.value = {}
    return node.value


def _blocked(led: list[str], step: str, place: Place) -> Problem:
    """What the path `led` to holds no such step."""
    above = ".".join(led) or "the scene"
    what = f"{named(above)} holds no {named(step)} that could be set"
    return Problem(str(place), what, f"set it whole: {named(f'{OPTION} {above}=')}")


def _length_s(root: Node) -> float:
    """The scene's duration, of which points may be shares; not a number if none can be told."""
    fields = root.value if isinstance(root.value, dict) else {}
    length_s = told_duration_s({name: entry.node.value for name, entry in fields.items()})
    return length_s if length_s is not None and math.isfinite(length_s) else math.nan


def _in_order_of_time(entries: dict[str, Entry], length_s: float) -> dict[str, Entry]:
    """A new point of a curve goes where its time belongs; other mappings stay as they are."""
    try:
        times_s = {key: parse_span(key, percent=True).resolve(length_s) for key in entries}
    except DurationError:
        return dict(entries)
    if any(map(math.isnan, times_s.values())):  # shares of nobody knows what, which is told
        return dict(entries)
    return dict(sorted(entries.items(), key=lambda entry: times_s[entry[0]]))
