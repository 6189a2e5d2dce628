"""Air above a source's band: as dark and as steady as what lies below, and where it is no tone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ambientgen.mix import rate as rates
from ambientgen.mix.air import Air
from ambientgen.mix.rate import ToRate
from ambientgen.stream import FloatArray, Stretch
from ambientgen.training import airiness

SOURCE, RATE = 16_000, 44_100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """Samples (n, channels), and silence around them."""

    sound: FloatArray
    rate: int = SOURCE
    period: int | None = None

    @property
    def channels(self) -> int:
        return self.sound.shape[1]

    def reach(self, stretch: Stretch) -> Stretch:
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        first, end = stretch
        assert end is not None
        inside = self.sound[max(0, first) : max(0, end)]
        before = np.zeros((max(0, -first), self.channels), np.float32)
        after = np.zeros((end - first - len(before) - len(inside), self.channels), np.float32)
        yield np.concatenate([before, inside, after])


def made(sound: Floats, air: Air | None, rate: int = RATE) -> Floats:
    """What becomes of (n,) or (n, channels) at `rate`."""
    columns = sound.reshape(len(sound), -1).astype(np.float32)
    stream = ToRate(Played(columns), rate, air)
    blocks = list(stream.blocks((0, len(sound) * rate // SOURCE)))
    return (
        np.concatenate(blocks).astype(np.float64).reshape(-1, *columns.shape[1:][: sound.ndim - 1])
    )


def air_of(sound: Floats, air: Air | None = None, rate: int = RATE) -> Floats:
    """The air alone."""
    return made(sound, air or Air(1, "x"), rate) - made(sound, None, rate)


def level_db(sound: Floats, low: float, high: float, rate: int = RATE) -> float:
    """Density of a band, dB."""
    powers = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    return float(10 * np.log10(powers[(hertz >= low) & (hertz < high)].mean() + 1e-30))


def noise(seconds: float = 3.0, slope_db: float = 0.0) -> Floats:
    """Noise of 0.1 at 1 kHz, with a slope in dB an octave."""
    white = np.random.default_rng(1).standard_normal(int(seconds * SOURCE))
    hertz = np.fft.rfftfreq(len(white), 1 / SOURCE)
    tilt = (np.maximum(hertz, 100) / 1000) ** (slope_db / 6.02)
    return 0.1 * np.fft.irfft(np.fft.rfft(white) * tilt, len(white))


def test_white_noise_goes_on_above_its_band_and_bends_down() -> None:
    sound = made(noise(), Air(1, "x"))
    below = level_db(sound, 4000, 7000)
    above = [level_db(sound, *band) - below for band in airiness.BANDS_HZ]
    assert above[0] == pytest.approx(-0.5, abs=1.0)
    assert above[3] == pytest.approx(-8.0, abs=1.5)
    assert above == sorted(above, reverse=True)
    assert level_db(sound, 7200, 8200) - below == pytest.approx(0, abs=1.5)  # no notch between
    assert level_db(sound, 21_900, 22_050) < below - 50


def test_it_is_as_loud_as_what_is_below() -> None:
    steps = np.where(np.arange(3 * SOURCE) < 1.5 * SOURCE, 1.0, 0.01)
    air = air_of(noise() * steps)
    loud, quiet = air[: int(1.3 * RATE)].std(), air[int(1.7 * RATE) :].std()
    assert 20 * np.log10(quiet / loud) == pytest.approx(-40, abs=1)
    assert not air_of(np.zeros(SOURCE)).any()


def test_dark_sounds_stay_dark() -> None:
    bright, dark = made(noise(), Air(1, "x")), made(noise(slope_db=-15), Air(1, "x"))
    brightness = [level_db(s, 10_000, 16_000) - level_db(s, 5000, 7000) for s in (bright, dark)]
    assert brightness[1] < brightness[0] - 4
    assert level_db(dark, 10_000, 16_000) < level_db(dark, 1000, 2000) - 40


def test_tones_do_not_hiss() -> None:
    time_s = np.arange(3 * SOURCE) / SOURCE
    chirps = np.sin(2 * np.pi * 4500 * time_s) * np.maximum(0, np.sin(2 * np.pi * 8 * time_s)) ** 2
    hiss = 1e-3 * noise()
    air = air_of(0.3 * chirps + hiss)
    assert 20 * np.log10(air.std() / (0.3 * chirps).std()) < -70
    assert air.std() < 1.5 * air_of(hiss).std()


def test_a_click_has_air_for_as_long_as_it_lasts() -> None:
    sound = 1e-4 * noise(2.0)
    sound[SOURCE : SOURCE + 16] += np.random.default_rng(2).standard_normal(16)  # a millisecond
    powers = air_of(sound) ** 2
    at = RATE + 22
    click, near = powers[at - 130 : at + 130].sum(), powers[at - 4000 : at + 4000].sum()
    assert click > 0.95 * near
    assert powers[at - 4000 : at - 400].mean() < 1e-5 * powers[at - 50 : at + 50].mean()


def test_nothing_changes_within_the_band() -> None:
    sound = noise()
    air = air_of(sound)
    assert level_db(air, 100, 7000) < level_db(made(sound, None), 100, 7000) - 60


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = noise() * (1 + np.sin(np.arange(3 * SOURCE) / 700))
    usual = air_of(sound)
    monkeypatch.setattr(rates, "_CHUNK_S", 0.37)
    shorter = air_of(sound)
    assert 0 < np.abs(usual - shorter).max() < 0.03 * np.abs(usual).max()


def test_noise_is_keyed_by_seed_and_name_and_as_alike_as_its_share() -> None:
    both = np.stack([noise(1.0)] * 2, axis=1)
    same, apart = (air_of(both, Air(1, "x", common)) for common in (1.0, 0.0))
    np.testing.assert_array_equal(same[:, 0], same[:, 1])
    assert abs(np.corrcoef(apart.T)[0, 1]) < 0.1
    half = air_of(both, Air(1, "x", 0.5))
    assert np.corrcoef(half.T)[0, 1] == pytest.approx(0.5, abs=0.1)
    others = [air_of(both, air)[:, 0] for air in (Air(2, "x"), Air(1, "y"))]
    for other in others:
        assert abs(np.corrcoef(other, same[:, 0])[0, 1]) < 0.1


@pytest.mark.parametrize("rate", [22_050, 24_000, 96_000])
def test_it_ends_where_the_rate_or_hearing_does(rate: int) -> None:
    air = air_of(noise(1.0), None, rate)
    top = min(22_000, 0.49 * rate)
    assert level_db(air, 8300, 9500, rate) > level_db(air, top, rate / 2, rate) + 20


def test_the_comparison_with_recordings_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(4)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal(2 * RATE), RATE)
    soundfile.write(tmp_path / "low.wav", rng.standard_normal(SOURCE) * 0.1, SOURCE)
    monkeypatch.setattr("sys.argv", ["airiness", str(tmp_path)])
    airiness.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines[2:4]] == ["| a ", "| b "]
    assert "fitted to all" in lines[-1]
    slope = airiness.fitted(airiness.recordings(tmp_path))
    assert slope.bend == pytest.approx(0, abs=0.5)  # white noise is white to the top
