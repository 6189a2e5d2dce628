"""Sinks: exact files under their final name or none; pipes with honest headers."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_disk import small_disk

from ambientgen.audio_file import (
    FORMATS,
    AudioFormat,
    Companion,
    Encoding,
    ReaderGone,
    Shape,
    Work,
    Written,
    check_target,
    open_sink,
    to_pcm,
)
from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.digest import file_sha256, keeps_samples, pcm_sha256
from ambientgen.audio_file.wav_header import wav_header
from ambientgen.errors import AmbientgenError, ExitCode, OutputError, UsageError

RATE = 16000
FOUR_GB = 2**32
NAMES = ["a.wav", "a.flac", "a.ogg", "a.opus", "a.mp3"]


def _sound(samples: int, channels: int | None = None) -> NDArray[np.float32]:
    shape = (samples,) if channels is None else (samples, channels)
    return np.random.default_rng(1).uniform(-1.1, 1.1, shape).astype(np.float32)


def _write(
    path: Path, sound: NDArray[np.float32], force: bool = False, total: int | None = -1
) -> Written:
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    promised = len(sound) if total == -1 else total
    with open_sink(path, Encoding(), Shape(RATE, channels, promised), force=force) as sink:
        for block in np.array_split(sound, 3):
            sink.write(block)
    return sink.result


# --- samples ---


def test_floats_become_the_nearest_integers_halves_even_and_clipped() -> None:
    steps = np.array([0, 0.5, 1.5, -0.5, -1.5, 2.4999, 32767.4, 32768, -32768, -40000, 1e9])
    wanted = [0, 0, 2, 0, -2, 2, 32767, 32767, -32768, -32768, 32767]
    assert to_pcm((steps / 32768).astype(np.float32)).tolist() == wanted
    assert to_pcm(steps / 32768).dtype == np.dtype("<i2")
    assert to_pcm(np.array([1e300, -1e300])).tolist() == [32767, -32768]


def test_every_integer_survives_being_read_and_written_again() -> None:
    every = np.arange(-32768, 32768)
    np.testing.assert_array_equal(to_pcm((every / 32768).astype(np.float32)), every)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_and_leaves_no_file(tmp_path: Path, bad: float) -> None:
    sound = _sound(100)
    sound[50] = bad
    with pytest.raises(AmbientgenError, match="not finite") as caught:
        _write(tmp_path / "a.wav", sound)
    assert caught.value.exit_code == ExitCode.INTERNAL
    assert list(tmp_path.iterdir()) == []


# --- files that can be read ---


@pytest.mark.parametrize("channels", [None, 1, 2])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_readers_get_back_what_was_written(
    tmp_path: Path, suffix: str, channels: int | None
) -> None:
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / f"a{suffix}"
    sound = _sound(12_345, channels)
    result = _write(path, sound)
    pcm = to_pcm(sound)
    assert result == Written(hashlib.sha256(pcm.tobytes()).hexdigest(), 12_345)
    read, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(read.ravel(), pcm.ravel())
    assert soundfile.info(path).subtype == "PCM_16"
    assert list(tmp_path.iterdir()) == [path]
    if suffix != ".flac":
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (channels or 1, 2)
            assert (file.getframerate(), file.getnframes()) == (RATE, 12_345)
            assert file.readframes(20_000) == pcm.tobytes()


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_without_a_known_end_is_put_right_when_it_ends(tmp_path: Path, suffix: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / f"a{suffix}"
    result = _write(path, _sound(5000), total=None)
    assert result.samples == 5000
    read, _rate = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(read, to_pcm(_sound(5000)))


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 3000), max_size=6),
    name=st.sampled_from(["a.wav", "a.flac", "a.ogg"]),
)
def test_cutting_changes_neither_digest_nor_bytes(cuts: list[int], name: str) -> None:
    sound = _sound(3000)
    edges = [0, *sorted(cuts), 3000]
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = Path(folder, f"whole-{name}"), Path(folder, name)
        expected = _write(whole, sound)
        with open_sink(cut, Encoding(), Shape(RATE, 1, 3000)) as sink:
            for begin, end in itertools.pairwise(edges):
                sink.write(sound[begin:end])
        assert sink.result == expected
        assert cut.read_bytes() == whole.read_bytes()


def test_an_empty_sound_is_a_valid_file(tmp_path: Path) -> None:
    _write(tmp_path / "a.wav", _sound(0))
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 0
    _write(tmp_path / "a.flac", _sound(0))
    assert (tmp_path / "a.flac").exists()


# --- headers ---


def test_the_header_says_true_sizes() -> None:
    header = wav_header(Shape(RATE, 2, 1000))
    assert len(header) == 44
    assert struct.unpack("<4sI4s", header[:12]) == (b"RIFF", 36 + 4000, b"WAVE")
    assert struct.unpack("<4sIHHIIHH", header[12:36]) == (
        (b"fmt ", 16, 1, 2, RATE, 4 * RATE, 4, 16)
    )
    assert struct.unpack("<4sI", header[36:]) == (b"data", 4000)


def test_rf64_begins_where_plain_sizes_end() -> None:
    longest = (FOUR_GB - 2 - 36) // 2  # all ones means: size not known
    assert wav_header(Shape(RATE, 1, longest))[:4] == b"RIFF"
    assert wav_header(Shape(RATE, 1, longest + 1))[:4] == b"RF64"
    header = wav_header(Shape(RATE, 1, FOUR_GB))
    sizes = struct.unpack("<4sI4s4sIQQQI", header[:48])
    data = 2 * FOUR_GB
    assert sizes == (
        (b"RF64", FOUR_GB - 1, b"WAVE", b"ds64", 28, len(header) - 8 + data, data, FOUR_GB, 0)
    )
    assert struct.unpack("<4sI", header[-8:]) == (b"data", FOUR_GB - 1)


@pytest.mark.parametrize("total", [1000, FOUR_GB])
def test_room_is_kept_for_rf64(total: int) -> None:
    lengths = {
        len(wav_header(Shape(RATE, 1, samples), reserve=True)) for samples in (None, 1000, total)
    }
    assert lengths == {80}


def test_a_reader_understands_the_rf64_header(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "large.wav"
    total = FOUR_GB // 2 + 1000
    with path.open("wb") as file:
        file.write(wav_header(Shape(RATE, 1, total)))
        file.truncate(len(wav_header(Shape(RATE, 1, total))) + 2 * total)  # holes cost no disk
    info = soundfile.info(path)
    assert (info.format, info.frames) == ("RF64", total)


def test_the_choice_is_made_before_the_first_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: _Disk(2**40, 2**40))
    with (
        pytest.raises(AmbientgenError, match="instead of"),
        open_sink(tmp_path / "a.wav", Encoding(), Shape(RATE, 1, FOUR_GB)),
    ):
        (part,) = tmp_path.iterdir()
        assert part.read_bytes()[:4] == b"RF64"


class _Disk:
    def __init__(self, total: int, free: int) -> None:
        self.total, self.free = total, free


# --- all or nothing ---


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError, OSError])
def test_an_exception_leaves_what_was_there(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    with (
        pytest.raises(error) as caught,
        open_sink(path, Encoding(), Shape(RATE, 1, 1000), force=True) as sink,
    ):
        sink.write(_sound(500))
        raise error
    assert caught.type is error  # the caller's own OSError is not taken for one of the output
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", NAMES)
def test_too_few_and_too_many_samples_are_errors(tmp_path: Path, name: str) -> None:
    with pytest.raises(AmbientgenError, match="300 samples instead of the 301 promised"):
        _write(tmp_path / name, _sound(300), total=301)
    with pytest.raises(AmbientgenError, match="more than the 299 samples"):
        _write(tmp_path / name, _sound(300), total=299)
    assert list(tmp_path.iterdir()) == []


def test_wrong_channels_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="2 channels"),
        open_sink(tmp_path / "a.wav", Encoding(), Shape(RATE, 2, None)) as sink,
    ):
        sink.write(_sound(10))


def test_force_replaces_and_its_absence_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    _write(path, _sound(10))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="--force"):
        _write(path, _sound(20))
    assert path.read_bytes() == before
    _write(path, _sound(20), force=True)
    assert path.read_bytes() != before


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with (
        pytest.raises(OutputError, match="appeared"),
        open_sink(path, Encoding(), Shape(RATE, 1, 10)) as sink,
    ):
        sink.write(_sound(10))
        path.write_bytes(b"another's")
    assert path.read_bytes() == b"another's"
    assert list(tmp_path.iterdir()) == [path]


def test_the_slower_of_two_renders_leaves_the_fasters_sidecar(tmp_path: Path) -> None:
    path, beside = tmp_path / "a.wav", Companion(tmp_path / "a.json", b"mine")
    with (
        pytest.raises(OutputError, match="appeared"),
        open_sink(path, Encoding(), Shape(RATE, 1, 10)) as sink,
    ):
        sink.write(_sound(10))
        sink.companion = beside
        path.write_bytes(b"another's")
        beside.path.write_bytes(b"another's too")
    assert beside.path.read_bytes() == b"another's too"
    assert path.read_bytes() == b"another's"


def test_where_links_are_unknown_the_file_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_paths: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr("os.link", no_links)
    _write(tmp_path / "a.wav", _sound(10))
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_two_renders_of_one_name_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with open_sink(path, Encoding(), Shape(RATE, 1, 10), force=True) as one:
        with open_sink(path, Encoding(), Shape(RATE, 1, 20), force=True) as two:
            assert len(list(tmp_path.iterdir())) == 2
            one.write(_sound(10))
            two.write(_sound(20))
        assert path.stat().st_size == 44 + 40
    assert path.stat().st_size == 44 + 20


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "a.wav"
    link.symlink_to(tmp_path / "there" / "b.wav")
    _write(link, _sound(10))
    assert link.is_symlink()
    assert (tmp_path / "there" / "b.wav").stat().st_size == 64


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        _write(tmp_path / "a.wav", _sound(10))
    finally:
        os.umask(before)
    assert (tmp_path / "a.wav").stat().st_mode & 0o777 == 0o640


def test_the_longest_name_works(tmp_path: Path) -> None:
    name = "é" * 125 + "x.wav"
    assert len(name.encode()) == 255
    _write(tmp_path / name, _sound(10))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def _python(script: str, *arguments: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """A process that runs `script` beside this package."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )


