"""`finetune check`: the verdict of the Lambda on a laptop, for people and for programs."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.staging.shares import Shares
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from finetune.settings import Settings
from finetune_cli import progress
from finetune_cli.main import main
from finetune_cli.paper import Paper
from finetune_cli.rules import BASE_MODEL, HOLD_OUT, METHOD

EXAMPLE = Path(__file__).parents[3] / "examples" / "shop-assistant"
SECRET = "zebra-crossing"


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def pair(number: int, answer: str | None = None) -> dict[str, str]:
    return {"prompt": f"What is thing number {number}?", "completion": answer or f"It is the answer {number}."}


def run(*arguments: object) -> int:
    return main(["check", *map(str, arguments)])


def test_an_accepted_dataset_ends_with_0_and_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EXAMPLE / "dataset.jsonl") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Accepted: ")
    assert last.endswith("dataset.jsonl for Amazon Nova Micro, 331 records.")


def test_a_rejected_dataset_ends_with_1_and_names_lines_and_remedies(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EXAMPLE / "broken.jsonl") == 1
    out = capsys.readouterr().out
    assert "invalid-json: 2 problems\n  line 4: is not valid JSON" in out
    assert "  lines 7, 26: messages ends with a user turn" in out
    assert "End every conversation with the assistant's answer." in out
    assert out.splitlines()[-1].startswith("Rejected: ")
    assert "\x1b" not in out


def test_json_is_the_report_of_the_lambda(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLE / "broken.jsonl"
    assert run(path, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    rules = rules_for(base_model(BASE_MODEL), METHOD)
    report = check_dataset([path.read_bytes()], suffix=".jsonl", rules=rules).as_dict()
    assert {key: found[key] for key in report} == report
    assert {"accepted", "format", "records", "problems", "warnings", "counts", "statistics"} <= found.keys()
    assert all(problem.keys() == {"line", "code", "message"} for problem in found["problems"])


def test_json_of_several_files_is_a_list_and_one_rejected_file_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EXAMPLE / "dataset.jsonl", EXAMPLE / "broken.jsonl", "--json") == 1
    assert [report["accepted"] for report in json.loads(capsys.readouterr().out)] == [True, False]


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
    assert run(data, *model) == 0
    assert run(data, *model, "--media", media) == 1
    assert "media-missing: 2 problems\n  lines 9, 10: refers to a file that does not exist" in capsys.readouterr().out
    assert run(data, *model, "--media", media / "2026" / "cat.png") == 2
    assert "cat.png is no directory" in capsys.readouterr().err


def test_the_version_can_be_printed_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.isascii()


def test_the_defaults_are_those_of_a_project_without_settings() -> None:
    default = Settings()
    assert (default.base_model, default.method) == (BASE_MODEL, METHOD)
    assert Shares(default.split.validation, default.split.evaluation, default.gates.minimum_items) == HOLD_OUT


def test_settings_make_a_warning_an_error_and_raise_the_bound_on_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.yaml"
    twice = write(
        tmp_path / "twice.jsonl", *[{"prompt": f"Which is number {n // 2}?", "completion": "x"} for n in range(40)]
    )
    assert run(twice) == 0
    settings.write_text("dataset: {errors: [duplicate-record]}")
    assert run(twice, "--settings", settings) == 1
    assert "duplicate-record: 20 problems" in capsys.readouterr().out
    settings.write_text("dataset: {maximum_records: 19}")
    assert run(twice, "--settings", settings) == 1
    assert "takes at most 19 training records" in capsys.readouterr().out
    settings.write_text("dataset: {maximum_records: 20}")
    assert run(twice, "--settings", settings) == 0


def test_settings_choose_the_base_model_and_an_option_overrules_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("base_model: meta.llama3-1-8b-instruct-v1:0:128k\n")
    data = write(tmp_path / "data.jsonl", *map(pair, range(120)))
    run(data, "--settings", settings, "--json")
    run(data, "--settings", settings, "--json", "--base-model", "amazon.nova-pro-v1:0:300k", "--method", "fine-tuning")
    out = capsys.readouterr().out
    assert re.findall(r'"base_model": "(.*?)"', out) == [
        "meta.llama3-1-8b-instruct-v1:0:128k",
        "amazon.nova-pro-v1:0:300k",
    ]


def test_a_retired_base_model_is_named_with_its_successor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)))
    assert run(data, "--base-model", "cohere.command-text-v14:7:4k") == 0
    assert "takes no new customization jobs; use --base-model amazon.nova" in capsys.readouterr().out
    run(data, "--base-model", "cohere.command-text-v14:7:4k", "--json")
    assert json.loads(capsys.readouterr().out)["base_model_status"] == "retired"


@pytest.mark.parametrize(
    ("hyperparameters", "sentence"),
    [
        ("{epochs: 3}", "settings.yaml: hyperparameters.epochs is not one of Amazon Nova Micro; it takes epochCount,"),
        ("{epochCount: 30}", "settings.yaml: hyperparameters.epochCount is 30; it must be from 1 to 5."),
    ],
)
def test_hyperparameters_that_a_run_would_refuse_are_refused(
    tmp_path: Path, hyperparameters: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"hyperparameters: {hyperparameters}\n")
    assert run(EXAMPLE / "dataset.jsonl", "--settings", settings) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err


def test_hyperparameters_are_those_of_the_settings_base_model_and_no_other(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("hyperparameters: {learningRateWarmupSteps: 5}\n")
    llama = "meta.llama3-3-70b-instruct-v1:0:128k"
    assert run(EXAMPLE / "dataset.jsonl", "--settings", settings, "--base-model", llama) == 0


@pytest.mark.parametrize(
    ("records", "settings", "told"),
    [
        (94, "{}", "about 9 records are held out to evaluate with"),
        (100, "{}", None),
        (60, "split: {evaluation: 0.5}", None),
        (94, "gates: {minimum_items: 9}", None),
    ],
)
def test_a_hold_out_that_no_verdict_can_rest_on_is_told_before_it_costs_anything(
    tmp_path: Path, records: int, settings: str, told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.yaml").write_text(settings)
    data = write(tmp_path / "data.jsonl", *map(pair, range(records)))
    assert run(data, "--settings", tmp_path / "settings.yaml") == 0
    out = capsys.readouterr().out
    assert (told or "") in out
    assert ("a verdict takes 20" in out) == bool(told)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.jsonl", "cannot be read: no such file or directory."),
        ("folder", "is a directory; name the file in it."),
        ("data.pdf", "is no dataset: a dataset ends in .jsonl"),
        ("data.jsonl.gz", "; unpack it first."),
        ("data.xlsx", "; export it as CSV."),
    ],
)
def test_what_is_no_dataset_ends_with_2_and_one_sentence(
    tmp_path: Path, name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    for other in ("data.pdf", "data.jsonl.gz", "data.xlsx"):
        (tmp_path / other).write_bytes(b"x")
    assert run(tmp_path / name) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("--base-model", "gpt-9"), ("--base-model", "qwen.qwen3-32b-v1:0"), ("--settings", "nowhere.yaml")],
)
def test_what_cannot_be_chosen_ends_with_2_and_one_sentence(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(EXAMPLE / "dataset.jsonl", option, value) == 2
    err = capsys.readouterr().err
    assert value in err
    assert err.count("\n") == 1


def test_no_record_text_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong: list[Any] = [{"prompt": SECRET, "completion": ""}, {SECRET + " says": 1}, [SECRET], {"messages": SECRET}]
    data = write(tmp_path / "data.jsonl", *wrong)
    with data.open("a") as file:
        file.write(f'{{"prompt": "{SECRET}\n')
    run(data, "--fix", tmp_path / "fixed.jsonl", "--html", tmp_path / "page.html")
    run(data, "--json")
    captured = capsys.readouterr()
    assert SECRET not in captured.out + captured.err + (tmp_path / "page.html").read_text()


def test_fix_writes_what_can_be_used_and_counts_every_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fixed.jsonl"
    assert run(EXAMPLE / "broken.jsonl", "--fix", out, "--json") == 1
    fix = json.loads(capsys.readouterr().out)["fix"]
    assert fix["accepted"]
    assert fix["records"] == len(out.read_text().splitlines()) == 30 - len(fix["changes"])
    assert sum(fix["counts"].values()) == len(fix["changes"])
    assert {19, 30} == {change["line"] for change in fix["changes"] if change["code"] == "duplicate-record"}
    assert run(out) == 0


@pytest.mark.parametrize("link", ["same", "symbolic", "hard", "dots"])
def test_the_file_that_is_read_is_never_written(tmp_path: Path, link: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(20)))
    before = data.read_bytes()
    other = tmp_path / "other.jsonl"
    if link == "symbolic":
        other.symlink_to(data)
    elif link == "hard":
        os.link(data, other)
    target = {"same": data, "dots": tmp_path / ".." / tmp_path.name / "data.jsonl"}.get(link, other)
    assert run(data, "--fix", target) == 2
    assert "is the file that is read; write to another one." in capsys.readouterr().err
    assert data.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path != other) == ["data.jsonl"]


@pytest.mark.parametrize("option", ["--validation", "--evaluation", "--settings"])
@pytest.mark.parametrize("out", ["--fix", "--html"])
def test_no_file_that_is_named_to_be_read_is_written(
    tmp_path: Path, option: str, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given.jsonl"
    given.write_text(
        "{}" if option == "--settings" else '{"prompt": "Who?", "completion": "Me.", "reference": "Me."}\n'
    )
    before = given.read_bytes()
    assert run(EXAMPLE / "dataset.jsonl", option, given, out, given) == 2
    captured = capsys.readouterr()
    assert "given.jsonl is the file that is read; write to another one." in captured.err
    assert captured.out == ""
    assert given.read_bytes() == before


def test_two_files_that_are_written_have_two_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    assert run(EXAMPLE / "dataset.jsonl", "--fix", out, "--html", out) == 2
    assert "--fix and --html name the same file." in capsys.readouterr().err
    assert not out.exists()


def test_a_pipe_is_refused_because_a_dataset_is_read_more_than_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert run(tmp_path / "pipe.jsonl") == 2
    assert "pipe.jsonl is no regular file; write what comes out of it to one." in capsys.readouterr().err


def test_fix_writes_to_a_file_that_can_be_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert run(EXAMPLE / "dataset.jsonl", "--fix", tmp_path / "pipe.jsonl") == 2
    assert "pipe.jsonl is no regular file; a dataset is read again to be judged." in capsys.readouterr().err


def test_fix_and_html_take_one_file(tmp_path: Path) -> None:
    assert run(EXAMPLE / "dataset.jsonl", EXAMPLE / "worse.jsonl", "--html", tmp_path / "page.html") == 2
    assert not list(tmp_path.iterdir())


def test_sets_beside_the_dataset_are_checked_and_their_overlap_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(290, 330)))
    evaluation = write(tmp_path / "evaluation.jsonl", {"prompt": pair(5)["prompt"].upper(), "reference": "x"})
    assert run(data, "--validation", validation, "--evaluation", evaluation, "--json") == 0
    staged = json.loads(capsys.readouterr().out)["staged"]
    assert staged["removed"] == {"overlaps-evaluation": [6], "overlaps-validation": list(range(291, 301))}
    assert staged["training"]["records"] == 289
    run(data, "--validation", validation, "--evaluation", evaluation)
    out = capsys.readouterr().out
    assert "Line 6 is left out because the evaluation set asks the same." in out
    assert out.count("Accepted: ") == 3


@pytest.mark.parametrize("option", ["--validation", "--evaluation"])
def test_records_that_another_set_asks_are_not_there_to_train_on(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(120)))
    beside = write(tmp_path / "set.jsonl", *({**pair(n), "reference": "x"} for n in range(115)))
    assert run(data, option, beside) == 1
    held = "holds 5 different records, beside 115 that another set of the project asks; Amazon Nova Micro asks for"
    assert held in capsys.readouterr().out


def test_a_validation_set_is_too_small_without_what_the_evaluation_set_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Claude takes 32 validation records, one of which the evaluation set asks."""
    data = write(tmp_path / "data.jsonl", *map(pair, range(60)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(60, 92)))
    evaluation = write(tmp_path / "evaluation.jsonl", *({**pair(n), "reference": "x"} for n in range(91, 120)))
    options = (
        "--base-model",
        "anthropic.claude-3-haiku-20240307-v1:0:200k",
        "--validation",
        validation,
        "--evaluation",
        evaluation,
    )
    assert run(data, *options) == 1
    said = capsys.readouterr().out
    assert (
        "holds 31 different records, beside 1 that another set of the project asks; Anthropic Claude 3 Haiku asks"
        in said
    )
    assert said.count("Rejected: ") == 1


