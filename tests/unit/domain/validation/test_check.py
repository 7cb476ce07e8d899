"""Datasets as people send them, byte for byte, each with what must be found and on which lines."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.catalog import Media, Method, base_model, base_models
from finetune.domain.findings import CODES
from finetune.domain.records import source
from finetune.domain.records.record import MAX_TURNS
from finetune.domain.records.strict_json import MAX_DEPTH
from finetune.domain.tokens import errors, estimate
from finetune.domain.validation.check import Role, check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune.errors import SettingsInvalid, UnsupportedDataset

NOVA_MICRO = "amazon.nova-micro-v1:0:128k"
NOVA_PRO = "amazon.nova-pro-v1:0:300k"
NOVA_2_LITE = "amazon.nova-2-lite-v1:0:256k"
LLAMA_31 = "meta.llama3-1-8b-instruct-v1:0:128k"
LLAMA_33 = "meta.llama3-3-70b-instruct-v1:0:128k"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0:200k"
CANVAS = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-text-express-v1:0:8k"

GOOD = b'{"prompt": "two plus two", "completion": "four"}'
OTHER = b'{"prompt": "three plus three", "completion": "six"}'


def rules(
    model: str = NOVA_MICRO, media_size: Callable[[str], int | None] | None = None, **overrides: Any
) -> DatasetRules:
    overrides = {"minimum_records": 0, **overrides}
    asked = rules_for(base_model(model), overrides.pop("method", "FINE_TUNING"), **overrides)
    return replace(asked, media_size=media_size)


def check(
    data: bytes,
    model: str = NOVA_MICRO,
    suffix: str = ".jsonl",
    role: Role = "training",
    lint: bool = False,
    **overrides: Any,
) -> DatasetReport:
    return check_dataset([data], suffix=suffix, rules=rules(model, **overrides), role=role, lint=lint)


def found(report: DatasetReport) -> dict[str, list[int | None]]:
    lines: dict[str, list[int | None]] = {}
    for finding in (*report.problems, *report.warnings):
        lines.setdefault(finding.code, []).append(finding.line)
    return lines


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def bedrock(*turns: tuple[str, Any], **extra: Any) -> bytes:
    messages = [{"role": role, "content": [{"text": c}] if isinstance(c, str) else c} for role, c in turns]
    return line({"schemaVersion": "bedrock-conversation-2024", **extra, "messages": messages})


def chat(*turns: tuple[str, Any], **extra: Any) -> bytes:
    return line({**extra, "messages": [{"role": role, "content": content} for role, content in turns]})


ASK, SAY = ("user", "two plus two"), ("assistant", "four")


def image(uri: str = "s3://bucket/cat.png", kind: str = "image", form: str = "png", **location: Any) -> dict[str, Any]:
    return {kind: {"format": form, "source": {"s3Location": {"uri": uri, **location}}}}


def with_image(*blocks: Any) -> bytes:
    return bedrock(("user", [{"text": "what is it"}, *blocks]), ("assistant", "a cat"))


REASONED = [{"reasoningContent": {"reasoningText": {"text": "2 + 2"}}}, {"text": "four"}]

# name: (bytes, code -> lines)
BYTES: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "one record": (GOOD, {}),
    "one record with a newline": (GOOD + b"\n", {}),
    "carriage return and newline": (GOOD + b"\r\n" + OTHER + b"\r\n", {}),
    "carriage returns alone": (GOOD + b"\r" + OTHER + b"\r[]", {"not-an-object": [3]}),
    "blank lines": (b"\n\n" + GOOD + b"\n \t\n\n[]\n", {"not-an-object": [6]}),
    "byte-order mark": (b"\xef\xbb\xbf" + GOOD, {"byte-order-mark": [1]}),
    "byte-order mark before a bad line": (b"\xef\xbb\xbf\n[]", {"byte-order-mark": [1], "not-an-object": [2]}),
    "two byte-order marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD, {"byte-order-mark": [1], "invalid-json": [1]}),
    "byte-order mark on the second line": (GOOD + b"\n\xef\xbb\xbf" + OTHER, {"invalid-json": [2]}),
    "empty file": (b"", {"empty-dataset": [None]}),
    "only a byte-order mark": (b"\xef\xbb\xbf", {"byte-order-mark": [1], "empty-dataset": [None]}),
    "only blank lines": (b"\n \r\n\t", {"empty-dataset": [None]}),
    "line separators inside strings": (
        '{"prompt": "a\u2028b\u2029c\x85d", "completion": "e"}\n[]'.encode(),
        {"not-an-object": [2]},
    ),
    "vertical tab and form feed are no line ends": (GOOD + b"\x0b\x0c" + OTHER, {"invalid-json": [1]}),
    "not UTF-8": (GOOD + b'\n{"prompt": "caf\xe9", "completion": "x"}', {"not-utf8": [2]}),
    "overlong UTF-8": (b'{"prompt": "\xc0\xaf", "completion": "x"}', {"not-utf8": [1]}),
    "surrogate encoded in UTF-8": (b'{"prompt": "\xed\xa0\x80", "completion": "x"}', {"not-utf8": [1]}),
    "cut inside a character": ('{"prompt": "é'.encode()[:-1], {"not-utf8": [1]}),
    "lone high surrogate": (rb'{"prompt": "\ud83d", "completion": "x"}', {"lone-surrogate": [1]}),
    "lone low surrogate": (rb'{"prompt": "\ude00 x", "completion": "x"}', {"lone-surrogate": [1]}),
    "high surrogate before a letter": (rb'{"prompt": "\ud83dab", "completion": "x"}', {"lone-surrogate": [1]}),
    "a pair of surrogates": (rb'{"prompt": "\ud83d\ude00", "completion": "x"}', {}),
    "UTF-16 with a mark": (GOOD.decode().encode("utf-16"), {"utf-16": [None]}),
    "UTF-16 little endian without a mark": (GOOD.decode().encode("utf-16-le"), {"utf-16": [None]}),
    "UTF-16 big endian without a mark": (GOOD.decode().encode("utf-16-be"), {"utf-16": [None]}),
    "UTF-32": (GOOD.decode().encode("utf-32-be"), {"utf-16": [None]}),
    "gzip": (b"\x1f\x8b\x08\x00\x00", {"not-a-text-file": [None]}),
    "zip": (b"PK\x03\x04...", {"not-a-text-file": [None]}),
    "Parquet": (b"PAR1\x00\x01", {"not-a-text-file": [None]}),
    "NUL in a line": (GOOD + b"\x00", {"invalid-json": [1]}),
    "NaN": (b'{"prompt": NaN, "completion": "x"}', {"not-a-number": [1]}),
    "NaN in a key nobody reads": (b'{"prompt": "a", "completion": "x", "n": [NaN]}', {"not-a-number": [1]}),
    "Infinity": (b'{"prompt": "a", "completion": "x", "n": Infinity}', {"not-a-number": [1]}),
    "minus Infinity": (b'{"prompt": "a", "completion": "x", "n": -Infinity}', {"not-a-number": [1]}),
    "a number out of range": (b'{"prompt": "a", "completion": "x", "n": 1e999}', {"number-out-of-range": [1]}),
    "five thousand digits": (
        b'{"prompt": "a", "completion": "x", "n": ' + b"9" * 5000 + b"}",
        {"number-out-of-range": [1]},
    ),
    "thirty digits": (b'{"prompt": "a", "completion": "x", "n": ' + b"9" * 30 + b"}", {"ignored-key": [1]}),
    "duplicate key": (b'{"prompt": "a", "prompt": "b", "completion": "x"}', {"duplicate-key": [1]}),
    "duplicate key with a space before the colon": (
        b'{"prompt":"a","prompt" :"b","completion":"x"}',
        {"duplicate-key": [1]},
    ),
    "duplicate key written with an escape": (
        rb'{"prompt": "a", "\u0070rompt": "b", "completion": "x"}',
        {"duplicate-key": [1]},
    ),
    "duplicate key that holds a number": (b'{"prompt": 1, "prompt": "b", "completion": "x"}', {"duplicate-key": [1]}),
    "duplicate key inside": (
        b'{"messages": [{"role": "user", "role": "user", "content": "a"}]}',
        {"duplicate-key": [1]},
    ),
    "duplicate key beside backslashes": (
        rb'{"prompt": "\\", "completion": "\\\"", "prompt": "\\\\"}',
        {"duplicate-key": [1]},
    ),
    "backslashes and quotes": (rb'{"prompt": "\\", "completion": "\\\" \\\\ \" \u0022"}', {}),
    "two documents": (GOOD + OTHER, {"two-documents": [1]}),
    "two documents with a space": (GOOD + b" " + OTHER, {"two-documents": [1]}),
    "text behind the document": (GOOD + b" x", {"invalid-json": [1]}),
    "trailing comma": (b'{"prompt": "a", "completion": "b",}', {"invalid-json": [1]}),
    "single quotes": (b"{'prompt': 'a', 'completion': 'b'}", {"invalid-json": [1]}),
    "cut off": (GOOD[:-3], {"invalid-json": [1]}),
    "a tab inside a string": (b'{"prompt": "a\tb", "completion": "c"}', {"invalid-json": [1]}),
    "a record over two lines": (b'{"prompt": "a",\n"completion": "b"}', {"invalid-json": [1, 2]}),
    "comment": (b"# data\n" + GOOD, {"invalid-json": [1]}),
    "nested to the limit": (
        b'{"prompt": "a", "completion": "b", "n": ' + b"[" * 63 + b"]" * 63 + b"}",
        {"ignored-key": [1]},
    ),
    "nested past the limit": (
        b'{"prompt": "a", "completion": "b", "n": ' + b"[" * 65 + b"]" * 65 + b"}",
        {"nested-too-deep": [1]},
    ),
    "a thousand brackets": (b"[" * 1000 + b"]" * 1000 + b"\n" + GOOD, {"nested-too-deep": [1]}),
    "a bomb of brackets": (GOOD + b"\n" + b'{"a":' * 100_000, {"nested-too-deep": [2]}),
    "a closed bomb of brackets": (GOOD + b"\n" + b"[" * 100_000 + b"]" * 100_000, {"nested-too-deep": [2]}),
    "a line too long": (GOOD + b"\n" + b"x" * ((1 << 20) + 1) + b"\n[]", {"line-too-long": [2], "not-an-object": [3]}),
    "an array on a line of its own": (b"[1, 2]\n" + GOOD, {"not-an-object": [1]}),
    "a string": (b'"prompt"', {"not-an-object": [1]}),
    "null": (b"null", {"not-an-object": [1]}),
    "a number": (b"7", {"not-an-object": [1]}),
}

RECORDS: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "empty object": (b"{}", {"unknown-format": [1]}),
    "unknown keys": (line({"question": "a", "answer": "b"}), {"unknown-format": [1]}),
    "input and output": (line({"input": "a", "output": "b"}), {"unknown-format": [1]}),
    "prompt only": (line({"prompt": "a"}), {"missing-key": [1]}),
    "completion only": (line({"completion": "a"}), {"missing-key": [1]}),
    "prompt is null": (line({"prompt": None, "completion": "b"}), {"wrong-type": [1]}),
    "prompt is a list": (line({"prompt": ["a"], "completion": "b"}), {"wrong-type": [1]}),
    "completion is a number": (line({"prompt": "a", "completion": 4}), {"wrong-type": [1]}),
    "completion is empty": (line({"prompt": "a", "completion": ""}), {"empty-text": [1]}),
    "completion is white space": (line({"prompt": "a", "completion": " \n\u2003"}), {"empty-text": [1]}),
    "a key nobody reads": (line({"prompt": "a", "completion": "b", "id": 7}), {"ignored-key": [1]}),
    "prompt with a system prompt": (line({"system": "be brief", "prompt": "a", "completion": "b"}), {}),
    "prompt with a null system": (line({"system": None, "prompt": "a", "completion": "b"}), {}),
    "reinforcement record": (
        line({"messages": [{"role": "user", "content": "a"}], "reference_answer": {"x": 1}, "id": "7"}),
        {"unsupported-format": [1]},
    ),
    "reinforcement record without turns": (
        line({"messages": [], "reference_answer": "x"}),
        {"no-turns": [1], "unsupported-format": [1]},
    ),
    "reinforcement record without messages": (
        line({"reference_answer": None}),
        {"wrong-type": [1], "missing-key": [1], "unsupported-format": [1]},
    ),
    "scored responses": (
        line({"prompt": "a", "responses": [{"response": "b", "score": 0.5}]}),
        {"unsupported-format": [1]},
    ),
    "scored responses without a score": (
        line({"prompt": "a", "responses": [{"response": "b"}, {"response": "c", "score": True}]}),
        {"wrong-type": [1, 1], "unsupported-format": [1]},
    ),
    "scored responses that are none": (
        line({"prompt": "a", "responses": []}),
        {"wrong-type": [1], "unsupported-format": [1]},
    ),
    "plain text for a chat model": (line({"text": "once upon a time"}), {"cannot-be-expressed": [1]}),
    "caption for a chat model": (
        line({"image-ref": "s3://bucket/a.png", "caption": "a cat"}),
        {"cannot-be-expressed": [1]},
    ),
    "messages is null": (line({"messages": None}), {"wrong-type": [1]}),
    "messages is an object": (line({"messages": {}}), {"wrong-type": [1]}),
    "messages is empty": (line({"messages": []}), {"no-turns": [1]}),
    "a turn is null": (line({"messages": [None]}), {"wrong-type": [1]}),
    "a turn is a list": (line({"messages": [["user", "a"]]}), {"wrong-type": [1]}),
    "chat": (chat(ASK, SAY), {}),
    "chat with a system turn": (chat(("system", "be brief"), ASK, SAY), {}),
    "chat with a developer turn": (chat(("developer", "be brief"), ASK, SAY), {}),
    "chat with parts": (chat(("user", [{"type": "text", "text": "a"}]), SAY), {}),
    "chat with an image": (
        chat(("user", [{"type": "image_url", "image_url": {"url": "https://x"}}]), SAY),
        {"media-inline": [1]},
    ),
    "chat with an unknown part": (chat(("user", [{"type": "poem", "text": "a"}]), SAY), {"unknown-content": [1]}),
    "chat with a part of type null": (chat(("user", [{"type": None, "text": "a"}]), SAY), {"unknown-content": [1]}),
    "chat with a tool call": (
        line(
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                ]
            }
        ),
        {"tools-not-supported": [1]},
    ),
    "chat with a tool turn": (chat(ASK, SAY, ("tool", "4"), SAY), {"tools-not-supported": [1]}),
    "chat with tool definitions": (chat(ASK, SAY, tools=[{"name": "add"}]), {"tools-not-supported": [1]}),
    "chat with no tools": (chat(ASK, SAY, tools=[]), {}),
    "system turn later": (chat(ASK, SAY, ("system", "be brief"), ASK, SAY), {"misplaced-system": [1]}),
    "two system turns": (chat(("system", "be"), ("system", "brief"), ASK, SAY), {"misplaced-system": [1]}),
    "only a system turn": (chat(("system", "be brief")), {"no-turns": [1]}),
    "assistant first": (chat(SAY, ASK, SAY), {"first-turn-not-user": [1]}),
    "user twice": (chat(ASK, ASK, SAY), {"roles-not-alternating": [1]}),
    "assistant twice": (chat(ASK, SAY, SAY), {"roles-not-alternating": [1]}),
    "ends with the user": (chat(ASK, SAY, ASK), {"missing-assistant-turn": [1]}),
    "one user turn": (chat(ASK), {"missing-assistant-turn": [1]}),
    "unknown role": (chat(("human", "a"), SAY), {"unknown-role": [1]}),
    "role in capitals": (chat(("User", "a"), SAY), {"unknown-role": [1]}),
    "role is missing": (
        line({"messages": [{"content": "a"}, {"role": "assistant", "content": "b"}]}),
        {"missing-key": [1]},
    ),
    "role is a number": (line({"messages": [{"role": 1, "content": "a"}]}), {"wrong-type": [1]}),
    "role is a list": (line({"messages": [{"role": ["user"], "content": "a"}]}), {"wrong-type": [1]}),
    "content is missing": (
        line({"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}),
        {"missing-key": [1]},
    ),
    "content is a number": (chat(("user", 7), SAY), {"wrong-type": [1]}),
    "content is an empty list": (chat(("user", []), SAY), {"empty-text": [1]}),
    "content is empty": (chat(("user", ""), SAY), {"empty-text": [1]}),
    "a turn has a weight": (
        line({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}),
        {"ignored-key": [1]},
    ),
    "Anthropic": (chat(ASK, SAY, system="be brief"), {}),
    "Anthropic with blocks": (chat(("user", [{"type": "text", "text": "a"}]), SAY, system="be brief"), {}),
    "Anthropic system blocks": (chat(ASK, SAY, system=[{"type": "text", "text": "be brief"}]), {}),
    "Anthropic tool use": (
        chat(ASK, ("assistant", [{"type": "tool_use", "id": "1"}]), system="x"),
        {"tools-not-supported": [1]},
    ),
    "Anthropic with a system turn": (chat(("system", "a"), ASK, SAY, system="be brief"), {"misplaced-system": [1]}),
    "Anthropic system is empty": (chat(ASK, SAY, system=""), {"empty-system": [1]}),
    "Anthropic system is a number": (chat(ASK, SAY, system=7), {"wrong-type": [1]}),
    "bedrock": (bedrock(ASK, SAY), {}),
    "bedrock with a system prompt": (bedrock(ASK, SAY, system=[{"text": "be brief"}]), {}),
    "bedrock with a null system": (bedrock(ASK, SAY, system=None), {}),
    "bedrock with a string as system": (bedrock(ASK, SAY, system="be brief"), {"wrong-type": [1]}),
    "bedrock with a bare system block": (bedrock(ASK, SAY, system=["be brief"]), {"wrong-type": [1]}),
    "bedrock without a version": (
        line(json.loads(bedrock(ASK, SAY)) | {"schemaVersion": "bedrock-conversation-2024"}),
        {},
    ),
    "bedrock whose version is missing": (
        line({"messages": json.loads(bedrock(ASK, SAY))["messages"]}),
        {"schema-version-added": [1]},
    ),
    "bedrock with another version": (bedrock(ASK, SAY).replace(b"2024", b"2023"), {"schema-version": [1]}),
    "bedrock with no version": (bedrock(ASK, SAY, schemaVersion=None), {"schema-version-added": [1]}),
    "bedrock with a number as its version": (bedrock(ASK, SAY, schemaVersion=2024), {"wrong-type": [1]}),
    "bedrock with an unknown key beside a text": (
        bedrock(("user", [{"text": "a", "cachePoint": 1}]), SAY),
        {"ignored-key": [1]},
    ),
    "bedrock with an empty text beside others": (
        bedrock(("user", [{"text": ""}, {"text": "a"}]), SAY),
        {"empty-block": [1]},
    ),
    "bedrock with empty texts only": (bedrock(("user", [{"text": ""}, {"text": " "}]), SAY), {"empty-text": [1, 1]}),
    "bedrock with an empty system": (bedrock(ASK, SAY, system=[{"text": ""}]), {"empty-system": [1]}),
    "chat with an empty system turn": (chat(("system", ""), ASK, SAY), {"empty-system": [1]}),
    "prompt with an empty system": (line({"system": " ", "prompt": "a", "completion": "b"}), {"empty-system": [1]}),
    "bedrock with every key of a block": (bedrock(("user", [{"text": "a", "image": None, "video": None}]), SAY), {}),
    "bedrock with string content": (
        line({"schemaVersion": "bedrock-conversation-2024", "messages": [{"role": "user", "content": "a"}]}),
        {"wrong-type": [1], "missing-assistant-turn": [1]},
    ),
    "bedrock with an empty block": (bedrock(("user", [{}]), SAY), {"unknown-content": [1]}),
    "bedrock with two kinds in a block": (
        bedrock(("user", [{"text": "a", "image": {}}]), SAY),
        {"unknown-content": [1]},
    ),
    "bedrock with a block that is a string": (bedrock(("user", ["a"]), SAY), {"wrong-type": [1]}),
    "bedrock with text that is null": (bedrock(("user", [{"text": None}]), SAY), {"wrong-type": [1]}),
    "bedrock tool use": (bedrock(ASK, ("assistant", [{"toolUse": {}}])), {"tools-not-supported": [1]}),
    "bedrock tool configuration": (bedrock(ASK, SAY, toolConfig={"tools": []}), {"tools-not-supported": [1]}),
    "bedrock with two text blocks": (bedrock(("user", [{"text": "a"}, {"text": "b"}]), SAY), {}),
    "image for a text model": (with_image(image()), {"media-not-supported": [1]}),
    "reasoning for a model without": (bedrock(ASK, ("assistant", REASONED)), {"reasoning-not-supported": [1]}),
    "reserved string": (line({"prompt": "a", "completion": "User: hello"}), {"reserved-string": [1]}),
    "reserved string in other case": (
        line({"prompt": "the ASSISTANT: said", "completion": "b"}),
        {"reserved-string": [1]},
    ),
    "reserved string in the system prompt": (chat(ASK, SAY, system="see <image>"), {"reserved-string": [1]}),
    "reserved string written with an escape": (
        rb'{"prompt": "\u0055ser: a", "completion": "b"}',
        {"reserved-string": [1]},
    ),
    "reserved string over two texts": (line({"prompt": "User", "completion": ": hello"}), {}),
    "reserved string in lower case": (
        line({"prompt": "a", "completion": "the robot: no"}),
        {"reserved-in-other-case": [1]},
    ),
    "reserved string that the documentation does not name": (
        line({"prompt": "Thought: none", "completion": "<unk>"}),
        {"reserved-string": [1, 1]},
    ),
    "two reserved strings": (line({"prompt": "Bot: [EOS]", "completion": "b"}), {"reserved-string": [1, 1]}),
    "duplicates": (GOOD + b"\n" + OTHER + b"\n" + GOOD, {"duplicate-record": [3]}),
    "duplicates that are spaced differently": (
        GOOD + b"\n" + GOOD.replace(b" ", b"  ").replace(b"two  plus  two", b"two plus two"),
        {"duplicate-record": [2]},
    ),
    "a mixture of formats": (GOOD + b"\n" + chat(("user", "b"), SAY) + b"\n" + OTHER, {"mixed-formats": [2]}),
    "a mixture whose first record is the odd one": (
        chat(("user", "b"), SAY) + b"\n" + GOOD + b"\n" + OTHER,
        {"mixed-formats": [1]},
    ),
    "Anthropic with and without a system prompt": (
        chat(ASK, SAY, system="be brief") + b"\n" + chat(("user", "b"), SAY),
        {"section-not-in-all": [1]},
    ),
    "a system prompt in some records": (
        bedrock(ASK, SAY)
        + b"\n"
        + bedrock(("user", "b"), SAY, system=[{"text": "x"}])
        + b"\n"
        + bedrock(("user", "c"), SAY),
        {"section-not-in-all": [2]},
    ),
}

VISION: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "image": (with_image(image()), {}),
    "image with its owner": (with_image(image(bucketOwner="123456789012")), {}),
    "image with a wrong owner": (with_image(image(bucketOwner=123456789012)), {"media-reference": [1]}),
    "image format in capitals": (with_image(image(form="PNG")), {}),
    "one video": (with_image(image("s3://bucket/a.webm", "video", "webm")), {}),
    "ten images": (with_image(*[image(f"s3://bucket/{n}.png") for n in range(10)]), {}),
    "eleven images": (with_image(*[image(f"s3://bucket/{n}.png") for n in range(11)]), {"too-much-media": [1]}),
    "video": (with_image(image("s3://bucket/a.mp4", "video", "mp4")), {}),
    "two videos": (with_image(*[image("s3://bucket/a.mp4", "video", "mp4")] * 2), {"too-much-media": [1]}),
    "image and video": (with_image(image(), image("s3://bucket/a.mp4", "video", "mp4")), {"mixed-media": [1]}),
    "image bytes": (with_image({"image": {"format": "png", "source": {"bytes": "aGk="}}}), {"media-inline": [1]}),
    "image without a source": (with_image({"image": {"format": "png"}}), {"media-reference": [1]}),
    "image is null": (with_image({"image": None}), {"media-reference": [1]}),
    "image of an unknown format": (with_image(image(form="bmp")), {"media-format": [1]}),
    "image format is a list": (
        with_image({"image": {"format": [], "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}),
        {"wrong-type": [1]},
    ),
    "image behind https": (with_image(image("https://bucket/cat.png")), {"media-reference": [1]}),
    "image name with a space": (with_image(image("s3://bucket/a cat.png")), {"media-reference": [1]}),
    "image in the answer": (
        bedrock(ASK, ("assistant", [{"text": "a"}, image()])),
        {"media-in-answer": [1]},
    ),
    "image in some records": (
        with_image(image()) + b"\n" + bedrock(ASK, SAY) + b"\n" + bedrock(("user", "b"), SAY),
        {"section-not-in-all": [1]},
    ),
}

TABLES: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "csv": (b"prompt,completion\na,b\nc,d\n", {}),
    "csv with a system column": (b"system,prompt,completion\nx,a,b\nx,c,d\n", {}),
    "csv with other names": (b"Question;Answer\na;b\n", {}),
    "csv with tabs": (b"prompt\tcompletion\na\tb\n", {}),
    "csv with quoted line breaks": (b'prompt,completion\n"a\nb",c\n\nd,\n', {"empty-text": [5]}),
    "csv with an unknown column": (b"prompt,completion,topic\na,b,c\n", {"ignored-key": [1]}),
    "csv that says as Excel does what parts its fields": (
        b"sep=;\nprompt;completion\na,b;c\nd;\n",
        {"empty-text": [4]},
    ),
    "csv without a header": (b"a,b\nc,d\n", {"csv-header": [1]}),
    "csv with a column twice": (b"prompt,prompt,completion\na,b,c\n", {"csv-header": [1]}),
    "csv with a short row": (b"prompt,completion\na\nb,c\n", {"invalid-csv": [2]}),
    "csv with an open quote": (b'prompt,completion\na,b\n"c,d\n', {"invalid-csv": [3]}),
    "csv that is not UTF-8": (b"prompt,completion\ncaf\xe9,b\nc,d\n", {"not-utf8": [2]}),
    "csv with a byte-order mark": (b"\xef\xbb\xbfprompt,completion\r\na,b\r\n", {"byte-order-mark": [1]}),
    "empty csv": (b"", {"empty-dataset": [None]}),
    "csv with only a header": (b"prompt,completion\n", {"empty-dataset": [None]}),
}

ARRAYS: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "array": (b"[" + GOOD + b"," + OTHER + b"]", {}),
    "array over lines": (b"[\n" + GOOD + b",\n\n  {\n" + OTHER[1:-1] + b"\n}\n]\n", {}),
    "array with a bad element": (b"[\n" + GOOD + b",\n7,\n" + OTHER + b"]", {"not-an-object": [3]}),
    "array with NaN": (b'[\n{"prompt": NaN, "completion": "b"},\n' + OTHER + b"]", {"not-a-number": [2]}),
    "array with a trailing comma": (b"[\n" + GOOD + b",\n]", {"invalid-json": [3]}),
    "array with two commas": (b"[" + GOOD + b",\n," + OTHER + b"]", {"invalid-json": [2]}),
    "array that is not closed": (b"[\n" + GOOD + b"\n", {"invalid-json": [2]}),
    "array with a wrong bracket": (b"[\n" + GOOD + b"}", {"invalid-json": [2]}),
    "array with text behind": (b"[" + GOOD + b"\n]\nx", {"invalid-json": [3]}),
    "array on the first of several lines": (b"[" + GOOD + b"]\n" + OTHER, {"not-an-object": [1]}),
    "array with a string left open": (b'[{"prompt": "a]', {"invalid-json": [1]}),
    "empty array": (b"[]", {"empty-dataset": [None]}),
    "lines in a .json file": (GOOD + b"\n" + OTHER, {}),
    "brackets inside strings": (rb'[{"prompt": "a]},{[ \" \\", "completion": "b"}]', {}),
}


def rows(table: dict[str, tuple[bytes, dict[str, list[int | None]]]]) -> list[Any]:
    return [pytest.param(data, expected, id=name) for name, (data, expected) in table.items()]


@pytest.mark.parametrize(("data", "expected"), rows(BYTES))
def test_bytes_are_read_strictly_and_found_on_their_physical_line(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


@pytest.mark.parametrize(("data", "expected"), rows(RECORDS))
def test_records_of_every_shape_get_a_verdict_on_their_line(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


@pytest.mark.parametrize(("data", "expected"), rows(VISION))
def test_media_are_held_against_what_the_service_takes(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data, NOVA_PRO)) == expected


MEDIA = [
    pytest.param(model, name, media, id=f"{model}-{name}")
    for model, row in base_models().items()
    if row.methods and not row.caption_characters
    for name, media in row.media.items()
]
CAPTIONED = [
    pytest.param(model, "image", row.media["image"], id=model)
    for model, row in base_models().items()
    if row.caption_characters
]


@pytest.mark.parametrize(("model", "name", "media"), MEDIA)
def test_each_model_takes_as_much_media_and_the_formats_that_its_row_says(model: str, name: str, media: Media) -> None:
    def codes(count: int, form: str) -> list[str]:
        blocks = [image(f"s3://bucket/{n}", name, form) for n in range(count)]
        return list(check(with_image(*blocks), model).counts.errors)

    assert codes(media.most, media.formats[0]) == []
    assert codes(media.most + 1, media.formats[0]) == ["too-much-media"]
    assert [codes(1, form) for form in media.formats] == [[]] * len(media.formats)
    assert codes(1, "bmp") == ["media-format"]


@pytest.mark.parametrize(
    ("uri", "codes"),
    [
        ("s3://bucket/projects/shop/media/cat.png", []),
        ("s3://bucket/projects/shop/cat.png", ["media-elsewhere"]),
        ("s3://other/projects/shop/media/cat.png", ["media-elsewhere"]),
        ("s3://bucket/projects/media/media/cat.png", []),
        ("s3://bucket/projects/media/cat.png", ["media-elsewhere"]),
    ],
)
def test_a_run_refuses_media_that_its_job_may_not_read(uri: str, codes: list[str]) -> None:
    root = "s3://bucket/projects/"
    assert list(check(with_image(image(uri)), NOVA_PRO, media_root=root).counts.errors) == codes
    caption = line({"image-ref": uri, "caption": "a cat"})
    assert list(check(caption, CANVAS, media_root=root).counts.errors) == codes


@pytest.mark.parametrize(("model", "name", "media"), MEDIA + CAPTIONED)
def test_a_file_may_be_as_large_as_the_row_says_and_not_a_byte_larger(model: str, name: str, media: Media) -> None:
    uri = "s3://bucket/projects/shop/media/cat"
    captioned = line({"image-ref": uri, "caption": "a cat"})
    data = captioned if base_model(model).caption_characters else with_image(image(uri, name, media.formats[0]))

    def codes(size: int | None) -> list[str]:
        return list(check(data, model, media_size={uri: size}.get).counts.errors)

    most = media.megabytes * 1_048_576
    assert (codes(1), codes(most), codes(most + 1)) == ([], [], ["media-too-large"])
    assert codes(0) == codes(None) == ["media-missing"]


def test_a_finding_on_files_says_which_of_a_record_and_no_name() -> None:
    sizes = {
        "s3://bucket/projects/shop/media/empty.png": 0,
        "s3://bucket/projects/shop/media/good.png": 9,
        "s3://bucket/projects/shop/media/large.png": 10_485_761,
        "s3://bucket/projects/shop/media/larger.png": 1 << 30,
    }
    names = ("good", "secret", "empty", "large", "larger", "good")
    uris = [f"s3://bucket/projects/shop/media/{name}.png" for name in names]
    report = check(with_image(*map(image, uris)), NOVA_PRO, media_size=sizes.get)
    assert [problem.message for problem in report.problems] == [
        "line 1: refers to a file that does not exist: image 2 of 6",
        "line 1: refers to a file of 10,485,761 bytes: image 4 of 6; Amazon Nova Pro takes at most 10,485,760 (10 MB)",
    ]
    report = check(with_image(image(uris[2])), NOVA_PRO, media_size=sizes.get)
    assert report.problems[0].message == "line 1: refers to a file that is empty: image 1 of 1"
    report = check(line({"image-ref": uris[0], "caption": "a cat"}), NOVA_PRO, media_size=sizes.get)
    assert report.counts.errors == {"cannot-be-expressed": 1}
    report = check(line({"image-ref": uris[1], "caption": "a cat"}), NOVA_PRO, media_size=sizes.get)
    assert report.counts.errors == {"cannot-be-expressed": 1, "media-missing": 1}


def test_a_file_that_lies_elsewhere_is_not_said_to_be_missing() -> None:
    for uri in ("s3://bucket/cat.png", "s3://bucket/other/shop/media/cat.png", "s3://bucket/projects/media/cat.png"):
        report = check(with_image(image(uri)), NOVA_PRO, media_size=lambda _: None)
        [problem] = report.problems
        assert problem.message.endswith("does not lie under s3://<dataset bucket>/projects/<project>/media/")


def test_only_files_where_a_job_may_read_and_that_a_model_takes_are_looked_for() -> None:
    asked: list[str] = []

    def size(uri: str) -> int:
        asked.append(uri)
        return 9

    root = "s3://bucket/projects/"
    data = with_image(image(f"{root}shop/media/cat.png"), image("s3://other/cat.png"))
    assert list(check(data, NOVA_PRO, media_root=root, media_size=size).counts.errors) == ["media-elsewhere"]
    assert asked == [f"{root}shop/media/cat.png"]
    check(data, NOVA_MICRO, media_root=root, media_size=size)
    check(GOOD + b"\n" + OTHER, NOVA_PRO, media_root=root, media_size=size)
    assert len(asked) == 1


def test_a_format_that_one_model_takes_another_refuses() -> None:
    data = with_image(image(form="webp"))
    assert check(data, NOVA_PRO).accepted
    report = check(data, NOVA_2_LITE)
    assert report.problems[0].message.endswith("images of the format 'webp'; Amazon Nova 2 Lite takes png, jpeg, gif")


@pytest.mark.parametrize("magic", [b"%PDF-1.7", b"\x89PNG\r\n", b"<!DOCTYPE html>", b"7z\xbc\xaf\x27\x1c"])
def test_a_file_that_is_something_else_gets_one_sentence(magic: bytes) -> None:
    report = check(magic + b"\n" + GOOD)
    assert [problem.code for problem in report.problems] == ["not-a-text-file"]


def test_elements_that_share_a_line_are_named_by_their_number() -> None:
    data = b"[" + GOOD + b", " + OTHER + b', {"prompt": "a"}]'
    report = check(data, suffix=".json")
    assert [problem.message for problem in report.problems] == ["line 1: element 3: completion is missing"]


def test_what_a_finding_says_of_another_element_names_that_element() -> None:
    pair = {"prompt": "What is two plus two, my friend?", "completion": "It is four, as ever."}
    odd = {"messages": [{"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "Good day"}]}
    loud = {**pair, "prompt": pair["prompt"].upper()}
    other = {**pair, "completion": "It is five, as never before."}
    report = check(json.dumps([pair, odd, pair, loud, other]).encode(), suffix=".json", lint=True, minimum_records=0)
    assert {finding.message for finding in (*report.problems, *report.warnings) if finding.line} == {
        "line 1: element 2: is in the format openai-chat, most records are prompt-completion",
        "line 1: element 3: repeats the record of element 1",
        "line 1: element 4: repeats the record of element 1 but for case, space or punctuation",
        "line 1: element 5: has the prompt of element 1 and another answer",
    }


@pytest.mark.parametrize(("beyond", "codes"), [(0, []), (1, ["file-too-large"])])
def test_a_file_that_no_run_would_make_is_refused_and_still_checked(
    beyond: int, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_DATASET_BYTES", len(GOOD))
    report = check(GOOD + b"\n" * beyond)
    assert (list(report.counts.errors), report.records) == (codes, 1)


@pytest.mark.parametrize(("data", "expected"), rows(TABLES))
def test_tables_are_read_by_their_header(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data, suffix=".csv")) == expected


@pytest.mark.parametrize(("data", "expected"), rows(ARRAYS))
def test_arrays_are_read_element_by_element(data: bytes, expected: dict[str, list[int]]) -> None:
    report = check(data, suffix=".json")
    assert found(report) == expected
    assert report.lines == data.count(b"\n") + (not data.endswith(b"\n"))


@pytest.mark.parametrize(
    ("table", "suffix"), [(BYTES, ".jsonl"), (RECORDS, ".jsonl"), (TABLES, ".csv"), (ARRAYS, ".json")]
)
def test_the_size_of_the_pieces_changes_nothing(table: dict[str, tuple[bytes, Any]], suffix: str) -> None:
    for name, (data, _) in table.items():
        pieces = [data[start : start + 7] for start in range(0, min(len(data), 5000), 7)] + [data[5001:]]
        whole = check_dataset([b"".join(pieces)], suffix=suffix, rules=rules(), lint=False)
        assert check_dataset(pieces, suffix=suffix, rules=rules(), lint=False) == whole, name


def test_reasoning_is_taken_where_the_model_has_it() -> None:
    assert found(check(bedrock(ASK, ("assistant", REASONED)), NOVA_2_LITE)) == {}


def test_an_answer_of_reasoning_alone_is_empty() -> None:
    assert found(check(bedrock(ASK, ("assistant", REASONED[:1])), NOVA_2_LITE)) == {"empty-text": [1]}


def test_several_turns_cannot_be_written_as_one_prompt() -> None:
    assert found(check(chat(ASK, SAY, ASK, SAY), LLAMA_31)) == {"cannot-be-expressed": [1]}


def test_a_system_prompt_goes_into_the_prompt_where_the_format_has_no_place_for_it() -> None:
    report = check(chat(("system", "be brief"), ASK, SAY), LLAMA_31)
    assert report.accepted
    assert found(report) == {"system-in-prompt": [None]}


def test_sections_in_some_records_are_a_warning_where_the_service_does_not_ask_for_uniformity() -> None:
    report = check(bedrock(ASK, SAY) + b"\n" + bedrock(("user", "b"), SAY, system=[{"text": "x"}]), LLAMA_33)
    assert report.accepted
    assert report.counts.warnings == {"uneven-section": 1}


def test_claude_reserves_a_word_only_behind_a_line_break_and_in_its_own_case() -> None:
    texts = ["Human: a", "b\nHuman: c", "d\nhuman: e", "f\n\nAssistant: g"]
    data = b"\n".join(chat(("user", text), SAY) for text in texts)
    assert found(check(data, CLAUDE)) == {"reserved-string": [2, 4]}


def test_texts_are_taken_for_continued_pre_training() -> None:
    data = line({"input": "once"}) + b"\n" + line({"text": "upon a time"})
    assert found(check(data, TITAN, method="CONTINUED_PRE_TRAINING")) == {}
    assert found(check(GOOD, TITAN, method="CONTINUED_PRE_TRAINING")) == {"cannot-be-expressed": [1]}


@pytest.mark.parametrize(("size", "codes"), [(2, ["caption-length"]), (3, []), (1024, []), (1025, ["caption-length"])])
def test_captions_are_bounded(size: int, codes: list[str]) -> None:
    assert list(found(check(line({"image-ref": "s3://bucket/a.png", "caption": "x" * size}), CANVAS))) == codes


@pytest.mark.parametrize(
    ("letter", "tokens", "codes"),
    [
        ("x", 69, []),
        ("x", 70, ["near-token-limit"]),
        ("x", 123, ["near-token-limit"]),
        ("x", 124, ["too-many-tokens"]),
        ("7", 40, []),
        ("7", 41, ["near-token-limit"]),
        ("\u0436", 150, ["near-token-limit"]),
        ("\u0436", 151, ["too-many-tokens"]),
    ],
)
def test_tokens_are_bounded_with_the_error_that_the_estimate_has_for_the_kind_of_text(
    letter: str, tokens: int, codes: list[str]
) -> None:
    own = rules(tokens_per_record=100)
    characters = max(n for n in range(1, 1000) if estimate(letter * n, own.provider) <= tokens)
    data = line({"prompt": letter * (characters - 1), "completion": letter})
    assert list(found(check(data, tokens_per_record=100))) == codes


def numbered(count: int) -> bytes:
    return b"\n".join(line({"prompt": f"question {n}", "completion": "x"}) for n in range(count))


# One model and method for each pair of bounds that the catalog has, in the records of its own format.
BOUNDED = {
    (own.record_format, own.records.minimum, own.records.maximum): (model, method)
    for model, row in base_models().items()
    for method, own in row.methods.items()
}


def record_of(form: str, n: int) -> dict[str, str]:
    if form == "image_caption":
        return {"image-ref": f"s3://bucket/{n}.png", "caption": f"picture {n}"}
    if form == "text_input":
        return {"input": f"text {n}"}
    return {"prompt": f"question {n}", "completion": "x"}


@pytest.mark.parametrize(
    ("bounds", "named"), BOUNDED.items(), ids=[f"{model}-{way}" for model, way in BOUNDED.values()]
)
def test_the_number_of_records_is_bounded_as_the_catalog_says(
    bounds: tuple[str, int, int], named: tuple[str, Method]
) -> None:
    form, minimum, maximum = bounds
    own = rules_for(base_model(named[0]), named[1])
    rows = [line(record_of(form, n)) + b"\n" for n in range(maximum + 1)]

    def codes(count: int) -> list[str]:
        return list(check_dataset(rows[:count], suffix=".jsonl", rules=own, lint=False).counts.errors)

    assert codes(minimum) == codes(maximum) == []
    assert codes(minimum - 1) == (["too-few-records"] if minimum > 1 else ["empty-dataset"])
    assert codes(maximum + 1) == ["too-many-records"]


@pytest.mark.parametrize(("levels", "codes"), [(MAX_DEPTH, []), (MAX_DEPTH + 1, ["nested-too-deep"])])
def test_nesting_is_bounded(levels: int, codes: list[str]) -> None:
    data = b'{"prompt": "a", "completion": "b", "more": ' + b"[" * (levels - 1) + b"1" + b"]" * (levels - 1) + b"}"
    assert list(check(data).counts.errors) == codes


@pytest.mark.parametrize(("turns", "codes"), [(MAX_TURNS, []), (MAX_TURNS + 2, ["too-many-turns"])])
def test_the_number_of_turns_is_bounded(turns: int, codes: list[str]) -> None:
    assert list(check(chat(*[ASK, SAY] * (turns // 2))).counts.errors) == codes


def test_duplicates_do_not_count_towards_the_minimum_and_not_against_the_maximum() -> None:
    twice = numbered(8) + b"\n" + numbered(8)
    assert check(twice, minimum_records=9).counts.errors == {"too-few-records": 1}
    assert check(twice, maximum_records=8).accepted


def test_records_that_differ_only_in_case_count_once_towards_the_minimum() -> None:
    data = GOOD + b"\n" + GOOD.replace(b"two plus two", b"Two plus two?")
    assert check(data, minimum_records=2).counts.errors == {"too-few-records": 1}


FEW, MANY = "too-few-records", "too-many-records"


@pytest.mark.parametrize(
    ("model", "outcomes"), [(LLAMA_31, [[FEW], [], [], [MANY]]), (NOVA_MICRO, [[FEW], [FEW], [FEW], [FEW, MANY]])]
)
def test_a_validation_set_counts_towards_the_bounds_that_the_model_counts_it_towards(
    model: str, outcomes: list[list[str]]
) -> None:
    """Llama counts both files towards both bounds, Nova towards the upper one only."""
    own = rules(model, minimum_records=4, maximum_records=10)
    found = [
        list(check_dataset([numbered(3)], suffix=".jsonl", rules=own, counted_elsewhere=n).counts.errors)
        for n in (0, 1, 7, 8)
    ]
    assert found == outcomes


def test_a_validation_set_has_bounds_of_its_own() -> None:
    assert check(numbered(31), CLAUDE, role="validation").counts.errors == {"too-few-records": 1}
    assert check(numbered(32), CLAUDE, role="validation").accepted
    assert check(numbered(1001), CLAUDE, role="validation").counts.errors == {"too-many-records": 1}


def test_training_records_do_not_count_towards_the_bounds_of_a_validation_set_that_has_its_own() -> None:
    own = rules(CLAUDE)
    outcomes = [
        list(
            check_dataset(
                [numbered(n)], suffix=".jsonl", rules=own, role="validation", counted_elsewhere=5_000
            ).counts.errors
        )
        for n in (31, 32, 1_000, 1_001)
    ]
    assert outcomes == [["too-few-records"], [], [], ["too-many-records"]]


def test_training_records_count_towards_the_bounds_of_a_validation_set_where_the_model_counts_both() -> None:
    outcomes = [
        list(
            check_dataset(
                [numbered(10)], suffix=".jsonl", rules=rules(NOVA_MICRO), role="validation", counted_elsewhere=n
            ).counts.errors
        )
        for n in (8, 19_990, 19_991)
    ]
    assert outcomes == [[], [], ["too-many-records"]]


def test_a_validation_set_that_is_not_sent_is_a_warning() -> None:
    report = check(numbered(3), NOVA_2_LITE, role="validation")
    assert report.accepted
    assert report.counts.warnings == {"validation-not-used": 1}


def test_a_method_that_the_base_model_lacks_is_refused_by_name() -> None:
    with pytest.raises(SettingsInvalid, match="it has FINE_TUNING"):
        rules_for(base_model(NOVA_MICRO), "CONTINUED_PRE_TRAINING")


def test_a_code_that_does_not_exist_cannot_be_made_an_error() -> None:
    with pytest.raises(SettingsInvalid, match="no check has the code 'nonsense'"):
        rules_for(base_model(NOVA_MICRO), "FINE_TUNING", errors=["nonsense"])


def test_a_warning_can_be_made_an_error() -> None:
    report = check(GOOD + b"\n" + GOOD, errors=["duplicate-record"])
    assert not report.accepted
    assert report.counts.errors == {"duplicate-record": 1}


def test_another_suffix_is_no_dataset() -> None:
    with pytest.raises(UnsupportedDataset, match=r"not in \.txt"):
        check(GOOD, suffix=".txt")


def test_entries_are_capped_per_code_and_counts_are_not() -> None:
    data = b"[]\n" * 50 + b"{}\n" * 3
    report = check_dataset([data], suffix=".jsonl", rules=rules(), entries_per_code=5)
    assert [f.line for f in report.problems] == [1, 2, 3, 4, 5, 51, 52, 53]
    assert report.counts.errors == {"not-an-object": 50, "unknown-format": 3}


def test_mixtures_and_uneven_sections_are_counted_beyond_the_entries() -> None:
    records = [bedrock(("user", f"a {n}"), SAY) for n in range(30)]
    records += [bedrock(("user", f"b {n}"), SAY, system=[{"text": "x"}]) for n in range(40)]
    records += [line({"prompt": f"c {n}", "completion": "d"}) for n in range(25)]
    report = check(b"\n".join(records))
    assert report.counts.errors == {"mixed-formats": 25, "section-not-in-all": 30}
    assert len(report.problems) == 40


def test_every_line_is_a_record_rejected_or_blank() -> None:
    report = check(GOOD + b"\n\n[]\n" + OTHER + b"\n{}\n \n")
    assert (report.lines, report.records, report.rejected, report.blank) == (6, 2, 2, 2)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (GOOD, "prompt-completion"),
        (bedrock(ASK, SAY), "bedrock-conversation-2024"),
        (chat(ASK, SAY), "openai-chat"),
        (chat(ASK, SAY, system="x") + b"\n" + chat(("user", "b"), SAY), "anthropic-messages"),
        (b"", None),
        (b"[]", None),
        (line({"prompt": 7}), "prompt-completion"),
    ],
)
def test_the_format_is_named(data: bytes, name: str | None) -> None:
    assert check(data).format == name


def test_statistics_describe_the_records_that_count() -> None:
    report = check(GOOD + b"\n[]\n" + chat(("system", "brief"), ASK, SAY, ASK, SAY))
    assert report.statistics == {
        "token_errors": {kind: error._asdict() for kind, error in errors("Amazon").items()},
        "records": 2,
        "duplicates": 0,
        "system_share": 0.5,
        "turns": {"min": 2, "mean": 3.0, "max": 4, "total": 6},
        "characters": {"min": 16, "mean": 26.5, "max": 37, "total": 53},
        "tokens": {"min": 4, "mean": 6.5, "max": 9, "total": 13},
    }


def test_a_report_is_json_and_has_a_remedy_for_every_code_it_names() -> None:
    report = check(b"\n".join(data for data, _ in RECORDS.values()))
    described = json.loads(json.dumps(report.as_dict()))
    assert described["accepted"] is False
    assert set(described["remedies"]) == {*described["counts"]["errors"], *described["counts"]["warnings"]}
    assert all(remedy == CODES[code].remedy for code, remedy in described["remedies"].items())


def test_messages_name_places_and_never_quote_texts() -> None:
    canary = "Zebra-Canary with spaces"
    data = b"\n".join(
        [
            chat(("user", canary), ("user", canary)),
            chat((canary, canary), SAY),
            line({canary: canary}),
            line({"prompt": canary, "completion": 1}),
            line({"prompt": canary + " User:", "completion": canary}),
            f'{{"prompt": "{canary}", "completion": {canary}'.encode(),
            bedrock(("user", [{"text": canary, canary: 1}]), SAY),
            with_image(image(canary)),
            f'{{"{canary}": 1, "{canary}": 2}}'.encode(),
            f'{{"prompt": "{canary}\\ud800", "completion": "a"}}'.encode(),
            line({"prompt": canary, "completion": canary}),
            line({"prompt": canary.upper(), "completion": "b"}),
        ]
    )
    report = check(data, lint=True)
    assert report.rejected == 9
    assert "zebra" not in json.dumps(report.as_dict()).lower()


def test_a_message_says_what_where_and_what_was_wanted() -> None:
    report = check(b"\n" * 11 + chat(ASK, ASK, SAY))
    assert [f.message for f in report.problems] == [
        "line 12: messages[1].role is 'user' after 'user'; turns must alternate, user first"
    ]


def test_an_endless_line_is_bounded_in_memory() -> None:
    report = check_dataset((b"x" * 65536 for _ in range(2000)), suffix=".jsonl", rules=rules())
    assert report.counts.errors == {"line-too-long": 1}
    assert report.lines == 1


def test_a_compressed_file_is_not_read_to_its_end() -> None:
    def stream() -> Iterator[bytes]:
        yield b"\x1f\x8b" + b"\0" * 70_000
        raise AssertionError("nobody should read on")

    assert check_dataset(stream(), suffix=".jsonl", rules=rules()).counts.errors == {"not-a-text-file": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    "prompt",
    "completion",
    "messages",
    "role",
    "content",
    "text",
    "type",
    "system",
    "schemaVersion",
    "image",
    "video",
    "source",
    "s3Location",
    "uri",
    "format",
    "reasoningContent",
    "reasoningText",
    "image-ref",
    "caption",
    "input",
    "toolUse",
    "tools",
]
RECORD_LIKE = st.recursive(
    JSON
    | st.sampled_from(["user", "assistant", "system", "bedrock-conversation-2024", "text", "s3://bucket/a.png", "png"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.binary(max_size=200),
    st.sampled_from([".jsonl", ".json", ".csv"]),
    st.sampled_from([NOVA_PRO, LLAMA_31, CANVAS, CLAUDE]),
)
def test_no_bytes_raise(data: bytes, suffix: str, model: str) -> None:
    report = check(data, model, suffix, lint=True)
    assert report.accepted == (not report.problems)


@given(st.lists(RECORD_LIKE, max_size=4), st.sampled_from([NOVA_PRO, NOVA_2_LITE, LLAMA_31, CANVAS, CLAUDE]))
def test_no_json_value_raises_and_every_line_is_accounted_for(values: list[Any], model: str) -> None:
    report = check(b"\n".join((b"", *map(line, values), b"7")), model, lint=True)
    assert report.lines == len(values) + 2 == report.records + report.rejected + report.blank


@given(
    st.lists(st.sampled_from([GOOD, OTHER, b"", b" ", b"[]", b"{}", b"{"]), max_size=12),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
)
def test_line_ends_and_blank_lines_never_move_a_finding(parts: list[bytes], end: bytes, final: bool) -> None:
    report = check(end.join(parts) + (end if final and parts else b""))
    expected = [number for number, part in enumerate(parts, 1) if part in (b"[]", b"{}", b"{")]
    assert sorted(f.line for f in report.problems if f.line) == expected
    assert report.rejected == len(expected)
    assert report.records == sum(part in (GOOD, OTHER) for part in parts)


@pytest.mark.parametrize(
    "build", [lambda: b'"' + b'\\"' * 400_000, lambda: b'{"a":"' + b"\\" * 999_999, lambda: b"[],{}" * 200_000]
)
def test_hostile_lines_take_no_longer_than_their_length(build: Callable[[], bytes]) -> None:
    data = build()
    for suffix in (".jsonl", ".json"):
        assert not check(b"[" * (suffix == ".json") + data, suffix=suffix).accepted


@pytest.mark.parametrize("mark", ["]", ":", ">"])
def test_a_reserved_string_is_found_behind_any_number_of_the_marks_that_end_one(mark: str) -> None:
    marks = mark * 5_000
    assert not check(line({"prompt": f"a {marks}", "completion": "b"})).counts.errors
    beside = line({"prompt": f"a {marks} [EOS] c", "completion": "b"})
    assert found(check(beside)) == {"reserved-string": [1]}


def test_bounds_are_not_held_against_a_file_of_which_no_record_can_be_read() -> None:
    report = check(b"a,b\nc,d\n", suffix=".csv", minimum_records=8)
    assert report.counts.errors == {"csv-header": 1}


@pytest.mark.parametrize(("digits", "code"), [(308, "duplicate-key"), (5_000, "number-out-of-range")])
def test_a_key_given_twice_is_found_behind_a_number_of_any_length(digits: int, code: str) -> None:
    twice = b'{"prompt": "a", "completion": "b", "id": %b, "id": 1}' % (b"9" * digits)
    assert found(check(twice)) == {code: [1]}
