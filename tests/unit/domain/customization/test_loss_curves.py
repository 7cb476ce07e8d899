"""Loss curves: how the service's files are read, and what is said about them."""

import pytest

from finetune.domain.customization.jobs import Overfitting
from finetune.domain.customization.loss_curves import (
    Curve,
    LossKind,
    Point,
    UnreadableMetricsError,
    best_candidate,
    read_metrics,
    summarise,
    thinned,
)

TRAINING = b"step_number,epoch_number,training_loss,perplexity\n1,0,2.5,12.18\n2,0,2.0,7.39\n3,1,1.5,4.48\n"


def curve(kind: LossKind, *losses: float, diverged: bool = False) -> Curve:
    points = tuple(Point(step=10 * n, epoch=n // 2, loss=loss) for n, loss in enumerate(losses, 1))
    return Curve(kind=kind, points=points, diverged=diverged)


def test_the_services_own_file_is_read() -> None:
    read = read_metrics(TRAINING, "training")
    assert [(point.step, point.epoch, point.loss) for point in read.points] == [(1, 0, 2.5), (2, 0, 2.0), (3, 1, 1.5)]
    assert read.points[0].perplexity == 12.18


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + TRAINING,
        TRAINING.replace(b"\n", b"\r\n"),
        TRAINING.replace(b"\n", b"\n\n") + b" , , ,\n",
        b"perplexity,training_loss,epoch_number,step_number\n12.18,2.5,0,1\n7.39,2.0,0,2\n4.48,1.5,1,3",
        b"Step_Number, epoch_number, training_loss, perplexity, learning_rate\n"
        b"1.0,0.0,2.5,12.18,1e-5\n2,0,2.0,7.39,1e-5\n3,1,1.5,4.48,",
        b"step_number,epoch_number,training_loss,perplexity\n3,1,1.5,4.48\n1,0,2.5,12.18\n2,0,2.0,7.39\n",
    ],
    ids=["byte order mark", "CRLF", "blank lines", "column order", "further columns", "step order"],
)
def test_what_does_not_matter_does_not_matter(data: bytes) -> None:
    assert read_metrics(data, "training") == read_metrics(TRAINING, "training")


@pytest.mark.parametrize("perplexity", [b"", b",", b",nan", b",inf", b",n/a"])
def test_a_missing_perplexity_is_none(perplexity: bytes) -> None:
    data = b"step_number,epoch_number,validation_loss,perplexity\n10,1,1.5" + perplexity + b"\n"
    assert read_metrics(data, "validation").points[0].perplexity is None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The training metrics lack the column step_number; the first line must name it."),
        (b"step_number,epoch_number,loss\n1,1,1\n", "The training metrics lack the column training_loss"),
        (b"step_number,epoch_number,training_loss\n", "The training metrics hold no rows."),
        (TRAINING + b"4,1\n", "Line 5 of the training metrics has no number in training_loss."),
        (TRAINING + b"\nfour,1,1.0,2.7\n", "Line 6 of the training metrics has no number in step_number."),
        (TRAINING + b"inf,1,1.0,2.7\n", "Line 5 of the training metrics has no finite step_number"),
        (b"\xff\xfe\x00", "The training metrics are not a CSV file"),
        (b'step_number,epoch_number,training_loss\n1,1,"2', "The training metrics are not a CSV file"),
        (b"<?xml version='1.0'?><Error/>", "The training metrics lack the column"),
    ],
)
def test_a_broken_file_gives_one_sentence_that_says_where(data: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableMetricsError) as caught:
        read_metrics(data, "training")
    assert str(caught.value).startswith(sentence)


def test_a_loss_that_is_no_number_marks_the_curve_as_diverged() -> None:
    read = read_metrics(TRAINING + b"4,1,nan,nan\n", "training")
    assert read.diverged
    assert len(read.points) == 3
    summary = summarise(read, None)
    assert not summary.passed
    assert "training diverged" in summary.reason


