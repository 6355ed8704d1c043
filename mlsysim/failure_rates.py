"""How often things fail: rates of published clusters and of devices that stand alone."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True, kw_only=True)
class FailureRate(Sourced):
    """Interruptions per thousand nodes and day, as one fleet counted them.

    Published clusters differ sevenfold, so a rate is always a choice, never a constant.

    >>> round(FailureRates["llama3_cluster"].node_failure_interval_s / 86400)
    264
    """

    name: str
    label: str
    failures_per_1000_node_days: float
    group: str
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        field = f"failures_per_1000_node_days of {self.name}"
        require_number(field, self.failures_per_1000_node_days, exclusive=True)

    @property
    def failures_per_node_second(self) -> float:
        """Failures of one node per second."""
        return self.failures_per_1000_node_days / 1000.0 / SECONDS_PER_DAY

    @property
    def node_failure_interval_s(self) -> float:
        """Mean time between failures of one node."""
        return 1.0 / self.failures_per_node_second


def _per_year(fraction: float) -> float:
    return fraction * 1000.0 * SECONDS_PER_DAY / SECONDS_PER_YEAR


_CLUSTERS = "Published clusters"
_DEVICES = "Devices that stand alone"

FailureRates: Registry[FailureRate] = Registry(
    "failure rate",
    lambda: (
        FailureRate(
            name="meta_32k_cluster",
            label="Meta, 32,768 H100 (2.3 per 1,000 node-days)",
            failures_per_1000_node_days=2.3,
            group=_CLUSTERS,
            source="meta-ft-hsdp-2026",
        ),
        FailureRate(
            name="llama3_cluster",
            label="Llama 3, 16,384 H100 (3.8)",
            failures_per_1000_node_days=419 / (2048 * 54) * 1000,
            group=_CLUSTERS,
            source="llama-3-herd-2024",
        ),
        FailureRate(
            name="rsc1_cluster",
            label="Meta RSC-1, 16,000 A100 (6.5)",
            failures_per_1000_node_days=6.5,
            group=_CLUSTERS,
            source="kokolis-2024",
        ),
        FailureRate(
            name="opt_cluster",
            label="OPT-175B, 1,024 A100 (15.6)",
            failures_per_1000_node_days=2 / 128 * 1000,
            group=_CLUSTERS,
            source="metaseq-chronicles",
        ),
        FailureRate(
            name="consumer_device",
            label="Consumer device (2 % a year)",
            failures_per_1000_node_days=_per_year(0.02),
            group=_DEVICES,
            source="device-failure-estimate",
        ),
        FailureRate(
            name="industrial_device",
            label="Industrial device (1 % a year)",
            failures_per_1000_node_days=_per_year(0.01),
            group=_DEVICES,
            source="device-failure-estimate",
        ),
    ),
)
