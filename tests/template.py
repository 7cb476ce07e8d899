"""The stack of template.yaml in one process: what its references resolve to, its functions and their variables."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType
from typing import Any

from tests.emulator import ACCOUNT, JOB_ROLE, REGION
from tests.keys import KEY
from tools.project import ROOT, resources, template

STACK, DATASETS, ARTIFACTS = "finetune", "datasets", "artifacts"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}"
# A parameter has its default, and a function's ARN ends with its name.
REFERENCES: dict[str, Any] = {
    **{name: str(each["Default"]) for name, each in template()["Parameters"].items() if "Default" in each},
    "AWS::StackName": STACK,
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "DatasetBucket": DATASETS,
    "ArtifactBucket": ARTIFACTS,
    "Topic": TOPIC,
    "FineTuningStateMachine": MACHINE,
    "CustomizationRole": JOB_ROLE,
    "KmsKeyArn": KEY,
}
FUNCTIONS = {
    name.removesuffix("Function"): each["Properties"] for name, each in resources("AWS::Serverless::Function").items()
}


def resolved(value: Any) -> Any:
    """A value of the template with its references put in; what only AWS knows stays as it is."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]}:
            return REFERENCES.get(name, name)
        case {"Fn::Sub": str(text)}:
            for name, found in REFERENCES.items():
                text = text.replace(f"${{{name}}}", found)
            return text
        case dict():
            return {key: resolved(each) for key, each in value.items()}
        case list():
            return [resolved(each) for each in value]
        case _:
            return value


def variables(stem: str) -> dict[str, str]:
    """A function's variables as the template sets them for a stack that has no key of its own."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = FUNCTIONS[stem].get("Environment", {}).get("Variables", {})
    texts = {name: str(resolved(value)) for name, value in {**shared, **own}.items()}
    return {name: "" if text == KEY else text for name, text in texts.items()}


@cache
def module(stem: str) -> ModuleType:
    """A function's own module."""
    folder = FUNCTIONS[stem]["CodeUri"]
    spec = importlib.util.spec_from_file_location(folder.replace("/", "."), ROOT / folder / "app.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
