"""Other rates: each sample a function of its place, loops exact, and nothing audible at joints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.asked import Asked
from ambientgen.job import Job, fitted
from ambientgen.mix.air import Air
from ambientgen.mix.centre import Centred
from ambientgen.mix.rate import ToRate
from ambientgen.noise import NoiseField
from ambientgen.scene import parse_scene
from ambientgen.sources.procedural import period_of
from ambientgen.stream import FloatArray, Stretch
from ambientgen.units import samples_at, whole_period

RATES = (16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)


@dataclass(frozen=True)
class Hiss:
    """White noise, from 0 on or in a loop, in blocks of an odd length."""

    rate: int = 16000
    channels: int = 1
    period: int | None = None
    block: int = 7001

    def reach(self, stretch: Stretch) -> Stretch:
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        first, end = stretch
        while end is None or first < end:
            count = self.block if end is None else min(self.block, end - first)
            noise = NoiseField(3, "hiss", self.channels, self.period).frames(first, count)
            if self.period is None:
                noise[: max(0, min(count, -first))] = 0
            yield 0.2 * noise
            first += count


def taken(stream: ToRate | Centred, first: int, end: int) -> NDArray[np.float32]:
    return np.concatenate(
        [np.empty((0, stream.channels), np.float32), *stream.blocks((first, end))]
    )


@pytest.mark.parametrize("rate", RATES[1:])
@pytest.mark.parametrize("source", [16000, 44100])
def test_chunks_join_as_one_long_call(source: int, rate: int) -> None:
    if source == rate:
        return
    hiss = Hiss(source)
    count = 3 * rate - rate // 3
    joined = taken(ToRate(hiss, rate), 0, count)
    sound = np.concatenate(list(hiss.blocks((-source, 4 * source))))  # silence, then noise
    whole = soxr.resample(sound.astype(np.float64), source, rate, "VHQ")[rate : rate + count]
    assert joined.dtype == np.float32 and len(joined) == count
    error = np.abs(joined - whole).max() / np.abs(whole).max()
    assert 20 * np.log10(error) < -110


@settings(max_examples=15, deadline=None)
@given(
    rate=st.sampled_from(RATES[1:]),
    turn=st.sampled_from([None, 1234, 16000, 37001]),
    first=st.integers(-3000, 90_000),
    count=st.integers(0, 60_000),
    channels=st.integers(1, 2),
    air=st.booleans(),
)
def test_a_sample_depends_on_its_place_alone(
    rate: int, turn: int | None, first: int, count: int, channels: int, air: bool
) -> None:
    period = None if turn is None else whole_period(turn, 16000, rate)
    added = Air(1, "x") if air else None
    whole = ToRate(Hiss(16000, channels, period), rate, added)
    part = ToRate(Hiss(16000, channels, period, block=40_000), rate, added)
    start = first - rate // 3
    expected = taken(whole, start, first + count)[first - start :]
    result = taken(part, first, first + count)
    np.testing.assert_array_equal(result, expected)
    assert result.shape == (count, channels)


@pytest.mark.parametrize("air", [None, Air(1, "x")])
@pytest.mark.parametrize("rate", [22050, 24000, 44100, 48000])
def test_loops_come_round_to_the_bit(rate: int, air: Air | None) -> None:
    period = whole_period(30_000, 16000, rate)
    stream = ToRate(Hiss(period=period), rate, air)
    assert stream.period == period * rate // 16000
    once = taken(stream, 0, stream.period)
    np.testing.assert_array_equal(taken(stream, -stream.period, stream.period)[: len(once)], once)
    np.testing.assert_array_equal(taken(stream, 5 * stream.period, 6 * stream.period), once)


def test_a_loop_is_resampled_as_the_circle_it_is() -> None:
    """Its spectrum below the band's end is the source's: nothing happens at the joint."""
    period = 16000
    sound = np.concatenate(list(Hiss(period=period).blocks((0, period))))[:, 0]
    made = taken(ToRate(Hiss(period=period), 48000), 0, 48000)[:, 0]
    below = np.fft.rfft(made)[:7000] / 3
    np.testing.assert_allclose(below, np.fft.rfft(sound)[:7000], atol=2e-3)
    assert np.abs(np.fft.rfft(made)[8700:]).max() < 1e-3 * np.abs(below).max()


def test_a_loop_of_part_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="loop of 16001 samples at 16000 Hz is no whole number"):
        ToRate(Hiss(period=16001), 44100)
    ToRate(Hiss(period=16001), 48000)


def test_at_its_own_rate_it_is_the_stream_itself() -> None:
    hiss = Hiss(channels=2)
    stream = ToRate(hiss, 16000, Air(1, "x"))
    np.testing.assert_array_equal(
        taken(stream, -50, 20_000), np.concatenate(list(hiss.blocks((-50, 20_000))))
    )
    assert stream.reach((5, 9)) == (5, 9)


def test_before_the_start_is_silence_and_there_need_be_no_end() -> None:
    stream = ToRate(Hiss(), 48000)
    assert not taken(stream, -9000, 0).any()
    endless = stream.blocks((-10, None))
    heard = np.concatenate([next(endless) for _ in range(4)])
    np.testing.assert_array_equal(heard, taken(stream, -10, len(heard) - 10))


def test_reach_covers_what_is_read() -> None:
    asked: list[Stretch] = []

    class Watched(Hiss):
        def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
            asked.append(stretch)
            return super().blocks(stretch)

    stream = ToRate(Watched(), 44100)
    taken(stream, 100_000, 100_100)
    assert asked == [stream.reach((100_000, 100_100))]
    first, end = asked[0]
    assert end is not None and first < 36281 and end > 36317
    assert end - first < 17_000
    assert stream.reach((0, None))[1] is None


@given(st.integers(0, 10**7), st.sampled_from(RATES))
def test_whole_periods_are_whole_and_near(samples: int, rate: int) -> None:
    near = whole_period(samples, 16000, rate)
    assert near > 0 and near * rate % 16000 == 0
    assert abs(near - samples) <= {22050: 160, 44100: 80, 88200: 40, 24000: 1}.get(rate, 1) or (
        samples < near <= 320
    )
    if rate % 16000 == 0:
        assert near == max(1, samples)


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from([None, 900, 21_000, 37_001]), st.integers(-3000, 70_000), st.integers(0, 9000)
)
def test_what_is_centred_depends_on_its_place_alone(
    turn: int | None, first: int, count: int
) -> None:
    whole, part = (Centred(Hiss(16000, 2, turn, block)) for block in (7001, 40_000))
    expected = taken(whole, first - 9000, first + count)[9000:]
    np.testing.assert_array_equal(taken(part, first, first + count), expected)
    if turn is not None:
        np.testing.assert_array_equal(
            taken(part, first + 4 * turn, first + count + 4 * turn), expected
        )


def test_centring_asks_for_no_more_than_it_hears() -> None:
    """A second more would often be one window more, which takes a model's time."""
    assert Centred(Hiss(16000, 1)).reach((0, 32_112)) == (-3200, 35_312)
    assert Centred(Hiss(16000, 1)).reach((17_000, None)) == (12_800, None)


