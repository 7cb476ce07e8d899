"""A run's own objects: the claim that makes it the only one, and the inputs it pins."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Literal

import orjson

from finetune.aws import storage
from finetune.aws.written import marked, read_back
from finetune.domain.catalog import BaseModelRow
from finetune.domain.customization import jobs
from finetune.errors import ChampionChanged, NothingToResume
from finetune.frozen import Frozen
from finetune.run import MOST_CANDIDATES, Candidate, Ceilings, Champion, DatasetDropped, Run
from finetune.settings import Settings
from finetune.settings_file import parse_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# What of the settings decides what is trained; a run that is resumed keeps these of its plan.
CONTENT_SETTINGS = ("base_model", "method", "hyperparameters", "split", "dataset")
# How often a run is compared anew because another model went into service.
MOST_REMATCHES = 2


class Claim(Frozen):
    """What a claim says that others need."""

    execution_arn: str


def identify(request: DatasetDropped, *, artifact_bucket: str, execution_arn: str) -> Run:
    """The run that a dropped dataset stands for, before anything is read.

    UnsupportedDataset when the key is not a dataset.
    """
    project = jobs.project_of(request.key)
    slug = jobs.project_slug(project)
    run_id = jobs.run_id(**request.identity)
    return Run(
        run_id=run_id,
        project=project,
        slug=slug,
        execution_arn=execution_arn,
        first_delivery=False,
        folder=f"s3://{artifact_bucket}/runs/{slug}/{run_id}",
        dataset=request.dataset,
        endpoint_name=jobs.resource_name(slug, run_id),
        resume=request.resume,
    )


def claim(s3: S3Client, run: Run) -> bool:
    """Whether this execution owns the run; the same execution may claim again, another may not.

    The object version is claimed first: two events for it may tell different times, which are two run ids.
    """
    claimed = orjson.dumps(
        marked({"run_id": run.run_id, "execution_arn": run.execution_arn, "dataset": run.dataset.payload()})
    )
    return all(
        storage.write_once(s3, uri, claimed, "application/json") or claimant(s3, uri) == run.execution_arn
        for uri in (_version_claim(run), run.uri("run.json"))
    )


def owner(s3: S3Client, run: Run) -> str | None:
    """The execution that claimed the run; None when nobody did."""
    return claimant(s3, run.uri("run.json"))


def claimant(s3: S3Client, uri: str) -> str | None:
    """The execution that wrote a claim; None when there is none."""
    content = storage.read(s3, uri)
    return read_back(Claim, content, uri).execution_arn if content is not None else None


def comes_first(s3: S3Client, run: Run, redrives: int, side: Literal["promote", "clean up"]) -> bool:
    """Whether a run may still publish its model, or be cleaned up already: whoever asks first may, and the other not.

    An execution that was redriven is decided on anew.
    """
    uri, content = run.uri(f"fence-{redrives}.json"), orjson.dumps({"side": side})
    return storage.write_once(s3, uri, content, "application/json") or storage.read(s3, uri) == content


def whose_turn(s3: S3Client, run: Run, replaced: str | None, *, over: Callable[[str], bool]) -> str:
    """The run that may replace what another run, or none, has put into service; `run` itself if it comes first.

    A run keeps its turn until what is in service has changed, or its execution is `over`, or must be by now.
    """
    bucket, _ = storage.split_uri(run.folder)
    own = {"run_id": run.run_id, "execution_arn": run.execution_arn}
    for number in count():
        turn = f"s3://{bucket}/promotions/{run.slug}/after-{replaced}-{number}.json"
        if storage.write_once(s3, turn, orjson.dumps(own), "application/json"):
            break
        holder = orjson.loads(storage.read(s3, turn) or b"{}")
        if holder == own:
            break
        if outlived(s3, turn):
            continue
        if not over(holder.get("execution_arn", "")):
            return str(holder.get("run_id"))
    return run.run_id


def outlived(s3: S3Client, turn: str) -> bool:
    """Whether a turn or a claim is older than any run; an execution that is forgotten is not known to be over."""
    age = storage.age(s3, turn)
    return age is not None and age > jobs.RUN_BOUND


def note_published(s3: S3Client, run: Run) -> None:
    """Write down that the run's model was put into service, beside the parameter that says so."""
    storage.write_json(s3, run.uri("published.json"), {"run_id": run.run_id})


def was_published(s3: S3Client, folder: str) -> bool:
    """Whether the run of a folder has put its model into service, now or earlier."""
    return storage.read(s3, f"{folder}/published.json") is not None


