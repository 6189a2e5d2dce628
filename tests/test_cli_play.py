"""`play`, and streams without end, to a player that reads standard input while it likes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ambientgen.cli.app import run
from ambientgen.cli.play import PLAYERS

ROOT = Path(__file__).parents[1]
SCENE = """
duration: {duration}
loop: {loop}
states:
  rain: {{curve: 0.6}}
model: {model}
render: {{steps: 1, guidance: 1}}
"""
LAYERS = """
duration: endless
seed: 4
layers:
  rain:
    states: {{rain: {{curve: {{0s: 0.2, 4s: 0.9}}}}}}
    model: {model}
    width: 0.5
  wind:
    engine: procedural
    states: {{wind: {{curve: 0.4, wander: {{amount: 0.2, period: 3s}}}}}}
    direction: {{0s: -60, 5s: 60}}
    distance: 0.5
  bed: {{engine: recording, file: bed.wav, gain: -12dB}}
events: [{{at: 1s, sound: thunder, direction: 40}}]
render: {{steps: 2, guidance: 1}}
output: {{sample_rate: 24000, layout: stereo}}
"""
PLAYER = """
import sys
wanted = int(sys.argv[2])
heard = sys.stdin.buffer.read(wanted) if wanted else sys.stdin.buffer.read()
open(sys.argv[1], "wb").write(heard)
sys.exit(int(sys.argv[3]))
"""


@pytest.fixture
def player(tmp_path: Path) -> str:
    """A command to which a file, a number of bytes (0: all) and an exit code are added."""
    (tmp_path / "player.py").write_text(PLAYER)
    return f"{sys.executable} {tmp_path / 'player.py'}"


def scene(tmp_path: Path, folder: Path, duration: str, loop: bool = False) -> str:
    path = tmp_path / "rain.yaml"
    path.write_text(SCENE.format(duration=duration, loop=str(loop).lower(), model=folder))
    return str(path)


def play(path: str, player: str, *more: str) -> int:
    return run(["play", path, "--player", player, "--no-cache", "--workers", "1", "-q", *more])


def test_a_player_hears_the_whole_scene(
    tmp_path: Path, hub_faithful_folder: Path, player: str
) -> None:
    path = scene(tmp_path, hub_faithful_folder, "2s")
    assert play(path, f"{player} {tmp_path / 'heard'} 0 0") == 0
    heard = (tmp_path / "heard").read_bytes()
    assert heard[:4] == b"RIFF" and len(heard) == 44 + 2 * 32_000
    assert run(["render", path, "-o", str(tmp_path / "rain.wav"), "--no-cache", "-q"]) == 0
    assert (tmp_path / "rain.wav").read_bytes()[44 : len(heard)] == heard[44:]
    assert play(path, f"{player} {tmp_path / 'heard'} 0 0", "--from", "1500ms") == 0
    assert (tmp_path / "heard").read_bytes()[44:] == heard[44 + 48_000 :]


def test_a_loop_goes_round_until_the_player_has_enough(
    tmp_path: Path, hub_faithful_folder: Path, player: str
) -> None:
    path = scene(tmp_path, hub_faithful_folder, "4030ms", loop=True)
    turn = 2 * 64_480
    assert play(path, f"{player} {tmp_path / 'heard'} {44 + 3 * turn} 0") == 0
    heard = (tmp_path / "heard").read_bytes()[44:]
    assert heard == heard[:turn] * 3


def test_a_player_that_fails_is_told(
    tmp_path: Path,
    hub_faithful_folder: Path,
    player: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = scene(tmp_path, hub_faithful_folder, "2s")
    assert play(path, f"{player} {tmp_path / 'heard'} 44 3") == 4
    assert "ended with status 3; see what it said" in capsys.readouterr().err
    assert play(path, "no-such-player --loud") == 4
    assert "--player: there is no command no-such-player; write for" in capsys.readouterr().err
    assert play(path, "'unclosed") == 2
    assert play(path, " ") == 2


def test_without_a_player_the_pipe_is_named(
    tmp_path: Path,
    hub_faithful_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = scene(tmp_path, hub_faithful_folder, "2s")
    assert run(["play", path]) == 4
    said = capsys.readouterr().err
    assert f"`ambientgen render {path} -o - | PLAYER`" in said
    assert all(line.split()[0] in said for _, line in PLAYERS)


def test_the_systems_player_gets_bare_samples(
    tmp_path: Path, hub_faithful_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aplay = tmp_path / "bin" / "aplay"
    aplay.parent.mkdir()
    aplay.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexec cat > {tmp_path}/heard\n')
    aplay.chmod(0o755)
    monkeypatch.setenv("PATH", f"{aplay.parent}:{os.environ['PATH']}")
    path = scene(tmp_path, hub_faithful_folder, "1s")
    assert run(["play", path, "--no-cache", "-q"]) == 0
    assert len((tmp_path / "heard").read_bytes()) == 32_000
    assert "-r 16000" in (tmp_path / "asked").read_text()


def test_an_endless_scene_needs_a_pipe_or_an_end(
    tmp_path: Path, hub_faithful_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scene(tmp_path, hub_faithful_folder, "endless")
    assert run(["render", path, "-o", str(tmp_path / "rain.wav")]) == 2
    assert "never ends, and a file must; give `--duration 10m`" in capsys.readouterr().err
    cut = ["--from", "1h", "--to", "3601s", "--no-cache", "-q"]
    assert run(["render", path, "-o", str(tmp_path / "rain.wav"), *cut]) == 0
    assert soundfile.info(tmp_path / "rain.wav").frames == 16_000
    told = tmp_path / "rain.json"
    assert json.loads(told.read_text())["asked"]["duration_s"] == 3601
    assert run(["verify", str(told.with_suffix(".wav"))]) == 0
    assert run(["render", path, "-o", str(tmp_path / "rain.wav"), "--pcm"]) == 2
    assert "--pcm: bare samples go to standard output alone" in capsys.readouterr().err
    assert run(["plan", path]) == 0
    assert "endless; of which 10m" in capsys.readouterr().out


def test_what_is_asked_to_go_on_for_ever_and_to_a_moment_ends_there(
    tmp_path: Path, hub_faithful_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(scene(tmp_path, hub_faithful_folder, "3s"))
    asked = ["--duration", "endless", "--to", "6s"]
    for more in ("", "keyframes: {every: 2s}\n"):
        path.write_text(more + path.read_text())
        assert run(["plan", str(path), *asked]) == 0
        assert "6s" in capsys.readouterr().out
    out = tmp_path / "rain.wav"
    loud = ["--set", "output.loudness=-30", "--set", "output.fade_out=2s", "--no-cache", "-q"]
    assert run(["render", str(path), "-o", str(out), *asked, *loud]) == 0
    samples, rate = soundfile.read(out)
    assert len(samples) == 6 * rate
    assert np.abs(samples[-rate // 10 :]).max() < 0.1 * np.abs(samples[: 3 * rate]).max()
    assert run(["verify", str(out), "--render"]) == 0


def layered(tmp_path: Path, folder: Path) -> str:
    """A scene without end in stereo: a model, a synthesiser, a recording and an event."""
    noise = np.random.default_rng(0).standard_normal((22_050, 2)) * 0.1
    soundfile.write(tmp_path / "bed.wav", noise, 22_050)
    path = tmp_path / "layers.yaml"
    path.write_text(LAYERS.format(model=folder))
    return str(path)


@pytest.mark.slow
def test_layers_without_end_sound_until_the_reader_has_enough(
    tmp_path: Path, hub_faithful_folder: Path, player: str
) -> None:
    path, wanted = layered(tmp_path, hub_faithful_folder), 3 * 24_000 * 4
    assert play(path, f"{player} {tmp_path / 'heard'} {44 + wanted} 0") == 0
    heard = (tmp_path / "heard").read_bytes()
    assert len(heard) == 44 + wanted
    assert int.from_bytes(heard[22:24], "little") == 2
    call = [sys.executable, "-m", "ambientgen", "render", path, "-o", "-", "--pcm", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*call, "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        piped = process.stdout.read(wanted)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=100) == 0
    assert piped == heard[44:]
    assert run(["render", path, "-o", str(tmp_path / "cut.wav"), "--duration", "3s", "-q"]) == 0
    cut, _ = soundfile.read(tmp_path / "cut.wav", dtype="int16")
    endless = np.frombuffer(piped, np.int16).reshape(-1, 2)
    np.testing.assert_array_equal(cut[:-2400], endless[: len(cut) - 2400])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_endless_play_and_its_player(
    tmp_path: Path, hub_faithful_folder: Path, number: signal.Signals
) -> None:
    path = scene(tmp_path, hub_faithful_folder, "endless")
    slow = tmp_path / "slow"
    slow.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid\nhead -c 64000 > /dev/null\nexec sleep 60\n"
    )
    slow.chmod(0o755)
    call = [sys.executable, "-m", "ambientgen", "play", path, "--player", str(slow), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 90
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    word, code = ("interrupted", 130) if number is signal.SIGINT else ("terminated", 143)
    assert process.returncode == code
    assert said.splitlines()[-1] == f"ambientgen: {word}" and "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
