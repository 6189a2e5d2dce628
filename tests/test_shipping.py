"""Figures of what ships: each measure finds in a known signal what was put there."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ambientgen.audio_file import Encoding, Shape, open_sink, tags_for
from ambientgen.mix.spot import ear_delays_s
from ambientgen.training.pages import fill, filled
from ambientgen.training.scores.report import Table
from ambientgen.training.shipping import __main__ as script
from ambientgen.training.shipping import direction, joints, loudness, outputs, programs
from ambientgen.training.shipping import stems as stems_module
from ambientgen.training.shipping import width as width_module
from ambientgen.training.shipping.bench import Bench, Take

RATE = 48_000
NEEDS_PROGRAMS = pytest.mark.skipif(bool(programs.missing()), reason="no ffmpeg or SoX here")

Floats = NDArray[np.float64]


def tone(hertz: float, amplitude: float, seconds: float = 3.0, rate: int = RATE) -> Floats:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def floats(path: Path, sound: Floats, rate: int = RATE) -> Path:
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench("pocket", tmp_path)


# --- loudness and peaks


@NEEDS_PROGRAMS
def test_a_known_tone_has_its_loudness_and_peak(tmp_path: Path) -> None:
    """BS.1770: a full-scale tone of 997 Hz in one channel is at -3.01 LUFS."""
    path = floats(tmp_path / "tone.wav", tone(997, 10 ** (-20 / 20)))
    heard = programs.level(path)
    assert heard.lufs == pytest.approx(-23.0, abs=0.1)
    assert heard.peak_dbtp == pytest.approx(-20.0, abs=0.1)
    report: Any = None
    notice = "peaks over the ceiling from 1.0 s on: the limiter took off up to 6.4 dB"
    take = Take(path, report, (notice,))
    assert take.limited_db == 6.4
    figures = loudness._measured(take, heard)
    assert float(str(figures["LUFS (pyloudnorm)"])) == pytest.approx(-23.0, abs=0.1)


@NEEDS_PROGRAMS
def test_peaks_between_samples_are_found_by_all_three(tmp_path: Path) -> None:
    """A tone at a quarter of the rate, sampled at 45°: its samples are 3 dB below its crest."""
    sound = 0.5 * np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)
    assert np.abs(sound).max() == pytest.approx(0.5 / math.sqrt(2))
    edge = np.minimum(1, np.arange(RATE) / 4800)
    path = floats(tmp_path / "between.wav", sound * edge * edge[::-1])
    found = dict(loudness._peaks_of(path))
    assert len(found) == 3
    for program, peak in found.items():
        assert peak == pytest.approx(-6.02, abs=0.15), program


def test_what_is_missed_or_too_high_does_not_hold() -> None:
    assert loudness._holds(programs.Level(-22.6, -1.0), -23)
    assert not loudness._holds(programs.Level(-22.4, -1.0), -23)
    assert not loudness._holds(programs.Level(-23.0, -0.9), -23)
    assert loudness._holds(programs.Level(-40.0, -9.0), None)


# --- files read back


def written(path: Path, bits: str = "16") -> Path:
    shape = Shape(RATE, 2, RATE, "stereo", 0, RATE)
    sound = np.random.default_rng(1).normal(0, 0.1, (RATE, 2)).astype(np.float32)
    tags = tags_for("Regen", 7, "ab" * 32, "pocket", "Apache-2.0")
    with open_sink(path, Encoding(bits=bits, dither_seed=1), shape, tags) as sink:
        sink.write(sound)
    return path


@NEEDS_PROGRAMS
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.opus", "a.mp3"])
def test_other_programs_find_tags_and_loops(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    wav = name.endswith("wav")
    tags = programs.tagged(path)
    assert {key: tags.tags[key] for key in ("title", "seed", "model")} == {
        "title": "Regen",
        "seed": "7",
        "model": "pocket",
    }
    assert set(outputs.TAGS) <= tags.tags.keys()
    assert tags.seconds == pytest.approx(1, abs=0.1)
    loop = programs.smpl_loop(path) if wav else outputs._loop(tags.tags)
    assert loop == ((0, RATE - 1) if wav else (0, RATE))
    assert len(programs.decoded(path, 2)) == RATE
    assert programs.probe(path)["sample_rate"] == str(RATE)


@NEEDS_PROGRAMS
def test_what_a_program_cannot_read_is_none(tmp_path: Path) -> None:
    plain, fine = written(tmp_path / "a.wav"), written(tmp_path / "b.wav", "32f")
    assert programs.wave_info(plain) == (RATE, 2, 16, RATE)
    assert programs.wave_info(fine) is None
    assert programs.sox_info(plain) == (2, 16, RATE)
    (tmp_path / "c.wav").write_bytes(b"nothing")
    assert programs.sox_info(tmp_path / "c.wav") is None
    assert programs.smpl_loop(floats(tmp_path / "d.wav", tone(100, 0.1, 0.1))) is None


def test_every_format_and_layout_is_read_back(bench: Bench) -> None:
    kinds = list(outputs.kinds())
    names = [kind.name for kind in kinds]
    assert len(set(names)) == len(names)
    assert {"mono.mp3", "5.1.opus", "ambisonics-32f.wav", "stereo-24-96000.flac"} <= set(names)
    assert not {"5.1.mp3", "ambisonics.ogg", "stereo-32f.flac"} & set(names)
    for kind in kinds:
        output = outputs.scene_of(bench, kind).output
        assert (output.format, output.layout) == (kind.format, kind.layout)


@NEEDS_PROGRAMS
@pytest.mark.slow
def test_a_file_is_rendered_and_judged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SECONDS", 4.0)
    wanted = [outputs.Kind("stereo", "wav", "24"), outputs.Kind("mono", "opus")]
    (table,) = outputs.outputs(bench, wanted)
    assert [row.passed for row in table.rows] == [True, True]
    assert table.rows[0].figures["ffmpeg: samples"] == "192000"
    assert table.rows[0].figures["loop read back"] == "smpl 0–191999"


# --- joints


def test_an_error_at_an_end_is_seen_there() -> None:
    rng = np.random.default_rng(2)
    turn = rng.normal(0, 0.1, (RATE, 1)).astype(np.float32)
    wrong = rng.normal(0, 1e-3, turn.shape)
    wrong[-48:] *= 10
    last, first, worst = joints.errors_db(turn, turn + wrong)
    assert last == pytest.approx(20, abs=2) and last == worst
    assert abs(first) < 3


@NEEDS_PROGRAMS
def test_wavs_joint_passes_and_a_jump_does_not(tmp_path: Path) -> None:
    turn = joints.planted()["noise"][: 6 * RATE, :1]
    _, heard = joints.written(tmp_path, joints.WAYS[0], turn)
    assert len(heard) == len(turn)
    assert joints.joint_heard(tmp_path, heard).passed is True
    rising = heard * np.linspace(0.3, 1, len(heard))[:, None]
    assert joints.joint_heard(tmp_path, rising).passed is False


@NEEDS_PROGRAMS
def test_players_that_know_no_lame_header_play_the_padding(tmp_path: Path) -> None:
    turn = joints.planted()["tones"][:RATE]
    lengths = [len(joints.written(tmp_path, way, turn)[1]) for way in joints.WAYS[-2:]]
    assert lengths[0] == RATE < lengths[1]


def test_tones_go_round() -> None:
    tones = joints.planted()["tones"].astype(np.float64)
    step = np.abs(np.diff(tones, axis=0)).max()
    assert np.abs(tones[0] - tones[-1]).max() <= step


# --- stems


@NEEDS_PROGRAMS
def test_a_stem_that_is_off_is_told(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three known stems, the mix misses a part of one."""
    scene = """
duration: 4s
layers:
  one: {engine: procedural, states: {rain: {curve: 0.5}}}
  two: {engine: procedural, states: {rain: {curve: 0.5}}}
"""

    def take(self: Bench, made: Any, name: str, stems: dict[str, Path]) -> Take:
        for number, path in enumerate(stems.values()):
            floats(path, tone(200 + number, 0.1))
        mix = sum(tone(200 + number, 0.1) for number in range(len(stems)))
        report: Any = type("Report", (), {"channels": 1})
        return Take(floats(tmp_path / name, np.asarray(mix) + off), report)

    monkeypatch.setattr(Bench, "take", take)
    off = 0.0
    row = stems_module._row(bench, "two", scene, "32f")
    assert row.passed and float(str(row.figures["largest difference"])) < 1e-7
    off = 2e-6
    row = stems_module._row(bench, "two", scene, "32f")
    assert not row.passed
    assert float(str(row.figures["largest difference"])) == pytest.approx(2e-6, rel=0.1)


