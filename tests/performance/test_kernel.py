"""What a student's first dashboard costs in a kernel, against ipywidgets with one widget."""

from __future__ import annotations

import costs
import pytest


@pytest.fixture(scope="module")
def first_dashboard():
    return costs.first_dashboard()


@pytest.mark.parametrize("which", [0, 1], ids=["processor", "memory"])
def test_first_dashboard_costs_little_more_than_one_widget(first_dashboard, which, measured):
    figure = first_dashboard[which]
    measured(str(figure))
    assert figure.holds


def test_a_thousand_changes_leave_nothing_behind(measured):
    for figure in costs.changed_a_thousand_times():
        measured(str(figure))
        assert figure.holds
