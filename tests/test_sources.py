"""What layers are made of: procedural sound, events, recordings; functions of absolute time."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.assembly import SYNTHESIS_DB
from ambientgen.curves import Constant, Curve, Points, Repeating, Wander
from ambientgen.errors import UsageError
from ambientgen.mix.air import Air
from ambientgen.mix.clip import ClipToRate
from ambientgen.mix.layouts import LAYOUTS
from ambientgen.mix.place import place_clip
from ambientgen.models.registry import resolve
from ambientgen.noise import Take, common_of
from ambientgen.scene import parse_scene
from ambientgen.scene.document import document_text, scene_document
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.scene import Scene
from ambientgen.scene.state import State
from ambientgen.sources.events import Events, Occurrence, unplaced
from ambientgen.sources.procedural import CORE, Procedural
from ambientgen.sources.recording import Recording, decoded, narrowed
from ambientgen.sources.usable import check_recording, unusable_recordings
from ambientgen.sources.vain import said_in_vain
from ambientgen.stream import Stream
from ambientgen.synth import TEXTURES
from ambientgen.synth.chance import Passing, apart, lasting
from ambientgen.synth.events import longest_s, single
from ambientgen.synth.signals import RATE, scatter

Floats = NDArray[Any]


def heard(stream: Stream, first: int, end: int) -> Floats:
    return np.concatenate([np.zeros((0, stream.channels)), *stream.blocks((first, end))])


def decibels(samples: Floats) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-20))


def scene(duration_s: float = 60.0, loop: bool = False, seed: int = 1) -> Scene:
    return Scene(title="", duration_s=duration_s, loop=loop, seed=seed)


def playing(curves: Mapping[str, Curve], kinds: dict[str, str] | None = None) -> Layer:
    states = tuple(State(name=name, curve=curve, levels=()) for name, curve in curves.items())
    chosen = tuple((kinds or {}).items())
    return Layer(name="all", engine="procedural", states=states, kinds=chosen)


RISING = Points((0.0, 60.0), (0.1, 0.9), ("linear", "linear"))


# --- procedural ------------------------------------------------------------------------------


def test_past_the_end_the_last_level_holds() -> None:
    turn = Repeating(Points((0.0, 4.0), (0.0, 1.0), ("linear", "linear")), 8.0)
    stream = Procedural(playing({"rain": turn}), scene(10.0))  # at 10 s it stands at 0.5
    held = Procedural(playing({"rain": Constant(0.5)}), scene(10.0))
    late, wanted = (decibels(heard(each, 12 * RATE, 30 * RATE)) for each in (stream, held))
    assert late == pytest.approx(wanted, abs=1.0)


@cache
def long_rain() -> tuple[Procedural, Floats]:
    layer = playing({"rain": RISING, "frogs": Wander(Constant(0.5), 0.2, 20.0, 1, "frogs")})
    stream = Procedural(layer, scene())
    return stream, heard(stream, -1000, 60 * RATE)


@settings(max_examples=5, deadline=None)
@given(st.integers(-1000, 58 * RATE), st.integers(0, 2 * RATE))
def test_any_stretch_is_what_it_is_in_the_whole(first: int, length: int) -> None:
    stream, whole = long_rain()
    np.testing.assert_array_equal(
        heard(stream, first, first + length), whole[1000 + first : 1000 + first + length]
    )


def test_before_the_beginning_lies_silence() -> None:
    _, whole = long_rain()
    assert whole.dtype == np.float64 and not whole[:1000].any() and whole[1000:2000].any()


def test_threads_make_the_same_pieces() -> None:
    stream, whole = long_rain()
    with ThreadPoolExecutor(2) as pool:
        beside = Procedural(stream.layer, stream.scene, each=pool.map)
        np.testing.assert_array_equal(heard(beside, 0, 30 * RATE), whole[1000 : 1000 + 30 * RATE])


@pytest.mark.parametrize("duration_s", [4.0, 21.37])
def test_a_loop_is_the_same_every_turn(duration_s: float) -> None:
    curve = Repeating(Points((0.0, 2.0), (0.2, 0.9), ("linear", "linear")), duration_s)
    stream = Procedural(playing({"stream": curve}), scene(duration_s, loop=True))
    period = stream.period
    assert period == round(duration_s * RATE)
    turns = heard(stream, -period, 2 * period).reshape(3, period)
    np.testing.assert_array_equal(turns[0], turns[1])
    np.testing.assert_array_equal(turns[1], turns[2])


def test_a_level_is_followed_to_the_sample() -> None:
    late = Points((0.0, 10.5), (0.0, 0.8), ("hold", "hold"))
    sound = heard(Procedural(playing({"waterfall": late}), scene()), 0, 12 * RATE)[:, 0]
    at = int(10.5 * RATE)
    assert not sound[:at].any()
    assert np.count_nonzero(sound[at : at + 100]) == 100


def test_joins_keep_the_level() -> None:
    sound = heard(Procedural(playing({"waterfall": Constant(0.7)}), scene()), 0, 3 * CORE)
    levels = [decibels(part) for part in sound.reshape(-1, RATE // 2)]
    assert max(levels) - min(levels) < 3.5
    joins = [at + k for at in (40, 80) for k in range(4)]
    assert abs(np.mean([levels[k] for k in joins]) - np.mean(levels)) < 0.5


def test_states_are_summed() -> None:
    both = {"rain": Constant(0.5), "wind": Constant(0.5)}
    parts = [playing({name: curve}) for name, curve in both.items()]
    one, *others = [heard(Procedural(part, scene()), 0, RATE) for part in [playing(both), *parts]]
    np.testing.assert_allclose(one, sum(others), atol=1e-6)


def test_the_kind_is_the_one_chosen() -> None:
    gap = playing({"wind": Constant(0.5)}, {"wind": "gap"})
    usual = heard(Procedural(playing({"wind": Constant(0.5)}), scene()), 0, RATE)
    assert not np.array_equal(heard(Procedural(gap, scene()), 0, RATE), usual)


def test_no_drop_of_a_long_rain_towers_above_all_others() -> None:
    for seed in (0, 4, 5):
        drops = heard(
            Procedural(playing({"rain": Constant(0.7)}, {"rain": "ground"}), scene(seed=seed)),
            0,
            CORE,
        )
        assert np.abs(drops).max() < 0.8 and abs(decibels(drops) + 28) < 0.7


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 1.3))
def test_bounded_events_are_as_loud_as_others(seed: int, spread: float) -> None:
    rates = np.full(10 * RATE, 4000.0)
    sizes = scatter(rates, np.random.default_rng(seed), spread, most=4.0)
    sizes = np.abs(sizes[sizes != 0])
    free = np.abs(scatter(rates, np.random.default_rng(seed), spread))
    np.testing.assert_array_equal(np.argsort(free[free != 0])[:1000], np.argsort(sizes)[:1000])
    assert np.mean(sizes**2) == pytest.approx(1, abs=0.08) and sizes.max() < 7


@cache
def wide_rain(width: float, feeds: int = 2) -> Floats:
    takes = tuple(Take(1, feed, common_of(width)) for feed in range(feeds))
    layer = playing({"rain": Constant(0.6), "room": Constant(0.5)})
    return heard(Procedural(layer, scene(), takes=takes), 2 * RATE, 10 * RATE)


@pytest.mark.parametrize("width", [0.5, 1.0])
def test_a_wide_layer_is_as_wide_as_a_models(width: float) -> None:
    sound, point = wide_rain(width, 3), wide_rain(0.0, 1)
    alike = np.corrcoef(sound.T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(alike, common_of(width), atol=0.04)
    for feed in sound.T:
        assert abs(decibels(feed) - decibels(point)) < 0.5


@pytest.mark.parametrize("seed", [0, 2])
def test_birds_who_happen_to_sing_more_make_a_layer_no_wider(seed: int) -> None:
    takes = tuple(Take(1, feed, common_of(0.5)) for feed in range(2))
    layer = playing({"birds": Constant(0.6)})
    sound = heard(Procedural(layer, scene(seed=seed), takes=takes), 0, CORE)
    assert np.corrcoef(sound.T)[0, 1] == pytest.approx(common_of(0.5), abs=0.06)


def test_of_no_width_a_layer_is_one_sound() -> None:
    point = Procedural(playing({"rain": Constant(0.6), "room": Constant(0.5)}), scene())
    np.testing.assert_array_equal(heard(point, 2 * RATE, 10 * RATE), wide_rain(0.0, 1))
    np.testing.assert_array_equal(*wide_rain(0.0).T)


@pytest.mark.slow
def test_any_stretch_of_a_wide_sound_is_what_it_is_in_the_whole() -> None:
    takes = tuple(Take(1, feed, 0.5) for feed in range(2))
    layer = playing({"rain": Constant(0.6), "room": Constant(0.5)})
    whole = heard(Procedural(layer, scene(), takes=takes), -10, 22 * RATE)
    part = heard(Procedural(layer, scene(), takes=takes), 19 * RATE, 21 * RATE)
    np.testing.assert_array_equal(part, whole[10 + 19 * RATE : 10 + 21 * RATE])


# --- what lasts ------------------------------------------------------------------------------


def spectrum(name: str, seed: int, piece: int) -> Floats:
    curve, kind = np.full(6 * RATE, 0.6), next(iter(TEXTURES[name].kinds))
    sound = TEXTURES[name](curve, Passing((seed, name), piece), kind)
    power = np.abs(np.fft.rfft(sound.reshape(-1, RATE // 10))) ** 2
    return np.asarray(10 * np.log10(power.mean(axis=0)[5:797].reshape(-1, 12).mean(axis=1) + 1e-12))


@pytest.mark.parametrize("name", ["waterfall", "crickets", "frogs", "train", "room"])
def test_pieces_of_one_sound_are_more_alike_than_two_sounds(name: str) -> None:
    made = np.array([[spectrum(name, seed, piece) for piece in range(3)] for seed in range(3)])
    within = made.std(axis=1).mean()
    across = made.mean(axis=1).std(axis=0).mean()
    assert across > 2 * within, (within, across)


def test_a_piece_has_its_own_chance_and_the_traits_of_all() -> None:
    one, other = Passing(("a", 1), 0), Passing(("a", 1), 320_000)
    assert lasting(one, "x").random() == lasting(other, "x").random()
    assert lasting(one, "x").random() != lasting(one, "y").random()
    assert one.random() != other.random()
    ours, theirs = apart(one, 3), apart(other, 3)
    assert lasting(ours).random() == lasting(theirs).random() != lasting(one).random()
    assert ours.random() != theirs.random()


def test_a_plain_generator_draws_its_own_next_numbers() -> None:
    plain, same = np.random.default_rng(3), np.random.default_rng(3)
    assert lasting(plain, "x") is plain
    expected = np.random.default_rng(same.integers(2**63)).random()
    assert apart(plain, 1).random() == expected


def test_music_keeps_its_bars_from_piece_to_piece() -> None:
    sound = playing({"music": Constant(0.6)})
    takes = [Procedural(sound, scene(seed=seed)) for seed in (1,)]
    for take in takes:
        made = [take._made((k * CORE, (k + 1) * CORE))[1][0, 0] for k in (0, 1)]
        sides = made[0][CORE:], made[1][: len(made[0]) - CORE]
        fade = [np.abs(np.fft.rfft(part)) for part in sides]
        low = slice(100, 1500)
        alike = np.corrcoef(np.log(fade[0][low] + 1e-3), np.log(fade[1][low] + 1e-3))[0, 1]
        assert alike > 0.5


# --- events ----------------------------------------------------------------------------------

MONO, STEREO = LAYOUTS["mono"], LAYOUTS["stereo"]


def bells(*events: Event, at_rate: int = RATE, **kwargs: Any) -> Events:
    layer = Layer(name="bells", engine="procedural", events=events, **kwargs.pop("layer", {}))
    return Events(layer, kwargs.pop("scene", scene()), MONO, at_rate, unplaced, **kwargs)


@pytest.mark.parametrize("sound", TEXTURES)
def test_every_sound_begins_with_its_first_sample(sound: str) -> None:
    made = single(sound, 0.8, np.random.default_rng(2))
    assert abs(made[0]) > 1e-3 * np.abs(made).max()
    assert np.isfinite(made).all() and 0.01 < np.abs(made).max() < 1
    assert len(made) <= longest_s(sound) * RATE
    short = single(sound, 0.8, np.random.default_rng(2), length_s=0.5)
    assert len(short) <= RATE // 2 and abs(short[-1]) < 0.05 * np.abs(short).max()


@pytest.mark.parametrize("at_rate", [16_000, 44_100, 48_000])
def test_an_event_begins_at_its_sample(at_rate: int) -> None:
    stream = bells(Event(sound="dishes", at_s=7.77), at_rate=at_rate)
    at = int(7.77 * at_rate + 0.5)
    sound = heard(stream, at - 100, at + 1000)[:, 0]
    assert not sound[:100].any()
    assert np.abs(sound[100:104]).max() > 1e-3 * np.abs(sound).max()


def test_the_nearer_ear_hears_an_event_at_its_sample() -> None:
    event = Event(sound="dishes", at_s=2.0, direction=(-45, -45), distance=(0.3, 0.3))
    layer = Layer(name="x", engine="procedural", events=(event,))
    stream = Events(layer, scene(), STEREO, 48_000, place_clip)
    left, right = (np.abs(side) for side in heard(stream, 90_000, 6 * 48_000).T)
    assert not left[:6000].any() and left[6000:6020].max() > 1e-3 * left.max()
    later = np.argmax(right > 0.01 * right.max()) - np.argmax(left > 0.01 * left.max())
    assert 10 < later < 48  # up to 0.7 ms around the head
    assert np.square(left).sum() > 1.5 * np.square(right).sum()


@pytest.mark.parametrize("name", TEXTURES)
def test_strength_is_heard(name: str) -> None:
    weak, strong = (
        np.mean([decibels(single(name, x, np.random.default_rng(k))) for k in range(2)])
        for x in (0.3, 1.0)
    )
    assert strong > weak + 4
    assert not single(name, 0.0, np.random.default_rng(1)).any()


@pytest.mark.parametrize("length_s", [8.0, 20.0])
@pytest.mark.parametrize(
    ("sound", "kind"),
    [("thunder", "near"), ("thunder", "far"), ("train", "whistle"), ("waves", None)],
)
def test_a_sound_that_stretches_lasts_as_long_as_it_is_to(
    sound: str, kind: str | None, length_s: float
) -> None:
    made = single(sound, 0.8, np.random.default_rng(2), kind=kind, length_s=length_s)
    assert len(made) == pytest.approx(length_s * RATE, rel=0.01)
    late = made[int(0.5 * len(made)) : int(0.85 * len(made))]
    assert decibels(late) > decibels(made) - 30  # and is heard for so long


def test_near_thunder_cracks_and_far_thunder_rolls() -> None:
    def brightness(distance: float) -> float:
        power = np.zeros(RATE // 8 + 1)
        for seed in range(3):
            clap = single("thunder", 0.8, np.random.default_rng(seed), distance=distance)
            power += np.abs(np.fft.rfft(clap[: RATE // 4])) ** 2
        return float(power[2000 // 4 :].sum() / power.sum())

    assert brightness(0.0) > 5 * brightness(0.9)


@cache
def storm(loop: bool) -> tuple[Events, Floats]:
    rate = Ranged(curve=RISING, low=10.0, high=120.0)
    stream = bells(
        Event(sound="dishes", at_s=3.0),
        Event(sound="birds", at_s=29.8),
        Event(sound="footsteps", rate=rate, level=(0.2, 1.0)),
        at_rate=22_050,
        scene=scene(30.0, loop=loop),
    )
    return stream, heard(stream, -1000, 40 * 22_050)


@settings(max_examples=12, deadline=None)
@given(st.booleans(), st.integers(0, 33 * 22_050), st.integers(0, 5 * 22_050))
def test_any_stretch_of_events_is_what_it_is_in_the_whole(
    loop: bool, first: int, length: int
) -> None:
    stream, whole = storm(loop)
    np.testing.assert_array_equal(
        heard(stream, first, first + length), whole[1000 + first : 1000 + first + length]
    )


def test_an_event_written_before_others_leaves_them_as_they_were() -> None:
    """To the bit: only the layer's own sum is rounded."""
    thunder = Event(sound="thunder", at_s=2.0)
    steps = Event(sound="footsteps", rate=Ranged(curve=Constant(1.0), low=0.0, high=60.0))
    bird = Event(sound="birds", at_s=5.0)
    before, after = bells(bird, steps), bells(thunder, bird, steps)
    told = [[(e.first, e.number) for e in b.occurrences(0, 60 * RATE)] for b in (before, after)]
    assert len(told[0]) > 20 and set(told[0]) < set(told[1])
    own = heard(bells(thunder), 0, 60 * RATE)
    added = heard(after, 0, 60 * RATE) - heard(before, 0, 60 * RATE)
    assert np.abs(own).max() > 0.01
    np.testing.assert_allclose(added, own, atol=1e-6)


