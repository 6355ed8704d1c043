"""Time on links: what a layout makes its devices send, and what stays exposed."""

from __future__ import annotations

from typing import Any

from mlsysim import formulas
from mlsysim.arrays import for_each
from mlsysim.engine.workload import Workload
from mlsysim.models import Transformer
from mlsysim.tracing import as_float

# Tensor parallelism sums activations once after attention and once after the feed-forward layer.
_SUMS_PER_LAYER = 2.0
# A mixture of experts sends tokens to their experts and their results back.
_TRIPS_TO_EXPERTS = 2.0


def links_in_inference(work: Workload) -> Any:
    """Return the time on links of one microbatch on its way through all stages."""
    layout = work.layout
    time: Any = 0.0
    if layout.tensor > 1:
        time = time + _all_reduce(work) * _SUMS_PER_LAYER * work.parts * _layers(work)
    if layout.expert > 1:
        time = time + _experts(work) * work.parts
    if layout.data > 1 and layout.sharding == "full":
        time = time + _gathered(work) * work.parts
    return for_each(time, work.batch_size)


def links_in_training(work: Workload, *, hidden_behind: Any) -> Any:
    """Return the exposed time on links of one optimizer step."""
    layout, runtime = work.layout, work.runtime
    exposed = runtime.exposed_communication_fraction
    time: Any = 0.0
    microbatch_slots = work.rounds + (layout.pipeline - 1.0) / layout.virtual_stages
    if layout.tensor > 1:
        directions = 3.0 if work.recomputation == "full" else 2.0
        sums_per_microbatch = (
            _all_reduce(work) * _SUMS_PER_LAYER * directions * _layers(work) / layout.pipeline
        )
        share = exposed if runtime.overlaps_tensor_parallel else 1.0
        time = time + sums_per_microbatch * share * microbatch_slots
    if layout.expert > 1:
        expert_trips = 2.0 * _experts(work) / layout.pipeline
        share = exposed if runtime.overlaps_experts else 1.0
        time = time + expert_trips * share * microbatch_slots
    if layout.data > 1:
        known = work.collective
        time = time + formulas.exposed_time(
            communication=_replicas(work) if known is None else known.seconds,
            hidden_behind=hidden_behind,
            exposed_fraction=exposed if known is None else known.exposed_fraction,
        )
    return for_each(time, work.batch_size)


def _layers(work: Workload) -> float:
    layers: float = as_float(work.model.layers) if isinstance(work.model, Transformer) else 0.0
    return layers


def _all_reduce(work: Workload) -> Any:
    """Return the time to sum the activations of one layer over its tensor-parallel group."""
    if work.collective is not None and not work.training:
        return work.collective.seconds
    devices = work.layout.tensor
    hidden = work.model.hidden if isinstance(work.model, Transformer) else 0
    return formulas.all_reduce_time(
        formulas.element_bytes(work.tokens * hidden * work.width, work.precision.activation_bytes),
        devices=as_float(devices),
        bandwidth=work.system.link_byte_per_s(devices),
        latency=work.runtime.collective_latency_s,
    )


def _experts(work: Workload) -> Any:
    """Return the time tokens of all layers take to their experts and back."""
    model, layout = work.model, work.layout
    mixture = model.mixture if isinstance(model, Transformer) else None
    if mixture is None or not isinstance(model, Transformer):
        return 0.0
    chosen = work.tokens * mixture.experts_per_token * model.hidden
    once = formulas.exchange_time(
        formulas.element_bytes(chosen, work.precision.activation_bytes),
        devices=as_float(layout.expert),
        bandwidth=_far_link(work, layout.expert),
    )
    return once * _TRIPS_TO_EXPERTS * (model.layers - mixture.dense_layers)


def _far_link(work: Workload, group: int) -> float:
    """Return the bandwidth of a device that talks to all of a group: across nodes, its network."""
    system = work.system
    link = system.link_byte_per_s(min(group, system.devices_per_node))
    network = system.scale_out_byte_per_s_per_direction
    if group <= system.devices_per_node or network is None:
        return link
    return min(link, network * work.architecture.link_fraction)


def _replicas(work: Workload) -> Any:
    """Return the time data-parallel replicas take to share gradients, and weights if sharded."""
    layout = work.layout
    message = formulas.parameter_bytes(
        work.model.parameters / (layout.tensor * layout.pipeline), work.precision.activation_bytes
    )
    once = formulas.exchange_time(
        message,
        devices=as_float(layout.data),
        bandwidth=work.system.link_byte_per_s(layout.data, layout.tensor * layout.context),
    )
    # Summing is one exchange to reduce and one to gather; with sharded weights, each microbatch
    # gathers them for the forward and the backward pass.
    return once * (3.0 * work.rounds if layout.sharding == "full" else 2.0)


def _gathered(work: Workload) -> Any:
    """Return the time to fetch the sharded weights that one pass reads."""
    layout = work.layout
    read = work.total(work.parameters_read * work.columns.count)
    return formulas.exchange_time(
        formulas.parameter_bytes(read, work.precision.bytes_per_value),
        devices=as_float(layout.data),
        bandwidth=work.system.link_byte_per_s(layout.data, layout.tensor * layout.context),
    )
