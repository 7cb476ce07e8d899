"""Runs as people look at them: found by name, told from their files and from their execution."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from finetune.aws import executions, notice, runs, storage
from finetune.aws.executions import Execution
from finetune.aws.runs import Claim
from finetune.aws.written import read_back
from finetune.domain.cost import cents
from finetune.foreign import foreign, line
from finetune.parts import Failure
from finetune.run import Run
from finetune_cli.answer import UsageFailure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from finetune.aws.removal import Removing

_NAMED = re.compile(r"(?:(?P<slug>.+)-)?(?P<id>\d{8}-\d{6}-[0-9a-f]{8})")
# How many runs are looked at at once; each takes some calls.
_AT_ONCE = 8
# Ends before anything was started, of which nothing is written down that it has cost.
_NOTHING_BILLED = {*notice.BEFORE_ANY_JOB, "nothing new"}
_DECISIONS = {"promote": "better", "do_not_promote": "not better", "inconclusive": "inconclusive"}
_ENDINGS = {"ABORTED": "stopped", "TIMED_OUT": "timed out", "RUNNING": "going on", "PENDING_REDRIVE": "going on"}


@dataclass(frozen=True)
class Past:
    """A run with what its folder and its execution tell; `execution` is None after 90 days."""

    slug: str
    run_id: str
    folder: str
    project: str
    execution_arn: str
    plan: Run | None
    execution: Execution | None
    output: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run as its mail names it."""
        return f"{self.slug}-{self.run_id}"

    @property
    def going(self) -> bool:
        return self.execution is not None and self.execution.running

    @property
    def started(self) -> datetime:
        """When its execution began, or else when its dataset was dropped."""
        if self.execution and self.execution.started:
            return self.execution.started
        return datetime.strptime(self.run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)

    @property
    def age(self) -> timedelta:
        return (self.execution.as_of if self.execution else datetime.now(UTC)) - self.started

    @property
    def judged(self) -> Mapping[str, Any] | None:
        """The verdict with its decision, reason, score and difference; None when there was none."""
        if found := self.output.get("evaluation"):
            return dict(found)
        if found := self.files.get("evaluation.json"):
            return _as_output(found)
        return None

    @property
    def verdict(self) -> str:
        """What came of the run, in a word or two."""
        status = self.execution.status if self.execution else ""
        if status in _ENDINGS:
            return _ENDINGS[status]
        if "promotion" in self.output or "published.json" in self.files:
            return "promoted"
        if status == "FAILED" and self.execution:
            return self.execution.error or "failed"
        if self.judged:
            return _DECISIONS.get(self.judged["decision"], "unknown")
        return "nothing new" if status == "SUCCEEDED" else "unknown"

    @property
    def reason(self) -> str:
        """Why it ended as it did, in one sentence; empty while nobody knows."""
        execution = self.execution
        if execution and execution.cause and execution.error:
            return Failure(Error=execution.error, Cause=execution.cause).sentence
        return line(str((self.judged or {}).get("reason") or (execution and execution.cause) or ""))

    @property
    def usd(self) -> float | None:
        """What it has cost, in USD; None until that is known."""
        found = self.files.get("spent.json")
        return None if found is None else float(found.get("total_usd", 0.0))

    @property
    def expected_usd(self) -> float | None:
        """What it was estimated at, in USD."""
        found = self.files.get("cost.json")
        return None if found is None else float(found.get("total_usd", 0.0))

    @property
    def cost(self) -> str:
        """What it has cost, in words; of a run that goes on, what is expected."""
        if self.going:
            return "unknown" if self.expected_usd is None else f"{cents(self.expected_usd)} expected"
        if self.usd is None:
            return "nothing" if self.verdict in _NOTHING_BILLED else "unknown"
        spent = self.files["spent.json"]
        unknown = spent.get("missing") or any(each.get("usd") is None for each in spent.get("lines", ()))
        return f"{'at least ' if unknown else ''}{cents(self.usd)}"

    @property
    def gain(self) -> str:
        """How much better the model is by the metric that decides, in words; empty without a verdict.

        Than the model in service, or else than the base model, of which the interval is told too.
        """
        judged = self.judged or {}
        candidate, champion, difference = (
            judged.get(name) for name in ("candidate_score", "champion_score", "difference")
        )
        if candidate is not None and champion is not None:
            return f"{candidate - champion:+.3f}"
        if difference is None:
            return ""
        low, high = judged.get("interval") or (None, None)
        return f"{difference:+.3f}" + ("" if low is None else f" ({low:+.3f} to {high:+.3f})")


