"""Our own networks against the stock classes: the same weights, the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hubconfigs import CLAP, GPT2, HIFIGAN, PROJECTION, T5, UNET, VAE, Json
from hubfaithful import edit_json
from torch import Tensor, nn

from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import condition
from ambientgen.models import registry
from ambientgen.models.configuration import UnsupportedError
from ambientgen.models.loading import OURS, STOCK, TEXTURES, Model, build_stock, load
from ambientgen.models.nets.texture_vocoder import TextureNet
from ambientgen.models.weights import Unfilled, fill

# Configurations as pocket's, small: three levels of which the first hears nothing, no attention in
# the VAE, sixteen latent channels.
POCKET_UNET: Json = {
    "attention_head_dim": 2,
    "block_out_channels": [8, 16, 24],
    "cross_attention_dim": [[None, 12, 20]] * 3,
    "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
    "in_channels": 16,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "out_channels": 16,
    "sample_size": 128,
    "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"],
}
POCKET_VAE: Json = {
    **VAE,
    "block_out_channels": [4, 4, 8, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "latent_channels": 16,
    "mid_block_add_attention": False,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
UNETS: dict[str, Json] = {
    "published": UNET,
    "pocket": POCKET_UNET,
    "deep": {
        **UNET,
        "layers_per_block": [1, 2, 1, 1],
        "transformer_layers_per_block": [1, 2, 1, 3],
        "attention_head_dim": [1, 2, 4, 2],
        "flip_sin_to_cos": False,
        "freq_shift": 1,
        "norm_eps": 1e-3,
        "use_linear_projection": True,
    },
    "one stream": {**UNET, "cross_attention_dim": [16, 16, 16, 16]},
    "streams of levels": {**UNET, "cross_attention_dim": [[16, 24], [16], [16, 16, 24], [None]]},
}


def both(slot: str, config: Json) -> tuple[nn.Module, nn.Module]:
    """Our network and the stock one, with the same random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        stock = build_stock(STOCK[slot], config).eval().requires_grad_(False)
        for parameter in stock.parameters():
            nn.init.normal_(parameter, std=0.6 / max(1, parameter[0].numel()) ** 0.5)
    weights = {name: value.clone() for name, value in stock.state_dict().items()}
    with Unfilled():
        ours = OURS[slot](config)
    return fill(ours, weights, Path(slot)), stock


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def close(ours: Tensor, stock: Tensor, atol: float) -> None:
    assert stock.abs().max() > 1e-3
    torch.testing.assert_close(ours, stock, atol=atol, rtol=0)


# --- text and meaning ---


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"projection_hidden_act": "gelu", "projection_dim": 20},
        {"text_config": {**CLAP["text_config"], "hidden_act": "relu", "layer_norm_eps": 1e-3}},
    ],
    ids=["published", "projection", "text"],
)
def test_clap_hears_what_is_no_padding(change: Json) -> None:
    ours, stock = both("text_encoder", {**CLAP, **change})
    ids = torch.tensor([[0, 5, 9, 7, 2, 1, 1], [0, 8, 8, 4, 30, 6, 2]])
    mask = (ids != 1).long()
    one, other = (net(input_ids=ids, attention_mask=mask) for net in (ours, stock))
    close(one.text_embeds, other.text_embeds, 1e-5)
    close(one.last_hidden_state, other.last_hidden_state, 1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"feed_forward_proj": "relu", "dense_act_fn": "relu", "is_gated_act": False},
        {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20},
    ],
    ids=["gated", "plain", "few buckets"],
)
def test_t5_hears_how_far_apart_tokens_are(change: Json) -> None:
    ours, stock = both("text_encoder_2", {**T5, **change})
    ids = torch.randint(3, 160, (2, 150), generator=torch.Generator().manual_seed(1))
    for length in (1, 12, 150):  # the last reaches beyond the farthest bucket
        one, other = (net(input_ids=ids[:, :length]) for net in (ours, stock))
        close(one.last_hidden_state, other.last_hidden_state, 1e-5)


def test_the_projection_joins_both_texts() -> None:
    ours, stock = both("projection_model", PROJECTION)
    inputs = {"hidden_states": draw(2, 1, 32), "hidden_states_1": draw(2, 6, 24)}
    close(ours(**inputs).hidden_states, stock(**inputs).hidden_states, 1e-5)