def _version_claim(run: Run) -> str:
    """Where an object version is claimed for one attempt; the hash in the run id says which attempt."""
    bucket, _ = storage.split_uri(run.folder)
    identity = f"{run.dataset.uri}@{run.dataset.version_id}#{run.run_id.rpartition('-')[2]}"
    return f"s3://{bucket}/claims/{sha256(identity.encode()).hexdigest()}.json"


def read_settings(s3: S3Client, run: Run) -> Settings:
    """The project's settings as they are now; the defaults when it has none. SettingsInvalid names file and key."""
    return settings_of(s3, run.dataset.bucket, run.project)


def settings_of(s3: S3Client, bucket: str, project: str) -> Settings:
    """A project's settings, with the error of `read_settings`."""
    version = storage.latest_version(s3, bucket, f"projects/{project}/settings.yaml")
    if version is None:
        return Settings()
    return parse_settings(b"".join(storage.stream(s3, version)), source=version.uri)


def planned_settings(s3: S3Client, run: Run) -> Settings:
    """The settings that a run is planned with: the project's, and of a run that it resumes what decides the content."""
    settings = read_settings(s3, run)
    if run.resume is None:
        return settings
    earlier = of_project(s3, run, run.resume)
    if earlier.dataset != run.dataset:
        raise NothingToResume(
            f"Run {earlier.run_id} was about {earlier.dataset.uri}, version {earlier.dataset.version_id}."
        )
    return settings.model_copy(update={name: getattr(earlier.settings, name) for name in CONTENT_SETTINGS})


def plan(
    s3: S3Client,
    run: Run,
    settings: Settings,
    row: BaseModelRow,
    champion: Champion | None,
    ceilings: Ceilings = Ceilings(),  # noqa: B008 - it does not change
) -> Run:
    """The claimed run with every input pinned and every name derived; kept as plan.json.

    A run that resumes another one keeps the validation set and the hyperparameters with which that one was trained.
    """
    earlier = of_project(s3, run, run.resume) if run.resume else None
    candidates = (
        tuple(_candidate(run, each.index, each.hyperparameters) for each in earlier.candidates)
        if earlier
        else (_candidate(run, 1, jobs.resolve_hyperparameters(row, settings.hyperparameters)),)
    )
    complete = run.model_copy(
        update={
            "first_delivery": True,
            "evaluation_set": storage.latest_version(
                s3, run.dataset.bucket, f"projects/{run.project}/evaluation.jsonl"
            ),
            "validation_set": earlier.validation_set
            if earlier
            else storage.latest_version(s3, run.dataset.bucket, f"projects/{run.project}/validation.jsonl"),
            "settings": ceilings.over(settings),
            "ceilings": ceilings,
            "candidates": candidates,
            "champion": champion,
        }
    )
    storage.write_json(s3, complete.uri("plan.json"), marked(complete.payload()))
    return complete


def read_plan(s3: S3Client, run: Run) -> Run:
    """The planned run where planning came that far, else the run as identified. FileUnreadable if it cannot be read."""
    return planned(s3, run.folder) or run


def planned(s3: S3Client, folder: str) -> Run | None:
    """The run of a folder as it was planned; None when it was not."""
    uri = f"{folder}/plan.json"
    content = storage.read(s3, uri)
    return read_back(Run, content, uri) if content is not None else None


def of_project(s3: S3Client, run: Run, run_id: str) -> Run:
    """Another run of the same project as it was planned; NothingToResume when there is no such plan."""
    found = planned(s3, f"{run.project_folder}/{run_id}")
    if found is None:
        raise NothingToResume(f"Project {run.project} has no run {run_id} that was planned.")
    return found


def plan_rematch(s3: S3Client, run: Run, champion: Champion | None) -> Run:
    """The same plan with the model that is in service now; ChampionChanged when it was changed too often."""
    if run.rematches == MOST_REMATCHES:
        raise ChampionChanged(
            f"While run {run.run_id} was going, the model in service changed more than {MOST_REMATCHES} times; the "
            "last one has not been compared with it."
        )
    complete = run.model_copy(update={"champion": champion, "rematches": run.rematches + 1})
    storage.write_json(s3, complete.uri("plan.json"), marked(complete.payload()))
    return complete


def with_every_candidate(run: Run) -> Run:
    """A run whose plan cannot be read, with all the candidates that it may have; their names follow from its own."""
    candidates = tuple(_candidate(run, index, {}) for index in range(1, MOST_CANDIDATES + 1))
    return run.model_copy(update={"candidates": candidates})


def _candidate(run: Run, index: int, hyperparameters: dict[str, str]) -> Candidate:
    return Candidate(index=index, name=f"{run.endpoint_name}-c{index}", hyperparameters=hyperparameters)
