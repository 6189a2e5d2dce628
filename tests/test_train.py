"""`ambientgen train`: recordings, recipes, stages that stop and go on, and the model they make."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import numpy as np
import pytest
import soundfile
import torch
import yaml
from torch import nn

from ambientgen.cli.app import run
from ambientgen.cli.train import Stage
from ambientgen.errors import AmbientgenError, OutputError, UsageError
from ambientgen.interrupts import not_in_workers, unbroken
from ambientgen.messages import Message, Notice, StepsDone
from ambientgen.training import stems
from ambientgen.training.around import Around, More, start_from
from ambientgen.training.devices import Devices, find_devices, placing
from ambientgen.training.job import _replace, card
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.order import Order, check, made_of, mark, stages_of, with_steps
from ambientgen.training.progress import draw, read_log, smoothed
from ambientgen.training.recipe import STAGES, load_recipe, parse_recipe, shipped
from ambientgen.training.recordings import CLIP_SAMPLES, Unusable, build, clips_of
from ambientgen.training.sources import find, state_name, words_of

RNG = np.random.default_rng(5)


def noise(path: Path, seconds: float, rate: int = 16_000, channels: int = 1, **kind: Any) -> Path:
    """A file of white noise at a tenth of full scale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * RNG.standard_normal((int(seconds * rate), channels))
    soundfile.write(path, samples, rate, **kind)
    return path


# Which files are recordings, and what they are called


def test_captions_stand_beside_above_or_in_the_names(tmp_path: Path) -> None:
    for name in ("dawn.wav", "tab.wav", "Market Day 2/a.wav", "44k/rain_01.wav", "7.wav"):
        noise(tmp_path / name, 0.1)
    (tmp_path / "dawn.txt").write_text("birds waking\n\n  heavy   rain \n")
    (tmp_path / "captions.tsv").write_text("file\tcaption\ntab.wav\ta tap dripping\ngone.wav\tx\n")
    (tmp_path / "Market Day 2" / "captions.json").write_text('{"other.wav": ["x"]}')
    (tmp_path / ".hidden.wav").write_text("")
    found = find(tmp_path)
    told = {source.name: source.captions or source.state for source in found.sources}
    assert told == {
        "dawn.wav": ("birds waking", "heavy rain"),
        "tab.wav": ("a tap dripping",),
        "Market Day 2/a.wav": "market_day",
        "44k/rain_01.wav": "rain",
        "7.wav": state_name(tmp_path.name) or "place",
    }
    assert {remark.file for remark in found.remarks} == {"gone.wav", "Market Day 2/other.wav"}


def test_captions_are_known_in_capital_letters_and_small(tmp_path: Path) -> None:
    for name in ("dawn.wav", "tab.wav", "Noon.wav", "barn/owl.wav", "a.wav", "A.wav"):
        noise(tmp_path / name, 0.1)
    (tmp_path / "DAWN.TXT").write_text("birds waking")
    (tmp_path / "Captions.tsv").write_text("tab.wav\ta tap dripping\n")
    (tmp_path / "noon.wav.txt").write_text("bells")
    (tmp_path / "barn" / "CAPTIONS.JSON").write_text('{"owl.wav": "an owl"}')
    for name in ("a", "A"):  # one file, where a system makes no difference
        (tmp_path / f"{name}.txt").write_text(f"as {name} says")
    found = find(tmp_path)
    told = {source.name: source.captions for source in found.sources}
    both = (tmp_path / "a.txt").read_text() == "as a says"
    assert told == {
        "dawn.wav": ("birds waking",),
        "tab.wav": ("a tap dripping",),
        "Noon.wav": ("bells",),
        "barn/owl.wav": ("an owl",),
        "A.wav": ("as A says",),
    } | ({"a.wav": ("as a says",)} if both else {})
    assert not found.remarks


