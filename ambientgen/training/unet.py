"""Training of the UNet: v-prediction on latents, steered by LOA.

The conditioning is what a render will give it: per-token blends of predicted LOA for the clip's own
state curves (most of the time), the true LOA of the clip (some of the time), or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from transformers import ClapModel, RobertaTokenizer, T5Tokenizer

from ambientgen.models.loading import LOA_TOKENS
from ambientgen.prompts import compose, simplex_corners
from ambientgen.scene.catalogue import KNOWN
from ambientgen.training.below import digest_of
from ambientgen.training.captions import SETTINGS, caption, heard_in, level_free, with_absent
from ambientgen.training.corpus import NAMES, Corpus, triples
from ambientgen.training.facts import FRAME, Facts
from ambientgen.training.keep import kept_of
from ambientgen.training.language import TEXT_WIDTH, Meaning, clap_text
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.mae import WIDTH, LoaEncoder

CONFIG = {
    "sample_size": 128,
    "in_channels": 16,
    "out_channels": 16,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [48, 96, 144],
    "layers_per_block": 1,
    "norm_num_groups": 16,
    "attention_head_dim": 6,
    "cross_attention_dim": [[None, WIDTH, TEXT_WIDTH]] * 3,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
}
SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0015,
    "beta_end": 0.0195,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}
# Latent frames, as a render's windows have them (cores of 24, 48 and 96 and an overlap of 16), and
# how many at once.
WINDOWS = ((40, 14), (40, 14), (40, 14), (64, 8), (112, 5))
TRUE_LOA, NO_CONDITION = 0.25, 0.08
# How often the words name one more state than the window holds: a render's text names all states of
# its scene, those that stand at 0 too, and without this such a state is faintly heard.
NAMED_IN_VAIN = 0.25
TOP_LEVEL = 4
# In how many settings (the first is none) prompts of so many states are told. A setting moves LOA
# by a seventh of the way between two level words, and a UNet that knows each prompt in one only is
# led astray; of three states there are too many prompts for more.
SETTINGS_OF = {0: 48, 1: 48, 2: 6, 3: 2}
NOWHERE = 0.3  # how often there is no setting, beside when it is drawn
Key = tuple[tuple[str, int], ...]


def alphas() -> Tensor:
    """Cumulative alphas of SCHEDULER, zero terminal SNR (Lin et al. 2023): shape (timesteps,)."""
    first, last = SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5
    betas = torch.linspace(first, last, SCHEDULER["num_train_timesteps"], dtype=torch.float64) ** 2
    root = torch.cumprod(1 - betas, 0).sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return (root**2).float()


def new_unet() -> AudioLDM2UNet2DConditionModel:
    """An untrained UNet."""
    torch.manual_seed(0)
    return AudioLDM2UNet2DConditionModel(**CONFIG).to(memory_format=torch.channels_last)


class Batch(NamedTuple):
    """Windows of latents, and what steers each: LOA and the text stream."""

    clean: Tensor  # (B, 16, frames, 8), at unit variance
    loa: Tensor  # (B, 8, WIDTH)
    text: Tensor  # (B, tokens, TEXT_WIDTH)
    mask: Tensor  # (B, tokens), 1 where there is one
    facts: Tensor  # (B, so many), what is known of each (`facts.py`); (B, 0): nothing


class Labelled(NamedTuple):
    """Windows of latents, and what is known of each."""

    clean: Tensor  # (B, 16, frames, 8), at unit variance
    levels: Tensor  # (B, states): of each the mean level in the window
    facts: Tensor  # (B, so many)
    clips: Tensor  # (B,): which clips they are of


def predicted_v(
    unet: AudioLDM2UNet2DConditionModel, noisy: Tensor, timesteps: Tensor, batch: Batch
) -> Tensor:
    """The UNet's answer to `noisy`, as `batch.clean`; timesteps are (B,), or one for all."""
    answer = unet(
        noisy.to(memory_format=torch.channels_last),
        timesteps,
        encoder_hidden_states=batch.loa,
        encoder_hidden_states_1=batch.text,
        encoder_attention_mask_1=batch.mask,
    )
    v: Tensor = answer.sample.float()
    return v


def v_loss(unet: AudioLDM2UNet2DConditionModel, batch: Batch) -> Tensor:
    """Squared error of v (Salimans and Ho 2022).

    One random number places all timesteps, evenly apart: every batch has some of all.
    """
    alpha = alphas()
    clean = batch.clean
    share = (torch.rand(1) + torch.arange(len(clean)) / len(clean)) % 1
    t = (share * len(alpha)).long()
    noise = torch.randn_like(clean)
    a, b = alpha.sqrt()[t][:, None, None, None], (1 - alpha).sqrt()[t][:, None, None, None]
    return F.mse_loss(predicted_v(unet, a * clean + b * noise, t, batch), a * noise - b * clean)


