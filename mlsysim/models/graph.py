"""Networks of fixed size: an architecture draws itself once, the graph notes its operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlsysim.models.operators import (
    ModelSpec,
    Operator,
    OperatorColumns,
    OperatorTable,
    merge_identical,
    require_whole,
)

Pair = int | tuple[int, int]
_SCALE_AND_SHIFT = 2


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An activation for one sample; a `view` occupies no memory of its own.

    >>> Tensor(56, 56, 64).elements
    200704
    """

    height: int
    width: int
    channels: int
    view: Tensor | None = None

    @property
    def elements(self) -> int:
        """Number of values."""
        return self.height * self.width * self.channels

    @property
    def owner(self) -> Tensor:
        """The tensor whose memory this one occupies."""
        return self.view.owner if self.view else self


class Graph:
    """Notes the operators of a network and which activations are alive while each one runs.

    For inference, batch normalization and activation functions are folded into the convolution
    before them; in training each is an operator that moves its activations once more.
    `per_channel` is the number of trained values for each output channel besides the kernel:
    0 for none, 1 for a bias, 2 for the scale and shift of a batch normalization.

    >>> graph = Graph()
    >>> image = graph.input(224, 224, 3)
    >>> graph.convolution(image, 64, 7, stride=2).elements
    802816
    >>> graph.operators[0].flops
    236027904.0
    """

    def __init__(self, *, training: bool = False):
        self.training = training
        self.operators: list[Operator] = []
        self._steps: list[tuple[tuple[Tensor, ...], Tensor]] = []

    def input(self, height: int, width: int, channels: int) -> Tensor:
        """Return an input of the network."""
        return Tensor(height, width, channels)

    def convolution(
        self,
        x: Tensor,
        channels: int,
        kernel: Pair,
        *,
        stride: int = 1,
        padding: int | str = "same",
        dilation: int = 1,
        groups: int = 1,
        per_channel: int = 2,
        activated: bool = True,
    ) -> Tensor:
        """Convolve; flops = 2 · outputs · kernel height · kernel width · channels / groups."""
        height, width = _pair(kernel)
        out = Tensor(
            _size(x.height, height, stride, padding, dilation),
            _size(x.width, width, stride, padding, dilation),
            channels,
        )
        weights = height * width * x.channels // groups * channels
        depthwise = groups > 1 and groups == x.channels
        kind = "depthwise_convolution" if depthwise else "convolution"
        macs = out.height * out.width * weights
        folded = self.training and per_channel == _SCALE_AND_SHIFT
        biases = 0 if folded else per_channel * channels
        self.note(kind, (x,), out, flops=2.0 * macs, parameters=float(weights + biases))
        if folded:
            out = self.normalize(out)
        return self.activate(out) if self.training and activated else out

    def depthwise(self, x: Tensor, kernel: Pair, **options: Any) -> Tensor:
        """Convolve each channel with a kernel of its own."""
        return self.convolution(x, x.channels, kernel, groups=x.channels, **options)

    def linear(
        self, x: Tensor, outputs: int, *, bias: bool = True, activated: bool = False
    ) -> Tensor:
        """Multiply all values of a tensor, flattened, by one matrix."""
        weights = x.elements * outputs
        out = Tensor(1, 1, outputs)
        parameters = float(weights + (outputs if bias else 0))
        self.note("linear", (x,), out, flops=2.0 * weights, parameters=parameters)
        return self.activate(out) if self.training and activated else out

    def tokenwise(self, x: Tensor, outputs: int, *, bias: bool = True) -> Tensor:
        """Multiply the channels of each position by one matrix."""
        out = Tensor(x.height, x.width, outputs)
        weights = x.channels * outputs
        parameters = float(weights + (outputs if bias else 0))
        flops = 2.0 * x.height * x.width * weights
        self.note("linear", (x,), out, flops=flops, parameters=parameters)
        return out

    def attention(self, query: Tensor, key: Tensor, value: Tensor, *, heads: int) -> Tensor:
        """Attend from every position of `query` to every position of `key`, in each head.

        flops = 2 · queries · keys · (key channels + value channels)
        """
        pairs = query.height * query.width * key.height * key.width
        out = Tensor(query.height, query.width, value.channels)
        flops = 2.0 * pairs * (key.channels + value.channels)
        self.note("attention", (query, key, value), out, flops=flops, scores=float(heads * pairs))
        return out

    def pool(
        self, x: Tensor, kernel: int, stride: int, *, padding: int | str = "valid", up: bool = False
    ) -> Tensor:
        """Pool over windows; `up` rounds the size up, so that the last window may overhang."""
        overhang = stride - 1 if up else 0
        out = Tensor(
            _size(x.height + overhang, kernel, stride, padding, 1),
            _size(x.width + overhang, kernel, stride, padding, 1),
            x.channels,
        )
        self.note("pooling", (x,), out)
        return out

    def global_pool(self, x: Tensor) -> Tensor:
        """Average over all positions."""
        out = Tensor(1, 1, x.channels)
        self.note("pooling", (x,), out)
        return out

    def normalize(self, x: Tensor, *, per_channel: int = 2) -> Tensor:
        """Normalize, with trained values for each channel."""
        out = Tensor(x.height, x.width, x.channels)
        self.note("normalization", (x,), out, parameters=float(per_channel * x.channels))
        return out

    def activate(self, x: Tensor, channels: int | None = None, parameters: int = 0) -> Tensor:
        """Apply a function to each value; a gated one has fewer `channels` than its input."""
        out = Tensor(x.height, x.width, x.channels if channels is None else channels)
        self.note("elementwise", (x,), out, parameters=float(parameters))
        return out

    def add(self, *terms: Tensor) -> Tensor:
        """Add tensors of one shape."""
        out = Tensor(terms[0].height, terms[0].width, terms[0].channels)
        self.note("movement", terms, out)
        return out

    def scale(self, x: Tensor, gate: Tensor) -> Tensor:
        """Multiply each channel by one value of a gate."""
        out = Tensor(x.height, x.width, x.channels)
        self.note("elementwise", (x, gate), out)
        return out

    def concatenate(self, *parts: Tensor) -> Tensor:
        """Copy tensors next to each other along their channels."""
        channels = sum(part.channels for part in parts)
        out = Tensor(parts[0].height, parts[0].width, channels)
        self.note("movement", parts, out)
        return out

    def upsample(self, x: Tensor, factor: int = 2) -> Tensor:
        """Repeat each position."""
        out = Tensor(x.height * factor, x.width * factor, x.channels)
        self.note("movement", (x,), out)
        return out

    def pad(self, x: Tensor, rows: int = 0, channels: int = 0) -> Tensor:
        """Copy with zeros added: so many rows and columns, and channels, in all."""
        if not rows and not channels:
            return x
        out = Tensor(x.height + rows, x.width + rows, x.channels + channels)
        self.note("movement", (x,), out)
        return out

    def slice(self, x: Tensor, channels: int) -> Tensor:
        """Return a view of some of the channels."""
        return Tensor(x.height, x.width, channels, view=x)

    def note(
        self,
        kind: str,
        inputs: tuple[Tensor, ...],
        out: Tensor,
        *,
        flops: float = 0.0,
        parameters: float = 0.0,
        scores: float = 0.0,
        name: str = "",
        experts: int = 0,
    ) -> None:
        """Note one operator, named by its kind and place unless it has a name."""
        self.operators.append(
            Operator(
                name or f"{len(self.operators) + 1:03d}.{kind}",
                kind,
                flops,
                parameters,
                input_elements=float(sum(x.elements for x in inputs)),
                output_elements=float(out.elements),
                scores=scores,
                unmasked_scores=scores,
                experts=experts,
                experts_per_token=1 if experts else 0,
            )
        )
        self._steps.append((tuple(x.owner for x in inputs), out.owner))

    def peak_elements(self) -> int:
        """Return the most activation values alive at once.

        While an operator runs, its inputs, its output, and every earlier result that a later
        operator still reads (a residual kept alive) are in memory; the input of the network is
        freed after its last use.
        """
        last_use = {x: step for step, (inputs, _) in enumerate(self._steps) for x in inputs}
        alive: set[Tensor] = set()
        peak = 0
        for step, (inputs, out) in enumerate(self._steps):
            alive |= {*inputs, out}
            peak = max(peak, sum(x.elements for x in alive))
            alive = {x for x in alive if last_use.get(x, -1) > step}
        return peak