def test_what_gives_captions_to_no_recording_is_told(tmp_path: Path) -> None:
    """Once for each ending: sounds may have a JSON of other things beside each of them."""
    for name in ("dawn.wav", "dusk.wav", "hills.wav"):
        noise(tmp_path / name, 0.1)
    for name in ("dawn.json", "dusk.json", "notes.csv", "README.md", "x/orphan.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    (tmp_path / "hills.txt").write_text(" \n")
    (tmp_path / "captions.tsv").write_text("file\tcaption\n")
    told = {remark.file: remark.what for remark in find(tmp_path).remarks}
    assert told.pop("hills.txt") == told.pop("captions.tsv") == "holds no captions"
    assert set(told) == {"dawn.json", "notes.csv", "x/orphan.txt"}
    assert told["dawn.json"].startswith("gives captions to no recording (and 1 more); write them")
    assert told["x/orphan.txt"].startswith("gives captions to no recording; write them")


def test_broken_captions_are_told_and_left_out(tmp_path: Path) -> None:
    noise(tmp_path / "barn" / "b.wav", 0.1)
    (tmp_path / "captions.json").write_text("{broken")
    (tmp_path / "barn" / "b.txt").write_bytes(b"caf\xe9")
    found = find(tmp_path)
    assert [source.state for source in found.sources] == ["barn"]
    assert ["is not JSON" in str(r) or "is not UTF-8" in str(r) for r in found.remarks] == [
        True
    ] * 2


@pytest.mark.parametrize(
    ("table", "captions", "said"),
    [
        ("captions.json", {"a.wav": None}, "captions for a.wav that are no texts"),
        ("captions.json", {"a.wav": {"en": "birds"}}, "captions for a.wav that are no texts"),
        ("captions.json", {"a.wav": 3}, "captions for a.wav that are no texts"),
        ("captions.json", {"": "birds"}, "a caption for '', which is no file's name"),
        ("captions.json", {".": "birds"}, "a caption for '.', which is no file's name"),
        ("captions.json", {"../x.wav": "birds"}, "a caption for ../x.wav, which is not in "),
        ("captions.tsv", "../x.wav\tbirds", "a caption for ../x.wav, which is not in "),
        ("captions.tsv", " \tbirds", "a caption for '', which is no file's name"),
        ("captions.tsv", "a.wav\t \t", "an empty caption for a.wav"),
        ("captions.json", {"a.wav": " "}, "an empty caption for a.wav"),
        ("captions.json", {"a.wav": []}, "an empty caption for a.wav"),
    ],
)
def test_rows_of_a_table_that_mean_nothing_are_told(
    table: str, captions: Any, said: str, tmp_path: Path
) -> None:
    data = tmp_path / "gulls"
    noise(data / "a.wav", 0.1)
    text = captions if isinstance(captions, str) else json.dumps(captions)
    (data / table).write_text(text)
    found = find(data)
    assert [(source.captions, source.state) for source in found.sources] == [((), "gulls")]
    (remark,) = found.remarks
    assert remark.file == table and said in remark.what


def test_a_caption_is_the_last_cell_that_says_something(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        noise(tmp_path / name, 0.1)
    table = "a.wav\tbirds\t\nb.wav\t12 s\twind \t \t\r\nc.wav\train\n"
    (tmp_path / "captions.tsv").write_text(table)
    found = find(tmp_path)
    assert [source.captions for source in found.sources] == [("birds",), ("wind",), ("rain",)]
    assert not found.remarks


def test_captions_hold_for_the_texts_among_them_and_for_files_named_by_a_detour(
    tmp_path: Path,
) -> None:
    noise(tmp_path / "data" / "a.wav", 0.1)
    (tmp_path / "data" / "pier").mkdir()
    captions = '{"../a.wav": ["birds", null, "wind"]}'
    (tmp_path / "data" / "pier" / "captions.json").write_text(captions)
    found = find(tmp_path / "data" / ".." / "data")
    assert [source.captions for source in found.sources] == [("birds", "wind")]
    assert [remark.file for remark in found.remarks] == ["pier/captions.json"]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("Möwen", "mowen"),
        ("Straße 2", "strasse"),
        ("Smørrebrød", "smorrebrod"),
        ("Œuvre à l'eau", "oeuvre_a_l_eau"),
        ("İzmir", "izmir"),
        ("雨", ""),
    ],
)
def test_letters_with_marks_keep_their_letter(name: str, state: str) -> None:
    assert state_name(name) == state


