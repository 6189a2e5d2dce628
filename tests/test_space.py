"""Space: pans of constant power, delays, distance, rooms, wide feeds; all on absolute time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.curves import Constant, Curve, Points
from ambientgen.ear import listen
from ambientgen.ear.space import Width, balance, balances
from ambientgen.mix.distance import absorption_db_per_m, air, loss, metres
from ambientgen.mix.feeds import spread
from ambientgen.mix.gain import Gained
from ambientgen.mix.layouts import LAYOUTS
from ambientgen.mix.loudness import Loudness
from ambientgen.mix.moments import Moments
from ambientgen.mix.place import place_clip, placed
from ambientgen.mix.rooms import LONGEST_S, ROOMS
from ambientgen.mix.spot import ear_delays_s
from ambientgen.noise import NoiseField, Take, common_of
from ambientgen.scene.layers import Placement, Ranged, RoomName
from ambientgen.scene.scene import LayoutName
from ambientgen.stream import FloatArray, Stream, Stretch

RATE = 8000
directions = st.floats(-180, 180)
layouts = st.sampled_from(get_args(LayoutName))
rooms = st.sampled_from(get_args(RoomName))


@dataclass(frozen=True)
class Hiss:
    """White feeds with so much in common, in blocks of awkward lengths."""

    channels: int = 1
    common: float = 0.0
    period: int | None = None
    rate: int = RATE
    cut: int = 777

    def reach(self, stretch: Stretch) -> Stretch:
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        begin, end = stretch
        assert end is not None
        assert self.period is not None or begin >= 0, "before 0 there is nothing to ask for"
        fields = [
            Take(5, feed, self.common).field("hiss", 1, self.period)
            for feed in range(self.channels)
        ]
        for at in range(begin, end, self.cut):
            parts = [field.frames(at, min(self.cut, end - at)) for field in fields]
            yield np.concatenate(parts, axis=1)


def along(low: float, high: float, *points: tuple[float, float]) -> Ranged:
    """A curve through points (s, 0…1), between two values of its unit."""
    curve: Curve = Constant(points[0][1])
    if len(points) > 1:
        times, levels = zip(*points, strict=True)
        curve = Points(times, levels, ("linear",) * len(points))
    return Ranged(curve=curve, low=low, high=high)


def whole(stream: Stream, first: int, end: int) -> NDArray[np.float64]:
    return np.concatenate(list(stream.blocks((first, end)))).astype(np.float64)


TURNING = along(-90, 90, (0, 0), (0.5, 1))
LEAVING = along(0, 1, (0, 0), (0.5, 0.6))
FADING = along(-60, 24, (0.1, 0.7), (0.11, 0.2), (0.4, 0.9))


# --- the law of absolute time


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 1500), min_size=1, max_size=4),
    first=st.integers(-400, 3000),
    layout=layouts,
    room=rooms,
    feeds=st.sampled_from([1, 2, 4]),
    period=st.sampled_from([None, None, 3001, 150]),
    moving=st.booleans(),
)
def test_any_stretch_in_any_blocks_is_the_same_to_the_bit(
    cuts: list[int],
    first: int,
    layout: LayoutName,
    room: RoomName,
    feeds: int,
    period: int | None,
    moving: bool,
) -> None:
    placement = Placement(
        gain_db=FADING,
        direction=TURNING if moving else None,
        distance=LEAVING if moving else None,
        room=room,
    )

    def in_blocks(cut: int) -> Stream:
        return placed(Hiss(feeds, 0.3, period, cut=cut), placement, LAYOUTS[layout], 0.5)

    if layout == "mono" or (room == "none" and not moving):
        first = max(first, 0)  # nothing in between that would keep the asker from the stream
    end = first + sum(cuts)
    once = whole(in_blocks(5000), min(first, 0), end + 10)[first - min(first, 0) :]
    begins = itertools.accumulate(cuts[:-1], initial=first)
    parts = [
        whole(in_blocks(300), begin, begin + length)
        for begin, length in zip(begins, cuts, strict=True)
        if length
    ]
    if parts:
        np.testing.assert_array_equal(np.concatenate(parts), once[: sum(cuts)])


@pytest.mark.parametrize("period", [3001, 150])
@pytest.mark.parametrize("room", ["none", "large"])
def test_a_loop_comes_round_to_the_bit(period: int, room: RoomName) -> None:
    placement = Placement(gain_db=FADING, direction=TURNING, distance=LEAVING, room=room)
    stream = placed(Hiss(2, 0.3, period), placement, LAYOUTS["stereo"], 0.5)
    assert stream.period == period
    np.testing.assert_array_equal(whole(stream, 40, 400), whole(stream, 40 - period, 400 - period))
    np.testing.assert_array_equal(
        whole(stream, 0, 2 * period), whole(stream, 5 * period, 7 * period)
    )


def test_what_is_asked_of_the_source_is_what_was_said() -> None:
    asked: list[Stretch] = []

    class Watched(Hiss):
        def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
            asked.append(stretch)
            return super().blocks(stretch)

    for room in get_args(RoomName):
        stream = placed(Watched(), Placement(distance=LEAVING, room=room), LAYOUTS["quad"], 0.5)
        for stretch in ((0, 5), (4000, 4001), (7000, 9000)):
            asked.clear()
            assert len(whole(stream, *stretch)) == stretch[1] - stretch[0]
            assert asked == [stream.reach(stretch)]
            assert stretch[0] >= asked[0][0]
            assert asked[0][1] is not None
            assert asked[0][1] >= stretch[1]


@given(
    st.integers(1, 50),
    st.one_of(st.none(), st.integers(1, 400)),
    st.integers(-1000, 1000),
)
def test_moments_enclose_every_sample(step: int, period: int | None, sample: int) -> None:
    moments = Moments(step, period)
    index = moments.before(sample)
    assert moments.at(index) <= sample < moments.at(index + 1)
    assert 0 < moments.at(index + 1) - moments.at(index) <= step
    assert moments.at(0) == 0
    if period is not None:
        again = moments.before(sample + period)
        assert moments.at(again) == moments.at(index) + period


# --- nothing said: nothing done


def test_mono_without_a_word_is_the_stream_itself() -> None:
    stream = Hiss()
    assert placed(stream, Placement(), LAYOUTS["mono"], 0.5) is stream
    assert placed(stream, Placement(direction=TURNING), LAYOUTS["mono"], 0.5) is stream
    feeds = Hiss(2)
    assert placed(feeds, Placement(), LAYOUTS["stereo"], 0.5) is feeds


def test_one_feed_is_in_both_channels_as_it_is() -> None:
    sound = whole(Hiss(), 0, 500)
    both = whole(placed(Hiss(), Placement(), LAYOUTS["stereo"], 0.0), 0, 500)
    np.testing.assert_array_equal(both, np.repeat(sound, 2, axis=1))
    np.testing.assert_array_equal(
        place_clip(sound[:, 0].astype(np.float32), RATE, LAYOUTS["stereo"]), both
    )
    surround = whole(placed(Hiss(), Placement(), LAYOUTS["ambisonics"], 0.0), 0, 500)
    np.testing.assert_array_equal(surround, sound * [1.0, 0.0, 0.0, 0.0])


def test_two_feeds_ahead_are_left_and_right() -> None:
    ahead = Placement(direction=along(-90, 90, (0, 0.5)))
    heard = whole(placed(Hiss(2), ahead, LAYOUTS["stereo"], 0.5), 0, 2000)
    np.testing.assert_allclose(heard, whole(Hiss(2), 0, 2000), atol=1e-5)


# --- power


@given(direction=directions, layout=layouts)
def test_a_direction_has_constant_power(direction: float, layout: LayoutName) -> None:
    where = LAYOUTS[layout]
    gains = np.array(where.gains(direction))
    assert len(gains) == len(where.channels)
    assert (gains[: where.counted] ** 2).sum() == pytest.approx(where.power)
    assert (np.abs(gains) > 1e-9).sum() <= 3
    if layout == "5.1":
        assert gains[where.channels.index("LFE")] == 0


@given(
    direction=st.one_of(st.none(), directions),
    layout=layouts,
    feeds=st.sampled_from([1, 2, 4]),
    common=st.floats(0, 1),
)
def test_power_is_the_same_however_wide(
    direction: float | None, layout: LayoutName, feeds: int, common: float
) -> None:
    where = LAYOUTS[layout]
    gains = spread(where, direction, feeds, common)[: where.counted]
    alike = common * np.ones((feeds, feeds)) + (1 - common) * np.eye(feeds)
    assert np.trace(gains @ alike @ gains.T) == pytest.approx(where.power)


def test_a_speaker_s_own_direction_is_its_alone() -> None:
    quad, surround = LAYOUTS["quad"], LAYOUTS["5.1"]
    for layout, name, direction in [
        (quad, "FL", -45),
        (quad, "BR", 135),
        (surround, "FC", 0),
        (surround, "FR", 30),
        (surround, "BL", -110),
    ]:
        gains = dict(zip(layout.channels, layout.gains(direction), strict=True))
        assert gains.pop(name) == pytest.approx(math.sqrt(2))
        assert max(map(abs, gains.values())) < 1e-9
    behind = dict(zip(surround.channels, surround.gains(180), strict=True))
    assert behind["BL"] == pytest.approx(behind["BR"]) == pytest.approx(1)


# --- direction


@given(directions)
def test_ambisonics_decode_to_their_direction(direction: float) -> None:
    w, y, z, x = LAYOUTS["ambisonics"].gains(direction)
    assert (w, z) == (1.0, 0.0)
    found = math.degrees(math.atan2(-y, x))  # Y points left
    assert (found - direction + 180) % 360 == pytest.approx(180, abs=1e-6)


@pytest.mark.parametrize("direction", [-75, -30, -4, 12, 50, 80])
@pytest.mark.parametrize("rate", [16000, 44100, 96000])
def test_level_and_delay_tell_the_direction(direction: int, rate: int) -> None:
    clip = NoiseField(3, "clip", 1).frames(0, rate // 4)[:, 0]
    clip = np.convolve(clip, np.hanning(9) / 4, "same").astype(np.float32)
    heard = balance(place_clip(clip, rate, LAYOUTS["stereo"], direction).astype(float), rate)
    assert heard.by_level_deg == pytest.approx(direction, abs=0.6)
    assert heard.by_delay_deg == pytest.approx(direction, abs=1.5)


def test_ears_are_as_far_apart_as_woodworth_says() -> None:
    left, right = ear_delays_s(90)
    assert left - right == pytest.approx(0.0875 / 343.2 * (math.pi / 2 + 1))
    assert ear_delays_s(0) == (0, 0)
    assert ear_delays_s(150) == pytest.approx(ear_delays_s(30))
    assert ear_delays_s(-40) == pytest.approx(ear_delays_s(40)[::-1])


@pytest.mark.parametrize("feeds", [1, 2])
def test_what_moves_is_heard_where_it_was_asked(feeds: int) -> None:
    turning = Placement(direction=along(-90, 90, (0, 0), (6, 1)))
    stream = placed(Hiss(feeds, common_of(0.5), rate=16000), turning, LAYOUTS["stereo"], 0.5)
    heard = [each.by_level_deg for each in balances(whole(stream, 0, 96000), 16000, 0.5)]
    asked = [-82.5 + 15 * k for k in range(12)]
    assert np.abs(np.subtract(heard, asked)).max() < (3 if feeds == 1 else 12)
    assert all(np.diff(heard) > 0)


def test_a_clip_is_what_a_stream_is_that_stands_still() -> None:
    there, far = along(-180, 180, (0, 0.6)), along(0, 1, (0, 0.4))
    for room in get_args(RoomName):
        stream = placed(
            Hiss(), Placement(room=room, direction=there, distance=far), LAYOUTS["quad"], 0.0
        )
        clip = whole(Hiss(), 0, 2000)[:, 0].astype(np.float32)
        clipped = place_clip(clip, RATE, LAYOUTS["quad"], 36.0, 0.4, room)
        assert len(clipped) >= len(clip)
        np.testing.assert_allclose(clipped[:1800], whole(stream, 0, 1800), atol=2e-6)


# --- distance and rooms


def test_air_takes_what_the_standard_says() -> None:
    # ISO 9613-2:1996, table 2, 20 °C and 70 %: dB a kilometre, at the exact mid-band frequencies.
    table = {-9: 0.1, -6: 0.3, -3: 1.1, 0: 2.8, 3: 5.0, 6: 9.0, 9: 22.9, 12: 76.6}
    hz = 1000 * 10 ** ((np.array(list(table)) - 3) / 10)
    found = 1000 * absorption_db_per_m(hz)
    np.testing.assert_allclose(found, list(table.values()), atol=0.06, rtol=0.01)


@given(near=st.floats(0, 0.95), step=st.floats(0.01, 0.5), rate=st.sampled_from([16000, 48000]))
def test_farther_is_fainter_and_duller(near: float, step: float, rate: int) -> None:
    far = min(near + step, 1.0)
    assert metres(far) > metres(near)
    assert loss(far) < loss(near) <= 1
    at_near, at_far = (np.abs(np.fft.rfft(air(d, rate), 1024)) for d in (near, far))
    assert (at_far <= at_near + 2e-3).all()
    if far > 0.5:
        octaves = np.array([1000, 2000, 4000]) * 1024 // rate
        assert (np.diff(at_far[octaves]) < 0).all()


def test_distance_in_decibels() -> None:
    assert metres(0) == 1.0
    assert metres(1) == pytest.approx(1000)
    assert 20 * math.log10(loss(1)) == pytest.approx(-24)
    response = np.abs(np.fft.rfft(air(1.0, 48000), 4800))
    for hz in (2000, 4000, 8000):
        asked = -1000 * float(absorption_db_per_m(np.array([float(hz)]))[0])
        assert 20 * math.log10(response[hz // 10]) == pytest.approx(asked, rel=0.06)


@pytest.mark.parametrize("name", ["small", "large", "outdoors"])
@given(direction=directions)
@settings(max_examples=10)
def test_reflections_are_early_and_of_energy_one(name: RoomName, direction: float) -> None:
    found = ROOMS[name].reflections(direction)
    assert (found.delays_s > 0).all()
    assert (found.gains[found.delays_s >= LONGEST_S] == 0).all()
    assert (found.gains**2).sum() == pytest.approx(1)
    assert (found.gains > 0.02).sum() >= 6
    shares = [ROOMS[name].shares(distance) for distance in (0, 0.5, 1)]
    assert all(direct**2 + all_**2 == pytest.approx(1) for direct, all_ in shares)
    assert [all_ for _, all_ in shares] == sorted(all_ for _, all_ in shares)


@pytest.mark.parametrize("layout", ["stereo", "ambisonics"])
@pytest.mark.parametrize("room", ["small", "large", "outdoors"])
def test_a_room_keeps_the_level(layout: LayoutName, room: RoomName) -> None:
    where = LAYOUTS[layout]
    stream = placed(Hiss(rate=16000), Placement(room=room, direction=TURNING), where, 0.5)
    power = (whole(stream, 2000, 26000)[:, : where.counted] ** 2).mean(axis=0).sum()
    assert 10 * math.log10(power / where.power) == pytest.approx(0, abs=0.5)


# --- gain


def test_gain_follows_its_curve_without_clicks() -> None:
    class Ones(Hiss):
        def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
            for block in super().blocks(stretch):
                yield np.ones_like(block)

    jump = Ranged(curve=Points((0.0, 0.5), (0.0, 1.0), ("hold", "linear")), low=-12.0, high=0.0)
    heard = whole(Gained(Ones(), jump), 0, RATE)[:, 0]
    assert heard[: RATE // 2 - RATE // 100] == pytest.approx(10 ** (-12 / 20), rel=1e-6)
    assert heard[RATE // 2 :] == pytest.approx(1)
    assert np.abs(np.diff(heard)).max() < 0.011
    slope = whole(Gained(Ones(), along(-60, 24, (0, 0), (1, 1))), 0, RATE)[:, 0]
    asked = -60 + 84 * np.arange(RATE) / RATE
    np.testing.assert_allclose(20 * np.log10(slope), asked, atol=0.02)


# --- width


@pytest.mark.parametrize("direction", [0.0, 50.0, 90.0])
def test_noise_is_as_loud_however_wide(direction: float) -> None:
    """As BS.1770 counts: the powers of both channels, added."""
    ahead = Placement(direction=along(-180, 180, (0.0, 0.5 + direction / 360)))
    heard = []
    for width in (0.0, 0.5, 1.0):
        feeds = Hiss(1 if width == 0 else 2, common_of(width), rate=16000)
        meter = Loudness(16000, ("L", "R"))
        meter.push(whole(placed(feeds, ahead, LAYOUTS["stereo"], width), 0, 32_000))
        heard.append(meter.integrated_lufs)
    assert max(heard) - min(heard) < 0.2


def test_a_width_is_a_share_of_noise() -> None:
    assert common_of(0) == 1
    assert common_of(1) == 0
    shares = [common_of(width) for width in np.linspace(0, 1, 21)]
    assert all(np.diff(shares) < 0)
    for width in (-0.1, 1.1):
        with pytest.raises(ValueError, match="a width is a number from 0 to 1"):
            common_of(width)


@pytest.mark.parametrize("width", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_feeds_of_noise_fold_down_as_their_width_says(width: float) -> None:
    common = common_of(width)
    stereo = placed(Hiss(2, common), Placement(), LAYOUTS["stereo"], width)
    heard = Width()
    for block in stereo.blocks((0, 20000)):
        heard.hear(block.astype(np.float64))
    assert heard.correlation == pytest.approx(common, abs=0.03)
    assert heard.fold_down_db == pytest.approx(-10 * math.log10((1 + common) / 2), abs=0.1)
    assert heard.fold_down_db is not None
    assert heard.fold_down_db < (1.0 if width <= 0.5 else 3.2)


def test_all_in_common_is_the_plain_noise_to_the_bit() -> None:
    plain = NoiseField(9, "latents", 16, 100)
    for feed in range(3):
        same = Take(9, feed).field("latents", 16, 100)
        np.testing.assert_array_equal(same.frames(-30, 60), plain.frames(-30, 60))


@pytest.mark.parametrize("common", [0.0, 0.4, 0.9])
def test_feeds_share_what_they_are_told_to(common: float) -> None:
    feeds = [Take(9, feed, common).field("vocoder", 4).frames(-4000, 8000) for feed in range(3)]
    found = np.asarray(np.corrcoef(np.stack([feed.ravel() for feed in feeds])))
    np.testing.assert_allclose(found[np.triu_indices(3, 1)], common, atol=0.02)
    np.testing.assert_allclose([feed.std() for feed in feeds], 1, atol=0.02)


def test_courses_part_later_than_grain() -> None:
    def alike(stream: str) -> float:
        fields = [Take(9, feed, common_of(0.5)).field(stream, 1) for feed in (0, 1)]
        first, second = (field.frames(0, 20000)[:, 0] for field in fields)
        return float(np.mean(first * second) / (first.std() * second.std()))

    assert alike("vocoder") == pytest.approx(common_of(0.5), abs=0.02)
    assert alike("latents") == pytest.approx(1 - 0.5**6, abs=0.02)


def test_noise_of_feeds_is_periodic_and_of_absolute_time() -> None:
    field = Take(9, 1, 0.5).field("latents", 3, 50)
    turn = field.frames(0, 50)
    np.testing.assert_array_equal(field.frames(-20, 90), turn[np.arange(-20, 70) % 50])


def test_a_take_without_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        Take(1, -1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        Take(1, 0, 1.5)


# --- hearing it


def test_width_of_silence_and_of_other_layouts_is_untold() -> None:
    silent, mono = Width(), Width()
    silent.hear(np.zeros((100, 2)))
    mono.hear(np.ones((100, 1)))
    assert silent.verdicts() == mono.verdicts() == []
    opposed = Width()
    opposed.hear(np.array([[1.0, -1.0], [-0.5, 0.5]]))
    assert opposed.correlation == pytest.approx(-1)
    assert opposed.fold_down_db == 120


def test_a_stereo_file_is_told_its_width(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    feeds = whole(Hiss(2, 0.5, rate=16000), 0, 32000)
    soundfile.write(path, 0.1 * feeds, 16000)
    told = {each.name: each for each in listen(path).verdicts if each.name.startswith("space")}
    assert told["space.correlation"].value == pytest.approx(0.5, abs=0.02)
    assert told["space.fold_down"].value == pytest.approx(1.25, abs=0.1)
    assert {each.passed for each in told.values()} == {None}


def test_a_stream_without_end_goes_on() -> None:
    class Endless(Hiss):
        def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
            return super().blocks((stretch[0], 10**6 if stretch[1] is None else stretch[1]))

    placement = Placement(direction=TURNING, room="small", gain_db=FADING)
    stream = placed(Endless(), placement, LAYOUTS["stereo"], 0.5)
    assert stream.reach((5000, None))[1] is None
    blocks = stream.blocks((5000, None))
    heard = np.concatenate(list(itertools.islice(blocks, 4)))
    np.testing.assert_array_equal(heard, whole(stream, 5000, 5000 + len(heard)))
