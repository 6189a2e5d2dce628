"""Renders survive being killed at any moment, and an edit costs what it touches."""

from __future__ import annotations

from pathlib import Path

import pytest
from unbreakable import SCENES, edited, killed

KILLS = 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_ten_random_moments_a_render_goes_on_to_the_same_bytes(
    name: str, tmp_path: Path
) -> None:
    """Sounds, stems and sidecar; and the parts that the dead left are gone."""
    found = list(killed(name, tmp_path, KILLS))
    assert len(found) == KILLS
    assert all(each.same for each in found)
    assert any(each.kept for each in found)
    assert all(each.kept <= each.total for each in found)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_edit_of_ten_minutes_makes_the_windows_it_touches_alone(
    hub_faithful_folder: Path, tmp_path: Path
) -> None:
    """A point moves the half minutes on both sides of it; windows beyond are kept."""
    first, second = (said["windows"] for said in edited(tmp_path, hub_faithful_folder))
    assert first["reused"] == 0 and first["computed"] == first["total"]
    assert second["computed"] + second["reused"] == second["total"]
    assert 0 < second["computed"] <= 0.15 * second["total"]
