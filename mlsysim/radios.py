"""Radios: how devices reach the network, how fast, and what a transfer takes of a battery."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.registry import FrozenDict, Registry
from mlsysim.sources import Sourced

_NUMBERS = (
    "transmit_w",
    "receive_w",
    "setup_s",
    "setup_w",
    "tail_s",
    "tail_w",
    "round_trip_s",
    "access_kwh_per_gb",
    "price_usd_per_gb",
)


@dataclass(frozen=True, kw_only=True)
class Radio(Sourced):
    """One way from a device to the network: a radio, or a cable.

    Rates are what an application gets, not what the channel carries. Before a transfer the radio
    wakes for `setup_s`, after it it stays awake for `tail_s`; `round_trip_s` is from the device to
    the first router and back. `air_time_limit` is the share of time it may send by regulation.
    `access_kwh_per_gb` is what a mobile network draws, `price_usd_per_gb` what it charges.

    >>> lte = Radios["lte"]
    >>> round(lte.transmit_w / lte.uplink_byte_per_s / 8 * 1e9)
    653
    """

    name: str
    label: str
    uplink_byte_per_s: float
    downlink_byte_per_s: float
    transmit_w: float
    receive_w: float
    setup_s: float
    setup_w: float
    tail_s: float
    tail_w: float
    round_trip_s: float
    access_kwh_per_gb: float
    price_usd_per_gb: float
    air_time_limit: float = 1.0
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("uplink_byte_per_s", "downlink_byte_per_s"):
            require_number(f"{field} of {self.name}", getattr(self, field), exclusive=True)
        for field in _NUMBERS:
            require_number(f"{field} of {self.name}", getattr(self, field))
        limit = f"air_time_limit of {self.name}"
        require_number(limit, self.air_time_limit, maximum=1.0, exclusive=True)


_MOBILE = 0.1
_MOBILE_DATA_PRICE = 2.0
_LTE_UP, _LTE_DOWN = 6.0, 13.0


def _mbit(per_second: float) -> float:
    return per_second * 1e6 / 8.0


Radios: Registry[Radio] = Registry(
    "radio",
    lambda: (
        Radio(
            name="bluetooth_le",
            label="Bluetooth Low Energy, 2 Mbit/s",
            uplink_byte_per_s=_mbit(1.3),
            downlink_byte_per_s=_mbit(1.3),
            transmit_w=4.8e-3 * 3.0,
            receive_w=4.6e-3 * 3.0,
            setup_s=0.0,
            setup_w=0.0,
            tail_s=0.0,
            tail_w=0.0,
            round_trip_s=0.03,
            access_kwh_per_gb=0.0,
            price_usd_per_gb=0.0,
            source="nordic-ble",
        ),
        Radio(
            name="wifi",
            label="Wi-Fi, 802.11n with one antenna",
            uplink_byte_per_s=_mbit(20.0),
            downlink_byte_per_s=_mbit(20.0),
            transmit_w=0.283 * 3.3,
            receive_w=0.088 * 3.3,
            setup_s=0.08,
            setup_w=0.29,
            tail_s=0.24,
            tail_w=0.12,
            round_trip_s=0.005,
            access_kwh_per_gb=0.0,
            price_usd_per_gb=0.0,
            source="espressif-wifi-power",
            field_sources=FrozenDict(
                uplink_byte_per_s="espressif-wifi-throughput",
                downlink_byte_per_s="espressif-wifi-throughput",
            ),
        ),
        Radio(
            name="lte",
            label="LTE",
            aliases=("4g",),
            uplink_byte_per_s=_mbit(_LTE_UP),
            downlink_byte_per_s=_mbit(_LTE_DOWN),
            transmit_w=1.288 + 0.4384 * _LTE_UP,
            receive_w=1.288 + 0.052 * _LTE_DOWN,
            setup_s=0.26,
            setup_w=1.211,
            tail_s=11.6,
            tail_w=1.06,
            round_trip_s=0.07,
            access_kwh_per_gb=_MOBILE,
            price_usd_per_gb=_MOBILE_DATA_PRICE,
            source="huang-2012-lte-power",
            field_sources=FrozenDict(
                uplink_byte_per_s="huang-2012-lte",
                downlink_byte_per_s="huang-2012-lte",
                access_kwh_per_gb="mobile-network-energy",
                price_usd_per_gb="mobile-data-price",
            ),
        ),
        Radio(
            name="5g",
            label="5G below 6 GHz",
            uplink_byte_per_s=_mbit(60.0),
            downlink_byte_per_s=_mbit(500.0),
            transmit_w=4.5,
            receive_w=3.5,
            setup_s=0.1,
            setup_w=1.5,
            tail_s=10.0,
            tail_w=1.5,
            round_trip_s=0.02,
            access_kwh_per_gb=_MOBILE,
            price_usd_per_gb=_MOBILE_DATA_PRICE,
            source="fifth-generation-estimate",
            field_sources=FrozenDict(
                access_kwh_per_gb="mobile-network-energy",
                price_usd_per_gb="mobile-data-price",
            ),
        ),
        Radio(
            name="lora",
            label="LoRa, spreading factor 7",
            uplink_byte_per_s=5470.0 / 8.0,
            downlink_byte_per_s=5470.0 / 8.0,
            transmit_w=0.029 * 3.3,
            receive_w=0.0108 * 3.3,
            setup_s=0.0,
            setup_w=0.0,
            tail_s=0.0,
            tail_w=0.0,
            round_trip_s=1.0,
            access_kwh_per_gb=0.0,
            price_usd_per_gb=0.0,
            air_time_limit=0.01,
            source="semtech-lora",
        ),
        Radio(
            name="ethernet",
            label="Cable, gigabit Ethernet",
            aliases=("wired",),
            uplink_byte_per_s=_mbit(1000.0),
            downlink_byte_per_s=_mbit(1000.0),
            transmit_w=0.5,
            receive_w=0.5,
            setup_s=0.0,
            setup_w=0.0,
            tail_s=0.0,
            tail_w=0.0,
            round_trip_s=0.0005,
            access_kwh_per_gb=0.0,
            price_usd_per_gb=0.0,
            source="ethernet-estimate",
        ),
    ),
)