@dataclass(frozen=True)
class LoaBank:
    """Predicted LOA of all prompts that the corpus' sets of states can make. `rows[key]` says which
    of `loas` (N, 8, WIDTH) are its prompts', one a setting, in the order of SETTINGS."""

    rows: Mapping[Key, range]
    loas: Tensor

    def blended(self, states: dict[str, NDArray[np.float32]], setting: int) -> Tensor:
        """LOA (8, WIDTH) of a window whose states at the eight token times are `states[name]`, in
        one setting, of which there are `SETTINGS_OF[len(states)]`."""
        tokens = []
        for i in range(LOA_TOKENS):
            positions = [float(v[i]) * TOP_LEVEL for v in states.values()]
            token = torch.zeros(self.loas.shape[-1])
            for corner, weight in simplex_corners(positions):
                key = key_of(zip(states, corner, strict=True))
                token += weight * self.loas[self.rows[key][setting], i].float()
            tokens.append(token)
        return torch.stack(tokens)


def key_of(levels: Sequence[tuple[str, int]] | zip[tuple[str, int]]) -> Key:
    """The heard states and their level words, in catalogue order."""
    return tuple(sorted((n, k) for n, k in levels if k > 0))


@torch.no_grad()
def build_bank(
    meaning: Meaning, clap: ClapModel, roberta: RobertaTokenizer, t5: T5Tokenizer
) -> LoaBank:
    """Predict the LOA of all prompts of the sets of states that occur, in some settings each.

    A set's subsets are prompts too: a state of the clip may be silent for a while.
    """
    groups = {tuple(sorted(g)) for count in range(3) for g in combinations(NAMES, count)}
    groups |= {tuple(sorted(g)) for g in triples()}
    keys: list[Key] = []
    for names in sorted(groups):
        for levels in product(range(1, TOP_LEVEL + 1), repeat=len(names)):
            keys.append(tuple(zip(names, levels, strict=True)))
    rows, texts = prompts_of(keys)
    loas = torch.zeros(len(texts), LOA_TOKENS, WIDTH, dtype=torch.float16)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), 64):
        these = order[start : start + 64]
        some = [texts[i] for i in these]
        tokens = t5(some, padding=True, truncation=True, return_tensors="pt")
        out, _ = meaning(clap_text(clap, roberta, some), tokens.input_ids, tokens.attention_mask)
        loas[these] = out.half()
    return LoaBank(rows, loas)


def prompts_of(keys: Sequence[Key]) -> tuple[dict[Key, range], list[str]]:
    """Prompts of all `keys`, their words in random order, in as many settings as `SETTINGS_OF`
    says, the first of SETTINGS first; and which of them are each key's."""
    rng = np.random.default_rng(6)
    rows: dict[Key, range] = {}
    texts: list[str] = []
    for key in keys:
        first = len(texts)
        for setting in SETTINGS[: SETTINGS_OF[len(key)]]:
            words = [str(KNOWN[name].levels[level]) for name, level in key]
            rng.shuffle(words)
            texts.append(compose(words, setting))
        rows[key] = range(first, len(texts))
    return rows, texts


@torch.no_grad()
def encode(corpus: Corpus, vae: AutoencoderKL) -> Tensor:
    """Latent means of all clips, (N, 16, 128, 8) float16, unscaled."""
    out = []
    for i in range(0, len(corpus.mels), 4):
        mel = torch.from_numpy(np.array(corpus.mels[i : i + 4])).float()[:, None]
        out.append(vae.encode(mel.to(memory_format=torch.channels_last)).latent_dist.mode().half())
    return torch.cat(out)


def latents_of(
    corpus: Corpus, autoencoder: AutoencoderKL, path: Path, scale: float | None = None
) -> tuple[Tensor, float]:
    """The corpus' latents times `scale`, made once for these weights and kept beside `path`, and
    that factor; left out, the one that brings them to unit variance."""

    def make(partial: Path) -> None:
        raw = encode(corpus, autoencoder)
        factor = 1 / float(raw[::7].float().std()) if scale is None else scale
        torch.save(((raw.float() * factor).half(), factor), partial)

    latents, factor = torch.load(
        kept_of(digest_of(autoencoder.state_dict()), path, make), weights_only=True
    )
    return latents, factor


