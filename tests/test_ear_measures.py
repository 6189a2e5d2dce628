"""The ear's measures, each against sounds whose faults are known."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from ear_faults import FAULTS, RATE, Audio, joins, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from ambientgen.ear import Hearing, listen, pooled_auc
from ambientgen.ear.drift import drift_verdicts
from ambientgen.ear.repeats import strongest_repeat
from ambientgen.ear.seam_verdicts import seam_verdicts
from ambientgen.ear.seams import SeamFeatures, auc, join_features, trace_features
from ambientgen.ear.sidecar import Told, told_beside
from ambientgen.ear.source import open_sound, pieces, resampled
from ambientgen.ear.trace import Trace, trace
from ambientgen.errors import UsageError
from ambientgen.scene import parse_scene
from ambientgen.synth import TEXTURES


def written(folder: Path, audio: Audio, rate: int = RATE, name: str = "sound.wav") -> Path:
    path = folder / name
    soundfile.write(path, audio, rate, subtype="FLOAT" if name.endswith("wav") else None)
    return path


def failed(hearing: Hearing) -> set[str]:
    return {verdict.name for verdict in hearing.failures}


# Planted faults


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("texture", ["rain", "crickets"])
def test_a_planted_fault_is_found_and_nothing_else(
    texture: str, fault: str, tmp_path: Path
) -> None:
    plant, finders = FAULTS[fault]
    audio = plant(texture, 0)
    hearing = listen(written(tmp_path, audio / np.abs(audio).max() / 2), joins_s=joins(0))
    if not finders:
        assert not hearing.failures
        return
    assert any(name.startswith(finders) for name in failed(hearing))
    others = {name for name in failed(hearing) if not name.startswith(("seams.", *finders))}
    assert not others


@pytest.mark.parametrize("moments", [180_000, 700])
def test_a_repeat_is_shown_where_it_is(
    moments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in files so long that not every moment is looked at."""
    monkeypatch.setattr("ambientgen.ear.repeats._MOST_MOMENTS", moments)
    audio = noise(30)
    audio[20 * RATE : 25 * RATE] = audio[4 * RATE : 9 * RATE]
    hearing = listen(written(tmp_path, audio))
    found = next(v for v in hearing.failures if v.name == "repeats.waveform")
    first, second = sorted(found.where_s)
    assert found.value is not None and found.value > 0.9
    assert 4 <= first <= 7
    assert second - first == pytest.approx(16, abs=0.05)


# Samples


def test_moments_that_are_compared_are_apart(tmp_path: Path) -> None:
    """In a short sound nothing is 2.5 s from its middle: what follows it at once is not taken."""
    audio = noise(6.2)
    audio[2 * RATE : 4 * RATE] = audio[: 2 * RATE]
    found = strongest_repeat(open_sound(written(tmp_path, audio)), trace([audio], RATE))
    assert found is not None
    assert abs(found.second_s - found.first_s) >= 2.5
    assert found.waveform < 0.4


def test_broken_samples_are_counted_and_placed(tmp_path: Path) -> None:
    audio = noise(4)
    audio[2 * RATE : 2 * RATE + 3] = np.nan
    audio[3 * RATE] = np.inf
    found = next(v for v in listen(written(tmp_path, audio)).failures if v.name == "faults.missing")
    assert found.value == 4
    assert found.where_s == pytest.approx((2, 3))


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (lambda x: np.clip(3 * x, -0.2, 0.2), "faults.clipping"),
        (lambda x: x + 0.05, "faults.dc"),
        (lambda x: np.concatenate([x, np.zeros(RATE), x]), "faults.silence"),
        (lambda x: 20 * x, "faults.true_peak"),
        (lambda x: 1e-4 * x, "faults.loudness"),
    ],
)
def test_faults_of_samples(fault: object, name: str, tmp_path: Path) -> None:
    assert callable(fault)
    assert name not in failed(listen(written(tmp_path, noise(4))))
    assert name in failed(listen(written(tmp_path, fault(noise(4)))))


