"""Token counts without a tokenizer, from characters and bytes, and how far off they are."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from string import digits
from typing import Literal, NamedTuple

# The bytes of UTF-8 that go on with a character.
_CONTINUED = bytes(range(0x80, 0xC0))
Script = Literal["Latin letters", "digits", "Cyrillic, Arabic or Greek", "Chinese, Japanese, Korean or Hindi"]


class Weights(NamedTuple):
    """Tokens per character, and per UTF-8 byte beyond one byte a character."""

    character: float
    extra_byte: float


class Error(NamedTuple):
    """The lowest and the highest deviation of an estimate from the tokenizer's count, as a share of that count."""

    low: float
    high: float


# Fitted to Llama 3 and Claude 2, whose vocabularies are public. Others, Amazon's and Cohere's, count as Llama 3.
_LLAMA = Weights(0.241, 0.210)
WEIGHTS: Mapping[str, Weights] = {"meta": _LLAMA, "anthropic": Weights(0.268, 0.447)}

# What single texts deviate by; the tests hold both to the tokenizers. English and code alone lie between -3 and +24.
_LLAMA_ERRORS: Mapping[Script, Error] = {
    "Latin letters": Error(-0.31, 0.23),
    "digits": Error(-0.60, 0.05),
    "Cyrillic, Arabic or Greek": Error(-0.05, 0.50),
    "Chinese, Japanese, Korean or Hindi": Error(-0.22, 0.20),
}
ERRORS: Mapping[str, Mapping[Script, Error]] = {
    "meta": _LLAMA_ERRORS,
    "anthropic": {
        "Latin letters": Error(-0.38, 0.25),
        "digits": Error(-0.57, 0.40),
        "Cyrillic, Arabic or Greek": Error(-0.41, 0.25),
        "Chinese, Japanese, Korean or Hindi": Error(-0.15, 0.15),
    },
}


def weights(provider: str) -> Weights:
    """The weights of a model by its provider; those without a public tokenizer count as Llama 3."""
    return WEIGHTS.get(provider.lower(), _LLAMA)


def errors(provider: str) -> Mapping[Script, Error]:
    """How far a provider's estimates are off, by script; without a public tokenizer those of Llama 3."""
    return ERRORS.get(provider.lower(), _LLAMA_ERRORS)


def estimate(text: str, provider: str) -> int:
    """Tokens of a text, rounded up.

    >>> estimate("one two three", "Meta")
    4
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    per_character, per_extra_byte = weights(provider)
    return ceil(per_character * len(text) + per_extra_byte * (size - len(text)))


def script_of(text: str) -> Script:
    """The kind of a text, by its share of digits, else by its bytes per character.

    >>> script_of("Grüße aus Köln"), script_of("[3.14, 2.72]"), script_of("Привет"), script_of("你好")
    ('Latin letters', 'digits', 'Cyrillic, Arabic or Greek', 'Chinese, Japanese, Korean or Hindi')
    """
    extra = len(text.encode("utf-8", "surrogatepass")) - len(text)
    return _script(len(text), sum(map(text.count, digits)), extra)


def _script(characters: float, digit_characters: int, extra_bytes: int) -> Script:
    if digit_characters > 0.1 * characters:
        return "digits"
    if extra_bytes <= 0.5 * characters:
        return "Latin letters"
    return "Cyrillic, Arabic or Greek" if extra_bytes <= 1.2 * characters else "Chinese, Japanese, Korean or Hindi"


def likely(tokens: int, text: str, provider: str) -> tuple[int, int]:
    """The fewest and the most tokens that a text of this estimate has, by the error that is stated for its kind."""
    error = errors(provider)[script_of(text)]
    return round(tokens / (1 + error.high)), round(tokens / (1 + error.low))


def most(tokens: int, record: bytes, provider: str) -> int:
    """The most tokens that a text of this estimate has, by the error for its kind; `record` is the JSON around it.

    How long the text is follows from the estimate, so that the JSON does not hide what it consists of.

    >>> most(100, b'{"prompt": "one two three"}', "Meta")
    145
    """
    per_character, per_extra_byte = weights(provider)
    extra = 0 if record.isascii() else len(record) - len(record.translate(None, _CONTINUED))
    characters = (tokens - per_extra_byte * extra) / per_character
    digit_bytes = len(record) - len(record.translate(None, digits.encode()))
    return ceil(tokens / (1 + errors(provider)[_script(characters, digit_bytes, extra)].low))


def stated(provider: str) -> str:
    """How far a provider's estimates are off, in words, for the end of a sentence.

    >>> stated("Meta")
    'up to 31% too low or 23% too high in Latin letters, more in digits and other scripts'
    """
    error = errors(provider)["Latin letters"]
    latin = f"{-error.low:.0%} too low or {error.high:.0%} too high in Latin letters"
    return f"up to {latin}, more in digits and other scripts"
