"""Storage tiers, and the routes by which data comes from where it lies to where it is used."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.constants import SECONDS_PER_DAY
from mlsysim.errors import require_number
from mlsysim.registry import FrozenDict, Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True, kw_only=True)
class StorageTier(Sourced):
    """One kind of storage: what a node gets of it, what all nodes get together, what it costs.

    All nodes together are limited by what was provisioned (`byte_per_s_per_tb`, each way) or by
    the installation (`total_byte_per_s`), where there is such a limit. `capacity_per_node_bytes`
    is None where space can be added at will. A terabyte is 10^12 bytes.

    >>> round(StorageTiers["parallel_fs"].byte_per_s_per_tb / 1e6)
    909
    """

    name: str
    label: str
    read_byte_per_s_per_node: float
    write_byte_per_s_per_node: float
    price_usd_per_gb_month: float
    power_w_per_tb: float
    byte_per_s_per_tb: float | None = None
    total_byte_per_s: float | None = None
    capacity_per_node_bytes: float | None = None
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("read_byte_per_s_per_node", "write_byte_per_s_per_node"):
            require_number(f"{field} of {self.name}", getattr(self, field), exclusive=True)
        for field in ("price_usd_per_gb_month", "power_w_per_tb"):
            require_number(f"{field} of {self.name}", getattr(self, field))
        for field in ("byte_per_s_per_tb", "total_byte_per_s", "capacity_per_node_bytes"):
            if (value := getattr(self, field)) is not None:
                require_number(f"{field} of {self.name}", value, exclusive=True)


@dataclass(frozen=True, kw_only=True)
class Route(Sourced):
    """Where data lies, as seen from where it is used: what moving it costs, and how it travels.

    What is `shipped` arrives after `handling_s`, whatever the bandwidth of the link; `long_haul`
    tells a route over the lines between cities from one inside of a region.

    >>> Routes["other_cloud"].price_usd_per_gb
    0.09
    """

    name: str
    label: str
    price_usd_per_gb: float
    handling_s: float
    shipped: bool = False
    long_haul: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("price_usd_per_gb", "handling_s"):
            require_number(f"{field} of {self.name}", getattr(self, field))


_HUNDRED_GIGABIT = 100e9 / 8.0
_PER_TIB = 1e12 / 2**40
_DRIVES = 8.0
_DRIVE_BYTES = 3.84e12
_MONTHS_OF_SERVICE = 60.0

StorageTiers: Registry[StorageTier] = Registry(
    "storage tier",
    lambda: (
        StorageTier(
            name="object_store",
            label="Object store",
            read_byte_per_s_per_node=_HUNDRED_GIGABIT,
            write_byte_per_s_per_node=_HUNDRED_GIGABIT,
            total_byte_per_s=10e12 / 8.0,
            price_usd_per_gb_month=0.023,
            power_w_per_tb=1.0,
            source="aws-s3",
            field_sources=FrozenDict(
                power_w_per_tb="storage-power-estimate", total_byte_per_s="storage-estimate"
            ),
        ),
        StorageTier(
            name="parallel_fs_basic",
            label="Parallel file system, 125 MB/s per TiB",
            read_byte_per_s_per_node=_HUNDRED_GIGABIT,
            write_byte_per_s_per_node=_HUNDRED_GIGABIT,
            byte_per_s_per_tb=125e6 * _PER_TIB,
            price_usd_per_gb_month=0.145,
            power_w_per_tb=5.0,
            source="aws-fsx-lustre",
            field_sources=FrozenDict(
                price_usd_per_gb_month="aws-fsx-lustre-price",
                power_w_per_tb="storage-power-estimate",
                read_byte_per_s_per_node="storage-estimate",
                write_byte_per_s_per_node="storage-estimate",
            ),
        ),
        StorageTier(
            name="parallel_fs",
            label="Parallel file system, 1,000 MB/s per TiB",
            read_byte_per_s_per_node=_HUNDRED_GIGABIT,
            write_byte_per_s_per_node=_HUNDRED_GIGABIT,
            byte_per_s_per_tb=1000e6 * _PER_TIB,
            price_usd_per_gb_month=0.60,
            power_w_per_tb=5.0,
            source="aws-fsx-lustre",
            field_sources=FrozenDict(
                price_usd_per_gb_month="aws-fsx-lustre-price",
                power_w_per_tb="storage-power-estimate",
                read_byte_per_s_per_node="storage-estimate",
                write_byte_per_s_per_node="storage-estimate",
            ),
        ),
        StorageTier(
            name="flash_cluster",
            label="Flash cluster of 7,500 servers (Llama 3)",
            read_byte_per_s_per_node=_HUNDRED_GIGABIT,
            write_byte_per_s_per_node=_HUNDRED_GIGABIT,
            total_byte_per_s=2e12,
            price_usd_per_gb_month=0.05,
            power_w_per_tb=5.0,
            source="llama-3-storage",
            field_sources=FrozenDict(
                price_usd_per_gb_month="storage-estimate",
                power_w_per_tb="storage-power-estimate",
                read_byte_per_s_per_node="storage-estimate",
                write_byte_per_s_per_node="storage-estimate",
            ),
        ),
        StorageTier(
            name="local_nvme",
            label="Eight NVMe drives in each node",
            read_byte_per_s_per_node=_DRIVES * 6.8e9,
            write_byte_per_s_per_node=_DRIVES * 4e9,
            capacity_per_node_bytes=_DRIVES * _DRIVE_BYTES,
            price_usd_per_gb_month=0.10 / _MONTHS_OF_SERVICE,
            power_w_per_tb=5.0,
            source="node-nvme",
            field_sources=FrozenDict(power_w_per_tb="storage-power-estimate"),
        ),
    ),
)

Routes: Registry[Route] = Registry(
    "route",
    lambda: (
        Route(
            name="same_region",
            label="Same region",
            price_usd_per_gb=0.0,
            handling_s=0.0,
            source="storage-estimate",
        ),
        Route(
            name="other_region",
            label="Another region of the same cloud",
            price_usd_per_gb=0.02,
            handling_s=0.0,
            long_haul=True,
            source="aws-inter-region",
        ),
        Route(
            name="other_cloud",
            label="Another cloud, over the internet",
            price_usd_per_gb=0.09,
            handling_s=0.0,
            long_haul=True,
            source="aws-egress-list",
        ),
        Route(
            name="shipped",
            label="Shipped on devices of 210 TB",
            price_usd_per_gb=1800.0 / 210e3,
            handling_s=10.0 * SECONDS_PER_DAY,
            shipped=True,
            source="aws-snowball",
        ),
    ),
)
