"""The page: whole in itself, safe whatever a scene says, and (slow) a player in a real browser."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import soundfile

from ambientgen.asked import Asked
from ambientgen.cli import app, preview
from ambientgen.curves import Points
from ambientgen.errors import ExitCode, OutputError, Problem
from ambientgen.messages import Listener, Message, Notice, StemClips, ignore
from ambientgen.picture.spectrogram import spectrogram
from ambientgen.picture.timeline import timeline
from ambientgen.preview.page import Track, mask, page
from ambientgen.preview.tracks import packed
from ambientgen.scene import load_scene
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.scene import Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from ambientgen.cli.equipment import Equipment

SCENES = Path(__file__).parent.parent / "scenes"
RATE, LENGTH_S = 16_000, 12.0
NASTY = """</script><script>alert(1)</script><img src=x onerror=alert(2)> "quoted" & {{told}}"""


def cabin(title: str = "Cabin", loop: bool = False) -> Scene:
    """Three layers with a place, events and a recording."""
    rain = load_scene(SCENES / "rain.yaml").states
    turning = Points((0.0, LENGTH_S), (0.75, 0.25), ("linear", "linear"))
    aside = Ranged(curve=turning, low=-180, high=180)
    layers = (
        Layer(name="rain", states=rain[:1], placement=Placement(direction=aside), setting="a roof"),
        Layer(name="sky", engine="procedural", events=(Event(sound="thunder", at_s=4.0),)),
        Layer(name="bed", engine="recording", file="<b>birds</b>.flac"),
    )
    return Scene(title=title, duration_s=LENGTH_S, layers=layers, loop=loop)


def noise(path: Path, seed: int, channels: int = 1) -> Path:
    draws = np.random.default_rng(seed).normal(0, 0.1, (int(LENGTH_S * RATE), channels))
    soundfile.write(path, draws, RATE)
    return path


def made(scene: Scene, folder: Path, apart: bool = True) -> str:
    shown = timeline(scene)
    mix = noise(folder / "mix.wav", 0)
    tracks = [Track(None, packed(mix))]
    if apart:
        names = [strip.name for strip in shown.strips]
        tracks = [
            Track(name, packed(noise(folder / f"{i}.wav", i))) for i, name in enumerate(names)
        ]
    return page(shown, tracks, RATE, spectrogram(mix, columns=200, rows=40))


class Elements(HTMLParser):
    """Every element with its attributes, and the text that scripts and styles hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.inside.append((self.found[-1][0] if self.found else "", data))


def told(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="told">(.*?)</script>', text, re.S)
    document: dict[str, Any] = json.loads(found)
    return document


# The page as text


def test_a_page_asks_for_nothing_but_itself(tmp_path: Path) -> None:
    text = made(cabin(), tmp_path)
    elements = Elements(text)
    for tag, attributes in elements.found:
        assert not {"src", "href", "srcset", "action", "style"} & attributes.keys(), (
            tag,
            attributes,
        )
    assert {tag for tag, _ in elements.found}.isdisjoint({"link", "iframe", "object", "base"})
    bare = text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address to go to
    assert "http:" not in bare and "https:" not in bare and "{{" not in bare


def test_its_policy_allows_its_own_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    text = made(cabin(), tmp_path)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for pattern in (r"<style>(.*?)</style>", r"<script>(.*?)</script>"):
        (inside,) = re.findall(pattern, text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_what_a_scene_says_stays_text(tmp_path: Path) -> None:
    scene = cabin(NASTY)
    named = replace(scene.layers[1], name=NASTY)
    text = made(replace(scene, layers=(scene.layers[0], named, scene.layers[2])), tmp_path)
    tags = [tag for tag, _ in Elements(text).found]
    assert tags.count("script") == 2 and "img" not in tags
    assert text.count(html.escape(NASTY)) == 2  # title and heading
    assert told(text)["stems"][1]["name"] == NASTY


def test_a_page_holds_every_stem_at_full_length(tmp_path: Path) -> None:
    document = told(made(cabin(), tmp_path))
    assert [stem["name"] for stem in document["stems"]] == ["rain", "sky", "bed"]
    assert document["duration"] == LENGTH_S and document["rate"] == RATE
    for stem in document["stems"]:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(stem["data"])))
        assert (len(samples), rate) == (LENGTH_S * RATE, RATE)
    rain, sky, bed = document["stems"]
    assert rain["curves"][0]["name"] == "rain" and len(rain["curves"][0]["values"]) == 600
    assert rain["places"][0]["unit"] == "°" and rain["places"][0]["values"][0] == 90
    assert sky["events"] == [[4.0, "thunder"]] and bed["about"] == "<b>birds</b>.flac"


