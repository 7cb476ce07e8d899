"""Every scenario without a fault keeps every promise and ends as it should, and a seed tells the same story again."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from tests.actions import takes
from tests.simulation import explorer, product, slices
from tests.simulation.explorer import Case, Chosen, Explorer, Outcome, kind_of, lived, points, replay, sampled
from tests.simulation.faults import Fault, parse
from tests.simulation.permissions import JOBS, Use, granted
from tests.simulation.points import Point, variants
from tests.simulation.remembered import Memory
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.worlds import BELIEVED, WITH_KEY

ENDING = [each for each in SCENARIOS.values() if each.subjects]


@cache
def with_key(line: str) -> tuple[Outcome, frozenset[Use]]:
    """What comes of a case, and what it was allowed, with a key of the stack's own, which only asks for more."""
    case = replace(Case.parse(line), world=f"{BELIEVED}{WITH_KEY}")
    world, outcome = lived(case)
    return outcome, frozenset(world.used)


@pytest.mark.parametrize("scenario", ENDING, ids=lambda each: each.name)
def test_a_scenario_without_a_fault_keeps_every_promise(scenario: Scenario) -> None:
    outcome, _ = with_key(scenario.name)
    assert outcome.violations == ()
    assert len(outcome.mails) == len(scenario.subjects)
    for mail, wanted in zip(sorted(outcome.mails), sorted(scenario.subjects), strict=True):
        assert mail.startswith(wanted)


# Faults after which functions do what they do at no other time.
# By scenario, the first point of that name, and fault; a number would be another point's after each new call.
RARELY = (
    ("same_at_once", "StartRun sfn StartExecution", "what=ExecutionLimitExceeded scope=600"),  # the sweeper starts it
    (
        "approved_by_two",
        "Decide sfn DescribeExecution",
        "what=abort event=lost delay=0",
    ),  # the sweeper looks for the run
    ("first", "Check Customization Job", "what=abort event=ok"),  # the job is stopped
    ("kind_change", "Throughput In Service?", "what=time-out event=ok"),  # the hours of throughput are read
)


def line_of(scenario: str, name: str, fault: str) -> str:
    point = next(each for each in points(scenario) if each.what == name)
    return f"{scenario} {point.at}={point.number} {fault}"


# What is granted and not done in any of these, by whose it is, statement and action.
UNUSED = {
    ("AskModelsPolicy", "AskModels", "bedrock:InvokeModel"): "base models that are asked through a profile",
    ("AskPolicy", "EmptyOutbox", "s3:DeleteObject"): "a mail whose sending failed in between",
    ("FindModelPolicy", "ListJobsAndModels", "bedrock:ListCustomModels"): "a model that was deleted, or is not found",
    ("FindModelPolicy", "ListJobsAndModels", "bedrock:ListModelCustomizationJobs"): "a job that is not found",
    ("MailPolicy", "EmptyOutbox", "s3:DeleteObject"): "a mail whose sending failed in between",
    ("PrepareDataset", "ReadSurveysAndWhatTheModelInServiceLearned", "s3:GetObject"): "datasets with media",
    ("PrepareDataset", "SeeWhatRunsHaveCost", "s3:GetObject"): "a monthly budget of which an ended run has a share",
    ("PrepareDataset", "ReadDataset", "s3:GetObjectVersion"): "a project's own validation set",
    ("PrepareDataset", "StageOnce", "s3:PutObject"): "datasets with media",
    ("PrepareDataset", "StageOnce", "s3:AbortMultipartUpload"): "a large file whose upload failed",
    ("PlanRematch", "ReadItemsAndWhatTheModelInServiceLearned", "s3:GetObject"): "datasets with media",
    ("PromoteModel", "DeleteOldModels", "bedrock:DeleteCustomModel"): "more models than the settings keep",
    ("ProvisionThroughput", "KeepTheHoursOfThroughput", "s3:PutObject"): "throughput of another kind is released",
    ("StartCustomization", "SeeWhetherMediaChanged", "s3:ListBucket"): "datasets with media",
    ("StartCustomization", "SeeWhichMediaWereValidated", "s3:GetObject"): "datasets with media",
    ("StartRun", "KeepStarts", "s3:DeleteObject"): "an execution that was started and not told of",
    ("StartRun", "KeepStarts", "s3:GetObject"): "an execution that was started and not told of",
    ("SweepEndpoints", "DeleteOldModels", "bedrock:DeleteCustomModel"): "models whose days are over",
    ("SweepEndpoints", "KeepStarts", "s3:PutObject"): "a start that is refused for half an hour",
    ("TakePlacePolicy", "SeeWhoseEndpoints", "bedrock:ListTagsForResource"): "no place is left",
    ("TakePlacePolicy", "TakePlace", "s3:DeleteObject"): "a place that was taken and is given back",
    ("ValidateDataset", "ReadDataset", "s3:GetObjectVersion"): "a project's own validation set",
    ("ValidateDataset", "WriteReport", "s3:PutObject"): "datasets with media",
    ("ValidateDataset", "WriteReport", "s3:AbortMultipartUpload"): "a large file whose upload failed",
    (JOBS, "ListData", "s3:ListBucket"): "AWS's page about the role asks for it",
    (JOBS, "ReadReferencedMedia", "s3:GetObject"): "datasets with media",
    (JOBS, "ReadStagedData", "s3:GetObject"): "datasets with media",
    (JOBS, "WriteOutput", "s3:GetObject"): "AWS's page about the role asks for it",
}


