"""Links to the console have the Region and the partition of what they show."""

from __future__ import annotations

import pytest

from finetune_cli import console_links


@pytest.mark.parametrize(
    ("partition", "host"), [("aws", "console.aws.amazon.com"), ("aws-us-gov", "console.amazonaws-us-gov.com")]
)
def test_an_execution_is_linked_in_its_region_and_partition(partition: str, host: str) -> None:
    arn = f"arn:{partition}:states:us-west-2:1:execution:finetune:shop-1"
    assert console_links.execution(arn) == (
        f"https://us-west-2.{host}/states/home?region=us-west-2#/v2/executions/details/"
        f"arn%3A{partition}%3Astates%3Aus-west-2%3A1%3Aexecution%3Afinetune%3Ashop-1"
    )


def test_an_object_is_linked_with_its_whole_key() -> None:
    link = console_links.s3_object("arn:aws:states:us-east-1:1:stateMachine:x", "s3://bucket/runs/a b/report.html")
    assert link == (
        "https://us-east-1.console.aws.amazon.com/s3/object/bucket?region=us-east-1&bucketType=general"
        "&prefix=runs%2Fa%20b%2Freport.html"
    )
