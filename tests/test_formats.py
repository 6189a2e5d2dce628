"""Formats: readers find in files what was asked for, and the same samples are the same bytes."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import subprocess
import sys
import threading
import tracemalloc
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.audio_file import (
    FORMATS,
    Encoding,
    Shape,
    Written,
    check_target,
    loop_notice,
    open_sink,
    tags_for,
    to_pcm,
)
from ambientgen.audio_file.digest import file_sha256, keeps_samples, pcm_sha256
from ambientgen.audio_file.dither import Dither
from ambientgen.audio_file.intact import flaw_of
from ambientgen.audio_file.mp3 import all_bytes_there
from ambientgen.audio_file.ogg import DamagedOgg, settle
from ambientgen.errors import MismatchError, OutputError, UsageError
from ambientgen.scene.output_fields import FORMAT_BITS, RATES, clashes

soundfile = pytest.importorskip("soundfile")

FloatArray = NDArray[np.float32]
TAGS = tags_for("Regen über dem Tal", 7, "ab" * 32, "pocket", "Apache-2.0")
LOSSY = ["ogg", "opus", "mp3"]


def _noise(samples: int, channels: int = 1, seed: int = 1) -> FloatArray:
    drawn = np.random.default_rng(seed).standard_normal((samples, channels))
    return np.clip(0.2 * drawn, -1, 1).astype(np.float32)


def _turn(samples: int, rate: int) -> FloatArray:
    """One turn of a loop: coloured noise and a tone, both whole periods."""
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    phases = np.exp(2j * np.pi * np.random.default_rng(3).random(len(frequencies)))
    noise = np.fft.irfft(phases / (1 + frequencies / 300) * (frequencies > 20), samples)
    tone = np.sin(2 * np.pi * round(220 * samples / rate) * np.arange(samples) / samples + 1)
    sound: FloatArray = (0.1 * noise / noise.std() + 0.1 * tone).astype(np.float32)
    return sound[:, np.newaxis]


def _write(
    path: Path,
    sound: FloatArray,
    shape: Shape,
    encoding: Encoding = Encoding(),  # noqa: B008
    tags: Mapping[str, str] = TAGS,
    cuts: int = 3,
) -> Written:
    with open_sink(path, encoding, shape, tags, force=True) as sink:
        for block in np.array_split(sound, cuts):
            sink.write(block)
    return sink.result


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a WAV file, whose sizes must lead exactly to its end."""
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, place = {}, 12
    while place < len(data):
        name, size = struct.unpack("<4sI", data[place : place + 8])
        found[name] = data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    assert place == len(data)
    return found


# --- WAV ---


@pytest.mark.parametrize(
    ("bits", "channels", "layout", "tag", "mask"),
    [
        ("16", 1, "mono", 1, None),
        ("16", 2, "stereo", 1, None),
        ("24", 1, "mono", 0xFFFE, 0x4),
        ("24", 2, "stereo", 0xFFFE, 0x3),
        ("16", 4, "quad", 0xFFFE, 0x33),
        ("24", 6, "5.1", 0xFFFE, 0x3F),
        ("16", 4, "ambisonics", 0xFFFE, 0),
        ("32f", 2, "stereo", 3, None),
        ("32f", 4, "ambisonics", 0xFFFE, 0),
        ("32f", 6, "5.1", 0xFFFE, 0x3F),
    ],
)
def test_the_format_chunk_is_the_standards(
    tmp_path: Path, bits: str, channels: int, layout: str, tag: int, mask: int | None
) -> None:
    path, sound = tmp_path / "a.wav", _noise(1001, channels)
    result = _write(path, sound, Shape(48000, channels, 1001, layout), Encoding(bits=bits))
    chunks = _chunks(path.read_bytes())
    depth = {"16": 2, "24": 3, "32f": 4}[bits]
    fields = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    frame = channels * depth
    assert fields == (tag, channels, 48000, 48000 * frame, frame, 8 * depth)
    if mask is not None:
        more = struct.unpack("<HHIH", chunks[b"fmt "][16:26])
        assert more == (22, 8 * depth, mask, 3 if bits == "32f" else 1)
        assert chunks[b"fmt "][26:].hex() == "000000001000800000aa00389b71"
    if bits == "32f":
        assert struct.unpack("<I", chunks[b"fact"]) == (1001,)
    assert len(chunks[b"data"]) == 1001 * frame
    info = soundfile.info(path)
    assert (info.frames, info.channels) == (1001, channels)
    assert info.subtype == {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}[bits]
    read, _rate = soundfile.read(path, dtype="float64", always_2d=True)
    full_scale = {"16": 2.0**15, "24": 2.0**23, "32f": 1.0}[bits]
    np.testing.assert_array_equal(read, to_pcm(sound, bits) / full_scale)
    assert pcm_sha256(path) == result.sha256
    assert result.file_sha256 is None


