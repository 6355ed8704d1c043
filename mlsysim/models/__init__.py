"""Model twins: workloads derived from architecture, operator by operator."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from mlsysim.models.operators import KINDS, ModelSpec, Operator, OperatorColumns, OperatorTable
from mlsysim.registry import Registry

if TYPE_CHECKING:
    from mlsysim.models.graph import Graph, Network, Tensor
    from mlsysim.models.layers import LatentAttention, MixtureOfExperts
    from mlsysim.models.sequence_to_sequence import EncoderDecoder
    from mlsysim.models.transformers import Decoder, Encoder, Transformer

_HOME_OF = {
    "Decoder": "transformers",
    "Encoder": "transformers",
    "EncoderDecoder": "sequence_to_sequence",
    "Graph": "graph",
    "LatentAttention": "layers",
    "MixtureOfExperts": "layers",
    "Network": "graph",
    "Tensor": "graph",
    "Transformer": "transformers",
}

__all__ = [
    "KINDS",
    "Decoder",
    "Encoder",
    "EncoderDecoder",
    "Graph",
    "LatentAttention",
    "MixtureOfExperts",
    "ModelSpec",
    "Models",
    "Network",
    "Operator",
    "OperatorColumns",
    "OperatorTable",
    "Tensor",
    "Transformer",
]


def __getattr__(name: str) -> Any:
    """Import a kind of model when it is first used, so that importing the package stays cheap."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mlsysim.models.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _table(name: str) -> Iterable[ModelSpec]:
    return cast("Iterable[ModelSpec]", importlib.import_module(f"mlsysim.models.{name}").entries())


# The small ones first: who asks for one of them need not read of language models.
Models: Registry[ModelSpec] = Registry(
    "model", *(partial(_table, name) for name in ("tiny_networks", "networks", "language"))
)
