"""Swells: what LOA adds around a scene's curves, when, and how it is measured for a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planning_scenes import POCKET, POCKET_RULE, scene, state

from ambientgen.errors import ModelError
from ambientgen.keyframes import place_keyframes
from ambientgen.loa import Trajectory
from ambientgen.models.loading import Model
from ambientgen.models.registry import resolve
from ambientgen.models.typed_json import TypedJson
from ambientgen.noise import Take, Unrest
from ambientgen.passes import noise_of
from ambientgen.plan import make_plan
from ambientgen.prompts import Template
from ambientgen.scene import RenderOptions, Scene
from ambientgen.sources.diffused import told_at
from ambientgen.swells import Swell, Swells, unrest_of
from ambientgen.training.swelling import Found, Heard, Listen, nearest, restless, write
from ambientgen.windows import Window

SWELLS = {"waves": Swell(0.3, 6.0), "wind": Swell(0.2, 8.0)}
TIMES_S = np.arange(0.0, 300.0, 0.1)


def sea(level: float = 0.5, **fields: object) -> Scene:
    return scene(300.0, state("waves", level), state("rain", 0.4), **fields)


def test_a_state_swells_around_its_level_and_others_stand_still() -> None:
    waves, rain = Swells(sea(), SWELLS).values(TIMES_S)
    assert np.abs(waves - 0.5).max() <= 0.3
    assert 0.1 < waves.std() < 0.2
    assert abs(waves.mean() - 0.5) < 0.05
    np.testing.assert_array_equal(rain, 0.4)


def test_silence_stays_silence_and_no_level_passes_one() -> None:
    assert Swells(sea(0.0), SWELLS).values(TIMES_S)[0].max() == 0
    low = Swells(sea(0.1), SWELLS).values(TIMES_S)[0]
    assert 0.1 * (1 - 0.6) <= low.min() < low.max() <= 0.1 * (1 + 0.6)
    assert Swells(sea(1.0), SWELLS).values(TIMES_S)[0].max() <= 1.0


def test_a_swell_goes_there_and_back_in_about_its_period() -> None:
    waves = Swells(sea(), SWELLS).values(TIMES_S)[0] - 0.5
    turns = np.count_nonzero(np.diff(np.sign(waves))) / 2
    assert 300 / 6 * 0.8 < turns < 300 / 6 * 1.2
    over_turns = waves[: 50 * 60].reshape(50, 60).mean(1)
    assert over_turns.std() < 0.4 * waves.std()  # so it moves no level


def test_states_of_one_period_do_not_swell_together() -> None:
    both = {"waves": Swell(0.3, 6.0), "rain": Swell(0.3, 6.0)}
    waves, rain = Swells(sea(), both).values(TIMES_S)
    assert abs(np.corrcoef(waves, rain)[0, 1]) < 0.7


def test_swells_depend_on_seed_state_and_time_alone() -> None:
    whole = Swells(sea(), SWELLS).values(TIMES_S)[0]
    np.testing.assert_array_equal(whole[700:], Swells(sea(), SWELLS).values(TIMES_S[700:])[0])
    other = scene(20.0, state("wind", 0.3), state("waves", 0.5))
    np.testing.assert_array_equal(whole[:200], Swells(other, SWELLS).values(TIMES_S[:200])[1])
    assert not np.array_equal(whole, Swells(sea(seed=1), SWELLS).values(TIMES_S)[0])


def test_gusts_go_on_where_a_last_level_is_held() -> None:
    held = Swells(scene(10.0, state("waves", {0.0: 0.2, 10.0: 0.5})), SWELLS).values(TIMES_S)[0]
    assert held[2000:].std() > 0.1


def test_a_loops_swells_go_round() -> None:
    swells = Swells(replace(sea(), duration_s=31.0, loop=True), SWELLS)
    ends = swells.values(np.array([0.0, 31.0 - 1e-9]))[0]
    assert abs(ends[0] - ends[1]) < 1e-6


@pytest.mark.parametrize("share", [0.0, 0.5, 2.0])
def test_an_author_says_how_much(share: float) -> None:
    moved = Swells(sea(render=RenderOptions(swells=share)), SWELLS).values(TIMES_S)[0] - 0.5
    usual = Swells(sea(), SWELLS).values(TIMES_S)[0] - 0.5
    room = min(0.5, 0.3 * share) / 0.3
    np.testing.assert_allclose(moved, np.clip(room * usual, -0.5, 0.5), atol=1e-12)


def test_what_is_added_has_the_swells_levels_and_no_weight_of_its_own() -> None:
    swells = Swells(sea(), SWELLS)
    added, later = swells.at([7.3, 9.1])
    assert added and sum(added.values()) == 0
    assert [later] == swells.at([9.1]) != [added]
    assert Swells(sea(), {}).at([7.3, 9.1]) == [{}, {}]
    assert not Swells(sea(), {}) and not Swells(sea(render=RenderOptions(swells=0.0)), SWELLS)


def _trajectory(subject: Scene, swells: Swells) -> tuple[Trajectory, dict[str, float]]:
    """A way through LOAs that are each a prompt's number of letters, and these."""
    plan = make_plan(subject, POCKET, POCKET_RULE)
    prompts = {prompt for frame in plan.keyframes for prompt, _ in frame.blend}
    prompts |= set(swells.prompts(told_at(plan, 8)))
    letters = {prompt: float(len(prompt)) for prompt in prompts}
    loas = {prompt: torch.full((8, 3), value) for prompt, value in letters.items()}
    way = Trajectory(place_keyframes(subject), loas, POCKET, swells=swells)
    for window in plan.windows:
        assert torch.isfinite(way.window(window)).all()  # no prompt is missing
    return way, letters


