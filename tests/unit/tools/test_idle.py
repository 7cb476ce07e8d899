"""A stack that nobody uses costs less than two dollars a month, and the README says how much."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from tools.idle import cost
from tools.project import ROOT
from tools.translate import translate

TEMPLATE = translate(ROOT / "template.yaml")
# What is billed by use, that is by runs; a kind that is in neither list has to be looked at.
BY_USE = {
    "AWS::Lambda::Function",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
    "AWS::Logs::LogGroup",
}
BY_TIME = {"AWS::CloudWatch::Alarm", "AWS::Scheduler::Schedule"}
FREE = re.compile(
    r"AWS::IAM::\w+|AWS::Events::Rule|AWS::Lambda::(?!Function)\w+|AWS::\w+::\w*(Policy|Subscription)|Custom::\w+"
)


def test_an_idle_stack_costs_less_than_two_dollars_a_month_and_the_readme_says_it() -> None:
    usd = sum(cost(TEMPLATE).values())
    assert usd < 2
    assert f"**Idle**, about ${math.ceil(usd * 10) / 10:.2f} a month" in (ROOT / "README.md").read_text()


def test_nothing_in_the_template_is_billed_by_time_and_left_out() -> None:
    kinds = {each["Type"] for each in TEMPLATE["Resources"].values()}
    assert [kind for kind in sorted(kinds - BY_USE - BY_TIME) if not FREE.fullmatch(kind)] == []


def test_what_is_added_is_added_up() -> None:
    before = cost(TEMPLATE)
    more: dict[str, Any] = {"Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {}}}
    schedule = TEMPLATE["Resources"]["SweepSchedule"]
    faster = {**schedule, "Properties": {**schedule["Properties"], "ScheduleExpression": "rate(5 minutes)"}}
    after = cost({"Resources": {**TEMPLATE["Resources"], **more, "SweepSchedule": faster}})
    assert after["dashboards"] - before["dashboards"] == pytest.approx(3)
    assert after["functions"] == pytest.approx(2 * before["functions"])
    assert before["metrics"] == pytest.approx(0.6)


def test_a_schedule_that_is_not_understood_is_not_free() -> None:
    schedule = TEMPLATE["Resources"]["SweepSchedule"]
    other = {**schedule, "Properties": {**schedule["Properties"], "ScheduleExpression": "cron(0 * * * ? *)"}}
    with pytest.raises(ValueError, match="It is not known how often"):
        cost({"Resources": {**TEMPLATE["Resources"], "SweepSchedule": other}})
