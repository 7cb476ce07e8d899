"""What must hold once a world is quiet, whatever happened in it."""

from __future__ import annotations

import builtins
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from finetune.aws.publication import Published
from finetune.run import Run
from local.bedrock.records import Endpoint
from tests.simulation.bills import billed, planned
from tests.simulation.clock import START
from tests.simulation.faults import UNSWEPT_SECONDS
from tests.simulation.machines import TOKEN_MARK, Execution
from tests.simulation.parameters import Mail
from tests.template import ARTIFACTS, DATASETS

if TYPE_CHECKING:
    from tests.simulation.world import World

# Datasets are dropped within a minute, and runs may begin long after that.
APART_SECONDS, MOST_TURNS = 60.0, 3
GRACE = timedelta(minutes=30)
# The bound of the state machine and a day for approvals and clean-up.
LONGEST_SECONDS = 6 * 24 * 3600.0
# Two more sweeps, and after an outage up to a day.
SWEEPS_SECONDS, LATER_SECONDS = 1860.0, (2 * 3600.0, 20 * 3600.0)
# How the name of a model ends that a run has trained.
OWN_MODEL = re.compile(r"-\d{8}-\d{6}-[0-9a-f]{8}-c\d+$")
# What nobody may find late, because it costs money, and what nobody can take back.
COSTLY = ("endpoint leak", "job after end")
FINAL = ("double mail", "training text", "two jobs", "unnamed error", "defect", "overwritten champion")
# How the mail begins that tells of a wait and not of an end.
WAITING = "Waiting for capacity"
# What Plan Run's questions of one token cost, before there is a limit; a question has a few tokens.
ASKED_USD = 0.0001
# How the mail begins that tells of several executions.
REFUSED = "Refused drops"
# How the mail begins that asks a person.
ASKING = "Approval needed"
# Which state comes only after a yes, once it was asked for.
ASKED_BEFORE = {
    "Train Candidates": ("Request Approval", "training"),
    "Provision Throughput": ("Request Approval For Service", "service"),
}
# Names that say nothing to a person.
_UNNAMED = {"States.Runtime", "States.DataLimitExceeded", "States.NoChoiceMatched", "ValidationError", "ClientError"}


@dataclass(frozen=True, order=True)
class Violation:
    """A promise that is not kept: `kind` names the promise, `what` is the same for the same defect."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


def settled(world: World) -> list[Violation]:
    """What is still wrong after every run has ended and everyone had time to mend it."""
    world.clock.run(APART_SECONDS)
    for _ in range(MOST_TURNS):
        world.clock.run(LONGEST_SECONDS, lambda: world.quiet)
        _run_through_faults(world)
        if world.quiet:
            break
    found = violations(world)
    if any(each.kind not in FINAL for each in found):
        world.clock.run(SWEEPS_SECONDS)
        found = violations(world)
    costly = [each for each in found if each.kind in COSTLY]
    for seconds in LATER_SECONDS if world.faults.lasting else ():
        if any(each.kind not in FINAL + COSTLY for each in found):
            world.clock.run(seconds)
            found = sorted({*violations(world), *costly})
    return found


def _run_through_faults(world: World) -> None:
    """Until everyone had time to mend what happened, also what strikes meanwhile."""
    while (until := max(world.ended_at, world.faults.ends) + GRACE.total_seconds() + 60) > world.clock.seconds:
        world.clock.run(until - world.clock.seconds)


def violations(world: World) -> list[Violation]:
    """Everything that is wrong now."""
    return sorted({found for check in CHECKS for found in check(world)})


def _owners(world: World) -> dict[str, str]:
    """The execution that claimed each run, by the run's id."""
    keys = [key for key in world.s3.keys(ARTIFACTS, "runs/") if key.endswith("/run.json")]
    claims = [world.artifact(key) for key in keys]
    return {claim["run_id"]: claim["execution_arn"] for claim in claims}


def _published(world: World) -> Iterator[tuple[str, Published]]:
    for name in sorted(world.parameters.history):
        value = world.parameters.value(name)
        if value:
            yield name, Published.model_validate_json(value)


def _endpoints(world: World) -> dict[str, Endpoint]:
    """Every endpoint that is billed."""
    state = world.bedrock.state
    found: dict[str, Endpoint] = {**state.deployments, **state.throughputs}
    return {arn: each for arn, each in found.items() if each.deleted_at is None}