def test_a_mixture_has_one_track_and_prompts_from_its_start(tmp_path: Path) -> None:
    scene = load_scene(SCENES / "rain.yaml")
    shown = timeline(scene, Asked(between_s=(60.0, 72.0)))
    mix = noise(tmp_path / "mix.wav", 1)
    document = told(page(shown, [Track(None, packed(mix))], RATE, spectrogram(mix, columns=50)))
    (stem,) = document["stems"]
    assert stem["data"] and [line["name"] for line in stem["curves"]] == ["rain", "wind"]
    first = document["prompts"][0]
    assert first["time"] == 0 and first["stem"] == ""
    assert first["text"].endswith(", an open field")


def test_a_mix_of_layers_in_one_track_stands_above_them(tmp_path: Path) -> None:
    stems = told(made(cabin(), tmp_path, apart=False))["stems"]
    assert [bool(stem["data"]) for stem in stems] == [True, False, False, False]


def test_the_spectrogram_is_a_mask(tmp_path: Path) -> None:
    from PIL import Image

    seen = spectrogram(noise(tmp_path / "a.wav", 0), columns=64, rows=32)
    with Image.open(io.BytesIO(mask(seen))) as image:
        assert (image.size, image.mode) == ((64, 32), "LA")
        assert np.array_equal(np.asarray(image)[..., 1], seen.shades())


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("lossless", [False, True])
def test_packed_sound_keeps_length_rate_and_channels(
    channels: int, lossless: bool, tmp_path: Path
) -> None:
    path = noise(tmp_path / "a.wav", 0, channels)
    before, _ = soundfile.read(path, always_2d=True)
    after, rate = soundfile.read(io.BytesIO(packed(path, lossless)), always_2d=True)
    assert after.shape == before.shape and rate == RATE
    if lossless:
        assert np.array_equal(after, before)
    else:
        assert np.corrcoef(after[:, 0], before[:, 0])[0, 1] > 0.9


def test_floats_past_full_scale_stay_in_a_page(tmp_path: Path) -> None:
    loud = 1.5 * np.sin(np.arange(RATE) / 10)
    soundfile.write(tmp_path / "a.wav", loud, RATE, "FLOAT")
    after, _ = soundfile.read(io.BytesIO(packed(tmp_path / "a.wav")))
    assert after.max() > 1.3


class Quick:
    """Stands in for a renderer, and what makes it: noise, and what a loud stem is told with."""

    def __init__(self, failure: OutputError | None = None) -> None:
        self.failure = failure
        self.listener = ignore
        self.bits: list[str] = []

    def renderer(self, listener: Listener) -> Quick:
        self.listener = listener
        return self

    def render(
        self, scene: Scene, mix: Path, _asked: Asked, *, stems: dict[str, Path], **_more: Any
    ) -> None:
        if self.failure is not None:
            raise self.failure
        self.bits.append(scene.output.bits)
        if scene.output.bits != "32f":
            self.listener(StemClips("a stem clips: write `bits: 32f`", "a stem clips"))
        for path in (mix, *stems.values()):
            noise(path, 0)

    def page(self, lossless: bool) -> list[str]:
        """Make a page, and return what was told meanwhile."""
        heard: list[Message] = []
        scene = cabin()
        making = preview._Making(cast("Equipment", self), heard.append)
        making.page(scene, Asked(), timeline(scene), lossless)
        return [each.text for each in heard if isinstance(each, Notice)]


