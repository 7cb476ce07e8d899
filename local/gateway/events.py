"""EventBridge and Scheduler: S3 events as S3 sends them, and every schedule on the scaled clock."""

import contextvars
import json
import time
from types import SimpleNamespace
from typing import Any

from local.clock import Clock
from local.gateway import seams

TICK_SECONDS = 0.25
FIRST_RETRY_SECONDS = 60
LONGEST_RETRY_SECONDS = 120

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version of the object of an S3 event")


def install(clock: Clock) -> None:
    """Put S3's version ids into its events, and service time into every event, schedule and retry."""
    seams.S3_EVENT.wrap(_remembering_version)
    seams.DISPATCH_EVENT.wrap(lambda original: _dispatching(original, clock))
    seams.RULE_NOW.set(lambda: clock.now().timestamp())
    seams.RULE_TICK.set(TICK_SECONDS)
    seams.SCHEDULER_TIME.set(
        SimpleNamespace(time=lambda: clock.now().timestamp(), sleep=lambda _seconds: time.sleep(TICK_SECONDS))
    )
    seams.FIRST_ASYNC_RETRY.set(clock.real_seconds(FIRST_RETRY_SECONDS))
    seams.LONGEST_ASYNC_RETRY.set(clock.real_seconds(LONGEST_RETRY_SECONDS))


def _remembering_version(original: Any) -> Any:
    def fire(*arguments: Any, version_id: str | None = None, **named: Any) -> None:
        token = _version.set(version_id)
        try:
            original(*arguments, version_id=version_id, **named)
        finally:
            _version.reset(token)

    return fire


def _dispatching(original: Any, clock: Clock) -> Any:
    def dispatch(event: dict[str, Any], *rest: Any, **named: Any) -> Any:
        if event["Source"].startswith("aws."):
            event["Time"] = f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
        version = _version.get(None)
        if event["Source"] == "aws.s3" and version:
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event["Detail"] = json.dumps(detail)
        return original(event, *rest, **named)

    return dispatch
