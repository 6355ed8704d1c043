"""How fast a dashboard is, against the least that such a page can cost, on the same server."""

from __future__ import annotations

import painting
import pytest

pytestmark = pytest.mark.browser


def test_change_is_painted_nearly_as_fast_as_an_echo(visit, voila, measured):
    address, _ = voila
    figure = painting.change_to_painted(visit, address)
    measured(str(figure))
    assert not figure.far_off


def test_page_opens_nearly_as_fast_as_one_with_a_plain_widget(visit, voila, measured):
    address, _ = voila
    figure = painting.page_to_interactive(visit, address, "page to interactive")
    measured(str(figure))
    assert not figure.far_off
