"""`finetune compare` shows two runs side by side."""

from __future__ import annotations

import pytest

from tests.command import answered, finetune
from tests.past import JUDGED, Runs


def staged(sha: str, records: int) -> dict[str, object]:
    return {"training": {"records": records, "sha256": "t"}, "evaluation": {"records": 40, "sha256": sha}}


def test_result_data_and_the_settings_that_differ_stand_side_by_side(
    past: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    one = past.add("shop", 1)
    two = past.add("shop", 2, hyperparameters={"epochCount": 3})
    past.ended(one, output={"evaluation": JUDGED, "promotion": {}})
    past.ended(two, "FAILED", error="BudgetExceeded")
    for run, records in ((one, 298), (two, 198)):
        past.write(run, "prepared.json", staged("same", records))
    assert finetune("compare", one.run_id, two.run_id) == 0
    out, err = capsys.readouterr()
    cells = [line.split() for line in out.splitlines()]
    assert ["verdict", "promoted", "BudgetExceeded"] in cells
    assert ["records", "of", "training", "298", "198"] in cells
    assert any("epochCount" in line and "3" in line for line in out.splitlines())
    assert "base_model" not in out
    assert err == ""


def test_scores_of_different_evaluation_sets_are_not_called_comparable(
    past: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = past.add("shop", 1), past.add("shop", 2)
    past.write(one, "prepared.json", staged("a", 1))
    past.write(two, "prepared.json", staged("b", 1))
    assert finetune("compare", one.run_id, two.run_id) == 0
    out, err = capsys.readouterr()
    assert "The evaluation sets differ" in err
    assert "The settings are the same." in out
    assert finetune("compare", one.run_id, two.run_id, "--json") == 0
    found = answered(capsys)
    assert found["comparable"] is False
    assert len(found["settings"]) == 2
