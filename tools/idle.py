"""What a stack costs a month in USD while nobody drops anything, added up from the translated template.

Prices are those of us-east-1 as of 2026-11-30, without the free tier. `python -m tools.idle` prints them line by line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tools.project import ROOT
from tools.translate import translate

MINUTES_PER_MONTH = 365 * 24 * 60 / 12
ALARM, METRIC, DASHBOARD = 0.10, 0.30, 3.00
SCHEDULED, REQUEST, TRACE = 1.00e-6, 0.20e-6, 5.00e-6
GIGABYTE_SECOND = 0.0000133334  # arm64
S3_LIST, S3_GET, LOG_GIGABYTE = 5.00e-6, 0.40e-6, 0.50
# Of one call that finds nothing to do: more than the sweeper takes on the local cloud.
IDLE_SECONDS, IDLE_LISTS, IDLE_GETS, IDLE_LOG_GIGABYTES = 4.0, 8, 8, 4e-6
_EVERY = re.compile(r"rate\((\d+) minutes\)")
# The metrics that functions write whether or not a run goes on.
_METRIC = re.compile(r'add_metric\(\s*name="(\w+)"')


def cost(content: Mapping[str, Any]) -> dict[str, float]:
    """Every line of the bill."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for resource in content["Resources"].values():
        by_kind.setdefault(resource["Type"], []).append(resource["Properties"])
    calls = 0.0
    gigabyte_seconds = 0.0
    for schedule in by_kind.get("AWS::Scheduler::Schedule", []):
        often = _calls(schedule["ScheduleExpression"])
        function = content["Resources"][schedule["Target"]["Arn"]["Fn::GetAtt"][0]]["Properties"]
        calls += often
        gigabyte_seconds += often * IDLE_SECONDS * function["MemorySize"] / 1024
    metrics = {name for path in ROOT.glob("functions/*/app.py") for name in _METRIC.findall(path.read_text())}
    return {
        "alarms": ALARM
        * sum(max(1, len(each.get("Metrics", []))) for each in by_kind.get("AWS::CloudWatch::Alarm", [])),
        "metrics": METRIC * len(metrics),
        "dashboards": DASHBOARD * len(by_kind.get("AWS::CloudWatch::Dashboard", [])),
        "schedules": calls * SCHEDULED,
        "functions": calls * REQUEST + gigabyte_seconds * GIGABYTE_SECOND,
        "traces": calls * TRACE,
        "S3 requests": calls * (IDLE_LISTS * S3_LIST + IDLE_GETS * S3_GET),
        "logs": calls * IDLE_LOG_GIGABYTES * LOG_GIGABYTE,
    }


def _calls(expression: str) -> float:
    """How often a schedule comes in a month."""
    found = _EVERY.fullmatch(expression)
    if found is None:
        raise ValueError(f"It is not known how often {expression!r} is.")
    return MINUTES_PER_MONTH / int(found[1])


if __name__ == "__main__":
    bill = cost(translate(ROOT / "template.yaml"))
    for name, usd in bill.items():
        print(f"{name:<12} ${usd:.3f}")
    print(f"{'together':<12} ${sum(bill.values()):.2f}")
