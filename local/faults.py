"""Checking the faults that a run is asked to suffer before a cloud is started for it."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from local.bedrock.faults import FAULTS, REFUSALS, FaultError, Faults
from local.bedrock.protocol import Protocol
from local.bedrock.runtime import Runtime
from local.bedrock.service import declared_errors
from local.project import RequestError


def check_faults(specs: Sequence[str]) -> None:
    """RequestError for the first fault that the emulator would not understand."""
    if not specs:
        return
    known = Faults(declared_errors(Protocol(), Runtime()))
    for spec in specs:
        name = re.split("[@:=]", spec.strip(), maxsplit=1)[0]
        try:
            known.parse(spec)
        except FaultError as error:
            if re.fullmatch("[a-z-]+", name) and name not in known.known:
                near = get_close_matches(name, known.known, n=3, cutoff=0.5)
                hint = f"did you mean {' or '.join(near)}?" if near else "--help lists the names."
                raise RequestError(f"--fault {name} does not exist; {hint}") from None
            raise RequestError(str(error)) from None


def describe_faults() -> str:
    """Every fault's name and effect, for --help."""
    lines = [f"  {name:<27}{effect}" for name, effect in FAULTS.items()]
    lines += [f"  {f'{prefix}-<operation>':<27}the operation {effect}" for prefix, (effect, _) in REFUSALS.items()]
    return "\n".join(lines)
