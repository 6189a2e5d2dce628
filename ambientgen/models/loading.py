"""From a checked folder to networks in memory.

The classes are our own, which take no time to import; what a configuration asks that they do not do
falls to the stock class of transformers or diffusers, imported only then. Text and meaning (CLAP,
T5, projection, GPT-2) are always float32: they run once for each prompt, and T5 overflows in half
precision. Sound (UNet, VAE, vocoder) runs in the precision the device profits from.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ambientgen.errors import ModelError, Problem, UsageError
from ambientgen.models.compiling import compile_sound
from ambientgen.models.configuration import UnsupportedError
from ambientgen.models.folder import OUR_VOCODER, CheckedFolder
from ambientgen.models.nets.clap_text import ClapText
from ambientgen.models.nets.gpt2 import Gpt2
from ambientgen.models.nets.hifigan import HifiGan
from ambientgen.models.nets.moving_norm import move_norms
from ambientgen.models.nets.projection import Projection
from ambientgen.models.nets.t5_encoder import T5Encoder
from ambientgen.models.nets.texture_vocoder import TextureNet
from ambientgen.models.nets.unet import Unet
from ambientgen.models.nets.vae import Vae
from ambientgen.models.registry import ModelSpec, layout_of
from ambientgen.models.solver import check_choices, solver_steps
from ambientgen.models.tokens import PromptTokenizer, read_tokenizer
from ambientgen.models.typed_json import TypedJson
from ambientgen.models.weights import KeyRules, Unfilled, fill, read_weights
from ambientgen.units import Geometry

DEVICES = ("auto", "cpu", "cuda", "mps")
LOA_TOKENS = 8  # the published configurations say `max_new_tokens: 8`

# CLAP: only its text half speaks; the audio half and the logit scales are for ranking takes.
# GPT-2: a folder may hold it with a language head around it; its causal masks are computed.
# VAE: diffusers before 0.21 saved attention under the names of its first releases.
RULES = {
    "text_encoder": KeyRules(ignored=(r"^audio_model\.", r"^audio_projection\.", r"^logit_scale_")),
    "text_encoder_2": KeyRules(ignored=(r"^decoder\.", r"^lm_head\.")),
    "language_model": KeyRules(
        ignored=(r"^lm_head\.", r"\.attn\.(masked_)?bias$"), renamed=((r"^transformer\.", ""),)
    ),
    "vae": KeyRules(
        renamed=(
            (r"(attentions\.\d+\.)query\.", r"\1to_q."),
            (r"(attentions\.\d+\.)key\.", r"\1to_k."),
            (r"(attentions\.\d+\.)value\.", r"\1to_v."),
            (r"(attentions\.\d+\.)proj_attn\.", r"\1to_out.0."),
        )
    ),
}
T5_TIED = ("shared.weight", "encoder.embed_tokens.weight")


@dataclass(frozen=True)
class Model:
    """Everything rendering needs of a model, in memory and ready.

    The VAE holds its encoder too. `scheduler_config` is the folder's, untouched.
    """

    spec: ModelSpec
    device: torch.device
    tokenizer: PromptTokenizer  # Roberta, for CLAP
    tokenizer_2: PromptTokenizer  # T5
    text_encoder: nn.Module  # CLAP's text half
    text_encoder_2: nn.Module
    projection_model: nn.Module
    language_model: nn.Module
    unet: nn.Module
    vae: Any  # ours or an AutoencoderKL: see `latents_of` and `mel_of`
    vocoder: Any  # see `samples_of`
    scheduler_config: dict[str, Any]
    loa_tokens: int = LOA_TOKENS

    @property
    def geometry(self) -> Geometry:
        """The model's time axis and latents."""
        return self.spec.geometry

    @property
    def dtype(self) -> torch.dtype:
        """The precision of UNet, VAE and vocoder."""
        return next(self.unet.parameters()).dtype

    @property
    def takes_noise(self) -> bool:
        """Whether the vocoder makes sound of a mel and noise; the others need the mel alone."""
        return bool(getattr(self.vocoder, "takes_noise", False))

    def latents_of(self, mel: Tensor) -> Tensor:
        """Latents (B, C, T, F), as the UNet makes them, of log-mels (B, 1, frames, mels)."""
        mel = mel.to(self.device, self.dtype, memory_format=torch.channels_last)
        latents: Tensor = self.vae.encode(mel).latent_dist.mean * self.vae.config.scaling_factor
        return latents

    def mel_of(self, latents: Tensor) -> Tensor:
        """Log-mels (B, 1, frames, mels) of latents (B, C, T, F)."""
        latents = latents.to(self.device, self.dtype, memory_format=torch.channels_last)
        mel: Tensor = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return mel

    def samples_of(self, mel: Tensor, noise: Tensor | None = None, tuned: bool = False) -> Tensor:
        """Samples (B, n) of log-mels (B, frames, mels).

        noise: (B, n), where the vocoder `takes_noise`; to others it is not given. tuned: whether it
        stands on notes.
        """
        heard = mel.to(self.device, self.dtype)
        if not self.takes_noise or noise is None:
            samples: Tensor = self.vocoder(heard)
            return samples
        samples = self.vocoder(heard, noise.to(self.device), tuned=tuned)
        return samples


