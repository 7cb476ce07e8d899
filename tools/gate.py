"""`python -m tools.gate`: hold the template and the state machine against rules that others wrote, without a network.

Beside the template each tool gets a canary, which it has to refuse: one that cannot read its input may still be
content. What a tool finds is mended, or its reason stands once in the template, under `Metadata: Reasons`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from statelint.linter import Linter

from tools import solutions
from tools.project import ROOT, definition, template
from tools.translate import translate

MOST_REASONS = 12
CHECKOV = ROOT / ".venv-checkov/bin/checkov"
_BIN = Path(sys.executable).parent
# What statelint does not know: JSONPath's QueryLanguage field, the paths of a Fail state and Map's newer fields.
_LATER = ("QueryLanguage", "ErrorPath", "CausePath", "ItemSelector", "ItemProcessor")


class Finding(NamedTuple):
    """What a tool has against a resource; `rule` is the tool's name for it."""

    rule: str
    resource: str
    words: str


class Reason(NamedTuple):
    """Why findings of some rules, about resources of some kinds if any are named, are no faults."""

    rules: tuple[str, ...]
    resources: tuple[str, ...]
    why: str

    def covers(self, finding: Finding, kind: str) -> bool:
        return finding.rule in self.rules and (not self.resources or bool({kind, finding.resource} & {*self.resources}))


class Gate(NamedTuple):
    """A tool; `look` finds what it has against templates, `canary` breaks the rule `refused`, and nothing else does."""

    look: Callable[[Mapping[str, Any]], Iterable[Finding]]
    canary: Mapping[str, Any]
    refused: str


def reasons() -> list[Reason]:
    """The reasons that the template gives."""
    return [
        Reason(tuple(each["Rules"]), tuple(each.get("Resources", ())), each["Why"])
        for each in template()["Metadata"]["Reasons"]
    ]


def cfn_lint(content: Mapping[str, Any]) -> Iterator[Finding]:
    """CloudFormation's schemas and IAM's actions; also of the template before SAM's transform."""
    with _file(content) as path:
        command = [str(_BIN / "cfn-lint"), "--format", "json", str(path), str(ROOT / "template.yaml")]
        for each in _output(command):
            where = [str(part) for part in each["Location"]["Path"] or []]
            yield Finding(each["Rule"]["Id"], (where[1:2] or [""])[0], each["Message"])


def checkov(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Checkov's rules for CloudFormation."""
    with _file(content) as path:
        options = "--framework cloudformation --compact --quiet --skip-download --output json"
        found = _output([str(CHECKOV), "--file", str(path), *options.split()])
    for report in found if isinstance(found, list) else [found]:
        for each in report.get("results", {}).get("failed_checks", []):
            yield Finding(each["check_id"], each["resource"].rpartition(".")[2], each["check_name"])


def aws_solutions(content: Mapping[str, Any]) -> Iterator[Finding]:
    """The rules of `tools.solutions`."""
    return (Finding(*each) for each in solutions.broken(content))


def states_language(content: Mapping[str, Any]) -> Iterator[Finding]:
    """statelint, and the strict parser of moto."""
    for name, resource in content["Resources"].items():
        machine = resource["Properties"].get("Definition")
        if machine is None:
            continue
        text = json.dumps(machine)
        for function in resource["Properties"].get("DefinitionSubstitutions", {}):
            text = text.replace(f"${{{function}}}", "arn:aws:lambda:us-east-1:000000000000:function:some")
        for problem in Linter.validate(json.loads(text)):
            if not any(word in problem for word in _LATER):
                yield Finding("statelint", name, problem)
        try:
            AmazonStateLanguageParser.parse(text)
        except ValueError as error:
            yield Finding("asl", name, str(error))


def _one(kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"Resources": {"Canary": {"Type": kind, "Properties": properties}}}


_MISSPELT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["bedrock:GetCustomModelDeploymnt"], "Resource": "*"}],
}
GATES: Mapping[str, Gate] = {
    "cfn-lint": Gate(cfn_lint, _one("AWS::IAM::ManagedPolicy", {"PolicyDocument": _MISSPELT}), "W3037"),
    "checkov": Gate(checkov, _one("AWS::SQS::Queue", {"DelaySeconds": 1}), "CKV_AWS_27"),
    "AWS Solutions": Gate(aws_solutions, _one("AWS::SQS::Queue", {}), "AwsSolutions-SQS2"),
    "states language": Gate(
        states_language,
        _one("AWS::StepFunctions::StateMachine", {"Definition": {**definition(), "StartAt": "Nowhere"}}),
        "statelint",
    ),
}


