"""How the models in service are used, by the metrics that Bedrock writes to CloudWatch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from finetune.aws.translation import translated
from finetune.frozen import Frozen

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

DAYS = 7
_NAMESPACE, _DIMENSION = "AWS/Bedrock", "ModelId"
# The field of each metric; latencies are added up, and divided by their number.
_METRICS = {
    "Invocations": "invocations",
    "InvocationClientErrors": "client_errors",
    "InvocationServerErrors": "server_errors",
    "InvocationThrottles": "throttles",
    "InputTokenCount": "input_tokens",
    "OutputTokenCount": "output_tokens",
}
_LATENCY = "InvocationLatency"
# GetMetricData takes so many queries at once.
_MOST_QUERIES = 500


class Usage(Frozen):
    """What an endpoint was asked in the last `days`; a mean is None without calls."""

    days: int = DAYS
    invocations: int = 0
    client_errors: int = 0
    server_errors: int = 0
    throttles: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    latency_ms: float | None = None

    @property
    def answer_tokens(self) -> float | None:
        """The mean length of an answer."""
        return self.output_tokens / self.invocations if self.invocations else None


def of_endpoints(
    cloudwatch: CloudWatchClient, endpoints: Mapping[str, Sequence[str]], now: datetime
) -> dict[str, Usage]:
    """The usage of each endpoint that CloudWatch knows; `endpoints` has the names under which one may stand there.

    Under which name Bedrock counts a deployment is not documented, so all are looked for, the first of them first.
    """
    known = _model_ids(cloudwatch)
    named = {key: next(name for name in names if name in known) for key, names in endpoints.items() if known & {*names}}
    wanted = [(key, metric) for key in named for metric in (*_METRICS, _LATENCY)]
    queries = [
        _query(f"q{index}_{statistic.lower()}", named[key], metric, statistic)
        for index, (key, metric) in enumerate(wanted)
        for statistic in ("Sum", *(["SampleCount"] if metric == _LATENCY else []))
    ]
    found = _sums(cloudwatch, queries, now)
    return {
        key: _usage({metric: found for (each, metric), found in _by_metric(wanted, found) if each == key})
        for key in named
    }


def _by_metric(
    wanted: Iterable[tuple[str, str]], sums: Mapping[str, float]
) -> Iterable[tuple[tuple[str, str], tuple[float, float]]]:
    """Sum and number of samples of each metric of each endpoint."""
    for index, each in enumerate(wanted):
        yield each, (sums.get(f"q{index}_sum", 0.0), sums.get(f"q{index}_samplecount", 0.0))


def _usage(found: Mapping[str, tuple[float, float]]) -> Usage:
    latency, samples = found[_LATENCY]
    return Usage(
        **{name: round(found[metric][0]) for metric, name in _METRICS.items()},
        latency_ms=latency / samples if samples else None,
    )


def _model_ids(cloudwatch: CloudWatchClient) -> set[str]:
    """Everything that Bedrock has counted calls of lately."""
    with translated("looking for the metrics of Bedrock"):
        pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=_NAMESPACE, MetricName="Invocations")
        found = [metric.get("Dimensions", []) for page in pages for metric in page["Metrics"]]
    # Beside the model alone there may be metrics of it within something else, which are a part of the same calls.
    return {each[0]["Value"] for each in found if len(each) == 1 and each[0]["Name"] == _DIMENSION}


def _query(name: str, model_id: str, metric: str, statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": _DIMENSION, "Value": model_id}]
    told = {"Namespace": _NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": told, "Period": 86_400, "Stat": statistic}}


def _sums(cloudwatch: CloudWatchClient, queries: Sequence[Any], now: datetime) -> dict[str, float]:
    found = dict[str, float]()
    with translated("asking how the models in service are used"):
        for first in range(0, len(queries), _MOST_QUERIES):
            pages = cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries[first : first + _MOST_QUERIES],
                StartTime=now - timedelta(days=DAYS),
                EndTime=now,
            )
            for each in (result for page in pages for result in page["MetricDataResults"]):
                found[each["Id"]] = found.get(each["Id"], 0.0) + sum(each["Values"])
    return found
