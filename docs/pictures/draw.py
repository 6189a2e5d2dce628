"""Draw a scene's render: its curves above, its spectrogram below.

python docs/pictures/draw.py scenes/rain.yaml docs/pictures/rain.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import soundfile

import ambientgen

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def draw(scene_path: str, picture: str) -> None:
    """Render the scene at `scene_path` and write the picture."""
    scene = ambientgen.load_scene(scene_path)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.wav"
        ambientgen.render(scene, path)
        audio, rate = soundfile.read(path)
    times = np.linspace(0, scene.duration_s, 800)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9, 4.2), sharex=True, height_ratios=[1, 2.6], layout="constrained"
    )
    for state in (state for sound in scene.sounds for state in sound.states):
        above.plot(times, state.value(times), label=state.name)
    above.set(ylim=(0, 1), ylabel="intensity", title=scene.title)
    above.legend(loc="upper right", ncols=4, fontsize=8)
    dither = 1e-6 * np.random.default_rng(0).standard_normal(len(audio))
    below.specgram(
        audio + dither, NFFT=512, Fs=rate, noverlap=256, vmin=-125, vmax=-45, cmap="magma"
    )
    below.set(ylabel="Hz", xlabel="seconds")
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    draw(*sys.argv[1:3])
