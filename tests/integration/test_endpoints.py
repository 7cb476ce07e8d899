"""Endpoints of both kinds behind one face."""

from __future__ import annotations

from typing import Any, cast

import pytest

from finetune.aws import endpoints
from finetune.contracts import Endpoint
from finetune.errors import EndpointBusy
from tests.integration.fakes import Conflicting


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_an_endpoint_that_cannot_be_deleted_now_is_waited_for(kind: Any) -> None:
    with pytest.raises(EndpointBusy, match="It is in use"):
        endpoints.release(cast("Any", Conflicting()), Endpoint(kind=kind, name="shop", arn="arn:shop"))
