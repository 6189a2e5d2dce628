"""docs/cli.md, made from the commands themselves: `python -m ambientgen.cli.reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from ambientgen.cli.app import app
from ambientgen.cli.exit_codes import GRAVITY, MEANINGS
from ambientgen.console import PROGRAM

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

_HEAD = f"""\
<!-- Made by `python -m ambientgen.cli.reference`; change the commands, not this page. -->

# The command line

`{PROGRAM} COMMAND --help` says the same. What was asked to be known (plans, verdicts of `check`,
JSON) goes to standard output, everything else to standard error: problems as `{PROGRAM}: place:
what is wrong; what to do`, one on each line, progress, and a line for each file that was made, or
that `verify` found to match. Colours and bars appear on terminals only, colours not where
`NO_COLOR` is set.
"""

_RENDER = """\
Where the sound goes:

- Without `-o`, `rain.yaml` becomes `rain.wav` in the current folder, or `rain.flac` if the scene
  says `output: {format: flac}`.
- `-o lake.flac` names the file; its suffix wins over the scene's format. `-o sounds/` is a folder,
  and the only choice for several scenes. `-o -` is WAV to standard output, with `--pcm` bare
  samples. A scene without end can go nowhere else, unless `--duration` or `--to` ends it.
- An existing file is replaced with `--force` only. A render that fails or is stopped leaves no
  file under the final name, and the old one as it was.
- A file grows as `NAME.*.part` beside its final name. Only a killed process (SIGKILL, a power cut)
  leaves one behind; the next render of that name deletes it.
- Beside `rain.wav` comes its sidecar, `rain.json`: what the sound is and how to make it again.
  `ambientgen render rain.json` does that, `ambientgen verify rain.wav` tells whether the two belong
  together. It never replaces a scene of the command, and other files only with `--force`. See
  [store.md](store.md).
- Scenes whose sounds would go into one file (`north/rain.yaml south/rain.yaml`) are refused, all of
  them; the others are rendered.
- When the reader of a pipe leaves, as players and `head` do, the render ends quietly with 0.

`--from 12m --to 13m` renders that minute alone: to the bit what it is in the whole. Neither lies
past 168h, also where the scene never ends.

`--set KEY=VALUE` changes the scene as if it were written there: `--set states.rain.curve=0.8`,
`--set 'states.rain.curve={0s: 0, 1m: 1}'`, `--set output.format=flac`. The value is YAML. `--seed`,
`--model`, `--steps` and `--guidance` are short for the same and win over it.

With `--json`, each scene gives one JSON object on a line of its own:

| key | holds |
|---|---|
| `scene` | the scene file, as given |
| `output` | the sound file |
| `duration_s`, `sample_rate`, `channels` | of the sound |
| `seed` | the scene's, or `--seed` |
| `model` | `{name, revision, licence}`; `{}` where no model makes any of it |
| `layout` | how its channels are placed: `mono`, `stereo` and the like |
| `sha256` | of the samples as written, without the file's header |
| `elapsed_s`, `realtime_factor` | time taken, and seconds of sound made in each second of it |
| `peak_memory_mb` | most memory used so far, all workers together |
| `windows` | `{total, computed, reused}`, without silent ones; `reused` ones were made earlier |
| `layers` | `{name, engine}` of each layer and event |
| `stems` | `{output, sha256}` of each stem, by its layer's name |
| `loudness_lufs`, `gain_db` | reached of a loudness asked for, and by how much; else null |
| `sidecar` | the file beside the sound; null if there is none |
| `notices` | what was worth a warning |
| `kept` | left by `--keep`; then time, memory, windows, loudness and notices are not told |