@pytest.mark.parametrize("sound", ["footsteps", "thunder"])
def test_so_does_their_air(sound: str) -> None:
    """Above 8 kHz, too, where a sound of another rate than the model's has some."""
    raise_clip = ClipToRate(RATE, 48_000, Air(1, "storm"))
    event = Event(sound=sound, at_s=2.0)
    before = bells(event, at_rate=48_000, raised=raise_clip)
    after = bells(Event(sound="birds", at_s=9.0), event, at_rate=48_000, raised=raise_clip)
    clips = [heard(stream, 0, 8 * 48_000) for stream in (before, after)]
    assert np.abs(clips[0]).max() > 0.01
    np.testing.assert_array_equal(*clips)


def test_events_of_one_sound_are_not_alike() -> None:
    rate = Ranged(curve=Constant(1.0), low=0.0, high=60.0)
    one, other = (Event(sound="birds", rate=rate) for _ in range(2))
    firsts = {}
    for each in bells(one, other, Event(sound="birds", at_s=1.0)).occurrences(0, 60 * RATE):
        firsts.setdefault(each.entry, set()).add(each.first)
    assert len(firsts) == 3 and not firsts[0] & firsts[1]


def test_events_go_round_the_end_of_a_loop() -> None:
    stream, _ = storm(True)
    period = stream.period
    assert period == 30 * 22_050
    np.testing.assert_array_equal(heard(stream, -period, 0), heard(stream, period, 2 * period))
    alone = bells(Event(sound="birds", at_s=29.8), scene=scene(30.0, loop=True))
    assert heard(alone, 0, RATE).any()  # the call that began before the end
    once = bells(Event(sound="birds", at_s=29.8), scene=scene(30.0))
    assert not heard(once, 0, RATE).any()


