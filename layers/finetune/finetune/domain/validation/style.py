"""StyleCheck of a dataset: whether its prompts follow one template, its language, and how its answers end."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import combinations
from typing import NamedTuple

from finetune.domain.validation import debris, templates
from finetune.domain.validation.endings import Endings

# Enough to know the manners of a dataset of any size.
_EVERY_RECORD, _THEN_EACH = 1_000, 64
_FEWEST = 50
# A template is what eight of ten prompts begin or end with; prompts that differ from it are then exceptions.
_TEMPLATE = 0.8
_BEGIN, _END = 16, 4
# A part of the prompts that is large enough to be a second template; beside it, no more than two others are one.
_PART, _MOST_TEMPLATES = 0.1, 4
# Marks that so many end with are no accident, in a dataset of any size.
_MARKED, _FEWEST_MARKED = 0.2, 3
_MOST_KINDS = 5_000
# One language in twenty records is a mixture, and so is no language in less than all but a few of them.
_MIXTURE = 0.02
_WORDS = 60
_FEWEST_WORDS = 3

# Words that are frequent in one of the languages and rare in the others.
_STOP_WORDS = {
    word.encode(): language
    for language, words in {
        "English": "the and of to is that with for this you are was have not from what which",
        "German": "der die das und ist nicht ich mit ein eine von den auf für sie auch wird",
        "French": "le les des est et une pour dans que vous avec pas sur ce cette aux il",
        "Spanish": "el los las una que por para con del está como pero su al es muy y",
        "Italian": "il gli che di una per con della sono non è questo anche nella dei come",
        "Portuguese": "o os um uma não para com que do da em é você mais como dos na",
        "Dutch": "het een van en niet dat zijn voor op met ook aan wordt deze naar bij",
    }.items()
    for word in words.split()
}
_SCRIPTS = (
    ("Chinese or Japanese", 0x3040, 0x30FF), ("Chinese or Japanese", 0x3400, 0x9FFF), ("Korean", 0xAC00, 0xD7AF),
    ("a language in Cyrillic letters", 0x400, 0x52F), ("a language in Arabic letters", 0x600, 0x6FF),
    ("a language in Devanagari letters", 0x900, 0x97F), ("Greek", 0x370, 0x3FF), ("Hebrew", 0x590, 0x5FF),
    ("Thai", 0xE00, 0xE7F),
)  # fmt: skip


def language_of(text: bytes) -> str | None:
    """The language of a normalised text by its first sixty words, as far as its script or its stop words tell."""
    beginning = text[: 8 * _WORDS]
    if not beginning.isascii():
        counted = Counter(map(_script, beginning.decode(errors="ignore")))
        letters = counted.total() - counted[""]
        [(script, most)] = counted.most_common(1)
        if script and script != "Latin" and most > letters / 3:
            return script
    found = Counter(map(_STOP_WORDS.get, beginning.split(None, _WORDS)))
    del found[None]
    ranked = found.most_common(2)
    if not ranked or ranked[0][1] < _FEWEST_WORDS or (len(ranked) > 1 and ranked[0][1] < 2 * ranked[1][1]):
        return None
    return ranked[0][0]


def _script(character: str) -> str:
    code = ord(character)
    if code < 0x250:
        return "Latin" if character.isalpha() else ""
    return next((name for name, low, high in _SCRIPTS if low <= code <= high), "")


class StyleFinding(NamedTuple):
    """A finding on the whole dataset or on a record that differs."""

    line: int | None
    code: str
    message: str


class StyleCheck:
    """Looks at the first thousand records and at about each sixty-fourth behind them."""

    def __init__(self) -> None:
        self._seen = self._looked_at = 0
        # The lines of the records by their beginning, ending or language.
        self._begins: dict[str, array[int]] = {}
        self._ends: dict[str, array[int]] = {}
        self._languages: dict[str, array[int]] = {}
        self._exchanges = self._answers = 0
        # The lines of the records by the label or separator of their prompt, its first words, and marks at ends.
        self._frames: tuple[dict[str, array[int]], dict[str, array[int]]] = ({}, {})
        self._instructions: dict[str, array[int]] = {}
        self._marks: dict[str, dict[str, array[int]]] = {"answer": {}, "prompt": {}}
        self._endings = Endings()
        self._encoded: list[StyleFinding] = []

    def add(
        self, lines: Sequence[int], texts: Sequence[str], identities: Sequence[bytes], turns: Sequence[int]
    ) -> None:
        """Take records in columns: each as it is, with zeros between its parts, and normalised."""
        first = 0 if self._seen < _EVERY_RECORD else -self._seen % _THEN_EACH
        step = 1 if self._seen < _EVERY_RECORD else _THEN_EACH
        self._seen += len(lines)
        for index in range(first, len(lines), step):
            if turns[index]:
                self._look_at(lines[index], texts[index], identities[index], turns[index])

    def _look_at(self, line: int, text: str, identity: bytes, turns: int) -> None:
        self._looked_at += 1
        if language := language_of(identity):
            _note(self._languages, language, line)
        if len(self._encoded) < _MOST_KINDS:
            self._encoded += (StyleFinding(line, *flaw) for flaw in debris.encoded(text))
        asked, _, answer = text.rpartition("\0")
        prompt = asked[asked.rfind("\0") + 1 :]
        self._answers += 1
        self._endings.add(line, answer)
        for where, mark in (("answer", templates.marker(answer)), ("prompt", templates.separator(prompt))):
            if mark:
                _note(self._marks[where], mark, line)
        if turns == 2:
            self._exchanges += 1
            _note(self._begins, prompt[:_BEGIN], line)
            end = templates.ending(prompt)
            _note(self._ends, end or prompt[-_END:], line)
            _note(self._frames[0], templates.lead(prompt), line)
            _note(self._frames[1], end, line)
            if words := templates.instruction(prompt):
                _note(self._instructions, words, line)

    def finish(self, place_of: Callable[[int], str]) -> Iterator[StyleFinding]:
        """What the records say together; `place_of` says in words where one stands."""
        yield from self._marked(place_of)
        yield from self._encoded
        for line in self._endings.cut():
            yield StyleFinding(line, "cut-answer", "has an answer that seems to be cut off in the middle of a sentence")
        if self._looked_at < _FEWEST:
            return
        for raw, frames, where in ((self._begins, self._frames[0], "begin"), (self._ends, self._frames[1], "end")):
            framed = max((len(lines) for frame, lines in frames.items() if frame), default=0)
            common = _TEMPLATE * self._exchanges <= framed
            yield from self._templates(frames if common else raw, where)
            if not common:
                yield from self._mixed(frames, where, place_of)
        yield from self._reworded(place_of)
        yield from self._mixture(place_of)

    def _marked(self, place_of: Callable[[int], str]) -> Iterator[StyleFinding]:
        """Marks that models of earlier days were taught to stop at."""
        for where, marks in self._marks.items():
            if mark := common_mark({mark: len(lines) for mark, lines in marks.items()}, self._answers):
                lines = marks[mark]
                what = "marker" if where == "answer" else "separator"
                message = f"{len(lines):,} of {self._answers:,} {where}s end with the same {what}"
                yield StyleFinding(None, "end-marker", f"{message}, the first on {place_of(lines[0])}")

    def _mixed(
        self, frames: dict[str, array[int]], where: str, place_of: Callable[[int], str]
    ) -> Iterator[StyleFinding]:
        """Several templates, each of a good part of the prompts; having none is one of them."""
        parts = {frame: lines for frame, lines in frames.items() if len(lines) >= _PART * self._exchanges}
        if 1 < len(parts) <= _MOST_TEMPLATES:
            yield self._several(parts.values(), f"{where} in {len(parts)} ways", place_of)

    def _reworded(self, place_of: Callable[[int], str]) -> Iterator[StyleFinding]:
        """The same instruction in several wordings, each in front of a good part of the prompts."""
        parts = {words: lines for words, lines in self._instructions.items() if len(lines) >= _PART * self._exchanges}
        if not 1 < len(parts) <= _MOST_TEMPLATES:
            return
        same = {words for pair in combinations(parts, 2) if templates.same_task(*pair) for words in pair}
        if same:
            ways = [parts[words] for words in parts if words in same]
            yield self._several(ways, f"give one instruction in {len(ways)} wordings", place_of)

    def _several(self, parts: Iterable[array[int]], what: str, place_of: Callable[[int], str]) -> StyleFinding:
        ranked = sorted(parts, key=lambda lines: -len(lines))
        each = ", ".join(f"{len(lines):,} as on {place_of(lines[0])}" for lines in ranked)
        return StyleFinding(None, "inconsistent-template", f"of {self._exchanges:,} prompts, those that {what}: {each}")

    def _templates(self, kinds: dict[str, array[int]], where: str) -> Iterator[StyleFinding]:
        common = max(kinds.values(), key=len, default=())
        if not _TEMPLATE * self._exchanges <= len(common) < self._exchanges:
            return
        message = f"the prompt does not {where} like the prompts of {len(common):,} of {self._exchanges:,} records"
        for line in merge(*(lines for lines in kinds.values() if lines is not common)):
            yield StyleFinding(line, "inconsistent-template", message)

    def _mixture(self, place_of: Callable[[int], str]) -> Iterator[StyleFinding]:
        known = sum(map(len, self._languages.values()))
        ranked = sorted(self._languages.items(), key=lambda item: -len(item[1]))
        others = [(name, lines) for name, lines in ranked[1:] if len(lines) > max(1, _MIXTURE * known)]
        if others:
            parts = [f"{len(lines):,} in {name} (first on {place_of(lines[0])})" for name, lines in others]
            main, most = ranked[0]
            message = f"of {known:,} records looked at, {len(most):,} seem to be in {main}, {', '.join(parts)}"
            yield StyleFinding(None, "language-mixture", message)


def common_mark(counts: Mapping[str, int], records: int) -> str:
    """The mark that more of the records end with than by accident; empty where there is none."""
    mark = max(filter(None, counts), key=counts.__getitem__, default="")
    return mark if mark and counts[mark] >= max(_FEWEST_MARKED, _MARKED * records) else ""


def _note(kinds: dict[str, array[int]], name: str, line: int) -> None:
    lines = kinds.get(name)
    if lines is None:
        if len(kinds) >= _MOST_KINDS:
            return
        lines = kinds[name] = array("Q")
    lines.append(line)
