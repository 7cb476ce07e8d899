"""What was trained before: found by its content or by the name of its run, so that nothing is trained twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import orjson

from finetune.aws import customization, elsewhere, executions, runs, selection, storage
from finetune.aws.customization import Training
from finetune.aws.executions import Execution
from finetune.aws.written import marked, read_back
from finetune.contracts import JudgeEvaluationOutput, PrepareDatasetOutput, SelectModelOutput, TrainedCandidate
from finetune.domain.customization.content import digest
from finetune.errors import NothingToResume, ServiceRefused, TrainingBusy
from finetune.frozen import Frozen
from finetune.parts import EarlierRun
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient


class Claim(Frozen):
    """Who trains a content."""

    run_id: str
    execution_arn: str


class TrainedBy(Frozen):
    """The run that trained the model which a run goes on with, and the names of the models it may have."""

    folder: str
    models: tuple[str, ...]


class InHand(Frozen):
    """A model of another run that an execution goes on with."""

    execution_arn: str
    model_arn: str


class Judged(Frozen):
    """The last verdict on a model and what it rests on; `basis` is the same for the same evaluation."""

    run_id: str
    basis: str
    decision: str
    reason: str
    report_uri: str


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked through."""

    bedrock: BedrockClient
    s3: S3Client
    stepfunctions: SFNClient


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a training: the run that does it now, or its model, or where this run has claimed it."""

    claim: str | None = None
    going_on: str | None = None
    model: SelectModelOutput | None = None


def look(by: Looking, run: Run, content: str) -> Found:
    """The model that a run goes on with, or whose training it may start.

    A run that resumes another takes that one's model, whatever its content is; NothingToResume when it has none.
    TrainingBusy while it is not known whether an ended run still trains the content.
    """
    if run.evaluate:
        return Found(model=elsewhere.model(by.bedrock, run))
    found = _resumed(by, run) if run.resume else _by_content(by, run, content)
    if found.model and found.model.trained_by and found.model.model_arn:
        _note_trained_by(by.s3, run, found.model.trained_by)
        held = InHand(execution_arn=run.execution_arn, model_arn=found.model.model_arn)
        storage.write_json(
            by.s3,
            f"{_in_hand(storage.split_uri(run.folder)[0], run.slug)}{run.run_id}.json",
            marked(held.model_dump(mode="json")),
        )
    return found


def in_hand(s3: S3Client, bucket: str, slug: str, *, going: Callable[[str], bool]) -> set[str]:
    """The ARNs of a project's models with which executions are `going` on that did not train them."""
    held = [
        read_back(InHand, storage.read(s3, uri) or b"", uri) for uri in storage.keys_under(s3, _in_hand(bucket, slug))
    ]
    return {each.model_arn for each in held if going(each.execution_arn)}


def _in_hand(bucket: str, slug: str) -> str:
    return f"s3://{bucket}/trainings/{slug}/in-hand/"


# By the name of a run


def _resumed(by: Looking, run: Run) -> Found:
    earlier = runs.of_project(by.s3, run, run.resume or "")
    execution = executions.look(by.stepfunctions, earlier.execution_arn)
    if execution and execution.running:
        raise NothingToResume(f"Run {earlier.run_id} is still going on; it can be resumed once it has ended.")
    model, _ = _model_of(by, _trainer(by.s3, earlier))
    if model is None:
        raise NothingToResume(f"Run {earlier.run_id} has no custom model: it did not train one, or it was deleted.")
    return Found(model=model)


def _trainer(s3: S3Client, run: Run) -> Run:
    """The run that trained the model that a run evaluated; mostly the run itself."""
    told = trained_by(s3, run.folder)
    if told:
        return runs.of_project(s3, run, told.folder.rpartition("/")[2])
    return _trainer(s3, runs.of_project(s3, run, run.resume)) if run.resume else run


def trained_by(s3: S3Client, folder: str) -> TrainedBy | None:
    """Which run trained the model of the run of a folder; None when it did so itself."""
    uri = f"{folder}/trained_by.json"
    content = storage.read(s3, uri)
    return read_back(TrainedBy, content, uri) if content is not None else None


def _note_trained_by(s3: S3Client, run: Run, folder: str) -> None:
    models = tuple(each.name for each in runs.of_project(s3, run, folder.rpartition("/")[2]).candidates)
    storage.write_json(s3, run.uri("trained_by.json"), marked({"folder": folder, "models": models}))


def _model_of(by: Looking, trainer: Run) -> tuple[SelectModelOutput | None, set[Training]]:
    """The best model of a run that still exists, and what came of its trainings.

    Bedrock is asked by the names of this account and Region, so a model of another one is none.
    """
    came_of = [(candidate, *customization.training_of(by.bedrock, candidate.name)) for candidate in trainer.candidates]
    states = {state for _, state, _ in came_of}
    trained = [TrainedCandidate(candidate=candidate, progress=job) for candidate, _, job in came_of if job]
    if not trained:
        return None, states
    model, _ = selection.choose(by.s3, trainer, trained)
    return model.model_copy(update={"trained_by": trainer.folder}), states


