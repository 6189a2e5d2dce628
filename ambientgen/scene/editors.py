"""The JSON Schema of scene files, for editors that complete and check while one writes."""

from __future__ import annotations

from typing import Any

from ambientgen.scene.agreements import NAME
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.hints import HINTS
from ambientgen.scene.schema import SceneFields
from ambientgen.scene.textures import TEXTURE_KINDS
from ambientgen.scene.tree import compose

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scene_json_schema() -> dict[str, Any]:
    """The schema as a dict: every field described, known states offered by name.

    It accepts every scene that `load_scene` accepts. What JSON Schema cannot say (times in order
    and before the end, repeated keys) only `load_scene` finds.
    """
    schema = SceneFields.model_json_schema()
    _drop_nothing(schema)
    fields = schema["properties"]
    every = {"$ref": "#/$defs/EveryFields"}
    fields["keyframes"] = {
        "anyOf": [{"const": "auto"}, every],
        "default": "auto",
        "description": fields["keyframes"]["description"],
    }
    layer, event = (schema["$defs"][name]["properties"] for name in ("LayerFields", "EventFields"))
    for states in (fields["states"], layer["states"]):
        _offer_known(states)
    fields["layers"]["propertyNames"] = {"pattern": f"^{NAME}$"}
    event["sound"] |= {"enum": list(TEXTURE_KINDS)}
    event["kind"] |= {"enum": sorted({kind for kinds in TEXTURE_KINDS.values() for kind in kinds})}
    schema["anyOf"] = [{"required": [name]} for name in ("states", "layers", "events")]
    levels = schema["$defs"]["StateFields"]["properties"]["levels"]
    levels["items"] = {"anyOf": [levels["items"], {"type": "null"}]}  # `~` first: silence
    return {"$schema": DIALECT, "title": "An ambientgen scene", **_titled(schema)}


def _offer_known(states: dict[str, Any]) -> None:
    """Known states by name; any other brings its own words."""
    state = {"$ref": "#/$defs/StateFields"}
    states["properties"] = {
        name: {**state, "description": f"{known.plain}: {', '.join(filter(None, known.levels))}"}
        for name, known in KNOWN.items()
    }
    states["additionalProperties"] = {"allOf": [state, {"required": ["levels"]}]}
    states["propertyNames"] = {"pattern": f"^{NAME}$"}


def _drop_nothing(schema: Any) -> None:
    """Take `null` out of the alternatives and defaults: an empty field is an error in a scene."""
    if isinstance(schema, list):
        for inner in schema:
            _drop_nothing(inner)
    if not isinstance(schema, dict):
        return
    choices = [c for c in schema.get("anyOf", ()) if c != {"type": "null"}]
    if choices and len(choices) < len(schema["anyOf"]):
        del schema["anyOf"]
        schema.update(choices[0] if len(choices) == 1 else {"anyOf": choices})
    if "default" in schema and schema["default"] is None:
        del schema["default"]
    for inner in list(schema.values()):
        _drop_nothing(inner)


def _titled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles, which only repeat the fields' names."""
    schema.pop("title", None)
    for model in [schema, *schema.get("$defs", {}).values()]:
        model.pop("title", None)
        for name, field in model.get("properties", {}).items():
            field.pop("title", None)
            if name in HINTS:
                example, _ = compose(HINTS[name].example, "the hints")
                field["examples"] = [example.plain()[name]]
    return schema
