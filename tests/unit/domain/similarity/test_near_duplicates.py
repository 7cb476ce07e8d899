"""Texts that nearly repeat an earlier one are found, and those that only share a template are not."""

from itertools import permutations

from finetune.domain.similarity.identity import normalised
from finetune.domain.similarity.near_duplicates import NearDuplicateGroups, NearDuplicates
from tests.unit.domain.validation.test_lint import TEXT, warned


def test_records_of_one_template_are_no_near_duplicates() -> None:
    pairs = [(f"{TEXT} Question {n}: colour {n * 13} or size {n * 17}?", f"take {n * 19}") for n in range(220)]
    assert warned(*pairs) == {}


def found(texts: list[str]) -> list[tuple[int, int]]:
    looked = NearDuplicates()
    for line, text in enumerate(texts, 1):
        looked.add(line, normalised(text))
    return looked.finish()


def test_a_text_with_one_word_changed_is_a_near_duplicate_of_the_first_like_it() -> None:
    others = [
        f"{n} apples {n * 7} and {n * 11} pears make {n * 13} of {n * 17} fruits in {n * 19} baskets" for n in range(9)
    ]
    texts = [others[0], TEXT, *others[1:], TEXT.replace("March", "April"), TEXT.replace("poles", "pegs")]
    assert found(texts) == [(11, 2), (12, 2)]


def test_the_same_words_in_another_order_are_another_text() -> None:
    assert found([TEXT, " ".join(sorted(TEXT.split())), " ".join(reversed(TEXT.split()))]) == []


def test_texts_of_few_words_are_never_near() -> None:
    assert found(["yes it is", "yes it was", "yes it is"]) == []


def test_groups_do_not_depend_on_the_order_and_name_the_lowest_rank() -> None:
    april, may = (TEXT.replace("March", month) for month in ("April", "May"))
    prompts = {30: TEXT, 10: april, 20: may, 5: "a question about something else " * 9}
    for order in permutations(prompts):
        groups = NearDuplicateGroups()
        for rank in order:
            groups.add(rank, normalised(prompts[rank]))
        assert groups.first_ranks() == {20: 10, 30: 10}


def test_of_too_many_prompts_none_are_grouped() -> None:
    groups = NearDuplicateGroups(most=2)
    for rank, text in enumerate([TEXT, TEXT.replace("March", "April"), "another"]):
        groups.add(rank, normalised(text))
    assert groups.gave_up
    assert groups.first_ranks() == {}
