"""Prepare a dataset: convert it for the base model, remove what is there twice, split it without leakage, and stage it.

Held out is what has the lowest seeded hash of its normalised prompt. So the split does not depend on the order of the
input, all records of one prompt stay together, and rows that are added later move almost nothing. The source is read
twice: once to decide, once to write; more often only when what is staged is larger than `window_bytes`, which keeps
memory bounded.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from hashlib import blake2b, sha256
from math import floor
from typing import Any, BinaryIO

from finetune.domain.conversion import convert, folded_prompt, turn_text
from finetune.domain.dataset import read_unit
from finetune.domain.evaluation_set import EvaluationItem, Turn, to_jsonl
from finetune.domain.findings import CODES, Finding
from finetune.domain.lines import Source, Unit
from finetune.domain.overlap import Overlap
from finetune.domain.records import Record
from finetune.domain.rules import DatasetRules, Judge
from finetune.domain.shortcut import quick
from finetune.domain.similarity import exact_of, normalised, prompt_and_identity
from finetune.domain.tokens import estimate

OpenSource = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of all records to hold out; what remains is for training."""

    validation: float
    evaluation: float

    def __post_init__(self) -> None:
        if min(self.validation, self.evaluation) < 0 or self.validation + self.evaluation >= 1:
            raise ValueError("shares must not be negative and must leave something for training")


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the staged files are written; nothing is written where nothing is staged."""

    training: BinaryIO
    validation: BinaryIO
    evaluation: BinaryIO


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One staged file; `sha256` is hexadecimal."""

    records: int
    bytes: int
    sha256: str
    estimated_tokens: int


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where every line, row or element of a source went. The parts add up to `total`, or there is no Accounting."""

    total: int
    staged: int
    duplicates: int
    leaked: int
    rejected: int
    blank: int

    def __post_init__(self) -> None:
        if self.staged + self.duplicates + self.leaked + self.rejected + self.blank != self.total:
            raise ValueError(f"the records do not add up: {self}")


@dataclass(frozen=True, slots=True)
class PreparedDataset:
    """What was staged and what was not, and why.

    `removed` holds the first lines of the dataset by reason, `validation_removed` those of a validation file of one's
    own. `problems` are bounds of the base model that no longer hold; `notes` are sentences on what was done differently
    than asked.
    """

    training: StagedFile | None
    validation: StagedFile | None
    evaluation: StagedFile | None
    accounting: Accounting
    validation_accounting: Accounting | None
    removed: Mapping[str, tuple[int, ...]]
    validation_removed: Mapping[str, tuple[int, ...]]
    problems: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def training_tokens(self) -> int:
        """Estimated tokens of one epoch."""
        return self.training.estimated_tokens if self.training else 0

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {**asdict(self), "training_tokens": self.training_tokens}


class _Fate(IntEnum):
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


_REASONS = {
    _Fate.REJECTED: "rejected",
    _Fate.DUPLICATE: "duplicate",
    _Fate.IN_EVALUATION: "overlaps-evaluation",
    _Fate.IN_VALIDATION: "overlaps-validation",
}


def prepare_dataset(  # noqa: PLR0913 - each is a choice of its own that the caller makes
    open_source: OpenSource,
    *,
    suffix: str,
    rules: DatasetRules,
    shares: Shares,
    seed: int,
    sinks: Sinks,
    evaluation_items: Sequence[EvaluationItem] | None = None,
    validation_source: OpenSource | None = None,
    validation_suffix: str = ".jsonl",
    window_bytes: int = 1 << 27,
    entries_per_reason: int = 20,
) -> PreparedDataset:
    """Stage one dataset for a base model; same input, same bytes, in every process.

    `open_source` is called once per pass and must give the same bytes each time. Records that `check_dataset` rejects
    are left out and accounted for. Nothing is held out for evaluation when there are `evaluation_items`, nothing for
    validation when there is a `validation_source` or the base model takes no validation set.
    """
    notes: list[str] = []
    items = tuple(evaluation_items or ())
    overlaps = [(_Fate.IN_EVALUATION, Overlap(_item_prompt(item) for item in items))] if items else []
    validation: _Survey | None = None
    if validation_source and rules.validation_allowed:
        validation = _Survey(validation_source, validation_suffix, rules, seed, overlaps, keep_prompts=True)
        validation.settle({}, _Fate.VALIDATION)
        overlaps = [*overlaps, (_Fate.IN_VALIDATION, Overlap(validation.kept_prompts))]
    elif validation_source:
        notes.append(f"{rules.name} takes no validation set; the validation file is not used.")
    survey = _Survey(open_source, suffix, rules, seed, overlaps)
    wanted = _wanted(survey, rules, shares, evaluate=not items, validate=validation_source is None, notes=notes)
    survey.settle(_held_out(survey, *wanted), _Fate.TRAINING)

    training = _Writer(sinks.training)
    held_out = _Writer(sinks.validation)
    evaluation = _Writer(sinks.evaluation)
    survey.write({_Fate.TRAINING: training, _Fate.VALIDATION: held_out, _Fate.EVALUATION: evaluation}, window_bytes)
    if validation:
        validation.write({_Fate.VALIDATION: held_out}, window_bytes)
    for item in items:
        evaluation.write(to_jsonl((item,)), _item_tokens(item, rules))
    staged = training.staged(), held_out.staged(), evaluation.staged()
    return PreparedDataset(
        training=staged[0],
        validation=staged[1],
        evaluation=staged[2],
        accounting=survey.accounting(),
        validation_accounting=validation.accounting() if validation else None,
        removed=survey.removed(entries_per_reason),
        validation_removed=validation.removed(entries_per_reason) if validation else {},
        problems=_problems(training.records, held_out.records, rules),
        notes=tuple(notes),
    )


def _item_tokens(item: EvaluationItem, rules: DatasetRules) -> int:
    """Estimated tokens of one evaluation item, question and reference."""
    texts = (item.system or "", *(turn.text for turn in item.messages), item.reference or "")
    return estimate("".join(texts), rules.family)


def _item_prompt(item: EvaluationItem) -> bytes:
    return b"\x1f".join(normalised(turn.text) for turn in item.messages)


def _record(unit: Unit, judge: Judge) -> tuple[Record | None, int, _Fate]:
    """The record of a unit that may be staged and its tokens, or what becomes of the unit instead."""
    record = quick(unit) if type(unit) is bytes else None
    if record is None:
        reading = read_unit(unit)
        if reading is None:
            return None, 0, _Fate.BLANK
        record = reading.record
        if record is None:
            return None, 0, _Fate.REJECTED if reading.errors else _Fate.NO_UNIT
    _, tokens, flaws = judge.measure(record, exact_of(record))
    if flaws and any(CODES[code].severity == "error" for code, _ in flaws):
        return None, 0, _Fate.REJECTED
    return record, tokens, _Fate.TRAINING


class _Survey:
    """The first pass over one source: a fate, an order and a prompt for every unit."""

    def __init__(
        self,
        open_source: OpenSource,
        suffix: str,
        rules: DatasetRules,
        seed: int,
        overlaps: Sequence[tuple[_Fate, Overlap]],
        *,
        keep_prompts: bool = False,
    ) -> None:
        self._open, self._suffix, self._rules = open_source, suffix, rules
        self._judge = Judge(rules)
        self._key = str(seed).encode()[:64]
        self.fates = array("B")
        self.lines = array("Q")
        self._orders = array("Q")
        self._prompts = array("Q")
        self._sizes = array("I")
        self.groups: Counter[int] = Counter()
        self.unaskable: set[int] = set()
        self.kept_prompts: list[bytes] = []
        first: dict[int, int] = {}
        for line, unit in self._units():
            record, _, fate = _record(unit, self._judge)
            order = rank = size = 0
            if record:
                prompt, identity = prompt_and_identity(record)
                fate = next((leak for leak, overlap in overlaps if overlap.holds(prompt)), fate)
                if fate is _Fate.TRAINING:
                    content = convert(record, rules.record_format)
                    order, rank, size = self._hash(content, b"order"), self._hash(prompt, b"prompt"), len(content)
                    fate = self._keep_one(first, identity, order, len(self.fates))
                    self._group(record, rank)
                    if keep_prompts:
                        self.kept_prompts.append(prompt)
            for column, value in ((self.fates, fate), (self.lines, line), (self._orders, order)):
                column.append(value)
            self._prompts.append(rank)
            self._sizes.append(size)
        for index in first.values():
            self.groups[self._prompts[index]] += 1

    def _units(self) -> Iterator[tuple[int, Unit]]:
        for line, units in Source(self._open(), self._suffix):
            yield from enumerate(units, line)

    def _hash(self, data: bytes, purpose: bytes) -> int:
        return int.from_bytes(blake2b(data, digest_size=8, key=self._key, person=purpose).digest())

    def _keep_one(self, first: dict[int, int], identity: bytes, order: int, index: int) -> _Fate:
        """Of records that are the same but for case, space and punctuation keep the one of the lowest order."""
        kept = first.setdefault(hash(identity), index)
        if kept == index:
            return _Fate.TRAINING
        if order >= self._orders[kept]:
            return _Fate.DUPLICATE
        self.fates[kept] = _Fate.DUPLICATE
        first[hash(identity)] = index
        return _Fate.TRAINING

    def _group(self, record: Record, rank: int) -> None:
        if not record.messages or record.sections & {"image", "video"}:
            self.unaskable.add(rank)

    def settle(self, held_out: Mapping[int, _Fate], otherwise: _Fate) -> None:
        """Give every record that stays the fate of its prompt."""
        for index, fate in enumerate(self.fates):
            if fate == _Fate.TRAINING:
                self.fates[index] = held_out.get(self._prompts[index], otherwise)

    def write(self, writers: Mapping[_Fate, _Writer], window_bytes: int) -> None:
        """The later passes: convert what is staged and write it in the order of its hashes, window by window."""
        for low, high in self._windows(window_bytes):
            batch = []
            index = -1
            for index, (line, unit) in enumerate(self._units()):
                fate, order = _Fate(self.fates[index]), self._orders[index]
                if fate in writers and low <= order <= high:
                    record, tokens, _ = _record(unit, self._judge)
                    if record is None:
                        raise ValueError("the dataset changed between two passes over it")
                    batch.append((order, *self._staged(record, tokens, fate, line), fate))
            if index + 1 != len(self.fates):
                raise ValueError("the dataset changed between two passes over it")
            for _, data, tokens, fate in sorted(batch):
                writers[fate].write(data, tokens)

    def _staged(self, record: Record, tokens: int, fate: _Fate, line: int) -> tuple[bytes, int]:
        content = convert(record, self._rules.record_format)
        if fate is not _Fate.EVALUATION:
            return content + b"\n", tokens
        item = _item(record, content, line, folded=self._rules.record_format == "prompt_completion")
        return to_jsonl((item,)), _item_tokens(item, self._rules)

    def _windows(self, window_bytes: int) -> list[tuple[int, int]]:
        """Ranges of orders, each of about `window_bytes` of content."""
        edge = (1 << 64) - 1
        if sum(self._sizes) <= window_bytes:
            return [(0, edge)]
        windows, low, size = [], 0, 0
        for order, extent in sorted(zip(self._orders, self._sizes, strict=True)):
            if size and size + extent > window_bytes and order > low:
                windows.append((low, order - 1))
                low, size = order, 0
            size += extent
        return [*windows, (low, edge)]

    def accounting(self) -> Accounting:
        count = Counter(self.fates)
        return Accounting(
            total=len(self.fates) - count[_Fate.NO_UNIT],
            staged=count[_Fate.TRAINING] + count[_Fate.VALIDATION] + count[_Fate.EVALUATION],
            duplicates=count[_Fate.DUPLICATE],
            leaked=count[_Fate.IN_EVALUATION] + count[_Fate.IN_VALIDATION],
            rejected=count[_Fate.REJECTED],
            blank=count[_Fate.BLANK],
        )

    def removed(self, entries: int) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for line, fate in zip(self.lines, self.fates, strict=True):
            if reason := _REASONS.get(_Fate(fate)):
                lines = found.setdefault(reason, [])
                if len(lines) < entries:
                    lines.append(line)
        return {reason: tuple(lines) for reason, lines in found.items()}


class _Writer:
    """A sink with what went into it."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self._digest = sink, sha256()
        self.records = self._bytes = self._tokens = 0

    def write(self, data: bytes, tokens: int) -> None:
        self._sink.write(data)
        self._digest.update(data)
        self.records += 1
        self._bytes += len(data)
        self._tokens += tokens

    def staged(self) -> StagedFile | None:
        return StagedFile(self.records, self._bytes, self._digest.hexdigest(), self._tokens) if self.records else None


