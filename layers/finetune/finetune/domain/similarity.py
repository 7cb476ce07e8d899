"""When two texts are the same: exactly, but for case, space and punctuation, or nearly."""

from __future__ import annotations

import unicodedata
from zlib import crc32

from finetune.domain.records import Record

_DROPPED = "!?\"'`´‘’“”„«»…。、！？，；：¿¡"  # noqa: RUF001 - look-alikes are the point
_DROPPED_WIDE = dict.fromkeys(map(ord, _DROPPED))
_DROPPED_ASCII = "".join(filter(str.isascii, _DROPPED)).encode()
_LOWER_AND_SPACE = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\t\n\v\f\r\x1c\x1d\x1e\x1f", b"abcdefghijklmnopqrstuvwxyz" + b" " * 9
)
_ENDS = (b". ", b", ", b"; ", b": ")


def normalised(text: str) -> bytes:
    """The text without case, runs of white space and the punctuation of sentences; marks inside words and numbers stay.

    >>> normalised("What is  3.5 + 1,000?"), normalised("Hello,\\nWORLD.")
    (b'what is 3.5 + 1,000', b'hello world')
    """
    if text.isascii():
        data = text.encode().translate(_LOWER_AND_SPACE, _DROPPED_ASCII)
    else:
        folded = unicodedata.normalize("NFKC", text).casefold().translate(_DROPPED_WIDE)
        data = " ".join(folded.split()).encode()
    for mark in _ENDS:
        if mark in data:
            data = data.replace(mark, b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data.strip(b" .,;:")


def prompt_and_identity(record: Record) -> tuple[bytes, bytes]:
    """What a record asks, and the whole of it, normalised; a record without turns asks itself.

    The prompt is every turn but the answer, without the system prompt.
    """
    parts = [normalised(text) for text in record.texts]
    media = media_of(record).encode()
    identity = b"\x1f".join(parts) + media
    if not record.messages:
        return identity, identity
    answer = len(record.messages[-1]["content"])
    return b"\x1f".join(parts[record.system is not None : len(parts) - answer]) + media, identity


def identity_of(record: Record) -> bytes:
    """A whole record, normalised."""
    return prompt_and_identity(record)[1]


def exact_of(record: Record) -> str:
    """All texts of a record as they are written, each but the first behind a zero character."""
    return "\0".join(record.texts)


def media_of(record: Record) -> str:
    """References to media, which are part of what a record says."""
    if record.image_ref is not None:
        return "\x1e" + record.image_ref
    if "image" not in record.sections and "video" not in record.sections:
        return ""
    blocks = (block for turn in record.messages for block in turn["content"])
    media = (block.get("image") or block.get("video") for block in blocks)
    return "".join("\x1e" + item["source"]["s3Location"]["uri"] for item in media if item)


def shingles(text: bytes) -> set[int]:
    """Hashes of all pairs of neighbouring words of a normalised text; of characters where a script has no spaces.

    CRC-32, because what is removed as a near copy must be the same in every process.
    """
    words = text.split()
    if len(words) * 16 < len(text):
        words = [character.encode() for character in text.decode()]
    hashes = list(map(crc32, words))
    return set(map(crc32, words[1:], hashes)) or set(hashes)
