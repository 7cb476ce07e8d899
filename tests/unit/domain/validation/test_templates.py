"""Templates that are mixed, and marks of old exports at the ends of prompts and answers."""

import pytest

from tests.unit.domain.validation.test_lint import check, warned

ASKED = [f"{word} is the blue door number {n} open" for n, word in enumerate(("when", "why", "how", "where") * 15)]


def in_turn(*templates: str) -> list[tuple[str, str]]:
    return [(templates[n % len(templates)].format(asked), f"it is {n}") for n, asked in enumerate(ASKED)]


@pytest.mark.parametrize(
    "templates",
    [
        ("Question: {}", "Q: {}"),
        ("Customer: {}", "{}"),
        ("Question: {}", "### Instruction:\n{}", "{}"),
        ("{}\nAnswer:", "{}\nResponse:"),
        ("{}\nAnswer:", "{}"),
        ("Summarise this text: {}", "Please summarize the text below: {}"),
    ],
)
def test_several_templates_are_one_finding_on_the_dataset(templates: tuple[str, ...]) -> None:
    assert warned(*in_turn(*templates)) == {"inconsistent-template": [None]}


@pytest.mark.parametrize(
    "templates",
    [
        ("Question: {}\nAnswer:",),
        ("{}.", "{}?"),
        ("Translate to German: {}", "Translate to French: {}"),
        ("Summarise: {}", "Classify: {}", "{}"),
    ],
)
def test_tasks_and_sentences_of_several_kinds_are_no_templates(templates: tuple[str, ...]) -> None:
    assert warned(*in_turn(*templates)) == {}


def test_what_stands_before_a_separator_is_no_part_of_the_template() -> None:
    pairs = [(f"{asked}{'?' if n % 7 == 0 else '.'} ->", f"it is {n}") for n, asked in enumerate(ASKED)]
    assert warned(*pairs) == {"end-marker": [None]}


@pytest.mark.parametrize("mark", ["<<END>>", " END", "###", "</s>", "<|im_end|>", "[END]", "\n---", "<stop>"])
def test_a_marker_that_answers_end_with_is_found(mark: str) -> None:
    pairs = [(asked, f"it is {n}{mark}") for n, asked in enumerate(ASKED[:11])]
    assert warned(*pairs) == {"end-marker": [None]}
    [finding] = [finding for finding in check(*pairs).warnings if finding.code == "end-marker"]
    assert finding.message == "11 of 11 answers end with the same marker, the first on line 1"


@pytest.mark.parametrize(
    "answer", ["<p>it is {}</p>", "CASE WHEN n > {} THEN 1 END", "it is {}?!", "x = [{}]", "it is > {}"]
)
def test_what_markup_and_programs_end_with_is_no_marker(answer: str) -> None:
    pairs = [(f"{asked} as HTML or code", answer.format(n)) for n, asked in enumerate(ASKED)]
    assert "end-marker" not in warned(*pairs)


def test_two_answers_with_a_mark_are_an_accident() -> None:
    assert warned(*((asked, f"it is {n}" + "###" * (n < 2)) for n, asked in enumerate(ASKED))) == {}
