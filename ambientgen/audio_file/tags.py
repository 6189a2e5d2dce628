"""What a file says of itself: the same few things in every format's own way.

Nothing of when, where or by whom: the same render gives the same bytes.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import Any

from ambientgen.version import package_version

_ID3_FRAMES = {"title": "TIT2", "encoder": "TSSE"}  # what ID3 has a frame for; others are TXXX
ID3_VERSION = 3  # ID3v2.3, which every reader knows
_LOOPS = ("LOOPSTART", "LOOPLENGTH")


def tags_for(
    title: str, seed: int, scene_sha256: str, model: str, model_licence: str
) -> dict[str, str]:
    """What a rendered file says of itself; hand it to `open_sink`.

    scene_sha256: of the scene, in hex. model, model_licence: names, several with commas between;
    empty: the sound is of no model. What is empty is left out. Keys: title, comment, encoder, seed,
    scene_sha256, model, model_licence.
    """
    encoder = f"ambientgen {package_version()}"
    with_model = f", with the model {model} ({model_licence})" if model else ""
    told = {
        "title": title,
        "comment": f"Rendered by {encoder}, seed {seed}{with_model}",
        "encoder": encoder,
        "seed": str(seed),
        "scene_sha256": scene_sha256,
        "model": model,
        "model_licence": model_licence,
    }
    return {key: text for key, text in told.items() if text}


def vorbis_comments(tags: Mapping[str, str], loop: tuple[int, int] | None) -> list[tuple[str, str]]:
    """The comments of FLAC, Ogg Vorbis and Opus: names in capitals, and where it loops.

    LOOPSTART and LOOPLENGTH count samples, as RPG Maker, its engines and several others read them;
    a LOOPEND they do not read.
    """
    told = [(key.upper(), text) for key, text in tags.items()]
    places = [] if loop is None else [str(place) for place in loop]
    return told + list(zip(_LOOPS, places, strict=False))


def id3_tag(tags: Mapping[str, str], loop: tuple[int, int] | None) -> Any:
    """The ID3 tag of a WAV or MP3 file, mutagen's object; None where there is nothing to say."""
    if not tags and loop is None:
        return None
    id3: Any = importlib.import_module("mutagen.id3")
    tag = id3.ID3()
    for key, text in tags.items():
        if key == "comment":
            tag.add(id3.COMM(encoding=id3.Encoding.UTF16, lang="XXX", desc="", text=[text]))
        elif key in _ID3_FRAMES:
            frame = getattr(id3, _ID3_FRAMES[key])
            tag.add(frame(encoding=id3.Encoding.UTF16, text=[text]))
        else:
            tag.add(id3.TXXX(encoding=id3.Encoding.UTF16, desc=key.upper(), text=[text]))
    for key, place in zip(_LOOPS, loop or (), strict=False):
        tag.add(id3.TXXX(encoding=id3.Encoding.UTF16, desc=key, text=[str(place)]))
    return tag


def id3_bytes(tags: Mapping[str, str], loop: tuple[int, int] | None) -> bytes:
    """The same as bytes, empty where there is nothing to say."""
    tag = id3_tag(tags, loop)
    if tag is None:
        return b""
    file = io.BytesIO()
    tag.save(file, v1=0, v2_version=ID3_VERSION, padding=lambda _info: 0)
    return file.getvalue()