def unexplained(findings: Iterable[Finding], given: Iterable[Reason], kinds: Mapping[str, str]) -> list[str]:
    """The findings without a reason and the reasons without a finding, each as a line, and whether reasons are many."""
    given, used = list(given), set[Reason]()
    lines = []
    for finding in findings:
        fitting = [each for each in given if each.covers(finding, kinds.get(finding.resource, ""))]
        used |= set(fitting)
        if not fitting:
            lines.append(f"{finding.rule} {finding.resource}: {finding.words}")
    lines += [f"Nothing is found any more that this is a reason for: {each.why}" for each in given if each not in used]
    if len(given) > MOST_REASONS:
        lines.append(f"There are {len(given)} reasons, and {MOST_REASONS} are the most.")
    return lines


def with_canary(content: Mapping[str, Any], canary: Mapping[str, Any]) -> dict[str, Any]:
    """A template that also has the resource that has to be refused."""
    return {**content, "Resources": {**content["Resources"], **canary["Resources"]}}


def passed(name: str, content: Mapping[str, Any]) -> tuple[list[Finding], str]:
    """What a gate finds beside its canary, and what is wrong with the gate itself."""
    gate = GATES[name]
    try:
        found = list(gate.look(with_canary(content, gate.canary)))
    except ToolFailed as error:
        return [], f"{name} does not run: {error}."
    alive = any((each.rule, each.resource) == (gate.refused, "Canary") for each in found)
    return [each for each in found if each.resource != "Canary"], "" if alive else f"{name} lets its canary through."


class ToolFailed(Exception):
    """A tool did not run at all."""


@contextmanager
def _file(content: Mapping[str, Any]) -> Iterator[Path]:
    """A template as a file that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="finetune-gate-") as folder:
        path = Path(folder) / "template.json"
        path.write_text(json.dumps(content, default=str))
        yield path


def _output(command: list[str]) -> Any:
    """What a tool prints, read as JSON; its exit code says only whether it found something."""
    quiet = {**os.environ, "LOG_LEVEL": "ERROR"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)  # noqa: S603 - our own tools
        return json.loads(done.stdout)
    except FileNotFoundError:
        raise ToolFailed(f"{command[0]} is not installed; run make setup") from None
    except json.JSONDecodeError:
        raise ToolFailed((done.stderr or done.stdout).strip() or f"{command[0]} printed nothing") from None


def main() -> int:
    """Run every gate at the same time; 1 if one finds something without a reason."""
    began = time.monotonic()
    content = translate(ROOT / "template.yaml")
    kinds = {name: each["Type"] for name, each in content["Resources"].items()}
    with ThreadPoolExecutor() as pool:
        results = dict(zip(GATES, pool.map(lambda name: passed(name, content), GATES), strict=True))
    faults = [fault for _, fault in results.values() if fault]
    faults += unexplained([each for found, _ in results.values() for each in found], reasons(), kinds)
    for fault in faults:
        print(fault)
    told = ", ".join(f"{name} {len(found)}" for name, (found, _) in results.items())
    print(f"Findings with a reason or without: {told}; {len(reasons())} reasons, {time.monotonic() - began:.0f} s.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
