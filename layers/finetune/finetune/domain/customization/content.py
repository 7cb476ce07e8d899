"""What a training is known by: the same data, base model, method and hyperparameters are the same training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import orjson


def content_of(
    *,
    training: str,
    validation: str | None,
    base_model: str,
    method: str,
    hyperparameters: Sequence[Mapping[str, str]],
) -> str:
    """The name of a training, from the hashes of its files and the hyperparameters of its candidates in any order."""
    candidates = sorted(orjson.dumps(dict(each), option=orjson.OPT_SORT_KEYS).decode() for each in hyperparameters)
    return digest([training, validation, base_model, method, candidates])


def digest(content: object) -> str:
    """32 hexadecimal digits that stand for one content."""
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
