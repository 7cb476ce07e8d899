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
from finetune.domain.cost import Listed
from finetune.domain.customization import jobs
from finetune.domain.customization.project_files import misplaced, told
from finetune.domain.customization.projects import (
    INCOMING,
    evaluated_project_of,
    evaluation_set,
    project_before,
    project_of,
    project_slug,
    slug_before,
)
from finetune.errors import ChampionChanged, FilesMisplaced, NothingToResume
from finetune.foreign import foreign
from finetune.frozen import Frozen
from finetune.run import (
    MOST_CANDIDATES,
    Candidate,
    Ceilings,
    Champion,
    DatasetDropped,
    ObjectVersion,
    Run,
    priced,
)
from finetune.settings import Settings
from finetune.settings_file import parse_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# What of the settings decides what is trained; a run that is resumed keeps these of its plan.
CONTENT_SETTINGS = ("base_model", "method", "hyperparameters", "split", "dataset")
# How often a run is compared anew because another model went into service.
MOST_REMATCHES = 2


class Claim(Frozen):
    """What a claim says that others need; release 0.2.0 did not write the project down."""

    execution_arn: str
    project: str | None = None
    dataset: ObjectVersion | None = None

    @property
    def of_project(self) -> str | None:
        """The project whose run was claimed, as far as it is known."""
        return self.project or (project_before(self.dataset.key) if self.dataset else None)


def identify(request: DatasetDropped, *, artifact_bucket: str, execution_arn: str) -> Run:
    """The run that a dropped dataset stands for, before anything is read.

    UnsupportedDataset when the key is not a dataset.
    """
    project = evaluated_project_of(request.key) if request.evaluate else project_of(request.key)
    run = Run(
        run_id=jobs.run_id(**request.identity),
        project=project,
        slug="",
        execution_arn=execution_arn,
        first_delivery=False,
        folder=f"s3://{artifact_bucket}/",
        dataset=request.dataset,
        endpoint_name="",
        resume=request.resume,
        evaluate=request.evaluate,
    )
    return under(run, project_slug(project))


def under(run: Run, slug: str) -> Run:
    """The run with all names that follow from the slug of its project."""
    bucket, _ = storage.split_uri(run.folder)
    folder = f"s3://{bucket}/runs/{slug}/{run.run_id}"
    return run.model_copy(
        update={"slug": slug, "folder": folder, "endpoint_name": jobs.resource_name(slug, run.run_id)}
    )


def as_claimed(s3: S3Client, run: Run) -> Run:
    """A run under the slug with which it was claimed: a project of release 0.2.0 may have kept the one from then."""
    before = under(run, slug_before(run.project))
    return before if before != run and owner(s3, before) else run


def claim(s3: S3Client, run: Run) -> bool:
    """Whether this execution owns the run; the same execution may claim again, another may not.

    The object version is claimed first: two events for it may tell different times, which are two run ids.
    """
    claimed = orjson.dumps(
        marked(
            {
                "project": run.project,
                "run_id": run.run_id,
                "execution_arn": run.execution_arn,
                "dataset": run.dataset.payload(),
            }
        )
    )
    return all(
        storage.write_once(s3, uri, claimed, "application/json") or claimant(s3, uri) == run.execution_arn
        for uri in (_version_claim(run), run.uri("run.json"))
    )


def version_owner(s3: S3Client, run: Run) -> str | None:
    """The execution that claimed what a run is about, whenever that was; None when nobody did."""
    return claimant(s3, _version_claim(run))


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
    # The first piece is longer than settings may be, so no more of a longer file is read.
    return parse_settings(next(storage.stream(s3, version), b""), source=version.uri)