def test_stems_clip_in_lossless_pages_alone_and_that_is_told_with_a_remedy() -> None:
    quick = Quick()
    assert quick.page(lossless=False) == []
    assert quick.page(lossless=True) == ["a stem clips: leave out --lossless"]
    assert quick.bits == ["32f", "16"]


def test_a_temporary_folder_that_is_full_is_named_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    full = OutputError(Problem(str(tmp_path / "x" / "1.wav"), "the disk is full", "use -o"))
    remedy = "free some space there, or name a folder elsewhere in TMPDIR"
    with pytest.raises(OutputError) as caught:
        Quick(full).page(lossless=False)
    assert caught.value.problems == (Problem(str(tmp_path), "the disk is full", remedy),)
    assert list(tmp_path.iterdir()) == []
    gone = str(tmp_path / "gone")
    monkeypatch.setattr(tempfile, "tempdir", gone)
    with pytest.raises(OutputError) as caught:
        Quick().page(lossless=False)
    what = "cannot be written to (no such file or directory)"
    assert caught.value.problems == (Problem(gone, what, remedy),)


# The command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rain.yaml", "-o", "rain.pdf"), "no kind of page"),
        (("rain.yaml", "-o", "there.html"), "exists already"),
        (("rain.yaml", "-o", "none/a.html"), "there is no folder none"),
        (("rain.yaml", "--duration", "2h"), "at most 1h"),
        (("rain.yaml", "--from", "3m"), "--from"),
        (("none.yaml",), "none.yaml"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line_and_leaves_nothing(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rain.yaml").write_bytes((SCENES / "rain.yaml").read_bytes())
    Path("there.html").write_bytes(b"")
    before = sorted(file.name for file in tmp_path.iterdir())
    assert app.run(["preview", *arguments]) in {ExitCode.BAD_INPUT, ExitCode.OUTPUT}
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_a_long_scene_is_shown_from_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    scene = replace(load_scene(SCENES / "rain.yaml"), duration_s=36_000.0)
    part = preview._shortened(Asked(None, (60.0, None)), scene, preview.Console())
    assert part.between_s == (60.0, 660.0)
    assert "1m to 11m" in capsys.readouterr().err
    asked = preview._shortened(Asked(900.0), scene, preview.Console())
    assert asked == Asked(900.0)


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from browser import chromium

    with chromium() as found:
        yield found


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Page]:
    """The page from its file, ready to play; it must neither complain nor ask for anything."""
    context = browser.new_context(**options)
    shown, complaints, asked = context.new_page(), list[str](), list[str]()
    shown.on("console", lambda message: complaints.append(message.text))
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(path.as_uri())
    shown.wait_for_selector("#play:not([disabled])")
    try:
        yield shown
    finally:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]


@pytest.fixture
def layered_page(tmp_path: Path) -> Path:
    path = tmp_path / "cabin.html"
    path.write_text(made(cabin(NASTY), tmp_path), encoding="utf-8")
    return path


def position(shown: Page) -> float:
    return float(shown.evaluate("preview.position"))


def gains(shown: Page) -> list[float]:
    shown.wait_for_timeout(120)  # longer than a gain takes to change
    return list(shown.evaluate("Object.values(preview.gains)"))


def loudness(shown: Page) -> float:
    """Root mean square of what leaves the player now."""
    return float(
        shown.evaluate(
            """async () => {
              const ear = preview.context.createAnalyser();
              ear.fftSize = 8192;
              preview.output.connect(ear);
              await new Promise((done) => setTimeout(done, 800));
              const heard = new Float32Array(ear.fftSize);
              ear.getFloatTimeDomainData(heard);
              return Math.sqrt(heard.reduce((sum, x) => sum + x * x, 0) / heard.length);
            }"""
        )
    )


