"""What a run does now, asked of Bedrock and counted in its files."""

from __future__ import annotations

from datetime import UTC, datetime

from finetune.aws import clients, storage
from finetune_cli import past as looked
from finetune_cli import stack
from finetune_cli.activity import Activities
from finetune_cli.history import Row
from tests.past import Runs


def going(*names: str) -> list[Row]:
    return [Row(name, "Task", None, visits=1, entered_at=[datetime.now(UTC)]) for name in names]


def test_answers_are_counted_without_those_of_the_judge(past: Runs) -> None:
    run = past.add("shop", 1)
    past.write(run, "prepared.json", {"evaluation": {"records": 4}})
    for name, lines in (("base/000", 3), ("candidate/000", 1), ("judge/000", 2), ("spent/000", 1)):
        storage.write(clients.s3(), run.uri(f"answers/{name}.jsonl"), b"{}\n" * lines, "application/jsonl")
    by = stack.removing("finetune")
    told = Activities(by, "finetune").of(looked.find(by, run.run_id), going("Evaluate Shards"))
    assert told[0] == "evaluation: 4 of 8 answers"


def test_a_file_is_read_again_only_when_it_has_changed(past: Runs) -> None:
    run = past.add("shop", 1)
    uri = run.uri("answers/base/000.jsonl")
    storage.write(clients.s3(), uri, b"{}\n", "application/jsonl")
    by = stack.removing("finetune")
    activities, found = Activities(by, "finetune"), looked.find(by, run.run_id)
    assert activities.of(found, going("Evaluate Shards"))[0] == "evaluation: 1 answers"
    storage.write(clients.s3(), uri, b"{}\n{}\n", "application/jsonl")
    assert activities.of(found, going("Evaluate Shards"))[0] == "evaluation: 2 answers"


def test_an_endpoint_is_told_by_its_kind_and_status(past: Runs) -> None:
    run = past.add("shop", 1)
    model = past.stack.account.emulator.add_model("model-1", run.settings.base_model)
    clients.bedrock().create_custom_model_deployment(modelDeploymentName=run.endpoint_name, modelArn=model)
    by = stack.removing("finetune")
    told = Activities(by, "finetune").of(looked.find(by, run.run_id), going("Check Endpoint"))
    assert told[0] == "endpoint: on demand, Creating"


def test_a_run_that_asks_names_the_command_that_answers_and_the_money_so_far(past: Runs) -> None:
    run = past.add("shop", 1)
    by = stack.removing("finetune")
    told = Activities(by, "finetune").of(looked.find(by, run.run_id), going("Request Approval"))
    assert told == [f"a person is asked: finetune approve {run.endpoint_name}", "$0.00 so far"]


def test_what_the_caller_may_not_ask_is_said_and_ends_nothing(past: Runs) -> None:
    run = past.add("shop", 1)
    past.stack.account.emulator.admin.inject("deny-get-job:always")
    by = stack.removing("finetune")
    [told] = Activities(by, "finetune").of(looked.find(by, run.run_id), going("Train Candidates"))
    assert "AccessDeniedException" in told
