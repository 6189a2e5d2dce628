"""What the stages learn from recordings: sounds that are called something, beside the textures.

CLAP and the meaning stage get a second source of examples (`around.More`); the UNet's trainer draws
some of its batches from recordings, steered by the true LOA of the sound or by the LOA that the
meaning stage predicts for what it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ClapModel, RobertaTokenizer, T5Tokenizer

from ambientgen.training.around import More, StepLoss
from ambientgen.training.below import digest_of
from ambientgen.training.captions import Heard, setting_of
from ambientgen.training.corpus import NAMES, Corpus
from ambientgen.training.examples import clap_extractor
from ambientgen.training.keep import kept, kept_of, new_array
from ambientgen.training.language import Meaning, clap_text
from ambientgen.training.mae import CROPS, LoaEncoder
from ambientgen.training.recordings import Recordings
from ambientgen.training.stems import CLIP_FRAMES, Stems, no_stems
from ambientgen.training.unet import (
    NO_CONDITION,
    TOP_LEVEL,
    Batch,
    LoaBank,
    UNetTrainer,
    key_of,
    prompts_of,
)

CLAP_SAMPLES = 160_000  # 10 s, what CLAP's front end takes
TRUE_LOA = 0.5  # of the UNet's conditioned windows; the others hear predicted LOA
UNSAID = 0.3  # share of windows whose text stream is empty, as for textures
LEVEL_FREE = 0.45  # share whose text says what there is but not how much, as a render's does
VERBATIM = 0.5  # of texts; the others get a setting, which must not disturb
CLAP_BATCH, MEANING_BATCH = 24, 32
HEARD_SEED = 23  # of the order in which recordings are heard beside textures
_NOWHERE = Heard({}, {})


def said(texts: Sequence[str], rng: np.random.Generator) -> str:
    """One of the texts a clip may be called, with or without a setting."""
    text = str(rng.choice(list(texts)))
    setting = "" if rng.random() < VERBATIM else setting_of(_NOWHERE, rng)
    return f"{text}, {setting}" if setting else text


def clap_examples(
    recordings: Recordings, roberta: RobertaTokenizer, most: int, path: Path, share: float
) -> More:
    """Contrastive examples: clips and what they are called. Features are made once, at `path`."""

    def make(partial: Path) -> None:
        rows = np.random.default_rng(0).permutation(len(recordings.audio))[:most]
        extractor = clap_extractor()
        features = np.zeros((len(rows), 1001, 64), np.float16)
        for i, row in enumerate(rows):
            audio = recordings.audio[row, :CLAP_SAMPLES].astype(np.float32)
            out = extractor(audio, sampling_rate=16_000, return_tensors="np")
            features[i] = out["input_features"][0, 0]
        np.savez(partial, features=features, rows=rows)

    with np.load(kept(path, make)) as arrays:
        features, rows = arrays["features"], arrays["rows"]

    def of(clap: Any) -> StepLoss:
        def loss(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([14, step])
            torch.manual_seed(step)
            pick = rng.integers(0, len(rows), CLAP_BATCH)
            texts = [said(recordings.texts[rows[i]], rng) for i in pick]
            text = F.normalize(clap_text(clap, roberta, texts), dim=-1)
            out = clap.get_audio_features(torch.from_numpy(features[pick]).float()[:, None])
            audio = F.normalize(getattr(out, "pooler_output", out), dim=-1)
            logits = audio @ text.T * clap.logit_scale_t.exp().clamp(max=50)
            # Clips of one name are all right answers to it.
            same = torch.tensor([[a == b for b in texts] for a in texts]).float()
            right = same / same.sum(1, keepdim=True)
            both = F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)
            return {"clap": both / 2}

        return loss

    return More(of, share)


@dataclass(frozen=True)
class LoaOfRecordings:
    """True LOA (M, 8, WIDTH) of crops of recordings at every window length; rows (M,) says which
    clip each is of."""

    loas: NDArray[np.float16]
    rows: NDArray[np.int64]


@torch.no_grad()
def loa_of(recordings: Recordings, encoder: LoaEncoder, path: Path) -> LoaOfRecordings:
    """The LOA of one crop of each clip at every window length, made once and kept beside
    `path`."""

    def make(partial: Path) -> None:
        rng = np.random.default_rng(18)
        loas, rows = [], []
        for frames in CROPS:
            for first in range(0, len(recordings.mels), 8):
                clips = np.arange(first, min(first + 8, len(recordings.mels)))
                starts = rng.integers(0, (CLIP_FRAMES - frames) // 8 + 1, len(clips)) * 8
                mels = np.stack(
                    [recordings.mels[c, s : s + frames] for c, s in zip(clips, starts, strict=True)]
                )
                loas.append(encoder(torch.from_numpy(mels).float()).half().numpy())
                rows.append(clips)
        np.savez(partial, loas=np.concatenate(loas), rows=np.concatenate(rows))

    with np.load(kept_of(digest_of(encoder.state_dict()), path, make)) as arrays:
        return LoaOfRecordings(arrays["loas"], arrays["rows"])


def meaning_examples(
    recordings: Recordings,
    true: LoaOfRecordings,
    clap: ClapModel,
    tokenizers: tuple[RobertaTokenizer, T5Tokenizer],
    share: float,
) -> More:
    """Examples of the meaning stage: what a clip is called, and its true LOA."""
    roberta, t5 = tokenizers

    def of(module: nn.Module) -> StepLoss:
        def loss(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([15, step])
            torch.manual_seed(step)
            pick = rng.integers(0, len(true.loas), MEANING_BATCH)
            texts = [said(recordings.texts[true.rows[i]], rng) for i in pick]
            tokens = t5(texts, padding=True, truncation=True, return_tensors="pt")
            with torch.no_grad():
                embedding = clap_text(clap, roberta, texts)
            predicted, _ = module(embedding, tokens.input_ids, tokens.attention_mask)
            return {"loa": F.l1_loss(predicted, torch.from_numpy(true.loas[pick]).float())}

        return loss

    return More(of, share)


@torch.no_grad()
def predicted_loa(
    texts: Sequence[str],
    meaning: Meaning,
    clap: ClapModel,
    roberta: RobertaTokenizer,
    t5: T5Tokenizer,
) -> dict[str, Tensor]:
    """The LOA (8, WIDTH) that the meaning stage gives each distinct text."""
    different = sorted(set(texts), key=lambda text: (len(text), text))
    found: dict[str, Tensor] = {}
    for first in range(0, len(different), 64):
        some = different[first : first + 64]
        tokens = t5(some, padding=True, truncation=True, return_tensors="pt")
        loas, _ = meaning(clap_text(clap, roberta, some), tokens.input_ids, tokens.attention_mask)
        found |= dict(zip(some, loas, strict=True))
    return found


def bank_of(
    corpus: Corpus, meaning: Meaning, clap: ClapModel, roberta: RobertaTokenizer, t5: T5Tokenizer
) -> LoaBank:
    """Predicted LOA of the prompts that a small corpus' own clips can make, and of no others."""
    heard = {tuple(np.flatnonzero(states.max(1) > 0)) for states in corpus.states}
    keys = {
        key_of(zip((NAMES[i] for i in group), levels, strict=True))
        for group in heard
        for levels in product(range(TOP_LEVEL + 1), repeat=len(group))
    }
    rows, texts = prompts_of(sorted(keys | {()}))
    said = predicted_loa(texts, meaning, clap, roberta, t5)
    return LoaBank(rows, torch.stack([said[text] for text in texts]).half())