@dataclass(frozen=True)
class Offset(Hiss):
    """A tone on an offset."""

    hertz: float = 20.0

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        first, end = stretch
        assert end is not None
        tone = 0.3 * np.sin(2 * np.pi * self.hertz * np.arange(first, end) / self.rate)
        yield (tone + 0.05).astype(np.float32)[:, None]


@pytest.mark.parametrize(("hertz", "kept"), [(0.5, 0.03), (20.0, 1.0), (63.0, 1.0), (1000.0, 1.0)])
def test_an_offset_goes_and_what_sounds_stays(hertz: float, kept: float) -> None:
    made = taken(Centred(Offset(hertz=hertz)), 32_000, 64_000)[:, 0]
    assert abs(made.mean()) < 1e-5
    assert made.std() / (0.3 / np.sqrt(2)) == pytest.approx(kept, abs=0.02)


@given(st.integers(66_000, 400_000), st.sampled_from([16_000, 22_050, 44_100, 48_000, 96_000]))
def test_all_layers_of_a_loop_count_the_same_samples_to_a_turn(samples: int, rate: int) -> None:
    """Whatever its duration says beyond samples: each engine counts them from that, at its rate."""
    scene = parse_scene(
        f"duration: {samples / 16_000 + 2e-5!r}s\nloop: true\nstates: {{rain: {{curve: 1}}}}\n"
        f"output: {{sample_rate: {rate}}}\n"
    )
    made = fitted(scene)
    source = samples_at(made.duration_s, 16_000)
    assert source * rate % 16_000 == 0
    assert period_of(made, rate) == samples_at(made.duration_s, rate) == source * rate // 16_000
    assert Job.of(scene, Asked()).period == source * rate // 16_000
