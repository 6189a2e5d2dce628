"""Training of the meaning stage: tokenizers, CLAP, T5 encoder, projection and GPT-2.

CLAP learns contrastively which caption belongs to which sound; the T5 encoder, projection and GPT-2
then learn together to say the LOA of a captioned sound (L1, as AudioLDM 2 trains its GPT-2).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2ProjectionModel
from numpy.typing import NDArray
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    ClapConfig,
    ClapModel,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from ambientgen.models.loading import LOA_TOKENS
from ambientgen.synth.acoustics import Place
from ambientgen.training.captions import Heard, caption
from ambientgen.training.corpus import NAMES, PLACED
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.mae import WIDTH
from ambientgen.training.stems import draw_kind

TEXT_WIDTH = 128
MAX_TOKENS = 64
VOCABULARY = 1200


@dataclass(frozen=True)
class LoaExamples:
    """loas (N, 8, WIDTH) of crops that hold nearly still, and what is heard in each."""

    loas: NDArray[np.float16]
    heard: Sequence[Heard]


def sample_captions(count: int, seed: int) -> list[str]:
    """Captions of random states, for the tokenizers."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        chosen = rng.choice(NAMES, int(rng.integers(0, 5)), replace=False)
        levels = {str(n): float(rng.random()) for n in chosen}
        kinds = {n: draw_kind(n, rng) for n in levels}
        place = Place.draw(rng).words if rng.random() < PLACED else ""
        texts.append(caption(Heard(levels, kinds, place), rng))
    return texts