@pytest.mark.slow
def test_it_plays_pauses_and_ends(browser: Browser, layered_page: Path) -> None:
    with opened(browser, layered_page) as shown:
        assert position(shown) == 0 and not shown.evaluate("preview.playing")
        lengths = shown.evaluate("preview.buffers.map((buffer) => buffer.length)")
        assert lengths == [LENGTH_S * RATE] * 3
        shown.click("#play")
        shown.wait_for_timeout(700)
        first = position(shown)
        shown.wait_for_timeout(500)
        assert 0.2 < first < position(shown)
        assert loudness(shown) > 0.01
        assert shown.get_attribute("#play", "aria-label") == "Pause"
        shown.click("#play")
        still = position(shown)
        shown.wait_for_timeout(300)
        assert position(shown) == still and not shown.evaluate("preview.playing")
        shown.focus("#timeline")
        shown.keyboard.press("End")
        shown.keyboard.press("ArrowLeft")
        shown.keyboard.press("Shift+ArrowRight")
        assert position(shown) == pytest.approx(LENGTH_S - 4, abs=0.01)
        shown.keyboard.press("Space")
        shown.wait_for_timeout(5_500)
        assert not shown.evaluate("preview.playing") and position(shown) == LENGTH_S
        shown.keyboard.press("Space")
        shown.wait_for_timeout(300)
        assert 0 < position(shown) < 3  # begins again


@pytest.mark.slow
def test_it_seeks_by_pointer_and_by_prompt(browser: Browser, layered_page: Path) -> None:
    with opened(browser, layered_page) as shown:
        box = shown.locator("#timeline").bounding_box()
        assert box is not None
        shown.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 10)
        assert position(shown) == pytest.approx(LENGTH_S / 2, abs=0.05)
        shown.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 10)
        shown.mouse.down()
        shown.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 10, steps=5)
        assert position(shown) == pytest.approx(LENGTH_S * 0.75, abs=0.05)
        shown.mouse.up()
        assert position(shown) == pytest.approx(LENGTH_S * 0.75, abs=0.05)
        assert shown.inner_text("#time") == "0:09.0"
        assert shown.locator("[aria-current=true]").count() == 1
        shown.click(".prompt >> nth=0")
        assert position(shown) == 0
        shown.locator(".stem .lane").first.click(position={"x": 1, "y": 5})
        assert position(shown) < 0.2


@pytest.mark.slow
def test_stems_mute_and_solo(browser: Browser, layered_page: Path) -> None:
    with opened(browser, layered_page) as shown:
        shown.click("#play")
        mute = shown.get_by_role("button", name="Mute rain")
        mute.click()
        assert gains(shown) == [0, 1, 1]
        assert mute.get_attribute("aria-pressed") == "true"
        shown.get_by_role("button", name="Solo sky").click()
        assert gains(shown) == [0, 1, 0]
        one = loudness(shown)
        shown.locator(".stem").nth(1).focus()
        shown.keyboard.press("m")
        assert gains(shown) == [0, 0, 0] and loudness(shown) < one / 1_000
        shown.keyboard.press("m")
        shown.keyboard.press("s")
        shown.locator(".stem").nth(0).focus()
        shown.keyboard.press("m")
        assert gains(shown) == [1, 1, 1]
        assert loudness(shown) > one * 1.2  # three noises, not one
        shown.locator("#volume").fill("0")
        shown.wait_for_timeout(100)
        assert shown.evaluate("preview.output.gain.value") == 0


