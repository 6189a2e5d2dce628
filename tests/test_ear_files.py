"""What the ear makes of files as they come: of several channels, with holes, of odd formats, and of
what lies beside them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from ear_faults import Audio, verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.cli.app import run
from ambientgen.ear import Hearing, listen
from ambientgen.ear.levels import ChannelLevels
from ambientgen.ear.report import report
from ambientgen.ear.samples import SampleFaults
from ambientgen.ear.sidecar import Told, opened_and_told
from ambientgen.ear.source import Sound, mono, open_sound
from ambientgen.errors import ExitCode, UsageError
from ambientgen.scene import parse_scene
from ambientgen.sources.usable import check_recording

RATE = 16_000


def noise(seconds: float, channels: int = 1, seed: int = 0) -> Audio:
    return 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * RATE), channels))


def heard(folder: Path, audio: Audio, rate: int = RATE, **more: str) -> Hearing:
    path = folder / "sound.wav"
    soundfile.write(path, audio, rate, subtype=more.get("subtype", "FLOAT"))
    return listen(path)


# Holes


@pytest.mark.parametrize(
    ("length_s", "holes_s", "lasts_s"),
    [(20, [7], 0.25), (20, [7], 0.45), (20, range(1, 19), 0.02), (60, [31], 0.4)],
)
def test_holes_are_found_however_many_and_as_long_as_silence_begins(
    length_s: int, holes_s: list[int], lasts_s: float, tmp_path: Path
) -> None:
    """What a file often falls to is no floor of its own if there is nothing."""
    audio = noise(length_s)
    assert verdict(heard(tmp_path, audio), "faults.dropouts").passed
    for at in holes_s:
        audio[at * RATE : round((at + lasts_s) * RATE)] = 0
    found = verdict(heard(tmp_path, audio), "faults.dropouts")
    assert found.passed is False
    assert min(abs(found.where_s[0] - time_s) for time_s in holes_s) < 0.01


def test_what_dies_away_is_no_hole(tmp_path: Path) -> None:
    """Strokes that fade to nothing, as a player of strokes has them."""
    stroke = noise(0.5) * 0.5 ** np.linspace(0, 40, RATE // 2)[:, None]
    audio = np.concatenate([stroke, np.zeros((RATE // 5, 1))] * 20)
    found = verdict(heard(tmp_path, audio, subtype="PCM_16"), "faults.dropouts")
    assert found.passed
    assert found.value is not None


def test_a_hole_in_one_channel_is_found(tmp_path: Path) -> None:
    audio = noise(20, 2)
    audio[9 * RATE : 9 * RATE + 320, 0] = 0
    found = verdict(heard(tmp_path, audio), "faults.dropouts")
    assert found.passed is False
    assert found.where_s == pytest.approx((9,), abs=0.01)


def test_a_channel_may_be_silent_for_longer(tmp_path: Path) -> None:
    """As something that is heard on one side alone makes it."""
    audio = noise(20, 2)
    audio[5 * RATE : 10 * RATE, 0] = 0
    audio = np.concatenate([audio, np.zeros((len(audio), 1))], axis=1)
    assert verdict(heard(tmp_path, audio), "faults.dropouts").passed
    assert verdict(heard(tmp_path, audio), "faults.silence").passed


@pytest.mark.parametrize("rate", [16_000, 11_025, 44_100])
def test_channels_are_levelled_alike_wherever_blocks_are_cut(rate: int) -> None:
    audio = 0.5 * np.random.default_rng(3).standard_normal((3 * rate + 17, 2))
    audio[:, 1] /= 10
    told = []
    for sizes in ([len(audio)], [1, 40, 3_000, rate], [7_777, 2]):
        levels, at = ChannelLevels(rate), 0
        for size in [*sizes, len(audio)]:
            levels.hear(audio[at : at + size])
            at += size
        found = levels.levels_db
        assert found is not None
        told.append(found)
    assert len(told[0]) == int(len(audio) / (rate * 0.005))
    for other in told[1:]:
        np.testing.assert_allclose(other, told[0], atol=1e-4)
    assert float(np.mean(told[0][:, 0] - told[0][:, 1])) == pytest.approx(20, abs=0.2)


# Channels


def test_channels_that_cancel_are_heard(tmp_path: Path) -> None:
    one = noise(20)
    hearing = heard(tmp_path, np.concatenate([one, -one], axis=1))
    assert not hearing.failures
    assert verdict(hearing, "repeats.waveform").value == pytest.approx(
        verdict(heard(tmp_path, one), "repeats.waveform").value, abs=0.01
    )


def test_the_mean_is_heard_of_channels_that_differ() -> None:
    many = noise(1, 16)
    np.testing.assert_array_equal(mono(many), many.mean(axis=1))


def test_clipping_is_a_share_of_all_samples(tmp_path: Path) -> None:
    """Eight channels that clip as often as one are no worse."""
    clipped = np.clip(3 * noise(8, 8), -0.2, 0.2)
    one, eight = (
        verdict(heard(tmp_path, each), "faults.clipping") for each in (clipped[:, :1], clipped)
    )
    assert one.passed is False
    assert one.value is not None
    assert eight.value == pytest.approx(one.value, rel=0.2)


def test_clipping_is_counted_to_its_end() -> None:
    """However many flat tops there are: of hours of sound more than can be kept one by one."""
    flat = np.tile([0.5, 0.5, 0.5, 0.0], 30_000)
    faults = SampleFaults(RATE)
    for _ in range(5):
        faults.hear(flat[:, None])
    found = next(each for each in faults.verdicts() if each.name == "faults.clipping")
    assert found.value == pytest.approx(0.75)
    assert len(found.where_s) == 5


def test_what_lay_flat_below_the_peak_is_not_clipped(tmp_path: Path) -> None:
    audio = noise(30)
    audio[RATE : 2 * RATE] = 0.6
    audio[29 * RATE] = 0.7
    assert verdict(heard(tmp_path, audio), "faults.clipping").value == 0


@pytest.mark.parametrize(("hz", "top"), [(50, 0.003), (50, 0.6), (90, 0.03), (3, 0.9)])
def test_a_slow_waves_round_top_is_not_clipped(hz: float, top: float, tmp_path: Path) -> None:
    """In 16 bits it is flat for a while; cut, by a tenth, it has corners."""
    hum = top * np.sin(2 * np.pi * hz * np.arange(4 * RATE) / RATE)[:, None]
    sixteen = np.round(hum * 32768) / 32768
    assert verdict(heard(tmp_path, sixteen), "faults.clipping").value == 0
    cut = np.clip(hum, -0.9 * top, 0.9 * top)
    if top >= 0.03 and hz >= 50:
        found = verdict(heard(tmp_path, np.round(cut * 32768) / 32768), "faults.clipping")
        assert found.value == pytest.approx(2 * np.arccos(0.9) / np.pi, rel=0.15)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_S8", "ULAW", "ALAW"])
def test_of_eight_bits_steps_are_wide(subtype: str, tmp_path: Path) -> None:
    """A round top is no clipping there either, a cut one is."""
    hum, tone = (
        top * np.sin(2 * np.pi * hz * np.arange(4 * RATE) / RATE)[:, None]
        for hz, top in ((200, 0.5), (1000, 0.9))
    )
    path = tmp_path / ("a.aiff" if subtype == "PCM_S8" else "a.wav")
    loud = np.clip(3 * hum, -0.9, 0.9)
    for audio, passed in ((hum, True), (np.clip(tone, -0.5, 0.5), False), (loud, False)):
        soundfile.write(path, audio, RATE, subtype=subtype)
        assert verdict(listen(path), "faults.clipping").passed == passed


@settings(max_examples=300, deadline=None)
@given(st.floats(2.0, 400.0), st.floats(0.01, 1.0), st.floats(0.0, 6.28), st.sampled_from([7, 15]))
def test_no_round_wave_is_clipped_and_one_that_is_cut_is(
    hz: float, top: float, phase: float, bits: int
) -> None:
    def share(wave: NDArray[np.float64]) -> float:
        faults = SampleFaults(RATE, 2.0**-bits)
        faults.hear(np.round(wave * 2**bits)[:, None] / 2**bits)
        (found,) = [each for each in faults.verdicts() if each.name == "faults.clipping"]
        return float(found.value or 0.0)

    wave = top * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE + phase)
    assert share(wave) == 0
    if top > 0.3 and hz > 20:
        assert share(np.clip(wave, -top / 2, top / 2)) > 0.3


# Numbers


@pytest.mark.parametrize(("size", "subtype"), [(1e29, "FLOAT"), (1e299, "DOUBLE")])
def test_numbers_beyond_any_level_are_no_samples(size: float, subtype: str, tmp_path: Path) -> None:
    audio = noise(8)
    audio[RATE : RATE + 5] = size
    found = verdict(heard(tmp_path, audio, subtype=subtype), "faults.missing")
    assert (found.passed, found.value) == (False, 5)


def test_a_sound_of_absurd_level_has_a_loudness(tmp_path: Path) -> None:
    found = verdict(heard(tmp_path, 1e6 * noise(4)), "faults.loudness")
    assert found.passed is False
    assert found.value == pytest.approx(102.7, abs=1)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.wav", "GSM610"), ("a.au", "G721_32"), ("a.aiff", "DWVW_16")]
)
def test_what_can_be_read_from_its_start_only_is_refused(
    name: str, kind: str, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / name, noise(4), RATE, subtype=kind)
    with pytest.raises(UsageError, match=r"from its start only, .*; save it as WAV or FLAC"):
        open_sound(tmp_path / name)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_heard_as_any(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"a\xff.wav")
    soundfile.write(os.fsencode(path), noise(4), RATE)
    assert sum(len(block) for block in open_sound(path).blocks()) == 4 * RATE


def test_a_rate_of_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 Hz is no rate of sound; at least 4000 Hz"):
        heard(tmp_path, noise(1), 1)


# Files that are longer than is read


def test_ogg_files_in_a_row_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", noise(2), RATE)
    open_sound(tmp_path / "a.ogg")
    once = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "b.ogg").write_bytes(once + once)
    with pytest.raises(UsageError, match="holds several sounds in a row; save it anew"):
        open_sound(tmp_path / "b.ogg")
    text = f"duration: 5s\nlayers: {{b: {{engine: recording, file: {tmp_path}/b.ogg}}}}\n"
    found = check_recording(parse_scene(text).layers[0])
    assert "holds several sounds in a row; save it anew" in str(found)


def test_an_mp3_that_does_not_say_how_long_it_is_is_refused(tmp_path: Path) -> None:
    """Its first frames are of silence, and small: the library guesses from them."""
    audio = np.concatenate([noise(6, seed=1), np.zeros((6 * RATE, 1))])[::-1]
    path = tmp_path / "a.mp3"
    soundfile.write(path, audio, RATE, bitrate_mode="VARIABLE")
    open_sound(path)
    raw = path.read_bytes()
    at = max(raw.find(b"Xing"), raw.find(b"Info"))
    assert at > 0
    path.write_bytes(raw[:at] + b"none" + raw[at + 4 :])
    with pytest.raises(UsageError, match=r"does not say how long it is: .* of 12\.\d\d s"):
        open_sound(path)


@pytest.mark.parametrize("kind", ["whole", "foot"])
@pytest.mark.parametrize("seed", range(3))
def test_an_mp3_with_a_picture_in_its_tag_is_as_long_as_its_sound(
    kind: str, seed: int, tmp_path: Path
) -> None:
    """Of the bytes of a megabyte some look like a frame's head."""
    path = tmp_path / "a.mp3"
    soundfile.write(path, noise(4), RATE)
    sound = path.read_bytes()
    picture = np.random.default_rng(seed).bytes(1_000_000)
    item = struct.pack("<II", len(picture), 2) + b"Cover Art (Front)\0" + picture
    head, foot = (
        b"APETAGEX" + struct.pack("<IIII8x", 2000, len(item) + 32, 1, flags)
        for flags in (0xA000_0000, 0x8000_0000)
    )
    tag = item + foot if kind == "foot" else head + item + foot
    path.write_bytes(sound + tag)
    assert open_sound(path).duration_s == pytest.approx(4, abs=0.1)
    path.write_bytes(path.read_bytes() + sound)
    with pytest.raises(UsageError, match=r"does not say how long it is: .* of 8\."):
        open_sound(path)


