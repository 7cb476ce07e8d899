"""What Bedrock's validation phase does with a data file: it returns the pairs to train on or refuses the file.

It follows Bedrock's documentation and shares no code with the product's own validator, so that each is a test of the
other.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from finetune.domain.catalog import BaseModelRow, Method, RecordFormat

SCHEMA_VERSION = "bedrock-conversation-2024"
CHARACTERS_PER_TOKEN = 4
BYTES_PER_MEGABYTE = 1_048_576

type Pair = tuple[str, str]

_EXPECTED: Mapping[RecordFormat, str] = {
    "conversation": '{"schemaVersion": "bedrock-conversation-2024", "messages": ['
    '{"role": "user", "content": [{"text": "<text>"}]}, {"role": "assistant", "content": [{"text": "<text>"}]}]}',
    "prompt_completion": '{"prompt": "<prompt text>", "completion": "<expected generated text>"}',
    "anthropic": '{"system": "<text>", "messages": ['
    '{"role": "user", "content": "<text>"}, {"role": "assistant", "content": "<text>"}]}',
    "image_caption": '{"image-ref": "s3://<bucket>/<key>", "caption": "<caption text>"}',
    "text_input": '{"input": "<text>"}',
}
_S3_URI = re.compile(r"s3://[^/]+/.+")


class DataRefused(Exception):
    """The validation phase fails with this message."""


class _WrongShape(Exception):
    """A record does not follow its format."""


@dataclass
class Record:
    """What a record trains and costs: its answers with what led to them, all its text, its media by most bytes."""

    pairs: list[Pair]
    texts: list[str]
    media: dict[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return tokens_of("".join(self.texts))


def tokens_of(text: str) -> int:
    """The emulator's token count: four characters each, at least one for any text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def read_records(data: bytes, uri: str, row: BaseModelRow, method: Method) -> list[Record]:
    """Every record of a file; DataRefused in the service's words for the first one that breaks a rule."""
    record_format = row.methods[method].record_format
    return [_record(number, line, uri, row, record_format) for number, line in _lines(data, uri)]


def check_counts(training: int, validation: int, row: BaseModelRow, method: Method) -> None:
    """DataRefused if the numbers of records are outside the base model's bounds."""
    rules = row.methods[method]
    least, most = rules.records.minimum, rules.records.maximum
    _bounded(training + validation * (rules.validation_counts == "to_both"), least, most, "training")
    if rules.validation_counts:
        _bounded(training + validation, 0, most, "training and validation")
    if validation and rules.validation_records:
        own = rules.validation_records
        _bounded(validation, own.minimum, own.maximum, "validation")


def _bounded(count: int, least: int, most: int, what: str) -> None:
    if not least <= count <= most:
        raise DataRefused(
            f"The number of {what} records must be between {least} and {most}, found {count}. "
            "Add or remove records and try again."
        )


