"""A tree of plain values -> checked fields, or every problem at its line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ambientgen.errors import Problem, SceneError
from ambientgen.scene.agreements import disagreements
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.curve_fields import SCALES, StateFields, WanderFields
from ambientgen.scene.durations import DurationError, is_time, parse_span
from ambientgen.scene.faults import Fault, ScenePath, listed, nearest, shown
from ambientgen.scene.fields import ENDLESS, MOST_DURATION_S
from ambientgen.scene.hints import HINTS
from ambientgen.scene.layer_fields import EventFields, LayerFields
from ambientgen.scene.output_fields import OutputFields
from ambientgen.scene.recordings import absence
from ambientgen.scene.schema import LEAST_DURATION_S, EveryFields, RenderFields, SceneFields
from ambientgen.scene.slips import MERGE, unslipped
from ambientgen.scene.text import named
from ambientgen.scene.tree import MOST_PROBLEMS, Node, find

# What other programs call it.
_OF_OUTPUT = {"rate": "sample_rate", "channels": "layout", "depth": "bits", "type": "format"}
_OF_OUTPUT |= {"bit_depth": "bits", "samplerate": "sample_rate", "codec": "format"}
_OF_LAYER = {"volume": "gain", "loudness": "gain", "level": "gain", "pan": "direction"}
_OF_LAYER |= {"panning": "direction", "position": "direction", "far": "distance", "path": "file"}
_MOST_KEYS = 30  # unknown keys of one mapping that are compared with a missing field

_INNER: dict[str, type[BaseModel]] = {
    "wander": WanderFields,
    "keyframes": EveryFields,
    "render": RenderFields,
    "output": OutputFields,
}
EACH: dict[str, type[BaseModel]] = {
    "states": StateFields,
    "layers": LayerFields,
    "events": EventFields,
}
"""Fields that hold many of a kind, by name or in a list."""
_ONE = {"states": "the state", "layers": "the layer", "events": "an event"}
_OWNERS = {SceneFields: "a scene", StateFields: "a state", LayerFields: "a layer"}
_OWNERS |= {EventFields: "an event"}


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
        duration_s = told_duration_s(plain)
        faults += disagreements(plain, duration_s, lambda path: _is_hidden(path, root))
        try:
            loop_s = duration_s if plain.get("loop") is True else None
            context = {"duration_s": duration_s, "loop_s": loop_s}
            fields = SceneFields.model_validate(plain, context=context)
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
        lost = [p for fault in _lost(plain, source) for p in _placed(root, fault)]
        raise SceneError(*_told(problems + lost, source, untold))
    return fields


def _lost(plain: object, source: str) -> Iterator[Fault]:
    """Recordings that are not there: no fault of a scene's, but told with those that it has."""
    layers = plain.get("layers") if isinstance(plain, dict) else None
    for name, layer in layers.items() if isinstance(layers, dict) else ():
        file = layer.get("file") if isinstance(layer, dict) else None
        if isinstance(file, str) and layer.get("engine") == "recording":
            lost = absence(file, str(Path(source).parent))
            if lost is not None:
                yield Fault(("layers", name, "file"), *lost)


def _follows(error: Any, root: Node) -> bool:
    """Whether the error only follows from another: told, it would lead the author astray."""
    path: ScenePath = error["loc"]
    if find(root, path).broken:
        return True
    return error["type"] == "missing" and _is_hidden(path, root)


def _is_hidden(missing: ScenePath, root: Node) -> bool:
    """Whether a field is missing because it is written under another name, or under `<<`."""
    owner = find(root, missing[:-1]).node.value
    if not isinstance(owner, dict):
        return False
    keys = [key for key in owner if key not in fields_at(missing[:-1]).model_fields]
    return any(_stands_for(key, missing) for key in keys[:_MOST_KEYS])


def _stands_for(key: str, missing: ScenePath) -> bool:
    """Whether this unknown key, which is told, is the missing field, or hides it."""
    if key == MERGE or key.partition(":")[0] == missing[-1]:
        return True
    return _unknown((*missing[:-1], key)).remedy == _did_you_mean(str(missing[-1]))


def _did_you_mean(name: str) -> str:
    return f"did you mean `{name}`?"


def told_duration_s(plain: Mapping[str, Any]) -> float | None:
    """The scene's duration if it is right, for all the times that are held against it."""
    if plain.get("duration") == ENDLESS:
        return math.inf
    try:
        seconds = parse_span(plain.get("duration")).seconds
    except DurationError:
        return None
    return seconds if LEAST_DURATION_S <= seconds <= MOST_DURATION_S else None