@NEEDS_PROGRAMS
@pytest.mark.slow
def test_stems_of_a_synthesised_scene_sum_up(bench: Bench) -> None:
    scene = """
duration: 4s
layers:
  rain: {engine: procedural, states: {rain: {curve: 0.4}}, gain: -9dB}
  wind: {engine: procedural, states: {wind: {curve: 0.4}}, gain: -9dB}
"""
    floats_row, rounded = (stems_module._row(bench, "both", scene, bits) for bits in ("32f", "16"))
    assert floats_row.passed and rounded.passed
    assert 1 <= int(str(rounded.figures["in steps"])) <= 4


# --- width


@NEEDS_PROGRAMS
@pytest.mark.parametrize("correlation", [1.0, 0.7, 0.0, -0.5])
def test_the_correlation_put_in_is_found(tmp_path: Path, correlation: float) -> None:
    shared, own = 0.05 * np.random.default_rng(3).standard_normal((2, 10 * RATE))
    other = correlation * shared + math.sqrt(1 - correlation**2) * own
    path = floats(tmp_path / "wide.wav", np.stack([shared, other], axis=1))
    found, loss_db = width_module.folded(path)
    assert found == pytest.approx(correlation, abs=0.01)
    assert loss_db == pytest.approx(-10 * math.log10((1 + correlation) / 2), abs=0.05)


