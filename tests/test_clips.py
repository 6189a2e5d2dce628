"""Single sounds on their way to the output: their rate, their air, and their layer's gain."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from ambientgen.asked import Asked
from ambientgen.assembly import ENGINES, Setup
from ambientgen.curves import Constant, Points
from ambientgen.mix.air import Air
from ambientgen.mix.clip import ClipToRate
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.scene import OutputOptions, Scene
from ambientgen.stream import Stream
from ambientgen.synth.events import single
from ambientgen.synth.signals import RATE

Floats = NDArray[Any]


def clip(sound: str = "waves") -> Floats:
    return single(sound, 0.9, np.random.default_rng(3)).astype(np.float32)


def power_above(sound: Floats, rate: int, hertz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    return float(spectrum[int(hertz * len(sound) / rate) :].sum() / spectrum.sum())


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_a_clip_at_another_rate_is_as_long_and_gets_air(rate: int) -> None:
    sound = clip()
    plain = ClipToRate(RATE, rate)(sound, "one")
    aired = ClipToRate(RATE, rate, Air(1, "sea"))(sound, "one")
    assert plain.dtype == aired.dtype == np.float32
    np.testing.assert_array_equal(
        plain, soxr.resample(sound.astype(np.float64), RATE, rate, "VHQ").astype(np.float32)
    )
    assert len(aired) == len(plain)
    assert power_above(plain, rate, 8300) < 1e-9
    assert power_above(aired, rate, 8300) > 1e-4


def test_a_clip_gets_air_as_a_stream_does() -> None:
    for sound, most in (("fire", 0.1), ("birds", 1e-8), ("dishes", 1e-5)):
        aired = ClipToRate(RATE, 48_000, Air(1, "x"))(clip(sound), "one")
        assert power_above(aired, 48_000, 8300) < most, sound  # what is made of tones gets none


def test_each_clip_has_its_own_air_and_always_the_same() -> None:
    raised = ClipToRate(RATE, 48_000, Air(1, "sea"))
    one, again, other = (raised(clip(), name) for name in ("one", "one", "other"))
    np.testing.assert_array_equal(one, again)
    plain = ClipToRate(RATE, 48_000)(clip(), "one")
    likeness = np.corrcoef(one - plain, other - plain)[0, 1]
    assert abs(likeness) < 0.1


def test_at_its_own_rate_a_clip_is_itself_however_short() -> None:
    sound = clip()
    assert ClipToRate(RATE, RATE, Air(1, "sea"))(sound, "one") is sound
    for samples in (0, 1, 160):
        made = ClipToRate(RATE, 48_000, Air(1, "x"))(sound[:samples], "one")
        assert len(made) == 3 * samples and np.isfinite(made).all()


def sounded(layer: Layer, output: OutputOptions) -> Stream:
    scene = Scene(title="", duration_s=20.0, layers=(layer,), output=output)
    studio = cast(Any, SimpleNamespace(engine=SimpleNamespace(map=map)))
    return ENGINES["procedural"](Setup(scene, studio, Asked(), cast(Any, None)), layer).stem


def heard(stream: Stream, first: int, end: int) -> Floats:
    return np.concatenate(list(stream.blocks((first, end))))[:, 0]


WAVE = Layer(name="sea", engine="procedural", events=(Event(sound="waves", at_s=1.0),))


def test_events_of_a_scene_have_air_if_it_is_wanted() -> None:
    output = OutputOptions(sample_rate=48_000)
    aired, plain = (
        heard(sounded(WAVE, replace(output, air=air)), 0, 10 * 48_000) for air in (True, False)
    )
    assert power_above(plain, 48_000, 8300) < 1e-9
    assert power_above(aired, 48_000, 8300) > 1e-4


def test_a_gain_that_jumps_does_not_click_in_events() -> None:
    jump = Points((3.0, 3.0001), (1.0, 0.0), ("linear", "linear"))
    gain = Ranged(curve=jump, low=-60.0, high=0.0)
    still = Ranged(curve=Constant(1.0), low=-60.0, high=0.0)
    loud, falling = (
        heard(sounded(replace(WAVE, placement=Placement(gain_db=each)), OutputOptions()), 0, 80_000)
        for each in (still, gain)
    )
    share = falling[47_000:49_000] / np.where(loud[47_000:49_000] == 0, 1, loud[47_000:49_000])
    assert share[0] == pytest.approx(1.0) and share[-1] == pytest.approx(1e-3)
    assert np.abs(np.diff(share)).max() < 0.02  # over 10 ms, as in all other layers
