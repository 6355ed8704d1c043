"""Derivations: where a number comes from, recorded by evaluating again with traced numbers."""

from mlsysim.derivation.explanation import Bibliography, Explanation
from mlsysim.derivation.recorder import TwinRecorder

__all__ = ["Bibliography", "Explanation", "TwinRecorder"]