@dataclass(frozen=True, kw_only=True)
class Network(ModelSpec):
    """A network whose input has one size: `architecture` draws it on a graph.

    >>> def classifier(graph: Graph, image: Tensor) -> None:
    ...     graph.linear(graph.global_pool(graph.convolution(image, 8, 3)), 10)
    >>> tiny = Network(
    ...     name="tiny", family="example", task="image classification", year=2020,
    ...     default_precision="int8", source="project-estimate",
    ...     input_shape=(32, 32, 3), architecture=classifier)
    >>> tiny.parameters, tiny.peak_activation_elements("inference")
    (322.0, 11264.0)
    """

    input_shape: tuple[int, int, int]
    architecture: Callable[[Graph, Tensor], object]

    def __post_init__(self) -> None:
        for size in self.input_shape:
            require_whole(f"input_shape of {self.name}", size)

    def _derive(self, phase: str) -> OperatorTable:
        operators = merge_identical(self._graphs[phase].operators)
        return OperatorTable(lambda _: operators)

    @cached_property
    def _graphs(self) -> dict[str, Graph]:
        graphs = {phase: Graph(training=phase == "training") for phase in self.phases}
        for graph in graphs.values():
            self.architecture(graph, graph.input(*self.input_shape))
        return graphs

    @cached_property
    def _peaks(self) -> dict[str, float]:
        return {phase: float(graph.peak_elements()) for phase, graph in self._graphs.items()}

    def trace_into(self, twin: Any, make: Callable[[str, Any], Any]) -> None:
        """Let a traced copy take what was drawn from here, instead of drawing anew."""
        super().trace_into(twin, make)
        vars(twin)["_peaks"] = {
            phase: make(f"peak_activation_elements.{phase}", peak)
            for phase, peak in self._peaks.items()
        }

    def peak_activation_elements(
        self,
        phase: str,
        length: Any = None,  # noqa: ARG002 - any length is one
        columns: OperatorColumns | None = None,  # noqa: ARG002 - the graph tells
    ) -> Any:
        """Return the most activation values alive at once, for one sample."""
        self.require_phase(phase)
        return self._peaks[phase]


def _pair(value: Pair) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _size(size: int, kernel: int, stride: int, padding: int | str, dilation: int) -> int:
    if padding == "same":
        return -(-size // stride)
    margin = 0 if padding == "valid" else int(padding)
    return (size + 2 * margin - dilation * (kernel - 1) - 1) // stride + 1