def test_a_random_event_at_the_very_end_of_a_turn_is_heard_in_every_stretch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nearer to the next turn's first sample than to the last one of its own."""

    def drawn(_: Events, _rate: Ranged, _entry: int, cell: int, cell_s: float) -> Any:
        return [(0, (cell + 1) * cell_s - 1e-5)]

    monkeypatch.setattr(Events, "_drawn", drawn)
    rate = Ranged(curve=Constant(1.0), low=0.0, high=6.0)
    stream = bells(Event(sound="dishes", rate=rate), scene=scene(60.0, loop=True))
    period = 60 * RATE
    whole = [one.first for one in stream.occurrences(0, 2 * period)]
    assert sorted(whole) == list(range(0, 2 * period, 10 * RATE))
    for first in (0, period):
        assert [one.first for one in stream.occurrences(first, first + RATE)] == [first]


def test_random_events_come_at_their_rate() -> None:
    event = Event(sound="frogs", rate=Ranged(curve=RISING, low=0.0, high=30.0))
    counts = []
    for seed in range(300):
        stream = bells(event, scene=scene(seed=seed))
        firsts = np.array([one.first for one in stream.occurrences(0, 60 * RATE)])
        counts.append([(firsts < 30 * RATE).sum(), (firsts >= 30 * RATE).sum()])
    # The curve's mean is 0.3 in the first half minute and 0.7 in the second, of 30 a minute.
    early, late = np.mean(counts, axis=0)
    assert abs(early - 4.5) < 4 * np.sqrt(4.5 / 300)
    assert abs(late - 10.5) < 4 * np.sqrt(10.5 / 300)
    whole = np.sum(counts, axis=1)
    assert 0.75 < whole.var() / whole.mean() < 1.3  # as of a Poisson process


