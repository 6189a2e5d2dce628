"""The states of a scene at any moment: the one place that says what holds past the scene's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ambientgen.curves import within

if TYPE_CHECKING:
    from ambientgen.scene import Scene, State

FloatArray = NDArray[np.float64]

JUMP_S = 2**-15
"""A jump takes this long, about half a sample at 16 kHz."""

_LEAST_JUMP = 0.001  # in so short a time, no eased curve of a second or more moves as far


def state_value(scene: Scene, state: State, times_s: FloatArray) -> FloatArray:
    """Value of one state of `scene` at every time: shape (times,), each 0 to 1.

    Before 0 and past the scene's end the nearest end holds; a loop goes round.
    """
    return state.value(within(times_s, scene.duration_s, scene.loop))


def state_values(scene: Scene, times_s: FloatArray) -> FloatArray:
    """Value of every state at every time, as `state_value` gives it: shape (states, times)."""
    return np.stack([state_value(scene, state, times_s) for state in scene.states])


def jumps_s(scene: Scene, state: State) -> FloatArray:
    """When a state of `scene` jumps, sorted: as its author wished, so nobody need follow it.

    The scene's very end is one of them if the last level comes only there: a longer render holds
    it from then on; and so it is where a loop starts again at another level. A scene without end
    must be cut before.
    """
    end = np.array([scene.duration_s - JUMP_S, scene.duration_s])
    before, after = state_value(scene, state, end).tolist()
    last = [scene.duration_s] if abs(after - before) > _LEAST_JUMP else []
    return np.array([*state.steps_s(scene.duration_s), *last], dtype=np.float64)