# What lies beside


def told_beside(folder: Path, **more: object) -> None:
    (folder / "sound.json").write_text(json.dumps({"joins_s": [4.0, 9.0], **more}))


@pytest.mark.parametrize(("samples", "used"), [(20 * RATE, True), (10 * RATE, False)])
def test_a_sidecar_of_another_sound_is_not_used(
    samples: int, used: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told_beside(tmp_path, samples=samples, sample_rate=RATE)
    hearing = heard(tmp_path, noise(20))
    assert hearing.told is used
    assert (hearing.remark is None) is used
    run(["check", str(tmp_path / "sound.wav")])
    said = "the sidecar beside it describes another sound: it was not used"
    assert (said in capsys.readouterr().err) is not used


def test_joins_of_a_loop_that_goes_round_count_once(tmp_path: Path) -> None:
    """Three turns tell no more of them than one, nor of the instants they are compared with."""
    turn = noise(6)
    turn[2 * RATE : 4 * RATE] *= 1.5
    scene = {"version": 1, "duration": "6s", "loop": True, "states": {"rain": {"curve": 0.5}}}
    joins = [6.0 * k + at for k in range(3) for at in (2.0, 4.0)]
    for length, loop, count in ((1, True, 2), (3, True, 2), (3, False, 6)):
        beside = {"joins_s": joins[: 2 * length], "loop": loop, "scene": scene}
        (tmp_path / "sound.json").write_text(json.dumps(beside | ({} if loop else {"scene": {}})))
        hearing = heard(tmp_path, np.tile(turn, (length, 1)))
        assert len(hearing.joins_s) == count
        worst = verdict(hearing, "seams.worst")
        assert (worst.passed is None) is loop


def test_a_loop_that_goes_round_may_repeat_itself(tmp_path: Path) -> None:
    """But not within a turn."""
    turn = noise(12)
    scene = {"version": 1, "duration": "12s", "loop": True, "states": {"rain": {"curve": 0.5}}}
    told_beside(tmp_path, loop=True, scene=scene)
    assert verdict(heard(tmp_path, np.tile(turn, (3, 1))), "repeats.waveform").passed
    turn[8 * RATE : 12 * RATE] = turn[2 * RATE : 6 * RATE]
    assert verdict(heard(tmp_path, np.tile(turn, (3, 1))), "repeats.waveform").passed is False
    (tmp_path / "sound.json").unlink()
    turn = noise(12)
    assert verdict(heard(tmp_path, np.tile(turn, (3, 1))), "repeats.waveform").passed is False


# References


UNUSABLE = ("dir.wav", "empty.wav", "gone.flac", "short.wav", "silent.wav")


@pytest.fixture
def like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sounds none of which can be used, two sounds, and who works there."""
    monkeypatch.chdir(tmp_path)
    folder = Path("like")
    folder.mkdir()
    soundfile.write(folder / "silent.wav", np.zeros(8 * RATE), RATE)
    soundfile.write(folder / "short.wav", noise(0.5), RATE)
    (folder / "dir.wav").mkdir()
    (folder / "empty.wav").touch()
    (folder / "gone.flac").symlink_to("nowhere")
    for seed in (0, 1):
        soundfile.write(f"{seed}.wav", noise(8, seed=seed), RATE)
    return folder


def test_all_that_is_wrong_with_references_is_told_at_once(like: Path) -> None:
    with pytest.raises(UsageError) as found:
        listen("0.wav", reference=like)
    assert [Path(each.place).name for each in found.value.problems] == list(UNUSABLE)
    told = "\n".join(map(str, found.value.problems))
    assert "silent.wav: is silent; name a sound to be compared with" in told


def test_what_of_a_folder_cannot_be_used_is_left_out_and_told(
    like: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(like / "good.wav", noise(8, seed=2), RATE)
    run(["check", "0.wav", "1.wav", "--reference", "like"])
    told = capsys.readouterr()
    assert told.out.count("nearest: good.wav") == 2
    lines = told.err.splitlines()
    assert [line.split(": ")[2] for line in lines] == [f"like/{name}" for name in UNUSABLE]
    assert lines[-1].endswith("like/silent.wav: is silent: it is not compared with")
    assert run(["check", "0.wav", "--reference", "like/silent.wav"]) == ExitCode.BAD_INPUT


def test_a_reference_is_heard_once_for_all_sounds(
    like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def noticed(path: Path) -> tuple[Sound, Told]:
        opened.append(str(path))
        return opened_and_told(path)

    monkeypatch.setattr("ambientgen.ear.references.opened_and_told", noticed)
    soundfile.write(like / "good.wav", noise(8, seed=2), RATE)
    run(["check", "0.wav", "1.wav", "--reference", "like"])
    assert opened.count("like/good.wav") == opened.count("like/silent.wav") == 1
    soundfile.write(like / "good.wav", noise(9, seed=2), RATE)
    run(["check", "0.wav", "--reference", "like"])
    assert opened.count("like/good.wav") == 2, "it is another one now"


def test_a_sound_is_not_compared_with_itself(tmp_path: Path) -> None:
    """Nor with what no listing shows, such as the notes that macOS leaves beside files."""
    soundfile.write(tmp_path / "sound.wav", noise(2), RATE)
    (tmp_path / "._sound.wav").write_bytes(b"a note")
    with pytest.raises(UsageError, match="holds no other sound files"):
        listen(tmp_path / "sound.wav", reference=tmp_path)
    soundfile.write(tmp_path / "other.wav", noise(2, seed=1), RATE)
    found = verdict(listen(tmp_path / "sound.wav", reference=tmp_path), "texture.distance")
    assert found.note == "nearest: other.wav"
    assert found.value


# Reports and pipes


@pytest.mark.parametrize("name", ["a$b_{$c.wav", "雨.wav", "a\x01b\nc\x7f\ufffe.wav"])
def test_a_report_shows_any_name(name: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / name, noise(2), RATE)
    soundfile.write(tmp_path / "other.wav", noise(2, seed=1), RATE)
    hearing = listen(tmp_path / "other.wav", reference=tmp_path)
    for one in (hearing, listen(tmp_path / name)):
        assert report(one, ".png").startswith(b"\x89PNG")
        drawn = report(one, ".svg")
        ElementTree.fromstring(drawn)
        assert "\n" not in verdict(hearing, "texture.distance").note


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("s.png", "--report: s.png is read here; name another file"),
        ("a" * 300 + ".png", "the name is too long"),
        ("folder.png", "folder.png: is a folder; name a file in it"),
        ("none/r.png", "none/r.png: there is no folder none"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_first(
    report: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("s.png", noise(8), RATE, format="WAV")
    Path("folder.png").mkdir()
    before = Path("s.png").read_bytes()
    assert run(["check", "s.png", "--report", report, "--force"]) in {2, 4}
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert Path("s.png").read_bytes() == before


def test_a_report_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is full leaves the one that was there."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("s.wav", noise(8), RATE)
    Path("r.png").write_bytes(b"the old one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ambientgen.cli.files.os.fsync", full)
    assert run(["check", "s.wav", "--report", "r.png", "--force"]) == ExitCode.OUTPUT
    assert "the disk is full" in capsys.readouterr().err
    assert Path("r.png").read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.png", "s.wav"]


@pytest.mark.parametrize(
    ("command", "code"), [("check", ExitCode.FAILED), ("verify", ExitCode.BAD_INPUT)]
)
def test_a_verdict_stands_though_nobody_reads_it(
    command: str, code: ExitCode, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "s.wav", noise(2) + 0.3, RATE)
    asked = [sys.executable, "-m", "ambientgen", command, str(tmp_path / "s.wav"), "--json"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == code


@pytest.mark.parametrize("name", ["a" * 300 + ".wav", "file/a.wav"])
def test_a_name_that_can_be_none_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    soundfile.write("s.wav", noise(2), RATE)
    for asked in (["check", name], ["check", "s.wav", "--reference", name]):
        assert run(asked) == ExitCode.BAD_INPUT
        told = capsys.readouterr().err
        assert told.startswith(f"ambientgen: {name}: ")
        assert told.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize(
    "asked", [["check", "a.wav"], ["check", "s.wav", "--reference", "a.wav"], ["plot", "a.wav"]]
)
def test_a_pipe_is_not_waited_for(
    asked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("a.wav")
    soundfile.write("s.wav", noise(2), RATE)
    assert run(asked) == ExitCode.BAD_INPUT
    said = "a.wav: is a pipe, which can be read once only, and from its start; save the sound to a"
    assert capsys.readouterr().err == f"ambientgen: {said} file first\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it has another name")
def test_a_sound_from_a_pipe_is_not_called_packed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", noise(2), RATE)
    asked = [sys.executable, "-m", "ambientgen", "check", "/dev/stdin"]
    sound = (tmp_path / "s.wav").read_bytes()
    told = subprocess.run(asked, input=sound, capture_output=True, check=False)
    assert told.returncode == ExitCode.BAD_INPUT
    assert b"/dev/stdin: is a pipe, which can be read once only" in told.stderr


def test_a_reference_without_a_name_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        soundfile.write(f"{seed}.wav", noise(2, seed=seed), RATE)
    assert run(["check", "0.wav", "--reference", ""]) == ExitCode.BAD_INPUT
    said = "--reference: is empty; name a sound file, or a folder of them"
    assert capsys.readouterr().err == f"ambientgen: {said}\n"
