"""How alike the model finds the moments of a scene: cosines of its LOA trajectory. Needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ambientgen.loa import Trajectory, encode_prompts
from ambientgen.picture.likeness import Likeness
from ambientgen.picture.timeline import FloatArray

if TYPE_CHECKING:
    from ambientgen.models.loading import Model
    from ambientgen.plan import Plan

_POINTS = 240
"""Moments compared: each takes a fraction of a millisecond."""


def likeness(model: Model, plan: Plan, points: int = _POINTS) -> Likeness:
    """The likeness of the moments of a plan, which must be for `model`."""
    prompts = dict.fromkeys(prompt for frame in plan.keyframes for prompt, _ in frame.blend)
    loas = encode_prompts(model, prompts)
    period_s = plan.scene.duration_s if plan.loop else None
    interpolation = model.spec.defaults.filled(plan.scene.render).interpolation
    path = Trajectory(plan.keyframes, loas, plan.geometry, interpolation, period_s)

    def directions(times_s: FloatArray) -> FloatArray:
        """Unit vectors (times, tokens * D): all tokens of a moment as one."""
        rows = [path.at(float(time_s)).flatten().numpy() for time_s in times_s]
        return np.stack([row / max(float(np.linalg.norm(row)), 1e-12) for row in rows])

    start_s, end_s = plan.start_s, plan.start_s + plan.duration_s
    other = "end" if plan.loop is None else "middle"
    other_s = end_s if plan.loop is None else (start_s + end_s) / 2
    times_s = np.linspace(start_s, end_s, points)
    along = directions(times_s)
    first, second = directions(np.array([start_s, other_s]))
    frames_s = np.array([f.time_s for f in plan.keyframes if start_s <= f.time_s <= end_s])
    steps: list[tuple[float, float]] = []
    if 1 < len(frames_s) <= points:
        at = directions(frames_s)
        steps = list(zip(frames_s[1:].tolist(), (at[1:] * at[:-1]).sum(1).tolist(), strict=True))
    return Likeness(times_s, along @ first, along @ second, other, tuple(steps))
