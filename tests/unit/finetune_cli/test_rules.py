"""What a dataset is held against: settings, what overrules them, and what stands for them where there are none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finetune.domain.staging.shares import Shares
from finetune.settings import Settings
from finetune_cli.options import BASE_MODEL, METHOD
from finetune_cli.rules import HOLD_OUT
from tests.command import EXAMPLE, check, pair, write


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
    assert check(twice) == 0
    settings.write_text("dataset: {errors: [duplicate-record]}")
    assert check(twice, "--settings", settings) == 1
    assert "duplicate-record: 20 problems" in capsys.readouterr().out
    settings.write_text("dataset: {maximum_records: 19}")
    assert check(twice, "--settings", settings) == 1
    assert "takes at most 19 training records" in capsys.readouterr().out
    settings.write_text("dataset: {maximum_records: 20}")
    assert check(twice, "--settings", settings) == 0


def test_settings_choose_the_base_model_and_an_option_overrules_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("base_model: meta.llama3-1-8b-instruct-v1:0:128k\n")
    data = write(tmp_path / "data.jsonl", *map(pair, range(120)))
    check(data, "--settings", settings, "--json")
    check(
        data, "--settings", settings, "--json", "--base-model", "amazon.nova-pro-v1:0:300k", "--method", "fine-tuning"
    )
    out = capsys.readouterr().out
    assert re.findall(r'"base_model": "(.*?)"', out) == [
        "meta.llama3-1-8b-instruct-v1:0:128k",
        "amazon.nova-pro-v1:0:300k",
    ]


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
    assert check(EXAMPLE / "dataset.jsonl", "--settings", settings) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err


def test_hyperparameters_are_those_of_the_settings_base_model_and_no_other(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("hyperparameters: {learningRateWarmupSteps: 5}\n")
    llama = "meta.llama3-3-70b-instruct-v1:0:128k"
    assert check(EXAMPLE / "dataset.jsonl", "--settings", settings, "--base-model", llama) == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [("--base-model", "gpt-9"), ("--base-model", "qwen.qwen3-32b-v1:0"), ("--settings", "nowhere.yaml")],
)
def test_what_cannot_be_chosen_ends_with_2_and_one_sentence(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(EXAMPLE / "dataset.jsonl", option, value) == 2
    err = capsys.readouterr().err
    assert value in err
    assert err.count("\n") == 1
