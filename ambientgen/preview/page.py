"""The page: a template, its style and script, and everything that they show."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ambientgen.picture.spectrogram import Spectrogram
from ambientgen.picture.timeline import Line, Strip, Timeline, wordings
from ambientgen.version import package_version

_POINTS = 600
"""Values of a curve: twice what a lane of a wide screen can tell apart is not needed."""
_MOST_PROMPTS = 400
"""More nobody reads: the first of each stretch then stands for it."""


@dataclass(frozen=True)
class Track:
    """A sound to play: the name of its strip (None: all of them together), a file's bytes."""

    name: str | None
    content: bytes


def page(shown: Timeline, tracks: Sequence[Track], rate: int, picture: Spectrogram) -> str:
    """The page, which needs nothing but itself.

    tracks: all of one length and of `rate` Hz, in a format that browsers decode: one for each
    strip, or one for all. picture: the spectrogram of their sum.
    """
    style, script = _part("page.css"), _part("page.js")
    told = json.dumps(_told(shown, tracks, rate, picture), separators=(",", ":"), sort_keys=True)
    return _filled(
        _part("page.html"),
        {
            "title": html.escape(shown.title),
            "about": html.escape(shown.about),
            "made": html.escape(f"Made with ambientgen {package_version()}."),
            "style": style,
            "script": script,
            "style_hash": _hash(style),
            "script_hash": _hash(script),
            # Nothing in it may end the element that holds it, nor open a comment.
            "told": told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        },
    )


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its {{names}} replaced, all at once: what is put in is not read again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template)


@cache
def _part(name: str) -> str:
    return files("ambientgen.preview").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _told(
    shown: Timeline, tracks: Sequence[Track], rate: int, picture: Spectrogram
) -> dict[str, Any]:
    """All that the script needs; times from the sound's start."""
    by_name = {track.name: track for track in tracks}
    stems = [_stem(strip, shown, by_name.get(strip.name)) for strip in shown.strips]
    if None in by_name:
        if len(stems) == 1:
            stems[0]["data"] = _base64(by_name[None].content)
        else:
            whole = Strip(name="All together", engine="")
            stems.insert(0, _stem(whole, shown, by_name[None]))
    return {
        "duration": round(shown.duration_s, 6),
        "loops": shown.loops,
        "rate": rate,
        "spectrogram": f"data:image/png;base64,{_base64(mask(picture))}",
        "stems": stems,
        "prompts": list(_prompts(shown)),
    }


def _stem(strip: Strip, shown: Timeline, track: Track | None) -> dict[str, Any]:
    return {
        "name": strip.name,
        "engine": strip.engine,
        "about": strip.about,
        "curves": [_line(line) for line in (*strip.curves, *strip.rates)],
        "places": [_line(line) for line in strip.places],
        "events": [[round(event.time_s - shown.start_s, 3), event.text] for event in strip.events],
        "data": None if track is None else _base64(track.content),
    }


def _line(line: Line) -> dict[str, Any]:
    kept = np.linspace(0, len(line.values) - 1, _POINTS)
    values = np.interp(kept, np.arange(len(line.values)), line.values)
    return {
        "name": line.name,
        "unit": line.unit,
        "low": round(line.low, 4),
        "high": round(line.high, 4),
        "digits": 0 if line.unit == "°" else 1 if line.unit else 2,
        "values": [round(float(value), 3) for value in values],
    }


def _prompts(shown: Timeline) -> Iterator[dict[str, Any]]:
    speaking = [strip for strip in shown.strips if strip.keyframes]
    found = sorted(
        (
            (mark.time_s, index, mark.text, short)
            for index, strip in enumerate(speaking)
            for mark, short in wordings(strip, shown.end_s)
        )
    )
    for time_s, index, text, short in found[:: -(-len(found) // _MOST_PROMPTS) or 1]:
        name = speaking[index].name if len(speaking) > 1 else ""
        time_s = round(time_s - shown.start_s, 3)
        yield {"time": time_s, "stem": name, "text": text, "short": short}


def mask(picture: Spectrogram) -> bytes:
    """The spectrogram as a PNG that is nothing but more or less opaque: the page colours it."""
    from PIL import Image

    shades = picture.shades()
    image = Image.fromarray(np.stack([np.zeros_like(shades), shades], axis=-1), "LA")
    out = io.BytesIO()
    image.save(out, "png", optimize=True)
    return out.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
