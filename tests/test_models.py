"""Models by name, folders that are whole or not, and weights that fit or do not."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from hubfaithful import Variant, build, edit_json, problems_of
from safetensors.torch import load_file, save_file

from ambientgen.errors import UsageError
from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import condition, encode_prompts
from ambientgen.models import registry
from ambientgen.models.loading import Model, choose_device, dtype_for, load
from ambientgen.models.nets.texture_vocoder import TextureNet
from ambientgen.models.tokens import read_tokenizer
from ambientgen.models.weights import KeyRules, read_weights
from ambientgen.units import Geometry
from ambientgen.windows import WindowRule

PROMPT = "heavy rain on a lake"
AUDIOLDM2 = Geometry(16_000, 160, 64, 4, 8)


def edit_weights(file: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(file)
    change(weights)
    save_file(weights, file)


def meaning_and_sound(model: Model) -> list[torch.Tensor]:
    """What every network makes of one prompt and one noise."""
    hears = condition(model, PROMPT)
    noise = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(3))
    latents = denoise(model, noise, [hears], SamplerOptions(2))
    with torch.inference_mode():
        mel = model.vae.decode(latents.to(model.dtype) / model.vae.config.scaling_factor).sample
        return [hears.loa, hears.text, latents, mel, model.vocoder(mel[:, 0])]


# --- folders of every kind load alike ---


def test_a_published_folder_is_read_without_being_told_anything(hub_faithful_folder: Path) -> None:
    spec = registry.resolve(str(hub_faithful_folder))
    assert spec.geometry == AUDIOLDM2
    assert spec.rule == WindowRule((56, 112, 224), 32, 8)
    assert spec.defaults == registry.RenderDefaults(steps=20, guidance=3.5, text_stream=True)
    assert not spec.commercial


@pytest.mark.parametrize(
    "variant",
    [Variant("GPT2LMHeadModel"), Variant(sharded=True), Variant(older=True)],
    ids=["language head", "sharded", "older"],
)
def test_variants_of_a_folder_are_the_same_model(
    hub_model: Model, tmp_path: Path, variant: Variant
) -> None:
    other = load(registry.resolve(str(build(tmp_path / "model", variant))))
    for ours, wanted in zip(meaning_and_sound(other), meaning_and_sound(hub_model), strict=True):
        assert torch.equal(ours, wanted)


def test_half_precision_files_run_in_full_on_a_cpu(hub_model: Model, tmp_path: Path) -> None:
    half = load(registry.resolve(str(build(tmp_path / "model", Variant(half=True)))))
    for network in (half.text_encoder, half.language_model, half.unet, half.vae, half.vocoder):
        assert {value.dtype for value in network.parameters()} == {torch.float32}
    loa, wanted = (encode_prompts(model, [PROMPT])[PROMPT] for model in (half, hub_model))
    torch.testing.assert_close(loa, wanted, atol=0.02, rtol=0)


def test_sound_may_run_in_less_precision_than_meaning(hub_faithful_folder: Path) -> None:
    model = load(registry.resolve(str(hub_faithful_folder)), "cpu", torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert next(model.text_encoder_2.parameters()).dtype == torch.float32
    loa, _, latents, mel, wave = meaning_and_sound(model)
    assert [loa.dtype, latents.dtype, mel.dtype] == [torch.float32, torch.float32, torch.bfloat16]
    assert wave.isfinite().all()


def test_mel_and_wave_equal_the_stock_pipelines(hub_model: Model, stock_pipeline: Any) -> None:
    *_, latents, mel, wave = meaning_and_sound(hub_model)
    with torch.no_grad():
        wanted = stock_pipeline.vae.decode(latents / stock_pipeline.vae.config.scaling_factor)[0]
        torch.testing.assert_close(mel, wanted, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(wave, stock_pipeline.vocoder(wanted[:, 0]), atol=1e-4, rtol=1e-4)


def put_texture_vocoder(folder: Path) -> Any:
    """Give a folder a small texture vocoder, saved the way training saves it, and return it."""
    from ambientgen.models.vocoder import TextureVocoder
    from ambientgen.training.mel import mel_basis

    untyped: Any = TextureVocoder
    with torch.random.fork_rng():
        torch.manual_seed(1)
        vocoder = untyped(width=16, depth=2, n_fft=128)
        vocoder.set_front_end(mel_basis())
        torch.nn.init.normal_(vocoder.head.weight, std=0.05)
    shutil.rmtree(folder / "vocoder")
    vocoder.save_pretrained(folder / "vocoder")
    edit_json(folder / "model_index.json", vocoder=["ambientgen.models.vocoder", "TextureVocoder"])
    return vocoder.eval()


def test_the_texture_vocoder_is_loaded_without_its_wrapper(folder: Path) -> None:
    wanted = put_texture_vocoder(folder)
    vocoder = load(registry.resolve(str(folder))).vocoder
    assert type(vocoder) is TextureNet
    assert vocoder.takes_noise
    draw = torch.Generator().manual_seed(2)
    mel, noise = torch.randn(1, 20, 64, generator=draw), torch.randn(1, 3200, generator=draw)
    with torch.inference_mode():
        assert torch.equal(vocoder(mel, noise), wanted(mel, noise))


def test_a_missing_weight_of_the_vocoder_is_named_though_its_name_is_a_buffers(
    folder: Path,
) -> None:
    put_texture_vocoder(folder)
    file = folder / "vocoder" / "diffusion_pytorch_model.safetensors"
    edit_weights(file, lambda weights: weights.pop("blocks.1.scale"))
    assert problems_of(lambda: load(registry.resolve(str(folder)))) == [
        f"{folder / 'vocoder'}: lacks blocks.1.scale"
    ]


# --- folders that are not whole ---


def test_every_problem_of_a_folder_is_told_at_once(folder: Path) -> None:
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    unet.write_bytes(unet.read_bytes()[:-100])
    vae = folder / "vae" / "diffusion_pytorch_model.safetensors"
    vae.rename(vae.with_suffix(".bin"))
    (folder / "vocoder" / "model.safetensors").write_text("version https://git-lfs.github.com/1\n")
    (folder / "tokenizer_2" / "tokenizer.json").unlink()
    (folder / "text_encoder" / "config.json").write_text("{oops")
    shutil.rmtree(folder / "language_model")
    (folder / "projection_model" / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    (folder / "scheduler" / "scheduler_config.json").unlink()
    told = problems_of(lambda: registry.resolve(str(folder)))
    wanted = [
        ("text_encoder/config.json", "is not readable JSON"),
        ("projection_model/diffusion_pytorch_model.safetensors", "is truncated"),
        ("language_model", "is missing"),
        ("unet/diffusion_pytorch_model.safetensors", "is truncated: "),
        ("vae", "holds only .bin weights"),
        ("vocoder/model.safetensors", "is a Git LFS pointer"),
        ("tokenizer_2", "has no tokenizer.json"),
        ("scheduler/scheduler_config.json", "is missing"),
    ]
    assert len(told) == len(wanted)
    for line, (place, what) in zip(told, wanted, strict=True):
        assert line.startswith(f"{folder / place}: {what}")
        assert line.endswith("; copy the model again")


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = build(tmp_path / "model", Variant(sharded=True))
    shard = folder / "unet" / "diffusion_pytorch_model-00002-of-00002.safetensors"
    shard.unlink()
    assert problems_of(lambda: registry.resolve(str(folder))) == [
        f"{shard}: is missing; copy the model again"
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"_class_name": "StableDiffusionPipeline"}, "is a StableDiffusionPipeline, not an Audio"),
        ({"text_encoder_2": ["transformers", "VitsModel"]}, "is a VitsModel, not T5EncoderModel"),
        ({"vae": [None, None]}, "names no vae"),
        ({"unet": "here"}, "names no unet"),
    ],
)
def test_other_architectures_are_refused(folder: Path, changes: dict[str, Any], told: str) -> None:
    edit_json(folder / "model_index.json", **changes)
    lines = problems_of(lambda: registry.resolve(str(folder)))
    assert len(lines) == 1
    assert told in lines[0]


def test_a_folder_without_index_is_no_model(tmp_path: Path) -> None:
    lines = problems_of(lambda: registry.resolve(str(tmp_path)))
    assert lines == [
        f"{tmp_path}: is not a model folder: it holds no model_index.json; copy the model again"
    ]


@pytest.mark.parametrize("size", [0, 5, 8, 100])
def test_a_cut_weight_file_is_noticed_wherever_it_is_cut(folder: Path, size: int) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    (line,) = problems_of(lambda: registry.resolve(str(folder)))
    assert "is truncated or not a safetensors file" in line


# --- weights that do not fit ---


@pytest.mark.parametrize(
    ("slot", "file", "weight"),
    [
        ("unet", "diffusion_pytorch_model", "conv_in.bias"),
        ("vae", "diffusion_pytorch_model", "decoder.conv_out.weight"),
        ("language_model", "model", "h.1.attn.c_attn.bias"),
        ("text_encoder", "model", "text_projection.linear1.weight"),
        ("text_encoder_2", "model", "shared.weight"),
        ("vocoder", "model", "conv_post.weight"),
    ],
)
def test_a_missing_weight_is_named(folder: Path, slot: str, file: str, weight: str) -> None:
    spec = registry.resolve(str(folder))
    edit_weights(folder / slot / f"{file}.safetensors", lambda weights: weights.pop(weight))
    (line,) = problems_of(lambda: load(spec))
    assert line.startswith(f"{folder / slot}: lacks ")
    assert weight in line


def test_unknown_and_misshapen_weights_are_named(folder: Path) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["lora.up"] = torch.zeros(1)
        weights["conv_in.bias"] = torch.zeros(3)

    edit_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", spoil)
    assert problems_of(lambda: load(registry.resolve(str(folder)))) == [
        f"{folder / 'unet'}: has unknown lora.up",
        f"{folder / 'unet'}: has misshapen conv_in.bias (3,) instead of (8,)",
    ]


def test_many_missing_weights_are_counted(folder: Path) -> None:
    edit_weights(
        folder / "language_model" / "model.safetensors",
        lambda weights: [weights.pop(name) for name in list(weights) if name.startswith("h.0.")],
    )
    (line,) = problems_of(lambda: load(registry.resolve(str(folder))))
    assert line.count("h.0.") == 5
    assert line.endswith(" and 7 more")


def test_a_configuration_that_makes_no_network_is_blamed(folder: Path) -> None:
    edit_json(folder / "unet" / "config.json", down_block_types=["Sideways"] * 4)
    (line,) = problems_of(lambda: load(registry.resolve(str(folder))))
    assert line.startswith(f"{folder / 'unet' / 'config.json'}: does not describe a unet")


@pytest.mark.parametrize(
    ("field", "value"),
    [("prediction_type", "nonsense"), ("beta_schedule", 7), ("num_train_timesteps", 0)],
)
def test_a_schedule_that_is_none_is_blamed(folder: Path, field: str, value: Any) -> None:
    config = folder / "scheduler" / "scheduler_config.json"
    edit_json(config, **{field: value})
    (line,) = problems_of(lambda: load(registry.resolve(str(folder))))
    assert line.startswith(f"{config}: `{field}` is {value!r}; write ")


def test_a_tokenizer_with_more_words_than_t5_is_blamed(folder: Path) -> None:
    edit_json(folder / "text_encoder_2" / "config.json", vocab_size=5)
    (line,) = problems_of(lambda: load(registry.resolve(str(folder))))
    assert line.startswith(f"{folder / 'tokenizer_2'}: has ") and "and T5 knows 5" in line


@pytest.mark.parametrize("stated", ["eight", [8], 0, 8.5, 1024])
def test_a_number_of_embeddings_that_is_none_is_blamed(folder: Path, stated: Any) -> None:
    config = folder / "language_model" / "config.json"
    edit_json(config, max_new_tokens=stated)
    (line,) = problems_of(lambda: load(registry.resolve(str(folder))))
    assert line.startswith(f"{config}: `max_new_tokens` is {stated!r}")


def test_a_tokenizer_without_a_padding_token_is_blamed(folder: Path) -> None:
    spec = registry.resolve(str(folder))
    for stated in (None, {"text": "<pad>"}, "<nothing>"):
        edit_json(folder / "tokenizer" / "tokenizer_config.json", pad_token=stated)
        lines = problems_of(lambda: load(spec))
        assert lines == [f"{folder / 'tokenizer'}: has no padding token"]


@pytest.mark.parametrize("stated", [True, None, "64", 0, 10**30])
def test_a_length_of_prompts_that_is_none_is_not_obeyed(folder: Path, stated: Any) -> None:
    edit_json(folder / "tokenizer" / "tokenizer_config.json", model_max_length=stated)
    assert read_tokenizer(folder / "tokenizer").max_length == 512


# --- devices and imports ---


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    for name in ("cuda", "mps"):
        with pytest.raises(UsageError, match=f"{name} is not available here; use cpu or auto"):
            choose_device(name)
    with pytest.raises(UsageError, match="'tpu' is no device; choose auto, cpu, cuda, mps"):
        choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")


def test_precision_by_device() -> None:
    assert dtype_for(torch.device("cuda")) == torch.float16
    assert dtype_for(torch.device("cpu")) == torch.float32
    assert dtype_for(torch.device("mps")) == torch.float32


def test_the_registry_needs_no_torch_and_loading_no_networks_until_asked(
    hub_faithful_folder: Path,
) -> None:
    program = (
        "import sys\n"
        "from ambientgen.models import registry\n"
        f"registry.resolve({str(hub_faithful_folder)!r}); registry.list_models()\n"
        "assert not {'torch', 'transformers', 'diffusers'} & set(sys.modules)\n"
        "import ambientgen.loa, ambientgen.latents\n"
        "assert not {'transformers', 'diffusers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("textures", [False, True], ids=["published", "like pocket"])
def test_rendering_imports_no_library_of_networks(folder: Path, textures: bool) -> None:
    """They take several times as long to import as torch; its compiler takes as long again."""
    if textures:
        put_texture_vocoder(folder)
    program = (
        "import sys, ambientgen\n"
        "from ambientgen.scene import parse_scene\n"
        "scene = parse_scene(sys.stdin.read(), 'rain.yaml')\n"
        "ambientgen.render(scene, sys.argv[1], device='cpu', workers=1)\n"
        "dear = {'transformers', 'diffusers', 'scipy', 'sympy', 'torch._dynamo', 'matplotlib'}\n"
        "assert not dear & set(sys.modules), dear & set(sys.modules)\n"
    )
    scene = (
        "title: Rain\nduration: 2s\nstates: {rain: {curve: 0.5}}\n"
        f"model: {folder}\nrender: {{steps: 2}}\n"
    )
    wave = folder / "rain.wav"
    command = [sys.executable, "-c", program, str(wave)]
    subprocess.run(command, input=scene, text=True, check=True)
    assert soundfile.info(wave).frames == 2 * 16_000


def test_ctrl_c_while_weights_are_read_is_no_broken_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The library makes an error of its own of an interrupt that falls into one of its calls."""

    class File:
        def __enter__(self) -> File:
            return self

        def __exit__(self, *_: object) -> None: ...

        def keys(self) -> list[str]:
            return ["weight"]

        def get_tensor(self, _: str) -> torch.Tensor:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise ValueError("could not determine the shape") from None
            return torch.zeros(1)

    monkeypatch.setattr("ambientgen.models.weights.safe_open", lambda *_, **__: File())
    with interrupts(), pytest.raises(KeyboardInterrupt):
        read_weights([tmp_path / "a.safetensors"], KeyRules(), torch.float32)


@contextmanager
def interrupts() -> Iterator[None]:
    """Python's own handler of Ctrl-C, whatever the tests' runner has set."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
