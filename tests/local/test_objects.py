"""S3 as the runs need it: conditional writes and versions."""

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud

BUCKET = "objects"


@pytest.fixture(scope="module", autouse=True)
def bucket(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def test_an_object_is_claimed_once(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=BUCKET, Key="claim", Body=b"mine", IfNoneMatch="*")

    with pytest.raises(ClientError, match="PreconditionFailed") as refusal:
        s3.put_object(Bucket=BUCKET, Key="claim", Body=b"yours", IfNoneMatch="*")

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=BUCKET, Key="claim")["Body"].read() == b"mine"


def test_an_object_is_replaced_only_in_the_state_that_was_read(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    read = s3.put_object(Bucket=BUCKET, Key="ledger", Body=b"1")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="ledger", Body=b"2", IfMatch=read)

    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key="ledger", Body=b"3", IfMatch=read)


def test_a_pinned_version_outlives_an_overwrite(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    version = s3.put_object(Bucket=BUCKET, Key="dataset", Body=b"old")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="dataset", Body=b"new")

    assert s3.get_object(Bucket=BUCKET, Key="dataset", VersionId=version)["Body"].read() == b"old"
    assert s3.get_object(Bucket=BUCKET, Key="dataset")["Body"].read() == b"new"
