"""What several steps pass on to each other: the parts that contracts are made of."""

from __future__ import annotations

from datetime import datetime
from json import JSONDecodeError, loads
from typing import Literal

from finetune.domain.catalog import Deployment
from finetune.foreign import line
from finetune.frozen import Contract


class Failure(Contract):
    """What a Catch leaves behind."""

    Error: str
    Cause: str = ""

    @property
    def sentence(self) -> str:
        """What went wrong in one sentence; Lambda wraps it in JSON beside a stack trace that no reader needs."""
        try:
            return line(str(loads(self.Cause)["errorMessage"]))
        except (JSONDecodeError, KeyError, TypeError):
            return line(self.Cause or self.Error)


class Refusal(Contract):
    """A dropped object that was refused without a mail of its own."""

    dataset: str
    error: str
    cause: str
    execution_arn: str


class Shard(Contract):
    """Items `first` to `first + count` of the evaluation set, counted from zero."""

    index: int
    first: int
    count: int


class EarlierRun(Contract):
    """Why the same content has nothing new to tell, and the run that says the rest."""

    run_id: str
    standing: Literal["going_on", "in_service", "judged"]
    reason: str = ""
    report_uri: str | None = None


JobStatus = Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped", "Stalled"]


class Endpoint(Contract):
    """`until` is when the run has to be done with throughput, by the service's clock: what is left then is reserved."""

    kind: Deployment
    name: str
    arn: str
    until: datetime | None = None


Stage = Literal["training", "service"]


class Approval(Contract):
    """The output of a state that asked, once it is approved."""

    by: str
    at: str
    reason: str = ""


Outcome = Literal[
    "RequestRefused",
    "DatasetRejected",
    "NothingNew",
    "BudgetExceeded",
    "NoVerdictPossible",
    "ApprovalExpired",
    "ApprovalRejected",
    "TrainingFailed",
    "RunFailed",
    "ModelNotPromoted",
    "ModelPromoted",
]
