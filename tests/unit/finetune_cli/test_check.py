"""`finetune check`: the verdict of the Lambda on a laptop, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from finetune_cli.options import BASE_MODEL, METHOD
from tests.command import EXAMPLE, answered, check, pair, write

SECRET = "zebra-crossing"


def test_an_accepted_dataset_ends_with_0_and_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(EXAMPLE / "dataset.jsonl") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Accepted: ")
    assert last.endswith("dataset.jsonl for Amazon Nova Micro, 331 records.")


def test_a_rejected_dataset_ends_with_1_and_names_lines_and_remedies(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(EXAMPLE / "broken.jsonl") == 1
    out = capsys.readouterr().out
    assert "invalid-json: 2 problems\n  line 4: is not valid JSON" in out
    assert "  lines 7, 26: messages ends with a user turn" in out
    assert "End every conversation with the assistant's answer." in out
    assert out.splitlines()[-1].startswith("Rejected: ")
    assert "\x1b" not in out


def test_json_is_the_report_of_the_lambda(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLE / "broken.jsonl"
    assert check(path, "--json") == 1
    [found] = answered(capsys)["files"]
    rules = rules_for(base_model(BASE_MODEL), METHOD)
    report = check_dataset([path.read_bytes()], suffix=".jsonl", rules=rules).as_dict()
    assert {key: found[key] for key in report} == report
    assert {"accepted", "format", "records", "problems", "warnings", "counts", "statistics"} <= found.keys()
    assert all(problem.keys() == {"line", "code", "message"} for problem in found["problems"])


def test_json_lists_every_file_and_one_that_is_rejected_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(EXAMPLE / "dataset.jsonl", EXAMPLE / "broken.jsonl", "--json") == 1
    found = answered(capsys)
    assert (found["accepted"], [each["accepted"] for each in found["files"]]) == (False, [True, False])


def test_images_are_looked_for_in_a_folder_that_stands_for_the_project_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media = tmp_path / "pictures"
    (media / "2026").mkdir(parents=True)
    (media / "2026" / "cat.png").write_bytes(b"\x89PNG")
    names = ["2026/cat.png"] * 8 + ["2026/dog.png", "../data.jsonl"]
    uris = [f"s3://media/projects/media/media/{name}" for name in names]
    records = [{"image-ref": uri, "caption": f"animal number {number}"} for number, uri in enumerate(uris)]
    data = write(tmp_path / "data.jsonl", *records)
    model = ("--base-model", "amazon.titan-image-generator-v2:0")
    assert check(data, *model) == 0
    assert check(data, *model, "--media", media) == 1
    told = capsys.readouterr().out
    assert "media-missing: 1 problem\n  line 9: refers to a file that does not exist" in told
    assert "media-elsewhere: 1 problem\n  line 10: refers to media that is not under s3://" in told
    assert check(data, *model, "--media", media / "2026" / "cat.png") == 2
    assert "cat.png is not a directory" in capsys.readouterr().err


def test_a_retired_base_model_is_refused_as_a_run_would_refuse_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)))
    assert check(data, "--base-model", "cohere.command-text-v14:7:4k") == 1
    out = capsys.readouterr().out
    last = out.splitlines()[-1]
    assert last.startswith(
        "Rejected: base_model 'cohere.command-text-v14:7:4k' (Cohere Command) takes no new customization"
    )
    assert "The catalog's prices of Cohere Command are of 2025-08-01, which is" in out
    assert "days ago; a run asks AWS's price list first." in out
    check(data, "--base-model", "cohere.command-text-v14:7:4k", "--json")
    found = answered(capsys)
    assert (found["accepted"], found["files"][0]["base_model_status"]) == (False, "retired")
    assert f"Rejected: {found['refused']}" == last


@pytest.mark.parametrize("name", ["nova-lite", "amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"])
def test_a_base_model_may_be_named_as_people_name_it(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.yaml").write_text(f"base_model: {name}\n")
    data = write(tmp_path / "data.jsonl", *map(pair, range(120)))
    for said in (("--base-model", name), ("--settings", tmp_path / "settings.yaml")):
        assert check(data, *said, "--json") == 0
        assert answered(capsys)["files"][0]["base_model"] == "amazon.nova-lite-v1:0:300k"


@pytest.mark.parametrize(
    ("records", "settings", "told"),
    [
        (94, "{}", "9 evaluation items can be measured by token F1"),
        (100, "{}", None),
        (60, "split: {evaluation: 0.5}", None),
        (94, "gates: {minimum_items: 9}", None),
        (94, "gates: {minimum_items: 9, minimum_gain: 0.7}", "a verdict takes 23"),
    ],
)
def test_whether_a_verdict_is_possible_is_told_before_it_costs_anything(
    tmp_path: Path, records: int, settings: str, told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.yaml").write_text(settings)
    data = write(tmp_path / "data.jsonl", *map(pair, range(records)))
    assert check(data, "--settings", tmp_path / "settings.yaml") == 0
    out = capsys.readouterr().out
    assert (told or "A verdict is possible") in out
    assert ("No verdict is possible" in out) == bool(told)
    check(data, "--settings", tmp_path / "settings.yaml", "--json")
    assert answered(capsys)["files"][0]["forecast"]["possible"] == (not told)


def test_what_can_be_asked_is_counted_by_prompts_and_not_by_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(
        tmp_path / "data.jsonl", *({"prompt": "Give a stock number.", "completion": str(n)} for n in range(240))
    )
    assert check(data) == 0
    assert "No verdict is possible: there are no evaluation items" in capsys.readouterr().out


def test_what_is_rejected_is_not_foreseen(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(EXAMPLE / "broken.jsonl", "--json") == 1
    assert "forecast" not in answered(capsys)["files"][0]


def test_no_record_text_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong: list[Any] = [{"prompt": SECRET, "completion": ""}, {SECRET + " says": 1}, [SECRET], {"messages": SECRET}]
    data = write(tmp_path / "data.jsonl", *wrong)
    with data.open("a") as file:
        file.write(f'{{"prompt": "{SECRET}\n')
    check(data, "--fix", tmp_path / "fixed.jsonl", "--html", tmp_path / "page.html")
    check(data, "--json")
    captured = capsys.readouterr()
    assert SECRET not in captured.out + captured.err + (tmp_path / "page.html").read_text()


def test_two_files_that_are_written_have_two_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    assert check(EXAMPLE / "dataset.jsonl", "--fix", out, "--html", out) == 2
    assert "--fix and --html name the same file." in capsys.readouterr().err
    assert not out.exists()


def test_fix_and_html_take_one_file(tmp_path: Path) -> None:
    assert check(EXAMPLE / "dataset.jsonl", EXAMPLE / "worse.jsonl", "--html", tmp_path / "page.html") == 2
    assert not list(tmp_path.iterdir())


def test_the_report_as_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert check(EXAMPLE / "broken.jsonl", "--html", page) == 1
    assert "<h1>Rejected</h1>" in page.read_text()
