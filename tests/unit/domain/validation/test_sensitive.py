"""Personal data and secrets are known by their form, and ordinary numbers and words are not."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finetune.domain.validation.sensitive import may_be_sensitive, sensitive

PERSONAL = {
    "jane.doe+x@mail.corp.org": "an e-mail address",
    "call +49 170 1234567": "a phone number",
    "call (212) 555-0142": "a phone number",
    "4111 1111 1111 1111": "a card number",
    "my ssn is 123-45-6789": "a social security number",
    "DE89 3704 0044 0532 0130 00": "a bank account number",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key",
    "key AKIAIOSFODNN7EXAMPLE": "an AWS access key",
    "ghp_" + "a1" * 18: "a GitHub token",
    "sk-" + "a1" * 12: "an API key",
    "xoxb-1234567890-abc": "a Slack token",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc": "a JSON web token",
    "password: hunter2hunter": "a password",
}


@given(st.lists(st.sampled_from([*PERSONAL, "nothing", "the sum is 12", "-", "a_b"]) | st.text(), max_size=6))
def test_what_is_sensitive_alone_may_be_so_among_others(texts: list[str]) -> None:
    assume(any(list(sensitive(text)) for text in texts))
    assert may_be_sensitive("\0".join(texts))


@pytest.mark.parametrize(("text", "kind"), PERSONAL.items())
def test_personal_data_and_secrets_are_named_by_kind(text: str, kind: str) -> None:
    assert [name for _, name in sensitive(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123456",
        "write to me@example.com",
        "3.14159265358979",
        "2024-05-17 10:30:00",
        "version 1.2.3.4",
        "task-list",
        "your password: please choose one",
        "order A-1234-5678-9012",
        "a @ b",
        "1,000,000,000 people",
        "GB00 0000 0000 0000 00",
    ],
)
def test_ordinary_numbers_and_words_are_not_personal(text: str) -> None:
    assert list(sensitive(text)) == []
