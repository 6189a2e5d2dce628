"""The scene: what a place sounds like over time. YAML in, a frozen `Scene` out. No torch here."""

from ambientgen.scene.catalogue import KNOWN, KnownState
from ambientgen.scene.editors import scene_json_schema
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.read import load_scene, parse_scene
from ambientgen.scene.recordings import missing_recording, recording_path
from ambientgen.scene.scene import KeyframeRule, OutputOptions, RenderOptions, Scene
from ambientgen.scene.shipped import ShippedScene, shipped_scene, shipped_scenes
from ambientgen.scene.state import State
from ambientgen.scene.template import new_scene_text

__all__ = [
    "KNOWN",
    "Event",
    "KeyframeRule",
    "KnownState",
    "Layer",
    "OutputOptions",
    "Placement",
    "Ranged",
    "RenderOptions",
    "Scene",
    "ShippedScene",
    "State",
    "load_scene",
    "missing_recording",
    "new_scene_text",
    "parse_scene",
    "recording_path",
    "scene_json_schema",
    "shipped_scene",
    "shipped_scenes",
]
