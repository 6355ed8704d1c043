"""What a student's first dashboard costs in a kernel, against ipywidgets with one widget."""

from __future__ import annotations

import costs
import pytest


@pytest.fixture(scope="module")
def first_dashboard():
    return costs.first_dashboard()


def test_first_dashboard_computes_little_more_than_one_widget(first_dashboard, measured):
    processor, _ = first_dashboard
    measured(str(processor))
    assert not processor.far_off


def test_first_dashboard_takes_little_more_memory_than_one_widget(first_dashboard, measured):
    _, memory = first_dashboard
    measured(str(memory))
    # What allocators leave between blocks differs by a few in a hundred from run to run.
    assert memory.times <= 1.05 * memory.most_times


def test_a_thousand_changes_leave_nothing_behind(measured):
    for figure in costs.changed_a_thousand_times():
        measured(str(figure))
        assert figure.holds
