"""The metrics agree to 1e-6 with the packages that define them."""

import random

import pytest
from rouge_score import rouge_scorer
from sacrebleu.metrics.chrf import CHRF
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from finetune.domain.evaluation import metrics
from finetune.domain.evaluation.reading import normalise, words

WORDS = """the a an cat's sat on mat, Mat. 30 refund e-mail (x) days?! parcel U.S.A. it's 9.90 ... within hours
    order-number Returns portal \u2014 \u201cquoted\u201d"""
OTHER_SCRIPTS = "über Straße été 東京 返品は 30日 Привет мир καλημέρα don\u2019t 9,90\u20ac"
TOLERANCE = 1e-6


def pairs(given: str, count: int = 400) -> list[tuple[str, str]]:
    """Random texts, half of them edits of each other, lengths from nothing to beyond one machine word of tokens."""
    chosen = random.Random(20261121)  # noqa: S311 - texts for a repeatable test
    vocabulary = given.split()
    made = []
    for number in range(count):
        text = chosen.choices(vocabulary, k=chosen.randrange(0, 90))
        other = (
            [word for word in text if chosen.random() < 0.7]
            if number % 2
            else chosen.choices(vocabulary, k=number % 80)
        )
        made.append((" ".join(text), " ".join(other)))
    return made


class Tokens:
    """Hands our own words to rouge-score, whose own tokenizer drops every letter beyond ASCII."""

    def __init__(self, normalised: bool = False) -> None:
        self.normalised = normalised

    def tokenize(self, text: str) -> list[str]:
        return list(words(normalise(text) if self.normalised else text))


@pytest.mark.parametrize("vocabulary", [WORDS, f"{WORDS} {OTHER_SCRIPTS}"], ids=["English", "many scripts"])
def test_chrf_agrees_with_sacrebleu(vocabulary: str) -> None:
    oracle = CHRF()
    for answer, reference in pairs(vocabulary):
        expected = oracle.sentence_score(answer, [reference]).score / 100
        assert metrics.chrf(answer, reference) == pytest.approx(expected, abs=TOLERANCE)


def test_rouge_l_agrees_with_rouge_score_on_english() -> None:
    # A decimal number is one word here and two there, and hours behind a number are h.
    oracle = rouge_scorer.RougeScorer(["rougeL"])
    for answer, reference in pairs(WORDS.replace("9.90", "9").replace("hours", "ours")):
        expected = oracle.score(reference, answer)["rougeL"].fmeasure
        assert metrics.rouge_l(answer, reference) == pytest.approx(expected, abs=TOLERANCE)


def test_rouge_l_agrees_with_rouge_score_on_the_same_words_of_every_script() -> None:
    oracle = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Tokens())
    for answer, reference in pairs(f"{WORDS} {OTHER_SCRIPTS}"):
        expected = oracle.score(reference, answer)["rougeL"].fmeasure
        assert metrics.rouge_l(answer, reference) == pytest.approx(expected, abs=TOLERANCE)


def test_token_f1_agrees_with_rouge_score_over_single_normalised_words() -> None:
    oracle = rouge_scorer.RougeScorer(["rouge1"], tokenizer=Tokens(normalised=True))
    for answer, reference in pairs(f"{WORDS} {OTHER_SCRIPTS}"):
        expected = oracle.score(reference, answer)["rouge1"].fmeasure if answer or reference else 1.0
        assert metrics.token_f1(answer, reference) == pytest.approx(expected, abs=TOLERANCE)


def test_label_figures_agree_with_scikit_learn() -> None:
    chosen = random.Random(7)  # noqa: S311 - labels for a repeatable test
    labels = ["billing", "delivery", "returns", "warranty"]
    for _ in range(50):
        references = [*labels, *chosen.choices(labels, k=60)]
        answers = [
            label if chosen.random() < 0.6 else chosen.choice([*labels, "something else"]) for label in references
        ]
        report = metrics.label_report(answers, references)
        assert report.accuracy == pytest.approx(accuracy_score(references, answers), abs=TOLERANCE)
        expected = f1_score(references, answers, labels=labels, average="macro", zero_division=0)
        assert report.macro_f1 == pytest.approx(expected, abs=TOLERANCE)
        table = confusion_matrix(references, answers, labels=[*labels, "something else"])
        assert [list(row) for row in report.confusion] == table[: len(labels)].tolist()
