"""What fields must agree on with each other; told beside what is wrong with each by itself.

All of it looks at plain values, right or wrong: what one field holds is pydantic's to judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, get_args

from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.durations import DurationError, parse_span, spell
from ambientgen.scene.faults import Fault, ScenePath, listed, nearest, shown
from ambientgen.scene.hints import HINTS
from ambientgen.scene.layer_fields import MOST_EVENTS, MOST_STATES
from ambientgen.scene.output_fields import choice, clashes
from ambientgen.scene.scales import LOUDNESS, PEAK
from ambientgen.scene.scene import DEFAULT_SCHEDULER, EVENTS, OutputOptions, SchedulerName
from ambientgen.scene.schema import MOST_LAYERS
from ambientgen.scene.synonyms import nearest_sound
from ambientgen.scene.text import named
from ambientgen.scene.textures import TEXTURE_KINDS

NAME = r"[a-z][a-z0-9_]{0,39}"
"""Regular expression of a state's or a layer's name; a layer's is part of a file's."""

LEAST_BELOW_PEAK_LU = 1.0
"""How far below its peaks a loudness must lie. A tone's is 3 below them in mono (BS.1770-4), as
high as they are in stereo; a sound of many tones has peaks of 8 dB and more above its power, of
which a limiter that keeps its shape takes some: what lies above is in nobody's reach."""

LIKELY_BELOW_PEAK_LU = 12.0
"""What every kind of sound reaches (docs/loudness.md)."""

Hidden = Callable[[ScenePath], bool]
"""Whether a field that is missing was written under another name, which is told."""

_NOT_OF: dict[str, tuple[str, ...]] = {
    "model": ("events", "strength", "file"),
    "procedural": ("file",),
    "recording": ("states", "events", "setting", "model", "strength"),
}
_CALLED = {"model": "a layer of the model's", "procedural": "a procedural layer"}
_PROCEDURAL = "write `engine: procedural`, or leave the line out"
_ELSEWHERE = {
    "strength": _PROCEDURAL,
    "events": "give them a layer with `engine: procedural`, or write them beside `layers:`",
    "file": "write `engine: recording`, or leave the line out",
}


@dataclass(frozen=True)
class _Whole:
    """A scene's plain values, its length if that is right, and what is hidden in it."""

    plain: Mapping[str, Any]
    duration_s: float | None
    hidden: Hidden


def disagreements(
    plain: Mapping[str, Any], duration_s: float | None, hidden: Hidden
) -> Iterator[Fault]:
    """Everything in a scene that does not go together, and names that are none."""
    whole = _Whole(plain, duration_s, hidden)
    yield from _what_sounds(whole)
    yield from _state_faults(plain.get("states"), ("states",), procedural=False)
    yield from _layers(whole)
    yield from _events(plain.get("events"), ("events",), hidden)
    yield from _sampler(plain)
    yield from _output(whole)


def _what_sounds(whole: _Whole) -> Iterator[Fault]:
    plain = whole.plain
    if "states" in plain and "layers" in plain:
        what = "a scene has either `states` or `layers`, not both"
        yield Fault(("layers",), what, "write the states under the name of a layer", at_key=True)
    yield from _apart(plain)
    ways = ("states", "layers", "events")
    if not any(name in plain or whole.hidden((name,)) for name in ways):
        remedy = f"write for example `{HINTS['states'].example}`"
        yield Fault((), "the scene has no `states`", remedy, at_key=True)


def _apart(plain: Mapping[str, Any]) -> Iterator[Fault]:
    states = plain.get("states")
    if "apart" in plain and "layers" in plain and states is None:
        remedy = "leave it out: layers are apart already"
        yield Fault(("apart",), "`apart` says nothing of `layers`", remedy, at_key=True)
    stems = states if isinstance(states, dict) and plain.get("apart") is True else {}
    if "events" in plain and EVENTS in stems:
        what = "the stem of `events` would be the same file as that of the scene's own events"
        yield Fault(("states", EVENTS), what, "give the state another name", at_key=True)


def _name_fault(name: str, path: ScenePath, what: str, example: str) -> Fault | None:
    if re.fullmatch(NAME, name):
        return None
    spelt = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    better = spelt if re.fullmatch(NAME, spelt) else example
    remedy = f"write small letters, digits and `_`, such as `{better}`"
    return Fault(path, f"{shown(name)} is no name for a {what}", remedy, at_key=True)


def _state_faults(states: object, path: ScenePath, *, procedural: bool) -> Iterator[Fault]:
    """Names that are none, sounds that nobody knows, kinds out of place."""
    if not isinstance(states, dict):
        return
    for name, state in islice(states.items(), MOST_STATES + 1):
        here = (*path, name)
        fault = _name_fault(name, here, "state", "soft_rain")
        if fault:
            yield fault
        elif procedural:
            yield from _texture_faults(name, state, here)
        elif name not in KNOWN and isinstance(state, dict) and "levels" not in state:
            near = nearest_sound(name)
            remedy = f"did you mean `{near}`? If not, give" if near else "give"
            remedy += f" its words from none to most, such as `{HINTS['levels'].example}`"
            what = f"{named(name)} is not in the catalogue of states, and has no `levels`"
            yield Fault(here, what, remedy, at_key=True)
        if not procedural and isinstance(state, dict) and "kind" in state:
            remedy = "leave it out, or give the state to a layer with `engine: procedural`"
            what = "only the states of a procedural layer have a `kind`"
            yield Fault((*here, "kind"), what, remedy, at_key=True)


