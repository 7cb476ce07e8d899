"""A few refused drops have mails of their own; one mail tells of all others of the hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from finetune.aws import mail, notice, refusals
from finetune.aws.refusals import MOST_ALONE, MOST_NAMED, OVER
from finetune.contracts import NotifyInput
from finetune.errors import ServiceBusy
from finetune.letter import Mail
from finetune.parts import Failure
from tests.integration.deployed import ENVIRONMENT, Deployed, down
from tests.integration.fakes import MemoryBucket

WRONG = Failure(Error="UnsupportedDataset", Cause="'a.txt' is not a dataset.")


def refuse(deployed: Deployed, number: int, key: str = "incoming/shop/readme{}.txt") -> None:
    """What Notify does for a drop that Plan Run refused."""
    arn = f"arn:aws:states:us-east-1:123456789012:execution:stack:shop-{key[9:12]}-{number:02}".replace("/", "")
    deployed.executions.statuses[arn] = "RUNNING"
    request = {"bucket": "datasets", "key": key.format(number), "version_id": "1"}
    known = {"outcome": "RequestRefused", "execution_arn": arn, "request": request, "error": WRONG}
    notice.deliver(deployed.by, NotifyInput.model_validate(known), 0)


def tell(deployed: Deployed, bucket: MemoryBucket) -> int:
    return refusals.tell(cast("Any", bucket), cast("Any", deployed.topic), ENVIRONMENT.ARTIFACT_BUCKET, "topic")


def pass_over(bucket: MemoryBucket, executions: Any, time: timedelta = OVER) -> None:
    bucket.now += time
    executions.now += time


def test_a_few_have_mails_of_their_own_and_one_mail_tells_of_the_others(
    deployed: Deployed, bucket: MemoryBucket
) -> None:
    for number in range(MOST_ALONE + 2):
        refuse(deployed, number)
        refuse(deployed, number)
    assert len(deployed.topic.sent) == MOST_ALONE
    assert tell(deployed, bucket) == 0
    pass_over(bucket, deployed.executions)
    assert [tell(deployed, bucket) for _ in range(2)] == [1, 0]
    assert deployed.topic.sent[MOST_ALONE:] == ["Refused drops, project shop: 2"]
    body = deployed.topic.bodies[-1]
    assert "s3://datasets/incoming/shop/readme3.txt\nUnsupportedDataset: 'a.txt' is not a dataset.\nExecution: " in body
    assert "What to do: Drop a .jsonl" in body
    assert not [key for key in bucket.objects if key.startswith("refusals/untold/")]


def test_projects_and_hours_are_told_apart_and_files_without_a_folder_together(
    deployed: Deployed, bucket: MemoryBucket
) -> None:
    for key in ("incoming/shop/r{}.txt", "incoming/Größe & Co/r{}.txt", "incoming/flat{}.txt"):
        for number in range(MOST_ALONE + 1):
            refuse(deployed, number, key)
    pass_over(bucket, deployed.executions)
    for number in range(MOST_ALONE):
        refuse(deployed, 50 + number)
    assert tell(deployed, bucket) == 3
    own, together = deployed.topic.sent[: 4 * MOST_ALONE], deployed.topic.sent[4 * MOST_ALONE :]
    assert {subject.partition(":")[0] for subject in own} == {"Run failed (UnsupportedDataset)"}
    assert min(subject.partition(",")[2] for subject in together) == " directly under incoming/: 1"


def test_a_mail_names_some_counts_the_rest_and_says_where_they_are(deployed: Deployed, bucket: MemoryBucket) -> None:
    for number in range(MOST_ALONE + MOST_NAMED + 4):
        refuse(deployed, number, f"incoming/shop/{'x' * 900}{{}}.txt")
    pass_over(bucket, deployed.executions)
    tell(deployed, bucket)
    body = deployed.topic.bodies[-1]
    assert body.count("Execution: ") == MOST_NAMED
    assert "And 4 more, each with a file under s3://artifacts/refusals/hours/2026-11-21T12/shop/." in body
    assert "[cut" not in body


def test_what_got_a_mail_of_its_own_after_a_retry_is_not_told_again(deployed: Deployed, bucket: MemoryBucket) -> None:
    for number in range(MOST_ALONE):
        refuse(deployed, number)
    original = bucket.put_object

    def dying(**asked: Any) -> None:
        if asked["Key"].startswith("mails/"):
            down()
        original(**asked)

    bucket.put_object = dying  # type: ignore[method-assign]  # the function does not come to its end
    with pytest.raises(ServiceBusy):
        refuse(deployed, 9)
    bucket.put_object = original  # type: ignore[method-assign]  # it works again
    pass_over(bucket, deployed.executions)
    refuse(deployed, 9)
    assert len(deployed.topic.sent) == MOST_ALONE + 1
    assert tell(deployed, bucket) == 0
    assert len(deployed.topic.sent) == MOST_ALONE + 1
    assert not [key for key in bucket.objects if key.startswith("refusals/untold/")]


def test_other_ends_are_told_one_by_one(deployed: Deployed) -> None:
    for _ in range(MOST_ALONE + 2):
        run = deployed.planned()
        deployed.executions.statuses[run.execution_arn] = "RUNNING"
        known = {"outcome": "RunFailed", "execution_arn": run.execution_arn, "run": run, "error": WRONG}
        notice.deliver(deployed.by, NotifyInput.model_validate(known), 0)
    assert len(deployed.topic.sent) == MOST_ALONE + 2


@pytest.mark.parametrize(("key", "group"), [("projects/shop/evaluation.jsonl", "shop"), ("projects//x", "_")])
def test_what_an_evaluation_is_refused_for_counts_for_its_own_project(key: str, group: str) -> None:
    assert refusals._group({"key": key, "evaluate": "arn:model"}) == group


def test_a_drop_whose_own_mail_goes_out_meanwhile_is_not_told_with_others(
    deployed: Deployed, bucket: MemoryBucket
) -> None:
    for number in range(MOST_ALONE):
        refuse(deployed, number)
    arn = "arn:aws:states:us-east-1:123456789012:execution:stack:shop-late"
    request = {"bucket": "datasets", "key": "incoming/shop/late.txt", "version_id": "1"}
    known = NotifyInput.model_validate(
        {"outcome": "RequestRefused", "execution_arn": arn, "request": request, "error": WRONG}
    )
    told = Mail(subject="Run failed", body="It took too long.")
    by: Any = deployed.by
    # Notify has seen that no mail was sent, is slow, and Clean Up Run sends one.
    assert mail.deliver(by.s3, by.sns, bucket=ENVIRONMENT.ARTIFACT_BUCKET, topic_arn="t", execution_arn=arn, mail=told)
    assert not refusals.has_own_mail(by.s3, ENVIRONMENT.ARTIFACT_BUCKET, known, bucket.now)
    pass_over(bucket, deployed.executions)
    assert tell(deployed, bucket) == 0
