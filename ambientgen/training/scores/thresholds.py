"""What each score must reach. Set before the first measurement, and never fitted to one."""

from __future__ import annotations

FOLLOWS = 0.95
"""Least rank correlation of a continuous state's sweep with its curve (5 s bins, 8 seeds)."""

FOLLOWS_IN_EVENTS = 0.90
"""The same for `EVENTS`: one clap in eight seconds follows no curve any better on a few takes."""

EVENTS = frozenset({"thunder", "birds", "footsteps", "dishes"})
"""States made of events that can be counted: their measure is level and density together."""

SILENT_BELOW_FULL_DB = 40.0
"""At 0 a state is inaudible if its bands lie this far below its full level: what is as loud as
speech (60 dB SPL) at 1 is then at 0 below the noise of a quiet room (20 to 25 dB SPL)..."""

SILENT_ABOVE_FLOOR_DB = 3.0
"""... or if they lie no further than this above the microphone noise that every clip of the corpus
has: as much power again."""

NAMED = 0.90
"""Least share of single-state renders in which the judge names the state."""

BOTH_NAMED = 0.75
"""Least share of mixtures of two in which the judge's two strongest names are the two states."""

NATURAL = 1.25
"""Most that renders may be further from procedural takes, in texture distance, than those takes
from their own analysis and resynthesis through VAE and vocoder."""

REAL_TO_REAL = {
    "rain": 0.50,
    "fire": 0.52,
    "wind": 0.55,
    "crowd": 0.61,
    "traffic": 0.63,
    "thunder": 0.65,
    "birds": 0.68,
    "stream": 0.74,
    "crickets": 0.81,
    "waves": 0.85,
}
"""Median texture distance between two real recordings of a class, measured on many more recordings
than most people have at hand; in the unit that `natural.published` converts to."""

MONOTONE = 0.90
"""Least rank correlation of measured intensity with the way along a path between keyframes."""

STEP_OVER_MEAN = 2.0
"""Most that one step along that path may exceed the mean step."""

ENVELOPES_KEPT = 0.80
"""Least correlation of the other states' band envelopes before and after one curve is edited."""

SECONDS_FOR_10_S = 0.8
"""Most seconds of one core for 10.24 s of sound: UNet, VAE and vocoder."""

MOST_STEPS = 4
"""Most steps of the model's default, without guidance."""

LATE_S = 1.0
"""Most that a jump of a curve may be heard before or after its time."""

JUMP_OVER_OWN = 2.0
"""Most that neighbouring half-seconds of a ramp may differ, over what they differ at most at a
constant level: the texture's own fluctuation."""

CHANCE_FOLLOWS = 0.59
"""Below this a rank correlation over 12 bins is chance (5 %, two-sided)."""
