"""The ear on sounds of unusual make: loops that go round, ambisonics, fades, single events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from ear_faults import RATE, Audio, noise, verdict

from ambientgen.ear import listen, pooled_auc
from ambientgen.ear.asked import Placed
from ambientgen.ear.drift import drift_verdicts
from ambientgen.ear.gaps import gap_verdicts
from ambientgen.ear.source import open_sound
from ambientgen.ear.texture import TextureStats, distance
from ambientgen.ear.trace import trace
from ambientgen.ear.trajectory import heard_curves
from ambientgen.ear.turns import once
from ambientgen.mix.loudness import Loudness
from ambientgen.scene import Scene, parse_scene

STATES = {"rain": {"curve": 0.5}}


def dull(seconds: float, seed: int = 0) -> Audio:
    """Noise whose highs are some 40 dB below its lows: a click in it stands out."""
    return np.convolve(noise(seconds, seed), np.hanning(40) / 20, "same")


def written(folder: Path, audio: Audio, rate: int = RATE, **fields: Any) -> Path:
    """A sound with a sidecar of these fields, and a scene of these: `scene`."""
    path = folder / "sound.wav"
    soundfile.write(path, audio, rate, subtype="FLOAT")
    about = {"samples": len(audio), "sample_rate": rate, "duration_s": len(audio) / rate}
    length = f"{len(audio) / rate}s"
    scene = {"version": 1, "title": "a", "duration": length, "states": STATES}
    scene |= fields.pop("scene", {})
    path.with_suffix(".json").write_text(json.dumps(about | {"scene": scene} | fields))
    return path


def scene(text: str) -> Scene:
    return parse_scene(f"title: a\n{text}\nstates: {{rain: {{curve: 0.5}}}}\n")


# Loops that go round


def turns(folder: Path, turn: Audio, count: int, joins_s: tuple[float, ...] = ()) -> Path:
    length_s = len(turn) / RATE
    joins = [join + number * length_s for number in range(count) for join in joins_s]
    told = {"duration": f"{length_s}s", "loop": True}
    return written(folder, np.tile(turn, count), loop=True, joins_s=joins, scene=told)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_bad_joint_does_not_hide_behind_its_copies(count: int, tmp_path: Path) -> None:
    turn = noise(12) * 10 ** (np.linspace(0, -14, 12 * RATE) / 20)
    assert verdict(listen(turns(tmp_path, turn, count)), "loop.point").passed is False


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_bad_join_does_not_hide_behind_its_copies(count: int, tmp_path: Path) -> None:
    turn = noise(20)
    turn[round(7.1 * RATE) :][:48] *= 40
    path = turns(tmp_path, turn, count, (1.9, 3.9, 5.5, 7.1, 9.3, 10.9, 13.7, 15.1, 17.3, 18.1))
    assert verdict(listen(path), "seams.worst").passed is False


def test_each_join_of_a_loop_counts_once(tmp_path: Path) -> None:
    path = turns(tmp_path, noise(12), 3, (1.9, 3.9, 5.5, 7.1, 9.3, 10.9))
    assert pooled_auc([path]).detector.joins == len(listen(path).joins_s) == 6


def test_what_comes_again_is_neither_judged_nor_compared_with() -> None:
    assert once((1.0, 5.0, 11.0, 15.0), 10.0, 20.0) == ((5.0, 11.0), (1.0, 10.0, 15.0, 20.0))
    assert once((1.0, 5.0), 10.0, 19.0) == ((1.0, 5.0), ())
    assert once((1.0, 5.0), None, 20.0) == ((1.0, 5.0), ())


# Channels


@pytest.mark.parametrize("ahead", [1.0, -1.0])
def test_ambisonics_is_heard_from_all_sides(ahead: float, tmp_path: Path) -> None:
    sound, nothing = noise(12), np.zeros(12 * RATE)
    path = written(
        tmp_path,
        np.stack([sound, nothing, nothing, ahead * sound], axis=1),
        scene={"output": {"layout": "ambisonics"}},
    )
    hearing = listen(path)
    assert float(np.median(hearing.trace.level_db)) == pytest.approx(-20, abs=0.2)
    alone = Loudness(RATE, ("W",))
    alone.push(sound[:, None])
    assert verdict(hearing, "faults.loudness").value == pytest.approx(
        alone.integrated_lufs, abs=0.1
    )


def test_loudness_knows_the_order_of_channels_in_ogg(tmp_path: Path) -> None:
    """The LFE, which counts nothing, is the fourth of six in WAV, and the last in Ogg."""
    wav = np.stack([noise(4, seed) for seed in range(6)], axis=1)
    wav[:, 3] *= 3
    found = []
    for name, order in (("a.wav", [0, 1, 2, 3, 4, 5]), ("a.ogg", [0, 2, 1, 4, 5, 3])):
        soundfile.write(tmp_path / name, wav[:, order], RATE)
        found.append(verdict(listen(tmp_path / name), "faults.loudness").value)
    assert found[0] == pytest.approx(found[1], abs=1.0), "Vorbis adds noise; the LFE counted, 5 LU"


def test_channels_that_cancel_for_a_while_are_heard_then(tmp_path: Path) -> None:
    left, right = noise(30), noise(30, 1)
    right[: 25 * RATE] = -left[: 25 * RATE]
    hearing = listen(written(tmp_path, np.stack([left, right], axis=1)))
    assert verdict(hearing, "faults.silence").passed is True
    assert verdict(hearing, "faults.clicks").passed is True


# Clicks


@pytest.mark.parametrize("at_s", [9.999, 10.0, 10.0005, 10.0015, 10.003, 20.0])
def test_a_click_is_found_wherever_it_is(at_s: float, tmp_path: Path) -> None:
    audio = dull(25)
    audio[round(at_s * RATE)] += 0.5
    found = verdict(listen(written(tmp_path, audio)), "faults.clicks")
    assert found.passed is False
    assert found.where_s == pytest.approx((at_s,), abs=0.02)


@pytest.mark.parametrize("stop_s", [7.4, 7.5, 10.0])
def test_a_sound_that_stops_is_no_click(stop_s: float, tmp_path: Path) -> None:
    """Wherever it does: also between two half seconds that are foretold by what each is like."""
    audio = dull(16)
    level = np.interp(np.arange(len(audio)) / RATE, [stop_s - 0.5, stop_s], [1.0, 0.0])
    quiet = 1e-4 * np.random.default_rng(9).standard_normal(len(audio))
    assert verdict(listen(written(tmp_path, audio * level + quiet)), "faults.clicks").passed is True


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_the_end_of_tones_is_no_click_at_any_rate(rate: int, tmp_path: Path) -> None:
    times = np.arange(10 * rate) / rate
    tones = sum(0.1 * np.sin(2 * np.pi * hz * times) for hz in (220, 331, 547, 883, 1_409))
    found = verdict(listen(written(tmp_path, np.asarray(tones), rate)), "faults.clicks")
    assert found.passed is True


def test_a_pure_tone_has_no_seams(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(20 * RATE) / RATE)
    joins = [1.9, 3.7, 5.9, 7.3, 9.1, 11.3, 13.7, 15.1, 17.3]
    hearing = listen(written(tmp_path, tone, joins_s=joins))
    assert not [each.name for each in hearing.failures if each.name.startswith("seams")]


# What was asked for


def half_cosine(count: int) -> Audio:
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count))


def test_a_fade_that_was_asked_for_is_no_fault(tmp_path: Path) -> None:
    asked = scene("duration: 110s\noutput: {fade_out: 45s}")
    audio = noise(110)
    audio[-45 * RATE :] *= half_cosine(45 * RATE)[::-1]
    path = written(tmp_path, audio)
    hearing = listen(path, asked)
    for name in ("faults.silence", "drift.level"):
        assert verdict(hearing, name).passed is True
    unasked = listen(path, scene("duration: 110s"))
    for name in ("faults.silence", "drift.level"):
        assert verdict(unasked, name).passed is False


def test_curves_are_followed_where_nothing_fades() -> None:
    ramp = parse_scene(
        "title: a\nduration: 60s\nstates: {wind: {curve: {0s: 0.2, 60s: 0.9}}}\n"
        "output: {fade_in: 5s, fade_out: 20s}\n"
    )
    curve = heard_curves(trace([noise(60)], RATE), ramp, Placed(ramp).unfaded_s(60.0))[0]
    assert (curve.times_s[0], curve.times_s[-1]) == (5.5, 39.5)
    assert curve.asked[0] == pytest.approx(ramp.states[0].value(np.array([6.5]))[0], abs=0.02)


@pytest.mark.parametrize(
    ("output", "from_s", "length_s", "unfaded"),
    [
        ("fade_in: 5s", 0.0, 100.0, (5.0, 100.0)),
        ("fade_in: 5s, fade_out: 20s", 0.0, 100.0, (5.0, 80.0)),
        ("fade_in: 5s, fade_out: 20s", 70.0, 30.0, (0.0, 10.0)),
        ("fade_in: 5s, fade_out: 20s", 90.0, 10.0, (0.0, 0.0)),
        ("fade_in: 5s", 30.0, 10.0, (0.0, 10.0)),
        ("fade_out: 20s", 0.0, 10.0, (0.0, 0.0)),  # as short: its fade is as long as it is
    ],
)
def test_where_a_file_fades(
    output: str, from_s: float, length_s: float, unfaded: tuple[float, float]
) -> None:
    placed = Placed(scene(f"duration: 100s\noutput: {{{output}}}"), from_s)
    assert placed.unfaded_s(length_s) == pytest.approx(unfaded)


@pytest.mark.parametrize("moves", ["gain: {0s: -24dB, 90s: 0dB}", "distance: {0s: 1, 90s: 0}"])
def test_what_an_author_moves_does_not_drift(moves: str) -> None:
    told = "title: a\nduration: 90s\nlayers:\n  a: {states: {rain: {curve: 0.5}}, %s}\n"
    asked, still = (parse_scene(told % each) for each in (moves, "gain: 0dB"))
    audio = trace([noise(90) * np.linspace(0.1, 1, 90 * RATE)], RATE)
    judged = [
        drift_verdicts(audio, each.mixture_of(each.sounds[0]), Placed(each))[0].passed
        for each in (asked, still)
    ]
    assert judged == [None, False]


def test_the_longest_stretch_that_stands_still_is_found() -> None:
    """Though the curve moves twice by half of what counts."""
    steps = parse_scene(
        "title: a\nduration: 110s\nstates:\n"
        "  rain: {curve: {0s: 0.5, 1s: 0.505, 55s: 0.505, 56s: 0.531, 110s: 0.531}}\n"
    )
    found = drift_verdicts(trace([noise(110)], RATE), steps)[0]
    assert found.passed is True
    assert found.where_s == (1.0,)


# Events amid silence


def test_single_sounds_amid_silence_are_no_repeats_and_their_pauses_no_holes(
    tmp_path: Path,
) -> None:
    asked = parse_scene(
        "title: a\nduration: 16s\nevents:\n  - {sound: wind, at: 4s, length: 5s}\n", "a.yaml"
    )
    audio = np.zeros(16 * RATE)
    audio[4 * RATE : 9 * RATE] = noise(5) * np.hanning(5 * RATE)
    audio[6 * RATE :][: RATE // 10] = 0
    hearing = listen(written(tmp_path, audio), asked)
    for name in ("repeats.spectra", "repeats.waveform", "faults.dropouts", "faults.silence"):
        assert verdict(hearing, name).passed is True
    holes = gap_verdicts(hearing.trace)[1]
    assert holes.passed is False, "nobody asked for a pause"


def test_a_repeat_amid_silence_is_one(tmp_path: Path) -> None:
    audio = np.zeros(16 * RATE)
    for at in (2, 9):
        audio[at * RATE : (at + 4) * RATE] = noise(4)
    hearing = listen(written(tmp_path, audio))
    assert verdict(hearing, "repeats.spectra").passed is False
    assert verdict(hearing, "repeats.waveform").passed is False


def test_silence_is_no_texture(tmp_path: Path) -> None:
    whole, rests = noise(30), noise(30)
    rests[10 * RATE : 20 * RATE] = 0
    one, other = (TextureStats.average(trace([each], RATE).texture()) for each in (whole, rests))
    assert distance(one, other) < 0.1
    silent = trace([np.zeros(10 * RATE)], RATE)
    assert silent.texture() == silent.textures
    heard = listen(written(tmp_path, rests), reference=written_reference(tmp_path, whole))
    assert verdict(heard, "texture.distance").passed is True


def written_reference(folder: Path, audio: Audio) -> Path:
    path = folder / "reference.flac"
    soundfile.write(path, audio, RATE)
    assert open_sound(path).speakers == ("",)
    return path
