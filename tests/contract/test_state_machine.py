"""The state machine's promises that can be read off its definition."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from statelint.linter import Linter

from finetune import contracts, errors, parts
from finetune.aws.runs import MOST_REMATCHES
from finetune.domain.customization.jobs import (
    APPROVAL_BOUND,
    CREATING_BOUND,
    JOB_BOUND,
    QUOTA_BOUND,
    QUOTA_INTERVAL,
    RUN_BOUND,
    next_wait,
)
from finetune.domain.evaluation.pacing import SHARDS_AT_ONCE
from finetune.estimate import shards_of
from tests.simulation.rules import condition
from tests.simulation.values import Scope
from tools.project import ROOT, definition, given_to, resources, states, substitution, waits_for_token

ALL = dict(states())
TASKS = {name: state for name, state in ALL.items() if state["Type"] == "Task"}
ASKING = [name for name, state in TASKS.items() if waits_for_token(state)]
MAPS = {name: state for name, state in ALL.items() if state["Type"] == "Map"}
TRANSIENT = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "ServiceBusy",
}
# What a run waits for in a state that has no room for it.
ROOM = ["QuotaExceeded", "TooManyRunsAtOnce"]
# It looks at what is paid for and cannot be had again, so it outlives an outage of hours.
PATIENT = "Check Customization Job"
LEAVES = {
    name
    for name, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, errors.FineTuneError) and not error.__subclasses__()
}


def rendered() -> str:
    """The definition as CloudFormation hands it over, with an ARN in every substitution's place."""
    text = json.dumps(definition())
    for state in TASKS.values():
        text = text.replace(f"${{{substitution(state)}}}", "arn:aws:lambda:us-east-1:000000000000:function:some")
    return text


def ways_out(state: dict[str, Any]) -> Iterator[str]:
    for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        yield from (rule[key] for key in ("Next", "Default") if key in rule)


def reachable(start: str, table: dict[str, dict[str, Any]]) -> set[str]:
    seen, open_ends = set(), [start]
    while open_ends:
        name = open_ends.pop()
        if name not in seen:
            seen.add(name)
            open_ends.extend(ways_out(table[name]))
    return seen


def paid_zone() -> list[str]:
    """The Tasks and Maps from the first state that is billed up to Release Endpoint."""
    top = definition()["States"]
    inside = reachable("Train Candidates", top | {"Release Endpoint": {}})
    return sorted(name for name in inside - {"Release Endpoint"} if top[name]["Type"] in {"Task", "Map"})


def test_a_deployment_is_leased_for_as_long_as_a_run_may_last() -> None:
    assert definition()["TimeoutSeconds"] == RUN_BOUND.total_seconds()


def test_both_linters_accept_the_definition() -> None:
    AmazonStateLanguageParser.parse(rendered())
    problems = Linter.validate(json.loads(rendered()))
    # statelint does not know JSONPath's QueryLanguage field, nor the paths of a Fail state, which came later.
    later = ("QueryLanguage", "ErrorPath", "CausePath", "ItemSelector", "ItemProcessor")
    assert [problem for problem in problems if not any(word in problem for word in later)] == []


def test_a_broken_definition_is_refused_by_the_same_linters() -> None:
    broken = json.loads(rendered())
    broken["States"]["Plan Run"]["Next"] = "Nowhere"
    assert any("Nowhere" in problem for problem in Linter.validate(broken))
    broken["States"]["Plan Run"]["Catch"][0]["ErrorEquals"] = ["States.Everything"]
    with pytest.raises(ValueError, match=r"States\.Everything"):
        AmazonStateLanguageParser.parse(json.dumps(broken))