def test_pythons_wave_reads_24_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    _write(path, _noise(999, 2), Shape(44100, 2, 999), Encoding(bits="24"))
    if sys.version_info < (3, 12):  # which knows the plain header alone
        with pytest.raises(wave.Error), wave.open(str(path)):
            pass
        return
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getnframes()) == (2, 3, 999)


@pytest.mark.parametrize("bits", ["16", "24"])
def test_a_loop_is_in_the_sampler_chunk(tmp_path: Path, bits: str) -> None:
    path = tmp_path / "a.wav"
    _write(path, _noise(2001), Shape(22050, 1, 2001, "mono", 0, 667), Encoding(bits=bits))
    fields = struct.unpack("<15I", _chunks(path.read_bytes())[b"smpl"])
    assert fields[2:4] == (round(1e9 / 22050), 60)
    assert fields[7:] == (1, 0, 0, 0, 0, 2000, 0, 0)  # one loop, forward, its last sample, for ever


@pytest.mark.parametrize("shape", [Shape(16000, 1, 1000, "mono", 0, 600), Shape(16000, 1, 1000)])
def test_what_is_no_whole_turn_has_no_loop(tmp_path: Path, shape: Shape) -> None:
    _write(tmp_path / "a.wav", _noise(1000), shape)
    assert b"smpl" not in _chunks((tmp_path / "a.wav").read_bytes())
    _write(tmp_path / "a.ogg", _noise(1000), shape)
    assert b"LOOPSTART" not in (tmp_path / "a.ogg").read_bytes()


@pytest.mark.parametrize("bits", ["16", "24", "32f"])
def test_a_pipe_gets_the_bytes_of_a_file(tmp_path: Path, bits: str) -> None:
    shape, encoding = Shape(16000, 1, 3001, "mono", 0, 3001), Encoding(bits=bits, dither_seed=1)
    _write(tmp_path / "a.wav", _noise(3001), shape, encoding)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    _write(pipe, _noise(3001), shape, encoding)
    reader.join(10)
    assert heard == [(tmp_path / "a.wav").read_bytes()]