SLOW_WRITER = """
    import sys, time, numpy as np
    from ambientgen.audio_file import Companion, Encoding, Shape, open_sink
    with open_sink(sys.argv[1], Encoding(), Shape(16000, 1, None), force=True) as sink:
        while True:
            sink.write(np.full(20000, 0.1, np.float32))
            time.sleep(0.005)
"""


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize(("sent", "parts"), [(signal.SIGKILL, 1), (signal.SIGINT, 0)])
def test_a_killed_process_leaves_at_most_its_part(
    tmp_path: Path, name: str, sent: signal.Signals, parts: int
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    process = _python(SLOW_WRITER, str(path))
    try:
        deadline = time.monotonic() + 60
        while sum(file.stat().st_size for file in tmp_path.iterdir()) < 1000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(sent)
        _out, said = process.communicate(timeout=60)
    finally:
        process.kill()  # a test that fails leaves no writer behind
    assert process.returncode in (-sent, 130, 1)
    left = sorted(file.name for file in tmp_path.iterdir() if file != path)
    assert len(left) == parts
    assert all(part.startswith(f"{name}.{process.pid}-") for part in left)
    assert all(part.endswith(".part") for part in left)
    assert path.read_bytes() == b"old"
    assert b"cffi" not in said


# --- full disks ---


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize("samples", [400_000, 101_000, 100_500])
def test_a_disk_that_fills_up_is_a_clear_error(tmp_path: Path, name: str, samples: int) -> None:
    with small_disk(tmp_path, 200) as disk:  # holds 102,400 samples
        path = disk / name
        path.write_bytes(b"old")
        with pytest.raises(OutputError) as caught:
            _write(path, _sound(samples), force=True, total=None)
        assert str(path) in str(caught.value)
        assert "the disk is full; free some space" in str(caught.value)
        assert caught.value.exit_code == 4
        assert path.read_bytes() == b"old"
        assert list(disk.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "size_kb", "lengths"),
    [
        ("a.flac", 100, range(40_000, 56_000, 1000)),
        ("a.ogg", 40, range(80_000, 180_000, 10_000)),
        ("a.opus", 40, range(40_000, 160_000, 20_000)),
        ("a.mp3", 40, range(100_000, 240_000, 20_000)),
    ],
)
def test_every_length_around_a_full_disk_is_whole_or_refused(
    tmp_path: Path, name: str, size_kb: int, lengths: range
) -> None:
    """Last frames are written while a file closes, where libsndfile keeps errors to itself."""
    soundfile = pytest.importorskip("soundfile")
    outcomes = set()
    with small_disk(tmp_path, size_kb) as disk:
        for samples in lengths:
            path = disk / name
            try:
                _write(path, _sound(samples))
            except OutputError:
                outcomes.add("refused")
                assert list(disk.iterdir()) == []
                continue
            outcomes.add("whole")
            read, _rate = soundfile.read(path, dtype="int16")
            assert len(read) == samples
            if name == "a.flac":
                np.testing.assert_array_equal(read, to_pcm(_sound(samples)))
            path.unlink()
    assert outcomes == {"refused", "whole"}


