"""The scene file's fields: one pydantic model for each mapping an author writes.

A model's values are parsed already (times in seconds, curves as points), but nothing is filled in
yet: `build.py` makes a `Scene` of it. `HINTS` says once, for messages, editors and docs, what each
field holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)
from pydantic_core import core_schema

from ambientgen.curves import EASINGS
from ambientgen.scene import durations
from ambientgen.scene.durations import DurationError, parse_span, shown_time, spell
from ambientgen.scene.faults import Fault, listed, refuse
from ambientgen.scene.model import SchedulerName
from ambientgen.scene.points import CURVE_SCHEMA, Drawn, parse_curve
from ambientgen.scene.text import named

LEAST_DURATION_S = 1.0
LEAST_LOOP_S = 4.0  # shorter, it is heard as a beat; and no window of a model is so short
ENDLESS = "endless"  # instead of a duration
MOST_DURATION_S = 168 * 3600.0  # a week
LEAST_PERIOD_S = 1.0  # the UNet hears a trajectory once a window; faster swings are lost
MOST_WINDOW_S = 120.0
MOST_STATES = 32  # a prompt of more would not fit the text encoders' 512 tokens
SEED_LIMIT = 2**63 - 1


@dataclass(frozen=True)
class Hint:
    """What a field holds: `kind` completes "must be …", `example` is a line that is right."""

    about: str
    kind: str
    example: str


HINTS: dict[str, Hint] = {
    "version": Hint("The format's version; may be left out.", "1", "version: 1"),
    "title": Hint(
        "What the scene is called; the file's name if left out.",
        "one line of at most 200 characters",
        "title: Rain over a lake",
    ),
    "duration": Hint(
        "How long the scene lasts; `endless` to play on until stopped.",
        "a time from 1s to 168h, or `endless`",
        "duration: 5m",
    ),
    "loop": Hint(
        "Whether the end leads back to the start without a seam; `false` if left out.",
        "`true` or `false`",
        "loop: true",
    ),
    "seed": Hint(
        "Chooses one of many takes of the same scene; 0 if left out.",
        "a whole number from 0 to 2^63 - 1",
        "seed: 7",
    ),
    "setting": Hint(
        "Words that hold throughout, such as the place; they join every prompt.",
        "one line of at most 200 characters",
        "setting: a mountain lake at dusk",
    ),
    "states": Hint(
        "What sounds in the scene: a name for each, and what it does over time.",
        "a mapping of 1 to 32 names",
        "states: {rain: {curve: 0.5}}",
    ),
    "keyframes": Hint(
        "Where the meaning is computed: `auto` (as often as the curves need) or `{every: 20s}`.",
        "`auto` or `{every: 20s}`",
        "keyframes: auto",
    ),
    "every": Hint("Time between keyframes.", "a time from 1s", "every: 20s"),
    "model": Hint(
        "A model's name (`ambientgen models` lists them) or folder.",
        "one line of at most 300 characters",
        "model: pocket",
    ),
    "render": Hint(
        "How the model renders; the model's own defaults if left out.",
        "a mapping",
        "render: {steps: 8}",
    ),
    "window": Hint("Length of a diffusion window.", "a time from 500ms to 2m", "window: 5s"),
    "overlap": Hint(
        "How far neighbouring windows overlap.", "a time from 0s to 2m", "overlap: 500ms"
    ),
    "steps": Hint("Diffusion steps.", "a whole number from 1 to 1000", "steps: 8"),
    "guidance": Hint(
        "How strictly the prompt is followed; 1 is off.", "a number from 1 to 30", "guidance: 3.5"
    ),
    "negative_prompt": Hint(
        "What should not be heard (only with guidance above 1).",
        "one line of at most 500 characters",
        "negative_prompt: speech",
    ),
    "interpolation": Hint(
        "How meaning moves between keyframes.", "`linear` or `spherical`", "interpolation: linear"
    ),
    "scheduler": Hint(
        "How noise becomes sound: the name of a diffusers scheduler.",
        "one of " + ", ".join(get_args(SchedulerName)),
        "scheduler: UniPCMultistepScheduler",
    ),
    "output": Hint("The sound file.", "a mapping", "output: {format: flac}"),
    "format": Hint("File format; `wav` if left out.", "`wav` or `flac`", "format: flac"),
    "sample_rate": Hint("Samples a second; 16000 for now.", "16000", "sample_rate: 16000"),
    "curve": Hint(
        "The level over time, from 0 (none) to 1 (most).",
        "a number from 0 to 1 or points in time",
        "curve: {0s: 0.1, 90s: 0.9}",
    ),
    "levels": Hint(
        "Words for evenly spaced levels from 0 to 1; `~` first if 0 is silence. "
        "Known states bring their own.",
        "a list of 2 to 9 phrases, of which only the first may be `~` (silence)",
        "levels: [~, a soft hum, a loud hum]",
    ),
    "easing": Hint(
        "How the curve goes from point to point.",
        listed(EASINGS),
        "easing: smooth",
    ),
    "repeat": Hint(
        "Length of a turn; the curve's points, all inside it, come again every turn.",
        "a time from 1s",
        "repeat: 40s",
    ),
    "wander": Hint(
        "A slow drift on top of the curve, so that nothing stands still.",
        "a mapping",
        "wander: {amount: 0.1, period: 20s}",
    ),
    "amount": Hint("The drift's reach, up and down.", "a number from 0 to 1", "amount: 0.1"),
    "period": Hint("About how long one swing takes.", "a time from 1s", "period: 20s"),
    "value": Hint("The level at this point.", "a number from 0 to 1", "value: 0.5"),
}


def _about(name: str) -> str:
    return f"{HINTS[name].about} For example `{HINTS[name].example}`."


@dataclass(frozen=True)
class _Time:
    """Annotates a field that holds a time: text in the file, seconds once parsed."""

    name: str
    least_s: float
    most_s: float
    percent: bool = True
    endless: bool = False

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
        if not self.least_s <= seconds <= self.most_s:
            hint = HINTS[self.name]
            said = f"`{self.name}` must be {hint.kind}, not {shown_time(seconds)}"
            refuse(Fault((), said, f"write for example `{hint.example}`"))
        return seconds

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


def _line(most: int) -> StringConstraints:
    """Annotates a text on one line: not empty, without line breaks and control characters."""
    inside = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*"
    return StringConstraints(max_length=most, pattern=rf"^{inside}[^\s\x00-\x1f\x7f-\x9f]{inside}$")


def _field(name: str, default: Any = ...) -> Any:
    return Field(default, description=_about(name))


class _Fields(BaseModel):
    """A mapping of the file: only the fields it knows, and nothing empty."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        if value is not None:
            return value
        leave = "" if cls.model_fields[name].is_required() else ", or leave the line out"
        remedy = f"write for example `{HINTS[name].example}`{leave}"
        refuse(Fault((), f"`{name}` is empty", remedy))


