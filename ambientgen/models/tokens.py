"""From a prompt to token ids, straight through the `tokenizers` library.

Importing transformers' tokenizer classes takes half a second; the `tokenizer.json` they wrap is
read here directly. A test holds both to the same ids.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ambientgen.errors import ModelError, Problem
from ambientgen.models.folder import read_json

# Both published tokenizers state 512; transformers writes 10^30 for "not stated".
STATED_LENGTHS = range(1, 1_000_000)
DEFAULT_LENGTH = 512


@dataclass(frozen=True)
class PromptTokenizer:
    """A tokenizer with its special tokens, its padding id and the most tokens a prompt may have."""

    tokenizer: Tokenizer
    pad_id: int
    max_length: int

    def ids(self, text: str) -> list[int]:
        """Token ids of `text`, special tokens included, cut to `max_length`, never padded."""
        return list(self.tokenizer.encode(text).ids)

    def cut(self, text: str) -> str:
        """The end of `text` that `ids` leaves out, from the first word that is not whole in it;
        empty if nothing is left out."""
        encoding = self.tokenizer.encode(text)
        if not encoding.overflowing:
            return ""
        kept = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        heard = max((end for (_, end), special in kept if not special), default=0)
        while 0 < heard < len(text) and text[heard - 1].isalnum() and text[heard].isalnum():
            heard -= 1
        return text[heard:].strip(" ,")


def read_tokenizer(folder: Path) -> PromptTokenizer:
    """The tokenizer of a checked slot folder (`tokenizer` or `tokenizer_2`).

    Raises ModelError if its files do not make a tokenizer.
    """
    config_file = folder / "tokenizer_config.json"
    config = read_json(config_file) if config_file.is_file() else {}
    try:
        if (folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        else:
            tokenizer = _from_older_files(folder)
    except Exception as error:  # the Rust side raises bare Exception
        raise ModelError(Problem(str(folder), f"holds no usable tokenizer ({error})")) from error
    stated = config.get("model_max_length")
    length = stated if type(stated) is int and stated in STATED_LENGTHS else DEFAULT_LENGTH
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=length)
    pad_id = tokenizer.token_to_id(_content(config.get("pad_token", "<pad>")))
    if pad_id is None:
        raise ModelError(Problem(str(folder), "has no padding token"))
    return PromptTokenizer(tokenizer, pad_id, length)


def _content(token: Any) -> str:
    """A special token as `tokenizer_config.json` writes it: a text, or an object that holds one."""
    return str(token.get("content")) if isinstance(token, dict) else str(token)


def _from_older_files(folder: Path) -> Tokenizer:
    """Folders without `tokenizer.json` (vocabulary and merges, or a SentencePiece model)."""
    transformers = importlib.import_module("transformers")
    name = "T5TokenizerFast" if (folder / "spiece.model").is_file() else "RobertaTokenizerFast"
    wrapper = getattr(transformers, name).from_pretrained(str(folder), local_files_only=True)
    tokenizer: Tokenizer = wrapper.backend_tokenizer
    return tokenizer