def test_a_click_in_a_calm_sound_is_found(tmp_path: Path) -> None:
    audio = np.convolve(noise(8), np.hanning(40) / 20, "same")
    clean = listen(written(tmp_path, audio))
    audio[5 * RATE] += 0.5
    found = [v for v in listen(written(tmp_path, audio)).failures if v.name == "faults.clicks"]
    assert "faults.clicks" not in failed(clean)
    assert found[0].where_s == pytest.approx((5,), abs=0.02)


def test_true_peak_lies_between_the_samples(tmp_path: Path) -> None:
    """A sine at a quarter of the rate, sampled 45° off its tops, is 3 dB above its samples."""
    tone = 0.5 * np.sin(2 * np.pi * (np.arange(4 * RATE) / 4 + 1 / 8))
    found = next(
        v for v in listen(written(tmp_path, tone)).verdicts if v.name == "faults.true_peak"
    )
    assert found.value == pytest.approx(20 * np.log10(0.5), abs=0.2)


def test_loudness_is_pyloudnorms(tmp_path: Path) -> None:
    audio = np.stack([noise(25), 0.3 * noise(25, 1)], axis=1)
    expected = pyloudnorm.Meter(RATE).integrated_loudness(audio)
    found = next(
        v for v in listen(written(tmp_path, audio)).verdicts if v.name == "faults.loudness"
    )
    assert found.value == pytest.approx(expected, abs=0.05)


# Any file


@pytest.mark.parametrize(
    ("rate", "name"), [(44_100, "a.flac"), (22_050, "a.ogg"), (48_000, "a.wav")]
)
def test_any_rate_and_format(rate: int, name: str, tmp_path: Path) -> None:
    audio = np.random.default_rng(0).standard_normal((7 * rate, 2)) * 0.05
    hearing = listen(written(tmp_path, audio, rate, name))
    assert (hearing.sound.rate, hearing.sound.channels) == (rate, 2)
    assert hearing.trace.duration_s == pytest.approx(7, abs=0.01)
    assert not hearing.failures


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_sound_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read as sound"):
        listen(path)


def test_files_too_short_missing_or_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too short"):
        listen(written(tmp_path, noise(0.5)))
    with pytest.raises(UsageError, match="no such file"):
        listen(tmp_path / "none.wav")
    with pytest.raises(UsageError, match="is a folder"):
        listen(tmp_path)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=8), st.sampled_from([16, 44, 48]))
def test_a_trace_does_not_depend_on_blocks(sizes: list[int], kilohertz: int) -> None:
    rate = {16: 16_000, 44: 44_100, 48: 48_000}[kilohertz]
    audio = noise(11)[: 4 * rate]
    cuts = np.cumsum(sizes)
    whole = list(resampled([audio], rate))
    cut = list(resampled(np.split(audio, cuts[cuts < len(audio)]), rate))
    assert np.allclose(np.concatenate(whole), np.concatenate(cut), atol=1e-9)
    assert np.array_equal(
        np.concatenate([piece[:999] for piece in pieces(cut, 999, 10)]), np.concatenate(cut)
    )


@pytest.mark.parametrize("more", [0, 1, 400, 511, 512, 700])
def test_a_trace_reaches_to_the_end(more: int) -> None:
    """However little follows the last whole ten seconds."""
    heard = trace([noise(11)[: 10 * RATE + more]], RATE)
    assert heard.samples == 10 * RATE + more
    assert len(heard.level_db) == len(heard.jolt) == (10 * RATE + more) // 80


# Seams


def test_joins_that_are_none_cannot_be_told() -> None:
    """Placements of arbitrary instants are even: the area is one half."""
    found = [join_features(noise(48, s), RATE, joins(s)).placements() for s in range(4)]
    area = auc(np.concatenate(found)[:, -1])
    assert area.joins == 44
    assert area.low < 0.5 < area.high
    assert area.high - area.low < 0.25


