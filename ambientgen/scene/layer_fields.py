"""The fields of layers and events. What must agree between them is in `agreements.py`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, WrapValidator
from pydantic_core import core_schema

from ambientgen.scene.curve_fields import AnyGlide, Glide, StateFields
from ambientgen.scene.durations import shown_time, spell
from ambientgen.scene.faults import Fault, refuse, shown
from ambientgen.scene.fields import MOST_DURATION_S, Fields, Time, field, line
from ambientgen.scene.hints import about
from ambientgen.scene.layers import EngineName, RoomName
from ambientgen.scene.points import Drawn
from ambientgen.scene.scales import DIRECTION, DISTANCE, GAIN, LEVEL, RATE, WIDTH, Scale

MOST_STATES = 32  # a prompt of more would not fit the text encoders' 512 tokens
MOST_EVENTS = 500  # each a line of text; many alike are random ones
SEED_LIMIT = 2**63 - 1
LEAST_EVENT_S = 0.1  # shorter, no texture is known again
MOST_EVENT_S = 120.0  # each is made whole, and held while it sounds; what lasts longer is a state
MOST_AT_ONCE = 20  # random events of a length of their own; more of them are a texture

Curved = Drawn | AnyGlide


class Number:
    """Annotates a number on a scale, with or without its unit."""

    def __init__(self, scale: Scale, name: str = "") -> None:
        self.scale, self.name = scale, name or scale.field

    def parse(self, value: object) -> float:
        faults = list(self.scale.faults(value, (), f"`{self.name}`"))
        if faults:
            refuse(*faults)
        return self.scale.number(value) or 0.0

    def __get_pydantic_core_schema__(
        self, source: object, handler: object
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.scale.schema


class Pair(Number):
    """Annotates one number on a scale, or a list of two, the lower one first."""

    def parse_pair(self, value: object) -> tuple[float, float]:
        if not isinstance(value, list):
            if self.scale.number(value) is None:
                said = f"`{self.name}` must be {self.scale.kind}, or two in a list"
                refuse(Fault((), f"{said}, not {shown(value)}", self.scale.remedy))
            number = self.parse(value)
            return number, number
        if len(value) != 2:
            said = f"`{self.name}` must be {self.scale.kind}, or two in a list, and has"
            refuse(Fault((), f"{said} {len(value)}", self.scale.remedy))
        name = f"a number of `{self.name}`"
        faults = [f for i, one in enumerate(value) for f in self.scale.faults(one, (i,), name)]
        if faults:
            refuse(*faults)
        first, second = (self.scale.number(one) or 0.0 for one in value)
        if first > second:
            refuse(self._reversed(first, second))
        return first, second

    def _reversed(self, first: float, second: float) -> Fault:
        remedy = f"write `[{second:g}, {first:g}]`"
        if self.scale is DIRECTION:
            around = f"one with `[{first:g}, {DIRECTION.high:g}]`"
            around += f" and one with `[{DIRECTION.low:g}, {second:g}]`"
            remedy += f"; to go round the back, write two events: {around}"
        said = f"`{self.name}` goes from {first:g} down to {second:g}, and must go up"
        return Fault((), said, remedy)

    def __get_pydantic_core_schema__(
        self, source: object, handler: object
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse_pair)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        two = {"type": "array", "items": self.scale.schema, "minItems": 2, "maxItems": 2}
        return {"anyOf": [self.scale.schema, two]}


def _before_the_end(value: object, parse: Any, info: ValidationInfo) -> float:
    at_s: float = parse(value)
    end_s = (info.context or {}).get("duration_s")
    if end_s is not None and at_s >= end_s:
        said = f"`at` must come before the scene's end at {spell(end_s)}, not {shown_time(at_s)}"
        refuse(Fault((), said, "write an earlier time, or a longer `duration`"))
    return at_s


def _not_too_many(value: object, parse: Any, info: ValidationInfo) -> float:
    length_s: float = parse(value)
    at_once = _most_a_minute(info.data.get("rate")) * length_s / 60
    if at_once > MOST_AT_ONCE:
        said = f"{at_once:.0f} events of {shown_time(length_s)} would sound at once, and at most"
        remedy = "write a shorter `length` or a lower `rate`, or make the sound one of the `states`"
        refuse(Fault((), f"{said} {MOST_AT_ONCE} may", remedy))
    return length_s


def _most_a_minute(rate: Curved | None) -> float:
    """The highest of a rate's points; 0 of an event at one moment."""
    if rate is None:
        return 0.0
    points = rate if isinstance(rate, tuple) else rate.curve
    return RATE.high * max(point.level for point in points)


At = Annotated[float, Time("at", 0.0, MOST_DURATION_S), WrapValidator(_before_the_end)]
Length = Annotated[float, Time("length", LEAST_EVENT_S, MOST_EVENT_S), WrapValidator(_not_too_many)]


class EventFields(Fields):
    """One sound at a moment, or many at random ones."""

    sound: Annotated[str, line(40)] = field("sound")
    kind: Annotated[str, line(40)] | None = field("kind", None)
    at: At | None = field("at", None)
    rate: Annotated[Curved, Glide("rate")] | None = field("rate", None)
    level: Annotated[tuple[float, float], Pair(LEVEL, "level")] = field("level", (0.8, 0.8))
    length: Length | None = field("length", None)
    gain: Annotated[float, Number(GAIN)] = field("gain", 0.0)
    direction: Annotated[tuple[float, float], Pair(DIRECTION)] | None = field("direction", None)
    distance: Annotated[tuple[float, float], Pair(DISTANCE)] | None = field("distance", None)


class LayerFields(Fields):
    """One sound that is made by itself, placed, and mixed with the others."""

    engine: EngineName = field("engine", "model")
    states: dict[str, StateFields] | None = Field(
        default=None, min_length=1, max_length=MOST_STATES, description=about("states")
    )
    setting: Annotated[str, line(200)] | None = field("setting", None)
    model: Annotated[str, line(300)] | None = field("model", None)
    strength: float | None = Field(
        default=None, gt=0, le=1, allow_inf_nan=False, description=about("strength")
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=SEED_LIMIT,
        description="Another number is another take of this layer alone. For example `seed: 7`.",
    )
    file: Annotated[str, line(1000)] | None = field("file", None)
    events: list[EventFields] | None = Field(
        default=None, min_length=1, max_length=MOST_EVENTS, description=about("events")
    )
    gain: Annotated[Curved, Glide("gain")] | None = field("gain", None)
    direction: Annotated[Curved, Glide("direction")] | None = field("direction", None)
    distance: Annotated[Curved, Glide("distance")] | None = field("distance", None)
    width: Annotated[float, Number(WIDTH)] | None = field("width", None)
    room: RoomName = field("room", "none")
