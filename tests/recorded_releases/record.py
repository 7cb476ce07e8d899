"""Write down one of each kind of what a release leaves behind: `python -m tests.recorded_releases.record 0.3.0`.

Later releases have to read it: the input of an execution, what is in the bucket, the parameter, the tags. The names of
the template's resources and the sources are there too.
"""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from finetune.aws import clients
from finetune.aws.mail import name_of
from tests.account import account
from tests.integration.test_handlers import EXAMPLE, dropped, evaluated, trained
from tests.template import ARTIFACTS, STACK
from tools.project import ROOT, template

HERE = Path(__file__).parent
SOURCES = ("template.yaml", "functions", "statemachine", "layers/finetune/finetune")


def record(folder: Path) -> None:
    """What stays of a run that is promoted, and of one whose job is going."""
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, content: Any) -> None:
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")

    with tarfile.open(folder / "sources.tar.xz", "w:xz") as archive:
        for source in SOURCES:
            archive.add(ROOT / source, source, filter=lambda entry: None if "__pycache__" in entry.name else entry)
    keep("resources", {name: each["Type"] for name, each in template()["Resources"].items()})
    with account() as running:
        for name in ("settings.yaml", "evaluation.jsonl"):
            running.put(f"projects/shop/{name}", (EXAMPLE / name).read_bytes())
        run = dropped(running)
        trained(run)
        evaluated(run)
        endpoint = _tags(run.known["endpoint"]["arn"])
        for state in ("Provision Throughput", "Promote Model", "Release Endpoint", "Notify Model Promoted"):
            run.task(state)
        keep("output", run.known)
        name = f"/{STACK}/{run.known['run']['slug']}/endpoint"
        keep("parameter", json.loads(clients.ssm().get_parameter(Name=name)["Parameter"]["Value"]))
        keep("mail", _stored(f"s3://{ARTIFACTS}/mails/{name_of(run.execution['Id'])}.json"))

        run = dropped(running)
        for state in ("Plan Run", "Validate Dataset", "Prepare Dataset"):
            run.task(state)
        [candidate] = run.items("Train Candidates")
        job = _tags(run.task("Start Customization Job", candidate)["job_arn"])
        keep("tags", {"job": job, "endpoint": endpoint})
        keep("input", run.execution["Input"])
        for name in ("run", "plan"):
            keep(name, _stored(f"{run.known['run']['folder']}/{name}.json"))


def _stored(uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(clients.s3().get_object(Bucket=bucket, Key=key)["Body"].read())


def _tags(arn: str) -> dict[str, str]:
    return {each["key"]: each["value"] for each in clients.bedrock().list_tags_for_resource(resourceARN=arn)["tags"]}


if __name__ == "__main__":
    record(HERE / sys.argv[1])