def test_each_event_draws_its_own() -> None:
    asked: list[Any] = []

    def place(clip: Floats, rate: int, layout: Any, *where: Any) -> Floats:
        asked.append(where[:2])
        return unplaced(clip, rate, layout, *where)

    rate = Ranged(curve=Constant(1.0), low=0.0, high=60.0)
    event = Event(sound="frogs", rate=rate, direction=(-90, 90), distance=(0.2, 0.9))
    layer = Layer(name="x", engine="procedural", events=(event,))
    heard(Events(layer, scene(), STEREO, RATE, place), 0, 30 * RATE)
    directions, distances = np.array(asked).T
    assert len(asked) > 15
    assert np.ptp(directions) > 60 and np.ptp(distances) > 0.3
    assert np.abs(directions).max() <= 90 and 0.2 <= distances.min() <= distances.max() <= 0.9


def test_the_layer_says_where_events_are_that_say_nothing() -> None:
    asked: list[Any] = []

    def place(clip: Floats, rate: int, layout: Any, *where: Any) -> Floats:
        asked.append(where[:2])
        return unplaced(clip, rate, layout, *where)

    placement = Placement(direction=Ranged(curve=RISING, low=-100.0, high=100.0))
    event = Event(sound="dishes", at_s=30.0)
    layer = Layer(name="bells", engine="procedural", events=(event,), placement=placement)
    heard(Events(layer, scene(), MONO, RATE, place), 30 * RATE, 31 * RATE)
    assert asked == [(pytest.approx(0.0), 0.0)]


