"""A survey: what a check notes of every unit of a dataset, so that the split need not read the dataset again.

The notes are columns of fixed width, 31 bytes for each unit. They are written to a file during the check and read back
as a whole. Only the line numbers depend on the order of the input.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import compress, islice, repeat
from operator import mul
from typing import Any, BinaryIO
from zlib import crc32

import orjson

from finetune.domain.catalog import RecordFormat
from finetune.domain.records.record import Disposition, Record, SourceFormat
from finetune.domain.records.shortcut import Plain, counted
from finetune.domain.similarity.identity import asked_and_answers, media_of, spelled
from finetune.domain.similarity.near_duplicates import NearDuplicateGroups
from finetune.domain.similarity.overlap import Asked, Overlap

OpenSource = Callable[[], Iterable[bytes]]

# Turns a column of dispositions into a mask of the lines that have it.
ONLY: Mapping[Disposition, bytes] = {
    disposition: bytes(other == disposition for other in range(256)) for disposition in Disposition
}

# The columns and the codes of `array` for what they hold. Identities are hashes of one process, and so tell the same
# records of one survey and nothing else.
_COLUMNS = {
    "dispositions": "B", "lines": "I", "orders": "I", "ranks": "Q",
    "identities": "q", "tokens": "I", "flags": "B", "labels": "B",
}  # fmt: skip
# Changes whenever the columns or what they mean do, so that no run reads what other code has written.
_FORMAT = b"finetune survey 4\n"
# Those that may be staged as they are; an evaluation item has a format of its own.
_COPIED = bytes(
    disposition * (disposition in (Disposition.TRAINING, Disposition.VALIDATION)) for disposition in range(256)
)
_AS_IS, _NOT_ASKABLE, _MEDIA = 1, 2, 4
_HAS = {flag: bytes(bool(other & flag) for other in range(256)) for flag in (_AS_IS, _NOT_ASKABLE, _MEDIA)}
# Units that are kept in memory before they are written.
_CHUNK = 1 << 14

# Lines of these formats are staged as they are where the base model takes the format, if they are plain.
_STAGED_AS_IS: dict[SourceFormat, RecordFormat] = {
    "bedrock-conversation-2024": "conversation",
    "prompt-completion": "prompt_completion",
}
_MOST_LABELS = 20
_LABEL_BYTES = 42
_NO_LABEL = 255
_NOT_STAGED = {"orders": [0], "ranks": [0], "identities": [0], "tokens": [0], "flags": [0], "labels": [_NO_LABEL]}
# Units whose repetitions are looked for at a time, which bounds the memory that this takes.
_AT_A_TIME = 250_000


class Surveyor:
    """Writes a survey; a check tells it of every unit in turn."""

    def __init__(
        self,
        file: BinaryIO,
        record_format: RecordFormat,
        seed: int,
        overlaps: Sequence[tuple[Disposition, Overlap]] = (),
        *,
        most_questions: int = 0,
        only_accepted: bool = False,
    ) -> None:
        """With `only_accepted` a dataset that is sure to be rejected need not be surveyed to its end.

        `most_questions` bounds the different records whose questions are kept.
        """
        self._file, self._record_format = file, record_format
        self._key = str(seed).encode()[:64]
        self._start = crc32(self._key)
        self._overlaps, self._most_questions = overlaps, most_questions
        self.only_accepted = only_accepted
        self._leaked: set[int] = set()
        self._columns = {name: array(code) for name, code in _COLUMNS.items()}
        self._labels: dict[bytes, int] | None = {}
        self._groups = NearDuplicateGroups()
        self._questions: dict[int, Asked] = {}
        file.write(_FORMAT)

    def add_plain(
        self, line: int, plain: Plain, identities: Sequence[bytes], tokens: Sequence[int], refused: Collection[int]
    ) -> None:
        """Note plain records on consecutive lines from `line` on; `identities` are `all_normalised` of their texts."""
        texts, shapes = plain
        prompts, answers = asked_and_answers(identities, shapes)
        kept = {shape: _STAGED_AS_IS.get(shape[0]) == self._record_format for shape in counted(shapes)}
        flags = bytes(map(kept.__getitem__, shapes))
        if refused or self._overlaps:
            for index, text in enumerate(texts):
                if index in refused:
                    self.leave_out(line + index, Disposition.REJECTED)
                else:
                    record = text, identities[index], prompts[index], answers[index], tokens[index], flags[index]
                    self._add_record(line + index, *record)
            return
        ranks = self._ranked(prompts)
        if not self._groups.gave_up:
            for rank, prompt in zip(ranks, prompts, strict=True):
                self._groups.add(rank, prompt)
        if len(self._questions) < self._most_questions:
            asked = map(Asked, map(spelled, prompts), map(spelled, answers))
            self._questions |= zip(map(hash, identities), asked, strict=True)
        self._extend(
            dispositions=bytes([Disposition.TRAINING]) * len(texts),
            lines=range(line, line + len(texts)),
            orders=map(crc32, map(str.encode, texts), repeat(self._start)),
            ranks=ranks,
            identities=map(hash, identities),
            tokens=tokens,
            flags=flags,
            labels=self._labelled(answers),
        )

    def add_record(self, line: int, record: Record, text: str, identity: bytes, tokens: int) -> None:
        """Note a record of any other kind; `text` is `exact_of` it and `identity` is `all_normalised` of that."""
        media, prompt, answer = media_of(record), identity, identity
        if record.messages:
            parts = identity.split(b"\0")
            blocks = sum("text" in block or "reasoningContent" in block for block in record.messages[-1]["content"])
            prompt = b"\0".join(parts[record.system is not None : len(parts) - blocks])
            answer = b"\0".join(parts[len(parts) - blocks :])
        askable = bool(record.messages) and not record.sections & {"image", "video"}
        whole, asked = identity + media.encode(), prompt + media.encode()
        flags = (0 if askable else _NOT_ASKABLE) | (_MEDIA if media else 0)
        self._add_record(line, text + media, whole, asked, answer, tokens, flags)

    @property
    def questions(self) -> Iterable[Asked]:
        """What the records ask that may be staged."""
        return self._questions.values()

    @property
    def leaked(self) -> int:
        """How many different records are left out because another set asks the same."""
        return len(self._leaked)

    def leave_out(self, line: int, disposition: Disposition) -> None:
        """Note a unit that is not staged."""
        self._extend(dispositions=[disposition], lines=[line], **_NOT_STAGED)

    def finish(self) -> None:
        """Write what is left, and what only the whole dataset shows."""
        self._flush()
        self._file.write((0).to_bytes(8, "little"))
        whole = {
            "labels": [name.decode() for name in self._labels or ()],
            "first_ranks": list(self._groups.first_ranks().items()),
            "near_copies_unsought": self._groups.gave_up,
        }
        self._file.write(orjson.dumps(whole))

    def _add_record(
        self, line: int, text: str, identity: bytes, prompt: bytes, answer: bytes, tokens: int, flags: int
    ) -> None:
        question = Asked(spelled(prompt), spelled(answer) or None)
        leak = next((leak for leak, overlap in self._overlaps if overlap.holds(question)), None)
        if leak is not None:
            self._leaked.add(hash(identity))
            self.leave_out(line, leak)
            return
        [rank] = self._ranked((prompt,))
        self._groups.add(rank, prompt)
        if len(self._questions) < self._most_questions:
            self._questions[hash(identity)] = question
        self._extend(
            dispositions=[Disposition.TRAINING],
            lines=[line],
            orders=[crc32(text.encode(), self._start)],
            ranks=[rank],
            identities=[hash(identity)],
            tokens=[tokens],
            flags=[flags],
            labels=[self._label(answer)],
        )

    def _extend(self, **columns: Iterable[int]) -> None:
        for name, values in columns.items():
            self._columns[name].extend(values)
        if len(self._columns["dispositions"]) >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        if count := len(self._columns["dispositions"]):
            self._file.write(count.to_bytes(8, "little"))
            for column in self._columns.values():
                self._file.write(column.tobytes())
        for column in self._columns.values():
            del column[:]

    def _ranked(self, prompts: Iterable[bytes]) -> list[int]:
        key, number = self._key, int.from_bytes
        return [number(blake2b(prompt, digest_size=8, key=key).digest()) for prompt in prompts]

    def _labelled(self, answers: Sequence[bytes]) -> bytes:
        if self._labels is None:
            return bytes([_NO_LABEL]) * len(answers)
        return bytes(map(self._label, answers))

    def _label(self, answer: bytes) -> int:
        """The number of an answer among few short ones; when there are too many of them, they are no labels."""
        names = self._labels
        if names is None:
            return _NO_LABEL
        if len(answer) > _LABEL_BYTES or (answer not in names and len(names) == _MOST_LABELS):
            self._labels = None
            return _NO_LABEL
        return names.setdefault(answer, len(names))


class SurveyUnreadable(ValueError):
    """A file is no survey, not all of one, or one that other code has written."""


def _read(file: BinaryIO) -> tuple[dict[str, array[int]], dict[str, Any]]:
    if file.read(len(_FORMAT)) != _FORMAT:
        raise SurveyUnreadable("it does not begin as a survey of this version does")
    columns = {name: array(code) for name, code in _COLUMNS.items()}
    try:
        while count := int.from_bytes(file.read(8), "little"):
            for column in columns.values():
                column.frombytes(file.read(count * column.itemsize))
        return columns, orjson.loads(file.read())
    except ValueError as error:
        raise SurveyUnreadable("it ends before its time") from error


class Survey:
    """A disposition, an order, a rank and more for every unit of a dataset, as a Surveyor wrote them.

    Of records that differ only by case, space and punctuation, one is kept. Prompts that are nearly equal have the same
    rank. Raises SurveyUnreadable if the file is not a survey.
    """

    def __init__(self, file: BinaryIO) -> None:
        columns, whole = _read(file)
        self.dispositions, self.labels = bytearray(columns["dispositions"]), columns["labels"]
        self.lines, self.orders, self.ranks = columns["lines"], columns["orders"], columns["ranks"]
        self.tokens, self._identities = columns["tokens"], columns["identities"]
        flags = columns["flags"].tobytes()
        self._as_is = flags.translate(_HAS[_AS_IS])
        # Records that refer to images or videos cannot be asked, so that what is staged of them trains or validates.
        self.media = 1 in flags.translate(_HAS[_MEDIA])
        self.unaskable = set(compress(self.ranks, flags.translate(_HAS[_NOT_ASKABLE])))
        self.copied = bytearray()  # the dispositions of those that are staged as they are, 0 for all others
        self._label_names: list[str] = whole["labels"]
        self.near_copies_unsought: bool = whole["near_copies_unsought"]
        self._drop_duplicates()
        self._gather_groups(dict(whole["first_ranks"]))

    @property
    def strata(self) -> dict[int, str]:
        """The labels by number when the answers of this dataset are labels: few, short, and each given often."""
        kept = self.dispositions.count(Disposition.TRAINING)
        return dict(enumerate(self._label_names)) if 1 < len(self._label_names) <= kept / 5 else {}

    def _drop_duplicates(self) -> None:
        """Of records that are the same but for case, space and punctuation keep the one of the lowest order."""
        repeated = self._repeated()
        if not repeated:
            return
        kept: dict[int, int] = {}
        for index, identity in compress(enumerate(self._identities), self._training()):
            if identity not in repeated:
                continue
            first = kept.setdefault(identity, index)
            if first != index:
                loser = index
                if self.orders[index] < self.orders[first]:
                    kept[identity], loser = index, first
                self.dispositions[loser] = Disposition.DUPLICATE

    def _repeated(self) -> set[int]:
        parts = len(self._identities) // _AT_A_TIME + 1
        repeated: set[int] = set()
        for part in range(parts):
            own = [one for one in compress(self._identities, self._training()) if one % parts == part]
            if len(set(own)) < len(own):
                repeated |= {one for one, times in Counter(own).items() if times > 1}
        return repeated

    def _gather_groups(self, first_ranks: dict[int, int]) -> None:
        """Give prompts that nearly equal each other one rank."""
        if first_ranks:
            self.unaskable |= {first_ranks[rank] for rank in self.unaskable if rank in first_ranks}
            self.ranks = array("Q", (first_ranks.get(rank, rank) for rank in self.ranks))

    def _training(self) -> bytearray:
        return self.dispositions.translate(ONLY[Disposition.TRAINING])

    def kept(self) -> Iterator[int]:
        """The rank of every record that may be staged."""
        return compress(self.ranks, self._training())

    def labelled(self) -> Iterator[tuple[int, int]]:
        """The rank and the label of every record that may be staged."""
        return compress(zip(self.ranks, self.labels, strict=True), self._training())

    def settle(self, held_out: dict[int, Disposition], otherwise: Disposition) -> None:
        """Give every record that stays the disposition of its prompt."""
        for index, rank in compress(enumerate(self.ranks), self._training()):
            self.dispositions[index] = held_out.get(rank, otherwise)
        self.copied = bytearray(map(mul, self.dispositions.translate(_COPIED), self._as_is))

    def counted(self) -> Counter[int]:
        """How many units have which disposition."""
        return Counter(self.dispositions)

    def first(self, disposition: Disposition, most: int) -> tuple[int, ...]:
        """The lines of the first units with a disposition."""
        return tuple(islice(compress(self.lines, self.dispositions.translate(ONLY[disposition])), most))
