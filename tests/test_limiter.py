"""The limiter: a fixed gain, which it touches only above the ceiling."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.delivery import _tell_of_peaks
from ambientgen.limiter import (
    LimiterReport,
    LimiterSettings,
    StreamLimiter,
    StretchLimiter,
    limited_blocks,
)
from ambientgen.messages import Message, Notice
from ambientgen.peaks import TruePeaks

RATE = 16000
SAMPLES = LimiterSettings(true_peak=False)
MARGIN = 10 ** (-0.15 / 20)  # what a true peak is kept below the ceiling
CEILING = np.float32(10 ** (-1 / 20))

Sound = NDArray[np.float32]


def _quiet(samples: int, channels: int | None = None) -> Sound:
    shape = (samples,) if channels is None else (samples, channels)
    noise = np.random.default_rng(1).standard_normal(shape)
    return np.clip(0.1 * noise, -0.6, 0.6).astype(np.float32)


def _peaky(samples: int, channels: int | None = None) -> Sound:
    """Noise with sparse peaks over the ceiling, a loud stretch, and quiet between."""
    sound = _quiet(samples, channels)
    rng = np.random.default_rng(2)
    sound[rng.integers(0, samples, 5)] = 2.5
    sound[samples // 2 : samples // 2 + 300] *= 40
    return sound


def _run(sound: Sound, limiter: StreamLimiter, cuts: list[int] | None = None) -> Sound:
    edges = [0, *sorted(cuts or []), len(sound)]
    blocks = (sound[a:b] for a, b in itertools.pairwise(edges))
    return np.concatenate([sound[:0], *limited_blocks(blocks, limiter)])


def test_what_is_below_the_ceiling_is_only_multiplied() -> None:
    sound = _quiet(RATE)
    limiter = StreamLimiter(LimiterSettings(gain_db=3.0), RATE)
    result = _run(sound, limiter, [100, 5000])
    np.testing.assert_array_equal(result, sound * np.float32(10 ** (3 / 20)))
    assert result.dtype == np.float32
    assert limiter.report == LimiterReport(0, None, 0.0)


def test_a_peak_at_the_ceiling_is_untouched() -> None:
    sound = _quiet(3000)
    sound[1500] = -CEILING
    np.testing.assert_array_equal(_run(sound, StreamLimiter(SAMPLES, RATE)), sound)


@settings(max_examples=60)
@given(
    samples=st.integers(1, 9000),
    cuts=st.lists(st.integers(0, 9000), max_size=8),
    channels=st.sampled_from([None, 1, 2]),
    first=st.sampled_from([0, 5, -77, 10**9 + 3]),
    rate=st.sampled_from([800, 16000, 44100]),
)
def test_cutting_changes_nothing(
    samples: int, cuts: list[int], channels: int | None, first: int, rate: int
) -> None:
    sound = _peaky(samples, channels)
    whole, parts = (StreamLimiter(LimiterSettings(gain_db=1.0), rate, first) for _ in range(2))
    result = _run(sound, whole)
    np.testing.assert_array_equal(_run(sound, parts, [min(cut, samples) for cut in cuts]), result)
    assert parts.report == whole.report
    assert result.shape == sound.shape
    assert np.abs(result).max() <= CEILING


@settings(max_examples=30)
@given(start=st.integers(0, 39_000), length=st.integers(1, 1000))
def test_any_entry_point_gives_the_same_samples(start: int, length: int) -> None:
    sound = np.tile(_peaky(20_000), 2)
    whole = _run(sound, StreamLimiter(LimiterSettings(), RATE))
    probe = StreamLimiter(LimiterSettings(), RATE)
    first = max(0, start - probe.context_before)
    stop = start + length
    limiter = StreamLimiter(LimiterSettings(), RATE, first, emit_from=start, emit_to=stop)
    result = _run(sound[first : stop + probe.context_after], limiter, [1000, 3000])
    np.testing.assert_array_equal(result, whole[start:stop])
    acted = np.flatnonzero(result != sound[start:stop])
    assert limiter.report.first_sample == (start + acted[0] if len(acted) else None)


def test_the_memory_is_as_long_as_it_says_and_no_shorter_than_needed() -> None:
    limiter = StreamLimiter(LimiterSettings(), RATE)
    assert 0.15 * RATE < limiter.context_before < 0.17 * RATE
    assert 0.005 * RATE <= limiter.context_after <= 0.007 * RATE
    sound = np.full(RATE, 0.1, np.float32)
    sound[8000] = 4.0
    acted = np.flatnonzero(_run(sound, limiter) != sound)
    assert 8000 - limiter.context_after < acted[0] < 8000 - limiter.context_after / 2
    assert 8000 + 0.1 * RATE < acted[-1] < 8000 + limiter.context_before


def test_the_gain_moves_smoothly_down_before_a_peak_and_slowly_up_after_it() -> None:
    sound = np.full(RATE, 0.25, np.float32)
    sound[8000] = 4.0
    gain = _run(sound, StreamLimiter(SAMPLES, RATE)) / sound
    assert gain[8000] == pytest.approx(CEILING / 4, rel=1e-6)
    steps = np.diff(gain)
    assert (steps[:7990] <= 1e-7).all()
    assert (steps[8040:] >= -1e-7).all()
    assert np.abs(steps).max() < 0.03  # no click: 78 % of the level within 5 ms
    back = np.flatnonzero(gain[8000:] > 0.9)[0] / RATE
    assert 0.08 < back < 0.15


def test_a_steady_tone_keeps_its_shape() -> None:
    time_s = np.arange(2 * RATE) / RATE
    tone = (1.5 * np.sin(2 * np.pi * 100 * time_s)).astype(np.float32)
    result = _run(tone, StreamLimiter(LimiterSettings(), RATE))[RATE // 2 : 3 * RATE // 2]
    spectrum = np.abs(np.fft.rfft(result.astype(np.float64) * np.hanning(RATE)))
    harmonics = spectrum[190:].max() / spectrum[100]
    assert 20 * np.log10(harmonics) < -60
    assert np.abs(result).max() == pytest.approx(CEILING * MARGIN, rel=2e-3)


def test_channels_share_one_gain() -> None:
    sound = np.stack([_peaky(8000), _quiet(8000)], axis=1)
    result = _run(sound, StreamLimiter(LimiterSettings(), RATE))
    loud = np.abs(sound).min(axis=1) > 0.01
    gains = result[loud] / sound[loud]
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-5)
    assert gains.min() < 0.5


def test_the_report_says_how_much_when_and_how_deep() -> None:
    sound = np.full(RATE, 0.25, np.float32)
    sound[[5000, 12000]] = 2 * CEILING, 4 * CEILING
    limiter = StreamLimiter(SAMPLES, RATE, first_sample=100)
    result = _run(sound, limiter, [3000, 5001, 9000])
    acted = np.flatnonzero(result != sound)
    assert limiter.report.first_sample == 100 + acted[0]
    assert limiter.report.reduced_samples == pytest.approx(len(acted), abs=10)
    assert limiter.report.deepest_db == pytest.approx(20 * np.log10(4), abs=0.01)


def test_the_ceiling_holds_in_the_worst_case() -> None:
    rng = np.random.default_rng(3)
    sound = (10 ** rng.uniform(-3, 3, 50_000) * rng.choice([-1, 1], 50_000)).astype(np.float32)
    result = _run(
        sound, StreamLimiter(LimiterSettings(gain_db=12, ceiling_db=-3), RATE), [7, 20_000]
    )
    assert np.abs(result).max() <= np.float32(10 ** (-3 / 20))


def test_what_is_no_number_is_handed_on_for_the_sink_to_refuse() -> None:
    sound = _quiet(4000)
    sound[2000] = np.inf
    result = _run(sound, StreamLimiter(LimiterSettings(), RATE))
    assert not np.isfinite(result[2000])
    np.testing.assert_array_equal(result[:1800], sound[:1800])


def test_nothing_in_nothing_out() -> None:
    limiter = StreamLimiter(LimiterSettings(), RATE)
    assert list(limited_blocks([], limiter)) == []
    assert (
        list(limited_blocks([np.empty(0, np.float32)], StreamLimiter(LimiterSettings(), RATE)))
        == []
    )


def _finer(sound: Sound) -> float:
    """The highest point of the wave on eight times as many points, by another resampler."""
    import soxr

    return max(np.abs(soxr.resample(sound, 1, 8, "VHQ")).max(), np.abs(sound).max())


@pytest.mark.parametrize("rate", [16000, 22050, 48000, 96000])
@pytest.mark.parametrize("kind", ["tones", "noise", "clicks"])
def test_no_true_peak_passes_the_ceiling(rate: int, kind: str) -> None:
    import soxr

    rng, count = np.random.default_rng(5), rate // 2
    if kind == "tones":  # at a quarter of the rate samples can miss the crests by 3 dB
        tones = [np.sin(2 * np.pi * f * np.arange(count) + 0.7) for f in (0.25, 0.333, 0.45)]
        sound = np.concatenate([tone * np.hanning(count) for tone in tones])[:, None]
        sound = sound * np.array([1.4, 0.9])
    elif kind == "noise":  # up to 0.455 of the rate
        sound = 0.6 * soxr.resample(rng.standard_normal((count, 2)), 1, 1.1, "VHQ")
    else:
        sound = soxr.resample((rng.random((count, 2)) < 2e-3) * 8.0, 1, 1.1, "VHQ")
    sound = (sound * np.hanning(len(sound))[:, None] ** 0.1).astype(
        np.float32
    )  # its ends are quiet
    samples, peaks = (
        _run(sound, StreamLimiter(SAMPLES, rate)),
        _run(sound, StreamLimiter(LimiterSettings(), rate)),
    )
    assert _finer(peaks) <= CEILING
    assert _finer(peaks) > 0.97 * CEILING
    if kind != "clicks" or rate == 16000:
        assert _finer(samples) > 1.01 * CEILING  # which is why it takes true peaks
    gains = peaks / np.where(sound == 0, 1, sound)
    both = (np.abs(sound) > 0.05).all(axis=1)
    np.testing.assert_allclose(gains[both, 0], gains[both, 1], rtol=1e-4)


def test_true_peaks_are_a_waves_crests_and_not_its_samples() -> None:
    tone = np.sin(np.pi / 2 * np.arange(4000) + np.pi / 4).astype(np.float32)  # samples at 0.707
    samples, peaks = TruePeaks().push(tone)
    np.testing.assert_array_equal(samples, tone[: len(samples)])
    assert peaks[100:3900:2].max() == pytest.approx(1.0, abs=1e-3)
    assert np.abs(tone).max() < 0.708


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 3000), max_size=5),
    floor=st.sampled_from([0.0, 0.3, 0.9]),
    channels=st.sampled_from([None, 2]),
)
def test_peaks_of_what_is_quiet_need_no_measuring(
    cuts: list[int], floor: float, channels: int | None
) -> None:
    sound = _peaky(3000, channels)
    peaks, exact = TruePeaks(floor), TruePeaks(0.0)
    edges = [0, *sorted(cuts), 3000]
    parts = [peaks.push(sound[a:b]) for a, b in itertools.pairwise(edges)] + [peaks.finish()]
    found = np.concatenate([heights for _, heights in parts])
    expected = np.concatenate([exact.push(sound)[1], exact.finish()[1]])
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), sound)
    high = expected > floor
    np.testing.assert_array_equal(found[high], expected[high])
    assert (found[~high] <= floor).all()


def test_a_loop_of_channels_is_limited_as_a_loop() -> None:
    turn = _peaky(5003, 2)
    limiter = StretchLimiter(LimiterSettings(), RATE, -5003, (0, 5003), 5003)
    once = np.concatenate(list(limiter.limited([turn, turn, turn])))
    far = StretchLimiter(LimiterSettings(), RATE, 5003 * 6, (5003 * 7, 5003 * 8), 5003)
    np.testing.assert_array_equal(np.concatenate(list(far.limited([turn] * 3))), once)
    assert once.shape == turn.shape
    assert _finer(np.tile(once, (3, 1))[4000:12_000]) <= CEILING * 1.05


def test_the_first_peak_is_told_as_a_time_that_a_scene_would_name() -> None:
    told: list[Message] = []
    _tell_of_peaks(LimiterReport(9, 62 * RATE + 700, 1.04), RATE, told.append)
    said = "peaks over the ceiling from 1m2s on: the limiter took off up to 1.0 dB"
    assert told == [Notice(said)]
