"""A number in a sentence is what the code, the template or the definition says it is.

A row names the page, the sentence with `{}` in each number's place, and where the numbers come from. Changelog and
decisions are history and say what was so on their day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from finetune import settings
from finetune.aws.executions import IN_FLIGHT
from finetune.aws.media import MOST_LISTED
from finetune.domain.billing.limits import USUAL_LEASE
from finetune.domain.catalog import base_models
from finetune.domain.cost import HOURS_PER_MONTH
from finetune.domain.customization.jobs import (
    APPROVAL_BOUND,
    CREATING_BOUND,
    JOB_BOUND,
    QUOTA_BOUND,
    RUN_BOUND,
    STALLED_AFTER,
)
from finetune.domain.evaluation.metrics import _SHORT_REFERENCE_WORDS
from finetune.domain.records.limits import ANY_SUFFIX, MAX_DATASET_BYTES, MAX_UNITS
from finetune.domain.records.strict_json import MAX_LINE_BYTES
from finetune.domain.validation.lint import _FEW_ANSWERED, _FEW_LABELLED
from finetune.domain.validation.rules import MEGABYTE
from finetune.run import DatasetDropped
from local.commands import TIME_SCALE
from tools.project import ROOT, resources, states
from tools.tables import ARCHITECTURE, README, SETTINGS, TROUBLESHOOTING

PICTURE = ROOT / "docs/workflow.svg"
FINDINGS = ROOT / "layers/finetune/finetune/domain/findings.py"


def word(number: float) -> str:
    """A number as prose writes it: up to twelve in letters."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return words[round(number)] if number < len(words) else f"{number:,.0f}"


def hours(bound: timedelta) -> str:
    return word(bound.total_seconds() / 3600)


def minutes(bound: timedelta) -> str:
    return f"{bound.total_seconds() / 60:g}"


def days(bound: timedelta) -> str:
    return word(bound.days)


def retrier(error: str) -> dict[str, Any]:
    """How the state machine retries an error, the same in every state."""
    return next(rule for _, state in states() for rule in state.get("Retry", []) if error in rule["ErrorEquals"])


def retries(error: str) -> str:
    return word(retrier(error)["MaxAttempts"])


def longest_seconds(error: str) -> float:
    """How long all retries of an error wait at most."""
    rule = retrier(error)
    waits = [rule["IntervalSeconds"] * rule["BackoffRate"] ** attempt for attempt in range(rule["MaxAttempts"])]
    return float(sum(min(wait, rule.get("MaxDelaySeconds", wait)) for wait in waits))


def regions(prefix: str = "") -> str:
    rows = [row for row in base_models().values() if row.id.startswith(prefix) and row.lifecycle.status == "active"]
    return " and ".join(sorted({region for row in rows if row.api == "bedrock" for region in row.regions}))


SCHEDULE = resources("AWS::Scheduler::Schedule")["SweepSchedule"]["Properties"]["ScheduleExpression"]
SWEEP = int(SCHEDULE.removeprefix("rate(").removesuffix(" minutes)"))
ALARMS = resources("AWS::CloudWatch::Alarm")
FACTS = [name for name, field in DatasetDropped.model_fields.items() if field.is_required()]
DEFAULTS = settings.Settings()
PRICES = [row.prices for row in base_models().values() if row.lifecycle.status == "active"]
STORAGE = [each.storage_per_month for each in PRICES if each.storage_per_month is not None]
HOURLY = [each.provisioned_per_hour for each in PRICES if each.provisioned_per_hour is not None]
CHANCE = (1 - DEFAULTS.gates.confidence) / 2
GIGABYTES = f"{MAX_DATASET_BYTES / 1e9:.1f}"


class Sentence(NamedTuple):
    page: Path
    text: str
    numbers: tuple[str, ...]


def said(page: Path, text: str, *numbers: object) -> Sentence:
    return Sentence(page, text, tuple(map(str, numbers)))


