"""Print a SAM template as the CloudFormation it becomes: `python -m tools.translate template.yaml`.

cfn-lint looks into IAM actions and CloudFormation properties only after the translation.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class _NoManagedPolicies(ManagedPolicyLoader):  # type: ignore[misc] # samtranslator ships no types
    """The template names no policy that AWS manages, so IAM need not be asked for them."""

    def __init__(self) -> None:
        super().__init__(None)

    def load(self) -> dict[str, str]:
        return {}


def translate(path: Path) -> dict[str, Any]:
    """The translated template, its code in a bucket and its state machine in line."""
    translated = transformed(yaml_parse(path.read_text()))
    for resource in translated["Resources"].values():
        if location := resource["Properties"].pop("DefinitionS3Location", None):
            resource["Properties"]["Definition"] = yaml_parse((path.parent / location["Key"]).read_text())
    return translated


def transformed(source: dict[str, Any]) -> dict[str, Any]:
    """What the SAM transform makes of a template whose code is taken to be in a bucket."""
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        for location in ("CodeUri", "ContentUri", "DefinitionUri"):
            if location in properties:
                properties[location] = f"s3://code/{properties[location]}"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return dict(transform(source, {"NotificationEmail": "someone@example.com"}, _NoManagedPolicies()))


if __name__ == "__main__":
    json.dump(translate(Path(sys.argv[1])), sys.stdout, indent=1, default=str)
