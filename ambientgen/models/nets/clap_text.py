"""CLAP's text half: a RoBERTa encoder, its pooled first token, and a projection.

RoBERTa (Liu et al. 2019) is BERT's encoder, normalised after each sum; positions are counted from
the padding id on, over the tokens that are no padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import PLAIN, TRANSFORMERS, Fields
from ambientgen.models.nets.layers import Activation, activation, join_heads, split_heads

# Of a whole CLAP's configuration: the widths of the shared space outrank the text half's own.
CLAP_FIELDS = Fields(
    {"text_config": {}, "projection_dim": 512, "projection_hidden_act": "relu"},
    ignored=TRANSFORMERS
    | {"audio_config", "hidden_size", "logit_scale_init_value", "num_hidden_layers"},
)
FIELDS = Fields(
    {
        "vocab_size": 50265,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 1,
    },
    {**PLAIN, "position_embedding_type": ("absolute",)},
    TRANSFORMERS
    | {"attention_probs_dropout_prob", "classifier_dropout", "hidden_dropout_prob"}
    | {"fusion_hidden_size", "fusion_num_hidden_layers", "projection_dim", "projection_hidden_act"},
)


class Heard(NamedTuple):
    """`text_embeds` (B, D), not normalised; `last_hidden_state` (B, L, hidden_size)."""

    text_embeds: Tensor
    last_hidden_state: Tensor


class ClapText(nn.Module):
    """Token ids to a point in the space CLAP shares with sounds."""

    def __init__(self, text: Mapping[str, Any], width: int, act: str) -> None:
        super().__init__()
        self.text_model = _Roberta(text)
        self.text_projection = _Projection(text["hidden_size"], width, activation(act))

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> ClapText:
        """From a CLAP's configuration, its audio half left aside. Raises UnsupportedError."""
        clap = CLAP_FIELDS.of(config)
        text = FIELDS.of(clap["text_config"])
        return cls(text, clap["projection_dim"], clap["projection_hidden_act"])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Heard:
        """Ids (B, L) and their mask (B, L), 1 where a token speaks."""
        states = self.text_model(input_ids, attention_mask)
        return Heard(self.text_projection(self.text_model.pooler(states)), states)


class _Projection(nn.Module):
    def __init__(self, width: int, out: int, act: Activation) -> None:
        super().__init__()
        self.act = act
        self.linear1 = nn.Linear(width, out)
        self.linear2 = nn.Linear(out, out)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.linear2(self.act(self.linear1(x)))
        return projected


class _Roberta(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        layers = nn.ModuleList(_Layer(config) for _ in range(config["num_hidden_layers"]))
        self.encoder = nn.ModuleDict({"layer": layers})
        self.pooler = _Pooler(config["hidden_size"])

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """States (B, L, hidden_size)."""
        x: Tensor = self.embeddings(ids)
        heard = mask[:, None, None].bool()
        for layer in self.encoder["layer"].children():
            x = layer(x, heard)
        return x


class _Embeddings(nn.Module):
    """Words, positions and the one token type, summed and normalised."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.padding = int(config["pad_token_id"])
        self.word_embeddings = nn.Embedding(config["vocab_size"], width)
        self.position_embeddings = nn.Embedding(config["max_position_embeddings"], width)
        self.token_type_embeddings = nn.Embedding(config["type_vocab_size"], width)
        self.LayerNorm = nn.LayerNorm(width, config["layer_norm_eps"])

    def forward(self, ids: Tensor) -> Tensor:
        speaks = (ids != self.padding).long()
        places = torch.cumsum(speaks, dim=1) * speaks + self.padding
        words = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        normed: Tensor = self.LayerNorm(words + self.position_embeddings(places))
        return normed


class _Pooler(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)

    def forward(self, states: Tensor) -> Tensor:
        return torch.tanh(self.dense(states[:, 0]))


class _Layer(nn.Module):
    """Attention and a feed-forward network, each added to its input and then normalised."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        eps = config["layer_norm_eps"]
        self.act = activation(config["hidden_act"])
        self.attention = nn.ModuleDict(
            {
                "self": _SelfAttention(width, config["num_attention_heads"]),
                "output": _AddNorm(width, width, eps),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = _AddNorm(inner, width, eps)

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, heard), x)
        inner = self.act(self.intermediate["dense"](x))
        refined: Tensor = self.output(inner, x)
        return refined


class _SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        query, key, value = (
            split_heads(project(x), self.heads) for project in (self.query, self.key, self.value)
        )
        return join_heads(F.scaled_dot_product_attention(query, key, value, heard))


class _AddNorm(nn.Module):
    def __init__(self, width: int, out: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, out)
        self.LayerNorm = nn.LayerNorm(out, eps)

    def forward(self, x: Tensor, short: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dense(x) + short)
        return normed
