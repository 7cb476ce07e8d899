"""What a text says, whatever its form."""

from __future__ import annotations

import pytest

from finetune.domain.evaluation.reading import Phrases, denied, json_in, label_in, normalise, plain, says, words

LABELS = {"refund", "delivery", "late delivery"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$1,000.50", "1000.5 USD"),
        ("49.99$", "$49.99"),
        ("1.000,50 \u20ac", "\u20ac1000.50"),
        ("1 000 000", "1,000,000"),
        ("1.0", "1"),
        ("007.50", "7.5"),
        ("0.50", "00.5"),
        ("000", "0"),
        ("5km", "5 kilometres"),
        ("30%", "30 %"),
        ("\u00a37.50", "7.5 pounds"),
        ("\u2212 5", "- 5"),
    ],
)
def test_numbers_are_the_same_in_every_spelling(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize(
    ("one", "other"), [("12.50", "1250"), ("3.5", "35"), ("-5", "5"), ("$5", "\u00a35"), ("1,5", "15")]
)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    assert words(one) != words(other)
    assert normalise(one) != normalise(other)


def test_vowel_signs_belong_to_their_word() -> None:
    assert words("\u0926\u093f\u0928 \u0926\u0940\u0928") == (
        "\u0926\u093f\u0928",
        "\u0926\u0940\u0928",
    )
    assert words("\u064a\u064f\u0645\u0643\u0646") == ("\u064a\u064f\u0645\u0643\u0646",)
    assert words("\u0e04\u0e37\u0e19") == (
        "\u0e04\u0e37",
        "\u0e19",
    )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Refund.", "refund"),
        ("This ticket is about a refund.", "refund"),
        ("Not a refund but a delivery.", "delivery"),
        ("The category is **refund**, because the delivery was late.", "refund"),
        ("It is a late delivery.", "late delivery"),
    ],
)
def test_a_label_is_read_out_of_a_sentence(text: str, label: str) -> None:
    assert label_in(text, LABELS) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Refund.\nReason: more refund than delivery words", "refund"),
        ("**Delivery**\n\nThe customer wants no refund, and the delivery is late.", "delivery"),
        ("Refund! A delivery was promised, but a refund is asked for.", "refund"),
        ("Refund.\nDelivery.", None),
        ("Refund or delivery.\nHard to say.", None),
        ("Refund: no. Delivery: yes.", None),
    ],
)
def test_a_label_that_is_the_first_line_or_sentence_wins(text: str, label: str | None) -> None:
    read = label_in(text, LABELS)
    assert (read if read in LABELS else None) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("It is a dog.", None),
        ("I would take B, as a dog would.", "b"),
        ("I would take b) here", "b"),
        ("(a) because it is a dog", "a"),
        ("a", "a"),
    ],
)
def test_an_article_is_no_label(text: str, label: str | None) -> None:
    read = label_in(text, {"a", "b"})
    assert (read if read in {"a", "b"} else None) == label


@pytest.mark.parametrize("text", ["refund, delivery", "I would not call it a refund", "", "refund or delivery"])
def test_an_answer_that_names_several_labels_or_denies_one_has_given_none(text: str) -> None:
    assert label_in(text, LABELS) not in LABELS


@pytest.mark.parametrize(("leads", "label"), [(1, "late delivery"), (10, "late delivery"), (11, None)])
def test_the_longest_label_is_read_behind_one_of_the_first_leads(leads: int, label: str | None) -> None:
    found = label_in("Label: " * leads + "late delivery, refund", {*LABELS, "late"})
    assert found == label if label else found not in LABELS


def test_what_is_denied_is_told_by_its_clause() -> None:
    read = plain("It is not within 30 days. You pay 5 pounds, but never 9.")
    assert denies(read, "30")
    assert not denies(read, "5 gbp")
    assert denies(read, "9")
    assert not denies(plain("No, 30 days."), "30")


def denies(read: str, what: str) -> bool:
    start = read.index(what)
    return denied(read, start, start + len(what))


