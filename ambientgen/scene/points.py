"""A curve as written -> its points in time; all that is wrong with it, at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationInfo

from ambientgen.curves import EASINGS
from ambientgen.scene import durations
from ambientgen.scene.durations import DurationError, Span, parse_span, spell
from ambientgen.scene.faults import Fault, listed, nearest, refuse, shown
from ambientgen.scene.scales import LEVEL, Scale
from ambientgen.scene.text import named

MOST_FAULTS = 200
"""So much wrong with one curve, and the rest is not looked at."""

_BESIDE = ("curve", "easing", "repeat", "wander")  # what stands beside points, and never among them


@dataclass(frozen=True)
class Point:
    """A level at a time: a share of its scale, 0 to 1. `easing` leads to the next point.

    None: the curve's own.
    """

    time_s: float
    level: float
    easing: str | None = None


Drawn = tuple[Point, ...]
"""A curve as drawn: at least one point, times strictly increasing. One alone is a constant."""


def curve_schema(scale: Scale) -> dict[str, Any]:
    """The JSON Schema of a curve on a scale."""
    return {
        "anyOf": [
            {**scale.schema, "description": f"The same {scale.noun} throughout."},
            {
                "type": "object",
                "description": "Points in time, in order: `90s: 0.9`. The ends hold.",
                "propertyNames": {"pattern": f"{durations.PATTERN}|{durations.PERCENT_PATTERN}"},
                "additionalProperties": {"anyOf": [scale.schema, _point_schema(scale)]},
                "minProperties": 1,
            },
        ]
    }


def _point_schema(scale: Scale) -> dict[str, Any]:
    ways = "; ".join(f"{name}: {easing.about}" for name, easing in EASINGS.items())
    return {
        "type": "object",
        "properties": {
            "value": {**scale.schema, "description": f"The {scale.noun} at this point."},
            "easing": {
                "enum": list(EASINGS),
                "description": f"How the curve goes on from here: {ways}.",
            },
        },
        "required": ["value"],
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Bounds:
    """What a point's time is held against; None where that itself is wrong, and reported."""

    duration_s: float | None
    repeat_s: float | None = None
    repeats: bool = False

    @classmethod
    def of(cls, info: ValidationInfo) -> Bounds:
        """Of a curve that stands beside its `repeat`."""
        repeat_s = info.data.get("repeat")
        repeats = repeat_s is not None or "repeat" not in info.data
        return cls((info.context or {}).get("duration_s"), repeat_s, repeats)


def parse_curve(value: object, info: ValidationInfo) -> Drawn:
    """The validator of a state's `curve`: a number, or a mapping of times to levels."""
    return drawn(value, LEVEL, Bounds.of(info), "curve")


def drawn(value: object, scale: Scale, bounds: Bounds, field: str) -> Drawn:
    """A number of the scale, or a mapping of times to such, in a field of that name.

    Raises:
        ValidationError: all that is wrong with it.
    """
    if not isinstance(value, dict):
        faults = list(scale.faults(value, (), f"`{field}`"))
        if faults and scale.number(value) is None:
            said = f"`{field}` must be {scale.kind} or points in time, not {shown(value)}"
            faults = [Fault((), said, scale.of_percent(value) or _usual(scale, field))]
        if faults:
            refuse(*faults)
        if bounds.repeat_s is not None:
            refuse(_pointless())
        return (Point(0.0, scale.share(value)),)
    if not value:
        refuse(Fault((), f"`{field}` has no points", _usual(scale, field)))
    return _parse_points(value, scale, bounds)


def _usual(scale: Scale, field: str) -> str:
    points = scale.curve.partition(": ")[2]
    one = scale.remedy.rpartition("write for example ")[2].strip("`")
    return f"write for example `{field}: {one}` or `{field}: {points}`"


def _parse_points(value: dict[str, Any], scale: Scale, bounds: Bounds) -> Drawn:
    faults: list[Fault] = []
    points: list[Point] = []
    latest: tuple[str, float] | None = None
    for key, written in value.items():
        if key in _BESIDE:
            what = f"{named(key)} stands among the points"
            faults.append(Fault((key,), what, "write it beside `curve`", at_key=True))
            continue
        found = list(_point_faults(key, written, scale))
        time_s = _time_of(key, bounds, found)
        if time_s is not None:
            if latest and time_s <= latest[1]:
                found.append(_disorder(key, time_s, *latest))
            else:
                latest = (key, time_s)
        faults += found
        if len(faults) >= MOST_FAULTS:
            break
        if not found:
            parts = written if isinstance(written, dict) else {"value": written}
            points.append(Point(time_s or 0.0, scale.share(parts["value"]), parts.get("easing")))
    if not faults:
        faults = list(_seam_faults(value, points, bounds))
    if faults:
        refuse(*faults)
    return tuple(points)


