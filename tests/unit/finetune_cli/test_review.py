"""`finetune review`: people's ratings read back into the verdict."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.human_review import form
from finetune.domain.evaluation.llm_judge import CRITERIA
from finetune.domain.evaluation.own_scores import answers_table
from finetune.domain.evaluation.verdict import decide
from tests.command import answered, finetune
from tests.evaluating import items

ASKED = items(60)
WORSE, BETTER = "I do not know.", "Within 30 days."
ANSWERS = {
    name: {item.id: Answer(id=item.id, text=text, stop_reason="end_turn") for item in ASKED}
    for name, text in (("base", WORSE), ("candidate", BETTER))
}


def filled_in(folder: Path, likes: str) -> Path:
    """The form of a run whose candidate was measured as better, filled in by somebody who likes one text."""
    judged = decide(ASKED, ANSWERS, gates=Gates(), seed=7)
    rows = list(csv.DictReader(io.StringIO(form(ASKED, ANSWERS, judged).decode("utf-8-sig"), newline="")))
    for row in rows:
        grades = {side: "5" if row[f"answer_{side}"] == likes else "2" for side in (1, 2)}
        row.update({f"{name}_{side}": grades[side] for side in (1, 2) for name in CRITERIA})
    with (folder / "human-review.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    (folder / "evaluation.json").write_text(judged.model_dump_json())
    return folder / "human-review.csv"


@pytest.mark.parametrize(("likes", "code", "decision"), [(BETTER, 0, "promote"), (WORSE, 1, "do")])
def test_people_who_object_turn_a_yes_into_a_no(
    likes: str, code: int, decision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = filled_in(tmp_path, likes)
    assert finetune("review", data) == code
    assert capsys.readouterr().out.startswith(f"Verdict: {decision}")
    assert finetune("review", data, "--json") == code
    found = answered(capsys)
    assert (found["decision"].startswith(decision), found["measured"], found["rated"]) == (True, "promote", 30)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("review", tmp_path / "none.csv") == 2
    assert "evaluation.json cannot be read: no such file or directory." in capsys.readouterr().err


def test_scores_of_ones_own_program_decide_and_nothing_is_promoted_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = decide(ASKED, ANSWERS, gates=Gates(), seed=7)
    rows = list(csv.DictReader(io.StringIO(answers_table(ASKED, ANSWERS, judged).decode("utf-8-sig"), newline="")))
    data = tmp_path / "answers.csv"
    with data.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"score": "0.9" if row["text"] == WORSE else "0.1"} for row in rows)
    (tmp_path / "evaluation.json").write_text(judged.model_dump_json())
    assert finetune("review", data) == 1
    said = capsys.readouterr().out
    assert said.startswith("Verdict by your scores: do not promote (the run's own: promote)\nThe custom model is worse")
    assert "Nothing is promoted by this." in said
    data.write_text(data.read_text().replace('"0.1"', "much").replace(",0.1", ",much"))
    assert finetune("review", data) == 2
    assert "score must be a number from 0 (useless) to 1 (perfect)" in capsys.readouterr().err
