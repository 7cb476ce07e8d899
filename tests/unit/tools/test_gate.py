"""No tool of the gate can stop looking unnoticed, and nothing that one finds is passed over without a reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tools import gate
from tools.gate import GATES, Finding, Gate, Reason, passed, reasons, states_language, unexplained
from tools.project import ROOT
from tools.translate import translate


@pytest.mark.parametrize("name", GATES)
def test_every_tool_refuses_its_canary(name: str) -> None:
    _, fault = passed(name, {"Resources": {}})
    assert fault == ""


def test_a_tool_that_finds_nothing_lets_its_canary_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(_: Any) -> Iterable[Finding]:
        return []

    monkeypatch.setitem(GATES, "blind", Gate(blind, {"Resources": {"Canary": {}}}, "any"))
    assert passed("blind", {"Resources": {}}) == ([], "blind lets its canary through.")


def test_a_tool_that_is_not_installed_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CHECKOV", ROOT / "nowhere" / "checkov")
    assert passed("checkov", {"Resources": {}})[1].endswith("is not installed; run make setup.")


def test_the_definition_has_no_fault_and_a_broken_one_has() -> None:
    translated = translate(ROOT / "template.yaml")
    assert list(states_language(translated)) == []
    machine = translated["Resources"]["FineTuningStateMachine"]["Properties"]
    machine["Definition"]["States"]["Plan Run"]["Catch"][0]["ErrorEquals"] = ["States.Everything"]
    assert {each.rule for each in states_language(translated)} == {"asl"}


FOUND = Finding("R1", "Queue", "is not encrypted")
REASON = Reason(("R1",), (), "because")


def test_a_finding_needs_a_reason_and_a_reason_a_finding() -> None:
    kinds = {"Queue": "AWS::SQS::Queue"}
    assert unexplained([FOUND], [REASON], kinds) == []
    assert unexplained([FOUND], [], kinds) == ["R1 Queue: is not encrypted"]
    assert unexplained([], [REASON], kinds) == ["Nothing is found any more that this is a reason for: because"]
    assert unexplained([FOUND], [Reason(("R1",), ("AWS::SQS::Queue",), "")], kinds) == []
    assert len(unexplained([FOUND], [Reason(("R1",), ("AWS::SNS::Topic", "Topic"), "")], kinds)) == 2


def test_thirteen_reasons_are_one_too_many() -> None:
    many = [Reason(("R1",), (), str(number)) for number in range(13)]
    assert unexplained([FOUND], many, {}) == ["There are 13 reasons, and 12 are the most."]
    assert len(reasons()) <= 12


def test_each_rule_has_its_reason_once() -> None:
    rules = [rule for reason in reasons() for rule in reason.rules]
    assert len(rules) == len({*rules})
    assert all(reason.why.endswith(".") for reason in reasons())
