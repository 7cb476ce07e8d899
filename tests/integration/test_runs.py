"""A run's own objects: the claim that makes it the only one, and the plan that pins its inputs."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from finetune.aws import runs, storage
from finetune.aws.written import read_back
from finetune.domain.catalog import base_model
from finetune.domain.cost import Listed, PriceOverrides, TokenPrices
from finetune.errors import FilesMisplaced, NothingToResume, SettingsInvalid, UnsupportedDataset
from finetune.run import Candidate, Champion, DatasetDropped, ObjectVersion, Run
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOVA = base_model("amazon.nova-micro-v1:0:128k")
DROPPED = DatasetDropped.model_validate(
    {
        "bucket": "datasets",
        "key": "incoming/Größe & Co/a.jsonl",
        "version_id": "v1",
        "event_time": "2026-11-21T09:14:31Z",
    }
)


def identified(execution: str = "arn:first", **dropped: Any) -> Run:
    return runs.identify(DROPPED.model_copy(update=dropped), artifact_bucket="artifacts", execution_arn=execution)


def put(s3: S3Client, name: str, body: bytes = b"{}") -> ObjectVersion:
    """Put one of the project's own files; its version."""
    key = f"projects/Größe & Co/{name}"
    version = s3.put_object(Bucket="datasets", Key=key, Body=body)["VersionId"]
    return ObjectVersion(bucket="datasets", key=key, version_id=version)


def test_everything_a_run_is_called_follows_from_the_object_version_that_was_dropped() -> None:
    run = identified()
    assert (run.project, run.slug) == ("Größe & Co", run.slug.lower())
    assert run.run_id.startswith("20261121-091431-")
    assert run.folder == f"s3://artifacts/runs/{run.slug}/{run.run_id}"
    assert run.endpoint_name == f"{run.slug}-{run.run_id}"
    assert (run.first_delivery, run.dataset, run.candidates) == (False, DROPPED.dataset, ())
    assert identified("arn:second").model_copy(update={"execution_arn": "arn:first"}) == run
    assert len({identified(**other).run_id for other in ({}, {"version_id": "v2"}, {"attempt": 2})}) == 3


def test_what_is_no_dataset_is_no_run() -> None:
    with pytest.raises(UnsupportedDataset, match="incoming/<project>/"):
        identified(key="incoming/shop/a.zip")


def test_the_execution_that_claims_a_run_first_owns_it_however_often_anybody_asks(s3: S3Client) -> None:
    first, second = identified("arn:first"), identified("arn:second")
    assert runs.owner(s3, first) is None
    assert [runs.claim(s3, run) for run in (first, second, first, second)] == [True, False, True, False]
    assert runs.owner(s3, second) == "arn:first"
    claimed = json.loads(
        s3.get_object(Bucket="artifacts", Key=f"runs/{first.slug}/{first.run_id}/run.json")["Body"].read()
    )
    told = {
        "project": "Größe & Co",
        "run_id": first.run_id,
        "execution_arn": "arn:first",
        "dataset": first.dataset.payload(),
    }
    assert claimed == {"schema": 1, **told}


def test_a_second_event_for_the_same_object_version_claims_nothing_although_it_tells_another_time(
    s3: S3Client,
) -> None:
    later = DROPPED.event_time + timedelta(seconds=1)
    first, second = identified("arn:first"), identified("arn:second", event_time=later)
    assert first.run_id != second.run_id
    assert [runs.claim(s3, run) for run in (first, second, first)] == [True, False, True]
    assert runs.owner(s3, second) is None


def test_another_attempt_version_or_object_is_claimed_apart(s3: S3Client) -> None:
    others: tuple[dict[str, Any], ...] = (
        {},
        {"attempt": 2},
        {"version_id": "v2"},
        {"key": "incoming/Größe & Co/b.jsonl"},
        {"bucket": "another"},
    )
    assert [runs.claim(s3, identified(f"arn:{index}", **other)) for index, other in enumerate(others)] == [True] * 5


def test_an_execution_that_ended_between_its_two_claims_makes_the_second_when_it_is_retried(s3: S3Client) -> None:
    run = identified()
    assert runs.claim(s3, run)
    s3.delete_object(Bucket="artifacts", Key=run.uri("run.json").removeprefix("s3://artifacts/"))
    assert runs.claim(s3, run)
    assert runs.owner(s3, run) == run.execution_arn


