"""The one base of everything that is written down as JSON and read back."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value that does not change and refuses keys it does not know."""

    # Built at first use: a function loads fifty contracts and reads two.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
