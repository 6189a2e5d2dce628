"""Layers of all engines become one sound: pure functions of time, stems that add up to the mix."""

from __future__ import annotations

import json
import math
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ambientgen.asked import Asked
from ambientgen.assembly import assembled
from ambientgen.audio_file.part import Part
from ambientgen.cli.app import run
from ambientgen.errors import ExitCode, OutputError, UsageError
from ambientgen.job import Job
from ambientgen.messages import AudioWritten, Message, Notice, WindowsDone, ignore, of_layers
from ambientgen.mix.centre import Centred
from ambientgen.mix.spool import Spool
from ambientgen.renderer import Renderer, RenderReport
from ambientgen.scene import Scene, parse_scene
from ambientgen.scene.scene import OutputOptions
from ambientgen.sidecar import SidecarRule
from ambientgen.sources.studio import Studio
from ambientgen.workers import Workers

RATE = 24_000
SCENE = """
title: A storm
duration: 4s
seed: 7
layers:
  rain:
    states: {rain: {curve: {0s: 0.2, 4s: 0.9}}}
    gain: -3dB
    direction: {0s: -60, 4s: 60}
  wind:
    engine: procedural
    states: {wind: {curve: 0.3}}
    distance: 0.4
    width: 0
  hail:
    engine: procedural
    strength: 0.6
    states: {rain: {curve: 0.4}}
    width: 0
  bed:
    engine: recording
    file: bed.wav
    gain: {0s: -20dB, 4s: -12dB}
events: [{at: 2s, sound: thunder, direction: 40}]
render: {steps: 2}
output: {sample_rate: 24000, layout: stereo, bits: 32f}
"""
LAYERS = ["rain", "wind", "hail", "bed", "events"]

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scene's recording."""
    place = tmp_path_factory.mktemp("layers")
    noise = np.random.default_rng(0).standard_normal((22_050, 2)) * 0.1
    soundfile.write(place / "bed.wav", noise, 22_050)
    return place


@pytest.fixture(scope="module")
def scene(folder: Path) -> Scene:
    return parse_scene(SCENE, str(folder / "storm.yaml"))


Heard = Callable[..., tuple[Samples, RenderReport]]


