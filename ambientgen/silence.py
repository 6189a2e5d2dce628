"""Silence as a model has it: latents that stand where nothing is rendered, and a mel of nothing.

Where all states stand at 0 (`windows.Window.silent`), a model that says `silence` of itself needs
not be asked: its windows hold the latents of a microphone's faint noise, over which neighbours fade
as over any other. A chunk of nothing else is not decoded either: its mel is that of digital
silence, and so are samples that hear nothing else. What a chunk holds decides, and what lies near a
sample, so sound stays a function of its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ambientgen.mel import CONTEXT, FLOOR, HOP, log_mel

if TYPE_CHECKING:
    from ambientgen.models.loading import Model

FloatArray = NDArray[np.float32]

NOTHING = np.float32(np.log(FLOOR))
"""Log-mel of digital silence, in every band."""

MICROPHONE_DB = -78.0
"""dBFS of the noise under all that pocket learnt from (`training/corpus.py`)."""

_MEL_FRAMES = 512  # of noise, whose latents are averaged: 5 s, of which the middle half counts
_known: WeakKeyDictionary[nn.Module, FloatArray] = WeakKeyDictionary()


def silent_frame(model: Model) -> FloatArray:
    """One latent frame (C * F,) of a microphone's noise, as `model` encodes it.

    To be asked for on a worker, whose one thread decides its last bits.
    """
    found = _known.get(model.vae)
    if found is None:
        found = _known[model.vae] = _encoded_noise(model)
    return found


def _encoded_noise(model: Model) -> FloatArray:
    drawn = np.random.default_rng(0).standard_normal((_MEL_FRAMES - 1) * HOP + 2 * CONTEXT)
    noise = (10.0 ** (MICROPHONE_DB / 20.0) * drawn).astype(np.float32)
    mel = torch.from_numpy(log_mel(noise, model.geometry.mel_bins))[None, None]
    with torch.inference_mode():
        latents = model.latents_of(mel)
    rows = latents[0].transpose(1, 2).flatten(0, 1).float().cpu().numpy()
    quarter = rows.shape[1] // 4
    return np.asarray(rows[:, quarter:-quarter].mean(axis=1), np.float32)


def are_silent(model: Model, latents: FloatArray) -> bool:
    """Whether latents (C * F, frames) hold a silent window's and nothing else."""
    return bool((latents == silent_frame(model)[:, np.newaxis]).all())


def muted(mel: FloatArray, lead: int, frames: int, reach: int) -> NDArray[np.bool_]:
    """Which of `frames` of a mel (mels, n), from frame `lead` on, are silent: (frames,).

    Those that have nothing but digital silence within `reach` frames on both sides, as far as a
    vocoder hears. So a frame's neighbours decide, and not the piece that it is vocoded in. What
    lies beyond the mel's ends is not heard.
    """
    before, after = max(0, reach - lead), max(0, lead + frames + reach - mel.shape[1])
    nothing = np.pad((mel == NOTHING).all(axis=0), (before, after), constant_values=True)
    sums = np.concatenate([[0], np.cumsum(~nothing)])
    first = lead + before - reach + np.arange(frames)
    return np.asarray(sums[first + 2 * reach + 1] == sums[first])
