"""GPT-2 (Radford et al. 2019) on embeddings: the stage that writes LOA.

Its vocabulary and its head go unused: the last hidden state is both the answer and the next input.
The cache of a call is a value, handed on by the caller: one pair of keys and values for each layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import PLAIN, TRANSFORMERS, Fields
from ambientgen.models.nets.layers import activation, join_heads, split_heads

Cache = tuple[tuple[Tensor, Tensor], ...]  # keys and values of each layer, (B, heads, L, D) each

FIELDS = Fields(
    {
        "vocab_size": 50257,
        "n_positions": 1024,
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_inner": None,  # means four times the width
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    },
    {
        **PLAIN,
        "reorder_and_upcast_attn": (False,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "scale_attn_weights": (True,),
    },
    TRANSFORMERS
    | {"attn_pdrop", "embd_pdrop", "n_ctx", "pad_token_id", "resid_pdrop", "summary_activation"}
    | {"summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj"},
)


class Written(NamedTuple):
    """`last_hidden_state` (B, new, n_embd), and the cache to go on from, which includes them."""

    last_hidden_state: Tensor
    past_key_values: Cache


class Gpt2(nn.Module):
    """Embeddings to hidden states, each hearing those before it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = config["n_embd"]
        self.wte = nn.Embedding(config["vocab_size"], width)
        self.wpe = nn.Embedding(config["n_positions"], width)
        self.h = nn.ModuleList(_Block(config) for _ in range(config["n_layer"]))
        self.ln_f = nn.LayerNorm(width, config["layer_norm_epsilon"])

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> Gpt2:
        """From a GPT-2's configuration. Raises UnsupportedError."""
        return cls(FIELDS.of(config))

    def forward(
        self,
        inputs_embeds: Tensor,
        past_key_values: Cache | None = None,
        use_cache: bool = True,
    ) -> Written:
        """Inputs (B, new, n_embd) that follow those of the cache; `use_cache` is always so."""
        new = inputs_embeds.shape[1]
        past = past_key_values[0][0].shape[2] if past_key_values else 0
        x = inputs_embeds + self.wpe.weight[past : past + new]
        # One input hears all; of several, each hears itself and what came before.
        heard = None
        if new > 1:
            heard = torch.ones(new, past + new, dtype=torch.bool, device=x.device).tril(past)
        cache = []
        for index, block in enumerate(self.h):
            x, kept = block(x, heard, past_key_values[index] if past_key_values else None)
            cache.append(kept)
        return Written(self.ln_f(x), tuple(cache))


class _Block(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, eps = config["n_embd"], config["layer_norm_epsilon"]
        self.ln_1 = nn.LayerNorm(width, eps)
        self.attn = _Attention(width, config["n_head"])
        self.ln_2 = nn.LayerNorm(width, eps)
        inner = config["n_inner"] or 4 * width
        self.mlp = _FeedForward(width, inner, config["activation_function"])

    def forward(
        self, x: Tensor, heard: Tensor | None, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        attended, kept = self.attn(self.ln_1(x), heard, past)
        x = x + attended
        return x + self.mlp(self.ln_2(x)), kept


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = _Transposed(width, 3 * width)
        self.c_proj = _Transposed(width, width)

    def forward(
        self, x: Tensor, heard: Tensor | None, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        projected: Tensor = self.c_attn(x)
        query, key, value = (split_heads(each, self.heads) for each in projected.chunk(3, -1))
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        answer = F.scaled_dot_product_attention(query, key, value, heard)
        return self.c_proj(join_heads(answer)), (key, value)


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int, act: str) -> None:
        super().__init__()
        self.act = activation(act)
        self.c_fc = _Transposed(width, inner)
        self.c_proj = _Transposed(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.c_proj(self.act(self.c_fc(x)))
        return out


class _Transposed(nn.Module):
    """A linear layer whose weight is stored (in, out), as GPT-2's always were."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, out))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.t(), self.bias)
