"""`finetune prepare`: a better dataset in a file of its own, with a line for every change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.staging.stage import Inputs, Sinks, prepare_dataset
from finetune.domain.validation.rules import rules_for
from finetune.settings import Settings
from finetune_cli.authoring.samples import sample
from finetune_cli.options import BASE_MODEL, METHOD
from finetune_cli.rules import HOLD_OUT
from tests.command import EXAMPLE, answered, prepare

DATASET = EXAMPLE / "dataset.jsonl"


def test_a_good_dataset_stays_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    assert prepare(DATASET, "--out", out) == 0
    assert list(map(json.loads, out.read_text().splitlines())) == list(
        map(json.loads, DATASET.read_text().splitlines())
    )
    assert capsys.readouterr().out == f"Accepted: {out} for Amazon Nova Micro, 331 records. Changes: none.\n"


def test_every_change_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    assert prepare(EXAMPLE / "broken.jsonl", "--out", out) == 0
    *changes, last = capsys.readouterr().out.splitlines()
    assert "line 19: removed, repeats the record of line 2" in changes
    assert last.endswith(f"18 records. Changes: {len(changes)} removed.")
    assert len(changes) == 30 - 18


def test_changes_can_be_a_file_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, changes = tmp_path / "out.jsonl", tmp_path / "changes.jsonl"
    assert prepare(EXAMPLE / "broken.jsonl", "--out", out, "--changes", changes) == 0
    found = [json.loads(line) for line in changes.read_text().splitlines()]
    assert len(found) == 12
    assert found[0].keys() == {"line", "action", "code", "message"}
    assert capsys.readouterr().out.count("\n") == 1


def test_a_limit_is_kept_and_everything_else_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    assert prepare(DATASET, "--out", out, "--limit", 50) == 0
    assert len(out.read_bytes().splitlines()) == 50
    assert capsys.readouterr().out.count("is not among the 50 records that differ most") == 281


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((7, 7, 8)):
        out = tmp_path / f"{number}.jsonl"
        prepare(DATASET, "--out", out, "--limit", 60, "--balance", 5, "--augment", "--seed", seed)
        written.append(out.read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_a_seed_may_have_any_number_of_digits(tmp_path: Path) -> None:
    assert prepare(DATASET, "--out", tmp_path / "out.jsonl", "--limit", 50, "--seed", "1" * 80) == 0


def test_variants_stand_behind_the_records_and_are_listed_with_their_source(tmp_path: Path) -> None:
    out, changes = tmp_path / "out.jsonl", tmp_path / "changes.jsonl"
    assert prepare(DATASET, "--out", out, "--augment", "--changes", changes) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    added = [json.loads(line) for line in changes.read_text().splitlines()]
    assert len(rows) == 331 + len(added) > 400
    for number, change in enumerate(added, 332):
        assert change["code"] == "variant"
        assert f"row {number} of the new file" in change["message"]
        source = rows[change["line"] - 1]["messages"]
        variant = rows[number - 1]["messages"]
        assert source[-1] == variant[-1]
        assert source[-2] != variant[-2]


def test_variants_are_trained_on_even_where_a_verdict_takes_more_than_its_share(tmp_path: Path) -> None:
    """Of 110 records a run holds out 20 to evaluate with and not 11, because a verdict takes as many."""
    data, out = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    data.write_bytes(b"\n".join(sample(110, "conversation", 5)))
    prepare(data, "--out", out, "--augment")
    variants = out.read_bytes().splitlines()[110:]
    training = BytesIO()
    prepare_dataset(
        Inputs(lambda: [out.read_bytes()], ".jsonl"),
        rules_for(base_model(BASE_MODEL), METHOD),
        HOLD_OUT,
        Settings().split.seed,
        Sinks(training, BytesIO(), BytesIO()),
    )
    assert len(variants) > 20
    assert set(variants) <= set(training.getvalue().splitlines())


def test_variants_fill_up_rare_labels_and_never_exceed_the_limit(tmp_path: Path) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "out.jsonl"
    rows = [
        f"Is this offer number {n} of the {'bank' if n % 10 else 'aunt'} honest?,{'spam' if n % 10 else 'ham'}"
        for n in range(300)
    ]
    data.write_text("\n".join(["prompt,label", *rows]))
    prepare(data, "--out", out, "--balance", 50, "--augment")
    labels = Counter(json.loads(line)["messages"][1]["content"][0]["text"] for line in out.read_text().splitlines())
    assert labels["spam"] == 50
    assert 30 < labels["ham"] <= 50
    prepare(data, "--out", out, "--limit", 280, "--augment")
    assert len(out.read_text().splitlines()) == 280


def test_elements_that_share_a_line_are_named_in_the_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.json").write_text('[{"prompt": "a", "completion": "b"}, {"prompt": "c"}]')
    prepare(tmp_path / "data.json", "--out", tmp_path / "out.jsonl")
    assert "line 1: removed, element 2: completion is missing" in capsys.readouterr().out


def on_one_line(path: Path, numbers: Iterable[int]) -> Path:
    answers = ("It is near.", "It is far.")
    path.write_text(json.dumps([{"prompt": f"Where is station {n}?", "completion": answers[n % 2]} for n in numbers]))
    return path


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [([], 30, 30), (["--limit", 12], 12, 12), (["--balance", 3], 6, 6), (["--limit", 40, "--augment"], 31, 40)],
)
def test_elements_that_share_a_line_are_told_apart(
    options: list[object], least: int, most: int, tmp_path: Path
) -> None:
    data, out, changes = tmp_path / "data.json", tmp_path / "out.jsonl", tmp_path / "changes.jsonl"
    on_one_line(data, [*range(30), 4, 5])
    prepare(data, "--out", out, "--changes", changes, *options)
    rows = out.read_text().splitlines()
    assert least <= len(set(rows)) == len(rows) <= most
    made = Counter(json.loads(line)["action"] for line in changes.read_text().splitlines())
    assert 32 - made["removed"] + made["added"] == len(rows)


def test_what_is_left_out_is_named_by_its_element(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = on_one_line(tmp_path / "data.json", [*range(30), 4])
    prepare(data, "--out", tmp_path / "out.jsonl", "--limit", 29)
    changes = [change for change in capsys.readouterr().out.splitlines() if "removed, " in change]
    assert "line 1: removed, element 31: repeats the record of element 5" in changes
    assert len(changes) == len([change for change in changes if change.startswith("line 1: removed, element ")]) == 2


def test_questions_and_answers_by_other_names_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    named: list[dict[str, str]] = [
        {"question": "q1", "answer": "a1"},
        {"instruction": "q2", "input": "on this", "output": "a2"},
        {"instruction": "q3", "input": "", "output": "a3"},
        {"question": "q4", "prompt": "which", "answer": "a4"},
        {"note": "q5"},
    ]
    data.write_text("\n".join(map(json.dumps, named)))
    prepare(data, "--out", out, "--base-model", "meta.llama3-1-8b-instruct-v1:0:128k")
    assert [list(json.loads(line).values()) for line in out.read_text().splitlines()] == [
        ["q1", "a1"],
        ["q2\n\non this", "a2"],
        ["q3", "a3"],
        ["which\n\nq4", "a4"],
    ]
    assert capsys.readouterr().out.count(" is read as the prompt and ") == 4


REWARDED = [
    {"messages": [{"role": "user", "content": "q1"}], "reference_answer": "a1", "domain": "x"},
    {"messages": [{"role": "user", "content": [{"text": "q2"}]}], "reference_answer": "a2"},
    {"messages": [{"role": "user", "content": "q3"}], "reference_answer": {"value": 3}},
    {"prompt": "q4", "responses": [{"text": "bad", "score": 0.1}, {"text": "a4", "score": 0.9}]},
    {"prompt": "q5", "responses": [{"text": "a5", "score": 1}, {"text": "b5"}]},
]


def test_records_of_a_reward_are_learned_from_when_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    data.write_text("\n".join(map(json.dumps, REWARDED)))
    prepare(data, "--out", out)
    assert out.read_bytes() == b""
    assert capsys.readouterr().out.count("removed, ") == 5
    prepare(data, "--out", out, "--best")
    written = map(json.loads, out.read_text().splitlines())
    turns = [[turn["content"][0]["text"] for turn in row["messages"]] for row in written]
    assert turns == [["q1", "a1"], ["q2", "a2"], ["q4", "a4"]]
    changes = capsys.readouterr().out
    assert "line 1: changed, the reference answer is now the assistant's" in changes
    assert "line 4: changed, the best of 2 responses is now the completion" in changes
    assert "line 3: removed, is of reinforcement records" in changes
    assert "line 5: removed, responses[1] has no number as its score" in changes


def test_what_is_left_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare(DATASET, "--out", tmp_path / "out.jsonl", "--limit", 5) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Rejected: ")
    assert "asks for at least 8" in last


@pytest.mark.parametrize("option", ["--out", "--changes"])
def test_settings_are_never_written(tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings"
    settings.write_text("split: {seed: 8}\n")
    other = ["--out", tmp_path / "out.jsonl"] if option == "--changes" else []
    assert prepare(DATASET, "--settings", settings, *other, option, settings) == 2
    assert "is also read" in capsys.readouterr().err
    assert settings.read_text() == "split: {seed: 8}\n"


@pytest.mark.parametrize("option", ["--out", "--changes"])
def test_the_file_that_is_read_is_never_written(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_bytes(DATASET.read_bytes())
    other = ["--out", tmp_path / "out.jsonl"] if option == "--changes" else []
    assert prepare(data, *other, option, data) == 2
    assert "is also read" in capsys.readouterr().err
    assert data.read_bytes() == DATASET.read_bytes()
    assert list(tmp_path.iterdir()) == [data]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "x.csv"], "ends in .jsonl"),
        (["--out", "same.jsonl", "--changes", "same.jsonl"], "--out and --changes name the same file."),
        (["--out", "/dev/null"], "/dev/null is not a regular file; the new dataset is read again to check it."),
        (["--out", "long" * 100 + ".jsonl"], "cannot be written: file name too long."),
        (["--out", "nowhere/at/all.jsonl"], "cannot be written: no such file or directory."),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare(DATASET, *arguments) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


def test_json_tells_the_verdict_and_every_change_that_no_file_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, changes = tmp_path / "out.jsonl", tmp_path / "changes.jsonl"
    assert prepare(EXAMPLE / "broken.jsonl", "--out", out, "--json") == 0
    found = answered(capsys)
    assert (found["accepted"], found["records"], found["problems"]) == (True, 18, [])
    assert found["counts"] == {"removed": len(found["changes"])} == {"removed": 12}
    assert found["changes"][0].keys() == {"line", "action", "code", "message"}
    assert prepare(EXAMPLE / "broken.jsonl", "--out", out, "--changes", changes, "--json") == 0
    assert "changes" not in answered(capsys)
    assert len(changes.read_text().splitlines()) == 12
