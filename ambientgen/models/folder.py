"""A model folder in AudioLDM 2's layout: what it holds, and whether it is whole, before loading.

The layout is the one `AudioLDM2Pipeline.save_pretrained` writes: `model_index.json` names a class
for each slot, and each slot is a folder with its JSON configuration and its safetensors files.
Everything here reads JSON and file sizes only: no torch, well under 0.1 s.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ambientgen.errors import ModelError, Problem
from ambientgen.models.typed_json import TypedJson
from ambientgen.units import MODEL_RATE, Geometry

INDEX = "model_index.json"
EXTRAS = "ambientgen.json"  # beside it: what AudioLDM 2's own layout cannot say
OUR_VOCODER = ("ambientgen.models.vocoder", "TextureVocoder")

# The classes each slot may hold. Slots with weights come with one configuration file each.
# `feature_extractor` is left out: the stock pipeline uses it only to rank takes, we never do.
NETWORKS: dict[str, tuple[str, ...]] = {
    "text_encoder": ("ClapModel",),
    "text_encoder_2": ("T5EncoderModel",),
    "projection_model": ("AudioLDM2ProjectionModel",),
    "language_model": ("GPT2Model", "GPT2LMHeadModel"),
    "unet": ("AudioLDM2UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "vocoder": ("SpeechT5HifiGan", OUR_VOCODER[1]),
}
TOKENIZERS: dict[str, tuple[str, ...]] = {
    "tokenizer": ("RobertaTokenizer", "RobertaTokenizerFast"),
    "tokenizer_2": ("T5Tokenizer", "T5TokenizerFast"),
}
# What a tokenizer can be read from: the file of the `tokenizers` library, or the older pairs.
TOKENIZER_FILES: dict[str, tuple[tuple[str, ...], ...]] = {
    "tokenizer": (("tokenizer.json",), ("vocab.json", "merges.txt")),
    "tokenizer_2": (("tokenizer.json",), ("spiece.model",)),
}
# File stems in order of preference: transformers' name, diffusers' name, then half-precision ones.
WEIGHT_STEMS = ("model", "diffusion_pytorch_model")
SCALES = (1e-6, 1e6)  # of a VAE: within, latents of unit variance are numbers in half precision
LFS_POINTER = b"version https://git-lfs"
LONGEST_HEADER = 100_000_000  # the safetensors format's own limit, in bytes


@dataclass(frozen=True)
class CheckedFolder:
    """A folder that passed the check. `classes` gives (library, class name) for each slot."""

    folder: Path
    classes: dict[str, tuple[str, str]]

    def config(self, slot: str) -> dict[str, Any]:
        """The JSON configuration of a slot with weights, or of the scheduler."""
        name = "scheduler_config.json" if slot == "scheduler" else "config.json"
        return read_json(self.folder / slot / name)

    def weights(self, slot: str) -> list[Path]:
        """The safetensors files of a slot, in a fixed order."""
        return weight_files(self.folder / slot)


def check_folder(folder: Path, remedy: str) -> CheckedFolder:
    """Check that `folder` is a whole AudioLDM 2 model and return its layout.

    `remedy` says what to do about a missing or broken file (for a hub model: the command that
    fetches it). Raises ModelError with every problem found.
    """
    problems: list[Problem] = []
    index = _read_index(folder, remedy)
    classes: dict[str, tuple[str, str]] = {}
    for slot, allowed in {**NETWORKS, **TOKENIZERS}.items():
        entry = index.get(slot)
        if not (isinstance(entry, list) and len(entry) == 2 and all(entry)):
            problems.append(Problem(str(folder / INDEX), f"names no {slot}", remedy))
            continue
        classes[slot] = (str(entry[0]), str(entry[1]))
        if entry[1] not in allowed:
            what = f"{slot} is a {entry[1]}, not {' or '.join(allowed)}"
            problems.append(
                Problem(str(folder / INDEX), what, "this model cannot be rendered with")
            )
            continue
        check = _network_problems if slot in NETWORKS else _tokenizer_problems
        problems += [Problem(str(place), what, remedy) for place, what in check(folder, slot)]
    problems += [
        Problem(str(place), what, remedy)
        for place, what in _json_problems(folder / "scheduler" / "scheduler_config.json")
    ]
    if problems:
        raise ModelError(*problems)
    return CheckedFolder(folder, classes)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ModelError if the file is missing, unreadable or not an object."""
    problems = _json_problems(path)
    if problems:
        raise ModelError(*(Problem(str(place), what) for place, what in problems))
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def geometry_of(folder: Path) -> Geometry:
    """The time axis and latents of the model in `folder`, from its configurations alone.

    Fields an older configuration leaves out have the defaults of the stock classes
    (`SpeechT5HifiGanConfig`: 16 kHz, 80 bins, rates 4·4·4·4; `AutoencoderKL`: 4 channels, 1 level).
    Raises ModelError for a field of the wrong type or out of range, the VAE's scale with them, and
    for a rate other than `MODEL_RATE`, at which layers, loops and guides are made.
    """
    vae, vocoder = _config(folder, "vae"), _config(folder, "vocoder")
    vae.number("scaling_factor", 0.18215, *SCALES)
    return Geometry(
        sample_rate=vocoder.only("sampling_rate", MODEL_RATE),
        mel_hop=math.prod(vocoder.wholes("upsample_rates", (4, 4, 4, 4))),
        mel_bins=vocoder.whole("model_in_dim", 80),
        latent_stride=2 ** (len(vae.wholes("block_out_channels", (64,))) - 1),
        latent_channels=vae.whole("latent_channels", 4),
    )


