"""History: the states a dashboard was in, to go back to and forward again."""

from __future__ import annotations

from typing import Any

State = dict[str, Any]


class History:
    """States before and after the present one.

    >>> history = History()
    >>> history.record({"load": 1})
    >>> history.back({"load": 2}), history.forward({"load": 1})
    ({'load': 1}, {'load': 2})
    """

    def __init__(self) -> None:
        self._past: list[State] = []
        self._future: list[State] = []

    @property
    def past(self) -> bool:
        """Whether there is a state to go back to."""
        return bool(self._past)

    @property
    def future(self) -> bool:
        """Whether there is a state to go forward to."""
        return bool(self._future)

    def record(self, before: State) -> None:
        """Keep the state that a change leaves; what was undone before it is gone."""
        self._past.append(before)
        self._future.clear()

    def back(self, present: State) -> State:
        """Return the state before the present one."""
        self._future.append(present)
        return self._past.pop()

    def forward(self, present: State) -> State:
        """Return the state that was left by going back."""
        self._past.append(present)
        return self._future.pop()
