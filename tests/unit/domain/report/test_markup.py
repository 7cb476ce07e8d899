"""Every text is escaped, and numbers are written as people write them."""

from finetune.domain.report import markup


def test_a_control_character_is_named_instead_of_sent() -> None:
    assert markup.visible("a\x00b\u202ec\r\nd\te") == "a[U+0000]b[U+202E]c\nd\te"
