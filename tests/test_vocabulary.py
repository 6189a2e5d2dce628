"""A model says which states it was never taught, and from when that matters."""

from __future__ import annotations

from pathlib import Path

from ambientgen.models.registry import ModelSpec
from ambientgen.models.vocabulary import unknown_states
from ambientgen.scene import Scene, parse_scene
from ambientgen.units import Geometry
from ambientgen.windows import WindowRule


def _spec(*states: str) -> ModelSpec:
    return ModelSpec(
        name="small",
        source="test",
        folder=Path(),
        revision="1",
        licence="Apache-2.0",
        commercial=True,
        geometry=Geometry(16_000, 160, 64, 8, 16),
        rule=WindowRule((24,), 8, 4),
        states=states,
    )


def _scene() -> Scene:
    return parse_scene(
        "duration: 60s\n"
        "states:\n"
        "  rain: {curve: 0.5}\n"
        "  train: {curve: {0s: 0, 20s: 0, 40s: 1}}\n"
        "  bells: {curve: 0, levels: [~, church bells]}\n"
    )


def test_names_the_state_and_when_it_is_first_asked_for() -> None:
    (notice,) = unknown_states(_spec("rain", "wind"), _scene())
    assert notice.text == (
        "small has never heard train (asked for from 20s500ms): the nearest it knows is rain"
    )


def test_lists_what_it_knows_when_nothing_is_near() -> None:
    (notice,) = unknown_states(
        _spec("waves", "birds"), parse_scene("duration: 9s\nstates:\n  fire: {curve: 1}\n")
    )
    assert notice.text == "small has never heard fire (asked for from 0s): it knows waves, birds"


def test_silent_states_and_models_without_a_list_are_not_warned_about() -> None:
    assert unknown_states(_spec(), _scene()) == ()
    assert unknown_states(_spec("rain", "train"), _scene()) == ()
