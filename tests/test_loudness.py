"""Loudness: as pyloudnorm measures it, in constant memory, and a gain that reaches the target."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.errors import OutputError, SceneError, UsageError
from ambientgen.limiter import LimiterSettings, StretchLimiter
from ambientgen.mix.fades import Fades
from ambientgen.mix.loudness import (
    MOST_FORCED_DB,
    TOLERANCE_LU,
    Loudness,
    Target,
    gain_for,
    weights_of,
)
from ambientgen.mix.spool import Spool
from ambientgen.scene import parse_scene
from ambientgen.stream import FloatArray

MONO, STEREO = ("M",), ("L", "R")
SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")


def noise(rate: int, channels: int, seconds: float = 5.3) -> FloatArray:
    """Noise that grows from the absolute gate on, different in every channel."""
    count = int(rate * seconds)
    sound = np.random.default_rng(1).standard_normal((count, channels))
    sound *= 0.2 * np.linspace(0, 1, count)[:, None] ** 3 * np.linspace(0.3, 1, channels)
    return sound.astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_filters_are_those_of_pyloudnorms_own_meter(rate: int) -> None:
    own = pyloudnorm.Meter(rate)._filters.values()
    wanted = [(stage.b * stage.passband_gain, stage.a) for stage in own]
    found = Loudness(rate, MONO)._filters
    assert len(found) == len(wanted)
    for (forward, back), (b, a) in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(forward, b)
        np.testing.assert_array_equal(back, a)


def measured(sound: NDArray[Any], rate: int, names: tuple[str, ...], block: int = 4801) -> float:
    meter = Loudness(rate, names)
    for at in range(0, len(sound), block):
        meter.push(sound[at : at + block])
    return meter.integrated_lufs


@pytest.mark.parametrize("rate", [16000, 44100, 96000])
@pytest.mark.parametrize(
    ("names", "five"),  # where pyloudnorm's five channels come from: L R C Ls Rs; None: silence
    [
        (MONO, [0]),
        (STEREO, [0, 1]),
        (("FL", "FR", "FC"), [0, 1, 2]),
        (("FL", "FR", "BL", "BR"), [0, 1, None, 2, 3]),
        (("FL", "FR", "FC", "BL", "BR"), [0, 1, 2, 3, 4]),
        (SURROUND, [0, 1, 2, 4, 5]),
        (("W", "Y", "Z", "X"), [0]),
    ],
)
def test_it_is_pyloudnorms(rate: int, names: tuple[str, ...], five: list[int | None]) -> None:
    sound = noise(rate, len(names), 2.9)
    as_five = np.stack([sound[:, i] if i is not None else 0 * sound[:, 0] for i in five], axis=1)
    expected = pyloudnorm.Meter(rate).integrated_loudness(as_five.astype(np.float64))
    assert measured(sound, rate, names) == pytest.approx(expected, abs=0.05)


def test_a_full_scale_tone_has_the_standards_loudness() -> None:
    tone = np.sin(2 * np.pi * 997 * np.arange(48000 * 3) / 48000)[:, None].astype(np.float32)
    assert measured(tone, 48000, MONO) == pytest.approx(-3.01, abs=0.05)
    assert weights_of(SURROUND) == (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 60_000), max_size=6))
def test_cuts_change_no_bit_of_it(cuts: list[int]) -> None:
    sound = noise(16000, 2, 3.5)
    meter = Loudness(16000, STEREO)
    for a, b in itertools.pairwise([0, *sorted(cuts), len(sound)]):
        meter.push(sound[a:b])
    assert meter.integrated_lufs == measured(sound, 16000, STEREO)


def test_it_remembers_no_more_of_hours_than_of_a_second() -> None:
    def size(meter: Loudness) -> int:
        values = vars(meter).values()
        arrays = sum(v.nbytes for v in values if isinstance(v, np.ndarray))
        return arrays + sum(sys.getsizeof(v) for v in values)

    meter, block = Loudness(8000, MONO), noise(8000, 1, 1.0)
    meter.push(block)
    meter.push(block)
    before, heard = size(meter), meter.integrated_lufs
    for _ in range(200):
        meter.push(block)
    assert size(meter) == before
    assert meter.integrated_lufs == pytest.approx(heard, abs=0.5)


def test_silence_and_less_than_a_block_have_none() -> None:
    assert measured(np.zeros((16000, 1)), 16000, MONO) == -np.inf
    assert measured(noise(16000, 1, 0.39), 16000, MONO) == -np.inf
    with pytest.raises(ValueError, match="silence"):
        gain_for(-23.0, -np.inf)


def sounding(sound: FloatArray) -> Any:
    return lambda: iter(np.array_split(sound, 7))


def limiting(sound: FloatArray, rate: int, calls: list[float]) -> Any:
    def limited(gain_db: float, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        calls.append(gain_db)
        return StretchLimiter(LimiterSettings(gain_db), rate, 0, (0, len(sound))).limited(blocks)

    return limited


@pytest.mark.parametrize("lufs", [-40.0, -23.0, -12.0])
def test_the_target_is_reached_behind_the_limiter(lufs: float) -> None:
    sound, calls = noise(16000, 2), list[float]()
    sound[::4000] *= 12  # clicks that the limiter takes down
    target, limited = Target(lufs, 16000, STEREO), limiting(sound, 16000, calls)
    settled = target.settled(sounding(sound), target.measured([sound]), limited)
    assert settled.notice is None
    written = np.concatenate(list(limited(settled.gain_db, sounding(sound)())))
    assert measured(written, 16000, STEREO) == pytest.approx(settled.reached_lufs, abs=1e-9)
    assert abs(settled.reached_lufs - lufs) <= TOLERANCE_LU
    assert round(settled.gain_db, 2) == settled.gain_db
    assert len(calls) <= 4


def test_what_the_limiter_forbids_is_told() -> None:
    sound, calls = np.zeros((48000, 1), np.float32), list[float]()
    sound[::2400] = 0.5  # no gain makes clicks loud
    target, limited = Target(-8.0, 16000, MONO), limiting(sound, 16000, calls)
    settled = target.settled(sounding(sound), target.measured([sound]), limited)
    assert 1 < len(calls) <= 3
    assert settled.reached_lufs < -10
    assert settled.notice is not None
    assert f"{settled.reached_lufs:.1f} LUFS reached, not -8: the limiter" in settled.notice


def test_what_cannot_be_reached_is_not_driven_to_pieces() -> None:
    """More gain than is missing by 12 dB is never tried, nor one that a turn has shown in vain."""
    sound, calls = noise(16000, 1), list[float]()
    settings = LimiterSettings(ceiling_db=-20.0)

    def limited(gain_db: float, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        calls.append(gain_db)
        forced = replace(settings, gain_db=gain_db)
        return StretchLimiter(forced, 16000, 0, (0, len(sound))).limited(blocks)

    target = Target(-5.0, 16000, MONO)
    missing_db = -5.0 - target.measured([sound])
    settled = target.settled(sounding(sound), -5.0 - missing_db, limited)
    assert missing_db - 0.01 <= settled.gain_db <= max(calls) <= missing_db + MOST_FORCED_DB + 0.01
    assert settled.notice is not None and "-5: the limiter" in settled.notice

    def deaf(gain_db: float, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        calls.append(gain_db)
        return iter(blocks)

    calls.clear()
    settled = target.settled(sounding(sound), -5.0 - missing_db, deaf)
    assert calls == [settled.gain_db]  # it brought nothing


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("{loudness: -5, peak: -20}", "-32 LUFS"),
        ("{loudness: -10 LUFS, peak: -9.5 dBTP}", "-21.5 LUFS"),
    ],
)
def test_a_loudness_above_the_peaks_is_refused_where_it_stands(output: str, remedy: str) -> None:
    text = f"duration: 1m\nstates: {{rain: {{curve: 0.5}}}}\noutput: {output}\n"
    with pytest.raises(SceneError) as raised:
        parse_scene(text, "a.yaml")
    (problem,) = raised.value.problems
    assert problem.place == "a.yaml:3:20"
    assert "no sound whose peaks stay below" in problem.what
    assert problem.remedy == f"write for example `{remedy}`, or a higher `peak`"
    parse_scene(text.replace("peak: -20", "peak: -4").replace("peak: -9.5", "peak: -9"))


def test_silence_cannot_be_made_loud() -> None:
    target = Target(-23.0, 16000, MONO, "a.yaml:7")
    with pytest.raises(
        UsageError, match=r"a.yaml:7: a loudness of -23 LUFS .* nothing to hear; "
    ) as told:
        target.settled(lambda: iter([]), -np.inf, lambda _gain, blocks: iter(blocks))
    assert "above -70 LUFS" in str(told.value) and "sound louder" in str(told.value)


def test_a_spool_gives_back_what_it_got_as_often_as_asked(tmp_path: Path) -> None:
    sound = noise(16000, 2)
    with Spool(2, tmp_path) as spool:
        for block in np.array_split(sound, 9):
            spool.write(block)
        for _ in range(2):
            np.testing.assert_array_equal(np.concatenate(list(spool.blocks())), sound)
        assert spool.samples == len(sound)
        assert max(map(len, spool.blocks())) <= 16_384
    assert list(tmp_path.iterdir()) == []
    with Spool(1, tmp_path) as empty:
        assert list(empty.blocks()) == []


def test_a_spool_leaves_nothing_behind_when_a_pass_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Spool(1, tmp_path) as spool:
        spool.write(np.ones((5, 1), np.float32))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_spool_without_room_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere: cannot keep the sound for a second"):
        Spool(1, tmp_path / "nowhere")

    class Full:
        def seek(self, _place: int) -> None: ...
        def write(self, _data: bytes) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None: ...

    spool = Spool(1, tmp_path)
    spool.close()
    spool._file = Full()  # type: ignore[assignment]
    with pytest.raises(OutputError, match="No space left on device; make room there"):
        spool.write(np.ones((5, 1), np.float32))


def faded(fades: Fades, first: int, end: int) -> FloatArray:
    """Ones, in blocks of 13."""
    stops = [*range(first + 13, end, 13), end]
    starts = [first, *stops[:-1]]
    blocks = [
        fades.faded(np.ones((stop - start, 2), np.float32), start)
        for start, stop in zip(starts, stops, strict=True)
    ]
    return np.concatenate(blocks)


def test_where_no_folder_is_for_temporary_files_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(OutputError, match="TMPDIR: there is no folder for temporary files"):
        Spool(1)


def test_fades_lie_at_places_of_the_scene() -> None:
    fades = Fades(40, 60, 300)
    whole = faded(fades, -5, 310)[:, 1]
    assert not whole[:5].any() and not whole[305:].any()
    assert (whole[45:245] == 1).all()
    assert (np.diff(whole[5:45]) > 0).all() and (np.diff(whole[245:305]) < 0).all()
    assert whole[25] == pytest.approx(0.5, abs=0.03) and whole[275] == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(faded(fades, 17, 291)[:, 0], whole[22:296])
    assert Fades(0, 0, 300).gains(0, 300) is None
    assert Fades(0, 9, None).gains(0, 300) is None