def test_loa_is_that_of_the_level_with_its_swell() -> None:
    subject = scene(60.0, state("waves", {0.0: 0.2, 60.0: 0.8}))
    way, letters = _trajectory(subject, Swells(subject, SWELLS))
    still, _ = _trajectory(subject, Swells(subject, {}))
    times_s = [0.24, 7.2, 33.36]
    for time_s in times_s:
        [added] = Swells(subject, SWELLS).at([time_s])
        wanted = sum(weight * letters[prompt] for prompt, weight in added.items())
        assert way.at(time_s)[3][0] - still.at(time_s)[3][0] == pytest.approx(wanted)
    assert any(way.at(time_s)[3][0] != still.at(time_s)[3][0] for time_s in times_s)


def test_windows_and_keyframes_do_not_know_of_swells() -> None:
    calm = scene(60.0, state("waves", 0.5))
    plan = make_plan(calm, POCKET, POCKET_RULE)
    assert len(plan.keyframes) == 2
    assert {window.core_frames for window in plan.windows} == {96}


def test_a_model_says_how_its_sounds_swell() -> None:
    swells = TypedJson(Path("ambientgen.json"), {"swells": {"waves": [0.3, 8]}}).pairs("swells")
    assert swells == {"waves": (0.3, 8.0)}
    assert set(resolve("pocket").swells) <= set(resolve("pocket").states)
    assert resolve("pocket").swells["waves"] == Swell(0.3, 6.0)


@pytest.mark.parametrize("wrong", [[0.3, 8], {"waves": 0.3}, {"waves": [0, 8]}, {"waves": [1]}])
def test_what_is_no_swell_is_refused(wrong: object) -> None:
    with pytest.raises(ModelError, match=r"`swells` is .* two numbers above 0"):
        TypedJson(Path("ambientgen.json"), {"swells": wrong}).pairs("swells")


WANTED = np.array([2.0, 2.0, 2.0])


def _listener(still: float, gain: float, further: float = 0.0, livelier: float = 0.0) -> Listen:
    """Sounds that swing by `still` dB, and by more the larger their swell or the noise's unrest;
    texture goes along."""

    def listen(swell: Swell | None, unrest: float) -> Heard:
        amount = 0.0 if swell is None else swell.amount
        moved = still + gain * amount + livelier * (unrest - 1)
        return np.full(3, moved), 0.3 + further * (amount + abs(unrest - 1))

    return listen


