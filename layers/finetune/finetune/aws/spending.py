"""What a run has cost, read from what it left in its folder and from what Bedrock tells of its jobs and endpoints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from finetune.aws import endpoints, storage
from finetune.aws.endpoints import Found
from finetune.aws.written import marked, read_back
from finetune.contracts import NotifyInput
from finetune.domain import cost
from finetune.domain.billing import spent
from finetune.domain.billing.spent import Spent, SpentLine
from finetune.domain.catalog import base_model
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.llm_judge import Judgement, prices_of
from finetune.domain.json_lines import from_jsonl
from finetune.errors import FineTuneError
from finetune.frozen import Frozen
from finetune.remains import Standing
from finetune.run import Candidate, Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client

# The judge's own folder, and the one of each rematch.
_JUDGE = re.compile(r"judge(-\d+)?")
# What the meter's sums and differences may leave of nothing, in USD.
_ROUNDING = 1e-9


class _Hours(Frozen):
    """From when to when a run's throughput was there."""

    opened: datetime
    until: datetime


class _Prepared(Frozen):
    """What prepared.json says that others need."""

    training_tokens: int


def delete_endpoint(bedrock: BedrockClient, s3: S3Client, found: Found, folder: str) -> bool:
    """Delete an endpoint of the run of a folder; whether there was one.

    The hours of throughput are written down before, because nobody can ask for them once it is deleted.
    """
    if found.endpoint.kind == "provisioned":
        content = _Hours(opened=found.created_at, until=found.as_of).model_dump(mode="json")
        uri = f"{folder}/throughput-{found.endpoint.arn.rpartition('/')[2]}.json"
        with suppress(FineTuneError):  # what it has cost is worth less than that it ends
            storage.write_json(s3, uri, marked(content))
    return endpoints.release(bedrock, found.endpoint)


def written(s3: S3Client, known: NotifyInput, run: Run, stands: Standing) -> Spent:
    """What the run has cost until now, kept as spent.json; never raises, because a mail waits for it."""
    try:
        found = until_now(s3, run, stands, known)
    except FineTuneError as error:
        found = Spent(missing=(f"what could not be read ({str(error).rstrip('.')})",))
    with suppress(FineTuneError):
        told = {**found.model_dump(mode="json"), "total_usd": found.total_usd}
        storage.write_json(s3, run.uri("spent.json"), marked(told))
    return found


def until_now(s3: S3Client, run: Run, stands: Standing, known: NotifyInput | None = None) -> Spent:
    """What the run has cost until now; `known` is what its execution tells, if that was asked."""
    lines, missing = list[SpentLine](), list[str]()
    if stands.unknown:
        missing.append("what Bedrock did not tell of the run's job and endpoint")
    for candidate in run.candidates:
        _add_training(s3, known, run, stands, candidate, lines, missing)
    _add_evaluation(s3, run, stands, lines, missing)  # also of a model that an earlier run trained
    return Spent(lines=tuple(lines), missing=tuple(missing))


def _add_training(
    s3: S3Client,
    known: NotifyInput | None,
    run: Run,
    stands: Standing,
    candidate: Candidate,
    lines: list[SpentLine],
    missing: list[str],
) -> None:
    name = candidate.name
    if name in stands.jobs:
        missing.append(f"the job {name}, which has not ended")
    if name not in stands.trained + stands.unfinished:
        return
    tokens = known.prepared.training_tokens if known and known.prepared else _training_tokens(s3, run)
    if tokens is None or not candidate.hyperparameters:
        missing.append(f"the job {name}, whose tokens or epochs are not known")
        return
    epochs = float(candidate.hyperparameters.get("epochCount", "1"))
    line = spent.training(base_model(run.settings.base_model), run.settings.prices, tokens * epochs)
    if name in stands.trained:
        lines.append(line)
    else:
        most = "" if line.usd is None else f", at most {cost.dollars(line.usd)}"
        missing.append(f"the job {name}, which ended early{most}")


def _training_tokens(s3: S3Client, run: Run) -> int | None:
    uri = run.uri("prepared.json")
    content = storage.read(s3, uri)
    return read_back(_Prepared, content, uri).training_tokens if content else None


def _add_evaluation(s3: S3Client, run: Run, stands: Standing, lines: list[SpentLine], missing: list[str]) -> None:
    row, prices = base_model(run.settings.base_model), run.settings.prices
    tokens, judged, asked, lost = Counter[str](), Counter[str](), False, 0.0
    for uri in storage.keys_under(s3, run.uri("answers/")):
        folder = uri.removeprefix(run.uri("answers/")).partition("/")[0]
        of_judge = _JUDGE.fullmatch(folder) is not None
        asked = asked or not of_judge
        try:
            if folder == "spent":
                lost += float(orjson.loads(storage.read(s3, uri) or b"0") or 0)  # null where a price is unknown
                continue
            for into, out in _usage(s3, uri, of_judge=of_judge):
                (judged if of_judge else tokens).update(into=into, out=out)
        except ValueError:
            missing.append(f"the tokens in {uri}, which cannot be read")
    if lost > _ROUNDING:
        missing.append(f"requests whose replies were lost, at most {cost.dollars(lost)}")
    for what, found, each in (
        ("evaluation", tokens, cost.token_prices(row, prices)),
        ("judge", judged, prices_of(run.settings.judge)),
    ):
        if found.total():
            lines.append(spent.answers(what, each, found["into"], found["out"]))
    if hours := _hours(s3, run) | dict(filter(None, [stands.throughput])):
        lines.append(spent.throughput(row, prices, hours.items(), run.settings.units))
    elif asked and row.cheapest_endpoint == "provisioned":
        missing.append("the hours of the throughput that answered")


def _usage(s3: S3Client, uri: str, *, of_judge: bool) -> Iterator[tuple[int, int]]:
    """The tokens of prompts and answers in a file that this run pays for, as Converse returned them."""
    content = storage.read(s3, uri) or b""
    if of_judge:
        for judgement in from_jsonl(content, Judgement):
            yield judgement.input_tokens, judgement.output_tokens
    else:
        for answer in from_jsonl(content, Answer):
            if answer.paid:
                yield answer.input_tokens, answer.output_tokens


def _hours(s3: S3Client, run: Run) -> dict[datetime, datetime]:
    """Until when each throughput of a run was there, by when it was opened; an older release wrote throughput.json."""
    uris = storage.keys_under(s3, run.uri("throughput"))
    noted = [read_back(_Hours, storage.read(s3, uri) or b"", uri) for uri in uris]
    return {each.opened: each.until for each in noted}