@dataclass
class RecordedTrainer(UNetTrainer):
    """The UNet's trainer, with `share` of its batches from recordings.

    `sounds` are their latents (M, 16, 128, 8), scaled like the textures'; `predicted` the LOA of
    everything that they are called.
    """

    recordings: Recordings = field(kw_only=True)
    sounds: Tensor = field(kw_only=True)
    predicted: dict[str, Tensor] = field(kw_only=True)
    share: float = field(kw_only=True)

    @torch.no_grad()
    def batch(self, rng: np.random.Generator, frames: int, count: int) -> Batch:
        """`count` windows of `frames` latent frames: all of textures, or all of recordings."""
        if rng.random() >= self.share:
            return super().batch(rng, frames, count)
        clips = rng.integers(0, len(self.sounds), count)
        starts = rng.integers(0, self.sounds.shape[2] - frames + 1, count)
        clean, loas, texts = [], [], []
        for clip, start in zip(clips.tolist(), starts.tolist(), strict=True):
            clean.append(self.sounds[clip, :, start : start + frames])
            loa, text = self._called(rng, clip, start, frames)
            loas.append(loa)
            texts.append(text)
        said = self._text(texts)
        return Batch(torch.stack(clean).float(), torch.stack(loas), *said, torch.zeros(count, 0))

    def _called(
        self, rng: np.random.Generator, clip: int, start: int, frames: int
    ) -> tuple[Tensor, str]:
        """The LOA and the text stream's words for one window of one recording."""
        if rng.random() < NO_CONDITION:
            return self._no_loa, ""
        texts = self.recordings.texts[clip]
        if rng.random() < TRUE_LOA:
            mel = np.array(self.recordings.mels[clip, 8 * start : 8 * (start + frames)])
            loa = self.encoder(torch.from_numpy(mel).float()[None])[0]
        else:
            loa = self.predicted[str(rng.choice(list(texts)))]
        kind = rng.random()
        if kind < UNSAID:
            return loa, ""
        plain = self.recordings.plains[clip]
        return loa, said((plain,) if kind < UNSAID + LEVEL_FREE else texts, rng)