def test_the_nearest_swell_is_found() -> None:
    found = nearest(_listener(1.0, 5.0), WANTED)
    assert found.swell is not None and found.swell.amount == 0.2
    np.testing.assert_allclose(found.still[0], -1)
    np.testing.assert_allclose(found.swelling[0], 0, atol=1e-9)


def test_of_several_periods_the_nearest_is_kept() -> None:
    def listen(swell: Swell | None, unrest: float) -> Heard:
        slow = swell is not None and swell.period_s == 8
        rise = 0.0 if swell is None else 5 * swell.amount
        return np.array([1, 1, 1]) + rise * np.array([0.5 if slow else 1, 1, 1]), 0.3

    assert nearest(listen, WANTED, (2, 8)).swell == Swell(0.2, 2)
    assert nearest(listen, np.array([1.5, 2, 2]), (2, 8)).swell == Swell(0.2, 8)


@pytest.mark.parametrize(
    ("still", "gain", "further"),
    [(2.0, 5.0, 0.0), (3.0, 5.0, 0.0), (1.9, 5.0, 0.0), (1.0, 0.0, 0.0), (1.0, 5.0, 0.1)],
)
def test_what_swells_enough_or_gains_nothing_gets_none(
    still: float, gain: float, further: float
) -> None:
    found = nearest(_listener(still, gain, further), WANTED)
    assert found.swell is None
    np.testing.assert_array_equal(found.still[0], found.swelling[0])


@pytest.mark.parametrize(("still", "share"), [(4.0, 0.5), (6.0, 0.0), (1.2, 1.5)])
def test_the_nearest_unrest_is_found(still: float, share: float) -> None:
    found = nearest(_listener(still, 0.0, livelier=4.0 if still > 1.5 else 1.6), WANTED)
    assert found.unrest == share and found.swell is None
    np.testing.assert_allclose(found.swelling[0], 0, atol=1e-9)


@pytest.mark.parametrize(("livelier", "further"), [(0.0, 0.0), (4.0, 0.1)])
def test_unrest_that_gains_nothing_or_costs_texture_is_none(
    livelier: float, further: float
) -> None:
    assert nearest(_listener(4.0, 0.0, further, livelier), WANTED).unrest == 1.0


@pytest.mark.parametrize(("livelier", "swell"), [(2.0, None), (0.4, Swell(0.2, 2.0))])
def test_unrest_alone_is_kept_where_it_does_as_well(livelier: float, swell: Swell | None) -> None:
    found = nearest(_listener(1.0, 5.0, livelier=livelier), WANTED)
    assert found.swell == swell and found.unrest == (1.0 if swell else 1.5)
    np.testing.assert_allclose(found.swelling[0], 0, atol=1e-9)


def test_unrest_is_sought_beside_the_swells_that_stay() -> None:
    swell = Swell(0.1, 2.0)
    listen = _listener(1.0, 5.0, livelier=1.0)
    heard = np.log2(np.full(3, 1.5) / WANTED), 0.3
    found = restless(listen, WANTED, Found(heard, heard, swell))
    assert found.swell == swell and found.unrest == 1.5
    np.testing.assert_allclose(found.swelling[0], 0, atol=1e-9)


def test_a_scenes_unrest_is_the_mean_of_its_states() -> None:
    assert unrest_of(sea(), {"waves": 0.0, "rain": 0.5, "wind": 9.0}) == 0.25
    assert unrest_of(sea(), {"waves": 0.0}) == 0.5
    assert unrest_of(sea(), {}) == 1.0


def test_a_scene_may_ask_for_more_unrest_or_none() -> None:
    for asked, lively, steady in [
        (0.0, 0.0, 0.0),
        (0.5, 0.5, 0.0),
        (1.0, 1.0, 0.0),
        (2.0, 2.0, 1.0),
    ]:
        subject = sea(render=RenderOptions(swells=asked))
        assert unrest_of(subject, {"waves": 1.5, "rain": 0.5}) == lively
        assert unrest_of(subject, {"waves": 0.0, "rain": 0.0}) == steady


