"""The first pass over a dataset that is to be split: what may be staged, what repeats, and who asks what.

A few numbers are kept for every unit, in arrays of known size: 30 bytes a unit. Nothing depends on the order of the
input but the numbers of lines.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from hashlib import blake2b
from typing import Any
from zlib import crc32

from finetune.domain.catalog import RecordFormat
from finetune.domain.dataset import read_unit
from finetune.domain.findings import CODES
from finetune.domain.lines import Source, Unit
from finetune.domain.look_alikes import Kin
from finetune.domain.overlap import Overlap
from finetune.domain.records import Record, SourceFormat
from finetune.domain.rules import DatasetRules, Judge
from finetune.domain.shortcut import Plain, runs
from finetune.domain.similarity import all_normalised, asked_and_answer, exact_of, media_of

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
        keep_prompts: bool = False,
    ) -> None:
        self._open, self._suffix, self.rules = open_source, suffix, rules
        self.judge = Judge(rules)
        self._key = str(seed).encode()[:64]
        self._start = crc32(self._key)
        self._overlaps, self._keep_prompts = overlaps, keep_prompts
        self.fates = array("B")
        self.lines = array("I")
        self.orders = array("I")
        self.ranks = array("Q")
        self.tokens = array("I")
        self.as_is = array("B")
        self.labels = array("B")
        self._identities = array("q")
        self._label_names: dict[bytes, int] | None = {}
        self.unaskable: set[int] = set()
        self.kept_prompts: list[bytes] = []
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
        parted = list(map(asked_and_answer, identities))
        prompts = [
            asked.partition(b"\0")[2] if sections else asked
            for (asked, _), (_, sections, _) in zip(parted, shapes, strict=True)
        ]
        as_is = [_AS_IS.get(source) == self.rules.record_format for source, _, _ in shapes]
        refused = {index for index, found in flaws.items() if is_refused(found)}
        if not refused and not self._overlaps:
            self._extend(line, texts, identities, prompts, tokens)
            self.labels.extend([self._label(answer) for _, answer in parted])
            self.as_is.extend(as_is)
            return
        for index, text in enumerate(texts):
            if index in refused:
                self._append(Fate.REJECTED, line + index)
            else:
                answer = parted[index][1]
                self._append_record(line + index, text, identities[index], prompts[index], answer, tokens[index])
                self.as_is[-1] = as_is[index]

    def _extend(
        self, line: int, texts: list[str], identities: list[bytes], prompts: list[bytes], tokens: list[int]
    ) -> None:
        """Many records that may be staged at once, all columns but labels and as_is."""
        ranks = list(map(self._rank, prompts))
        self.fates.extend([Fate.TRAINING] * len(texts))
        self.lines.extend(range(line, line + len(texts)))
        self.orders.extend([crc32(text.encode(), self._start) for text in texts])
        self.ranks.extend(ranks)
        self._identities.extend(map(hash, identities))
        self.tokens.extend(tokens)
        if not self._kin.gave_up:
            for rank, prompt in zip(ranks, prompts, strict=True):
                self._kin.add(rank, prompt)
        if self._keep_prompts:
            self.kept_prompts.extend(map(_spelled, prompts))

    def _rank(self, prompt: bytes) -> int:
        return int.from_bytes(blake2b(prompt, digest_size=8, key=self._key).digest())

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
        leak = next((leak for leak, overlap in self._overlaps if overlap.holds(_spelled(prompt))), None)
        if leak is not None:
            self._append(leak, line)
            return
        rank = self._rank(prompt)
        self._append(Fate.TRAINING, line, crc32(text.encode(), self._start), rank, hash(identity), tokens)
        self.labels[-1] = self._label(answer)
        self._kin.add(rank, prompt)
        if not askable:
            self.unaskable.add(rank)
        if self._keep_prompts:
            self.kept_prompts.append(_spelled(prompt))

    def _append(self, fate: Fate, line: int, order: int = 0, rank: int = 0, identity: int = 0, tokens: int = 0) -> None:
        self.fates.append(fate)
        self.lines.append(line)
        self.orders.append(order)
        self.ranks.append(rank)
        self._identities.append(identity)
        self.tokens.append(tokens)
        self.as_is.append(False)
        self.labels.append(_NO_LABEL)

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
        kept = sum(fate == Fate.TRAINING for fate in self.fates) if names else 0
        return {number: name for name, number in names.items()} if 1 < len(names) <= kept / 5 else {}

    def _drop_duplicates(self) -> None:
        """Of records that are the same but for case, space and punctuation keep the one of the lowest order."""
        repeated = self._repeated()
        if not repeated:
            return
        kept: dict[int, int] = {}
        for index, (identity, fate) in enumerate(zip(self._identities, self.fates, strict=True)):
            if fate != Fate.TRAINING or identity not in repeated:
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
            seen: set[int] = set()
            for identity in self._identities:
                if identity % parts == part:
                    if identity in seen:
                        repeated.add(identity)
                    seen.add(identity)
        return repeated

    def _gather_kin(self) -> None:
        """Give prompts that nearly equal each other one rank."""
        leaders = self._kin.leaders()
        if leaders:
            self.unaskable |= {leaders[rank] for rank in self.unaskable if rank in leaders}
            self.ranks = array("Q", (leaders.get(rank, rank) for rank in self.ranks))
        del self._kin

    def kept(self) -> Iterator[tuple[int, int]]:
        """The rank and the label of every record that may be staged."""
        for fate, rank, label in zip(self.fates, self.ranks, self.labels, strict=True):
            if fate == Fate.TRAINING:
                yield rank, label

    def settle(self, held_out: dict[int, Fate], otherwise: Fate) -> None:
        """Give every record that stays the fate of its prompt."""
        for index, fate in enumerate(self.fates):
            if fate == Fate.TRAINING:
                self.fates[index] = held_out.get(self.ranks[index], otherwise)

    def counted(self) -> Counter[int]:
        """How many units have which fate."""
        return Counter(self.fates)


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


def _spelled(prompt: bytes) -> bytes:
    """A prompt as `prompt_and_identity` spells it."""
    return b"\x1f".join(part.strip() for part in prompt.split(b"\0"))