def new_tokenizers(texts: Sequence[str]) -> tuple[RobertaTokenizer, T5Tokenizer]:
    """CLAP's byte-level BPE and T5's unigram tokenizer, trained on `texts`."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        texts,
        VOCABULARY,
        show_progress=False,  # of which it prints empty lines where there is no terminal
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )
    merges = [
        tuple(m.split(" ")) if isinstance(m, str) else tuple(m)
        for m in json.loads(bpe.to_str())["model"]["merges"]
    ]
    roberta = RobertaTokenizer(vocab=bpe.get_vocab(), merges=merges, model_max_length=MAX_TOKENS)
    # Whole words by frequency, and letters far less likely for everything else: captions stay
    # short, so that GPT-2 reads ten tokens where a general vocabulary would take thirty.
    words = Counter("▁" + w.strip(",.") for text in texts for w in text.lower().split())
    total = sum(words.values())
    letters = dict.fromkeys(
        "▁abcdefghijklmnopqrstuvwxyzéABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.'-:;!?%", -14.0
    )
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters.items()]
    pieces += [
        (w, math.log(n / total)) for w, n in words.most_common() if n > 2 and w not in letters
    ]
    t5 = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=MAX_TOKENS)
    return roberta, t5


def new_clap(vocabulary: int) -> ClapModel:
    """A CLAP of 1.5 M parameters for 10.24 s of 16 kHz audio as 64 mel bands."""
    torch.manual_seed(0)
    text = {
        "vocab_size": vocabulary,
        "hidden_size": TEXT_WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 4 * TEXT_WIDTH,
        "max_position_embeddings": MAX_TOKENS + 2,
        "projection_dim": TEXT_WIDTH,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    audio = {
        "spec_size": 256,
        "num_mel_bins": 64,
        "patch_size": 8,
        "patch_stride": [8, 8],
        "patch_embeds_hidden_size": 32,
        "depths": [2, 2, 2],
        "num_hidden_layers": 3,
        "num_attention_heads": [2, 4, 8],
        "hidden_size": 128,
        "window_size": 8,
        "projection_dim": TEXT_WIDTH,
        "num_classes": 1,
        "hidden_dropout_prob": 0.0,
    }
    return ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=TEXT_WIDTH))


class Meaning(nn.Module):
    """The trainable path from text to LOA, given CLAP's text embedding."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.t5 = T5EncoderModel(
            T5Config(
                vocab_size=vocabulary,
                d_model=TEXT_WIDTH,
                d_kv=32,
                d_ff=2 * TEXT_WIDTH,
                num_layers=3,
                num_heads=4,
                dropout_rate=0.0,
                feed_forward_proj="gated-gelu",
                pad_token_id=0,
                eos_token_id=1,
                decoder_start_token_id=0,
                tie_word_embeddings=False,
                is_encoder_decoder=False,
                use_cache=False,
            )
        )
        self.projection = AudioLDM2ProjectionModel(TEXT_WIDTH, TEXT_WIDTH, WIDTH)
        nn.init.normal_(self.projection.sos_embed, std=0.5)
        nn.init.normal_(self.projection.eos_embed, std=0.5)
        nn.init.normal_(self.projection.sos_embed_1, std=0.5)
        nn.init.normal_(self.projection.eos_embed_1, std=0.5)
        self.gpt2 = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=8,
                n_positions=128,
                n_embd=WIDTH,
                n_layer=4,
                n_head=4,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                bos_token_id=0,
                eos_token_id=0,
                max_new_tokens=8,
            )
        )

    def forward(self, clap: Tensor, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """LOA (B, 8, WIDTH) and T5 states (B, L, TEXT_WIDTH) of token ids (B, L)."""
        states = self.t5(ids, attention_mask=mask).last_hidden_state
        joined = self.projection(
            hidden_states=clap[:, None],
            hidden_states_1=states,
            attention_mask=mask.new_ones(len(mask), 1),
            attention_mask_1=mask,
        )
        inputs, attended, cache = joined.hidden_states, joined.attention_mask, None
        tokens = []
        for _ in range(LOA_TOKENS):
            out = self.gpt2.transformer(
                inputs_embeds=inputs, attention_mask=attended, past_key_values=cache, use_cache=True
            )
            cache, inputs = out.past_key_values, out.last_hidden_state[:, -1:]
            tokens.append(inputs)
            attended = torch.cat([attended, attended.new_ones(len(mask), 1)], 1)
        return torch.cat(tokens, 1), states


def clap_text(clap: ClapModel, tokenizer: RobertaTokenizer, texts: Sequence[str]) -> Tensor:
    """CLAP's embeddings of texts, (B, TEXT_WIDTH), as the stock pipeline takes them."""
    tokens = tokenizer(
        list(texts),
        padding="max_length",
        max_length=MAX_TOKENS,
        truncation=True,
        return_tensors="pt",
    )
    out = clap.get_text_features(tokens.input_ids, attention_mask=tokens.attention_mask)
    features: Tensor = out.pooler_output if hasattr(out, "pooler_output") else out
    return features


def mean_of_words(text: Tensor, mask: Tensor) -> Tensor:
    """What the words say on the whole, (B, TEXT_WIDTH): text (B, tokens, TEXT_WIDTH) where `mask`
    (B, tokens) is 1, or 0 where there is none."""
    weights = mask.float()[..., None]
    return (text * weights).sum(1) / weights.sum(1).clamp_min(1)


def train_clap(
    features: NDArray[np.float16],
    heard: Sequence[Heard],
    tokenizer: RobertaTokenizer,
    folder: Path,
    schedule: Schedule,
) -> ClapModel:
    """Contrastive training on CLAP features (N, 1001, 64) in dB and what is heard in each clip."""
    clap = new_clap(len(tokenizer))

    def loss(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([4, step])
        torch.manual_seed(step)
        pick = rng.integers(0, len(features), 24)
        texts = [caption(heard[i], rng) for i in pick]
        text = F.normalize(clap_text(clap, tokenizer, texts), dim=-1)
        audio_out = clap.get_audio_features(torch.from_numpy(features[pick]).float()[:, None])
        audio = getattr(audio_out, "pooler_output", audio_out)
        logits = F.normalize(audio, dim=-1) @ text.T * clap.logit_scale_t.exp().clamp(max=50)
        target = torch.arange(len(pick))
        return {"clap": (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2}

    return Fit(clap, loss, schedule, folder, "clap").run()


def train_meaning(
    examples: LoaExamples,
    clap: ClapModel,
    roberta: RobertaTokenizer,
    tokenizer: T5Tokenizer,
    folder: Path,
    schedule: Schedule,
) -> Meaning:
    """Train T5 encoder, projection and GPT-2 to predict the LOA of captions."""
    module = Meaning(len(tokenizer))
    clap.requires_grad_(False)

    def loss(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([5, step])
        torch.manual_seed(step)
        pick = rng.integers(0, len(examples.loas), 32)
        texts = ["" if rng.random() < 0.03 else caption(examples.heard[i], rng) for i in pick]
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            embedding = clap_text(clap, roberta, texts)
        predicted, _ = module(embedding, tokens.input_ids, tokens.attention_mask)
        target = torch.from_numpy(examples.loas[pick]).float()
        return {"loa": F.l1_loss(predicted, target)}

    return Fit(module, loss, schedule, folder, "meaning").run()