def test_occurrences_sort_by_time() -> None:
    assert Occurrence(5, 2) < Occurrence(6, 0) < Occurrence(6, 1)


# --- recordings ------------------------------------------------------------------------------


def written(path: Path, seconds: float, rate: int = 16_000, channels: int = 1) -> Layer:
    rng = np.random.default_rng(8)
    samples = 0.1 * rng.standard_normal((int(seconds * rate), channels)) + 0.05
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return Layer(name="bed", engine="recording", file=path.name, base=str(path.parent))


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    return written(tmp_path_factory.mktemp("recording") / "noise.wav", 5.0, channels=2)


@pytest.mark.parametrize("width", [0.0, 0.25, 0.5, 1.0])
def test_a_recording_has_its_own_width_from_a_half_on(noise: Layer, width: float) -> None:
    sound = heard(Recording(noise, scene(), RATE, width), 0, 4 * RATE)
    own = heard(Recording(noise, scene(), RATE), 0, 4 * RATE)
    side, own_side = (np.ptp(each, axis=1).std() for each in (sound, own))
    assert abs(decibels(sound) - decibels(own)) < 0.1
    if width >= 0.5:
        np.testing.assert_array_equal(sound, own)
    elif width == 0.0:
        np.testing.assert_array_equal(sound[:, 0], sound[:, 1])
    else:
        assert 0.4 * own_side < side < 0.8 * own_side


def test_channels_that_cancel_each_other_are_not_raised_without_end() -> None:
    tone = np.sin(np.arange(1000.0)).astype(np.float32)
    opposed = np.stack([tone, -0.999 * tone], axis=1)
    assert np.abs(narrowed(opposed, 0.0)).max() < 0.01


