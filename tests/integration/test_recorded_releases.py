"""What each earlier release wrote is read, cleaned up and mailed, also with keys that this one does not know."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from finetune.aws import publication, runs
from finetune.aws.tags import EXECUTION_TAG, NAME_TAG, RUN_TAG, STACK_TAG
from finetune.errors import FileUnreadable
from finetune.run import Run
from tests.integration.deployed import STOPPED, Deployed
from tests.integration.fakes import NOVA, SLUG, STACK
from tests.recorded_releases.record import HERE

# In these the keys are data.
MAPPINGS = {"hyperparameters", "counts"}
RELEASES = sorted(path.name for path in HERE.iterdir() if (path / "plan.json").is_file())


def with_more(told: Any) -> Any:
    """The same with a key of another release in every object."""
    match told:
        case dict():
            return {"of_another_release": {"a": 1}} | {
                key: each if key in MAPPINGS else with_more(each) for key, each in told.items()
            }
        case list():
            return [with_more(each) for each in told]
        case _:
            return told


type Read = Callable[[str], Any]


@pytest.fixture(params=[(name, more) for name in RELEASES for more in ("", "with more")], ids=" ".join)
def recorded(request: pytest.FixtureRequest) -> Read:
    """One example of each kind by name."""
    name, more = request.param

    def read(kind: str) -> Any:
        told = json.loads((HERE / name / f"{kind}.json").read_text())
        return with_more(told) if more else told

    return read


def put(deployed: Deployed, key: str, told: Any) -> None:
    deployed.bucket.objects[key] = (json.dumps(told).encode(), deployed.bucket.now)


def planned(deployed: Deployed, recorded: Read) -> Run:
    """The recorded run whose execution is going, with its files."""
    claim, plan = recorded("run"), recorded("plan")
    folder = plan["folder"].removeprefix("s3://artifacts/")
    put(deployed, f"{folder}/run.json", claim)
    put(deployed, f"{folder}/plan.json", plan)
    arn = claim["execution_arn"]
    deployed.executions.statuses[arn] = "RUNNING"
    deployed.executions.more[arn] = {"input": json.dumps(recorded("input"))}
    return runs.read_plan(deployed.s3, Run.model_validate({**PLAIN, "folder": plan["folder"]}))


PLAIN = {
    "run_id": "",
    "project": "",
    "slug": "",
    "execution_arn": "",
    "first_delivery": False,
    "dataset": {"bucket": "datasets", "key": "key", "version_id": "v1"},
    "endpoint_name": "",
}


def training(deployed: Deployed, run: Run, tags: dict[str, Any]) -> str:
    """Start the run's job with the tags of its release; its name."""
    job, control = deployed.training(run), deployed.stack.emulator.control
    arn = control.get_model_customization_job(jobIdentifier=job)["jobArn"]
    unknown = [key for key in (EXECUTION_TAG, NAME_TAG) if key not in tags]
    control.untag_resource(resourceARN=arn, tagKeys=unknown)
    now = {each["key"]: each["value"] for each in control.list_tags_for_resource(resourceARN=arn)["tags"]}
    assert now | {STACK_TAG: tags[STACK_TAG]} == {key: each for key, each in tags.items() if isinstance(each, str)}
    return job


def test_a_run_of_an_earlier_release_is_cleaned_up_and_told_of(deployed: Deployed, recorded: Read) -> None:
    run = planned(deployed, recorded)
    assert run.settings.hyperparameters
    job = training(deployed, run, recorded("tags")["job"])
    done = deployed.clean_up(deployed.end(run, "ABORTED"))
    assert (done.released, done.mail_sent) == ((job,), True)
    assert deployed.topic.sent == [STOPPED]
    assert run.run_id in deployed.topic.bodies[0]


@pytest.mark.parametrize(
    "plan",
    [b"{", b'{"schema": 99}', b'{"schema": 1, "run_id": "r"}', b"[]"],
    ids=["no JSON", "another form", "keys missing", "no object"],
)
def test_a_run_whose_plan_cannot_be_read_is_cleaned_up_by_its_names_and_the_error_says_which_file(
    deployed: Deployed, recorded: Read, plan: bytes
) -> None:
    run = planned(deployed, recorded)
    job, endpoint = training(deployed, run, recorded("tags")["job"]), deployed.evaluating(run)
    file = run.uri("plan.json")
    deployed.bucket.objects[file.removeprefix("s3://artifacts/")] = (plan, deployed.bucket.now)
    with pytest.raises(FileUnreadable, match=file):
        deployed.clean_up(deployed.end(run, "ABORTED"))
    assert deployed.status_of(job) in {"Stopping", "Stopped"}
    assert endpoint.arn not in deployed.stack.open_arns()
    assert deployed.topic.sent == [STOPPED]


