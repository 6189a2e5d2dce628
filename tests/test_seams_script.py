"""Ways of joining windows: each does what its name says, and the measures hear what is planted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from ambientgen.curves import Constant
from ambientgen.ear.texture import RATE
from ambientgen.ear.trace import HOP_S, trace
from ambientgen.mix.centre import WIDTH_S
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene, parse_scene
from ambientgen.scene.layers import Layer
from ambientgen.scene.shipped import shipped_scenes
from ambientgen.sidecar import Asked
from ambientgen.training.seams import __main__ as script
from ambientgen.training.seams import judging, loops, tables, takes, ways
from ambientgen.training.seams.__main__ import Found, main
from ambientgen.training.seams.files import Whole, whole
from ambientgen.training.seams.judging import Joins
from ambientgen.training.seams.loops import Joint
from ambientgen.training.seams.takes import Take
from ambientgen.workers import Workers

SCENE = """
duration: 6s
seed: 3
states:
  rain: {{curve: {{0s: 0.2, 6s: 0.9}}}}
model: {model}
render: {{steps: 2, guidance: {guidance}, window: 1280ms, overlap: 320ms}}
"""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(1) as running:
        yield running


def scene(folder: Path, guidance: float = 1) -> Scene:
    return parse_scene(SCENE.format(model=folder, guidance=guidance), "rain.yaml")


@pytest.fixture(scope="module")
def take(renderer: Renderer, workers: Workers, hub_faithful_folder: Path) -> Take:
    return takes.taken(renderer, scene(hub_faithful_folder), (None, None), workers, None)


@pytest.fixture(scope="module")
def made(take: Take) -> list[takes.FloatArray]:
    return ways.shipped(take)


def noise(seconds: float, seed: int = 0) -> judging.Array:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


# Ways


def test_what_ships_is_the_renderer_to_the_sample(
    take: Take, made: list[takes.FloatArray], renderer: Renderer, tmp_path: Path
) -> None:
    audio = judging.sounded(take, ways.SHIPPED, made)
    renderer.render(take.plan.scene, tmp_path / "rain.wav")
    rendered, rate = soundfile.read(tmp_path / "rain.wav")
    half = round(WIDTH_S * rate / 2)  # the renderer takes the mean away, and dithers
    means = audio
    for _ in range(2):
        means = np.convolve(means, np.full(2 * half + 1, 1 / (2 * half + 1)), "valid")
    inside = slice(2 * half, len(audio) - 2 * half)
    assert np.abs(audio[inside] - means - rendered[inside]).max() <= 2 / 32768


def test_joins_are_where_the_sidecar_says(take: Take, renderer: Renderer) -> None:
    told = renderer.describe(take.plan.scene, Asked(None, (None, None)))["joins_s"]
    inside = [time_s for time_s in take.joins_s if 0 < time_s < take.plan.duration_s]
    assert inside == pytest.approx(told) and len(told) > 2


def test_shared_noise_agrees_in_overlaps_and_independent_noise_does_not(take: Take) -> None:
    windows = take.plan.windows
    same = [takes.rows_of(take.noise(window, "latents")) for window in windows]
    identified = [takes.rows_of(take.noise(window)) for window in windows]
    own = [takes.rows_of(take.noise(w, f"latents of {w.start_frame}")) for w in windows]
    assert np.allclose(judging.agreements(take, same), 1.0)
    # They part by their means, of which the largest two have a power of 2/32.
    assert min(judging.agreements(take, identified)) > 0.93
    assert np.abs(np.mean(judging.agreements(take, own))) < 0.1


def test_independent_windows_are_made_of_other_noise(
    take: Take, made: list[takes.FloatArray]
) -> None:
    other = ways.independent(take)
    assert all(not np.allclose(a, b) for a, b in zip(made, other, strict=True))


@pytest.mark.parametrize("guidance", [1, 2.5])
def test_together_without_exchange_is_each_by_itself(
    renderer: Renderer, workers: Workers, hub_faithful_folder: Path, guidance: float
) -> None:
    """The loop over all windows is the library's own sampler, step by step."""
    guided = scene(hub_faithful_folder, guidance)
    whole = takes.taken(renderer, guided, (0.0, 1.0), workers, None)
    together = ways._together(whole, lambda step, steps: None)
    for one, other in zip(together, ways.shipped(whole), strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_averaged_windows_are_one_in_their_overlaps(take: Take) -> None:
    assert np.allclose(judging.agreements(take, ways.averaged(take)), 1.0)


def test_an_exchange_changes_overlaps_alone() -> None:
    sides = [torch.full((1, 2, 6, 3), float(value)) for value in (1, 2, 3)]
    found = ways.coupled(sides, [2, 3], ways.average)
    frames = [each[0, 0, :, 0].tolist() for each in found]
    assert frames == [[1, 1, 1, 1, 1.5, 1.5], [1.5, 1.5, 2, 2.5, 2.5, 2.5], [2.5] * 3 + [3] * 3]


def test_a_swap_loses_nothing() -> None:
    left, right = torch.zeros(1, 1, 4, 2), torch.ones(1, 1, 4, 2)
    one, other = ways.swap(left, right)
    assert one[0, 0, :, 0].tolist() == [0, 1, 0, 1] and other[0, 0, :, 0].tolist() == [1, 0, 1, 0]


def test_waveforms_are_joined_to_the_same_length(take: Take, made: list[takes.FloatArray]) -> None:
    way = next(way for way in ways.WAYS if way.name == "waveform")
    audio = judging.sounded(take, way, made)
    assert len(audio) == take.plan.duration_samples and np.isfinite(audio).all()
    assert way.source == ways.SHIPPED.source  # so windows are made once for both


@pytest.mark.parametrize("share", [1 / 16, 1 / 8, 1 / 4, 1 / 2])
def test_overlaps_are_shares_of_the_window(
    renderer: Renderer, workers: Workers, hub_faithful_folder: Path, share: float
) -> None:
    subject = replace(scene(hub_faithful_folder), duration_s=12.0)
    found = takes.taken(renderer, subject, (None, None), workers, share)
    lengths = {window.frames for window in found.plan.windows}
    assert len(lengths) == 1 and set(found.overlaps) == {share * lengths.pop()}
    unet, _ = replace(ways.SHIPPED, share=share).frames_a_second(found)
    assert unet == pytest.approx(found.plan.geometry.frames_per_second / (1 - share))


def test_the_busiest_stretch_has_most_joins(renderer: Renderer, hub_model: Any) -> None:
    moving = "duration: 2m\nstates: {rain: {easing: smooth, curve: {80s: 0.1, 100s: 0.9}}}"
    first_s, end_s = takes.busiest(parse_scene(moving), hub_model, 40.0)
    assert first_s is not None and end_s is not None
    assert first_s <= 80 and end_s >= 100 and end_s - first_s == pytest.approx(40)
    short = parse_scene("duration: 30s\nstates: {rain: {curve: 0.5}}")
    assert takes.busiest(short, hub_model, 40.0) == (None, None)


# Measures


def test_a_dip_is_measured_in_db() -> None:
    audio, at = noise(30), np.arange(3, 28, 3.0)
    times = np.arange(len(audio)) / RATE
    near = np.abs(times[:, None] - at).min(axis=1) < 0.2
    audio[near] *= 10 ** (-3 / 20)
    heard = trace([audio], RATE)
    assert judging.dips_db(heard, at).mean() == pytest.approx(-3, abs=0.4)
    assert judging.dips_db(heard, at[:-1] + 1.5).mean() == pytest.approx(0, abs=0.4)


def test_another_texture_at_joins_is_heard_and_the_same_is_not() -> None:
    audio, at = noise(40), np.arange(3, 38, 3.0)
    plain = judging.texture_apart(audio, at)
    times = np.arange(len(audio)) / RATE
    near = np.abs(times[:, None] - at).min(axis=1) < 0.4
    audio[near] *= 1 + np.sin(2 * np.pi * 25 * times[near])
    other = judging.texture_apart(audio, at)
    assert plain is not None and other is not None
    assert abs(plain) < 0.1 and other > plain + 0.2


def test_changing_states_and_events_are_told_apart(take: Take) -> None:
    inside = [time_s for time_s in take.joins_s if 0 < time_s < 6]
    assert all(judging.moves(take.plan, time_s) > 0.05 for time_s in inside[1:-1])
    still = parse_scene(
        "duration: 20s\nstates: {rain: {curve: 0.5}, fire: {curve: {0s: 0, 20s: 1}}}"
    )
    plan = replace(take.plan, scene=still)
    assert not judging.has_events(plan, 1.0) and judging.has_events(plan, 10.0)
    calm = replace(plan, scene=replace(still, states=still.states[:1]))
    assert judging.moves(calm, 3.0) == 0


def test_a_join_at_a_jump_is_its_authors(take: Take) -> None:
    leap = parse_scene(
        "duration: 6s\nstates: {rain: {easing: step, curve: {0s: 0.2, 3s: 0.2, 6s: 0.9}}}"
    )
    plan = replace(take.plan, scene=leap, start_sample=take.plan.geometry.samples(1.0))
    moments = np.array([0.2, 1.4, 1.6, 2.4, 2.6])
    assert judging.scripted(plan, moments).tolist() == [False, False, True, True, False]
    calm = replace(plan, scene=parse_scene("duration: 6s\nstates: {rain: {curve: 0.5}}"))
    assert not judging.scripted(calm, moments).any()


# Verdicts


def joins_of(placements: np.ndarray[Any, Any], way: str = "shipped") -> Joins:
    count = len(placements)
    rows = np.repeat(placements[:, None], 6, axis=1).tolist()
    flags = [index % 2 == 0 for index in range(count)]
    return Joins(way, "rain", 1, rows, flags, flags, [0.9], [0.1] * count, 0.0, 16.0, 16.4)


def test_the_verdict_wants_many_joins_that_cannot_be_told() -> None:
    even = (np.arange(600) + 0.5) / 600
    assert tables.verdict([joins_of(even[:300]), joins_of(even[300:])]) is True
    assert tables.verdict([joins_of(even[::2])]) is None
    assert tables.verdict([joins_of(even**0.8)]) is False  # AUC 0.556
    assert tables.verdict([joins_of(even**1.3)]) is False  # calmer than all else is no 0.5


def test_tables_show_every_way_and_kind() -> None:
    even = (np.arange(600) + 0.5) / 600
    cut = Joint("rain", 1, 4.03, False, [1.0] * 6, False)
    joints = [Joint("rain", seed, 4.0, True, [0.5] * 6, True) for seed in range(3)]
    rows = np.repeat(even[:, None], 6, axis=1).tolist()
    files = [Whole("rain", seed, part) for seed, part in ((1, rows), (2, []), (3, rows[:50]))]
    ways_of_joining = [joins_of(even), joins_of(even**0.5, "independent")]
    found = tables.tables(ways_of_joining, files, [*joints, cut])
    seams, hard, features, whole_files, round_and_round = found
    assert [row.figures["joins"] for row in whole_files.rows] == ["650", "650"]
    assert [row.passed for row in whole_files.rows] == [None, False]  # 50 of the calmest too many
    between = tables.tables([], [replace(files[0], midway=rows[:50])], [])[0].rows[-1]
    assert (between.figures["joins"], between.passed) == ("50", None), "the control is not judged"
    assert [table.key for table in tables.tables([], files[1:2], [])] == []
    assert [row.passed for row in seams.rows] == [True, False]
    assert hard.rows[1].figures["events"] == hard.rows[1].figures["changing"]
    assert "300" in str(hard.rows[0].figures["calm"])
    assert set(features.rows[0].figures) == {"flux", "step", "dip", "texture", "break"}
    told = [row.figures["`loop.point` passes"] for row in round_and_round.rows]
    assert told == ["3 of 3", "3 of 3", "0 of 1"]


def test_whole_files_are_judged_by_the_same_measure() -> None:
    even = np.repeat((np.arange(600) + 0.5)[:, None] / 600, 6, axis=1)
    silent = Whole("cabin", 1, [])
    assert tables.verdict_on_files([Whole("rain", 1, even.tolist()), silent]) is True
    assert tables.verdict_on_files([silent]) is None
    assert tables.verdict_on_files([Whole("rain", 1, even[::2].tolist())]) is None
    assert tables.verdict_on_files([Whole("rain", 1, (even**0.8).tolist())]) is False


def test_a_whole_file_has_the_joins_of_all_its_layers(
    renderer: Renderer, hub_faithful_folder: Path, tmp_path: Path
) -> None:
    one = scene(hub_faithful_folder)
    wind = replace(one.states[0], name="wind", curve=Constant(0.5))
    both = replace(
        one,
        states=(),
        layers=(Layer(name="rain", states=one.states), Layer(name="wind", states=(wind,))),
        output=replace(one.output, format="flac"),
    )
    found = whole(renderer, both, "pair", tmp_path)
    told = json.loads((tmp_path / "pair-3.json").read_text(encoding="utf-8"))
    each = [set(layer["joins_s"]) for layer in told["layers"]]
    assert set(told["joins_s"]) == each[0] | each[1]
    inside = [t for t in told["joins_s"] if 0.5 < t < 5.4]  # an edge is like nothing else
    assert len(inside) - 2 <= len(found.placements) <= len(told["joins_s"])
    assert np.shape(found.placements)[1] == 6
    assert (found.scene, found.seed) == ("pair", 3)
    assert not (tmp_path / "pair-3.wav").exists()  # hours of sound need no room


def test_the_shipped_scenes_are_measured_as_they_ship() -> None:
    files = script.as_shipped("pocket")
    assert set(files) == {each.name for each in shipped_scenes()}
    assert all(len(scene.states) <= 1 for scene in files.values())
    alone = script.made_alone("pocket")
    assert {"rain.rain", "rain.wind", "cafe.talk"} <= set(alone)
    assert all(len(scene.states) == 1 and not scene.layers for scene in alone.values())
    together = script.mixtures()
    assert len(together["rain"].states) == 2 and "cafe" not in together
    assert set(script.made_alone("nobody/knows-this")) >= set(together)


def test_scenes_of_layers_are_measured_whole_or_alone(tmp_path: Path) -> None:
    def asked(*options: str) -> script.Asked:
        return script.wishes(script._arguments().parse_args(["pocket", *options]))

    cafe = asked("--scenes", "cafe", "rain")
    assert (set(cafe.scenes), set(cafe.files)) == ({"rain"}, {"cafe", "rain"})
    assert set(asked("--alone", "--scenes", "cafe").scenes) == {"cafe.talk", "cafe.counter"}
    quick = asked("--quick")
    assert len(quick.scenes) == len(quick.files) == 3
    nothing = Found({}, None)
    with Workers(1) as workers:
        none = asked("--scenes", "cafe")
        assert list(script.go_round(none, Renderer("cpu", 1), workers, nothing)) == []
    file = tmp_path / "old.json"
    file.write_text('{"key": {}, "joins": [], "joints": []}', encoding="utf-8")
    old = Found({}, file)
    old.recall()
    assert old.files == []


def test_each_whole_file_is_measured_once(
    renderer: Renderer, workers: Workers, hub_faithful_folder: Path, tmp_path: Path
) -> None:
    one = replace(scene(hub_faithful_folder), duration_s=16.0)
    wanted = script.Asked("", {}, {"rain": one}, range(1, 3), 16.0, (), range(0), ())
    found = Found({}, tmp_path / "seams.json")
    told = list(script.render_all(wanted, renderer, workers, found))
    assert told == ["all of rain, seed 1", "all of rain, seed 2"]
    again = Found({}, tmp_path / "seams.json")
    again.recall()
    assert again.files == found.files and [each.seed for each in found.files] == [1, 2]
    pairs = [(len(each.midway), len(each.placements)) for each in found.files]
    assert all(midway >= 1 and abs(midway - joins) <= 1 for midway, joins in pairs)
    assert list(script.render_all(wanted, renderer, workers, again)) == []


# Loops


def test_a_joint_that_is_none_is_placed_evenly_and_a_broken_one_at_the_top() -> None:
    """White noise is a loop of any length; with its end louder than its start it is none."""
    found = [loops.placements(noise(4.03, seed), RATE, 0.3)[judging.DETECTOR] for seed in range(6)]
    assert 0.2 < np.mean(found) < 0.8  # 2.5 standard errors
    broken = noise(4.03) * np.linspace(0.3, 1, round(4.03 * RATE))
    assert loops.placements(broken, RATE, 0.3)[judging.DETECTOR] > 0.9


def test_of_all_moments_of_a_loop_none_is_placed_higher_for_being_the_joint() -> None:
    """One circle of swelling noise, called joined at each of eight moments in turn: what tells
    nothing of joints places them evenly, whatever the sound."""
    apart, spectrum = 25, round(HOP_S * RATE)  # of 200 spectra
    swelling = noise(4.0) * 10 ** (0.3 * np.sin(np.linspace(0, 2 * np.pi, 4 * RATE)))
    found = [
        loops.placements(np.roll(swelling, -i * apart * spectrum), RATE, (i * apart + 0.5) / 200)
        for i in range(8)
    ]
    assert np.mean(found, axis=0) == pytest.approx(0.5)
    assert np.std(found, axis=0).min() > 0.2


@pytest.mark.parametrize("length_s", loops.LENGTHS_S)
def test_loops_have_the_states_of_their_scene(length_s: float) -> None:
    text = "duration: 90s\nseed: 4\nstates: {rain: {curve: {0s: 0.1, 90s: 1}}, fire: {curve: 0.5}}"
    looped = loops.loop_scene(parse_scene(text), length_s)
    assert looped.loop and looped.duration_s == pytest.approx(length_s) and looped.seed == 4
    rain, fire = (state.value(np.linspace(0, length_s, 2001)) for state in looped.states)
    assert [rain.min(), rain.mean(), rain.max()] == pytest.approx([0.4, 0.55, 0.7], abs=2e-3)
    assert fire.tolist() == pytest.approx([0.5] * 2001)


def test_where_in_a_movement_a_joint_falls_is_chance() -> None:
    text = "duration: 90s\nstates: {rain: {curve: {0s: 0.1, 90s: 1}}}"
    scenes = (loops.loop_scene(parse_scene(text).with_seed(seed), 4.0) for seed in range(40))
    found = np.array([each.states[0].value(np.zeros(1))[0] for each in scenes])
    assert found.min() < 0.45 and found.max() > 0.65
    assert 0.5 < found.mean() < 0.6


@pytest.mark.slow
def test_a_joint_is_rendered_judged_and_gone(
    renderer: Renderer, hub_faithful_folder: Path, tmp_path: Path
) -> None:
    found = loops.joint(renderer, scene(hub_faithful_folder), "rain", tmp_path, (4.03, True))
    assert found.made and len(found.placements) == 6
    assert all(0 <= value <= 1 for value in found.placements)
    assert not list(tmp_path.iterdir())


# The script


def test_the_script_keeps_what_it_measured(
    hub_faithful_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec_scenes = {"rain": replace(scene(hub_faithful_folder), duration_s=5.0)}

    def wishes(options: Any) -> script.Asked:
        return replace(asked(options), scenes=spec_scenes, seconds=5.0)

    asked = script.wishes
    monkeypatch.setattr(script, "wishes", wishes)
    file = tmp_path / "seams.json"
    options = [str(hub_faithful_folder), "--seeds", "1", "--parts", "joins", "--json", str(file)]
    main([*options, "--variants", "shipped"])
    first = capsys.readouterr()
    assert "(shipped)" in first.out and "too few joins to say" in first.out
    assert first.err == "joins of rain, seed 1\n"
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert {each["way"] for each in kept["joins"]} == {"shipped", judging.MIDWAY}
    main([*options, "--variants", "shipped"])
    assert capsys.readouterr().err == ""  # nothing was measured again
    found = Found(kept["key"] | {"seconds": 9.0}, file)
    found.recall()
    assert not found.joins  # of other options
