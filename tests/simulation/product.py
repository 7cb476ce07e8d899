"""The product in this process: its own clients, whose requests a world answers, and no thread and no real waiting."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import boto3.s3.inject
import botocore.endpoint
import botocore.parsers
import botocore.retries.quota
import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf import cloudwatch
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config

from finetune.aws import answers, asking, clients
from finetune.domain.evaluation import metrics, significance
from finetune.environment import Environment
from tests.emulator import REGION
from tests.keys import KEY
from tests.simulation.remembered import Memory, attempt_cheaply
from tests.simulation.wire import Answer
from tests.template import FUNCTIONS, variables

if TYPE_CHECKING:
    from tests.simulation.world import World

# Writing the log takes longer than the work.
_QUIET = {"POWERTOOLS_LOG_LEVEL": "CRITICAL"}
# Nobody here looks at signatures or at who asks, and both take a quarter of a call's time.
_PLAIN = Config(signature_version=UNSIGNED, user_agent="simulation")
_world: list[World] = []
_quotas: list[botocore.retries.quota.RetryQuota] = []


class _Numbered(Future[Any]):
    """A future whose place in a set follows from its number and not from its address."""

    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self._number = next(self.numbers)

    def __hash__(self) -> int:
        return self._number


class InlineExecutor:
    """A pool that does its work at once."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *given: Any) -> Future[Any]:
        future = _Numbered()
        try:
            future.set_result(work(*given))
        except Exception as error:  # noqa: BLE001 - as a pool does
            future.set_exception(error)
        return future

    def shutdown(self, **_: object) -> None:
        pass


class _Quota(botocore.retries.quota.RetryQuota):
    """A quota of retries that is remembered."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        _quotas.append(self)


def reset_retries() -> None:
    """Give every client the whole of its quota back."""
    for quota in _quotas:
        quota.release(quota.INITIAL_CAPACITY)


@cache
def _remembered(pure: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the verdict's statistics that does not resample again for the same scores."""
    known: dict[Any, Any] = {}

    def found(clusters: Any, **given: Any) -> Any:
        key = tuple(clusters), tuple(sorted(given.items()))
        if key not in known:
            known[key] = pure(clusters, **given)
        return known[key]

    return found


@cache
def _metrics() -> Mapping[str, metrics.Metric]:
    """The metrics, which do not score again the same answer to the same item."""
    return {name: replace(each, score=cache(each.score)) for name, each in metrics.METRICS.items()}


def _answer(event_name: str, request: Any) -> Answer:
    return _world[-1].answer(event_name, request)


def _now() -> float:
    return _world[-1].clock.seconds


def _sleep(seconds: float) -> None:
    _world[-1].clock.sleep(seconds)


def _variables() -> dict[str, str]:
    """The environment of every function at once; one process runs them all."""
    found: dict[str, str] = {}
    for stem in FUNCTIONS:
        for name, text in variables(stem).items():
            if found.setdefault(name, text) != text:
                raise ValueError(f"Two functions disagree about {name}, so one process cannot run both.")
    return found


@contextmanager
def prepared() -> Iterator[None]:
    """The product with clients that ask the world; made once, because clients take long to make."""
    with pytest.MonkeyPatch.context() as patched:
        _patch(patched)
        yield


def _patch(patched: pytest.MonkeyPatch) -> None:
    for name, value in {**_variables(), **_QUIET, "AWS_REGION": REGION}.items():
        patched.setenv(name, value)
    _forget()
    patched.setattr(boto3, "client", _client)
    patched.setattr(asking, "ThreadPoolExecutor", InlineExecutor)
    clocks: dict[str, Callable[..., Any]] = {"now": _now, "rest": _sleep}
    for work in (asking.ask_all, answers.saved_as_they_come):
        defaults: dict[str, Any] = work.__kwdefaults__ or {}
        for name in clocks.keys() & defaults.keys():
            patched.setitem(defaults, name, clocks[name])
    for pure in ("interval", "p_value"):
        patched.setattr(significance, pure, _remembered(getattr(significance, pure)))
    patched.setattr(metrics, "METRICS", _metrics())
    # A sweep that fails has no metric, of which the library warns.
    patched.setattr(cloudwatch, "warnings", SimpleNamespace(warn=lambda *_, **__: None))
    patched.setattr(cloudwatch, "print", lambda *_, **__: None, raising=False)
    patched.setattr(boto3.s3.inject, "TransferConfig", partial(TransferConfig, use_threads=False))
    # Every service tells the time again and again, and reading it takes longer than telling.
    patched.setattr(botocore.parsers, "DEFAULT_TIMESTAMP_PARSER", cache(botocore.parsers.DEFAULT_TIMESTAMP_PARSER))
    patched.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=_sleep))
    patched.setattr(logging.getLogger("finetune"), "level", logging.CRITICAL)


@cache
def _session() -> boto3.Session:
    return boto3.Session("test", "secret", region_name=REGION)


def _client(service: str, config: Config, region_name: str = REGION) -> Any:
    """A client of the product, the same one in every world of this process."""
    if service not in _clients:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(botocore.retries.quota, "RetryQuota", _Quota)
            session: Any = _session()
            client = session.client(service, region_name, config=config.merge(_PLAIN))
        name = client.meta.service_model.service_id.hyphenize()
        memory = Memory(name, client._make_api_call, _answer, _quotas[-1])
        client.meta.events.register_first(f"before-send.{name}", memory.before_send)
        client._make_api_call = memory
        attempt_cheaply(client)
        client.get_paginator = cache(client.get_paginator)
        _clients[service] = client
    return _clients[service]


_clients: dict[str, Any] = {}


def deploy(variables: Mapping[str, int]) -> None:
    """Let the product find other variables in its environment until its world ends."""
    os.environ.update({name: str(value) for name, value in variables.items()})
    Environment.read.cache_clear()


def _forget() -> None:
    """Let the product forget its clients and its environment."""
    for each in vars(clients).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()
    Environment.read.cache_clear()


@contextmanager
def belongs_to(world: World) -> Iterator[None]:
    """Every request and every wait of the product goes to this world."""
    _world.append(world)
    _Numbered.numbers = count()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MODEL_KMS_KEY_ARN", KEY if world.answers.own_key else "")
        try:
            yield
        finally:
            _world.remove(world)
            _forget()
