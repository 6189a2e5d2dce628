"""Noise that stands on notes: which notes, at any moment, and what pocket makes of it."""

from __future__ import annotations

import json
import math
import operator
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.asked import Asked
from ambientgen.cli import app
from ambientgen.cli.model_notices import model_notices
from ambientgen.errors import ModelError, SceneError
from ambientgen.models.registry import pocket_folder, resolve
from ambientgen.models.typed_json import TypedJson
from ambientgen.noise import Take
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene, scene_json_schema
from ambientgen.scene.document import document_text, scene_document
from ambientgen.sidecar import rule_for
from ambientgen.sources.vain import said_in_vain
from ambientgen.tones import (
    COURSES,
    PARTIALS,
    SETS,
    TILE,
    WOW_S,
    TimeAxis,
    Tuned,
    partials,
    tuned_noise,
)
from ambientgen.tuning import MODES, OTHER_NAMES, SEMITONES, TONICS, Key, Tuning
from ambientgen.voicings import NOTES, VOICINGS, Chords, Held, Voicing

Floats = NDArray[Any]
RATE, HOP = 16_000, 160
AXIS = TimeAxis(RATE / HOP, HOP)
SEEDS = st.integers(0, 2**63 - 1)
VOICED = st.sampled_from(sorted(VOICINGS))


def tuning(seed: int) -> Tuning:
    return Tuning(Key.drawn(seed), seed)


def made_of(voicing: Voicing, take: Take, period: int | None = None) -> Tuned:
    white = take.field("vocoder", HOP, period)
    return tuned_noise(take, voicing, white, replace(AXIS, period=period))


def semitones_over_a(hz: Floats) -> Floats:
    return np.asarray(SEMITONES * np.log2(hz / 440.0))


@given(SEEDS, st.integers(-1000, 1000))
def test_chords_are_in_tune_and_in_one_key(seed: int, bar: int) -> None:
    notes = semitones_over_a(Chords(tuning(seed)).notes_hz(bar))
    assert len(notes) == NOTES and np.abs(notes - notes.round()).max() < 1e-9, "of 440 Hz"
    key = Key.drawn(seed)
    scale = {(key.number - 69 + step) % SEMITONES for step in MODES[key.mode]}
    assert {int(note) % SEMITONES for note in notes.round()} <= scale
    bass, root, _, fifth, _ = notes.round()
    assert root - bass == 12 and fifth - root == 7, "a perfect fifth over its root"


@given(SEEDS)
def test_what_is_held_is_the_tonic_of_the_same_key_for_ever(seed: int) -> None:
    held = Held(tuning(seed))
    assert np.array_equal(held.notes_hz(-3), held.notes_hz(40))
    tonic = semitones_over_a(held.notes_hz(0))[0] + 69
    assert math.isclose((tonic - Key.drawn(seed).number) % SEMITONES % SEMITONES, 0, abs_tol=1e-9)
    assert 38.0 <= held.notes_hz(0)[0] < 76.0


def test_seeds_have_keys_of_their_own_and_bars_have_chords() -> None:
    assert len({Key.drawn(seed) for seed in range(200)}) > 40, "of sixty"
    assert all(len(Key.drawn(seed).roots) == 6 for seed in range(20)), "all but the diminished one"
    chords = [tuple(Chords(tuning(1)).notes_hz(bar)) for bar in range(-30, 30)]
    assert len(set(chords)) == 6 and all(map(operator.ne, chords, chords[1:]))


@pytest.mark.parametrize("tonic", [*TONICS, *OTHER_NAMES])
@pytest.mark.parametrize("mode", MODES)
def test_keys_are_called_by_their_names(tonic: str, mode: str) -> None:
    key = Key.named(f"{tonic.lower()}  {mode.upper()}")
    assert key == Key.named(key.name) and key.mode == mode
    assert key.tonic == OTHER_NAMES.get(tonic, tonic)
    assert key.tonic != "A" or key.number == 45
    assert 45 <= key.number < 57


