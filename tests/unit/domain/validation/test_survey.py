"""A survey says of every unit what a split needs to know, in a file of known size."""

import io
import random
from string import ascii_lowercase
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.records import limits
from finetune.domain.records.record import Disposition
from finetune.domain.similarity.identity import all_normalised
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, Reports, Sinks, Surveys, check_and_survey, stage_dataset
from finetune.domain.validation import survey as survey_module
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from finetune.domain.validation.survey import Survey, Surveyor, SurveyUnreadable
from tests.sizes import sized
from tests.staging import LLAMA_31, NOVA, item, record, records
from tests.unit.domain.records.test_shortcut import LINES, MODELS


def surveyed(data: bytes, model: str = NOVA) -> tuple[Any, io.BytesIO]:
    file = io.BytesIO()
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=3)
    inputs, surveys = Inputs(lambda: [data], ".jsonl"), Surveys(file, io.BytesIO())
    report = check_and_survey(inputs, rules, 7, surveys, only_accepted=False).dataset
    file.seek(0)
    return report, file


@given(LINES, st.sampled_from(MODELS))
@settings(max_examples=sized(100, full=1_000))
def test_a_check_says_the_same_with_a_survey_which_has_a_fate_for_every_unit(lines: list[bytes], model: str) -> None:
    data = b"\n".join(lines)
    report, file = surveyed(data, model)
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=3)
    assert report == check_dataset([data], suffix=".jsonl", rules=rules)
    dispositions = Survey(file).counted()
    assert (
        sum(dispositions.values()) - dispositions[Disposition.NO_UNIT]
        == report.blank + report.rejected + report.records
    )
    assert (dispositions[Disposition.BLANK], dispositions[Disposition.REJECTED]) == (report.blank, report.rejected)
    assert dispositions[Disposition.TRAINING] + dispositions[Disposition.DUPLICATE] == report.records


def test_a_survey_takes_31_bytes_for_a_line_and_holds_no_text_but_labels() -> None:
    sizes = [len(surveyed(b"\n".join(records(count)))[1].getvalue()) for count in (40_000, 50_000)]
    assert 310_000 <= sizes[1] - sizes[0] < 310_100
    _, file = surveyed(b"\n".join(record(f"A secret number {n}", f"The long secret answer {n}") for n in range(100)))
    assert b"secret" not in file.getvalue()


@pytest.mark.parametrize("cut", [0, 17, 18, 20, 26, 100, -1])
def test_a_survey_that_other_code_wrote_or_that_is_not_whole_is_refused(cut: int) -> None:
    whole = surveyed(b"\n".join(records(20)))[1].getvalue()
    for data in (whole[:cut], b"finetune survey 0\n" + whole[18:]):
        with pytest.raises(SurveyUnreadable):
            Survey(io.BytesIO(data))


def test_a_survey_of_few_units_at_a_time_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\n".join([*records(50), b"", b"{}", *records(10), b'{"messages": 1}'])
    whole = vars(Survey(surveyed(data, LLAMA_31)[1]))
    monkeypatch.setattr(survey_module, "_CHUNK", 1)
    assert vars(Survey(surveyed(data, LLAMA_31)[1])) == whole


def test_a_file_of_more_lines_than_a_run_takes_is_refused_without_reading_it_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_UNITS", 20)
    pieces = iter([b"\n".join([*records(30), *[b""] * 30_000]), *[b"\n" * 70_000] * 3])
    rules = rules_for(base_model(NOVA), "FINE_TUNING")
    report = check_dataset(pieces, suffix=".jsonl", rules=rules)
    assert len(list(pieces)) >= 2
    [problem] = report.problems
    assert (problem.line, problem.code) == (None, "file-too-large")
    assert problem.message.startswith("the file has more than 20 lines; a run takes no more. Drop a sample of it")
    assert surveyed(b"\n".join(records(20)))[0].accepted


def test_a_dataset_of_too_many_records_is_not_surveyed_to_its_end() -> None:
    rules = rules_for(base_model(NOVA), "FINE_TUNING", maximum_records=1_000)
    file, data = io.BytesIO(), b"\n".join(records(50_000))
    report, _ = check_and_survey(Inputs(lambda: [data], ".jsonl"), rules, 7, Surveys(file, io.BytesIO()))
    [problem] = report.problems
    assert problem.message.startswith("holds more than 1,000 different records; ")
    assert report.records == 50_000
    assert len(file.getvalue()) < 31 * 20_000
    file.seek(0)
    with pytest.raises(SurveyUnreadable):
        Survey(file)


