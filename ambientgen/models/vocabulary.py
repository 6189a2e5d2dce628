"""What a model has never heard, said before it pretends: torch-free."""

from __future__ import annotations

import difflib

import numpy as np

from ambientgen.events import Notice
from ambientgen.models.registry import ModelSpec
from ambientgen.scene import Scene
from ambientgen.scene.durations import spell
from ambientgen.world import state_value

LISTEN_S = 0.5  # spacing of the moments at which a state's first sound is looked for


def unknown_states(spec: ModelSpec, scene: Scene) -> tuple[Notice, ...]:
    """A warning for each state of `scene` that the model was not taught, and from when it matters.

    A model that does not list its states (`states` in ambientgen.json) is taken to know them all.
    """
    if not spec.states:
        return ()
    notices = []
    times = np.arange(0.0, scene.duration_s, LISTEN_S)
    for state in scene.states:
        heard = state_value(scene, state, times) > 0
        if state.name in spec.states or not heard.any():
            continue
        near = difflib.get_close_matches(state.name, spec.states, 1)
        remedy = (
            f"the nearest it knows is {near[0]}" if near else f"it knows {', '.join(spec.states)}"
        )
        first = spell(float(times[heard.argmax()]))
        notices.append(
            Notice(f"{spec.name} has never heard {state.name} (asked for from {first}): {remedy}")
        )
    return tuple(notices)
