"""From trained components to a model folder that ambientgen and stock diffusers both load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AudioLDM2Pipeline, AutoencoderKL, DPMSolverMultistepScheduler
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from diffusers.utils import logging as diffusers_log
from safetensors.torch import save_file
from transformers import ClapModel, RobertaTokenizer, T5Tokenizer
from transformers.utils import logging as transformers_log

from ambientgen.models.folder import EXTRAS
from ambientgen.models.vocoder import TextureVocoder
from ambientgen.training.examples import clap_extractor
from ambientgen.training.keep import json_text
from ambientgen.training.language import Meaning
from ambientgen.training.mae import LoaEncoder
from ambientgen.training.unet import SCHEDULER


@dataclass(frozen=True)
class Components:
    """Everything pocket is made of, trained. `latent_scale` brings latents to unit variance."""

    clap: ClapModel
    meaning: Meaning
    roberta: RobertaTokenizer
    t5: T5Tokenizer
    unet: AudioLDM2UNet2DConditionModel
    vae: AutoencoderKL
    vocoder: TextureVocoder
    loa_encoder: LoaEncoder
    latent_scale: float


def export(parts: Components, folder: Path, extras: dict[str, Any]) -> None:
    """Write the folder: half-precision safetensors, stock layout, `extras` as ambientgen.json.

    The LOA encoder, which AudioLDM2Pipeline has no slot for, lies beside the slots.
    """
    parts.vae.register_to_config(scaling_factor=parts.latent_scale)
    pipeline = AudioLDM2Pipeline(
        vae=parts.vae,
        text_encoder=parts.clap,
        text_encoder_2=parts.meaning.t5,
        projection_model=parts.meaning.projection,
        language_model=parts.meaning.gpt2,
        tokenizer=parts.roberta,
        tokenizer_2=uncalled(parts.t5),
        feature_extractor=clap_extractor(),
        unet=parts.unet,
        scheduler=DPMSolverMultistepScheduler(**SCHEDULER),
        vocoder=parts.vocoder,
    )
    with _unsaid():
        pipeline.to(torch.float16, silence_dtype_warnings=True)
        pipeline.save_pretrained(folder, safe_serialization=True)
    _load_in_single_precision(folder)
    encoder = folder / "loa_encoder"
    encoder.mkdir(exist_ok=True)
    half = {
        name: value.half().contiguous() for name, value in parts.loa_encoder.state_dict().items()
    }
    save_file(half, encoder / "model.safetensors")
    (folder / EXTRAS).write_text(json_text(extras))


def uncalled(tokenizer: T5Tokenizer) -> T5Tokenizer:
    """The tokenizer without what its last call left in it, which its file would hold: a training
    that was stopped on its way would write another model."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


@contextmanager
def _unsaid() -> Iterator[None]:
    """The libraries' own bars and remarks while a pipeline is written are for nobody."""
    level, bars = diffusers_log.get_verbosity(), transformers_log.is_progress_bar_enabled()
    diffusers_log.set_verbosity_error()
    transformers_log.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_log.set_verbosity(level)
        if bars:
            transformers_log.enable_progress_bar()


def _load_in_single_precision(folder: Path) -> None:
    """Make every slot load as float32: transformers would keep the files' half precision where
    diffusers does not, and the first product of the two would fail."""
    for slot in ("text_encoder", "text_encoder_2", "language_model"):
        path = folder / slot / "config.json"
        config = json.loads(path.read_text())
        for part in (config, config.get("text_config"), config.get("audio_config")):
            if part is not None:
                part.pop("torch_dtype", None)
                part["dtype"] = "float32"
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
