"""What the service takes but a model suffers from is warned about, on its line, and never quoted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.similarity.identity import all_normalised, normalised
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import rules_for
from finetune.domain.validation.sensitive import may_be_sensitive, sensitive
from finetune.domain.validation.style import language_of

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


PERSONAL = {
    "jane.doe+x@mail.corp.org": "an e-mail address",
    "call +49 170 1234567": "a phone number",
    "call (212) 555-0142": "a phone number",
    "4111 1111 1111 1111": "a card number",
    "my ssn is 123-45-6789": "a social security number",
    "DE89 3704 0044 0532 0130 00": "a bank account number",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key",
    "key AKIAIOSFODNN7EXAMPLE": "an AWS access key",
    "ghp_" + "a1" * 18: "a GitHub token",
    "sk-" + "a1" * 12: "an API key",
    "xoxb-1234567890-abc": "a Slack token",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc": "a JSON web token",
    "password: hunter2hunter": "a password",
}

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


def test_few_labelled_examples_are_fewer_than_few_answers() -> None:
    labelled = [(f"text {n}", ("good", "bad")[n % 2]) for n in range(120)]
    assert check(*labelled[:99]).counts.warnings == {"few-examples": 1}
    assert check(*labelled[:100]).counts.warnings == {}
    assert "practice begins at 100 for a classification" in check(*labelled[:99]).warnings[0].message


def test_prompts_that_leave_the_template_are_found_on_their_lines() -> None:
    templated = [(f"Summarise this text: number {n} of all", f"it is {n}") for n in range(90)]
    odd = [("What does number 7 say", "seven"), ("Summarize number 8", "eight")]
    assert warned(*templated[:50], *odd, *templated[50:]) == {"inconsistent-template": [51, 51, 52, 52]}
    assert warned(*templated) == {}


def test_endings_that_mark_the_prompt_are_a_template_too() -> None:
    pairs = [(f"{word * 7} {n}\n\n###\n\n", f"it is {n}") for n, word in enumerate("abcdefghij" * 9)]
    assert warned(*pairs, ("k what is it", "nothing")) == {"inconsistent-template": [91]}


ENGLISH = "the parcel that you sent to me is not what I have ordered from the shop with number {}"
GERMAN = "das Paket ist nicht das was ich mit der Nummer {} bestellt habe und die Farbe auch nicht"
JAPANESE = "番号{}の荷物はまだ届いていませんがどこにありますか"


@pytest.mark.parametrize(
    ("other", "name"),
    [(GERMAN, "German"), (JAPANESE, "Chinese or Japanese"), ("где посылка номер {} и счёт", "Cyrillic")],
)
def test_a_mixture_of_languages_is_named(other: str, name: str) -> None:
    pairs = [(other.format(n) if n % 10 == 3 else ENGLISH.format(n), f"reply {n}") for n in range(100)]
    [finding] = [finding for finding in check(*pairs).warnings if finding.code == "language-mixture"]
    assert "90 seem to be in English" in finding.message
    assert name in finding.message
    assert "10 in" in finding.message
    assert "first on line 4" in finding.message


def test_one_language_with_a_few_foreign_words_is_no_mixture() -> None:
    pairs = [(ENGLISH.format(n), "c'est la vie" if n == 7 else f"reply {n}") for n in range(100)]
    assert "language-mixture" not in check(*pairs).counts.warnings


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "English"),
        (GERMAN, "German"),
        (JAPANESE, "Chinese or Japanese"),
        ("le colis que vous avez est dans une boîte pour les enfants et il est sur la table", "French"),
        ("el paquete que pedí está en la casa con los libros pero no es muy grande y su caja", "Spanish"),
        ("한국어로 쓴 질문입니다 어디에 있나요", "Korean"),
        ("أين الطرد الذي طلبته", "a language in Arabic letters"),
        ("x = [i for i in range(10)]", None),
        ("", None),
    ],
)
def test_languages_are_told_by_script_and_stop_words(text: str, language: str | None) -> None:
    assert language_of(normalised(text)) == language


@given(st.lists(st.text(max_size=20) | st.sampled_from(["a\0b", "A. b", " x ", "\1", "é.", "...", ". a"]), min_size=1))
def test_many_texts_are_normalised_like_one(texts: list[str]) -> None:
    assert [b"\x1f".join(part.strip() for part in identity.split(b"\0")) for identity in all_normalised(texts)] == [
        b"\x1f".join(map(normalised, text.split("\0"))) for text in texts
    ]


@given(st.lists(st.sampled_from([*PERSONAL, "nothing", "the sum is 12", "-", "a_b"]) | st.text(), max_size=6))
def test_what_is_sensitive_alone_may_be_so_among_others(texts: list[str]) -> None:
    if any(list(sensitive(text)) for text in texts):
        assert may_be_sensitive("\0".join(texts))


@pytest.mark.parametrize(("text", "kind"), PERSONAL.items())
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
