"""The size of the house: few modules on the flat floor, no module of more than four hundred lines."""

from pathlib import Path

import pytest

from tools.project import ROOT

PRODUCT = sorted(
    path
    for folder in ("layers", "functions", "finetune_cli", "local", "tools")
    for path in ROOT.glob(f"{folder}/**/*.py")
)


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_the_ground_floor_has_at_most_six_modules_outside_its_rooms() -> None:
    flat = [path.stem for path in (ROOT / "layers/finetune/finetune/domain").glob("*.py") if path.stem != "__init__"]
    assert len(flat) <= 6, flat
