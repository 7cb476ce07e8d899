"""Slots that executions hold: `<slot>-<number>.json` in a folder, written only if it is not there.

A slot is held until its execution has ended; then the next number of it is free. So nobody has to give one back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson

from finetune.aws import executions, storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

Holder = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """The latest number of each slot, and who has it; nobody has one whose execution has ended."""

    latest: Mapping[int, int]
    holders: Mapping[int, Holder]

    def has(self, execution_arn: str) -> bool:
        """Whether an execution holds a slot."""
        return any(holder["execution_arn"] == execution_arn for holder in self.holders.values())

    @property
    def lowest_free(self) -> int:
        """The slot that all who look for one try first, so that of two who count at the same time one comes second."""
        return next(slot for slot in count() if slot not in self.holders)


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a folder, which is a URI that ends in a slash."""

    s3: S3Client
    stepfunctions: SFNClient
    folder: str

    def claim(self, holder: Holder, has_room: Callable[[Held], bool]) -> Held | None:
        """Take a slot, once; None when the holder has one, else who had them all when there was no room.

        Whether the executions behind the slots go on is asked only if that matters.
        """
        believed = True
        while True:
            held = self._held(believed=believed)
            if held.has(holder["execution_arn"]):
                return None
            if has_room(held):
                if self._take(held, holder):
                    return None
            elif believed:
                believed = False
            else:
                return held

    def _held(self, *, believed: bool) -> Held:
        """Who has the slots; an execution that is `believed` to go on is not asked for."""
        latest, holders = self._latest(), dict[int, Holder]()
        for slot, number in latest.items():
            holder: Holder | None = orjson.loads(storage.read(self.s3, self._uri(slot, number)) or b"null")
            if holder and (believed or executions.goes_on(self.stepfunctions, holder["execution_arn"])):
                holders[slot] = holder
        return Held(latest, holders)

    def _take(self, held: Held, holder: Holder) -> bool:
        """Take the lowest free slot; whether nobody was first."""
        slot = held.lowest_free
        number = held.latest.get(slot, -1) + 1
        if not storage.write_once(self.s3, self._uri(slot, number), orjson.dumps(holder), "application/json"):
            return False
        # Who looked long ago may write a number that others have taken, left and deleted meanwhile.
        if self._latest().get(slot) != number:
            return False
        if number:
            storage.delete(self.s3, self._uri(slot, number - 1))
        return True

    def _latest(self) -> dict[int, int]:
        latest: dict[int, int] = {}
        for uri in storage.keys_under(self.s3, self.folder):
            slot, _, number = uri.rpartition("/")[2].removesuffix(".json").partition("-")
            latest[int(slot)] = max(latest.get(int(slot), 0), int(number))
        return latest

    def _uri(self, slot: int, number: int) -> str:
        return f"{self.folder}{slot}-{number}.json"
