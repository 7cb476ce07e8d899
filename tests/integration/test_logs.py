"""The lines of a log group about a run, by the run's id and its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from finetune.aws import logs

SINCE = datetime(2026, 11, 21, 10, tzinfo=UTC)
EVENTS = [{"timestamp": 1_000, "message": "one\n"}, {"timestamp": 2_000, "message": "two"}]


class Logs:
    """CloudWatch Logs with its lines on two pages."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def get_paginator(self, operation: str) -> Logs:
        assert operation == "filter_log_events"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return [{"events": [each]} for each in EVENTS]


def test_lines_that_contain_the_id_are_asked_for_around_the_time_of_the_run() -> None:
    found = Logs()
    told = list(logs.about(found, "/group", "20261121-103100-0badcafe", SINCE, SINCE + timedelta(hours=1), 10))
    assert told == [(datetime.fromtimestamp(1, UTC), "one"), (datetime.fromtimestamp(2, UTC), "two")]
    begin = int((SINCE - logs.MARGIN).timestamp() * 1000)
    assert found.asked == {
        "logGroupName": "/group",
        "filterPattern": '"20261121-103100-0badcafe"',
        "startTime": begin,
        "endTime": begin + 90 * 60 * 1000,
    }


def test_no_more_lines_are_read_than_were_asked_for() -> None:
    assert len(list(logs.about(Logs(), "/group", "id", SINCE, SINCE, 1))) == 1