@pytest.mark.skipif(os.name == "nt", reason="folders have other permissions there")
def test_folders_that_are_left_out_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links, which may lead round in a circle, and what may not be read or entered."""
    data = tmp_path / "data"
    noise(data / "rain" / "a.wav", 1)
    noise(data / "half" / "b.wav", 1)
    (data / "linked").symlink_to(tmp_path)
    (data / "shut").mkdir()
    scandir, access = os.scandir, os.access

    def read(place: Any) -> Any:
        if os.fspath(place).endswith("shut"):
            raise PermissionError(13, "Permission denied", place)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", read)
    monkeypatch.setattr(os, "access", lambda p, how: not p.endswith("half") and access(p, how))
    found = find(data)
    assert [source.path.name for source in found.sources] == ["a.wav"]
    assert sorted(map(str, found.remarks)) == [
        "half/: cannot be entered",
        "linked/: is a link to a folder; put the folder itself there",
        "shut/: cannot be read (permission denied)",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.parametrize("field", ["output", "work"])
def test_names_that_are_no_text_are_refused_before_training(tmp_path: Path, field: str) -> None:
    order = Order(load_recipe("smoke"), tmp_path / "work", tmp_path / "model")
    strange = tmp_path / os.fsdecode(b"my-\xff")
    with pytest.raises(UsageError, match="is a name that is not UTF-8"):
        check(replace(order, **{field: strange}))


def test_names_without_a_letter_from_a_to_z_are_told(tmp_path: Path) -> None:
    for name in ("rain", "雨", "море"):
        noise(tmp_path / "pier" / name / "1.wav", 0.1)
    found = find(tmp_path / "pier")
    assert sorted(source.state for source in found.sources) == ["pier", "pier", "rain"]
    what = "has no word in letters from a to z (and 1 more); `pier` is learnt instead"
    assert [str(remark) for remark in found.remarks] == [f"море: {what}"]


def test_words_of_a_state_of_ones_own_name_it_in_the_middle() -> None:
    assert words_of("rain")[4] == "a torrential downpour"
    words = words_of("fish_market")
    assert words[0] is None and words[2] == "fish market" and len(set(words)) == 5


# Sound files


@pytest.mark.parametrize(
    ("name", "rate", "channels", "kind"),
    [
        ("wide.wav", 96_000, 2, {}),
        ("coarse.wav", 22_050, 1, {"subtype": "PCM_U8"}),
        ("many.flac", 44_100, 6, {}),
        ("packed.ogg", 48_000, 1, {}),
    ],
)
def test_any_sound_file_becomes_clips(
    name: str, rate: int, channels: int, kind: dict[str, str], tmp_path: Path
) -> None:
    path = noise(tmp_path / name, 15.0, rate, channels, **kind)
    clips = list(clips_of(path))
    assert [len(clip) for clip in clips] == [CLIP_SAMPLES] * 2  # the second overlaps the first
    share = (8000 / (rate / 2)) / channels  # noise within our band, averaged over channels
    rms = np.sqrt(np.mean(np.square(clips[1])))
    assert rms == pytest.approx(0.1 * np.sqrt(min(share, 1 / channels)), rel=0.15)


def test_the_pitch_of_a_recording_is_kept(tmp_path: Path) -> None:
    t = np.arange(96_000 * 11) / 96_000
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(2 * np.pi * 1000 * t), 96_000)
    (clip,) = clips_of(tmp_path / "tone.wav")
    spectrum = np.abs(np.fft.rfft(clip * np.hanning(len(clip))))
    assert spectrum.argmax() * 16_000 / len(clip) == pytest.approx(1000, abs=0.2)


def test_a_short_recording_is_joined_to_itself_at_an_even_level(tmp_path: Path) -> None:
    (clip,) = clips_of(noise(tmp_path / "short.wav", 2.0))
    seconds = clip[:160_000].reshape(10, -1)
    levels = 20 * np.log10(np.sqrt(np.mean(np.square(seconds), axis=1)))
    assert len(clip) == CLIP_SAMPLES and np.ptp(levels) < 1


def test_bad_files_are_named_and_never_fatal(tmp_path: Path) -> None:
    data = tmp_path / "data"
    noise(data / "good" / "a.wav", 11.0, 8000)
    noise(data / "brief.wav", 0.3)
    (data / "empty.wav").touch()
    (data / "text.wav").write_text("no sound " * 50)
    (data / "paper.pdf").write_bytes(b"%PDF-1.4")
    soundfile.write(data / "silent.wav", np.zeros(32_000), 16_000)
    holes = np.ones(32_000, np.float32)
    holes[7] = np.nan
    soundfile.write(data / "holes.wav", holes, 16_000, subtype="FLOAT")
    whole = noise(data / "cut.flac", 25.0, 44_100).read_bytes()
    (data / "cut.flac").write_bytes(whole[: len(whole) // 2])
    (data / "only_header.wav").write_bytes(noise(tmp_path / "x.wav", 2.0).read_bytes()[:44])
    whole = noise(data / "broken_off.wav", 25.0).read_bytes()
    (data / "broken_off.wav").write_bytes(whole[:-64_000])
    (data / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(20_000))
    (data / "gone.wav").symlink_to("nowhere.wav")
    made = build(data, tmp_path / "work", None, 100, 0)
    assert {r.file for r in made.remarks} == {
        "brief.wav", "empty.wav", "text.wav", "paper.pdf", "silent.wav", "holes.wav", "cut.flac",
        "only_header.wav", "broken_off.wav", "noise.mp3", "gone.wav",
    }  # fmt: skip
    assert set(made.states) == {"good", "cut", "broken_off"}
    said = {remark.file: remark.what for remark in made.remarks}
    assert said["cut.flac"].endswith("; the clip before that is used")
    assert said["broken_off.wav"].startswith("ends after 23.0 s, before its header says")
    assert said["broken_off.wav"].endswith("; 2 clips before that are used")
    assert "cannot be read as sound (it holds no sound)" in said["noise.mp3"]
    assert said["gone.wav"] == "is a link to nothing; skipped"
    again = build(data, tmp_path / "work", None, 100, 0)
    np.testing.assert_array_equal(made.mels, again.mels)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e30, 1e300])
def test_sound_of_another_scale_is_named(size: float, tmp_path: Path) -> None:
    loud = size * RNG.standard_normal(32_000)
    soundfile.write(tmp_path / "loud.wav", loud, 16_000, subtype="DOUBLE")
    with pytest.raises(Unusable, match="where 1 is full scale; scale them down"):
        list(clips_of(tmp_path / "loud.wav"))


def test_samples_without_a_header_are_named(tmp_path: Path) -> None:
    (tmp_path / "tape.raw").write_bytes(b"ab" * 40_000)
    with pytest.raises(Unusable, match="has no header that says its rate; convert it to WAV"):
        list(clips_of(tmp_path / "tape.raw"))


@pytest.mark.parametrize("kept", [0.1, 0.9])
def test_an_mp3_that_is_damaged_is_called_so(kept: float, tmp_path: Path) -> None:
    """Where its library says no more than that something is wrong in it."""
    path = noise(tmp_path / "a.mp3", 20.0, 44_100)
    whole = bytearray(path.read_bytes())
    first = int(kept * len(whole))
    whole[first : first + 5000] = bytes(len(whole[first : first + 5000]))
    path.write_bytes(whole)
    with pytest.raises(Unusable, match=r"^is damaged; copy it again, or save what is there as WAV"):
        list(clips_of(path))


def test_a_file_whose_name_is_no_text_is_told_by_that(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="has a name that is not UTF-8; rename it"):
        list(clips_of(tmp_path / os.fsdecode(b"caf\xe9.wav")))


@pytest.mark.parametrize(
    ("gains", "heard"),
    [
        ((1.0, -1.0), 1.0),
        ((0.5, -1.0, 0.5), -1.0),  # the loudest
        ((1.0, -0.9), 0.05),  # something is left of the mean
        ((1.0, 1.0), 1.0),
        ((0.0, 1.0), 0.5),
    ],
)
def test_channels_that_cancel_each_other_are_heard(
    gains: tuple[float, ...], heard: float, tmp_path: Path
) -> None:
    left = 0.1 * RNG.standard_normal(160_000)
    sound = np.stack([gain * left for gain in gains], 1)
    soundfile.write(tmp_path / "wide.wav", sound, 16_000, subtype="FLOAT")
    (clip,) = clips_of(tmp_path / "wide.wav")
    np.testing.assert_allclose(clip[:150_000], heard * left[:150_000], atol=1e-5)


def test_nothing_to_learn_from_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match="holds no file"):
        find(tmp_path / "data")
    (tmp_path / "data" / "x.wav").touch()
    with pytest.raises(UsageError, match=r"x\.wav: cannot be read as sound"):
        build(tmp_path / "data", tmp_path / "work", None, 100, 0)
    with pytest.raises(Unusable, match="cannot be read"):
        list(clips_of(tmp_path / "data" / "x.wav"))


def test_level_words_rise_with_loudness(tmp_path: Path) -> None:
    for index, gain in enumerate((1.0, 0.5, 0.25)):
        path = tmp_path / "data" / "market" / f"{index}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, gain * 0.3 * RNG.standard_normal(170_000), 16_000)
    made = build(tmp_path / "data", tmp_path / "work", None, 100, 0)
    levels = np.sqrt(np.mean(np.square(made.audio.astype(np.float32)), axis=1))
    ranks = [words_of("market").index(text) for (text,) in made.texts]
    by_word = [[levels[i] for i, rank in enumerate(ranks) if rank == word] for word in (1, 2, 3, 4)]
    assert [len(some) for some in by_word] == [3, 3, 3, 3]
    for quieter, louder in pairwise(by_word):
        assert max(quieter) <= min(louder)
    assert levels.max() == pytest.approx(0.1, rel=0.2)


# Recipes


def test_shipped_recipes_are_right() -> None:
    assert shipped() == ["adapt", "pocket", "smoke"]
    for name in shipped():
        recipe = load_recipe(name)
        idle = [stage for stage in STAGES if not getattr(recipe.stages, stage).steps]
        assert "few" not in idle
        assert bool(idle) == (recipe.start is not None)


def test_a_recipe_from_before_a_stage_keeps_its_networks_as_they_are(tmp_path: Path) -> None:
    from ambientgen.training.stages import Run, Setting

    recipe = parse_recipe(TINY.encode(), "tiny.yaml")
    assert recipe.stages.few.steps == 0
    run_without = Run(recipe, Setting(tmp_path))
    trained = nn.Linear(1, 1)
    run_without.__dict__["unet"] = trained
    assert run_without.few is trained
    assert not list(tmp_path.iterdir())
    assert recipe.stages.decoding.steps == 0
    both = run_without.__dict__["vae"], run_without.__dict__["vocoder"] = (
        nn.Linear(1, 1),
        nn.Linear(2, 1),
    )
    assert run_without.decoding == both


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("synth: {stem: 3}", "r.yaml:1:9", "did you mean `stems`"),
        ("stages:\n  vae: {steps: 1.5}", "r.yaml:2:16", "must be a whole number"),
        ("stages:\n  vae: {steps: 5, learning_rate: 3}", "r.yaml:2:34", "at most 1"),
        ("precision: half", "r.yaml:1:12", "`bf16`"),
        ("- a", "r.yaml:1:1", "a mapping of fields"),
        ("a: 'x", "r.yaml:1:4", "not closed"),
        ("", "r.yaml:1:1", "empty"),
        ("licence: MIT", "r.yaml:1:1", "lacks `stages`"),
        ("stages: {unet: {}}", "r.yaml:1:10", "lacks `steps`"),
        ("recordings: {clips: 0}", "r.yaml:1:21", "from 1 to 100,000,000, not 0"),
        ("synth: {clips: 100000001}", "r.yaml:1:16", "from 0 to 100,000,000, not 100000001"),
        ("stages: {vae: {steps: 100000001}}", "r.yaml:1:23", "from 0 to 100,000,000, not"),
        ("stages: {vae: {steps: 1, warmup: 100000001}}", "r.yaml:1:34", "to 100,000,000, not"),
        ('licence: "MIT\\nrevision: evil"', "r.yaml:1:10", "on one line, not"),
        ('licence: "MIT\\e[0m"', "r.yaml:1:10", "on one line, not"),
    ],
)
def test_a_wrong_recipe_is_told_at_its_line(text: str, place: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_recipe(text.encode(), "r.yaml")
    told = [problem for problem in caught.value.problems if problem.place == place]
    assert any(said in str(problem) for problem in told), caught.value


def test_a_licence_is_one_value_of_the_cards_front_matter() -> None:
    recipe = parse_recipe(b"stages: {vae: {steps: 1}}\nlicence: 'CC0-1.0: [none'", "r.yaml")
    extras = {"revision": "mine", "states": ["rain"], "licence": recipe.licence}
    run = SimpleNamespace(recordings=None, recipe=recipe)
    front = card(extras, cast("Any", run), None).split("---\n")[1]
    assert yaml.safe_load(front)["license"] == "cc0-1.0: [none"
    plain = card({**extras, "licence": "CC0-1.0"}, cast("Any", run), None)
    assert plain.startswith("---\nlicense: cc0-1.0\n")


def test_stages_that_are_left_out_keep_what_they_start_from(tmp_path: Path) -> None:
    recipe = parse_recipe(b"data: recordings\nstages: {unet: {steps: 1}}", "r.yaml")
    assert recipe.stages.unet.steps == 1
    left = [name for name in STAGES if name != "unet"]
    assert {getattr(recipe.stages, name).steps for name in left} == {0}
    with pytest.raises(UsageError, match=r"vae, mae, clap, .* would learn nothing"):
        check(Order(recipe, tmp_path / "model", tmp_path / "work"))


def test_steps_of_the_command_line_win() -> None:
    recipe = with_steps(load_recipe("smoke"), ["unet=7", "vae=0"])
    assert (recipe.stages.unet.steps, recipe.stages.vae.steps) == (7, 0)
    assert with_steps(recipe, ["few=9"]).stages.few.steps == 9
    assert stages_of(["few", "unet"]) == ("unet", "few")
    assert f": {', '.join(STAGES)}." in get_args(Stage)[1].help
    for wrong in ("unet", "unet=x", "unet=-1", "nothing=3", "=3"):
        with pytest.raises(UsageError, match="--steps"):
            with_steps(recipe, [wrong])


# What is refused beforehand


def test_orders_that_cannot_work_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    smoke, adapt = load_recipe("smoke"), load_recipe("adapt")
    work = tmp_path / "work"
    nothing = adapt.model_copy(update={"synth": adapt.synth.model_copy(update={"stems": 0})})
    with pytest.raises(UsageError, match="nothing to learn from"):
        check(Order(nothing, work))
    with pytest.raises(UsageError, match="vae would learn nothing"):
        check(Order(with_steps(smoke, ["vae=0"]), work))
    check(Order(with_steps(smoke, ["few=0"]), work))  # goes on with the UNet, and may be left out
    check(Order(with_steps(smoke, ["calls=0"]), work))
    with pytest.raises(UsageError, match="no textures whose calls could be learnt"):
        check(Order(with_steps(nothing, ["calls=9"]), work))
    with pytest.raises(AmbientgenError, match="there is no model 'nowhere'"):
        check(Order(adapt.model_copy(update={"start": "nowhere"}), work))
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        check(Order(smoke, work, tmp_path / "there"))
    (tmp_path / "there" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="is no model folder"):
        check(Order(smoke, work, tmp_path / "there", force=True))
    with pytest.raises(OutputError, match="mkdir -p"):
        check(Order(smoke, work, tmp_path / "no" / "model"))
    assert not work.exists()


def test_a_work_folder_belongs_to_one_training(tmp_path: Path) -> None:
    smoke = load_recipe("smoke")
    order = Order(smoke, tmp_path / "work")
    mark(order)
    check(order)
    check(Order(with_steps(smoke, ["unet=99"]), tmp_path / "work"))  # longer: goes on
    synth = smoke.synth.model_copy(update={"clips": 25})
    with pytest.raises(UsageError, match="another synth"):
        check(Order(smoke.model_copy(update={"synth": synth}), tmp_path / "work"))
    assert made_of(order)["data"] == ""


def test_recordings_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    """A corpus may be copied or restored: what files hold counts, not when they were written."""
    smoke, data = load_recipe("smoke"), tmp_path / "dawn chorus"
    data.mkdir()
    (data / "birds.wav").write_bytes(b"a" * 100_000)
    (data / ".DS_Store").write_bytes(b"of no matter")
    order = Order(smoke.model_copy(update={"data": str(data)}), tmp_path / "work")
    mark(order)
    moved = shutil.copytree(data, tmp_path / "moved" / "dawn chorus")
    shutil.rmtree(data)
    (moved / ".DS_Store").unlink()
    os.utime(moved / "birds.wav", (1000, 1000))
    there = Order(smoke.model_copy(update={"data": str(moved)}), tmp_path / "work")
    check(there)
    (moved / "birds.txt").write_text("a blackbird")
    with pytest.raises(UsageError, match="another data"):
        check(there)
    (moved / "birds.txt").unlink()
    (moved / "birds.wav").write_bytes(b"b" * 100_000)
    os.utime(moved / "birds.wav", (1000, 1000))
    with pytest.raises(UsageError, match="another data"):
        check(there)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["smoke"], 2, "no name for the model"),
        (["none.yaml", "-o", "m"], 2, "there is no such recipe"),
        (["smoke", "-o", "m", "--stage", "vae"], 2, "--stage writes no model"),
        (["smoke", "--stage", "ear", "--work", "w"], 2, "there is no stage `ear`"),
        (["smoke", "-o", "m", "--steps", "vae"], 2, "is not a stage and its steps"),
        (["--data", "nowhere", "-o", "m"], 2, "there is no such folder"),
        (["--from", "nowhere", "-o", "m"], 3, "there is no model"),
        (["smoke", "-o", "."], 2, "is no name for a model"),
    ],
)
def test_a_wrong_command_is_one_line(
    args: Sequence[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["train", *args]) == code
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


# The loop


def line(folder: Path, steps: int, stop_at: int = -1, **options: Any) -> nn.Module:
    """Fit a line; at `stop_at` the user presses Ctrl-C in the middle of a step."""
    torch.manual_seed(0)
    module = nn.Linear(4, 1)

    def loss(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            signal.raise_signal(signal.SIGINT)
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        return {"mse": (module(x) - x.sum(1, keepdim=True)).square().mean()}

    around = options.pop("around", Around())
    schedule = Schedule(steps, 0.05, warmup=5, around=around)
    return Fit(module, loss, schedule, folder, "line", **options).run()


def test_ctrl_c_leaves_a_checkpoint_from_which_training_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole = line(tmp_path / "whole", 60)
    with pytest.raises(KeyboardInterrupt):
        line(tmp_path / "cut", 60, stop_at=31)
    kept = torch.load(tmp_path / "cut" / "line.ckpt", weights_only=True)
    assert kept["step"] == 31
    resumed = line(tmp_path / "cut", 60)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_stop_just_after_a_step_does_not_take_it_twice(tmp_path: Path) -> None:
    whole = line(tmp_path / "whole", 60)

    def stopping(event: Message) -> None:
        if isinstance(event, StepsDone) and event.done == 31:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        line(tmp_path / "cut", 60, around=Around(tell=stopping))
    kept = torch.load(tmp_path / "cut" / "line.ckpt", weights_only=True)
    assert kept["step"] == 31
    resumed = line(tmp_path / "cut", 60)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("how", ["stop", "failure", "failure of all"])
def test_a_model_is_replaced_or_stays(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, output = tmp_path / "new", tmp_path / "model"
    for folder in (new, output):
        folder.mkdir()
        (folder / "weights").write_text(folder.name)
    rename = Path.rename

    def broken(source: Path, target: Path) -> Path:
        if target == output:
            if how == "stop":
                signal.raise_signal(signal.SIGINT)
            elif source == new or how == "failure of all":
                raise OSError("no more")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(KeyboardInterrupt if how == "stop" else OSError):
        _replace(new, output)
    if how == "failure of all":
        (kept,) = tmp_path.glob(".model.*.old/model/weights")
        assert kept.read_text() == "model"
    else:
        assert (output / "weights").read_text() == ("new" if how == "stop" else "model")
        assert not list(tmp_path.glob(".model.*"))


def test_signals_wait_until_a_step_is_whole() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), unbroken():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_is_for_this_process_and_not_for_those_it_forks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), not_in_workers():
        with monkeypatch.context() as in_worker:
            in_worker.setattr(os, "getpid", lambda: -1)
            signal.raise_signal(signal.SIGINT)
            reached.append("past the worker's")
        signal.raise_signal(signal.SIGINT)
        reached.append("past our own")
    assert reached == ["past the worker's"]


WORKING = """\
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from ambientgen.training import workers

