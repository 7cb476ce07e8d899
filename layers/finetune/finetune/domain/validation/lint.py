"""Lint: what Bedrock accepts although it makes a model worse. Warnings, unless the settings make errors of them."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence

from finetune.domain.findings import Ledger
from finetune.domain.similarity.identity import asked_and_answer
from finetune.domain.similarity.near_duplicates import NearDuplicates
from finetune.domain.similarity.repetition import Repetitions
from finetune.domain.validation import debris
from finetune.domain.validation.labels import LONGEST, Labels
from finetune.domain.validation.sensitive import may_be_sensitive, sensitive
from finetune.domain.validation.style import StyleCheck

# Each of these bounds memory; a model that is trained on more records than that does not suffer from what is missed.
_LOOKED_AT = 150_000
_NEAR_DUPLICATES = 20_000

_LONG_ANSWER = 2_000
_SHORTEST = 8  # of what has a word and marks around it
_SHORT = "has a text without a letter or digit"
_LABEL_CHARACTERS = 40
_MOST_LABELS = 20
_IMBALANCE = 10
# Fewer records than this are few: the sizes that vendors' tuning guides commonly start from, a hundred for
# classification and two hundred for answers in words. A rule of thumb, so it only warns.
_FEW_LABELLED, _FEW_ANSWERED = 100, 200
# Letters as tags, which are not seen, but read by a model; the beginning of all of them in UTF-8 is looked for first.
# Flags of regions are written with some: a black flag, the region's code and the tag that ends it.
_TAGS, _TAG_BYTES = re.compile("[\U000e0000-\U000e007f]+"), b"\xf3\xa0"
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")


class Lint:
    """Looks at every record once; `finish` adds what only the whole dataset shows."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._identities = Repetitions(_LOOKED_AT)
        self._asked: dict[int, int] = {}
        self._answers: Counter[bytes | int] = Counter()
        self._answered = array("q")
        self._lengths = array("Q")
        self._lines = array("Q")
        self.near_duplicates = NearDuplicates()
        self._style = StyleCheck()
        self._labels = Labels()
        self._records = 0
        self.normalised_duplicates = 0

    @property
    def looks(self) -> bool:
        """Whether it still looks at identities; of a large dataset it looks at the first records only."""
        return self._records < _LOOKED_AT

    def add(
        self,
        lines: Sequence[int],
        texts: Sequence[str],
        media: Sequence[str],
        turns: Sequence[int],
        identities: Sequence[bytes],
    ) -> None:
        """Look at records that do not repeat an earlier one exactly, in columns.

        A text is `exact_of` its record; an identity is `all_normalised` of the text with the record's media.
        """
        together = "\0".join(texts)
        if may_be_sensitive(together):
            self._check_sensitive(lines, texts)
        if "\\" in together:
            self._check_newlines(lines, texts)
        if any(sign in together for sign in debris.SIGNS):
            self._check_debris(lines, texts, turns)
        if not together.isascii() and _TAG_BYTES in together.encode():
            self._check_hidden(lines, texts)
        before, self._records = self._records, self._records + len(texts)
        if before >= _LOOKED_AT:
            return
        again = set(self._repeated(lines, identities))
        for index, (line, identity, count) in enumerate(zip(lines, identities, turns, strict=True)):
            if index not in again:
                if count:
                    self._check_answer(line, texts[index], identity, media[index].encode())
                elif not identity.strip(b" ."):
                    self._ledger.add(line, "short-text", _SHORT)
                if before + index < _NEAR_DUPLICATES:
                    self.near_duplicates.add(line, identity)
        self._style.add(lines, texts, identities, turns)

    def _repeated(self, lines: Sequence[int], identities: Sequence[bytes]) -> list[int]:
        keys = list(map(hash, identities))
        repeated = self._identities.repeated(lines, keys)
        self.normalised_duplicates += len(repeated)
        for index in repeated:
            if self._ledger.only_counts("normalised-duplicate"):
                self._ledger.counts["normalised-duplicate"] += 1
            else:
                first = self._identities.line_of(keys[index])
                message = f"repeats the record of {self._ledger.place_of(first)} but for case, space or punctuation"
                self._ledger.add(lines[index], "normalised-duplicate", message)
        return repeated

    def _check_sensitive(self, lines: Sequence[int], texts: Sequence[str]) -> None:
        for line, text in zip(lines, texts, strict=True):
            for code, kind in sensitive(text):
                self._ledger.add(line, code, f"holds what looks like {kind}")

    def _check_newlines(self, lines: Sequence[int], texts: Sequence[str]) -> None:
        message = "holds a backslash and an n where a line break seems to be meant"
        for line, text in zip(lines, texts, strict=True):
            if "\\n" in text and "\n" not in text:
                self._ledger.add(line, "literal-newline", message)

    def _check_debris(self, lines: Sequence[int], texts: Sequence[str], turns: Sequence[int]) -> None:
        for line, text, count in zip(lines, texts, turns, strict=True):
            for flaw in debris.markup(text):
                self._ledger.add(line, *flaw)
            for flaw in debris.literal(text) if count else ():
                self._ledger.add(line, *flaw)

    def _check_hidden(self, lines: Sequence[int], texts: Sequence[str]) -> None:
        for line, text in zip(lines, texts, strict=True):
            if count := sum(map(len, _TAGS.findall(_FLAG.sub("", text)))):
                self._ledger.add(line, "hidden-text", f"holds {count:,} tag characters, which are not seen")

    def _check_answer(self, line: int, text: str, identity: bytes, media: bytes) -> None:
        if media:
            identity = identity.removesuffix(media)
        asked, answer = asked_and_answer(identity)
        if len(answer) < _SHORTEST or len(asked) < _SHORTEST:
            if not answer.strip(b" .") or not asked.strip(b" ."):
                self._ledger.add(line, "short-text", _SHORT)
        elif asked.endswith(answer) and asked.rpartition(b"\0")[2] == answer:
            self._ledger.add(line, "answer-equals-prompt", "answers with its own prompt")
        found = hash(answer)
        number = len(self._answered)
        first = self._asked.setdefault(hash(asked + media if media else asked), number)
        if first != number and self._answered[first] != found:
            message = f"has the same prompt as {self._ledger.place_of(self._lines[first])} and another answer"
            self._ledger.add(line, "contradicting-answers", message)
        self._answered.append(found)
        self._lines.append(line)
        begin = text.rfind("\0") + 1
        self._lengths.append(len(text) - begin)
        if len(text) - begin <= LONGEST:
            self._labels.add(line, text[begin:])
            if debris.no_value(text[: begin - 1], text[begin:]):
                self._ledger.add(line, "program-literal", "has an answer that a program writes for no value")
        label = answer if len(answer) <= _LABEL_CHARACTERS else found
        if label in self._answers or len(self._answers) < _NEAR_DUPLICATES:
            self._answers[label] += 1

    def finish(self, *, name: str, enough: bool) -> None:
        """Add what the records say together; `enough` when their number is not to be judged."""
        for line, first in self.near_duplicates.finish():
            self._ledger.add(line, "near-duplicate", f"nearly repeats the record of {self._ledger.place_of(first)}")
        labels = self._classifies()
        if self._answers:
            self._check_lengths()
            self._check_answers(labels)
            for line, flaw in self._labels.finish(len(self._lengths)):
                self._ledger.add(line, *flaw)
            for found in self._style.finish(self._ledger.place_of):
                self._ledger.add(*found)
        few = _FEW_LABELLED if labels else _FEW_ANSWERED
        if not enough and 0 < self._records < few:
            task = "a classification" if labels else "a task like this"
            practice = f"at least {few} are usual for {task}"
            message = f"{self._records} different records are few to train {name} on; {practice}"
            self._ledger.add(None, "few-examples", message)
        if self._records > _NEAR_DUPLICATES:
            message = (
                f"near-duplicates were looked for among the first {_NEAR_DUPLICATES:,} records, "
                f"contradictions among {min(self._records, _LOOKED_AT):,}"
            )
            self._ledger.add(None, "lint-sampled", message)

    def _classifies(self) -> bool:
        """Whether the answers are few and short, so that they are the labels of a classification."""
        return (
            1 < len(self._answers) <= _MOST_LABELS
            and len(self._answers) <= self._answers.total() / 5
            and all(isinstance(answer, bytes) for answer in self._answers)
        )

    def _check_lengths(self) -> None:
        mean = sum(self._lengths) / len(self._lengths)
        limit = max(_LONG_ANSWER, 10 * mean)
        if max(self._lengths) <= limit:
            return
        for line, length in zip(self._lines, self._lengths, strict=True):
            if length > limit:
                message = f"has an answer of {length:,} characters; the mean is {mean:,.0f}"
                self._ledger.add(line, "long-answer", message)

    def _check_answers(self, labels: bool) -> None:
        """The balance of labels matters; of other answers none should come all the time."""
        (_, most), *_ = ranked = self._answers.most_common()
        total = self._answers.total()
        if labels:
            least = ranked[-1][1]
            if most > _IMBALANCE * least:
                message = f"the most frequent of {len(ranked)} labels has {most:,} records, the rarest {least:,}"
                self._ledger.add(None, "class-imbalance", message)
        elif most > max(4, total / 10):
            message = f"{most:,} of {total:,} records have the same answer"
            self._ledger.add(None, "identical-answers", message, records=most)
