"""Model twins: workloads derived from architecture, operator by operator."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

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


def _load() -> Iterable[ModelSpec]:
    from mlsysim.models import language, networks

    yield from language.entries()
    yield from networks.entries()


Models: Registry[ModelSpec] = Registry("model", _load)