def test_that_a_run_was_published_stays_known(s3: S3Client) -> None:
    run, other = identified(), identified(version_id="v2")
    assert not runs.was_published(s3, run.folder)
    for _ in range(2):
        runs.note_published(s3, run)
    assert [runs.was_published(s3, each.folder) for each in (run, other)] == [True, False]


def test_a_project_without_settings_has_the_defaults(s3: S3Client) -> None:
    assert runs.read_settings(s3, identified()) == Settings()


def test_settings_are_read_as_they_are_now_and_a_mistake_names_their_file(s3: S3Client) -> None:
    put(s3, "settings.yaml", b"split: {seed: 1}")
    put(s3, "settings.yaml", b"split: {seed: 2}")
    assert runs.read_settings(s3, identified()).split.seed == 2
    put(s3, "settings.yaml", b"epochs: 3")
    with pytest.raises(SettingsInvalid, match=r"^s3://datasets/projects/Größe & Co/settings\.yaml: epochs is not a"):
        runs.read_settings(s3, identified())


def test_a_plan_pins_the_files_that_there_are_and_names_what_will_be_made(s3: S3Client) -> None:
    run, evaluation = identified(), put(s3, "evaluation.jsonl")
    champion = Champion(endpoint_arn="arn:endpoint", model_arn="arn:model", run_id="before")
    settings = Settings(hyperparameters={"epochCount": "3"})
    planned = runs.plan(s3, run, settings, NOVA, champion)
    assert (planned.first_delivery, planned.settings, planned.champion) == (True, settings, champion)
    assert (planned.evaluation_set, planned.validation_set) == (evaluation, None)
    defaults = {name: rule.default for name, rule in NOVA.hyperparameters.items()}
    [candidate] = planned.candidates
    assert candidate == Candidate(
        index=1, name=f"{run.endpoint_name}-c1", hyperparameters=defaults | {"epochCount": "3"}
    )
    put(s3, "evaluation.jsonl")
    put(s3, "validation.jsonl")
    assert runs.read_plan(s3, run) == planned


def test_a_run_that_was_never_planned_is_read_as_it_was_identified(s3: S3Client) -> None:
    assert runs.read_plan(s3, identified()) == identified()


def test_nothing_is_planned_with_a_hyperparameter_that_the_base_model_does_not_take(s3: S3Client) -> None:
    with pytest.raises(SettingsInvalid, match=r"hyperparameters\.epochs is not one of"):
        runs.plan(s3, identified(), Settings(hyperparameters={"epochs": "3"}), NOVA, None)
    assert runs.read_plan(s3, identified()) == identified()


# Resume


def earlier_run(s3: S3Client) -> Run:
    """A run that was planned before the project's settings and validation set changed."""
    put(s3, "settings.yaml", b"hyperparameters:\n  epochCount: 3\nsplit:\n  seed: 5\n")
    put(s3, "validation.jsonl", b"{}\n")
    run = identified()
    assert runs.claim(s3, run)
    settings = runs.planned_settings(s3, run)
    return runs.plan(s3, run, settings, NOVA, None)


def test_a_resumed_run_keeps_what_decides_the_content_and_takes_the_rest_as_it_is_now(s3: S3Client) -> None:
    earlier = earlier_run(s3)
    changed = b"hyperparameters:\n  epochCount: 1\nbudget:\n  limit_usd: 7\nbase_model: amazon.nova-lite-v1:0:300k\n"
    put(s3, "settings.yaml", changed)
    put(s3, "validation.jsonl", b"{}\n{}\n")
    items = put(s3, "evaluation.jsonl")
    run = identified("arn:second", attempt=2, resume=earlier.run_id)
    settings = runs.planned_settings(s3, run)
    assert settings.budget.limit_usd == 7
    assert {name: getattr(settings, name) for name in runs.CONTENT_SETTINGS} == {
        name: getattr(earlier.settings, name) for name in runs.CONTENT_SETTINGS
    }
    planned = runs.plan(s3, run, settings, NOVA, None)
    assert (planned.validation_set, planned.evaluation_set) == (earlier.validation_set, items)
    assert planned.candidates[0].hyperparameters == earlier.candidates[0].hyperparameters
    assert planned.candidates[0].name != earlier.candidates[0].name
    assert planned.resume == earlier.run_id


