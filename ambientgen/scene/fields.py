"""What the fields of a scene file have in common: times, lines of text, and nothing empty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import core_schema

from ambientgen.scene import durations
from ambientgen.scene.durations import DurationError, parse_span, shown_time, spell
from ambientgen.scene.faults import Fault, refuse
from ambientgen.scene.hints import HINTS, about
from ambientgen.scene.text import named

LONGEST_TITLE = 200  # letters
ENDLESS = "endless"  # instead of a duration
MOST_DURATION_S = 168 * 3600.0  # a week
LEAST_PERIOD_S = 1.0  # the UNet hears a trajectory once a window; faster swings are lost


@dataclass(frozen=True)
class Time:
    """Annotates a field that holds a time: text in the file, seconds once parsed.

    turns: in a loop it may be a little shorter, as a whole number of turns makes it.
    """

    name: str
    least_s: float
    most_s: float
    percent: bool = True
    endless: bool = False
    turns: bool = False

    def parse(self, value: object, info: ValidationInfo) -> float:
        if self.endless and value == ENDLESS:
            return math.inf
        try:
            span = parse_span(value, percent=self.percent)
        except DurationError as error:
            refuse(Fault((), f"`{self.name}`: {error.what}", error.remedy))
        whole_s = (info.context or {}).get("duration_s")
        if span.share is not None and whole_s is None:
            return self.least_s  # the scene's duration is wrong, and reported
        if span.share is not None and whole_s == math.inf:
            said = f"`{self.name}`: {named(str(value))} is a share of a scene that never ends"
            refuse(Fault((), said, f"write a time, such as `{HINTS[self.name].example}`"))
        seconds = span.resolve(whole_s or 0.0)
        if not self.least_s <= seconds <= self.most_s and not self._fits(seconds, info):
            hint = HINTS[self.name]
            said = f"`{self.name}` must be {hint.kind}, not {shown_time(seconds)}"
            refuse(Fault((), said, f"write for example `{hint.example}`"))
        loop_s = (info.context or {}).get("loop_s")
        if self.turns and loop_s is not None and seconds > loop_s:
            said = f"`{self.name}` of {spell(seconds)} is longer than the loop of {spell(loop_s)}"
            refuse(Fault((), said, f"write at most `{spell(loop_s)}`, or a longer `duration`"))
        return seconds

    def _fits(self, seconds: float, info: ValidationInfo) -> bool:
        """Whether a loop makes it of a time that may be written (`Repeating.looped`): then a
        sidecar says so."""
        loop_s: float | None = (info.context or {}).get("loop_s")
        if not self.turns or not loop_s or math.isinf(loop_s) or not seconds:
            return False
        turns = round(loop_s / seconds)
        return 0 < turns <= round(loop_s / self.least_s) and seconds == loop_s / turns

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        more = f"|{durations.PERCENT_PATTERN}" if self.percent else ""
        more += f"|^{ENDLESS}$" if self.endless else ""
        return {"type": "string", "pattern": durations.PATTERN + more}


def line(most: int) -> StringConstraints:
    """Annotates a text on one line: not empty, without line breaks and control characters, nor
    what Unicode says is none."""
    none = r"\x00-\x1f\x7f-\x9f\ufffe\uffff"
    inside = rf"[^{none}\u2028\u2029]*"
    return StringConstraints(max_length=most, pattern=rf"^{inside}[^\s{none}]{inside}$")


def field(name: str, default: Any = ...) -> Any:
    """A described field; without a default it must be given."""
    return Field(default, description=about(name))


class Fields(BaseModel):
    """A mapping of the file: only the fields it knows, and nothing empty."""

    # Deferred: a field's own validator is built with the scene's, and not for itself as well.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        if value is not None:
            return value
        leave = "" if cls.model_fields[name].is_required() else ", or leave the line out"
        remedy = f"write for example `{HINTS[name].example}`{leave}"
        refuse(Fault((), f"`{name}` is empty", remedy))
