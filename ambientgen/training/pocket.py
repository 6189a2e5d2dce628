"""The recipe of pocket, start to end: `python -m ambientgen.training.pocket WORK OUT`.

Every stage keeps its result in the work folder and is skipped when it is there; the trainers resume
from their checkpoints. Stop it whenever you like, and run it again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL

from ambientgen.training import corpus as corpora
from ambientgen.training import language, mae, stems, unet, vae, vocoder
from ambientgen.training.corpus import NAMES, Corpus
from ambientgen.training.examples import clap_features, loa_examples
from ambientgen.training.export import Components, export
from ambientgen.training.keep import kept
from ambientgen.training.loop import Schedule


@dataclass(frozen=True)
class Recipe:
    """How much of everything; the defaults made the shipped checkpoint (its card says more)."""

    stems_per_texture: int = 250
    clips: int = 5000
    clap_clips: int = 1500
    captions: int = 20_000
    vae: Schedule = field(default_factory=lambda: Schedule(1400, 1e-3))
    mae: Schedule = field(default_factory=lambda: Schedule(1500, 5e-4))
    clap: Schedule = field(default_factory=lambda: Schedule(450, 1e-3))
    meaning: Schedule = field(default_factory=lambda: Schedule(1500, 1e-3))
    vocoder: Schedule = field(default_factory=lambda: Schedule(1200, 1e-3))
    unet: Schedule = field(default_factory=lambda: Schedule(5000, 6e-4, decay=0.35))


# What AudioLDM 2's layout cannot say of pocket; windows of 2.56, 4.48 and 8.32 s were trained.
EXTRAS: dict[str, Any] = {
    "licence": "Apache-2.0",
    "revision": "pocket-0",
    "steps": 4,
    "guidance": 1.0,
    "text_stream": True,
    "gain_db": 3.0,
    "cores": [24, 48, 96],
    "overlap": 8,
    "multiple": 4,
    "states": list(NAMES),
}

# Seeds of the corpus: mixtures for all networks, for CLAP, for the vocoder, captions.
MIX_SEED, CLAP_SEED, VOCODER_SEED, CAPTION_SEED = 1, 77, 10_000, 0


def train(work: Path, recipe: Recipe) -> Components:
    """Run every stage that is not done yet and return the trained components."""
    raw = stems.build(work / "stems", recipe.stems_per_texture)
    corpus = corpora.build(work / "corpus", raw, recipe.clips, MIX_SEED)
    run = work / "run"
    autoencoder = vae.train(corpus, run, recipe.vae).requires_grad_(False)
    encoder = mae.train(corpus, run, recipe.mae).requires_grad_(False)
    roberta, t5 = language.new_tokenizers(language.sample_captions(recipe.captions, CAPTION_SEED))
    features, states = clap_features(raw, recipe.clap_clips, CLAP_SEED, work / "clap.npz")
    clap = language.train_clap(features, states, roberta, run, recipe.clap)
    examples = loa_examples(corpus, encoder, work / "loa.npz")
    meaning = language.train_meaning(examples, clap, roberta, t5, run, recipe.meaning)
    meaning.requires_grad_(False)
    voice = vocoder.train(raw, autoencoder, run, recipe.vocoder, VOCODER_SEED)
    latents, scale = _latents(corpus, autoencoder, work / "latents.pt")
    bank = unet.build_bank(meaning, clap, roberta, t5)
    trainer = unet.UNetTrainer(corpus, latents, encoder, meaning, clap, roberta, t5, bank)
    network = trainer.fit(run, recipe.unet)
    return Components(clap, meaning, roberta, t5, network, autoencoder, voice, encoder, scale)


def _latents(corpus: Corpus, autoencoder: AutoencoderKL, path: Path) -> tuple[torch.Tensor, float]:
    """The corpus' latents at unit variance, and the factor that made it so."""

    def make(partial: Path) -> None:
        raw = unet.encode(corpus, autoencoder)
        scale = 1 / float(raw[::7].float().std())
        torch.save(((raw.float() * scale).half(), scale), partial)

    latents, scale = torch.load(kept(path, make), weights_only=True)
    return latents, scale


def main() -> None:
    """Train in the folder of the first argument, export into that of the second."""
    work, out = (Path(argument) for argument in sys.argv[1:3])
    export(train(work, Recipe()), out, EXTRAS)


if __name__ == "__main__":
    main()
