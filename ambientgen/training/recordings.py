"""Recordings as training clips: 10.24 s at 16 kHz in one channel, with the words that call them.

What a recording does over time is not known, only what it is called. So a clip has texts instead of
curves, and the true LOA of its sound stands in for the levels. Recordings of a state without
captions get its level words by loudness: each clip is taken at several gains, and all of a state's
takes are ranked; the quietest quarter is called its quietest word, the loudest its loudest. So a
curve moves the level of such a state even if all its recordings are equally loud.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from ambientgen.audio_file.intact import reason_of
from ambientgen.audio_file.truncation import cut_short
from ambientgen.ear.source import CANCELLED
from ambientgen.errors import Problem, UsageError
from ambientgen.prompts import compose
from ambientgen.scene.catalogue import KNOWN
from ambientgen.training.corpus import FLOOR_RMS
from ambientgen.training.keep import kept, new_array
from ambientgen.training.mel import MEL_BINS, RATE, log_mel
from ambientgen.training.sources import OPTION, Remark, Source, find, plain_word, words_of
from ambientgen.training.stems import CLIP_FRAMES, CLIP_SAMPLES, Stems

LEAST_S = 1.0  # shorter recordings are skipped
REST_S = 2.56  # so much must be left over at the end for a clip of its own (it overlaps the last)
FADE = RATE // 4  # samples over which a short recording is joined to itself
SILENT_RMS = 10 ** (-70 / 20)
MOST = 100.0  # full scale is 1; 40 dB above it samples are of another scale, and drown all others
LOUD_RMS = (
    0.1  # -20 dBFS: where the loudest clips are put, about as loud as the textures' full level
)
LOUDEST = 95  # percentile of clips that counts as the loudest
GAINS_DB = (0.0, -7.0, -14.0, -21.0)  # takes of a state: three quarters of the 28 dB of a texture
STILL = 0.12  # of a texture that is mixed under a recording, as `examples.STILL`
ENDLESS = 1 << 50  # frames: what headers of streams say that do not know their length
BLOCK = 1 << 16  # frames read at a time
DAMAGED = "unspecified internal error"  # libsndfile's words for an MP3 that libmpg123 gives up
MADE = "recordings.json"  # the last to come: it vouches for all the others
_BESIDE = ("audio.npy", "mels.npy")

Clip = NDArray[np.float32]


class Unusable(Exception):  # noqa: N818 (it is told, and the file is skipped)
    """A file no clip can be made of; says why."""


@dataclass(frozen=True)
class Recordings:
    """audio (N, CLIP_SAMPLES) and mels (N, CLIP_FRAMES, MEL_BINS), float16.

    texts: what each clip may be called, one or more captions with levels in them. plains: what it
    is at any level. states: the states that recordings without captions belong to.
    """

    audio: NDArray[np.float16]
    mels: NDArray[np.float16]
    texts: tuple[tuple[str, ...], ...]
    plains: tuple[str, ...]
    states: tuple[str, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class _Take:
    """One row of the corpus: a clip at a gain, called `texts`."""

    clip: int
    gain: float
    texts: tuple[str, ...]
    plain: str
    stem: int = -1  # a texture mixed under it; none below 0


def clips_of(path: Path) -> Iterator[Clip]:
    """The clips of a sound file of any rate and number of channels, each (CLIP_SAMPLES,).

    Raises:
        Unusable: it is no sound file, too short, or broken; after the clips that can be had.
    """
    rest = np.zeros(0, np.float32)
    before = np.zeros(0, np.float32)  # the clip that was given last
    stop: Unusable | None = None
    parts = _at_our_rate(path)
    while stop is None:
        try:
            rest = np.concatenate([rest, next(parts)])
        except StopIteration:
            break
        except Unusable as error:
            stop = error
        while len(rest) >= CLIP_SAMPLES:
            before, rest = rest[:CLIP_SAMPLES], rest[CLIP_SAMPLES:]
            yield before
    if len(before) and len(rest) >= REST_S * RATE:
        yield np.concatenate([before[len(rest) :], rest])
    elif not len(before) and len(rest) >= LEAST_S * RATE:
        yield _repeated(rest)
    elif not len(before) and stop is None:
        what = f"lasts {len(rest) / RATE:.2f} s" if len(rest) else "holds no sound"
        raise Unusable(f"{what}; give at least {LEAST_S:.0f} s")
    if stop is not None:
        raise stop


def _at_our_rate(path: Path) -> Iterator[Clip]:
    """A file's samples at RATE in one channel, as they come."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise Unusable("has a name that is not UTF-8; rename it") from None
    try:
        with soundfile.SoundFile(path) as file:
            broken_off = file.frames > 0 and cut_short(path, file) is not None
        with soundfile.SoundFile(path) as file:  # anew: not every file can be entered again
            stream = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32", quality="HQ")
            read, alone = 0, -1
            for block in file.blocks(BLOCK, dtype="float32", always_2d=True):
                read += len(block)
                _check(block)
                if alone < 0:
                    alone = _instead_of_mean(block)
                mono = block.mean(1) if alone < 0 else block[:, alone].copy()
                yield stream.resample_chunk(mono)
            yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
            if read < file.frames < ENDLESS or broken_off:
                raise Unusable(f"ends after {read / file.samplerate:.1f} s, before its header says")
    except TypeError:  # what soundfile knows by its name, and not by a header
        raise Unusable("has no header that says its rate; convert it to WAV or FLAC") from None
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        said = reason_of(error).lower()
        if said == DAMAGED:
            what = "is damaged; copy it again, or save what is there as WAV or FLAC"
            raise Unusable(what) from None
        raise Unusable(f"cannot be read as sound ({said}); convert it to WAV or FLAC") from None