def _as_output(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The file's verdict as the state machine's output tells it."""
    against = (each for each in evaluation.get("comparisons", ()) if each.get("against") == "base")
    difference = next((each["difference"] for each in against), None)
    scores = evaluation.get("scores", {})
    metric = evaluation.get("metric")
    return {
        "decision": evaluation.get("decision"),
        "reason": evaluation.get("reason"),
        "metric": metric,
        "metric_title": evaluation.get("metric_title"),
        **{f"{name}_score": scores.get(name, {}).get(metric) for name in ("base", "candidate", "champion")},
        "difference": difference.get("mean") if difference else None,
        "interval": (difference.get("low"), difference.get("high")) if difference else None,
        "items": evaluation.get("scored", 0),
    }


def newest(by: Removing, slugs: Iterable[str] | None, most: int) -> list[str]:
    """The folders of the newest runs of these projects or of all, newest first."""
    root = f"s3://{by.bucket}/runs/"
    named = storage.folders_under(by.s3, root) if slugs is None else sorted(slugs)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda slug: [(slug, each) for each in storage.folders_under(by.s3, f"{root}{slug}/")], named)
        every = [(run_id, slug) for each in found for slug, run_id in each if _NAMED.fullmatch(run_id)]
    return [f"{root}{slug}/{run_id}" for run_id, slug in sorted(every, reverse=True)[:most]]


def find(by: Removing, text: str) -> Past:
    """The run that a person names by its id, with its project before it or not; UsageFailure when it is not one."""
    named = _NAMED.fullmatch(text.strip())
    if named is None:
        raise UsageFailure(
            f"'{foreign(text)}' is not the id of a run, such as 20261121-091431-a1b2c3d4; `finetune runs` lists them."
        )
    root = f"s3://{by.bucket}/runs/"
    slugs = [named["slug"]] if named["slug"] else storage.folders_under(by.s3, root)
    found = [each for slug in slugs if (each := look(by, f"{root}{slug}/{named['id']}"))]
    if not found:
        raise UsageFailure(f"There is no run '{foreign(text)}' in stack {by.stack!r}; `finetune runs` lists them.")
    if len(found) > 1:
        names = " and ".join(each.name for each in found)
        raise UsageFailure(f"Two projects have a run {named['id']}: name it as {names}.")
    return found[0]


def look_at(by: Removing, folders: Iterable[str]) -> list[Past]:
    """The runs of these folders, several at once, in the same order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [each for each in pool.map(lambda folder: look(by, folder), folders) if each]


def look(by: Removing, folder: str) -> Past | None:
    """The run of a folder; None when no execution has claimed it."""
    claimed = storage.read(by.s3, f"{folder}/run.json")
    if claimed is None:
        return None
    claim = read_back(Claim, claimed, f"{folder}/run.json")
    *_, slug, run_id = folder.split("/")
    execution = executions.look(by.stepfunctions, claim.execution_arn)
    output = orjson.loads(execution.output) if execution and execution.output else {}
    plan = runs.planned(by.s3, folder)
    names = ["cost.json", "spent.json", "published.json"]
    # It holds a row for each item, and the output of the execution tells the verdict, except of a run that failed.
    names += [] if "evaluation" in output or (execution and execution.running) else ["evaluation.json"]
    return Past(
        slug=slug,
        run_id=run_id,
        folder=folder,
        project=plan.project if plan else claim.of_project or slug,
        execution_arn=claim.execution_arn,
        plan=plan,
        execution=execution,
        output=output if isinstance(output, dict) else {},
        files={name: found for name in names if (found := read_json(by.s3, f"{folder}/{name}")) is not None},
    )


def read_json(s3: S3Client, uri: str) -> Any:
    """What a JSON file holds; None when there is none, or when it is not JSON."""
    content = storage.read(s3, uri)
    try:
        return None if content is None else orjson.loads(content)
    except ValueError:
        return None


def ago(age: timedelta) -> str:
    """An age in whole units, of which there are two or more."""
    units = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))
    found = next((f"{age // size} {unit}s" for unit, size in units if age >= 2 * size), None)
    return found or ("1 minute" if age >= timedelta(minutes=1) else "less than a minute")
