"""Scenes for the tests of planning, made without files, and strategies that draw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from ambientgen.curves import Constant, Curve, Points, Repeating, Wander
from ambientgen.scene import KNOWN, Scene, State
from ambientgen.units import Geometry
from ambientgen.windows import WindowRule

POCKET = Geometry(16000, 160, 64, 8, 16)
POCKET_RULE = WindowRule((24, 48, 96), 16, 4)  # as it ships, but that silence is rendered
PUBLISHED = Geometry(16000, 160, 64, 4, 8)
PUBLISHED_RULE = WindowRule((56, 112, 224), 32, 8)


def state(
    name: str,
    points: float | Mapping[float, float],
    easing: str = "linear",
    repeat_s: float | None = None,
    wander: tuple[float, float] | None = None,
) -> State:
    """A known state: `points` give level by time in seconds, `wander` is (amount, period_s)."""
    curve: Curve
    if isinstance(points, Mapping):
        times, levels = zip(*sorted(points.items()), strict=True)
        curve = Points(times, levels, (easing,) * len(times))
        curve = Repeating(curve, repeat_s) if repeat_s else curve
    else:
        curve = Constant(points)
    if wander:
        curve = Wander(curve, *wander, 7, name)
    return State(name=name, curve=curve, levels=KNOWN[name].levels, plain=KNOWN[name].plain)


def scene(duration_s: float, *states: State, **fields: Any) -> Scene:
    """A scene by a lake."""
    return Scene(
        title="Test", duration_s=duration_s, states=states, **{"setting": "a lake", **fields}
    )


_LEVELS = st.integers(0, 40).map(lambda step: step / 40)


@st.composite
def drawn_states(draw: st.DrawFn, name: str, duration_s: float) -> State:
    """A state with a curve of any kind."""
    kind = draw(st.sampled_from(["constant", "linear", "smooth", "hold", "step", "repeat"]))
    amount = st.floats(0.05, 0.4)
    wander = draw(st.none() | st.tuples(amount, st.floats(1.0, 60.0)))
    if kind == "constant":
        return state(name, draw(_LEVELS), wander=wander)
    repeat_s = draw(st.floats(1.0, 50.0)) if kind == "repeat" else None
    last_s = min(repeat_s or duration_s, duration_s) * 0.99
    times = draw(
        st.lists(st.floats(0.0, 1.0), min_size=2, max_size=5, unique_by=lambda x: x // 0.05)
    )
    points = {round(share * last_s, 3): draw(_LEVELS) for share in sorted(times)}
    return state(name, points, "linear" if kind == "repeat" else kind, repeat_s, wander)


@st.composite
def drawn_scenes(draw: st.DrawFn) -> Scene:
    """A scene of one to three states, 2 s to 4 min long."""
    duration_s = draw(st.floats(2.0, 240.0))
    names = draw(st.lists(st.sampled_from(["rain", "wind", "birds"]), min_size=1, unique=True))
    return scene(duration_s, *[draw(drawn_states(name, duration_s)) for name in names])
