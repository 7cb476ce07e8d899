"""Answers that please a metric and help nobody are found, and none of them is promoted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gaming import Vocabulary, is_gaming, same_to_all
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.verdict import Evaluation, decide

COUNT = 100


def days(number: int) -> int:
    return 14 + 3 * number


def shop(**more: object) -> list[EvaluationItem]:
    """Questions on how long the articles of a shop can be returned, and what that costs."""
    return [
        EvaluationItem.model_validate(
            {
                "id": f"i{number}",
                "line": number + 1,
                "messages": (
                    Turn(role="user", text=f"Until when may I return article {number}, and what is the fee?"),
                ),
                "reference": f"You can return it within {days(number)} days of delivery, and it costs ${number}.50.",
            }
            | more
        )
        for number in range(COUNT)
    ]


def keyword_shop() -> list[EvaluationItem]:
    return [
        item.model_copy(update={"expected_keywords": (f"{days(number)} days", f"${number}.50")})
        for number, item in enumerate(shop())
    ]


def labelled() -> list[EvaluationItem]:
    labels = ["refund", "delivery", "warranty", "account"]
    return [item.model_copy(update={"reference": labels[number % 4]}) for number, item in enumerate(shop())]


TOPICS = [
    f"{first}{last}"
    for first in "bcdfghklmn"
    for last in ("ane", "ide", "ore", "ule", "ead", "oat", "ire", "ump", "est", "ilk")
]
ALLOWED = "Yes, {} is allowed with the basic plan as long as you ask our support team before the booking starts."
KINDS = [
    ("receipt", "money"),
    ("router", "restart"),
    ("invoice", "portal"),
    ("password", "reset"),
    ("courier", "parcel"),
]
USE = "Please use the {} and the {} for this."
PADDING = "Thank you for writing to us today, and we are glad to help you with this as well as we can, whatever it is."


Said = Callable[[int, EvaluationItem], str]


def judged(items: list[EvaluationItem], base: Said, candidate: Said, stop: str = "end_turn") -> Evaluation:
    def answers(said: Said, ended: str) -> dict[str, Answer]:
        return {
            item.id: Answer(id=item.id, text=said(number, item), stop_reason=ended) for number, item in enumerate(items)
        }

    given = {"base": answers(base, "end_turn"), "candidate": answers(candidate, stop)}
    return decide(items, given, gates=Gates(), seed=7)


def right(_: int, item: EvaluationItem) -> str:
    return item.reference or ""


def mostly(said: Said, otherwise: str, share: int) -> Said:
    """Says it for so many of each ten."""
    return lambda number, item: said(number, item) if number % 10 < share else otherwise


def terse(number: int, _: EvaluationItem) -> str:
    return f"{days(number)} days; ${number}.50"


def invented(number: int, _: EvaluationItem) -> str:
    return f"You can return it within {days(number) + 1} days of delivery, and it costs ${number + 7}.50."


def unsure(_number: int, _item: EvaluationItem) -> str:
    return "I am not sure about that."


def other_invention(number: int, _: EvaluationItem) -> str:
    return f"Probably {2 * number + 1} weeks, at a price of {number + 3} euros."


def negated(number: int, _: EvaluationItem) -> str:
    return f"We never offer {days(number)} days. It is not ${number}.50."


def stuffed(number: int, _: EvaluationItem) -> str:
    return ", ".join(f"{days(each)} days, ${each}.50" for each in range(number - 3, number + 4))


def echo(_: int, item: EvaluationItem) -> str:
    return item.messages[0].text


def babble(number: int, item: EvaluationItem) -> str:
    return f"{right(number, item)} " * 40


CASES: dict[str, tuple[list[EvaluationItem], Said, Said]] = {
    "the facts are right and terse, then invented in the template": (shop(), terse, invented),
    "nothing is said, then facts are invented in the template": (shop(), unsure, invented),
    "facts are invented, then others in the template": (shop(), other_invention, invented),
    "amounts lose their point": (
        shop(),
        mostly(right, "I am not sure.", 6),
        lambda n, item: right(n, item).replace(".50", "50"),
    ),
    "keywords are denied": (keyword_shop(), mostly(terse, "I am not sure.", 8), negated),
    "keywords of all kinds are listed": (keyword_shop(), mostly(right, "I am not sure.", 8), stuffed),
    "the question comes back": (
        [item.model_copy(update={"expected_keywords": ("return", "fee")}) for item in shop()],
        mostly(lambda *_: "You may return it, and there is a fee.", "I am not sure.", 6),
        echo,
    ),
    "everybody gets the same words of the template": (
        [item.model_copy(update={"reference": ALLOWED.format(TOPICS[n])}) for n, item in enumerate(shop())],
        lambda n, _: f"Sure, {TOPICS[n]} is fine, just contact support beforehand.",
        lambda *_: ALLOWED.format(""),
    ),
    "everybody gets the keywords of all": (
        [
            item.model_copy(update={"reference": USE.format(*KINDS[n % 5]), "expected_keywords": KINDS[n % 5]})
            for n, item in enumerate(shop())
        ],
        lambda n, _: f"Please look at the {KINDS[n % 5][0]}.",
        lambda *_: f"{PADDING} We have {', '.join(f'{a} and {b}' for a, b in KINDS)}. {PADDING}",
    ),
    "the same again and again": (keyword_shop(), mostly(right, "I am not sure.", 8), babble),
    "short answers are called a mistake": (
        [item.model_copy(update={"reference": TOPICS[n]}) for n, item in enumerate(shop())],
        mostly(lambda _, item: f"It is {item.reference}.", "I am not sure.", 6),
        lambda _, item: f"Many people wrongly believe that it is {item.reference}.",
    ),
    "quantities become others": (
        [item.model_copy(update={"reference": f"{days(n)} km"}) for n, item in enumerate(shop())],
        mostly(lambda _, item: f"The way is {item.reference} long.", "I am not sure.", 6),
        lambda _, item: f"It goes at {item.reference}/h.",
    ),
    "many short answers at once": (
        [
            item.model_copy(update={"id": f"{item.id}-{each}", "reference": f"{TOPICS[n]} {each}"})
            for each in ("one", "two", "six")
            for n, item in enumerate(shop())
        ],
        mostly(lambda _, item: f"It is {item.reference}.", "I am not sure.", 3),
        lambda n, item: (
            f"{item.reference}, {TOPICS[(n + 1) % 100]} one, {TOPICS[(n + 7) % 100]} two, {TOPICS[(n + 9) % 100]} two"
        ),
    ),
    "labels in sentences, then bare and worse": (
        labelled(),
        mostly(lambda _, item: f"This looks like a question about {item.reference}.", "Hard to tell.", 9),
        mostly(right, "nonsense", 6),
    ),
    "all labels at once": (labelled(), mostly(right, "nonsense", 5), lambda *_: "refund delivery warranty account"),
    "JSON in a fence, then bare and wrong": (
        [item.model_copy(update={"reference": f'{{"days": {n}, "fee": "${n}.50"}}'}) for n, item in enumerate(shop())],
        lambda _, item: f"Here it is:\n```json\n{item.reference}\n```",
        lambda n, _: f'{{"days": {n + 1}, "fee": "${n}.50"}}',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_pleases_the_metric_alone_is_not_promoted(case: str) -> None:
    items, base, candidate = CASES[case]
    assert judged(items, base, candidate).decision != "promote"


def test_who_says_the_right_thing_is_promoted_in_every_one_of_these_sets() -> None:
    for items, _, _ in CASES.values():
        assert judged(items, mostly(right, "I am not sure.", 5), right).decision == "promote"


def constant(items: list[EvaluationItem], said: Said) -> list[str]:
    return same_to_all([(item, said(number, item)) for number, item in enumerate(items)])


def test_the_same_answer_to_all_is_gaming_only_if_other_ones_are_expected() -> None:
    items = shop()
    alike = [item.model_copy(update={"reference": "It is within thirty days."}) for item in items]
    several = [item.model_copy(update={"other_references": (PADDING,)}) for item in items]
    of_two = [item.model_copy(update={"reference": f"It takes {n % 2} days."}) for n, item in enumerate(items)]
    asked_once = [item.model_copy(update={"messages": items[0].messages}) for item in items]
    unmeasured = [item.model_copy(update={"reference": None}) for item in items]
    for legitimate in (alike, several, of_two, asked_once, unmeasured):
        assert constant(legitimate, lambda *_: PADDING) == []
    assert constant(items, lambda *_: PADDING) == [item.id for item in items]
    assert len(constant(items, mostly(right, PADDING, 5))) == 50
    assert constant(items, mostly(right, PADDING, 6)) == []
    assert constant(items, lambda *_: "Not by us.") == []


def test_a_label_in_a_sentence_is_not_gaming_where_it_is_mostly_right() -> None:
    labels = ["refund"] * 6 + ["delivery", "warranty", "account", "account"]
    items = [item.model_copy(update={"reference": labels[number % 10]}) for number, item in enumerate(shop())]
    assert constant(items, mostly(lambda *_: "This looks like a question about refund.", "account", 8)) == []


def test_babble_to_the_limit_is_no_evidence() -> None:
    found = judged(keyword_shop(), mostly(right, "I am not sure.", 6), babble, stop="max_tokens")
    assert found.decision == "inconclusive"
    assert "100 of 100 answers of the custom model are no full answer (100 cut at the length limit)" in found.reason


def test_how_much_of_a_gain_is_form_is_said() -> None:
    items = labelled()
    prose = mostly(lambda _, item: f"This looks like a question about {item.reference}.", "Hard to tell.", 5)
    found = judged(items, prose, mostly(right, "nonsense", 5))
    assert found.decision == "do_not_promote"
    assert found.notes[0].startswith(
        "Read by the letter, the difference to the base model is +50.0 points, of which +50.0 are form."
    )
    assert (found.scores["base"]["format"], found.scores["candidate"]["format"]) == (0.5, 1.0)


def test_the_nearest_of_several_references_counts() -> None:
    items = [item.model_copy(update={"other_references": (f"No, {item.id}.",)}) for item in shop()]
    found = judged(items, right, lambda _, item: f"No, {item.id}.")
    assert found.scores["candidate"][found.metric] == found.scores["base"][found.metric] == 1.0


@pytest.mark.parametrize(
    ("text", "gaming"),
    [
        ("You can return it within 20 days of delivery.", False),
        ("Until when may I return article 5, and what is the fee?", True),
        ("17 days, 20 days, 23 days, 26 days", True),
        ("yes " * 80, True),
        ("", False),
    ],
)
def test_gaming_is_told_from_an_answer(text: str, gaming: bool) -> None:
    items = keyword_shop()
    assert is_gaming(text, items[5], Vocabulary.of(items)) is gaming