def test_all_that_is_granted_is_used_or_stands_here_with_its_reason() -> None:
    """What a function may not do fails its scenario. CloudFormation invokes End Stack, which the simulation has not."""
    lines = [*(each.name for each in ENDING if each.name != "first_3d"), *(line_of(*each) for each in RARELY)]
    used = set().union(*(with_key(line)[1] for line in lines))
    found = {
        (grant.owner, grant.sid, grant.action)
        for grant, stems in granted().items()
        if takes(grant.action, grant.resource) and not any(grant.is_used(use) for use in used if use.stem in stems)
    }
    assert found == UNUSED.keys()


def test_a_seed_tells_the_same_story_again_and_another_seed_another_one() -> None:
    first, again, other = (replay(Case("two_datasets", jitter=seed))[0] for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "line",
    [
        "call=40 what=InternalServerException scope=invocation",
        "call=60 what=exit-after scope=once",
        "call=100 what=abort event=doubled delay=0.9",
        "invoke=20 what=Lambda.Unknown-after scope=once",
        "state=40 what=abort event=lost redrive=300",
        "state=40 what=time-out event=unswept",
        "call=60 what=late scope=once + call=80 what=hang scope=once",
    ],
)
def test_a_fork_and_its_replay_tell_the_same_story(line: str) -> None:
    case = Case("first", tuple(parse(line)))
    first = case.faults[0]
    point = next(each for each in points("first") if (each.at, each.number) == (first.at, first.number))
    [outcome] = Explorer().explore([Chosen(case, point)])
    assert outcome.digest == replay(case)[1].digest
    assert outcome.case == str(case)
    assert Case.parse(str(case)) == case


def test_a_slice_that_somebody_ends_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    assert slices.broken(("first",), 1) == "It ended with 1."


@pytest.mark.parametrize(
    "line",
    [
        "takeover",
        "first call=41 what=cut scope=once",  # in the middle of an object's body
        "first call=54 what=ModelTimeoutException scope=600",  # botocore does not repeat it
        "kind_change call=141 what=InternalServerException scope=18000",  # botocore repeats it
    ],
)
def test_what_is_remembered_of_calls_changes_no_story(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case.parse(line)
    replay(case)
    remembered = replay(case)
    monkeypatch.setattr(product, "_clients", {})
    monkeypatch.setattr(product, "attempt_cheaply", lambda _: None)
    monkeypatch.setattr(Memory, "_key", lambda *_: None)
    assert replay(case) == remembered


@pytest.mark.parametrize(
    "line",
    [
        "first call=1 what=ThrottlingException scope=invocation",  # the start is written down
        "first state=20 what=abort event=ok",  # the job is stopped
        "takeover call=160 what=AccessDeniedException scope=invocation",
    ],
)
def test_what_is_done_after_a_fault_only_is_allowed_too(line: str) -> None:
    assert replay(Case.parse(line))[1].violations == ()


def test_a_sample_is_the_same_for_the_same_seed_and_has_faults_of_every_kind() -> None:
    one, again, other = (sampled(["rejected"], 200, seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert {fault.at for each in one for fault in each.case.faults} == {"call", "invoke", "state"}


def test_a_sample_has_one_fault_of_each_kind_at_each_place_before_a_second() -> None:
    def places(chosen: list[Chosen]) -> Counter[tuple[str, str]]:
        return Counter((each.where, kind_of(each.case)) for each in chosen)

    every = places(sampled(["rejected"], None, 1, doubles=0))
    some, more = (sampled(["rejected"], limit, 1, doubles=0) for limit in (len(every) // 2, len(every) + 10))
    assert set(places(some).values()) == {1}
    assert places(more).keys() == every.keys()


def test_a_scenario_begins_with_what_no_scenario_before_has_tried() -> None:
    first, both = sampled(["refused"], 10**6, 1, doubles=0), sampled(["refused", "budget"], 400, 1, doubles=0)
    known = {(each.where, kind_of(each.case)) for each in first}
    tried = {(each.where, kind_of(each.case)) for each in both if each.case.scenario == "budget"}
    new = {(each.where, kind_of(each.case)) for each in sampled(["budget"], None, 1, doubles=0)} - known
    assert new
    assert new <= tried


def test_a_sample_leaves_a_scenario_alone_until_it_differs_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    later = replace(SCENARIOS["rejected"], since="Dataset Accepted?")
    monkeypatch.setattr(explorer, "SCENARIOS", {"rejected": later})
    sample, every = ({each.where.split()[0] for each in sampled(["rejected"], n, 1)} for n in (400, None))
    assert "ValidateDataset" in every
    assert sample == every - {"StartRun", "PlanRun", "ValidateDataset", "Plan", "First", "Validate"}


@pytest.mark.parametrize("scope", ["18000", "function"])
def test_every_operation_also_fails_for_hours_and_for_ever(scope: str) -> None:
    asked = Point("call", 1, "EvaluateShard bedrock-runtime Converse", True, 1)
    assert {"ThrottlingException", "ModelNotReadyException", "timeout"} <= {
        fault.what for fault in variants(asked) if fault.scope == scope
    }


def test_a_fault_is_a_line_and_a_line_a_fault() -> None:
    for each in sampled(["refused"], None, 0):
        assert parse(" + ".join(map(str, each.case.faults))) == list(each.case.faults)
    assert Fault.parse("state=3 what=abort event=lost redrive=0.3").redrive == 0.3
    assert Case.parse("at_once jitter=5") == Case("at_once", jitter=5)
    case = Case("at_once", (Fault("state", 3, "abort"),), jitter=5)
    assert Case.parse(str(case)) == case


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("nobody call=1 what=reset", "no scenario 'nobody'"), ("first call=x what=reset", "is no fault")],
)
def test_a_line_that_is_no_case_is_refused_with_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Case.parse(line)