def test_a_run_whose_claim_cannot_be_read_is_told_of_and_found_by_its_tags(deployed: Deployed, recorded: Read) -> None:
    run = planned(deployed, recorded)
    job = deployed.training(run)
    deployed.bucket.objects[run.uri("run.json").removeprefix("s3://artifacts/")] = (b"{}", deployed.bucket.now)
    assert deployed.clean_up(deployed.end(run, "ABORTED")).mail_sent
    assert deployed.topic.sent == ["Run stopped: the dropped file"]
    assert "could not be asked" in deployed.topic.bodies[0]
    assert f"{run.uri('run.json')} does not hold what is read from there (execution_arn" in deployed.topic.bodies[0]
    deployed.later()
    assert deployed.sweep().released == (job,)


def test_the_sweeper_finds_what_a_run_of_an_earlier_release_left_by_its_tags(
    deployed: Deployed, recorded: Read
) -> None:
    run, tags = planned(deployed, recorded), recorded("tags")
    job = training(deployed, run, tags["job"])
    own = {"key": STACK_TAG, "value": STACK}, {"key": RUN_TAG, "value": run.run_id}
    told = [{"key": key, "value": each} for key, each in tags["endpoint"].items() if isinstance(each, str)]
    kept = [each for each in told if each["key"] not in {STACK_TAG, RUN_TAG, EXECUTION_TAG}]
    model = deployed.stack.emulator.add_model(f"{run.endpoint_name}-c1", NOVA)
    endpoint = deployed.stack.open(run.endpoint_name, model, "on_demand", [*own, *kept])
    deployed.ended(run, "ABORTED")
    deployed.executions.more[run.execution_arn]["input"] = "{}"
    deployed.later()
    assert set(deployed.sweep().released) == {job, endpoint.arn}


def test_the_mail_that_an_earlier_release_wrote_down_is_sent(deployed: Deployed, recorded: Read) -> None:
    letter = recorded("mail")
    put(deployed, "outbox/promoted.json", letter)
    assert deployed.sweep().mails_sent == 1
    assert (deployed.topic.sent, deployed.topic.bodies) == ([letter["subject"]], [letter["body"]])


def test_one_mail_that_cannot_be_read_keeps_no_other_back_and_stays(deployed: Deployed, recorded: Read) -> None:
    put(deployed, "outbox/a.json", {"title": "of another form"})
    put(deployed, "outbox/b.json", recorded("mail"))
    with pytest.raises(FileUnreadable, match=r"outbox/a\.json does not hold what is read from there \(subject"):
        deployed.sweep()
    assert deployed.topic.sent == [recorded("mail")["subject"]]
    assert [key for key in deployed.bucket.objects if key.startswith("outbox/")] == ["outbox/a.json"]


def test_a_run_that_an_earlier_release_ended_well_is_told_of(deployed: Deployed, recorded: Read) -> None:
    output, arn = recorded("output"), recorded("output")["run"]["execution_arn"]
    deployed.executions.statuses[arn] = "SUCCEEDED"
    deployed.executions.more[arn] = {"output": json.dumps(output)}
    assert deployed.sweep().mails_sent == 1
    assert deployed.topic.sent == [recorded("mail")["subject"]]
    assert output["evaluation"]["reason"] in deployed.topic.bodies[0]


def test_what_an_earlier_release_published_is_known_and_stays_in_service(deployed: Deployed, recorded: Read) -> None:
    value, stack = recorded("parameter"), deployed.stack
    model = stack.emulator.add_model("published", NOVA)
    lease = {key: each for key, each in recorded("tags")["endpoint"].items() if isinstance(each, str)}
    tags = [{"key": key, "value": each} for key, each in {**lease, STACK_TAG: STACK}.items()]
    endpoint = stack.open(value["endpoint_name"], model, "on_demand", tags)
    value |= {"endpoint_arn": endpoint.arn, "model_arn": model}
    stack.ssm.values[publication.parameter_name(STACK, SLUG)] = json.dumps(value)
    found = publication.read(stack.ssm, STACK, SLUG)
    assert found
    assert (found.run_id, found.dataset and found.dataset.payload()) == (
        value["run_id"],
        {key: each for key, each in value["dataset"].items() if isinstance(each, str)},
    )
    deployed.later(minutes=60 * 24 * 30)
    assert deployed.sweep().released == ()
    assert stack.open_arns() == {endpoint.arn}


def test_there_is_a_record_of_an_earlier_release() -> None:
    assert RELEASES
    assert all({path.stem for path in (HERE / name).glob("*.json")} == KINDS for name in RELEASES)


KINDS = {"input", "mail", "output", "parameter", "plan", "resources", "run", "tags"}
