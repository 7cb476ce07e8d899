"""Texts are the same but for case, space and punctuation whether they are looked at one by one or together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.records.record import Record
from finetune.domain.similarity.identity import (
    all_normalised,
    exact_of,
    identity_of,
    media_of,
    normalised,
    prompt_and_identity,
    shingles,
)


@given(st.lists(st.text(max_size=20) | st.sampled_from(["a\0b", "A. b", " x ", "\1", "é.", "...", ". a"]), min_size=1))
def test_many_texts_are_normalised_like_one(texts: list[str]) -> None:
    assert [b"\x1f".join(part.strip() for part in identity.split(b"\0")) for identity in all_normalised(texts)] == [
        b"\x1f".join(map(normalised, text.split("\0"))) for text in texts
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is it?", "what  is\tIT", True),
        ("It\u2019s \u201cgood\u201d", "Its good", True),
        ("STRASSE", "stra\u00dfe", True),
        ("\uff21\uff22", "ab", True),
        ("3.5 of 1,000", "3.5 of 1000", False),
        ("a - b", "a b", False),
        ("caf\u00e9", "cafe", False),
    ],
)
def test_texts_are_the_same_but_for_case_space_and_punctuation(one: str, other: str, same: bool) -> None:
    assert (normalised(one) == normalised(other)) is same


def test_a_record_is_told_apart_by_its_media() -> None:
    asked, answer = {"role": "user", "content": [{"text": "a"}]}, {"role": "assistant", "content": [{"text": "b"}]}
    plain = Record("messages", None, [asked, answer], ["a", "b"])
    image = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/cat.png"}}}}
    seen = Record(
        "bedrock-conversation-2024",
        "s",
        [{"role": "user", "content": [{"text": "a"}, image]}, answer],
        ["s", "a", "b"],
        frozenset({"system", "image"}),
    )
    assert (media_of(plain), media_of(seen)) == ("", "\x1es3://bucket/cat.png")
    assert prompt_and_identity(plain) == (b"a", b"a\x1fb")
    assert prompt_and_identity(seen) == (b"a\x1es3://bucket/cat.png", b"s\x1fa\x1fb\x1es3://bucket/cat.png")
    assert identity_of(exact_of(seen), media_of(seen)) == prompt_and_identity(seen)[1]


def test_pairs_of_words_are_compared_and_of_characters_where_there_are_no_spaces() -> None:
    assert shingles(b"one two three") & shingles(b"zero one two") == shingles(b"one two")
    assert len(shingles("\u756a\u53f7\u306e\u8377\u7269\u306f\u307e\u3060".encode())) == 7
    assert len(shingles(b"word")) == len(shingles(b"")) + 1 == 1