def _kind(arn: str) -> str:
    return "provisioned throughput" if "provisioned-model" in arn else "deployment"


def endpoint_leaks(world: World) -> Iterator[Violation]:
    """No endpoint is billed but the published ones."""
    published = {each.endpoint_arn for _, each in _published(world)}
    for arn in _endpoints(world).keys() - published:
        yield Violation("endpoint leak", f"a {_kind(arn)} that nobody published is still there")


def jobs_after_end(world: World) -> Iterator[Violation]:
    """No job runs on after its run, unless somebody asked it to stop."""
    running = [job for job in world.bedrock.state.jobs.values() if job.status == "InProgress"]
    ends = {run: world.machines.executions.get(arn) for run, arn in _owners(world).items()}
    for job in running:
        owner = next((each for run, each in ends.items() if run in job.name), None)
        if job.stop_requested or (owner and owner.running):
            continue
        yield Violation("job after end", f"a job runs on after its run {owner.status if owner else 'is unknown'}")


def _mails(world: World, *, of_ends: bool) -> dict[str, list[Mail]]:
    """The mails of each execution, those that tell of its end or the others."""
    found: dict[str, list[Mail]] = {}
    for mail in world.topic.mails:
        told = re.findall(r"^Execution: (\S+)", mail.body, re.MULTILINE)
        if told and mail.subject.startswith((WAITING, ASKING)) != of_ends:
            for arn in told if mail.subject.startswith(REFUSED) else told[-1:]:
                found.setdefault(arn, []).append(mail)
    return found


def waits(world: World) -> Iterator[Violation]:
    """A run tells once that it waits for capacity, and each question once."""
    redrives = {each.arn: each.redrives for each in world.executions}
    for arn, told in _mails(world, of_ends=False).items():
        for (subject, _), number in Counter(map(_what_waits, told)).items():
            if number > 1 + (redrives.get(arn, 0) if subject != WAITING else 0):
                yield Violation("double mail", f"{number} mails {subject.partition(':')[0]!r}")


def _what_waits(mail: Mail) -> tuple[str, str]:
    """What a mail waits for; a question that is asked again says what has changed, which may happen several times."""
    if mail.subject.startswith(WAITING):
        return WAITING, ""
    return mail.subject, mail.body if " again " in mail.subject else ""


def answers(world: World) -> Iterator[Violation]:
    """One answer holds for each question, and whoever asks later is told that one."""
    for key in (key for key in world.s3.keys(ARTIFACTS, "approvals/") if "/decision-" in key):
        if world.s3.writes(ARTIFACTS, key) > 1:
            yield Violation("two answers", "an answer was replaced by another")
    for execution in world.executions:
        for state, (before, stage) in ASKED_BEFORE.items():
            if {state, before} <= set(execution.states) and "approve" not in _outcomes(world, execution, stage):
                yield Violation("overruled", f"{state} after {before} although nobody said yes")


def _outcomes(world: World, execution: Execution, stage: str) -> set[str]:
    """What was answered to the questions of an execution before a stage."""
    keys = [key for key in world.s3.keys(ARTIFACTS, "approvals/") if f"-{stage}/decision-" in key]
    owners = {key: world.artifact(key.replace("/decision-", "/question-"))["execution_arn"] for key in keys}
    return {world.artifact(key)["outcome"] for key, arn in owners.items() if arn == execution.arn}


def tokens(world: World) -> Iterator[Violation]:
    """A token stands where it is kept and nowhere else, and not there once its run has ended."""
    for mail in world.topic.mails:
        if TOKEN_MARK in mail.subject + mail.body:
            yield Violation("token told", "a mail has a token")
    for execution in world.executions:
        if TOKEN_MARK in f"{execution.output}{execution.error}{execution.cause}":
            yield Violation("token told", "the end of an execution has a token")
    for key in world.s3.keys(ARTIFACTS, ""):
        found = world.s3.get(ARTIFACTS, key)
        if not key.startswith("tokens/") and found and TOKEN_MARK.encode() in (found.body or b""):
            yield Violation("token told", f"a file below {key.partition('/')[0]}/ has a token")
    if any(each.fault.scope == "function" and each.stem == "Decide" for each in world.faults.active):
        return  # it never works again, and nobody else may delete one
    ended = [each.name for each in world.executions if not each.running]
    for key in world.s3.keys(ARTIFACTS, "tokens/"):
        if any(name in key for name in ended):
            yield Violation("token kept", "a token is kept after its run has ended")


