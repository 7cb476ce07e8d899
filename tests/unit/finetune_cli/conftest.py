"""A stack with runs, for the commands that look at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.past import Runs
from tests.stacks import deployed


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    with deployed() as stack:
        yield Runs(stack, monkeypatch)
