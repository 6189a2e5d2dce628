"""Pictures: what is shown is what the scene does, nothing overlaps, bytes are the same again."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ambientgen.cli import app
from ambientgen.curves import Constant, Points
from ambientgen.ear import listen
from ambientgen.ear.report import report
from ambientgen.errors import ExitCode
from ambientgen.models.registry import resolve
from ambientgen.picture.draw import Sounding, picture, time_ticks
from ambientgen.picture.likeness import Likeness
from ambientgen.picture.rows import COLOURS
from ambientgen.picture.sound import sound_timeline
from ambientgen.picture.spectrogram import spectrogram
from ambientgen.picture.timeline import Line, Strip, clock, timeline, wordings
from ambientgen.picture.words import Word, placed, shortened
from ambientgen.plan import make_plan
from ambientgen.scene import load_scene, parse_scene
from ambientgen.scene.document import scene_document
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.scene import Scene
from ambientgen.sidecar import FORMAT, Asked

SCENES = Path(__file__).parent.parent / "scenes"


def run(*arguments: object) -> int:
    """The command line in this process; its exit code."""
    return app.run([str(argument) for argument in arguments])


def many(count: int, length: str) -> Scene:
    states = "".join(
        f"  sound_{i}:\n    levels: [~, some sound {i}, much of sound {i}]\n"
        f"    curve: {{0%: {i / count:.2f}, 50%: {1 - i / count:.2f}, 100%: 0.3}}\n"
        for i in range(count)
    )
    return parse_scene(f"title: Many\nduration: {length}\nstates:\n{states}", "many.yaml")


def layered() -> Scene:
    rain = load_scene(SCENES / "rain.yaml").states
    turning = Ranged(curve=Points((0.0, 60.0), (0.0, 1.0), ("linear", "linear")), low=-90, high=90)
    often = Ranged(curve=Constant(0.5), low=0.0, high=8.0)
    thunder = (Event(sound="thunder", at_s=12.0), Event(sound="thunder", rate=often))
    layers = (
        Layer(name="rain", states=rain[:1], placement=Placement(direction=turning)),
        Layer(name="sky", engine="procedural", events=thunder),
        Layer(name="bed", engine="recording", file="birds.flac"),
    )
    return Scene(title="Cabin", duration_s=60.0, layers=layers)


def size_of(png: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.size


# What there is to see


def test_a_timeline_holds_curves_prompts_and_windows() -> None:
    scene = load_scene(SCENES / "rain.yaml")
    shown = timeline(scene, points=121)
    (strip,) = shown.strips
    assert [line.name for line in strip.curves] == ["rain", "wind"]
    np.testing.assert_allclose(
        strip.curves[0].values, scene.states[0].value(np.linspace(0, 120, 121))
    )
    assert strip.keyframes[0].time_s == 0
    assert strip.keyframes[0].text == "light rain and a light breeze, an open field"
    starts = [start for start, _ in strip.windows]
    assert starts == sorted(starts) and starts[0] <= 0 and strip.windows[-1][1] >= 120
    assert (shown.start_s, shown.end_s, shown.loops) == (0, 120, False)


def test_wordings_say_a_setting_once_and_a_prompt_when_it_changes() -> None:
    (strip,) = timeline(load_scene(SCENES / "rain.yaml")).strips
    said = [text for _, text in wordings(strip, 120.0)]
    assert said[0] == "light rain and a light breeze"
    assert all(one != other for one, other in itertools.pairwise(said))
    assert all(mark.time_s < 120 for mark, _ in wordings(strip, 120.0))


def test_a_stretch_begins_with_what_is_being_said() -> None:
    shown = timeline(load_scene(SCENES / "rain.yaml"), Asked(None, (60.0, 70.0)))
    (strip,) = shown.strips
    assert shown.times_s[[0, -1]].tolist() == [60, 70]
    assert strip.keyframes[0].time_s == 60 and "heavy rain" in strip.keyframes[0].text
    assert all(60 <= mark.time_s <= 70 for mark in strip.keyframes)


def test_a_loop_that_goes_round_twice_shows_both_turns() -> None:
    scene = replace(load_scene(SCENES / "rain.yaml"), loop=True, duration_s=60.0)
    once, twice = timeline(scene), timeline(scene, Asked(2 * scene.duration_s))
    assert once.loops and not twice.loops
    first = [mark for mark in once.strips[0].keyframes if mark.time_s < scene.duration_s]
    later = [mark for mark in twice.strips[0].keyframes if mark.time_s >= scene.duration_s]
    assert [mark.text for mark in later[: len(first)]] == [mark.text for mark in first]
    values = twice.strips[0].curves[0].values
    np.testing.assert_allclose(values[:598], values[600:1198], atol=0.02)


@pytest.mark.parametrize("between_s", [(None, None), (10.0, 15.0), (0.0, 3.84)])
@pytest.mark.parametrize("loop", [False, True])
def test_a_plan_counts_the_windows_that_are_drawn(
    between_s: tuple[float | None, float | None], loop: bool
) -> None:
    scene = replace(load_scene(SCENES / "rain.yaml"), loop=loop, duration_s=30.0)
    (strip,) = timeline(scene, Asked(None, between_s)).strips
    spec = resolve(scene.model)
    plan = make_plan(scene, spec.geometry, spec.rule, Asked(None, between_s))
    assert len(plan.sounding) < len(plan.windows) or loop
    around = {(start % 30.0 if loop else start) for start, _ in strip.windows}
    assert len(plan.sounding) == len({round(start_s, 3) for start_s in around})
    assert strip.plan is not None and strip.plan.sounding == plan.sounding


def test_layers_show_places_events_and_rates() -> None:
    rain, sky, bed = timeline(layered()).strips
    assert [line.name for line in rain.places] == ["direction"]
    assert rain.places[0].values[[0, -1]].tolist() == [-90, 90]
    assert rain.keyframes and rain.windows
    assert (12.0, "thunder") in [(mark.time_s, mark.text) for mark in sky.events]
    assert 2 <= len(sky.events) <= 12  # one, and some four in a minute
    times_s = [mark.time_s for mark in sky.events]
    assert times_s == sorted(times_s) and times_s[0] >= 0 and times_s[-1] <= 60
    assert sky.rates[0].values[0] == 4.0 and sky.plan is None
    assert (bed.about, bed.curves) == ("birds.flac", ())


def test_a_rate_is_labelled_whole_and_dotted() -> None:
    often = Ranged(curve=Points((0.0, 60.0), (0.25, 1.0), ("linear", "linear")), low=0, high=20)
    events = (Event(sound="conversation", rate=often),)
    sky = Layer(name="sky", engine="procedural", events=events)
    svg = picture(timeline(Scene(title="Talk", duration_s=60.0, layers=(sky,))), "svg").decode()
    assert re.search(r"conv[a-z]*… 5 to 20/min", svg)
    line = next(line for line in svg.splitlines() if "stroke-dasharray" in line)
    assert "stroke-dasharray: 1.8,2.97" in line  # matplotlib's dots, 1.8 points thick


def test_what_rests_is_told_in_words() -> None:
    still = Placement(
        gain_db=Ranged(curve=Constant(0.5), low=-12, high=0),
        distance=Ranged(curve=Constant(0.25), low=0, high=1),
    )
    bed = Layer(name="bed", engine="recording", file="a.wav", placement=still)
    (strip,) = timeline(Scene(title="Bed", duration_s=9.0, layers=(bed,))).strips
    assert (strip.places, strip.about) == ((), "a.wav, gain −6 dB, distance 0.25")


def test_a_model_that_is_not_here_leaves_out_prompts_and_says_so() -> None:
    shown = timeline(replace(load_scene(SCENES / "rain.yaml"), model="audioldm2-none"))
    assert shown.strips[0].plan is None and not shown.strips[0].keyframes
    assert len(shown.notices) == 1 and "left out" in shown.notices[0]


# Words that do not overlap


def boxes_apart(words: list[Word], gap: float) -> None:
    for one, other in itertools.combinations(words, 2):
        if one.row == other.row:
            first, second = sorted((one, other), key=lambda word: word.left)
            assert first.left + first.width + gap <= second.left + 1e-9
        above, below = sorted((one, other), key=lambda word: word.row)
        if above.row < below.row:  # the leader of the lower one passes the upper one
            assert not above.left < below.left < above.left + above.width


@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.text("ab ", min_size=1, max_size=60)), min_size=1, max_size=30
    ),
    st.integers(1, 6),
)
def test_placed_words_never_meet(texts: list[tuple[float, str]], rows: int) -> None:
    texts = sorted(texts)
    words = placed(texts, lambda text: len(text) * 0.07, 10.0, rows, 0.1)
    boxes_apart(words, 0.1)
    assert all(0 <= word.row < rows and word.left + word.width <= 10 + 1e-9 for word in words)
    assert all(word.left == texts[word.index][0] for word in words)


def test_words_with_room_stay_whole_in_one_row() -> None:
    words = placed(
        [(0.0, "light rain"), (5.0, "heavy rain")], lambda text: len(text) * 0.1, 10, 6, 0.1
    )
    assert [(word.text, word.row) for word in words] == [("light rain", 0), ("heavy rain", 0)]


def test_thousands_of_words_are_placed_from_start_to_end() -> None:
    texts = [(i / 500, f"light rain number {i}") for i in range(5_000)]
    words = placed(texts, lambda text: len(text) * 0.07, 10.0, 6, 0.1)
    boxes_apart(words, 0.1)
    assert len(words) > 10 and words[0].index == 0 and words[-1].left > 7


def test_texts_are_shortened_at_words() -> None:
    text = "a howling gale, heavy rain and loud claps of thunder"
    assert shortened(text, 100, len) == text
    assert shortened(text, 30, len) == "a howling gale, heavy rain…"
    assert shortened(text, 5, len) is None


# The picture


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 6, 7, 32])
@pytest.mark.parametrize("length", ["10s", "10h"])
def test_any_number_of_states_and_any_length_make_a_picture(count: int, length: str) -> None:
    wide, high = size_of(picture(timeline(many(count, length)), "png"))
    assert wide == 1_200 and 800 <= high <= 1_000


def test_an_svg_has_the_same_bytes_again_and_a_png_too() -> None:
    flat = np.linspace(0, 60, 20)
    alike = Likeness(flat, np.cos(flat / 99), np.cos(flat / 70), "end", ((30.0, 0.9),))
    for kind in ("svg", "png"):
        one, other = (picture(timeline(layered()), kind, {"rain": alike}) for _ in range(2))
        assert one == other
    assert re.search(rb"<svg[^>]*viewBox", picture(timeline(layered()), "svg"))


def test_a_title_with_formulas_and_unknown_letters_is_drawn_as_it_is() -> None:
    scene = replace(load_scene(SCENES / "rain.yaml"), title="$x_1$ & <b> 雨 \\frac{")
    assert picture(timeline(scene, Asked(None, (0, 5))), "png").startswith(b"\x89PNG")


def test_colours_can_be_read_on_white() -> None:
    for colour in COLOURS:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
        assert 1.05 / (luminance + 0.05) >= 4.5, colour


@given(st.floats(1, 400_000), st.floats(0, 1e6))
def test_ticks_are_few_and_inside(length_s: float, start_s: float) -> None:
    ticks = time_ticks(start_s, start_s + length_s)
    assert len(ticks) <= 12
    assert all(start_s <= tick <= start_s + length_s for tick in ticks)


def test_clock() -> None:
    assert [clock(t) for t in (0, 65, 3_600, 36_000.4)] == ["0:00", "1:05", "1:00:00", "10:00:00"]


# Sounds


def tone(path: Path, hz: float, seconds: float = 4.0, rate: int = 16_000) -> Path:
    time_s = np.arange(int(seconds * rate)) / rate
    samples = 0.5 * np.sin(2 * np.pi * hz * time_s) * (time_s >= seconds / 2)
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def test_a_spectrogram_shows_a_tone_where_and_when_it_sounds(tmp_path: Path) -> None:
    seen = spectrogram(tone(tmp_path / "tone.wav", 1_000.0), columns=40, rows=64)
    loudest = int(seen.levels_db[:, 30].argmax())
    assert seen.edges_hz[loudest] <= 1_030 and seen.edges_hz[loudest + 1] >= 970
    assert seen.levels_db.max() == 0 and seen.levels_db[:, :18].max() < -60
    shades = seen.shades()
    assert shades.shape == (64, 40) and shades[63 - loudest, 30] > 230 and shades[:, 5].max() == 0


def test_a_spectrogram_of_an_mp3_is_that_of_what_it_decodes_to(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whose decoder, sent to and fro, gives other samples, and says so on standard error."""
    played = 0.1 * np.random.default_rng(3).standard_normal(6 * 16_000)
    soundfile.write(tmp_path / "a.mp3", played, 16_000)
    decoded, rate = soundfile.read(tmp_path / "a.mp3")
    soundfile.write(tmp_path / "a.wav", decoded, rate, subtype="FLOAT")
    found, wanted = (spectrogram(tmp_path / name, 1.0, 5.0) for name in ("a.mp3", "a.wav"))
    np.testing.assert_allclose(found.levels_db, wanted.levels_db, atol=0.1)
    assert capfd.readouterr().err == ""