def _disorder(key: str, time_s: float, before: str, before_s: float) -> Fault:
    if time_s == before_s:
        said = f"{named(key)} is the same moment as {named(before)}"
        return Fault((key,), said, "keep one of them, or set them apart: `89.9s`, `90s`", True)
    said = f"{named(key)} comes after {named(before)}, but is earlier"
    return Fault((key,), said, "write the points in the order of time", True)


def _time_of(key: str, bounds: Bounds, found: list[Fault]) -> float | None:
    """The point's time in seconds; what is wrong with it joins `found`."""

    def fault(what: str, remedy: str) -> None:
        found.append(Fault((key,), what, remedy, at_key=True))

    try:
        span: Span = parse_span(key, percent=True)
    except DurationError as error:
        fault(error.what, error.remedy)
        return None
    if span.share is not None and bounds.repeats:
        remedy = "write the time inside the turn, such as `20s`"
        fault(f"{named(key)} is a share of the scene, but this curve repeats", remedy)
        return None
    if span.share is not None and bounds.duration_s is None:
        return None
    if span.share is not None and bounds.duration_s == math.inf:
        said = f"{named(key)} is a share of a scene that never ends"
        fault(said, "write the time itself, such as `90s`")
        return None
    time_s = span.resolve(bounds.duration_s or 0.0)
    if bounds.repeat_s is not None:
        if time_s > bounds.repeat_s:
            said = f"{named(key)} lies past the turn's end at {spell(bounds.repeat_s)}"
            fault(said, f"write a time up to `{spell(bounds.repeat_s)}`, or a longer `repeat`")
    elif not bounds.repeats and bounds.duration_s is not None and time_s > bounds.duration_s:
        said = f"{named(key)} lies past the scene's end at {spell(bounds.duration_s)}"
        fault(said, f"write a time up to `{spell(bounds.duration_s)}`, or a longer `duration`")
    return time_s


def _point_faults(key: str, written: object, scale: Scale) -> Iterator[Fault]:
    if not isinstance(written, dict):
        yield from scale.faults(written, (key,), f"the {scale.noun} at {named(key)}")
        return
    for name in written:
        if name not in ("value", "easing"):
            near = nearest(name, ("value", "easing"))
            remedy = f"did you mean `{near}`?" if near else "write `{value: 0.5, easing: smooth}`"
            yield Fault((key, name), f"a point has no {named(name)}", remedy, at_key=True)
    if "value" not in written:
        yield Fault(
            (key,), f"the point at {named(key)} has no `value`", "write `{value: 0.5}`", True
        )
    else:
        name = f"the {scale.noun} at {named(key)}"
        yield from scale.faults(written["value"], (key, "value"), name)
    easing = written.get("easing", "linear")
    if not isinstance(easing, str) or easing not in EASINGS:
        near = nearest(easing, EASINGS) if isinstance(easing, str) else ""
        remedy = f"did you mean `{near}`?" if near else "write for example `easing: smooth`"
        said = f"`easing` must be {listed(EASINGS)}, not {shown(easing)}"
        yield Fault((key, "easing"), said, remedy)


def _pointless() -> Fault:
    remedy = "write two or more, such as `curve: {0s: 0.1, 5s: 0.9}`, or leave `repeat` out"
    return Fault((), "`repeat` needs points to repeat", remedy)


def _seam_faults(value: dict[str, Any], points: list[Point], bounds: Bounds) -> Iterator[Fault]:
    """A turn has points, and its end is the next one's start: a point at each says the same."""
    if len(points) == 1 and bounds.repeat_s is not None:
        yield _pointless()
    keys, first, last = list(value), points[0], points[-1]
    meet = bounds.repeat_s is not None and last.time_s - first.time_s >= bounds.repeat_s
    if meet and first.level != last.level:
        said = f"{named(keys[-1])} is {named(keys[0])} of the next turn, but the levels differ"
        start = value[keys[0]]
        written = start["value"] if isinstance(start, dict) else start
        remedy = f"leave one of the two out, or write `{keys[-1]}: {shown(written)}`"
        yield Fault((keys[-1],), said, remedy, at_key=True)
