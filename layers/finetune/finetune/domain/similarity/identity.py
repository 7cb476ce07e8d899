"""When two texts are the same: exactly, but for case, space and punctuation, or nearly."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal
from zlib import crc32

from finetune.domain.records.record import Record
from finetune.domain.records.shortcut import Shape

Likeness = Literal["exact", "normalised", "near"]
LIKENESSES: tuple[Likeness, ...] = ("exact", "normalised", "near")
# The share of word sequences that two texts have in common from which on they are nearly the same, for the split of a
# dataset as for the leak test: what the split tears apart the leak test would refuse.
NEAR = 0.7

# Lower case, every white space a space, every mark that can end a clause a full stop; quotes and the like are dropped.
_TRANSLATED = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\t\n\v\f\r\x1c\x1d\x1e\x1f,;:", b"abcdefghijklmnopqrstuvwxyz" + b" " * 9 + b"..."
)
_DROPPED = b"!?\"'`"
# By the first byte that they have in UTF-8, because most texts have none of them.
_WIDE = {
    b"\xe2\x80": {**dict.fromkeys("‘’“”„…", b""), **dict.fromkeys("\u2028\u2029", b" ")},  # noqa: RUF001 - quotes
    b"\xc2": {**dict.fromkeys("«»¿¡´", b""), "\x85": b" "},  # noqa: RUF001 - an accent is no apostrophe
    b"\xe3\x80": {"。": b"", "、": b" "},
}  # fmt: skip


def normalised(text: str) -> bytes:
    """The text in one case, with single spaces and without the punctuation of sentences.

    Marks inside words and numbers stay; there a comma, a colon and a full stop count as the same mark.

    >>> normalised("What is  3.5 + 1,000?"), normalised("Hello,\\nWORLD.")
    (b'what is 3.5 + 1.000', b'hello world')
    """
    data = text.encode() if text.isascii() else _folded(text)
    return _compact(data.translate(_TRANSLATED, _DROPPED)).strip()


def _compact(data: bytes) -> bytes:
    """Without full stops before a space, and with one space where there are several."""
    data = b" ".join((b" " + data + b" ").split(b". "))  # replaces at twice the speed of `replace`
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def all_normalised(texts: Sequence[str]) -> list[bytes]:
    """Records, each from `exact_of` it: its texts `normalised`, with a space around them and zeros between them."""
    together = "\1".join(texts)
    if not together.isascii() or together.count("\1") >= len(texts):
        return [b"\0".join(map(_spaced, text.split("\0"))) for text in texts]
    data = together.encode().translate(_TRANSLATED, _DROPPED).replace(b"\0", b" \0 ").replace(b"\1", b" \1 ")
    return _compact(data).split(b"\1")


def _spaced(part: str) -> bytes:
    return (b" %b " % normalised(part)).replace(b"  ", b" ")


def asked_and_answer(identity: bytes) -> tuple[bytes, bytes]:
    """What `all_normalised` made of a record of turns, parted before its answer."""
    asked, _, answer = identity.rpartition(b"\0")
    return asked, answer


def asked_and_answers(identities: Sequence[bytes], shapes: Sequence[Shape]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """What records of turns ask, without their system prompts, and what they answer, each in a column of its own."""
    asked: Sequence[bytes]
    asked, answers = zip(*map(asked_and_answer, identities), strict=True)
    if any(sections for _, sections, _ in set(shapes)):
        asked = [
            whole.partition(b"\0")[2] if sections else whole
            for whole, (_, sections, _) in zip(asked, shapes, strict=True)
        ]
    return asked, answers


def spelled(asked: bytes) -> bytes:
    """What `asked_and_answers` gave as `prompt_and_identity` spells it."""
    return b"\x1f".join(part.strip() for part in asked.split(b"\0"))


def _folded(text: str) -> bytes:
    data = unicodedata.normalize("NFKC", text).casefold().encode()
    for first, characters in _WIDE.items():
        if first in data:
            for character, other in characters.items():
                data = data.replace(character.encode(), other)
    return data


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


def identity_of(text: str, media: str) -> bytes:
    """A whole record, normalised, from `exact_of` and `media_of` it."""
    return b"\x1f".join(map(normalised, text.split("\0"))) + media.encode()


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


# Only the first 30,000 words of a text are compared. That is a book, and more than any base model takes in one record.
_MOST_WORDS = 30_000


def shingles(text: bytes) -> set[int]:
    """Hashes of all pairs of neighbouring words of a normalised text; of characters where a script has no spaces.

    The hash is CRC-32, which is the same in every process: every process must remove the same near-duplicates.
    """
    words = text.split(None, _MOST_WORDS)[:_MOST_WORDS]
    if len(words) * 16 < len(text) and len(words) < _MOST_WORDS:
        return _pairs_of_characters(text.decode())
    hashes = list(map(crc32, words))
    return set(map(crc32, words[1:], hashes)) or set(hashes)


def _pairs_of_characters(text: str) -> set[int]:
    """Repeated pairs are dropped before hashing, because a long text has few different ones."""
    wide = text.encode("utf-32-le")
    halves = (wide, wide[4:])
    pairs = {pair for half in halves for pair in memoryview(half[: len(half) // 8 * 8]).cast("Q")}
    return {crc32(pair.to_bytes(8, "little")) for pair in pairs} or {crc32(wide)}