def test_a_file_without_a_known_end_has_its_tags_too(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    _write(path, _noise(1001), Shape(16000, 1, None), Encoding(bits="24"))
    chunks = _chunks(path.read_bytes())
    assert len(chunks[b"data"]) == 3003
    assert b"Regen \xc3\xbcber" in chunks[b"LIST"]


def test_the_room_a_wav_needs_is_its_size(tmp_path: Path) -> None:
    from ambientgen.audio_file.encoding import Work

    shape = Shape(16000, 1, 1001, "mono", 0, 1001)
    _write(tmp_path / "a.wav", _noise(1001), shape, Encoding(bits="24"))
    promised = FORMATS["wav"].file_bytes(Work(shape, "24", TAGS))
    assert promised == (tmp_path / "a.wav").stat().st_size


# --- all formats ---


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_same_samples_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    sound, shape = _noise(30_000, 2), Shape(48000, 2, 30_000, "stereo", 0, 15_000)
    one, other = tmp_path / f"a.{name}", tmp_path / f"b.{name}"
    first = _write(one, sound, shape, Encoding(dither_seed=1))
    second = _write(other, sound, shape, Encoding(dither_seed=1), cuts=29)
    assert first == second
    assert one.read_bytes() == other.read_bytes()
    assert (first.file_sha256 == file_sha256(one)) is (name in LOSSY)
    assert keeps_samples(one) is (name not in LOSSY)


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("rate", [16000, 24000, 48000])
@pytest.mark.parametrize("samples", [1, 959, 48_123])
def test_no_sample_is_lost_or_added(tmp_path: Path, name: str, rate: int, samples: int) -> None:
    path = tmp_path / f"a.{name}"
    period = samples if name == "opus" else None
    result = _write(path, _noise(samples), Shape(rate, 1, samples, "mono", 0, period))
    read, found = soundfile.read(path)
    assert (len(read), found, result.samples) == (samples, rate, samples)


@pytest.mark.parametrize("name", list(FORMATS))
def test_one_large_block_and_many_small_ones_pass(tmp_path: Path, name: str) -> None:
    """Vorbis in libsndfile crashes where it gets all at once; and nothing may pile up."""
    path, sound = tmp_path / f"a.{name}", _noise(300_000)
    _write(path, sound, Shape(16000, 1, 300_000), cuts=1)
    tracemalloc.start()
    with open_sink(path, Encoding(), Shape(16000, 1, None), force=True) as sink:
        for _ in range(40):
            sink.write(sound[:8000])
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_500_000  # 40 blocks of float32 are 1.3 MB, of float64 2.6


def test_an_empty_sound_is_no_error(tmp_path: Path) -> None:
    for name in FORMATS:
        _write(tmp_path / f"a.{name}", _noise(0), Shape(16000, 1, 0))
    assert len(list(tmp_path.iterdir())) == len(FORMATS)


# --- tags ---


def _read_tags(path: Path) -> dict[str, str]:
    """What mutagen finds, names in lower case."""
    mutagen: Any = pytest.importorskip("mutagen")
    file = mutagen.File(path)
    if path.suffix in (".wav", ".mp3"):
        frames = {"TIT2": "title", "TSSE": "encoder", "COMM::XXX": "comment"}
        told = {frames.get(key, key): value.text[0] for key, value in file.tags.items()}
        return {key.removeprefix("TXXX:").lower(): text for key, text in told.items()}
    return {key.lower(): texts[0] for key, texts in file.tags.items()}


@pytest.mark.parametrize("name", list(FORMATS))
def test_another_program_reads_the_tags(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    _write(path, _noise(4800, 2), Shape(16000, 2, 4800, "stereo", 0, 4800))
    ticks = 3 if name == "opus" else 1  # Opus is decoded at 48 kHz
    loops = {"loopstart": "0", "looplength": str(4800 * ticks)}
    assert _read_tags(path) == {**TAGS, **loops}
    assert TAGS["title"] == "Regen über dem Tal"
    assert TAGS["comment"].endswith(", seed 7, with the model pocket (Apache-2.0)")


CHANNELS = {"mono": 1, "stereo": 2, "quad": 4, "5.1": 6, "ambisonics": 4}


@pytest.mark.parametrize("name", list(FORMATS))
def test_scenes_may_ask_of_a_format_what_it_can_write(name: str) -> None:
    """The scene's tables are its own, so that reading one imports no writer."""
    for rate, bits, layout in itertools.product(RATES, ["16", "24", "32f"], CHANNELS):
        said = bits if name in FORMAT_BITS else None  # the others take what they are given
        clashing = [field for field, _, _ in clashes(name, rate, said, layout)]
        shape = Shape(rate, CHANNELS[layout], rate, layout)
        refused = FORMATS[name].refusal(Encoding(None, bits), shape)
        assert bool(clashing) == (refused is not None), (rate, bits, layout, clashing, refused)


@pytest.mark.parametrize("name", list(FORMATS))
def test_without_tags_there_are_none(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    _write(path, _noise(4800), Shape(16000, 1, 4800), tags={})
    data = path.read_bytes()
    assert b"ID3" not in data and b"LIST" not in data and b"ambientgen" not in data


def test_what_is_empty_is_no_tag() -> None:
    assert "model" not in tags_for("Birds", 1, "00", "", "")
    assert "title" not in tags_for("", 1, "00", "", "")


def test_the_speakers_of_a_flac_are_told(tmp_path: Path) -> None:
    for layout, mask in (("quad", "0x0033"), ("ambisonics", "0x0000")):
        path = tmp_path / f"{layout}.flac"
        _write(path, _noise(100, 4), Shape(16000, 4, 100, layout), tags={})
        assert _read_tags(path) == {"waveformatextensible_channel_mask": mask}


# --- loops through lossy encoders ---


@pytest.mark.parametrize("name", ["ogg", "opus"])
@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("tenths", [30, 33.3])  # frames of Opus that end with the turn, or do not
def test_the_joint_errs_no_more_than_the_rest(
    tmp_path: Path, name: str, rate: int, tenths: float
) -> None:
    samples = round(tenths * rate / 10)
    sound, path = _turn(samples, rate), tmp_path / f"a.{name}"
    _write(path, sound, Shape(rate, 1, samples, "mono", 0, samples))
    read, _rate = soundfile.read(path, dtype="float32", always_2d=True)
    error = (read - sound)[:, 0]
    width = rate // 200  # 5 ms
    parts = np.sqrt((error[: samples // width * width].reshape(-1, width) ** 2).mean(axis=1))
    for edge in (error[:width], error[-width:]):
        assert np.sqrt((edge**2).mean()) < 1.25 * parts.max()
    steps = np.abs(np.diff(np.concatenate([error, error[:1]])))
    assert steps[-1] <= steps[:-1].max()


def test_a_loop_shorter_than_what_opus_hears_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    _write(path, _turn(100, 16000), Shape(16000, 1, 100, "mono", 0, 50))
    assert soundfile.info(path).frames == 100


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_surround_is_in_the_order_of_vorbis(tmp_path: Path, name: str) -> None:
    tones = [300, 500, 700, 60, 1100, 1300]  # FL FR FC LFE BL BR
    time_s = np.arange(24_000)[:, np.newaxis] / 24_000
    sound = (0.2 * np.sin(2 * np.pi * np.array(tones) * time_s)).astype(np.float32)
    path = tmp_path / f"a.{name}"
    _write(path, sound, Shape(24_000, 6, 24_000, "5.1"))
    read, _rate = soundfile.read(path)
    loudest = np.abs(np.fft.rfft(read, axis=0)).argmax(axis=0)
    wanted = [300, 700, 500, 1100, 1300, 60]  # FL FC FR BL BR LFE
    np.testing.assert_allclose(loudest, wanted, atol=20)


@pytest.mark.parametrize("name", LOSSY)
def test_a_wide_sound_stays_wide(tmp_path: Path, name: str) -> None:
    own = _noise(96_000, 2)
    sound = np.sqrt(0.7, dtype=np.float32) * _noise(96_000, 1, 2) + np.float32(0.3**0.5) * own
    path = tmp_path / f"a.{name}"
    _write(path, np.clip(sound, -1, 1), Shape(48_000, 2, 96_000, "stereo"))
    read, _rate = soundfile.read(path)
    assert np.corrcoef(read[5_000:-5_000].T)[0, 1] == pytest.approx(0.7, abs=0.12)


def test_damaged_pages_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    _write(path, _noise(16_000), Shape(16000, 1, 16_000))
    data = path.read_bytes()
    for damaged in (data[:-1], data[: data.rindex(b"OggS")], data[:-5] + b"x" + data[-4:]):
        path.write_bytes(damaged)
        with pytest.raises(DamagedOgg):
            settle(str(path))


@pytest.mark.parametrize("tags", [TAGS, {}])
def test_a_good_mp3_is_not_called_an_error_by_any_library(
    tmp_path: Path, tags: Mapping[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Sounds that fade lean on more bits of frames before than libmpg123 goes back."""
    for seed in range(6):
        samples = 16_000 + 3000 * seed
        fade = np.linspace(1, 0, samples, dtype=np.float32)[:, np.newaxis] ** 4
        path = tmp_path / f"{seed}.mp3"
        _write(
            path, _noise(samples, seed=seed) * fade, Shape(16000, 1, None), Encoding("mp3"), tags
        )
        with soundfile.SoundFile(path) as file:
            assert flaw_of(path, file) is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("rate", FORMATS["mp3"].rates)
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_knows_how_many_bytes_it_has(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.mp3"
    _write(path, _noise(rate // 4, channels), Shape(rate, channels, None), Encoding("mp3"))
    assert all_bytes_there(path)
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert all_bytes_there(path) is False
    for other in (b"", data[:5], b"RIFF" + data[4:], data.replace(b"Xing", b"    ")):
        path.write_bytes(other)
        assert all_bytes_there(path) is None


def test_only_mp3_is_warned_of_in_loops() -> None:
    for name in FORMATS:
        notice = loop_notice(f"a.{name}")
        assert (notice is not None) is (name == "mp3")
        assert notice is None or "gap" in notice.text


# --- what cannot be written ---


@pytest.mark.parametrize(
    ("encoding", "shape", "said"),
    [
        (Encoding("flac", "32f"), None, "flac cannot hold samples of 32f bits; choose 16 or 24"),
        (Encoding("wav", "8"), None, "wav cannot hold samples of 8 bits; choose 16, 24 or 32f"),
        (
            Encoding("opus"),
            Shape(44100, 2, None),
            "opus has no sample rate of 44100 Hz; choose 16000, 24000 or 48000, or write .flac",
        ),
        (Encoding("mp3"), Shape(96000, 1, None), "mp3 has no sample rate of 96000 Hz"),
        (Encoding("mp3"), Shape(48000, 6, None), "mp3 holds at most 2 channels, not 6"),
        (Encoding("ogg"), Shape(48000, 4, 1, "ambisonics"), "cannot say that its channels are"),
    ],
)
def test_impossible_pairs_are_refused_beforehand(
    tmp_path: Path, encoding: Encoding, shape: Shape | None, said: str
) -> None:
    path = tmp_path / f"a.{encoding.format_name}"
    with pytest.raises(UsageError) as caught:
        check_target(path, encoding=encoding, shape=shape)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    with pytest.raises(UsageError), open_sink(path, encoding, shape or Shape(16000, 1, 1)):
        pytest.fail("opened")
    assert list(tmp_path.iterdir()) == []


def test_lossy_formats_take_any_bits(tmp_path: Path) -> None:
    hashes = {
        _write(tmp_path / "a.ogg", _noise(100), Shape(16000, 1, 100), Encoding("ogg", bits)).sha256
        for bits in ("16", "24", "32f")
    }
    wav = _write(tmp_path / "a.wav", _noise(100), Shape(16000, 1, 100), Encoding(bits="32f"))
    assert hashes == {wav.sha256}
    with pytest.raises(MismatchError, match="not kept as they were"):
        pcm_sha256(tmp_path / "a.ogg")


def test_without_mutagen_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mutagen", None)
    with pytest.raises(OutputError, match="pip install mutagen"):
        _write(tmp_path / "a.ogg", _noise(100), Shape(16000, 1, 100))
    assert list(tmp_path.iterdir()) == []


# --- dither ---


@settings(max_examples=30, deadline=None)
@given(
    first=st.integers(-10_000, 10_000),
    cuts=st.lists(st.integers(0, 500), max_size=4),
    period=st.one_of(st.none(), st.integers(1, 700)),
)
def test_dither_hangs_on_absolute_places(first: int, cuts: list[int], period: int | None) -> None:
    dither = Dither(5, 2, period)
    whole = dither.at(first, 500)
    edges = [0, *sorted(cuts), 500]
    parts = [dither.at(first + a, b - a) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(Dither(5, 1, period).at(first, 500), whole[:, :1])
    if period is not None:
        np.testing.assert_array_equal(dither.at(first + 3 * period, 500), whole)


def test_dither_is_triangular_and_white() -> None:
    noise = Dither(1, 2).at(0, 200_000)
    assert np.abs(noise).max() < 1
    assert abs(noise.mean()) < 0.004
    np.testing.assert_allclose(noise.var(axis=0), 1 / 6, rtol=0.02)  # two of 1/12 each
    inside = (np.abs(noise) < 0.5).mean()
    assert abs(inside - 0.75) < 0.005  # a triangle's share
    apart = np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]
    after = np.corrcoef(noise[1:, 0], noise[:-1, 0])[0, 1]
    assert abs(apart) < 0.01 and abs(after) < 0.01


def test_dithers_numbers_are_for_ever() -> None:
    numbers = Dither(7, 2).at(1_000_000, 2) * 2**32
    assert numbers.tolist() == [[-2721085369.0, -2010654214.0], [-765270727.0, 79001982.0]]


@pytest.mark.parametrize(("bits", "step"), [("16", 2.0**-15), ("24", 2.0**-23)])
def test_a_tone_below_one_step_survives(bits: str, step: float) -> None:
    """Rounded plainly it would be nothing at all."""
    tone = (0.4 * step * np.sin(2 * np.pi * np.arange(100_000) / 100 + 0.1)).astype(np.float32)
    assert not to_pcm(tone, bits).any()
    noise = Dither(3, 1).at(0, len(tone))[:, 0]
    heard = to_pcm(tone, bits, noise) * step
    share = np.dot(heard, tone) / np.dot(tone, tone)
    assert abs(share - 1) < 0.05
    error = (heard - tone) / step
    np.testing.assert_allclose(error.var(), 0.25, rtol=0.03)  # 1/6 of dither, 1/12 of rounding


@pytest.mark.parametrize("bits", ["16", "24"])
def test_digital_silence_stays_silent_and_full_scale_within(tmp_path: Path, bits: str) -> None:
    sound = np.zeros((4000, 1), np.float32)
    sound[2000:3000] = 1.0
    path = tmp_path / "a.flac"
    _write(path, sound, Shape(16000, 1, 4000), Encoding(bits=bits, dither_seed=4))
    read, _rate = soundfile.read(path)
    assert not read[:2000].any() and not read[3000:].any()
    assert read[2000:3000].min() > 0.9999


def test_a_stretch_is_dithered_as_the_whole_is(tmp_path: Path) -> None:
    sound = _noise(3000, 2)
    encoding = Encoding(dither_seed=9)
    _write(tmp_path / "whole.wav", sound, Shape(16000, 2, 3000), encoding)
    _write(tmp_path / "part.wav", sound[700:], Shape(16000, 2, 2300, None, 700), encoding)
    whole, _ = soundfile.read(tmp_path / "whole.wav", dtype="int16")
    part, _ = soundfile.read(tmp_path / "part.wav", dtype="int16")
    np.testing.assert_array_equal(whole[700:], part)
    plain = to_pcm(sound)
    assert np.abs(whole.astype(int) - plain).max() == 1
    assert (whole != plain).mean() > 0.2


def test_turns_of_a_loop_are_dithered_alike(tmp_path: Path) -> None:
    turn = _noise(500)
    sound = np.concatenate([turn, turn])
    _write(
        tmp_path / "a.wav", sound, Shape(16000, 1, 1000, None, 250, 500), Encoding(dither_seed=2)
    )
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    np.testing.assert_array_equal(read[:500], read[500:])


# --- other programs ---


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_ffmpeg_hears_what_was_written(tmp_path: Path, name: str, channels: int) -> None:
    if name == "mp3" and channels > 2:
        return
    samples = 48_000
    tones = np.array([300, 500, 700, 60, 1100, 1300])[:channels]
    phases = 2 * np.pi * tones * np.arange(samples)[:, np.newaxis] / samples
    # Of a Vorbis file whose sound fits on one page, less than 4 kB, ffmpeg 5 leaves some out.
    sound = (0.2 * np.sin(phases)).astype(np.float32) + 0.1 * _noise(samples, channels)
    path = tmp_path / f"a.{name}"
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    _write(path, sound, Shape(48000, channels, samples, layout, 0, samples))
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    heard = np.frombuffer(done.stdout, "<f4").reshape(-1, channels)
    assert len(heard) == samples
    np.testing.assert_allclose(np.abs(np.fft.rfft(heard, axis=0)).argmax(axis=0), tones, atol=10)
