"""What begins is neither a seam, if an author asked for it, nor a click, which is over at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ear_faults import CLICKS, Audio, click, click_s, is_click, stroke

from ambientgen.ear import listen
from ambientgen.ear.events import away_from, events_s
from ambientgen.ear.seams import pooled_auc
from ambientgen.ear.sidecar import told_beside
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene, parse_scene
from ambientgen.scene.document import scene_document
from ambientgen.sidecar import rule_for

RATE = 16_000
STORM = """
duration: 40s
seed: 3
states: {rain: {curve: 0.5}}
events:
  - {at: 12s, sound: thunder}
"""


def storm(more: str = "") -> Scene:
    return parse_scene(STORM + more, "storm.yaml")


def rendered(folder: Path, joins_s: list[float], scene: Scene | None) -> Path:
    """Noise with a stroke at 12 s, and a sidecar that tells of these joins."""
    audio = np.random.default_rng(1).normal(0, 0.02, 40 * RATE)
    audio[12 * RATE : 15 * RATE] *= 1 + 20 * np.exp(-3 * np.linspace(0, 3, 3 * RATE))
    soundfile.write(folder / "a.wav", audio, RATE)
    told = {"joins_s": joins_s, "duration_s": 40.0, "from_s": 0.0}
    if scene is not None:
        told["scene"] = scene_document(scene)
    (folder / "a.json").write_text(json.dumps(told))
    return folder / "a.wav"


def test_events_begin_where_the_scene_and_its_seed_say() -> None:
    assert events_s(storm(), 0.0, 40.0) == (12.0,)
    assert events_s(storm(), 10.0, 5.0) == (2.0,)
    assert events_s(storm(), 20.0, 5.0) == ()
    assert events_s(parse_scene("duration: 1m\nstates: {rain: {curve: 1}}\n", "r"), 0, 60) == ()
    often = storm("  - {rate: 4, sound: birds}\n")
    found = events_s(often, 0.0, 40.0)
    assert len(found) > 1 and 12.0 in found
    assert events_s(often.with_seed(4), 0.0, 40.0) != found
    inside = [time_s - 20.0 for time_s in found if 20 <= time_s < 30]
    assert [t for t in events_s(often, 20.0, 10.0) if 0 <= t < 10] == pytest.approx(inside)


def test_nothing_is_asked_for_between_single_events(tmp_path: Path) -> None:
    """Of a scene that has nothing else; without it, nobody knows."""
    scene = parse_scene("duration: 8s\nevents: [{at: 3s, sound: thunder}]\n", "a.yaml")
    audio = np.zeros(8 * RATE)
    audio[3 * RATE : 4 * RATE] = np.random.default_rng(0).normal(0, 0.1, RATE)
    soundfile.write(tmp_path / "a.wav", audio, RATE)
    for told, passed in ((scene, True), (storm(), False), (None, False)):
        found = {each.name: each for each in listen(tmp_path / "a.wav", told).verdicts}
        assert found["faults.silence"].passed is passed


def test_events_of_a_loop_come_every_turn() -> None:
    loop = parse_scene(STORM + "loop: true\n", "storm.yaml")
    assert events_s(loop, 0.0, 80.0) == (12.0, 52.0)


def test_many_random_events_are_a_texture() -> None:
    assert events_s(storm("  - {rate: 120, sound: rain}\n"), 0.0, 40.0) == (12.0,)


def test_joins_near_an_event_are_left_out() -> None:
    assert away_from([11.4, 11.6, 12.0, 12.5, 12.6], [12.0]) == (11.4, 12.6)
    assert away_from([1.0, 2.0], []) == (1.0, 2.0)
    assert away_from([], [1.0]) == ()


@pytest.mark.slow
def test_a_stroke_on_a_join_is_no_seam(tmp_path: Path) -> None:
    joins_s = [float(time_s) for time_s in range(4, 38, 4)]
    unknown = {each.name: each for each in listen(rendered(tmp_path, joins_s, None)).verdicts}
    assert unknown["seams.worst"].passed is False and 12.0 in unknown["seams.worst"].where_s
    for beside, given in ((storm(), None), (None, storm())):
        heard = listen(rendered(tmp_path, joins_s, beside), given)
        assert 12.0 not in heard.joins_s and len(heard.joins_s) == len(joins_s) - 1
        assert {each.name: each for each in heard.verdicts}["seams.worst"].passed
    rendered(tmp_path, joins_s, storm())
    assert pooled_auc([tmp_path / "a.wav"]).detector.joins == len(joins_s) - 1


@pytest.mark.parametrize("scene", [[], {}, {"events": 3}, {"duration": {}}, None, "x"])
def test_a_scene_that_makes_no_sense_tells_of_no_events(scene: object, tmp_path: Path) -> None:
    told = {"joins_s": [1.0], "duration_s": 1e8, "scene": scene}
    for duration_s in (1e8, 40.0, "long", None):
        (tmp_path / "a.json").write_text(json.dumps(told | {"duration_s": duration_s}))
        found = told_beside(tmp_path / "a.wav")
        assert found.events_s is None and found.unscripted_s == (1.0,)


# Clicks


def calm() -> Audio:
    """Noise with no treble, in which any click stands alone."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(8 * RATE)
    return np.convolve(noise, np.hanning(40) / 20, "same")


