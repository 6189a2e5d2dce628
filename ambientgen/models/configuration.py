"""What a configuration may say, field by field, to something of our own that reads it.

Configurations are the JSON files that transformers and diffusers write, so they hold fields of
every variant those libraries know. Ours do what the published checkpoints and pocket need: a field
that is not listed, or a value that is not, raises `UnsupportedError`, and the stock class is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class UnsupportedError(Exception):
    """A configuration asks for something of which we have no implementation of our own."""


@dataclass(frozen=True)
class Fields:
    """The fields a class of ours knows.

    `read`: with the stock default of each, for configurations that leave it out.
    `fixed`: those with the only values we implement. A field left out has its stock default, so
    that default must be among them.
    `ignored`: those that change nothing in inference.
    """

    read: Mapping[str, Any]
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    def of(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the `read` fields. Raises UnsupportedError."""
        values = dict(self.read)
        for name, value in config.items():
            if name.startswith("_") or name in self.ignored:
                continue  # diffusers marks its own notes with an underscore
            if name in self.fixed:
                if value not in self.fixed[name]:
                    raise UnsupportedError(f"{name} is {value!r}")
            elif name not in self.read:
                raise UnsupportedError(f"{name} is not known")
            elif value is None and self.read[name] is not None:
                raise UnsupportedError(f"{name} is null")
            else:
                values[name] = value
        return values


# Fields every transformers configuration may hold: of text generation, of labels, of bookkeeping.
TRANSFORMERS = frozenset(
    """
    architectures attn_implementation bad_words_ids begin_suppress_tokens bos_token_id
    chunk_size_feed_forward cross_attention_hidden_size decoder_start_token_id diversity_penalty
    do_sample dtype early_stopping encoder_no_repeat_ngram_size eos_token_id
    exponential_decay_length_penalty finetuning_task forced_bos_token_id forced_eos_token_id
    gradient_checkpointing id2label initializer_factor initializer_range is_encoder_decoder label2id
    length_penalty max_length max_new_tokens min_length model_type no_repeat_ngram_size
    num_beam_groups num_beams num_return_sequences output_attentions output_hidden_states
    output_past output_scores prefix problem_type remove_invalid_values repetition_penalty
    return_dict return_dict_in_generate sep_token_id suppress_tokens task_specific_params
    temperature tf_legacy_loss tie_encoder_decoder tie_word_embeddings tokenizer_class top_k top_p
    torch_dtype torchscript transformers_version typical_p use_bfloat16 use_cache
    """.split()
)
# And fields that would make another network.
PLAIN: dict[str, tuple[Any, ...]] = {
    "add_cross_attention": (False,),
    "is_decoder": (False,),
    "pruned_heads": ({}, None),
}


def per_level(value: Any, levels: int) -> tuple[Any, ...]:
    """A field that holds one value for each level, or one for all. Raises UnsupportedError."""
    if not isinstance(value, (list, tuple)):
        return (value,) * levels
    if len(value) != levels:
        raise UnsupportedError(f"{len(value)} values for {levels} levels")
    return tuple(value)
