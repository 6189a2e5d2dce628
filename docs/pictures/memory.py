"""Draw how much memory renders of 1 minute, 30 minutes and 3 hours hold, from start to end.

python docs/pictures/memory.py PICTURE

Takes six minutes on two idle cores, and needs Linux: what a process holds is read from /proc.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

LENGTHS = ("1m", "30m", "3h")
EVERY_S = 0.1
SCENE = "seed: 1\nduration: 3h\nstates: {rain: {curve: 0.5}}\n"


def held_mb(process: int) -> float | None:
    """What a process holds in memory now; None: it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s*(\d+)", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else None


def course(length: str, folder: Path) -> list[tuple[float, float]]:
    """(seconds since the command began, MB) of one render."""
    command = [sys.executable, "-m", "ambientgen", "render", "rain.yaml", "--duration", length]
    command += ["-o", f"{length}.wav", "--no-cache", "--no-sidecar", "--quiet"]
    began, seen = time.monotonic(), []
    with subprocess.Popen(command, cwd=folder) as render:
        while render.poll() is None:
            held = held_mb(render.pid)
            if held is not None:
                seen.append((time.monotonic() - began, held))
            time.sleep(EVERY_S)
    if render.returncode:
        sys.exit(f"the render of {length} failed")
    return seen


def draw(picture: str) -> None:
    """Render, and write the picture; print each peak."""
    figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rain.yaml").write_text(SCENE, encoding="utf-8")
        for length in LENGTHS:
            times, held = np.array(course(length, folder)).T
            print(f"{length}: at most {held.max():.0f} MB, in {times[-1]:.0f} s", flush=True)
            axes.plot(times, held, linewidth=1, label=f"{length} of sound")
    axes.set(xscale="log", xlim=(0.2, None), ylim=(0, None), xlabel="seconds", ylabel="MB held")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    draw(sys.argv[1])
