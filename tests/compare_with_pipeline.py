"""What rendering gains on a loop over stock diffusers, with one checkpoint on one machine.

    python tests/compare_with_pipeline.py --duration 5m
    python tests/compare_with_pipeline.py --duration 5m --scene moving --equal-steps

One side is what a user would write: an `AudioLDM2Pipeline` call for each window, windows
faded into one another with numpy, one file written. The other is `ambientgen render` without a
store. Each run is a process of its own with the same environment, timed from its start to its end
and, for the loop's sake, without imports and loading too.

Scenes: `steady` has one prompt, so that the pipeline need not follow anything, and windows of
10.24 s, its own. `windows` is the same scene in the windows that ambientgen plans for it, so that
both evaluate the UNet as often. `moving` is rain that grows or fades every 15 s, in its windows
too, each called with the words of its middle.

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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE, WINDOW_S, FADE_S = 16_000, 10.24, 0.64
STATE, LEVEL = "rain", 0.5
PROMPT = "steady rain"
FEW, MANY, GUIDANCE = 2, 25, 2.5  # pocket's own steps; what pipelines of this kind are used with
REFERENCES, REFERENCE_S = 4, 10.0


MOVING = {0: 0.2, 15: 0.8}  # s -> level, again and again
SCENES = ("steady", "windows", "moving")


@dataclass(frozen=True)
class Call:
    """One call of the pipeline: where its sound begins, how long it is, and what it is."""

    start_s: float
    length_s: float
    prompt: str


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


def scene_text(scene: str, duration_s: float) -> str:
    """The scene as ambientgen is given it."""
    curve: object = LEVEL
    if scene == "moving":
        turn_s = max(MOVING)
        levels = list(MOVING.values())
        times = range(0, int(duration_s) + 1, turn_s)
        points = (f"{at}s: {levels[i % len(levels)]}" for i, at in enumerate(times))
        curve = f"{{{', '.join(points)}}}"
    states = f"states: {{{STATE}: {{curve: {curve}}}}}"
    return f"title: comparison\nduration: {duration_s}s\n{states}\n"


def calls_of(scene: str, duration_s: float) -> list[Call]:
    """What the user's script asks the pipeline for."""
    if scene == "steady":
        hop_s = WINDOW_S - FADE_S
        count = max(1, int(-(-(duration_s - FADE_S) // hop_s)))
        return [Call(index * hop_s, WINDOW_S, PROMPT) for index in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.yaml"
        path.write_text(scene_text(scene, duration_s))
        plan = json.loads(
            _output([sys.executable, "-m", "ambientgen", "plan", str(path), "--json"])
        )

    def words(middle_s: float) -> str:
        near = min(plan["keyframes"], key=lambda each: abs(each["time_s"] - middle_s))
        return str(max(near["blend"], key=lambda each: each["weight"])["prompt"])

    return [
        Call(
            window["start_s"],
            window["end_s"] - window["start_s"],
            words((window["start_s"] + window["end_s"]) / 2),
        )
        for window in plan["windows"]
        if window["start_s"] >= 0  # one that leads in the first the pipeline cannot use
    ]


def sides(cores: int) -> list[Side]:
    """The pipeline on one thread and on all, at pocket's steps and its usual ones; then ours."""
    threads = sorted({1, cores})
    few = [Side(f"pipeline, {n} threads", FEW, 1.0, n) for n in threads]
    many = [Side(f"pipeline, {n} threads", MANY, GUIDANCE, n) for n in threads]
    return [*few, *many, Side("ambientgen render", FEW, 1.0)]


def loop(side: Side, calls: list[Call], duration_s: float, path: Path) -> dict[str, float]:
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
    total = round(duration_s * RATE)
    sound = np.zeros(round((calls[-1].start_s + calls[-1].length_s) * RATE), np.float32)
    before = 0  # where the last window ended
    for index, call in enumerate(calls):
        made = pipeline(
            call.prompt,
            num_inference_steps=side.steps,
            guidance_scale=side.guidance,
            audio_length_in_s=call.length_s,
            generator=torch.Generator().manual_seed(index),
        ).audios[0]
        start = round(call.start_s * RATE)
        audio = np.array(made[: round(call.length_s * RATE)], np.float32)
        fade = before - start
        if fade > 0:
            ramp = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / fade).astype(np.float32)
            audio[:fade] *= ramp
            sound[start:before] *= ramp[::-1]
        before = start + len(audio)
        sound[start:before] += audio
    soundfile.write(path, sound[:total], RATE)
    return {"loop_s": time.monotonic() - began}


def run(side: Side, scene: str, asked: Path, duration_s: float, path: Path) -> dict[str, float]:
    """One side in a process of its own: seconds of the whole, of its loop, and of all cores."""
    began, used = time.monotonic(), _cpu_s()
    if side.threads:
        command = [sys.executable, __file__, "--loop", str(path), "--duration", str(duration_s)]
        command += ["--steps", str(side.steps), "--guidance", str(side.guidance)]
        command += ["--threads", str(side.threads), "--calls", str(asked)]
        loop_s = json.loads(_output(command))["loop_s"]
    else:
        told = path.with_suffix(".yaml")
        told.write_text(scene_text(scene, duration_s))
        command = [sys.executable, "-m", "ambientgen", "render", str(told), "-o", str(path)]
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


def compare(scene: str, duration_s: float, repeats: int, every: list[Side]) -> str:
    """Run everything; the table as Markdown."""
    times: dict[Side, list[dict[str, float]]] = {side: [] for side in every}
    scores: dict[Side, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "calls.json"  # planned beforehand: that is not the pipeline's time
        asked.write_text(json.dumps([asdict(call) for call in calls_of(scene, duration_s)]))
        for _ in range(repeats):
            for index, side in enumerate(every):
                path = Path(folder) / f"{index}.wav"
                times[side].append(run(side, scene, asked, duration_s, path))
                if side not in scores and scene != "moving":
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
        heard = f"{scores[side]:.3f}" if side in scores else "–"
        faster = f"{ratios[0]:.1f} / {ratios[1]:.1f}"
        lines.append(
            f"| {side.name} | {side.steps}, {side.guidance:g} | {whole:.1f} | "
            f"{duration_s / whole:.1f} | {alone:.1f} | {faster} | "
            f"{median(side, 'cpu_s'):.1f} | {heard} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="ambientgen against a loop over stock diffusers")
    parser.add_argument("--duration", default="5m", help="of sound: seconds, or for example 5m")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2, help="threads of the pipeline's second run")
    parser.add_argument("--scene", choices=SCENES, default="steady", help="see above")
    parser.add_argument("--equal-steps", action="store_true", help="leave out 25 guided steps")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=FEW, help=argparse.SUPPRESS)
    parser.add_argument("--guidance", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    text = str(given.duration)
    duration_s = 60 * float(text[:-1]) if text.endswith("m") else float(text.rstrip("s"))
    if given.loop:
        side = Side("", given.steps, given.guidance, given.threads)
        calls = [Call(**call) for call in json.loads(given.calls.read_text())]
        print(json.dumps(loop(side, calls, duration_s, Path(given.loop))))
    else:
        every = [s for s in sides(given.cores) if not given.equal_steps or s.steps == FEW]
        print(compare(given.scene, duration_s, given.repeats, every))


if __name__ == "__main__":
    main()
