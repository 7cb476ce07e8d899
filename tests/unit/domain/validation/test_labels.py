"""Labels that are written in several ways, rare, or hidden in prose."""

import pytest

from tests.unit.domain.validation.test_lint import check, warned

LABELLED = [(f"text {n}", ("Positive", "Negative", "No opinion")[n % 3]) for n in range(120)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("positive", "label-spelling"),
        ("Positive.", "label-spelling"),
        ("no_opinion", "label-spelling"),
        ("Postive", "label-spelling"),
        ("Negatvie", "label-spelling"),
        ("The text is positive.", "label-in-prose"),
        ("There is No opinion in it", "label-in-prose"),
        ("Mixed", "rare-label"),
    ],
)
def test_an_answer_that_is_no_label_as_the_others_are_is_found(answer: str, code: str) -> None:
    report = warned(*LABELLED, ("one more", answer))
    assert report.pop("class-imbalance", [None]) == [None]
    assert report == {code: [121]}


def test_a_misspelling_that_comes_often_is_found_beside_a_label_that_comes_far_more_often() -> None:
    wrong = [(f"other {n}", "Postive") for n in range(4)]
    assert warned(*LABELLED, *wrong)["label-spelling"] == [121, 122, 123, 124]


@pytest.mark.parametrize("answer", ["Positive", " Positive", "Positive, Negative", "Negative and No opinion"])
def test_labels_and_several_of_them_are_answers(answer: str) -> None:
    assert "label" not in " ".join(warned(*LABELLED, ("one more", answer)))


def test_numbers_and_labels_with_numbers_are_no_misspellings() -> None:
    assert warned(*((f"text {n}", f"class{n % 3}") for n in range(120))) == {}
    numbered = warned(*((f"text {n}", f"class{n % 3}") for n in range(120)), ("one more", "class7"))
    assert numbered == {"class-imbalance": [None], "rare-label": [121]}
    assert warned(*((f"text {n}", str(n % 5)) for n in range(120)), ("one more", "7")).keys() <= {"class-imbalance"}


def test_short_answers_that_differ_are_no_labels() -> None:
    assert warned(*((f"what is {n}", f"it is {n * 7}") for n in range(250))) == {}


def test_labels_are_never_quoted() -> None:
    assert "ositive" not in str(check(*LABELLED, ("one more", "postive")).as_dict())