def require_files_in_place(s3: S3Client, run: Run) -> None:
    """FilesMisplaced where a project's file lies beside its datasets, or has a name that is not quite the right one.

    A run would go on without it: with the default settings, or judged by items of its own.
    """
    bucket = run.dataset.bucket
    folders = [f"projects/{run.project}/"]
    if run.dataset.key.startswith(f"{INCOMING}{run.project}/"):
        folders.append(f"{INCOMING}{run.project}/")
    keys = [key for folder in folders for key in storage.names_directly_under(s3, f"s3://{bucket}/{folder}")]
    if found := misplaced(run.project, keys):
        raise FilesMisplaced(told(found, bucket))


def planned_settings(s3: S3Client, run: Run) -> Settings:
    """The settings that a run is planned with: the project's, and of a run that it resumes what decides the content."""
    require_files_in_place(s3, run)
    settings = read_settings(s3, run)
    if run.resume is None:
        return settings
    earlier = of_project(s3, run, run.resume)
    if earlier.dataset != run.dataset:
        raise NothingToResume(
            f"Run {earlier.run_id} was about {earlier.dataset.shown}, version {earlier.dataset.version_id}."
        )
    return settings.model_copy(update={name: getattr(earlier.settings, name) for name in CONTENT_SETTINGS})


def plan(
    s3: S3Client,
    run: Run,
    settings: Settings,
    row: BaseModelRow,
    champion: Champion | None,
    ceilings: Ceilings = Ceilings(),  # noqa: B008 - it does not change
    listed: Listed | None = None,
) -> Run:
    """The claimed run with every input pinned and every name derived; kept as plan.json, of which the first holds.

    A run that resumes another one keeps the validation set and the hyperparameters with which that one was trained. One
    that evaluates a model from elsewhere trains nothing.
    """
    earlier = of_project(s3, run, run.resume) if run.resume else None
    own = () if run.evaluate else ((1, jobs.resolve_hyperparameters(row, settings.hyperparameters)),)
    wanted = [(each.index, each.hyperparameters) for each in earlier.candidates] if earlier else own
    candidates = tuple(_candidate(run, index, hyperparameters) for index, hyperparameters in wanted)
    complete = run.model_copy(
        update={
            "first_delivery": True,
            "evaluation_set": run.dataset
            if run.evaluate
            else storage.latest_version(s3, run.dataset.bucket, evaluation_set(run.project)),
            "validation_set": earlier.validation_set
            if earlier
            else storage.latest_version(s3, run.dataset.bucket, f"projects/{run.project}/validation.jsonl"),
            "settings": ceilings.over(priced(settings, listed)),
            "ceilings": ceilings,
            "listed": listed,
            "candidates": candidates,
            "champion": champion,
        }
    )
    content = orjson.dumps(marked(complete.payload()), option=orjson.OPT_INDENT_2)
    if storage.write_once(s3, complete.uri("plan.json"), content, "application/json"):
        return complete
    return planned(s3, run.folder) or complete


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
    if found is None or found.project != run.project:
        raise NothingToResume(f"Project {foreign(run.project)} has no run {run_id} that was planned.")
    return found


def plan_rematch(s3: S3Client, run: Run, champion: Champion | None) -> Run:
    """The same plan with the model that is in service now; ChampionChanged when that was changed too often."""
    if run.rematches == MOST_REMATCHES:
        raise ChampionChanged(
            f"While run {run.run_id} was going, the model in service changed more than {MOST_REMATCHES} times; the "
            "last one has not been compared with it."
        )
    complete = run.model_copy(update={"champion": champion, "rematches": run.rematches + 1})
    storage.write_json(s3, complete.uri(f"plan-{complete.rematches}.json"), marked(complete.payload()))
    return complete


def with_every_candidate(run: Run) -> Run:
    """A run whose plan cannot be read, with all the candidates that it may have; their names follow from its own."""
    candidates = tuple(_candidate(run, index, {}) for index in range(1, MOST_CANDIDATES + 1))
    return run.model_copy(update={"candidates": candidates})


def _candidate(run: Run, index: int, hyperparameters: dict[str, str]) -> Candidate:
    return Candidate(index=index, name=f"{run.endpoint_name}-c{index}", hyperparameters=hyperparameters)
