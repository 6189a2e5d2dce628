"""The procedural textures by name, and the kinds each comes in.

Kept beside the synthesisers, not read from them: a scene is checked without loading any. A test
compares the two.
"""

from __future__ import annotations

TEXTURE_KINDS: dict[str, tuple[str, ...]] = {
    "rain": ("leaves", "roof", "water", "ground"),
    "wind": ("open", "trees", "gap"),
    "waves": ("sand", "rocks", "pebbles"),
    "stream": ("brook", "trickle", "river"),
    "waterfall": ("near", "far", "rocks", "pool"),
    "fire": ("campfire", "fireplace", "twigs"),
    "thunder": ("near", "far"),
    "birds": ("song", "trill", "chirp", "cuckoo", "gulls"),
    "crickets": ("field", "tree", "katydids", "cicadas"),
    "frogs": ("pond", "peepers", "bullfrogs"),
    "leaves": ("trees", "dry"),
    "crowd": ("cafe", "square", "hall"),
    "conversation": ("men", "women", "mixed", "children"),
    "footsteps": ("gravel", "wood", "snow", "pavement"),
    "traffic": ("street", "highway"),
    "train": ("rails", "far", "whistle", "inside"),
    "room": ("ventilation", "fridge", "fan", "empty"),
    "dishes": ("cups", "plates", "cutlery", "glasses"),
    "music": ("pad", "piano", "strings", "harp"),
    "drone": ("deep", "dark", "airy", "organ"),
}
