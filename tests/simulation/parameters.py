"""Parameter Store and SNS in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from tests.emulator import ACCOUNT, REGION
from tests.simulation.wire import Answer, Refused


@dataclass(frozen=True)
class Revision:
    """One version of a parameter's value."""

    value: str
    at: datetime


class Parameters:
    """Parameters with all their versions."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.history: dict[str, list[Revision]] = {}

    def value(self, name: str) -> str | None:
        found = self.history.get(name)
        return found[-1].value if found else None

    def answer(self, operation: str, body: bytes) -> Answer:
        """The answer to one request."""
        asked: dict[str, Any] = json.loads(body)
        match operation:
            case "GetParameter":
                return _json({"Parameter": self._shown(asked["Name"])})
            case "GetParametersByPath":
                names = [name for name in sorted(self.history) if name.startswith(asked["Path"])]
                return _json({"Parameters": [self._shown(name) for name in names]})
            case "PutParameter":
                return _json({"Version": self._put(asked), "Tier": "Standard"})
        raise NotImplementedError(f"Parameter Store here does not know {operation}.")

    def _put(self, asked: Mapping[str, Any]) -> int:
        versions = self.history.setdefault(asked["Name"], [])
        if versions and not asked.get("Overwrite"):
            raise Refused(
                "ParameterAlreadyExists",
                "The parameter already exists. "
                "To overwrite this value, set the overwrite option in the request to true.",
            )
        versions.append(Revision(asked["Value"], self._now()))
        return len(versions)

    def _shown(self, name: str) -> dict[str, Any]:
        if not self.history.get(name):
            raise Refused("ParameterNotFound", "")  # says no more
        versions = self.history[name]
        changed = versions[-1].at.timestamp()
        return {
            "ARN": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name if name.startswith('/') else f'/{name}'}",
            "DataType": "text",
            "Name": name,
            "Type": "String",
            "Value": versions[-1].value,
            "Version": len(versions),
            "LastModifiedDate": changed,
        }


@dataclass(frozen=True)
class Mail:
    """What a subscriber gets; `function` is who sent it."""

    at: float
    subject: str
    body: str
    function: str


@dataclass
class Topic:
    mails: list[Mail] = field(default_factory=list)

    def answer(self, operation: str, body: bytes, seconds: float, function: str) -> Answer:
        """The answer to one request, which can only be Publish."""
        if operation != "Publish":
            raise NotImplementedError(f"SNS here does not know {operation}.")
        asked = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.mails.append(Mail(seconds, asked.get("Subject", ""), asked["Message"], function))
        inside = f"<MessageId>m{len(self.mails)}</MessageId>"
        return Answer(200, f"<PublishResponse><PublishResult>{inside}</PublishResult></PublishResponse>".encode())


def _json(content: Any) -> Answer:
    return Answer(200, json.dumps(content).encode())