def mails(world: World) -> Iterator[Violation]:
    """One mail for each execution, none for a duplicate, one more for a redrive; the last tells what is in service."""
    sent, runs = _mails(world, of_ends=True), {arn: run for run, arn in _owners(world).items()}
    ever = {each.run_id for each in _ever_published(world)}
    for execution in world.executions:
        told = sent.pop(execution.arn, [])
        if execution.running:
            continue
        last = execution.states[-1] if execution.states else "nothing"
        how = f"an execution {execution.status} after {last}{', redriven' if execution.redrives else ''}"
        wanted = "Duplicate Ignored" not in execution.states
        at_end = [mail for mail in told if mail.at >= execution.redriven_at]
        before = len(told) - len(at_end)
        if (
            len(at_end) < wanted
            and not _doubtful(world, execution.arn)
            and not _waits_for_sweeper(world, execution.arn)
        ):
            yield Violation("silence", f"no mail for {how}")
        # One for each redrive count: a function that was sending when its execution was redriven may send after that.
        if len(told) > wanted + execution.redrives or before > execution.redrives:
            yield Violation("double mail", f"{len(told)} mails for {how}")
        if told:
            yield from _outcome(told[-1].subject, runs.get(execution.arn) in ever, how)
    for arn in sent:
        if arn.endswith("-not-started"):
            continue
        yield Violation("double mail", f"a mail for {arn.rpartition(':')[2]}, which is no execution")


def _doubtful(world: World, arn: str) -> bool:
    """Whether SNS was asked for a mail and did not say whether it took it, and the sweeper's alarm has told that."""
    kept = any(key.startswith((arn.rpartition(":")[2], "refusals-")) for key in _names_in(world, "outbox/"))
    return kept and any("MailUnconfirmed" in line for line in world.trace)


def _waits_for_sweeper(world: World, arn: str) -> bool:
    """Whether a refused drop waits for the mail of its hour, and the sweeper never works again, as its alarm says."""
    written = any(key.endswith(f"/{arn.rpartition(':')[2]}.json") for key in _names_in(world, "refusals/hours/"))
    broken = any(each.fault.scope == "function" and each.stem == "SweepEndpoints" for each in world.faults.active)
    told = any("failed" in line and "SweepEndpoints" in line for line in world.trace[-400:])
    # What Lambda never takes is a dead letter of the schedule, which has its own alarm.
    refused = any(each.fault.what.startswith("Lambda.") for each in world.faults.active)
    return written and broken and (told or refused)


def _names_in(world: World, folder: str) -> list[str]:
    return [key.removeprefix(folder) for key in world.s3.keys(ARTIFACTS, folder)]


def _outcome(subject: str, promoted: bool, how: str) -> Iterator[Violation]:
    said = subject.removeprefix("Correction: ").partition(":")[0]
    if (said == "Model promoted") != promoted:
        really = "is" if promoted else "is not"
        yield Violation("wrong ending", f"{said!r} although the model {really} in service, {how}")


def _ever_published(world: World) -> Iterator[Published]:
    for versions in world.parameters.history.values():
        for each in versions:
            yield Published.model_validate_json(each.value)


def champions(world: World) -> Iterator[Violation]:
    """What is published exists, answers, and is the model that answers."""
    endpoints, now = _endpoints(world), world.clock.now()
    for _, published in _published(world):
        found = endpoints.get(published.endpoint_arn)
        if found is None:
            yield Violation("champion broken", f"the published {_kind(published.endpoint_arn)} does not exist")
        elif found.phase(now) != "Ready":
            yield Violation("champion broken", f"the published {_kind(found.arn)} is {found.phase(now)}")
        elif found.serving(now) != published.model_arn:
            yield Violation("champion broken", f"the published {_kind(found.arn)} serves another model")
        elif found.swapping(now):
            yield Violation("champion broken", f"the published {_kind(found.arn)} is changing its model")
        if published.swap:
            yield Violation("unfinished swap", "the parameter names a change that nobody finishes")
        if published.model_arn in _deleted_models(world):
            yield Violation("champion broken", "the published model was deleted")


