"""A survey says of every unit what a split needs to know, in a file of known size."""

import io
import random
from string import ascii_lowercase
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.domain import lines as lines_module
from finetune.domain import survey as survey_module
from finetune.domain.catalog import base_model
from finetune.domain.dataset import check_dataset, rules_for
from finetune.domain.records import Fate
from finetune.domain.similarity import all_normalised
from finetune.domain.split import Inputs, Surveys, check_and_survey
from finetune.domain.survey import Survey, Surveyor
from tests.unit.test_shortcut import LINES, MODELS
from tests.unit.test_split import LLAMA_31, NOVA, record, records


def surveyed(data: bytes, model: str = NOVA) -> tuple[Any, io.BytesIO]:
    file = io.BytesIO()
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=3)
    report = check_and_survey(Inputs(lambda: [data], ".jsonl"), rules, 7, Surveys(file, io.BytesIO()))
    file.seek(0)
    return report, file


@given(LINES, st.sampled_from(MODELS))
@settings(max_examples=200, deadline=None)
def test_a_check_says_the_same_with_a_survey_which_has_a_fate_for_every_unit(lines: list[bytes], model: str) -> None:
    data = b"\n".join(lines)
    report, file = surveyed(data, model)
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=3)
    assert report == check_dataset([data], suffix=".jsonl", rules=rules)
    fates = Survey(file).counted()
    assert sum(fates.values()) - fates[Fate.NO_UNIT] == report.blank + report.rejected + report.records
    assert (fates[Fate.BLANK], fates[Fate.REJECTED]) == (report.blank, report.rejected)
    assert fates[Fate.TRAINING] + fates[Fate.DUPLICATE] == report.records


def test_a_survey_takes_31_bytes_for_a_line_and_holds_no_text_but_labels() -> None:
    sizes = [len(surveyed(b"\n".join(records(count)))[1].getvalue()) for count in (40_000, 50_000)]
    assert 310_000 <= sizes[1] - sizes[0] < 310_100
    _, file = surveyed(b"\n".join(record(f"A secret number {n}", f"The long secret answer {n}") for n in range(100)))
    assert b"secret" not in file.getvalue()


def test_a_survey_that_other_code_wrote_is_refused() -> None:
    with pytest.raises(ValueError, match="no survey of this version"):
        Survey(io.BytesIO(b"finetune survey 1\n" + bytes(8) + b"{}"))


def test_a_survey_of_few_units_at_a_time_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\n".join([*records(50), b"", b"{}", *records(10), b'{"messages": 1}'])
    whole = vars(Survey(surveyed(data, LLAMA_31)[1]))
    monkeypatch.setattr(survey_module, "_CHUNK", 1)
    assert vars(Survey(surveyed(data, LLAMA_31)[1])) == whole


def test_a_file_of_more_lines_than_a_run_takes_is_refused_and_the_notes_on_it_do_not_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (lines_module, survey_module):
        monkeypatch.setattr(module, "MAX_UNITS", 20)
    monkeypatch.setattr(survey_module, "_CHUNK", 4)
    enough, _ = surveyed(b"\n".join(records(20)))
    many, few_notes = surveyed(b"\n".join([*records(30), *[b""] * 1_000]))
    _, more_notes = surveyed(b"\n".join([*records(30), *[b""] * 2_000]))
    assert enough.accepted
    [problem] = many.problems
    assert (problem.line, problem.code) == (None, "file-too-large")
    assert problem.message.startswith("the file has 1,029 lines; a run takes at most 20. Drop a sample")
    assert max(len(few_notes.getvalue()), len(more_notes.getvalue())) < 40 * 31


def test_a_surveyor_that_nobody_tells_of_anything_writes_an_empty_survey() -> None:
    file = io.BytesIO()
    Surveyor(file, "conversation", 7).finish()
    file.seek(0)
    survey = Survey(file)
    assert (len(survey.fates), list(survey.kept()), survey.strata) == (0, [], {})


def together(training: list[bytes], validation: list[bytes], model: str) -> Any:
    rules = rules_for(base_model(model), "FINE_TUNING", maximum_records=120)
    inputs = Inputs(lambda: [b"\n".join(training)], ".jsonl", validation=lambda: [b"\n".join(validation)])
    return check_and_survey(inputs, rules, 7, Surveys(io.BytesIO(), io.BytesIO()))


def test_records_that_are_there_twice_count_once_towards_what_both_files_may_hold() -> None:
    repeated = [*records(100), *records(50)]
    assert together(repeated, records(20, start=1_000), LLAMA_31).accepted
    report = together(repeated, records(21, start=1_000), LLAMA_31)
    [problem] = report.problems
    assert problem.message.startswith("holds 100 different records and 21 in the other file; ")
    assert report.distinct == 100


def test_both_files_together_may_reach_the_minimum_of_a_model_that_counts_both() -> None:
    own = records(1, start=1_000)
    assert together(records(99), own, LLAMA_31).accepted
    assert list(together(records(98), own, LLAMA_31).counts.errors) == ["too-few-records"]
    assert list(together(records(7), own, NOVA).counts.errors) == ["too-few-records"]


def test_records_of_one_prompt_are_told_apart_by_more_than_a_checksum() -> None:
    seen: dict[int, str] = {}
    letters = random.Random(1)  # noqa: S311 - the same answers every time
    while True:
        answer = "".join(letters.choices(ascii_lowercase, k=12))
        other = seen.setdefault(crc32(b" \0 %b " % answer.encode()), answer)
        if other != answer:
            break
    whole = [all_normalised([f"Name a number\0{text}"])[0] for text in (answer, other)]
    _, file = surveyed(b"\n".join(record("Name a number", text) for text in (answer, other)))
    assert crc32(whole[0]) == crc32(whole[1])
    assert Survey(file).counted() == {Fate.TRAINING: 2}
