"""The form for people: blind, safe to open, read back cell by cell, and able only to object."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.human_review import SAMPLED_ITEMS, form, read_back, review, safe
from finetune.domain.evaluation.llm_judge import CRITERIA, JudgeReport
from finetune.domain.evaluation.verdict import Evaluation, decide
from finetune_cli.main import main
from tests.evaluating import items

ASKED = items(60)
BETTER, WORSE = "Within 30 days.", "I do not know."


def said(text: str) -> dict[str, Answer]:
    return {item.id: Answer(id=item.id, text=text, stop_reason="end_turn") for item in ASKED}


def evaluation(base: str = WORSE, candidate: str = BETTER) -> tuple[dict[str, dict[str, Answer]], Evaluation]:
    answers = {"base": said(base), "candidate": said(candidate)}
    return answers, decide(ASKED, answers, gates=Gates(), seed=7)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def written(filled: list[dict[str, str]], delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, filled[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(filled)
    return file.getvalue().encode()


def rate(row: dict[str, str], likes: str, high: str = "5", low: str = "2") -> dict[str, str]:
    """A row filled in by somebody who likes one text, wherever it stands."""
    grades = {side: high if row[f"answer_{side}"] == likes else low for side in (1, 2)}
    return {**row, **{f"{name}_{side}": grades[side] for side in (1, 2) for name in CRITERIA}}


def filled(likes: str, **more: Any) -> tuple[bytes, Evaluation]:
    answers, judged = evaluation(**more)
    return written([rate(row, likes) for row in rows(form(ASKED, answers, judged))]), judged


def test_the_form_holds_a_sample_in_an_order_that_does_not_give_the_models_away() -> None:
    answers, judged = evaluation()
    shown = rows(form(ASKED, answers, judged))
    assert len(shown) == SAMPLED_ITEMS
    assert 5 < sum(row["answer_1"] == BETTER for row in shown) < 25
    assert {row["question"] for row in shown} <= {f"user: Question {number}?" for number in range(60)}
    assert not {"base", "candidate", "model"} & set(" ".join(shown[0]).split("_"))
    assert form(ASKED, answers, judged) == form(ASKED, answers, judged)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\x00=1",
        " =1",
        "\n=1",
        "\uff1d1",
        "|calc",
        "%x",
        "=cmd|'/c calc'!A1",
    ],
)
def test_no_cell_can_be_a_formula(text: str) -> None:
    assert safe(text).lstrip().startswith("'")
    answers, judged = evaluation(candidate=text + BETTER)
    lines = form(ASKED, answers, judged).decode("utf-8-sig").split("\r\n")[1:]
    cells = [cell for line in lines for cell in next(csv.reader([line]), [])]
    assert any(BETTER in cell for cell in cells)
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))] == []


def test_quotes_line_breaks_and_control_characters_stay_inside_their_cell() -> None:
    hostile = 'a","b\r\n=1+1\x00\x1b[31m"'
    answers, judged = evaluation(candidate=hostile)
    shown = rows(form(ASKED, answers, judged))
    assert len(shown) == SAMPLED_ITEMS
    assert {row["answer_1"] for row in shown} | {row["answer_2"] for row in shown} == {WORSE, 'a","b\n\'=1+1  [31m"'}


def test_ratings_come_back_to_the_model_that_they_are_for() -> None:
    data, judged = filled(BETTER)
    rated, problems = read_back(data, judged)
    assert problems == ()
    assert {(one.before.score, one.candidate.score) for one in rated} == {(0.25, 1.0)}


def test_people_who_agree_confirm_and_the_agreement_is_told() -> None:
    data, judged = filled(BETTER)
    found = review(read_back(data, judged)[0], judged)
    assert (found.decision, found.measured, found.rated) == ("promote", "promote", 30)
    assert (found.metric_agreement, found.judge_agreement) == (1.0, None)
    assert found.criteria["candidate"] == dict.fromkeys(CRITERIA, 5.0)
    assert "People find the custom model better than the base model" in found.reason


def test_people_can_object() -> None:
    data, judged = filled(WORSE)
    found = review(read_back(data, judged)[0], judged)
    assert (found.decision, found.measured, found.metric_agreement) == ("do_not_promote", "promote", 0.0)
    assert found.reason.startswith("People object: The custom model is worse than the base model: people's rating went")


def test_people_cannot_promote_what_was_not_measured_to_be_better() -> None:
    data, judged = filled(WORSE, base=BETTER, candidate=WORSE)
    assert judged.decision == "do_not_promote"
    found = review(read_back(data, judged)[0], judged)
    assert found.decision == "do_not_promote"
    assert "better than the base model, over 30 items; the verdict stays" in found.reason


def test_two_or_three_ratings_are_chance_and_neither_object_nor_call_models_equal() -> None:
    answers, judged = evaluation()
    shown = rows(form(ASKED, answers, judged))
    data = written([rate(row, WORSE) if number < 3 else row for number, row in enumerate(shown)])
    found = review(read_back(data, judged)[0], judged)
    assert (found.decision, found.rated) == ("promote", 3)
    assert found.reason.startswith(
        "People see no difference beyond chance between the custom model and the base model, over 3 items; "
        "the verdict stays: "
    )


def test_agreement_beyond_chance_is_cohens_kappa() -> None:
    answers, judged = evaluation()
    shown = rows(form(ASKED, answers, judged))
    data = written([rate(row, BETTER if number % 3 else WORSE) for number, row in enumerate(shown)])
    found = review(read_back(data, judged)[0], judged)
    assert found.metric_agreement == pytest.approx(2 / 3)
    assert found.metric_kappa == pytest.approx(0.0)


def test_rows_left_empty_do_not_count_and_a_spreadsheets_own_spelling_is_read() -> None:
    answers, judged = evaluation()
    shown = rows(form(ASKED, answers, judged))
    some = [
        rate(row, BETTER, "5.0" if number % 2 else "5,00", " 2 ") if number < 4 else row
        for number, row in enumerate(shown)
    ]
    for delimiter in ",;\t":
        rated, problems = read_back(b"\xef\xbb\xbf" + written(some, delimiter), judged)
        assert (len(rated), problems) == (4, ())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tone_2": "6"}, "Row 2: tone_2 must be a whole number from 1 to 5."),
        ({"tone_1": "", "tone_2": "good"}, "Row 2: tone_1, tone_2 must be a whole number from 1 to 5."),
        ({"line": "999"}, "Row 2: line names no item of this evaluation; use the form of the same run."),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_what_is_wrong(change: dict[str, str], problem: str) -> None:
    answers, judged = evaluation()
    first, *others = (rate(row, BETTER) for row in rows(form(ASKED, answers, judged)))
    rated, problems = read_back(written([{**first, **change}, *others]), judged)
    assert (len(rated), problems) == (29, (problem,))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xfe", "The file is not UTF-8; save it as 'CSV UTF-8'."),
        (b"", "The columns accuracy_1, "),
        (b"a,b\n1,2\n", "The columns accuracy_1, "),
        (b"line;question\n", "The columns accuracy_1, "),
    ],
)
def test_a_file_that_is_no_form_is_refused_in_a_sentence(data: bytes, problem: str) -> None:
    rated, [found] = read_back(data, evaluation()[1])
    assert rated == ()
    assert found.startswith(problem)


def test_a_quote_out_of_place_does_not_swallow_the_rows_behind_it() -> None:
    data, judged = filled(BETTER)
    rated, [problem] = read_back(data.replace(b"user:", b'"user:', 1), judged)
    assert rated == ()
    assert problem.startswith("The file is not CSV (")


def test_a_row_that_is_there_twice_is_rated_once() -> None:
    data, judged = filled(BETTER)
    lines = data.split(b"\r\n")
    rated, problems = read_back(b"\r\n".join([*lines[:-1], lines[1], b""]), judged)
    assert len(rated) == 30
    assert "is rated twice" in problems[0]


# The command


def folder(tmp_path: Path, likes: str = BETTER) -> Path:
    data, judged = filled(likes)
    (tmp_path / "evaluation.json").write_text(judged.model_dump_json())
    (tmp_path / "human-review.csv").write_bytes(data)
    return tmp_path / "human-review.csv"


def test_the_command_says_what_becomes_of_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(folder(tmp_path))]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Verdict: promote (without the ratings: promote)\nPeople find the custom model better")
    assert "Accuracy" in printed
    assert main(["review", str(folder(tmp_path, WORSE))]) == 1
    assert "Verdict: do not promote (without the ratings: promote)\nPeople object" in capsys.readouterr().out


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--json", str(folder(tmp_path))]) == 0
    assert '"decision": "promote"' in capsys.readouterr().out


def test_the_command_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder(tmp_path)
    assert main(["review", str(tmp_path / "none.csv"), "--evaluation", str(tmp_path / "evaluation.json")]) == 2
    assert "none.csv cannot be read: no such file or directory." in capsys.readouterr().err
    (tmp_path / "evaluation.json").write_text("{}")
    assert main(["review", str(path)]) == 2
    assert "evaluation.json is not the evaluation.json of a run." in capsys.readouterr().err


def test_whether_people_would_use_an_answer_is_asked_and_counted_by_model() -> None:
    answers, judged = evaluation()
    shown = [rate(row, BETTER) for row in rows(form(ASKED, answers, judged))]
    for number, row in enumerate(shown):
        for side in (1, 2):
            row[f"would_you_use_{side}"] = "Yes" if row[f"answer_{side}"] == BETTER or number % 2 else "no"
    rated, problems = read_back(written(shown), judged)
    assert problems == ()
    assert review(rated, judged).uses == {"base": 0.5, "candidate": 1.0}


def test_forms_of_the_last_release_do_not_ask_whether_an_answer_would_be_used() -> None:
    answers, judged = evaluation()
    shown = [
        {name: cell for name, cell in rate(row, BETTER).items() if not name.startswith("would")}
        for row in rows(form(ASKED, answers, judged))
    ]
    rated, problems = read_back(written(shown), judged)
    assert (len(rated), problems, review(rated, judged).uses) == (SAMPLED_ITEMS, (), {})


def test_how_often_the_judge_is_kinder_than_people_is_told_with_kappa() -> None:
    answers, judged = evaluation()
    shown = [rate(row, BETTER, high="2", low="2") for row in rows(form(ASKED, answers, judged))]
    rated, _ = read_back(written(shown), judged)
    ratings = {row.item: (0.25, 1.0 if number % 2 else 0.25) for number, row in enumerate(rated)}
    asked = JudgeReport(
        model="m", asked=30, judged=30, coverage=0.8, consistent=1.0, criteria={}, ratings=ratings, usd=0.0
    )
    found = review(rated, judged.model_copy(update={"judge": asked}))
    assert (found.judge_too_kind, found.judge_kappa) == (0.5, 0.0)