@dataclass
class UNetTrainer:
    """Everything a UNet step needs: `batch` draws examples, `fit` trains."""

    corpus: Corpus
    latents: Tensor  # (N, 16, 128, 8), scaled to unit variance
    encoder: LoaEncoder
    meaning: Meaning
    clap: ClapModel
    roberta: RobertaTokenizer
    t5: T5Tokenizer
    bank: LoaBank
    among: NDArray[np.int64] | None = None  # clips that examples are drawn of; None: all

    def __post_init__(self) -> None:
        self._no_loa = self._loa_of("")
        self._facts = Facts(self.corpus)

    def of(self, corpus: Corpus, latents: Tensor, bank: LoaBank) -> UNetTrainer:
        """What draws examples of other clips, put into words by the same networks."""
        said = self.meaning, self.clap, self.roberta, self.t5, bank
        return UNetTrainer(corpus, latents, self.encoder, *said)

    def fit(
        self, folder: Path, schedule: Schedule, name: str = "unet"
    ) -> AudioLDM2UNet2DConditionModel:
        """Train (or go on training) and return the UNet with EMA weights."""
        unet = new_unet()

        def loss(step: int) -> dict[str, Tensor]:
            torch.manual_seed(step)
            rng = np.random.default_rng([7, step])
            return {"v": v_loss(unet, self.batch(rng, *WINDOWS[step % len(WINDOWS)]))}

        return Fit(unet, loss, schedule, folder, name).run()

    @torch.no_grad()
    def batch(self, rng: np.random.Generator, frames: int, count: int) -> Batch:
        """`count` windows of `frames` latent frames, drawn with `rng`."""
        clean, places = self._windows(rng, frames, count)
        loas, texts = [], []
        for clip, start in places:
            loa, text = self._condition(rng, clip, start, frames)
            loas.append(loa)
            texts.append(text)
        return Batch(clean, torch.stack(loas), *self._text(texts), self._known(places, frames))

    def labelled(self, rng: np.random.Generator, frames: int, count: int) -> Labelled:
        """`count` windows of textures, drawn with `rng`, and what sounds in them."""
        clean, places = self._windows(rng, frames, count)
        states = self.corpus.states
        spans = (
            states[clip][:, FRAME * start : FRAME * (start + frames)] for clip, start in places
        )
        levels = np.stack([span.astype(np.float32).mean(1) for span in spans])
        clips = torch.tensor([clip for clip, _ in places])
        return Labelled(clean, torch.from_numpy(levels), self._known(places, frames), clips)

    def _known(self, places: list[tuple[int, int]], frames: int) -> Tensor:
        return torch.from_numpy(np.stack([self._facts(*place, frames) for place in places]))

    def _windows(
        self, rng: np.random.Generator, frames: int, count: int
    ) -> tuple[Tensor, list[tuple[int, int]]]:
        """Windows of clips, and where each begins: its clip, and a latent frame of it."""
        among = np.arange(len(self.latents)) if self.among is None else self.among
        clips = among[rng.integers(0, len(among), count)].tolist()
        starts = rng.integers(0, 128 - frames + 1, count).tolist()
        places = list(zip(clips, starts, strict=True))
        return torch.stack([self.latents[c, :, s : s + frames] for c, s in places]).float(), places

    def _condition(
        self, rng: np.random.Generator, clip: int, start: int, frames: int
    ) -> tuple[Tensor, str]:
        """The LOA and the text stream's words for one window of one clip."""
        kind = rng.random()
        if kind < NO_CONDITION:
            return self._no_loa, ""
        at = (8 * (start + (np.arange(LOA_TOKENS) + 0.5) / LOA_TOKENS * frames)).astype(int)
        rows = self.corpus.told[clip].astype(np.float32)
        states = {n: rows[i, at] for i, n in enumerate(NAMES) if rows[i].max() > 0}
        if kind < NO_CONDITION + TRUE_LOA:
            mel = self.corpus.mels[clip, 8 * start : 8 * (start + frames)]
            loa = self.encoder(torch.from_numpy(np.array(mel)).float()[None])[0]
        else:
            anywhere = rng.random() >= NOWHERE
            setting = int(rng.integers(SETTINGS_OF[len(states)])) if anywhere else 0
            loa = self.bank.blended(states, setting)
        levels = self.corpus.states[clip][:, at].astype(np.float32).mean(1)
        place = str(self.corpus.places[clip])
        heard = heard_in(levels, self.corpus.kinds[clip], place)
        if rng.random() < (NAMED_IN_VAIN if heard.levels else 0.9):
            return loa, level_free(with_absent(heard, rng), rng)
        kind = rng.random()
        # What is unusual is told: unasked, a render is of the usual kind, and in the open.
        if kind < (0.05 if place or heard.unusual else 0.3):
            return loa, ""
        return loa, level_free(heard, rng) if kind < 0.75 else caption(heard, rng)

    def _text(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        tokens = self.t5(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            out = self.meaning.t5(tokens.input_ids, attention_mask=tokens.attention_mask)
        return out.last_hidden_state, tokens.attention_mask

    @torch.no_grad()
    def _loa_of(self, text: str) -> Tensor:
        tokens = self.t5([text], return_tensors="pt")
        loa, _ = self.meaning(
            clap_text(self.clap, self.roberta, [text]), tokens.input_ids, tokens.attention_mask
        )
        return loa[0]
