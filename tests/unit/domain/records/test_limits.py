"""How large a dataset may be, and the sentence for one that is larger."""

from finetune.domain.records.limits import MAX_DATASET_BYTES, MAX_UNITS, too_large, too_many


def test_a_file_at_the_bound_is_taken_and_one_beyond_is_told_what_to_do() -> None:
    assert too_large(MAX_DATASET_BYTES) is None
    assert "finetune prepare --limit" in (too_large(MAX_DATASET_BYTES + 1) or "")


def test_a_file_of_as_many_units_as_the_bound_is_taken_and_one_more_is_refused() -> None:
    assert too_many(MAX_UNITS) is None
    assert (too_many(MAX_UNITS + 1) or "").startswith(f"has more than {MAX_UNITS:,} lines")
