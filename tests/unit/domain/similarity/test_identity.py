"""Texts are the same but for case, space and punctuation whether they are looked at one by one or together."""

from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.similarity.identity import all_normalised, normalised


@given(st.lists(st.text(max_size=20) | st.sampled_from(["a\0b", "A. b", " x ", "\1", "é.", "...", ". a"]), min_size=1))
def test_many_texts_are_normalised_like_one(texts: list[str]) -> None:
    assert [b"\x1f".join(part.strip() for part in identity.split(b"\0")) for identity in all_normalised(texts)] == [
        b"\x1f".join(map(normalised, text.split("\0"))) for text in texts
    ]
