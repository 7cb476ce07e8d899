"""A metric of one's own: the table of answers, and the verdict by the scores that come back in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

import pytest

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.human_review import form
from finetune.domain.evaluation.own_scores import Scored, answers_table, decide_by, is_table, read_scores
from finetune.domain.evaluation.verdict import Evaluation, decide
from tests.evaluating import items

ASKED = items(60)
OLD, NEW = "In 30 days perhaps.", "Within 30 days."
Row = dict[str, str]


def run(**answers: Mapping[str, Answer]) -> tuple[Evaluation, dict[str, Mapping[str, Answer]]]:
    """A run in which the metric sees no difference."""
    given: dict[str, Mapping[str, Answer]] = {
        name: {item.id: Answer(id=item.id, text=text, stop_reason="end_turn") for item in ASKED}
        for name, text in (("base", OLD), ("candidate", NEW))
    }
    given |= answers
    return decide(ASKED, given, gates=Gates(minimum_gain=0.5), seed=7), given


EVALUATION, GIVEN = run()
EASY = EVALUATION.model_copy(update={"gates": Gates()})


def rows(evaluation: Evaluation = EVALUATION) -> list[Row]:
    table = answers_table(ASKED, GIVEN, evaluation).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(table, newline="")))


def written(filled: list[Row]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, filled[0].keys())
    writer.writeheader()
    writer.writerows(filled)
    return file.getvalue().encode()


def scored(score: Callable[[Row], str], evaluation: Evaluation = EASY) -> Scored:
    """The verdict by a program's scores."""
    filled = [row | {"score": score(row)} for row in rows()]
    scores, problems = read_scores(written(filled), evaluation)
    assert problems == ()
    return decide_by(scores, evaluation)


def test_each_answer_of_each_model_has_one_row() -> None:
    found = rows()
    assert len(found) == 2 * len(ASKED)
    assert {(row["line"], row["text"]) for row in found} == {
        (str(item.line), text) for item in ASKED for text in (OLD, NEW)
    }
    assert {row["score"] for row in found} == {""}


def test_no_letter_and_no_place_tells_which_model_answered() -> None:
    first = [row["text"] for row in rows() if row["answer"] == "A"]
    assert 15 < first.count(NEW) < 45
    other_seed = rows(EVALUATION.model_copy(update={"seed": 8}))
    assert first != [row["text"] for row in other_seed if row["answer"] == "A"]


def test_the_better_answers_by_a_programs_scores_win_and_the_runs_own_verdict_is_said() -> None:
    found = scored(lambda row: "1" if row["text"] == NEW else "0.2")
    assert (found.decision, found.measured, found.scored) == ("promote", EVALUATION.decision, 60)
    assert EVALUATION.decision != "promote"
    assert found.reason.startswith(
        "The custom model is better than the base model: your score went from 20.0% to 100.0%"
    )


def test_worse_and_equal_answers_do_not_win() -> None:
    assert scored(lambda row: "0.9" if row["text"] == OLD else "0.1").decision == "do_not_promote"
    assert scored(lambda _: "0.5").decision == "do_not_promote"


def test_a_guard_that_the_run_broke_stays_broken() -> None:
    empty = {item.id: Answer(id=item.id, text="" if item.line % 3 else NEW, stop_reason="end_turn") for item in ASKED}
    evaluation = run(candidate=empty)[0].model_copy(update={"gates": Gates(unanswered=1)})
    broken = [one.reason for one in evaluation.guards if not one.passed]
    found = scored(lambda row: "1" if row["text"] == NEW else "0.2", evaluation)
    assert broken
    assert (found.decision, found.reason) == ("do_not_promote", broken[0])


@pytest.mark.parametrize(
    ("kept", "words"),
    [(10, "Only 10 items have a score for each of their answers"), (50, "50 of 60 items have a score for each")],
)
def test_items_that_are_left_out_do_not_decide(kept: int, words: str) -> None:
    most = str(sorted(int(row["line"]) for row in rows())[2 * kept - 1])
    found = scored(lambda row: ("1" if row["text"] == NEW else "0.2") if int(row["line"]) <= int(most) else "")
    assert found.decision == "inconclusive"
    assert words in found.reason


def test_wordings_of_one_question_have_one_vote() -> None:
    one = [row.model_copy(update={"question": 0}) for row in EASY.rows]
    found = scored(lambda row: "1" if row["text"] == NEW else "0.2", EASY.model_copy(update={"rows": tuple(one)}))
    assert found.decision == "inconclusive"
    assert "1 different questions" in found.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": "1.5"}, "Row 2: score must be a number from 0 (useless) to 1 (perfect), such as 0.75."),
        ({"score": "nan"}, "Row 2: score must be a number"),
        ({"score": "good"}, "Row 2: score must be a number"),
        ({"answer": "Z", "score": "1"}, "Row 2: line and answer name no answer of this evaluation"),
        ({"line": "9999", "score": "1"}, "Row 2: line and answer name no answer of this evaluation"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(change: Row, words: str) -> None:
    first, *others = rows()
    [problem] = read_scores(written([first | change, *others]), EVALUATION)[1]
    assert problem.startswith(words)


def test_an_answer_that_is_scored_twice_is_named() -> None:
    first = rows()[0] | {"score": "1"}
    assert read_scores(written([first, first]), EVALUATION)[1] == ("Row 3: this answer is scored twice.",)


def test_a_spreadsheets_numbers_and_separators_are_read() -> None:
    first, *others = [row | {"line": f"{row['line']}.0", "score": "1"} for row in rows()]
    table = written([first, *others]).decode().replace(",", ";").encode()
    scores, problems = read_scores(b"\xef\xbb\xbf" + table, EVALUATION)
    assert (len(scores), problems) == (60, ())


def test_the_form_for_people_and_the_table_for_programs_are_told_apart() -> None:
    assert is_table(answers_table(ASKED, GIVEN, EVALUATION))
    assert not is_table(form(ASKED, GIVEN, EVALUATION))
    assert not is_table(b"\xff\xfe")


def test_a_formula_in_an_answer_is_text() -> None:
    hostile = {item.id: Answer(id=item.id, text="=HYPERLINK(1)", stop_reason="end_turn") for item in ASKED}
    evaluation, given = run(candidate=hostile)
    table = answers_table(ASKED, given, evaluation).decode("utf-8-sig")
    assert '"=HYPERLINK' not in table
    assert "'=HYPERLINK(1)" in table
