"""`ambientgen check`: verdicts, exit codes, reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ambientgen.cli.app import run
from ambientgen.ear.source import open_sound
from ambientgen.errors import ExitCode, UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clean sound, one with a fault, and a scene."""
    monkeypatch.chdir(tmp_path)
    audio = 0.05 * np.random.default_rng(0).standard_normal(24 * 16_000)
    soundfile.write("good.wav", audio, 16_000)
    soundfile.write("bad.wav", audio + 0.2, 16_000)
    Path("rain.yaml").write_text(
        "title: Rain\nduration: 24s\nstates: {rain: {curve: {0s: 0.1, 24s: 1}}}\n"
    )
    return tmp_path


def code(*args: str) -> int:
    return run(["check", *args])


def test_verdicts_decide_the_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code("good.wav") == ExitCode.DONE
    said_of_good = capsys.readouterr().out
    assert said_of_good.rstrip().endswith("good.wav: passes")
    assert "not judged: --scene tells the curves" in said_of_good
    assert code("bad.wav") == ExitCode.FAILED == 5
    said = capsys.readouterr()
    assert said.out.rstrip().endswith("bad.wav: fails faults.dc")
    assert not said.err


def test_json_tells_what_cannot_be_heard(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("no.wav").write_bytes(b"RIFF, no more")
    for args in (["no.wav"], ["none.wav"], ["good.wav", "--scene", "none.yaml"]):
        found = code(*args, "--json")
        said = capsys.readouterr()
        document = json.loads(said.out)
        assert found == document["exit_code"] == ExitCode.BAD_INPUT
        assert document["file"] == args[0]
        (problem,) = document["error"]["problems"]
        assert problem["what"] in said.err and "Traceback" not in said.err
        assert code(*args) == found and not capsys.readouterr().out


def test_several_sounds_are_each_judged_and_the_gravest_code_wins(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code("good.wav", "bad.wav", "--json") == ExitCode.FAILED
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["file"], each["passed"]) for each in told] == [
        ("good.wav", True),
        ("bad.wav", False),
    ]
    assert code("none.wav", "good.wav", "bad.wav") == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert "none.wav: there is no such file" in said.err
    assert "good.wav: passes" in said.out and "bad.wav: fails faults.dc" in said.out
    assert code("good.wav", "bad.wav", "--report", "r.png") == ExitCode.BAD_INPUT
    assert "2 sounds cannot be drawn into one file" in capsys.readouterr().err
    assert code("good.wav", "bad.wav", "--scene", "none.yaml", "--json") == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert said.err.count("none.yaml") == 1 and len(said.out.splitlines()) == 2


def test_silence_is_called_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write("silent.wav", np.zeros(3 * 16_000), 16_000)
    assert code("silent.wav") == ExitCode.FAILED
    assert "silent (≥ -60)" in (out := capsys.readouterr().out) and "-inf" not in out


def test_json_holds_every_verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code("bad.wav", "--scene", "rain.yaml", "--json") == ExitCode.FAILED
    document = json.loads(capsys.readouterr().out)
    verdicts = {verdict["name"]: verdict for verdict in document["verdicts"]}
    assert not document["passed"] and document["file"] == "bad.wav"
    assert verdicts["faults.dc"]["passed"] is False
    assert verdicts["faults.dc"]["value"] == pytest.approx(0.2, abs=0.01)
    groups = {name.split(".")[0] for name in verdicts}
    assert groups == {"seams", "loop", "trajectory", "drift", "faults", "repeats"}
    assert not verdicts["trajectory.rain.spearman"]["passed"], "noise follows nothing"


@pytest.mark.parametrize(
    ("name", "begins"),
    [("r.png", b"\x89PNG"), ("r.svg", b"<?xml"), ("r.HTML", b"<!doctype html>")],
)
def test_a_report_is_drawn(name: str, begins: bytes, folder: Path) -> None:
    args = ("bad.wav", "--report", name)
    if name == "r.svg":
        args = (*args, "--scene", "rain.yaml")
    assert code(*args) == ExitCode.FAILED
    content = Path(name).read_bytes()
    assert content.startswith(begins)
    if name == "r.HTML":
        assert b"faults.dc" in content
        assert b"http" not in content, "it needs nothing else"
    assert code(*args) == ExitCode.OUTPUT, "nothing is replaced unasked"
    assert Path(name).read_bytes() == content


def test_a_file_cut_short_is_told_from_a_stream(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Path("good.wav").read_bytes()
    Path("cut.wav").write_bytes(whole[:200_001])
    assert code("cut.wav") == ExitCode.BAD_INPUT
    assert "cut.wav: is cut short" in capsys.readouterr().err
    # What was written to a pipe could not say its length.
    at = whole.index(b"data") + 4
    Path("piped.wav").write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
    assert code("piped.wav") == ExitCode.DONE


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("cut.flac", "it should last 3.00 s; "),
        ("cut.mp3", "it should last 3.00 s; "),
        ("cut.aiff", "it should last 3.00 s; "),
        ("cut.w64", "it should last 3.00 s; "),
        ("cut.ogg", "its end is not; "),
    ],
)
def test_a_cut_file_of_any_format_is_not_judged_as_a_shorter_sound(
    name: str, promised: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(3 * 16_000), 16_000)
    assert open_sound(path).duration_s == pytest.approx(3.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 4 // 5])
    with pytest.raises(UsageError, match=rf"{name}: is cut short: .* s are there, and {promised}"):
        open_sound(path)


def test_a_sound_that_does_not_say_how_long_it_is_is_refused(tmp_path: Path) -> None:
    """A FLAC that an encoder wrote to a pipe: the 36 bits of its length are 0."""
    path = tmp_path / "piped.flac"
    soundfile.write(path, np.zeros(32_000), 16_000)
    written = bytearray(path.read_bytes())
    written[21] &= 0xF0
    written[22:26] = bytes(4)
    path.write_bytes(written)
    with pytest.raises(UsageError, match="does not say how long it is"):
        open_sound(path)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("none.wav",), "none.wav: there is no such file; name a sound file"),
        (("rain.yaml",), "rain.yaml: cannot be read as sound (Format not recognised); render the"),
        (("good.wav", "--report", "r.doc"), "--report: `r.doc` is no kind of report"),
        (("good.wav", "--reference", "none"), "none: there is no such file"),
        (("good.wav", "--scene", "none.yaml"), "none.yaml: "),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    args: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(*args) == ExitCode.BAD_INPUT
    told = capsys.readouterr()
    assert told.err.startswith(f"ambientgen: {said}")
    assert told.err.count("\n") == 1
    assert not told.out
