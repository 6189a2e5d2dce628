"""The commented scene that `ambientgen new NAME` begins with."""

from __future__ import annotations

import json
import re

_READ_OTHERWISE = frozenset(("null", "true", "false"))  # as YAML values, if not in quotes

_TEMPLATE = """\
# @TITLE@. Change what you like, then:
#   ambientgen validate @FILE@
#   ambientgen render @FILE@

title: @TITLE_VALUE@
duration: 1m                # 90s, 5m, 1h30m
seed: 1                     # another number is another take of the same scene

# Words that hold throughout, such as the place.
setting: a quiet forest at dusk

# What sounds, and how much of it over time: 0 is none, 1 is most.
states:
  # Rain that comes and goes. The ends hold; between points the level moves in a straight line,
  # or slowly at both ends with `easing: smooth`.
  rain:
    easing: smooth
    curve: {0s: 0.2, 30s: 0.8, 100%: 0.3}

  # One number is the same level throughout; `wander` lets it drift a little.
  wind:
    curve: 0.3
    wander: {amount: 0.15, period: 20s}

  # Points that come again every 20 seconds.
  birds:
    repeat: 20s
    curve: {0s: 0.1, 8s: 0.5, 12s: 0.1}

  # Any sound that the catalogue does not know needs words, from none (~) to most.
  # wind_chimes:
  #   levels: [~, a wind chime ringing softly, wind chimes ringing loudly]
  #   curve: 0.4

# The file. Left out, it is what the model makes: one channel of 16 kHz.
output: {layout: stereo, sample_rate: 48000}
# output: {format: ogg, layout: stereo, sample_rate: 48000, loudness: -23 LUFS, fade_out: 5s}

# Left out, these are chosen for you.
# apart: false               # all states from one prompt: quicker, but faint ones may be lost
# keyframes: {every: 10s}
# render: {steps: 8, guidance: 2}
"""


def new_scene_text(name: str) -> str:
    """A complete, commented scene; its title is made from `name` (a file's name or path)."""
    stem = re.split(r"[\\/]", name)[-1].removesuffix(".yaml").removesuffix(".yml")
    title = " ".join(re.sub(r"[^\w',-]+|[-_]+", " ", stem).split())[:100]
    title = title[:1].upper() + title[1:] or "A new scene"
    file = (stem if re.fullmatch(r"[\w.-]+", stem) else "scene") + ".yaml"
    plain = re.fullmatch(r"[A-Za-z][A-Za-z ]*", title) and title.lower() not in _READ_OTHERWISE
    value = title if plain else json.dumps(title, ensure_ascii=False)
    filled = _TEMPLATE.replace("@TITLE_VALUE@", value)
    return filled.replace("@TITLE@", title).replace("@FILE@", file)
