"""Whatever AWS answers where no document says, runs end as they should and every promise is kept."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from local.bedrock.unknowns import Unknowns
from tests.simulation.explorer import Case, Outcome, replay
from tests.simulation.faults import Fault
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.slices import broken
from tests.simulation.worlds import BELIEVED, WITH_KEY, WORLDS
from tests.sizes import sized
from tools.project import ROOT

# Those in which each question is asked, beside a first promotion, a takeover and a model that is not better.
COMMON = ("first", "takeover", "not_better")
ASKED_IN = {
    "quota_as_validation": ("waits_for_room",),
    "absent_model_not_found": ("other_region",),
    "no_methods_named": ("other_region",),
    "update_unseen": ("provisioned_takeover",),
    "update_unseen_but_dated": ("provisioned_takeover",),
}
# Each of these again with a key of the stack's own, which asks for more and allows no more.
WITHOUT_KEY = [world for world in WORLDS if not world.endswith(WITH_KEY) and world != BELIEVED]
TRIED = sized(WITHOUT_KEY, [world for world in WORLDS if world != BELIEVED])
ENDING = [each.name for each in SCENARIOS.values() if each.subjects and each.name != "first_3d"]
# Where somebody stops a run, and the scenario in which it waits there.
WAITS = {"Wait For Customization Job": "first", "Wait For Endpoint": "first", "Wait For Throughput": "provisioned"}


def scenarios(world: str) -> list[str]:
    return sized([*COMMON, *ASKED_IN.get(world.removesuffix(WITH_KEY), ())], ENDING)


@pytest.mark.parametrize(
    ("world", "scenario"),
    [(world, scenario) for world in TRIED for scenario in scenarios(world)],
)
def test_runs_end_as_they_should_in_every_world(world: str, scenario: str) -> None:
    _, outcome = replay(Case(scenario, world=world))
    assert outcome.violations == ()
    wanted = sorted(SCENARIOS[scenario].subjects)
    assert len(outcome.mails) == len(wanted)
    assert all(mail.startswith(subject) for mail, subject in zip(sorted(outcome.mails), wanted, strict=True))


def stopped(world: str, state: str) -> Outcome:
    """What comes of a run that somebody stops when it first enters a state."""
    case = Case(WAITS[state], world=world)
    found = next(re.search(rf" (\d+) \S+ {state}$", line) for line in replay(case)[0] if line.endswith(f" {state}"))
    assert found
    return replay(Case(case.scenario, (Fault("state", int(found[1]), "abort"),), world=world))[1]


STOPPED_IN = sized(
    {"no_tags_by_name", "creating_throughput_invalid", "creating_throughput_deleted", "key_without_context"},
    set(WORLDS),
)


@pytest.mark.parametrize("state", WAITS)
@pytest.mark.parametrize("world", sorted(STOPPED_IN))
def test_a_run_that_is_stopped_while_it_waits_leaves_nothing_in_any_world(world: str, state: str) -> None:
    outcome = stopped(world, state)
    assert outcome.violations == ()
    assert [mail.partition(":")[0] for mail in outcome.mails] == ["Run stopped"]


@pytest.mark.parametrize("world", sized(["update_unseen"], TRIED))
def test_no_fault_breaks_a_promise_in_any_world(world: str) -> None:
    assert broken(("takeover",), sized(5, 100), "--world", world) == ""


def test_every_switch_of_the_emulator_has_a_world() -> None:
    turned = {
        field.name
        for answers in WORLDS.values()
        for field in fields(Unknowns)
        if getattr(answers.bedrock, field.name) != getattr(Unknowns(), field.name)
    }
    assert turned == {field.name for field in fields(Unknowns)}


def test_the_documentation_names_every_world_and_no_other() -> None:
    page = (ROOT / "docs/architecture.md").read_text().partition("## What AWS answers")[2].partition("\n## ")[0]
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert named == set(WITHOUT_KEY)