SENTENCES = [
    said(README, "customizes models in {} only", regions()),
    said(README, "as of {}.", max(each.as_of for each in PRICES)),
    said(README, "and about {} runs each of the sweeper", f"{round(HOURS_PER_MONTH * 60 / SWEEP, -2):,.0f}"),
    said(README, "which covers most of it: {} alarms", word(len(ALARMS))),
    said(README, "storage, ${} to ${} a month", f"{min(STORAGE):.2f}", f"{max(STORAGE):.2f}"),
    said(README, "all but the newest {} of its project", word(DEFAULTS.retention.models)),
    said(README, "billed every hour, ${} to ${} where", f"{min(HOURLY):.0f}", f"{max(HOURLY):.0f}"),
    said(README, "(${} by default)", f"{DEFAULTS.budget.limit_usd:g}"),
    said(README, "every {} minutes", SWEEP),
    said(ARCHITECTURE, "every {} minutes", SWEEP),
    said(PICTURE, "every {} minutes", SWEEP),
    said(ARCHITECTURE, "with {} facts", word(len(FACTS))),
    said(ARCHITECTURE, "at most {} hours for throughput", hours(USUAL_LEASE)),
    said(ARCHITECTURE, "for a deployment the {} days that a run may last", days(RUN_BOUND)),
    said(ARCHITECTURE, "one real second is {} seconds of service time", f"{TIME_SCALE:g}"),
    said(ARCHITECTURE, "A job of an hour takes {} seconds", word(3600 / TIME_SCALE)),
    said(TROUBLESHOOTING, "The sweeper sends it within {} minutes", SWEEP),
    said(TROUBLESHOOTING, "of the {} minutes after that", minutes(IN_FLIGHT)),
    said(
        TROUBLESHOOTING,
        "begin to train within {} hours, or has not ended after {} days",
        hours(STALLED_AFTER),
        days(JOB_BOUND),
    ),
    said(TROUBLESHOOTING, "throughput for {} hours at most,", hours(USUAL_LEASE)),
    said(README, "and ends after {} days", days(APPROVAL_BOUND)),
    said(ARCHITECTURE, "the state waits for {} days at most", days(APPROVAL_BOUND)),
    said(TROUBLESHOOTING, "and nobody answered within {} days", days(APPROVAL_BOUND)),
    said(TROUBLESHOOTING, "and answer within {} days of the mail that asks", days(APPROVAL_BOUND)),
    said(TROUBLESHOOTING, "An execution is ended after {} days", days(RUN_BOUND)),
    said(TROUBLESHOOTING, "which is {} GB;", GIGABYTES),
    said(TROUBLESHOOTING, "more than {} lines", f"{MAX_UNITS:,}"),
    said(TROUBLESHOOTING, "more than {} files", f"{MOST_LISTED:,}"),
    said(TROUBLESHOOTING, "Drop a {} file of", ANY_SUFFIX),
    said(TROUBLESHOOTING, "file of at most {} GB", GIGABYTES),
    said(TROUBLESHOOTING, "than the stack's: Nova in {}, Llama", regions("amazon.nova")),
    said(TROUBLESHOOTING, "Llama 3 in {}. The usual", regions("meta.llama")),
    said(
        TROUBLESHOOTING,
        "begin to train within {} hours or did not end within {} days",
        hours(STALLED_AFTER),
        days(JOB_BOUND),
    ),
    said(TROUBLESHOOTING, "still being created after {} hours", hours(CREATING_BOUND)),
    said(TROUBLESHOOTING, "still did after {} retries over", retries("ServiceBusy")),
    said(TROUBLESHOOTING, "retries over up to {} minutes", word(longest_seconds("ServiceBusy") / 60)),
    said(TROUBLESHOOTING, "tried again every {} minutes", word(retrier("QuotaExceeded")["IntervalSeconds"] / 60)),
    said(TROUBLESHOOTING, "minutes for {} hours, and", word(longest_seconds("QuotaExceeded") / 3600)),
    said(TROUBLESHOOTING, "For {} hours, quotas refused", hours(QUOTA_BOUND)),
    said(TROUBLESHOOTING, "it waits at most {} hours in each", hours(QUOTA_BOUND)),
    said(SETTINGS, "waits, for at most {} hours", hours(QUOTA_BOUND)),
    said(TROUBLESHOOTING, "deleted or changed, through {} retries", retries("EndpointBusy")),
    said(TROUBLESHOOTING, "A shard ran out of time, and so did {} retries", retries("EvaluationUnfinished")),
    said(TROUBLESHOOTING, "could not run a function, through {} retries", retries("Lambda.ServiceException")),
    said(TROUBLESHOOTING, "of time or of memory, and so did {} retries", retries("Sandbox.Timedout")),
    said(TROUBLESHOOTING, "the execution longer than {} days", days(RUN_BOUND)),
    said(SETTINGS, "At most {}, each of at most", settings.MOST_HYPERPARAMETERS),
    said(SETTINGS, "each of at most {} characters", settings.HYPERPARAMETER_CHARACTERS),
    said(SETTINGS, "shares together are at most {}. |", settings.MOST_HELD_OUT),
    said(SETTINGS, "At {} a model that is no better", DEFAULTS.gates.confidence),
    said(SETTINGS, "in at most {} of 100 such runs", f"{100 * CHANCE:g}"),
    said(SETTINGS, "that chance is {} % at the first look", f"{100 * CHANCE:g}"),
    said(SETTINGS, "at the first look, {} % at each of the next", f"{100 * DEFAULTS.gates.level(2):.2g}"),
    said(SETTINGS, "at each of the next {}, 0.6", word(len(DEFAULTS.gates.later_looks) - 1)),
    said(SETTINGS, "of the next four, {} % at the sixth", f"{100 * DEFAULTS.gates.level(6) + 1e-9:.2f}"),
    said(SETTINGS, "longer than {} words on average", _SHORT_REFERENCE_WORDS),
    said(SETTINGS, "A dataset has at most {} GB", GIGABYTES),
    said(SETTINGS, "1 MB is {} bytes", f"{MEGABYTE:,}"),
    said(SETTINGS, "recommend at least {} for labels", _FEW_LABELLED),
    said(SETTINGS, "for labels and {} for other answers", _FEW_ANSWERED),
    said(SETTINGS, "exists in {} only; the stack", regions()),
    said(FINDINGS, "under {} MiB;", MAX_LINE_BYTES // 2**20),
]


def numbers_in(sentence: Sentence) -> Iterator[tuple[str, ...]]:
    """What the page has in the places of the sentence's numbers, each time that it says the sentence."""
    pattern = re.escape(sentence.text).replace(r"\{\}", "(.{1,40}?)")
    text = " ".join(sentence.page.read_text().split())
    yield from (found.groups() for found in re.finditer(pattern.replace(r"\ ", " "), text))


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: f"{sentence.page.name}: {sentence.text}")
def test_a_number_in_a_sentence_is_that_of_its_source(sentence: Sentence) -> None:
    assert set(numbers_in(sentence)) == {sentence.numbers}