def test_a_file_of_nothing_but_nan_is_a_failed_training_and_no_crash() -> None:
    read = read_metrics(b"step_number,epoch_number,training_loss\n1,0,nan\n", "training")
    summary = summarise(read, None)
    assert (summary.passed, summary.training_loss, summary.steps) == (False, None, 0)


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ((2.0, 1.5, 1.2, 1.1), "none"),
        ((2.0, 1.5, 1.0, 1.04), "none"),
        ((2.0, 1.0, 1.06), "mild"),
        ((2.0, 1.0, 1.19), "mild"),
        ((2.0, 1.0, 1.21), "severe"),
        ((1.0,), "unknown"),
    ],
)
def test_overfitting_is_the_rise_of_the_validation_loss_over_its_lowest_point(
    losses: tuple[float, ...], verdict: Overfitting
) -> None:
    summary = summarise(curve("training", 2.0, 1.5, 1.0), curve("validation", *losses))
    assert summary.overfitting == verdict
    assert summary.passed is (verdict != "severe")


def test_the_reason_names_the_figures() -> None:
    summary = summarise(curve("training", 2.0, 0.4), curve("validation", 1.5, 1.0, 1.3))
    assert summary.reason == (
        "The validation loss rose 30% above its lowest point (from 1.00 at step 20 to 1.30): the model learned its "
        "training data by heart; use fewer epochs or more data."
    )
    assert (summary.best_validation_loss, summary.validation_loss) == (1.0, 1.3)


def test_without_a_validation_curve_overfitting_is_unknown_and_no_obstacle() -> None:
    summary = summarise(curve("training", 2.0, 1.0), None)
    assert (summary.overfitting, summary.passed, summary.validation_loss) == ("unknown", True, None)


def test_without_any_curve_nothing_is_claimed() -> None:
    summary = summarise(None, None)
    assert (summary.steps, summary.epochs, summary.training_loss, summary.passed) == (0, 0, None, True)


def test_a_training_loss_that_rises_does_not_pass() -> None:
    summary = summarise(curve("training", *(1.0 + 0.02 * n for n in range(30))), None)
    assert (summary.diverged, summary.passed) == (True, False)
    assert "did not converge" in summary.reason


def test_a_noisy_last_step_alone_does_not_fail_a_job() -> None:
    losses = [2.0 - 0.02 * n for n in range(60)]
    losses[-1] = 2.2
    assert summarise(curve("training", *losses), None).passed


def test_the_best_candidate_has_the_lowest_final_validation_loss() -> None:
    summaries = [
        summarise(curve("training", 2.0, 0.5), curve("validation", 1.5, 1.2)),
        summarise(curve("training", 2.0, 0.9), curve("validation", 1.5, 1.1)),
        summarise(curve("training", 2.0, 0.1), None),
    ]
    assert best_candidate(summaries) == 1


def test_candidates_without_validation_are_ranked_by_training_loss_and_a_tie_goes_to_the_first() -> None:
    by_training = [summarise(curve("training", 2.0, final), None) for final in (0.8, 0.5, 0.5)]
    assert best_candidate(by_training) == 1


def test_a_candidate_that_did_not_pass_is_chosen_only_when_none_did() -> None:
    failed = summarise(curve("training", 2.0, 0.1), curve("validation", 0.5, 0.7))
    passed = summarise(curve("training", 2.0, 1.5), curve("validation", 2.0, 1.9))
    assert best_candidate([failed, passed]) == 1
    assert best_candidate([failed, failed]) == 0


@pytest.mark.parametrize("count", [1, 99, 100, 101, 100_000])
def test_a_long_curve_is_thinned_to_its_shape(count: int) -> None:
    points = tuple(Point(step=n, epoch=0, loss=1 / n) for n in range(1, count + 1))
    drawn = thinned(Curve(kind="training", points=points), 100)
    assert 1 <= len(drawn) <= 100
    assert list(drawn) == sorted(drawn)
