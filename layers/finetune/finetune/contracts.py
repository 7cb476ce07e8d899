"""The input and output of every Task state: exact keys, unknown ones refused, never a record, a prompt or an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AliasPath, ConfigDict, Field
from pydantic.alias_generators import to_camel

from finetune.domain.billing.limits import Service
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import Overfitting
from finetune.domain.findings import Finding
from finetune.frozen import Contract
from finetune.parts import EarlierRun, Endpoint, Failure, JobStatus, Outcome, Shard, Stage
from finetune.run import Candidate, DatasetDropped, Run

REPORTED_PROBLEMS = 20
MOST_SHARDS = 40


class StartRunInput(DatasetDropped):
    """EventBridge's event of an object that S3 created. AWS defines it, so keys that are not known here are ignored."""

    model_config = ConfigDict(extra="ignore")
    bucket: str = Field(validation_alias=AliasPath("detail", "bucket", "name"))
    key: str = Field(validation_alias=AliasPath("detail", "object", "key"))
    version_id: str = Field(validation_alias=AliasPath("detail", "object", "version-id"))
    event_time: datetime = Field(validation_alias="time")


class StartRunOutput(Contract):
    execution_arn: str


class PlanRunInput(Contract):
    request: DatasetDropped
    execution_arn: str


class PlanRunOutput(Run):
    pass


class ValidateDatasetInput(Contract):
    run: Run


class ValidateDatasetOutput(Contract):
    accepted: bool
    format: str | None
    lines: int
    records: int
    problems: int
    warnings: int
    counts: dict[str, int]
    first_problems: tuple[Finding, ...] = Field(max_length=REPORTED_PROBLEMS)
    report_uri: str


class PrepareDatasetInput(Contract):
    run: Run
    validation: ValidateDatasetOutput


class SelectModelOutput(Contract):
    """`trained_by` is the folder of the run that trained the model, None where it is the run's own."""

    outcome: Literal["trained", "trained_unmeasurable", "failed"]
    reason: str
    candidate: int | None = None
    model_arn: str | None = None
    model_name: str | None = None
    job_arn: str | None = None
    training_loss: float | None = None
    validation_loss: float | None = None
    overfitting: Overfitting = "unknown"
    trained_by: str | None = None


class PrepareDatasetOutput(Contract):
    """`most_usd` is what the run may cost at most, `answers_usd` how much of it are answers and ratings.

    `limit_usd` is the share of a monthly budget that bounds it, None where there is none.
    `throughput_hours` are those that the evaluation takes on throughput, at most. `bill` is the estimate in words.
    `model` is an earlier model of the same content, evaluated without training; `earlier` if there is nothing to do.
    `claim` is where the training of the content is claimed for this run.
    """

    training_uri: str
    validation_uri: str | None
    evaluation_uri: str | None
    training_records: int
    validation_records: int
    evaluation_items: int
    duplicates: int
    leaked: int
    refused_items: int
    refused_lines: tuple[int, ...] = Field(max_length=REPORTED_PROBLEMS)
    training_tokens: int
    estimated_usd: float | None
    most_usd: float | None = None
    answers_usd: float | None = None
    limit_usd: float | None = None
    throughput_hours: int = 0
    bill: tuple[str, ...] = ()
    within_budget: bool
    budget_reason: str
    shards: tuple[Shard, ...] = Field(max_length=MOST_SHARDS)
    verdict_possible: bool = True
    forecast: str = ""
    ask: str | None = None
    claim: str | None = None
    model: SelectModelOutput | None = None
    earlier: EarlierRun | None = None


class StartCustomizationInput(Contract):
    run: Run
    prepared: PrepareDatasetOutput
    candidate: Candidate


class StartCustomizationOutput(Contract):
    job_name: str
    job_arn: str


class CheckCustomizationInput(Contract):
    run: Run
    job: StartCustomizationOutput


class CheckCustomizationOutput(Contract):
    """`Completed` only once the custom model itself is Active; `Stalled` is our word for a job that will not end."""

    job_name: str
    job_arn: str
    status: JobStatus
    phase: str
    elapsed_seconds: int
    wait_seconds: int
    model_arn: str | None = None
    failure: str | None = None


class TrainedCandidate(Contract):
    """What one iteration of Train Candidates ends with: how far its job came, or what stopped the iteration."""

    candidate: Candidate
    progress: CheckCustomizationOutput | None = None
    error: Failure | None = None


class SelectModelInput(Contract):
    run: Run
    candidates: tuple[TrainedCandidate, ...]


class OpenEndpointInput(Contract):
    run: Run
    prepared: PrepareDatasetOutput
    model: SelectModelOutput


class OpenEndpointOutput(Endpoint):
    pass


class CheckEndpointInput(Contract):
    run: Run
    endpoint: Endpoint


class CheckEndpointOutput(Contract):
    status: Literal["Creating", "Ready", "Failed"]
    elapsed_seconds: int
    wait_seconds: int
    failure: str | None = None


class EvaluateShardInput(Contract):
    run: Run
    prepared: PrepareDatasetOutput
    model: SelectModelOutput
    endpoint: Endpoint
    shard: Shard


class EvaluateShardOutput(Contract):
    """`reused` of the answered ones came from an earlier run."""

    index: int
    asked: int
    answered: int
    reused: int


class JudgeEvaluationInput(Contract):
    run: Run
    prepared: PrepareDatasetOutput
    model: SelectModelOutput
    validation: ValidateDatasetOutput
    endpoint: Endpoint | None
    shards: tuple[EvaluateShardOutput, ...]
    obstacle: str | None = None


