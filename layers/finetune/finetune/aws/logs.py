"""Lines of the functions' log about one run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from finetune.aws.translation import translated

# Lambda may write a line some minutes after what it tells of.
MARGIN = timedelta(minutes=15)


def about(
    logs: Any, group: str, text: str, since: datetime, until: datetime, most: int
) -> Iterator[tuple[datetime, str]]:
    """The lines of a log group that contain a text, oldest first, each with its time; `most` bounds their number."""
    asked = {
        "logGroupName": group,
        "filterPattern": f'"{text}"',
        "startTime": _milliseconds(since - MARGIN),
        "endTime": _milliseconds(until + MARGIN),
    }
    with translated(f"reading the log group {group}"):
        pages = logs.get_paginator("filter_log_events").paginate(**asked)
        for each in islice((event for page in pages for event in page["events"]), most):
            yield datetime.fromtimestamp(each["timestamp"] / 1000, UTC), each["message"].rstrip("\n")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
