"""What rendering gains on a loop over stock diffusers, with one checkpoint on one machine.

    python tests/compare_with_pipeline.py --duration 5m

One side is what a user would write: an `AudioLDM2Pipeline` call for each window of 10.24 s, windows
faded into one another with numpy, one file written. The other is `ambientgen render` without a
store. Each run is a process of its own with the same environment, timed from its start to its end
and, for the loop's sake, without imports and loading too. The scene is steady: one prompt, so that
the pipeline need not follow anything, which it could not.

Texture scores are distances of `ambientgen.ear.texture` between the sound made and procedural takes
that the model never heard: lower is nearer.

Leave the machine alone meanwhile. Runs alternate between the sides; of several the median counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE, WINDOW_S, FADE_S = 16_000, 10.24, 0.64
STATE, LEVEL = "rain", 0.5
PROMPT = "steady rain"
FEW, MANY, GUIDANCE = 2, 25, 2.5  # pocket's own steps; what pipelines of this kind are used with
REFERENCES, REFERENCE_S = 4, 10.0


@dataclass(frozen=True)
class Side:
    """One way to make the sound. `threads`: of torch, for the pipeline; 0: ambientgen."""

    name: str
    steps: int
    guidance: float
    threads: int = 0

    @property
    def evaluations(self) -> int:
        """Of the UNet for one window: guidance takes two a step."""
        return self.steps * (2 if self.guidance > 1 else 1)


def sides(cores: int) -> list[Side]:
    """The pipeline on one thread and on all, at pocket's steps and its usual ones; then ours."""
    threads = sorted({1, cores})
    few = [Side(f"pipeline, {n} threads", FEW, 1.0, n) for n in threads]
    many = [Side(f"pipeline, {n} threads", MANY, GUIDANCE, n) for n in threads]
    return [*few, *many, Side("ambientgen render", FEW, 1.0)]


def loop(side: Side, duration_s: float, path: Path) -> dict[str, float]:
    """The user's script: seconds of the loop alone."""
    import soundfile
    import torch
    from diffusers import AudioLDM2Pipeline

    import ambientgen.models.vocoder  # noqa: F401  # diffusers then knows pocket's vocoder
    from ambientgen.models.registry import pocket_folder

    torch.set_num_threads(side.threads)
    stock: Any = AudioLDM2Pipeline
    pipeline = stock.from_pretrained(pocket_folder(), local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    began = time.monotonic()
    fade, hop = round(FADE_S * RATE), round((WINDOW_S - FADE_S) * RATE)
    total = round(duration_s * RATE)
    count = max(1, -(-(total - fade) // hop))
    sound = np.zeros(count * hop + fade, np.float32)
    ramp = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / fade).astype(np.float32)
    for index in range(count):
        audio = pipeline(
            PROMPT,
            num_inference_steps=side.steps,
            guidance_scale=side.guidance,
            audio_length_in_s=WINDOW_S,
            generator=torch.Generator().manual_seed(index),
        ).audios[0][: hop + fade]
        audio = np.array(audio, np.float32)
        if index:
            audio[:fade] *= ramp
        if index < count - 1:
            audio[-fade:] *= ramp[::-1]
        sound[index * hop : index * hop + len(audio)] += audio
    soundfile.write(path, sound[:total], RATE)
    return {"loop_s": time.monotonic() - began}


def run(side: Side, duration_s: float, path: Path) -> dict[str, float]:
    """One side in a process of its own: seconds of the whole, of its loop, and of all cores."""
    began, used = time.monotonic(), _cpu_s()
    if side.threads:
        command = [sys.executable, __file__, "--loop", str(path), "--duration", str(duration_s)]
        command += ["--steps", str(side.steps), "--guidance", str(side.guidance)]
        command += ["--threads", str(side.threads)]
        loop_s = json.loads(_output(command))["loop_s"]
    else:
        scene = path.with_suffix(".yaml")
        curve = f"states: {{{STATE}: {{curve: {LEVEL}}}}}"
        scene.write_text(f"title: comparison\nduration: {duration_s}s\n{curve}\n")
        command = [sys.executable, "-m", "ambientgen", "render", str(scene), "-o", str(path)]
        command += ["--no-cache", "--no-sidecar", "--json", "--quiet", "--force", "--device", "cpu"]
        said = json.loads(_output([*command, "--steps", str(side.steps)]))
        loop_s = (said[0] if isinstance(said, list) else said)["elapsed_s"]
    whole_s = time.monotonic() - began
    return {"whole_s": whole_s, "loop_s": loop_s, "cpu_s": _cpu_s() - used}


def _cpu_s() -> float:
    """What finished child processes computed for: other work hardly stretches it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def texture(path: Path, start_s: float = 0.0) -> float:
    """Median distance of a sound to procedural takes of the same state and level."""
    import soundfile

    from ambientgen.ear.texture import distance, stats
    from ambientgen.synth import TEXTURES

    heard, rate = soundfile.read(path)
    known = stats(heard[round(start_s * rate) :][: round(30 * rate)], rate)
    far = []
    for seed in range(REFERENCES):
        intensity = np.full(round(REFERENCE_S * RATE), LEVEL)
        take = TEXTURES[STATE](intensity, np.random.default_rng([81, seed]))
        far.append(distance(known, stats(take, RATE)))
    return float(np.median(far))


def compare(duration_s: float, repeats: int, cores: int) -> str:
    """Run everything; the table as Markdown."""
    every = sides(cores)
    times: dict[Side, list[dict[str, float]]] = {side: [] for side in every}
    scores: dict[Side, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            for index, side in enumerate(every):
                path = Path(folder) / f"{index}.wav"
                times[side].append(run(side, duration_s, path))
                if side not in scores:
                    scores[side] = texture(path)
    ours = every[-1]

    def median(side: Side, name: str) -> float:
        return statistics.median(each[name] for each in times[side])

    lines = [
        "| | steps, guidance | whole, s | x real time | without start-up, s | ambientgen is faster "
        "by, whole / without start-up | all cores together, s | texture distance |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for side in every:
        whole, alone = median(side, "whole_s"), median(side, "loop_s")
        ratios = whole / median(ours, "whole_s"), alone / median(ours, "loop_s")
        faster = f"{ratios[0]:.1f} / {ratios[1]:.1f}"
        lines.append(
            f"| {side.name} | {side.steps}, {side.guidance:g} | {whole:.1f} | "
            f"{duration_s / whole:.1f} | {alone:.1f} | {faster} | "
            f"{median(side, 'cpu_s'):.1f} | {scores[side]:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="ambientgen against a loop over stock diffusers")
    parser.add_argument("--duration", default="5m", help="of sound: seconds, or for example 5m")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2, help="threads of the pipeline's second run")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=FEW, help=argparse.SUPPRESS)
    parser.add_argument("--guidance", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    text = str(given.duration)
    duration_s = 60 * float(text[:-1]) if text.endswith("m") else float(text.rstrip("s"))
    if given.loop:
        side = Side("", given.steps, given.guidance, given.threads)
        print(json.dumps(loop(side, duration_s, Path(given.loop))))
    else:
        print(compare(duration_s, given.repeats, given.cores))


if __name__ == "__main__":
    main()
