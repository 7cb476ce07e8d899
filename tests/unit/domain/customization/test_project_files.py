"""A project's own files: which one a name means, and where it belongs."""

from __future__ import annotations

import shlex

import pytest

from finetune.domain.customization.project_files import meant, misplaced
from finetune.domain.customization.projects import project_in, project_of
from finetune.errors import FilesMisplaced


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("settings.yaml", "settings.yaml"),
        ("settings.yml", "settings.yaml"),
        ("Settings.YAML", "settings.yaml"),
        ("evaluation.json", "evaluation.jsonl"),
        ("evaluations.jsonl", "evaluation.jsonl"),
        ("eval set.csv", "evaluation.jsonl"),
        ("evaluation-set.ndjson", "evaluation.jsonl"),
        ("val.jsonl", "validation.jsonl"),
        ("data.jsonl", None),
        ("settings.jsonl", None),
        ("evaluation.md", None),
        ("my-evaluation.jsonl", None),
        ("", None),
    ],
)
def test_a_name_means_the_file_that_people_call_so(name: str, file: str | None) -> None:
    assert meant(name) == file


def test_what_is_read_where_it_lies_is_in_place() -> None:
    own = ["settings.yaml", "evaluation.jsonl", "validation.jsonl", "notes.txt"]
    assert misplaced("shop", [f"projects/shop/{name}" for name in own] + ["incoming/shop/data.jsonl"]) == []


@pytest.mark.parametrize(
    ("key", "belongs"),
    [
        ("incoming/shop/evaluation.jsonl", "projects/shop/evaluation.jsonl"),
        ("incoming/shop/settings.yaml", "projects/shop/settings.yaml"),
        ("projects/shop/settings.yml", "projects/shop/settings.yaml"),
        ("projects/shop/validations.jsonl", "projects/shop/validation.jsonl"),
    ],
)
def test_what_no_run_reads_is_named_with_the_command_that_moves_it(key: str, belongs: str) -> None:
    [found] = misplaced("shop", [key])
    assert found.command("bucket") == f"aws s3 mv s3://bucket/{key} s3://bucket/{belongs}"
    assert f"it belongs to '{belongs}'" in found.sentence()


def test_a_name_that_a_shell_would_read_is_quoted() -> None:
    [found] = misplaced("a b;rm", ["incoming/a b;rm/settings.yml"])
    assert shlex.split(found.command("bucket"))[3:] == [
        "s3://bucket/incoming/a b;rm/settings.yml",
        "s3://bucket/projects/a b;rm/settings.yaml",
    ]


@pytest.mark.parametrize("key", ["incoming/shop/evaluation.jsonl", "incoming/shop/2026/validation.csv"])
def test_a_dropped_evaluation_or_validation_set_is_never_a_dataset(key: str) -> None:
    with pytest.raises(FilesMisplaced, match=r"never trained on; it belongs to 'projects/shop/"):
        project_of(key)
    assert project_in(key) is None


def test_dropped_settings_are_told_where_they_belong() -> None:
    with pytest.raises(
        FilesMisplaced, match=r"looks like a project's settings; it belongs to 'projects/shop/settings.yaml'"
    ):
        project_of("incoming/shop/settings.yml")


def test_a_project_may_be_called_as_a_file() -> None:
    assert project_of("incoming/evaluation.jsonl") == "evaluation"
