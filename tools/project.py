"""The project's own sources as data, for tests that hold them to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

ROOT = Path(__file__).resolve().parent.parent


class _Loader(yaml.CSafeLoader):
    """The SAM CLI's reading of a template, ten times as fast as with the loader in Python."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read(path: Path) -> dict[str, Any]:
    """A template or a definition, with the short forms of CloudFormation's functions written out."""
    return dict(yaml.load(path.read_bytes(), _Loader))  # noqa: S506 - a safe loader with more tags


@cache
def template() -> dict[str, Any]:
    return read(ROOT / "template.yaml")


@cache
def definition() -> dict[str, Any]:
    return read(ROOT / "statemachine/fine_tuning.asl.yaml")


def states(machine: dict[str, Any] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state by name, those inside a Map included."""
    for name, state in (machine or definition())["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


def words_of(function: str) -> str:
    """A function's resource, or the substitution of its ARN, in the words of its state.

    >>> words_of("PlanRunFunctionArn")
    'Plan Run'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", " ", function.removesuffix("Arn").removesuffix("Function"))


def substitution(state: dict[str, Any]) -> str:
    """The name between the braces of a Task's function: its Resource, or a parameter of the call that it makes."""
    function = state["Parameters"]["FunctionName"] if waits_for_token(state) else state["Resource"]
    return str(function).removeprefix("${").removesuffix("}")


def waits_for_token(state: dict[str, Any]) -> bool:
    """Whether a Task goes on when somebody answers its token, and not when its function returns."""
    return str(state.get("Resource", "")).endswith(".waitForTaskToken")


def given_to(state: dict[str, Any]) -> dict[str, Any]:
    """What a Task passes to its function, as the definition writes it."""
    parameters: dict[str, Any] = state["Parameters"]
    return parameters["Payload"] if waits_for_token(state) else parameters


def statements(resource: dict[str, Any], *, with_key: bool = False) -> Iterator[dict[str, Any]]:
    """What a role, a function or a state machine may do, by its own policies and by shared ones.

    What depends on the stack's key counts only if there is one, and no judges are listed.
    """
    return (statement for _, statement in owned_statements(resource, with_key=with_key))


def owned_statements(
    resource: dict[str, Any], *, with_key: bool = False
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The same, each with the name of the shared policy that has it, None for the resource's own."""
    for given in resource["Properties"]["Policies"]:
        policy = given
        if "Fn::If" in given:
            condition, one, other = given["Fn::If"]
            policy = one if with_key and condition == "HasKmsKey" else other
        if policy == {"Ref": "AWS::NoValue"}:
            continue
        shared = policy.get("Ref")
        document = template()["Resources"][shared]["Properties"] if shared else policy
        for statement in document.get("PolicyDocument", document)["Statement"]:
            yield shared, statement
