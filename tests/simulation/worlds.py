"""What no document says about AWS: each world gives one answer that is not the believed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from local.bedrock.unknowns import Unknowns


@dataclass(frozen=True)
class Answers:
    """How the account answers.

    For `policies_after` seconds no function may do anything, except for `known_at_once`, and for `trust_after` seconds
    Bedrock cannot assume the role that it is given, because what a deployment changes is not known everywhere at once.
    With `own_key` the stack has a key of its own.
    """

    bedrock: Unknowns = field(default_factory=Unknowns)
    policies_after: float = 0.0
    known_at_once: str = ""
    trust_after: float = 0.0
    own_key: bool = False

    def are_new(self, stem: str, seconds: float) -> bool:
        """Whether the policies of a function are not known yet."""
        return seconds < self.policies_after and stem != self.known_at_once


BELIEVED, WITH_KEY = "believed", "_with_key"
_WORLDS: Mapping[str, Answers] = {
    BELIEVED: Answers(),
    "no_tags_on_invoke": Answers(Unknowns(tags_on_invoke=False)),
    "no_tags_on_update": Answers(Unknowns(tags_on_update="neither")),
    "tags_of_endpoint_on_update": Answers(Unknowns(tags_on_update="endpoint")),
    "tags_of_model_on_update": Answers(Unknowns(tags_on_update="model")),
    "no_tags_by_name": Answers(Unknowns(tags_by_name=False)),
    "no_methods_named": Answers(Unknowns(names_methods=False)),
    "absent_model_not_found": Answers(Unknowns(absent_model="ResourceNotFoundException")),
    "quota_as_validation": Answers(Unknowns(over_quota="ValidationException")),
    "update_unseen": Answers(Unknowns(update_unseen_minutes=2)),
    "update_unseen_but_dated": Answers(Unknowns(update_unseen_minutes=2, update_moves_time=True)),
    "creating_throughput_invalid": Answers(Unknowns(delete_creating_throughput="ValidationException")),
    "creating_throughput_deleted": Answers(Unknowns(delete_creating_throughput="deleted")),
    "iam_spreads": Answers(policies_after=60, trust_after=180),
    "iam_spreads_unevenly": Answers(policies_after=60, known_at_once="StartRun"),
    "key_without_context": Answers(Unknowns(key_context=False), own_key=True),
}
WORLDS: Mapping[str, Answers] = {
    **_WORLDS,
    **{f"{name}{WITH_KEY}": replace(each, own_key=True) for name, each in _WORLDS.items() if not each.own_key},
}
