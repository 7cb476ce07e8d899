"""KMS: who reads or writes what a key encrypts needs that key too, which ministack does not ask."""

from collections.abc import Callable, Mapping
from typing import Any

from local.gateway import seams

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
# Action on what a key encrypts -> the uses of the key. S3 decrypts the parts of an upload to put them together, and
# HeadObject has the permission of GetObject.
USES: Mapping[str, tuple[str, ...]] = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
}


def install() -> None:
    """Ask for the key after whatever IAM has allowed, and let templates encrypt, which ministack passes over."""
    seams.ENFORCE.wrap(_with_key)
    for kind, encrypt in (("AWS::SNS::Topic", _encrypt_topic), ("AWS::S3::Bucket", _encrypt_bucket)):
        handler = seams.RESOURCE_HANDLERS.get()[kind]
        for name, properties in (("create", 1), ("update", 2)):
            handler[name] = _encrypting(handler[name], properties, encrypt)


def _encrypting(
    provision: Callable[..., Any], properties: int, encrypt: Callable[[str, Mapping[str, Any]], None]
) -> Callable[..., Any]:
    """A provisioner of a resource with its encryption; `properties` is the place of the resource's properties."""

    def provisioned(*given: Any, **more: Any) -> Any:
        name, attributes = provision(*given, **more)
        encrypt(name, given[properties])
        return name, attributes

    return provisioned


def _encrypt_topic(arn: str, properties: Mapping[str, Any]) -> None:
    seams.TOPICS.get()[arn]["attributes"]["KmsMasterKeyId"] = properties.get("KmsMasterKeyId", "")


def _encrypt_bucket(name: str, properties: Mapping[str, Any]) -> None:
    for rule in properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", []):
        default = "".join(f"<{key}>{value}</{key}>" for key, value in rule["ServerSideEncryptionByDefault"].items())
        inside = f"<ApplyServerSideEncryptionByDefault>{default}</ApplyServerSideEncryptionByDefault>"
        body = (
            f"<ServerSideEncryptionConfiguration {_NAMESPACE}><Rule>{inside}</Rule></ServerSideEncryptionConfiguration>"
        )
        seams.PUT_BUCKET_ENCRYPTION.get()(name, body.encode())


def via(service: str, region: str) -> dict[str, str]:
    """The condition context of a use of a key through a service."""
    return {"kms:ViaService": f"{service}.{region}.amazonaws.com"}


def _with_key(enforce: Callable[..., Any]) -> Callable[..., Any]:
    def enforced(access_key: str, action: str, service: str, region: str, **about: Any) -> Any:
        refused = enforce(access_key, action, service, region, **about)
        uses = USES.get(action, ())
        if refused is not None or not uses or (key := _key_of(service, about["resource_arn"])) is None:
            return refused
        context = via(service, region)
        asked = (enforce(access_key, use, "kms", region, resource_arn=key, service_context=context) for use in uses)
        return next((each for each in asked if each is not None), None)

    return enforced


def _key_of(service: str, resource_arn: str) -> str | None:
    """The KMS key that encrypts a bucket, a topic or a queue."""
    if service == "s3":
        headers = seams.BUCKET_ENCRYPTION.get()(resource_arn.removeprefix("arn:aws:s3:::").partition("/")[0])
        return headers.get("x-amz-server-side-encryption-aws-kms-key-id") or None
    found = seams.TOPICS.get().get(resource_arn) if service == "sns" else seams.QUEUE_BY_ARN.get()(resource_arn)
    return ((found or {}).get("attributes") or {}).get("KmsMasterKeyId") or None