def test_a_surveyor_that_nobody_tells_of_anything_writes_an_empty_survey() -> None:
    file = io.BytesIO()
    Surveyor(file, "conversation", 7).finish()
    file.seek(0)
    survey = Survey(file)
    assert (len(survey.dispositions), list(survey.kept()), survey.strata) == (0, [], {})


def together(training: list[bytes], validation: list[bytes], model: str) -> Any:
    rules = rules_for(base_model(model), "FINE_TUNING", maximum_records=120)
    inputs = Inputs(lambda: [b"\n".join(training)], ".jsonl", validation=lambda: [b"\n".join(validation)])
    return check_and_survey(inputs, rules, 7, Surveys(io.BytesIO(), io.BytesIO())).dataset


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
    assert Survey(file).counted() == {Disposition.TRAINING: 2}


def test_records_of_a_validation_set_count_once_whatever_their_spelling() -> None:
    own = [record(f"question number {n}", "yes") for n in range(1_000, 1_010)]
    shouted = [record(f"QUESTION number {n}?", "yes") for n in range(1_000, 1_010)]
    assert together(records(110), [*own, *shouted], LLAMA_31).accepted
    assert not together(records(110), records(11, start=1_000), LLAMA_31).accepted


def test_records_that_the_validation_set_asks_are_not_counted_twice() -> None:
    report = together(records(120), records(10, start=110), LLAMA_31)
    assert report.accepted
    assert report.distinct == 110


CLAUDE_RULES = rules_for(base_model("anthropic.claude-3-haiku-20240307-v1:0:200k"), "FINE_TUNING")


def staged_with(training: list[bytes], validation: list[bytes], items: list[EvaluationItem]) -> tuple[Reports, Any]:
    """What Validate Dataset says, and what Prepare Dataset makes of it where it may."""
    inputs = Inputs(lambda: [b"\n".join(training)], ".jsonl", items, lambda: [b"\n".join(validation)])
    surveys, sinks = Surveys(io.BytesIO(), io.BytesIO()), Sinks(io.BytesIO(), io.BytesIO(), io.BytesIO())
    reports = check_and_survey(inputs, CLAUDE_RULES, 7, surveys)
    if not (reports.dataset.accepted and reports.validation and reports.validation.accepted):
        return reports, None
    surveys.dataset.seek(0)
    surveys.validation.seek(0)
    return reports, stage_dataset(inputs, CLAUDE_RULES, Shares(0, 0), surveys, sinks)


def shouted(count: int, start: int) -> list[bytes]:
    return [record(f"QUESTION number {n}?", f"ANSWER {n}") for n in range(start, start + count)]


def test_a_validation_set_that_is_accepted_for_its_copies_is_staged_without_them() -> None:
    own = [*records(900, start=5_000), *shouted(900, start=5_000)]
    reports, prepared = staged_with(records(50), own, [])
    assert reports.validation
    assert (reports.validation.distinct, prepared.validation.records) == (900, 900)


def test_training_records_that_any_record_of_the_validation_set_asks_are_left_out() -> None:
    own = [*records(1, start=5_000) * 1_500, *records(900, start=5_000)]
    _, prepared = staged_with([*records(900, start=5_000), *records(50)], own, [])
    assert (prepared.accounting.leaked, prepared.training.records) == (900, 50)


def test_a_bad_line_of_the_validation_set_is_its_own_problem() -> None:
    reports, _ = staged_with(records(50), [*records(40, start=5_000), b"{}"], [])
    assert reports.dataset.accepted
    assert reports.validation
    assert reports.validation.counts.errors == {"unknown-format": 1}


@pytest.mark.parametrize(
    ("good", "codes"), [(31, ["too-few-records"]), (32, []), (1_000, []), (1_001, ["too-many-records"])]
)
def test_validation_records_that_the_evaluation_set_asks_do_not_count(good: int, codes: list[str]) -> None:
    asked = [item(f"question number {n}", n) for n in range(9_000, 9_020)]
    reports, prepared = staged_with(records(50), [*records(good, start=5_000), *records(20, start=9_000)], asked)
    assert reports.validation
    assert list(reports.validation.counts.errors) == codes
    assert bool(prepared) == (not codes)