def unet_multiple(folder: Path) -> int:
    """Windows must be whole multiples of this many latent frames: the UNet halves that often.

    Raises ModelError for a field of the wrong type.
    """
    unet = _config(folder, "unet")
    unet.whole("norm_num_groups", 32)  # that many share the channels
    levels = unet.wholes("block_out_channels", (320, 640, 1280, 1280))
    return int(2 ** (len(levels) - 1))


def _config(folder: Path, slot: str) -> TypedJson:
    path = folder / slot / "config.json"
    return TypedJson(path, read_json(path))


def weight_files(slot_folder: Path) -> list[Path]:
    """The safetensors files of one slot: one file, or the shards its index names; [] if none.

    Raises ModelError for an index that is no such list.
    """
    for variant in ("", ".fp16"):
        for stem in WEIGHT_STEMS:
            index = slot_folder / f"{stem}.safetensors.index{variant}.json"
            if index.is_file():
                shards = TypedJson(index, read_json(index)).mapped_texts("weight_map").values()
                return [slot_folder / name for name in sorted(set(shards))]
            single = slot_folder / f"{stem}{variant}.safetensors"
            if single.is_file():
                return [single]
    return []


def _read_index(folder: Path, remedy: str) -> dict[str, Any]:
    if not (folder / INDEX).is_file():
        what = f"is not a model folder: it holds no {INDEX}"
        raise ModelError(Problem(str(folder), what, remedy))
    index = read_json(folder / INDEX)
    kind = index.get("_class_name")
    if kind != "AudioLDM2Pipeline":
        what = f"is a {kind or 'folder of no stated class'}, not an AudioLDM2Pipeline"
        raise ModelError(Problem(str(folder / INDEX), what, "choose a model in AudioLDM 2 layout"))
    return index


def _network_problems(folder: Path, slot: str) -> list[tuple[Path, str]]:
    slot_folder = folder / slot
    if not slot_folder.is_dir():
        return [(slot_folder, "is missing")]
    found = _json_problems(slot_folder / "config.json")
    found += [
        problem
        for index in sorted(slot_folder.glob("*.safetensors.index*.json"))
        for problem in _json_problems(index)
    ]
    if found:
        return found
    try:
        files = weight_files(slot_folder)
    except ModelError as error:
        return [(Path(problem.place), problem.what) for problem in error.problems]
    if not files:
        pickled = any(slot_folder.glob("*.bin"))
        what = "holds only .bin weights, which are never loaded (they can run code)"
        return [(slot_folder, what if pickled else "holds no safetensors weights")]
    return [(path, wrong) for path in files if (wrong := _safetensors_problem(path))]


def _tokenizer_problems(folder: Path, slot: str) -> list[tuple[Path, str]]:
    slot_folder = folder / slot
    ways = TOKENIZER_FILES[slot]
    if not any(all((slot_folder / name).is_file() for name in way) for way in ways):
        wanted = ", or ".join(" and ".join(way) for way in ways)
        return [(slot_folder, f"has no {wanted}")]
    return [
        problem for path in sorted(slot_folder.glob("*.json")) for problem in _json_problems(path)
    ]


def _json_problems(path: Path) -> list[tuple[Path, str]]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [(path, "is missing")]
    except OSError as error:
        return [(path, f"cannot be read ({error.strerror})")]
    except (ValueError, RecursionError):
        return [(path, "is not readable JSON")]
    return [] if isinstance(loaded, dict) else [(path, "is not a JSON object")]


def _safetensors_problem(path: Path) -> str | None:
    """What is wrong with a safetensors file, judged by its header and its size; None if nothing."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                return "is a Git LFS pointer, not the weights themselves"
            file.seek(0)
            expected = _stated_size(file, size)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "is truncated or not a safetensors file"
    if size == expected:
        return None
    return f"is {'truncated' if size < expected else 'too long'}: {size:,} of {expected:,} bytes"


def _stated_size(file: BinaryIO, size: int) -> int:
    """The size in bytes that a safetensors header promises.

    Format: 8 bytes of little-endian header length, a JSON header whose `data_offsets` end where
    the file ends (huggingface/safetensors, README, "Format"). Raises whatever parsing raises.
    """
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, LONGEST_HEADER):
        raise ValueError("header longer than the file")
    header = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return 8 + int(length) + int(max(ends, default=0))
