"""Windows in which nothing is heard are not rendered, and nothing else changes by that."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from planning_scenes import POCKET, drawn_scenes, scene, state

from ambientgen import silence
from ambientgen.asked import Asked
from ambientgen.cli.app import run
from ambientgen.models.loading import Model
from ambientgen.plan import Plan, make_plan
from ambientgen.prompts import scene_text
from ambientgen.renderer import Renderer, RenderReport
from ambientgen.rounds import KEPT_WINDOWS, placed, to_make
from ambientgen.scene import RenderOptions, Scene, parse_scene
from ambientgen.state_values import state_values
from ambientgen.training.scores.variants import Throughout
from ambientgen.windows import WindowRule, cut_timeline, fitted_rule

RULE = WindowRule((24, 48, 96), 16, 4, silence=True)
LOUD = replace(RULE, silence=False)


def levels(subject: Scene, first_frame: int, end_frame: int) -> np.ndarray:
    """Of all states, four times a frame."""
    frames = np.arange(4 * first_frame, 4 * end_frame + 1) / 4
    return state_values(subject, frames / POCKET.frames_per_second)


@settings(max_examples=150, deadline=None)
@given(drawn_scenes())
def test_in_a_silent_window_all_states_stand_at_0_until_it_has_played(subject: Scene) -> None:
    total = POCKET.frames_covering(subject.duration_s)
    for window in cut_timeline(subject, POCKET, RULE, total).windows(RULE):
        played = levels(subject, window.start_frame, window.start_frame + window.frames)
        if window.silent:
            assert played.max() < 1e-9
        else:  # something is heard of it, or at once before or after it
            end = window.start_frame + window.core_frames + RULE.cores[0] + 1
            assert levels(subject, window.start_frame - 1, end).max() > 0


def silent(plan: Plan) -> list[bool]:
    return [window.silent for window in plan.windows]


def test_which_windows_are_silent() -> None:
    thunder = state("thunder", {20: 0, 30: 1, 40: 0})
    found = make_plan(scene(80, thunder), POCKET, RULE)
    spans = [
        (POCKET.seconds(window.start_frame), POCKET.seconds(window.start_frame + window.frames))
        for window in found.windows
        if window.silent
    ]
    assert all(end <= 20 or start >= 40 for start, end in spans)
    assert sum(end - start for start, end in spans) > 50
    assert not any(silent(make_plan(scene(80, thunder), POCKET, LOUD)))
    rain = state("rain", 0.01)
    assert not any(silent(make_plan(scene(80, thunder, rain), POCKET, RULE)))
    assert all(silent(make_plan(scene(80, state("rain", 0)), POCKET, RULE)))


def test_a_loop_is_silent_across_its_joint_but_for_its_last_window() -> None:
    heard = state("thunder", {20: 0, 25: 1, 30: 0})
    windows = make_plan(scene(60.3, heard, loop=True), POCKET, RULE).windows
    assert windows[0].silent
    last = max(windows, key=lambda window: window.start_frame)
    assert not last.silent
    wakes = state("thunder", {0.2: 0, 5: 1, 10: 0})
    windows = make_plan(scene(60.3, wakes, loop=True), POCKET, RULE).windows
    for window in windows:
        if window.silent:
            assert window.start_frame + window.frames <= POCKET.frames_covering(60.3)


def test_scenes_own_windows_and_loops_keep_a_models_silence() -> None:
    own = scene(80, state("thunder", {20: 0, 30: 1, 40: 0}))
    asked = replace(own, render=replace(own.render, window_s=5.12))
    assert fitted_rule(RULE, asked, POCKET).silence
    assert any(silent(make_plan(asked, POCKET, RULE)))


SCENE = """
title: Once
duration: 60s
seed: 5
output: {bits: 32f}
states:
  rain: {curve: {20s: 0, 24s: 0.6, 28s: 0}}
