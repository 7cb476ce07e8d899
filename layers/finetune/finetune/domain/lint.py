"""Lint: what the service takes but a model suffers from. Warnings, unless the settings make errors of them."""

from __future__ import annotations

from array import array
from collections import Counter

from finetune.domain.findings import Ledger
from finetune.domain.records import Record
from finetune.domain.sensitive import sensitive
from finetune.domain.similarity import media_of, normalised, shingles

# Each of these bounds memory; a model that is trained on more records than that does not suffer from what is missed.
_LOOKED_AT = 100_000
_LOOK_ALIKES = 20_000

_FEW_EXAMPLES = 200
_LONG_ANSWER = 2_000
_LABEL_CHARACTERS = 40
_MOST_LABELS = 20
_IMBALANCE = 10


class Lint:
    """Looks at every record once; `finish` adds what only the whole dataset shows."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._identities: dict[int, int] = {}
        self._asked: dict[int, tuple[int, int]] = {}
        self._answers: Counter[bytes | int] = Counter()
        self._lengths = array("Q")
        self._lines = array("Q")
        self._look_alikes = LookAlikes()
        self._records = 0
        self.normalised_duplicates = 0

    def add(self, line: int, record: Record) -> None:
        """Look at a record that does not repeat an earlier one exactly."""
        self._records += 1
        self._check_texts(line, record.texts)
        if self._records > _LOOKED_AT:
            return
        parts = [normalised(text) for text in record.texts]
        media = media_of(record).encode()
        identity = b"\x1f".join(parts) + media
        if (first := self._identities.setdefault(hash(identity), line)) != line:
            self.normalised_duplicates += 1
            message = f"repeats the record of line {first} but for case, space or punctuation"
            self._ledger.add(line, "normalised-duplicate", message)
            return
        if not all(parts):
            self._ledger.add(line, "short-text", "has a text without a letter or digit")
        if record.messages:
            self._check_answer(line, record, parts, media)
        if self._records <= _LOOK_ALIKES:
            self._look_alikes.add(line, identity)

    def _check_texts(self, line: int, texts: list[str]) -> None:
        text = "\0".join(texts)
        for code, kind in sensitive(text):
            self._ledger.add(line, code, f"holds what looks like {kind}")
        if "\\n" in text and "\n" not in text:
            self._ledger.add(line, "literal-newline", "holds a backslash and an n where a line break seems to be meant")

    def _check_answer(self, line: int, record: Record, parts: list[bytes], media: bytes) -> None:
        *asked, answer = parts
        if asked and answer == asked[-1]:
            self._ledger.add(line, "answer-equals-prompt", "answers with its own prompt")
        found = hash(answer)
        first, earlier = self._asked.setdefault(hash(b"\x1f".join(asked) + media), (line, found))
        if earlier != found:
            self._ledger.add(line, "contradicting-answers", f"has the prompt of line {first} and another answer")
        self._lengths.append(len(record.texts[-1]))
        self._lines.append(line)
        label = answer if len(answer) <= _LABEL_CHARACTERS else found
        if label in self._answers or len(self._answers) < _LOOK_ALIKES:
            self._answers[label] += 1

    def finish(self, *, name: str, enough: bool) -> None:
        """Add what the records say together; `enough` when their number is not to be judged."""
        for line, first in self._look_alikes.finish():
            self._ledger.add(line, "near-duplicate", f"nearly repeats the record of line {first}")
        if self._lengths:
            self._check_lengths()
            self._check_answers()
        if not enough and 0 < self._records < _FEW_EXAMPLES:
            self._ledger.add(None, "few-examples", f"{self._records} different records are few to train {name} on")
        if self._records > _LOOK_ALIKES:
            looked_at = min(self._records, _LOOKED_AT)
            message = (
                f"look-alikes were sought among the first {_LOOK_ALIKES:,} records, contradictions among {looked_at:,}"
            )
            self._ledger.add(None, "lint-sampled", message)

    def _check_lengths(self) -> None:
        mean = sum(self._lengths) / len(self._lengths)
        for line, length in zip(self._lines, self._lengths, strict=True):
            if length > max(_LONG_ANSWER, 10 * mean):
                message = f"has an answer of {length:,} characters; the mean is {mean:,.0f}"
                self._ledger.add(line, "long-answer", message)

    def _check_answers(self) -> None:
        """Few short answers are labels, whose balance matters; of other answers none should come all the time."""
        (_, most), *_ = ranked = self._answers.most_common()
        total = self._answers.total()
        labels = len(ranked) <= _MOST_LABELS and all(isinstance(answer, bytes) for answer, _ in ranked)
        if labels and 1 < len(ranked) <= total / 5:
            least = ranked[-1][1]
            if most > _IMBALANCE * least:
                message = f"the most frequent of {len(ranked)} labels has {most:,} records, the rarest {least:,}"
                self._ledger.add(None, "class-imbalance", message)
        elif most > max(4, total / 10):
            message = f"{most:,} of {total:,} records have the same answer"
            self._ledger.add(None, "identical-answers", message, times=most)


class LookAlikes:
    """Finds texts of which nearly all pairs of pairs are the same, by the 32 smallest hashes of each text's pairs.

    Pairs that many of the first texts have are taken for a template and left out of the comparison.
    """

    _WARM_UP = 200
    _SKETCH = 32
    _BANDS = 4
    _NEAR = 0.85
    _FEWEST_PAIRS = 8
    # Of a long text a quarter of the pairs is enough: those whose hash is in the lowest quarter.
    _MOST_PAIRS = 64
    _SAMPLED = 1 << 30

    def __init__(self) -> None:
        self._waiting: list[tuple[int, set[int]]] = []
        self._template: set[int] | None = None
        self._sketches: list[tuple[int, tuple[int, ...]]] = []
        self._holders: dict[int, int] = {}
        self._found: list[tuple[int, int]] = []

    def add(self, line: int, text: bytes) -> None:
        """Take one normalised text."""
        pairs = shingles(text)
        if len(pairs) > self._MOST_PAIRS:
            pairs = {pair for pair in pairs if pair < self._SAMPLED}
        if self._template is not None:
            self._compare(line, pairs - self._template)
            return
        self._waiting.append((line, pairs))
        if len(self._waiting) == self._WARM_UP:
            self._template = self._settled()

    def finish(self) -> list[tuple[int, int]]:
        """Pairs of a line and the earlier line that it resembles."""
        if self._template is None:
            self._template = self._settled()
        return self._found

    def _settled(self) -> set[int]:
        frequency = Counter(pair for _, pairs in self._waiting for pair in pairs)
        often = max(3, len(self._waiting) // 20)
        template = {pair for pair, count in frequency.items() if count > often}
        for line, pairs in self._waiting:
            self._compare(line, pairs - template)
        self._waiting.clear()
        return template

    def _compare(self, line: int, pairs: set[int]) -> None:
        if len(pairs) < self._FEWEST_PAIRS:
            return
        sketch = tuple(sorted(pairs)[: self._SKETCH])
        bands = sketch[: self._BANDS]
        for number in sorted({self._holders[band] for band in bands if band in self._holders}):
            first, other = self._sketches[number]
            if self._resemblance(sketch, other) >= self._NEAR:
                self._found.append((line, first))
                return
        for band in bands:
            self._holders.setdefault(band, len(self._sketches))
        self._sketches.append((line, sketch))

    def _resemblance(self, one: tuple[int, ...], other: tuple[int, ...]) -> float:
        """The share of common pairs, estimated from the smallest hashes of both texts together."""
        smallest = sorted({*one, *other})[: self._SKETCH]
        return len({*one} & {*other} & {*smallest}) / len(smallest)
