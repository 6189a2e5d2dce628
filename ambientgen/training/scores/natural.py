"""Is it as natural as its teacher, and near the real? Texture distances, class by class."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile
import torch

from ambientgen.ear.texture import TextureStats, distance, stats
from ambientgen.models.loading import Model
from ambientgen.suffixes import SOUND_SUFFIXES
from ambientgen.synth.signals import RATE
from ambientgen.training.mel import log_mel
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.classes import single_wishes, singles
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.scores.teacher import Audio
from ambientgen.training.scores.thresholds import NATURAL, REAL_TO_REAL

UNIT = 1.03
"""Distances of `ear.texture` times this are in the unit of `REAL_TO_REAL`: over 666 pairs of real
and procedural sounds the two measures correlate at 0.99, and this is their ratio."""

MOST_REAL_S = 30.0  # of one recording


def published(one: TextureStats, other: TextureStats) -> float:
    """Texture distance in the unit of the thresholds."""
    return UNIT * distance(one, other)


def heard(audio: Audio) -> TextureStats:
    """Statistics of samples at 16 kHz."""
    return stats(audio, RATE)


@torch.inference_mode()
def resynthesised(model: Model, audio: Audio, seed: int) -> Audio:
    """Samples (n,) through log-mel, VAE and vocoder."""
    geometry = model.geometry
    # Whole latent frames, of which the VAE's own halvings make whole ones again.
    whole = geometry.samples_per_frame
    used = torch.from_numpy(audio[: len(audio) // whole * whole].astype(np.float32))
    mel = log_mel(used[None])[:, None].to(model.device, model.dtype)
    again = model.vae.decode(model.vae.encode(mel).latent_dist.mean).sample[:, 0]
    drawn = np.random.default_rng([seed, 1]).standard_normal((1, len(used)))
    samples = model.samples_of(again, torch.from_numpy(drawn).to(model.dtype))
    return np.asarray(samples.flatten().double().cpu().numpy())


def score(bench: Bench) -> Table:
    """Render to procedural, against procedural to its own analysis and resynthesis."""
    model = bench.takes.renderer.model(bench.takes.model_name)
    bench.teacher.prepare(w for s in bench.states for w in single_wishes(bench, s))
    rows = []
    for state in bench.states:
        wishes = single_wishes(bench, state)
        sounds = [bench.teacher.take(w) for w in wishes]
        taught = [heard(sound) for sound in sounds]
        renders = [heard(sound) for sound in singles(bench, state)]
        again = [
            heard(resynthesised(model, s, w.seed)) for s, w in zip(sounds, wishes, strict=True)
        ]
        levels = [w.curve[0][1] for w in wishes]
        to_taught = across(renders, taught, levels)
        own = float(np.median([published(a, b) for a, b in zip(again, taught, strict=True)]))
        figures = {
            "render to procedural": to_taught,
            "procedural to its resynthesis": own,
            "ratio": to_taught / own,
            "procedural to another take": across(taught, taught, levels, same=False),
            "resynthesis to another take": across(again, taught, levels, same=False),
        }
        rows.append(Row(state, figures, to_taught <= NATURAL * own))
    return Table(
        "natural",
        "As natural as its teacher",
        f"Median texture distances at equal levels: renders to procedural takes, at most "
        f"{NATURAL} × those takes to their own analysis and resynthesis through VAE and vocoder. "
        "For comparison, other takes: what chance identities alone cost.",
        rows,
    )


def across(
    some: list[TextureStats], others: list[TextureStats], levels: list[float], same: bool = True
) -> float:
    """Median distance of all pairs at equal levels; without `same`, of different takes alone.

    Where there is one take a level there are no different ones: then all levels are paired.
    """
    apart = [
        (levels[i] == levels[j], published(a, b))
        for i, a in enumerate(some)
        for j, b in enumerate(others)
        if same or i != j
    ]
    alike = [distance for equal, distance in apart if equal]
    return float(np.median(alike or [distance for _, distance in apart]))


def recordings_of(folder: Path, states: tuple[str, ...]) -> dict[str, list[Path]]:
    """Recordings by state: files of the folder whose name begins with it (`rain_01.flac`)."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        first = re.split(r"[_\-. \d]", path.stem.lower())[0]
        if path.suffix.lower() in SOUND_SUFFIXES and first in states:
            found.setdefault(first, []).append(path)
    return found


def real(bench: Bench, folder: Path) -> Table:
    """Renders and procedural takes to real recordings of the class, against real to real."""
    rows = []
    found = recordings_of(folder, bench.states)
    for state in bench.states:
        if state not in found:
            continue
        known = [stats(*_read(path)) for path in found[state]]
        renders = [heard(sound) for sound in singles(bench, state)]
        taught = [heard(bench.teacher.take(w)) for w in single_wishes(bench, state)]
        render, procedural = (
            float(np.median([published(a, b) for a in some for b in known]))
            for some in (renders, taught)
        )
        most = REAL_TO_REAL.get(state)
        figures: dict[str, Figure] = {
            "recordings": f"{len(known)}",
            "render to real": render,
            "procedural to real": procedural,
            "real to real": most,
        }
        reached = None if most is None else max(render, procedural) <= most
        rows.append(Row(state, figures, reached))
    return Table(
        "real",
        "Near the real",
        "Median texture distance of renders and of procedural takes to real recordings of the "
        "class: both no more than two real recordings of it are apart.",
        rows,
    )


def _read(path: Path) -> tuple[Audio, int]:
    """The first 30 s of a recording, (n, channels), and its rate."""
    with soundfile.SoundFile(path) as file:
        rate = int(file.samplerate)
        return np.asarray(file.read(round(MOST_REAL_S * rate), always_2d=True), np.float64), rate
