"""What is to be said of the models that a scene's sounds go to, before any is loaded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ambientgen.layered_plan import key_of, with_models
from ambientgen.messages import of_layers
from ambientgen.models.registry import licence_notice
from ambientgen.models.vocabulary import unheard

if TYPE_CHECKING:
    from ambientgen.asked import Asked
    from ambientgen.scene import Scene


def model_notices(scene: Scene, until_s: float | None = None) -> list[str]:
    """What the models of a scene were never taught, before `until_s`; each once.

    Raises ModelError for a model that is not here.
    """
    told = (
        (layer.name, notice.text)
        for layer, mixture, spec in with_models(scene)
        for notice in unheard(spec, mixture, until_s)
    )
    return of_layers(told, bool(scene.layers))


def licence_notices(scene: Scene) -> list[str]:
    """What is to be said of the models' licences."""
    specs = {mixture.model: spec for _, mixture, spec in with_models(scene)}
    notices = (licence_notice(spec) for spec in specs.values())
    return [notice.text for notice in notices if notice is not None]


def key_heard(scene: Scene) -> str | None:
    """The name of the key that its music and drones are in; None if nothing in it is tuned.

    Raises ModelError for a model that is not here.
    """
    return key_of(scene, with_models(scene))


def reached_s(scene: Scene, asked: Asked) -> float:
    """Until when the scene is heard, of what is told of it."""
    return min(scene.changes_until_s, asked.duration_s or math.inf, asked.between_s[1] or math.inf)