def test_a_spectrogram_of_silence_is_dark(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "still.wav", np.zeros(32_000), 16_000)
    assert spectrogram(tmp_path / "still.wav", columns=10).shades().max() == 0


@pytest.mark.parametrize("size", [np.nan, np.inf, 1e300])
def test_a_spectrogram_leaves_out_what_is_no_sample(size: float, tmp_path: Path) -> None:
    samples = np.sin(0.3 * np.arange(32_000))
    samples[8_000] = size
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="DOUBLE")
    seen = spectrogram(tmp_path / "a.wav", columns=10).levels_db
    assert np.isfinite(seen).all() and np.ptp(seen.max(axis=0)) < 6


def test_plot_draws_a_scene_without_the_model(tmp_path: Path) -> None:
    target = tmp_path / "rain.svg"
    code = run(
        "plot", SCENES / "rain.yaml", "-o", target, "--no-loa", "--from", "10s", "--to", "1m"
    )
    assert code == ExitCode.DONE and b"<svg" in target.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["rain.svg"]


def test_plot_asks_the_model_how_alike_moments_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default, LOA is in the picture; the start is like itself, and rain is not like the sea."""
    from ambientgen.picture import draw

    seen: list[dict[str, Likeness]] = []

    def spy(shown: object, kind: str, likeness: dict[str, Likeness], sounding: object) -> bytes:
        seen.append(likeness)
        return b""

    monkeypatch.setattr(draw, "picture", spy)
    target = tmp_path / "a.png"
    together = ("--set", "apart=false")
    ran = run("plot", SCENES / "rain.yaml", "-o", target, "--duration", "30s", *together)
    assert ran == ExitCode.DONE
    ((alike,),) = (found.values() for found in seen)
    assert alike.to_start[0] == pytest.approx(1)
    assert alike.to_other[-1] == pytest.approx(1) and alike.to_start.min() < 0.9999
    assert np.abs(alike.to_start).max() <= 1 + 1e-9


SPEAKING = """
title: Three layers
duration: 30s
layers:
  sky: {states: {rain: {curve: {0s: 0.1, 30s: 0.9}}}}
  hearth: {engine: procedural, states: {fire: {curve: 0.5}}, strength: 0.4}
  wind: {engine: procedural, states: {wind: {curve: 0.5}}}
