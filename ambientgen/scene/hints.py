"""What each field of a scene holds, said once: for messages, for editors and for the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ambientgen.curves import EASINGS
from ambientgen.scene.faults import listed
from ambientgen.scene.scene import SchedulerName


@dataclass(frozen=True)
class Hint:
    """What a field holds: `kind` completes "must be …", `example` is a line that is right."""

    about: str
    kind: str
    example: str


HINTS: dict[str, Hint] = {
    "version": Hint("The format's version; may be left out.", "1", "version: 1"),
    "title": Hint(
        "What the scene is called; the file's name if left out.",
        "one line of at most 200 characters",
        "title: Rain over a lake",
    ),
    "duration": Hint(
        "How long the scene lasts; `endless` to play on until stopped.",
        "a time from 1s to 168h, or `endless`",
        "duration: 5m",
    ),
    "loop": Hint(
        "Whether the end leads back to the start without a seam; `false` if left out.",
        "`true` or `false`",
        "loop: true",
    ),
    "seed": Hint(
        "Chooses one of many takes of the same scene; 0 if left out.",
        "a whole number from 0 to 2^63 - 1",
        "seed: 7",
    ),
    "key": Hint(
        "What the model's music and drones are in; the seed draws one if left out.",
        "a note and a mode, such as `D minor`",
        "key: D minor",
    ),
    "setting": Hint(
        "Words that hold throughout, such as the place; they join every prompt.",
        "one line of at most 200 characters",
        "setting: a mountain lake at dusk",
    ),
    "states": Hint(
        "What sounds in the scene: a name for each, and what it does over time.",
        "a mapping of 1 to 32 names",
        "states: {rain: {curve: 0.5}}",
    ),
    "apart": Hint(
        "Whether each state is rendered by itself, as a layer, or all in one mixture; "
        "as the model does it better if left out.",
        "`true` or `false`",
        "apart: false",
    ),
    "layers": Hint(
        "Instead of `states`: sounds that are made by themselves, placed and mixed; a name each.",
        "a mapping of 1 to 32 names",
        "layers: {rain: {states: {rain: {curve: 0.5}}, direction: -60}}",
    ),
    "events": Hint(
        "Single sounds at a moment, or at random moments.",
        "a list of 1 to 500 events",
        "events: [{at: 72s, sound: thunder}]",
    ),
    "variants": Hint(
        "How many takes are rendered, each with a seed of its own; 1 if left out.",
        "a whole number from 1 to 1000",
        "variants: 5",
    ),
    "keyframes": Hint(
        "Where the meaning is computed: `auto` (as often as the curves need) or `{every: 20s}`.",
        "`auto` or `{every: 20s}`",
        "keyframes: auto",
    ),
    "every": Hint("Time between keyframes.", "a time from 1s", "every: 20s"),
    "model": Hint(
        "A model's name (`ambientgen models` lists them) or folder.",
        "one line of at most 300 characters",
        "model: pocket",
    ),
    "render": Hint(
        "How the model renders; the model's own defaults if left out.",
        "a mapping",
        "render: {steps: 8}",
    ),
    "window": Hint("Length of a diffusion window.", "a time from 500ms to 2m", "window: 5s"),
    "overlap": Hint(
        "How far neighbouring windows overlap.", "a time from 0s to 2m", "overlap: 500ms"
    ),
    "steps": Hint("Diffusion steps.", "a whole number from 1 to 1000", "steps: 8"),
    "guidance": Hint(
        "How strictly the prompt is followed; 1 is off.", "a number from 1 to 30", "guidance: 3.5"
    ),
    "negative_prompt": Hint(
        "What should not be heard (only with guidance above 1).",
        "one line of at most 500 characters",
        "negative_prompt: speech",
    ),
    "interpolation": Hint(
        "How meaning moves between keyframes.", "`linear` or `spherical`", "interpolation: linear"
    ),
    "scheduler": Hint(
        "How noise becomes sound: the name of a diffusers scheduler.",
        "one of " + ", ".join(get_args(SchedulerName)),
        "scheduler: UniPCMultistepScheduler",
    ),
    "swells": Hint(
        "How much sounds move by themselves (gusts, surf); 1 if left out, 0 is still.",
        "a number from 0 to 3",
        "swells: 0.5",
    ),
    "output": Hint("The sound file.", "a mapping", "output: {format: flac}"),
    "format": Hint(
        "File format; `wav` if left out.", "`wav`, `flac`, `ogg`, `opus` or `mp3`", "format: flac"
    ),
    "sample_rate": Hint(
        "Samples a second; 16000, the model's own, if left out.",
        "`16000`, `22050`, `24000`, `32000`, `44100`, `48000`, `88200` or `96000`",
        "sample_rate: 48000",
    ),
    "bits": Hint(
        "Of a sample, in WAV and FLAC: 16, 24, or `32f` (floats, only WAV); 16 if left out.",
        "`16`, `24` or `32f`",
        "bits: 24",
    ),
    "layout": Hint(
        "The channels; `mono` if left out.",
        "`mono`, `stereo`, `quad`, `5.1` or `ambisonics`",
        "layout: stereo",
    ),
    "width": Hint(
        "How unlike the channels of one sound are, from 0 (one point) to 1.",
        "a number from 0 to 1",
        "width: 0.5",
    ),
    "air": Hint(
        "Whether what lies above the model's 8 kHz is added; `true` if left out.",
        "`true` or `false`",
        "air: false",
    ),
    "loudness": Hint(
        "Integrated loudness (EBU R128) of the whole; the model's own if left out.",
        "a number from -60 to -5 LUFS",
        "loudness: -23 LUFS",
    ),
    "peak": Hint(
        "No true peak passes it; -1 dBTP if left out.",
        "a number from -20 to 0 dBTP",
        "peak: -1 dBTP",
    ),
    "fade_in": Hint("Time in which it comes up from silence.", "a time", "fade_in: 2s"),
    "fade_out": Hint("Time in which it goes down to silence.", "a time", "fade_out: 5s"),
    "engine": Hint(
        "Who makes the layer: `model` (if left out), `procedural` or `recording`.",
        "`model`, `procedural` or `recording`",
        "engine: procedural",
    ),
    "strength": Hint(
        "How much of a procedural layer the model makes anew.",
        "a number above 0 and up to 1",
        "strength: 0.5",
    ),
    "file": Hint(
        "A recording's sound file; counted from the scene's folder.",
        "one line of at most 1000 characters",
        "file: birds.flac",
    ),
    "gain": Hint(
        "Louder or quieter, in decibels: a number, or points in time.",
        "a number from -60 to 24 dB or points in time",
        "gain: -3dB",
    ),
    "direction": Hint(
        "Where it comes from, in degrees: 0 is ahead, 90 right, -90 left. "
        "Of a layer also points in time, of an event also two to draw between.",
        "a number from -180 to 180",
        "direction: -60",
    ),
    "distance": Hint(
        "How far away it is, from 0 (at the ear) to 1 (on the horizon). "
        "Of a layer also points in time, of an event also two to draw between.",
        "a number from 0 to 1",
        "distance: 0.4",
    ),
    "room": Hint(
        "Whose early reflections are heard; `none` if left out.",
        "`none`, `small`, `large` or `outdoors`",
        "room: small",
    ),
    "kind": Hint(
        "Which kind of a procedural sound it is; its usual one if left out.",
        "one line of at most 40 characters",
        "kind: near",
    ),
    "sound": Hint(
        "Which procedural sound it is: the name of a known state.",
        "one line of at most 40 characters",
        "sound: thunder",
    ),
    "at": Hint("When it begins.", "a time", "at: 72s"),
    "rate": Hint(
        "How many a minute, at random moments: a number, or points in time.",
        "a number from 0 to 600 or points in time",
        "rate: 4",
    ),
    "level": Hint(
        "Its intensity, from 0 to 1, or two to draw between.",
        "a number from 0 to 1, or two in a list",
        "level: 0.8",
    ),
    "length": Hint(
        "How long it lasts; as long as such a sound does if left out.",
        "a time from 100ms to 2m",
        "length: 4s",
    ),
    "curve": Hint(
        "The level over time, from 0 (none) to 1 (most).",
        "a number from 0 to 1 or points in time",
        "curve: {0s: 0.1, 90s: 0.9}",
    ),
    "levels": Hint(
        "Words for evenly spaced levels from 0 to 1; `~` first if 0 is silence. "
        "Known states bring their own.",
        "a list of 2 to 9 phrases, of which only the first may be `~` (silence)",
        "levels: [~, a soft hum, a loud hum]",
    ),
    "easing": Hint(
        "How the curve goes from point to point.",
        listed(EASINGS),
        "easing: smooth",
    ),
    "repeat": Hint(
        "Length of a turn; the curve's points, all inside it, come again every turn.",
        "a time from 1s",
        "repeat: 40s",
    ),
    "wander": Hint(
        "A slow drift on top of the curve, so that nothing stands still.",
        "a mapping",
        "wander: {amount: 0.1, period: 20s}",
    ),
    "amount": Hint("The drift's reach, up and down.", "a number from 0 to 1", "amount: 0.1"),
    "period": Hint("About how long one swing takes.", "a time from 1s", "period: 20s"),
    "value": Hint("The level at this point.", "a number from 0 to 1", "value: 0.5"),
}


def about(name: str) -> str:
    """What the field holds, with an example."""
    return f"{HINTS[name].about} For example `{HINTS[name].example}`."