@pytest.mark.parametrize("kind", [kind for kind in CLICKS if kind != "stuck"])
def test_every_kind_of_click_is_found(kind: str) -> None:
    """Gross ones too, such as an offset of sixteen times the sound: it is louder, but not heard."""
    at, size = 5 * RATE + 11, max(CLICKS[kind])
    assert is_click(click(calm(), kind, size, at, np.random.default_rng(2)), at)


@pytest.mark.parametrize("height", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("decay_s", [0.02, 0.05])
def test_what_begins_sharply_and_lasts_is_no_click(decay_s: float, height: float) -> None:
    """Though the level as a whole hardly rises: a stroke's treble amid a dull roar."""
    audio = calm()
    made = height * np.std(audio) * stroke(decay_s, 0.0, np.random.default_rng(1))
    audio[4 * RATE + 37 :][: len(made)] += made
    assert click_s(audio) is None


def test_what_lasts_but_leaves_nothing_is_a_fault() -> None:
    """15 ms of another sound: a torn buffer."""
    audio, at = calm(), 5 * RATE
    audio[at : at + 240] += np.std(audio) * np.random.default_rng(0).standard_normal(240)
    assert is_click(audio, at)


def test_a_click_just_before_something_begins_is_found() -> None:
    audio, at = calm(), 5 * RATE + 5
    made = 0.1 * np.std(audio) * stroke(0.1, 0.03, np.random.default_rng(3))
    audio[at + 100 :][: len(made)] += made
    assert click_s(audio) is None
    audio[at] += 2 * np.std(audio)
    assert is_click(audio, at)


SPARSE = """duration: 14s
layers:
  drops: {engine: procedural, events: [{at: 1s, sound: footsteps}, {at: 9s, sound: dishes}]}
  rain: {engine: procedural, states: {rain: {curve: {0s: 0.6, 6s: 0.6, 7s: 0}}}}
  none: {engine: procedural, states: {wind: {curve: 0}}}
"""


@pytest.mark.parametrize("told", [True, False])
def test_silence_that_the_scene_beside_a_sound_asks_for_is_no_fault(
    tmp_path: Path, told: bool
) -> None:
    path = tmp_path / "sparse.wav"
    stems = {name: tmp_path / f"sparse.{name}.wav" for name in ("drops", "rain", "none")}
    scene = parse_scene(SPARSE)
    rule = rule_for(str(path), write=told, force=False)
    Renderer("cpu", workers=1).render(scene, path, stems=stems, sidecar=rule)
    quiet = {"faults.silence", "faults.loudness"}
    for sound in stems.values():
        failed = {each.name for each in listen(sound).verdicts if each.passed is False}
        assert bool(failed & quiet) is not told, (sound.name, failed)
    # Silence where something was asked for is told all the same.
    samples, rate = soundfile.read(stems["rain"])
    samples[2 * rate : 4 * rate] = 0
    soundfile.write(stems["rain"], samples, rate, subtype="PCM_24")
    assert "faults.silence" in {v.name for v in listen(stems["rain"]).verdicts if not v.passed}


def test_a_stem_is_held_against_the_curves_of_its_layer_alone(tmp_path: Path) -> None:
    scene = parse_scene(
        "duration: 12s\nlayers:\n"
        "  near: {engine: procedural, states: {rain: {curve: {0s: 0.1, 12s: 0.9}}}}\n"
        "  far: {engine: procedural, states: {crickets: {curve: {0s: 0.9, 12s: 0.1}}}}\n"
    )
    path, stem = tmp_path / "two.wav", tmp_path / "two.near.wav"
    rule = rule_for(str(path), write=True, force=False)
    Renderer("cpu", workers=1).render(scene, path, stems={"near": stem}, sidecar=rule)

    def judged(sound: Path) -> set[str]:
        names = (each.name.split(".") for each in listen(sound, scene).verdicts)
        return {parts[1] for parts in names if parts[0] == "trajectory" and len(parts) > 1}

    assert judged(stem) == {"rain"} and judged(path) == {"rain", "crickets"}