"""


def rendered(renderer: Renderer, path: Path, text: str = SCENE) -> RenderReport:
    return renderer.render(parse_scene(text, "once.yaml"), path, force=True)


@pytest.mark.slow
def test_silence_costs_no_window_and_changes_no_sound(tmp_path: Path) -> None:
    spared = rendered(Renderer("cpu", 1), tmp_path / "spared.wav")
    whole = rendered(Throughout(1), tmp_path / "whole.wav")
    assert spared.windows.computed < 0.7 * whole.windows.computed
    ours, rate = soundfile.read(tmp_path / "spared.wav")
    all_of_it, _ = soundfile.read(tmp_path / "whole.wav")
    assert len(ours) == len(all_of_it) == 60 * rate
    assert not ours[: 7 * rate].any()  # a chunk of nothing is nothing
    assert not ours[47 * rate :].any()
    off = ours - all_of_it
    heard = slice(20 * rate, 28 * rate)
    assert 20 * np.log10(all_of_it[heard].std() / off[heard].std()) > 40
    assert 20 * np.log10(off.std()) < -70  # what is left out is a microphone's noise


def test_a_silent_stretch_is_what_it_is_in_the_whole(tmp_path: Path) -> None:
    whole = rendered(Renderer("cpu", 2), tmp_path / "whole.wav")
    between = parse_scene(SCENE, "once.yaml")
    Renderer("cpu", 1).render(between, tmp_path / "part.wav", Asked(between_s=(12.3, 33.1)))
    part, rate = soundfile.read(tmp_path / "part.wav")
    ours, _ = soundfile.read(tmp_path / "whole.wav")
    assert np.array_equal(part, ours[round(12.3 * rate) : round(33.1 * rate)])
    assert part.any()
    assert whole.windows.total == whole.windows.computed > 0


@pytest.fixture(scope="module")
def whole_once(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("once") / "whole.wav"
    rendered(Renderer("cpu", 2), path)
    return np.asarray(soundfile.read(path)[0])


def test_a_scene_of_nothing_is_rendered_at_once(tmp_path: Path) -> None:
    text = "duration: 40s\nstates: {rain: {curve: 0}}\n"
    report = rendered(Renderer("cpu", 1), tmp_path / "nothing.wav", text)
    assert (report.windows.total, report.duration_s) == (0, 40)
    assert not soundfile.read(tmp_path / "nothing.wav")[0].any()
    assert rendered(Throughout(1), tmp_path / "nothing.wav", text).windows.total > 0


@pytest.mark.slow
def test_loops_and_silence(tmp_path: Path) -> None:
    """Two turns of a loop with a long silence are one, twice."""
    text = SCENE.replace("seed: 5", "seed: 5\nloop: true")
    Renderer("cpu", 1).render(parse_scene(text, "once.yaml"), tmp_path / "twice.wav", Asked(120))
    sound, rate = soundfile.read(tmp_path / "twice.wav")
    assert np.array_equal(sound[: 60 * rate], sound[60 * rate :])
    assert sound[24 * rate : 26 * rate].std() > 0.01
    assert (sound == 0).mean() > 0.2  # chunks at its edges hear a little of what is beside them


def test_joins_between_silent_windows_are_none(tmp_path: Path) -> None:
    path = tmp_path / "once.yaml"
    path.write_text(SCENE, encoding="utf-8")
    assert run(["render", str(path), "-o", str(tmp_path / "a.wav"), "--no-cache", "--quiet"]) == 0
    told = json.loads((tmp_path / "a.json").read_text())
    joins = told["joins_s"]
    assert joins
    assert all(8 < join < 40 for join in [*joins, *told["chunk_joins_s"]])


def test_plan_tells_silent_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "once.yaml"
    path.write_text(SCENE, encoding="utf-8")
    assert run(["plan", str(path), "--json"]) == 0
    windows = json.loads(capsys.readouterr().out)["windows"]
    count = sum(window["silent"] for window in windows)
    assert 0 < count < len(windows)
    assert run(["plan", str(path)]) == 0
    said = re.search(r"; (\d+) of them silent, and not rendered", capsys.readouterr().out)
    assert said and 0 < int(said[1]) <= count  # of those that sound in it, but for the last chunk's


def test_what_stands_for_silence_is_known_again(pocket: Model) -> None:
    latents = np.repeat(silence.silent_frame(pocket)[:, np.newaxis], 104, axis=1)
    assert latents.shape == (128, 104)
    assert silence.are_silent(pocket, latents)
    touched = latents.copy()
    touched[5, 50] += 1e-3
    assert not silence.are_silent(pocket, touched)


def test_frames_are_muted_by_what_lies_near_them_alone() -> None:
    mel = np.full((64, 100), silence.NOTHING)
    assert silence.muted(mel, 10, 80, 8).all()
    mel[3, 40] += np.float32(0.01)
    silent = silence.muted(mel, 10, 80, 8)
    assert np.flatnonzero(~silent).tolist() == list(range(40 - 10 - 8, 40 - 10 + 9))
    # Whatever piece they are in, and however much context it has.
    assert np.array_equal(silence.muted(mel[:, 20:70], 8, 34, 8), silent[18:52])
    assert np.array_equal(silence.muted(mel, 0, 100, 8)[10:90], silent)


@pytest.mark.parametrize(
    ("from_s", "to_s"),
    [(2.0, 5.5), (14.0, 16.5), (17.0, 19.5), (30.5, 36.0), (31.7, 31.9), (45.0, 60.0)],
)
def test_a_stretch_out_of_silence_is_what_it_is_in_the_whole(
    whole_once: np.ndarray, tmp_path: Path, from_s: float, to_s: float
) -> None:
    """Wherever it begins and ends among silent pieces, before a sound, in it, and after it."""
    between = from_s, to_s
    subject = parse_scene(SCENE, "once.yaml")
    Renderer("cpu", 1).render(subject, tmp_path / "part.wav", Asked(between_s=between))
    part, rate = soundfile.read(tmp_path / "part.wav")
    assert np.array_equal(part, whole_once[round(from_s * rate) : round(to_s * rate)])


def test_an_endless_loop_with_a_long_silence_comes_round() -> None:
    """More windows than are kept, and all that sound come first: it must not seek on for ever."""
    sounding = state("thunder", {1: 0, 5: 1, 12: 0})
    looped = scene(1600, sounding, loop=True)
    plan = make_plan(looped, POCKET, RULE, Asked(float("inf")))
    loud = [window.index for window in plan.windows if not window.silent]
    assert len(plan.windows) > KEPT_WINDOWS > len(loud) > 1
    assert sorted(window.index for window in to_make(plan)) == sorted(loud)
    made = ((window, window.index) for window in to_make(plan))
    rounds = islice(placed(plan, made, lambda window: -1), 3 * len(plan.windows))
    heard = [result for _, result in rounds if result >= 0]
    assert heard == (heard[: len(loud)] * 4)[: len(heard)]
    none = make_plan(scene(1600, state("thunder", 0), loop=True), POCKET, RULE)
    assert len(list(to_make(none))) < 3  # what is cut at a loop's end is rendered


def test_a_word_for_level_0_is_heard() -> None:
    still_air = replace(state("wind", 0), levels=("still air", "a light breeze", "strong wind"))
    assert not any(silent(make_plan(scene(60, still_air), POCKET, RULE)))


def test_a_short_peak_between_two_looks_is_rendered() -> None:
    blip = state("thunder", {30.12: 0, 30.22: 0.9, 30.32: 0})
    loud = [
        window for window in make_plan(scene(60, blip), POCKET, RULE).windows if not window.silent
    ]
    assert loud
    assert POCKET.seconds(loud[0].start_frame) <= 30.12


@pytest.mark.parametrize(
    ("points", "easing"),
    [
        ({0: 0, 20.3: 0, 21.7: 0.9, 23: 0}, "smooth"),
        ({0: 0.9, 1.5: 0}, "linear"),
        ({0: 0.9, 0.1: 0}, "smooth"),
        ({29: 0, 30: 0.9, 31: 0}, "linear"),
        ({10.0: 0, 10.05: 0.9, 10.1: 0}, "smooth"),
    ],
)
@pytest.mark.parametrize("window_s", [None, 30.0])
def test_nothing_that_sounds_lies_in_a_silent_window(
    points: dict[float, float], easing: str, window_s: float | None
) -> None:
    """However short it is, and however far from the moments at which averages are taken."""
    subject = scene(90.0, state("thunder", points, easing), render=RenderOptions(window_s=window_s))
    plan = make_plan(subject, POCKET, fitted_rule(RULE, subject, POCKET))
    assert any(silent(plan)) and not all(silent(plan))
    for window in plan.windows:
        if window.silent:
            end = window.start_frame + window.frames
            assert levels(subject, window.start_frame, end).max() == 0
    assert scene_text(subject) == "thunder, a lake"