def test_too_little_room_is_said_before_rendering(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path, 200) as disk,
        pytest.raises(OutputError, match=r"needs 0\.4 MB, the disk has 0\.2 MB left"),
        open_sink(disk / "a.wav", Encoding(), Shape(RATE, 1, 200_000)),
    ):
        pytest.fail("opened")


@pytest.mark.parametrize("failing", ["write", "fsync"])
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "allow"),
        (errno.EIO, "reports an error"),
        (errno.ENXIO, os.strerror(errno.ENXIO)),
    ],
)
def test_the_systems_errors_are_put_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, code: int, said: str
) -> None:
    def fail(*_arguments: object) -> int:
        raise OSError(code, os.strerror(code))

    path = tmp_path / "a.wav"
    with monkeypatch.context() as patched, pytest.raises(OutputError) as caught:
        patched.setattr(os, failing, fail)
        _write(path, _sound(100))
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    _write(tmp_path / "a.wav", _sound(100))
    monkeypatch.undo()
    assert (tmp_path / "a.wav").read_bytes()[44:] == to_pcm(_sound(100)).tobytes()


# --- destinations ---


def test_a_good_destination_passes_and_nothing_is_written(tmp_path: Path) -> None:
    check_target(tmp_path / "a.wav")
    check_target(str(tmp_path / "a.FLAC"), encoding=Encoding("flac"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is a folder"),
        ("new/", "is a folder's name"),
        ("no/folder/a.wav", "mkdir -p"),
        ("file/a.wav", "part of the path is a file"),
        ("x" * 252 + ".wav", "too long"),
        ("y/" * 3000 + "a.wav", "too long"),
        ("loop.wav", os.strerror(errno.ELOOP)),
        ("socket.wav", "is no file"),
        ("file.wav", "exists already; use --force"),
    ],
)
def test_bad_destinations_are_output_errors(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "file.wav").write_bytes(b"")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        with _working_in(tmp_path):
            listener.bind("socket.wav")  # whose whole path may be too long for a socket
        path = f"{tmp_path}/{name}"
        with pytest.raises(OutputError) as caught:
            check_target(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert said in str(caught.value)
        assert caught.value.exit_code == ExitCode.OUTPUT


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("name", "format_name", "said"),
    [
        ("a.aac", None, ".aac is no format known here; end it in .wav, .flac, .ogg, .opus or .mp3"),
        ("a", None, "no suffix"),
        ("a", "wav", "no suffix"),
        ("a.wav", "flac", "says wav but the format asked for is flac; end it in .flac"),
        ("a.wav", "aac", "no audio format is called 'aac'; choose of wav, flac, ogg, opus, mp3"),
        ("a\0.wav", None, "not a file name"),
    ],
)
def test_names_and_formats_must_agree(
    tmp_path: Path, name: str, format_name: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said.replace(".", r"\.")) as caught:
        check_target(f"{tmp_path}/{name}", encoding=Encoding(format_name))
    assert caught.value.exit_code == ExitCode.BAD_INPUT


