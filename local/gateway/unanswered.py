"""What the local cloud refuses because it would answer wrongly: whoever asks then knows that it is not known.

ministack simulates policies without their conditions, and no service of it writes metrics of its own.
"""

from typing import Any

from ministack.services import cloudwatch, iam

from local.gateway import seams

CODE = "InvalidAction"
WORDS = "The local cloud does not know this."


def install() -> None:
    """Refuse SimulatePrincipalPolicy and GetMetricStatistics."""
    seams.IAM_HANDLERS.get()["SimulatePrincipalPolicy"] = _no_simulation
    seams.METRIC_STATISTICS.set(_no_statistics)


def _no_simulation(_params: Any) -> Any:
    return iam._error(400, CODE, WORDS)


def _no_statistics(_params: Any, _cbor: Any, is_cbor: bool, is_json: bool = False) -> Any:
    return cloudwatch._error(CODE, WORDS, 400, use_json=is_json, use_cbor=is_cbor)