def test_mono_may_lose_more_of_a_wide_sound() -> None:
    assert width_module.Measured("rain", 0.5, 0.7, 0.99).holds
    assert not width_module.Measured("rain", 0.5, 0.5, 1.01).holds
    assert width_module.Measured("rain", 1.0, 0.0, 3.2).holds
    assert not width_module.Measured("rain", 1.0, -0.1, 3.3).holds


@NEEDS_PROGRAMS
@pytest.mark.slow
@pytest.mark.parametrize("state", ["rain", "wind", "birds", "crickets"])
def test_pocket_folds_down_as_promised(bench: Bench, state: str) -> None:
    half, wide = (width_module.measured(bench, state, width, seconds=12) for width in (0.5, 1.0))
    assert 0.4 < half.fold_down_db < 1.0
    assert 2.0 < wide.fold_down_db <= 3.2
    assert abs(wide.correlation) < 0.1


@NEEDS_PROGRAMS
@pytest.mark.slow
def test_a_synthesised_sound_is_as_wide_as_asked(bench: Bench) -> None:
    narrow, wide = (
        width_module.measured(bench, "rain", each, "procedural", 6) for each in (0.0, 1.0)
    )
    assert narrow.correlation == pytest.approx(1, abs=0.001) and narrow.fold_down_db < 0.01
    assert abs(wide.correlation) < 0.1 and wide.holds


# --- direction


@NEEDS_PROGRAMS
@pytest.mark.parametrize("degrees", [-80.0, -30.0, 0.0, 12.5, 60.0])
def test_the_place_put_in_is_heard(tmp_path: Path, degrees: float) -> None:
    noise = 0.05 * np.random.default_rng(4).standard_normal(2 * RATE)
    angle = (1 + math.sin(math.radians(degrees))) * math.pi / 4
    left_s, right_s = ear_delays_s(degrees)

    def later(sound: Floats, by_s: float) -> Floats:
        turns = np.exp(-2j * np.pi * np.fft.rfftfreq(len(sound), 1 / RATE) * by_s)
        return np.fft.irfft(np.fft.rfft(sound) * turns, len(sound))

    left = math.cos(angle) * later(noise, left_s)
    right = math.sin(angle) * later(noise, right_s)
    path = floats(tmp_path / "placed.wav", np.stack([left, right], axis=1))
    by_level, by_delay = direction.heard_deg(path, 1)
    assert by_level == pytest.approx(degrees, abs=0.2)
    assert by_delay == pytest.approx(degrees, abs=0.5)


def test_errors_are_those_of_the_worst_second() -> None:
    course = [direction.Heard(0, 1, -0.5), direction.Heard(10, 4, 10)]
    row = direction._error_row("rain", course)
    assert row.figures["by level, largest"] == 6 and row.figures["by delay, mean"] == 0.25
    assert row.passed is False


# --- the script


def test_tables_go_to_their_places() -> None:
    page = "a\n<!-- figures: width -->\nold\n<!-- end of figures -->\nb\n"
    new = filled(page, {"width": "| 1 |\n", "stems": "| 2 |"})
    assert new == "a\n<!-- figures: width -->\n\n| 1 |\n\n<!-- end of figures -->\nb\n"
    assert filled(new, {"width": "| 1 |"}) == new
    assert filled(new, {"stems": "| 2 |"}) == new


def test_the_docs_have_a_place_for_every_measure(tmp_path: Path) -> None:
    docs = Path(__file__).parent.parent / "docs"
    for page in ("outputs.md", "loudness.md", "space.md"):
        shutil.copy(docs / page, tmp_path)
    for name in script.MEASURES:
        assert len(fill(tmp_path, {name: f"figures of {name}"})) == 1, name


def test_measures_are_printed_kept_and_put_into_the_docs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ambientgen.training.scores.report import Row

    def stems(_bench: Bench) -> Iterator[Table]:
        yield Table("stems", "Stems", "Near.", [Row("a", {"off": 1.5}, True)])

    monkeypatch.setitem(script.MEASURES, "stems", stems)
    monkeypatch.setattr(script, "missing", list)
    monkeypatch.setattr(script, "versions", lambda: {"sox": "14"})
    page = tmp_path / "a.md"
    page.write_text("<!-- figures: stems -->\n<!-- end of figures -->\n")
    kept = tmp_path / "a.json"
    script.main(["stems", "--json", str(kept), "--docs", str(tmp_path)])
    assert "| a | 1.50 | yes |" in capsys.readouterr().out
    assert "| a | 1.50 | yes |" in page.read_text()
    assert json.loads(kept.read_text())["tables"]["stems"]["passed"] == 1
    with pytest.raises(SystemExit):
        script.main(["lodness"])


def test_programs_that_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sox" else name)
    assert programs.missing() == ["sox"]
    with pytest.raises(SystemExit):
        script.main(["stems"])
    assert "sox must be installed" in capsys.readouterr().err


def test_a_programs_failure_is_not_a_figure(tmp_path: Path) -> None:
    if programs.missing():
        pytest.skip("no ffmpeg or SoX here")
    with pytest.raises(subprocess.CalledProcessError):
        programs.level(tmp_path / "missing.wav")
