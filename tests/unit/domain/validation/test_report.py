"""What a check says of a dataset, for programs and for people."""

import json

from finetune.domain.findings import CODES
from finetune.domain.tokens import errors
from finetune.domain.validation.check import check_dataset
from tests.checking import (
    ASK,
    GOOD,
    OTHER,
    SAY,
    bedrock,
    chat,
    check,
    image,
    line,
    rules,
    with_image,
)
from tests.unit.domain.records.test_conversations import CONVERSATIONS
from tests.unit.domain.records.test_reading import RECORDS


def test_entries_are_capped_per_code_and_counts_are_not() -> None:
    data = b"[]\n" * 50 + b"{}\n" * 3
    report = check_dataset([data], suffix=".jsonl", rules=rules(), entries_per_code=5)
    assert [f.line for f in report.problems] == [1, 2, 3, 4, 5, 51, 52, 53]
    assert report.counts.errors == {"not-an-object": 50, "unknown-format": 3}


def test_every_line_is_a_record_rejected_or_blank() -> None:
    report = check(GOOD + b"\n\n[]\n" + OTHER + b"\n{}\n \n")
    assert (report.lines, report.records, report.rejected, report.blank) == (6, 2, 2, 2)


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
    report = check(b"\n".join(data for data, _ in (*RECORDS.values(), *CONVERSATIONS.values())))
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
            line({"prompt": 1, "completion": canary}),
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
    assert [f.sentence for f in report.problems] == [
        "line 12: messages[1].role is 'user' after 'user'; turns must alternate, user first"
    ]
