"""Drawings of any numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.customization import loss_curves
from finetune.domain.evaluation.comparison import compare
from finetune.domain.evaluation.significance import Interval
from finetune.domain.report import charts
from finetune.domain.report.run import render
from tests.reporting import report

COMPARED = compare([(0.0, 1.0), (1.0, 1.0)], against="base", title="Exact match", minimum_gain=0, confidence=0.95)


@pytest.mark.parametrize("points", [b"1,0,2.0\n", b"1,0,2.0\n2,0,2.0\n", b"1,0,0\n", b"0,0,1\n", b"1,0,1e300\n2,0,1\n"])
def test_a_curve_of_any_shape_is_drawn(points: bytes) -> None:
    drawn = loss_curves.read_metrics(b"step_number,epoch_number,training_loss\n" + points, "training")
    page = render(report(training=loss_curves.summarise(drawn, None), curves=(drawn,)))
    assert "<polyline" in page
    assert "nan" not in page.split("<h2>Training</h2>")[1].split("</figure>")[0]


@given(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.2))
def test_an_interval_lies_on_its_axis_wherever_it_is(mean: float, below: float, above: float, gain: float) -> None:
    difference = Interval(mean=mean, low=mean - below, high=mean + above, confidence=0.95)
    drawn = charts.interval(COMPARED.model_copy(update={"difference": difference}), gain)
    places = [float(place) for place in re.findall(r'(?:x|x1|x2|cx)="(-?[\d.]+)%"', drawn)]
    assert places
    assert all(0 <= place <= 100 for place in places)


@given(st.dictionaries(st.sampled_from(["answered", "cut", "blocked", "missing"]), st.integers(0, 1 << 20)))
def test_the_parts_of_a_bar_fill_it_and_no_more(counts: dict[str, int]) -> None:
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)%"', charts.shares(counts))]
    assert sum(widths) == pytest.approx(100 if sum(counts.values()) else 0, abs=0.05)


@pytest.mark.parametrize(("share", "width"), [(-1, "0.00%"), (0.5, "50.00%"), (2, "100.00%")])
def test_a_bar_is_never_longer_than_its_track(share: float, width: str) -> None:
    assert f'width="{width}"' in charts.bar(share, "good")


def test_the_lowest_validation_loss_is_marked_where_there_was_a_choice() -> None:
    def curve(kind: loss_curves.LossKind, *losses: float) -> loss_curves.Curve:
        points = tuple(loss_curves.Point(step=n, epoch=0, loss=loss) for n, loss in enumerate(losses))
        return loss_curves.Curve(kind=kind, points=points)

    drawn = [curve("training", 3, 1, 2), curve("validation", 3, 1, 2)]
    assert [point.step for point in charts.lowest(drawn)] == [1]
    assert charts.lowest([curve("validation", 3)]) == []


def test_a_legend_names_every_class() -> None:
    assert charts.legend({"training": "Training <loss>"}) == (
        '<p class="legend"><span><i class="training"></i>Training &lt;loss&gt;</span></p>'
    )
