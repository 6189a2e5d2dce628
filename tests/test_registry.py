"""Models by name: where they are found, what they say of themselves, how to fetch a missing one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hubfaithful import edit_json, problems_of

from ambientgen.messages import Notice
from ambientgen.models import registry
from ambientgen.units import ChunkRule
from ambientgen.windows import WindowRule

PINNED = "c8e7e189d324425c05c4c2f81214041ef4107983"


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_published_model_that_is_not_here_says_how_to_fetch_it(cache: Path) -> None:
    (line,) = problems_of(lambda: registry.resolve("audioldm2"))
    assert line == (
        f"cvssp/audioldm2 at revision {PINNED} is not on this machine; fetch it: "
        f'hf download cvssp/audioldm2 --revision {PINNED} --exclude "*.bin"'
    )
    (line,) = problems_of(lambda: registry.resolve("someone/her-model"))
    assert line.endswith('fetch it: hf download someone/her-model --exclude "*.bin"')


def test_a_fetched_model_is_found_with_its_licence(cache: Path, hub_faithful_folder: Path) -> None:
    repository = cache / "models--cvssp--audioldm2"
    shutil.copytree(hub_faithful_folder, repository / "snapshots" / PINNED)
    spec = registry.resolve("audioldm2")
    assert (spec.name, spec.revision, spec.licence) == ("audioldm2", PINNED, "CC-BY-NC-SA-4.0")
    notice = registry.licence_notice(spec)
    assert isinstance(notice, Notice)
    assert "CC-BY-NC-SA-4.0: its sounds may not be used commercially" in notice.text
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(PINNED)
    assert registry.resolve("cvssp/audioldm2").revision == PINNED
    assert registry.resolve(f"cvssp/audioldm2@{PINNED}").folder == spec.folder
    (spec.folder / "vae" / "config.json").unlink()
    (line,) = problems_of(lambda: registry.resolve("audioldm2"))
    assert line.endswith("is missing; fetch it again: " + registry.fetch_command("audioldm2"))


def test_the_list_tells_what_is_here(cache: Path, hub_faithful_folder: Path) -> None:
    large = registry.PUBLISHED["audioldm2-large"].revision
    snapshots = cache / "models--cvssp--audioldm2-large" / "snapshots"
    shutil.copytree(hub_faithful_folder, snapshots / large)
    listed = {listing.name: listing for listing in registry.list_models()}
    assert list(listed) == ["pocket", "audioldm2", "audioldm2-large", "audioldm2-music"]
    assert listed["audioldm2-large"].here
    assert listed["audioldm2-large"].where == str(snapshots / large)
    assert not listed["audioldm2"].here
    assert listed["audioldm2"].where == registry.fetch_command("audioldm2")
    assert listed["audioldm2"].licence == "CC-BY-NC-SA-4.0"
    assert listed["pocket"].commercial
    assert listed["audioldm2-large"].states == listed["audioldm2"].states == ()


def test_the_list_tells_the_states_a_model_was_trained_on(
    cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_json(folder / "ambientgen.json", licence="Apache-2.0", states=["rain", "wind"])
    monkeypatch.setattr(registry, "pocket_folder", lambda: folder)
    assert registry.list_models()[0].states == ("rain", "wind")


@pytest.mark.parametrize(
    "name",
    [
        *("quartz", "", "./nowhere/model", "/nowhere/at/all", "a/b/c"),
        *("m" * 280, "~nosuchuser/x", "~a\0b/x", "mod\0el", "mod\ud800el"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(cache: Path, name: str) -> None:
    (line,) = problems_of(lambda: registry.resolve(name))
    assert line.startswith(f"there is no model {name!r}; choose pocket, audioldm2,")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("poket", "pocket"), ("Pocket", "pocket"), ("audioldm-2", "audioldm2")],
)
def test_a_misspelt_name_is_told_the_right_one(cache: Path, name: str, meant: str) -> None:
    (line,) = problems_of(lambda: registry.resolve(name))
    said = f"there is no model {name!r}; did you mean {meant}? Else choose pocket, audioldm2,"
    assert line.startswith(said)


@pytest.mark.parametrize("name", ["owner/" + "m" * 248, "owner/model@" + "r" * 280])
def test_a_hub_id_too_long_for_a_folder_is_not_here(cache: Path, name: str) -> None:
    (cache / "models--owner--model" / "refs").mkdir(parents=True)
    (line,) = problems_of(lambda: registry.resolve(name))
    assert "is not on this machine; fetch it: hf download owner/" in line


def test_a_hub_reference_that_is_no_text_is_no_model(cache: Path) -> None:
    refs = cache / "models--owner--model" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_bytes(b"\xff\xfe")
    (line,) = problems_of(lambda: registry.resolve("owner/model"))
    assert line.startswith("owner/model is not on this machine")


def test_extras_beside_the_index_are_obeyed(folder: Path) -> None:
    edit_json(
        folder / "ambientgen.json",
        gain_db=-6.5,
        steps=4,
        guidance=1.0,
        cores=[24, 48, 96],
        overlap=8,
        chunk=[96, 16, 4],
        norms=64,
        multiple=8,
        text_stream=False,
        states=["rain", "wind"],
        revision="0.1",
        licence="Apache-2.0",
    )
    spec = registry.resolve(str(folder))
    assert spec.rule == WindowRule((24, 48, 96), 8, 8)
    assert spec.geometry.chunk == ChunkRule(384, 64, 16, 256)  # in mel frames: a latent has 4
    assert spec.defaults == registry.RenderDefaults(4, 1.0, False)
    assert (spec.gain_db, spec.states, spec.revision) == (-6.5, ("rain", "wind"), "0.1")
    assert spec.commercial
    assert registry.licence_notice(spec) is None


@pytest.mark.parametrize(
    ("extras", "told"),
    [
        ({"gain_db": "loud"}, "`gain_db` is 'loud'; write a number"),
        ({"gain_db": 10**400}, "`gain_db` is 1000"),
        ({"steps": 0}, "`steps` is 0; write a whole number of at least 1"),
        ({"steps": True}, "`steps` is True; write a whole number of at least 1"),
        ({"steps": 4.5}, "`steps` is 4.5; write a whole number of at least 1"),
        (
            {"overlap": 8.5},
            "`overlap` is 8.5; write a whole number of at least 0",
        ),
        ({"chunk": [48, 8]}, "`chunk` is [48, 8]; write core, fade and context"),
        ({"chunk": [8, 48, 8]}, "`chunk` is [8, 48, 8]; write core, fade and context"),
        ({"norms": -8}, "`norms` is -8; write a whole number of at least 0"),
        ({"silence": 1}, "`silence` is 1; write true or false"),
        ({"multiple": 10**400}, "`multiple` is 1000"),
        ({"cores": [24, "x"]}, "`cores` is [24, 'x']; write a list of whole numbers"),
        ({"cores": [24.5, 49]}, "`cores` is [24.5, 49]; write a list of whole numbers"),
        ({"cores": [24, True]}, "`cores` is [24, True]; write a list of whole numbers"),
        ({"cores": None}, "`cores` is None; write a list of whole numbers"),
        ({"cores": [24, 50]}, "each core must be double the one before"),
        ({"states": "rain"}, "`states` is 'rain'; write a list of texts"),
        ({"text_stream": 1}, "`text_stream` is 1; write true or false"),
        ({"licence": 3}, "`licence` is 3; write a text"),
        ({"multiple": 1, "cores": [25, 50]}, "`multiple` is 1, and this model's UNet takes mult"),
        ({"multiple": 4}, "`multiple` is 4, and this model's UNet takes multiples of 8 frames"),
        ({"gain_db": 7000}, "`gain_db` is 7000; write a number from -100 to 100"),
        ({"guidance": 1e308}, "`guidance` is 1e+308; write a number from 0 to 100"),
        ({"unrest": {"rain": 1e300}}, "`unrest` is {'rain': 1e+300}; write an object of numbers"),
        ({"swells": {"rain": [0.3, 1e-300]}}, "`swells` is {'rain': [0.3, 1e-300]}; write an obj"),
        ({"swells": {"rain": [1.5, 2]}}, "`swells` is {'rain': [1.5, 2]}; write an object of"),
        ({"chunk": [8, 8, 0]}, "`chunk` is [8, 8, 0]; write a list of whole numbers, each of at "),
        ({"stepz": 4}, "has no field `stepz`; did you mean `steps`?"),
        ({"weather": 4}, "has no field `weather`; it knows "),
        ({"colour": 4}, "has no field `colour`; did you mean `colours`?"),
    ],
)
def test_wrong_extras_are_blamed(folder: Path, extras: dict[str, Any], told: str) -> None:
    edit_json(folder / "ambientgen.json", **extras)
    (line,) = problems_of(lambda: registry.resolve(str(folder)))
    assert line.startswith(f"{folder / 'ambientgen.json'}: {told}")


@pytest.mark.parametrize(
    ("slot", "field", "value"),
    [
        ("vocoder", "sampling_rate", None),
        ("vocoder", "sampling_rate", "16000"),
        ("vocoder", "sampling_rate", 0),
        ("vocoder", "model_in_dim", [64]),
        ("vocoder", "upsample_rates", None),
        ("vocoder", "upsample_rates", 160),
        ("vocoder", "upsample_rates", [5, "4"]),
        ("vocoder", "upsample_rates", [0]),
        ("vae", "block_out_channels", None),
        ("vae", "block_out_channels", []),
        ("vae", "block_out_channels", [8] * 5000),
        ("vae", "latent_channels", float("nan")),
        ("vae", "scaling_factor", None),
        ("vae", "scaling_factor", 0),
        ("vocoder", "sampling_rate", 7),
        ("vocoder", "sampling_rate", 22_050),
        ("unet", "norm_num_groups", 0),
        ("unet", "block_out_channels", 4),
    ],
)
def test_wrong_fields_of_a_configuration_are_blamed(
    folder: Path, slot: str, field: str, value: Any
) -> None:
    edit_json(folder / slot / "config.json", **{field: value})
    (line,) = problems_of(lambda: registry.resolve(str(folder)))
    assert line.startswith(f"{folder / slot / 'config.json'}: `{field}` is ")
    assert "; write a " in line
    assert len(line) < len(str(folder)) + 200


def test_all_wrong_fields_are_told_at_once(folder: Path) -> None:
    edit_json(folder / "ambientgen.json", steps=0, states="rain", chunk=[1], multiple=1, stepz=4)
    told = problems_of(lambda: registry.resolve(str(folder)))
    names = [line.partition("`")[2].partition("`")[0] for line in told]
    assert sorted(names) == ["chunk", "multiple", "states", "steps", "stepz"]
    edit_json(folder / "vae" / "config.json", latent_channels="x")
    told = problems_of(lambda: registry.resolve(str(folder)))
    names = [line.partition("`")[2].partition("`")[0] for line in told]
    assert sorted(names) == ["latent_channels", "states", "steps", "stepz"]


@pytest.mark.parametrize("weight_map", [["one", "two"], None, {"conv": 3}])
def test_an_index_of_shards_that_is_none_is_told_with_all_else(
    folder: Path, weight_map: Any
) -> None:
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    edit_json(index, weight_map=weight_map)
    (folder / "vae" / "config.json").unlink()
    told = problems_of(lambda: registry.resolve(str(folder)))
    assert told == [
        f"{index}: `weight_map` is {weight_map!r}; copy the model again",
        f"{folder / 'vae' / 'config.json'}: is missing; copy the model again",
    ]


def test_the_licence_of_a_model_card_counts(folder: Path) -> None:
    card = folder / "README.md"
    card.write_text("---\ntags: [x]\nlicense: cc0-1.0\n---\n# A model\nlicense: mit\n")
    assert registry.resolve(str(folder)).licence == "cc0-1.0"
    assert registry.resolve(str(folder)).commercial
    card.write_text("# A model\nlicense: mit\n")
    spec = registry.resolve(str(folder))
    assert spec.licence == "unknown"
    notice = registry.licence_notice(spec)
    assert notice is not None
    assert "not stated" in notice.text