@pytest.mark.parametrize(
    ("text", "meant"),
    [("Am", "A minor"), ("d_minor", "D minor"), ("C#min", "C# minor"), ("Gb", "F# major")],
)
def test_what_is_nearly_a_key_means_one(text: str, meant: str) -> None:
    found = Key.meant(text)
    assert found is not None and found.name == meant
    assert Key.meant("H moll") is None


@pytest.mark.parametrize("name", ["D", "minor", "H minor", "D#m", "D minor 7", "H# major", ""])
def test_what_is_no_key_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        Key.named(name)
    with pytest.raises(ValueError, match="'H minor' is no key"):
        Key("H", "minor")


@settings(max_examples=40)
@given(
    VOICED,
    SEEDS,
    st.one_of(st.none(), st.integers(20, 100).map(lambda n: 16 * n)),
    st.one_of(st.integers(-3000, 3000), st.integers(60_000_000, 60_480_000)),
    st.integers(0, 200),
    st.integers(1, 90),
)
def test_any_stretch_is_the_same_to_the_bit(
    name: str, seed: int, period: int | None, start: int, skipped: int, count: int
) -> None:
    noise = made_of(VOICINGS[name](tuning(seed)), Take(seed), period)
    whole = noise.frames(start, skipped + count)
    assert whole.dtype == np.float32 and whole.shape == (skipped + count, HOP)
    assert np.array_equal(noise.frames(start + skipped, count), whole[skipped:])
    if period is not None:
        assert np.array_equal(noise.frames(start % period + 3 * period, len(whole)), whole)


@pytest.mark.parametrize("name", sorted(VOICINGS))
@pytest.mark.parametrize("period", [400, 1_504])
def test_a_loop_closes(name: str, period: int) -> None:
    noise = made_of(VOICINGS[name](tuning(3)), Take(5), period)
    for bar in range(4):
        cycles = partials(noise.voicing, bar, noise.axis)[0] * period
        assert np.abs(cycles - cycles.round()).max() < 1e-6
        free = partials(noise.voicing, bar, AXIS)[0] * period
        assert np.abs(cycles - free).max() <= 0.5 + 1e-6, "the nearest that close it"
    # What the last tile makes past the joint is what the first begins with.
    last, left = divmod(period - 1, TILE)
    past, first = noise._tile(last)[left + 1 :], noise._tile(0)
    assert np.abs(past - first[: len(past)]).max() < 1e-6 and len(past)


@pytest.mark.parametrize("period", range(400, 6_000, 112))
def test_a_loop_has_an_even_number_of_bars_none_of_which_begins_at_its_joint(period: int) -> None:
    noise = made_of(Chords(tuning(4)), Take(5), period)
    bars = noise.axis.parts(noise.voicing.bar_s, SETS)
    assert bars is not None and bars % 2 == 0, "neighbours take turns at the courses"
    ((bar, share),) = noise._bars(np.array([0, 1, period - 1, period]))
    assert bar == 0 and np.array_equal(share, np.ones(4))


def test_a_frame_goes_on_where_the_one_before_ends() -> None:
    # Of a single slow course: a partial's magnitude at each frame's start and end.
    noise = made_of(Held(tuning(1)), Take(1))
    frames = np.arange(TILE + 1)
    (bar, weights), *_ = noise._bars(frames)
    real, imaginary = (
        noise._between(noise.courses, frames).reshape(TILE + 1, SETS, 2, -1)[:, 0].swapaxes(0, 1)
    )
    assert bar == 0 and weights.min() == 1.0
    cycles, magnitudes = partials(noise.voicing, 0, AXIS)
    late = np.tile(WOW_S * 100 * noise._between(noise.wow, frames), PARTIALS)
    phases = 2 * np.pi * cycles * (frames[:, None] + late)
    whole = (real + 1j * imaginary) / np.sqrt(2) * magnitudes * np.exp(1j * phases)
    ends = np.exp(2j * np.pi * cycles * (1 - 1 / HOP))
    straight = whole[:-1] / HOP + whole[1:] * np.exp(-2j * np.pi * cycles) * (1 - 1 / HOP)
    heard = noise.tones(0, TILE)
    assert np.abs(heard[:, 0] - whole[:-1].sum(1).real).max() < 1e-4
    assert np.abs(heard[:, -1] - (straight * ends).sum(1).real).max() < 1e-4


