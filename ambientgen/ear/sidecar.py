"""What a render wrote beside its sound, as far as the ear is concerned: joins, place, events."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambientgen.ear.events import away_from, events_s
from ambientgen.ear.source import AMBISONICS, Sound, open_sound
from ambientgen.errors import AmbientgenError
from ambientgen.scene import parse_scene
from ambientgen.scene.document import document_text
from ambientgen.scene.fields import MOST_DURATION_S
from ambientgen.sidecar import as_stem, is_time, sidecar_path

if TYPE_CHECKING:
    from ambientgen.scene import Scene


@dataclass(frozen=True)
class Told:
    """What is known of a sound from elsewhere; None of what nothing tells.

    Attributes:
        joins_s: The joins, in seconds.
        loop: Whether the sound is meant to loop.
        from_s: When in its scene it begins, in seconds.
        events_s: When the scene's events begin in it (`events.events_s`).
        turn_s: How long a turn lasts, if the scene is a loop.
        ambisonics: Whether its channels are those of ambisonics.
        scene: What it was rendered from.
        layer: Of which layer it is the stem.
        of: Of what sound all that is said: samples and rate.
        remark: Why it is not to be used.
    """

    joins_s: tuple[float, ...] | None = None
    loop: bool = False
    from_s: float = 0.0
    events_s: tuple[float, ...] | None = None
    turn_s: float | None = None
    ambisonics: bool = False
    scene: Scene | None = None
    layer: str | None = None
    of: tuple[object, object] | None = None
    remark: str | None = None

    @property
    def unscripted_s(self) -> tuple[float, ...] | None:
        """The joins near which nothing was asked to happen."""
        return None if self.joins_s is None else away_from(self.joins_s, self.events_s or ())

    def asked(self, scene: Scene | None) -> Scene | None:
        """What was to be heard: by `scene`, or else by what is known; of a stem, by its layer."""
        whole = scene or self.scene
        own = () if whole is None else tuple(s for s in whole.sounds if s.name == self.layer)
        return replace(whole, states=(), events=(), layers=own) if whole and own else whole

    def listened(self, sound: Sound) -> Sound:
        """The sound with what is known of its channels."""
        if self.ambisonics and sound.channels == len(AMBISONICS):
            return replace(sound, speakers=AMBISONICS)
        return sound

    def about(self, sound: Sound) -> Told:
        """The same, if it is of a sound as long as this one; else nothing but a remark."""
        if self.of is None or self.of == (sound.frames, sound.rate):
            return self
        what = "the sidecar beside it describes another sound: it was not used"
        return Told(remark=f"{sound.path}: {what}")


def opened_and_told(path: str | PathLike[str]) -> tuple[Sound, Told]:
    """A sound file, listened to as the sidecar beside it says, and what that tells of it.

    Raises:
        UsageError: the file cannot be read.
    """
    sound = open_sound(path)
    told = told_beside(sound.path).about(sound)
    return told.listened(sound), told


def told_beside(sound: Path) -> Told:
    """What the sidecar of a sound, or of a stem's mix, says; an unreadable one is remarked on.

    Any JSON object will do: who joins sounds without ambientgen may tell the ear where, in a file
    of `joins_s` alone. What is not there, or is of another type, says nothing.
    """
    path, layer = sidecar_path(sound), None
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        of_mix = as_stem(sound)
        found, layer = (None, None) if of_mix is None else (of_mix[0].document, of_mix[1])
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return Told(remark=f"{path}: cannot be read ({why}): it was not used")
    except (ValueError, RecursionError):
        return Told()
    if not isinstance(found, dict):
        return Told()
    listed = found.get("joins_s")
    joins = None
    if isinstance(listed, list) and all(map(is_time, listed)):
        joins = tuple(sorted(map(float, listed)))
    from_s = float(found["from_s"]) if is_time(found.get("from_s")) else 0.0
    scene, length = _scene(found), (found.get("samples"), found.get("sample_rate"))
    return Told(
        joins_s=joins,
        loop=found.get("loop") is True,
        from_s=from_s,
        events_s=_events(scene, found.get("duration_s"), from_s),
        turn_s=scene.duration_s if scene is not None and scene.loop else None,
        ambisonics=scene is not None and scene.output.layout == "ambisonics",
        scene=scene,
        layer=layer,
        of=None if None in length else length,
    )


def _scene(found: dict[str, Any]) -> Scene | None:
    """The scene that a sidecar tells; None where it has none that can be read."""
    try:
        return parse_scene(document_text(found["scene"]), "sidecar")
    except (AmbientgenError, LookupError, RecursionError, TypeError, ValueError):
        return None


def _events(scene: Scene | None, length_s: Any, from_s: float) -> tuple[float, ...] | None:
    """When the events of a sidecar's scene begin; None where they cannot be told."""
    if scene is None or not is_time(length_s) or length_s > MOST_DURATION_S:
        return None
    return events_s(scene, from_s, float(length_s))
