"""The plan of a scene of several sounds, and a moment of it, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ambientgen.cli.plan_text import (
    clock,
    curves_text,
    drawn_text,
    keyframes_text,
    length_text,
    prompts_text,
    states_text,
    windows_text,
)
from ambientgen.console import bars, table
from ambientgen.scene.durations import spell
from ambientgen.scene.layers import MOVES

if TYPE_CHECKING:
    from ambientgen.layered_plan import LayeredPlan, SoundMoment, SoundPlan
    from ambientgen.scene import Event, Placement, Ranged

_MOMENTS = 200  # at which a moving curve is looked at for its lowest and highest


def layered_plan_text(plan: LayeredPlan) -> str:
    """The scene, then each sound: its curves, where it stands, and what is to be done for it."""
    scene, output = plan.scene, plan.scene.output
    about = f"{length_text(plan)}, {drawn_text(scene)}, {output.sample_rate} Hz, {output.layout}"
    parts = [f"{scene.title}\n{about}", *(_sound(sound, plan) for sound in plan.sounds)]
    if plan.notices:
        parts.append("\n".join(f"note: {notice}" for notice in plan.notices))
    return "\n\n".join(parts)


def layered_moment_text(plan: LayeredPlan, time_s: float) -> str:
    """Every sound at a time."""
    parts = [f"{plan.scene.title} at {spell(time_s)} of {length_text(plan)}"]
    for moment in plan.at(time_s):
        parts.append("\n".join(filter(None, [_headed(moment), *_told(moment)])))
    return "\n\n".join(parts)


def _headed(moment: SoundMoment) -> str:
    units = {"gain_db": "{:g} dB", "direction": "{:g}°", "distance": "distance {:g}"}
    placed = [units[name].format(round(value, 2)) for name, value in moment.placed.items()]
    return ", ".join([moment.name, *placed])


def _told(moment: SoundMoment) -> list[str]:
    if moment.moment is not None:
        return [states_text(moment.moment), prompts_text(moment.moment)]
    rows = [(name, bars([value]), f"{value:.2f}") for name, value in moment.states.items()]
    return [table(rows)] if rows else []


def _sound(sound: SoundPlan, plan: LayeredPlan) -> str:
    layer, stretch_s = sound.layer, (plan.start_s, plan.duration_s)
    made = {
        "model": f"model {sound.mixture.model}",
        "procedural": "procedural",
        "recording": f"recording {layer.file}",
    }[layer.engine]
    if layer.strength is not None:
        made += f", made anew to {layer.strength:g} by model {sound.mixture.model}"
    parts = [f"{layer.name}: {made}, seed {sound.mixture.seed}"]
    parts += [f"  {said}" for said in _placement(layer.placement, plan)]
    if layer.states:
        parts.append(curves_text(sound.mixture, stretch_s))
    if layer.kinds:
        parts.append("  kinds: " + ", ".join(f"{kind} {name}" for name, kind in layer.kinds))
    if layer.events:
        parts.append(table([_event(event, plan) for event in layer.events]))
    if sound.plan is not None:
        parts += [keyframes_text(sound.plan), windows_text(sound.plan)]
    return "\n".join(parts)


def _placement(placement: Placement, plan: LayeredPlan) -> list[str]:
    """Where a layer stands, and between what it moves, on one line; none if nothing was said."""
    curves = placement.curves.items()
    said = [f"{name} {MOVES[name].with_unit(_span(curve, plan))}" for name, curve in curves]
    if placement.width is not None:
        said.append(f"width {placement.width:g}")
    if placement.room != "none":
        said.append(f"room {placement.room}")
    return [", ".join(said)] if said else []


def _span(curve: Ranged, plan: LayeredPlan) -> str:
    """A curve's value; of a moving one the first and the last, or the lowest and highest."""
    times_s = np.linspace(plan.start_s, plan.start_s + plan.duration_s, _MOMENTS)
    values = np.round(curve.at(times_s), 2) + 0.0
    low, high, first, last = values.min(), values.max(), values[0], values[-1]
    if low == high:
        return f"{low:g}"
    if {low, high} == {first, last}:
        return f"{first:g} to {last:g}"
    return f"between {low:g} and {high:g}"


def _event(event: Event, plan: LayeredPlan) -> tuple[str, ...]:
    """When, what, and where."""
    when = clock(event.at_s or 0.0) if event.rate is None else f"{_span(event.rate, plan)} a minute"
    what = event.sound if event.kind is None else f"{event.sound} ({event.kind})"
    said = [f"level {_pair(event.level)}"]
    if event.direction is not None:
        said.append(f"{_pair(event.direction)}°")
    if event.distance is not None:
        said.append(f"distance {_pair(event.distance)}")
    if event.gain_db:
        said.append(f"{event.gain_db:g} dB")
    if event.length_s is not None:
        said.append(f"for {spell(event.length_s)}")
    return when, what, ", ".join(said)


def _pair(two: tuple[float, float]) -> str:
    first, second = two
    return f"{first:g}" if first == second else f"{first:g} to {second:g}"