def test_notes_are_out_of_tune_as_several_players_are() -> None:
    noise = made_of(Chords(tuning(1)), Take(1))
    late_s = WOW_S * noise._between(noise.wow, np.arange(0, 60_000))
    cents = 1_200 * np.log2(1 + np.diff(late_s, axis=0) * AXIS.frames_per_s)
    assert 4.0 < np.sqrt(np.mean(cents**2)) < 6.5


def test_later_turns_of_a_long_loop_ask_for_few_knots() -> None:
    asked: list[int] = []

    class Counted:
        def frames(self, start: int, count: int) -> NDArray[np.float32]:
            asked.append(count)
            return np.zeros((count, COURSES), np.float32)

    day = 24 * 3_600 * 100
    noise = replace(made_of(Held(tuning(1)), Take(1), day), courses=Counted())
    noise.frames(day - 40, 80)
    assert asked and max(asked) < 10, "over the joint too"


@pytest.mark.parametrize("stretch", [0.98, 1.02])
def test_what_is_resampled_is_in_tune_afterwards(stretch: float) -> None:
    axis = TimeAxis(RATE / HOP / stretch, HOP, 800)
    heard_hz = partials(Held(tuning(2)), 0, axis)[0] / (HOP / RATE * stretch)
    wanted = (Held(tuning(2)).notes_hz(0) * np.arange(1, PARTIALS + 1)[:, None]).ravel()
    assert np.abs(heard_hz - wanted).max() <= 0.5 / (800 * HOP / RATE * stretch) + 1e-9


@pytest.mark.parametrize("name", sorted(VOICINGS))
def test_it_has_the_power_of_white_noise_and_stands_on_its_partials(name: str) -> None:
    voicing = VOICINGS[name](tuning(7))
    powers, on_notes = [], []
    for seed in range(6):
        heard = made_of(voicing, Take(seed)).frames(0, 1_024).ravel().astype(float)
        power = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
        hz = np.fft.rfftfreq(len(heard), 1 / RATE)
        powers.append([power[(hz >= low) & (hz < 2 * low)].mean() for low in (150, 300, 600, 1200)])
        sounding = {0, 1, 2} if name == "chords" else {0}
        lines = (
            np.concatenate([partials(voicing, bar, AXIS)[0] for bar in sounding])
            * AXIS.frames_per_s
        )
        near = np.abs(hz[:, None] - lines).min(1) < 5.0
        low = (hz > 50) & (hz < 1_500)
        on_notes.append(power[low & near].sum() / power[low].sum())
    white = 1_024 * HOP * 3 / 8
    off_db = 10 * np.log10(np.mean(powers, 0) / white)
    assert np.abs(off_db).max() < 3.0, "an octave's power, in dB over white noise's"
    assert abs(off_db.mean()) < 1.5
    assert np.mean(on_notes) > 0.85, "of the power below 1,500 Hz, within 5 Hz of a partial"


def test_neighbouring_chords_are_faded_into_one_another_evenly() -> None:
    levels = []
    for seed in range(24):
        heard = made_of(Chords(tuning(2)), Take(seed)).frames(0, 700)
        levels.append((heard.astype(float) ** 2).mean(1))
    power = np.mean(levels, 0).reshape(14, 50).mean(1)  # half-seconds, from mid-bar to mid-bar
    assert 10 * np.log10(power.max() / power.min()) < 1.5


def test_takes_of_a_wide_sound_share_as_much_as_they_should() -> None:
    one, other = (
        made_of(Held(tuning(1)), Take(9, feed, common)).frames(0, 6_400).ravel().astype(float)
        for feed, common in ((0, 0.6), (1, 0.6))
    )
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.6, abs=0.1)
    assert np.array_equal(
        made_of(Held(tuning(1)), Take(9, 0)).frames(0, TILE),
        made_of(Held(tuning(1)), Take(9, 1)).frames(0, TILE),
    )


