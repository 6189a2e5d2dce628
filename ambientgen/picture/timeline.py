"""What there is to see of a scene: its sounds over time, as numbers and words. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ambientgen.asked import AS_WRITTEN, Asked
from ambientgen.errors import ModelError, Problem, UsageError
from ambientgen.layered_plan import plan_for
from ambientgen.models.registry import resolve
from ambientgen.plan import ENDLESS_PART_S, Plan
from ambientgen.scene.durations import spell
from ambientgen.scene.layers import MOVES
from ambientgen.state_values import state_value
from ambientgen.windows import turns

if TYPE_CHECKING:
    from ambientgen.scene import Scene
    from ambientgen.scene.layers import Layer

FloatArray = NDArray[np.float64]

POINTS = 1_200
"""Values of each curve: about a pixel each on a wide screen."""

_MOST_EVENTS = 300
"""More random ones are a grey wall; their rate is shown anyway."""

_USUAL_DB = (-24.0, 6.0)
"""Gains are drawn between these, unless they pass them: all that a scene may say would be flat."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve as it is drawn: `values` (n,) between `low` and `high`, in `unit`."""

    name: str
    values: FloatArray
    low: float = 0.0
    high: float = 1.0
    unit: str = ""


@dataclass(frozen=True)
class Mark:
    """Something at a moment, in seconds of the scene: a keyframe's prompt, an event."""

    time_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One sound of the scene: a layer, or the mixture.

    Attributes:
        name: its name; `engine`: what makes it; `about`: what else is to say in a few words.
        curves: its states; `places`: gain, direction and distance where they move.
        events: single sounds, and random ones as they fall; `rates`: how often those come.
        keyframes: the prompts, in order of time (of a layer that a model makes, or makes anew).
        windows: (start, end) in seconds, in order; of a loop whenever they come round.
        plan: what the model will do; None for sounds without one, or if the model is not here.
    """

    name: str
    engine: str
    about: str = ""
    curves: tuple[Line, ...] = ()
    places: tuple[Line, ...] = ()
    events: tuple[Mark, ...] = ()
    rates: tuple[Line, ...] = ()
    keyframes: tuple[Mark, ...] = ()
    windows: tuple[tuple[float, float], ...] = ()
    plan: Plan | None = None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A stretch of a scene. `times_s` (n,) belong to every line's values; times are the scene's."""

    title: str
    about: str
    start_s: float
    end_s: float
    times_s: FloatArray
    strips: tuple[Strip, ...]
    loops: bool = False
    notices: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def timeline(scene: Scene, asked: Asked = AS_WRITTEN, points: int = POINTS) -> Timeline:
    """What happens in `scene`, or in what is asked for of it; without an end, in 10 minutes.

    Raises:
        UsageError: the stretch is none.
        SceneError: no window of a model meets the scene's render options.
    """
    start_s, end_s = _stretch(scene, asked)
    times_s = np.linspace(start_s, end_s, points)
    notices: dict[str, None] = {}
    strips = []
    for layer in scene.sounds:
        plan = None
        if layer.states and layer.by_model:
            plan = _plan(scene, layer, (start_s, end_s), notices)
        strips.append(_strip(scene, layer, times_s, plan))
    whole = start_s == 0 and end_s == scene.duration_s
    return Timeline(
        title=scene.title,
        about=_about(scene, end_s - start_s, start_s),
        start_s=start_s,
        end_s=end_s,
        times_s=times_s,
        strips=tuple(strips),
        loops=scene.loop and whole,
        notices=tuple(notices),
    )


def clock(time_s: float) -> str:
    """`1:05`, `2:00:00`: minutes and seconds, and hours where there are any."""
    seconds = round(time_s)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}:{minutes:02d}:{seconds % 60:02d}"
    return f"{minutes}:{seconds % 60:02d}"


def wordings(strip: Strip, end_s: float) -> list[tuple[Mark, str]]:
    """The keyframes at which the prompt changes, and what of the prompt is worth its room.

    That is without the setting that all of them end in. What is said at `end_s` is never heard.
    """
    prompts = list(dict.fromkeys(mark.text for mark in strip.keyframes))
    ending = _common_ending(prompts) if len(prompts) > 1 else ""
    found: list[tuple[Mark, str]] = []
    said = None
    for mark in strip.keyframes:
        if mark.text != said and (mark.time_s < end_s or not found):
            found.append((mark, mark.text.removesuffix(ending) if ending else mark.text))
        said = mark.text
    return found


def _stretch(scene: Scene, asked: Asked) -> tuple[float, float]:
    length_s, (from_s, to_s) = asked.length_s(scene.duration_s), asked.between_s
    start_s = from_s or 0.0
    if to_s is not None and to_s > length_s:
        what = f"`{spell(to_s)}` lies past the end at {spell(length_s)}"
        raise UsageError(Problem("--to", what, f"write at most `{spell(length_s)}`"))
    end_s = length_s if to_s is None else to_s
    if math.isinf(end_s):
        end_s = start_s + ENDLESS_PART_S
    if start_s >= end_s:
        what = f"there is nothing between `{spell(start_s)}` and `{spell(end_s)}`"
        raise UsageError(Problem("--from", what, "write a time before the end"))
    return start_s, end_s


def _about(scene: Scene, length_s: float, start_s: float) -> str:
    length = spell(float(round(length_s, 2)))
    if scene.endless:
        said = f"endless, of which {length}"
    elif scene.loop:
        said = f"a loop of {spell(scene.duration_s)}"
        said = said if length_s == scene.duration_s else f"{length} of {said}"
    else:
        said = length
    if start_s:
        said += f" from {spell(float(round(start_s, 2)))} on"
    models = {
        layer.model or scene.model for layer in scene.sounds if layer.states and layer.by_model
    }
    made = [f"model {' and '.join(sorted(models))}"] if models else []
    return ", ".join([said, *made, f"seed {scene.seed}"])