def _translated(error: Any) -> Fault:
    """A pydantic error in the author's words."""
    path: ScenePath = error["loc"]
    kind, context = error["type"], error.get("ctx", {})
    if kind == "scene":
        return Fault(path, context["what"], context["remedy"], context["at_key"])
    if kind == "missing":
        owner = "the scene" if len(path) == 1 else _called(path[:-1])
        remedy = f"write for example `{HINTS[str(path[-1])].example}`"
        return Fault(path[:-1], f"{owner} has no `{path[-1]}`", remedy, at_key=True)
    if kind == "extra_forbidden":
        return _unknown(path)
    value = error.get("input")
    if len(path) > 1 and str(path[-2]) in EACH and fields_at(path[:-2]) in _OWNERS:
        return _no_mapping(path, value)
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


def _called(path: ScenePath) -> str:
    """What a message calls the mapping at a path, where it has no field of that name."""
    return "this event" if isinstance(path[-1], int) else named(path[-1])


def _no_mapping(path: ScenePath, value: object) -> Fault:
    """Something else where a state, a layer or an event should be."""
    each, name = str(path[-2]), path[-1]
    if each == "events":
        what = f"an event must be a mapping, not {shown(value)}"
        return Fault(path, what, "write `{at: 72s, sound: thunder}`")
    level = shown(value) if _is_level(value) else "0.5"
    inner = f"{{curve: {level}}}" if each == "states" else "{states: {rain: {curve: 0.5}}}"
    what = f"{_ONE[each]} {named(name)} must be a mapping, not {shown(value)}"
    return Fault(path, what, f"write {named(f'{name}: {inner}')}")


def _is_level(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _unknown(path: ScenePath) -> Fault:
    """A key that its mapping does not know."""
    name, owner = str(path[-1]), fields_at(path[:-1])
    where = _OWNERS.get(owner) or named(path[-2])
    elsewhere = [outer for outer, model in _INNER.items() if name in model.model_fields]
    near = nearest(name, owner.model_fields)
    if slip := _slip(name, owner):
        remedy = slip
    elif name in StateFields.model_fields:
        remedy = "write it, indented, under the name of a state"
    elif elsewhere:
        remedy = f"write it, indented, under `{elsewhere[0]}:`"
    elif name in SceneFields.model_fields:
        remedy = "write it at the beginning of a line"
    elif name in LayerFields.model_fields:
        remedy = "write it, indented, under the name of a layer"
    elif name in EventFields.model_fields:
        remedy = "write it in one of the `events`"
    elif near:
        remedy = _did_you_mean(near)
    else:
        remedy = f"it knows {listed(owner.model_fields, 'and')}"
    return Fault(path, f"{where} has no {named(name)}", remedy, at_key=True)


def _slip(name: str, owner: type[BaseModel]) -> str | None:
    """What to do about a key that is often written in just this wrong place."""
    if name != name.strip():
        return "write plain spaces around it: other ones are letters to YAML"
    if name in KNOWN and owner in (SceneFields, LayerFields):
        return "write it, indented, under `states:`"
    if "curve" in owner.model_fields and is_time(name):
        return "write points under `curve:`"
    if owner is StateFields and name == "level":
        return _did_you_mean("curve")
    if owner is EventFields and name == "every":
        return "write for example `rate: 4`, for so many a minute"
    if name == "apart" and owner is LayerFields:
        return "leave it out, and write a layer for each state"
    if owner in (LayerFields, EventFields) and _OF_LAYER.get(name) in owner.model_fields:
        return _did_you_mean(_OF_LAYER[name])
    if name in ("fade_in", "fade_out") and owner in (StateFields, LayerFields):
        gain = "0s: -60dB, 5s: 0dB" if name == "fade_in" else "55s: 0dB, 1m: -60dB"
        return f"write a layer's `gain: {{{gain}}}`; under `output:` it fades all of the sound"
    if owner is OutputFields and name in _OF_OUTPUT:
        return _did_you_mean(_OF_OUTPUT[name])
    return None


def fields_at(path: ScenePath) -> type[BaseModel]:
    """The fields of the mapping at a path."""
    owner: type[BaseModel] = SceneFields
    steps = iter(path)
    for step in map(str, steps):
        if step in EACH:
            next(steps, None)
            owner = EACH[step]
        elif step in SCALES:
            owner = SCALES[step][1]
        else:
            owner = _INNER.get(step, owner)
    return owner


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