def test_all_layers_of_a_scene_are_in_its_key_whatever_their_own_seeds() -> None:
    scene = parse_scene(
        "duration: 10s\nseed: 11\nlayers:\n"
        "  a: {states: {music: {curve: 0.5}}}\n  b: {states: {drone: {curve: 0.5}}, seed: 4}\n"
    )
    tunings = {scene.mixture_of(layer).tuning for layer in scene.layers}
    assert tunings == {tuning(11)}
    assert len({scene.mixture_of(layer).seed for layer in scene.layers}) == 2
    other = scene.with_seed(12)
    assert {other.mixture_of(layer).tuning for layer in other.layers} == {tuning(12)}
    assert scene.mixture_of(scene.layers[0]).with_seed(9).tuning == tuning(9), "a take of it alone"


def test_a_scene_may_say_its_key() -> None:
    text = "duration: 10s\nkey: {}\nstates: {{music: {{curve: 0.5}}}}\n"
    scene = parse_scene(text.format("bb dorian"))
    assert scene.key == Key("Bb", "dorian") and scene.to_json()["key"] == "Bb dorian"
    assert scene.with_seed(4).tuning == Tuning(Key("Bb", "dorian"), 4), "other chords of it"
    assert parse_scene(document_text(scene_document(scene))) == scene
    with pytest.raises(SceneError) as caught:
        parse_scene(text.format("Q minor"))
    (problem,) = caught.value.problems
    assert problem.place.endswith(":2:6")
    assert problem.what == "`key`: 'Q minor' is no key"
    assert "`key: D minor`" in problem.remedy and "`lydian`" in problem.remedy


@pytest.mark.parametrize("wrong", [["chords"], {"music": "minor"}, {"music": 3}, "held"])
def test_tones_are_names_of_voicings(wrong: object) -> None:
    with pytest.raises(ModelError, match=r"`tones` is .*'chords' or 'held'"):
        TypedJson(Path("ambientgen.json"), {"tones": wrong}).chosen("tones", VOICINGS)
    found = TypedJson(Path("x"), {"tones": {"music": "chords"}}).chosen("tones", VOICINGS)
    assert found == {"music": "chords"}
    assert TypedJson(Path("x"), {}).chosen("tones", VOICINGS) == {}


def test_a_state_stands_on_notes_where_it_is_alone() -> None:
    spec = resolve("pocket")
    assert spec.tones == json.loads((pocket_folder() / "ambientgen.json").read_text())["tones"]
    assert spec.tones_of(["music"]) == "chords" and spec.tones_of(["drone"]) == "held"
    assert spec.tones_of(["rain"]) is None and spec.tones_of(["music", "rain"]) is None


def tonal_share(audio: Floats, low_hz: float = 100.0, high_hz: float = 2_000.0) -> float:
    """The share of a sound's power in lines that stand 15 dB out of the spectrum around them."""
    pieces = np.lib.stride_tricks.sliding_window_view(audio, 8_192)[::4_096] * np.hanning(8_192)
    power = (np.abs(np.fft.rfft(pieces)) ** 2).mean(0)
    hz = np.fft.rfftfreq(8_192, 1 / RATE)
    power = power[(hz > low_hz) & (hz < high_hz)]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(power, 50, "reflect"), 101)
    return float(power[power > 30 * np.median(around, axis=1)].sum() / power.sum())


def test_pocket_has_tones_for_music_and_drones_and_none_for_rooms(tmp_path: Path) -> None:
    renderer, shares = Renderer("cpu"), {}
    for name in ("music", "drone", "room"):
        text = f"duration: 6s\nseed: 3\nstates: {{{name}: {{curve: 0.7}}}}\n"
        report = renderer.render(parse_scene(text), tmp_path / f"{name}.wav")
        assert report is not None
        shares[name] = tonal_share(soundfile.read(tmp_path / f"{name}.wav")[0])
    assert shares["music"] > 0.6 and shares["drone"] > 0.6 and shares["room"] < 0.05, shares


