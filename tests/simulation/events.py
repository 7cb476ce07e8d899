"""EventBridge: the template's rules and schedules, with what their targets make of an event."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.emulator import ACCOUNT, REGION
from tests.template import MACHINE, resolved
from tools.project import resources

if TYPE_CHECKING:
    from tests.simulation.s3 import Version
    from tests.simulation.world import World

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event has what a rule's pattern asks for."""
    return all(_value_matches(wanted, event.get(name)) for name, wanted in pattern.items())


def _value_matches(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and matches(wanted, found)
    return any(_one_matches(each, found) for each in wanted)


def _one_matches(wanted: Any, found: Any) -> bool:
    match wanted:
        case {"prefix": prefix}:
            return isinstance(found, str) and found.startswith(prefix)
        case {"suffix": suffix}:
            return isinstance(found, str) and found.endswith(suffix)
        case {"exists": exists}:
            return bool((found is not None) == exists)
        case {"anything-but": others}:
            return found not in (others if isinstance(others, list) else [others])
        case {"numeric": conditions}:
            pairs = zip(conditions[::2], conditions[1::2], strict=True)
            return found is not None and all(bool(_COMPARE[name](found, bound)) for name, bound in pairs)
        case dict():
            raise NotImplementedError(f"The simulation's EventBridge does not know {wanted}.")
        case _:
            return bool(found == wanted)


def _at(event: Mapping[str, Any], path: str) -> Any:
    found: Any = event
    for name in path.removeprefix("$").strip(".").split("."):
        found = found.get(name) if name else found
    return found


def _input(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What a target gets of an event."""
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return _at(event, target["InputPath"])
    if "InputTransformer" in target:
        raise NotImplementedError("Whether an input transformer escapes what it inserts is not known, so none is used.")
    return event


def object_created(bucket: str, key: str, version: Version) -> dict[str, Any]:
    """What S3 tells EventBridge about a new object in a bucket with versions."""
    return {
        "version": "0",
        "id": f"event-{version.id}",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": f"{version.modified:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": len(version.body or b""),
                "etag": version.etag.strip('"'),
                "version-id": version.id,
                "sequencer": f"{int(version.id[1:]):016X}",
            },
            "request-id": f"REQUEST{version.id}",
            "requester": ACCOUNT,
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject",
        },
    }


class Bus:
    """Delivers what happens to whoever the template names."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rules = [resolved(each["Properties"]) for each in resources("AWS::Events::Rule").values()]
        self._schedules = [resolved(each["Properties"]) for each in resources("AWS::Scheduler::Schedule").values()]
        self._started = 0
        self._paused_until = 0.0

    def put(self, event: Mapping[str, Any]) -> None:
        """Deliver one event to every rule that it matches."""
        told = {"time": f"{self._world.clock.now():%Y-%m-%dT%H:%M:%SZ}", **event}
        for rule in self._rules:
            if rule.get("State", "ENABLED") == "ENABLED" and matches(rule["EventPattern"], told):
                for target in rule["Targets"]:
                    self._send(target, _input(target, told))

    def _send(self, target: Mapping[str, Any], payload: Any) -> None:
        if target["Arn"] == MACHINE:
            self._started += 1
            self._world.machines.start(f"event-{self._started}", json.dumps(payload))
            return
        self._world.functions.event(str(target["Arn"]).removesuffix("Function"), payload)

    def begin_schedules(self) -> None:
        """Let every enabled schedule of the template begin; each first fires after one period."""
        for schedule in self._schedules:
            found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule["ScheduleExpression"])
            if found and schedule.get("State", "ENABLED") == "ENABLED":
                self._every(int(found[1]) * _SECONDS[found[2]], schedule["Target"])

    def pause(self, seconds: float) -> None:
        """Let no schedule fire for a while."""
        self._paused_until = self._world.clock.seconds + seconds

    def _every(self, seconds: float, target: Mapping[str, Any]) -> None:
        def fire() -> None:
            if self._world.clock.seconds >= self._paused_until:
                self._send(target, _input(target, {}))
            self._world.clock.after(seconds, fire)

        self._world.clock.after(seconds, fire)
