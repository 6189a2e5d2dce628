"""What a file was asked to do: the curves of all layers, from where the file begins."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ambientgen.curves import Curve
from ambientgen.scene import Scene, State
from ambientgen.state_values import state_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ambientgen.curves import FloatArray


@dataclass(frozen=True)
class Loudest(Curve):
    """The highest of some states' levels, `from_s` seconds later in their scenes."""

    parts: tuple[tuple[Scene, State], ...]
    from_s: float = 0.0

    def at(self, times_s: FloatArray) -> FloatArray:
        """Values in [0, 1], float64, of the shape of `times_s` (seconds of the file)."""
        levels = [state_value(scene, state, times_s + self.from_s) for scene, state in self.parts]
        return np.asarray(np.max(levels, axis=0), np.float64)

    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        """All of it: nobody leaves out what is heard."""
        yield 0.0, duration_s

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"kind": "loudest", "from_s": self.from_s}


STILL = {"gain": 1.0, "direction": 10.0, "distance": 0.05}
"""What a layer's gain, direction and distance may move by, and be as good as still: a decibel is
heard in turns at best, and ten degrees change a level by less."""


@dataclass(frozen=True)
class Placed:
    """What a scene does with its sounds, in a file that begins `from_s` after it does."""

    scene: Scene | None = None
    from_s: float = 0.0

    def unfaded_s(self, length_s: float) -> tuple[float, float]:
        """From when to when a file of `length_s` is neither faded in nor out, in its seconds. The
        last of a file that ends before its scene may be faded, too: it may have been cut short."""
        if self.scene is None:
            return 0.0, length_s
        output, whole_s = self.scene.output, self.scene.duration_s
        end_s = min(whole_s - self.from_s, length_s)
        share = min(1.0, (end_s + self.from_s) / max(output.fade_in_s + output.fade_out_s, 1e-9))
        first = max(0.0, share * output.fade_in_s - self.from_s)
        last = end_s - share * output.fade_out_s if output.fade_out_s else length_s
        return min(first, length_s), min(max(first, last), length_s)

    def faded_s(self, length_s: float) -> tuple[tuple[float, float], ...]:
        """Where it is, (start, end) in seconds of the file."""
        first, last = self.unfaded_s(length_s)
        return tuple((a, b) for a, b in ((0.0, first), (last, length_s)) if b > a)

    def moved(self, times_s: FloatArray) -> Iterator[FloatArray]:
        """Gain, direction and distance of each layer that has one, at seconds of the file (n,), in
        units of what they may move by."""
        for layer in () if self.scene is None else self.scene.sounds:
            for name, curve in layer.placement.curves.items():
                yield curve.at(times_s + self.from_s) / STILL[name]


def as_heard(scene: Scene, from_s: float = 0.0) -> Scene | None:
    """One mixture of all that states of `scene` ask for in a file that begins at `from_s`.

    Of states of one name in several layers, the louder is heard. None: no state asks for anything.
    """
    if not scene.layers and from_s == 0.0:
        return scene if scene.states else None
    by_name: dict[str, list[tuple[Scene, State]]] = {}
    for whole, state in _states(scene):
        by_name.setdefault(state.name, []).append((whole, state))
    states = tuple(
        replace(parts[0][1], curve=Loudest(tuple(parts), from_s)) for parts in by_name.values()
    )
    if not states:
        return None
    heard = replace(scene, states=states, layers=(), events=())
    # What begins elsewhere in a loop is no loop that begins at its 0.
    return heard if from_s == 0.0 else replace(heard, loop=False, duration_s=math.inf)


def _states(scene: Scene) -> Iterator[tuple[Scene, State]]:
    for layer in scene.sounds:
        for state in layer.states:
            yield scene.mixture_of(layer), state