def test_plan_names_the_key_of_what_is_tuned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def planned(states: str, *arguments: str) -> str:
        path = tmp_path / "scene.yaml"
        path.write_text(f"duration: 10s\nkey: Eb dorian\nstates: {{{states}}}\n")
        assert app.run(["plan", str(path), *arguments]) == 0
        return capsys.readouterr().out

    assert "10s, seed 0, key Eb dorian, model pocket" in planned("drone: {curve: 0.5}")
    assert ", key Eb dorian, " in planned("rain: {curve: 0.5}, music: {curve: 0.5}")
    assert json.loads(planned("music: {curve: 0.5}", "--json"))["key"] == "Eb dorian"
    assert ", key " not in planned("rain: {curve: 0.5}")
    assert json.loads(planned("rain: {curve: 0.5}", "--json"))["key"] is None


def test_a_wide_loop_of_music_and_a_drone_is_the_same_however_it_is_made(tmp_path: Path) -> None:
    text = (
        "duration: 4080ms\nloop: true\nseed: 2\nkey: A major\n"
        "layers:\n  a: {states: {music: {curve: 0.6}}, width: 0.7}\n"
        "  b: {states: {drone: {curve: 0.6}}}\noutput: {layout: stereo}\n"
    )
    heard = {}
    for workers in (1, 2):
        path, renderer = tmp_path / f"{workers}.wav", Renderer("cpu", workers)
        renderer.render(parse_scene(text), path)
        heard[workers] = soundfile.read(path, dtype="int16")[0]
    assert np.array_equal(heard[1], heard[2])
    part = tmp_path / "part.wav"
    renderer.render(parse_scene(text), part, Asked(8.16, (3.5, 5.0)))
    turns = np.concatenate([heard[1], heard[1]])
    assert np.array_equal(soundfile.read(part, dtype="int16")[0], turns[56_000:80_000])
    # A loop of 4.08 s is made of 4 s, and slowed down: in tune all the same.
    drone = tmp_path / "drone.wav"
    alone = text.replace("  a: {states: {music: {curve: 0.6}}, width: 0.7}\n", "")
    renderer.render(parse_scene(alone), drone)
    sound = np.tile(soundfile.read(drone)[0][:, 0], 8)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    near = (hz > 205) & (hz < 235)
    strongest = (hz[near] * power[near]).sum() / power[near].sum()
    assert strongest == pytest.approx(220.0, abs=1.5), "A3; 34 cents sharp, it were 224.4"


def test_the_sidecar_names_the_key_of_what_is_heard(tmp_path: Path) -> None:
    def key(music: float) -> object:
        scene = parse_scene(
            "duration: 2s\nkey: E minor\nlayers:\n"
            f"  a: {{states: {{music: {{curve: {music}}}}}}}\n"
            "  b: {states: {rain: {curve: 0.3}}}\n"
        )
        path = tmp_path / f"{music}.wav"
        rule = rule_for(str(path), write=True, force=False)
        Renderer("cpu", 1).render(scene, path, sidecar=rule)
        return json.loads(path.with_suffix(".json").read_text())["key"]

    assert key(0.5) == "E minor" and key(0) is None


def test_what_cannot_be_tuned_is_told() -> None:
    def told(states: str, more: str = "") -> list[str]:
        scene = parse_scene(f"duration: 10s\n{more}states: {{{states}}}\n")
        return [*said_in_vain(scene), *model_notices(scene)]

    assert told("music: {curve: 0.5}", "key: D minor\n") == []
    assert told("rain: {curve: 0.5}", "key: D minor\n") == [
        "the `key` is not heard: nothing in the scene is tuned to it"
    ]
    assert "the `key` is not heard" in " ".join(
        told("rain: {curve: 0.5}, music: {curve: 0}", "key: D minor\n")
    )
    assert told("rain: {curve: 0.5}, music: {curve: 0.5}", "apart: false\n") == [
        "in one prompt with other states pocket has no tones for music; "
        "leave out `apart: false`, or give each a layer"
    ]


def test_editors_offer_every_key() -> None:
    offered, spelt = scene_json_schema()["properties"]["key"]["anyOf"]
    assert {Key.named(name).name for name in offered["enum"]} == set(offered["enum"])
    assert len(offered["enum"]) == len(TONICS) * len(MODES)
    assert re.match(spelt["pattern"], "bb dorian") and not re.match(spelt["pattern"], "H minor")
