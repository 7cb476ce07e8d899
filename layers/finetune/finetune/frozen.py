"""The one base of everything that is written down as JSON and read back."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value that does not change and refuses keys it does not know."""

    # Built at first use: a function loads fifty contracts and reads two.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Contract(Frozen):
    """What states pass to each other; an error about it does not show its content."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def payload(self) -> dict[str, Any]:
        """The contract as a state payload."""
        return self.model_dump(mode="json")