class WanderFields(_Fields):
    """Seeded slow drift on a curve."""

    amount: float = Field(ge=0, le=1, allow_inf_nan=False, description=_about("amount"))
    period: Annotated[float, _Time("period", LEAST_PERIOD_S, MOST_DURATION_S)] = _field("period")


Phrase = Annotated[str, _line(100)]
EasingName = Literal["linear", "smooth", "step", "hold"]


class StateFields(_Fields):
    """One sound of the scene and what it does over time."""

    levels: list[Phrase | None] | None = Field(
        default=None, min_length=2, max_length=9, description=_about("levels")
    )
    easing: EasingName = _field("easing", "linear")
    repeat: Annotated[float, _Time("repeat", LEAST_PERIOD_S, MOST_DURATION_S)] | None = _field(
        "repeat", None
    )
    curve: Annotated[Drawn, PlainValidator(parse_curve), WithJsonSchema(CURVE_SCHEMA)] = _field(
        "curve"
    )
    wander: WanderFields | None = _field("wander", None)

    @field_validator("levels")
    @classmethod
    def _only_the_first_is_silence(cls, levels: list[str | None]) -> list[str | None]:
        hint = HINTS["levels"]
        silent = [index for index, phrase in enumerate(levels) if index and phrase is None]
        if silent:
            said = "only the first of the `levels` may be silence"
            refuse(*(Fault((i,), said, f"write for example `{hint.example}`") for i in silent))
        return levels