def _item(record: Record, content: bytes, line: int, *, folded: bool) -> EvaluationItem:
    """A held-out record as a question, asked the way the model is trained to be asked."""
    *asked, answer = record.messages
    if folded:
        turns: tuple[Turn, ...] = (Turn(role="user", text=folded_prompt(record)),)
    else:
        turns = tuple(Turn(role=turn["role"], text=turn_text(turn)) for turn in asked)
    return EvaluationItem(
        id="i" + blake2b(content, digest_size=6).hexdigest(),
        line=line,
        system=None if folded else record.system,
        messages=turns,
        reference=turn_text(answer),
    )


def _wanted(
    survey: _Survey, rules: DatasetRules, shares: Shares, *, evaluate: bool, validate: bool, notes: list[str]
) -> tuple[int, int]:
    """How many records to hold out for evaluation and validation, so that training keeps its minimum."""
    total = survey.groups.total()
    askable = total - sum(survey.groups[rank] for rank in survey.unaskable)
    evaluation = min(floor(shares.evaluation * total + 0.5), askable) if evaluate else 0
    validation = floor(shares.validation * total + 0.5) if validate and rules.validation_allowed else 0
    bounds = rules.validation_records
    if validation and bounds:
        validation = min(max(validation, bounds.minimum), bounds.maximum)
    spare = max(0, total - rules.records.minimum)
    if evaluation + validation > spare:
        asked = f"{evaluation} records for evaluation and {validation} for validation"
        evaluation = spare * evaluation // (evaluation + validation)
        validation = min(validation, spare - evaluation)
        notes.append(
            f"{evaluation} records are held out for evaluation and {validation} for validation instead of {asked}, "
            f"so that training keeps the {rules.records.minimum} records that {rules.name} asks for."
        )
    if validation and bounds and validation < bounds.minimum:
        notes.append(f"No validation set is held out: {rules.name} asks for at least {bounds.minimum} records in one.")
        validation = 0
    return evaluation, validation