def test_no_feature_is_larger_at_joins_for_being_left_out_of_the_norms() -> None:
    """550 joins that are none, in independent spectra: areas of one half, within 2.5 errors."""
    found = []
    for seed in range(50):
        bands = np.random.default_rng(seed).standard_normal((2400, 32)).astype(np.float32)
        fine = np.zeros(9600, np.float32)
        found.append(trace_features(Trace(bands, fine, fine, (), 48 * RATE), joins(1000 + seed)))
    areas = np.concatenate([each.placements() for each in found]).mean(axis=0)
    assert areas == pytest.approx(0.5, abs=2.5 * (12 * 550) ** -0.5)


def test_a_handful_of_joins_claims_nothing() -> None:
    assert auc(np.array([1.0])).low == 0
    assert auc(np.array([1.0, 0.99, 1.0])).low < 0.5
    assert auc(np.full(30, 0.99)).low > 0.8


def test_pooling_reads_sidecars(tmp_path: Path) -> None:
    for seed in (0, 1):
        audio = noise(20, seed)
        audio[10 * RATE :] *= 2
        written(tmp_path, audio, name=f"{seed}.wav")
        (tmp_path / f"{seed}.json").write_text(json.dumps({"joins_s": [10.0]}))
    pooled = pooled_auc([tmp_path / "0.wav", tmp_path / "1.wav"])
    assert (pooled.files, pooled.detector.joins) == (2, 2)
    assert pooled.features["step"].value > 0.99
    with pytest.raises(ValueError, match="no file has a join"):
        pooled_auc([tmp_path / "0.wav"], [[]])


def test_pooling_hears_and_believes_what_listening_does(tmp_path: Path) -> None:
    """Channels that cancel are heard, and a sidecar of another sound is not believed."""
    audio = noise(20)
    audio[10 * RATE :] *= 2
    path = written(tmp_path, np.stack([audio, -audio], axis=1))
    said = {"joins_s": [10.0], "samples": 20 * RATE, "sample_rate": RATE}
    (tmp_path / "sound.json").write_text(json.dumps(said))
    assert pooled_auc([path]).features["step"].value > 0.99
    (tmp_path / "sound.json").write_text(json.dumps({**said, "samples": 5}))
    with pytest.raises(ValueError, match="no file has a join"):
        pooled_auc([path])