class JudgeEvaluationOutput(Contract):
    """`ask` is why a person is asked before the model goes into service, `declined` what came of that but a yes.

    `service` is what the model would cost in service by the hour and month, and whether that is agreed to, `break_even`
    from how many calls on throughput is the cheaper way.
    """

    decision: Literal["promote", "do_not_promote", "inconclusive"]
    reason: str
    metric: str | None
    metric_title: str | None = None
    base_score: float | None
    candidate_score: float | None
    champion_score: float | None
    difference: float | None
    interval: tuple[float, float] | None
    items: int
    provision: bool
    service: Service | None = None
    report_uri: str
    notes: tuple[str, ...] = ()
    ask: str | None = None
    declined: Failure | None = None
    break_even: str = ""


class RequestApprovalInput(Contract):
    """`token` is what answers the state; it is kept in one place and told nowhere."""

    token: str = Field(min_length=1, max_length=2048, repr=False)
    stage: Stage
    execution_arn: str
    run: Run
    prepared: PrepareDatasetOutput
    evaluation: JudgeEvaluationOutput | None = None


class RequestApprovalOutput(Contract):
    """What the function returns; the state's own output is what Decide sends."""

    until: str


class DecideInput(Contract):
    """A person's answer to what a run asks; without a run, every answer that was written down is sent again.

    `question` is the number of the question that is answered: how often it had been asked again.
    """

    run: str | None = Field(default=None, min_length=1, max_length=200)
    question: int = Field(default=0, ge=0)
    decision: Literal["approve", "reject"] | None = None
    by: str = Field(default="", max_length=2048)
    reason: str = Field(default="", max_length=500)


class DecideOutput(Contract):
    """`decision` is what holds now, whoever decided it; `taken` whether this call decided it."""

    status: Literal["decided", "asked_again", "void", "expired", "ended", "nothing_asked", "swept"]
    sentence: str
    decision: Literal["approve", "reject"] | None = None
    taken: bool = False
    by: str = ""
    at: str = ""
    reason: str = ""


class ProvisionThroughputInput(Contract):
    run: Run
    model: SelectModelOutput


class ProvisionThroughputOutput(Endpoint):
    pass


class PromoteModelInput(Contract):
    run: Run
    model: SelectModelOutput
    evaluation: JudgeEvaluationOutput
    throughput: Endpoint


class PromoteModelOutput(Contract):
    """What is in service; `replaced_by` is the run that has put it there since, in place of this run's model."""

    endpoint_arn: str
    kind: Deployment
    model_arn: str
    previous_model_arn: str | None
    parameter: str
    deleted_models: tuple[str, ...] = ()
    retention_problem: str | None = None
    replaced_by: str | None = None


class PlanRematchInput(Contract):
    run: Run
    prepared: PrepareDatasetOutput


class PlanRematchOutput(Run):
    pass


class ReleaseEndpointInput(Contract):
    """`keep` is the endpoint that a rematch goes on with; what costs nothing while it is not asked stays then too."""

    run: Run
    keep: Endpoint | None = None


class ReleaseEndpointOutput(Contract):
    """What was stopped or deleted, by name, and the promotion if the run's model is the one that is published."""

    released: tuple[str, ...]
    promotion: PromoteModelOutput | None = None


class NotifyInput(Contract):
    """The outcome and whatever the run had come to know; what a way out does not have is left away."""

    outcome: Outcome
    execution_arn: str
    request: dict[str, Any] | None = None
    run: Run | None = None
    validation: ValidateDatasetOutput | None = None
    prepared: PrepareDatasetOutput | None = None
    model: SelectModelOutput | None = None
    evaluation: JudgeEvaluationOutput | None = None
    promotion: PromoteModelOutput | None = None
    error: Failure | None = None


class NotifyOutput(Contract):
    """`error` and `cause` are what a Fail state shows: the error's name and one sentence."""

    error: str
    cause: str


class CleanUpRunInput(Contract):
    """The detail of a Step Functions status change of an execution that did not succeed.

    AWS defines it, so keys that are not known here are ignored. Step Functions leaves out an `input` that is too large.
    """

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)
    execution_arn: str
    status: Literal["FAILED", "TIMED_OUT", "ABORTED"]
    input: str | None = None
    error: str | None = None
    cause: str | None = None


class CleanUpRunOutput(Contract):
    """`put_off` when the execution goes on, or may still be publishing; the sweeper comes back to it."""

    released: tuple[str, ...] = ()
    mail_sent: bool = False
    put_off: bool = False


class EndStackInput(Contract):
    """CloudFormation's request to a custom resource. AWS defines it, so keys that are not known here are ignored."""

    model_config = ConfigDict(extra="ignore")
    request_type: Literal["Create", "Update", "Delete"] = Field(validation_alias="RequestType")
    response_url: str = Field(validation_alias="ResponseURL")
    stack_id: str = Field(validation_alias="StackId")
    request_id: str = Field(validation_alias="RequestId")
    logical_resource_id: str = Field(validation_alias="LogicalResourceId")


class EndStackOutput(Contract):
    """The models that stay and are billed, and why the stack must not be deleted yet."""

    models: tuple[str, ...] = ()
    failure: str | None = None


class SweepEndpointsInput(Contract):
    """The schedule passes nothing."""


class SweepEndpointsOutput(Contract):
    checked: int
    released: tuple[str, ...]
    mails_sent: int
    deleted_models: tuple[str, ...] = ()