@pytest.mark.parametrize("change", [{}, {"n_inner": 40, "activation_function": "relu"}])
def test_gpt2_goes_on_from_its_cache(change: Json) -> None:
    ours, stock = both("language_model", {**GPT2, **change})
    x = draw(2, 11, 16)
    whole = stock(inputs_embeds=x, use_cache=False).last_hidden_state
    for cuts in ([11], [6, 1, 1, 3], [1] * 11):
        cache, states = None, []
        for piece in x.split(cuts, dim=1):
            state, cache = ours(inputs_embeds=piece, past_key_values=cache)
            states.append(state)
        close(torch.cat(states, 1), whole, 1e-5)


# --- sound ---


@pytest.mark.parametrize("config", UNETS.values(), ids=UNETS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_unet_predicts_the_same(config: Json, layout: torch.memory_format) -> None:
    ours, stock = both("unet", config)
    loa, text = (12, 20) if config is POCKET_UNET else (16, 24)
    sample = draw(2, config["in_channels"], 16, 8).contiguous(memory_format=layout)
    context = {
        "encoder_hidden_states": draw(2, 8, loa),
        "encoder_hidden_states_1": draw(2, 5, text),
        "encoder_attention_mask_1": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    }
    for timestep in (torch.tensor(7), torch.tensor([1, 999])):
        one, other = (net(sample, timestep, **context)[0] for net in (ours, stock))
        close(one, other, 1e-4)


@pytest.mark.parametrize("config", [VAE, POCKET_VAE], ids=["published", "pocket"])
@pytest.mark.parametrize("quantised", [True, False])
def test_the_vae_decodes_and_encodes_the_same(config: Json, quantised: bool) -> None:
    choice = {"use_quant_conv": quantised, "use_post_quant_conv": quantised}
    ours, stock = both("vae", {**config, **choice})
    one, other = (
        net.decode(draw(2, config["latent_channels"], 8, 4)).sample for net in (ours, stock)
    )
    close(one, other, 1e-4)
    one, other = (net.encode(draw(2, 1, 32, 32)).latent_dist for net in (ours, stock))
    close(one.mean, other.mean, 1e-4)
    close(one.logvar, other.logvar, 1e-4)
    assert ours.config.scaling_factor == stock.config.scaling_factor


@pytest.mark.parametrize("change", [{}, {"normalize_before": True}], ids=["published", "scaled"])
def test_hifigan_sounds_the_same(change: Json) -> None:
    several = {"resblock_kernel_sizes": [3, 5], "resblock_dilation_sizes": [[1, 3], [2]]}
    ours, stock = both("vocoder", {**HIFIGAN, **several, **change})
    mel = draw(2, 12, 64)
    close(ours(mel), stock(mel), 1e-5)


# --- what is ours to read, and what is not ---


def saved_today(slot: str, config: Json) -> Json:
    """A configuration with every field that the libraries of today write."""
    if slot == "text_encoder":
        from transformers import ClapConfig

        written: Json = ClapConfig.from_dict(config).to_dict()
        return written
    stock: Any = build_stock(STOCK[slot], config).config
    return dict(stock.to_dict() if hasattr(stock, "to_dict") else stock)


CONFIGS = {
    "text_encoder": CLAP,
    "text_encoder_2": T5,
    "projection_model": PROJECTION,
    "language_model": GPT2,
    "unet": UNET,
    "vae": VAE,
    "vocoder": HIFIGAN,
}


@pytest.mark.parametrize("slot", CONFIGS)
def test_every_field_that_is_written_today_is_known(slot: str) -> None:
    ours = OURS[slot](saved_today(slot, CONFIGS[slot]))
    assert {name: value.shape for name, value in ours.state_dict().items()} == {
        name: value.shape for name, value in OURS[slot](CONFIGS[slot]).state_dict().items()
    }


@pytest.mark.parametrize("slot", CONFIGS)
def test_defaults_are_those_of_the_stock_class(slot: str) -> None:
    """A configuration may leave any field out."""
    widths = PROJECTION if slot == "projection_model" else {}
    stock = build_under_meta(lambda: build_stock(STOCK[slot], dict(widths)))
    ours = build_under_meta(lambda: OURS[slot](widths))
    shapes = {name: value.shape for name, value in stock.state_dict().items()}
    for name in [name for name in shapes if name.endswith(("position_ids", "token_type_ids"))]:
        del shapes[name]
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes


def build_under_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with Unfilled():
        return build()


@pytest.mark.parametrize(
    ("slot", "change"),
    [
        ("text_encoder", {"projection_hidden_act": "swishy"}),
        ("text_encoder", {"text_config": {"position_embedding_type": "relative_key"}}),
        ("text_encoder", {"text_config": {"is_decoder": True}}),
        ("text_encoder_2", {"feed_forward_proj": "folded-relu"}),
        ("text_encoder_2", {"dense_act_fn": "relu"}),
        ("text_encoder_2", {"is_gated_act": False}),
        ("projection_model", {"use_learned_position_embedding": True, "max_seq_length": 9}),
        ("language_model", {"scale_attn_by_inverse_layer_idx": True}),
        ("language_model", {"scale_attn_weights": False}),
        ("language_model", {"add_cross_attention": True}),
        ("unet", {"class_embed_type": "timestep"}),
        ("unet", {"upcast_attention": True}),
        ("unet", {"only_cross_attention": True}),
        ("unet", {"resnet_time_scale_shift": "scale_shift"}),
        ("unet", {"conv_in_kernel": 5}),
        ("unet", {"act_fn": "gelu"}),
        ("unet", {"norm_num_groups": None}),
        ("unet", {"down_block_types": ["DownBlock2D"] * 3}),
        ("unet", {"down_block_types": ["AttnDownBlock2D"] * 4}),
        ("unet", {"attention_head_dim": 3}),
        ("vae", {"act_fn": "relu"}),
        ("vae", {"down_block_types": ["AttnDownEncoderBlock2D"] * 3}),
        ("vae", {"shift_factor": 0.1}),
        ("vocoder", {"upsample_kernel_sizes": [16]}),
        *((slot, {"something_new": 1}) for slot in CONFIGS),
    ],
    ids=str,
)
def test_what_ours_do_not_do_is_left_to_the_stock_class(slot: str, change: Json) -> None:
    with pytest.raises(UnsupportedError):
        OURS[slot]({**CONFIGS[slot], **change})


def test_a_configuration_beyond_ours_loads_as_stock_and_sounds_the_same(
    hub_model: Model, folder: Path
) -> None:
    for slot in CONFIGS:
        edit_json(folder / slot / "config.json", something_new=1)
    model = load(registry.resolve(str(folder)))
    networks = [getattr(model, slot) for slot in CONFIGS]
    assert {type(network).__module__.split(".")[0] for network in networks} == {
        "diffusers",
        "transformers",
    }
    ours, stock = (condition(each, "heavy rain on a lake") for each in (hub_model, model))
    close(ours.loa, stock.loa, 1e-5)
    close(ours.text, stock.text, 1e-5)
    noise = draw(1, 8, 16, 16)
    one, other = (denoise(each, noise, [ours], SamplerOptions(2)) for each in (hub_model, model))
    close(one, other, 1e-4)
    one, other = (each.vae.decode(noise).sample for each in (hub_model, model))
    close(one, other, 1e-4)
    close(hub_model.vocoder(one[:, 0]), model.vocoder(one[:, 0]), 1e-5)


@pytest.mark.parametrize("led", [False, True])
def test_the_texture_vocoder_is_the_one_that_diffusers_loads(tmp_path: Path, led: bool) -> None:
    config = {"model_in_dim": 64, "width": 16, "depth": 1, "n_fft": 128, "led": led}
    stock: Any = build_stock(TEXTURES, config)
    stock.save_pretrained(tmp_path)
    again = type(stock).from_pretrained(tmp_path)
    ours = TextureNet.configured(dict(stock.config))
    assert ours.state_dict().keys() == again.state_dict().keys()
    assert dict(again.config)["width"] == 16 and again.config.sampling_rate == 16_000
    with pytest.raises(UnsupportedError):
        TextureNet.configured({"tones": 3})
