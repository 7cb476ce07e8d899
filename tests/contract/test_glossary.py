"""docs/glossary.md: each word stands for one thing, and the code that it names exists."""

import re
from importlib import import_module

import pytest

from tools.project import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| Word")
]
NAMES = sorted({name for *_, code in ROWS for name in re.findall(r"`([\w.]+)`", code)})
# Words that meant something else once, or nothing that a reader knows.
RETIRED = r"\b(look[- _]?alikes?|Fate|Kin|Manners?|Nursery|Desk|Paper|What Came Of It|No Endpoint To Be Had)\b"


def test_a_word_has_one_row() -> None:
    words = [word.strip() for words, *_ in ROWS for word in words.split(",")]
    assert len(set(words)) == len(words) > 30


@pytest.mark.parametrize("name", NAMES)
def test_what_the_glossary_names_exists(name: str) -> None:
    module, _, member = name.rpartition(".")
    assert hasattr(import_module(module), member)


def test_no_retired_word_is_left() -> None:
    sources = [*ROOT.glob("layers/finetune/finetune/**/*.py"), *ROOT.glob("functions/*/app.py"), ROOT / "README.md"]
    sources += [*ROOT.glob("finetune_cli/**/*.py"), *ROOT.glob("local/**/*.py"), ROOT / "docs/settings.md"]
    found = [(path.name, word) for path in sources for word in re.findall(RETIRED, path.read_text())]
    assert found == []
