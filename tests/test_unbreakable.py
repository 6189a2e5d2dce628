"""Renders survive being killed at any moment, full disks and ten hours; an edit costs what it
touches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk
from unbreakable import ROOT, SCENES, edited, killed

from ambientgen.cli.app import run
from ambientgen.errors import ExitCode

KILLS = 5  # of each of two scenes: ten moments


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_random_moments_a_render_goes_on_to_the_same_bytes(
    name: str, tmp_path: Path
) -> None:
    """Sounds, stems and sidecar; and the parts that the dead left are gone."""
    found = list(killed(name, tmp_path, KILLS))
    assert len(found) == KILLS
    assert all(each.same for each in found)
    assert any(each.kept for each in found)
    assert all(each.kept == each.stored <= each.total for each in found)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_edit_of_ten_minutes_makes_the_windows_it_touches_alone(
    hub_faithful_folder: Path, tmp_path: Path
) -> None:
    """A point moves the half minutes on both sides of it; windows beyond are kept."""
    first, second = (said["windows"] for said in edited(tmp_path, hub_faithful_folder))
    assert first["reused"] == 0 and first["computed"] == first["total"]
    assert second["computed"] + second["reused"] == second["total"]
    assert 0 < second["computed"] <= 0.2 * second["total"]


LAYERS = """
title: Full
duration: 5s
layers:
  rain: {engine: procedural, states: {rain: {curve: 0.5}}}
  wind: {engine: procedural, states: {wind: {curve: 0.4}}}
output: {sample_rate: 24000, layout: stereoLOUDNESS}
"""


@pytest.mark.parametrize(
    ("loudness", "size_kb", "said"),
    [
        ("", 1200, "the disk is full; free some space"),  # each of three files takes 480 kB
        (
            ", loudness: -23",
            2400,
            "cannot keep the sound for a second pass",
        ),  # three of 960 kB beforehand
        (
            ", loudness: -23",
            3600,
            "the disk is full; free some space",
        ),  # these fit, files beside them do not
    ],
)
@pytest.mark.parametrize("foretold", [False, True])
def test_a_full_disk_is_one_line_and_leaves_neither_mix_nor_stems(
    loudness: str,
    size_kb: int,
    said: str,
    foretold: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it is seen beforehand, or others fill it meanwhile."""
    (tmp_path / "full.yaml").write_text(LAYERS.replace("LOUDNESS", loudness))
    with small_disk(tmp_path, size_kb) as disk:
        if not foretold:
            room = shutil.disk_usage(disk)._replace(total=10**9, free=10**9)
            monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
        call = ["render", str(tmp_path / "full.yaml"), "-o", f"{disk}/full.wav", "--stems", "-q"]
        assert run(call) == ExitCode.OUTPUT
        assert list(disk.iterdir()) == []
    told = capsys.readouterr().err
    assert foretold or said in told
    assert str(disk) in told
    assert "free" in told or "make room" in told
    assert told.count("\n") == 1 and "Traceback" not in told


def test_a_store_on_a_full_disk_costs_a_line_and_no_sound(
    hub_faithful_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"model: {hub_faithful_folder}\nrender: {{steps: 2}}\n"
    text = f"title: Full\nduration: 20s\nstates: {{rain: {{curve: 0.5}}}}\n{model}"
    (tmp_path / "full.yaml").write_text(text)
    call = ["render", str(tmp_path / "full.yaml"), "--force", "-o"]
    sounds = [tmp_path / "with.wav", tmp_path / "without.wav"]
    with small_disk(tmp_path, 16) as disk:
        assert run([*call, str(sounds[0]), "--cache", str(disk)]) == ExitCode.DONE
        told = capsys.readouterr().err
        assert told.count("finished windows cannot be kept here (no space left on device)") == 1
        assert "--no-cache" in told and "Traceback" not in told
        assert not list(disk.rglob("*.part"))
    assert run([*call, str(sounds[1]), "--no-cache"]) == ExitCode.DONE
    assert sounds[0].read_bytes() == sounds[1].read_bytes()


# The peak is the kernel's of this program: getrusage's begins with what its parent held.
PLANNED = """
import json, sys, time
from pathlib import Path
from ambientgen.cli.app import run
before = time.process_time()
code = run(["plan", sys.argv[1]])
lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(lines["VmHWM"].split()[0]) / 1024
print(json.dumps([code, time.process_time() - before, peak]), file=sys.stderr)
"""
TEN_HOURS = """
title: Ten hours
duration: 10h
states:
  waves: {curve: {0s: 0.2, 4s: 0.9}, repeat: 9s}
  wind: {curve: 0.5, wander: {amount: 0.2, period: 12s}}
  rain: {curve: {0%: 0.1, 50%: 0.9, 100%: 0.2}, wander: {amount: 0.1, period: 20s}}
"""


@pytest.mark.parametrize("layered", [False, True])
def test_ten_hours_are_planned_without_trouble(layered: bool, tmp_path: Path) -> None:
    """Some 2 s of a core and 100 MB; ten times that would be trouble."""
    text = TEN_HOURS
    if layered:
        states = text.partition("states:")[2].replace("\n  ", "\n      ")
        layers = f"layers:\n  sea:\n    states:{states}  bed:\n    engine: procedural\n"
        layers += "    states: {wind: {curve: 0.5, wander: {amount: 0.2, period: 12s}}}\n"
        text = text.partition("states:")[0] + layers
    path = tmp_path / "ten.yaml"
    path.write_text(text)
    call = [sys.executable, "-c", PLANNED, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(call, capture_output=True, text=True, check=True, env=environment)
    code, took_s, peak_mb = json.loads(ran.stderr.splitlines()[-1])
    assert code == ExitCode.DONE, ran.stderr
    assert "10h" in ran.stdout
    assert took_s < 20
    assert peak_mb < 1000