workers.GRACE_S = 0.1
if __name__ == "__main__":
    with ProcessPoolExecutor(2, initializer=workers.be_worker) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60)
        pool.submit(time.sleep, 60).result()
"""


def _is_alive(process: int) -> bool:
    """Whether a process is there that has not ended (such a one may be listed still)."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs a list of processes")
@pytest.mark.parametrize(
    ("told", "number", "ends"),
    [
        ("parent", "SIGKILL", True),
        ("worker", "SIGTERM", True),
        ("worker", "SIGHUP", True),
        ("worker", "SIGINT", False),
    ],
)
def test_workers_end_with_their_parent_and_when_told_to(
    told: str, number: str, ends: bool, tmp_path: Path
) -> None:
    script = tmp_path / "working.py"
    script.write_text(WORKING)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, script], stdout=pipe, stderr=pipe, text=True) as parent:
        assert parent.stdout is not None and parent.stderr is not None
        worker = int(parent.stdout.readline())
        try:
            os.kill(parent.pid if told == "parent" else worker, getattr(signal, number))
            until = time.monotonic() + (20 if ends else 0.5)
            while _is_alive(worker) and time.monotonic() < until:
                time.sleep(0.02)
            assert _is_alive(worker) != ends
        finally:
            parent.kill()
        said = parent.stderr.read()
    assert not said or (ends and told == "worker")  # of the parent, whose pool is broken


