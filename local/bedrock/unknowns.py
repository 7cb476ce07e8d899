"""What no document says about Bedrock: a switch for each question, so that tests can ask what another answer breaks."""

from dataclasses import dataclass
from typing import Literal

type TagsInContext = Literal["both", "endpoint", "model", "neither"]


@dataclass(frozen=True)
class Unknowns:
    """How this account's Bedrock answers; the defaults are what is believed.

    `tags_on_invoke`, `tags_on_update` and `tags_by_name` say whether IAM sees the tags of an endpoint that is asked, of
    which of the two resources of an update, and of a job that a request names instead of giving its ARN.
    `names_methods` is whether the id with a context length lists how it is customized. For `update_unseen_minutes` an
    endpoint looks as if no update had been asked for, except for its time of change if `update_moves_time`.
    `key_context` is whether Bedrock names the custom model when it uses a key.
    """

    tags_on_invoke: bool = True
    tags_on_update: TagsInContext = "both"
    tags_by_name: bool = True
    names_methods: bool = True
    absent_model: Literal["ResourceNotFoundException", "ValidationException"] = "ValidationException"
    over_quota: Literal["ServiceQuotaExceededException", "ValidationException"] = "ServiceQuotaExceededException"
    update_unseen_minutes: float = 0.0
    update_moves_time: bool = False
    key_context: bool = True
    delete_creating_throughput: Literal["ConflictException", "ValidationException", "deleted"] = "ConflictException"
