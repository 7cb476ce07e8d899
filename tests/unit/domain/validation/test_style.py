"""Prompts that leave the template of the others, and records in several languages."""

import pytest

from finetune.domain.similarity.identity import normalised
from finetune.domain.validation.style import language_of
from tests.unit.domain.validation.test_lint import check, warned


def test_prompts_that_leave_the_template_are_found_on_their_lines() -> None:
    templated = [(f"Summarise this text: number {n} of all", f"it is {n}") for n in range(90)]
    odd = [("What does number 7 say", "seven"), ("Summarize number 8", "eight")]
    assert warned(*templated[:50], *odd, *templated[50:]) == {"inconsistent-template": [51, 51, 52, 52]}
    assert warned(*templated) == {}


def test_endings_that_mark_the_prompt_are_a_template_too() -> None:
    pairs = [(f"{word * 7} {n}\n\n###\n\n", f"it is {n}") for n, word in enumerate("abcdefghij" * 9)]
    assert warned(*pairs, ("k what is it", "nothing")) == {"inconsistent-template": [91], "end-marker": [None]}


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