def test_a_run_that_resumes_nothing_takes_the_settings_as_they_are(s3: S3Client) -> None:
    put(s3, "settings.yaml", b"split:\n  seed: 5\n")
    assert runs.planned_settings(s3, identified()) == runs.read_settings(s3, identified())


def test_a_run_about_another_dataset_version_or_of_another_project_cannot_be_resumed(s3: S3Client) -> None:
    earlier = earlier_run(s3)
    with pytest.raises(NothingToResume, match="was about s3://datasets/incoming/"):
        runs.planned_settings(s3, identified(version_id="v2", resume=earlier.run_id))
    with pytest.raises(NothingToResume, match=f"Project shop has no run {earlier.run_id}"):
        runs.planned_settings(s3, identified(key="incoming/shop/a.jsonl", resume=earlier.run_id))


@pytest.mark.parametrize("name", ["../other/20261121-091431-a1b2c3d4", "", "20261121"])
def test_what_is_no_id_of_a_run_is_no_input(name: str) -> None:
    with pytest.raises(ValidationError, match="resume"):
        DatasetDropped.model_validate(DROPPED.payload() | {"resume": name})


# Rematch


def test_a_rematch_changes_the_model_in_service_in_the_plan_and_nothing_else(s3: S3Client) -> None:
    run = earlier_run(s3)
    champion = Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id="other")
    again = runs.plan_rematch(s3, run, champion)
    assert again == run.model_copy(update={"champion": champion, "rematches": 1})
    beside = storage.read(s3, run.uri("plan-1.json")) or b""
    assert read_back(Run, beside, "the plan of the rematch") == again
    assert runs.read_plan(s3, run) == run


def test_a_plan_that_is_missing_is_no_plan(s3: S3Client) -> None:
    assert runs.planned(s3, identified().folder) is None


def test_a_plan_keeps_the_prices_that_the_list_told_and_the_higher_ones_of_the_settings(s3: S3Client) -> None:
    prices = PriceOverrides(training_per_1k_tokens=0.002, storage_per_month=1)
    listed = Listed(
        day=date(2026, 11, 21),
        prices=prices,
        judge=TokenPrices(input_per_1k_tokens=0.1, output_per_1k_tokens=0.2),
    )
    settings = Settings(prices=PriceOverrides(storage_per_month=2))
    planned = runs.plan(s3, identified(), settings, NOVA, None, listed=listed)
    assert planned.settings.prices == PriceOverrides(training_per_1k_tokens=0.002, storage_per_month=2)
    assert planned.settings.judge.prices == listed.judge
    assert runs.read_plan(s3, planned) == planned
    assert planned.price_sources == (
        "Prices are of AWS's price list of 2026-11-21: training; of settings.yaml: storage; of the catalog of "
        "2026-08-02, which is 111 days ago: prompts, answers."
    )


@pytest.mark.parametrize(
    ("key", "belongs"),
    [
        ("incoming/Größe & Co/settings.yaml", "settings.yaml"),
        ("incoming/Größe & Co/evaluation.jsonl", "evaluation.jsonl"),
        ("projects/Größe & Co/evaluations.jsonl", "evaluation.jsonl"),
        ("projects/Größe & Co/settings.yml", "settings.yaml"),
    ],
)
def test_a_run_does_not_begin_while_a_file_of_its_project_lies_where_no_run_reads_it(
    s3: S3Client, key: str, belongs: str
) -> None:
    put(s3, "settings.yaml")
    put(s3, "media/settings.yml")
    s3.put_object(Bucket="datasets", Key=DROPPED.key, Body=b"{}")
    runs.require_files_in_place(s3, identified())
    s3.put_object(Bucket="datasets", Key=key, Body=b"{}")
    with pytest.raises(FilesMisplaced) as refused:
        runs.require_files_in_place(s3, identified())
    moved = f"aws s3 mv 's3://datasets/{key}' 's3://datasets/projects/Größe & Co/{belongs}'"
    end = "read it first." if key.startswith("incoming/") else f"To move: {moved}."
    assert str(refused.value).endswith(end)