def test_a_worker_that_somebody_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_options: Any) -> Any:
        raise BrokenProcessPool

    monkeypatch.setattr(ProcessPoolExecutor, "map", broken)
    with pytest.raises(AmbientgenError, match="a process that made textures was ended"):
        list(stems._made([("rain", 1)], 1))


def test_training_starts_from_weights_where_there_is_no_checkpoint(tmp_path: Path) -> None:
    taught = line(tmp_path / "a", 60)
    notices: list[Message] = []
    kept = line(tmp_path / "b", 0, warm=taught.state_dict())
    assert torch.equal(kept.weight, taught.weight)  # type: ignore[arg-type]
    warm = {"weight": torch.zeros(2, 4), "bias": torch.ones(1), "gone": torch.ones(1)}
    mixed = line(tmp_path / "c", 0, around=Around(warm, tell=notices.append))
    assert torch.equal(mixed.bias, torch.ones(1))  # type: ignore[arg-type]
    (notice,) = [event for event in notices if isinstance(event, Notice)]
    for said in ("weight is (2, 4), not (1, 4)", "gone has no place", "1 of 2 weights"):
        assert said in notice.text
    line(tmp_path / "a", 60, warm={"weight": torch.full((1, 4), 9.0)})
    again = line(tmp_path / "a", 60)
    assert torch.equal(again.weight, taught.weight)  # type: ignore[arg-type]


