"""Spectrograms side by side: real recordings, procedural textures and the model's renders.

python docs/pictures/grid.py MODEL PICTURE [RECORDINGS]

A row for each state the model knows; four seconds each of the procedural texture and of the render,
at intensities 0.3, 0.6 and 1; of what has tones the lowest 2 kHz, more finely. RECORDINGS is a
folder of sound files named after their class (`rain_01.flac`); the first of each class opens its
row.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ambientgen.models.registry import resolve
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene
from ambientgen.synth import TEXTURES
from ambientgen.training.scores.teacher import Wish

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RATE, SECONDS = 16_000, 4
LEVELS = (0.3, 0.6, 1.0)
SEED = 7_000  # never used in training


def real(folder: Path | None, name: str) -> NDArray[np.float64] | None:
    """The first recording of the class, mono at RATE; None if there is none."""
    found = sorted(folder.glob(f"{name}_*")) if folder else []
    if not found:
        return None
    audio, rate = soundfile.read(found[0], always_2d=True)
    return np.asarray(soxr.resample(audio.mean(1), rate, RATE))[: SECONDS * RATE]


def rendered(renderer: Renderer, model: str, name: str, level: float) -> NDArray[np.float64]:
    """A render of one state at a constant level."""
    text = (
        f"seed: {SEED}\nduration: {SECONDS}s\nmodel: {model}\n"
        f"states: {{{name}: {{curve: {level}}}}}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.wav"
        renderer.render(parse_scene(text), path)
        return np.asarray(soundfile.read(path)[0])


def show(axes: Any, audio: NDArray[np.float64] | None, title: str, tones: bool) -> None:
    """One small spectrogram, 80 dB of it below the loudest a texture gets; of `tones` the lowest
    2 kHz, in lines."""
    axes.set_xticks([])
    axes.set_yticks([])
    if audio is None:
        axes.axis("off")
        return
    dither = 1e-6 * np.random.default_rng(0).standard_normal(len(audio))
    length, top_hz = (2_048, 2_000) if tones else (256, RATE / 2)
    drawn = {"NFFT": length, "noverlap": length - 96, "Fs": RATE, "cmap": "magma"}
    axes.specgram(audio + dither, vmin=-125, vmax=-45, **drawn)
    axes.set_ylim(0, top_hz)
    axes.set_title(title, fontsize=7, pad=2)


def draw(model: str, picture: str, recordings: str | None = None) -> None:
    """Draw the grid of `model` into `picture`."""
    spec = resolve(model)
    states = spec.states or tuple(TEXTURES)
    folder = Path(recordings) if recordings else None
    figure, grid = plt.subplots(
        len(states), 7, figsize=(10, 0.85 * len(states)), layout="constrained", squeeze=False
    )
    renderer = Renderer("cpu")
    for row, name in zip(grid, states, strict=True):
        tones = name in spec.tones
        show(row[0], real(folder, name), f"{name}, real", tones)
        for column, level in enumerate(LEVELS):
            made = Wish.held(name, level, SECONDS, SEED).make()  # of the usual kind, one identity
            show(row[1 + column], made, f"{name} {level:g}, procedural", tones)
            heard = rendered(renderer, model, name, level)
            show(row[4 + column], heard, f"{name} {level:g}, {Path(model).name}", tones)
    figure.savefig(picture, dpi=80)


if __name__ == "__main__":
    draw(*sys.argv[1:4])
