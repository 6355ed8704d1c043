"""A small class at once, over real WebSockets: the same that `make load` holds with more."""

from __future__ import annotations

import load
import pytest


@pytest.mark.slow
def test_everybody_in_a_class_gets_the_answers_to_their_own_changes(measured, in_a_thread):
    figures, wrong = in_a_thread(load.loaded, students=5, seconds=3.0, pause_s=0.6)
    measured(
        f"class of 5: {figures['s until all have a first dashboard']:.1f} s until all have a "
        f"dashboard, change to answer p95 {figures['ms from change to answer, p95']:.0f} ms"
    )
    assert wrong == []
    assert figures["changes"] == 5 * 5
    assert figures["kernels culled while idle"] == 1
