"""The emulator's own interface under /_local/: faults, ledger, catalog, requests, clock. For root only, JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from finetune.domain.catalog import base_models
from local.bedrock.authorization import ROOT
from local.bedrock.faults import FaultError
from local.bedrock.ledger import ledger
from local.bedrock.protocol import Response
from local.bedrock.world import World


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaultsBody(_Body):
    """Faults to inject, after forgetting the pending ones if `clear`."""

    inject: list[str] = []
    clear: bool = False


class CatalogBody(_Body):
    """Base models that the service shall call active or no longer, and whether every region offers every base model."""

    activate: list[str] = []
    retire: list[str] = []
    regions: str | None = None


class ClockBody(_Body):
    """A piece of work outside of the cloud that begins, or the number of one that ends."""

    begin: bool = False
    end: int | None = None


class Control:
    """Answers the requests under /_local/."""

    def __init__(self, world: World, requests: Callable[[], Sequence[BaseModel]]) -> None:
        self._world = world
        self._requests = requests
        self._routes: Mapping[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", "/_local/faults"): self._faults,
            ("POST", "/_local/faults"): self._inject,
            ("GET", "/_local/ledger"): self._ledger,
            ("POST", "/_local/catalog"): self._catalog,
            ("GET", "/_local/requests"): self._log,
            ("GET", "/_local/clock"): self._timeline,
            ("POST", "/_local/clock"): self._work,
        }

    def answer(self, method: str, path: str, caller: str, body: bytes) -> Response:
        """The response to one request; whatever is wrong with it is said in one sentence."""
        if caller != ROOT:
            return _response(403, {"message": "Only root may use the emulator's own interface."})
        route = self._routes.get((method, path))
        if route is None:
            known = ", ".join(f"{verb} {address}" for verb, address in self._routes)
            return _response(404, {"message": f"There is no {method} {path}; there are {known}."})
        try:
            return _response(200, route(body))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "body"
            return _response(400, {"message": f"{where}: {first['msg']}"})
        except ValueError as error:
            return _response(400, {"message": str(error)})

    def _faults(self, _body: bytes) -> dict[str, Any]:
        return {"pending": self._world.faults.pending(), "known": dict(self._world.faults.known)}

    def _inject(self, body: bytes) -> dict[str, Any]:
        asked = FaultsBody.model_validate_json(body)
        for spec in asked.inject:
            self._world.faults.parse(spec)
        if asked.clear:
            self._world.faults.clear()
        for spec in asked.inject:
            self._world.faults.inject(spec)
        return self._faults(b"")

    def _ledger(self, _body: bytes) -> dict[str, Any]:
        with self._world.lock:
            return ledger(self._world).model_dump(mode="json")

    def _catalog(self, body: bytes) -> dict[str, Any]:
        asked = CatalogBody.model_validate_json(body)
        unknown = sorted({*asked.activate, *asked.retire} - base_models().keys())
        if unknown:
            raise FaultError(f"The catalog has no base model {unknown[0]!r}; ids are those for customization.")
        if asked.regions not in {None, "any", "catalog"}:
            raise FaultError(f"regions is 'any' or 'catalog', not {asked.regions!r}.")
        with self._world.lock:
            state = self._world.state
            state.activated = (state.activated | set(asked.activate)) - set(asked.retire)
            state.any_region = state.any_region if asked.regions is None else asked.regions == "any"
            return {"activated": sorted(state.activated), "regions": "any" if state.any_region else "catalog"}

    def _log(self, _body: bytes) -> dict[str, Any]:
        return {"requests": [line.model_dump() for line in self._requests()]}

    def _timeline(self, _body: bytes) -> dict[str, Any]:
        return self._world.clock.timeline().model_dump(mode="json")

    def _work(self, body: bytes) -> dict[str, Any]:
        asked, clock = ClockBody.model_validate_json(body), self._world.clock
        if asked.end is not None:
            clock.end_work(asked.end)
        return {"work": clock.begin_work() if asked.begin else None}


def _response(status: int, body: Mapping[str, Any]) -> Response:
    return Response(status, json.dumps(body).encode(), {})
