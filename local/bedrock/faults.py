"""Faults that can be asked for by name: `fail-job`, `throttle-create-job:3`, `deny-converse@3`, `reject-data=why`."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass

# What a run may be made to suffer beside the refusals of single operations.
FAULTS: Mapping[str, str] = {
    "reject-data": "the job fails in validation, with the message after '='",
    "fail-job": "the job fails in the middle of training, with the message after '='",
    "stall-job": "the job never starts to train",
    "stop-job": "an operator stops the job in the middle of training",
    "no-metrics": "the job writes no metrics files and reports no losses",
    "model-not-active": "the custom model stays in Creating",
    "model-fails": "the custom model ends as Failed",
    "endpoint-never-ready": "the endpoint stays in Creating, always or for the hours after '='",
    "endpoint-fails": "the endpoint ends as Failed",
    "update-fails": "the swap of an endpoint's model fails and the old model keeps serving",
    "not-ready": "the endpoint answers ModelNotReadyException",
    "empty-answers": "the answer has no text",
    "refusals": "the answer is a refusal",
    "content-filtered": "the answer is cut off by the content filter",
    "refuse-prompt": "the prompt is refused with ValidationException",
    "garbled-ratings": "a tool that the model has to call gets nothing to work with",
    "slow": "the answer takes a minute of service time",
}

# Prefix before an operation's name -> (what it does, the operations that can suffer it).
REFUSALS: Mapping[str, tuple[str, str]] = {
    "throttle": ("answers ThrottlingException", ""),
    "internal-error": ("answers InternalServerException and does nothing", ""),
    "deny": ("answers AccessDeniedException", ""),
    "lose-response": ("does its work and then drops the connection", ""),
    "quota": ("answers ServiceQuotaExceededException", "ServiceQuotaExceededException"),
    "conflict": ("answers ConflictException", "ConflictException"),
}

ALWAYS = 1_000_000_000

_SPEC = re.compile(
    r"(?P<name>[a-z-]+)(@(?P<first>[1-9]\d*))?(:(?P<count>[1-9]\d*|always))?(=(?P<words>.+))?", re.DOTALL
)
_SHORT_FORMS = (
    ("model-customization-job", "job"),
    ("custom-model-deployment", "deployment"),
    ("provisioned-model-throughput", "throughput"),
    ("custom-model", "model"),
)


class FaultError(ValueError):
    """A fault was asked for in a way that the emulator does not understand; the message says what it does."""


@dataclass
class Fault:
    """`count` matching events from the `first` one on suffer the fault."""

    name: str
    first: int = 1
    count: int = 1
    words: str | None = None

    def __str__(self) -> str:
        start = f"@{self.first}" if self.first > 1 else ""
        count = "always" if self.count == ALWAYS else str(self.count)
        return f"{self.name}{start}:{count}"


def kebab(operation: str) -> str:
    """`CreateModelCustomizationJob` as faults spell it in full: `create-model-customization-job`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", operation).lower()


def short(operation: str) -> str:
    """The short spelling of an operation: `create-job`, `delete-deployment`, `get-throughput`."""
    name = kebab(operation)
    for long, brief in _SHORT_FORMS:
        name = name.replace(long, brief)
    return name


def known_faults(operations: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Every fault's name and what it does; `operations` maps those served to the errors that they declare."""
    names = dict(FAULTS)
    for prefix, (effect, error) in REFUSALS.items():
        for operation, declared in operations.items():
            if not error or error in declared:
                names[f"{prefix}-{short(operation)}"] = f"{operation} {effect}"
    return names


class Faults:
    """The faults asked for and not yet suffered."""

    def __init__(self, operations: Mapping[str, frozenset[str]]) -> None:
        self._known = known_faults(operations)
        self._spelled = {kebab(operation): short(operation) for operation in operations}
        self._pending: list[Fault] = []
        self._lock = threading.Lock()

    def parse(self, spec: str) -> Fault:
        """`name[@first][:count|:always][=words]`; FaultError says what is wrong and lists the names."""
        found = _SPEC.fullmatch(spec.strip())
        if not found:
            raise FaultError(
                f"Fault {spec!r} is not of the form name, name:count, name:always, name@first or name=words."
            )
        name = found["name"]
        for long, brief in self._spelled.items():
            if name.endswith(f"-{long}"):
                name = name.removesuffix(long) + brief
        if name not in self._known:
            raise FaultError(f"Fault {name!r} does not exist; known are {', '.join(sorted(self._known))}.")
        count = ALWAYS if found["count"] == "always" else int(found["count"] or 1)
        return Fault(name, int(found["first"] or 1), count, found["words"])

    def inject(self, spec: str) -> None:
        """Let the next matching events suffer a fault."""
        fault = self.parse(spec)
        with self._lock:
            self._pending.append(fault)

    def clear(self) -> None:
        """Forget every fault that was not suffered yet."""
        with self._lock:
            self._pending.clear()

    def pending(self) -> list[str]:
        """The faults not yet suffered, as they could be asked for again."""
        with self._lock:
            return [str(fault) for fault in self._pending]

    def take(self, name: str) -> Fault | None:
        """Count one event that `name` matches; the fault if this event suffers it."""
        with self._lock:
            fault = next((fault for fault in self._pending if fault.name == name), None)
            if fault is None:
                return None
            if fault.first > 1:
                fault.first -= 1
                return None
            if fault.count < ALWAYS:
                fault.count -= 1
            if not fault.count:
                self._pending.remove(fault)
            return fault

    def refuses(self, prefix: str, operation: str) -> bool:
        """Whether this call of an operation suffers `<prefix>-<operation>`."""
        return bool(self._pending) and self.take(f"{prefix}-{short(operation)}") is not None

    @property
    def known(self) -> Mapping[str, str]:
        """Every fault's name and what it does."""
        return self._known
