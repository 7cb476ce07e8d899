"""What a mail says of an earlier run's model: that nothing is new, and how a run that failed is gone on with."""

from __future__ import annotations

from shlex import quote

from finetune.contracts import NotifyInput
from finetune.letter import of_execution
from finetune.parts import EarlierRun
from finetune.run import Run

_STANDING = {
    "going_on": (
        "Run {run} has the same content: it is training it now or waits for an approval (`finetune approvals{stack}`), "
        "or evaluates its model. Its own mail tells how it ends."
    ),
    "in_service": "The model of the same content is in service already; run {run} put it there.",
    "judged": "Run {run} has judged the model of the same content by the same evaluation: {reason}",
}
_WHAT_TO_DO = {
    "going_on": "wait for the mail of run {run}.",
    "in_service": "nothing. To train it all the same, set retrain: true in the project's settings.yaml.",
    "judged": (
        "change the dataset, the hyperparameters, the evaluation set or the gates, and drop the dataset again. To "
        "judge the same model once more: {command}. To train it again, set retrain: true in the project's settings."
    ),
}
# An execution that somebody stopped or that took too long has not ended in a Fail state.
_REDRIVABLE = {"Aborted", "States.Timeout"}


def command(run_id: str, project: str, stack: str = "") -> str:
    """The command that goes on with a run's trained model; `stack` is how it ends."""
    return f"finetune resume {run_id} --project {quote(project)}{stack}"


def evaluation(model_arn: str, project: str, stack: str = "") -> str:
    """The command that evaluates a model that was trained elsewhere; `stack` is how it ends."""
    return f"finetune evaluate --model {quote(model_arn)} --project {quote(project)}{stack}"


def nothing_new(found: EarlierRun, project: str, stack: str = "") -> list[str]:
    """Why nothing was done, where the verdict is, and what to do; `stack` is how commands end."""
    resume = command(found.run_id, project, stack)
    told = {"run": found.run_id, "reason": found.reason, "command": resume, "stack": stack}
    return [
        "The dataset has nothing new: the same records, base model, method and hyperparameters. No job was started, no "
        "endpoint was opened, and nothing was billed.",
        _STANDING[found.standing].format(**told),
        f"Report: {found.report_uri}" if found.report_uri else "",
        f"What to do: {_WHAT_TO_DO[found.standing].format(**told)}",
    ]


def resumable(known: NotifyInput, run: Run | None, *, trained: bool) -> str:
    """How to go on with what a failed run has trained, or was to evaluate; empty when there is no model."""
    stack = of_execution(known.execution_arn)
    if run and run.evaluate:
        return f"This evaluates the model again: {evaluation(run.evaluate, run.project, stack)}."
    if run is None or not trained:
        return ""
    redrive = (
        ""
        if known.error is None or known.error.Error in _REDRIVABLE
        else " A redrive of the execution changes nothing."
    )
    return (
        "The model is trained, and this goes on with it without training again: "
        f"{command(run.run_id, run.project, stack)}.{redrive}"
    )
