"""A model folder like the published ones, only tiny: same files, fields and weight names.

The configurations repeat the fields of `cvssp/audioldm2` (saved by diffusers 0.20 and transformers
4.32) with small sizes; the weights are random, the same for every variant of one folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hubconfigs import (
    CLAP,
    FEATURES,
    GPT2,
    HIFIGAN,
    PROJECTION,
    SCHEDULER,
    T5,
    UNET,
    UNET_NEWER,
    VAE,
    Json,
)
from safetensors.torch import save_file
from torch import Tensor, nn

from ambientgen.errors import ExitCode, ModelError

SEED = 20230821
WORDS = ["rain", "wind", "light", "heavy", "no", "on", "a", "lake", "soft", "the", "sound", "of"]

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Variant:
    """How a folder differs from the published ones.

    `older` leaves out what older configurations lack and stores what older weights store.
    """

    language_model: str = "GPT2Model"
    sharded: bool = False
    half: bool = False
    older: bool = False


@dataclass(frozen=True)
class _Slot:
    library: str
    kind: str
    stem: str
    config: Json
    optional: tuple[str, ...] = ()  # fields that an older configuration lacks


def build(folder: Path, variant: Variant | None = None) -> Path:
    """Write a whole folder and return it."""
    variant = variant or Variant()
    index: Json = {"_class_name": "AudioLDM2Pipeline", "_diffusers_version": "0.20.0.dev0"}
    index["feature_extractor"] = ["transformers", "ClapFeatureExtractor"]
    index["scheduler"] = ["diffusers", "DDIMScheduler"]
    index["tokenizer"] = ["transformers", "RobertaTokenizerFast"]
    index["tokenizer_2"] = ["transformers", "T5TokenizerFast"]
    _write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    _write_json(folder / "feature_extractor" / "preprocessor_config.json", FEATURES)
    _write_roberta(folder / "tokenizer", with_json=not variant.older)
    _write_t5(folder / "tokenizer_2")
    with torch.random.fork_rng():
        for name, slot in _slots(variant).items():
            index[name] = [slot.library, slot.kind]
            torch.manual_seed(SEED)
            weights = _weights(name, slot.config)
            if variant.older:
                weights = OLDER.get(name, dict)(weights)
            if slot.kind == "GPT2LMHeadModel":
                weights = {f"transformer.{key}": value for key, value in weights.items()}
            config = dict(slot.config)
            for field in slot.optional if variant.older else ():
                del config[field]
            _write_json(folder / name / "config.json", config)
            _write_weights(folder / name, slot.stem, weights, variant)
    _write_json(folder / "model_index.json", dict(sorted(index.items())))
    return folder


def _slots(variant: Variant) -> dict[str, _Slot]:
    model, diffusion = "model", "diffusion_pytorch_model"
    return {
        "text_encoder": _Slot("transformers", "ClapModel", model, CLAP, ("torch_dtype",)),
        "text_encoder_2": _Slot("transformers", "T5EncoderModel", model, T5, ("torch_dtype",)),
        "projection_model": _Slot("audioldm2", "AudioLDM2ProjectionModel", diffusion, PROJECTION),
        "language_model": _Slot(
            "transformers", variant.language_model, model, GPT2, ("n_inner", "torch_dtype")
        ),
        "unet": _Slot("audioldm2", "AudioLDM2UNet2DConditionModel", diffusion, UNET, UNET_NEWER),
        "vae": _Slot("diffusers", "AutoencoderKL", diffusion, VAE, ("force_upcast",)),
        "vocoder": _Slot(
            "transformers", "SpeechT5HifiGan", model, HIFIGAN, ("normalize_before", "torch_dtype")
        ),
    }


def _weights(slot: str, config: Json) -> Weights:
    """Random weights of a slot under the names the published files use."""
    network = _network(slot, config)
    for parameter in network.parameters():
        if parameter.dim() > 1:  # stronger than the stock initialisation: prompts must differ
            nn.init.normal_(parameter, std=0.6 / parameter[0].numel() ** 0.5)
    weights = dict(network.state_dict())
    dropped = ("position_ids", "token_type_ids", "encoder.embed_tokens.weight", "lm_head.weight")
    return {
        name: value.clone().contiguous()
        for name, value in weights.items()
        if not name.endswith(dropped)
    }


def _network(slot: str, config: Json) -> nn.Module:
    import diffusers
    import transformers

    if slot == "text_encoder":
        return transformers.ClapModel(transformers.ClapConfig.from_dict(config))
    if slot == "text_encoder_2":
        return transformers.T5EncoderModel(transformers.T5Config.from_dict(config))
    if slot == "language_model":
        return transformers.GPT2Model(transformers.GPT2Config.from_dict(config))
    if slot == "vocoder":
        vocoder_config = transformers.SpeechT5HifiGanConfig.from_dict(config)
        return transformers.SpeechT5HifiGan(vocoder_config)
    network: nn.Module = getattr(diffusers, config["_class_name"]).from_config(config)
    return network


def _older_clap(weights: Weights) -> Weights:
    position_ids = torch.arange(514)[None]
    return {**weights, "text_model.embeddings.position_ids": position_ids}


def _older_t5(weights: Weights) -> Weights:
    return {**weights, "encoder.embed_tokens.weight": weights["shared.weight"].clone()}


def _older_gpt2(weights: Weights) -> Weights:
    masks: Weights = {}
    for layer in range(GPT2["n_layer"]):
        masks[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 600, 600, dtype=torch.uint8).tril()
        masks[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return {**weights, **masks}


def _older_vae(weights: Weights) -> Weights:
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def renamed(name: str) -> str:
        for newer, older in names.items() if "attentions" in name else ():
            name = name.replace(f".{newer}.", f".{older}.")
        return name

    return {renamed(name): value for name, value in weights.items()}


def _older_hifigan(weights: Weights) -> Weights:
    return {name: value for name, value in weights.items() if name not in ("mean", "scale")}


OLDER: dict[str, Callable[[Weights], Weights]] = {
    "text_encoder": _older_clap,
    "text_encoder_2": _older_t5,
    "language_model": _older_gpt2,
    "vae": _older_vae,
    "vocoder": _older_hifigan,
}


def _write_weights(folder: Path, stem: str, weights: Weights, variant: Variant) -> None:
    if variant.half:
        weights = {
            name: value.half() if value.is_floating_point() else value
            for name, value in weights.items()
        }
    if not variant.sharded or len(weights) < 4:
        save_file(weights, folder / f"{stem}.safetensors", metadata={"format": "pt"})
        return
    names = sorted(weights)
    half = len(names) // 2
    weight_map: dict[str, str] = {}
    for number, shard in enumerate((names[:half], names[half:]), start=1):
        file = f"{stem}-{number:05}-of-00002.safetensors"
        weight_map |= dict.fromkeys(shard, file)
        save_file({name: weights[name] for name in shard}, folder / file, {"format": "pt"})
    size = sum(value.nbytes for value in weights.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    _write_json(folder / f"{stem}.safetensors.index.json", index)


def _write_roberta(folder: Path, with_json: bool) -> None:
    """A byte-level BPE whose merges make the first pairs of WORDS; `<mask>` comes last."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import RobertaTokenizer

    merges = list(dict.fromkeys((word[0], word[1]) for word in WORDS if len(word) > 1))
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
    pieces += [first + second for first, second in merges] + ["<mask>"]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    _write_json(folder / "vocab.json", vocab)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if with_json:
        wrapper: Any = RobertaTokenizer
        tokenizer = wrapper(vocab=vocab, merges=merges).backend_tokenizer
        tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "add_prefix_space": False,
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "errors": "replace",
        "mask_token": "<mask>",
        "model_max_length": 512,
        "pad_token": "<pad>",
        "processor_class": "ClapProcessor",
        "sep_token": "</s>",
        "tokenizer_class": "RobertaTokenizer",
        "trim_offsets": True,
        "unk_token": "<unk>",
    }
    _write_json(folder / "tokenizer_config.json", config)


def _write_t5(folder: Path) -> None:
    """A unigram vocabulary of WORDS and letters."""
    from transformers import T5Tokenizer

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    scores += [(f"▁{word}", -3.0) for word in WORDS] + [(letter, -6.0) for letter in letters]
    folder.mkdir(parents=True)
    tokenizer = T5Tokenizer(vocab=scores, extra_ids=100)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "eos_token": "</s>",
        "extra_ids": 100,
        "model_max_length": 512,
        "pad_token": "<pad>",
        "tokenizer_class": "T5Tokenizer",
        "unk_token": "<unk>",
    }
    _write_json(folder / "tokenizer_config.json", config)


def _write_json(path: Path, content: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def problems_of(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(ModelError) as caught:
        call()
    assert caught.value.exit_code is ExitCode.MODEL_UNAVAILABLE
    return [str(problem) for problem in caught.value.problems]


def edit_json(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**content, **changes}))
