"""What the service takes but a model suffers from is warned about, on its line, and never quoted."""

import json

import pytest

from benchmarks import lint
from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import rules_for

RULES = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING", minimum_records=0)


def check(*pairs: tuple[str, str]) -> DatasetReport:
    data = b"\n".join(json.dumps({"prompt": prompt, "completion": answer}).encode() for prompt, answer in pairs)
    return check_dataset([data], suffix=".jsonl", rules=RULES)


def warned(*pairs: tuple[str, str]) -> dict[str, list[int | None]]:
    report = check(*pairs)
    assert report.accepted
    lines: dict[str, list[int | None]] = {}
    for finding in report.warnings:
        if finding.code != "few-examples":
            lines.setdefault(finding.code, []).append(finding.line)
    return lines


TEXT = (
    "The customer bought a tent in March, used it for two weekends in the mountains, and noticed afterwards that one "
    "of the poles had cracked near the joint; now he asks whether the warranty covers a new pole or only a repair of it"
)
ANSWERS = [(f"what is number {n}", f"it is called {n * 7}") for n in range(250)]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", "b"), ("c", "d")], {}),
        ([("one two", "b"), ("one two", "b")], {"duplicate-record": [2]}),
        ([("One two.", "b"), ("one  TWO", "b")], {"normalised-duplicate": [2]}),
        ([(TEXT, "yes"), (TEXT.replace("March", "April"), "yes")], {"near-duplicate": [2]}),
        ([(TEXT, "yes"), (" ".join(sorted(TEXT.split())), "yes")], {}),
        ([("one two", "b"), ("One two?", "c")], {"contradicting-answers": [2]}),
        ([("one two", "One two!")], {"answer-equals-prompt": [1]}),
        ([("one two", "three\\nfour")], {"literal-newline": [1]}),
        ([("one two", "print('a\\n')\nprint('b')")], {}),
        ([("one two", "three"), ("one\U000e0061\U000e0062 four", "five")], {"hidden-text": [2]}),
        ([("one two", "Wales \U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f")], {}),
        ([("one two", "\u845b\U000e0100 three")], {}),
        ([("one two", "...")], {"short-text": [1]}),
        ([("write to jane@corp.org", "b")], {"personal-data": [1]}),
        ([("use AKIAIOSFODNN7EXAMPLE", "b")], {"secret": [1]}),
    ],
)
def test_what_spoils_a_model_is_found(pairs: list[tuple[str, str]], expected: dict[str, list[int]]) -> None:
    assert warned(*pairs) == expected


def test_ordinary_records_get_no_warning() -> None:
    assert warned(*ANSWERS) == {}


def test_the_same_answer_again_and_again_is_found() -> None:
    assert warned(
        *ANSWERS, *((f"why {n}", "I cannot say that, please ask somebody who knows more about it") for n in range(60))
    ) == {"identical-answers": [None]}


def test_labels_that_are_rare_are_found() -> None:
    labels = [(f"text {n}", "good") for n in range(100)] + [(f"other {n}", "bad") for n in range(9)]
    assert warned(*labels) == {"class-imbalance": [None]}
    assert warned(*labels, ("one more", "bad")) == {}


def test_an_answer_far_longer_than_the_others_is_found() -> None:
    assert warned(*ANSWERS, ("tell me all", "word " * 1000)) == {"long-answer": [251]}


def test_few_examples_are_mentioned() -> None:
    assert check(*ANSWERS[:199]).counts.warnings == {"few-examples": 1}
    assert check(*ANSWERS[:200]).counts.warnings == {}


def test_few_labelled_examples_are_fewer_than_few_answers() -> None:
    labelled = [(f"text {n}", ("good", "bad")[n % 2]) for n in range(120)]
    assert check(*labelled[:99]).counts.warnings == {"few-examples": 1}
    assert check(*labelled[:100]).counts.warnings == {}
    assert "at least 100 are usual for a classification" in check(*labelled[:99]).warnings[0].message


def test_warnings_never_quote() -> None:
    report = check(("write to jane@corp.org", "AKIAIOSFODNN7EXAMPLE"), ("zebra", "zebra"), ("zebra", "quagga\\n"))
    described = json.dumps(report.as_dict())
    assert report.warnings
    assert not any(word in described for word in ("jane", "AKIA", "zebra", "quagga"))


@pytest.mark.parametrize("name", lint.CLEAN)
def test_a_clean_dataset_has_no_false_alarm(name: str) -> None:
    assert lint.found(lint.clean(name, seed=11, records=120).pairs) == {}


@pytest.mark.parametrize("name", lint.SPOILT)
def test_most_defects_are_found_and_nothing_else(name: str) -> None:
    dataset = lint.spoilt(name, seed=11, records=120)
    [(code, lines)] = dataset.odd.items()
    found = lint.found(dataset.pairs)
    assert found.keys() == {code}
    assert found[code] <= lines
    assert len(found[code]) >= 0.6 * len(lines)