def test_sets_that_go_together_are_accepted_together(capsys: pytest.CaptureFixture[str]) -> None:
    files = EXAMPLE / "dataset.jsonl", "--evaluation", EXAMPLE / "evaluation.jsonl"
    assert run(*files, "--json") == 0
    assert json.loads(capsys.readouterr().out)["staged"]["accepted"]
    assert run(*files) == 0
    assert "together for" not in capsys.readouterr().out


def test_a_line_that_holds_many_records_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, validation = tmp_path / "data.json", write(tmp_path / "validation.jsonl", *map(pair, range(140, 180)))
    data.write_text(json.dumps([*map(pair, range(150)), *map(pair, range(3))]))
    run(data, "--validation", validation, "--fix", tmp_path / "fixed.jsonl")
    out = capsys.readouterr().out
    assert "10 records of line 1 are left out because the validation set asks the same." in out
    assert "3 records of line 1 are left out because the same record is there already." in out
    assert "removed duplicate-record: 3, line 1\n" in out


def test_lines_of_a_validation_set_that_are_left_out_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(100)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(200, 230)), pair(229))
    evaluation = write(tmp_path / "evaluation.jsonl", *({**pair(n), "reference": "x"} for n in (200, 201)))
    run(data, "--validation", validation, "--evaluation", evaluation)
    out = capsys.readouterr().out
    assert "Lines 1, 2 of the validation set are left out because the evaluation set asks the same." in out
    assert "Line 31 of the validation set is left out because the same record is there already." in out


