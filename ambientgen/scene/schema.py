"""The scene file's fields: one pydantic model for each mapping an author writes.

A model's values are parsed already (times in seconds, curves as points), but nothing is filled in
yet: `build.py` makes a `Scene` of it. `hints.HINTS` says once, for messages, editors and docs, what
each field holds.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import (
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)

from ambientgen.scene.curve_fields import StateFields
from ambientgen.scene.durations import spell
from ambientgen.scene.faults import Fault, listed, refuse
from ambientgen.scene.fields import (
    ENDLESS,
    LONGEST_TITLE,
    MOST_DURATION_S,
    Fields,
    Time,
    field,
    line,
)
from ambientgen.scene.hints import about
from ambientgen.scene.layer_fields import (
    MOST_EVENTS,
    MOST_STATES,
    SEED_LIMIT,
    EventFields,
    LayerFields,
)
from ambientgen.scene.output_fields import OutputFields
from ambientgen.scene.scene import InterpolationName, SchedulerName
from ambientgen.tuning import MODES, TONICS, Key

LEAST_DURATION_S = 1.0
LEAST_LOOP_S = 4.0  # shorter, it is heard as a beat; and no window of a model is so short
MOST_WINDOW_S = 120.0
MOST_LAYERS = 32  # each is rendered by itself, and a mix of more says nothing
MOST_VARIANTS = 1000
LONGEST_KEY = 20  # letters
# What editors offer, and any other spelling that is right (but for capitals of modes).
_KEYS = {
    "anyOf": [
        {"enum": [f"{tonic} {mode}" for tonic in TONICS for mode in MODES]},
        {"type": "string", "pattern": f"^[A-Ga-g][#b]? +({'|'.join(MODES)})$"},
    ]
}


class EveryFields(Fields):
    """Keyframes at a fixed distance."""

    every: Annotated[float, Time("every", 1.0, MOST_DURATION_S)] = field("every")


def _auto_or_every(value: object, every: ValidatorFunctionWrapHandler) -> EveryFields | None:
    """None means `auto`."""
    return None if value == "auto" else every(value)


class RenderFields(Fields):
    """How the model renders."""

    window: Annotated[float, Time("window", 0.5, MOST_WINDOW_S, percent=False)] | None = field(
        "window", None
    )
    overlap: Annotated[float, Time("overlap", 0.0, MOST_WINDOW_S, percent=False)] | None = field(
        "overlap", None
    )
    steps: int | None = Field(default=None, ge=1, le=1000, description=about("steps"))
    guidance: float | None = Field(
        default=None, ge=1, le=30, allow_inf_nan=False, description=about("guidance")
    )
    negative_prompt: Annotated[str, line(500)] | None = field("negative_prompt", None)
    interpolation: InterpolationName | None = field("interpolation", None)
    scheduler: SchedulerName | None = field("scheduler", None)
    swells: float | None = Field(
        default=None, ge=0, le=3, allow_inf_nan=False, description=about("swells")
    )

    @field_validator("overlap", mode="after")
    @classmethod
    def _shorter_than_the_window(cls, overlap: float, info: ValidationInfo) -> float:
        window = info.data.get("window")
        if window is not None and overlap >= window:
            said = f"`overlap` must be shorter than the window of {spell(window)}"
            refuse(Fault((), said, f"write for example `overlap: {spell(window / 8)}`"))
        return overlap


class SceneFields(Fields):
    """A scene: what a place sounds like, and what it does over time."""

    version: Literal[1] = field("version", 1)
    title: Annotated[str, line(LONGEST_TITLE)] | None = field("title", None)
    duration: Annotated[
        float,
        Time("duration", LEAST_DURATION_S, MOST_DURATION_S, percent=False, endless=True),
    ] = field("duration")
    loop: bool = field("loop", False)
    seed: int = Field(default=0, ge=0, le=SEED_LIMIT, description=about("seed"))
    setting: Annotated[str, line(200)] | None = field("setting", None)
    key: Annotated[str, line(LONGEST_KEY), WithJsonSchema(_KEYS)] | None = field("key", None)
    states: dict[str, StateFields] | None = Field(
        default=None, min_length=1, max_length=MOST_STATES, description=about("states")
    )
    apart: bool | None = field("apart", None)
    layers: dict[str, LayerFields] | None = Field(
        default=None, min_length=1, max_length=MOST_LAYERS, description=about("layers")
    )
    events: list[EventFields] | None = Field(
        default=None, min_length=1, max_length=MOST_EVENTS, description=about("events")
    )
    variants: int = Field(default=1, ge=1, le=MOST_VARIANTS, description=about("variants"))
    keyframes: Annotated[EveryFields | None, WrapValidator(_auto_or_every)] = field(
        "keyframes", None
    )
    model: Annotated[str, line(300)] = field("model", "pocket")
    render: RenderFields = Field(default_factory=RenderFields, description=about("render"))
    output: OutputFields = Field(default_factory=OutputFields, description=about("output"))

    @field_validator("version", mode="before")
    @classmethod
    def _is_no_truth(cls, version: object) -> object:
        if type(version) is not int:  # to Python `true` and 1.0 are 1
            raise ValueError("no whole number")
        return version

    @field_validator("key", mode="after")
    @classmethod
    def _is_one(cls, key: str | None) -> str | None:
        try:
            return key and Key.named(key).name
        except ValueError as error:
            near = Key.meant(key or "")
            remedy = f"write a note and {listed(MODES)}, such as `key: D minor` or `key: Bb major`"
            remedy = remedy if near is None else f"write `key: {near.name}`"
            refuse(Fault((), f"`key`: {error}", remedy))

    @field_validator("loop", mode="after")
    @classmethod
    def _has_an_end_to_join(cls, loop: bool, info: ValidationInfo) -> bool:
        duration_s = info.data.get("duration")
        if loop and duration_s == math.inf:
            said = f"a scene that is `{ENDLESS}` has no end to lead back to its start"
            refuse(Fault((), said, "write `loop: false`, or a `duration` such as `1m`"))
        if loop and duration_s is not None and duration_s < LEAST_LOOP_S:
            said = f"a loop lasts at least {spell(LEAST_LOOP_S)}, not {duration_s:g}s"
            refuse(Fault((), said, "write `loop: false`, or a longer `duration`"))
        return loop
