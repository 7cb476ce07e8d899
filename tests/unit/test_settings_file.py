"""Reading settings.yaml: the sentence for what it may not say."""

from __future__ import annotations

import pytest

from finetune.errors import SettingsInvalid
from finetune.settings import Settings
from finetune.settings_file import parse_settings


def parse(text: str) -> Settings:
    return parse_settings(text.encode(), source="settings.yaml")


def test_no_file_and_an_empty_file_mean_the_same() -> None:
    assert parse("") == parse("# nothing yet\n") == Settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("base_modle: x", "settings.yaml: base_modle is not a setting; remove it or correct its spelling."),
        ("budget: {limit_usd: -1}", "settings.yaml: budget.limit_usd: -1 must be greater than 0."),
        ("budget: {limit_usd: .inf}", "settings.yaml: budget.limit_usd: inf must be a finite number."),
        ("budget: {limit_usd: .nan}", "settings.yaml: budget.limit_usd: nan must be a finite number."),
        ("budget: {limit_usd: 1e400}", "settings.yaml: budget.limit_usd: inf must be a finite number."),
        ("budget: {limit_usd: 1.0e+400}", "settings.yaml: budget.limit_usd: inf must be a finite number."),
        ("budget: {limit_usd: 10000000}", "settings.yaml: budget.limit_usd: 10000000 must be at most 1,000,000."),
        ("budget: {service_usd_per_month: .inf}", "settings.yaml: budget.service_usd_per_month: inf must be a fin"),
        ("budget: {approve_above_usd: yes}", "settings.yaml: budget.approve_above_usd: 'yes' must be a number."),
        ("budget: {service_usd_per_month: on}", "settings.yaml: budget.service_usd_per_month: 'on' must be a number."),
        ("budget: {limit_usd: true}", "settings.yaml: budget.limit_usd: true is not a number."),
        ("budget: {limit_usd: 1:30}", "settings.yaml: budget.limit_usd: '1:30' must be a number."),
        ("budget: {limit_usd: 0x50}", "settings.yaml: budget.limit_usd: '0x50' must be a number."),
        ("retention: {days: yes}", "settings.yaml: retention.days: 'yes' must be a whole number."),
        ("retention: {days: true}", "settings.yaml: retention.days: true is not a number."),
        ("prices: {provisioned_per_hour: .nan}", "settings.yaml: prices.provisioned_per_hour: nan must be a finit"),
        ("prices: {storage_per_month: 1e400}", "settings.yaml: prices.storage_per_month: inf must be a finite num"),
        (
            "prices: {provisioned_per_hour: 1000000}",
            "settings.yaml: prices.provisioned_per_hour: 1000000 must be at mo",
        ),
        (
            "prices: {training_per_1k_tokens: 0}",
            "settings.yaml: prices.training_per_1k_tokens is $0.00, less than the catalog's $0.001; a known price can",
        ),
        (
            "judge: {model: us.amazon.nova-pro-v1:0, prices: {input_per_1k_tokens: 0.0001}}",
            "settings.yaml: judge.prices.input_per_1k_tokens is $0.0001, less than the catalog's $0.0008;",
        ),
        (
            "split: {validation: 0.5, evaluation: 0.4}",
            "settings.yaml: split: validation and evaluation together take more",
        ),
        (
            "deployment: production",
            "settings.yaml: deployment: 'production' must be 'on_demand', 'provisioned' or",
        ),
        ("metric: bleu", "settings.yaml: metric: 'bleu' must be 'keyword_recall', "),
        (
            "dataset: {errors: [secrets]}",
            "settings.yaml: dataset.errors: no check has the code 'secrets'; the most similar code is 'secret'.",
        ),
        (
            "dataset: {errors: [empty-text]}",
            "settings.yaml: dataset.errors: 'empty-text' is always an error; name warnings only.",
        ),
        ("budget: 5", "settings.yaml: budget: 5 must be a mapping of settings."),
        ("budget: {limit_usd: {a: 1}}", "settings.yaml: budget.limit_usd: a mapping must be a number."),
        ("dataset: {errors: pii}", "settings.yaml: dataset.errors: 'pii' must be a list."),
        ("retrain: maybe", "settings.yaml: retrain: 'maybe' must be true or false."),
        ("base_model:", "settings.yaml: base_model: an empty value must be a text."),
        ("split: {seed: 1.5}", "settings.yaml: split.seed: 1.5 must be a whole number."),
        ("retention: {models: 1}", "settings.yaml: retention.models: 1 must be at least 2."),
        ("- a list", "settings.yaml: the file must be a mapping of settings"),
        ("a: [", "settings.yaml: line 1: "),
        ("method: a\nmethod: b", "settings.yaml: line 2: the key 'method' appears twice"),
        ("!!python/object/apply:os.system [ls]", "settings.yaml: line 1: could not determine a constructor"),
        (
            "hyperparameters: {epochCount: true}",
            "settings.yaml: hyperparameters.epochCount: true must be a text.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_its_key_or_line(text: str, sentence: str) -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        parse(text)
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


def test_a_number_is_what_a_person_reads() -> None:
    read = parse("budget: {limit_usd: 010}\nsplit: {seed: 08}\nprices: {training_per_1k_tokens: 1e-2}\nretrain: true")
    assert (read.budget.limit_usd, read.split.seed, read.prices.training_per_1k_tokens) == (10, 8, 0.01)
    assert read.retrain


def test_a_price_may_be_raised_and_one_that_nobody_knows_filled_in() -> None:
    prices = parse("prices: {storage_per_month: 1.75, training_per_1k_tokens: 0.002, provisioned_per_hour: 20}").prices
    assert prices.model_dump(exclude_none=True) == {
        "storage_per_month": 1.75,
        "training_per_1k_tokens": 0.002,
        "provisioned_per_hour": 20,
    }
    judged = parse("judge: {model: vendor.unlisted-v1, prices: {input_per_1k_tokens: 0, output_per_1k_tokens: 0}}")
    assert judged.judge.prices.usd(1000, 1000) == 0
    assert parse("base_model: nobody.knows-it\nprices: {storage_per_month: 0}").prices.storage_per_month == 0


def test_a_file_that_is_not_utf8_is_refused_with_the_offset() -> None:
    with pytest.raises(SettingsInvalid, match=r"byte 8 is not UTF-8"):
        parse_settings(b"metric: \xff", source="settings.yaml")


def test_a_price_of_calls_is_not_asked_of_what_is_billed_by_the_hour() -> None:
    with pytest.raises(SettingsInvalid, match="needs deployment: on_demand, because throughput is billed by the hour"):
        parse_settings(b"deployment: provisioned\ngates: {usd_per_thousand_calls: 2}", source="settings.yaml")