def takeovers(world: World) -> Iterator[Violation]:
    """A model takes over from the one that it was compared with, never from one that was published meanwhile."""
    for versions in world.parameters.history.values():
        told = [Published.model_validate_json(each.value) for each in versions]
        for before, after in pairwise(told):
            if after.run_id not in {before.run_id, before.previous_run_id} and after.previous_run_id != before.run_id:
                yield Violation("overwritten champion", "a model was published over one that it does not know")


def _deleted_models(world: World) -> set[str]:
    return {arn for arn, model in world.bedrock.state.models.items() if model.deleted_at}


def endings(world: World) -> Iterator[Violation]:
    """Every execution ends in time, with a name for what went wrong."""
    for execution in world.executions:
        if execution.running:
            yield Violation("stuck", f"an execution still runs in {execution.states[-1:]}")
        elif execution.status == "FAILED" and _unnamed(execution):
            yield Violation("unnamed error", f"{execution.error!r} after {execution.states[-1]}")


def _unnamed(execution: Execution) -> bool:
    return not execution.error or execution.error in _UNNAMED or hasattr(builtins, execution.error)


def starts(world: World) -> Iterator[Violation]:
    """What is dropped starts an execution, or somebody is told why not, at least by the alarm on dead letters."""
    for _ in world.unstarted:
        yield Violation("silence", "a dataset was dropped, and neither an execution nor a mail came of it")


def texts(world: World) -> Iterator[Violation]:
    """No text of a record is in a mail, a payload or an error."""
    for _ in world.seen_text[:1]:
        yield Violation("training text", "text of a record is in a mail, a payload or an error")


def jobs_per_candidate(world: World) -> Iterator[Violation]:
    """At most one job for each candidate, ever."""
    counts = Counter(job.request["customModelName"] for job in world.bedrock.state.jobs.values())
    for number in counts.values():
        if number > 1:
            yield Violation("two jobs", f"{number} jobs for one candidate")


def ceilings(world: World) -> Iterator[Violation]:
    """No job starts while as many executions go on that have started one as the stack allows, but for redriven ones."""
    owners = {run: world.machines.executions.get(arn) for run, arn in _owners(world).items()}
    first: dict[str, tuple[float, Execution]] = {}
    for job in sorted(world.bedrock.state.jobs.values(), key=lambda each: each.created_at):
        begun = (job.created_at - START).total_seconds()
        owner = next((each for run, each in owners.items() if run in job.name), None)
        if owner and not owner.redrives:
            first.setdefault(owner.arn, (begun, owner))
            beside = [each for at, each in first.values() if at <= begun and (each.running or each.stopped_at > begun)]
            if len(beside) > int(os.environ["MOST_RUNS_AT_ONCE"]):
                yield Violation("too many runs", f"{len(beside)} runs train at once")
    most = int(os.environ["MOST_RUNS_PER_DAY"])
    for folder, runs in Counter(key.rpartition("/")[0] for key in world.s3.keys(ARTIFACTS, "slots/days/")).items():
        if runs > (math.ceil(most / 2) if "/of/" in folder else most):
            yield Violation("too many runs", f"{runs} in {folder}")


def foreign_models(world: World) -> Iterator[Violation]:
    """What the stack has not trained it neither tags nor deletes."""
    for model in world.bedrock.state.models.values():
        if not OWN_MODEL.search(model.name) and (world.bedrock.state.tags.get(model.arn) or model.deleted_at):
            yield Violation("foreign model", "a model that was trained elsewhere was tagged or deleted")


def jobs_per_content(world: World) -> Iterator[Violation]:
    """What is trained is trained once, whatever is dropped again, redriven or resumed, unless the settings say so."""
    trained = Counter[str]()
    for job in world.bedrock.state.jobs.values():
        slug = re.sub(r"-\d{8}-\d{6}-[0-9a-f]{8}-c\d+$", "", job.name)
        if b"retrain" in _settings(world, slug):
            continue
        if job.status in {"Completed", "InProgress"} and not job.stop_requested:
            request = job.request
            data = request["trainingDataConfig"]["s3Uri"].rpartition("/")[2]
            trained[f"{slug} {request['baseModelIdentifier']} {request.get('hyperParameters')} {data}"] += 1
    for number in trained.values():
        if number > 1:
            yield Violation("two jobs", f"{number} jobs trained the same content")


