"""run_page.html and validation.html in a real browser: safe, readable and whole, wherever they are opened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.verdict import decide
from finetune.domain.report import dataset as dataset_page
from finetune.domain.report import run as run_page
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from tests.browser.watched import DESK, PHONE, Opener, Scheme, Watched
from tests.reporting import HOSTILE, around, shop

CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
TEXTS = [*HOSTILE, "w" * 5_000, f"{'x' * 20_000}<script>alert(1)</script>"]
A4 = (718, 1000)


@cache
def of_the_shop() -> str:
    return run_page.render(shop())


@cache
def with_hostile_texts() -> str:
    """Every hostile text as an item and as an answer, and all of them together wherever else a text goes."""
    asked = shop().items
    texts = dict(zip((item.id for item in asked), cycle(TEXTS), strict=False))
    items = [
        item.model_copy(update={"system": texts[item.id], "category": texts[item.id], "reference": texts[item.id]})
        for item in asked
    ]
    answers = {
        one: {key: Answer(id=key, text=f"{own} {text}", stop_reason="end_turn") for key, text in texts.items()}
        for one, own in (("base", "Perhaps"), ("candidate", ""))
    }
    return run_page.render(
        around(" ".join(TEXTS)[:9_000]).model_copy(
            update={
                "items": tuple(items),
                "answers": answers,
                "evaluation": decide(items, answers, gates=Gates(), seed=1),
            }
        )
    )


@cache
def not_evaluated() -> str:
    return run_page.render(shop().model_copy(update={"evaluation": None, "items": (), "answers": {}}))


@cache
def of_a_bad_dataset() -> str:
    rules = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING")
    records: list[object] = [{"prompt": f"Question {number}?", "completion": ""} for number in range(40)]
    records += [{HOSTILE[1]: 1}, HOSTILE[0], {"prompt": "x", "completion": "y " * 9}]
    lines = [json.dumps(record).encode() + b"\n" for record in records]
    checked = check_dataset([*lines, b"{\x00\n", b"\xff\n"], suffix=".jsonl", rules=rules)
    return dataset_page.render(checked, name=" ".join(HOSTILE[:8]), base_model="Amazon Nova Micro")


PAGES = [of_the_shop, with_hostile_texts, not_evaluated, of_a_bad_dataset]
every_page = pytest.mark.parametrize("write", PAGES, ids=lambda write: write.__name__.replace("_", "-"))


@every_page
def test_nothing_is_loaded_nothing_is_run_and_nothing_is_complained_about(
    show: Opener, write: Callable[[], str]
) -> None:
    opened = show(write())
    opened.open_everything()
    assert opened.misdeeds() == []


def test_what_slips_into_the_page_is_stopped_by_its_policy_and_would_be_noticed(show: Opener) -> None:
    smuggled = """<script>alert(1)</script><img src="https://example.com/x.png" onerror="alert(2)">
        <style>h1 { display: none }</style><p style="color: red">.</p><iframe src="https://example.com"></iframe>"""
    opened = show(of_the_shop().replace("<main>", f"<main>{smuggled}"))
    assert opened.dialogs == []
    assert opened.requests == ["https://example.com/x.png"]  # refused before it is sent, as the violations say
    assert opened.page.locator("h1").is_visible()
    assert set(opened.ask("window.violations")) == {
        "script-src-elem",
        "img-src",
        "style-src-elem",
        "style-src-attr",
        "frame-src",
        "script-src-attr",
    }
    assert opened.said


@every_page
def test_the_page_never_scrolls_sideways(show: Opener, write: Callable[[], str]) -> None:
    opened = show(write(), DESK)
    opened.open_everything()
    for width in (DESK[0], PHONE[0], 320):
        opened.page.set_viewport_size({"width": width, "height": 800})
        assert sideways(opened) <= width


def sideways(opened: Watched) -> int:
    width: int = opened.ask("document.documentElement.scrollWidth")
    return width


@pytest.mark.parametrize("write", [of_the_shop, not_evaluated, of_a_bad_dataset])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_verdict_and_its_sentence_are_seen_without_scrolling(
    show: Opener, write: Callable[[], str], size: tuple[int, int]
) -> None:
    opened = show(write(), size)
    for selector in ("h1", ".verdict .sentence"):
        box = opened.page.locator(selector).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1]


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_in_light_and_in_dark(show: Opener, write: Callable[[], str], scheme: Scheme) -> None:
    opened = show(write(), scheme=scheme)
    opened.open_everything()
    texts = opened.ask(CONTRAST)
    assert len(texts) > 20
    assert [text for text in texts if text["ratio"] < text["needed"]] == []
    assert (brightness(opened) < 40) == (scheme == "dark")


def brightness(opened: Watched) -> float:
    """The page's background, from 0 to 255."""
    colour: str = opened.ask("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@every_page
def test_on_paper_it_is_white_and_nothing_is_cut_off(show: Opener, write: Callable[[], str]) -> None:
    opened = show(write(), A4, scheme="dark")
    opened.open_everything()
    opened.page.emulate_media(media="print")
    assert brightness(opened) == 255
    assert sideways(opened) <= A4[0]
    assert opened.ask(CUT_OFF) == []
    assert opened.page.pdf(format="A4", print_background=True).startswith(b"%PDF")


CUT_OFF = """
    () => [...document.querySelectorAll("main *")]
      .filter((one) => one.checkVisibility() && getComputedStyle(one).overflowX !== "visible" && !one.closest("svg"))
      .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)
      .map((one) => one.outerHTML.slice(0, 80))
"""


def test_every_section_is_there_and_holds_something_to_see(show: Opener) -> None:
    opened = show(of_the_shop())
    sections = opened.page.locator("main > section")
    assert sections.locator("h1, h2").all_inner_texts() == [
        "Do not promote",
        "How sure that is",
        "Metrics",
        "By category",
        "What the judge says",
        "Training",
        "Answers side by side",
        "How answers ended",
        "Cost",
        "Dataset",
        "Lineage",
    ]
    assert all(box and box["height"] > 60 for box in (one.bounding_box() for one in sections.all()))
    for drawing in ("svg .range", "svg .mean", "svg polyline.validation", "svg rect.candidate", "svg rect.worse"):
        box = opened.page.locator(drawing).first.bounding_box()
        assert box is not None, drawing
        assert box["width"] > 1, drawing


def test_rows_open_and_close_by_keyboard(show: Opener) -> None:
    opened = show(of_the_shop())
    page, first = opened.page, opened.page.locator("details").first
    page.locator("select").last.focus()
    page.keyboard.press("Tab")
    assert opened.ask("document.activeElement.tagName") == "SUMMARY"
    for key, is_open in (("Enter", False), ("Space", True)):
        page.keyboard.press(key)
        assert first.evaluate("one => one.open") is is_open


def changes(opened: Watched) -> list[float]:
    """The changes of the rows that are shown, in the order in which they stand."""
    words = opened.page.locator("details:visible .change").all_inner_texts()
    return [float(word.replace("\u2212", "-")) for word in words]


def questions(opened: Watched) -> list[str]:
    return opened.page.locator("details:visible .question").all_inner_texts()


def choose(opened: Watched, label: str, option: str) -> None:
    opened.page.get_by_label(label).select_option(label=option)


def test_the_list_is_sorted_by_losses_by_gains_and_as_in_the_file(show: Opener) -> None:
    opened = show(of_the_shop())
    assert changes(opened) == sorted(changes(opened), key=abs, reverse=True)
    shown = len(questions(opened))
    choose(opened, "Order", "Largest losses first")
    assert changes(opened) == sorted(changes(opened))
    assert changes(opened)[0] < -5
    choose(opened, "Order", "Largest gains first")
    assert changes(opened) == sorted(changes(opened), reverse=True)
    assert changes(opened)[0] > 5
    choose(opened, "Order", "As in the file")
    lines = [int(line) for line in re.findall(r">Line (\d+) ", opened.page.content())]
    assert lines == sorted(lines)
    assert len(questions(opened)) == shown


def test_the_list_is_filtered_by_kind_and_category_and_says_how_many_are_left(show: Opener) -> None:
    opened = show(of_the_shop())
    everything = len(questions(opened))
    label = next(one for one in opened.page.locator("option").all_inner_texts() if one.startswith("Losses ("))
    choose(opened, "Show", label)
    losses = len(questions(opened))
    assert label == f"Losses ({losses})"
    assert losses > 0
    assert max(changes(opened)) < 0
    choose(opened, "Category", "warranty")
    assert {one.split(" on the ")[0] for one in questions(opened)} == {"Is there a warranty"}
    assert opened.page.locator("output").inner_text() == f"{len(questions(opened))} of {everything} shown"
    choose(opened, "Category", "All")
    choose(opened, "Show", "All")
    assert len(questions(opened)) == everything


def test_the_list_is_sorted_by_keyboard_alone(show: Opener) -> None:
    opened = show(of_the_shop())
    opened.page.get_by_label("Order").focus()
    opened.page.keyboard.press("ArrowDown")
    assert changes(opened) == sorted(changes(opened))


def test_without_script_the_list_is_whole_and_offers_nothing_that_does_not_work(show: Opener) -> None:
    opened = show(of_the_shop(), script=False)
    assert changes(opened) == sorted(changes(opened), key=abs, reverse=True)
    assert len(questions(opened)) == of_the_shop().count("<details")
    assert not opened.page.locator("select").first.is_visible()


def test_a_hostile_answer_moves_no_other_row(show: Opener) -> None:
    def placed(answer: str) -> Any:
        opened = show(run_page.render(shop(answer)))
        choose(opened, "Order", "As in the file")
        return opened.ask(PLACES)

    assert placed("No.") == placed(f"</div></details></section><style>*{{position:fixed}}</style>{'Z\u0351' * 500}")


PLACES = """
    () => [...document.querySelectorAll("summary")]
      .map((one) => [one.innerText, one.getBoundingClientRect().x, one.getBoundingClientRect().width])
"""
