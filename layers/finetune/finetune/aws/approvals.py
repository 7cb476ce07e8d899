"""What runs ask people: written down, mailed once, and asked again when what it rests on has changed.

A token answers the state that waits. It is kept under `tokens/` and stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING

import orjson

from finetune import messages, notices
from finetune.aws import executions, mail, runs, serving, storage
from finetune.aws.clients import Acting
from finetune.aws.written import marked, read_back
from finetune.contracts import JudgeEvaluationOutput, RequestApprovalInput, RequestApprovalOutput
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.domain.customization.jobs import APPROVAL_BOUND
from finetune.errors import ChampionChanged, FineTuneError, SettingsInvalid
from finetune.foreign import block
from finetune.question import Decision, Question, Terms
from finetune.run import Run, priced
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

APPROVALS, TOKENS = "approvals/", "tokens/"
# Step Functions began to count before the function did, so an answer in the last minutes might come too late.
CLOSING = timedelta(minutes=10)
VOID = (
    "Another model went into service since run {run} was compared with the one before. It is compared with that one "
    "now, and asks again if it is better."
)


@dataclass(frozen=True, slots=True)
class Asking(Acting):
    """What questions are asked and answered through."""

    @property
    def bucket(self) -> str:
        return self.environment.ARTIFACT_BUCKET


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked last, and its answer if there is one."""

    question: Question
    decision: Decision | None


def request(by: Asking, given: RequestApprovalInput) -> RequestApprovalOutput:
    """Keep the token, write the question down and mail it; may be repeated, and mails once.

    Raises ChampionChanged if the model has to be compared with another one first.
    """
    run = given.run
    found = executions.look(by.stepfunctions, given.execution_arn)
    if found is None or not found.running:
        return RequestApprovalOutput(until="")
    evaluation = given.evaluation if given.stage == "service" else None
    question = Question(
        stage=given.stage,
        run=run,
        execution_arn=given.execution_arn,
        redrives=found.redrives,
        why=(evaluation.ask if evaluation else given.prepared.ask) or "",
        run_usd=given.prepared.estimated_usd,
        most_usd=given.prepared.most_usd,
        bill=given.prepared.bill,
        trained=given.prepared.model is not None,
        evidence=_evidence(evaluation) if evaluation else "",
        report=evaluation.report_uri if evaluation else None,
        terms=_terms_or_planned(by, run),
        asked=found.as_of,
        until=found.as_of + APPROVAL_BOUND - CLOSING,
    )
    if question.stage == "service" and question.champion_changed:
        raise ChampionChanged(VOID.format(run=run.run_id))
    name = sha256(given.token.encode()).hexdigest()[:16]
    kept = {"execution_arn": given.execution_arn, "token": given.token}
    storage.write_json(by.s3, f"s3://{by.bucket}/{TOKENS}{question.key}/{name}.json", kept)
    before = last_asked(by.s3, by.bucket, question.key)
    if before and before.decision and before.decision.outcome == "changed":
        return RequestApprovalOutput(until=ask_again(by, before.question).until.isoformat())
    return RequestApprovalOutput(until=_ask(by, before.question if before else question).until.isoformat())


def _evidence(found: JudgeEvaluationOutput) -> str:
    """What the model is worth: the verdict, the scores, and the cheaper way to serve it."""
    return block(*filter(None, (found.reason, messages.comparison(found), found.break_even)))


def _terms_or_planned(by: Asking, run: Run) -> Terms:
    """What holds now; of settings that somebody has spoilt meanwhile, what the run was planned with."""
    try:
        return terms_now(by, run)
    except SettingsInvalid:
        return _terms(by, run, run.settings)


def terms_now(by: Asking, run: Run) -> Terms:
    """The model in service, and the project's budget and prices as its settings are now."""
    return _terms(by, run, priced(runs.read_settings(by.s3, run), run.listed))


def _terms(by: Asking, run: Run, settings: Settings) -> Terms:
    champion = serving.champion(by.bedrock, by.ssm, by.environment.STACK_NAME, run.slug)
    return Terms(
        champion=champion.model_arn if champion else None,
        budget=settings.budget,
        prices=settings.prices,
        usd_per_hour=cost.hourly(base_model(run.settings.base_model), settings.prices, run.settings.units),
    )


def ask_again(by: Asking, before: Question) -> Question:
    """Ask anew with what holds now; the time to answer does not begin again."""
    now = terms_now(by, before.run)
    changed = before.terms.changes(now)
    return _ask(by, before.model_copy(update={"number": before.number + 1, "terms": now, "changed": changed}))


def _ask(by: Asking, question: Question) -> Question:
    """The question as it was written down first; it is mailed, or left in the outbox for the sweeper."""
    uri = _uri(by.bucket, question.key, "question", question.number)
    content = orjson.dumps(marked(question.model_dump(mode="json")))
    if not storage.write_once(by.s3, uri, content, "application/json"):
        question = read_back(Question, storage.read(by.s3, uri) or b"", uri)
    named = f"{question.execution_arn}-asks-{question.run.rematches}-{question.stage}-{question.number}"
    if not mail.was_sent(by.s3, by.bucket, named, question.redrives):
        told = notices.approval(question, by.environment.STACK_NAME)
        name = mail.write_down(by.s3, by.bucket, named, told, question.redrives)
        with suppress(FineTuneError):
            mail.send(by.s3, by.sns, bucket=by.bucket, topic_arn=by.environment.TOPIC_ARN, name=name)
    return question


def last_asked(s3: S3Client, bucket: str, key: str) -> Asked | None:
    """The question of a key as it was asked last, with its answer; None where nothing was asked."""
    found = None
    for number in count():
        uri = _uri(bucket, key, "question", number)
        written = storage.read(s3, uri)
        if written is None:
            return found
        answer = _uri(bucket, key, "decision", number)
        answered = storage.read(s3, answer)
        found = Asked(
            question=read_back(Question, written, uri),
            decision=read_back(Decision, answered, answer) if answered is not None else None,
        )
    return found


def record(s3: S3Client, bucket: str, question: Question, decision: Decision) -> bool:
    """Write down the answer to a question unless there is one; whether it was written."""
    content = orjson.dumps(marked(decision.model_dump(mode="json")))
    uri = _uri(bucket, question.key, "decision", question.number)
    return storage.write_once(s3, uri, content, "application/json")


def _uri(bucket: str, key: str, kind: str, number: int) -> str:
    return f"s3://{bucket}/{APPROVALS}{key}/{kind}-{number}.json"


def tokens_of(s3: S3Client, bucket: str, key: str = "") -> list[str]:
    """The URIs of the tokens of one question, or of all."""
    return storage.keys_under(s3, f"s3://{bucket}/{TOKENS}{key}")


def keys_of(uris: list[str]) -> list[str]:
    """The keys of the questions that files below `approvals/` or `tokens/` belong to, each once."""
    return list(dict.fromkeys("/".join(uri.split("/")[-3:-1]) for uri in uris))


def waiting(s3: S3Client, stepfunctions: SFNClient, bucket: str) -> Iterator[Question]:
    """The questions that nobody has answered yet and whose run still waits."""
    for key in keys_of(tokens_of(s3, bucket)):
        asked = last_asked(s3, bucket, key)
        if asked is None or asked.decision:
            continue
        found = executions.look(stepfunctions, asked.question.execution_arn)
        if found and found.running and found.as_of < asked.question.until:
            yield asked.question
