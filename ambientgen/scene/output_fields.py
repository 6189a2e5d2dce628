"""The fields of the sound file, and which of them no format can hold together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import GetJsonSchemaHandler
from pydantic_core import core_schema

from ambientgen.scene.faults import Fault, listed, nearest, refuse, shown
from ambientgen.scene.fields import MOST_DURATION_S, Fields, Time, field
from ambientgen.scene.hints import HINTS
from ambientgen.scene.layer_fields import Number
from ambientgen.scene.scales import LOUDNESS, PEAK, WIDTH
from ambientgen.scene.scene import BitsName, FormatName, LayoutName, OutputOptions

RATES = (16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
FORMAT_RATES: dict[str, tuple[int, ...]] = {
    "wav": RATES,
    "flac": RATES,
    "ogg": RATES,
    "opus": (16000, 24000, 48000),  # RFC 6716 also has 8 and 12 kHz, which are below the model's
    "mp3": (16000, 22050, 24000, 32000, 44100, 48000),  # ISO 11172-3 and 13818-3
}
FORMAT_BITS: dict[str, tuple[str, ...]] = {"wav": ("16", "24", "32f"), "flac": ("16", "24")}
"""Of the formats that keep every sample; the others have no bits."""
FORMAT_LAYOUTS: dict[str, tuple[str, ...]] = {
    "ogg": ("mono", "stereo", "quad", "5.1"),
    "opus": ("mono", "stereo", "quad", "5.1"),
    "mp3": ("mono", "stereo"),
}
"""Of the formats that do not hold all layouts."""
CHOICES: dict[str, tuple[str | int, ...]] = {
    "format": get_args(FormatName),
    "sample_rate": RATES,
    "bits": get_args(BitsName),
    "layout": get_args(LayoutName),
}
_ALSO_CALLED: dict[str, dict[str, str]] = {
    "layout": dict.fromkeys(("4", "4.0", "surround"), "quad")
    | dict.fromkeys(("foa", "b-format", "bformat", "ambix"), "ambisonics")
}
"""What others call a choice, or nearly: it is not taken for it, but told."""


def choice(name: str, value: object) -> str | int | None:
    """The choice of a field that a value spells (`5.1` and `16` are numbers in YAML), if any."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    for known in CHOICES[name]:
        if value == known or (isinstance(known, str) and str(value) == known):
            return known
    return None


class Choice:
    """Annotates a field that holds one of a few."""

    def __init__(self, name: str) -> None:
        self.name = name

    def parse(self, value: object) -> str | int:
        found = choice(self.name, value)
        if found is not None:
            return found
        known = [str(one) for one in CHOICES[self.name]]
        near = _ALSO_CALLED.get(self.name, {}).get(str(value).lower(), "")
        if not near and isinstance(value, str):
            near = nearest(value, known)
        remedy = f"did you mean `{near}`?" if near else f"write for example `{self._example}`"
        refuse(Fault((), f"`{self.name}` must be {listed(known)}, not {shown(value)}", remedy))

    @property
    def _example(self) -> str:
        return HINTS[self.name].example

    def __get_pydantic_core_schema__(
        self, source: object, handler: object
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        spelt: dict[str, tuple[float, ...]] = {"bits": (16, 24), "layout": (5.1,)}
        numbers = spelt.get(self.name, ())
        return {"enum": [*CHOICES[self.name], *numbers]}


_USUAL = OutputOptions()


class OutputFields(Fields):
    """The sound file."""

    format: Annotated[FormatName, Choice("format")] = field("format", _USUAL.format)
    sample_rate: Annotated[int, Choice("sample_rate")] = field("sample_rate", _USUAL.sample_rate)
    bits: Annotated[BitsName, Choice("bits")] = field("bits", _USUAL.bits)
    layout: Annotated[LayoutName, Choice("layout")] = field("layout", _USUAL.layout)
    width: Annotated[float, Number(WIDTH)] = field("width", _USUAL.width)
    air: bool = field("air", _USUAL.air)
    loudness: Annotated[float, Number(LOUDNESS)] | None = field("loudness", _USUAL.loudness_lufs)
    peak: Annotated[float, Number(PEAK)] = field("peak", _USUAL.peak_dbtp)
    fade_in: Annotated[float, Time("fade_in", 0.0, MOST_DURATION_S)] = field(
        "fade_in", _USUAL.fade_in_s
    )
    fade_out: Annotated[float, Time("fade_out", 0.0, MOST_DURATION_S)] = field(
        "fade_out", _USUAL.fade_out_s
    )


def clashes(
    format_name: str, sample_rate: int, bits: str | None, layout: str
) -> Iterator[tuple[str, str, str]]:
    """What a format cannot hold: the field, what is wrong, and what to write instead.

    bits: None if nothing is said of them.
    """
    rates = FORMAT_RATES[format_name]
    if sample_rate not in rates:
        what = f"`{format_name}` has no sample rate of {sample_rate}"
        lower = [rate for rate in rates if rate < sample_rate]
        higher = [rate for rate in rates if rate > sample_rate]
        near = higher[0] if higher else lower[-1]
        yield (
            "sample_rate",
            what,
            f"it has {listed([str(rate) for rate in rates], 'and')}: write `{near}`",
        )
    if bits is not None and bits not in FORMAT_BITS.get(format_name, ()):
        depths = FORMAT_BITS.get(format_name, ())
        if depths:
            remedy = f"write `bits: {depths[-1]}`, or `format: wav`"
            yield "bits", f"`{format_name}` has no samples of `{bits}` bits", remedy
        else:
            remedy = "leave the line out, or write `format: wav` or `format: flac`"
            yield "bits", f"`{format_name}` is compressed with loss and has no `bits`", remedy
    if layout not in FORMAT_LAYOUTS.get(format_name, CHOICES["layout"]):
        what = f"`{format_name}` cannot say that its channels are ambisonics"
        if format_name == "mp3":
            what = f"`mp3` holds one or two channels, and `{layout}` has more"
        yield "layout", what, "write `layout: stereo`, or another format such as `format: flac`"