def test_every_state_has_a_comment() -> None:
    assert [name for name, state in ALL.items() if not state.get("Comment")] == []


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_bounded_retried_by_name_and_caught(name: str) -> None:
    state = TASKS[name]
    assert state["TimeoutSeconds"] <= 920 or name in ASKING
    retried = [set(rule["ErrorEquals"]) for rule in state["Retry"]]
    assert retried[0] == TRANSIENT
    assert "States.ALL" not in set().union(*retried)
    for rule in state["Retry"]:
        if rule["ErrorEquals"] != ROOM:  # a wait of its own, whose bound is exact
            assert rule["JitterStrategy"] == "FULL"
            assert rule["MaxDelaySeconds"] > rule["IntervalSeconds"]
            assert rule["MaxAttempts"] <= 40
    if name != "Evaluate Shard":  # its Map catches for it
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
        assert state["Catch"][-1]["ResultPath"].startswith("$.")


@pytest.mark.parametrize("name", MAPS)
def test_what_an_iteration_does_not_catch_its_map_does(name: str) -> None:
    assert MAPS[name]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Release Endpoint"},
    ]


@pytest.mark.parametrize("name", TASKS)
def test_a_state_waits_longer_than_its_function_may_run(name: str) -> None:
    function = resources("AWS::Serverless::Function")[substitution(TASKS[name]).removesuffix("Arn")]
    assert TASKS[name]["TimeoutSeconds"] > function["Properties"]["Timeout"]


def test_a_shard_knows_how_many_are_asked_at_once_and_any_set_fits_the_contract() -> None:
    assert MAPS["Evaluate Shards"]["MaxConcurrency"] == SHARDS_AT_ONCE
    (bound,) = contracts.PrepareDatasetOutput.model_fields["shards"].metadata
    assert max(len(shards_of(items)) for items in (1, 999, 1_000, 1_001, 50_000)) == bound.max_length


@pytest.mark.parametrize("outcome", get_args(parts.Outcome))
def test_an_outcome_has_its_mail_and_its_end(outcome: str) -> None:
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", outcome)
    mailing, end = ALL[f"Notify {words}"], ALL[words]
    assert mailing["Parameters"]["outcome"] == outcome
    assert mailing["Next"] == words
    without_mail = mailing["Catch"][-1]["Next"]
    assert end["Type"] in {"Succeed", "Fail"}
    assert without_mail == (words if end["Type"] == "Succeed" else f"{words} Without Mail")
    assert ALL[without_mail]["Type"] == end["Type"]


TRAINED = {"run", "prepared", "model"}
TOLD = {
    "RequestRefused": {"request", "error"},
    "DatasetRejected": {"run", "validation"},
    "NothingNew": {"run", "prepared"},
    "BudgetExceeded": {"run", "prepared"},
    "NoVerdictPossible": {"run", "prepared"},
    "ApprovalExpired": {"run", "prepared", "error"},
    "ApprovalRejected": {"run", "prepared", "error"},
    "TrainingFailed": TRAINED,
    "RunFailed": {"run", "error"},
    "ModelNotPromoted": TRAINED | {"evaluation"},
    "ModelPromoted": TRAINED | {"evaluation", "promotion"},
}


@pytest.mark.parametrize("outcome", get_args(parts.Outcome))
def test_a_mail_is_given_what_it_tells_of(outcome: str) -> None:
    [mailing] = [state for state in TASKS.values() if state["Parameters"].get("outcome") == outcome]
    given = {key.removesuffix(".$") for key in mailing["Parameters"]} - {"outcome", "execution_arn"}
    assert given == TOLD[outcome]


def test_every_mail_is_that_of_an_outcome() -> None:
    mailed = {state["Parameters"]["outcome"] for name, state in TASKS.items() if name.startswith("Notify ")}
    assert mailed == set(get_args(parts.Outcome))


def test_retriers_of_one_error_are_the_same_in_every_task() -> None:
    kinds = {json.dumps(rule) for name, state in ALL.items() if name != PATIENT for rule in state.get("Retry", [])}
    retried = [error for kind in kinds for error in json.loads(kind)["ErrorEquals"]]
    assert sorted(retried) == sorted(set(retried))
    of_every_task = {json.dumps(state["Retry"][:2]) for name, state in TASKS.items() if name != PATIENT}
    assert len(of_every_task) == 1


