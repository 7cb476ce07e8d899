"""The prompts of a file, and what is no prompt, by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune_cli import prompts
from finetune_cli.answer import UsageFailure


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_prompts_and_conversations_are_read_with_their_lines(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "b"}]
    lines = [json.dumps({"prompt": "a"}), "", json.dumps({"messages": turns})]
    first, second = prompts.read(written(tmp_path, "p.jsonl", "\n".join(lines)), "Be kind.")
    assert (first.line, first.system, first.messages[0].text) == (1, "Be kind.", "a")
    assert (second.line, second.system, second.messages[0].text) == (3, "Be brief.", "b")


def test_an_answer_that_is_there_already_is_not_sent(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    [item] = prompts.read(written(tmp_path, "p.jsonl", json.dumps({"messages": turns})), None)
    assert [turn.text for turn in item.messages] == ["a"]


def test_each_line_of_a_text_is_a_prompt(tmp_path: Path) -> None:
    assert [item.line for item in prompts.read(written(tmp_path, "p.txt", "one\n\ntwo\n"), None)] == [1, 3]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.csv", "a", "ends in .jsonl or .txt"),
        ("p.txt", "\n", "has no prompts"),
        ("p.jsonl", '{"prompt": "a"}\nb', "line 2 is not JSON"),
        ("p.jsonl", "[1]", "line 1 is an array, not an object with prompt or messages"),
        ("p.jsonl", "{}", "line 1 needs the key prompt or the key messages"),
        ("p.jsonl", '{"prompt": 7}', "line 1: prompt "),
    ],
)
def test_what_is_no_prompt_is_named_by_its_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(UsageFailure, match=words):
        prompts.read(written(tmp_path, name, text), None)


def test_a_line_that_an_interruption_cut_is_not_there(tmp_path: Path) -> None:
    kept = json.dumps({"line": 1, "asked": "a", "answer": "b"})
    path = written(tmp_path, "a.jsonl", f'{kept}\n{{"line": 2, "as')
    assert list(prompts.answered(path)) == [(1, "a")]
    path.write_text(f"something else\n{kept}\n")
    with pytest.raises(UsageFailure, match="holds something else"):
        prompts.answered(path)


def test_an_answer_belongs_to_its_question_its_model_and_its_parameters(tmp_path: Path) -> None:
    one, two = prompts.read(written(tmp_path, "p.txt", "one\ntwo"), None)
    marks = {
        prompts.mark(one, "m", {"temperature": 0}),
        prompts.mark(two, "m", {"temperature": 0}),
        prompts.mark(one, "n", {"temperature": 0}),
        prompts.mark(one, "m", {"temperature": 1}),
    }
    assert len(marks) == 4