def _check(block: Clip) -> None:
    """Raise Unusable for samples, (n, channels), that are no sound."""
    if np.isnan(block).any():
        raise Unusable("holds samples that are no numbers")
    most = float(np.abs(block).max(initial=0.0))
    if most > MOST:
        raise Unusable(f"holds samples of {most:.2g}, where 1 is full scale; scale them down")


def _instead_of_mean(block: Clip) -> int:
    """The loudest channel of samples (n, channels) whose mean is silent, though they are not, as in
    stereo of opposite phase; else -1."""
    powers = block.var(0, dtype=np.float64)
    heard = float(powers.mean())
    if heard < SILENT_RMS**2 or block.mean(1).var(dtype=np.float64) >= CANCELLED * heard:
        return -1
    return int(powers.argmax())


def _repeated(short: Clip) -> Clip:
    """A recording shorter than a clip, joined to itself until it fills one."""
    fade = min(FADE, len(short) // 4)
    gain = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
    out = short
    while len(out) < CLIP_SAMPLES:
        joined = out[-fade:] * gain[::-1] + short[:fade] * gain
        out = np.concatenate([out[:-fade], joined, short[fade:]])
    return out[:CLIP_SAMPLES]


def check_usable(data: Path, folder: Path, apart: Sequence[Path] = ()) -> None:
    """Refuse recordings, as `build` finds them, of which none is of use: looks for the first.

    Raises:
        UsageError: nothing in `data` can be learnt from.
    """
    if (folder / MADE).is_file():
        return
    found = find(data, apart)
    remarks = list(found.remarks)
    for source in found.sources:
        if any(True for _ in _heard_in(source, remarks)):
            return
    raise _unusable(data, len(found.sources), remarks)


def build(
    data: Path,
    folder: Path,
    stems: Stems | None,
    most: int,
    seed: int,
    apart: Sequence[Path] = (),
) -> Recordings:
    """The clips of the recordings in `data`, made once and kept in `folder`.

    With `stems`, each take comes once more with a texture under it, so that recordings and textures
    are heard together. At most `most` takes are kept, drawn by `seed`. What is in the folders
    `apart` is left out.

    Raises:
        UsageError: nothing in `data` can be learnt from.
        OutputError: the disk takes no more.
    """

    def make(partial: Path) -> None:
        found = find(data, apart)
        remarks = list(found.remarks)
        sources, loudness = _read_all(found.sources, folder, remarks)
        if not sources:
            raise _unusable(data, len(found.sources), remarks)
        raw = np.memmap(folder / "clips.f16", np.float16, "r", shape=(len(sources), CLIP_SAMPLES))
        rng = np.random.default_rng(seed)
        takes = _takes(sources, loudness, stems, rng)
        takes = [takes[i] for i in sorted(rng.permutation(len(takes))[:most])]
        _write(folder, raw, stems, takes, rng)
        del raw
        with suppress(OSError):  # Windows keeps a file that is still mapped
            (folder / "clips.f16").unlink()
        states = dict.fromkeys(source.state for source in sources if source.state)
        said_of = {
            "texts": [take.texts for take in takes],
            "plains": [take.plain for take in takes],
            "states": list(states),
            "remarks": [asdict(remark) for remark in remarks],
        }
        partial.write_text(json.dumps(said_of))

    folder.mkdir(parents=True, exist_ok=True)
    # The texts are written last: they vouch for the arrays.
    said: dict[str, Any] = json.loads(kept(folder / MADE, make, _BESIDE).read_text())
    return Recordings(
        np.load(folder / "audio.npy", mmap_mode="r"),
        np.load(folder / "mels.npy", mmap_mode="r"),
        tuple(map(tuple, said["texts"])),
        tuple(said["plains"]),
        tuple(said["states"]),
        tuple(Remark(**remark) for remark in said["remarks"]),
    )


def _read_all(
    sources: Sequence[Source], folder: Path, remarks: list[Remark]
) -> tuple[list[Source], NDArray[np.float64]]:
    """Write all clips to `clips.f16`; the source and the root mean square of each."""
    owners: list[Source] = []
    loudness: list[float] = []
    with (folder / "clips.f16").open("wb") as raw:
        for source in sources:
            for clip, level in _heard_in(source, remarks):
                raw.write(clip.astype(np.float16).tobytes())
                owners.append(source)
                loudness.append(level)
    return owners, np.array(loudness)


def _heard_in(source: Source, remarks: list[Remark]) -> Iterator[tuple[Clip, float]]:
    """The clips of a file that are not silent, without offset, and the root mean square of each;
    in the end what is to be remarked on it."""
    count = 0
    try:
        for clip in clips_of(source.path):
            centred = clip - clip.mean()
            level = float(np.sqrt(np.mean(np.square(centred))))
            if level >= SILENT_RMS:
                count += 1
                yield centred, level
        if not count:
            remarks.append(Remark(source.name, "is silent; skipped"))
    except Unusable as error:
        clips = "the clip before that is" if count == 1 else f"{count} clips before that are"
        end = f"; {clips} used" if count else "; skipped"
        remarks.append(Remark(source.name, f"{error}{end}"))


def _unusable(data: Path, count: int, remarks: Sequence[Remark]) -> UsageError:
    what = f"none of its {count} files can be learnt from"
    said = Problem(f"{OPTION} {data}", what, "see below")
    return UsageError(said, *(Problem(remark.file, remark.what) for remark in remarks))


def _takes(
    sources: Sequence[Source],
    loudness: NDArray[np.float64],
    stems: Stems | None,
    rng: np.random.Generator,
) -> list[_Take]:
    # One gain for all: how loud recordings are beside one another is kept.
    common = LOUD_RMS / float(np.percentile(loudness, LOUDEST))
    takes = [
        _Take(i, common, source.captions, source.captions[0])
        for i, source in enumerate(sources)
        if source.captions
    ]
    for state in dict.fromkeys(source.state for source in sources if source.state):
        mine = [i for i, source in enumerate(sources) if source.state == state]
        pairs = [(i, db) for i in mine for db in GAINS_DB]
        heard = [20 * math.log10(loudness[i]) + db for i, db in pairs]
        ranks = np.argsort(np.argsort(heard, kind="stable"), kind="stable")
        words = words_of(state)
        for (i, db), rank in zip(pairs, ranks, strict=True):
            word = str(words[1 + int(rank) * (len(words) - 1) // len(pairs)])
            gain = common * 10 ** (db / 20)
            takes.append(_Take(i, gain, (word,), plain_word(state)))
    if stems is None:
        return takes
    curves = stems.curves.astype(np.float32)
    still = np.flatnonzero((np.ptp(curves, axis=1) < STILL) & (curves.mean(1) > STILL))
    if not len(still):
        return takes
    means = curves.mean(1)
    return takes + [_with_texture(take, stems, still, means, rng) for take in takes]


def _with_texture(
    take: _Take,
    stems: Stems,
    still: NDArray[np.int64],
    means: NDArray[np.float32],
    rng: np.random.Generator,
) -> _Take:
    """The take with one of the `still` textures under it, named by its mean level."""
    stem = int(rng.choice(still))
    known = KNOWN[str(stems.names[stem])]
    word = str(known.levels[max(1, round(float(means[stem]) * (len(known.levels) - 1)))])

    def joined(said: str, texture: str) -> str:
        return compose([said, texture] if rng.random() < 0.5 else [texture, said], "")

    texts = tuple(joined(text, word) for text in take.texts)
    return _Take(take.clip, take.gain, texts, joined(take.plain, known.plain), stem)


def _write(
    folder: Path,
    raw: NDArray[np.float16],
    stems: Stems | None,
    takes: Sequence[_Take],
    rng: np.random.Generator,
) -> None:
    """The arrays of all takes, each over the same faint floor as the textures."""

    def array(name: str, *shape: int) -> Any:
        return new_array(folder / name, (len(takes), *shape))

    audio, mels = array("audio.npy", CLIP_SAMPLES), array("mels.npy", CLIP_FRAMES, MEL_BINS)
    for row, take in enumerate(takes):
        sound = raw[take.clip].astype(np.float32) * np.float32(take.gain)
        if stems is not None and take.stem >= 0:
            sound = sound + stems.audio[take.stem].astype(np.float32)
        floor = FLOOR_RMS * rng.standard_normal(CLIP_SAMPLES)
        audio[row] = sound + floor
        mels[row] = log_mel(torch.from_numpy(audio[row].astype(np.float32))[None])[0].numpy()
    audio.flush()
    mels.flush()