def test_joins_of_hours_are_placed_in_seconds() -> None:
    """Each is compared with what is near, and nothing else is looked at."""
    rng, joins, others = np.random.default_rng(0), 4_000, 200_000
    features = SeamFeatures(
        np.sort(rng.uniform(0, others / 10, joins)),
        np.arange(others) / 10,
        rng.standard_normal((joins, 5)),
        rng.standard_normal((others, 5)),
    )
    began = time.process_time()
    np.testing.assert_allclose(features.placements().mean(axis=0), 0.5, atol=0.02)
    assert time.process_time() - began < 3, "6 s where each join looks at all of the sound"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"joins_s": [3, 1.5], "loop": true}', Told((1.5, 3.0), True)),
        ('{"joins_s": []}', Told(())),
        ('{"joins_s": [1, "x"]}', Told()),
        ('{"joins_s": [true]}', Told()),
        ('{"joins_s": [NaN]}', Told()),
        (f'{{"joins_s": [1{"0" * 400}]}}', Told()),
        ("[" * 100_000, Told()),
        ("[1]", Told()),
        ("{", Told()),
    ],
)
def test_a_sidecar_is_believed_as_far_as_it_makes_sense(
    text: str, told: Told, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(text)
    assert told_beside(tmp_path / "a.wav") == told
    assert told_beside(tmp_path / "b.wav") == Told()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.wav").symlink_to(tmp_path / "a.wav")
    assert told_beside(tmp_path / "elsewhere" / "c.wav") == told


def test_a_loop_is_judged_where_it_is_promised(tmp_path: Path) -> None:
    endless = np.fft.irfft(np.fft.rfft(noise(20)) / (1 + np.arange(10 * RATE + 1)) ** 0.5)
    round_, broken = endless / 10, endless / 10 * np.linspace(1, 3, len(endless))
    for audio, passes in ((round_, True), (broken, False)):
        path = written(tmp_path, audio)
        (tmp_path / "sound.json").unlink(missing_ok=True)
        unasked = next(v for v in listen(path).verdicts if v.name == "loop.point")
        assert unasked.passed is None
        (tmp_path / "sound.json").write_text('{"loop": true}')
        asked = next(v for v in listen(path).verdicts if v.name == "loop.point")
        assert asked.passed is passes


def test_a_scene_that_loops_promises_nothing_of_a_stretch(tmp_path: Path) -> None:
    path = written(tmp_path, noise(10))
    for length, promised in (("10s", True), ("5s", True), ("8s", False), ("30s", False)):
        told = f"title: a\nduration: {length}\nloop: true\nstates: {{rain: {{curve: 0.5}}}}\n"
        point = next(v for v in listen(path, parse_scene(told)).verdicts if v.name == "loop.point")
        assert (point.passed is not None) is promised


# Curves and drift

SCENE = parse_scene(
    "title: a\nduration: 60s\nstates:\n  rain: {curve: {0s: 0.2, 60s: 0.9}}\n"
    "  crickets: {curve: {0s: 0.8, 30s: 0.2, 60s: 0.8}}\n"
)


def following(reverse: bool = False, late_s: int = 0) -> Audio:
    times = np.maximum(np.arange(60 * RATE) / RATE - late_s, 0)
    out = np.zeros(60 * RATE)
    for index, state in enumerate(SCENE.states):
        level = state.value(times)
        out += TEXTURES[state.name](level[::-1] if reverse else level, np.random.default_rng(index))
    return out


def values(hearing: Hearing) -> dict[str, float | None]:
    return {verdict.name: verdict.value for verdict in hearing.verdicts}


@pytest.mark.slow
def test_curves_are_followed_or_not(tmp_path: Path) -> None:
    good = listen(written(tmp_path, following()), SCENE)
    assert not {name for name in failed(good) if name.startswith("trajectory")}
    assert (values(good)["trajectory.rain.spearman"] or 0) > 0.9
    assert (values(good)["trajectory.crickets.spearman"] or 0) > 0.85
    assert {curve.state for curve in good.curves} == {"rain", "crickets"}
    bad = listen(written(tmp_path, following(reverse=True)), SCENE)
    assert "trajectory.rain.spearman" in failed(bad)
    assert "trajectory.rain.rmse" in failed(bad)


def test_a_lag_is_measured(tmp_path: Path) -> None:
    late = values(listen(written(tmp_path, following(late_s=6)), SCENE))
    assert late["trajectory.crickets.lag"] == pytest.approx(6, abs=1.5)


def test_unknown_and_resting_states_are_not_judged(tmp_path: Path) -> None:
    scene = parse_scene(
        "title: a\nduration: 60s\nstates:\n  rain: {curve: 0.5}\n"
        "  bagpipes: {curve: {0s: 0, 60s: 1}, levels: [null, bagpipes]}\n"
    )
    hearing = listen(written(tmp_path, noise(25)), scene)
    found = [v for v in hearing.verdicts if v.name.startswith("trajectory")]
    assert [v.name for v in found] == ["trajectory.rain.rmse", "trajectory.bagpipes.spearman"]
    assert {v.passed for v in found} == {None}


@pytest.mark.slow
def test_drift_is_judged_at_constant_state(tmp_path: Path) -> None:
    scene = parse_scene("title: a\nduration: 90s\nstates: {rain: {curve: 0.5}}\n")
    steady, creeping = noise(90), noise(90) * 10 ** np.linspace(0, 0.3, 90 * RATE)
    assert "drift.level" not in failed(listen(written(tmp_path, steady), scene))
    hearing = listen(written(tmp_path, creeping), scene)
    assert values(hearing)["drift.level"] == pytest.approx(6, abs=1)
    assert "drift.level" in failed(hearing)
    unknown = listen(written(tmp_path, creeping))
    assert "drift.level" not in failed(unknown)


def darker(sound: Audio) -> Audio:
    """The same through a low-pass that comes slowly."""
    low = np.convolve(sound, np.ones(24) / 5, "same")
    share = np.linspace(0, 1, len(sound))
    return np.asarray(np.sqrt(1 - share) * sound + np.sqrt(share) * low)


def trembling(sound: Audio) -> Audio:
    """The same, of one level, but more and more in pulses, eight a second."""
    depth = 0.95 * np.linspace(0, 1, len(sound))
    pulses = 1 + depth * np.sin(2 * np.pi * 8 * np.arange(len(sound)) / RATE)
    return np.asarray(sound * pulses / np.sqrt(1 + depth**2 / 2))


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (lambda sound: sound, set()),
        (lambda sound: sound * 10 ** np.linspace(0, 0.3, len(sound)), {"drift.level"}),
        (darker, {"drift.centroid"}),
        (trembling, {"drift.texture"}),
    ],
)
def test_each_kind_of_drift_is_told_by_its_own_measure(
    planted: Callable[[Audio], Audio], found: set[str]
) -> None:
    scene = parse_scene("title: a\nduration: 90s\nstates: {rain: {curve: 0.5}}\n")
    verdicts = drift_verdicts(trace([planted(noise(90))], RATE), scene)
    assert found <= {each.name for each in verdicts if not each.passed}
    assert found or all(each.passed for each in verdicts)