def test_a_recording_goes_round_at_an_even_level(noise: Layer) -> None:
    stream = Recording(noise, scene(), RATE)
    assert stream.channels == 2 and stream.period is None
    sound = heard(stream, 0, 40 * RATE)
    levels = [decibels(part) for part in sound.reshape(-1, RATE // 5, 2)]
    assert max(levels) - min(levels) < 0.7  # 6400 numbers a part: a deviation of 0.08 dB
    assert abs(sound.mean()) < 1e-3
    np.testing.assert_allclose(sound[: 3 * RATE], decoded(noise, RATE)[: 3 * RATE], atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.booleans(), st.integers(-RATE, 30 * RATE), st.integers(0, 3 * RATE))
def test_any_stretch_of_a_recording(noise: Layer, loop: bool, first: int, length: int) -> None:
    stream = Recording(noise, scene(13.13, loop=loop), RATE)
    whole = heard(stream, -RATE, 33 * RATE + 10)
    np.testing.assert_array_equal(
        heard(stream, first, first + length), whole[RATE + first : RATE + first + length]
    )


@pytest.mark.parametrize("duration_s", [4.0, 4.6, 13.13, 60.0])
def test_a_loop_of_a_recording_meets_itself(noise: Layer, duration_s: float) -> None:
    stream = Recording(noise, scene(duration_s, loop=True), 22_050)
    period = stream.period
    assert period == int(duration_s * 22_050 + 0.5)
    turns = heard(stream, -period, 2 * period).reshape(3, period, 2)
    np.testing.assert_array_equal(turns[0], turns[1])
    np.testing.assert_array_equal(turns[1], turns[2])
    again = np.concatenate([turns[0], turns[0]])
    levels = [decibels(part) for part in again[: len(again) // 4410 * 4410].reshape(-1, 4410, 2)]
    assert max(levels) - min(levels) < 1.2


def test_a_tone_has_no_gap_where_it_comes_round(tmp_path: Path) -> None:
    t = np.arange(3 * RATE) / RATE
    soundfile.write(tmp_path / "tone.flac", 0.3 * np.sin(2 * np.pi * 440.3 * t), RATE)
    layer = Layer(name="bed", engine="recording", file="tone.flac", base=str(tmp_path))
    sound = heard(Recording(layer, scene(), RATE), 0, 12 * RATE)[:, 0]
    assert np.abs(np.diff(sound)).max() < 0.08  # 0.3 * 2 pi * 440 / 16000 = 0.052


@pytest.mark.parametrize(
    ("name", "samples", "said"),
    [
        (
            "short.wav",
            np.full((1000, 1), 0.1),
            "lasts only 0.06 s; use a file of at least",
        ),
        ("none.wav", np.zeros((0, 1)), "holds no sound"),
        ("silent.wav", np.full((RATE, 1), 0.25), "is silent from end to end"),
        ("many.wav", np.ones((RATE, 3)), "has 3 channels; use a mono or a stereo file"),
        ("nan.wav", np.full((RATE, 1), np.nan), "holds numbers that are not finite"),
    ],
)
def test_a_recording_that_cannot_be_used_is_told(
    tmp_path: Path, name: str, samples: Floats, said: str
) -> None:
    soundfile.write(tmp_path / name, samples, RATE, subtype="FLOAT")
    layer = Layer(name="bed", engine="recording", file=name, base=str(tmp_path))
    problem = check_recording(layer)
    assert str(problem).startswith(f"{tmp_path / name}: the recording `{name}` {said}")


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    told = partial(Layer, name="bed", engine="recording", base=str(tmp_path))
    (tmp_path / "text.wav").write_text("no sound")
    assert "there is no recording `gone.wav`; check the name" in str(
        check_recording(told(file="gone.wav"))
    )
    assert "is a folder" in str(check_recording(told(file=".")))
    assert "is no file; save the sound to a file" in str(check_recording(told(file=os.devnull)))
    assert "the recording `text.wav` cannot be read as sound (Format not recognised)" in str(
        check_recording(told(file="text.wav"))
    )
    with pytest.raises(UsageError, match="cannot be read"):
        decoded(told(file="text.wav"), RATE)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EACCES, "may not be read (permission denied); let it be read ("),
        (errno.EIO, "cannot be read (input/output error); copy it again, or use another file"),
    ],
)
def test_a_recording_that_the_system_withholds_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str, whole: bool
) -> None:
    sound = tmp_path / "bed.wav"
    soundfile.write(sound, 0.1 * np.random.default_rng(1).standard_normal(RATE), RATE)
    if not whole:  # one that the library refuses, with no reason worth telling
        sound.write_bytes(b"")
    layer = Layer(name="bed", engine="recording", file="bed.wav", base=str(tmp_path))

    def withheld(path: Path, *_: object) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "open", withheld)
    assert f"the recording `bed.wav` {said}" in str(check_recording(layer))
    if not whole:
        with pytest.raises(UsageError, match=re.escape(said)):
            decoded(layer, RATE)