@pytest.mark.slow
def test_it_can_be_used_with_the_keyboard_alone(browser: Browser, layered_page: Path) -> None:
    with opened(browser, layered_page) as shown:
        reached: list[list[str]] = []
        while not reached or reached[-1][0]:  # until the document itself, after the last of all
            shown.keyboard.press("Tab")
            reached.append(
                shown.evaluate(
                    """() => {
                      const at = document.activeElement, style = getComputedStyle(at);
                      const name = at.getAttribute("aria-label") || at.textContent.trim()
                        || at.labels?.[0]?.textContent.trim();
                      return [at.id || at.className, name, style.outlineStyle, style.outlineWidth];
                    }"""
                )
            )
        names = [name for name, *_ in reached]
        assert names[:3] == ["play", "volume", "timeline"]
        assert names.count("stem") == 3 and names.count("toggle") == 6 and "prompt" in names
        for where, name, style, width in reached[:-1]:
            assert name, where
            assert style == "solid" and width == "2px", where
        shown.focus("#play")
        shown.keyboard.press("Space")
        shown.wait_for_timeout(300)
        assert shown.evaluate("preview.playing")
        shown.focus("#volume")
        before = position(shown)
        shown.keyboard.press("ArrowLeft")  # the volume's own
        assert shown.evaluate("document.activeElement.value") == "99"
        assert position(shown) >= before


@pytest.mark.slow
def test_it_says_what_it_is_to_those_who_do_not_see_it(
    browser: Browser, layered_page: Path
) -> None:
    with opened(browser, layered_page) as shown:
        slider = shown.get_by_role("slider", name="Position in the sound")
        slider.focus()
        shown.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuemax") == "12.00"
        assert slider.get_attribute("aria-valuenow") == "5.00"
        words = slider.get_attribute("aria-valuetext") or ""
        assert words.startswith("5 seconds of 12 seconds: light rain")
        for role, name in (
            ("button", "Play"),
            ("button", "Mute rain"),
            ("button", "Solo bed"),
            ("slider", "Volume"),
            ("img", "Spectrogram"),
            ("region", "Player"),
            ("group", "rain, model"),
            ("heading", "What is said"),
        ):
            assert shown.get_by_role(role, name=name).count() >= 1, (role, name)  # type: ignore[arg-type]
        assert shown.get_by_role("heading", level=1).inner_text() == NASTY
        assert shown.evaluate("document.documentElement.lang") == "en"
        ids = shown.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !one.offsetParent || one.tagName === "NOSCRIPT") continue;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(ground(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([one.className || one.id || one.tagName, ratio]);
  }
  return poor;
}"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_it_fits_and_can_be_read(
    width: int, scheme: str, browser: Browser, layered_page: Path
) -> None:
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(browser, layered_page, **options) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        out = shown.evaluate(
            """() => [...document.querySelectorAll("button, input, .lane, p, h1, h2, time")]
              .map((one) => [one.className || one.id, one.getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.left < 0 || box.right > innerWidth + 0.5))
              .map(([name]) => name)"""
        )
        assert out == []
        small = shown.evaluate(
            """() => [...document.querySelectorAll("button, input")]
              .map((one) => [one.id || one.className, one.getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
              .map(([name]) => name)"""
        )
        assert small == []
        assert shown.evaluate(CONTRAST) == []


@pytest.mark.slow
def test_a_loop_goes_round_without_a_gap(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "loop.html"
    path.write_text(made(cabin(loop=True), tmp_path, apart=False), encoding="utf-8")
    with opened(browser, path, reduced_motion="reduce") as shown:
        loop = shown.get_by_role("button", name="Loop")
        assert loop.get_attribute("aria-pressed") == "true"
        shown.focus("#timeline")
        shown.keyboard.press("End")
        shown.keyboard.press("Shift+ArrowLeft")
        shown.keyboard.press("Space")
        shown.wait_for_timeout(1_800)
        assert shown.evaluate("preview.playing") and position(shown) < 4
        assert loudness(shown) > 0.01
        shown.keyboard.press("l")
        assert loop.get_attribute("aria-pressed") == "false"
        assert position(shown) < 6


@pytest.mark.slow
def test_a_scene_is_rendered_into_a_page_that_plays(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "rain.html"
    asked = ["preview", str(SCENES / "rain.yaml"), "-o", str(path), "--to", "6s", "--steps", "2"]
    assert app.run([*asked, "--quiet"]) == ExitCode.DONE
    assert [file.name for file in tmp_path.iterdir()] == ["rain.html"]
    with opened(browser, path) as shown:
        shown.click("#play")
        assert loudness(shown) > 0.0001
        assert position(shown) > 0.2
