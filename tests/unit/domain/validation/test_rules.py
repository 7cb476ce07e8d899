"""What each base model takes in a record and in a dataset, from its row of the catalog."""

import pytest

from finetune.domain.catalog import Media, base_model, base_models
from finetune.domain.tokens import estimate
from finetune.domain.validation.rules import rules_for
from finetune.errors import SettingsInvalid
from tests.checking import (
    ASK,
    CANVAS,
    CLAUDE,
    GOOD,
    LLAMA_31,
    NOVA_2_LITE,
    NOVA_MICRO,
    NOVA_PRO,
    OTHER,
    REASONED,
    SAY,
    TITAN,
    bedrock,
    chat,
    check,
    found,
    image,
    line,
    rows,
    rules,
    with_image,
)

BY_RULES: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "plain text for a chat model": (line({"text": "once upon a time"}), {"cannot-be-expressed": [1]}),
    "caption for a chat model": (
        line({"image-ref": "s3://bucket/a.png", "caption": "a cat"}),
        {"cannot-be-expressed": [1]},
    ),
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


@pytest.mark.parametrize(("data", "expected"), rows(BY_RULES))
def test_records_are_held_against_what_the_model_takes(data: bytes, expected: dict[str, list[int]]) -> None:
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
        ("s3://bucket/projects/shop/media/2026/cat.png", []),
        ("s3://bucket/projects/media/media/cat.png", ["media-elsewhere"]),
        ("s3://bucket/projects/media/cat.png", ["media-elsewhere"]),
    ],
)
def test_a_run_refuses_media_that_its_job_may_not_read(uri: str, codes: list[str]) -> None:
    root = "s3://bucket/projects/shop/media/"
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
    assert [problem.sentence for problem in report.problems] == [
        "line 1: refers to a file that does not exist: image 2 of 6",
        "line 1: refers to a file of 10,485,761 bytes: image 4 of 6; Amazon Nova Pro takes at most 10,485,760 (10 MB)",
    ]
    report = check(with_image(image(uris[2])), NOVA_PRO, media_size=sizes.get)
    assert report.problems[0].sentence == "line 1: refers to a file that is empty: image 1 of 1"
    report = check(line({"image-ref": uris[0], "caption": "a cat"}), NOVA_PRO, media_size=sizes.get)
    assert report.counts.errors == {"cannot-be-expressed": 1}
    report = check(line({"image-ref": uris[1], "caption": "a cat"}), NOVA_PRO, media_size=sizes.get)
    assert report.counts.errors == {"cannot-be-expressed": 1, "media-missing": 1}


def test_a_file_that_lies_elsewhere_is_not_said_to_be_missing() -> None:
    for uri in ("s3://bucket/cat.png", "s3://bucket/other/shop/media/cat.png", "s3://bucket/projects/media/cat.png"):
        report = check(with_image(image(uri)), NOVA_PRO, media_size=lambda _: None)
        [problem] = report.problems
        assert problem.message.endswith("is not under s3://<dataset bucket>/projects/<project>/media/")


def test_only_files_where_a_job_may_read_and_that_a_model_takes_are_looked_for() -> None:
    asked: list[str] = []

    def size(uri: str) -> int:
        asked.append(uri)
        return 9

    root = "s3://bucket/projects/shop/media/"
    data = with_image(image(f"{root}cat.png"), image("s3://other/cat.png"))
    assert list(check(data, NOVA_PRO, media_root=root, media_size=size).counts.errors) == ["media-elsewhere"]
    assert asked == [f"{root}cat.png"]
    check(data, NOVA_MICRO, media_root=root, media_size=size)
    check(GOOD + b"\n" + OTHER, NOVA_PRO, media_root=root, media_size=size)
    assert len(asked) == 1


def test_a_format_that_one_model_takes_another_refuses() -> None:
    data = with_image(image(form="webp"))
    assert check(data, NOVA_PRO).accepted
    report = check(data, NOVA_2_LITE)
    assert report.problems[0].message.endswith("images of the format 'webp'; Amazon Nova 2 Lite takes png, jpeg, gif")


def test_several_turns_cannot_be_written_as_one_prompt() -> None:
    assert found(check(chat(ASK, SAY, ASK, SAY), LLAMA_31)) == {"cannot-be-expressed": [1]}


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


def test_a_method_that_the_base_model_lacks_is_refused_by_name() -> None:
    with pytest.raises(SettingsInvalid, match="it has FINE_TUNING"):
        rules_for(base_model(NOVA_MICRO), "CONTINUED_PRE_TRAINING")


def test_a_code_that_does_not_exist_cannot_be_made_an_error() -> None:
    with pytest.raises(SettingsInvalid, match="no check has the code 'nonsense'"):
        rules_for(base_model(NOVA_MICRO), "FINE_TUNING", errors=["nonsense"])


@pytest.mark.parametrize("mark", ["]", ":", ">"])
def test_a_reserved_string_is_found_behind_any_number_of_the_marks_that_end_one(mark: str) -> None:
    marks = mark * 5_000
    assert not check(line({"prompt": f"a {marks}", "completion": "b"})).counts.errors
    beside = line({"prompt": f"a {marks} [EOS] c", "completion": "b"})
    assert found(check(beside)) == {"reserved-string": [1]}
