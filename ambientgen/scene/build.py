"""From a file's fields to the scene: defaults, level words and curves filled in."""

from __future__ import annotations

from ambientgen.curves import Constant, Curve, Points, Repeating, Wander
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.model import KeyframeRule, OutputOptions, RenderOptions, Scene, State
from ambientgen.scene.schema import SceneFields, StateFields


def build_scene(fields: SceneFields, default_title: str) -> Scene:
    """The scene that checked `fields` describe."""
    render = fields.render
    return Scene(
        title=fields.title or default_title,
        duration_s=fields.duration,
        loop=fields.loop,
        seed=fields.seed,
        setting=fields.setting or "",
        states=tuple(_state(name, state, fields) for name, state in fields.states.items()),
        keyframes=KeyframeRule(every_s=fields.keyframes.every if fields.keyframes else None),
        model=fields.model,
        render=RenderOptions(
            window_s=render.window,
            overlap_s=render.overlap,
            steps=render.steps,
            guidance=render.guidance,
            negative_prompt=render.negative_prompt,
            interpolation=render.interpolation,
            scheduler=render.scheduler,
        ),
        output=OutputOptions(format=fields.output.format, sample_rate=fields.output.sample_rate),
    )


def _state(name: str, fields: StateFields, scene: SceneFields) -> State:
    known = KNOWN.get(name)
    own_words = fields.levels or (known.levels if known else ())
    return State(
        name=name,
        curve=_curve(name, fields, scene),
        levels=tuple(own_words),
        plain=known.plain if known else "",
    )


def _curve(name: str, fields: StateFields, scene: SceneFields) -> Curve:
    points = fields.curve
    curve: Curve = Constant(points[0].level)
    if len(points) > 1:
        drawn = Points(
            times_s=tuple(point.time_s for point in points),
            levels=tuple(point.level for point in points),
            easings=tuple(point.easing or fields.easing for point in points),
        )
        curve = Repeating(drawn, fields.repeat) if fields.repeat else drawn
    if fields.wander:
        wander = fields.wander
        curve = Wander(curve, wander.amount, wander.period, scene.seed, name)
    return curve.looped(scene.duration) if scene.loop else curve