def looks(world: World) -> Iterator[Violation]:
    """Every verdict is counted as a look at its set, once for a model; a world has one set for each project."""
    ledgers: dict[str, list[dict[str, Any]]] = {}
    for key in world.s3.keys(ARTIFACTS, "looks/"):
        ledgers.setdefault(key.split("/")[1], []).append(world.artifact(key))
    for ledger in ledgers.values():
        taken = Counter((each["model"], each["metric"], each["whole"]) for each in ledger)
        if max(taken.values()) > 1:
            yield Violation("looks", "one look was counted twice")
    for key in (key for key in world.s3.keys(ARTIFACTS, "runs/") if key.endswith("/evaluation.json")):
        _, slug, run_id, _ = key.split("/")
        own = [number for number, each in enumerate(ledgers.get(slug, []), 1) if each["run_id"] == run_id]
        if world.artifact(key)["look"] not in (own or range(1, 1 + len(ledgers.get(slug, [])))):
            yield Violation("looks", "a verdict was not counted, or with another number")


def _settings(world: World, slug: str) -> bytes:
    found = world.s3.get(DATASETS, f"projects/{slug}/settings.yaml")
    return (found.body or b"") if found else b""


def dead_letters(world: World) -> Iterator[Violation]:
    """No dead letter lies in the queue because of what passes by itself."""
    for letter in world.functions.dead_letters:
        if not letter.suffered:
            yield Violation("dead letter", f"{letter.stem} gave up with {letter.error}")


def defects(world: World) -> Iterator[Violation]:
    """The simulation itself works."""
    for each in world.defects:
        yield Violation("defect", each)


def forbidden(world: World) -> Iterator[Violation]:
    """Every function may do what it does."""
    for each in sorted(set(world.forbidden)):
        yield Violation("forbidden", each)


def bills(world: World) -> Iterator[Violation]:
    """The runs cost no more than their limits, but for hours in which nothing can be deleted or swept."""
    runs = planned(world)
    limit = sum(run.settings.budget.limit_usd for run in runs) + ASKED_USD * len(world.executions)
    bill = billed(world)
    if bill.total > limit + _excused(world) * max((_hour(run) for run in runs), default=0.0):
        what = "throughput that is not in service" if bill.by_the_hour else "tokens"
        yield Violation("over the limit", f"the runs cost more than they may, for {what}")


def months(world: World) -> Iterator[Violation]:
    """All runs of a world with one project cost no more than its month may; storage comes after a run has ended."""
    runs, bill = planned(world), billed(world)
    limits = {run.settings.budget.project_usd_per_month for run in runs} - {None}
    if limits and bill.total - bill.storage > max(filter(None, limits)) + ASKED_USD * len(world.executions):
        yield Violation("over the limit", "the runs of a month cost more than they may together")


def _excused(world: World) -> float:
    """The hours of throughput that outages of what deletes it may cost, and for each one more that has begun."""
    outages = [each for each in world.faults.active if each.fault.scope[0].isdigit() or each.fault.scope == "function"]
    if any(each.fault.scope == "function" for each in outages):
        return math.inf
    seconds = [float(each.fault.scope) for each in outages]
    # The end's event is lost and the schedule pauses: nothing of ours runs, which the sweeper's alarm tells.
    seconds += [UNSWEPT_SECONDS] * sum("fault" in line and "event=unswept" in line for line in world.trace)
    return sum(math.ceil(each / 3600) + 1 for each in seconds)


def _hour(run: Run) -> float:
    return run.settings.prices.provisioned_per_hour or 0.0


CHECKS: tuple[Callable[[World], Iterator[Violation]], ...] = (
    endpoint_leaks,
    jobs_after_end,
    mails,
    waits,
    answers,
    tokens,
    champions,
    takeovers,
    endings,
    starts,
    texts,
    jobs_per_candidate,
    ceilings,
    foreign_models,
    jobs_per_content,
    looks,
    dead_letters,
    defects,
    forbidden,
    bills,
    months,
)
