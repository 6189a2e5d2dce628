"""The fields of what moves: a state, and a curve in a unit of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import core_schema

from ambientgen.scene.durations import is_time
from ambientgen.scene.faults import Fault, refuse, shown
from ambientgen.scene.fields import LEAST_PERIOD_S, MOST_DURATION_S, Fields, Time, field, line
from ambientgen.scene.hints import HINTS, about
from ambientgen.scene.points import Bounds, Drawn, curve_schema, drawn, parse_curve
from ambientgen.scene.scales import DIRECTION, DISTANCE, GAIN, LEVEL, RATE, Scale
from ambientgen.scene.text import named

Period = Annotated[float, Time("period", LEAST_PERIOD_S, MOST_DURATION_S)]
Repeat = Annotated[float, Time("repeat", LEAST_PERIOD_S, MOST_DURATION_S, turns=True)]
Phrase = Annotated[str, line(100)]
EasingName = Literal["linear", "smooth", "step", "hold"]


class WanderFields(Fields):
    """Seeded slow drift on a curve."""

    amount: float = Field(ge=0, le=1, allow_inf_nan=False, description=about("amount"))
    period: Period = field("period")


class StateFields(Fields):
    """One sound of the scene and what it does over time."""

    levels: list[Phrase | None] | None = Field(
        default=None, min_length=2, max_length=9, description=about("levels")
    )
    kind: Annotated[str, line(40)] | None = field("kind", None)
    easing: EasingName = field("easing", "linear")
    repeat: Repeat | None = field("repeat", None)
    curve: Annotated[Drawn, PlainValidator(parse_curve), WithJsonSchema(curve_schema(LEVEL))] = (
        field("curve")
    )
    wander: WanderFields | None = field("wander", None)

    @field_validator("levels")
    @classmethod
    def _only_the_first_is_silence(cls, levels: list[str | None]) -> list[str | None]:
        hint = HINTS["levels"]
        silent = [index for index, phrase in enumerate(levels) if index and phrase is None]
        if silent:
            said = "only the first of the `levels` may be silence"
            refuse(*(Fault((i,), said, f"write for example `{hint.example}`") for i in silent))
        return levels


class SwayFields(Fields):
    """Seeded slow drift on a curve, in the curve's unit."""

    scale: ClassVar[Scale] = LEVEL

    amount: Any = field("amount")
    period: Period = field("period")

    @field_validator("amount")
    @classmethod
    def _in_its_unit(cls, amount: object) -> float:
        """A share of the scale."""
        scale, most = cls.scale, cls.scale.high - cls.scale.low
        number = scale.number(amount)
        if number is None or not 0 <= number <= most:
            unit = f" {scale.unit}" if scale.unit else ""
            said = f"`amount` must be a number from 0 to {most:g}{unit}, not {shown(amount)}"
            refuse(Fault((), said, f"write for example `{HINTS['amount'].example}`"))
        return number / most

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        written = handler.resolve_ref_schema(handler(schema))
        number = {"type": "number", "minimum": 0, "maximum": cls.scale.high - cls.scale.low}
        text = {"type": "string", "pattern": cls.scale.pattern}
        written["properties"]["amount"] |= {"anyOf": [number, text]} if cls.scale.unit else number
        return written


class GlideFields(Fields):
    """A curve in a unit of its own, with what a state's curve may have."""

    easing: EasingName = field("easing", "linear")
    repeat: Repeat | None = field("repeat", None)


def _curve_on(scale: Scale) -> Callable[[object, ValidationInfo], Drawn]:
    return lambda value, info: drawn(value, scale, Bounds.of(info), "curve")


class GainSway(SwayFields):
    """Drift of a gain, in decibels."""

    scale = GAIN


class GainFields(GlideFields):
    """A gain that moves."""

    curve: Annotated[Drawn, PlainValidator(_curve_on(GAIN)), WithJsonSchema(curve_schema(GAIN))] = (
        field("curve")
    )
    wander: GainSway | None = field("wander", None)


class DirectionSway(SwayFields):
    """Drift of a direction, in degrees."""

    scale = DIRECTION


class DirectionFields(GlideFields):
    """A direction that moves."""

    curve: Annotated[
        Drawn, PlainValidator(_curve_on(DIRECTION)), WithJsonSchema(curve_schema(DIRECTION))
    ] = field("curve")
    wander: DirectionSway | None = field("wander", None)


class DistanceSway(SwayFields):
    """Drift of a distance."""

    scale = DISTANCE


class DistanceFields(GlideFields):
    """A distance that moves."""

    curve: Annotated[
        Drawn, PlainValidator(_curve_on(DISTANCE)), WithJsonSchema(curve_schema(DISTANCE))
    ] = field("curve")
    wander: DistanceSway | None = field("wander", None)


class RateSway(SwayFields):
    """Drift of a rate, a minute."""

    scale = RATE


class RateFields(GlideFields):
    """A rate that moves."""

    curve: Annotated[Drawn, PlainValidator(_curve_on(RATE)), WithJsonSchema(curve_schema(RATE))] = (
        field("curve")
    )
    wander: RateSway | None = field("wander", None)


AnyGlide = GainFields | DirectionFields | DistanceFields | RateFields
SCALES: dict[str, tuple[Scale, type[AnyGlide]]] = {
    "gain": (GAIN, GainFields),
    "direction": (DIRECTION, DirectionFields),
    "distance": (DISTANCE, DistanceFields),
    "rate": (RATE, RateFields),
}
"""Fields with a curve of their own scale."""


class Glide:
    """Annotates such a field: a number, points, or a mapping with `curve` and what goes with it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def parse(self, value: object, info: ValidationInfo) -> Drawn | AnyGlide:
        scale, fields = SCALES[self.name]
        if isinstance(value, dict) and value.keys() & fields.model_fields.keys():
            among = [key for key in value if key not in fields.model_fields and is_time(key)]
            if among and "curve" not in value:
                what = f"{named(self.name)} has points beside other fields"
                refuse(Fault((among[0],), what, "write the points under `curve:`", at_key=True))
            return fields.model_validate(value, context=info.context)
        bounds = Bounds((info.context or {}).get("duration_s"))
        return drawn(value, scale, bounds, self.name)

    def __get_pydantic_core_schema__(
        self, source: object, handler: object
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        scale, fields = SCALES[self.name]
        written = curve_schema(scale)
        fields.model_rebuild()  # deferred until it is needed
        more = handler(fields.__pydantic_core_schema__)
        return {"anyOf": [*written["anyOf"], more]}