def waits_of(name: str) -> dict[str, float]:
    """The hours that the retries of each error wait at most, in a Task."""
    return {error: longest_waits(rule) / 3600 for rule in TASKS[name]["Retry"] for error in rule["ErrorEquals"]}


# Which Tasks try again for hours beside those that wait for capacity, and after which errors.
PATIENT_FOR = {
    "Release Endpoint": {"EndpointBusy"},
    "Release Endpoint Before Approval": {"EndpointBusy"},
    "Promote Model": {"EndpointBusy"},
    PATIENT: TRANSIENT | {"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "States.Timeout"},
}


def test_what_is_paid_for_or_in_service_is_tried_again_for_hours() -> None:
    patient = {
        name: {error for error, hours in waits_of(name).items() if hours > 2 and error not in ROOM} for name in TASKS
    }
    assert {name: errors for name, errors in patient.items() if errors} == PATIENT_FOR
    assert min(waits_of(PATIENT).values()) > 8


def test_a_shard_that_is_not_finished_is_continued_for_as_long_as_its_questions_may_take() -> None:
    [rule] = [rule for rule in TASKS["Evaluate Shard"]["Retry"] if rule["ErrorEquals"] == ["EvaluationUnfinished"]]
    seconds = resources("AWS::Serverless::Function")["EvaluateShardFunction"]["Properties"]["Timeout"]
    # A quota of four answers a minute is shared by the shards that are asked at once; there are three contestants.
    asked = 3 * max(shard.count for shard in shards_of(1_000))
    assert rule["MaxAttempts"] * seconds > asked * SHARDS_AT_ONCE / 4 * 60


def chosen(name: str, known: dict[str, Any]) -> str:
    """Where a Choice leads with what is known."""
    scope = Scope(known, {})
    return str(next((rule["Next"] for rule in ALL[name]["Choices"] if condition(rule)(scope)), ALL[name]["Default"]))


RELEASED: dict[str, Any] = {"release": {"promotion": None}}
IN_SERVICE: dict[str, Any] = {"release": {"promotion": {}}}


@pytest.mark.parametrize(
    ("name", "known", "leads_to"),
    [
        ("Which Outcome?", IN_SERVICE | {"promotion": {}, "evaluation": {}}, "Notify Model Promoted"),
        ("Which Outcome?", IN_SERVICE | {"error": {}, "evaluation": {}}, "Already In Service"),
        ("Which Outcome?", RELEASED | {"error": {}, "evaluation": {}}, "Notify Run Failed"),
        ("Which Outcome?", RELEASED | {"evaluation": {}}, "Notify Model Not Promoted"),
        ("Which Outcome?", RELEASED, "Notify Training Failed"),
        ("Which Outcome?", {"release": {}, "error": {}}, "Notify Run Failed"),
        ("Already Failed Or Promoted?", {"promotion": {}, "evaluation": {}}, "Notify Model Promoted"),
        ("Already Failed Or Promoted?", {"error": {}, "evaluation": {}}, "Notify Run Failed"),
        ("Already Failed Or Promoted?", {"evaluation": {}}, "Release Failed"),
    ],
)
def test_what_is_published_decides_before_what_failed_and_that_before_what_was_measured(
    name: str, known: dict[str, Any], leads_to: str
) -> None:
    assert chosen(name, known) == leads_to


@pytest.mark.parametrize("status", get_args(parts.JobStatus))
def test_a_job_is_waited_for_until_it_costs_no_more(status: str) -> None:
    going = status in {"InProgress", "Stopping"}
    expected = "Wait For Customization Job" if going else "Candidate Ended"
    assert chosen("Customization Job Finished?", {"progress": {"status": status}}) == expected


@pytest.mark.parametrize(
    ("name", "path", "yes", "no"),
    [
        ("First Delivery?", "run.first_delivery", "Validate Dataset", "Duplicate Ignored"),
        ("Dataset Accepted?", "validation.accepted", "Prepare Dataset", "Notify Dataset Rejected"),
        ("Within Budget?", "prepared.within_budget", "Approval Needed?", "Notify Budget Exceeded"),
    ],
)
def test_money_is_spent_only_on_what_is_new_accepted_and_within_the_budget(
    name: str, path: str, yes: str, no: str
) -> None:
    key, _, field = path.partition(".")
    assert [chosen(name, {key: {field: answer}}) for answer in (True, False)] == [yes, no]


def test_what_is_trained_already_is_not_trained_again_and_what_is_not_new_ends_at_once() -> None:
    assert chosen("Anything New?", {"prepared": {"earlier": None}}) == "Verdict Possible?"
    assert chosen("Anything New?", {"prepared": {"earlier": {"run_id": "r"}}}) == "Notify Nothing New"
    assert chosen("Already Trained?", {"prepared": {"model": None}}) == "Train Candidates"
    assert chosen("Already Trained?", {"prepared": {"model": {"outcome": "trained"}}}) == "Earlier Model"
    assert ALL["Earlier Model"]["ResultPath"] == TASKS["Select Model"]["ResultPath"]
    assert ALL["Earlier Model"]["Next"] == TASKS["Select Model"]["Next"]


def test_a_changed_champion_leads_to_a_rematch_and_no_other_error_does() -> None:
    first, *others = TASKS["Promote Model"]["Catch"]
    assert (first["ErrorEquals"], first["Next"]) == (["ChampionChanged"], "Release Endpoint Before Rematch")
    before = TASKS["Release Endpoint Before Rematch"]
    assert before["Parameters"]["keep.$"] == "$.endpoint"
    assert before["Next"] == "Plan Rematch"
    caught = [*others, *before["Catch"], *TASKS["Plan Rematch"]["Catch"]]
    assert {rule["Next"] for rule in caught} == {"Release Endpoint"}
    assert TASKS["Plan Rematch"]["Next"] == "Evaluate Shards"


def test_a_champion_that_changed_before_the_answer_leads_to_a_rematch_too() -> None:
    changed = next(
        rule for rule in TASKS["Request Approval For Service"]["Catch"] if rule["ErrorEquals"] == ["ChampionChanged"]
    )
    # Nothing is open for service yet.
    assert (changed["ResultPath"], changed["Next"]) == ("$.changed", "Plan Rematch")


@pytest.mark.parametrize(
    ("possible", "evaluation", "leads_to"),
    [
        (True, "required", "Within Budget?"),
        (False, "required", "Notify No Verdict Possible"),
        (False, "optional", "Within Budget?"),
    ],
)
def test_what_cannot_be_judged_is_trained_only_where_the_settings_say_so(
    possible: bool, evaluation: str, leads_to: str
) -> None:
    known = {"prepared": {"verdict_possible": possible}, "run": {"settings": {"evaluation": evaluation}}}
    assert chosen("Verdict Possible?", known) == leads_to


@pytest.mark.parametrize(
    ("decision", "provision", "leads_to"),
    [
        ("promote", True, "Provision Throughput"),
        ("promote", False, "Keep Evaluated Endpoint"),
        ("do_not_promote", True, "Release Endpoint"),
        ("do_not_promote", False, "Release Endpoint"),
        ("inconclusive", False, "Release Endpoint"),
    ],
)
def test_only_what_was_found_better_is_promoted(decision: str, provision: bool, leads_to: str) -> None:
    assert chosen("Promote?", {"evaluation": {"decision": decision, "provision": provision}}) == leads_to


@pytest.mark.parametrize(
    ("ask", "kind", "leads_to"),
    [
        ("Why.", "provisioned", "Release Endpoint Before Approval"),
        ("Why.", "on_demand", "Request Approval For Service"),
        (None, "provisioned", "Provision Throughput"),
    ],
)
def test_a_person_is_asked_before_service_and_what_is_billed_by_the_hour_does_not_wait(
    ask: str | None, kind: str, leads_to: str
) -> None:
    evaluation = {"decision": "promote", "provision": True, "ask": ask}
    assert chosen("Promote?", {"evaluation": evaluation, "endpoint": {"kind": kind}}) == leads_to
    refused = evaluation | {"decision": "do_not_promote"}
    assert chosen("Promote?", {"evaluation": refused, "endpoint": {"kind": kind}}) == "Release Endpoint"


@pytest.mark.parametrize(("ask", "leads_to"), [("Why.", "Request Approval"), (None, "Already Trained?")])
def test_a_person_is_asked_before_training_when_the_estimate_is_above_the_line(ask: str | None, leads_to: str) -> None:
    assert chosen("Approval Needed?", {"prepared": {"ask": ask}}) == leads_to


def test_a_question_is_open_as_long_as_is_said_and_its_end_is_caught_by_name() -> None:
    assert ASKING == ["Request Approval", "Request Approval For Service"]
    for name in ASKING:
        assert TASKS[name]["TimeoutSeconds"] == APPROVAL_BOUND.total_seconds() == 3 * 24 * 3600
        caught = {error for rule in TASKS[name]["Catch"] for error in rule["ErrorEquals"]}
        assert caught - {"ChampionChanged"} == {"States.Timeout", "ApprovalRejected", "States.ALL"}
        assert TASKS[name]["Parameters"]["Payload"]["token.$"] == "$$.Task.Token"


def test_what_was_declined_keeps_its_verdict_and_ends_as_not_promoted() -> None:
    declined = TASKS["Request Approval For Service"]["Catch"][0]
    assert (declined["ResultPath"], declined["Next"]) == ("$.evaluation.declined", "Release Endpoint")
    assert "declined" in contracts.JudgeEvaluationOutput.model_fields


def test_what_is_put_into_service_is_the_endpoint_that_was_provisioned_or_kept_for_it() -> None:
    assert TASKS["Promote Model"]["Parameters"]["throughput.$"] == "$.throughput"
    for name in ("Provision Throughput", "Keep Evaluated Endpoint"):
        assert ALL[name]["ResultPath"] == "$.throughput"


@pytest.mark.parametrize("name", TASKS)
def test_a_task_names_its_inputs_as_its_contract_does(name: str) -> None:
    state = TASKS[name]
    contract = getattr(contracts, substitution(state).replace("FunctionArn", "Input"))
    given = {key.removesuffix(".$") for key in given_to(state)}
    required = {key for key, field in contract.model_fields.items() if field.is_required()}
    assert required <= given <= set(contract.model_fields)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_adds_exactly_one_key_and_its_comment_says_which(name: str) -> None:
    state = TASKS[name]
    path = state.get("ResultPath", "$")
    if name == "Evaluate Shard":  # its output is one element of the Map's result
        assert path == "$"
    elif path is None:
        assert state["Comment"].startswith("Adds nothing.")
    else:
        assert path.count(".") == 1
        assert state["Comment"].startswith(f"Adds {path}.")


@pytest.mark.parametrize("name", [name for name, state in ALL.items() if state["Type"] == "Choice"])
def test_a_choice_is_a_question_with_a_default(name: str) -> None:
    assert name.endswith("?")
    assert "Default" in ALL[name]


def test_waits_say_what_for_and_take_their_seconds_from_the_payload() -> None:
    waits = {name: state for name, state in ALL.items() if state["Type"] == "Wait"}
    assert waits
    for name, state in waits.items():
        assert name.startswith("Wait For ")
        assert state["SecondsPath"].endswith(".wait_seconds")


def test_every_error_that_is_named_exists_and_base_classes_are_never_named() -> None:
    named = {
        error
        for state in TASKS.values()
        for rule in [*state["Retry"], *state.get("Catch", [])]
        for error in rule["ErrorEquals"]
    }
    ours = {error for error in named if "." not in error}
    assert ours <= LEAVES


def longest_waits(rule: dict[str, Any]) -> float:
    """The seconds that all retries of a rule wait at most."""
    waits = [float(rule["IntervalSeconds"] * rule["BackoffRate"] ** each) for each in range(rule["MaxAttempts"])]
    return sum(min(wait, float(rule.get("MaxDelaySeconds", wait))) for wait in waits)


def attempts(state: dict[str, Any]) -> int:
    return 1 + sum(int(rule["MaxAttempts"]) for rule in state["Retry"])


def polls(bound: timedelta) -> int:
    """How often something is looked at that takes this long."""
    elapsed, looks = timedelta(), 0
    while elapsed < bound:
        elapsed, looks = elapsed + timedelta(seconds=next_wait(elapsed)), looks + 1
    return looks


# How much more of a Task than one time a run may need, because of rematches. Of a shard only the answers of the new
# model in service are asked for again, which is one contestant of three.
REMATCHED = {
    "Evaluate Shard": MOST_REMATCHES / 3,
    **dict.fromkeys(
        ("Judge Evaluation", "Promote Model", "Release Endpoint Before Rematch", "Plan Rematch"), MOST_REMATCHES
    ),
}
# What a rematch may wait for anew: an answer, capacity and an endpoint. The machine has time for each once, because a
# run may not last longer than its files are kept; a run that waits its longest for each of them again times out.
WAITED_FOR_AGAIN = (
    "Release Endpoint Before Approval",
    "Request Approval For Service",
    "Provision Throughput",
    "Check Endpoint In Service",
)

# How often a run looks at something at most.
LOOKED_AT = {
    "Check Customization Job": JOB_BOUND,
    "Check Endpoint": CREATING_BOUND,
    "Check Endpoint In Service": CREATING_BOUND,
}
SHARDS = contracts.MOST_SHARDS
WAITING_FOR_CAPACITY = [
    name for name, state in TASKS.items() for rule in state["Retry"] if set(ROOM) & set(rule["ErrorEquals"])
]


@pytest.mark.parametrize("name", WAITING_FOR_CAPACITY)
def test_a_quota_is_waited_for_exactly_as_long_as_is_said(name: str) -> None:
    [rule] = [rule for rule in TASKS[name]["Retry"] if rule["ErrorEquals"] == ROOM]
    assert rule["JitterStrategy"] == "NONE"
    assert longest_waits(rule) == QUOTA_BOUND.total_seconds() == 48 * 3600
    assert rule["IntervalSeconds"] == QUOTA_INTERVAL.total_seconds()


def test_a_run_waits_for_room_for_its_job_for_an_endpoint_and_for_what_serves() -> None:
    assert WAITING_FOR_CAPACITY == ["Start Customization Job", "Open Endpoint", "Provision Throughput"]
    sources = {name: (ROOT / "functions" / folder_of(name) / "app.py").read_text() for name in WAITING_FOR_CAPACITY}
    assert [name for name, source in sources.items() if "with waiting.told(" not in source] == []


def folder_of(state: str) -> str:
    stem = substitution(TASKS[state]).removesuffix("FunctionArn")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stem).lower()


