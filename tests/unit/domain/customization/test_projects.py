"""Which project a key belongs to, and its slug; what attacks it stands in tests/security/test_identity.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from finetune.domain.customization import projects
from finetune.errors import UnsupportedDataset


@pytest.mark.parametrize(
    ("key", "project"),
    [
        ("incoming/shop/data.jsonl", "shop"),
        ("incoming/shop/2026/data.csv", "shop"),
        ("incoming/shop/data.TSV", "shop"),
        ("incoming/shop.ndjson", "shop"),
        ("incoming/shop.jsonl", "shop"),
        ("incoming/Größe & Co/a+b %20.JSONL", "Größe & Co"),
        ("incoming/a.b.json", "a.b"),
    ],
)
def test_a_dataset_belongs_to_its_folder_or_else_to_its_stem(key: str, project: str) -> None:
    assert projects.project_of(key) == project


@pytest.mark.parametrize(
    "key", ["incoming/shop/data.zip", "incoming/shop/readme", "projects/shop/data.jsonl", "x.jsonl"]
)
def test_what_is_not_a_dataset_is_refused_with_how_to_drop_one(key: str) -> None:
    with pytest.raises(UnsupportedDataset, match=r"drop a \.jsonl, \.ndjson, \.json, \.csv or \.tsv file as incoming/"):
        projects.project_of(key)


def test_projects_that_clean_to_the_same_letters_keep_different_slugs() -> None:
    slugs = {projects.project_slug(name) for name in ("a b", "a-b", "a_b", "A-B", "ä-b", "a--b")}
    assert len(slugs) == 6


def test_a_name_that_is_a_slug_already_stays_and_each_other_keeps_the_beginning_of_its_letters() -> None:
    assert [projects.project_slug(name) for name in ("shop", "shop-2026", "a" * 26)] == ["shop", "shop-2026", "a" * 26]
    assert projects.project_slug("Shop Assistant of the north").startswith("shop-assistant-o-")
    assert projects.project_slug("例え").startswith("project-")


def test_the_slug_of_the_last_release_is_known() -> None:
    assert [projects.slug_before(name) for name in ("shop", "Shop Assistant")] == ["shop", "shop-assistant-d419be"]


@pytest.mark.parametrize(
    ("key", "project"),
    [
        ("incoming/shop//a.jsonl", "shop"),
        ("incoming/sh\xadop/a.csv", "sh\xadop"),
        (f"incoming/{'n' * 300}.jsonl", "n" * 300),
        ("incoming/shop/a.zip", None),
        ("projects/shop/evaluation.jsonl", None),
    ],
    ids=ascii,
)
def test_a_key_of_the_last_release_is_read_by_its_rule(key: str, project: str | None) -> None:
    assert projects.project_before(key) == project


@pytest.mark.parametrize(("key", "name"), [("incoming/shop/a.zip", "shop"), ("incoming/a.zip", "a"), ("incoming/", "")])
def test_what_is_no_dataset_is_called_after_its_folder_too(key: str, name: str) -> None:
    assert projects.named_by(key) == name
    assert projects.project_in(key) is None


WRONG = "projects/../evaluation.jsonl"


def test_an_evaluation_set_belongs_to_its_project_and_nothing_else_is_one() -> None:
    assert projects.evaluated_project_of(projects.evaluation_set("Größe & Co")) == "Größe & Co"
    for key in ("incoming/a/evaluation.jsonl", "projects/evaluation.jsonl", "projects/a/b/evaluation.jsonl", WRONG):
        with pytest.raises(UnsupportedDataset, match="is not an evaluation set"):
            projects.evaluated_project_of(key)


def test_a_run_that_evaluates_has_the_name_of_its_project_and_an_id_of_its_model() -> None:
    given: dict[str, Any] = {"bucket": "b", "version_id": "v", "event_time": datetime(2026, 11, 21, tzinfo=UTC)}
    names = {
        projects.execution_name(key=projects.evaluation_set("shop"), evaluate=arn, **given) for arn in ("one", "other")
    }
    assert len(names) == 2
    assert all(name.startswith("shop-20261121-") for name in names)
