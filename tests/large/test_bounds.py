"""Datasets as large as a base model takes them, and larger by one record."""

from __future__ import annotations

import pytest

from finetune.domain.catalog import Method, base_model, base_models
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from tests.checking import line
from tests.sizes import sized

# One model and method for each pair of bounds that the catalog has, in the records of its own format.
BOUNDED = {
    (own.record_format, own.records.minimum, own.records.maximum): (model, method)
    for model, row in base_models().items()
    for method, own in row.methods.items()
}


def record_of(form: str, n: int) -> dict[str, str]:
    if form == "image_caption":
        return {"image-ref": f"s3://bucket/{n}.png", "caption": f"picture {n}"}
    if form == "text_input":
        return {"input": f"text {n}"}
    return {"prompt": f"question {n}", "completion": "x"}


@pytest.mark.parametrize(
    ("bounds", "named"), BOUNDED.items(), ids=[f"{model}-{way}" for model, way in BOUNDED.values()]
)
def test_the_number_of_records_is_bounded_as_the_catalog_says(
    bounds: tuple[str, int, int], named: tuple[str, Method]
) -> None:
    form, minimum, documented = bounds
    maximum = sized(min(documented, 2_000), full=documented)
    assert rules_for(base_model(named[0]), named[1]).records.maximum == documented
    own = rules_for(base_model(named[0]), named[1], maximum_records=maximum)
    rows = [line(record_of(form, n)) + b"\n" for n in range(maximum + 1)]

    def codes(count: int) -> list[str]:
        return list(check_dataset(rows[:count], suffix=".jsonl", rules=own, lint=False).counts.errors)

    assert codes(minimum) == codes(maximum) == []
    assert codes(minimum - 1) == (["too-few-records"] if minimum > 1 else ["empty-dataset"])
    assert codes(maximum + 1) == ["too-many-records"]
