"""Prompts: one template, and blends that give a state's value back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning_scenes import scene, state

from ambientgen.prompts import GRAIN, Template, compose, scene_text, simplex_corners
from ambientgen.scene import State

POSITIONS = st.lists(st.floats(0.0, 4.0), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("phrases", "setting", "prompt"),
    [
        ([], "", "silence"),
        ([], "a cave", "silence, a cave"),
        (["light rain"], "", "light rain"),
        (["light rain"], "a lake at dusk", "light rain, a lake at dusk"),
        (["light rain", "wind"], "a lake", "light rain and wind, a lake"),
        (["rain", "wind", "frogs"], "a lake", "rain, wind and frogs, a lake"),
    ],
)
def test_compose(phrases: list[str], setting: str, prompt: str) -> None:
    assert compose(phrases, setting) == prompt


@given(POSITIONS)
def test_corners_blend_to_the_positions(positions: list[float]) -> None:
    corners = simplex_corners(positions)
    assert 1 <= len(corners) <= len(positions) + 1
    assert sum(weight for _, weight in corners) == 1.0
    assert all(weight > 0 for _, weight in corners)
    assert all(0 <= level <= 4 for corner, _ in corners for level in corner)
    levels, weights = zip(*corners, strict=True)
    blended = np.array(weights) @ np.array(levels)
    assert np.abs(blended - positions).max() <= GRAIN


@given(POSITIONS, st.floats(0.0, 0.01))
def test_blends_change_no_faster_than_the_states(positions: list[float], move: float) -> None:
    moved = [min(position + move, 4.0) for position in positions]
    before, after = dict(simplex_corners(positions)), dict(simplex_corners(moved))
    change = sum(abs(before.get(c, 0.0) - after.get(c, 0.0)) for c in {*before, *after})
    assert change <= 2 * len(positions) * (move + 2 * GRAIN)


def test_a_value_between_two_words_is_not_rounded() -> None:
    template = Template.of(scene(60.0, state("rain", 0.37)))
    (heavier, weight), (lighter, rest) = template.blend(np.array([0.37]))
    assert (heavier, lighter) == ("light rain, a lake", "steady rain, a lake")
    assert (weight, rest) == pytest.approx((0.52, 0.48), abs=1e-6)


def test_a_value_at_a_word_is_that_word_alone() -> None:
    template = Template.of(scene(60.0, state("rain", 0.75)))
    assert template.blend(np.array([0.75 + 1e-10])) == (("heavy rain, a lake", 1.0),)


def test_equal_prompts_are_merged() -> None:
    template = Template((("hum", "hum"), ("low", "high")), "")
    blend = dict(template.blend(np.array([0.3, 0.25])))
    assert blend == {"hum and low": 0.75, "hum and high": 0.25}


def test_prompts_differ_only_in_the_state_that_differs() -> None:
    template = Template.of(scene(60.0, state("rain", 0.5), state("wind", 0.3), state("birds", 1)))
    low, high = template.prompt((2, 1, 4)), template.prompt((2, 2, 4))
    assert low.replace("a light breeze", "a steady wind") == high != low


def test_scene_text_has_no_level_and_names_only_what_is_heard() -> None:
    blip = {0.0: 0.0, 50.0: 0.0, 50.1: 0.2, 50.2: 0.0}
    states = state("rain", {0.0: 0.0, 60.0: 0.9}), state("wind", 0.0), state("birds", blip)
    own = State(name="hive", curve=states[0].curve, levels=(None, "a bee", "bees"))
    text = scene_text(scene(60.0, *states, own))
    assert text == "rain, birds singing and a bee, a lake"


def test_scene_text_of_silence() -> None:
    assert scene_text(scene(60.0, state("rain", 0.0))) == "silence, a lake"