@pytest.mark.parametrize(
    ("text", "is_denied"),
    [
        ("A refund? No.", True),
        ("A refund is not possible.", True),
        ("'refund' is wrong.", True),
        ("The refund isn't due.", True),
        ("Die refund ist nicht vorgesehen.", True),
        ("A refund is not only possible, it is due.", False),
        ("A refund would be a mistake.", True),
        ("La refund est fausse.", True),
        ("Refund non \u00e8 previsto.", True),
        ("De refund is niet mogelijk.", True),
        ("O refund n\u00e3o \u00e9 devido.", True),
        ("Avoid a refund.", True),
        ("Anything but the refund.", True),
        ("Many people wrongly believe that it is the refund.", True),
        ("Some say the refund.", True),
        ("It is a myth that a refund helps.", True),
        ("Non \u00e8 un refund.", True),
        ("Het is geen refund.", True),
        ("N\u00e3o \u00e9 refund.", True),
        ("To avoid fees, ask for a refund.", False),
        ("I think it is the refund.", False),
        ("A refund is due. Nothing else is not.", False),
        ("A refund, no doubt.", False),
    ],
)
def test_what_is_denied_right_behind_it_is_denied(text: str, is_denied: bool) -> None:
    assert denies(plain(text), "refund") is is_denied


CITIES = Phrases({"berlin", "paris", "rome"})
MANY = Phrases({f"city {number}" for number in range(1_000)} | CITIES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The capital of Germany is Berlin.", True),
        ("Berlin", True),
        ("Berlin, not Paris.", True),
        ("It is not Berlin.", False),
        ("Berlin? No, it is Bonn.", False),
        ("Berlin or Paris or Rome.", False),
        ("Many people wrongly believe it is Berlin.", False),
        ("Berlin would be a mistake.", False),
        ("Is it Berlin?", False),
        ("Is it Berlin or Hamburg", False),
        ("Paris.", False),
        ("Berliners live there.", False),
        ("Berlin " + "and more words " * 30, False),
    ],
)
def test_a_sentence_says_an_answer_if_it_says_no_other_one(text: str, said: bool) -> None:
    for others in (CITIES, MANY):
        assert says(text, "berlin", others, "Which is the capital, is it Berlin or Hamburg?") is said


@pytest.mark.parametrize(
    ("text", "reference", "said"),
    [
        ("The way is 7 km long.", "7 km", True),
        ("It is 7 km.", "7", True),
        ("It is 7.", "7", True),
        ("It is -7.", "7", False),
        ("It is 7.5.", "7", False),
        ("It is 3/7.", "7", False),
        ("It is 7/3.", "7", False),
        ("It goes at 7 km/h.", "7 km", False),
        ("The area is 7 km\u00b2.", "7 km", False),
        ("It is 7 million.", "7", False),
        ("It is 7 %.", "7", False),
        ("It is -7 degrees.", "-7", True),
        ("It took from 3-7 days.", "7 days", False),
        ("It takes 3 to 7 days.", "7 days", False),
        ("Between 3 and 7 days.", "7 days", False),
        ("7 days or 9 days.", "7 days", False),
        ("7 to 10", "7", False),
        ("More than 7 days.", "7 days", False),
        ("Minus 7 days.", "7 days", False),
        ("Mehr als 7 days.", "7 days", False),
        ("For 2 rooms it is 7 days.", "7 days", True),
    ],
)
def test_a_quantity_is_said_whole(text: str, reference: str, said: bool) -> None:
    assert says(text, reference, Phrases(), "How much is it for 2 rooms?") is said


@pytest.mark.parametrize(
    "text", ['{"a": 1}', '```\nfirst\n``` ```json {"a": 1}``` ```', '```json\n{"a": 1}\n```', 'Sure: {"a": 1}. Bye.']
)
def test_json_is_found_in_its_wrapping(text: str) -> None:
    assert json_in(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "no", "{'a': 1}", "null", "[" * 5000])
def test_where_there_is_no_json_none_is_found(text: str) -> None:
    assert json_in(text) is None


def test_other_answers_are_seen_in_a_script_without_spaces() -> None:
    cities = Phrases({f"\u90fd\u5e02{number}" for number in range(300)} | {"\u6771\u4eac", "\u5927\u962a"})
    assert says("\u7b54\u3048\u306f\u6771\u4eac\u3067\u3059", "\u6771\u4eac", cities, "?")
    assert not says("\u6771\u4eac\u3068\u5927\u962a\u3067\u3059", "\u6771\u4eac", cities, "?")
