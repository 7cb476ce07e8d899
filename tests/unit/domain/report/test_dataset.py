"""validation.html: one page that loads nothing, runs nothing and holds nothing of any record."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.report.dataset import render
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import rules_for
from tests.reporting import Page

RULES = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING")
SECRET = "zebra crossing at dawn"
HOSTILE = "</p><script>alert(1)</script>\u202e"


def report(*records: object) -> DatasetReport:
    return check_dataset([json.dumps(record).encode() + b"\n" for record in records], suffix=".jsonl", rules=RULES)


def good(number: int) -> dict[str, str]:
    return {"prompt": f"{SECRET} {number}?", "completion": f"It is number {number}, {SECRET}."}


BROKEN = report(
    *map(good, range(9)), good(1), *({"prompt": SECRET, "completion": ""} for _ in range(25)), SECRET, {SECRET: 1}
)


def test_the_page_is_well_formed_and_can_neither_run_nor_load_anything() -> None:
    page = Page(render(BROKEN, name=HOSTILE, base_model=HOSTILE))
    assert page.open == []
    assert not {"script", "img", "iframe", "link", "a", "form", "object"} & set(page.elements)
    assert not {name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "style")}
    assert HOSTILE.removesuffix("\u202e") + "[U+202E]" in page.text


def test_only_its_own_style_is_allowed() -> None:
    page = render(BROKEN, name="data.jsonl", base_model="Nova")
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'none'" in page


def test_no_text_of_a_record_is_on_it() -> None:
    assert SECRET not in render(BROKEN, name="data.jsonl", base_model="Nova")


def test_it_names_every_code_with_count_lines_and_remedy() -> None:
    text = Page(render(BROKEN, name="data.jsonl", base_model="Nova")).text
    for code, count in {**BROKEN.counts.errors, **BROKEN.counts.warnings}.items():
        assert f"{code}\n{count:,}\n" in text
        assert BROKEN.remedies[code] in text
    assert "\n11\u201330\ncompletion is empty\n" in text
    assert "20 of 25 are shown." in text


def test_it_says_how_much_it_shows_and_where_the_rest_is() -> None:
    page = Page(render(BROKEN, name="data.jsonl", base_model="Nova", elsewhere="The rest is in a file.")).text
    assert "Each of them must be mended. 22 of 27 are shown. The rest is in a file.\n" in page
    assert page.count("The rest is in a file.") == 1, "all warnings are shown"


def test_a_finding_on_the_whole_file_shows_all_the_records_that_it_speaks_of() -> None:
    rules = rules_for(base_model("meta.llama3-1-8b-instruct-v1:0:128k"), "FINE_TUNING", minimum_records=0)
    lines = [json.dumps({"system": "Be brief.", **good(number)}).encode() + b"\n" for number in range(30)]
    page = Page(render(check_dataset(lines, suffix=".jsonl", rules=rules), name="data.jsonl", base_model="Llama")).text
    assert "system-in-prompt\n30\n" in page
    assert "are shown" not in page


def test_lines_with_one_message_stand_together_and_neighbours_as_a_span() -> None:
    empty = {"prompt": SECRET, "completion": ""}
    found = report(good(0), empty, empty, good(3), empty, {"prompt": "", "completion": SECRET})
    text = Page(render(found, name="data.jsonl", base_model="Nova")).text
    assert "\n2\u20133, 5\ncompletion is empty\n" in text
    assert "\n6\nprompt is empty\n" in text


@pytest.mark.parametrize(
    ("found", "verdict", "absent"),
    [
        (BROKEN, "Rejected", "Accepted"),
        (report(*map(good, range(300))), "Accepted", "Problems"),
        (report(), "Rejected", "In one record"),
        (check_dataset([b"\x1f\x8b"], suffix=".jsonl", rules=RULES), "Rejected", "Warnings"),
    ],
    ids=["broken", "good", "empty", "packed"],
)
def test_every_verdict_has_its_page(found: DatasetReport, verdict: str, absent: str) -> None:
    page = Page(render(found, name="data.jsonl", base_model="Nova"))
    assert verdict in page.text
    assert absent not in page.text
