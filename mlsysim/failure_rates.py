"""How often things fail: rates of published clusters and of devices that stand alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.arrays import ndim
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced
from mlsysim.tracing import as_float


@dataclass(frozen=True, kw_only=True)
class FailureRate(Sourced):
    """Interruptions per thousand nodes and day, as one fleet counted them.

    Published clusters differ sevenfold, so a rate is always a choice, never a constant. A rate
    holds for large jobs: those of at most `small_job_nodes` nodes fail `small_job_factor` times as
    often, since they are tried out more and watched less.

    >>> round(FailureRates["llama3_cluster"].node_failure_interval_s / 86400)
    264
    """

    name: str
    label: str
    failures_per_1000_node_days: float
    group: str
    small_job_factor: float = 1.0
    small_job_nodes: int = 0
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        field = f"failures_per_1000_node_days of {self.name}"
        require_number(field, self.failures_per_1000_node_days, exclusive=True)
        require_number(f"small_job_factor of {self.name}", self.small_job_factor, exclusive=True)

    @property
    def failures_per_node_second(self) -> float:
        """Failures of one node per second."""
        return self.failures_per_1000_node_days / 1000.0 / SECONDS_PER_DAY

    @property
    def node_failure_interval_s(self) -> float:
        """Mean time between failures of one node."""
        return 1.0 / self.failures_per_node_second

    def job_failure_interval_s(self, nodes: Any) -> Any:
        """Return the mean time between failures of a job that any one of its nodes can stop.

        M = M_node / n, divided by the factor of small jobs where the job is one

        >>> rate = FailureRates["rsc1_cluster"]
        >>> [round(float(rate.job_failure_interval_s(n)) / 3600, 1) for n in (1, 512)]
        [1153.8, 7.2]
        """
        series = formulas.series_failure_interval(self.node_failure_interval_s, nodes)
        small = nodes <= self.small_job_nodes
        interval = series / np.where(small, self.small_job_factor, 1.0)
        return interval if ndim(interval) else as_float(interval)


def _per_year(fraction: float) -> float:
    return fraction * 1000.0 * SECONDS_PER_DAY / SECONDS_PER_YEAR


_CLUSTERS = "Published clusters"
_DEVICES = "Devices that stand alone"
_UNNAMED = (4.3, 7.7)
_LLAMA_3 = 419 / (2048 * 54) * 1000
_OPT = 2 / 128 * 1000
# The geometric mean: rates spread by factors.
_TYPICAL = math.prod((2.3, _LLAMA_3, 6.5, _OPT, *_UNNAMED)) ** (1 / 6)

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
            failures_per_1000_node_days=_LLAMA_3,
            group=_CLUSTERS,
            source="llama-3-herd-2024",
        ),
        FailureRate(
            name="rsc1_cluster",
            label="Meta RSC-1, 16,000 A100 (6.5)",
            failures_per_1000_node_days=6.5,
            group=_CLUSTERS,
            # Jobs of 8 GPUs fail every 1,145 h, not 3,692 h as the rate of large ones would say.
            small_job_factor=3.2,
            small_job_nodes=256,
            source="kokolis-2024",
        ),
        FailureRate(
            name="published_cluster_4",
            label="Another published cluster (4.3)",
            failures_per_1000_node_days=_UNNAMED[0],
            group=_CLUSTERS,
            source="failure-rate-survey",
        ),
        FailureRate(
            name="published_cluster_8",
            label="Another published cluster (7.7)",
            failures_per_1000_node_days=_UNNAMED[1],
            group=_CLUSTERS,
            source="failure-rate-survey",
        ),
        FailureRate(
            name="typical_cluster",
            label="Middle of six published clusters (5.6)",
            failures_per_1000_node_days=_TYPICAL,
            group=_CLUSTERS,
            source="failure-rate-survey",
        ),
        FailureRate(
            name="opt_cluster",
            label="OPT-175B, 1,024 A100 (15.6)",
            failures_per_1000_node_days=_OPT,
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