def test_a_vocabulary_that_grew_takes_over_what_it_knew() -> None:
    table = nn.Embedding(5, 2)
    assert start_from(table, {"weight": torch.ones(3, 2)}) == []
    assert torch.equal(table.weight[:3], torch.ones(3, 2)) and (table.weight[3:] != 1).all()


def test_a_second_source_takes_its_share_of_the_steps(tmp_path: Path) -> None:
    steps: list[int] = []

    def of(module: Any) -> Any:
        def loss(step: int) -> dict[str, torch.Tensor]:
            steps.append(step)
            return {"zero": 0 * module.weight.sum()}

        return loss

    line(tmp_path / "a", 200, around=Around(more=More(of, 0.3)))
    first = list(steps)
    assert 40 <= len(first) <= 80
    line(tmp_path / "b", 200, around=Around(more=More(of, 0.3)))
    assert steps[len(first) :] == first


def test_a_training_that_runs_away_is_stopped_with_a_reason(tmp_path: Path) -> None:
    module = nn.Linear(1, 1)

    def loss(_step: int) -> dict[str, torch.Tensor]:
        return {"l": module.weight.sum() * torch.tensor(float("nan"))}

    with pytest.raises(AmbientgenError, match="gradients are no numbers any more at step 0"):
        Fit(module, loss, Schedule(3, 0.1), tmp_path, "line").run()


@pytest.mark.parametrize(
    ("value", "said"), [(float("nan"), "its loss is no number any more at step 1"), (1.0, "")]
)
def test_a_loss_that_is_no_number_stops_a_training_whose_gradients_are_scaled(
    value: float, said: str, tmp_path: Path
) -> None:
    """In half precision gradients overflow now and then; then the step alone is left out."""

    class Scaling(Devices):
        """Gradients that overflow, of whatever loss."""

        @property
        def scaled(self) -> bool:
            """They are."""
            return True

        def clip(self, parameters: Any, most: float) -> torch.Tensor:
            """The norm of gradients of which one is infinite."""
            super().clip(parameters, most)
            return torch.tensor(float("inf"))

    module = nn.Linear(1, 1)

    def loss(step: int) -> dict[str, torch.Tensor]:
        return {"l": module.weight.sum() * (value if step else 1.0)}

    fit = Fit(module, loss, Schedule(3, 0.1, around=Around(devices=Scaling())), tmp_path, "line")
    if said:
        with pytest.raises(AmbientgenError, match=said):
            fit.run()
    else:
        fit.run()