@pytest.fixture(scope="module")
def heard(renderer: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """Renders a scene; its samples (n, channels) and the report."""

    def render(scene: Scene, **options: object) -> tuple[Samples, RenderReport]:
        path = tmp_path_factory.mktemp("heard") / "sound.wav"
        report = renderer.render(scene, path, **options)  # type: ignore[arg-type]
        return read(path), report

    return render


def read(path: Path) -> Samples:
    samples, _rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(samples, np.float32)


def only(scene: Scene, *names: str) -> Scene:
    """The scene without its other layers."""
    return replace(scene, layers=tuple(layer for layer in scene.layers if layer.name in names))


def files(place: Path) -> dict[str, Path]:
    return {name: place / f"sound.{name}.wav" for name in LAYERS}


@pytest.fixture(scope="module")
def whole(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the whole, rendered with its stems by two workers."""
    place = tmp_path_factory.mktemp("whole")
    Renderer("cpu", 2).render(scene, place / "sound.wav", stems=files(place))
    return place


def test_stems_go_to_the_files_of_their_layers_in_any_order_and_number(
    renderer: Renderer, scene: Scene, whole: Path, tmp_path: Path
) -> None:
    """As a call may name them; the mix is what it is without."""
    light, all_of_them = only(scene, "wind", "bed"), files(whole)
    stems = {name: tmp_path / f"{name}.wav" for name in ("bed", "wind")}
    renderer.render(light, tmp_path / "a.wav", stems=stems)
    for name, path in stems.items():
        assert np.array_equal(read(path), read(all_of_them[name])), name
    one = {"events": tmp_path / "one.wav"}
    renderer.render(light, tmp_path / "b.wav", stems=one)
    assert np.array_equal(read(one["events"]), read(all_of_them["events"]))
    assert np.array_equal(read(tmp_path / "a.wav"), read(tmp_path / "b.wav"))


def test_files_that_would_meet_or_are_nobodys_are_refused(
    renderer: Renderer, scene: Scene, folder: Path, tmp_path: Path
) -> None:
    mix, bed = tmp_path / "a.wav", folder / "bed.wav"
    before = bed.read_bytes()
    for output, stems, said in (
        (mix, {"rian": tmp_path / "b.wav"}, "there is no layer `rian`; there are `wind`, `bed`"),
        (mix, {"wind": mix}, "a.wav: the mix would be overwritten"),
        (mix, {"wind": tmp_path / "b.wav", "bed": tmp_path / "b.wav"}, "the stem wind would be"),
        (mix, {"wind": bed}, "bed.wav: the recording of the layer bed would be overwritten"),
        (bed, {}, "bed.wav: the recording of the layer bed would be overwritten"),
    ):
        with pytest.raises(UsageError, match=re.escape(said)):
            renderer.render(only(scene, "wind", "bed"), output, stems=stems, force=True)
    assert bed.read_bytes() == before and not list(tmp_path.iterdir())


def test_stems_add_up_to_the_mix_before_the_limiter(whole: Path) -> None:
    mix, stems = read(whole / "sound.wav"), [read(path) for path in files(whole).values()]
    assert mix.shape == (4 * RATE, 2) and np.abs(mix).max() < 0.85  # nothing to limit
    assert all(stem.std() > 1e-4 for stem in stems)
    assert np.abs(np.sum(stems, axis=0, dtype=np.float64) - mix).max() < 1e-6


@pytest.mark.slow
def test_the_mix_is_the_same_without_stems_and_for_any_stretch(
    scene: Scene, heard: Heard, whole: Path
) -> None:
    mix = read(whole / "sound.wav")
    part, report = heard(scene, asked=Asked(between_s=(1.3, 2.9)))
    np.testing.assert_array_equal(part, mix[round(1.3 * RATE) : round(2.9 * RATE)])
    assert report.channels == 2 and report.sample_rate == RATE and report.layout == "stereo"
    assert [layer["name"] for layer in report.layers] == LAYERS
    assert report.model["name"] == "pocket" and report.windows.total > 0


@pytest.mark.slow
def test_a_loop_of_layers_goes_round_to_the_bit(scene: Scene, heard: Heard) -> None:
    around = replace(only(scene, "rain", "wind", "bed"), loop=True)
    once, _ = heard(around)
    part, _ = heard(around, asked=Asked(20.0, (3.1, 5.3)))
    turns = np.concatenate([once, once])
    np.testing.assert_array_equal(part, turns[round(3.1 * RATE) : round(5.3 * RATE)])


def test_a_loudness_is_reached_and_a_stretch_has_the_gain_of_the_whole(
    scene: Scene, heard: Heard
) -> None:
    output = replace(scene.output, loudness_lufs=-23.0, fade_in_s=0.5, fade_out_s=1.0)
    weightless = replace(only(scene, "wind", "bed"), output=output)
    mix, report = heard(weightless)
    assert report.loudness_lufs == pytest.approx(-23.0, abs=0.3) and report.model == {}
    assert np.abs(mix[:20]).max() < 1e-3 > np.abs(mix[-20:]).max()
    part, _ = heard(weightless, asked=Asked(between_s=(0.2, 2.0)))
    np.testing.assert_array_equal(part, mix[round(0.2 * RATE) : 2 * RATE])
    output = replace(output, fade_in_s=0.0, fade_out_s=0.0)
    around = replace(weightless, loop=True, output=output)
    once, _ = heard(around)
    twice, _ = heard(around, asked=Asked(8.0))
    np.testing.assert_array_equal(twice, np.concatenate([once, once]))


def test_silence_cannot_be_made_loud_and_no_file_is_left(
    scene: Scene, renderer: Renderer, tmp_path: Path
) -> None:
    silent = parse_scene(
        "duration: 2s\nlayers: {wind: {engine: procedural, states: {wind: {curve: 0}}}}\n"
        "output: {loudness: -23 LUFS}\n"
    )
    with pytest.raises(UsageError, match="nothing to hear"):
        renderer.render(silent, tmp_path / "a.wav", stems={"wind": tmp_path / "a.wind.wav"})
    with pytest.raises(UsageError, match="never ends"):
        renderer.render(silent, "/dev/null", Asked(float("inf")))
    assert not list(tmp_path.iterdir())


def test_a_plain_scene_is_the_models_sound_through_the_same_chain(renderer: Renderer) -> None:
    """Every stage after the source hands on what it gets, but for its mean."""
    plain = parse_scene("duration: 2s\nseed: 3\nstates: {rain: {curve: 0.5}}\n")
    assert plain.output == OutputOptions()
    renderer.model("pocket")
    with Workers(1) as workers:
        studio = Studio(workers, None, ignore, renderer.model, renderer.content, renderer.meaning)
        ensemble = assembled(plain, studio, Asked())
        (sound,) = ensemble.sounds
        ((source, _),) = sound.made
        own = np.concatenate(list(source.blocks((100, 9_000))))
        centred = np.concatenate(list(Centred(source).blocks((100, 9_000))))
        mixed = np.concatenate(list(ensemble.mixed.blocks((100, 9_000))))
        early = np.concatenate(list(source.blocks((-50, 150))))
    np.testing.assert_array_equal(centred, mixed)
    assert not early[:50].any()
    np.testing.assert_array_equal(early[150:], own[:50])


def test_an_interruption_leaves_neither_mix_nor_stems(scene: Scene, tmp_path: Path) -> None:
    told: list[Message] = []

    def interrupt(event: Message) -> None:
        told.append(event)
        if isinstance(event, AudioWritten):
            raise KeyboardInterrupt

    light = only(scene, "rain", "bed")
    stems = {name: tmp_path / f"a.{name}.wav" for name in ("rain", "bed", "events")}
    rule = SidecarRule(tmp_path / "a.json")
    with pytest.raises(KeyboardInterrupt):
        Renderer("cpu", 1, interrupt).render(light, tmp_path / "a.wav", stems=stems, sidecar=rule)
    assert not list(tmp_path.iterdir())
    counts = [event for event in told if isinstance(event, WindowsDone)]
    assert [event.done for event in counts] == list(range(1, len(counts) + 1))
    assert counts[-1].done <= (counts[-1].total or 0) and len({e.total for e in counts}) == 1


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_an_interruption_at_the_very_end_waits_until_all_have_their_names(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    folders = iter(range(10))

    def interrupt(_folder: Path) -> None:
        if next(folders) == place:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("ambientgen.audio_file.part.sync_folder", interrupt)
    light = only(scene, "bed")
    stems = {name: tmp_path / f"a.{name}.wav" for name in ("bed", "events")}
    rule = SidecarRule(tmp_path / "a.json")
    with pytest.raises(KeyboardInterrupt):
        Renderer("cpu", 1).render(light, tmp_path / "a.wav", stems=stems, sidecar=rule)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["a.bed.wav", "a.events.wav", "a.json", "a.wav"]


def test_an_existing_stem_is_refused_before_anything_is_made(
    scene: Scene, renderer: Renderer, tmp_path: Path
) -> None:
    stems = {"bed": tmp_path / "a.bed.wav"}
    stems["bed"].write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        renderer.render(scene, tmp_path / "a.wav", stems=stems)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bed.wav"]


def test_a_recording_that_is_none_is_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    text = "duration: 4s\nlayers: {bed: {engine: recording, file: bed.wav}}\n"
    subject = parse_scene(text, str(tmp_path / "a.yaml"))
    fresh = Renderer("cpu", 1)
    with pytest.raises(UsageError, match="no recording"):
        fresh.render(subject, tmp_path / "a.wav")
    (tmp_path / "bed.wav").write_bytes(b"no sound")
    with pytest.raises(UsageError, match="cannot be read"):
        fresh.render(subject, tmp_path / "a.wav")
    assert not fresh.models


def test_a_stereo_recording_alone_is_one_channel_in_mono(folder: Path, heard: Heard) -> None:
    text = "duration: 1s\nlayers: {bed: {engine: recording, file: bed.wav}}\noutput: {bits: 32f}"
    plain = parse_scene(text, str(folder / "a.yaml"))
    wide = replace(plain, output=replace(plain.output, layout="stereo"))
    mono, stereo = heard(plain)[0], heard(wide)[0]
    assert mono.shape == (16_000, 1)
    assert np.corrcoef(mono[:, 0], stereo.sum(axis=1))[0, 1] > 0.9999


def test_a_stereo_recording_is_as_loud_at_any_width_that_it_has(folder: Path, heard: Heard) -> None:
    text = "duration: 1s\nlayers: {bed: {engine: recording, file: bed.wav, width: 0.5}}\n"
    own, more = (
        parse_scene(text.replace("0.5", at), str(folder / "a.yaml")) for at in ("0.5", "1")
    )
    np.testing.assert_array_equal(heard(own)[0], heard(more)[0])


def test_each_stem_has_a_dither_of_its_own(renderer: Renderer, tmp_path: Path) -> None:
    text = WINDY.replace("3s", "1s").replace(", loudness: -23 LUFS", "")
    stems = {name: tmp_path / f"a.{name}.wav" for name in ("wind", "rain")}
    found = []
    for bits in ("16", "32f"):
        scene = parse_scene(text.replace("stereo", f"stereo, bits: {bits}"))
        renderer.render(scene, tmp_path / "a.wav", stems=stems, force=True)
        found.append([read(path)[:, 0] for path in (tmp_path / "a.wav", *stems.values())])
    errors = np.subtract(*found)
    assert np.abs(np.corrcoef(errors) - np.eye(3)).max() < 0.05


def test_what_is_told_of_several_layers_is_told_once() -> None:
    told = [("rain", "one"), ("wind", "both"), ("rain", "both"), ("wind", "one too")]
    assert of_layers(told, True) == ["rain: one", "both", "wind: one too"]
    assert of_layers(told, False) == ["one", "both", "one too"]


def test_a_loops_length_is_rounded_where_a_rate_needs_it(renderer: Renderer) -> None:
    told: list[Message] = []
    text = "duration: 4003ms\nloop: true\nlayers: {w: {engine: procedural, states: {wind: "
    subject = parse_scene(text + "{curve: 0.4}}}}\noutput: {sample_rate: 44100}\n")
    report = Renderer("cpu", 1, told.append).render(subject, "/dev/null")
    assert report.duration_s == 4.0
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert "the loop lasts 4s, not 4s3ms: whole samples at 44100 Hz" in notices


@pytest.mark.slow
def test_the_sidecar_tells_layers_joins_and_recordings(scene: Scene, tmp_path: Path) -> None:
    light = only(scene, "rain", "bed")
    rule = SidecarRule(tmp_path / "a.json")
    stems = {name: tmp_path / f"a.{name}.wav" for name in ("rain", "bed", "events")}
    renderer = Renderer("cpu", 1)
    report = renderer.render(light, tmp_path / "a.wav", stems=stems, sidecar=rule)
    told = json.loads((tmp_path / "a.json").read_text())
    rain, bed, events = told["layers"]
    assert told["joins_s"] == rain["joins_s"] and told["joins_s"]
    assert rain["model"]["name"] == "pocket" and len(bed["sha256"]) == 64
    assert events["engine"] == "procedural" and "model" not in events
    assert (told["channels"], told["layout"], told["bits"]) == (2, "stereo", "32f")
    assert told["samples"] == 4 * RATE and told["sha256"] == report.sha256
    assert told["stems"]["bed"] == {"file": "a.bed.wav", "sha256": report.stems["bed"]["sha256"]}
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    renderer.render(light, tmp_path / "a.wav", stems=stems, sidecar=rule, force=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_old_sidecar_tells_of_stems_that_are_being_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed between a stem and the mix leaves none that is wrong."""
    text = "duration: 1s\nlayers:\n  a: {engine: procedural, states: {wind: {curve: 0.4}}}\n"
    stems = {"a": tmp_path / "a.a.wav"}
    there: list[tuple[str, bool]] = []
    take_name = Part.take_name

    def watched(part: Part, force: bool) -> None:
        there.append((part.path.name.split(".wav")[0], (tmp_path / "a.json").exists()))
        take_name(part, force)

    renderer = Renderer("cpu", 1)
    for seed in (1, 2):
        monkeypatch.setattr(Part, "take_name", watched if seed == 2 else take_name)
        rule = SidecarRule(tmp_path / "a.json", force=seed == 2)
        scene = parse_scene(f"seed: {seed}\n{text}")
        renderer.render(scene, tmp_path / "a.wav", stems=stems, sidecar=rule, force=seed == 2)
    assert [is_there for name, is_there in there if name == "a.a"] == [False]
    assert (tmp_path / "a.json").exists()


# --- room on the disk ---------------------------------------------------------------------------

WINDY = """
duration: 3s
layers:
  wind: {engine: procedural, states: {wind: {curve: 0.3}}}
  rain: {engine: procedural, states: {rain: {curve: 0.3}}}
output: {layout: stereo, loudness: -23 LUFS}
"""


class _Disk:
    def __init__(self, free: int) -> None:
        self.total, self.free = 2**50, free


@pytest.mark.parametrize(
    ("loop", "between_s", "stems"),
    [(False, (None, None), False), (False, (1.0, 2.0), False), (True, (None, None), True)],
)
def test_the_room_that_a_loudness_takes_is_known_to_the_byte(
    renderer: Renderer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loop: bool,
    between_s: tuple[float | None, float | None],
    stems: bool,
) -> None:
    scene = replace(parse_scene(WINDY), loop=loop)
    output = tmp_path / "a.wav"
    beside = {name: tmp_path / f"a.{name}.wav" for name in ("wind", "rain")} if stems else {}
    spooled, write = 0, Spool.write

    def counted(spool: Spool, block: Samples) -> None:
        nonlocal spooled
        spooled += block.nbytes
        write(spool, block)

    foreseen: list[tuple[int, int, Path]] = []
    monkeypatch.setattr(Spool, "write", counted)
    monkeypatch.setattr("ambientgen.job.check_room", lambda *told: foreseen.append(told))
    renderer.render(scene, output, Asked(between_s=between_s), stems=beside)
    ((spool_bytes, file_bytes, folder),) = foreseen
    written = sum(path.stat().st_size for path in (output, *beside.values()))
    assert (spool_bytes, folder) == (spooled, tmp_path)
    assert 0 < written - file_bytes < 2000 * (1 + len(beside))  # their tags


@pytest.mark.parametrize(
    ("loop", "asked", "told"),
    [
        (False, Asked(), 0),
        (False, Asked(between_s=(1.0, 2.0)), 1),
        (True, Asked(between_s=(1.0, 2.0)), 1),
        (True, Asked(), 0),
        (True, Asked(7.5), 0),  # more than a turn: nothing is rendered for the measure alone
    ],
)
def test_what_is_rendered_for_a_loudness_alone_is_told(loop: bool, asked: Asked, told: int) -> None:
    job = Job.of(replace(parse_scene(WINDY), loop=loop), asked)
    notices = [each.text for each in job.notices(job.scene, "a.wav", job.encoding(None))]
    assert notices == ["all of the scene is rendered, to measure its loudness"] * told


@pytest.mark.parametrize("end_s", [4.0, 5.0, 6.0])
def test_what_is_endless_but_for_its_end_is_a_whole_that_ends_there(end_s: float) -> None:
    """Of a scene of 5 s: one that is shorter, as long, and longer than that."""
    scene = replace(parse_scene(WINDY), duration_s=5.0)
    scene = replace(scene, output=replace(scene.output, fade_out_s=2.0))
    job = Job.of(scene, Asked(math.inf, (None, end_s)))
    assert job.asked == Asked(end_s, (None, end_s))
    assert job.master.fades == Job.of(scene, Asked(end_s)).master.fades


def test_fades_longer_than_a_short_render_share_it_and_that_is_told() -> None:
    output = OutputOptions(fade_in_s=10.0, fade_out_s=20.0)
    scene = replace(parse_scene(WINDY), duration_s=60.0, output=output)
    whole, short = Job.of(scene, Asked()), Job.of(scene, Asked(6.0))
    assert (whole.master.fades.in_samples, whole.master.fades.out_samples) == (160_000, 320_000)
    assert (short.master.fades.in_samples, short.master.fades.out_samples) == (32_000, 64_000)
    told = [each.text for each in short.notices(scene, "a.wav", short.encoding(None))]
    assert told == ["the fades are longer than the sound, and shortened to share it"]
    assert not list(whole.notices(scene, "a.wav", whole.encoding(None)))


def test_fades_that_fill_a_scene_are_no_longer_than_it() -> None:
    output = OutputOptions(fade_in_s=4.0, fade_out_s=6.001, sample_rate=44_100)
    job = Job.of(replace(parse_scene(WINDY), duration_s=10.001, output=output), Asked())
    assert (job.master.fades.in_samples, job.master.fades.out_samples) == (176_400, 264_644)


@pytest.mark.parametrize("between_s", [(-5.0, 3.0), (math.nan, 3.0), (0.0, math.nan), (-1.0, None)])
def test_moments_before_the_start_or_none_at_all_are_refused(
    between_s: tuple[float | None, float | None],
) -> None:
    with pytest.raises(UsageError, match=r"--(from|to): `.*s` is no moment of a sound"):
        Job.of(parse_scene(WINDY), Asked(None, between_s))


def test_a_disk_without_room_for_a_loudness_is_told_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: _Disk(3_000_000_000))
    (tmp_path / "windy.yaml").write_text(WINDY.replace("duration: 3s", "duration: 24h"))
    asked = ["render", str(tmp_path / "windy.yaml"), "-o"]
    assert run([*asked, str(tmp_path / "a.wav")]) == ExitCode.OUTPUT
    said = capfd.readouterr().err
    assert said == (
        f"ambientgen: {tmp_path}: to set its loudness, the sound is kept there: 11.1 GB are "
        "needed, and 5.5 GB for what is written; the disk has 3.0 GB left; free some, write to "
        "another disk with -o, or take out `loudness`\n"
    )
    assert run([*asked, "-"]) == ExitCode.OUTPUT
    assert (
        "11.1 GB are needed; the disk has 3.0 GB left; free some, name a folder elsewhere in "
        in (capfd.readouterr().err)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["windy.yaml"]


def test_a_disk_that_does_not_hold_a_mix_and_its_stems_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = replace(parse_scene(WINDY), duration_s=86_400.0)
    scene = replace(scene, output=replace(scene.output, loudness_lufs=None))
    job, output = Job.of(scene, Asked()), tmp_path / "a.wav"
    encoding = job.encoding(None)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: _Disk(6_000_000_000))
    stems = [tmp_path / f"a.{name}.wav" for name in ("wind", "rain")]
    with pytest.raises(OutputError, match=r"a\.wav: 3 files together need .* has 6000.0 MB left"):
        job.check_room(output, encoding, stems)
    job.check_room(output, encoding, ())  # one alone is
    job.check_room(output, encoding, [Path("/dev/null")] * 2)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_loop_off_the_grid_of_samples_comes_round_to_the_bit(rate: int, tmp_path: Path) -> None:
    """Its layers, of several engines, agree on how long a turn is, and the file is all of it."""
    sound = 0.1 * np.random.default_rng(1).standard_normal(8 * RATE)
    soundfile.write(tmp_path / "bed.wav", sound, RATE)
    text = (
        "duration: 5.3333s\nloop: true\nlayers:\n"
        "  w: {engine: procedural, states: {wind: {curve: 0.4}}}\n"
        f"  b: {{engine: recording, file: {tmp_path}/bed.wav}}\n"
        f"output: {{sample_rate: {rate}}}\n"
    )
    renderer = Renderer("cpu", 1)
    for name, length_s in (("once", None), ("often", 17.0)):
        renderer.render(parse_scene(text), tmp_path / f"{name}.wav", Asked(length_s))
    once, often = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("once", "often"))
    assert len(once) == round(5.3333 * 16_000) * rate // 16_000
    np.testing.assert_array_equal(often[: 3 * len(once)], np.tile(once, 3))
    assert b"smpl" in (tmp_path / "once.wav").read_bytes()
