"""What each known state sounds like to the ear: `python -m ambientgen.ear.profiles` measures anew.

Profiles come from the procedural textures alone, never from a model's sound: a measure that had
learnt from renders would find in them what it learnt. They are kept in profiles.json, since making
the textures takes longer than listening.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ambientgen.ear.source import Array
from ambientgen.ear.texture import RATE
from ambientgen.ear.trace import spectra_db
from ambientgen.synth import TEXTURES

STORE = Path(__file__).with_name("profiles.json")

LEVELS = (0.12, 0.25, 0.5, 0.75, 1.0)
"""Intensities that were listened to: the words of the catalogue; the first is still heard."""

_SECONDS, _SEEDS = 8, 3
_SPLIT = 2  # the first profile is that of the levels up to 0.25, the second of those above


@dataclass(frozen=True)
class Profile:
    """A state's sound.

    Attributes:
        spectra: Power in the ear's bands of the faint and of the strong sound, each summing to 1:
            (2, BANDS).
        level_db: Mean power at each of `LEVELS`, in dB, (5,), rising.
        density_db: Mean over 20 ms of their power in dB, (5,), rising; the more of the time
            something sounds, the nearer to `level_db`.
    """

    spectra: Array
    level_db: Array
    density_db: Array


@cache
def profiles() -> dict[str, Profile]:
    """Those of all known states that have a texture."""
    stored = json.loads(STORE.read_text(encoding="utf-8"))
    return {
        name: Profile(*(np.array(each[field]) for field in ("spectra", "level_db", "density_db")))
        for name, each in stored.items()
    }


def measure(state: str) -> Profile:
    """Listen to a state's texture."""
    powers, densities = [], []
    for level in LEVELS:
        heard = []
        for seed in range(_SEEDS):
            rng = np.random.default_rng([77, seed])
            heard.append(TEXTURES[state](np.full(_SECONDS * RATE, level), rng))
        power = 10 ** (spectra_db(np.concatenate(heard)) / 10)
        powers.append(power.mean(axis=0))
        densities.append(density_db(power.sum(axis=1)))
    spectra = np.stack([np.mean(powers[:_SPLIT], axis=0), np.mean(powers[_SPLIT:], axis=0)])
    levels = 10 * np.log10(np.sum(powers, axis=1))
    return Profile(
        spectra / spectra.sum(axis=1, keepdims=True),
        np.maximum.accumulate(levels),
        np.maximum.accumulate(np.array(densities)),
    )


def density_db(power: Array) -> float:
    """Mean of the power's dB, nothing counting as less than 40 dB below the mean power."""
    floor = 1e-4 * float(power.mean()) + 1e-12
    return float(np.mean(10 * np.log10(np.maximum(power, floor))))


def store() -> None:
    """Measure every texture and write profiles.json."""
    document = {}
    for name in TEXTURES:
        profile = measure(name)
        document[name] = {
            "spectra": [[float(f"{value:.4g}") for value in row] for row in profile.spectra],
            "level_db": profile.level_db.round(2).tolist(),
            "density_db": profile.density_db.round(2).tolist(),
        }
    lines = [f" {json.dumps(name)}: {json.dumps(each)}" for name, each in document.items()]
    STORE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    store()
