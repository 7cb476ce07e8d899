"""Precision and recall of lint on generated datasets whose defects are known, beside clean datasets of twenty kinds.

`python -m benchmarks.lint` counts records for what is wrong with a record, and datasets for what is wrong with a whole.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for

Pair = tuple[str, str]
# What this measures; other findings have tests and benchmarks of their own.
MEASURED = (
    "inconsistent-template", "end-marker", "cut-answer", "program-literal", "markup", "encoded-data", "label-spelling",
    "label-in-prose", "rare-label",
)  # fmt: skip
_THINGS = "kettle lamp parcel invoice ticket bicycle camera printer password account charger blanket router voucher"
_VERBS = "returns replaces checks repairs sends cancels orders cleans updates stores"
_PLACES = "shop office warehouse station garden library kitchen market"
THINGS, VERBS, PLACES = _THINGS.split(), _VERBS.split(), [f"the {place}" for place in _PLACES.split()]
RULES = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING", minimum_records=0)
ENDS = (
    "within three days", "before the end of the week", "after the second reminder", "for every customer who asks",
    "when the old one is sent back", "without any extra cost",
)  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """Pairs of prompt and answer; `odd` holds, by code, the lines that have it, or None where the whole has it."""

    pairs: list[Pair]
    odd: dict[str, set[int | None]] = field(default_factory=dict)


def sentence(random: Random) -> str:
    thing, verb, place, end = (random.choice(words) for words in (THINGS, VERBS, PLACES, ENDS))
    return f"The team of {place} {verb} the {thing} number {random.randrange(1000)} {end}."


def question(random: Random) -> str:
    begin = random.choice(
        ("Who", "When and how somebody", "Which team", "Can you say who", "Since when the team", "How")
    )
    number = random.randrange(10_000)
    return f"{begin} {random.choice(VERBS)} the {random.choice(THINGS)} {number} in {random.choice(PLACES)}?"


def prose(random: Random, count: int = 2) -> str:
    return " ".join(sentence(random) for _ in range(count))


def _sums(random: Random) -> Pair:
    one, other = random.randrange(100), random.randrange(100)
    return f"Add {one} and {other}, then say the result.", f"{one} and {other} make {one + other}.\n#### {one + other}"


def _task(random: Random) -> Pair:
    if random.random() < 0.5:
        return f"Translate to German: {sentence(random)}", "Das Team erledigt das heute ohne weitere Kosten."
    return f"Summarise: {prose(random, 3)}", sentence(random)


# One record of each kind of clean dataset.
CLEAN: dict[str, Callable[[Random], Pair]] = {
    "questions": lambda r: (question(r), prose(r)),
    "one template": lambda r: (f"Question: {question(r)}\nAnswer:", sentence(r)),
    "intents": lambda r: (question(r), r.choice(("card_arrival", "lost_card", "top_up", "card_payment_fee"))),
    "sentiments": lambda r: (sentence(r), r.choice(("positive", "negative", "neutral", "very negative"))),
    "yes or no": lambda r: (question(r), r.choice(("Yes", "No"))),
    "stars": lambda r: (sentence(r), str(r.choice((1, 2, 3, 4, 5)))),
    "several labels": lambda r: (sentence(r), r.choice(("billing", "shipping", "returns", "billing, shipping"))),
    "numbers": lambda r: (question(r), str(r.randrange(10_000))),
    "sums": _sums,
    "objects": lambda r: (f"Extract: {sentence(r)}", json.dumps({"thing": r.choice(THINGS), "count": r.randrange(99)})),
    "arrays": lambda r: (f"List the things in: {sentence(r)}", json.dumps([r.choice(THINGS), r.choice(THINGS)])),
    "formulas": lambda r: (question(r), f"IF n > {r.randrange(99)} DO {r.choice(THINGS)} ELSE {r.randrange(99)} END"),
    "programs": lambda r: (
        f"Write Python that {r.choice(VERBS)} {r.randrange(999)}.",
        f"```python\ndef f(x):\n    return ['a', x < {r.randrange(999)} and None]\n```",
    ),
    "pages": lambda r: (
        f"Write HTML about a {r.choice(THINGS)} {r.randrange(999)}.",
        f"<div><p>{sentence(r)}</p></div>",
    ),
    "letters": lambda r: (question(r), f"Dear customer,\n\n{prose(r)}\n\nKind regards,\nAnna of {r.choice(PLACES)}"),
    "lists": lambda r: (
        question(r),
        "\n".join(f"- the {r.choice(THINGS)} of {r.choice(PLACES)} with" for _ in range(4)),
    ),
    "links": lambda r: (question(r), f"{sentence(r)} Read on at https://example.com/help/{r.randrange(9999)}"),
    "headlines": lambda r: (
        prose(r),
        f"Team of {r.choice(PLACES)} now {r.choice(VERBS)} each {r.choice(THINGS)} {r.randrange(99)}",
    ),
    "sums of files": lambda r: (question(r), f"{sentence(r)} Its checksum is {r.randbytes(64).hex()}."),
    "two tasks": _task,
}


def _usual(random: Random, records: int) -> list[Pair]:
    return [(question(random), prose(random)) for _ in range(records)]


def _each(code: str, spoil: Callable[[Random, Pair], Pair]) -> Callable[[Random, int], Dataset]:
    """Datasets in which one record in ten is spoilt."""

    def made(random: Random, records: int) -> Dataset:
        pairs = _usual(random, records)
        odd = set(random.sample(range(records), records // 10))
        spoilt = [spoil(random, pair) if place in odd else pair for place, pair in enumerate(pairs)]
        return Dataset(spoilt, {code: {place + 1 for place in odd}})

    return made


def _whole(code: str, spell: Callable[[Random, int, Pair], Pair]) -> Callable[[Random, int], Dataset]:
    """Datasets that are odd as a whole."""

    def made(random: Random, records: int) -> Dataset:
        return Dataset(
            [spell(random, place, pair) for place, pair in enumerate(_usual(random, records))], {code: {None}}
        )

    return made


def _label(code: str, spoil: Callable[[Random, str], str]) -> Callable[[Random, int], Dataset]:
    """Labels, of which one in twenty is spoilt."""

    def made(random: Random, records: int) -> Dataset:
        labels = [random.choice(("Positive", "Negative", "Neutral")) for _ in range(records)]
        odd = set(random.sample(range(records), records // 20))
        answers = [spoil(random, label) if place in odd else label for place, label in enumerate(labels)]
        return Dataset([(question(random), answer) for answer in answers], {code: {place + 1 for place in odd}})

    return made


def _letters(random: Random) -> str:
    return base64.b64encode(random.randbytes(90)).decode()


def _among(*templates: str) -> Callable[[Random, int, Pair], Pair]:
    return lambda _, place, pair: (templates[place % len(templates)].format(pair[0]), pair[1])


def _ending(mark: str) -> Callable[[Random, int, Pair], Pair]:
    return lambda _, __, pair: (pair[0], pair[1] + mark)


SPOILT: dict[str, Callable[[Random, int], Dataset]] = {
    "two labels of questions": _whole("inconsistent-template", _among("Question: {}\nAnswer:", "Q: {}\nA:")),
    "half without a label": _whole("inconsistent-template", _among("Customer: {}", "{}")),
    "three templates": _whole("inconsistent-template", _among("Question: {}", "### Instruction:\n{}", "{}")),
    "two wordings": _whole(
        "inconsistent-template",
        _among("Answer the customer's question: {}", "Please answer this question of a customer: {}"),
    ),
    "half with another end": _whole("inconsistent-template", _among("{}\nAnswer:", "{}\nResponse:")),
    "<<END>>": _whole("end-marker", _ending("<<END>>")),
    "###": _whole("end-marker", _ending("\n\n###")),
    "END": _whole("end-marker", _ending(" END")),
    "</s>": _whole("end-marker", _ending("</s>")),
    "<|im_end|>": _whole("end-marker", _ending("<|im_end|>")),
    "arrows": _whole("end-marker", _among("{} ->")),
    "cut anywhere": _each("cut-answer", lambda r, pair: (pair[0], pair[1][: r.randrange(80, 130)])),
    "cut at a bound": _each("cut-answer", lambda r, pair: (pair[0], prose(r, 5)[:300])),
    "lists of Python": _each("program-literal", lambda r, _: (question(r), repr([r.choice(THINGS), sentence(r)]))),
    "dictionaries": _each("program-literal", lambda r, _: (question(r), repr({"thing": sentence(r), "seen": None}))),
    "no values": _each("program-literal", lambda r, _: (question(r), r.choice(("nan", "undefined", "#N/A")))),
    "line breaks of HTML": _each("markup", lambda _, pair: (pair[0], pair[1].replace(". ", ".<br>", 1))),
    "entities": _each("markup", lambda _, pair: (pair[0], pair[1].replace(" ", "&nbsp;", 1))),
    "pictures": _each("markup", lambda _, pair: (pair[0], f"![logo](logo.png) {pair[1]}")),
    "open fences": _each("markup", lambda _, pair: (pair[0], f"```\n{pair[1]}")),
    "bytes": _each("encoded-data", lambda r, pair: (f"{pair[0]} {_letters(r)}", pair[1])),
    "case of labels": _label("label-spelling", lambda r, label: r.choice((label.lower(), label + "."))),
    "mistyped labels": _label("label-spelling", lambda _, label: label[:3] + label[4:]),
    "labels in sentences": _label("label-in-prose", lambda r, label: f"It is {label.lower()} {r.choice(ENDS)}."),
    "rare labels": _label("rare-label", lambda r, _: f"{r.choice(THINGS)}{r.choice(VERBS)}{r.randrange(10**6)}"),
}  # fmt: skip


def found(pairs: Iterable[Pair]) -> dict[str, set[int | None]]:
    """The lines of what is measured, by code."""
    data = b"\n".join(json.dumps({"prompt": asked, "completion": answer}).encode() for asked, answer in pairs)
    lines: dict[str, set[int | None]] = {}
    report = check_dataset([data], suffix=".jsonl", rules=RULES, entries_per_code=10**6)
    for finding in report.warnings:
        if finding.code in MEASURED:
            lines.setdefault(finding.code, set()).add(finding.line)
    return lines


def clean(name: str, seed: int, records: int) -> Dataset:
    """A dataset in which there is nothing to find."""
    random = Random(f"{name} {seed}")  # noqa: S311 - the same dataset every time
    return Dataset([CLEAN[name](random) for _ in range(records)])


def spoilt(name: str, seed: int, records: int) -> Dataset:
    """A dataset with the defects of a kind."""
    return SPOILT[name](Random(f"{name} {seed}"), records)  # noqa: S311 - the same dataset every time


@dataclass
class Score:
    """How often a code is found where it is, where it is not, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def measure(records: int, seeds: int) -> dict[str, Score]:
    """The scores by code, of clean and spoilt datasets together."""
    scores = {code: Score() for code in MEASURED}
    datasets = [clean(name, seed, records) for name in CLEAN for seed in range(seeds)]
    datasets += [spoilt(name, seed, records) for name in SPOILT for seed in range(seeds)]
    for dataset in datasets:
        seen = found(dataset.pairs)
        for code, score in scores.items():
            there, said = dataset.odd.get(code, set()), seen.get(code, set())
            score.right += len(there & said)
            score.wrong += len(said - there)
            score.missed += len(there - said)
    return scores


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print("| code | found | false alarms | missed | precision | recall |\n|---|---|---|---|---|---|")
    for code, score in measure(options.records, options.seeds).items():
        counted = f"{score.right:,} | {score.wrong:,} | {score.missed:,}"
        print(f"| {code} | {counted} | {score.precision:.3f} | {score.recall:.3f} |")


if __name__ == "__main__":
    main()
