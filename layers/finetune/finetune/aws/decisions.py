"""Answers to what runs ask: the first one that is written down holds, and is sent until the run has it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError

from finetune.aws import approvals, executions, storage
from finetune.aws.approvals import APPROVALS, VOID, Asked, Asking
from finetune.aws.release import Attempts
from finetune.aws.translation import code_of, translated
from finetune.aws.written import recall
from finetune.contracts import DecideInput, DecideOutput
from finetune.errors import ApprovalRejected, ChampionChanged, ServiceRefused
from finetune.foreign import foreign
from finetune.parts import Approval
from finetune.question import Decision, Question

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_stepfunctions import SFNClient

# The task was answered, has timed out or was stopped; nothing that is sent to it has an effect.
_CLOSED = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}
_DONE = {"approve": "approved", "reject": "rejected"}


def decide(by: Asking, given: DecideInput) -> DecideOutput:
    """Take an answer unless there is one, and send the one that holds; without a run, send all that were taken."""
    if given.run is None:
        return sweep(by)
    asked = _find(by, given.run)
    if asked is None:
        return DecideOutput(status="nothing_asked", sentence=f"No run {given.run} has asked for an approval.")
    question, taken = asked.question, False
    found = executions.look(by.stepfunctions, question.execution_arn)
    waits = found is not None and found.running
    if found and waits and asked.decision is None and given.decision:
        if found.as_of >= question.until:
            expired = f"The time to answer was over at {_spelled(question.until)}; run {question.run.run_id} ends."
            return DecideOutput(status="expired", sentence=expired)
        if given.question != question.number:
            return _not_shown(question)
        answer = _weighed(by, given, question, found.as_of)
        taken = approvals.record(by.s3, by.bucket, question, answer)
        asked = approvals.last_asked(by.s3, by.bucket, question.key) or asked
    if not waits and asked.decision is None:
        return DecideOutput(status="ended", sentence=f"Run {question.run.run_id} has ended and waits for nothing.")
    return _told(_sent(by, asked, waits=waits), taken=taken)


def answer(functions: LambdaClient, name: str, given: DecideInput) -> DecideOutput:
    """What the function Decide says to an answer; it alone may send one to a run."""
    with translated(f"invoking {name}"):
        found = functions.invoke(FunctionName=name, Payload=given.model_dump_json().encode())
    told = orjson.loads(found["Payload"].read())
    if "FunctionError" in found:
        raise ServiceRefused(f"{name} failed with {told.get('errorType')}: {told.get('errorMessage')}")
    return recall(DecideOutput, told, f"The answer of {name}")


def _find(by: Asking, run: str) -> Asked | None:
    """What a run asked last; it is named by its id, or by its project and id."""
    root = f"s3://{by.bucket}/{APPROVALS}"
    keys = storage.keys_under(by.s3, f"{root}{run}/") or storage.keys_under(by.s3, root)
    found = [key for key in approvals.keys_of(keys) if f"-{key.partition('/')[0]}".endswith(f"-{run}")]
    if not found:
        return None
    return approvals.last_asked(by.s3, by.bucket, max(found, key=_age))


def _age(key: str) -> tuple[int, int, bool]:
    """What of one run comes later: after a redrive, after a rematch, and service after training."""
    redrives, rematches, stage = key.rpartition("/")[2].split("-")
    return int(redrives), int(rematches), stage == "service"


def _weighed(by: Asking, given: DecideInput, question: Question, at: datetime) -> Decision:
    """The answer as it holds: yes only to what was shown."""
    answer = Decision(outcome=given.decision or "reject", by=_line(given.by), at=at, reason=_line(given.reason))
    if answer.outcome == "reject":
        return answer
    now = question.model_copy(update={"terms": approvals.terms_now(by, question.run)})
    if question.stage == "service" and now.champion_changed:
        return answer.model_copy(update={"outcome": "void"})
    return answer.model_copy(update={"outcome": "changed"}) if question.terms.changes(now.terms) else answer


def _line(text: str) -> str:
    return " ".join(text.split())


def _sent(by: Asking, asked: Asked, *, waits: bool) -> Asked:
    """Let the run have the answer if it waits for it; ask again where that is the answer."""
    decision = asked.decision
    if not waits or decision is None:
        return asked
    if decision.outcome == "changed":
        return Asked(approvals.ask_again(by, asked.question), decision)
    for uri in approvals.tokens_of(by.s3, by.bucket, f"{asked.question.key}/"):
        token = orjson.loads(storage.read(by.s3, uri) or b"{}").get("token")
        if token and _send(by.stepfunctions, token, asked.question, decision):
            storage.delete(by.s3, uri)
    return asked


def _send(stepfunctions: SFNClient, token: str, question: Question, decision: Decision) -> bool:
    """Answer a state; False when it does not wait any more."""
    approval = Approval(by=foreign(decision.by), at=decision.at.isoformat(), reason=foreign(decision.reason))
    with translated(f"answering run {question.run.run_id}"):
        try:
            if decision.outcome == "approve":
                stepfunctions.send_task_success(taskToken=token, output=approval.model_dump_json())
            else:
                error, cause = _refusal(question, decision)
                stepfunctions.send_task_failure(taskToken=token, error=error, cause=cause)
        except ClientError as error:
            if code_of(error) in _CLOSED:
                return False
            raise
    return True


def _refusal(question: Question, decision: Decision) -> tuple[str, str]:
    if decision.outcome == "void":
        return ChampionChanged.__name__, VOID.format(run=question.run.run_id)
    reason = f"the reason given: {foreign(decision.reason)}" if decision.reason else "no reason was given"
    return ApprovalRejected.__name__, f"Rejected by {foreign(decision.by)} at {_spelled(decision.at)}; {reason}."


def _not_shown(question: Question) -> DecideOutput:
    """To an answer to another question than the last one: whoever gave it need not have seen what holds now."""
    since = f" with a new mail: {question.changed}" if question.changed else ""
    sentence = (
        f"Nothing was decided: run {question.run.run_id} asks question {question.number}{since}. Answer it with the "
        "command in that mail or in `finetune approvals{of_execution(question.execution_arn)}`."
    )
    return DecideOutput(status="asked_again", sentence=sentence)


def _told(asked: Asked, *, taken: bool) -> DecideOutput:
    """The answer that holds, in one sentence."""
    decision, run = asked.decision, asked.question.run.run_id
    if decision is None:
        return DecideOutput(status="nothing_asked", sentence=f"Run {run} waits, and nobody has decided yet.")
    if decision.outcome == "changed":
        changed = asked.question.changed or "what the question rests on has changed"
        sentence = f"Nothing was decided, and run {run} asks again with a new mail: {changed}."
        return DecideOutput(status="asked_again", sentence=sentence)
    if decision.outcome == "void":
        return DecideOutput(status="void", sentence=VOID.format(run=run))
    who = f"by {foreign(decision.by)} at {_spelled(decision.at)}" + (
        f" ({foreign(decision.reason)})" if decision.reason else ""
    )
    return DecideOutput(
        status="decided",
        sentence=f"Run {run} {'is' if taken else 'was already'} {_DONE[decision.outcome]} {who}.",
        decision=decision.outcome,
        taken=taken,
        by=foreign(decision.by),
        at=decision.at.isoformat(),
        reason=decision.reason,
    )


def _spelled(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def sweep(by: Asking) -> DecideOutput:
    """Send every answer that was taken and may not have arrived, and forget the tokens of runs that have ended."""
    attempts, checked = Attempts(), approvals.keys_of(approvals.tokens_of(by.s3, by.bucket))
    for key in checked:
        with attempts.one():
            _look_at(by, key)
    attempts.conclude()
    return DecideOutput(status="swept", sentence=f"{len(checked)} questions were looked at.")


def _look_at(by: Asking, key: str) -> None:
    asked = approvals.last_asked(by.s3, by.bucket, key)
    for uri in approvals.tokens_of(by.s3, by.bucket, f"{key}/"):
        # A token may be there without a question, which could not be written down.
        written = storage.read(by.s3, uri)
        if written is None:
            continue
        found = executions.look(by.stepfunctions, orjson.loads(written)["execution_arn"])
        if found is None or not found.running:
            storage.delete(by.s3, uri)
        elif asked:
            _sent(by, asked, waits=True)