def rows_beside(textures: int, share: float, count: int) -> NDArray[np.int64]:
    """Which of `count` recordings are heard beside so many textures, so that they are `share` of
    all; beside none, all are. In random order, each as often as the others, or once more."""
    wanted = round(share / (1 - share) * textures) if textures else count
    return np.resize(np.random.default_rng(HEARD_SEED).permutation(count), wanted)


def with_recordings(textures: Corpus, own: Recordings, share: float, path: Path) -> Corpus:
    """A corpus of textures and of recordings, which have `share` of its mels, for networks that
    need no words: nothing else is told of recordings. The mels are kept at `path`."""
    ahead = len(textures.mels) if share < 1 else 0
    rows = rows_beside(ahead, share, len(own.mels))
    if not len(rows):
        return textures

    def make(partial: Path) -> None:
        _write_rows(partial, textures.mels[:ahead], own.mels, rows)

    return replace(textures, mels=np.load(kept(path, make), mmap_mode="r"))


def audible(raw: Stems | None, own: Recordings, share: float, path: Path) -> Stems:
    """Stems of textures and of recordings, which have `share` of them, for networks that need no
    names: recordings take any. The sound is kept at `path`."""
    textures = raw if raw is not None and share < 1 else no_stems()
    ahead = len(textures.audio)
    rows = rows_beside(ahead, share, len(own.audio))
    if not ahead:  # each name must occur, since mixtures are drawn by name
        rows = np.resize(rows, max(len(rows), len(NAMES)))
    if not len(rows):
        return textures

    def make(partial: Path) -> None:
        _write_rows(partial, textures.audio, own.audio, rows)

    audio = np.load(kept(path, make), mmap_mode="r")
    called = [*map(str, textures.names), *(NAMES[i % len(NAMES)] for i in range(len(rows)))]
    curves = np.ones((len(audio), CLIP_FRAMES), np.float16)
    return Stems(audio, curves, np.array(called), np.array([""] * len(called)))


def _write_rows(
    path: Path,
    first: NDArray[np.float16],
    others: NDArray[np.float16],
    rows: NDArray[np.int64],
) -> None:
    """An array of all of `first`, and then such `rows` of others."""
    out = new_array(path, (len(first) + len(rows), *others.shape[1:]))
    out[: len(first)] = first
    for at, row in enumerate(rows, len(first)):
        out[at] = others[row]
    out.flush()
