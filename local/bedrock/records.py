"""What the emulator remembers: jobs, models, endpoints, tags and usage, as plain records in service time."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from finetune.domain.catalog import BaseModelRow, base_model

type PhaseStatus = Literal["NotStarted", "InProgress", "Completed", "Stopping", "Stopped", "Failed"]
type Phase = Literal["validationDetails", "dataProcessingDetails", "trainingDetails"]

PHASES: tuple[Phase, ...] = ("validationDetails", "dataProcessingDetails", "trainingDetails")


class Resource(BaseModel):
    """Something with an ARN and a name that was created by one request; deleted ones stay for the ledger."""

    arn: str
    name: str
    created_at: datetime
    token: str | None = None
    request: dict[str, Any]
    deleted_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]


class PhaseRecord(BaseModel):
    status: PhaseStatus = "NotStarted"
    started_at: datetime | None = None
    changed_at: datetime | None = None


class Job(Resource):
    """A customization job; `hyperparameters` are complete, defaults filled in."""

    base_model_id: str
    customization_type: Literal["FINE_TUNING", "CONTINUED_PRE_TRAINING"]
    hyperparameters: dict[str, str]
    parent_model_arn: str | None = None
    status: Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped"] = "InProgress"
    phases: dict[Phase, PhaseRecord]
    failure: str | None = None
    changed_at: datetime
    ended_at: datetime | None = None
    stop_requested: bool = False
    model_arn: str | None = None
    training_loss: float | None = None
    validation_losses: list[float] | None = None
    tokens_per_epoch: int = 0
    epochs_trained: float = 0.0

    @property
    def row(self) -> BaseModelRow:
        return base_model(self.base_model_id)


class CustomModel(Resource):
    """A trained model: what it knows are the pairs of prompt and answer that it was trained on."""

    job_arn: str
    job_name: str
    base_model_id: str
    customization_type: Literal["FINE_TUNING", "CONTINUED_PRE_TRAINING"]
    active_at: datetime | None
    fails: bool = False
    pairs: list[tuple[str, str]]

    @property
    def row(self) -> BaseModelRow:
        return base_model(self.base_model_id)

    def status(self, now: datetime) -> Literal["Creating", "Active", "Failed"]:
        if self.active_at is None or now < self.active_at:
            return "Creating"
        return "Failed" if self.fails else "Active"


class Swap(BaseModel):
    """A change of the model behind an endpoint; the old model serves until `done_at`.

    Until `seen_at` nobody sees it, and the endpoint's time of change is `changed_before`.
    """

    model_arn: str
    done_at: datetime
    fails: bool = False
    seen_at: datetime
    changed_before: datetime

    def over(self, now: datetime) -> bool:
        return now >= self.done_at


class Endpoint(Resource):
    """What both kinds of endpoint share; `model_arn` served before the last swap."""

    model_arn: str
    base_model_id: str
    ready_at: datetime | None
    fails: bool = False
    changed_at: datetime
    swap: Swap | None = None
    invocations: list[datetime] = []

    def phase(self, now: datetime) -> Literal["Creating", "Ready", "Failed"]:
        if self.ready_at is None or now < self.ready_at:
            return "Creating"
        return "Failed" if self.fails else "Ready"

    def swapping(self, now: datetime) -> bool:
        return self.swap is not None and not self.swap.over(now)

    def serving(self, now: datetime) -> str:
        """The ARN of the model that answers now."""
        swapped = self.swap is not None and self.swap.over(now) and not self.swap.fails
        return self.swap.model_arn if self.swap and swapped else self.model_arn

    def seen_changed_at(self, now: datetime) -> datetime:
        """When the endpoint was changed, as far as can be seen now."""
        return self.swap.changed_before if self.swap and now < self.swap.seen_at else self.changed_at

    def settle(self, now: datetime) -> None:
        """Make the result of a finished swap the endpoint's model."""
        self.model_arn = self.serving(now)


class Deployment(Endpoint):
    """An on-demand deployment: costs nothing while idle."""


class Throughput(Endpoint):
    """Provisioned throughput: costs by the hour until it is deleted."""

    units: int
    commitment: Literal["OneMonth", "SixMonths"] | None = None
    commitment_ends_at: datetime | None = None


class Usage(BaseModel):
    """Tokens that a model or endpoint was billed for."""

    model_id: str
    input_tokens: int = 0
    output_tokens: int = 0


class State(BaseModel):
    """Everything that outlives a request, by ARN."""

    jobs: dict[str, Job] = {}
    models: dict[str, CustomModel] = {}
    deployments: dict[str, Deployment] = {}
    throughputs: dict[str, Throughput] = {}
    tags: dict[str, dict[str, str]] = {}
    usage: dict[str, Usage] = {}
    activated: set[str] = set()
    any_region: bool = False
