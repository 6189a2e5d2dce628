"""AudioLDM 2's projection: CLAP and T5 states, each between learned ends, as one GPT-2 input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ambientgen.models.configuration import Fields

# The misspelling is diffusers' own.
FIELDS = Fields(
    {"text_encoder_dim": 0, "text_encoder_1_dim": 0, "langauge_model_dim": 0},
    {"max_seq_length": (None,), "use_learned_position_embedding": (None,)},
)


class Projected(NamedTuple):
    """`hidden_states` (B, L + L1 + 4, language model's width)."""

    hidden_states: Tensor


class Projection(nn.Module):
    """Two streams to one sequence."""

    def __init__(self, width: int, width_1: int, out: int) -> None:
        super().__init__()
        self.projection = nn.Linear(width, out)
        self.projection_1 = nn.Linear(width_1, out)
        self.sos_embed, self.eos_embed, self.sos_embed_1, self.eos_embed_1 = (
            nn.Parameter(torch.ones(out)) for _ in range(4)
        )

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> Projection:
        """From an AudioLDM2ProjectionModel's configuration. Raises UnsupportedError."""
        values = FIELDS.of(config)
        return cls(*(values[name] for name in FIELDS.read))

    def forward(self, hidden_states: Tensor, hidden_states_1: Tensor) -> Projected:
        """CLAP's states (B, L, D) and T5's (B, L1, D1)."""
        first, second = self.projection(hidden_states), self.projection_1(hidden_states_1)
        ends = (self.sos_embed, self.eos_embed, self.sos_embed_1, self.eos_embed_1)
        sos, eos, sos_1, eos_1 = (end.expand(len(first), 1, -1) for end in ends)
        return Projected(torch.cat([sos, first, eos, sos_1, second, eos_1], dim=1))
