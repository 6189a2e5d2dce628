"""A tree of plain values -> checked fields, or every problem at its line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from ambientgen.errors import Problem, SceneError
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.durations import DurationError, parse_span
from ambientgen.scene.faults import Fault, listed, nearest, shown
from ambientgen.scene.schema import (
    ENDLESS,
    HINTS,
    LEAST_DURATION_S,
    MOST_DURATION_S,
    MOST_STATES,
    EveryFields,
    OutputFields,
    RenderFields,
    SceneFields,
    StateFields,
    WanderFields,
)
from ambientgen.scene.slips import unslipped
from ambientgen.scene.text import named
from ambientgen.scene.tree import MOST_PROBLEMS, Node, find

STATE_NAME = r"[a-z][a-z0-9_]{0,39}"
"""Regular expression of a state's name."""

_MERGE = "<<"
_MOST_KEYS = 30  # unknown keys of one mapping that are compared with a missing field

_INNER: dict[str, type[BaseModel]] = {
    "wander": WanderFields,
    "keyframes": EveryFields,
    "render": RenderFields,
    "output": OutputFields,
}


def check(root: Node, source: str, found: list[Problem]) -> SceneFields:
    """The fields of a scene.

    Args:
        root: the scene's tree.
        source: what to call the scene in messages.
        found: problems known already; they are told together with those found here.

    Raises:
        SceneError: all problems, in the order of the text.
    """
    found = unslipped(root, found)
    plain = root.plain()
    faults: list[Fault] = []
    fields, untold = None, 0
    if isinstance(plain, dict):
        faults += _name_faults(plain.get("states"))
        try:
            fields = SceneFields.model_validate(plain, context={"duration_s": _duration_s(plain)})
        except ValidationError as error:
            found_errors = sorted(
                error.errors(), key=lambda e: find(root, e["loc"]).node.place.order
            )
            own = (e for e in found_errors if not _follows(e, root))
            errors = list(islice(own, MOST_PROBLEMS + 1))
            untold = len(errors[MOST_PROBLEMS:])
            faults += [_translated(e) for e in errors[:MOST_PROBLEMS]]
    elif not root.broken:
        what = f"a scene is a mapping of fields, not {shown(plain)}"
        if plain is None:
            what = "the scene is empty"
        remedy = "write at least `duration: 1m` and `states: {rain: {curve: 0.5}}`"
        faults.append(Fault((), what, remedy))
    problems = found + [p for fault in faults for p in _placed(root, fault)]
    if problems or fields is None:
        raise SceneError(*_told(problems, source, untold))
    return fields


def _follows(error: Any, root: Node) -> bool:
    """Whether the error only follows from another: told, it would lead the author astray."""
    path: tuple[int | str, ...] = error["loc"]
    if find(root, path).broken:
        return True
    owner = find(root, path[:-1]).node.value
    if error["type"] != "missing" or not isinstance(owner, dict):
        return False
    keys = [key for key in owner if key not in _model_at(path[:-1]).model_fields]
    return any(_stands_for(key, path) for key in keys[:_MOST_KEYS])


def _stands_for(key: str, missing: tuple[int | str, ...]) -> bool:
    """Whether this unknown key, which is told, is the missing field, or hides it."""
    if key == _MERGE or key.partition(":")[0] == missing[-1]:
        return True
    return _unknown((*missing[:-1], key)).remedy == _did_you_mean(str(missing[-1]))


def _did_you_mean(name: str) -> str:
    return f"did you mean `{name}`?"


def _duration_s(plain: dict[str, Any]) -> float | None:
    """The scene's duration if it is right, for all the times that are held against it."""
    if plain.get("duration") == ENDLESS:
        return math.inf
    try:
        seconds = parse_span(plain.get("duration")).seconds
    except DurationError:
        return None
    return seconds if LEAST_DURATION_S <= seconds <= MOST_DURATION_S else None


def _name_faults(states: object) -> Iterator[Fault]:
    if not isinstance(states, dict):
        return
    for name, state in list(states.items())[: MOST_STATES + 1]:
        path = ("states", name)
        if not re.fullmatch(STATE_NAME, name):
            spelt = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
            better = spelt if re.fullmatch(STATE_NAME, spelt) else "soft_rain"
            what = f"{shown(name)} is no name for a state"
            remedy = f"write small letters, digits and `_`, such as `{better}`"
            yield Fault(path, what, remedy, at_key=True)
        elif name not in KNOWN and isinstance(state, dict) and "levels" not in state:
            near = nearest(name, KNOWN)
            remedy = f"did you mean `{near}`? If not, give" if near else "give"
            remedy += f" its words from none to most, such as `{HINTS['levels'].example}`"
            what = f"{named(name)} is not in the catalogue of states, and has no `levels`"
            yield Fault(path, what, remedy, at_key=True)


