"""What the meaning stage learns from: LOA and CLAP features of clips whose states are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import ClapFeatureExtractor

from ambientgen.training.below import digest_of
from ambientgen.training.captions import Heard, heard_in
from ambientgen.training.corpus import Corpus, draw_recipes, kinds, mix, place_words, states
from ambientgen.training.keep import kept, kept_of
from ambientgen.training.language import LoaExamples
from ambientgen.training.mae import CROPS, LoaEncoder
from ambientgen.training.stems import Stems

STILL = 0.12  # a crop whose states move less than this has one level in words


def clap_extractor() -> ClapFeatureExtractor:
    """CLAP's front end at 16 kHz: 10 s make 1001 frames, within the 1024 its audio tower takes."""
    return ClapFeatureExtractor(
        feature_size=64,
        sampling_rate=16_000,
        hop_length=160,
        max_length_s=10,
        fft_window_size=1024,
        frequency_min=0,
        frequency_max=8000,
        truncation="rand_trunc",
        padding="repeatpad",
    )


def clap_features(
    stems: Stems, count: int, seed: int, path: Path
) -> tuple[NDArray[np.float16], list[Heard]]:
    """CLAP features (count, 1001, 64) in dB of fresh mixtures, and what is heard in each."""

    def make(partial: Path) -> None:
        extractor = clap_extractor()
        recipes = draw_recipes([str(n) for n in stems.names], count, seed)
        features = np.zeros((count, 1001, 64), np.float16)
        for i, recipe in enumerate(recipes):
            audio = mix(stems, recipe)[:160_000]
            features[i] = extractor(audio, sampling_rate=16_000, return_tensors="np")[
                "input_features"
            ][0, 0]
        means = np.stack([states(stems, r).astype(np.float32).mean(1) for r in recipes])
        kind = np.array([kinds(stems, r) for r in recipes])
        place = np.array([place_words(r) for r in recipes])
        np.savez(partial, features=features, states=means, kinds=kind, places=place)

    with np.load(kept(path, make)) as arrays:
        return arrays["features"], _heard(arrays)


def _heard(arrays: Mapping[str, NDArray[Any]]) -> list[Heard]:
    """What is heard in each row of `states`, `kinds` and `places`."""
    rows = zip(arrays["states"], arrays["kinds"], arrays["places"], strict=True)
    return [heard_in(levels, kind, str(place)) for levels, kind, place in rows]


@torch.no_grad()
def loa_examples(corpus: Corpus, encoder: LoaEncoder, path: Path) -> LoaExamples:
    """The true LOA of crops that hold nearly still, at every window length, kept beside `path`."""

    def make(partial: Path) -> None:
        rng = np.random.default_rng(8)
        loas, means, whose = [], [], []
        for frames in (*CROPS, CROPS[0]):
            for first in range(0, len(corpus.mels), 8):
                clips = np.arange(first, min(first + 8, len(corpus.mels)))
                starts = rng.integers(0, (1024 - frames) // 8 + 1, len(clips)) * 8
                span = [slice(s, s + frames) for s in starts]
                moving = np.stack(
                    [corpus.states[c][:, s] for c, s in zip(clips, span, strict=True)]
                )
                still = np.ptp(moving.astype(np.float32), axis=2).max(1) < STILL
                if still.any():
                    mels = np.stack(
                        [
                            corpus.mels[c, s]
                            for c, s in zip(clips[still], np.array(span)[still], strict=True)
                        ]
                    )
                    loas.append(encoder(torch.from_numpy(mels).float()).half().numpy())
                    means.append(moving[still].astype(np.float32).mean(2))
                    whose.append(clips[still])
        clip = np.concatenate(whose)
        np.savez(
            partial,
            loas=np.concatenate(loas),
            states=np.concatenate(means),
            kinds=corpus.kinds[clip],
            places=corpus.places[clip],
        )

    with np.load(kept_of(digest_of(encoder.state_dict()), path, make)) as arrays:
        return LoaExamples(arrays["loas"], _heard(arrays))
