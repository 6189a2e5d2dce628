"""A loop in every format and layout, read back by other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ambientgen.audio_file import FORMATS
from ambientgen.scene.scene import Scene
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.shipping.bench import Bench
from ambientgen.training.shipping.programs import (
    decoded,
    probe,
    smpl_loop,
    sox_info,
    tagged,
    wave_info,
)

CHANNELS = {"mono": 1, "stereo": 2, "quad": 4, "5.1": 6, "ambisonics": 4}
RATE, SECONDS = 48_000, 10.0
RATES = (16_000, 22_050, 44_100, 96_000)  # besides; in stereo, 24 bits
TAGS = ("title", "comment", "encoder", "seed", "scene_sha256", "model", "model_licence")

_SCENE = """\
title: Rain that goes round
duration: {seconds:g}s
loop: true
seed: 5
states: {{rain: {{curve: 0.5}}}}
output: {{sample_rate: {rate}, layout: {layout}, format: {format}{bits}}}
"""


@dataclass(frozen=True)
class Kind:
    """One way to write a sound."""

    layout: str
    format: str
    bits: str = "16"  # of formats that keep samples
    rate: int = RATE

    @property
    def name(self) -> str:
        """A file's name that says it all."""
        lossy = FORMATS[self.format].lossy
        parts = [self.layout, *([] if lossy else [self.bits])]
        parts += [] if self.rate == RATE else [str(self.rate)]
        return "-".join(parts) + FORMATS[self.format].suffix

    @property
    def frames(self) -> int:
        """Samples of each channel."""
        return round(SECONDS * self.rate)


def kinds() -> Iterator[Kind]:
    """All that can be written: layouts × formats × bits at 48 kHz, then other rates."""
    for layout, channels in CHANNELS.items():
        for name, written in FORMATS.items():
            too_many = written.most_channels is not None and channels > written.most_channels
            if too_many or (layout == "ambisonics" and not written.ambisonics):
                continue
            for bits in ("16",) if written.lossy else written.depths:
                yield Kind(layout, name, bits)
    yield from (Kind("stereo", name, "24", rate) for name in ("wav", "flac") for rate in RATES)


def outputs(bench: Bench, wanted: Sequence[Kind] = ()) -> Iterator[Table]:
    """A row for each kind of file (`wanted`: only these)."""
    yield Table(
        "outputs",
        "Read back by other programs",
        f"A loop of {SECONDS:g} s, rendered for each. Reached: rate, channels, bits and number of "
        "samples as asked, all seven tags, loop points at the first and the last sample.",
        [_row(bench, kind) for kind in wanted or kinds()],
    )


def scene_of(bench: Bench, kind: Kind) -> Scene:
    """What is rendered."""
    bits = "" if FORMATS[kind.format].lossy else f", bits: {kind.bits}"
    text = _SCENE.format(
        seconds=SECONDS, rate=kind.rate, layout=kind.layout, format=kind.format, bits=bits
    )
    return bench.scene(text, "rain")


def _row(bench: Bench, kind: Kind) -> Row:
    path = bench.take(scene_of(bench, kind), kind.name).path
    found, tags = probe(path), tagged(path)
    channels = CHANNELS[kind.layout]
    frames = len(decoded(path, channels))
    wav = kind.format == "wav"
    loop = smpl_loop(path) if wav else _loop(tags.tags)
    whole = (0, kind.frames - 1) if wav else (0, kind.frames)
    bits = found.get("bits_per_raw_sample") or found.get("bits_per_sample") or 0
    sizes = [wave_info(path), sox_info(path)]
    figures: dict[str, Figure] = {
        "ffprobe: codec, rate, channels, bits": _probed(found, int(bits)),
        "seconds": f"{float(found['duration']):g}",
        "kbit/s": f"{int(found['bit_rate']) / 1000:.0f}",
        "ffmpeg: samples": str(frames),
        "sox: channels, bits, samples": _told(sizes[1]),
        "wave": _told(sizes[0]),
        "mutagen: seconds, tags": f"{tags.seconds:g}, {len(tags.tags)}",
        "loop read back": loop
        and (f"smpl {loop[0]}–{loop[1]}" if wav else f"{loop[0]} + {loop[1]}"),
    }
    right = (
        (int(found["sample_rate"]), int(found["channels"]), frames) == _asked(kind)
        and (FORMATS[kind.format].lossy or int(bits) == int(kind.bits.removesuffix("f")))
        and all(tags.tags.get(name) for name in TAGS)
        and loop == whole
    )
    return Row(kind.name, figures, right)


def _asked(kind: Kind) -> tuple[int, int, int]:
    """Rate, channels and samples as decoders should give them."""
    return kind.rate, CHANNELS[kind.layout], kind.frames


def _loop(tags: dict[str, str]) -> tuple[int, int] | None:
    """The loop in the tags."""
    if not {"loopstart", "looplength"} <= tags.keys():
        return None
    return int(tags["loopstart"]), int(tags["looplength"])


def _probed(found: dict[str, object], bits: int) -> str:
    layout = found.get("channel_layout")
    parts = [str(found["codec_name"]), str(found["sample_rate"])]
    parts.append(f"{found['channels']} ({layout})" if layout else str(found["channels"]))
    return ", ".join([*parts, *([f"{bits} bits"] if bits else [])])


def _told(numbers: tuple[int, ...] | None) -> str | None:
    return None if numbers is None else ", ".join(map(str, numbers))
