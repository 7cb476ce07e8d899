"""The tree of errors is the one that its module draws, and each leaf can be named by a state."""

from __future__ import annotations

import inspect
import re

import pytest

from finetune import errors
from finetune.errors import FineTuneError

CLASSES = {name: each for name, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, FineTuneError)}
LEAVES = CLASSES.keys() - {"FineTuneError"}
DRAWN = re.findall(r"^[│ ]+[├└]── (\w+) {2,}(.+)$", errors.__doc__ or "", re.MULTILINE)


def test_every_error_is_drawn_once_and_with_what_it_means() -> None:
    assert sorted(name for name, _ in DRAWN) == sorted(LEAVES)
    assert (errors.__doc__ or "").splitlines()[2] == "FineTuneError"


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_an_error_is_a_leaf_with_its_sentence_and_who_acts(name: str) -> None:
    leaf = CLASSES[name]
    assert leaf.__bases__ == (FineTuneError,)
    assert str(leaf("One sentence.")) == "One sentence."
    assert leaf.__doc__
    assert ";" in leaf.__doc__, "what it means; who acts or whether retrying helps"
