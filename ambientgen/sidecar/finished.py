"""Whether a sound is there already: whole, unchanged, and what would be rendered now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ambientgen.audio_file.digest import (
    file_sha256,
    keeps_samples,
    pcm_sha256,
    rate_and_channels,
)
from ambientgen.errors import AmbientgenError, MismatchError
from ambientgen.sidecar.document import Document
from ambientgen.sidecar.reading import Sidecar, read_sidecar, sidecar_path
from ambientgen.sidecar.rule import differences, same_render


def finished(
    output: str | os.PathLike[str], stems: Mapping[str, Path], document: Document
) -> Sidecar | str:
    """The sidecar of the sound at `output`, if that is the render which `document` describes, as
    are the `stems` wanted of it. Else why not, in words: something is missing, was changed, or is
    of another render.

    Another version of ambientgen may make other samples: what it made is not finished.
    """
    path = sidecar_path(output)
    try:
        beside = read_sidecar(path)
        if beside is None:
            return f"{path} is no sidecar"
        version = beside.document.get("ambientgen")
        if version != document["ambientgen"]:
            return f"ambientgen {version} made it"
        if not same_render(beside.document, document):
            return f"{path} differs in {', '.join(differences(beside.document, document))}"
        return _unlike(output, stems, beside) or beside
    except FileNotFoundError:
        return f"no sidecar {path} tells what it is"
    except (AmbientgenError, OSError):
        return f"it or {path} cannot be read"


def _unlike(
    output: str | os.PathLike[str], stems: Mapping[str, Path], beside: Sidecar
) -> str | None:
    """What of the files is not as the sidecar says."""
    known = beside.stems
    parts = [(os.fspath(output), beside.document)]
    for name, path in stems.items():
        if name not in known or known[name]["file"] != path.name:
            return f"it was written without its stem {path}"
        if not path.exists():
            return f"its stem {path} is missing"
        parts.append((os.fspath(path), known[name]))
    for file, said in parts:
        if not os.path.exists(file):
            return f"{file} is missing"
        if _was_changed(file, said, beside.document):
            return f"{file} was changed since"
    return None


def unlike_its_sidecar(
    file: str | os.PathLike[str], said: Document, document: Document
) -> str | None:
    """What of a sound file is not as its sidecar says, in words; None: nothing.

    said: what the sidecar's `document` says of this file: all of it, or of one stem. A hash of
    samples is the same whatever their rate, and however many channels they are dealt out to.

    Raises UsageError and MismatchError as `pcm_sha256` does.
    """
    if not keeps_samples(file):
        return "other samples" if file_sha256(file) != said.get("file_sha256") else None
    rate, channels = rate_and_channels(file)
    if document.get("sample_rate", rate) != rate:
        return f"{rate} Hz, not {document['sample_rate']}"
    if document.get("channels", channels) != channels:
        return f"{channels} channel{'s' * (channels != 1)}, not {document['channels']}"
    return "other samples" if pcm_sha256(file) != said.get("sha256") else None


def _was_changed(file: str, said: Document, document: Document) -> bool:
    try:
        return unlike_its_sidecar(file, said, document) is not None
    except MismatchError:
        return True
