"""Texts that nearly repeat an earlier one are found, and those that only share a template are not."""

from tests.unit.domain.validation.test_lint import TEXT, warned


def test_records_of_one_template_are_no_near_duplicates() -> None:
    pairs = [(f"{TEXT} Question {n}: colour {n * 13} or size {n * 17}?", f"take {n * 19}") for n in range(220)]
    assert warned(*pairs) == {}
