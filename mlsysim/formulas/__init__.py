"""The iron laws: each written once, for floats, arrays and quantities alike."""

from mlsysim.formulas.communication import (
    pipeline_bubble_fraction,
    ring_all_reduce_time,
)
from mlsysim.formulas.compute import (
    arithmetic_intensity,
    attainable_rate,
    compute_time,
    expected_active_experts,
    memory_time,
    model_flops_utilization,
    ridge_point,
    roofline_time,
    throughput,
)
from mlsysim.formulas.economics import (
    capital_cost,
    cost_per_sample,
    energy_cost,
    total_cost_of_ownership,
)
from mlsysim.formulas.law import Law, Laws, law
from mlsysim.formulas.memory import (
    element_bytes,
    parameter_bytes,
)
from mlsysim.formulas.reliability import (
    availability,
    checkpointed_goodput,
    daly_checkpoint_interval,
    expected_failures,
    optimal_checkpoint_interval,
    series_failure_interval,
    spare_shortage_probability,
    young_checkpoint_interval,
)
from mlsysim.formulas.sustainability import (
    battery_life,
    embodied_carbon,
    energy,
    energy_per_sample,
    facility_energy,
    grid_water,
    on_site_water,
    operational_carbon,
    power_at_load,
)

__all__ = [
    "Law",
    "Laws",
    "arithmetic_intensity",
    "attainable_rate",
    "availability",
    "battery_life",
    "capital_cost",
    "checkpointed_goodput",
    "compute_time",
    "cost_per_sample",
    "daly_checkpoint_interval",
    "element_bytes",
    "embodied_carbon",
    "energy",
    "energy_cost",
    "energy_per_sample",
    "expected_active_experts",
    "expected_failures",
    "facility_energy",
    "grid_water",
    "law",
    "memory_time",
    "model_flops_utilization",
    "on_site_water",
    "operational_carbon",
    "optimal_checkpoint_interval",
    "parameter_bytes",
    "pipeline_bubble_fraction",
    "power_at_load",
    "ridge_point",
    "ring_all_reduce_time",
    "roofline_time",
    "series_failure_interval",
    "spare_shortage_probability",
    "throughput",
    "total_cost_of_ownership",
    "young_checkpoint_interval",
]