def test_a_plans_noise_is_as_restless_as_its_model_says() -> None:
    """Of a loop, too, and of a feed of a wide sound."""
    model = SimpleNamespace(geometry=POCKET, spec=SimpleNamespace(unrest={"waves": 0.0}))
    width = POCKET.latent_channels * POCKET.latent_bins
    for loop, take in ((False, Take(3)), (True, Take(3)), (False, Take(3, 1, 0.5))):
        subject = scene(30.0, state("waves", 0.5), loop=loop)
        plan = make_plan(subject, POCKET, POCKET_RULE)
        period = None if plan.loop is None else plan.loop.frames
        assert (period is not None) == loop
        made = noise_of(cast(Model, model), plan, take).window(-5, 40)
        wanted = take.windows(width, period, Unrest(0.0, 10)).window(-5, 40)
        np.testing.assert_array_equal(made, wanted)
        assert not np.array_equal(made, take.windows(width, period).window(-5, 40))


def test_a_model_says_how_restless_its_noise_is() -> None:
    shares = TypedJson(Path("ambientgen.json"), {"unrest": {"room": 0, "birds": 1.25}})
    assert shares.numbers("unrest", least=0) == {"room": 0.0, "birds": 1.25}
    assert set(resolve("pocket").unrest) <= set(resolve("pocket").states)
    assert resolve("pocket").unrest["room"] == 0.0


@pytest.mark.parametrize("wrong", [[0.3], {"room": "0.3"}, {"room": -0.1}, {"room": True}])
def test_what_is_no_unrest_is_refused(wrong: object) -> None:
    with pytest.raises(ModelError, match=r"`unrest` is .* numbers of at least 0"):
        TypedJson(Path("ambientgen.json"), {"unrest": wrong}).numbers("unrest", least=0)


def test_swells_are_written_beside_what_a_model_says_already(tmp_path: Path) -> None:
    file = tmp_path / "ambientgen.json"
    file.write_text('{"steps": 2, "swells": {"rain": [1, 1]}, "unrest": {"rain": 2}}')
    write(file, SWELLS, {"room": 0.25})
    said = json.loads(file.read_text())
    swells = {"waves": [0.3, 6.0], "wind": [0.2, 8.0]}
    assert said == {"steps": 2, "swells": swells, "unrest": {"room": 0.25}}


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_prompts_of_many_moments_are_those_of_each(seed: int, states: int) -> None:
    names = ("rain", "waves", "wind")[:states]
    template = Template.of(scene(60.0, *(state(name, 0.5) for name in names)))
    levels = np.random.default_rng(seed).integers(0, 9, (states, 40)) / 8  # words, halves, ties
    wanted = {prompt for each in levels.T for prompt, _ in template.blend(each)}
    assert set(template.prompts(levels)) == wanted


def test_short_windows_average_the_curve_and_swell_all_the_same() -> None:
    subject = scene(60.0, state("waves", {0.0: 0.2, 60.0: 0.8}))
    window = Window(0, 240, 40, 24)

    def told(short: int, swells: dict[str, Swell]) -> torch.Tensor:
        _, letters = _trajectory(subject, Swells(subject, SWELLS))
        loas = {prompt: torch.full((8, 3), value) for prompt, value in letters.items()}
        own = Swells(subject, swells)
        way = Trajectory(place_keyframes(subject), loas, POCKET, swells=own, averaged_frames=short)
        return way.window(window)[:, 0]

    flat, moving = told(24, {}), told(0, {})
    assert flat.unique().numel() == 1
    assert moving.unique().numel() == 8
    assert flat[0] == pytest.approx(float(moving.mean()), rel=1e-5)
    swollen = told(24, SWELLS) - flat
    torch.testing.assert_close(swollen, told(0, SWELLS) - moving)
    assert swollen.abs().max() > 0
