"""How loud stems are from moment to moment: their curves, and what they do by themselves.

A sea at a constant level has swells, and LOA of that level says nothing of them. A UNet that is
told so must guess when they come and how strong they are, and guesses alike for all sounds. Told
what the clip itself does, it learns to do what LOA says and to keep still where that does, so a
room keeps still, and a render's sea swells as it is told (`swells.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ambientgen.swells import FULL
from ambientgen.synth.signals import FADE_BELOW, LEVEL_SPAN_DB

Course = NDArray[np.float64]

# What sounds one by one is left out: a level that fell between two claps would make a steady one
# ask for a roll, and whose turn it is to speak is no swell.
ONE_BY_ONE = frozenset(("thunder", "birds", "footsteps", "dishes", "conversation", "music"))
SMOOTH_FRAMES = 128  # of 10 ms: what is quicker than half a second is grain
# Of a level, 9 dB. Below the level from which on a render's states swell in full it is less,
# evenly: what is sparse is not on the move, and silence is the curve's alone to tell.
MOST = 0.35
_NEARLY_NOTHING = 1e-12


def heard_course(name: str, audio: NDArray[np.float16], curve: NDArray[np.float16]) -> Course:
    """Levels 0…1 of a stem (n,) that was made along a curve (frames,): the curve, and by how much
    the stem rises and falls beside it, not beside how loud it is on the whole. Shape (frames,)."""
    asked: Course = curve.astype(np.float64)
    heard = np.flatnonzero(asked > FADE_BELOW)
    if name in ONE_BY_ONE or not heard.size:
        return asked
    powers = np.square(audio.astype(np.float64)).reshape(len(asked), -1).mean(1)
    wanted = 10 ** (LEVEL_SPAN_DB * (asked - 1) / 10) * np.minimum(1, asked / FADE_BELOW) ** 2
    off_db = _decibels(powers) - _decibels(wanted)
    share = np.minimum(1.0, asked / FULL)
    off = np.clip((off_db - off_db[heard].mean()) / LEVEL_SPAN_DB, -MOST, MOST)
    return np.clip(asked + share * off, 0.0, 1.0)


def _decibels(powers: Course) -> Course:
    """Decibels (frames,) of powers (frames,) smoothed by a Hann window of SMOOTH_FRAMES, half as
    wide at half its height; both ends are mirrored."""
    window = np.hanning(SMOOTH_FRAMES + 1)[:-1]
    padded = np.pad(powers, (SMOOTH_FRAMES // 2 - 1, SMOOTH_FRAMES // 2), "reflect")
    means = np.convolve(padded, window / window.sum(), "valid")
    return np.asarray(10 * np.log10(means + _NEARLY_NOTHING))
