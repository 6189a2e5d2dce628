"""All figures of docs/speed.md and docs/store.md, one command after another.

    python tests/take_figures.py            # about 40 minutes on two idle cores
    python tests/take_figures.py bench memory

Each command is printed, then what it says. Leave the machine alone meanwhile: nothing else may run.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "bench": ("-m ambientgen bench", "2 min: start-up, whole commands of 10 minutes, parts"),
    "memory": ("-m ambientgen bench --memory", "6 min: peaks of 1 min, 30 min, 3 h"),
    "pipeline": (
        "tests/compare_with_pipeline.py --duration 5m --repeats 2",
        "15 min: stock diffusers",
    ),
    "moving": (
        "tests/compare_with_pipeline.py --duration 5m --repeats 2 --scene moving --equal-steps",
        "4 min: stock diffusers, in the windows of a scene that moves",
    ),
    "edit": ("tests/unbreakable.py edit", "1 min: windows that an edit makes anew"),
    "kill": ("tests/unbreakable.py kill", "4 min: renders killed at random moments"),
}
"""By name: what Python is asked to run, and how long it takes on two idle cores."""


def main() -> None:
    """Run the commands named, or all."""
    wanted = sys.argv[1:] or list(COMMANDS)
    if unknown := set(wanted) - COMMANDS.keys():
        known = "\n".join(f"  {name}: {about}" for name, (_, about) in COMMANDS.items())
        sys.exit(f"there is no {', '.join(sorted(unknown))}; choose some of\n{known}")
    for name in wanted:
        command, about = COMMANDS[name]
        print(f"\n## {name}: `python {command}` ({about})\n", flush=True)
        began = time.monotonic()
        subprocess.run([sys.executable, *shlex.split(command)], cwd=ROOT, check=True)
        print(f"\n(took {time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