def test_the_machine_gives_every_wait_every_attempt_and_every_shard_its_time() -> None:
    """The sum of all bounds, were a run to meet all of them, is within that of the machine."""
    functions, at_once = resources("AWS::Serverless::Function"), MAPS["Evaluate Shards"]["MaxConcurrency"]
    needed = {
        name: attempts(state) * functions[substitution(state).removesuffix("Arn")]["Properties"]["Timeout"]
        + sum(map(longest_waits, state["Retry"]))
        for name, state in TASKS.items()
    }
    needed["Evaluate Shard"] *= -(-SHARDS // at_once)
    needed = {name: seconds * (1 + REMATCHED.get(name, 0)) for name, seconds in needed.items()}
    waits = sum(bound.total_seconds() for bound in LOOKED_AT.values()) + len(ASKING) * APPROVAL_BOUND.total_seconds()
    assert len(WAITING_FOR_CAPACITY) * QUOTA_BOUND.total_seconds() < sum(needed.values())
    assert sum(needed.values()) + waits <= definition()["TimeoutSeconds"]


def test_the_longest_run_stays_within_the_events_that_a_history_may_hold() -> None:
    rematched = dict.fromkeys([*REMATCHED, *WAITED_FOR_AGAIN], 1 + MOST_REMATCHES)
    looked_at = {name: polls(bound) * rematched.get(name, 1) for name, bound in LOOKED_AT.items()}
    passed = rematched | looked_at | {"Evaluate Shard": (1 + MOST_REMATCHES) * SHARDS}
    # A Task is entered and left, an attempt is scheduled, started and ended; beside a look stand a Choice and a Wait.
    tasks = sum(2 * passed.get(name, 1) + 3 * (attempts(state) + passed.get(name, 1)) for name, state in TASKS.items())
    shards = 3 * (attempts(TASKS["Evaluate Shard"]) - 1) * (SHARDS - 1) + 2 * SHARDS
    looks = 4 * sum(passed[name] for name in LOOKED_AT)
    others = 2 * (len(ALL) - len(TASKS)) + 10
    assert tasks + shards + looks + others < 25_000


def test_the_machine_and_every_loop_have_a_bound() -> None:
    assert definition()["TimeoutSeconds"] == 29 * 24 * 3600
    assert all(state["MaxConcurrency"] in range(1, 5) for state in MAPS.values())


@pytest.mark.parametrize("name", paid_zone())
def test_every_way_out_of_the_paid_zone_passes_release(name: str) -> None:
    top = definition()["States"]
    without_release = {key: state for key, state in top.items() if key != "Release Endpoint"}
    ends = {key for key, state in top.items() if state["Type"] in {"Succeed", "Fail"}}
    seen, open_ends = set(), [name]
    while open_ends:
        here = open_ends.pop()
        if here in seen or here not in without_release:
            continue
        seen.add(here)
        open_ends.extend(ways_out(top[here]))
    assert not seen & ends


def test_every_state_can_be_reached_and_every_run_ends_with_a_mail_or_as_a_duplicate() -> None:
    top = definition()["States"]
    assert reachable("Plan Run", top) == set(top)
    for machine in MAPS.values():
        inner = machine["ItemProcessor"]
        assert reachable(inner["StartAt"], inner["States"]) == set(inner["States"])
    quiet = {key: state for key, state in top.items() if not key.startswith("Notify ")}
    seen, open_ends = set(), ["Plan Run"]
    while open_ends:
        here = open_ends.pop()
        if here in quiet and here not in seen:
            seen.add(here)
            open_ends.extend(ways_out(quiet[here]))
    assert {key for key in seen if top[key]["Type"] in {"Succeed", "Fail"}} == {"Duplicate Ignored"}


def test_statuses_of_the_service_are_all_named_where_they_are_chosen() -> None:
    chosen = {rule["StringEquals"] for rule in ALL["Customization Job Finished?"]["Choices"]}
    assert chosen == set(get_args(parts.JobStatus))


def test_the_definition_has_no_yaml_alias() -> None:
    text = (ROOT / "statemachine/fine_tuning.asl.yaml").read_text()
    assert not [
        line for line in text.splitlines() if line.strip().startswith(("&", "*")) or ": &" in line or ": *" in line
    ]
