"""Lists as the service gives them: filtered, by creation time, page by page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from local.bedrock.errors import invalid
from local.bedrock.records import Resource
from local.bedrock.world import Params

_DEFAULT_PAGE = 100


def created_within(resource: Resource, after: datetime | None, before: datetime | None) -> bool:
    """Whether a resource was created strictly between two moments, each optional."""
    return (after is None or resource.created_at > after) and (before is None or resource.created_at < before)


def page[R: Resource](resources: Iterable[R], params: Params) -> tuple[list[R], str | None]:
    """One page by creation time, newest first unless asked otherwise, and the token of the next."""
    descending = params.get("sortOrder", "Descending") == "Descending"
    ordered = sorted(resources, key=_position, reverse=descending)
    if "nextToken" in params:
        last = _read(params["nextToken"])
        ordered = [one for one in ordered if (_position(one) < last if descending else _position(one) > last)]
    size = params.get("maxResults", _DEFAULT_PAGE)
    shown = ordered[:size]
    return shown, _token(shown[-1]) if len(ordered) > size else None


def listed(key: str, summaries: list[dict[str, Any]], token: str | None) -> dict[str, Any]:
    """The response of a list operation."""
    return {key: summaries, "nextToken": token}


def _position(resource: Resource) -> tuple[str, str]:
    return resource.created_at.isoformat(timespec="microseconds"), resource.arn


def _token(resource: Resource) -> str:
    return urlsafe_b64encode("|".join(_position(resource)).encode()).decode()


def _read(token: str) -> tuple[str, str]:
    try:
        moment, bar, arn = urlsafe_b64decode(token).decode().partition("|")
    except ValueError:
        bar = ""
    if not bar:
        raise invalid("The nextToken is not one that this operation returned.")
    return moment, arn