@pytest.mark.parametrize(
    ("own", "other", "stops"),
    [(1.0, 1.0, False), (1.0, math.nan, True), (math.nan, 1.0, True), (math.nan, math.nan, True)],
)
@pytest.mark.parametrize("finite", [False, True])
def test_processes_stop_together_at_a_loss_that_is_no_number_in_one_of_them(
    own: float, other: float, stops: bool, finite: bool, tmp_path: Path
) -> None:
    """Two processes in half precision; of the other there is its word alone."""
    asked = []

    def reduce(holds: torch.Tensor, reduction: str) -> torch.Tensor:
        asked.append(float(holds))
        assert reduction == "mean"
        return (holds + float(math.isfinite(other))) / 2

    known = {"num_processes": 2, "device": torch.device("cpu"), "mixed_precision": "fp16"}
    pair: Any = SimpleNamespace(reduce=reduce, process_index=0, **known)
    schedule = Schedule(3, 0.1, around=Around(devices=Devices(pair)))
    fit = Fit(nn.Linear(1, 1), lambda _: {}, schedule, tmp_path, "line")
    norm = torch.tensor(1.0 if finite else math.nan)
    if stops and not finite:
        with pytest.raises(AmbientgenError, match="its loss is no number any more at step 5"):
            fit._check(5, torch.tensor(own), norm)
    else:
        fit._check(5, torch.tensor(own), norm)
    assert asked == ([] if finite else [float(math.isfinite(own))])


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    line(tmp_path, 3)
    whole = (tmp_path / "line.ckpt").read_bytes()
    (tmp_path / "line.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"line\.ckpt: is broken, or of another network"):
        line(tmp_path, 5)


def test_accelerate_on_one_cpu_changes_no_bit(tmp_path: Path) -> None:
    plain = line(tmp_path / "a", 40)
    events: list[Message] = []
    around = Around(devices=find_devices("cpu", "no"), tell=events.append)
    accelerated = line(tmp_path / "b", 40, around=around)
    for one, other in zip(plain.parameters(), accelerated.parameters(), strict=True):
        assert torch.equal(one, other)
    assert [e.done for e in events if isinstance(e, StepsDone)] == list(range(1, 41))


def test_what_trainers_make_lies_on_the_device() -> None:
    with placing(torch.device("meta")):
        made = [
            torch.from_numpy(np.zeros(3)),
            torch.hann_window(4),
            torch.randn(2),
            torch.tensor([1.0]),
            nn.Linear(2, 2).weight,
        ]
    assert {tensor.device.type for tensor in made} == {"meta"}
    assert torch.from_numpy(np.zeros(3)).device.type == "cpu"


# Loss curves


def test_loss_curves_are_drawn_from_logs_that_may_be_torn(tmp_path: Path) -> None:
    assert draw(tmp_path, STAGES) is None
    line(tmp_path, 60)
    (tmp_path / "line.log").rename(tmp_path / "vae.log")
    with (tmp_path / "vae.log").open("a") as log:
        log.write('{"mse": 1.5, "step": 4, "s": 1}\n{"mse": 0.')
    log_read = read_log(tmp_path / "vae.log")
    assert list(log_read) == list(range(60)) and log_read[4] == {"mse": 1.5}
    picture = draw(tmp_path, STAGES)
    assert picture is not None and picture.read_bytes()[:4] == b"\x89PNG"
    assert smoothed([1.0, 2.0]) == [1.0, 2.0]


def test_a_loss_that_only_some_steps_have_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    lines = [{"energy" if step % 3 else "v": 0.5, "step": step} for step in range(9)]
    (tmp_path / "few.log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    drawn: list[tuple[list[int], list[float]]] = []
    plot = Axes.plot

    def plotted(axes: Axes, *args: Any, **options: Any) -> Any:
        drawn.append(args)
        return plot(axes, *args, **options)

    monkeypatch.setattr(Axes, "plot", plotted)
    assert draw(tmp_path, STAGES) is not None
    assert [steps for steps, _ in drawn[::2]] == [[0, 3, 6], [1, 2, 4, 5, 7, 8]]
    assert all(value == 0.5 for _, values in drawn for value in values)


# All of it


TINY = """\
from: pocket
recordings: {clips: 6}
stages:
  vae: {steps: 0}
  mae: {steps: 0}
  clap: {steps: 0}
  meaning: {steps: 1}
  vocoder: {steps: 0}
  unet: {steps: 1}
"""


@pytest.mark.slow
@pytest.mark.timeout(600)  # seven seconds of work, but on a machine that may train beside it
def test_recordings_become_a_model_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One step of the stages that learn: no beauty, but the folder, its states and words are."""
    from ambientgen.models.loading import load
    from ambientgen.models.registry import resolve

    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "rec" / "fish_market" / "a.wav", 11.0, 44_100, 2)
    (tmp_path / "tiny.yaml").write_text(TINY)
    command = ["train", "tiny.yaml", "--data", "rec", "-o", "mine", "--device", "cpu", "--json"]
    assert run(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert [stage["stage"] for stage in report["stages"]] == ["meaning", "unet"]
    assert Path(report["losses"]).is_file()
    spec = resolve("mine")
    assert spec.states[-1] == "fish_market" and "rain" in spec.states
    assert spec.licence == "unknown"
    model = load(spec)
    assert len(model.tokenizer_2.ids("loud fish market")) == 4  # words of its own, and the end
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"rec", "tiny.yaml", "mine", "mine.training"}
    assert run(command) == 4  # it exists
    assert "exists already" in capsys.readouterr().err


def test_a_model_knows_what_it_was_taught_and_says_so() -> None:
    from ambientgen.models.registry import resolve
    from ambientgen.training.corpus import NAMES
    from ambientgen.training.job import states_of

    def known(own: tuple[str, ...], stems: int, before: list[str] | None) -> tuple[str, ...]:
        recordings = SimpleNamespace(states=own) if own else None
        recipe = SimpleNamespace(synth=SimpleNamespace(stems=stems))
        start = None if before is None else SimpleNamespace(extras={"states": before})
        run: Any = SimpleNamespace(recordings=recordings, recipe=recipe)
        return states_of(run, start)  # type: ignore[arg-type]

    pocket = list(resolve("pocket").states)
    assert known((), 3, None) == NAMES, "from nothing, all textures"
    assert known(("market", "rain"), 3, pocket) == (*pocket, "market")
    assert known(("market",), 3, pocket[:-2]) == (*pocket[:-2], "market"), "the rest in vain"
    assert known(("market",), 0, None) == ("market",)
    assert set(known((), 3, ["market"])) == {"market", *NAMES}, "it had heard no texture before"


@pytest.mark.parametrize(
    ("stages", "before", "after"),
    [
        (["few=9", "unet=9"], {}, (2, True)),
        (["few=0", "calls=0", "unet=9"], {"steps": 2, "only_steps": True}, (4, False)),
        (["few=0", "calls=0", "unet=9"], {"steps": 20}, (20, None)),
        (["few=0", "calls=0", "unet=0"], {"steps": 2, "only_steps": True}, (2, True)),
        (["few=0", "calls=9", "unet=9"], {}, (2, True)),
    ],
)
def test_a_model_says_how_many_steps_it_was_taught(
    stages: list[str], before: dict[str, Any], after: tuple[int, bool | None]
) -> None:
    from ambientgen.training.job import steps_taught

    recipe = with_steps(load_recipe("pocket"), stages)
    found = before | steps_taught(before, recipe.stages)
    assert (found["steps"], found.get("only_steps")) == after


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("steps", [0, 2])
def test_few_steps_are_learnt_from_recordings_and_by_the_unet_alone(
    steps: int, tmp_path: Path
) -> None:
    """From pocket, no other stage has steps: what is written is pocket, but for the UNet if that
    has learnt."""
    from safetensors.torch import load_file

    from ambientgen.models.registry import resolve
    from ambientgen.training.job import train

    noise(tmp_path / "rec" / "wind" / "a.wav", 11.0)
    recipe = parse_recipe(TINY.replace("steps: 1", "steps: 0").encode(), "tiny.yaml")
    recipe = recipe.model_copy(update={"data": str(tmp_path / "rec")})
    output = tmp_path / "mine"
    order = Order(with_steps(recipe, [f"few={steps}"]), tmp_path / "work", output, device="cpu")
    report = train(order)
    assert [(stage.stage, stage.steps) for stage in report.stages] == [("few", 2)][: steps // 2]
    before, changed = resolve("pocket").folder, set()
    for path in before.rglob("*.safetensors"):
        old, new = load_file(path), load_file(output / path.relative_to(before))
        assert old.keys() == new.keys()
        if any(not torch.equal(old[key], new[key]) for key in old):
            changed.add(path.parent.name)
    assert changed == ({"unet"} if steps else set())


def _fit_together(folder: str, stop_at: int = -1) -> None:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    devices = find_devices()
    assert devices.count == 2
    around = Around(devices=devices)
    if stop_at < 0:
        line(Path(folder), 20, around=around)
    else:
        with pytest.raises(KeyboardInterrupt):
            line(Path(folder), 20, stop_at=2 * stop_at + devices.rank, around=around)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_train_one_network_and_go_on_with_it_to_the_bit(tmp_path: Path) -> None:
    from accelerate import debug_launcher

    cut = str(tmp_path / "cut")
    for arguments in ((str(tmp_path / "two"),), (cut, 12), (cut,)):
        debug_launcher(_fit_together, arguments, num_processes=2)
    two = torch.load(tmp_path / "two" / "line.ckpt", weights_only=True)
    again = torch.load(tmp_path / "cut" / "line.ckpt", weights_only=True)
    assert again["step"] == 20 and torch.equal(again["module"]["weight"], two["module"]["weight"])
    one = line(tmp_path / "one", 20)
    # Twice the examples a step: near, and not the same.
    weights = two["module"]["weight"]
    assert not torch.equal(weights, one.state_dict()["weight"])


def test_weights_that_no_process_uses_get_no_gradient() -> None:
    """Two processes, of which the other has a gradient of the first weight alone."""
    others = torch.tensor([1.0, 0.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0])

    def reduce(flat: torch.Tensor, reduction: str) -> torch.Tensor:
        assert reduction == "mean" and flat.shape == others.shape
        return (flat + others) / 2

    known = {"num_processes": 2, "device": torch.device("cpu"), "mixed_precision": "no"}
    clip = nn.utils.clip_grad_norm_
    pair: Any = SimpleNamespace(reduce=reduce, clip_grad_norm_=clip, **known)
    weights = [nn.Parameter(torch.zeros(2)) for _ in range(3)]
    weights[0].grad, weights[1].grad = torch.full((2,), 1.0), torch.full((2,), 4.0)
    norm = Devices(pair).clip(weights, 100.0)
    found = [None if w.grad is None else w.grad.tolist() for w in weights]
    assert found == [[1.5, 1.5], [2.0, 2.0], None]
    assert float(norm) == pytest.approx(12.5**0.5)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_torchs_launcher_starts_processes_that_know_of_each_other(tmp_path: Path) -> None:
    # A file each: two processes that print into one pipe may write between one another's lines.
    script = tmp_path / "devices.py"
    script.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from ambientgen.training.devices import find_devices\n"
        "devices = find_devices()\n"
        "said = Path(__file__).with_name('process-' + os.environ['RANK'])\n"
        "said.write_text(f'{devices.rank}: {devices.count} x {devices.device}')\n"
    )
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    call = [*launcher, "--nproc_per_node", "2", str(script)]
    subprocess.run(call, capture_output=True, text=True, check=True)
    said = [path.read_text() for path in sorted(tmp_path.glob("process-*"))]
    assert said == ["0: 2 x cpu", "1: 2 x cpu"]
