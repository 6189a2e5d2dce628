"""Single sounds: one clap, one call, one clink, each beginning with its first sample.

A texture that is made of events has a maker in `_ONE`; of any other a moment of the texture itself
is heard, swelling and dying away. So is one that is to last longer than a single sound does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ambientgen.synth import TEXTURES, Samples
from ambientgen.synth.birds import phrase
from ambientgen.synth.crickets import chirp
from ambientgen.synth.dishes import clink
from ambientgen.synth.fire import snap
from ambientgen.synth.footsteps import Shoe
from ambientgen.synth.frogs import croak
from ambientgen.synth.music import single_note
from ambientgen.synth.rain import drop
from ambientgen.synth.signals import LEVEL_SPAN_DB, RATE, choose, level
from ambientgen.synth.thunder import clap
from ambientgen.synth.traffic import car
from ambientgen.synth.train import whistle
from ambientgen.synth.waves import breaker

# A sound is heard from 60 dB below its peak on; what comes before is cut off.
AUDIBLE = 1e-3
# A sound that is cut short dies away in this share of its length, but in no more than so long.
FADE_SHARE, FADE_MOST_S = 0.25, 2.0
_SWELL_S = 5.0


@dataclass(frozen=True)
class Wanted:
    """What a maker is asked for: a kind of its texture, a strength 0…1, a distance 0…1, and how
    long it lasts in seconds (None: as long as it does)."""

    kind: str
    strength: float
    distance: float
    length_s: float | None


@dataclass(frozen=True)
class _Single:
    """How one sound is made, at level 1; the dB between its faintest and strongest; how many
    seconds the longest lasts; whether it `stretches` with the length asked for (else a longer one
    is the texture); the kinds that have it (empty: all)."""

    make: Callable[[Wanted, np.random.Generator], Samples]
    span_db: float
    most_s: float
    stretches: bool = False
    kinds: tuple[str, ...] = ()


def _clap(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.45 * clap(wanted.kind, 1 - wanted.distance, rng, wanted.length_s)


def _phrase(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.2 * phrase(wanted.kind, rng)


def _croak(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.19 * croak(rng, wanted.kind)


def _chirp(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.09 * chirp(wanted.kind, rng)


def _clink(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return np.asarray(0.9 * np.tanh(2 * clink(wanted.kind, rng)), np.float64)


def _step(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return np.asarray(0.9 * np.tanh(3.2 * Shoe(wanted.kind, rng).step()), np.float64)


def _snap(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.6 * snap(rng)


def _drop(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.6 * drop(wanted.kind, rng)


def _breaker(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.09 * breaker(wanted.kind, wanted.length_s, rng)


def _car(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.1 * car(wanted.length_s or rng.uniform(5, 9), rng)


def _whistle(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.12 * whistle(wanted.length_s, rng)


def _note(wanted: Wanted, rng: np.random.Generator) -> Samples:
    return 0.15 * single_note(wanted.kind == "harp", wanted.strength, rng)


_ONE: dict[str, _Single] = {
    "rain": _Single(_drop, LEVEL_SPAN_DB, 0.1),
    "waves": _Single(_breaker, LEVEL_SPAN_DB, 9.0, True),
    "fire": _Single(_snap, 22, 0.25),
    "thunder": _Single(_clap, 22, 9.0, True),
    "birds": _Single(_phrase, 18, 6.0),
    "crickets": _Single(_chirp, 18, 1.0, kinds=("field", "katydids")),
    "frogs": _Single(_croak, 18, 0.8),
    "footsteps": _Single(_step, 14, 0.4),
    "traffic": _Single(_car, 22, 9.0, True, ("street",)),
    "train": _Single(_whistle, 22, 5.0, True, ("whistle",)),
    "dishes": _Single(_clink, 11, 1.6),
    "music": _Single(_note, 22, 3.5, kinds=("piano", "harp")),
}
# Swells of the other textures: how long they last, and the share that is their rise.
_SWELLS: dict[str, tuple[float, float]] = {
    "wind": (6.0, 0.4),
    "train": (12.0, 0.5),
    "traffic": (6.0, 0.4),
    "leaves": (3.0, 0.3),
    "stream": (3.0, 0.2),
    "conversation": (3.0, 0.02),
    "crickets": (2.5, 0.1),
    "music": (6.0, 0.3),
}


def single(
    sound: str,
    strength: float,
    rng: np.random.Generator,
    *,
    kind: str | None = None,
    distance: float = 0.0,
    length_s: float | None = None,
) -> Samples:
    """One `sound` (a name of `TEXTURES`), shape (n,), 16 kHz, at its level in the textures.

    strength: its intensity, 0 (silence) to 1. kind: None is the usual one; of thunder, the one of
    the distance. distance: 0 to 1; it makes thunder roll instead of crack, and nothing softer. Its
    first sample is the first that can be heard. Of sounds with one `Passing` identity, the traits
    of whoever makes them are the same.

    Raises:
        KeyError: there is no such texture. ValueError: or not of such a kind.
    """
    texture = TEXTURES[sound]
    usual = texture.usual
    if sound == "thunder" and kind is None:
        usual = "near" if distance < 0.6 else "far"
    kind = choose(texture.kinds, kind or usual, rng)
    one = _one(sound, kind, length_s)
    if one is None:
        made = _swell(sound, strength, rng, kind, length_s)
    else:
        gain = float(level(np.array([strength]), one.span_db)[0])
        made = gain * one.make(Wanted(kind, strength, distance, length_s), rng)
    heard = _from_first_sound(made)
    return heard if length_s is None else _shortened(heard, int(length_s * RATE))


def longest_s(sound: str, length_s: float | None = None) -> float:
    """The most seconds that `single` makes of `sound`, of any kind."""
    if length_s is not None:
        return length_s
    one = _ONE.get(sound)
    return max(_SWELLS.get(sound, (_SWELL_S, 0.0))[0], one.most_s if one else 0.0)


def _one(sound: str, kind: str, length_s: float | None) -> _Single | None:
    """How a single sound is made; None where it is a moment of the texture."""
    one = _ONE.get(sound)
    if one is None or (one.kinds and kind not in one.kinds):
        return None
    too_long = length_s is not None and length_s > one.most_s and not one.stretches
    return None if too_long else one


def _swell(
    sound: str, strength: float, rng: np.random.Generator, kind: str, length_s: float | None
) -> Samples:
    """A moment of the texture that rises and dies away."""
    usual_s, rise = _SWELLS.get(sound, (_SWELL_S, 0.3))
    if sound in _ONE and sound not in _SWELLS:
        rise = 0.01  # steps and drops are there at once
    n = max(1, int((length_s or usual_s) * RATE))
    u = (np.arange(n) + 0.5) / n
    envelope = np.sin(0.5 * np.pi * np.clip(u / rise, 0, 1)) ** 2
    envelope *= np.sin(0.5 * np.pi * np.clip((1 - u) / 0.4, 0, 1)) ** 2
    # Made a little longer, since some textures begin and end a clip of their own.
    made = TEXTURES[sound](np.full(n + RATE, strength), rng, kind)[RATE // 2 :][:n]
    return np.asarray(made * envelope, np.float64)


def _from_first_sound(samples: Samples) -> Samples:
    """Without what cannot be heard before it; at least one sample."""
    loud = np.abs(samples) > AUDIBLE * np.abs(samples).max(initial=0.0)
    heard: Samples = samples[int(np.argmax(loud)) :]
    return heard


def _shortened(samples: Samples, n: int) -> Samples:
    """At most `n` samples, dying away where something is cut off."""
    if len(samples) <= n:
        return samples
    fade = max(1, min(int(FADE_SHARE * n), int(FADE_MOST_S * RATE)))
    gone = np.cos(0.5 * np.pi * (np.arange(fade) + 0.5) / fade) ** 2
    kept: Samples = samples[: max(n, 1)].copy()
    kept[-fade:] *= gone
    return kept
