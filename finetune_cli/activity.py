"""What a run waits for or works on now: its job, its endpoint, its answers, and the money so far."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from finetune.aws import customization, endpoints, spending, standing, storage
from finetune.domain.cost import cents
from finetune.domain.customization.jobs import phase_of
from finetune.errors import AccessRefused
from finetune.letter import of_stack
from finetune.run import Run
from finetune_cli.past import Past, read_json

if TYPE_CHECKING:
    from finetune.aws.removal import Removing
    from finetune_cli.history import Row

# Everything that was answered is read for the sum, so it is not computed at every look.
_MONEY_SECONDS = 60.0
_TRAINS = frozenset({"Train Candidates"})
_OPENS = frozenset({"Check Endpoint", "Wait For Endpoint", "Check Endpoint In Service", "Wait For Throughput"})
_ASKS = frozenset({"Request Approval", "Request Approval For Service"})
_EVALUATES = frozenset({"Evaluate Shards"})
_CONTESTANTS = ("base", "champion", "candidate")


class Activities:
    """Asks AWS what a run does, and remembers what does not have to be asked again."""

    def __init__(self, by: Removing, stack: str) -> None:
        self._by, self._stack = by, stack
        self._counted: dict[str, tuple[str, int]] = {}
        self._money, self._summed = "", float("-inf")

    def of(self, found: Past, table: Collection[Row]) -> list[str]:
        """In a few words each; nothing before the run is planned. What the caller may not ask is said, and left out."""
        going, told = {row.name for row in table if row.status == "running"}, list[str]()
        try:
            told.extend(self._words(found.plan, going) if found.plan else ())
        except AccessRefused as error:
            told.append(str(error))
        return told

    def _words(self, run: Run, going: set[str]) -> Iterator[str]:
        if going & _TRAINS:
            yield from self._jobs(run)
        if going & _OPENS:
            for found in endpoints.opened_by(self._by.bedrock, run):
                yield f"endpoint: {found.endpoint.kind.replace('_', ' ')}, {found.status}"
        if going & _EVALUATES:
            yield self._answers(run)
        if going & _ASKS:
            yield f"a person is asked: finetune approve {run.endpoint_name}{of_stack(self._stack)}"
        yield self._cost(run)

    def _jobs(self, run: Run) -> Iterator[str]:
        for candidate in run.candidates:
            job = customization.find_job(self._by.bedrock, candidate.name)
            if job is None:
                continue
            status = job["status"]
            phase = phase_of(job.get("statusDetails", {})) if status == "InProgress" else status
            name = "job" if len(run.candidates) == 1 else f"job {candidate.index}"
            losses = [f"training loss {job['trainingMetrics']['trainingLoss']:.3f}"] if "trainingMetrics" in job else []
            losses += [f"validation loss {each['validationLoss']:.3f}" for each in job.get("validationMetrics", [])]
            yield f"{name}: {', '.join([phase, *losses])}"

    def _answers(self, run: Run) -> str:
        """How many answers there are, by the lines of the files that hold them; only changed files are read."""
        folder, done = run.uri("answers/"), 0
        for uri, entry in storage.listed(self._by.s3, folder):
            if not uri.removeprefix(folder).startswith(_CONTESTANTS):
                continue
            etag, lines = self._counted.get(uri, ("", 0))
            if etag != entry.etag:
                lines = (storage.read(self._by.s3, uri) or b"").count(b"\n")
                self._counted[uri] = entry.etag, lines
            done += lines
        prepared = read_json(self._by.s3, run.uri("prepared.json")) or {}
        items = (prepared.get("evaluation") or {}).get("records")
        total = f" of {items * (3 if run.champion else 2)}" if items else ""
        return f"evaluation: {done}{total} answers"

    def _cost(self, run: Run) -> str:
        """The known part of what was spent; a job that goes on is billed when it has ended."""
        if time.monotonic() - self._summed >= _MONEY_SECONDS:
            by = self._by
            stands = standing.standing(by.bedrock, by.ssm, by.s3, run, stack=self._stack)
            found = spending.until_now(by.s3, run, stands)
            self._money = f"{'at least ' if found.not_counted else ''}{cents(found.total_usd)} so far"
            self._summed = time.monotonic()
        return self._money