def load(
    spec: ModelSpec, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> Model:
    """Load a resolved model onto `device`, sound networks in `dtype` (None: `dtype_for`), compiled
    where that is asked for (`models.compiling`).

    Raises ModelError for weights that are missing, unknown, misshapen or unreadable, UsageError
    for a device or a compiler that is not here.
    """
    layout = layout_of(spec)
    device = choose_device(device) if isinstance(device, str) else device
    sound = dtype or dtype_for(device)

    def network(slot: str, precision: torch.dtype) -> nn.Module:
        return _load_network(layout, slot, precision).to(device)

    loa_tokens, scheduler = _loa_tokens(layout), _scheduler(layout)
    tokenizer_2 = _fitting_tokenizer(layout)
    unet, vae = _channels_last(network("unet", sound)), _channels_last(network("vae", sound))
    geometry = spec.geometry
    if geometry.chunk.norms:
        move_norms(vae.get_submodule("decoder"), geometry.chunk.norms // geometry.latent_stride)
    compile_sound(unet, vae)
    return Model(
        spec=spec,
        device=device,
        tokenizer=read_tokenizer(layout.folder / "tokenizer"),
        tokenizer_2=tokenizer_2,
        text_encoder=network("text_encoder", torch.float32),
        text_encoder_2=network("text_encoder_2", torch.float32),
        projection_model=network("projection_model", torch.float32),
        language_model=network("language_model", torch.float32),
        unet=unet,
        vae=vae,
        vocoder=network("vocoder", sound),
        scheduler_config=scheduler,
        loa_tokens=loa_tokens,
    )


def check_device(name: str) -> None:
    """Raises UsageError for a name that is no device's, whether or not this machine has it."""
    if name not in DEVICES:
        raise UsageError(
            Problem("--device", f"{name!r} is no device", f"choose {', '.join(DEVICES)}")
        )


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes CUDA, else Apple's GPU, else the CPU.

    Raises UsageError for an unknown name or a device this machine lacks.
    """
    check_device(name)
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, there in here.items() if there))
    if not here[name]:
        raise UsageError(Problem("--device", f"{name} is not available here", "use cpu or auto"))
    return torch.device(name)


def dtype_for(device: torch.device) -> torch.dtype:
    """The precision of the sound networks: half on CUDA; full on CPUs, and on Apple's GPU, where
    AudioLDM 2 in half precision is known to garble."""
    return torch.float16 if device.type == "cuda" else torch.float32


def _loa_tokens(layout: CheckedFolder) -> int:
    """How many embeddings GPT-2 writes. Raises ModelError if it has no places for so many."""
    stated = {k: v for k, v in layout.config("language_model").items() if v is not None}
    config = TypedJson(layout.folder / "language_model" / "config.json", stated)
    tokens, places = config.whole("max_new_tokens", LOA_TOKENS), config.whole("n_positions", 1024)
    if tokens >= places:
        what = f"`max_new_tokens` is {tokens}, and GPT-2 has places for {places} with the prompt"
        raise ModelError(Problem(str(config.path), what, f"write {LOA_TOKENS}"))
    return tokens


def _scheduler(layout: CheckedFolder) -> dict[str, Any]:
    """The scheduler's configuration. Raises ModelError for one that describes no schedule."""
    config = layout.config("scheduler")
    try:
        check_choices(config)
        with suppress(UnsupportedError):  # which diffusers' own may do
            solver_steps(config, 1)
    except ModelError as error:
        told = (
            replace(problem, place=str(layout.folder / problem.place)) for problem in error.problems
        )
        raise ModelError(*told) from None
    return config


def _fitting_tokenizer(layout: CheckedFolder) -> PromptTokenizer:
    """T5's tokenizer. Raises ModelError if it has more tokens than T5 has embeddings."""
    path = layout.folder / "tokenizer_2"
    tokenizer, config = read_tokenizer(path), layout.config("text_encoder_2")
    known = TypedJson(layout.folder / "text_encoder_2" / "config.json", config)
    tokens, places = tokenizer.tokenizer.get_vocab_size(), known.whole("vocab_size", 32_128)
    if tokens > places:
        what = f"has {tokens} tokens, and T5 knows {places}"
        raise ModelError(Problem(str(path), what, "copy both from the same model"))
    return tokenizer


def _channels_last(network: nn.Module) -> nn.Module:
    """Convolutions of images run a third faster on a CPU with their channels stored last."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def _load_network(layout: CheckedFolder, slot: str, dtype: torch.dtype) -> nn.Module:
    place = layout.folder / slot
    try:
        with Unfilled():
            network = _build(layout, slot)
    except (
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        RuntimeError,
        ImportError,
        ArithmeticError,
    ) as error:
        problem = Problem(str(place / "config.json"), f"does not describe a {slot} ({error})")
        raise ModelError(problem) from error
    tensors = read_weights(layout.weights(slot), RULES.get(slot, KeyRules()), dtype)
    if slot == "text_encoder_2":
        _tie(tensors)
    return fill(network, tensors, place)


def _tie(tensors: dict[str, Tensor]) -> None:
    """T5's two names of one embedding: checkpoints store either or both."""
    for one, other in (T5_TIED, T5_TIED[::-1]):
        if one in tensors:
            tensors.setdefault(other, tensors[one])


def _build(layout: CheckedFolder, slot: str) -> nn.Module:
    """The network a slot's configuration describes; fields it lacks have the stock defaults."""
    config = layout.config(slot)
    textures = layout.classes[slot] == OUR_VOCODER
    try:
        return TextureNet.configured(config) if textures else OURS[slot](config)
    except UnsupportedError:
        return build_stock(TEXTURES if textures else STOCK[slot], config)


def build_stock(stock: StockClass, config: dict[str, Any]) -> nn.Module:
    """The stock network of a configuration. Imports its library, which takes seconds."""
    kind = getattr(importlib.import_module(stock.module), stock.name)
    if stock.config:
        module = stock.module.replace(".modeling_", ".configuration_")
        described = getattr(importlib.import_module(module), stock.config).from_dict(config)
        network: nn.Module = kind(getattr(described, stock.part) if stock.part else described)
    else:
        network = kind.from_config(config)
    return network


OURS: dict[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "text_encoder": ClapText.configured,
    "text_encoder_2": T5Encoder.configured,
    "projection_model": Projection.configured,
    "language_model": Gpt2.configured,
    "unet": Unet.configured,
    "vae": Vae.configured,
    "vocoder": HifiGan.configured,
}


@dataclass(frozen=True)
class StockClass:
    """A class to build a slot with: diffusers' read a configuration as it is, transformers' take
    an object of their `config` class (or its `part`)."""

    module: str
    name: str
    config: str = ""
    part: str = ""


_TRANSFORMERS = "transformers.models"
_AUDIOLDM2 = "diffusers.pipelines.audioldm2.modeling_audioldm2"
TEXTURES = StockClass(*OUR_VOCODER)
STOCK = {
    "text_encoder": StockClass(
        f"{_TRANSFORMERS}.clap.modeling_clap",
        "ClapTextModelWithProjection",
        "ClapConfig",
        "text_config",
    ),
    "text_encoder_2": StockClass(f"{_TRANSFORMERS}.t5.modeling_t5", "T5EncoderModel", "T5Config"),
    "projection_model": StockClass(_AUDIOLDM2, "AudioLDM2ProjectionModel"),
    "language_model": StockClass(f"{_TRANSFORMERS}.gpt2.modeling_gpt2", "GPT2Model", "GPT2Config"),
    "unet": StockClass(_AUDIOLDM2, "AudioLDM2UNet2DConditionModel"),
    "vae": StockClass("diffusers.models.autoencoders.autoencoder_kl", "AutoencoderKL"),
    "vocoder": StockClass(
        f"{_TRANSFORMERS}.speecht5.modeling_speecht5", "SpeechT5HifiGan", "SpeechT5HifiGanConfig"
    ),
}