"""


def test_plot_draws_likeness_below_each_layer_that_a_model_hears_of(tmp_path: Path) -> None:
    scene = tmp_path / "three.yaml"
    scene.write_text(SPEAKING)
    sky, hearth, wind = timeline(load_scene(scene)).strips
    assert sky.windows and hearth.keyframes[0].text and not wind.keyframes
    for arguments, rows in (((), 2), (("--no-loa",), 0)):
        target = tmp_path / f"{rows}.svg"
        assert run("plot", scene, "-o", target, *arguments) == ExitCode.DONE
        assert target.read_text().count("<!-- LOA likeness -->") == rows


def test_a_layer_whose_model_is_not_here_leaves_the_others_their_likeness(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = tmp_path / "three.yaml"
    scene.write_text(SPEAKING.replace("strength: 0.4", "strength: 0.4, model: audioldm2-none"))
    assert run("plot", scene, "-o", tmp_path / "a.svg") == ExitCode.DONE
    assert (tmp_path / "a.svg").read_text().count("<!-- LOA likeness -->") == 1
    assert "audioldm2-none" in capsys.readouterr().err


def test_plot_draws_a_sound_that_nothing_is_told_of(tmp_path: Path) -> None:
    sound = tone(tmp_path / "tone.wav", 440.0)
    assert run("plot", sound, "-o", tmp_path / "tone.png") == ExitCode.DONE
    assert size_of((tmp_path / "tone.png").read_bytes()) == (1_200, 800)


@pytest.mark.parametrize(("samples", "title"), [(64_000, "tone.wav: Rain"), (64_001, "tone.wav")])
def test_a_sidecar_of_another_sound_is_not_drawn(samples: int, title: str, tmp_path: Path) -> None:
    sound = tone(tmp_path / "tone.wav", 440.0)
    scene = scene_document(replace(load_scene(SCENES / "rain.yaml"), title="Rain"))
    told = {"format": FORMAT, "asked": Asked().to_json(), "scene": scene, "sha256": ""}
    told |= {"samples": samples, "sample_rate": 16_000}
    (tmp_path / "tone.json").write_text(json.dumps(told))
    assert sound_timeline(str(sound))[0].title == title


def test_of_a_stem_its_layer_is_drawn(tmp_path: Path) -> None:
    """By the sidecar of the mix: it has none of its own."""
    sound = tone(tmp_path / "mix.wind.wav", 440.0)
    text = (
        "duration: 4s\nlayers: {rain: {states: {rain: {curve: 0.5}}}, wind: {engine: procedural, "
    )
    scene = scene_document(parse_scene(text + "states: {wind: {curve: 0.5}}}}\n"))
    told = {"format": FORMAT, "asked": Asked().to_json(), "scene": scene, "sha256": ""}
    told |= {"samples": 64_000, "sample_rate": 16_000}
    told["stems"] = {"wind": {"file": sound.name, "sha256": ""}}
    (tmp_path / "mix.json").write_text(json.dumps(told))
    shown = sound_timeline(str(sound))[0]
    assert [strip.name for strip in shown.strips] == ["wind"]
    sound.rename(tmp_path / "mix.rain.wav")
    assert not sound_timeline(str(tmp_path / "mix.rain.wav"))[0].strips, "it is none"


def test_a_sound_picture_is_of_the_asked_stretch(tmp_path: Path) -> None:
    seen = spectrogram(tone(tmp_path / "tone.wav", 440.0), 2.5, 3.5, columns=12)
    assert (seen.start_s, seen.end_s) == (2.5, 3.5) and seen.levels_db.max(axis=0).min() > -6
    shown = timeline(load_scene(SCENES / "rain.yaml"), Asked(None, (0, 4)))
    assert picture(shown, "png", {}, Sounding(seen, (3.0,))).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rain.yaml", "-o", "a.gif"), "no kind of picture"),
        (("nope.PNG",), "`nope.PNG` is a picture; name a scene file, or a sound file"),
        (("rain.yaml", "-o", "none/a.png"), "there is no folder none"),
        (("rain.yaml", "-o", "there.png"), "exists already"),
        (("rain.yaml", "--from", "3m"), "there is nothing between"),
        (("rain.yaml", "--to", "3m"), "lies past the end"),
        (("none.yaml",), "none.yaml"),
        (("broken.wav",), "cannot be read as sound"),
        (("tone.wav", "--to", "9s"), "lies past the sound's end"),
        (("tone.wav", "--duration", "2s"), "lasts as long as it lasts"),
        (("tone.wav", "--seed", "2"), "--seed: a sound file is made already"),
        (("tone.wav", "--model", "pocket"), "--model: a sound file is made already"),
        (("tone.wav", "--set", "seed=2"), "--set: a sound file is made already"),
        (("",), "SCENE|FILE: is empty; name a scene file, or a sound file"),
        ((".",), "SCENE|FILE: `.` is no file's name; name a scene file, or a sound file"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line_and_leaves_nothing(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rain.yaml").write_bytes((SCENES / "rain.yaml").read_bytes())
    Path("there.png").write_bytes(b"")
    Path("broken.wav").write_bytes(b"RIFF of nothing")
    tone(tmp_path / "tone.wav", 440.0)
    before = sorted(file.name for file in tmp_path.iterdir())
    assert run("plot", *arguments) in {ExitCode.BAD_INPUT, ExitCode.OUTPUT}
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["plot", "preview"])
def test_a_picture_does_not_replace_what_it_is_of(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rain.yaml").write_bytes((SCENES / "rain.yaml").read_bytes())
    name = {"plot": "link.png", "preview": "link.html"}[command]
    Path(name).symlink_to("rain.yaml")
    assert app.run([command, "rain.yaml", "--force", "-o", name]) == ExitCode.BAD_INPUT
    said = f"ambientgen: -o: {name} is read here; name another file\n"
    assert capsys.readouterr().err == said
    assert Path("rain.yaml").read_bytes() == (SCENES / "rain.yaml").read_bytes()


def test_a_strip_of_one_value_is_drawn() -> None:
    flat = Line(name="flat", values=np.zeros(10), low=0.0, high=0.0)
    shown = replace(
        timeline(layered(), points=10), strips=(Strip(name="a", engine="model", curves=(flat,)),)
    )
    assert picture(shown, "png").startswith(b"\x89PNG")


# In a terminal


def test_plan_draws_each_state_with_its_range_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    together = ["--set", "apart=false"]
    assert app.run(["plan", str(SCENES / "rain.yaml"), *together]) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    rain, wind, axis = lines[3:6]
    assert re.fullmatch(
        r"  rain  ([▁-█]{40})  0\.15 to 0\.90 light rain … a torrential downpour", rain
    )
    assert "█" not in wind and "0.25 to 0.60" in wind
    assert axis.split() == ["0s", "2m"] and len(axis) == 8 + 40
    assert all(len(line) <= 100 for line in lines[3:6])


def test_plan_tells_of_states_that_are_apart_one_by_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert app.run(["plan", str(SCENES / "rain.yaml")]) == ExitCode.DONE
    parts = capsys.readouterr().out.split("\n\n")
    assert [part.split()[0] for part in parts[1:]] == ["rain:", "wind:"]
    assert "steady wind" not in parts[1] and "a steady wind, an open field" in parts[2]
    assert app.run(["plan", str(SCENES / "rain.yaml"), "--json"]) == ExitCode.DONE
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert [layer["states"] for layer in layers] == [["rain"], ["wind"]]
    plotted = ["plot", str(SCENES / "rain.yaml"), "--no-loa", "-o", str(tmp_path / "a.svg")]
    assert app.run(plotted) == ExitCode.DONE
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "heavy rain" in drawn and "heavy rain and" not in drawn


def test_a_sparkline_is_of_the_stretch(capsys: pytest.CaptureFixture[str]) -> None:
    stretch = ["--from", "55s", "--to", "70s"]
    assert app.run(["plan", str(SCENES / "rain.yaml"), *stretch]) == ExitCode.DONE
    rain = capsys.readouterr().out.splitlines()[4]
    assert len(set(rain.split()[1])) == 1 and "0.90 " in rain and " to " not in rain


def test_a_sound_damaged_in_its_middle_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(64_000), 16_000)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 3000] = bytes(3000)
    path.write_bytes(raw)
    assert app.run(["plot", str(path), "-o", str(tmp_path / "a.png")]) == ExitCode.BAD_INPUT
    assert "a.flac: cannot be read as sound (" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_sound_whose_name_is_no_text_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"r\xff.wav")
    soundfile.write(os.fsencode(path), 0.1 * np.ones(32_000), 16_000)
    shown, sounding = sound_timeline(str(path))
    assert shown.title == "r\ufffd.wav"
    assert picture(shown, "svg", {}, sounding)
    for suffix in (".html", ".png"):
        assert report(listen(path), suffix)


@pytest.mark.skipif(os.name == "nt", reason="names hold no such letters there")
def test_a_name_that_cannot_be_printed_is_drawn_as_xml(tmp_path: Path) -> None:
    path = tmp_path / "a\x01b\nc.wav"
    soundfile.write(path, 0.1 * np.ones(32_000), 16_000)
    shown, sounding = sound_timeline(str(path))
    assert shown.title == "a\ufffdb\ufffdc.wav"
    ElementTree.fromstring(picture(shown, "svg", {}, sounding))
