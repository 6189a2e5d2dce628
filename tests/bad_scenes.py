"""Bad scenes, each with every message that it must give."""

from __future__ import annotations

GOOD = "duration: 1m\nstates:\n  rain:\n    curve: 0.5\n"
LEVEL = "0 is none and 1 is most: write for example `0.5`"
ALIKE = "indent the fields of one level alike"
LEAST = "write at least `duration: 1m` and `states: {rain: {curve: 0.5}}`"
WORDS = "its words from none to most, such as `levels: [~, a soft hum, a loud hum]`"

POINTLESS = (
    "`repeat` needs points to repeat; "
    "write two or more, such as `curve: {0s: 0.1, 5s: 0.9}`, or leave `repeat` out"
)


def curve(text: str) -> str:
    """A good scene with this curve, which begins in column 12 of line 4."""
    return f"duration: 1m\nstates:\n  rain:\n    curve: {text}\n"


def with_line(line: str) -> str:
    """A good scene with this line as its fifth."""
    return f"{GOOD}{line}\n"


def said(problem: str, *more: str) -> list[str]:
    return [f"bad.yaml{one}" for one in (problem, *more)]


# name: (text or bytes, every message, in order)
BAD: dict[str, tuple[str | bytes, list[str]]] = {
    # the text
    "empty": ("", said(f":1:1: the file is empty; {LEAST}")),
    "blank": ("\n  \n", said(f":1:1: the file is empty; {LEAST}")),
    "only comments": ("# rain\n", said(f":1:1: the scene is empty; {LEAST}")),
    "what belongs beside a curve": (
        (
            "duration: 1m\nstates:\n"
            "  rain: {curve: {0s: 0.1, 30s: 0.5, easing: smooth}}\n"
            "  wind: {level: 0.5, curve: 0.2}\n"
            "  fire: {0s: 0.1, curve: 0.2}\n"
        ),
        said(
            ":3:37: `easing` stands among the points; write it beside `curve`",
            ":4:10: a state has no `level`; did you mean `curve`?",
            ":5:10: a state has no `0s`; write points under `curve:`",
        ),
    ),
    "binary": (
        b"RIFF\x00\x00WAVE",
        said(
            ":1:5: there is a NUL byte: the file is binary, not text; "
            "name a YAML file saved as UTF-8"
        ),
    ),
    "latin-1": (
        "title: Hütte\n".encode("latin-1"),
        said(":1:9: byte 0xfc is not UTF-8; save the file as UTF-8"),
    ),
    "utf-16": (GOOD.encode("utf-16"), said(":1:1: the file is UTF-16; save it as UTF-8")),
    "tab": (
        "duration: 1m\nstates:\n\train:\n",
        said(":3:1: there is a tab; write spaces instead"),
    ),
    "control character": (
        "title: a\x07b\n" + GOOD,
        said(":1:9: there is an unprintable character (U+0007); delete it"),
    ),
    "over 1 MB": (
        GOOD + "#" * 1_000_000,
        said(": the scene is over 1 MB; a scene is a short text"),
    ),
    # YAML
    "200,000 brackets": (
        "[" * 200_000,
        said(":1:13: this is nested more than 12 deep; a scene needs five levels"),
    ),
    "200,000 dashes": (
        "- " * 200_000,
        said(":1:25: this is nested more than 12 deep; a scene needs five levels"),
    ),
    "too many values": (
        "[" + "0," * 50_000 + "0]",
        said(":1:40000: the scene holds more than 10000 values; write fewer curve points"),
    ),
    "duplicate key": (
        "duration: 1m\nduration: 2m\nstates: {rain: {curve: 0.5}}\n",
        said(":2:1: `duration` is given twice (first on line 1); keep one of them"),
    ),
    "duplicate state": (
        with_line("  rain: {curve: 1}"),
        said(":5:3: `rain` is given twice (first on line 3); keep one of them"),
    ),
    "commas in numbers": (
        "duration: 1m\nstates:\n  rain: {curve: {0s: 0,4, 10s: 0,4, 12s: 1}}\n"
        "  wind: {curve: 0.5, wander: {amount: 0,1, period: 20s}}\nkey: H moll\n",
        said(
            ":3:24: `0,4` has a comma; write `0.4`",
            ":3:34: `0,4` has a comma; write `0.4`",
            ":4:41: `0,1` has a comma; write `0.1`",
            ":5:6: `key`: 'H moll' is no key; write a note and `major`, `minor`, `dorian`,"
            " `mixolydian` or `lydian`, such as `key: D minor` or `key: Bb major`",
        ),
    ),
    "words of other tools": (
        "duration: 1m\nlayers:\n  a: {states: {rain: {curve: 0.5}}, fade_in: 5s, volume: -3dB}\n"
        "output: {bit_depth: 24}\nkey: Am\n",
        said(
            ":3:37: a layer has no `fade_in`; write a layer's `gain: {0s: -60dB, 5s: 0dB}`; under"
            " `output:` it fades all of the sound",
            ":3:50: a layer has no `volume`; did you mean `gain`?",
            ":4:10: `output` has no `bit_depth`; did you mean `bits`?",
            ":5:6: `key`: 'Am' is no key; write `key: A minor`",
        ),
    ),
    "billion laughs": (
        "a: &a [x, x]\nb: &b [*a, *a]\nduration: 1m\nstates: {rain: {curve: 1}}\n",
        said(
            ":1:1: a scene has no `a`; it knows `version`, `title`, `duration`, `loop`, `seed`,"
            " `setting`, `key`, `states`, `apart`, `layers`, `events`, `variants`, `keyframes`,"
            " `model`, `render` and `output`",
            ":1:4: `&a` is an anchor; write the value out",
            ":2:1: a scene has no `b`; it knows `version`, `title`, `duration`, `loop`, `seed`,"
            " `setting`, `key`, `states`, `apart`, `layers`, `events`, `variants`, `keyframes`,"
            " `model`, `render` and `output`",
            ":2:4: `&b` is an anchor; write the value out",
            ":2:8: `*a` is an alias; write the value out",
            ":2:12: `*a` is an alias; write the value out",
        ),
    ),
    "tag": (
        "title: !!str 5\n" + GOOD,
        said(":1:8: `!!str` is a tag; write the plain value, text in quotes"),
    ),
    "tags, and nothing that follows from them": (
        'duration: !!int "30"\nstates:\n  rain: !foo {x: 0.5}\n  wind: !!str 5\n',
        said(
            ":1:11: `!!int` is a tag; write the plain value, text in quotes",
            ":3:9: `!foo` is a tag; write the plain value, text in quotes",
            ":4:9: `!!str` is a tag; write the plain value, text in quotes",
        ),
    ),
    "merge keys": (
        "duration: 1m\nstates:\n  rain: &a {curve: 0.5}\n  wind:\n    <<: *a\n"
        "  birds: {<<: {curve: 0.5}}\n",
        said(
            ":3:9: `&a` is an anchor; write the value out",
            ":5:9: `*a` is an alias; write the value out",
            ":6:11: `<<` is a merge key; write out what it stands for",
        ),
    ),
    "merge keys among names and times": (
        "duration: 1m\nstates:\n  <<: {wind: {curve: 0.5}}\n"
        "  rain: {curve: {<<: {0s: 1}, 5s: 0}}\n",
        said(
            ":3:3: `<<` is a merge key; write out what it stands for",
            ":4:18: `<<` is a merge key; write out what it stands for",
        ),
    ),
    "half of a pair": (
        '{"duration": "1m", "title": "\\ud83c\\udf27 \\ud83c"}',
        said(
            ":1:45: this escape stands for no character (half of a pair, or beyond U+10FFFF); "
            "write the character itself"
        ),
    ),
    "no number of a version": (
        f"version: true\n{GOOD}",
        said(":1:10: `version` must be 1, not true; write for example `version: 1`"),
    ),
    "two documents": (
        f"---\n{GOOD}---\n{GOOD}",
        said(":6:1: a second document begins (`---`); keep one scene a file"),
    ),
    "crooked": (
        "duration: 1m\nstates:\n  rain:\n    curve: 1\n wind:\n",
        said(f":5:2: this does not belong here; {ALIKE}"),
    ),
    "open bracket": (
        curve("{0s: 0.1, 9s: 0.2"),
        said(":4:12: this `{` is not closed; write `{name: value}`"),
    ),
    "open quote": ("title: 'x\n" + GOOD, said(":1:8: this quote is not closed; close it")),
    "no space after the colon": (
        "title: x\nduration:30s\nstates: {rain: {curve: 0.5}}\n",
        said(":2:1: a space is missing after `duration:`; write `duration: 30s`"),
    ),
    "no space in the first lines": (
        "# rain\nduration:30s  # short\n\nseed:3\nstates: {rain: {curve: 0.5}}\n",
        said(
            ":2:1: a space is missing after `duration:`; write `duration: 30s`",
            ":4:1: a space is missing after `seed:`; write `seed: 3`",
        ),
    ),
    "no space in the last lines": (
        "states: {rain: {curve: 0.5}}\nduration:30s\n",
        said(":2:1: a space is missing after `duration:`; write `duration: 30s`"),
    ),
    "no space anywhere": (
        "duration:30s\n",
        said(":1:1: a space is missing after `duration:`; write `duration: 30s`"),
    ),
    "no space before a brace": (
        "duration: 1m\nstates:\n  rain:{curve: 0.5}\n  wind:{curve: {0s: 0.1, 1m: 0.4}}\n",
        said(
            ":3:3: a space is missing after `rain:`; write `rain: …`",
            ":4:3: a space is missing after `wind:`; write `wind: …`",
        ),
    ),
    "no space in an event": (
        "duration: 1m\nevents:\n  - {at:5s, sound: thunder}\n",
        said(":3:6: a space is missing after `at:`; write `at: 5s`"),
    ),
    "other names of sounds": (
        "duration: 1m\nlayers:\n  a: {engine: procedural, states: {sea: {curve: 0.5}}}\nevents:\n"
        "  - {at: 5s, sound: seagulls}\n  - {at: 5s, sound: gulls}\n  - {every: 5s, sound: fire}\n",
        said(
            ":3:36: there is no procedural sound `sea`; did you mean `waves`?",
            ":5:21: there is no procedural sound `seagulls`; did you mean `birds`?",
            ":6:21: there is no procedural sound `gulls`; "
            "write `birds`, and `kind: gulls` beside it",
            ":7:5: this event has neither `at` nor `rate`; "
            "write for example `at: 72s`, or `rate: 4` for so many a minute",
            ":7:6: an event has no `every`; write for example `rate: 4`, for so many a minute",
        ),
    ),
    "no space inside": (
        "duration: 1m\nstates:\n  rain:\n    curve:0.5\n  wind: {curve:0.5}\n"
        "  birds: {curve: {0s:0.5, 1s: 1}}\n",
        said(
            ":4:5: a space is missing after `curve:`; write `curve: 0.5`",
            ":5:10: a space is missing after `curve:`; write `curve: 0.5`",
            ":6:19: a space is missing after `0s:`; write `0s: 0.5`",
        ),
    ),
    "no colon": (
        "duration 1m\n" + GOOD,
        said(":1:1: there is no `:` after `duration`; write `duration: 1m`"),
    ),
    "no colons, but other signs": (
        "setting = a lake\nseed\uff1a7\nduration: 1m\nstates:\n  rain:\n    curve: 0.5\n",
        said(
            ":1:1: there is no `:` after `setting`; write `setting: a lake`",
            ":2:1: there is no `:` after `seed`; write `seed: 7`",
        ),
    ),
    "no colon inside": (
        "duration: 1m\nstates:\n  rain:\n    easing: smooth\n    curve 0.5\n",
        said(":5:5: there is no `:` after `curve`; write `curve: 0.5`"),
    ),
    "a colon in text": (
        "duration: 1m\nsetting: rain\n  setting in: now\n",
        said(
            ":3:13: there is a `:` where none can stand; "
            "put text that holds `: ` in quotes, and check the indentation"
        ),
    ),
    "no-break spaces": (
        "duration:\xa01m\nstates: {rain: {curve: {0s:\xa00.5, 9s: 1}}}\n",
        said(":1:1: a space is missing after `duration:`; write `duration: 1m`"),
    ),
    "no-break spaces inside": (
        "duration: 1m\nstates: {rain: {curve: {0s:\xa00.5, 9s: 1}}}\n\xa0seed: 1\n",
        said(
            ":2:25: a space is missing after `0s:`; write `0s: 0.5`",
            ":3:1: a scene has no `\\xa0seed`; "
            "write plain spaces around it: other ones are letters to YAML",
        ),
    ),
    "backtick": (
        "title: `x`\n" + GOOD,
        said(":1:8: text cannot begin with this character; put it in quotes"),
    ),
    "list as a key": (
        with_line("? [a]\n: 1"),
        said(":5:3: a list or mapping stands where a name should; write `name: value`"),
    ),
    # fields
    "a list": ("- rain\n", said(f":1:1: a scene is a mapping of fields, not a list; {LEAST}")),
    "no states": (
        "duration: 1m\n",
        said(":1:1: the scene has no `states`; write for example `states: {rain: {curve: 0.5}}`"),
    ),
    "no duration": (
        "states: {rain: {curve: 1}}\n",
        said(":1:1: the scene has no `duration`; write for example `duration: 5m`"),
    ),
    "no curve": (
        "duration: 1m\nstates:\n  rain: {easing: smooth}\n",
        said(":3:3: `rain` has no `curve`; write for example `curve: {0s: 0.1, 90s: 0.9}`"),
    ),
    "states without any": (
        "duration: 1m\nstates: {}\n",
        said(
            ":2:9: `states` must be a mapping of 1 to 32 names, and has 0; "
            "write for example `states: {rain: {curve: 0.5}}`"
        ),
    ),
    "33 states": (
        "duration: 1m\nstates:\n"
        + "".join(f"  hum{i}: {{curve: 0.5, levels: [~, a hum]}}\n" for i in range(33)),
        said(
            ":3:3: `states` must be a mapping of 1 to 32 names, and has 33; "
            "write for example `states: {rain: {curve: 0.5}}`"
        ),
    ),
    "misspelt key": (
        with_line("titel: Rain"),
        said(":5:1: a scene has no `titel`; did you mean `title`?"),
    ),
    "capital letters": (
        "Duration: 1m\nStates: {rain: {curve: 0.5}}\n",
        said(
            ":1:1: a scene has no `Duration`; did you mean `duration`?",
            ":2:1: a scene has no `States`; did you mean `states`?",
        ),
    ),
    "capital letters in a state": (
        "duration: 1m\nstates: {rain: {Curve: 0.5}}\n",
        said(":2:17: a state has no `Curve`; did you mean `curve`?"),
    ),
    "misspelt key beside a missing one": (
        "titel: x\nstates: {rain: {curve: 0.5}}\n",
        said(
            ":1:1: the scene has no `duration`; write for example `duration: 5m`",
            ":1:1: a scene has no `titel`; did you mean `title`?",
        ),
    ),
    "misplaced key": (
        with_line("steps: 4"),
        said(":5:1: a scene has no `steps`; write it, indented, under `render:`"),
    ),
    "state at the top": (
        with_line("wind: {curve: 1}"),
        said(":5:1: a scene has no `wind`; write it, indented, under `states:`"),
    ),
    "empty field": (
        with_line("title:"),
        said(
            ":5:7: `title` is empty; "
            "write for example `title: Rain over a lake`, or leave the line out"
        ),
    ),
    "version 2": (
        with_line("version: 2"),
        said(":5:10: `version` must be 1, not 2; write for example `version: 1`"),
    ),
    "negative seed": (
        with_line("seed: -1"),
        said(
            ":5:7: `seed` must be a whole number from 0 to 2^63 - 1, not -1; "
            "write for example `seed: 7`"
        ),
    ),
    "title a number": (
        with_line("title: 5"),
        said(
            ":5:8: `title` must be one line of at most 200 characters, not 5; "
            "write for example `title: Rain over a lake`"
        ),
    ),
    "escapes in the title": (
        with_line('title: "\\e[31mred"'),
        said(
            ':5:8: `title` must be one line of at most 200 characters, not "\\x1b[31mred"; '
            "write for example `title: Rain over a lake`"
        ),
    ),
    "no character in the title": (
        with_line('title: "a\\uFFFE"'),
        said(
            ':5:8: `title` must be one line of at most 200 characters, not "a\\ufffe"; '
            "write for example `title: Rain over a lake`"
        ),
    ),
    "keyframes": (
        with_line("keyframes: often"),
        said(
            ':5:12: `keyframes` must be `auto` or `{every: 20s}`, not "often"; '
            "write for example `keyframes: auto`"
        ),
    ),
    "render": (
        with_line(
            "render: {window: 5s, overlap: 5s, steps: 0, guidance: .inf, interpolation: cubic}"
        ),
        said(
            ":5:31: `overlap` must be shorter than the window of 5s; "
            "write for example `overlap: 625ms`",
            ":5:42: `steps` must be a whole number from 1 to 1000, not 0; "
            "write for example `steps: 8`",
            ":5:55: `guidance` must be a number from 1 to 30, not inf; "
            "write for example `guidance: 3.5`",
            ':5:76: `interpolation` must be `linear` or `spherical`, not "cubic"; '
            "write for example `interpolation: linear`",
        ),
    ),
    "output": (
        with_line("output: {format: aiff, sample_rate: 44000}"),
        said(
            ':5:18: `format` must be `wav`, `flac`, `ogg`, `opus` or `mp3`, not "aiff"; '
            "write for example `format: flac`",
            ":5:37: `sample_rate` must be `16000`, `22050`, `24000`, `32000`, `44100`, `48000`,"
            " `88200` or `96000`, not 44000; write for example `sample_rate: 48000`",
        ),
    ),
    # times
    "bare duration": (
        "duration: 90\nstates: {rain: {curve: 1}}\n",
        said(":1:11: `duration`: `90` has no unit; write `90s` or `90m`"),
    ),
    "clock duration": (
        "duration: 1:30\nstates: {rain: {curve: 1}}\n",
        said(":1:11: `duration`: `1:30` is not a time; write `1m30s`"),
    ),
    "spelt duration": (
        "duration: 5 minutes\nstates: {rain: {curve: 1}}\n",
        said(":1:11: `duration`: `5 minutes` is not a time; write `5m`"),
    ),
    "negative duration": (
        "duration: -5s\nstates: {rain: {curve: 1}}\n",
        said(
            ":1:11: `duration`: `-5s` is a negative time; times count from the start: `0s`, `90s`"
        ),
    ),
    "zero duration": (
        "duration: 0s\nstates: {rain: {curve: 1}}\n",
        said(
            ":1:11: `duration` must be a time from 1s to 168h, or `endless`, not 0s; "
            "write for example `duration: 5m`"
        ),
    ),
    "over a week": (
        "duration: 169h\nstates: {rain: {curve: 1}}\n",
        said(
            ":1:11: `duration` must be a time from 1s to 168h, or `endless`, not 169h; "
            "write for example `duration: 5m`"
        ),
    ),
    "share as duration": (
        "duration: 50%\nstates: {rain: {curve: 1}}\n",
        said(
            ":1:11: `duration`: `50%` is a share, where only a time can stand; "
            "write a time such as `90s`"
        ),
    ),
    # curves
    "yes": (
        curve("yes"),
        said(
            ':4:12: `curve` must be a number from 0 to 1 or points in time, not "yes"; '
            "write for example `curve: 0.5` or `curve: {0s: 0.1, 90s: 0.9}`"
        ),
    ),
    "percent": (
        curve("80%"),
        said(
            ':4:12: `curve` must be a number from 0 to 1 or points in time, not "80%"; write `0.8`'
        ),
    ),
    "percent at a point": (
        curve("{0s: 12.5 %}"),
        said(
            ':4:17: the level at `0s` must be a number from 0 to 1, not "12.5 %"; write `0.125`',
        ),
    ),
    "more than all": (
        curve("{0s: 150%}"),
        said(f':4:17: the level at `0s` must be a number from 0 to 1, not "150%"; {LEVEL}'),
    ),
    "true": (
        curve("{0s: true}"),
        said(f":4:17: the level at `0s` must be a number from 0 to 1, not true; {LEVEL}"),
    ),
    "NaN": (curve(".nan"), said(f":4:12: `curve` is not a finite number (nan); {LEVEL}")),
    "infinite level": (
        curve("{0s: 0.1, 9s: -.inf}"),
        said(f":4:26: the level at `9s` is not a finite number (-inf); {LEVEL}"),
    ),
    "level 1.5": (
        curve("{0s: 0.1, 9s: 1.5}"),
        said(f":4:26: the level at `9s` must lie between 0 and 1, not 1.5; {LEVEL}"),
    ),
    "no points": (
        curve("{}"),
        said(
            ":4:12: `curve` has no points; "
            "write for example `curve: 0.5` or `curve: {0s: 0.1, 90s: 0.9}`"
        ),
    ),
    "bare time": (
        curve("{0: 0.1, 30: 0.5}"),
        said(
            ":4:13: `0` has no unit; write `0s`",
            ":4:21: `30` has no unit; write `30s` or `30m`",
        ),
    ),
    "point past the end": (
        curve("{0s: 0.1, 61s: 0.5}"),
        said(
            ":4:22: `61s` lies past the scene's end at 1m; "
            "write a time up to `1m`, or a longer `duration`"
        ),
    ),
    "share past the end": (
        curve("{0s: 0.1, 110%: 0.5}"),
        said(
            ":4:22: `110%` lies past the scene's end at 1m; "
            "write a time up to `1m`, or a longer `duration`"
        ),
    ),
    "unordered": (
        curve("{30s: 0.1, 10s: 0.5, 40s: 0.2}"),
        said(
            ":4:23: `10s` comes after `30s`, but is earlier; write the points in the order of time"
        ),
    ),
    "one moment twice": (
        curve("{30s: 0.1, 50%: 0.5}"),
        said(
            ":4:23: `50%` is the same moment as `30s`; "
            "keep one of them, or set them apart: `89.9s`, `90s`"
        ),
    ),
    "point's fields": (
        curve("{0s: {valu: 1, easing: smoth}}"),
        said(
            ":4:13: the point at `0s` has no `value`; write `{value: 0.5}`",
            ":4:18: a point has no `valu`; did you mean `value`?",
            ':4:35: `easing` must be `linear`, `smooth`, `step` or `hold`, not "smoth"; '
            "did you mean `smooth`?",
        ),
    ),
    "past the turn": (
        curve("{0s: 0, 21s: 1}\n    repeat: 20s"),
        said(
            ":4:20: `21s` lies past the turn's end at 20s; "
            "write a time up to `20s`, or a longer `repeat`"
        ),
    ),
    "turn that does not close": (
        curve("{0s: 0, 20s: 1}\n    repeat: 20s"),
        said(
            ":4:20: `20s` is `0s` of the next turn, but the levels differ; "
            "leave one of the two out, or write `20s: 0`"
        ),
    ),
    "share of a scene without end": (
        "duration: endless\nstates:\n  rain:\n    curve: {0s: 0.1, 50%: 1}\n"
        "    wander: {amount: 0.1, period: 10%}\n",
        said(
            ":4:22: `50%` is a share of a scene that never ends; "
            "write the time itself, such as `90s`",
            ":5:35: `period`: `10%` is a share of a scene that never ends; "
            "write a time, such as `period: 20s`",
        ),
    ),
    "loop without end": (
        "duration: endless\nloop: true\nstates: {rain: {curve: 1}}\n",
        said(
            ":2:7: a scene that is `endless` has no end to lead back to its start; "
            "write `loop: false`, or a `duration` such as `1m`"
        ),
    ),
    "short loop": (
        "duration: 2s\nloop: true\nstates: {rain: {curve: 1}}\n",
        said(":2:7: a loop lasts at least 4s, not 2s; write `loop: false`, or a longer `duration`"),
    ),
    "hardly too short a loop": (
        "duration: 3.99999s\nloop: true\nstates: {rain: {curve: 1}}\n",
        said(
            ":2:7: a loop lasts at least 4s, not 3.99999s; "
            "write `loop: false`, or a longer `duration`"
        ),
    ),
    "no truth value": (
        "duration: 1m\nloop: yes\nstates: {rain: {curve: 1}}\n",
        said(':2:7: `loop` must be `true` or `false`, not "yes"; write for example `loop: true`'),
    ),
    "nothing to repeat": (
        "duration: 1m\nstates:\n  rain: {curve: 0.5, repeat: 20s}\n"
        "  wind: {curve: {5s: 0.5}, repeat: 20s}\n",
        said(f":3:17: {POINTLESS}", f":4:17: {POINTLESS}"),
    ),
    "share of a turn": (
        curve("{0s: 0, 50%: 1}\n    repeat: 20s"),
        said(
            ":4:20: `50%` is a share of the scene, but this curve repeats; "
            "write the time inside the turn, such as `20s`"
        ),
    ),
    "wander": (
        with_line("    wander: {amount: 2, period: 0s, speed: 1}"),
        said(
            ":5:22: `amount` must be a number from 0 to 1, not 2; write for example `amount: 0.1`",
            ":5:33: `period` must be a time from 1s, not 0s; write for example `period: 20s`",
            ":5:37: `wander` has no `speed`; it knows `amount` and `period`",
        ),
    ),
    # names and words
    "misspelt state": (
        "duration: 1m\nstates:\n  rian: {curve: 0.5}\n",
        said(
            ":3:3: `rian` is not in the catalogue of states, and has no `levels`; "
            f"did you mean `rain`? If not, give {WORDS}"
        ),
    ),
    "unknown state": (
        "duration: 1m\nstates:\n  yeti: {curve: 0.5}\n",
        said(f":3:3: `yeti` is not in the catalogue of states, and has no `levels`; give {WORDS}"),
    ),
    "state's name": (
        "duration: 1m\nstates:\n  Wind Chimes: {curve: 0.5, levels: [~, chimes]}\n",
        said(
            ':3:3: "Wind Chimes" is no name for a state; '
            "write small letters, digits and `_`, such as `wind_chimes`"
        ),
    ),
    "bare state": (
        "duration: 1m\nstates:\n  rain: 0.5\n",
        said(":3:9: the state `rain` must be a mapping, not 0.5; write `rain: {curve: 0.5}`"),
    ),
    "bare states, a level and none": (
        "duration: 1m\nstates:\n  rain: 0.75\n  wind: 2\n",
        said(
            ":3:9: the state `rain` must be a mapping, not 0.75; write `rain: {curve: 0.75}`",
            ":4:9: the state `wind` must be a mapping, not 2; write `wind: {curve: 0.5}`",
        ),
    ),
    "field beside its state": (
        "duration: 1m\nstates:\n  rain:\n  curve: 0.5\n",
        said(":4:3: `curve` stands beside `rain`, not in it; indent it under `rain`"),
    ),
    "fields beside two states": (
        "duration: 1m\nstates:\n  rain:\n  curve: {0s: 1}\n  levels: [~, rain]\n"
        "  wind:\n  curve: 0.5\n  birds: {curve: 2}\n",
        said(
            ":4:3: `curve` and `levels` stand beside `rain`, not in it; indent them under `rain`",
            ":7:3: `curve` stands beside `wind`, not in it; indent it under `wind`",
            f":8:18: `curve` must lie between 0 and 1, not 2; {LEVEL}",
        ),
    ),
    "one level": (
        with_line("    levels: [rain]"),
        said(
            ":5:13: `levels` must be a list of 2 to 9 phrases, of which only the first may be `~`"
            " (silence), and has 1; write for example `levels: [~, a soft hum, a loud hum]`"
        ),
    ),
    "late silence": (
        with_line("    levels: [rain, ~]"),
        said(
            ":5:20: only the first of the `levels` may be silence; "
            "write for example `levels: [~, a soft hum, a loud hum]`"
        ),
    ),
    "level a number": (
        with_line("    levels: [rain, 5]"),
        said(
            ":5:20: a phrase of `levels` must be one line of at most 100 characters, not 5; "
            "write words, numbers in quotes"
        ),
    ),
}
