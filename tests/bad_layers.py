"""Bad scenes with layers, events and outputs, each with every message that it must give."""

from __future__ import annotations

from bad_scenes import said

LAYERS = "duration: 1m\nlayers:\n"
EVENTS = "duration: 1m\nevents:\n"


def missing(file: str) -> str:
    remedy = "check the name: it counts from the scene's folder"
    return f"there is no recording `{file}`; {remedy}"


OUTPUT = "duration: 1m\nstates: {rain: {curve: 0.5}}\noutput: "

BAD_LAYERS: dict[str, tuple[str | bytes, list[str]]] = {
    "states beside layers": (
        (
            "duration: 1m\n"
            "states: {rain: {curve: 0.5}}\n"
            "layers: {far: {states: {rain: {curve: 1}}}}\n"
        ),
        said(
            (
                ":3:1: a scene has either `states` or `layers`, not both; write the states "
                "under the name of a layer"
            ),
        ),
    ),
    "points of a gain beside its easing": (
        LAYERS + "  rain: {states: {rain: {curve: 1}}, gain: {0s: 1, easing: smooth, 5s: 3}}\n",
        said(
            ":3:45: `gain` has points beside other fields; write the points under `curve:`",
        ),
    ),
    "turns longer than their loop": (
        (
            "duration: 10s\nloop: true\nlayers:\n"
            "  sea: {states: {waves: {repeat: 60s, curve: {0s: 0.1, 30s: 0.9}}},\n"
            "    gain: {curve: {0s: -6, 10s: 0}, repeat: 10001ms}}\n"
        ),
        said(
            ":4:34: `repeat` of 1m is longer than the loop of 10s; write at most `10s`, or a "
            "longer `duration`",
            ":5:45: `repeat` of 10s1ms is longer than the loop of 10s; write at most `10s`, or a "
            "longer `duration`",
        ),
    ),
    "a scheduler that cannot begin with a sound": (
        (
            "duration: 1m\nrender: {scheduler: DDIMScheduler}\nlayers:\n"
            "  all: {engine: procedural, strength: 1, states: {rain: {curve: 1}}}\n"
            "  far: {engine: procedural, strength: 0.3, states: {rain: {curve: 1}}}\n"
        ),
        said(
            ":2:21: `DDIMScheduler` cannot begin with a sound, as the layer `far` does with its "
            "`strength` of 0.3; leave it out, or write `DPMSolverMultistepScheduler`",
        ),
    ),
    "layers that are apart already": (
        "duration: 1m\napart: true\nlayers: {far: {states: {rain: {curve: 1}}}}\n",
        said(
            ":2:1: `apart` says nothing of `layers`; leave it out: layers are apart already",
        ),
    ),
    "a layer that is to be apart": (
        f"{LAYERS}  far: {{apart: true, states: {{rain: {{curve: 1}}}}}}\n",
        said(
            ":3:9: a layer has no `apart`; leave it out, and write a layer for each state",
        ),
    ),
    "a state apart that would be the events' stem": (
        (
            "duration: 1m\napart: true\nevents: [{at: 1s, sound: thunder}]\n"
            "states: {events: {levels: [~, a clap], curve: 1}}\n"
        ),
        said(
            ":4:10: the stem of `events` would be the same file as that of the scene's own "
            "events; give the state another name",
        ),
    ),
    "apart in other words": (
        "duration: 1m\napart: always\nstates: {rain: {curve: 1}}\n",
        said(
            ':2:8: `apart` must be `true` or `false`, not "always"; write for example '
            "`apart: false`",
        ),
    ),
    "capital layers": (
        ("duration: 1m\nLayers: {far: {}}\n"),
        said(
            ":2:1: a scene has no `Layers`; did you mean `layers`?",
        ),
    ),
    "layers without any": (
        ("duration: 1m\nlayers: {}\n"),
        said(
            (
                ":2:9: `layers` must be a mapping of 1 to 32 names, and has 0; write for "
                "example `layers: {rain: {states: {rain: {curve: 0.5}}, direction: -60}}`"
            ),
        ),
    ),
    "33 layers": (
        LAYERS + "".join(f"  l{i}: {{engine: recording, file: a.wav}}\n" for i in range(33)),
        said(
            (
                ":3:3: `layers` must be a mapping of 1 to 32 names, and has 33; write for "
                "example `layers: {rain: {states: {rain: {curve: 0.5}}, direction: -60}}`"
            ),
            *(f":{i + 3}:{32 + len(str(i))}: {missing('a.wav')}" for i in range(33)),
        ),
    ),
    "bare layers": (
        LAYERS + ("  rain: 0.5\n  wind:\n"),
        said(
            (
                ":3:9: the layer `rain` must be a mapping, not 0.5; write `rain: {states: "
                "{rain: {curve: 0.5}}}`"
            ),
            (
                ":4:8: the layer `wind` must be a mapping, not nothing; write `wind: {states: "
                "{rain: {curve: 0.5}}}`"
            ),
        ),
    ),
    "layers' names": (
        LAYERS
        + (
            "  Far Rain: {states: {rain: {curve: 1}}}\n"
            "  far: {states: {rain: {curve: 1}}}\n"
            "  Far: {states: {rain: {curve: 1}}}\n"
        ),
        said(
            (
                ':3:3: "Far Rain" is no name for a layer; write small letters, digits and `_`, '
                "such as `far_rain`"
            ),
            (
                ":5:3: the stem of `Far` would be the same file as that of `far`; give the "
                "layer another name"
            ),
        ),
    ),
    "layer with the name of the events' stem": (
        LAYERS + ("  events: {states: {rain: {curve: 1}}}\nevents: [{at: 1s, sound: thunder}]\n"),
        said(
            (
                ":3:3: the stem of `events` would be the same file as the stem of the scene's "
                "own events; give the layer another name"
            ),
        ),
    ),
    "layers without sound": (
        LAYERS
        + (
            "  a: {gain: -3dB}\n"
            "  b: {engine: procedural}\n"
            "  c: {engine: recording}\n"
            "  d: {Engine: procedural}\n"
        ),
        said(
            (
                ":3:3: the layer `a` has no `states`; write for example `states: {rain: "
                "{curve: 0.5}}`"
            ),
            (
                ":4:3: the layer `b` has neither `states` nor `events`; write for example "
                "`events: [{at: 72s, sound: thunder}]`"
            ),
            ":5:3: the recording `c` has no `file`; write for example `file: birds.flac`",
            ":6:7: a layer has no `Engine`; did you mean `engine`?",
        ),
    ),
    "unknown engine": (
        LAYERS + "  a: {engine: synth, states: {rain: {curve: 1}}}\n",
        said(
            (
                ':3:15: `engine` must be `model`, `procedural` or `recording`, not "synth"; '
                "write for example `engine: procedural`"
            ),
        ),
    ),
    "fields of other engines": (
        LAYERS
        + (
            "  a: {states: {rain: {curve: 1, kind: roof}}, file: a.wav, strength: 0.5, "
            "events: [{at: 1s, sound: rain}]}\n"
            "  b: {engine: recording, file: b.wav, states: {rain: {curve: 1}}, setting: x, "
            "model: y}\n"
            "  c: {engine: procedural, file: x.wav, setting: here, model: pocket, states: "
            "{rain: {curve: 1}}}\n"
        ),
        said(
            (
                ":3:33: only the states of a procedural layer have a `kind`; leave it out, or "
                "give the state to a layer with `engine: procedural`"
            ),
            (
                ":3:47: a layer of the model's has no `file`; write `engine: recording`, or "
                "leave the line out"
            ),
            (
                ":3:60: a layer of the model's has no `strength`; write `engine: procedural`, "
                "or leave the line out"
            ),
            (
                ":3:75: a layer of the model's has no `events`; give them a layer with "
                "`engine: procedural`, or write them beside `layers:`"
            ),
            f":4:32: {missing('b.wav')}",
            ":4:39: a recording has no `states`; leave it out",
            ":4:67: a recording has no `setting`; leave it out",
            ":4:79: a recording has no `model`; leave it out",
            (
                ":5:27: a procedural layer has no `file`; write `engine: recording`, or leave "
                "the line out"
            ),
            (
                ":5:40: `setting` says nothing in a procedural layer without `strength`; leave "
                "it out, or write for example `strength: 0.5`"
            ),
            (
                ":5:55: `model` says nothing in a procedural layer without `strength`; leave "
                "it out, or write for example `strength: 0.5`"
            ),
        ),
    ),
    "kind at the top": (
        ("duration: 1m\nstates: {rain: {curve: 0.5, kind: roof}}\n"),
        said(
            (
                ":2:29: only the states of a procedural layer have a `kind`; leave it out, or "
                "give the state to a layer with `engine: procedural`"
            ),
        ),
    ),
    "unknown kinds and sounds": (
        LAYERS
        + (
            "  a: {engine: procedural, states: {rain: {curve: 1, kind: rof}, wind: {curve: "
            "1, kind: blah}, yeti: {curve: 1, levels: [~, yeti]}, rian: {curve: 1}}}\n"
        ),
        said(
            ":3:59: `rain` has no kind `rof`; did you mean `roof`?",
            ":3:88: `wind` has no kind `blah`; it has `open`, `trees` and `gap`",
            (
                ":3:95: there is no procedural sound `yeti`; there are `rain`, `wind`, "
                "`waves`, `stream`, `waterfall`, `fire`, `thunder`, `birds`, `crickets`, "
                "`frogs`, `leaves`, `crowd`, `conversation`, `footsteps`, `traffic`, `train`, "
                "`room`, `dishes`, `music` and `drone`"
            ),
            ":3:132: there is no procedural sound `rian`; did you mean `rain`?",
        ),
    ),
    "strength without words": (
        LAYERS + "  a: {engine: procedural, strength: 0.5, events: [{at: 0s, sound: rain}]}\n",
        said(
            ":3:27: a layer with `strength` needs `states`: in their words the model is told "
            "what to make; write for example `states: {rain: {curve: 0.5}}`, or leave "
            "`strength` out"
        ),
    ),
    "no strength": (
        LAYERS + "  a: {engine: procedural, strength: 0, states: {rain: {curve: 1}}}\n",
        said(
            (
                ":3:37: `strength` must be a number above 0 and up to 1, not 0; write for "
                "example `strength: 0.5`"
            ),
        ),
    ),
    "placed outside": (
        LAYERS
        + (
            "  a: {states: {rain: {curve: 1}}, gain: -70dB, direction: 200, distance: "
            "-0.1, width: 2, room: cave}\n"
        ),
        said(
            (
                ':3:41: `gain` must lie between -60 and 24 dB, not "-70dB"; 0 changes nothing, '
                "and less is quieter: write for example `-6dB`"
            ),
            (
                ":3:59: `direction` must lie between -180 and 180, not 200; degrees: 0 is "
                "ahead, 90 right and -90 left: write for example `-60`"
            ),
            (
                ":3:74: `distance` must lie between 0 and 1, not -0.1; 0 is at the ear and 1 "
                "on the horizon: write for example `0.4`"
            ),
            (
                ":3:87: `width` must lie between 0 and 1, not 2; 0 is one point and 1 all "
                "around: write for example `0.5`"
            ),
            (
                ':3:96: `room` must be `none`, `small`, `large` or `outdoors`, not "cave"; '
                "write for example `room: small`"
            ),
        ),
    ),
    "moving outside": (
        LAYERS
        + (
            "  a:\n"
            "    states: {rain: {curve: 1}}\n"
            "    gain: {0s: -6dB, 9s: 30, 2m: loud}\n"
            "    direction: {0s: left, 10: 5}\n"
            "    distance: {curve: {0s: 0.1, 9s: 3}, repeat: 8s, wander: {amount: 2, "
            "period: 3s}}\n"
            "    seed: -1\n"
            "    state: 3\n"
            "    panning: 4\n"
        ),
        said(
            (
                ":5:26: the gain at `9s` must lie between -60 and 24 dB, not 30; 0 changes "
                "nothing, and less is quieter: write for example `-6dB`"
            ),
            (
                ":5:30: `2m` lies past the scene's end at 1m; write a time up to `1m`, or a "
                "longer `duration`"
            ),
            (
                ':5:34: the gain at `2m` must be a number from -60 to 24 dB, not "loud"; 0 '
                "changes nothing, and less is quieter: write for example `-6dB`"
            ),
            (
                ':6:21: the direction at `0s` must be a number from -180 to 180, not "left"; '
                "degrees: 0 is ahead, 90 right and -90 left: write for example `-60`"
            ),
            ":6:27: `10` has no unit; write `10s` or `10m`",
            (
                ":7:33: `9s` lies past the turn's end at 8s; write a time up to `8s`, or a "
                "longer `repeat`"
            ),
            (
                ":7:37: the distance at `9s` must lie between 0 and 1, not 3; 0 is at the ear "
                "and 1 on the horizon: write for example `0.4`"
            ),
            (
                ":7:70: `amount` must be a number from 0 to 1, not 2; write for example "
                "`amount: 0.1`"
            ),
            (
                ":8:11: `seed` must be a whole number from 0 to 2^63 - 1, not -1; write for "
                "example `seed: 7`"
            ),
            ":9:5: a layer has no `state`; did you mean `states`?",
            ":10:5: a layer has no `panning`; did you mean `direction`?",
        ),
    ),
    "placement of another form": (
        LAYERS
        + (
            "  a: {states: {rain: {curve: 1}}, gain: 3LUFS, direction: 30deg, distance: "
            "{}, curve: 0.5, rain: {curve: 3}}\n"
        ),
        said(
            (
                ":3:41: `gain` must be a number from -60 to 24 dB or points in time, not "
                '"3LUFS"; write for example `gain: -6dB` or `gain: {0s: -12dB, 90s: 0dB}`'
            ),
            (
                ":3:59: `direction` must be a number from -180 to 180 or points in time, not "
                '"30deg"; write for example `direction: -60` or `direction: {0s: -60, 90s: 60}`'
            ),
            (
                ":3:76: `distance` has no points; write for example `distance: 0.4` or "
                "`distance: {0s: 0.9, 90s: 0.1}`"
            ),
            ":3:80: a layer has no `curve`; write it, indented, under the name of a state",
            ":3:92: a layer has no `rain`; write it, indented, under `states:`",
        ),
    ),
    "events as a mapping": (
        ("duration: 1m\nevents: {at: 1s}\n"),
        said(
            (
                ":2:9: `events` must be a list of 1 to 500 events, not a mapping; write for "
                "example `events: [{at: 72s, sound: thunder}]`"
            ),
        ),
    ),
    "no events": (
        ("duration: 1m\nevents: []\n"),
        said(
            (
                ":2:9: `events` must be a list of 1 to 500 events, and has 0; write for "
                "example `events: [{at: 72s, sound: thunder}]`"
            ),
        ),
    ),
    "events that are none": (
        EVENTS
        + (
            "  - {at: 61s, sound: thunder}\n"
            "  - {at: 1m, sound: thunder}\n"
            "  - {sound: thunder}\n"
            "  - {at: 1s, rate: 4, sound: thunder}\n"
            "  - {at: 1s}\n"
            "  - thunder\n"
            "  - {at: 5, sound: tunder, kind: near}\n"
            "  - {at: 5s, sound: thunder, kind: loud}\n"
            "  - {at: 5s, sound: yeti, volume: 3}\n"
        ),
        said(
            (
                ":3:10: `at` must come before the scene's end at 1m, not 1m1s; write an "
                "earlier time, or a longer `duration`"
            ),
            (
                ":4:10: `at` must come before the scene's end at 1m, not 1m; write an earlier "
                "time, or a longer `duration`"
            ),
            (
                ":5:5: this event has neither `at` nor `rate`; write for example `at: 72s`, or "
                "`rate: 4` for so many a minute"
            ),
            (
                ":6:14: an event has `at` or `rate`, not both; keep `at` for one moment, or "
                "`rate` for random ones"
            ),
            ":7:5: this event has no `sound`; write for example `sound: thunder`",
            (':8:5: an event must be a mapping, not "thunder"; write `{at: 72s, sound: thunder}`'),
            ":9:10: `at`: `5` has no unit; write `5s` or `5m`",
            ":9:20: there is no procedural sound `tunder`; did you mean `thunder`?",
            ":10:36: `thunder` has no kind `loud`; it has `near` and `far`",
            (
                ":11:21: there is no procedural sound `yeti`; there are `rain`, `wind`, "
                "`waves`, `stream`, `waterfall`, `fire`, `thunder`, `birds`, `crickets`, "
                "`frogs`, `leaves`, `crowd`, `conversation`, `footsteps`, `traffic`, `train`, "
                "`room`, `dishes`, `music` and `drone`"
            ),
            ":11:27: an event has no `volume`; did you mean `gain`?",
        ),
    ),
    "events too long": (
        EVENTS
        + (
            "  - {at: 0s, sound: wind, length: 1h}\n"
            "  - {rate: {0s: 5, 50%: 60}, sound: wind, length: 1m}\n"
            "  - {rate: {curve: 60}, sound: wind, length: 21s}\n"
            "  - {rate: 60, sound: wind, length: 20s}\n"
        ),
        said(
            (
                ":3:35: `length` must be a time from 100ms to 2m, not 1h; "
                "write for example `length: 4s`"
            ),
            (
                ":4:51: 60 events of 1m would sound at once, and at most 20 may; write a shorter "
                "`length` or a lower `rate`, or make the sound one of the `states`"
            ),
            (
                ":5:46: 21 events of 21s would sound at once, and at most 20 may; write a shorter "
                "`length` or a lower `rate`, or make the sound one of the `states`"
            ),
        ),
    ),
    "events outside": (
        EVENTS
        + (
            "  - {rate: 700, sound: thunder, level: [0.5, 2], direction: [1, 2, 3], "
            "distance: near, gain: 30dB, length: 1ms}\n"
            "  - {rate: {0s: -1}, sound: thunder, level: 1.5, direction: {0s: 1}}\n"
        ),
        said(
            (
                ":3:12: `rate` must lie between 0 and 600, not 700; so many a minute: write "
                "for example `4`"
            ),
            (
                ":3:46: a number of `level` must lie between 0 and 1, not 2; 0 is none and 1 "
                "is most: write for example `0.5`"
            ),
            (
                ":3:61: `direction` must be a number from -180 to 180, or two in a list, and "
                "has 3; degrees: 0 is ahead, 90 right and -90 left: write for example `-60`"
            ),
            (
                ':3:82: `distance` must be a number from 0 to 1, or two in a list, not "near"; '
                "0 is at the ear and 1 on the horizon: write for example `0.4`"
            ),
            (
                ':3:94: `gain` must lie between -60 and 24 dB, not "30dB"; 0 changes nothing, '
                "and less is quieter: write for example `-6dB`"
            ),
            (
                ":3:108: `length` must be a time from 100ms to 2m, not 1ms; "
                "write for example `length: 4s`"
            ),
            (
                ":4:17: the rate at `0s` must lie between 0 and 600, not -1; so many a minute: "
                "write for example `4`"
            ),
            (
                ":4:45: `level` must lie between 0 and 1, not 1.5; 0 is none and 1 is most: "
                "write for example `0.5`"
            ),
            (
                ":4:61: `direction` must be a number from -180 to 180, or two in a list, not a "
                "mapping; degrees: 0 is ahead, 90 right and -90 left: write for example `-60`"
            ),
        ),
    ),
    "variants": (
        ("duration: 1m\nvariants: 0\nstates: {rain: {curve: 1}}\n"),
        said(
            (
                ":2:11: `variants` must be a whole number from 1 to 1000, not 0; write for "
                "example `variants: 5`"
            ),
        ),
    ),
    "reversed ranges": (
        EVENTS
        + (
            "  - {rate: 4, sound: thunder, level: [0.9, 0.2], distance: [1, 0.5], "
            "direction: [90, -90]}\n"
        ),
        said(
            ":3:38: `level` goes from 0.9 down to 0.2, and must go up; write `[0.2, 0.9]`",
            ":3:60: `distance` goes from 1 down to 0.5, and must go up; write `[0.5, 1]`",
            (
                ":3:81: `direction` goes from 90 down to -90, and must go up; write `[-90, 90]`; "
                "to go round the back, write two events: one with `[90, 180]` and one with "
                "`[-180, -90]`"
            ),
        ),
    ),
    "layouts by other names": (
        OUTPUT + "{layout: 4.0}\n",
        said(
            ":3:18: `layout` must be `mono`, `stereo`, `quad`, `5.1` or `ambisonics`, not 4.0; "
            "did you mean `quad`?",
        ),
    ),
    "a layout of one order": (
        OUTPUT + "{layout: FOA}\n",
        said(
            ":3:18: `layout` must be `mono`, `stereo`, `quad`, `5.1` or `ambisonics`, not "
            '"FOA"; did you mean `ambisonics`?',
        ),
    ),
    "unknown layout": (
        OUTPUT + "{layout: sterio, bits: 8, sample_rate: 8000}\n",
        said(
            (
                ":3:18: `layout` must be `mono`, `stereo`, `quad`, `5.1` or `ambisonics`, not "
                '"sterio"; did you mean `stereo`?'
            ),
            ":3:32: `bits` must be `16`, `24` or `32f`, not 8; write for example `bits: 24`",
            (
                ":3:48: `sample_rate` must be `16000`, `22050`, `24000`, `32000`, `44100`, "
                "`48000`, `88200` or `96000`, not 8000; write for example `sample_rate: 48000`"
            ),
        ),
    ),
    "output in others' words": (
        OUTPUT + "{rate: 48000, channels: 2}\n",
        said(
            ":3:10: `output` has no `rate`; did you mean `sample_rate`?",
            ":3:23: `output` has no `channels`; did you mean `layout`?",
        ),
    ),
    "output outside": (
        OUTPUT
        + (
            "{layout: 7.1, bits: 32, width: wide, air: 1, peak: 1dBTP, loudness: -3, "
            "fade_in: 2, fade_out: 2m}\n"
        ),
        said(
            (
                ":3:18: `layout` must be `mono`, `stereo`, `quad`, `5.1` or `ambisonics`, not "
                "7.1; write for example `layout: stereo`"
            ),
            (":3:29: `bits` must be `16`, `24` or `32f`, not 32; write for example `bits: 24`"),
            (
                ':3:40: `width` must be a number from 0 to 1, not "wide"; 0 is one point and 1 '
                "all around: write for example `0.5`"
            ),
            ":3:51: `air` must be `true` or `false`, not 1; write for example `air: false`",
            (
                ':3:60: `peak` must lie between -20 and 0 dBTP, not "1dBTP"; write for example '
                "`-1 dBTP`"
            ),
            (
                ":3:77: `loudness` must lie between -60 and -5 LUFS, not -3; write for example "
                "`-23 LUFS`"
            ),
            ":3:90: `fade_in`: `2` has no unit; write `2s` or `2m`",
            (
                ":3:103: `fade_out` of 2m is longer than the scene of 1m; write a shorter "
                "time, or a longer `duration`"
            ),
        ),
    ),
    "opus": (
        OUTPUT + "{format: opus, sample_rate: 44100, bits: 24}\n",
        said(
            (
                ":3:37: `opus` has no sample rate of 44100; it has `16000`, `24000` and "
                "`48000`: write `48000`"
            ),
            (
                ":3:50: `opus` is compressed with loss and has no `bits`; leave the line out, "
                "or write `format: wav` or `format: flac`"
            ),
        ),
    ),
    "mp3": (
        OUTPUT + "{format: mp3, sample_rate: 96000, layout: 5.1}\n",
        said(
            (
                ":3:36: `mp3` has no sample rate of 96000; it has `16000`, `22050`, `24000`, "
                "`32000`, `44100` and `48000`: write `48000`"
            ),
            (
                ":3:51: `mp3` holds one or two channels, and `5.1` has more; write `layout: "
                "stereo`, or another format such as `format: flac`"
            ),
        ),
    ),
    "floats in flac": (
        OUTPUT + "{format: flac, bits: 32f}\n",
        said(
            ":3:30: `flac` has no samples of `32f` bits; write `bits: 24`, or `format: wav`",
        ),
    ),
    "loudness without end": (
        ("duration: endless\nstates: {rain: {curve: 1}}\noutput: {loudness: -23 LUFS}\n"),
        said(
            (
                ":3:10: `loudness` is measured over the whole, and this scene never ends; "
                "leave the line out, or give the scene a `duration` such as `5m`"
            ),
        ),
    ),
    "long fades": (
        OUTPUT + "{fade_in: 40s, fade_out: 40s}\n",
        said(
            (
                ":3:34: the fades are longer together than the scene of 1m; write a shorter "
                "time, or a longer `duration`"
            ),
        ),
    ),
    "fades in a loop": (
        (
            "loop: true\n"
            "duration: 1m\n"
            "states: {rain: {curve: 0.5}}\n"
            "output: {fade_in: 4s, fade_out: 0s}\n"
        ),
        said(
            (
                ":4:10: a loop goes on where it ends, and has no `fade_in`; leave the line "
                "out, or write `loop: false`"
            ),
        ),
    ),
    "fields of layers and events elsewhere": (
        (
            "duration: 1m\n"
            "gain: 3\n"
            "at: 3s\n"
            "sound: x\n"
            "width: 1\n"
            "states: {rain: {curve: 0.5, gain: 3dB}}\n"
        ),
        said(
            ":2:1: a scene has no `gain`; write it, indented, under the name of a layer",
            ":3:1: a scene has no `at`; write it in one of the `events`",
            ":4:1: a scene has no `sound`; write it in one of the `events`",
            ":5:1: a scene has no `width`; write it, indented, under `output:`",
            ":6:29: a state has no `gain`; write it, indented, under the name of a layer",
        ),
    ),
    "fields beside their layer": (
        LAYERS + ("  rain:\n  states: {rain: {curve: 1}}\n  gain: 3\n"),
        said(
            (":4:3: `states` and `gain` stand beside `rain`, not in it; indent them under `rain`"),
        ),
    ),
    "field beside a layer's state": (
        LAYERS + ("  far:\n    states:\n      rain:\n      curve: 0.5\n"),
        said(
            ":6:7: `curve` stands beside `rain`, not in it; indent it under `rain`",
        ),
    ),
    "no space in a layer": (
        LAYERS
        + (
            "  far:\n"
            "    states: {rain: {curve: 0.5}}\n"
            "    gain:-3dB\n"
            "events: [{at:3s, sound: x}, at:3s]\n"
        ),
        said(
            ":5:5: a space is missing after `gain:`; write `gain: -3dB`",
        ),
    ),
    "a layer twice": (
        LAYERS + ("  far: {states: {rain: {curve: 1}}}\n  far: {states: {rain: {curve: 1}}}\n"),
        said(
            ":4:3: `far` is given twice (first on line 3); keep one of them",
        ),
    ),
    "empty fields of a layer": (
        LAYERS + "  far: {states: {rain: {curve: 1}}, gain: , events: }\n",
        said(
            ":3:43: `gain` is empty; write for example `gain: -3dB`, or leave the line out",
            (
                ":3:45: a layer of the model's has no `events`; give them a layer with "
                "`engine: procedural`, or write them beside `layers:`"
            ),
            (
                ":3:53: `events` is empty; write for example `events: [{at: 72s, sound: "
                "thunder}]`, or leave the line out"
            ),
        ),
    ),
    "a recording without its engine": (
        LAYERS + "  bed: {file: bed.wav}\n  one: {events: [{at: 1s, sound: rain}]}\n",
        said(
            (
                ":3:9: a layer of the model's has no `file`; write `engine: recording`, or leave "
                "the line out"
            ),
            (
                ":4:9: a layer of the model's has no `events`; give them a layer with "
                "`engine: procedural`, or write them beside `layers:`"
            ),
        ),
    ),
    "file a number": (
        LAYERS + "  far: {engine: recording, file: 5}\n",
        said(
            (
                ":3:34: `file` must be one line of at most 1000 characters, not 5; write for "
                "example `file: birds.flac`"
            ),
        ),
    ),
    "drift of a placement": (
        LAYERS
        + (
            "  far: {states: {rain: {curve: 1}}, gain: {curve: 0, wander: {amount: 90, "
            "period: 1s}}, direction: {wander: {amount: 3}}, distance: {curve: 1, repeat: "
            "3s, sped: 2}}\n"
        ),
        said(
            (
                ":3:71: `amount` must be a number from 0 to 84 dB, not 90; write for example "
                "`amount: 0.1`"
            ),
            (":3:89: `direction` has no `curve`; write for example `curve: {0s: 0.1, 90s: 0.9}`"),
            ":3:101: `wander` has no `period`; write for example `period: 20s`",
            (
                ":3:141: `repeat` needs points to repeat; write two or more, such as `curve: "
                "{0s: 0.1, 5s: 0.9}`, or leave `repeat` out"
            ),
            (":3:156: `distance` has no `sped`; it knows `easing`, `repeat`, `curve` and `wander`"),
        ),
    ),
}
