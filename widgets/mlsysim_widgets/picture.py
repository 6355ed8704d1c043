"""Picture: everything that the page shows of one design, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlsysim.ledger import SystemLedger
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets import binding, cards
from mlsysim_widgets.views import figures

EMPTY: Mapping[str, Any] = {
    "sentence": "",
    "cards": [],
    "verdicts": [],
    "figures": [],
    "python": "",
    "link": "",
}


def picture(
    simulation: BaseSimulation, ledger: SystemLedger, choice: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a page shows of a ledger: sentence, cards, verdicts, figures, code and link."""
    return {
        "problem": None,
        "stale": False,
        "sentence": cards.sentence(simulation, ledger, choice),
        "cards": cards.cards(ledger),
        "verdicts": cards.verdicts(ledger),
        "figures": figures(ledger),
        "python": binding.python_line(simulation, choice),
        "link": binding.link(simulation, choice),
    }