def _held_out(survey: _Survey, evaluation: int, validation: int) -> dict[int, _Fate]:
    """The fate of each held-out prompt: lowest ranks first, passing over groups too large for what is left."""
    fates: dict[int, _Fate] = {}
    left = {_Fate.EVALUATION: evaluation, _Fate.VALIDATION: validation}
    for rank, size in sorted(survey.groups.items()):
        for fate, room in left.items():
            if size <= room and not (fate is _Fate.EVALUATION and rank in survey.unaskable):
                fates[rank] = fate
                left[fate] -= size
                break
    return fates


def _problems(training: int, validation: int, rules: DatasetRules) -> tuple[Finding, ...]:
    counted = training + validation if rules.validation_counts else training
    found = []
    if counted < rules.records.minimum:
        found.append(
            (
                "too-few-records",
                f"{counted:,} records are left; {rules.name} asks for at least {rules.records.minimum:,}",
            )
        )
    if counted > rules.records.maximum:
        found.append(
            (
                "too-many-records",
                f"{counted:,} records are staged; {rules.name} takes at most {rules.records.maximum:,}",
            )
        )
    bounds = rules.validation_records
    if bounds and validation and not bounds.minimum <= validation <= bounds.maximum:
        code = "too-few-records" if validation < bounds.minimum else "too-many-records"
        found.append(
            (code, f"{validation:,} validation records are staged, not {bounds.minimum:,} to {bounds.maximum:,}")
        )
    return tuple(Finding(None, code, message) for code, message in found)
