"""An execution's events as rows of states."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finetune_cli.history import Event, Row, dump, load, rows, settled, state_names
from local.watch import known
from tests.local.histories import ENDS, recorded
from tools.project import states

START = datetime(2026, 1, 1, tzinfo=UTC)


def table(name: str) -> dict[str, Row]:
    return {row.name: row for row in rows(recorded(name))}


def event(number: int, previous: int, kind: str, details: str = "", **told: Any) -> Event:
    """An event `number` seconds after the start."""
    said = {f"{details}EventDetails": told} if details else {}
    moment = START + timedelta(seconds=number)
    return {"id": number, "previousEventId": previous, "timestamp": moment, "type": kind, **said}


@pytest.mark.parametrize("name", ENDS)
def test_every_recorded_state_is_one_of_the_state_machine(name: str) -> None:
    assert {row.name for row in rows(recorded(name))} <= {state for state, _ in states()}


@pytest.mark.parametrize("name", ENDS)
def test_nothing_runs_when_an_execution_has_ended(name: str) -> None:
    assert all(row.status != "running" for row in rows(recorded(name)))


def test_a_state_that_is_entered_again_stays_one_row() -> None:
    waits = table("promoted")["Wait For Endpoint"]
    assert (waits.visits, waits.left, waits.status) == (3, 3, "done")
    assert state_names(recorded("promoted")).count("Wait For Endpoint") == 3


def test_states_inside_a_map_know_their_map() -> None:
    found = table("promoted")
    assert found["Evaluate Shard"].inside == "Evaluate Shards"
    assert found["Wait For Customization Job"].inside == "Train Candidates"
    assert found["Judge Evaluation"].inside is None


def test_a_choice_says_where_it_went() -> None:
    assert table("rejected")["Dataset Accepted?"].chosen == "Notify Dataset Rejected"


def test_a_fail_state_is_a_failed_row_with_the_error() -> None:
    row = table("rejected")["Dataset Rejected"]
    assert (row.status, row.error) == ("failed", "DatasetRejected")


def test_an_error_that_a_retry_mended_is_not_the_rows_end() -> None:
    row = table("crashed")["Start Customization Job"]
    assert (row.status, set(row.errors)) == ("done", {"ServiceBusy"})


def test_a_map_whose_iterations_fail_fails_with_what_runs_inside_it() -> None:
    found = table("crashed")
    assert found["Evaluate Shards"].status == found["Evaluate Shard"].status == "failed"
    assert found["Evaluate Shard"].error == "Runtime.ImportModuleError"


def test_a_maps_iterations_are_counted() -> None:
    row = table("promoted")["Evaluate Shards"]
    assert (row.iterations, row.iterations_ended) == (2, 2)


def test_a_row_tells_what_the_state_added_from_what_it_was_given() -> None:
    events = [
        event(1, 0, "TaskStateEntered", "stateEntered", name="First", input='{"run": 1, "look": 1}'),
        event(2, 1, "TaskStateExited", "stateExited", name="First", output='{"run": 1, "look": 2, "seen": 3}'),
        event(3, 2, "TaskStateEntered", "stateEntered", name="Last", input='{"run": 1, "look": 2, "seen": 3}'),
        event(4, 3, "TaskStateExited", "stateExited", name="Last", output='{"run": 1, "look": 2, "seen": 3}'),
    ]
    assert [row.added for row in rows(events)] == [{"look": 2, "seen": 3}, {}]


def test_what_the_states_added_is_known() -> None:
    assert known(rows(recorded("promoted")))["evaluation"]["decision"] == "promote"


def test_parallel_visits_add_their_time_whatever_the_order() -> None:
    events = [
        event(1, 0, "MapStateEntered", "stateEntered", name="Map"),
        event(2, 1, "TaskStateEntered", "stateEntered", name="Task"),
        event(3, 1, "TaskStateEntered", "stateEntered", name="Task"),
        event(5, 3, "TaskStateExited", "stateExited", name="Task"),
    ]
    row = rows(events)[1]
    assert (row.status, row.visits, row.left) == ("running", 2, 1)
    assert row.seconds_until(START + timedelta(seconds=10)) == pytest.approx((5 - 2) + (10 - 3))


def test_an_aborted_execution_leaves_its_state_as_failed() -> None:
    events = [
        event(1, 0, "TaskStateEntered", "stateEntered", name="Task"),
        event(2, 0, "ExecutionAborted", "executionAborted", error="Stopped"),
    ]
    assert [(row.status, row.error, row.seconds_until(START)) for row in rows(events)] == [("failed", "Stopped", 1.0)]


def test_the_first_event_may_come_without_a_predecessor() -> None:
    first = {key: value for key, value in event(1, 0, "ExecutionStarted").items() if key != "previousEventId"}
    assert rows([first]) == []


def test_a_row_is_settled_once_no_loop_can_enter_it_again() -> None:
    def row(name: str, kind: str, inside: str | None = None) -> Row:
        return Row(name, kind, inside)

    loop = [row("Open", "Task"), row("Check", "Task"), row("Ready?", "Choice"), row("Wait", "Wait")]
    assert settled([]) == 0
    assert settled(loop) == 1
    assert settled([*loop, row("Evaluate", "Map"), row("Ask", "Task", inside="Evaluate")]) == 4


def test_events_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(dump(recorded("rejected")))
    assert load(path) == recorded("rejected")