def _lines(data: bytes, uri: str) -> Iterator[tuple[int, bytes]]:
    if not data.strip():
        raise DataRefused(f"Unable to parse Amazon S3 file: {uri}. The file is empty.")
    return ((number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip())


def _record(number: int, line: bytes, uri: str, row: BaseModelRow, record_format: RecordFormat) -> Record:
    try:
        parsed = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise DataRefused(
            f"Unable to parse Amazon S3 file: {uri}. Line {number} does not conform to JSONL format."
        ) from None
    try:
        record = _READERS[record_format](parsed, row)
    except _WrongShape:
        raise DataRefused(f"Input data at line {number} of {uri} must follow '{_EXPECTED[record_format]}'") from None
    _check_reserved(record, number, uri, row)
    if row.tokens_per_record is not None and record.tokens > row.tokens_per_record:
        raise DataRefused(
            f"Input size exceeded in file: {uri}. Record {number}: Maximum input token count {record.tokens} "
            f"exceeds the limit of {row.tokens_per_record}."
        )
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_reserved(record: Record, number: int, uri: str, row: BaseModelRow) -> None:
    for word in row.reserved:
        spellings = {word, word.upper()} if row.reserved_ignores_case else {word}
        if any(spelling in text for text in record.texts for spelling in spellings):
            raise DataRefused(
                f"Input data at line {number} of {uri} contains the reserved keyword {json.dumps(word)}. "
                "Remove it and try again."
            )


def _need(holds: bool) -> None:
    if not holds:
        raise _WrongShape


def _object(value: Any, required: set[str], optional: set[str] | None = None) -> dict[str, Any]:
    _need(isinstance(value, dict) and required <= value.keys() <= required | (optional or set()))
    return dict(value)


def _text(value: Any) -> str:
    _need(isinstance(value, str) and bool(value.strip()))
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _WrongShape from None
    return str(value)


def _list(value: Any, at_least: int = 1) -> list[Any]:
    _need(isinstance(value, list) and len(value) >= at_least)
    return list(value)


def _alternating(messages: list[dict[str, Any]]) -> None:
    roles = [message["role"] for message in messages]
    _need(len(roles) % 2 == 0 and roles == ["user", "assistant"] * (len(roles) // 2))


def _conversation(parsed: Any, row: BaseModelRow) -> Record:
    version = {"schemaVersion"}
    required = {"messages"} | (version if row.schema_version_required else set())
    record = _object(parsed, required, version | {"system"})
    if row.schema_version_required:
        _need(record["schemaVersion"] == SCHEMA_VERSION)
    system = [_text(_object(part, {"text"})["text"]) for part in _list(record.get("system", [{"text": "-"}]))]
    messages = [_object(message, {"role", "content"}) for message in _list(record["messages"], at_least=2)]
    _alternating(messages)
    media: dict[str, int] = {}
    turns = [_turn(message, row, media) for message in messages]
    return Record(_pairs(turns), [*(system if "system" in record else []), *turns], media)


def _turn(message: dict[str, Any], row: BaseModelRow, media: dict[str, int]) -> str:
    texts: list[str] = []
    kinds: set[str] = set()
    for block in _list(message["content"]):
        _need(isinstance(block, dict) and len(block) == 1)
        kind, value = next(iter(block.items()))
        if kind == "text":
            texts.append(_text(value))
        elif kind == "reasoningContent":
            _need(row.reasoning and message["role"] == "assistant")
            texts.append(_text(_object(_object(value, {"reasoningText"})["reasoningText"], {"text"})["text"]))
        else:
            _need(kind in row.media and message["role"] == "user")
            kinds.add(kind)
            media[_media_uri(value)] = _most_bytes(row, kind)
    _need(len(kinds) <= 1 and bool(texts or kinds))
    return "\n".join(texts)


def _most_bytes(row: BaseModelRow, kind: Literal["image", "video"]) -> int:
    return row.media[kind].megabytes * BYTES_PER_MEGABYTE


def _media_uri(value: Any) -> str:
    source = _object(_object(value, {"format", "source"})["source"], {"s3Location"})
    uri = _text(_object(source["s3Location"], {"uri"}, {"bucketOwner"})["uri"])
    _need(_S3_URI.fullmatch(uri) is not None)
    return uri


def _pairs(turns: list[str]) -> list[Pair]:
    """Each answer with the user's words before it, the latest words twice: they matter most."""
    users = turns[0::2]
    return [("\n".join([*users[: index + 1], user]), turns[2 * index + 1]) for index, user in enumerate(users)]


def _prompt_completion(parsed: Any, _row: BaseModelRow) -> Record:
    record = _object(parsed, {"prompt", "completion"})
    prompt, completion = _text(record["prompt"]), _text(record["completion"])
    return Record(_pairs([prompt, completion]), [prompt, completion])


def _anthropic(parsed: Any, _row: BaseModelRow) -> Record:
    record = _object(parsed, {"messages"}, {"system"})
    system = [_text(record["system"])] if "system" in record else []
    messages = [_object(message, {"role", "content"}) for message in _list(record["messages"], at_least=2)]
    _alternating(messages)
    turns = [_text(message["content"]) for message in messages]
    return Record(_pairs(turns), [*system, *turns])


def _image_caption(parsed: Any, row: BaseModelRow) -> Record:
    record = _object(parsed, {"image-ref", "caption"})
    uri, caption = _text(record["image-ref"]), _text(record["caption"])
    _need(_S3_URI.fullmatch(uri) is not None)
    bounds = row.caption_characters
    _need(bounds is None or bounds.minimum <= len(caption) <= bounds.maximum)
    return Record([("", caption)], [caption], {uri: _most_bytes(row, "image")})


def _text_input(parsed: Any, _row: BaseModelRow) -> Record:
    text = _text(_object(parsed, {"input"})["input"])
    return Record([("", text)], [text])


_READERS: Mapping[RecordFormat, Callable[[Any, BaseModelRow], Record]] = {
    "conversation": _conversation,
    "prompt_completion": _prompt_completion,
    "anthropic": _anthropic,
    "image_caption": _image_caption,
    "text_input": _text_input,
}
