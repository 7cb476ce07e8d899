"""Every handler in this process: a run led by hand through the states, each payload as the definition makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import ValidationError

from finetune import contracts
from finetune.aws import clients, publication
from finetune.aws.tags import PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.errors import UnsupportedDataset
from finetune.frozen import Contract
from finetune.run import DatasetDropped
from tests.account import Account, account
from tests.template import DATASETS, FUNCTIONS, STACK
from tools.project import ROOT, given_to, states, substitution

EXAMPLE = ROOT / "examples/shop-assistant"
STATES = dict(states())
# The events of a status change and of a dropped object are not ours, so keys that are added to them are passed over.
TAKES_MORE = {"CleanUpRun", "StartRun", "EndStack"}
# What was done at the first call is not done again.
DONE_BEFORE: Mapping[str, dict[str, Any]] = {
    "CleanUpRun": {"released": [], "mail_sent": False},
    "SweepEndpoints": {"released": [], "mails_sent": 0},
    "Decide": {"taken": False},
}


@dataclass
class Call:
    """One call of a function: what it was given, what it answered, and what it answered to the same once more."""

    payload: Any
    answer: Any
    again: Any


@dataclass
class Walk:
    """A run and what it has come to know; `calls` are those of all functions by name, the latest of each."""

    account: Account
    execution: dict[str, Any]
    known: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)

    def task(self, state: str, known: dict[str, Any] | None = None) -> Any:
        """What a Task adds to what is known, all of the run's or that of an iteration of a Map."""
        known = self.known if known is None else known
        path = STATES[state].get("ResultPath")
        stem = substitution(STATES[state]).removesuffix("FunctionArn")
        answer = self.call(stem, self._filled(given_to(STATES[state]), known))
        if path:
            known[path.removeprefix("$.")] = answer
        return answer

    def items(self, state: str) -> Iterator[dict[str, Any]]:
        """What each iteration of a Map begins with."""
        for item in _at(self.known, STATES[state]["ItemsPath"]):
            yield self._filled(STATES[state]["ItemSelector"], self.known, item)

    def call(self, stem: str, payload: Any) -> Any:
        answer, again = self.account.invoke(stem, payload), self.account.invoke(stem, payload)
        self.calls[stem] = Call(payload, answer, again)
        return answer

    def _filled(self, template: Mapping[str, Any], known: dict[str, Any], item: Any = None) -> dict[str, Any]:
        context = {"Execution": self.execution, "Map": {"Item": {"Value": item}}, "Task": {"Token": "a-token"}}
        return {
            key.removesuffix(".$"): _at(context if value.startswith("$$") else known, value)
            if key.endswith(".$")
            else value
            for key, value in template.items()
        }


# What CloudFormation asks when the stack is made; the address of its answer is one that takes everything.
CREATED = {
    "RequestType": "Create",
    "ResponseURL": "data:,taken",
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/finetune/1",
    "RequestId": "1",
    "LogicalResourceId": "EndStack",
}


def _at(known: Any, path: str) -> Any:
    for key in path.lstrip("$").split(".")[1:]:
        known = known[key]
    return known


def event_of(key: str, version: str, **more: Any) -> dict[str, Any]:
    """What EventBridge tells of an object that S3 created."""
    told = json.loads((ROOT / "events/object_created.json").read_text())
    told["detail"]["bucket"]["name"] = DATASETS
    told["detail"]["object"] |= {"key": key, "version-id": version}
    return {**told, **more}


def dropped(running: Account, *, without: int = 0) -> Walk:
    """A run whose dataset, the example without so many lines, lies in the bucket and whose execution has started."""
    lines = (EXAMPLE / "dataset.jsonl").read_bytes().splitlines(keepends=True)
    version = running.put("incoming/shop/data.jsonl", b"".join(lines[without:]))
    run = Walk(running, {})
    run.execution["Id"] = run.call("StartRun", event_of("incoming/shop/data.jsonl", version))["execution_arn"]
    run.execution["Input"] = input_of(run.execution["Id"])
    return run


def input_of(execution_arn: str) -> Any:
    return json.loads(clients.stepfunctions().describe_execution(executionArn=execution_arn)["input"])


def trained(run: Walk) -> None:
    for state in ("Plan Run", "Validate Dataset", "Prepare Dataset"):
        run.task(state)
    run.known["candidates"] = []
    for candidate in run.items("Train Candidates"):
        run.task("Start Customization Job", candidate)
        run.account.finish_jobs()
        run.task("Check Customization Job", candidate)
        run.known["candidates"].append({name: candidate[name] for name in ("candidate", "progress")})


def evaluated(run: Walk) -> None:
    for state in ("Select Model", "Open Endpoint"):
        run.task(state)
    run.account.clock.advance(30)
    run.task("Check Endpoint")
    run.known["shards"] = [run.task("Evaluate Shard", shard) for shard in run.items("Evaluate Shards")]
    run.task("Judge Evaluation")


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with account() as started:
        for name in ("settings.yaml", "evaluation.jsonl"):
            started.put(f"projects/shop/{name}", (EXAMPLE / name).read_bytes())
        yield started