def test_what_a_run_holds_out_is_told_as_it_is_with_a_validation_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(110)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(60, 110)))
    assert run(data, "--validation", validation) == 0
    out = capsys.readouterr().out
    assert "60 records to train" not in out
    assert "and 6 records to evaluate with." in out
    assert "Without an evaluation.jsonl about 6 records are held out" in out


def test_every_line_that_is_left_out_is_counted_and_the_first_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)), *map(pair, range(40)))
    evaluation = write(tmp_path / "evaluation.jsonl", {"prompt": "Who are you?", "reference": "Nobody."})
    run(data, "--evaluation", evaluation)
    lines = ", ".join(map(str, range(301, 313)))
    assert (
        f" Lines {lines} and 28 more are left out because the same record is there already." in capsys.readouterr().out
    )
    run(data, "--evaluation", evaluation, "--json")
    assert json.loads(capsys.readouterr().out)["staged"]["removed"] == {"duplicate": list(range(301, 341))}


@pytest.mark.parametrize("option", ["--validation", "--evaluation"])
def test_a_set_that_a_run_would_not_find_is_refused_by_name(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set.csv").write_text("prompt,completion\na,b\n")
    assert run(EXAMPLE / "dataset.jsonl", option, tmp_path / "set.csv") == 2
    assert f"a project's {option[2:]} set is the file {option[2:]}.jsonl." in capsys.readouterr().err


def test_a_bad_set_beside_the_dataset_rejects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = write(tmp_path / "evaluation.jsonl", {"prompt": "a question without an answer"})
    assert run(EXAMPLE / "dataset.jsonl", "--evaluation", evaluation) == 1
    assert "missing-expectation" in capsys.readouterr().out


def test_the_error_of_the_token_estimate_is_stated(capsys: pytest.CaptureFixture[str]) -> None:
    run(EXAMPLE / "dataset.jsonl")
    assert "Tokens are estimated, up to 31% too low or 23% too high in Latin letters" in capsys.readouterr().out
    run(EXAMPLE / "dataset.jsonl", "--json")
    errors = json.loads(capsys.readouterr().out)["statistics"]["token_errors"]
    assert errors["Latin letters"] == {"low": -0.31, "high": 0.23}


def test_entries_decides_how_many_lines_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.jsonl", *({"prompt": "x" * number, "completion": 1} for number in range(1, 31)))
    run(data, "--json", "--entries", "3")
    found = json.loads(capsys.readouterr().out)
    assert len([problem for problem in found["problems"] if problem["code"] == "wrong-type"]) == 3
    assert found["counts"]["errors"]["wrong-type"] == 30


@pytest.mark.parametrize("number", ["0", "-1", "few", "9" * 30])
def test_a_number_of_entries_is_1_or_more(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(EXAMPLE / "dataset.jsonl", "--entries", number)
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(
        "error: argument --entries: must be a whole number from 1 to 1,000,000,000\n"
    )


def in_terminal(arguments: list[str], **environment: str) -> str:
    """What the command shows on a terminal of 80 columns."""
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
        [sys.executable, "-m", "finetune_cli.main", *arguments],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "COLUMNS": "80", "TERM": "xterm", **environment},
    )
    os.close(slave)
    shown = b""
    with open(master, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor, not a path
        while True:
            try:
                piece = screen.read(4096)
            except OSError:  # how a terminal says that nobody is there any more
                break
            if not piece:
                break
            shown += piece
    process.wait()
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_lines_that_fit() -> None:
    shown = in_terminal(["check", str(EXAMPLE / "broken.jsonl")])
    assert "\x1b[31m" in shown
    plain = in_terminal(["check", str(EXAMPLE / "broken.jsonl")], NO_COLOR="1")
    assert "\x1b" not in plain
    words = [line for line in plain.splitlines() if str(EXAMPLE) not in line]
    assert max(map(len, words)) <= 80


def test_a_file_name_cannot_play_tricks_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "\x1b[31mred.jsonl") == 2
    assert run(os.fsdecode(bytes(tmp_path) + b"/\xff.jsonl")) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_a_bar_is_shown_for_large_files_to_people_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)))
    monkeypatch.setattr(progress, "LARGE_BYTES", 10)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert b"".join(progress.watched(data, "checking")) == data.read_bytes()
    assert stream.getvalue() == ""
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert b"".join(progress.watched(data, "checking")) == data.read_bytes()
    assert "checking" in stream.getvalue()


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m finetune_cli.main check {EXAMPLE / 'broken.jsonl'} | head -n 1"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_report_that_finds_no_room_is_no_verdict(option: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "finetune_cli.main", "check", str(EXAMPLE / "dataset.jsonl"), *option]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - fixed words
    assert (ended.returncode, ended.stderr) == (2, "finetune: no space left on device.\n")


def test_what_paper_cannot_spell_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Paper(stream).say("naïve")
    stream.flush()
    assert raw.getvalue() == b"na?ve\n"


def test_a_small_file_is_checked_without_the_slow_imports() -> None:
    code = (
        "import sys; from finetune_cli.main import main; main(sys.argv[1:]);"
        "print(sorted({'rich', 'boto3', 'jsonlines', 'finetune.settings'} & sys.modules.keys()))"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter and our own words
        [sys.executable, "-c", code, "check", str(EXAMPLE / "worse.jsonl")], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_report_as_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(EXAMPLE / "broken.jsonl", "--html", page) == 1
    assert "<h1>Rejected</h1>" in page.read_text()
