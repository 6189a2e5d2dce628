"""How well a model follows what it is told: `python -m ambientgen.training.scores MODEL`.

Renders each state alone along a sweep 0 -> 1 -> 0, on seeds never used in training, and prints the
rank correlation between the curve and a blind measure of the sound, with text stream, interpolation
and steps as given. The measure reads the waveform only: the level of the bands that the state's
procedural texture fills.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ambientgen.engine import LocalEngine
from ambientgen.loa import Conditioning, encode_text
from ambientgen.models.loading import Model
from ambientgen.plan import Plan
from ambientgen.renderer import Conditionings, Renderer
from ambientgen.scene import parse_scene
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE
from ambientgen.windows import Window

SWEEP_S, BIN_S = 60, 3
FIRST_SEED = 4_000  # far from the corpus' and the tests' seeds
FRAME = 512

Audio = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """One state's sweep: rank correlation with the curve, and the level in dB at 0, ½ and 1."""

    state: str
    correlation: float
    silent_db: float
    middle_db: float
    full_db: float


def spectra(audio: Audio) -> Audio:
    """Power of Hann frames, (frames, FRAME / 2 + 1)."""
    frames = audio[: len(audio) // FRAME * FRAME].reshape(-1, FRAME) * np.hanning(FRAME)
    return np.asarray(np.abs(np.fft.rfft(frames)) ** 2)


def band_weights(state: str) -> Audio:
    """Where the state's procedural texture has its power: weights over bins, summing to 1."""
    power = np.zeros(FRAME // 2 + 1)
    for seed in range(4):
        rng = np.random.default_rng([99, seed])
        power += spectra(TEXTURES[state](np.full(8 * RATE, 0.7), rng)).mean(0)
    # Amplitudes, not powers: a single loudest bin must not be the whole measure.
    weights: Audio = np.sqrt(power) / np.sqrt(power).sum()
    return weights


def sweep(renderer: Renderer, model: str, state: str, seeds: Sequence[int], extra: str) -> Audio:
    """Level in dB of 3 s bins along the sweep, weighted over the state's bands, seeds averaged."""
    weights = band_weights(state)
    text = (
        f"duration: {SWEEP_S}s\nmodel: {model}\n{extra}states:\n"
        f"  {state}: {{curve: {{0s: 0, {SWEEP_S // 2}s: 1, {SWEEP_S}s: 0}}}}\n"
    )
    levels = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            path = Path(folder) / f"{state}-{seed}.wav"
            renderer.render(parse_scene(f"seed: {seed}\n{text}"), path)
            audio, _ = soundfile.read(path)
            bins = audio[: SWEEP_S * RATE].reshape(SWEEP_S // BIN_S, -1)
            power = np.stack([spectra(each).mean(0) for each in bins]) @ weights
            levels.append(10 * np.log10(power + 1e-9))
    return np.asarray(np.mean(levels, axis=0))


def score(renderer: Renderer, model: str, state: str, seeds: Sequence[int], extra: str) -> Score:
    """The sweep's figures for one state."""
    heard = sweep(renderer, model, state, seeds, extra)
    times = (np.arange(len(heard)) + 0.5) * BIN_S
    asked = np.interp(times, [0, SWEEP_S / 2, SWEEP_S], [0, 1, 0]).round(6)
    middle = len(heard) // 4
    return Score(
        state,
        float(spearmanr(asked, heard).statistic),
        float(heard[[0, -1]].mean()),
        float(heard[[middle, -1 - middle]].mean()),
        float(heard[len(heard) // 2 - 1 : len(heard) // 2 + 1].mean()),
    )


class Textless(Renderer):
    """An ablation: the T5 stream says nothing; LOA must say what there is and how much."""

    def meaning(self, model: Model, plan: Plan, engine: LocalEngine) -> Conditionings:
        """The windows' LOA beside an empty text."""
        told = super().meaning(model, plan, engine)
        return Conditionings(told.trajectory, *encode_text(model, ""))


@dataclass(frozen=True)
class _OwnText(Conditionings):
    model: Model
    plan: Plan

    def of(self, window: Window) -> Conditioning:
        middle = self.plan.geometry.seconds(window.start_frame + window.frames / 2)
        nearest = min(self.plan.keyframes, key=lambda k: abs(k.time_s - middle))
        return Conditioning(
            self.trajectory.window(window), *encode_text(self.model, nearest.prompt)
        )


class Wordy(Renderer):
    """An ablation: the T5 stream of each window says the nearest keyframe's prompt."""

    def meaning(self, model: Model, plan: Plan, engine: LocalEngine) -> Conditionings:
        """The windows' LOA beside their nearest prompt."""
        told = super().meaning(model, plan, engine)
        return _OwnText(told.trajectory, told.text, told.text_mask, model, plan)


RENDERERS = {"scene": Renderer, "none": Textless, "keyframe": Wordy}


def main() -> None:
    """Print the table for a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="pocket")
    parser.add_argument("--states", nargs="*", default=list(TEXTURES))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--interpolation", choices=["linear", "spherical"], default="linear")
    parser.add_argument("--text", choices=["scene", "none", "keyframe"], default="scene")
    asked = parser.parse_args()
    renderer = RENDERERS[asked.text]("cpu")
    steps = f", steps: {asked.steps}" if asked.steps else ""
    extra = f"render: {{interpolation: {asked.interpolation}{steps}}}\n"
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    print("state       spearman   dB at 0, 1/2, 1")
    for state in asked.states:
        s = score(renderer, asked.model, state, seeds, extra)
        print(
            f"{s.state:<12}{s.correlation:8.3f}   "
            f"{s.silent_db:6.1f} {s.middle_db:6.1f} {s.full_db:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