def test_an_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_arguments: False)  # root may write anywhere
    with pytest.raises(OutputError, match="cannot be written to"):
        check_target(tmp_path / "a.wav")


def test_an_existing_file_may_be_forced_but_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    check_target(tmp_path / "a.wav", force=True)
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_target(tmp_path / "b.wav", force=True)


# --- pipes and devices ---


def test_a_named_pipe_gets_the_bytes_a_file_would(tmp_path: Path) -> None:
    _write(tmp_path / "a.wav", _sound(5000))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    result = _write(pipe, _sound(5000))
    reader.join(10)
    assert heard == [(tmp_path / "a.wav").read_bytes()]
    assert result.sha256 == hashlib.sha256(heard[0][44:]).hexdigest()
    assert pipe.is_fifo()


TO_STDOUT = """
    import sys, numpy as np
    from ambientgen.audio_file import Companion, Encoding, Shape, open_sink
    total = int(sys.argv[1]) if sys.argv[1] != "endless" else None
    print(end="said before ")
    with open_sink("-", Encoding(), Shape(16000, 1, total)) as sink:
        for _ in range(int(sys.argv[2])):
            sink.write(np.full(1000, 0.25, np.float32))
"""


@pytest.mark.parametrize(
    ("total", "sizes"), [("3000", (6036, 6000)), ("endless", (FOUR_GB - 1, FOUR_GB - 1))]
)
def test_standard_output_gets_a_wav_stream(total: str, sizes: tuple[int, int]) -> None:
    out, said = _python(TO_STDOUT, total, "3", stdout=subprocess.PIPE).communicate(timeout=30)
    assert said == b""
    assert out.startswith(b"said before RIFF")
    stream = out.removeprefix(b"said before ")
    assert struct.unpack("<4xI", stream[:8]) + struct.unpack("<I", stream[40:44]) == sizes
    assert np.frombuffer(stream[44:], "<i2").tolist() == [8192] * 3000