def _plan(
    whole: Scene, layer: Layer, between_s: tuple[float, float], notices: dict[str, None]
) -> Plan | None:
    """What the model will do for a layer; None, and a notice, where it is not on this machine."""
    scene = whole.mixture_of(layer)
    try:
        spec = resolve(scene.model)
    except ModelError as error:
        what = f"{error.problems[0].what}; prompts and windows are left out"
        notices[f"{scene.model}: {what}"] = None
        return None
    length_s = max(between_s[1], 0.0 if scene.endless else scene.duration_s)
    return plan_for(spec, scene, layer, Asked(length_s, between_s))


def _strip(scene: Scene, layer: Layer, times_s: FloatArray, plan: Plan | None) -> Strip:
    around = float(times_s[0]), float(times_s[-1])
    told_s = np.mod(times_s, scene.duration_s) if scene.loop else times_s
    if not scene.loop:
        told_s = np.clip(times_s, 0.0, scene.duration_s)
    places = list(_places(layer, told_s))
    about = [layer.file or layer.setting, *(f"{p.name} {_value(p)}" for p in places if _rests(p))]
    rates = [
        Line(
            name=event.sound,
            unit="/min",
            values=event.rate.at(told_s),
            high=max(1.3 * float(event.rate.at(told_s).max()), 1.0),  # pins stand on top
        )
        for event in layer.events
        if event.rate is not None
    ]
    return Strip(
        name=layer.name,
        engine=layer.engine,
        about=", ".join(filter(None, about)),
        curves=tuple(
            Line(name=state.name, values=state_value(scene, state, times_s))
            for state in layer.states
        ),
        places=tuple(place for place in places if not _rests(place)),
        events=tuple(_events(layer, scene, *around)),
        rates=tuple(rates),
        keyframes=tuple(_keyframes(plan, scene, *around)),
        windows=tuple(_windows(plan, *around)),
        plan=plan,
    )


def _places(layer: Layer, told_s: FloatArray) -> Iterator[Line]:
    """Gain, direction and distance, as far as they were given and do something."""
    for name, ranged in layer.placement.curves.items():
        values = ranged.at(told_s)
        low, high = _USUAL_DB if name == "gain" else (ranged.low, ranged.high)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        yield Line(name=name, values=values, low=low, high=high, unit=MOVES[name].unit)


def _rests(line: Line) -> bool:
    return float(np.ptp(line.values)) < 1e-6


def _value(line: Line) -> str:
    """`−6 dB`, `30°`, `0.3`."""
    return MOVES[line.name].with_unit(f"{line.values[0]:.3g}".replace("-", "−"))


def _events(layer: Layer, scene: Scene, start_s: float, end_s: float) -> Iterator[Mark]:
    """Single and random events as they will fall; none where they are too many to tell apart."""
    if not layer.events:
        return
    from ambientgen.mix.layouts import LAYOUTS
    from ambientgen.sources.events import Events, unplaced

    rate = 1_000  # of times alone: a millisecond is less than a pixel
    drawn = Events(layer, scene, LAYOUTS["mono"], rate, unplaced)
    found = sorted(drawn.occurrences(round(start_s * rate), round(end_s * rate)))
    if len(found) > _MOST_EVENTS:
        found = [one for one in found if layer.events[one.entry].rate is None][:_MOST_EVENTS]
    for one in found:
        yield Mark(one.first / rate, layer.events[one.entry].sound)


def _keyframes(plan: Plan | None, scene: Scene, start_s: float, end_s: float) -> Iterator[Mark]:
    if plan is None:
        return
    marks = [(keyframe.time_s, keyframe.prompt) for keyframe in plan.keyframes]
    before = [text for time_s, text in marks if time_s < start_s]
    if before and plan.loop is None and all(time_s != start_s for time_s, _ in marks):
        yield Mark(start_s, before[-1])
    yield from _tiled(marks, scene, start_s, end_s)


def _tiled(
    marks: Sequence[tuple[float, str]], scene: Scene, start_s: float, end_s: float
) -> Iterator[Mark]:
    """Those inside the stretch; in a loop those of every turn."""
    around = range(1)
    if scene.loop:
        around = range(int(start_s // scene.duration_s), int(end_s // scene.duration_s) + 1)
    for turn in around:
        shift_s = turn * scene.duration_s if turn else 0.0
        for time_s, text in sorted(marks):
            last_of_turn = scene.loop and time_s >= scene.duration_s
            if start_s <= time_s + shift_s <= end_s and not last_of_turn:
                yield Mark(time_s + shift_s, text)


def _windows(plan: Plan | None, start_s: float, end_s: float) -> list[tuple[float, float]]:
    if plan is None:
        return []
    starts = [(window.start_frame, window) for window in plan.windows]
    if plan.loop is not None:
        starts = list(turns(plan.windows, plan.loop.frames, *plan.reach.latents))
    seconds = plan.geometry.seconds
    found = [
        (seconds(start_frame), seconds(start_frame + window.frames))
        for start_frame, window in starts
    ]
    return [(start, end) for start, end in found if end > start_s and start < end_s]


def _common_ending(prompts: Sequence[str]) -> str:
    """What all prompts end in, from a comma on: `, a mountain pass`."""
    parts = [prompt.split(", ") for prompt in prompts]
    shared = 0
    while all(len(part) > shared + 1 for part in parts) and (
        len({part[-1 - shared] for part in parts}) == 1
    ):
        shared += 1
    return "".join(f", {part}" for part in parts[0][-shared:]) if shared else ""