def _texture_faults(name: str, state: object, path: ScenePath) -> Iterator[Fault]:
    unknown = _unknown_texture(name, path, at_key=True)
    if unknown:
        yield unknown
    elif isinstance(state, dict):
        yield from _kind_faults(name, state.get("kind"), (*path, "kind"))


def _unknown_texture(name: str, path: ScenePath, *, at_key: bool) -> Fault | None:
    if name in TEXTURE_KINDS:
        return None
    near = nearest_sound(name)
    remedy = f"did you mean `{near}`?" if near else f"there are {listed(TEXTURE_KINDS, 'and')}"
    for sound, kinds in TEXTURE_KINDS.items():
        if name in kinds:
            remedy = f"write `{sound}`, and `kind: {name}` beside it"
    return Fault(path, f"there is no procedural sound {named(name)}", remedy, at_key)


def _kind_faults(sound: str, kind: object, path: ScenePath) -> Iterator[Fault]:
    kinds = TEXTURE_KINDS[sound]
    if isinstance(kind, str) and kind not in kinds:
        near = nearest(kind, kinds)
        remedy = f"did you mean `{near}`?" if near else f"it has {listed(kinds, 'and')}"
        yield Fault(path, f"`{sound}` has no kind {named(kind)}", remedy)


def _events(events: object, path: ScenePath, hidden: Hidden) -> Iterator[Fault]:
    if not isinstance(events, list):
        return
    for index, event in enumerate(islice(events, MOST_EVENTS + 1)):
        if not isinstance(event, dict):
            continue
        here = (*path, index)
        if "at" in event and "rate" in event:
            remedy = "keep `at` for one moment, or `rate` for random ones"
            yield Fault((*here, "rate"), "an event has `at` or `rate`, not both", remedy, True)
        if not any(way in event or hidden((*here, way)) for way in ("at", "rate")):
            remedy = "write for example `at: 72s`, or `rate: 4` for so many a minute"
            yield Fault(here, "this event has neither `at` nor `rate`", remedy)
        sound = event.get("sound")
        if isinstance(sound, str):
            unknown = _unknown_texture(sound, (*here, "sound"), at_key=False)
            if unknown:
                yield unknown
            else:
                yield from _kind_faults(sound, event.get("kind"), (*here, "kind"))


def _layers(whole: _Whole) -> Iterator[Fault]:
    layers = whole.plain.get("layers")
    if not isinstance(layers, dict):
        return
    taken = {EVENTS: "the stem of the scene's own events"} if "events" in whole.plain else {}
    for name, layer in islice(layers.items(), MOST_LAYERS + 1):
        path = ("layers", name)
        small = name.lower()
        wrong = _name_fault(name, path, "layer", "far_rain")
        if small in taken:
            what = f"the stem of {named(name)} would be the same file as {taken[small]}"
            yield Fault(path, what, "give the layer another name", at_key=True)
        elif wrong:
            yield wrong
        taken.setdefault(small, f"that of {named(name)}")
        if isinstance(layer, dict):
            yield from _layer(name, layer, whole.hidden)


def _layer(name: str, layer: Mapping[str, Any], hidden: Hidden) -> Iterator[Fault]:
    path, engine = ("layers", name), layer.get("engine", "model")
    if not isinstance(engine, str) or engine not in _NOT_OF:
        return
    procedural = engine == "procedural"
    for field in _NOT_OF[engine]:
        if field in layer:
            what = f"{_CALLED.get(engine, 'a recording')} has no `{field}`"
            remedy = _ELSEWHERE[field] if engine != "recording" else "leave it out"
            yield Fault((*path, field), what, remedy, at_key=True)
    if procedural and "strength" not in layer:
        for field in ("setting", "model"):
            if field in layer:
                what = f"`{field}` says nothing in a procedural layer without `strength`"
                remedy = "leave it out, or write for example `strength: 0.5`"
                yield Fault((*path, field), what, remedy, at_key=True)
    if procedural and "strength" in layer and "states" not in layer and "events" in layer:
        what = (
            "a layer with `strength` needs `states`: in their words the model is told what to make"
        )
        remedy = f"write for example `{HINTS['states'].example}`, or leave `strength` out"
        if not hidden((*path, "states")):
            yield Fault((*path, "strength"), what, remedy, at_key=True)
    yield from _silent(name, layer, engine, hidden)
    if engine != "recording":
        yield from _state_faults(layer.get("states"), (*path, "states"), procedural=procedural)
    if procedural:
        yield from _events(layer.get("events"), (*path, "events"), hidden)


