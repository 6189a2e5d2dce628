"""Slips of the hand that YAML reads as something else: told as what they are, and only once."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import islice

from ambientgen.errors import Problem
from ambientgen.scene.curve_fields import SCALES, StateFields
from ambientgen.scene.faults import listed
from ambientgen.scene.layer_fields import LayerFields
from ambientgen.scene.spaces import unspaced
from ambientgen.scene.text import named
from ambientgen.scene.tree import MOST_PROBLEMS, Entry, Node, Place, again_problem

MERGE = "<<"
_NAMED = ("states", "layers")  # mappings of names to mappings
_POINTS = ("curve", *SCALES)
_NEED_MAPPINGS = (*_NAMED, *_POINTS, "wander", "render", "output", "events")


def _unspaced_inside(node: Node, name: str = "") -> Iterator[Problem]:
    """Text where a mapping should stand, and keys without a value, that hold `name:value`."""
    if isinstance(node.value, str):
        problem = unspaced(node.value, str(node.place))
        if problem:
            node.broken = True
            yield problem
    elif isinstance(node.value, list):
        for inner in node.value:
            yield from _unspaced_inside(inner, "events")
    elif isinstance(node.value, dict):
        for key, entry in node.value.items():
            problem = None
            if entry.node.value is None and ":" in key:
                problem = unspaced(key, str(entry.key_place))
            elif ":{" in key:  # of `rain:{curve: 0.5}` all up to the colon with a space
                problem = unspaced(f"{key}: ", str(entry.key_place))
            if problem:
                entry.node.broken = True
                yield problem
            elif name in (*_NAMED, *_POINTS) or key in _NEED_MAPPINGS:
                yield from _unspaced_inside(entry.node, key)


def _merged(node: Node) -> Iterator[Problem]:
    """Merge keys, in whatever mapping: to the scene they would be a field, a name or a time."""
    if isinstance(node.value, list):
        for inner in node.value:
            yield from _merged(inner)
    elif isinstance(node.value, dict):
        for key, entry in node.value.items():
            if key == MERGE and not entry.node.broken:
                entry.node.broken = True
                what = "`<<` is a merge key"
                yield Problem(str(entry.key_place), what, "write out what it stands for")
            elif key != MERGE:
                yield from _merged(entry.node)


def unslipped(root: Node, problems: list[Problem]) -> list[Problem]:
    """The problems of a tree, with its slips among them.

    What a slip touches is marked as broken, so that it is not judged again, and problems that are
    the slip's consequence are left out.
    """
    problems = [*problems, *islice(_merged(root), MOST_PROBLEMS)]
    problems += islice(_unspaced_inside(root), MOST_PROBLEMS)
    for entries in _mappings(root):
        problems = _commas(entries, problems)
    for entries, fields in _named(root):
        problems = _fields_beside(entries, fields, problems)
    return problems


def _mappings(node: Node) -> Iterator[dict[str, Entry]]:
    if isinstance(node.value, list):
        for inner in node.value:
            yield from _mappings(inner)
    elif isinstance(node.value, dict):
        yield node.value
        for entry in node.value.values():
            yield from _mappings(entry.node)


def _commas(entries: dict[str, Entry], problems: list[Problem]) -> list[Problem]:
    """Numbers with a comma, as in `{0s: 0,4}`: to YAML it begins another key, `4` with no value."""
    told, before = list(problems), ""
    for place, name in _keys(entries):
        node = entries[name].node
        if before and name.isdecimal() and node.value is None:
            again = again_problem(place, name, entries[name].key_place)
            told = [problem for problem in told if problem != again]
            number = f"{_whole(entries, before)},{name}"
            remedy = f"write `{number.replace(',', '.')}`"
            told.append(Problem(str(place), f"`{number}` has a comma", remedy))
            node.broken = True
        before = name if _whole(entries, name) else ""
    return told


def _whole(entries: dict[str, Entry], name: str) -> str:
    """The whole number that stands at a name, as it is written; nothing if none does."""
    value = entries[name].node.value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _named(root: Node) -> Iterator[tuple[dict[str, Entry], Container[str]]]:
    """The mappings of names in a scene, and the fields that belong inside each name."""
    yield from _inside(root, "states", StateFields.model_fields)
    for layers, fields in _inside(root, "layers", LayerFields.model_fields):
        yield layers, fields
        for layer in layers.values():
            yield from _inside(layer.node, "states", StateFields.model_fields)


def _inside(
    node: Node, name: str, fields: Container[str]
) -> Iterator[tuple[dict[str, Entry], Container[str]]]:
    found = node.value.get(name) if isinstance(node.value, dict) else None
    if found is not None and isinstance(found.node.value, dict):
        yield found.node.value, fields


def _fields_beside(
    states: dict[str, Entry], fields: Container[str], problems: list[Problem]
) -> list[Problem]:
    """Fields that stand beside an empty name, as `curve` in `{rain: , curve: 0.5}`."""
    told = list(problems)
    owner, strays = "", list[tuple[Place, str]]()
    for place, name in [*_keys(states), (Place(""), "")]:
        if owner and name in fields:
            strays.append((place, name))
            continue
        if strays:
            told = _without_again(told, states, strays)
            told.append(_beside(owner, strays))
            for stray in (owner, *(field for _, field in strays)):
                states[stray].node.broken = True
        empty = name in states and states[name].node.value is None
        owner, strays = name if empty else "", []
    return told


def _keys(states: dict[str, Entry]) -> Iterator[tuple[Place, str]]:
    """The names in the order of the text, those given again included."""
    keys = [(place, name) for name, e in states.items() for place in (e.key_place, *e.again)]
    yield from sorted((key for key in keys if key[0].line), key=lambda key: key[0].order)


def _without_again(
    problems: list[Problem], states: dict[str, Entry], strays: list[tuple[Place, str]]
) -> list[Problem]:
    """A field beside each of two states is not one that is given twice."""
    again = [again_problem(place, name, states[name].key_place) for place, name in strays]
    return [problem for problem in problems if problem not in again]


def _beside(owner: str, strays: list[tuple[Place, str]]) -> Problem:
    names = listed(dict.fromkeys(name for _, name in strays), "and")
    one = len(strays) == 1
    what = f"{names} {'stands' if one else 'stand'} beside {named(owner)}, not in it"
    remedy = f"indent {'it' if one else 'them'} under {named(owner)}"
    return Problem(str(strays[0][0]), what, remedy)