A scene that failed gives `{scene, error: {problems: [{place, what, remedy}]}, exit_code}` instead.
"""

_VALIDATE = """\
With `--json`, each scene gives one JSON object on a line of its own: `scene` (the file as given),
`exit_code` 0, the scene as it was understood, with its times in seconds, and `notices`: what its
model was never taught, or why that cannot be told. A scene that failed gives what `render --json`
gives for it.
"""

_PLAN = """\
With `--json`: `title`, `start_s`, `duration_s`, `loop`, `endless` (then it is the plan of the first
stretch), `sample_rate`, `seed`, `key` (of what models make of music and drones; null if that is
nothing), `notices`, and of what a model is to make: `model`, `keyframes` (each with `time_s`,
`prompt`, `states`, and the `blend` of prompts that says the states exactly) and `windows` (each
with `index`, `start_s`, `end_s`, and whether it is `silent`, so that nothing is rendered of it; all
that decoding takes, which is some seconds more than is heard; a render makes up to a few more,
which limiter, rates and rooms hear, and each once for every channel of a wide layer). Where a scene
has layers, or its states are apart, these stand in `layers`, a list with each one's `name`. With
`--at` as well: `time_s`, `notices`, and `prompt`, `states`, `words`, `blend` and the indices of the
`windows` that sound; in `layers`, by name, where there are several. A scene without end has any
moment up to 168h: the stretch that holds it is planned.
"""

_PLAY = """\
The player gets WAV on its standard input; those that are known get what they take best. When it
quits, `play` ends with 0; with 4 if it says that it failed. On Ctrl-C both end. Elsewhere
`ambientgen render SCENE -o - | PLAYER` does the same.
"""

_CHECK = """\
With `--json`, each sound gives one JSON object on a line of its own: `file`, `duration_s`,
`sample_rate`, `channels`, `passed` (no verdict failed), `joins` (`{count, told}`; not `told`: every
hop is taken) and `verdicts`, a list of `{name, value, unit, passed, limit, at_least, where_s,
note}`, `passed` being null where nothing is judged; or `file`, `error` and `exit_code` as `render
--json` has them. [ear.md](ear.md) says what is measured.
"""

_VERIFY = """\
Exit code 0: all match; 5: one does not, or is damaged; 2: there is no file, or no sidecar.

With `--json`, each file gives one JSON object on a line of its own: `file`, `matches` (null: could
not be told), `sha256`, `sidecar`, with `--render` `rendered`; or `error` and `exit_code` as `render
--json` has them.
"""

_CACHE = """\
With `--json`: `folder`, `windows`, `bytes` (before `--clear`), `limit_bytes` and `cleared`.
"""

_COMPLETION = f"""\
## Completion

`{PROGRAM} --install-completion` teaches your shell (bash, zsh, fish or PowerShell) the commands,
options, models and scenes; `--show-completion` prints the script instead.
"""

_MORE = {
    "render": _RENDER,
    "check": _CHECK,
    "verify": _VERIFY,
    "validate": _VALIDATE,
    "plan": _PLAN,
    "play": _PLAY,
    "cache": _CACHE,
}


def page() -> str:
    """The whole of docs/cli.md."""
    root: Any = typer.main.get_command(app)
    sections = [_HEAD, _options(root)]
    for name, command in root.commands.items():
        sections += [_command(name, command), _options(command)]
        if name in _MORE:
            sections.append(_MORE[name])
    return "\n".join([*filter(None, sections), _exit_codes(), _COMPLETION])


def parameters(command: Any) -> Iterator[tuple[str, str]]:
    """Every argument and option of a command, as it is written, and what its help says."""
    for parameter in command.params:
        metavar = parameter.metavar or ""
        if parameter.param_type_name == "argument":
            yield metavar, parameter.help or ""
            continue
        names = ", ".join(sorted(parameter.opts, key=len))
        yield f"{names} {metavar}".strip(), parameter.help or ""


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    written = "".join(f" {p.metavar}{'...' if p.nargs == -1 else ''}" for p in arguments)
    return f"## {PROGRAM} {name}{written}\n\n{inspect.cleandoc(command.help)}\n"


def _options(command: Any) -> str:
    rows = [
        f"| `{name.replace('|', chr(92) + '|')}` | {text} |" for name, text in parameters(command)
    ]
    return "\n".join(["| | |", "|---|---|", *rows]) + "\n" if rows else ""


def _exit_codes() -> str:
    rows = [f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()]
    order = ", then ".join(str(int(code)) for code in reversed(GRAVITY[1:]))
    return (
        "## Exit codes\n\n| code | meaning |\n|---|---|\n" + "\n".join(rows) + "\n\n"
        f"Of several scenes each is tried, and the gravest outcome is the command's: {order}. A\n"
        "signal ends the command at once.\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