def _sampler(plain: Mapping[str, Any]) -> Iterator[Fault]:
    """A scheduler of diffusers' begins with noise; with a sound only our own does."""
    render, layers = plain.get("render"), plain.get("layers")
    if not isinstance(render, dict) or not isinstance(layers, dict):
        return
    scheduler = render.get("scheduler")
    if scheduler == DEFAULT_SCHEDULER or scheduler not in get_args(SchedulerName):
        return
    for name, layer in islice(layers.items(), MOST_LAYERS + 1):
        fields = layer if isinstance(layer, dict) else {}
        strength = fields.get("strength", 1)
        guided = isinstance(strength, int | float) and 0 < strength < 1
        if guided and fields.get("engine") == "procedural":
            what = f"`{scheduler}` cannot begin with a sound, as the layer {named(name)} does with"
            what += f" its `strength` of {strength:g}"
            remedy = f"leave it out, or write `{DEFAULT_SCHEDULER}`"
            yield Fault(("render", "scheduler"), what, remedy)
            return


def _silent(name: str, layer: Mapping[str, Any], engine: str, hidden: Hidden) -> Iterator[Fault]:
    """A layer without anything to hear."""
    path = ("layers", name)
    if hidden((*path, "engine")):
        return  # nobody knows which layer it is meant to be
    if "engine" not in layer and any(field in layer for field in _NOT_OF["model"]):
        return  # it is meant to be another, which is told
    ways = {"model": ("states",), "procedural": ("states", "events"), "recording": ("file",)}
    if any(field in layer or hidden((*path, field)) for field in ways[engine]):
        return
    example = HINTS[ways[engine][-1]].example
    what = f"the layer {named(name)} has no `{ways[engine][0]}`"
    if engine == "procedural":
        what = f"the layer {named(name)} has neither `states` nor `events`"
    if engine == "recording":
        what = f"the recording {named(name)} has no `file`"
    yield Fault(path, what, f"write for example `{example}`", at_key=True)


def _output(whole: _Whole) -> Iterator[Fault]:
    output = whole.plain.get("output")
    if not isinstance(output, dict):
        return
    asked = asdict(OutputOptions()) | output
    chosen = {name: choice(name, asked[name]) for name in ("format", "sample_rate", "layout")}
    bits = choice("bits", output.get("bits"))
    if None not in chosen.values():
        name, layout = str(chosen["format"]), str(chosen["layout"])
        depth = None if bits is None else str(bits)
        for field, what, remedy in clashes(name, int(chosen["sample_rate"] or 0), depth, layout):
            # where nothing was said of it, it is the format that asks too much
            yield Fault(("output", field if field in output else "format"), what, remedy)
    if "loudness" in output and whole.duration_s == math.inf:
        what = "`loudness` is measured over the whole, and this scene never ends"
        remedy = "leave the line out, or give the scene a `duration` such as `5m`"
        yield Fault(("output", "loudness"), what, remedy, at_key=True)
    yield from _too_loud(output)
    yield from _fades(output, whole)


def _too_loud(output: Mapping[str, Any]) -> Iterator[Fault]:
    loudness_lufs = LOUDNESS.number(output.get("loudness"))
    peak_dbtp = PEAK.number(output.get("peak", OutputOptions.peak_dbtp))
    if loudness_lufs is None or peak_dbtp is None:
        return
    ranges = ((LOUDNESS, loudness_lufs), (PEAK, peak_dbtp))
    if not all(scale.low <= value <= scale.high for scale, value in ranges):
        return
    loudest_lufs = peak_dbtp - LEAST_BELOW_PEAK_LU
    if loudness_lufs > loudest_lufs:
        what = f"no sound whose peaks stay below {peak_dbtp:g} dBTP is as loud as "
        what += f"{loudness_lufs:g} LUFS"
        remedy = f"write for example `{peak_dbtp - LIKELY_BELOW_PEAK_LU:g} LUFS`"
        yield Fault(("output", "loudness"), what, f"{remedy}, or a higher `peak`")


def _fades(output: Mapping[str, Any], whole: _Whole) -> Iterator[Fault]:
    scene_s, total_s = whole.duration_s, 0.0
    for field in ("fade_in", "fade_out"):
        try:
            length_s = parse_span(output.get(field), percent=True).resolve(scene_s or 0.0)
        except DurationError:
            continue
        path = ("output", field)
        if whole.plain.get("loop") is True and (length_s or scene_s is None):
            what = f"a loop goes on where it ends, and has no `{field}`"
            yield Fault(path, what, "leave the line out, or write `loop: false`", at_key=True)
            continue
        if scene_s is None or math.isinf(scene_s):
            continue
        remedy = "write a shorter time, or a longer `duration`"
        total_s += length_s
        if length_s > scene_s:
            what = f"`{field}` of {spell(length_s)} is longer than the scene of {spell(scene_s)}"
            yield Fault(path, what, remedy)
            total_s = -math.inf
        elif total_s > scene_s:
            what = f"the fades are longer together than the scene of {spell(scene_s)}"
            yield Fault(path, what, remedy)