@pytest.fixture(scope="module")
def promoted(running: Account) -> Walk:
    """A run that put its model into service."""
    run = dropped(running)
    trained(run)
    evaluated(run)
    for state in ("Provision Throughput", "Promote Model", "Release Endpoint", "Notify Model Promoted"):
        run.task(state)
    return run


@pytest.fixture(scope="module")
def stopped(promoted: Walk) -> Walk:
    """A later run of another content that somebody stopped while its job was running."""
    run = dropped(promoted.account, without=1)
    for state in ("Plan Run", "Validate Dataset", "Prepare Dataset", "Request Approval"):
        run.task(state)
    named = {"run": run.known["run"]["endpoint_name"], "decision": "reject", "by": "ada", "reason": "why"}
    run.call("Decide", named)
    [candidate] = run.items("Train Candidates")
    run.task("Start Customization Job", candidate)
    run.task("Plan Rematch", dict(run.known))
    run.call("CleanUpRun", run.account.abort(run.execution["Id"]))
    run.call("SweepEndpoints", {})
    run.call("EndStack", CREATED)
    return run


@pytest.fixture(scope="module")
def calls(promoted: Walk, stopped: Walk) -> dict[str, Call]:
    """The latest call of every function that the two runs made."""
    return stopped.calls | promoted.calls


def test_the_two_runs_called_every_function_of_the_template(calls: dict[str, Call]) -> None:
    assert calls.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_a_handler_answers_exactly_what_its_contract_says(stem: str, calls: dict[str, Call]) -> None:
    contract: type[Contract] = getattr(contracts, f"{stem}Output")
    assert calls[stem].answer.keys() == contract.model_fields.keys()
    assert contract.model_validate(calls[stem].answer).payload() == calls[stem].answer


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_a_handler_that_is_called_again_answers_the_same_unless_it_says_what_it_did(
    stem: str, calls: dict[str, Call]
) -> None:
    again = calls[stem].again | ({"sentence": calls[stem].answer["sentence"]} if stem == "Decide" else {})
    assert again == calls[stem].answer | DONE_BEFORE.get(stem, {})


@pytest.mark.filterwarnings("ignore:No application metrics")  # of the sweeper's Metrics, when there is an error first
@pytest.mark.parametrize("stem", [stem for stem in FUNCTIONS if stem not in TAKES_MORE])
def test_a_handler_refuses_a_key_that_its_contract_does_not_have(
    stem: str, running: Account, calls: dict[str, Call]
) -> None:
    with pytest.raises(ValidationError, match=rf"1 validation error for {stem}Input\s+another"):
        running.invoke(stem, calls[stem].payload | {"another": "key"})


def test_a_run_whose_every_state_ran_twice_made_one_job_one_endpoint_and_one_mail(promoted: Walk) -> None:
    ledger, [mail, *_] = promoted.account.emulator.admin.ledger(), promoted.account.mails
    run, service = promoted.known["run"], publication.read(clients.ssm(), STACK, "shop")
    assert service
    assert [job.name for job in ledger.jobs if run["run_id"] in job.name] == [f"{run['endpoint_name']}-c1"]
    assert list(ledger.open) == [service.endpoint_arn] == [promoted.known["promotion"]["endpoint_arn"]]
    assert promoted.known["release"]["promotion"]["endpoint_arn"] == service.endpoint_arn
    assert mail.subject == "Model promoted: shop"
    assert sum(promoted.execution["Id"] in each.body for each in promoted.account.mails) == 1


def test_a_run_that_was_stopped_has_no_job_and_one_mail_and_leaves_the_one_in_service_alone(
    promoted: Walk, stopped: Walk
) -> None:
    job = f"{stopped.known['run']['endpoint_name']}-c1"
    assert stopped.calls["CleanUpRun"].answer == {"released": [job], "mail_sent": True, "put_off": False}
    assert [mail.subject for mail in stopped.account.mails if stopped.execution["Id"] in mail.body] == [
        "Approval needed before training: shop",
        "Run stopped: shop",
    ]
    stopped.account.finish_jobs()
    ledger = stopped.account.emulator.admin.ledger()
    assert next(each.status for each in ledger.jobs if each.name == job) == "Stopped"
    assert list(ledger.open) == [promoted.known["promotion"]["endpoint_arn"]]


def test_a_run_is_planned_against_the_model_that_is_in_service(promoted: Walk, stopped: Walk) -> None:
    assert promoted.known["run"]["champion"] is None
    assert stopped.known["run"]["champion"]["run_id"] == promoted.known["run"]["run_id"]


def test_a_rematch_keeps_the_plan_but_for_the_model_in_service_and_counts_itself(stopped: Walk) -> None:
    before, after = stopped.known["run"], stopped.calls["PlanRematch"].answer
    assert after["champion"]["run_id"] == before["champion"]["run_id"]
    assert {name for name in before if before[name] != after[name]} <= {"champion", "rematches"}
    assert (before["rematches"], after["rematches"]) == (0, 1)