def test_bad_recordings_are_told_at_their_lines(tmp_path: Path) -> None:
    text = "duration: 10s\nlayers:\n"
    for index, name in enumerate(["text.wav", "cut.mp3", "cut.flac"]):
        text += f"  r{index}: {{engine: recording, file: {name}}}\n"
    (tmp_path / "text.wav").write_text("no sound")
    for name in ("cut.mp3", "cut.flac"):
        soundfile.write(tmp_path / name, 0.1 * np.random.default_rng(1).standard_normal(RATE), RATE)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 3])
    there = str(tmp_path / "bad.yaml")
    told = [str(problem) for problem in unusable_recordings(parse_scene(text, there))]
    assert [re.split(r" \(|: \d", line)[0] for line in told] == [
        f"{there}:3:33: the recording `text.wav` cannot be read as sound",
        f"{there}:4:33: the recording `cut.mp3` is cut short",
        f"{there}:5:33: the recording `cut.flac` is cut short",
    ]


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("b.wav", {"subtype": "PCM_24", "format": "WAVEX"}),
        ("c.wav", {"subtype": "FLOAT", "format": "RF64"}),
        ("d.aiff", {}),
        ("e.flac", {"subtype": "PCM_24"}),
        ("f.ogg", {}),
        ("g.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("h.mp3", {}),
    ],
)
def test_a_recording_that_was_cut_says_how_much_is_there(
    tmp_path: Path, name: str, kind: dict[str, str], share: float
) -> None:
    samples = 0.1 * np.random.default_rng(1).standard_normal((8 * RATE, 2))
    soundfile.write(tmp_path / name, samples, RATE, **kind)
    layer = Layer(name="bed", engine="recording", file=name, base=str(tmp_path))
    assert check_recording(layer) is None
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    said = re.search(r"is cut short: ([\d.]+) s are there, and (.*)", str(check_recording(layer)))
    assert said is not None and float(said[1]) == pytest.approx(
        8 * share, abs=1.1
    )  # pages of a second
    promised = "its end is not; " if name in {"f.ogg", "g.opus"} else "it should last 8.00 s; "
    assert said[2] == promised + "copy it again, or save what is there as a new file"


def test_what_was_written_to_a_pipe_knows_no_length_and_may_be_whole(tmp_path: Path) -> None:
    layer = Layer(name="bed", engine="recording", file="a.wav", base=str(tmp_path))
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(1).standard_normal(RATE) / 9, RATE)
    held = bytearray((tmp_path / "a.wav").read_bytes())
    for untold in (b"\xff\xff\xff\xff", b"\x00\xf0\xff\x7f"):
        held[40:44] = untold
        (tmp_path / "a.wav").write_bytes(held)
        assert check_recording(layer) is None


def test_a_good_recording_has_no_problem(noise: Layer, tmp_path: Path) -> None:
    assert check_recording(noise) is None
    for name in ("a.flac", "b.ogg", "c.mp3"):
        samples = 0.1 * np.random.default_rng(1).standard_normal(44_100)
        soundfile.write(tmp_path / name, samples, 44_100)
        layer = Layer(name="bed", engine="recording", file=name, base=str(tmp_path))
        assert check_recording(layer) is None
        assert abs(len(decoded(layer, 48_000)) - 48_000) < 2500  # MP3 adds its frames


def test_half_an_hour_is_the_most(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 8000, 1) as file:
        for _ in range(31):
            file.write(np.zeros(60 * 8000))
    layer = Layer(name="bed", engine="recording", file="long.flac", base=str(tmp_path))
    assert "lasts 31 minutes" in str(check_recording(layer))


# --- in vain ---------------------------------------------------------------------------------

IN_VAIN = """
duration: 1m
layers:
  far: {engine: procedural, states: {rain: {curve: 0}}}
  near: {states: {rain: {curve: {0s: 0, 30s: 0}}}, width: 0.3}
  inn: {setting: in an inn, states: {rain: {curve: 0}}}
  soon: {engine: procedural, states: {rain: {curve: {0s: 0, 59s: 0, 1m: 0.1}}}}
  bells:
    engine: procedural
    events:
      - {rate: 0, sound: dishes}
      - {rate: {0s: 0, 1m: 1}, sound: birds, direction: 90}
"""


def test_what_nobody_will_hear_is_told() -> None:
    mono = "is not heard in mono; write `output: {layout: stereo}`"
    never = "it is never heard: the levels of its states stay at 0"
    assert list(said_in_vain(parse_scene(IN_VAIN))) == [
        f"layer far (line 4): {never}",
        f"layer near (line 5): {never}",
        f"layer near (line 5): its `width` {mono}",
        "layer bells (line 9): event 1, `dishes`, never comes: its `rate` stays at 0",
        f"layer bells (line 9): its `direction` {mono}",
    ]
    wide = list(said_in_vain(parse_scene(IN_VAIN + "output: {layout: stereo}\n")))
    assert len(wide) == 3 and not any(mono in line for line in wide)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_width_of_what_is_one_point_is_told(tmp_path: Path, channels: int) -> None:
    written(tmp_path / "bed.wav", 1.0, channels=channels)
    text = "duration: 9s\nlayers: {bed: {engine: recording, file: bed.wav, width: 1}}\n"
    wide = parse_scene(text + "output: {layout: stereo}\n", str(tmp_path / "a.yaml"))
    told = [
        "layer bed (line 2): its `width` is not heard: the recording `bed.wav` is mono, one point"
    ]
    assert list(said_in_vain(wide)) == (told if channels == 1 else [])


