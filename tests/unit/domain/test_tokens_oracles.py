"""Token estimates against the tokenizers themselves, as far as packages ship their vocabularies."""

import csv
import inspect
import io
import json
import json.decoder
import pydoc_data.topics
import random
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer

from finetune.domain.tokens import ERRORS, Script, estimate, most, script_of

# The beginning of the Universal Declaration of Human Rights, which is there in every language.
RIGHTS: Mapping[str, str] = json.loads(Path(__file__).with_name("human_rights.json").read_bytes())
RANDOM = random.Random(7)  # noqa: S311 - numbers for a text, no secrets
PRICES = [[n, *(round(RANDOM.uniform(0, 1000), 2) for _ in range(6))] for n in range(200)]
TABLE = io.StringIO()
csv.writer(TABLE).writerows(PRICES)
ENGLISH = {name: pydoc_data.topics.topics[name] for name in ("exceptions", "naming", "import", "objects")}
CODE = {"json.decoder": inspect.getsource(json.decoder), "inspect": inspect.getsource(inspect)}
SPOKEN: Mapping[Script, str] = {
    "Latin letters": "German French Spanish Polish Turkish Indonesian",
    "Cyrillic, Arabic or Greek": "Russian Arabic Greek",
    "Chinese, Japanese, Korean or Hindi": "Chinese Japanese Korean Hindi",
}
DIGITS = {
    "a table": TABLE.getvalue(),
    "records": json.dumps([{"id": row[0], "price": row[1], "stock": row[2]} for row in PRICES]),
    "a log": "\n".join(f"Request {n} from client {row[1]} took {row[2]} ms" for n, row in enumerate(PRICES)),
    "prose with numbers": " ".join(
        f"{word} {1900 + n % 130}" if n % 5 == 0 else word for n, word in enumerate(ENGLISH["exceptions"].split())
    ),
    "hashes": RANDOM.randbytes(4000).hex(),
}
TEXTS: list[tuple[Script, str, str]] = [
    *(("Latin letters", name, text) for name, text in {**ENGLISH, **CODE}.items()),
    *((kind, name, RIGHTS[name]) for kind, names in SPOKEN.items() for name in names.split()),
    *(("digits", name, text) for name, text in DIGITS.items()),
]
Count = Callable[[str], int]


def shipped(package: str, *path: str) -> Path:
    """A file of an installed package; the package itself is not imported."""
    found = find_spec(package)
    assert found
    assert found.origin
    return Path(found.origin).parent.joinpath(*path)


@pytest.fixture(scope="session")
def tokenizers() -> Mapping[str, Count]:
    """How Llama 3 and Claude 2 count, from vocabularies on the disk."""
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    ranks = load_tiktoken_bpe(str(shipped("llama_models", "llama3", "tokenizer.model")))
    llama = tiktoken.Encoding("llama3", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    claude = Tokenizer.from_file(str(shipped("anthropic", "tokenizer.json")))
    return {"meta": lambda text: len(llama.encode(text)), "anthropic": lambda text: len(claude.encode(text).ids)}


def deviation(count: Count, text: str, provider: str) -> float:
    return estimate(text, provider) / count(text) - 1


@pytest.mark.parametrize("provider", ERRORS)
@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, _, text in TEXTS], ids=[each[1] for each in TEXTS])
def test_an_estimate_is_off_by_no_more_than_is_stated_for_its_kind_of_text(
    tokenizers: Mapping[str, Count], provider: str, kind: Script, text: str
) -> None:
    assert script_of(text) == kind
    low, high = ERRORS[provider][kind]
    assert low <= deviation(tokenizers[provider], text, provider) <= high


@pytest.mark.parametrize("provider", ERRORS)
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("text", [each[2] for each in TEXTS], ids=[each[1] for each in TEXTS])
def test_no_record_has_more_tokens_than_the_most(
    tokenizers: Mapping[str, Count], provider: str, text: str, escaped: bool
) -> None:
    turn = {"role": "user", "content": [{"text": text}]}
    record = json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": [turn]}, ensure_ascii=escaped)
    assert tokenizers[provider](text) <= most(estimate(text, provider), record.encode(), provider)


@pytest.mark.parametrize("provider", ERRORS)
def test_what_is_stated_is_not_wider_than_the_texts_ask_for(tokenizers: Mapping[str, Count], provider: str) -> None:
    for kind, error in ERRORS[provider].items():
        found = [deviation(tokenizers[provider], text, provider) for own, _, text in TEXTS if own == kind]
        assert error.low == pytest.approx(min(found), abs=0.15)
        assert error.high == pytest.approx(max(found), abs=0.15)


@pytest.mark.parametrize("provider", ERRORS)
@pytest.mark.parametrize("text", [*ENGLISH.values(), *CODE.values()])
def test_english_and_code_are_not_counted_short(tokenizers: Mapping[str, Count], provider: str, text: str) -> None:
    assert deviation(tokenizers[provider], text, provider) > -0.01
