"""What the service takes but a model suffers from is warned about, on its line, and never quoted."""

import json

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.dataset import DatasetReport, check_dataset, rules_for
from finetune.domain.sensitive import sensitive

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


def test_records_of_one_template_are_no_near_duplicates() -> None:
    pairs = [(f"{TEXT} Question {n}: colour {n * 13} or size {n * 17}?", f"take {n * 19}") for n in range(220)]
    assert warned(*pairs) == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jane.doe+x@mail.corp.org", "an e-mail address"),
        ("call +49 170 1234567", "a phone number"),
        ("call (212) 555-0142", "a phone number"),
        ("4111 1111 1111 1111", "a card number"),
        ("my ssn is 123-45-6789", "a social security number"),
        ("DE89 3704 0044 0532 0130 00", "a bank account number"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("ghp_" + "a1" * 18, "a GitHub token"),
        ("sk-" + "a1" * 12, "an API key"),
        ("xoxb-1234567890-abc", "a Slack token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "a JSON web token"),
        ("password: hunter2hunter", "a password"),
    ],
)
def test_personal_data_and_secrets_are_named_by_kind(text: str, kind: str) -> None:
    assert [name for _, name in sensitive(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123456",
        "write to me@example.com",
        "3.14159265358979",
        "2024-05-17 10:30:00",
        "version 1.2.3.4",
        "task-list",
        "your password: please choose one",
        "order A-1234-5678-9012",
        "a @ b",
        "1,000,000,000 people",
        "GB00 0000 0000 0000 00",
    ],
)
def test_ordinary_numbers_and_words_are_not_personal(text: str) -> None:
    assert list(sensitive(text)) == []


def test_warnings_never_quote() -> None:
    report = check(("write to jane@corp.org", "AKIAIOSFODNN7EXAMPLE"), ("zebra", "zebra"), ("zebra", "quagga\\n"))
    described = json.dumps(report.as_dict())
    assert report.warnings
    assert not any(word in described for word in ("jane", "AKIA", "zebra", "quagga"))
