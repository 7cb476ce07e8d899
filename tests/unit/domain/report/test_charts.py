"""Drawings of any numbers."""

import pytest

from finetune.domain.customization import loss_curves
from finetune.domain.report.run import render
from tests.reporting import report


@pytest.mark.parametrize("points", [b"1,0,2.0\n", b"1,0,2.0\n2,0,2.0\n", b"1,0,0\n", b"0,0,1\n", b"1,0,1e300\n2,0,1\n"])
def test_a_curve_of_any_shape_is_drawn(points: bytes) -> None:
    drawn = loss_curves.read_metrics(b"step_number,epoch_number,training_loss\n" + points, "training")
    page = render(report(training=loss_curves.summarise(drawn, None), curves=(drawn,)))
    assert "<polyline" in page
    assert "nan" not in page.split("<h2>Training</h2>")[1].split("</figure>")[0]
