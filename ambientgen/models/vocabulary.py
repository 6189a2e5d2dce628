"""What a model does not know, said before it pretends: torch-free."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.messages import Notice
from ambientgen.models.registry import ModelSpec
from ambientgen.scene import KNOWN, Scene, State
from ambientgen.scene.durations import spell
from ambientgen.scene.synonyms import NEAREST, NEAREST_STATE
from ambientgen.state_values import state_value

if TYPE_CHECKING:
    from ambientgen.models.tokens import PromptTokenizer

LISTEN_S = 0.5  # spacing of the moments at which a state's first sound is looked for
QUOTED_AT_MOST = 80  # characters of a prompt in a notice
TOLD_AT_MOST = (
    4  # unknown states, and unknown words, with a notice of their own; the rest share one
)
NAMED_AT_MOST = 12  # of those that share a notice

# A word that makes up less than this share of the texts a tokenizer was made from is chance: those
# of pocket hold random words, which must mean nothing to it. In pocket-0's the rarest word of the
# catalogue, of places and of synonyms makes up 1/2,800, the most frequent random one 1/22,700.
LEAST_SHARE = 1 / 15_000
NEAR_IN_SPELLING = 0.75  # difflib's ratio: `streem` is `stream`, `moor` is not `room`
SHORTEST_NEAR = 4  # letters; shorter words are near to everything
_WORD_START = "▁"  # how SentencePiece marks that a piece begins a word


@dataclass(frozen=True)
class Vocabulary:
    """The whole words that a model has heard often enough to know them; all else it spells out."""

    words: frozenset[str]

    def knows(self, text: str) -> bool:
        """Whether every word of `text` is known."""
        return not self.unknown(text)

    def unknown(self, text: str) -> list[str]:
        """The words of `text` that are not known, each once.

        Words that nothing but punctuation parts (`rain,wind`) are one to a tokenizer. Of such a one
        those that are not known either are named; else it is, as it stands.
        """
        found: dict[str, None] = {}
        for word in _stripped(text.split()):
            if word not in self.words:
                parts = _stripped(re.split(r"[^\w'’-]+", word))
                strange = [part for part in parts if part not in self.words]
                found |= dict.fromkeys(strange or [word])
        return list(found)

    def nearest(self, word: str) -> str:
        """What the model knows that is nearest to `word`, which it does not; "" if nothing is.

        The same word but for capitals and hyphens; else one near in meaning; else in spelling.
        """
        small = word.lower()
        apart = " ".join(filter(None, re.split(r"[\W_]+", small)))
        if apart and self.knows(apart):
            return apart
        singulars = (small[: -len(end)] for end in ("s", "es", "'s") if small.endswith(end))
        for form in (small, apart.replace(" ", ""), *singulars):
            for phrase in NEAREST.get(form, ()):
                if self.knows(phrase):
                    return phrase
        if len(small) < SHORTEST_NEAR:
            return ""
        # Slips of the pen seldom touch a first letter: `ringing` is not `singing`.
        alike = (known for known in self.words if known[0] == small[0])
        candidates = sorted(known for known in alike if len(known) >= SHORTEST_NEAR)
        return next(iter(difflib.get_close_matches(small, candidates, 1, NEAR_IN_SPELLING)), "")


@dataclass(frozen=True)
class _Use:
    """A text of a scene, the field it stands in, and from when it is said, in seconds."""

    text: str
    field: str
    from_s: float


@dataclass(frozen=True)
class _Unknown:
    """What a model does not know, the nearest it does ("" if nothing is), and the notice."""

    name: str
    near: str
    text: str

    def __str__(self) -> str:
        return f"{self.name} (nearest: {self.near})" if self.near else self.name


def read_vocabulary(spec: ModelSpec) -> Vocabulary | None:
    """The words a model knows, from its second tokenizer; None if it takes any word.

    A model is said to know only its own words if it lists its states (`states` in ambientgen.json)
    and its T5 tokenizer has pieces for whole words and single letters only. The published ones have
    thousands of pieces of words. A tokenizer that cannot be read is for loading to complain of.
    """
    if not spec.states:
        return None
    try:
        file = spec.folder / "tokenizer_2" / "tokenizer.json"
        tokenizer = json.loads(file.read_text(encoding="utf-8"))
        special = {token["content"] for token in tokenizer["added_tokens"]}
        if tokenizer["model"]["type"] != "Unigram":
            return None
        pieces = {str(piece): float(score) for piece, score in tokenizer["model"]["vocab"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    long = [piece for piece in pieces if len(piece) > 1 and piece not in special]
    if not long or not all(piece.startswith(_WORD_START) for piece in long):
        return None
    least = float(np.log(LEAST_SHARE))
    return Vocabulary(frozenset(piece[1:] for piece in long if pieces[piece] >= least))


def unheard(spec: ModelSpec, scene: Scene, until_s: float | None = None) -> tuple[Notice, ...]:
    """Warnings of the steps, states and words of `scene` that the model was not taught: a few; and
    of a negative prompt that it does not hear.

    `until_s` is how much of the scene is rendered, in seconds; None: all of it.
    """
    vocabulary = read_vocabulary(spec)
    told = untaught_steps(spec, scene) + unheard_negative(spec, scene)
    told += toneless_states(spec, scene, until_s)
    told += unknown_states(spec, scene, until_s, vocabulary)
    if vocabulary is None:
        return told
    return told + unknown_words(spec, scene, vocabulary, until_s)


def untaught_steps(spec: ModelSpec, scene: Scene) -> tuple[Notice, ...]:
    """A warning of a number of steps that the model never learnt to arrive in, or none."""
    taught, asked = spec.defaults.steps, scene.render.steps
    if not spec.defaults.only_steps or asked in (None, taught):
        return ()
    text = f"{spec.name} was taught {taught} steps as a whole: with {asked} it sounds worse"
    return (Notice(text),)


def unheard_negative(spec: ModelSpec, scene: Scene) -> tuple[Notice, ...]:
    """A warning of a negative prompt without the guidance that would push away from it."""
    asked = scene.render
    if asked.negative_prompt is None or spec.defaults.filled(asked).guidance > 1:
        return ()
    whose = f"{spec.name}'s own" if asked.guidance is None else "which is none"
    text = f"the `negative_prompt` is not heard at a guidance of 1, {whose}"
    return (Notice(f"{text}; write for example `guidance: 2`, or leave it out"),)


def toneless_states(
    spec: ModelSpec, scene: Scene, until_s: float | None = None
) -> tuple[Notice, ...]:
    """A warning of the states that have tones where they are alone, and share a prompt with others:
    what comes of them is noise."""
    if spec.tones_of([state.name for state in scene.states]):
        return ()
    toned = (state for state in scene.states if state.name in spec.tones)
    found = [state for state in toned if _first_s(scene, state, until_s) is not None]
    if not found:
        return ()
    names = " and ".join(state.name for state in found)
    what = f"in one prompt with other states {spec.name} has no tones for {names}"
    return (Notice(f"{what}; leave out `apart: false`, or give each a layer"),)


def unknown_states(
    spec: ModelSpec,
    scene: Scene,
    until_s: float | None = None,
    vocabulary: Vocabulary | None = None,
) -> tuple[Notice, ...]:
    """A warning for each state of `scene` that the model was not taught, and from when it matters.

    A model that does not list its states (`states` in ambientgen.json) is taken to know them all.
    With a `vocabulary`, states of the author's own are judged by their words, not by their names.
    """
    if not spec.states:
        return ()
    found = []
    for state in scene.states:
        if state.name in spec.states or (vocabulary is not None and state.name not in KNOWN):
            continue
        first_s = _first_s(scene, state, until_s)
        if first_s is None:
            continue
        near = next((n for n in NEAREST_STATE.get(state.name, ()) if n in spec.states), "")
        remedy = f"the nearest it knows is {near}" if near else f"it knows {', '.join(spec.states)}"
        asked = f"{spec.name} does not know {state.name} (asked for from {spell(first_s)})"
        found.append(_Unknown(state.name, near, f"{asked}: {remedy}"))
    return _bundled(spec, found, "states")


def unknown_words(
    spec: ModelSpec, scene: Scene, vocabulary: Vocabulary, until_s: float | None = None
) -> tuple[Notice, ...]:
    """A warning for each word of `scene` that is not in the model's vocabulary.

    It names the word, the fields where it stands, from when it matters, and what is nearest to it.
    Words that are never said before `until_s` (seconds; None: the scene's end) are left out.
    """
    uses: dict[str, list[_Use]] = {}
    for use in _uses(spec, scene, until_s, vocabulary):
        for word in vocabulary.unknown(use.text):
            uses.setdefault(word, []).append(use)
    found = []
    for word, places in uses.items():
        fields = " and ".join(dict.fromkeys(use.field for use in places))
        since = spell(min(use.from_s for use in places))
        near, name = vocabulary.nearest(word), _quoted(word)
        remedy = f'the nearest it knows is "{near}"' if near else "nothing it knows is near"
        asked = f'{spec.name} does not know the word "{name}" ({fields}, from {since})'
        found.append(_Unknown(name, near, f"{asked}: {remedy}"))
    return _bundled(spec, found, "words")


def cut_prompts(
    name: str, tokenizers: Sequence[PromptTokenizer], prompts: Iterable[str]
) -> tuple[Notice, ...]:
    """One warning if any of `prompts` is longer than one of the tokenizers of model `name` takes.

    It tells how many are, and of the first what is lost: where tokenizers differ, to any of them.
    """
    first: tuple[int, str, str] | None = None
    cut, different = 0, dict.fromkeys(prompts)
    for prompt in different:
        losses = [(tokenizer.cut(prompt), tokenizer.max_length) for tokenizer in tokenizers]
        lost, tokens = max(losses, key=lambda loss: len(loss[0]), default=("", 0))
        if lost:
            cut += 1
            first = first or (tokens, prompt, lost)
    if first is None:
        return ()
    tokens, prompt, lost = first
    return (
        Notice(
            f"{name} hears only the first {tokens} tokens of a prompt, and {cut} of this scene's "
            f"{len(different)} prompts {'is' if cut == 1 else 'are'} longer: "
            f'of "{_quoted(prompt)}" it does not hear "{_quoted(lost)}"'
        ),
    )


def _uses(
    spec: ModelSpec, scene: Scene, until_s: float | None, vocabulary: Vocabulary
) -> Iterator[_Use]:
    """The author's own texts that hold an unknown word and reach the model.

    Of a state that is heard, the level words near its curve, and the one that the text stream says
    of it throughout (`prompts.scene_text`). Not the words of a catalogued state that the model was
    not taught: it is told by its name.
    """
    if not vocabulary.knows(scene.setting):
        yield _Use(scene.setting, "setting", 0.0)
    for state in scene.states:
        if state.name in KNOWN and state.name not in spec.states:
            continue
        plain_counts = spec.defaults.text_stream and not vocabulary.knows(state.plain)
        if not plain_counts and all(map(vocabulary.knows, filter(None, state.levels))):
            continue  # when it is heard takes long to tell, of a week of short turns
        field, heard_s = f"states.{state.name}.levels", []
        for index, phrase in enumerate(state.levels):
            first_s = None if phrase is None else _first_s(scene, state, until_s, index)
            if phrase is not None and first_s is not None:
                heard_s.append(first_s)
                if not vocabulary.knows(phrase):
                    yield _Use(phrase, field, first_s)
        if heard_s and plain_counts:
            yield _Use(state.plain, field, min(heard_s))
    negative, settings = scene.render.negative_prompt or "", spec.defaults.filled(scene.render)
    if settings.guidance > 1 and not vocabulary.knows(negative):
        yield _Use(negative, "render.negative_prompt", 0.0)


def _first_s(
    scene: Scene, state: State, until_s: float | None, level: int | None = None
) -> float | None:
    """When the state, or its word at index `level`, is first heard before `until_s`, if it is."""
    # Of a scene without end, what is told of it: what turns, bends for ever.
    end_s = scene.changes_until_s if until_s is None else min(until_s, scene.changes_until_s)
    points_s = [at_s for at_s in state.points_s(end_s) if until_s is None or at_s < until_s]
    times = np.union1d(np.arange(0.0, end_s, LISTEN_S), points_s)
    values = state_value(scene, state, times)
    # A word has its share of every value that is less than one level from its own.
    heard = (
        values > 0 if level is None else np.abs(values * (len(state.levels) - 1) - level) < 1 - 1e-6
    )
    return float(times[heard.argmax()]) if heard.any() else None


def _stripped(words: Iterable[str]) -> list[str]:
    """Words without the punctuation around them, as far as anything is left of them."""
    return list(filter(None, (re.sub(r"^[\W_]+|[\W_]+$", "", word) for word in words)))


def _bundled(spec: ModelSpec, found: Sequence[_Unknown], kind: str) -> tuple[Notice, ...]:
    """A notice for each of the first few, and one for all the others."""
    if len(found) <= TOLD_AT_MOST + 1:
        return tuple(Notice(each.text) for each in found)
    others = found[TOLD_AT_MOST:]
    named = ", ".join(str(each) for each in others[:NAMED_AT_MOST])
    more = len(others) - NAMED_AT_MOST
    rest = f"{spec.name} does not know {len(others)} more {kind}: {named}"
    told = [each.text for each in found[:TOLD_AT_MOST]]
    return tuple(map(Notice, [*told, rest + f" and {more} more" * (more > 0)]))


def _quoted(text: str) -> str:
    """As much of a text as fits a line."""
    return text if len(text) <= QUOTED_AT_MOST else text[: QUOTED_AT_MOST - 1].rstrip() + "…"