def test_what_is_told_of_a_scene_without_layers_names_none() -> None:
    text = "duration: 1m\nstates: {rain: {curve: 0}}\nevents:\n- {rate: 0, sound: birds}\n"
    text += "- {at: 1s, sound: thunder, direction: 90}\n"
    assert list(said_in_vain(parse_scene(text))) == [
        "the states are never heard: their levels stay at 0",
        "events: event 1, `birds`, never comes: its `rate` stays at 0",
        "events: their `direction` is not heard in mono; write `output: {layout: stereo}`",
    ]


def test_widths_of_mono_and_of_events_and_a_setting_for_no_model_are_told() -> None:
    text = "duration: 9s\nsetting: a lake\nlayers: {a: {engine: procedural, width: 0.3, "
    text += "events: [{at: 1s, sound: birds}]"
    setting = "the `setting` is not heard: no sound of the scene is made by a model"
    mono = "not heard in mono; write `output: {layout: stereo}`"
    assert list(said_in_vain(parse_scene(text + "}}\noutput: {width: 0.9}\n"))) == [
        setting,
        f"the output's `width` is {mono}",
        f"layer a (line 3): its `width` is {mono}",
    ]
    stereo = "\noutput: {layout: stereo, width: 0.9}\n"
    assert list(said_in_vain(parse_scene(text + "}}" + stereo))) == [
        setting,
        "layer a (line 3): its `width` is not heard: each of its events is one point",
    ]
    states = ", states: {rain: {curve: 0.5}}"
    assert list(said_in_vain(parse_scene(text + states + "}}" + stereo))) == [setting]
    assert not list(said_in_vain(parse_scene(f"{text}{states}, strength: 0.5}}}}{stereo}")))


def test_a_turn_that_a_loop_makes_another_is_told() -> None:
    points = "curve: {0s: 0.1, 2s: 0.9}"
    text = f"""
    duration: 10s
    loop: true
    layers:
      sea:
        engine: procedural
        states:
          waves: {{repeat: 7s, {points}}}
          wind: {{repeat: 4.9s, {points}, wander: {{amount: 0.1, period: 7s}}}}
        gain: {{repeat: 4s, {points}, wander: {{amount: 3dB, period: 9s}}}}
        events: [{{sound: birds, rate: {{repeat: 6s, {points}}}}}]
    """
    fits = "only whole turns fit the loop of 10s"
    scene = parse_scene(text)
    assert list(said_in_vain(scene)) == [
        f"layer sea (line 6): `waves` repeats every 10s, not every 7s: {fits}",
        f"layer sea (line 6): its `gain` repeats every 5s, not every 4s: {fits}",
        f"layer sea (line 6): event 1, `birds`: its `rate` repeats every 5s, not every 6s: {fits}",
    ]
    assert not list(said_in_vain(parse_scene(text.replace("loop: true", "loop: false"))))
    again = parse_scene(document_text(scene_document(scene)))  # as its sidecar says: it fits
    assert again.layers == scene.layers and not list(said_in_vain(again))


def test_what_is_synthesised_is_as_loud_as_what_pocket_makes() -> None:
    assert resolve("pocket").gain_db == SYNTHESIS_DB


def test_a_short_smooth_sound_in_a_long_scene_is_not_said_to_be_unheard() -> None:
    text = """
    duration: 8h
    layers:
      storm:
        engine: procedural
        states: {thunder: {easing: smooth, curve: {0s: 0, 7204s: 0, 7207s: 0.8, 7216s: 0}}}
        events:
        - sound: birds
          rate: {easing: smooth, curve: {0s: 0, 7204s: 0, 7207s: 60, 7216s: 0}}
    """
    assert not list(said_in_vain(parse_scene(text)))
    assert len(list(said_in_vain(parse_scene(text.replace("0.8", "0").replace("60", "0"))))) == 1


@pytest.mark.parametrize("duration", ["endless", "60s"])
def test_a_level_that_comes_at_the_end_of_what_is_told_is_heard(duration: str) -> None:
    """It is held from then on, in a longer render too."""
    text = f"duration: {duration}\nlayers: {{a: {{engine: procedural, states: {{rain: "
    text += "{easing: hold, curve: {0s: 0, 60s: 1}}}}}"
    assert not list(said_in_vain(parse_scene(text)))


def test_what_is_lost_at_full_strength_is_told() -> None:
    text = """
    duration: 20s
    layers:
      camp:
        engine: procedural
        strength: 1
        states: {fire: {curve: 0.5, kind: twigs}}
        events: [{at: 5s, sound: thunder}]
    """
    told = [line.partition(": ")[2] for line in said_in_vain(parse_scene(text))]
    left = "is not heard: at `strength: 1` nothing of the synthesis is left"
    assert told == [f"its `events` {left}", f"its `kind` {left}"]