class EveryFields(_Fields):
    """Keyframes at a fixed distance."""

    every: Annotated[float, _Time("every", 1.0, MOST_DURATION_S)] = _field("every")


def _auto_or_every(value: object, every: ValidatorFunctionWrapHandler) -> EveryFields | None:
    """None means `auto`."""
    return None if value == "auto" else every(value)


class RenderFields(_Fields):
    """How the model renders."""

    window: Annotated[float, _Time("window", 0.5, MOST_WINDOW_S, percent=False)] | None = _field(
        "window", None
    )
    overlap: Annotated[float, _Time("overlap", 0.0, MOST_WINDOW_S, percent=False)] | None = _field(
        "overlap", None
    )
    steps: int | None = Field(default=None, ge=1, le=1000, description=_about("steps"))
    guidance: float | None = Field(
        default=None, ge=1, le=30, allow_inf_nan=False, description=_about("guidance")
    )
    negative_prompt: Annotated[str, _line(500)] | None = _field("negative_prompt", None)
    interpolation: Literal["linear", "spherical"] | None = _field("interpolation", None)
    scheduler: SchedulerName | None = _field("scheduler", None)

    @field_validator("overlap", mode="after")
    @classmethod
    def _shorter_than_the_window(cls, overlap: float, info: ValidationInfo) -> float:
        window = info.data.get("window")
        if window is not None and overlap >= window:
            said = f"`overlap` must be shorter than the window of {spell(window)}"
            refuse(Fault((), said, f"write for example `overlap: {spell(window / 8)}`"))
        return overlap


class OutputFields(_Fields):
    """The sound file."""

    format: Literal["wav", "flac"] = _field("format", "wav")
    sample_rate: Literal[16000] = _field("sample_rate", 16000)


class SceneFields(_Fields):
    """A scene: what a place sounds like, and what it does over time."""

    version: Literal[1] = _field("version", 1)
    title: Annotated[str, _line(200)] | None = _field("title", None)
    duration: Annotated[
        float,
        _Time("duration", LEAST_DURATION_S, MOST_DURATION_S, percent=False, endless=True),
    ] = _field("duration")
    loop: bool = _field("loop", False)
    seed: int = Field(default=0, ge=0, le=SEED_LIMIT, description=_about("seed"))
    setting: Annotated[str, _line(200)] | None = _field("setting", None)
    states: dict[str, StateFields] = Field(
        min_length=1, max_length=MOST_STATES, description=_about("states")
    )
    keyframes: Annotated[EveryFields | None, WrapValidator(_auto_or_every)] = _field(
        "keyframes", None
    )
    model: Annotated[str, _line(300)] = _field("model", "pocket")
    render: RenderFields = Field(default_factory=RenderFields, description=_about("render"))
    output: OutputFields = Field(default_factory=OutputFields, description=_about("output"))

    @field_validator("loop", mode="after")
    @classmethod
    def _has_an_end_to_join(cls, loop: bool, info: ValidationInfo) -> bool:
        duration_s = info.data.get("duration")
        if loop and duration_s == math.inf:
            said = f"a scene that is `{ENDLESS}` has no end to lead back to its start"
            refuse(Fault((), said, "write `loop: false`, or a `duration` such as `1m`"))
        if loop and duration_s is not None and duration_s < LEAST_LOOP_S:
            said = f"a loop lasts at least {spell(LEAST_LOOP_S)}, not {spell(duration_s)}"
            refuse(Fault((), said, "write `loop: false`, or a longer `duration`"))
        return loop
