"""T5's encoder (Raffel et al. 2020), with the plain and the gated feed-forward of v1.1.

No positions are added: attention is biased by how far apart two tokens stand, in buckets that the
first layer learns for all. Attention is not scaled, and normalisation neither centres nor shifts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import PLAIN, TRANSFORMERS, Fields, UnsupportedError
from ambientgen.models.nets.layers import activation, join_heads, split_heads

FIELDS = Fields(
    {
        "vocab_size": 32128,
        "d_model": 512,
        "d_kv": 64,
        "d_ff": 2048,
        "num_layers": 6,
        "num_heads": 8,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "layer_norm_epsilon": 1e-6,
        "feed_forward_proj": "relu",
        "dense_act_fn": "",  # follows from `feed_forward_proj`, like the next
        "is_gated_act": "",
    },
    PLAIN,
    TRANSFORMERS
    | {"classifier_dropout", "dropout_rate", "n_positions", "num_decoder_layers", "pad_token_id"}
    | {"scale_decoder_outputs"},
)


class Read(NamedTuple):
    """`last_hidden_state` (B, L, d_model)."""

    last_hidden_state: Tensor


class T5Encoder(nn.Module):
    """Token ids, all of them heard, to states."""

    def __init__(self, config: Mapping[str, Any], act: str, gated: bool) -> None:
        super().__init__()
        self.shared = nn.Embedding(config["vocab_size"], config["d_model"])
        self.encoder = _Stack(config, self.shared, act, gated)

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> T5Encoder:
        """From a T5's configuration, its decoder left aside. Raises UnsupportedError."""
        values = FIELDS.of(config)
        gate, _, act = values["feed_forward_proj"].rpartition("-")
        if gate not in ("", "gated"):
            raise UnsupportedError(f"feed_forward_proj is {values['feed_forward_proj']!r}")
        gated = gate == "gated"
        act = "gelu_new" if gated and act == "gelu" else act  # what v1.1 means by gelu
        if values["dense_act_fn"] not in ("", act) or values["is_gated_act"] not in ("", gated):
            raise UnsupportedError("feed_forward_proj and its parts say different things")
        return cls(values, act, gated)

    def forward(self, input_ids: Tensor) -> Read:
        """Ids (B, L)."""
        return Read(self.encoder(input_ids))


class _Stack(nn.Module):
    def __init__(
        self, config: Mapping[str, Any], embedding: nn.Embedding, act: str, gated: bool
    ) -> None:
        super().__init__()
        self.embed_tokens = embedding  # one embedding, known by two names
        self.buckets = int(config["relative_attention_num_buckets"])
        self.furthest = int(config["relative_attention_max_distance"])
        width, eps = config["d_model"], config["layer_norm_epsilon"]
        self.block = nn.ModuleList()
        for index in range(config["num_layers"]):
            attention = _Attention(config, learns_bias=index == 0)
            feed = _FeedForward(config, act, gated)
            layers = [
                _Sublayer("SelfAttention", attention, width, eps),
                _Sublayer("DenseReluDense", feed, width, eps),
            ]
            self.block.append(nn.ModuleDict({"layer": nn.ModuleList(layers)}))
        self.final_layer_norm = nn.RMSNorm(width, eps)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed_tokens(ids)
        first: Any = self.block[0]
        bias = first["layer"][0].SelfAttention.relative_attention_bias
        places = torch.arange(ids.shape[1], device=ids.device)
        apart = places[None] - places[:, None]
        biased = bias(_bucket(apart, self.buckets, self.furthest)).movedim(-1, 0)[None]
        for block in self.block:
            attend, feed = block["layer"]  # type: ignore[index]
            x = attend(x, biased)
            x = feed(x)
        states: Tensor = self.final_layer_norm(x)
        return states


class _Sublayer(nn.Module):
    """A module, normalised before and added after, under the name the weights have for it."""

    def __init__(self, name: str, inner: nn.Module, width: int, eps: float) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, inner)
        self.layer_norm = nn.RMSNorm(width, eps)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        refined: Tensor = x + getattr(self, self.name)(self.layer_norm(x), *others)
        return refined


class _Attention(nn.Module):
    def __init__(self, config: Mapping[str, Any], learns_bias: bool) -> None:
        super().__init__()
        width, self.heads = config["d_model"], config["num_heads"]
        inner = self.heads * config["d_kv"]
        self.q, self.k, self.v = (nn.Linear(width, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, width, bias=False)
        if learns_bias:
            buckets = config["relative_attention_num_buckets"]
            self.relative_attention_bias = nn.Embedding(buckets, self.heads)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (
            split_heads(project(x), self.heads) for project in (self.q, self.k, self.v)
        )
        heard = F.scaled_dot_product_attention(query, key, value, bias, scale=1.0)
        mixed: Tensor = self.o(join_heads(heard))
        return mixed


class _FeedForward(nn.Module):
    def __init__(self, config: Mapping[str, Any], act: str, gated: bool) -> None:
        super().__init__()
        width, inner = config["d_model"], config["d_ff"]
        self.act = activation(act)
        self.gated = gated
        if gated:
            self.wi_0, self.wi_1 = (nn.Linear(width, inner, bias=False) for _ in range(2))
        else:
            self.wi = nn.Linear(width, inner, bias=False)
        self.wo = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.act(self.wi_0(x)) * self.wi_1(x) if self.gated else self.act(self.wi(x))
        out: Tensor = self.wo(inner)
        return out


def _bucket(apart: Tensor, buckets: int, furthest: int) -> Tensor:
    """The bucket of each signed distance: half for either direction; near ones exactly, farther
    ones by logarithm, and one for all beyond `furthest`."""
    half = buckets // 2
    exact = half // 2
    distance = apart.abs()
    scale = (half - exact) / math.log(furthest / exact)
    far = exact + (torch.log(distance.clamp(min=1).float() / exact) * scale).long()
    within = torch.where(distance < exact, distance, far.clamp(max=half - 1))
    return within + half * (apart > 0).long()
