"""Renders that are killed and started again, and scenes that are edited: for tests, and for the
figures in docs/store.md.

    python tests/unbreakable.py kill      # ten random moments of two scenes, a line for each
    python tests/unbreakable.py edit      # ten minutes, of which one keyframe is then changed
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCENES = {
    "plain": """
title: Killed
duration: 60s
seed: 3
states:
  rain: {curve: {0s: 0.2, 30s: 0.9, 60s: 0.3}}
  wind: {curve: 0.4}
""",
    "layered": """
title: Killed
duration: 20s
seed: 3
layers:
  rain:
    states: {rain: {curve: {0s: 0.2, 20s: 0.9}}}
    width: 0.6
  wind:
    engine: procedural
    states: {wind: {curve: 0.4}}
    direction: {0s: -60, 20s: 60}
output: {sample_rate: 48000, layout: stereo, format: flac, loudness: -23}
""",
}
"""Two states in mono; and layers in stereo, resampled, measured in a first pass, with stems."""

OPTIONS = {"plain": [], "layered": ["--stems"]}
LONGEST_S = 600.0  # a command that takes this long hangs


@dataclass(frozen=True)
class Killed:
    """One render, killed `moment` (0 to 1) of an uninterrupted one's time after its start.

    left: files found beside the scene. stored: windows found in the store, and kept: those of them
    that the second run took. total: all it needed. same: whether every file it made is to the byte
    as it should be.
    """

    moment: float
    left: tuple[str, ...]
    stored: int
    kept: int
    total: int
    same: bool


class Scene:
    """One of SCENES in a folder, with a store of its own; `model`: a folder instead of pocket."""

    def __init__(self, name: str, folder: Path, model: Path | None = None) -> None:
        self.folder = folder
        text = SCENES[name] + ("" if model is None else f"model: {model}\nrender: {{steps: 2}}\n")
        (folder / "killed.yaml").write_text(text)
        self._options = OPTIONS[name]

    def start(self, *more: str) -> subprocess.Popen[str]:
        """A render, in a process of its own, with `more` options; JSON on its standard output."""
        command = [sys.executable, "-m", "ambientgen", "render", "killed.yaml", *self._options]
        command += ["--cache", "cache", "--json", "--quiet", "--device", "cpu", *more]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finished(self, *more: str) -> dict[str, Any]:
        """A render to its end, with `more` options: what it reports."""
        out, err = self.start(*more).communicate(timeout=LONGEST_S)
        assert out, err
        said: dict[str, Any] = json.loads(out)
        assert "error" not in said, said
        return said

    def made(self) -> dict[str, str]:
        """A hash of every file beside the scene, by name: sounds, stems, sidecar, parts."""
        files = [path for path in self.folder.iterdir() if path.is_file()]
        made = [path for path in files if path.suffix != ".yaml"]
        return {path.name: sha256(path.read_bytes()).hexdigest() for path in made}

    def stored(self) -> int:
        """How many windows its store holds whole."""
        return len(list(self.folder.glob("cache/windows/*/*.entry")))

    def forget(self, store: bool) -> None:
        """Delete what was made, and the store as well if wanted."""
        for name in self.made():
            (self.folder / name).unlink()
        if store:
            for entry in (self.folder / "cache" / "windows").rglob("*.*"):
                entry.unlink()


def killed(name: str, folder: Path, kills: int, model: Path | None = None) -> Iterator[Killed]:
    """Kill renders of a scene at `kills` random moments, each with an empty store at first."""
    scene, dice = Scene(name, folder, model), random.Random(f"{name} {kills}")
    scene.finished()  # so that the weights' hashes are known, as in every run but the first
    scene.forget(store=True)
    began = time.monotonic()
    scene.finished()
    whole_s, wanted = time.monotonic() - began, scene.made()
    done = 0
    while done < kills:
        moment = dice.random()
        scene.forget(store=True)
        process = scene.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment * whole_s)
        process.kill()
        _, err = process.communicate()
        if process.returncode == 0:  # quicker than the first: it had ended, maybe just now
            continue
        assert process.returncode == -signal.SIGKILL, err
        done += 1
        left, stored = scene.made(), scene.stored()
        there = wanted.keys() & left.keys()  # killed at its very end: what has its name is whole
        same = all(left[name] == wanted[name] for name in there)
        windows = scene.finished(*(["--force"] if there else []))["windows"]
        same &= scene.made() == wanted
        yield Killed(moment, tuple(sorted(left)), stored, windows["reused"], windows["total"], same)


def edited(folder: Path, model: Path | None = None, minutes: int = 10) -> list[dict[str, Any]]:
    """What `--json` reports of a scene, and of the same with one point of a curve changed."""
    said = []
    for changed in (False, True):
        turns = range(0, 60 * minutes + 1, 30)
        levels = {f"{at}s": 0.2 if at // 30 % 2 == 0 else 0.9 for at in turns}
        if changed:
            levels[f"{30 * minutes}s"] = 0.55
        states = {"rain": {"curve": levels}, "wind": {"curve": 0.4}}
        document: dict[str, Any] = {"duration": f"{minutes}m", "states": states}
        if model is not None:
            document |= {"model": str(model), "render": {"steps": 2}}
        scene = Scene("plain", folder)
        (folder / "killed.yaml").write_text(json.dumps(document))
        scene.forget(store=False)
        said.append(scene.finished())
    return said


def main() -> None:
    """Print a line for every kill; or for both renders of an edited scene."""
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "kill":
        kills = int(sys.argv[2]) if len(sys.argv) > 2 else 10
        for name in SCENES:
            with tempfile.TemporaryDirectory() as folder:
                for each in killed(name, Path(folder), kills):
                    same = "the same" if each.same else "NOT THE SAME"
                    found = f"{each.kept} of {each.total} windows reused"
                    left = ", ".join(each.left) or "nothing"
                    print(f"{name} | {each.moment:.2f} | {same} | {found} | {left}", flush=True)
    elif what == "edit":
        with tempfile.TemporaryDirectory() as folder:
            for name, said in zip(("as it was", "edited"), edited(Path(folder)), strict=True):
                took = f"{said['elapsed_s']:.1f} s without start-up"
                print(f"{name} | {said['windows']} | {took}", flush=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