# By content


def _by_content(by: Looking, run: Run, content: str) -> Found:
    own = Claim(run_id=run.run_id, execution_arn=run.execution_arn)
    bucket, _ = storage.split_uri(run.folder)
    place = f"s3://{bucket}/trainings/{run.slug}/{content}"
    for _ in count():
        claims = list(_claims(by.s3, place))
        if claims and claims[-1][1] == own:
            return Found(claim=claims[-1][0])
        for uri, claim in reversed(claims):
            found = _held(by, run, uri, claim)
            if found and not (found.model and run.settings.retrain):
                return found
        uri = f"{place}-{len(claims)}.json"
        written = orjson.dumps(marked(own.model_dump(mode="json")))
        if storage.write_once(by.s3, uri, written, "application/json"):
            return Found(claim=uri)
    raise AssertionError


def _claims(s3: S3Client, place: str) -> Iterator[tuple[str, Claim]]:
    """Who has claimed a content so far, the last who may train it at the end."""
    for number in count():
        uri = f"{place}-{number}.json"
        content = storage.read(s3, uri)
        if content is None:
            return
        yield uri, read_back(Claim, content, uri)


def _held(by: Looking, run: Run, uri: str, claim: Claim) -> Found | None:
    """What holds a content: a run that goes on, or a model; None when its run has ended without one."""
    execution = executions.look(by.stepfunctions, claim.execution_arn)
    if execution and execution.running and claim.run_id != run.run_id:
        return Found(going_on=claim.run_id)
    trainer = runs.planned(by.s3, f"{run.project_folder}/{claim.run_id}")
    model, states = _model_of(by, trainer) if trainer else (None, set())
    if model:
        return Found(model=model)
    if "going" in states or ("not started" in states and not _over(by.s3, execution, uri)):
        raise TrainingBusy(f"Run {claim.run_id} was training the same content; its job has not ended yet.")
    return None


def _over(s3: S3Client, execution: Execution | None, uri: str) -> bool:
    """Whether none of an execution's functions can still start a job; one that is forgotten is not known to be over."""
    return execution.quiet if execution else runs.outlived(s3, uri)


def require_turn(s3: S3Client, prepared: PrepareDatasetOutput) -> None:
    """ServiceRefused once another run has taken over the training, as while this one was stopped and then redriven."""
    place, _, number = (prepared.claim or "").removesuffix(".json").rpartition("-")
    after = f"{place}-{int(number or 0) + 1}.json"
    if prepared.claim and (content := storage.read(s3, after)) is not None:
        raise ServiceRefused(
            f"Run {read_back(Claim, content, after).run_id} has taken over the training of this content while this run "
            "was stopped."
        )


# By its verdict


def nothing_new(s3: S3Client, run: Run, found: Found, evaluation_uri: str | None) -> EarlierRun | None:
    """Why a run has nothing to do; None when it trains, or when it evaluates a model that it has found.

    A model that was to be promoted and is not in service is judged again, and so is one that somebody asked to go on
    with or to evaluate.
    """
    if found.going_on:
        return EarlierRun(run_id=found.going_on, standing="going_on")
    model = found.model
    if model is None:
        return None
    if run.champion and run.champion.model_arn == model.model_arn:
        return EarlierRun(run_id=run.champion.run_id, standing="in_service")
    uri = f"{model.trained_by}/verdict.json"
    content = None if run.resume or run.evaluate else storage.read(s3, uri)
    if content is None:
        return None
    judged = read_back(Judged, content, uri)
    if judged.decision == "promote" or judged.basis != _basis(run, evaluation_uri):
        return None
    return EarlierRun(run_id=judged.run_id, standing="judged", reason=judged.reason, report_uri=judged.report_uri)


def note_verdict(
    s3: S3Client, run: Run, model: SelectModelOutput, evaluation_uri: str | None, verdict: JudgeEvaluationOutput
) -> None:
    """Write down what was found of a model, for runs that find the same content again."""
    judged = Judged(
        run_id=run.run_id,
        basis=_basis(run, evaluation_uri),
        decision=verdict.decision,
        reason=verdict.reason,
        report_uri=verdict.report_uri,
    )
    folder = model.trained_by or run.folder
    storage.write_json(s3, f"{folder}/verdict.json", marked(judged.model_dump(mode="json")))


def _basis(run: Run, evaluation_uri: str | None) -> str:
    """What a verdict rests on beside the model: the items by the hash in their name, the rules and the champion."""
    settings = run.settings
    return digest(
        [
            (evaluation_uri or "").rpartition("/")[2],
            settings.gates.model_dump(mode="json"),
            settings.metric,
            settings.inference.model_dump(mode="json"),
            settings.judge.model_dump(mode="json", exclude={"prices"}),  # the Price List fills them in and changes them
            settings.deployment,
            run.champion.model_arn if run.champion else None,
        ]
    )
