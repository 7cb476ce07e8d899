"""What AWS's service authorization reference says of the actions that the template grants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from tools.iam_reference import REFERENCE

KNOWN: Mapping[str, Any] = json.loads(REFERENCE.read_text())


def types_of(action: str, resource: str) -> set[str]:
    """The resource types of an action that a resource of a statement may be."""
    example, types = resource.replace("*", "x"), KNOWN["resource_types"]
    return {kind for kind in KNOWN["actions"][action]["resource_types"] if fnmatchcase(example, types[kind]["arn"])}


def takes(action: str, resource: str) -> bool:
    """Whether an action can be done on a resource; what takes no resource is granted on all."""
    return KNOWN["actions"][action]["resource_types"] == [] if resource == "*" else bool(types_of(action, resource))