def _translated(error: Any) -> Fault:
    """A pydantic error in the author's words."""
    path: tuple[int | str, ...] = error["loc"]
    kind, context = error["type"], error.get("ctx", {})
    if kind == "scene":
        return Fault(path, context["what"], context["remedy"], context["at_key"])
    if kind == "missing":
        owner = f"{named(path[-2])}" if len(path) > 1 else "the scene"
        remedy = f"write for example `{HINTS[str(path[-1])].example}`"
        return Fault(path[:-1], f"{owner} has no `{path[-1]}`", remedy, at_key=True)
    if kind == "extra_forbidden":
        return _unknown(path)
    value = error.get("input")
    if len(path) == 2 and path[0] == "states":
        what = f"the state {named(path[1])} must be a mapping, not {shown(value)}"
        return Fault(path, what, f"write {named(f'{path[1]}: {{curve: 0.5}}')}")
    if isinstance(path[-1], int):
        what = (
            f"a phrase of `levels` must be one line of at most 100 characters, not {shown(value)}"
        )
        return Fault(path, what, "write words, numbers in quotes")
    name = str(path[-1])
    hint = HINTS[name]
    remedy = f"write for example `{hint.example}`"
    if kind in ("too_short", "too_long"):
        # counted here: pydantic stops counting a mapping at its limit, and reports None
        said = f"`{name}` must be {hint.kind}, and has {len(value)}"
        return Fault(path, said, remedy)
    return Fault(path, f"`{name}` must be {hint.kind}, not {shown(value)}", remedy)


def _unknown(path: tuple[int | str, ...]) -> Fault:
    """A key that its mapping does not know."""
    name, owner = str(path[-1]), _model_at(path[:-1])
    where = (
        "a scene" if len(path) == 1 else "a state" if owner is StateFields else f"{named(path[-2])}"
    )
    elsewhere = [outer for outer, model in _INNER.items() if name in model.model_fields]
    near = nearest(name, owner.model_fields)
    if name == _MERGE:
        return Fault(path, "`<<` is a merge key", "write the fields out", at_key=True)
    if name in KNOWN and owner is SceneFields:
        remedy = "write it, indented, under `states:`"
    elif name in StateFields.model_fields:
        remedy = "write it, indented, under the name of a state"
    elif elsewhere:
        remedy = f"write it, indented, under `{elsewhere[0]}:`"
    elif name in SceneFields.model_fields:
        remedy = "write it at the beginning of a line"
    elif near:
        remedy = _did_you_mean(near)
    else:
        remedy = f"it knows {listed(owner.model_fields, 'and')}"
    return Fault(path, f"{where} has no {named(name)}", remedy, at_key=True)


def _model_at(path: tuple[int | str, ...]) -> type[BaseModel]:
    if not path:
        return SceneFields
    if len(path) == 2 and path[0] == "states":
        return StateFields
    return _INNER[str(path[-1])]


def _placed(root: Node, fault: Fault) -> Iterator[Problem]:
    """The fault at its line and column; nothing if its value was reported as broken before."""
    found = find(root, fault.path)
    if not found.broken:
        place = found.key_place if fault.at_key else found.node.place
        yield Problem(str(place), fault.what, fault.remedy)


def _told(problems: list[Problem], source: str, untold: int) -> list[Problem]:
    """The problems once each, in the order of the text, and no more than one can read."""
    ordered = sorted(dict.fromkeys(problems), key=_order)
    if len(ordered) + untold <= MOST_PROBLEMS:
        return ordered
    what = f"there are more problems than these {MOST_PROBLEMS}"
    return [*ordered[:MOST_PROBLEMS], Problem(source, what, "mend these first")]


def _order(problem: Problem) -> tuple[bool, int, int]:
    """Lines and columns first, then options."""
    place = re.fullmatch(r".*:(\d+):(\d+)", problem.place, flags=re.DOTALL)
    return (False, int(place[1]), int(place[2])) if place else (True, 0, 0)
