"""A model folder to start from: its weights by stage, its tokenizers, what it says of itself."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import RobertaTokenizer, T5Tokenizer

from ambientgen.errors import ModelError, Problem
from ambientgen.models.folder import EXTRAS, OUR_VOCODER, read_json
from ambientgen.models.registry import ModelSpec, layout_of, resolve
from ambientgen.models.weights import KeyRules, read_weights
from ambientgen.training.language import MAX_TOKENS

WORD_START = "▁"
# Log share of texts that a word of the user's own has at least: a renderer takes rarer words of a
# vocabulary for chance (`models/vocabulary.py`).
RAREST = math.log(1 / 5000)
# The slots that the stages train, and the name each has inside the network of its stage. `few` has
# none: it goes on with the UNet's weights as the stage before leaves them.
_PARTS = {
    "vae": (("vae", ""),),
    "mae": (("loa_encoder", "loa."),),
    "clap": (("text_encoder", ""),),
    "meaning": (
        ("text_encoder_2", "t5."),
        ("projection_model", "projection."),
        ("language_model", "gpt2."),
    ),
    "vocoder": (("vocoder", ""),),
    "unet": (("unet", ""),),
}


@dataclass(frozen=True)
class Start:
    """Weights of each stage, by the names its network has; the rest of the folder."""

    spec: ModelSpec
    weights: Mapping[str, Mapping[str, Tensor]]
    latent_scale: float
    extras: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.spec.folder

    def roberta(self) -> RobertaTokenizer:
        """CLAP's tokenizer, as it is: bytes spell every word."""
        return RobertaTokenizer.from_pretrained(self.folder / "tokenizer", local_files_only=True)

    def t5(self, texts: Sequence[str]) -> T5Tokenizer:
        """T5's tokenizer; words of `texts` that it would spell letter by letter come at its end."""
        told = read_json(self.folder / "tokenizer_2" / "tokenizer.json")
        pieces = {str(piece): float(score) for piece, score in told["model"]["vocab"]}
        words = Counter(word for text in texts for word in words_in(text))
        total = sum(words.values())
        for word, count in words.items():
            # Half of what is said to the model from now on; and likelier than to be spelt out.
            heard = max(math.log(count / total / 2), RAREST)
            pieces[WORD_START + word] = max(pieces.get(WORD_START + word, heard), heard)
        return T5Tokenizer(vocab=list(pieces.items()), extra_ids=0, model_max_length=MAX_TOKENS)


def words_in(text: str) -> list[str]:
    """The words of a text as the tokenizer's pieces have them, without punctuation around them."""
    stripped = (re.sub(r"^[\W_]+|[\W_]+$", "", word) for word in text.split())
    return [word for word in stripped if len(word) > 1]


def read_start(name: str) -> Start:
    """The model called `name`, read for training.

    Raises:
        ModelError: it is not here, broken, or of another kind than pocket.
    """
    spec = resolve(name)
    layout = layout_of(spec)
    encoder = spec.folder / "loa_encoder" / "model.safetensors"
    if layout.classes["vocoder"] != OUR_VOCODER or not encoder.is_file():
        remedy = "start from pocket, or from a model that was trained here"
        what = "has no loa_encoder or no TextureVocoder, so it cannot be trained here"
        raise ModelError(Problem(str(spec.folder), what, remedy))
    weights = {
        stage: {
            f"{prefix}{key}": value
            for slot, prefix in parts
            for key, value in _read(spec.folder / slot).items()
        }
        for stage, parts in _PARTS.items()
    }
    extras = spec.folder / EXTRAS
    return Start(
        spec,
        weights,
        float(layout.config("vae").get("scaling_factor", math.nan)),
        json.loads(extras.read_text(encoding="utf-8")) if extras.is_file() else {},
    )


def _read(slot: Path) -> dict[str, Tensor]:
    return read_weights(sorted(slot.glob("*.safetensors")), KeyRules(), torch.float32)
