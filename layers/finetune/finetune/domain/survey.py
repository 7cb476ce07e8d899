"""The first pass over a dataset that is to be split: what may be staged, what repeats, and who asks what.

A few numbers are kept for every unit, in columns of known size: 31 bytes a unit. Nothing depends on the order of the
input but the numbers of lines.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from hashlib import blake2b
from itertools import compress, islice, repeat
from operator import and_
from typing import Any
from zlib import crc32

from finetune.domain.catalog import RecordFormat
from finetune.domain.dataset import read_unit
from finetune.domain.findings import CODES
from finetune.domain.lines import Source, Unit
from finetune.domain.look_alikes import Kin
from finetune.domain.overlap import Asked, Overlap
from finetune.domain.records import Record, SourceFormat
from finetune.domain.rules import DatasetRules, Judge
from finetune.domain.shortcut import Plain, counted, runs
from finetune.domain.similarity import all_normalised, asked_and_answers, exact_of, media_of, spelled

OpenSource = Callable[[], Iterable[bytes]]


class Fate(IntEnum):
    """What becomes of one unit."""

    BLANK = 0
    REJECTED = 1
    DUPLICATE = 2
    IN_EVALUATION = 3
    IN_VALIDATION = 4
    TRAINING = 5
    VALIDATION = 6
    EVALUATION = 7
    NO_UNIT = 8


# Turns a column of fates into a mask of those that are one fate.
ONLY: Mapping[Fate, bytes] = {fate: bytes(other == fate for other in range(256)) for fate in Fate}
# Those that may be staged as they are; an evaluation item has a format of its own.
_COPIED = bytes(fate in (Fate.TRAINING, Fate.VALIDATION) for fate in range(256))

# Lines of these formats are staged as they are where the base model takes the format, if they are plain.
_AS_IS: dict[SourceFormat, RecordFormat] = {
    "bedrock-conversation-2024": "conversation",
    "prompt-completion": "prompt_completion",
}
_MOST_LABELS = 20
_LABEL_BYTES = 42
_NO_LABEL = 255
# Units whose repetitions are looked for at a time, which bounds the memory that this takes.
_AT_A_TIME = 250_000


class Survey:
    """A fate, an order, a prompt and more for every unit of a source."""

    def __init__(
        self,
        open_source: OpenSource,
        suffix: str,
        rules: DatasetRules,
        seed: int,
        overlaps: Sequence[tuple[Fate, Overlap]],
        *,
        keep_questions: bool = False,
    ) -> None:
        self._open, self._suffix, self.rules = open_source, suffix, rules
        self.judge = Judge(rules)
        self._key = str(seed).encode()[:64]
        self._start = crc32(self._key)
        self._overlaps, self._keep_questions = overlaps, keep_questions
        self.fates = bytearray()
        self.lines = array("I")
        self.orders = array("I")
        self.ranks = array("Q")
        self.tokens = array("I")
        self.as_is = bytearray()
        self.labels = bytearray()
        self._identities = array("q")
        self._label_names: dict[bytes, int] | None = {}
        self.unaskable: set[int] = set()
        self.kept_questions: list[Asked] = []
        self._kin = Kin()
        for first, units in self.blocks():
            for line, part, plain in runs(first, units):
                if plain:
                    self._add_plain(line, plain)
                else:
                    self._add_unit(line, part[0])
        self._drop_duplicates()
        self._gather_kin()

    def blocks(self) -> Iterator[tuple[int, Sequence[Unit]]]:
        """The blocks of one pass over the source."""
        yield from Source(self._open(), self._suffix)

    def _add_plain(self, line: int, plain: Plain) -> None:
        _, tokens, flaws = self.judge.measure_all(plain)
        texts, shapes = plain
        identities = all_normalised(texts)
        prompts, answers = asked_and_answers(identities, shapes)
        kept = {shape: _AS_IS.get(shape[0]) == self.rules.record_format for shape in counted(shapes)}
        as_is = bytes(map(kept.__getitem__, shapes))
        refused = {index for index, found in flaws.items() if is_refused(found)}
        if not refused and not self._overlaps:
            self._extend(line, texts, identities, prompts, answers, tokens)
            self.labels += self._labelled(answers)
            self.as_is += as_is
            return
        for index, text in enumerate(texts):
            if index in refused:
                self._append(Fate.REJECTED, line + index)
            else:
                record = text, identities[index], prompts[index], answers[index], tokens[index]
                self._append_record(line + index, *record)
                self.as_is[-1] = as_is[index]

    def _extend(
        self,
        line: int,
        texts: list[str],
        identities: list[bytes],
        prompts: Sequence[bytes],
        answers: Sequence[bytes],
        tokens: list[int],
    ) -> None:
        """Many records that may be staged at once, all columns but labels and as_is."""
        ranks = self._ranked(prompts)
        self.fates += bytes([Fate.TRAINING]) * len(texts)
        self.lines.extend(range(line, line + len(texts)))
        self.orders.extend(map(crc32, map(str.encode, texts), repeat(self._start)))
        self.ranks.extend(ranks)
        self._identities.extend(map(hash, identities))
        self.tokens.extend(tokens)
        if not self._kin.gave_up:
            for rank, prompt in zip(ranks, prompts, strict=True):
                self._kin.add(rank, prompt)
        if self._keep_questions:
            self.kept_questions.extend(map(Asked, map(spelled, prompts), map(spelled, answers)))

    def _ranked(self, prompts: Iterable[bytes]) -> list[int]:
        key, number = self._key, int.from_bytes
        return [number(blake2b(prompt, digest_size=8, key=key).digest()) for prompt in prompts]

    def _add_unit(self, line: int, unit: Unit) -> None:
        record, tokens, fate = explained(unit, self.judge)
        if record is None:
            self._append(fate, line)
            return
        text, media = exact_of(record), media_of(record)
        [identity] = all_normalised([text])
        prompt = answer = identity
        if record.messages:
            parts = identity.split(b"\0")
            blocks = sum("text" in block or "reasoningContent" in block for block in record.messages[-1]["content"])
            prompt = b"\0".join(parts[record.system is not None : len(parts) - blocks])
            answer = b"\0".join(parts[len(parts) - blocks :])
        askable = bool(record.messages) and not record.sections & {"image", "video"}
        whole, asked = identity + media.encode(), prompt + media.encode()
        self._append_record(line, text + media, whole, asked, answer if askable else b"", tokens, askable=askable)

    def _append_record(
        self, line: int, text: str, identity: bytes, prompt: bytes, answer: bytes, tokens: int, *, askable: bool = True
    ) -> None:
        question = Asked(spelled(prompt), spelled(answer) or None)
        leak = next((leak for leak, overlap in self._overlaps if overlap.holds(question)), None)
        if leak is not None:
            self._append(leak, line)
            return
        [rank] = self._ranked((prompt,))
        self._append(Fate.TRAINING, line, crc32(text.encode(), self._start), rank, hash(identity), tokens)
        self.labels[-1] = self._label(answer)
        self._kin.add(rank, prompt)
        if not askable:
            self.unaskable.add(rank)
        if self._keep_questions:
            self.kept_questions.append(question)

    def _append(self, fate: Fate, line: int, order: int = 0, rank: int = 0, identity: int = 0, tokens: int = 0) -> None:
        self.fates.append(fate)
        self.lines.append(line)
        self.orders.append(order)
        self.ranks.append(rank)
        self._identities.append(identity)
        self.tokens.append(tokens)
        self.as_is.append(False)
        self.labels.append(_NO_LABEL)

    def _labelled(self, answers: Sequence[bytes]) -> bytes:
        if self._label_names is None:
            return bytes([_NO_LABEL]) * len(answers)
        return bytes(map(self._label, answers))

    def _label(self, answer: bytes) -> int:
        """The number of an answer among few short ones; when there are too many of them, they are no labels."""
        names = self._label_names
        if names is None:
            return _NO_LABEL
        if len(answer) > _LABEL_BYTES or (answer not in names and len(names) == _MOST_LABELS):
            self._label_names = None
            return _NO_LABEL
        return names.setdefault(answer, len(names))

    @property
    def strata(self) -> dict[int, bytes]:
        """The labels by number when the answers of this dataset are labels: few, short, and each given often."""
        names = self._label_names or {}
        kept = self.fates.count(Fate.TRAINING)
        return {number: name for name, number in names.items()} if 1 < len(names) <= kept / 5 else {}

    def _drop_duplicates(self) -> None:
        """Of records that are the same but for case, space and punctuation keep the one of the lowest order."""
        repeated = self._repeated()
        if not repeated:
            return
        kept: dict[int, int] = {}
        training = self.fates.translate(ONLY[Fate.TRAINING])
        for index, identity in compress(enumerate(self._identities), training):
            if identity not in repeated:
                continue
            first = kept.setdefault(identity, index)
            if first != index:
                loser = index
                if self.orders[index] < self.orders[first]:
                    kept[identity], loser = index, first
                self.fates[loser] = Fate.DUPLICATE

    def _repeated(self) -> set[int]:
        parts = len(self._identities) // _AT_A_TIME + 1
        repeated: set[int] = set()
        for part in range(parts):
            own = [identity for identity in self._identities if identity % parts == part]
            if len(set(own)) < len(own):
                repeated |= {identity for identity, times in Counter(own).items() if times > 1}
        return repeated

    def _gather_kin(self) -> None:
        """Give prompts that nearly equal each other one rank."""
        self.near_copies_unsought = self._kin.gave_up
        leaders = self._kin.leaders()
        if leaders:
            self.unaskable |= {leaders[rank] for rank in self.unaskable if rank in leaders}
            self.ranks = array("Q", (leaders.get(rank, rank) for rank in self.ranks))
        del self._kin

    def kept(self) -> Iterator[tuple[int, int]]:
        """The rank and the label of every record that may be staged."""
        yield from compress(zip(self.ranks, self.labels, strict=True), self.fates.translate(ONLY[Fate.TRAINING]))

    def settle(self, held_out: dict[int, Fate], otherwise: Fate) -> None:
        """Give every record that stays the fate of its prompt; evaluation items are not staged as they are."""
        for index, rank in compress(enumerate(self.ranks), self.fates.translate(ONLY[Fate.TRAINING])):
            self.fates[index] = held_out.get(rank, otherwise)
        self.as_is = bytearray(map(and_, self.as_is, self.fates.translate(_COPIED)))

    def counted(self) -> Counter[int]:
        """How many units have which fate."""
        return Counter(self.fates)

    def first(self, fate: Fate, most: int) -> tuple[int, ...]:
        """The lines of the first units with a fate."""
        return tuple(islice(compress(self.lines, self.fates.translate(ONLY[fate])), most))


def explained(unit: Any, judge: Judge) -> tuple[Record | None, int, Fate]:
    """The record of a unit that may be staged and its tokens, or what becomes of the unit instead; the long way."""
    reading = read_unit(unit)
    if reading is None:
        return None, 0, Fate.BLANK
    if reading.record is None:
        return None, 0, Fate.REJECTED if reading.errors else Fate.NO_UNIT
    _, tokens, flaws = judge.measure(reading.record, exact_of(reading.record))
    return (None, 0, Fate.REJECTED) if is_refused(flaws) else (reading.record, tokens, Fate.TRAINING)


def is_refused(flaws: Iterable[tuple[str, str]]) -> bool:
    """Whether one of the flaws is an error."""
    return any(CODES[code].severity == "error" for code, _ in flaws)
