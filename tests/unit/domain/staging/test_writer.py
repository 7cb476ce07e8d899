"""What is staged on disk: the order of its hashes, and what was written."""

from hashlib import sha256
from io import BytesIO

from finetune.domain.staging.writer import Writer


def test_lines_are_written_in_the_order_of_their_hashes_and_counted() -> None:
    sink = BytesIO()
    writer = Writer(sink, "Meta")
    writer.extend([3, 1, 2], [b"c", b"a", b"b"], [30, 10, 20])
    assert (sink.getvalue(), writer.waiting_bytes) == (b"", 3)
    writer.flush()
    staged = writer.staged()
    assert staged is not None
    assert sink.getvalue() == b"a\nb\nc\n"
    assert (staged.records, staged.bytes, staged.estimated_tokens, staged.most_tokens) == (3, 6, 60, 44 + 29 + 15)
    assert staged.sha256 == sha256(b"a\nb\nc\n").hexdigest()


def test_lines_of_the_same_hash_are_all_written() -> None:
    sink = BytesIO()
    writer = Writer(sink, "Meta")
    writer.extend([1, 1, 0], [b"b", b"a", b"c"], [1, 1, 1])
    writer.flush()
    assert sink.getvalue() == b"c\na\nb\n"


def test_nothing_written_is_nothing_staged() -> None:
    writer = Writer(BytesIO(), "Meta")
    writer.flush()
    assert writer.staged() is None