@pytest.mark.parametrize("more", [{}, {"resume": True}], ids=["dropped again", "resumed"])
def test_what_is_in_service_has_nothing_new_when_it_is_dropped_again_or_resumed(
    promoted: Walk, more: dict[str, Any]
) -> None:
    clients.stepfunctions().stop_execution(executionArn=promoted.execution["Id"])
    again = dropped(promoted.account)
    if more:
        given = promoted.execution["Input"] | {"attempt": 2, "resume": promoted.known["run"]["run_id"]}
        again.execution = {"Id": promoted.account.start("resumed", given), "Input": given}
    for state in ("Plan Run", "Validate Dataset", "Prepare Dataset", "Notify Nothing New"):
        again.task(state)
    assert again.known["run"]["resume"] == (promoted.known["run"]["run_id"] if more else None)
    earlier = again.known["prepared"]["earlier"]
    assert (earlier["run_id"], earlier["standing"]) == (promoted.known["run"]["run_id"], "in_service")
    [mail] = [mail for mail in promoted.account.mails if again.execution["Id"] in mail.body]
    assert mail.subject == "Nothing new: shop"


def test_an_execution_that_was_redriven_sends_one_more_mail(promoted: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    running, request = promoted.account, promoted.execution["Input"]
    arn = running.start("redriven", request)
    error = {"Error": "SettingsInvalid", "Cause": "settings.yaml: no"}
    told = {"outcome": "RequestRefused", "execution_arn": arn, "request": request, "error": error}
    running.invoke("Notify", told)
    client = clients.stepfunctions()
    describe = client.describe_execution
    monkeypatch.setattr(client, "describe_execution", lambda **asked: describe(**asked) | {"redriveCount": 1})
    for _ in range(2):
        running.invoke("Notify", told)
    subjects = [mail.subject for mail in running.mails if arn in mail.body]
    assert [subject.startswith("Correction: ") for subject in subjects] == [False, True]


def test_a_second_execution_for_the_same_object_is_told_so_and_plans_nothing(promoted: Walk) -> None:
    request = promoted.execution["Input"]
    other = promoted.account.start("duplicate", request)
    planned = promoted.account.invoke("PlanRun", {"request": request, "execution_arn": other})
    assert (planned["first_delivery"], planned["candidates"]) == (False, [])
    assert planned["run_id"] == promoted.known["run"]["run_id"]


def test_a_run_has_the_prices_that_the_price_list_told_when_it_was_planned(promoted: Walk) -> None:
    run = promoted.known["run"]
    assert run["listed"]["prices"] == run["settings"]["prices"]
    assert run["settings"]["prices"]["training_per_1k_tokens"] == 0.001
    assert any("Prices are those of AWS's price list of " in mail.body for mail in promoted.account.mails)


@pytest.mark.parametrize("key", ['incoming/quo"te/a.jsonl', "incoming/back\\slash.jsonl", "incoming/x/data.zip"])
def test_an_event_starts_one_execution_that_plan_run_reads_whatever_the_key(running: Account, key: str) -> None:
    version = running.put(key, b"{}\n")
    told = [event_of(key, version), event_of(key, version, id="another delivery")]
    [arn, again] = [running.invoke("StartRun", each)["execution_arn"] for each in told]
    assert arn == again
    assert DatasetDropped.model_validate(input_of(arn)).key == key


def test_an_error_leaves_a_handler_under_the_name_that_states_match(running: Account) -> None:
    request = {"bucket": DATASETS, "key": "incoming/shop/data.zip", "version_id": "1", "event_time": "2026-11-21"}
    with pytest.raises(UnsupportedDataset, match="incoming/<project>/"):
        running.invoke("PlanRun", {"request": request, "execution_arn": "arn:execution"})


def test_what_the_sweeper_removed_is_a_metric_and_a_mail(stopped: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    model = stopped.account.emulator.add_model("forgotten", "amazon.nova-micro-v1:0:128k")
    own = {STACK_TAG: STACK, PROJECT_TAG: "shop", RUN_TAG: "20261121-103001-00000001"}
    name, tags = f"shop-{own[RUN_TAG]}", [{"key": key, "value": value} for key, value in own.items()]
    arn = clients.bedrock().create_custom_model_deployment(
        modelDeploymentName=name,
        modelArn=model,
        tags=tags,  # type: ignore[arg-type]  # tags
    )["customModelDeploymentArn"]
    stopped.account.clock.advance(30)
    assert stopped.account.invoke("SweepEndpoints", {})["released"] == [arn]
    assert '"EndpointsSwept":[1.0]' in capsys.readouterr().out
    assert stopped.account.mails[-1].subject == f"Left behind and ended by the sweeper of {STACK}: 1"
    assert arn in stopped.account.mails[-1].body