def test_a_reader_that_leaves_is_told_apart() -> None:
    process = _python(TO_STDOUT, "endless", "100000", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert len(process.stdout.read(5000)) == 5000
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(30) == 1
    assert said.splitlines()[-1].endswith("ReaderGone: standard output: the reader has gone")
    assert "Exception ignored" not in said


def test_a_reader_that_leaves_a_named_pipe() -> None:
    read_end, write_end = os.pipe()
    with (
        pytest.raises(ReaderGone),
        open_sink(f"/dev/fd/{write_end}", Encoding("wav"), Shape(RATE, 1, None)) as sink,
    ):
        os.close(read_end)
        os.close(write_end)
        for _ in range(100):
            sink.write(_sound(10_000))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_an_output_error_and_stays() -> None:
    with pytest.raises(OutputError, match="/dev/full: the disk is full"):
        _write(Path("/dev/full"), _sound(100))
    assert Path("/dev/full").is_char_device()
    with Path("/dev/full").open("wb") as full:
        silent = TO_STDOUT.replace("print(", "str(").replace("end=", "")
        process = _python(silent, "3000", "3", stdout=full.fileno())
        _out, said = process.communicate(timeout=30)
    assert process.returncode
    assert b"OutputError: standard output: the disk is full" in said


def test_the_null_device_takes_everything() -> None:
    assert _write(Path("/dev/null"), _sound(100)).samples == 100
    assert Path("/dev/null").is_char_device()


def test_a_pipe_that_would_block_is_waited_for() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    stream = ByteStream(write_end, None, seekable=False)
    heard: list[bytes] = []

    def read() -> None:
        time.sleep(0.05)
        with os.fdopen(read_end, "rb") as file:
            heard.append(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    stream.write(bytes(1_000_000))
    stream.close()
    reader.join(10)
    assert len(heard[0]) == 1_000_000


def test_flac_cannot_be_piped() -> None:
    with pytest.raises(UsageError, match="standard output: flac cannot be written to a pipe"):
        check_target("-", encoding=Encoding("flac"))
    check_target("-", encoding=Encoding("wav"))


def test_a_terminal_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _descriptor: True)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    check_target("-")  # no file at all: nothing to spare
    with Path(os.devnull).open("w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with pytest.raises(UsageError, match="is a terminal"):
            check_target("-")


# --- formats ---


def test_a_new_format_is_a_class_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Raw(AudioFormat):
        suffix = ".pcm"
        can_pipe = True

        def __init__(self, stream: ByteStream, work: Work) -> None:
            self._stream = stream

        def write(self, pcm: NDArray[np.int16]) -> None:
            self._stream.write(pcm.tobytes())

        def finish(self) -> None:
            return

    monkeypatch.setitem(FORMATS, "raw", Raw)
    result = _write(tmp_path / "a.pcm", _sound(100))
    assert hashlib.sha256((tmp_path / "a.pcm").read_bytes()).hexdigest() == result.sha256


def test_flac_without_its_library_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(OutputError, match="pip install soundfile"):
        _write(tmp_path / "a.flac", _sound(100))
    assert list(tmp_path.iterdir()) == []
    _write(tmp_path / "a.wav", _sound(100))


def test_wav_imports_neither_soundfile_nor_torch() -> None:
    script = """
        import sys
        import ambientgen.audio_file, ambientgen.crossfade, ambientgen.limiter, ambientgen.noise
        print(sorted({"torch", "scipy", "soundfile", "cffi"} & set(sys.modules)))
    """
    out, _said = _python(script, stdout=subprocess.PIPE).communicate(timeout=30)
    assert out.strip() == b"[]"


def test_a_link_to_another_format_is_refused(tmp_path: Path) -> None:
    """The file it leads to would hold what its name denies."""
    (tmp_path / "song.wav").write_bytes(b"mine")
    (tmp_path / "link.flac").symlink_to(tmp_path / "song.wav")
    with pytest.raises(UsageError, match=r"link\.flac: is a link to song\.wav, of another format"):
        _write(tmp_path / "link.flac", _sound(10), force=True)
    assert (tmp_path / "song.wav").read_bytes() == b"mine"
    (tmp_path / "link.wav").symlink_to(tmp_path / "0a1b2c")  # a name that says nothing
    _write(tmp_path / "link.wav", _sound(10))
    assert (tmp_path / "0a1b2c").stat().st_size == 64


def test_a_power_cut_after_the_end_leaves_no_second_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By which the sound would be taken for one of several that never came."""
    seen: list[list[str]] = []
    module = "ambientgen.audio_file.part.sync_folder"
    monkeypatch.setattr(module, lambda folder: seen.append(sorted(os.listdir(folder))))
    _write(tmp_path / "a.wav", _sound(100))
    assert len(seen) == 2 and seen[-1] == ["a.wav"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_whose_name_is_no_text_takes_every_format(tmp_path: Path, name: str) -> None:
    folder = tmp_path / os.fsdecode(b"G\xe4ste")
    folder.mkdir()
    written = _write(folder / name, _sound(5000))
    exact = keeps_samples(folder / name)
    digest = pcm_sha256(folder / name) if exact else file_sha256(folder / name)
    assert digest == (written.sha256 if exact else written.file_sha256)