def test_a_minute_that_stands_still_is_a_minute() -> None:
    """Its last second is one of it."""
    scene = parse_scene("title: a\nduration: 1m\nstates: {rain: {curve: 0.5}}\n")
    found = drift_verdicts(trace([noise(60)], RATE), scene)
    assert [each.passed for each in found] == [True, True, True]


def test_silence_that_was_asked_for_is_no_fault(tmp_path: Path) -> None:
    scene = parse_scene(
        "title: a\nduration: 12s\nstates: {rain: {curve: {0s: 1, 4s: 1, 5s: 0, 9s: 0, 10s: 1}}}\n"
    )
    audio = noise(12)
    audio[5 * RATE : 9 * RATE] = 0
    path = written(tmp_path, audio)
    assert "faults.silence" in failed(listen(path))
    assert "faults.silence" not in failed(listen(path, scene))


def test_a_reference_tells_textures_apart(tmp_path: Path) -> None:
    folder = tmp_path / "like"
    folder.mkdir()
    written(folder, noise(6, 1), name="noise.flac")
    written(folder, resample_poly(noise(6, 2)[: RATE * 3], 2, 1), name="dull.flac")
    alike = values(listen(written(tmp_path, noise(6)), reference=folder))
    assert (alike["texture.distance"] or 1) < 0.35
    clicks = np.zeros(6 * RATE)
    clicks[:: RATE // 3] = 0.5
    assert "texture.distance" in failed(listen(written(tmp_path, clicks), reference=folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no sound files"):
        listen(written(tmp_path, noise(6)), reference=tmp_path / "empty")


def test_a_trace_of_silence_is_finite() -> None:
    heard = trace([np.zeros(3 * RATE)], RATE)
    assert np.isfinite(heard.bands_db).all() and np.isfinite(heard.jolt).all()


@pytest.mark.parametrize(("seconds", "judged"), [(4, False), (20, True)])
def test_a_short_file_has_too_little_to_compare_one_join_with(seconds: int, judged: bool) -> None:
    audio = 0.05 * np.random.default_rng(3).standard_normal(seconds * 16_000)
    audio[: 16_000 * seconds // 2] *= 0.2  # a step of 14 dB at the middle, which is a join
    features = join_features(audio, 16_000, [seconds / 2])
    worst = seam_verdicts(features, told=True)[-1]
    assert worst.name == "seams.worst"
    assert worst.value is not None
    assert worst.value > 2
    assert worst.passed is (False if judged else None)
