"""The universal scorecard: four groups of metrics, the verdicts, and what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.ledger import rendering
from mlsysim.ledger.metrics import Group, Metric, Note, Verdict

if TYPE_CHECKING:
    from mlsysim.derivation import Bibliography, Explanation
    from mlsysim.ledger.comparison import Comparison

SCHEMA_VERSION = "1.1"


class Performance(Group):
    """How fast the workload runs on the system, where the time goes, and what it occupies."""

    latency = Metric(
        "second", "Latency", "Time of one execution: one batch, token or step.", "lower"
    )
    throughput = Metric(
        "sample/second", "Throughput", "Units of work finished per second.", "higher"
    )
    compute_time = Metric(
        "second", "Arithmetic", "Time in operators that arithmetic limits.", "lower"
    )
    memory_time = Metric(
        "second", "Memory", "Time in operators that memory traffic limits.", "lower"
    )
    communication_time = Metric("second", "Communication", "Exposed time on links.", "lower")
    bubble_time = Metric("second", "Pipeline bubble", "Devices waiting for their stage.", "lower")
    overhead_time = Metric("second", "Overhead", "Launching and dispatching operators.", "lower")
    model_flops_utilization = Metric(
        "dimensionless",
        "Model FLOPs utilization",
        "Useful FLOP/s over dense peak FLOP/s.",
        "higher",
    )
    arithmetic_intensity = Metric(
        "flop/byte", "Arithmetic intensity", "FLOP per byte moved from memory."
    )
    ridge_point = Metric("flop/byte", "Ridge point", "Intensity at which both limits are equal.")
    achieved_flop_rate = Metric("flop/second", "Achieved compute", "FLOP/s per device.", "higher")
    peak_flop_rate = Metric("flop/second", "Peak compute", "Dense peak FLOP/s per device.")
    memory_bandwidth = Metric("byte/second", "Memory bandwidth", "Peak bytes/s per device.")
    power = Metric("watt", "Power", "Mean IT power of the system while it runs.", "lower")
    energy = Metric("joule", "Energy per execution", "IT energy of one execution.", "lower")
    energy_per_sample = Metric(
        "joule/sample",
        "Energy per unit of work",
        "IT energy per unit of work.",
        "lower",
    )
    memory_used = Metric("byte", "Memory used", "Bytes needed on each device.", "lower")
    memory_capacity = Metric("byte", "Memory capacity", "Bytes there are on each device.")
    weight_memory = Metric("byte", "Weights", "Bytes of weights on each device.", "lower")
    activation_memory = Metric("byte", "Activations", "Bytes of live activations.", "lower")
    cache_memory = Metric("byte", "Key-value cache", "Bytes of cached keys and values.", "lower")
    state_memory = Metric("byte", "Training state", "Gradients and optimizer state.", "lower")
    flash_used = Metric("byte", "Flash used", "Bytes of weights kept in flash.", "lower")
    flash_capacity = Metric("byte", "Flash capacity", "Bytes of flash there are.")
    inference_time = Metric(
        "second", "Model", "Time the model takes at the place where it runs.", "lower"
    )
    propagation_time = Metric(
        "second", "Propagation", "Light on its way there and back, and the first router.", "lower"
    )
    transfer_time = Metric(
        "second", "Transfer", "Waking the link, sending the input, receiving the output.", "lower"
    )
    link_load = Metric(
        "dimensionless", "Link load", "Air time that the traffic needs over what there is.", "lower"
    )
    link_energy = Metric(
        "joule", "Energy of the link", "What the device spends on one transfer.", "lower"
    )
    temperature = Metric(
        "degree_Celsius", "Temperature", "Of the device in its enclosure, when steady.", "lower"
    )
    clock_fraction = Metric(
        "dimensionless", "Clock", "Share of the full clock that heat allows.", "higher"
    )
    message_size = Metric("byte", "Message", "Bytes that one collective sums.")
    collective_time = Metric(
        "second", "Collectives", "All sums of one execution, hidden or not.", "lower"
    )
    algorithm_bandwidth = Metric(
        "byte/second", "Algorithm bandwidth", "Bytes summed over the time it takes.", "higher"
    )
    bus_bandwidth = Metric(
        "byte/second", "Bus bandwidth", "Bandwidth of links that the sums amount to.", "higher"
    )
    bisection_bandwidth = Metric(
        "byte/second", "Bisection", "What one half of the cluster can send the other.", "higher"
    )
    core_load = Metric(
        "dimensionless", "Core load", "Traffic beyond leaf or neighbour over capacity.", "lower"
    )
    ring_tree_crossover = Metric(
        "byte", "Ring beats tree", "Message above which a ring is faster than a tree."
    )
    exposed_fraction = Metric(
        "dimensionless", "Exposed share", "Share of an execution spent waiting for links.", "lower"
    )
    scaling_efficiency = Metric(
        "dimensionless", "Scaling", "Speed over that of a network without delay.", "higher"
    )
    group_devices = Metric("device", "Cluster", "Devices that the fabric has to join.")
    summing_switches = Metric(
        "dimensionless", "Sums possible", "Whether all that is asked to sum can: 1 or 0.", "higher"
    )
    input_demand = Metric(
        "byte/second", "Input wanted", "What the accelerators would read at full speed."
    )
    input_supply = Metric(
        "byte/second", "Input supplied", "What storage, link and decoding can deliver.", "higher"
    )
    storage_supply = Metric(
        "byte/second", "Storage supplies", "What storage and cache deliver alone.", "higher"
    )
    link_supply = Metric(
        "byte/second", "Link supplies", "What the link and a cache deliver alone.", "higher"
    )
    decoding_supply = Metric(
        "byte/second", "Workers supply", "What the loader workers decode alone.", "higher"
    )
    starved_fraction = Metric(
        "dimensionless", "Starved", "Share of time the accelerators wait for data.", "lower"
    )
    dataset_transfer_time = Metric(
        "second", "Dataset on its way", "Until all data is where it is used.", "lower"
    )
    data_age = Metric("second", "Age of data", "Mean age of the newest data in use.", "lower")
    stored_bytes = Metric("byte", "Stored", "Data set, and all that is kept beside it.", "lower")
    binding_limit = Note("Binding limit", "What the execution spends most of its time on.")
    unit_of_work = Note("Unit of work", "What one sample is: an inference, a token, a sequence.")
    accuracy = Note("Accuracy", "What such predictions were held against, and how far they were.")
    precision = Note("Precision", "Format of the weights.")
    hardware = Note("Hardware", "The device the system is built of.")
    time_to_first_token = Metric(
        "second", "First token", "Mean time from request to first token, waiting included.", "lower"
    )
    time_to_first_token_p99 = Metric(
        "second",
        "First token, 99 %",
        "Time to first token that 99 % of requests do not exceed.",
        "lower",
    )
    waiting_time = Metric(
        "second", "Waiting", "Mean wait for a slot in a peak of one hour.", "lower"
    )
    waiting_time_p99 = Metric(
        "second", "Waiting, 99 %", "Wait for a slot that 99 % of requests do not exceed.", "lower"
    )
    request_latency = Metric(
        "second", "Whole answer", "Mean time from request to last token.", "lower"
    )
    request_latency_p99 = Metric(
        "second",
        "Whole answer, 99 %",
        "Time to last token that 99 % of requests do not exceed.",
        "lower",
    )
    offered_load = Metric(
        "dimensionless", "Load", "Requests that arrive over those that can be answered.", "lower"
    )
    served_rate = Metric(
        "sample/second",
        "Requests answered",
        "Requests answered per second, all replicas.",
        "higher",
    )
    request_capacity = Metric(
        "sample/second",
        "Request capacity",
        "Requests all replicas can answer per second.",
        "higher",
    )
    sequences_in_flight = Metric(
        "sample", "Sequences in flight", "Mean requests in the batch of one replica."
    )
    sequences_that_fit = Metric(
        "sample", "Sequences that fit", "Requests whose cache one replica has room for.", "higher"
    )
    tensor_degree = Metric(
        "dimensionless", "Tensor degree", "Devices that divide every operator among themselves."
    )
    training_time = Metric(
        "second", "Time to train", "Time of the whole training run, failures included.", "lower"
    )
    training_steps = Metric("dimensionless", "Steps", "Optimizer steps of the run.", "lower")
    training_compute = Metric(
        "flop", "Training compute", "The model's own arithmetic in the whole run.", "lower"
    )
    training_loss = Metric(
        "dimensionless", "Loss reached", "Nats per token, by a published scaling law.", "lower"
    )
    tokens_per_parameter = Metric(
        "dimensionless", "Tokens per parameter", "Tokens trained on over trained weights."
    )
    batch_tokens = Metric("token", "Batch in tokens", "Tokens of one optimizer step.")
    critical_batch_tokens = Metric(
        "token",
        "Critical batch",
        "Tokens in a batch beyond which more of them save few steps.",
    )
    replica_batch = Metric(
        "sample", "Batch of a replica", "Sequences or samples of one replica in one step."
    )
    bubble_fraction = Metric(
        "dimensionless", "Bubble", "Share of the step spent waiting for a stage.", "lower"
    )
    parallel_efficiency = Metric(
        "dimensionless",
        "Parallel efficiency",
        "Share of the step not spent on links or waiting for a stage.",
        "higher",
    )
    pipeline_chunks = Metric(
        "dimensionless", "Pipeline chunks", "Pieces that the layers are cut into."
    )
    file_size = Metric("byte", "Model file", "Bytes of the file to ship and to load.", "lower")
    compression_ratio = Metric(
        "dimensionless",
        "Times smaller",
        "File of the model as it was trained, over the file now.",
        "higher",
    )
    speedup = Metric(
        "dimensionless",
        "Times faster",
        "Latency of the model as it was trained, over the latency now.",
        "higher",
    )
    pruning_speedup = Metric(
        "dimensionless",
        "Times faster by pruning",
        "Latency in the same format before pruning, over the latency now.",
        "higher",
    )
    weight_sparsity = Metric("dimensionless", "Sparsity", "Share of pruned weights removed.")
    quality_kept = Metric(
        "dimensionless",
        "Quality kept",
        "Quality over that of the model as it was trained, by published measurements.",
        "higher",
    )
    multiply_add_energy = Metric(
        "joule", "Energy of a multiply-add", "One operation of the format in 45 nm.", "lower"
    )
    quality_basis = Note("Quality measured on", "Networks that the quality kept was measured on.")
    compression_effect = Note("Effect", "What compression brought, in words.")


class Sustainability(Group):
    """Energy, carbon and water of the deployment over its duration."""

    energy = Metric("joule", "Energy", "Facility energy over the duration.", "lower")
    it_energy = Metric("joule", "IT energy", "Energy of the devices alone.", "lower")
    average_power = Metric("watt", "Average power", "Facility power averaged over time.", "lower")
    device_power = Metric("watt", "Power of one unit", "IT power of one unit over time.", "lower")
    carbon = Metric("kilogram_CO2e", "Carbon", "Operational and embodied emissions.", "lower")
    operational_carbon = Metric(
        "kilogram_CO2e",
        "Operational carbon",
        "Emissions of the electricity used.",
        "lower",
    )
    embodied_carbon = Metric(
        "kilogram_CO2e", "Embodied carbon", "Share of manufacturing emissions.", "lower"
    )
    water = Metric("litre", "Water", "On-site cooling water and water of the grid.", "lower")
    on_site_water = Metric("litre", "Cooling water", "Evaporated at the facility.", "lower")
    grid_water = Metric("litre", "Grid water", "Used to generate the electricity.", "lower")
    battery_life = Metric("second", "Battery life", "Time one charge lasts.", "higher")
    region = Note("Region", "Where the electricity comes from.")
    carbon_basis = Note("Carbon basis", "What the grid's carbon intensity counts.")


class Economics(Group):
    """What the deployment costs over its duration."""

    tco = Metric("USD", "Total cost", "Capital and running cost over the duration.", "lower")
    capital_cost = Metric(
        "USD", "Capital cost", "Devices bought, written off over their life.", "lower"
    )
    running_cost = Metric("USD", "Running cost", "Electricity over the duration.", "lower")
    cost_per_sample = Metric(
        "USD/sample", "Cost per unit of work", "Total cost over work done.", "lower"
    )
    transfer_cost = Metric("USD", "Transfer cost", "What networks charge for traffic.", "lower")
    storage_cost = Metric("USD", "Storage cost", "What keeping the data costs.", "lower")
    cost_per_million_output_tokens = Metric(
        "USD", "Cost per million tokens", "Total cost over a million tokens answered.", "lower"
    )


class Reliability(Group):
    """What fails, how often, and what it costs in work."""

    devices = Metric("device", "Devices", "Devices in the deployment.")
    mean_time_between_failures = Metric(
        "second",
        "Time between failures",
        "Mean time between failures anywhere.",
        "higher",
    )
    expected_failures = Metric("failure", "Failures", "Failures expected in the duration.", "lower")
    availability = Metric(
        "dimensionless", "Availability", "Share of time or units in service.", "higher"
    )
    goodput = Metric(
        "dimensionless",
        "Goodput",
        "Share of time spent on work that is kept.",
        "higher",
    )
    checkpoint_interval = Metric("second", "Checkpoint interval", "Work between two checkpoints.")
    optimal_checkpoint_interval = Metric(
        "second", "Best interval", "Interval at which goodput is highest (exact)."
    )
    young_checkpoint_interval = Metric("second", "Young", "First-order optimum of Young (1974).")
    daly_checkpoint_interval = Metric("second", "Daly", "Higher-order optimum of Daly (2006).")
    spares = Metric("device", "Spare nodes", "Nodes held ready to replace failed ones.")
    checkpoint_size = Metric("byte", "Checkpoint", "Weights and optimizer state to save.", "lower")
    checkpoint_time = Metric("second", "Time to save", "The job stands still so long.", "lower")


GROUPS: Mapping[str, type[Group]] = {
    "performance": Performance,
    "sustainability": Sustainability,
    "economics": Economics,
    "reliability": Reliability,
}


@dataclass(frozen=True, eq=True)
class SystemLedger:
    """What one choice leads to: four groups of metrics, the verdicts and the context.

    Results are quantities (`ledger.performance.latency`), or plain numbers where the name says
    the unit (`ledger.sustainability.carbon_kg`). A metric that does not apply is None.

    >>> ledger = SystemLedger(performance=Performance(latency=0.084))
    >>> print(ledger.performance.latency.to("ms"), ledger.performance.latency_ms)
    84.0 ms 84.0
    """

    performance: Performance = field(default_factory=Performance)
    sustainability: Sustainability = field(default_factory=Sustainability)
    economics: Economics = field(default_factory=Economics)
    reliability: Reliability = field(default_factory=Reliability)
    verdicts: tuple[Verdict, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict, hash=False)

    groups: ClassVar[Mapping[str, type[Group]]] = GROUPS
    # How to evaluate again with traced numbers: what a simulation leaves with its ledgers.
    _record: ClassVar[Callable[..., SystemLedger] | None] = None

    def __post_init__(self) -> None:
        for name, group in GROUPS.items():
            if not isinstance(getattr(self, name), group):
                raise InvalidInput(name, getattr(self, name), f"a {group.__name__}(…)")
        object.__setattr__(self, "verdicts", tuple(self.verdicts))
        for verdict in self.verdicts:
            if not isinstance(verdict, Verdict):
                raise InvalidInput("verdicts", verdict, "Verdict(…) records")

    @property
    def feasible(self) -> bool:
        """Whether every constraint holds."""
        return all(np.all(verdict.holds) for verdict in self.verdicts)

    @property
    def violations(self) -> tuple[Verdict, ...]:
        """The constraints that do not hold, worst first."""
        broken = (verdict for verdict in self.verdicts if not np.all(verdict.holds))
        return tuple(sorted(broken, key=lambda verdict: float(np.min(verdict.margin))))

    @property
    def tightest(self) -> Verdict | None:
        """The constraint with least room, as a share of its limit: the weakest point."""
        return min(self.verdicts, key=lambda verdict: float(np.min(verdict.margin)), default=None)

    def si(self, path: str) -> Any:
        """Return the plain SI number at a path such as "performance.latency"."""
        group, metric = self._locate(path)
        return getattr(self, group).si(metric)

    @staticmethod
    def metric(path: str) -> Metric:
        """Return the declaration (unit, label, description) of the metric at a path."""
        group, metric = SystemLedger._locate(path)
        return GROUPS[group].metrics[metric]

    @staticmethod
    @cache
    def _locate(path: str) -> tuple[str, str]:
        group, _, metric = path.partition(".")
        if group not in GROUPS or metric not in GROUPS[group].metrics:
            raise UnknownName("metric", path, metric_paths())
        return group, metric

    def explain(self, path: str) -> Explanation:
        """Return how a number came about: laws, numbers put in, and the source of each.

        `path` is "group.metric", with a unit where one is wanted: "sustainability.carbon_kg".
        Raises `UnknownName` for a metric there is not, `InvalidInput` for notes in words, for
        metrics that do not apply, and for ledgers that no simulation made.

        >>> from mlsysim import ResourceSimulation
        >>> carbon = ResourceSimulation("Doorbell").evaluate({}).explain("sustainability.carbon_kg")
        >>> print(carbon.text(depth=1).splitlines()[1])
          = Operational carbon + Embodied carbon
        """
        from mlsysim.ledger import explaining

        return explaining.explain(self, path)

    def sources(self) -> Bibliography:
        """Return all sources that the numbers of the ledger rest on.

        >>> from mlsysim import ResourceSimulation
        >>> "green-grid-2012-pue" in ResourceSimulation("Doorbell").evaluate({}).sources()
        True
        """
        from mlsysim.ledger import explaining

        return explaining.sources(self)

    def __getstate__(self) -> dict[str, Any]:
        known = vars(self).items()
        return {name: value for name, value in known if name not in ("_record", "_derivation")}

    def compare(self, other: SystemLedger) -> Comparison:
        """Hold another ledger against this one, metric by metric."""
        from mlsysim.ledger.comparison import Comparison

        return Comparison(self, other)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, numbers and strings, as in the published schema."""
        return {
            "schema_version": SCHEMA_VERSION,
            "context": _plain(dict(self.context)),
            **{name: _group_to_dict(getattr(self, name)) for name in GROUPS},
            "verdicts": [
                _plain({**asdict(v), "holds": v.holds, "margin": v.margin}) for v in self.verdicts
            ],
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return the ledger as JSON text that `SystemLedger.json_schema()` describes."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> SystemLedger:
        """Rebuild a ledger from what `to_dict` returned."""
        if record.get("schema_version") != SCHEMA_VERSION:
            raise InvalidInput("schema_version", record.get("schema_version"), SCHEMA_VERSION)
        groups = {name: _group_of(group, record[name]) for name, group in GROUPS.items()}
        inputs = [
            {key: _array(value) for key, value in verdict.items() if key not in ("holds", "margin")}
            for verdict in record["verdicts"]
        ]
        return cls(
            **groups,  # type: ignore[arg-type]  # each name carries its own group type
            verdicts=tuple(Verdict(**verdict) for verdict in inputs),
            context=record["context"],
        )

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of `to_dict`, made from the declared metrics."""
        from mlsysim.ledger.schema import ledger_schema

        return ledger_schema(GROUPS, SCHEMA_VERSION)

    def to_table(self) -> str:
        """Return the ledger as aligned plain text, the same for the same ledger."""
        return rendering.table(self)

    def __str__(self) -> str:
        return self.to_table()

    def _repr_html_(self) -> str:
        return rendering.html(self)


def metric_paths() -> list[str]:
    """List every "group.metric" path a ledger can be asked for."""
    return [f"{name}.{metric}" for name, group in GROUPS.items() for metric in group.metrics]


def _group_to_dict(group: Group) -> dict[str, Any]:
    return {
        name: {
            "value": _plain(group.si(name)),
            "unit": metric.unit or None,
            "interval": _plain(group.si_interval(name)),
        }
        for name, metric in group.metrics.items()
    }


def _group_of(group: type[Group], entries: Mapping[str, Any]) -> Group:
    values = {name: _array(entry["value"]) for name, entry in entries.items()}
    intervals = {
        name: tuple(map(_array, entry["interval"]))
        for name, entry in entries.items()
        if entry["interval"] is not None
    }
    return group(**values).within(**intervals)


def _array(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
