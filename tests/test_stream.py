"""Streams: what lies before their start, and what one made of another has of it."""

from __future__ import annotations

import pytest

from ambientgen.mix.mixture import Louder, Mixed
from ambientgen.scene.layers import Layer
from ambientgen.scene.scene import Scene
from ambientgen.sources.procedural import Procedural
from ambientgen.stream import Stretch, from_start


@pytest.mark.parametrize(
    ("stretch", "period", "found"),
    [
        ((3, 9), None, (0, (3, 9))),
        ((-3, 9), None, (3, (0, 9))),
        ((-3, None), None, (3, (0, None))),
        ((-9, -3), None, (6, (-3, -3))),
        ((-3, -3), None, (0, (-3, -3))),
        ((-3, -9), None, (0, (-3, -9))),
        ((-3, 9), 4, (0, (-3, 9))),
    ],
)
def test_before_the_start_lies_silence_but_in_loops(
    stretch: Stretch, period: int | None, found: tuple[int, Stretch]
) -> None:
    assert from_start(stretch, period) == found


def test_a_stream_made_of_another_is_like_it() -> None:
    loop = Scene(title="", duration_s=5.0, loop=True)
    source = Procedural(Layer(name="x", engine="procedural"), loop)
    louder = Louder(source, 3.0)
    assert (louder.rate, louder.channels, louder.period) == (16_000, 1, 80_000)
    assert louder.reach((-5, 7)) == (-5, 7) == Mixed({"x": louder}).reach((-5, 7))
