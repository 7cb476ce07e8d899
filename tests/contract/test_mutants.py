"""The table of defects is about the files as they are."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tools.mutants import TABLE, Mutant, read
from tools.project import ROOT

MUTANTS = read()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: f"{each.file}: {each.name}")
def test_a_defect_can_be_put_in_and_its_tests_exist(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    assert mutant.applied(text) != text
    assert mutant.tests
    assert [test for test in mutant.tests if not (ROOT / test.partition("::")[0]).is_file()] == []


def test_a_file_has_no_two_defects_of_one_name_or_one_text() -> None:
    names = Counter((each.file, each.name) for each in MUTANTS)
    texts = Counter((each.file, each.within, each.old, each.new) for each in MUTANTS)
    assert max(names.values()) == max(texts.values()) == 1


def test_a_file_stands_once_in_the_table() -> None:
    names = re.findall(r"^(\S+):$", TABLE.read_text(), re.MULTILINE)
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_every_file_that_a_defect_would_cost_something_in_has_some() -> None:
    adapters = "layers/finetune/finetune/aws"
    paid = ("clean_up", "sweep", "release", "mail", "serving", "runs", "customization", "endpoints", "starts")
    files = {f"{adapters}/{name}.py" for name in paid} | {"template.yaml", "statemachine/fine_tuning.asl.yaml"}
    assert files <= {each.file for each in MUTANTS}
