"""What exports leave in texts is found, unless somebody asked for it."""

import pytest

from tests.unit.domain.validation.test_lint import warned

BYTES = "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJ"


@pytest.mark.parametrize(
    ("asked", "answer", "code"),
    [
        ("where is it", "In the hall.<br>Behind the door.", "markup"),
        ("where is it", "In&nbsp;the hall, behind &quot;B&quot;.", "markup"),
        ("where is it", "![map](map.png) In the hall.", "markup"),
        ("where is it", "It is \\*\\*here\\*\\*.", "markup"),
        ("where is it", "```\nin the hall", "markup"),
        ("where <b>is</b> it", "In the hall.", "markup"),
        ("which rooms", "['hall', 'cellar']", "program-literal"),
        ("which rooms", "{'room': 'hall', 'open': None}", "program-literal"),
        ("which rooms", "('hall', 'cellar')", "program-literal"),
        ("which rooms", "[object Object]", "program-literal"),
        ("which rooms", " nan ", "program-literal"),
        (f"what is {BYTES}", "a picture", "encoded-data"),
        (f"what is data:image/png;base64,{BYTES}", "a picture", "encoded-data"),
    ],
)
def test_debris_is_found(asked: str, answer: str, code: str) -> None:
    assert warned((asked, answer), ("one more", "is good")) == {code: [1]}


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("write a page in HTML", "<div><p>It is here.</p></div>"),
        ("show a component", "const Hello = () => {\n  return <div>hello</div>;\n}"),
        ("which rooms", '["hall", "cellar"]'),
        ("which rooms", '{"room": "hall", "open": null}'),
        ("which rooms does this Python give", "['hall', 'cellar']"),
        ("what does it print", "x < 3 and y > 4 & z"),
        ("what is the checksum", "0123456789abcdef" * 8),
        ("what is the address", "https://example.com/" + "a-long-way/" * 12),
        ("decode this base64", BYTES),
        ("is it 'undefined'", "undefined"),
        ("how do I list it", "```\nls\n```"),
    ],
)
def test_what_was_asked_for_is_no_debris(asked: str, answer: str) -> None:
    assert warned((asked, answer), ("one more", "is good")) == {}


def test_debris_in_texts_without_a_prompt_needs_no_answer() -> None:
    from finetune.domain.validation.debris import markup  # noqa: PLC0415 - the only test that asks it directly

    assert [flaw.code for flaw in markup("The hall.<br>The cellar.")] == ["markup"]
