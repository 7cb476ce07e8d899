"""How many runs the stack allows in a day and at once: counted by objects that are written once, not by a list."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

import orjson

from finetune.aws import storage
from finetune.aws.slots import Slots
from finetune.errors import TooManyRunsAtOnce, TooManyRunsToday
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient


def take_today(s3: S3Client, run: Run, most: int) -> None:
    """Count a run among those of its UTC day, once; TooManyRunsToday when there are as many as the stack allows.

    A project has at most half of them, so that what one supplier drops leaves room for others. The day is that of the
    run's claim by the clock of S3. `day.json` in the run's folder says which numbers the run is about to take, so that
    a retry finds them.
    """
    began, note = storage.written_at(s3, run.uri("run.json")), run.uri("day.json")
    bucket, _ = storage.split_uri(run.folder)
    day, share, days = f"{began:%Y-%m-%d}", ceil(most / 2), f"s3://{bucket}/slots/days"
    own = orjson.dumps({"run_id": run.run_id, "execution_arn": run.execution_arn})
    meant: dict[str, str] = orjson.loads(storage.read(s3, note) or b"{}")
    for name, folder, bound, whose in (
        ("share", f"{days}/of/{run.slug}/{day}/", share, f"A project may begin half of the stack's {most} runs"),
        ("taken", f"{days}/{day}/", most, f"The stack allows {most} runs"),
    ):
        if name in meant and storage.read(s3, meant[name]) == own:
            continue
        # Numbers are taken one after the other, so there is none free below how many there are.
        for number in range(len(storage.keys_under(s3, folder)), bound):
            meant[name] = f"{folder}{number}.json"
            storage.write_json(s3, note, meant)
            if storage.write_once(s3, meant[name], own, "application/json") or storage.read(s3, meant[name]) == own:
                break
        else:
            raise TooManyRunsToday(
                f"{whose} in a UTC day, and {bound} have begun on {day}. The next may begin on "
                f"{began + timedelta(days=1):%Y-%m-%d} at 00:00 UTC. Whoever deploys the stack can raise its parameter "
                "MostRunsPerDay; no settings.yaml can."
            )


def take_at_once(s3: S3Client, stepfunctions: SFNClient, run: Run) -> None:
    """Take a place among the runs that go on, once, and keep it until the execution has ended; TooManyRunsAtOnce."""
    most = run.ceilings.runs_at_once
    if most is None:
        return
    bucket, _ = storage.split_uri(run.folder)
    slots = Slots(s3, stepfunctions, f"s3://{bucket}/slots/going/")
    own = {"execution_arn": run.execution_arn, "project": run.slug}
    held = slots.claim(own, lambda held: len(held.holders) < most)
    if held:
        going = Counter(holder["project"] for holder in held.holders.values())
        raise TooManyRunsAtOnce(
            f"The stack allows {most} runs at once, and {going.total()} go on"
            f" ({', '.join(f'{number} of {project}' for project, number in sorted(going.items()))}). Nothing more of "
            "this run is billed until one of them has ended. Whoever deploys the stack can raise its parameter "
            "MostRunsAtOnce for later runs; no settings.yaml can."
        )
