"""What a training run takes: steps, loss, the largest useful batch, and time with failures."""

from __future__ import annotations

from mlsysim.formulas.law import law
from mlsysim.units import Count, Flop, Fraction, Seconds

_IRREDUCIBLE_LOSS = 1.69
_PARAMETER_SCALE, _PARAMETER_EXPONENT = 406.4, 0.34
_TOKEN_SCALE, _TOKEN_EXPONENT = 410.7, 0.28

_CRITICAL_BATCH_SCALE, _CRITICAL_BATCH_EXPONENT = 2e8, 0.21


@law("hoffmann-2022-chinchilla")
def pretraining_loss(*, parameters: Count, tokens: Count) -> Count:
    """Return the loss in nats per token that a dense decoder reaches on text it sees once.

    L = 1.69 + 406.4 / N^0.34 + 410.7 / D^0.28

    Fitted from 70 million to 16 billion parameters and 5 to 500 billion tokens of one text: beyond,
    an extrapolation. A later fit of the same runs (Besiroglu et al., 2024) differs by 0.1 nats.

    >>> round(pretraining_loss(parameters=70e9, tokens=1.4e12), 2)
    1.94
    """
    of_size = _PARAMETER_SCALE / parameters**_PARAMETER_EXPONENT
    return _IRREDUCIBLE_LOSS + of_size + _TOKEN_SCALE / tokens**_TOKEN_EXPONENT


@law("kaplan-2020-scaling")
def critical_batch(loss: Count) -> Count:
    """Return the batch in tokens at which a loss takes twice the fewest tokens and steps.

    B_crit = 2 · 10⁸ / L^(1 / 0.21)

    >>> round(critical_batch(2.0) / 1e6, 1)
    7.4
    """
    return _CRITICAL_BATCH_SCALE / loss ** (1.0 / _CRITICAL_BATCH_EXPONENT)


@law("kaplan-2020-scaling")
def training_steps(*, samples: Count, batch: Count) -> Count:
    """Return how many optimizer steps it takes to see so many samples (or tokens).

    S = D / B

    >>> training_steps(samples=300e9, batch=1536 * 2048.0)
    95367.431640625
    """
    return samples / batch


@law("chowdhery-2022-palm")
def training_compute(work_of_step: Flop, steps: Count) -> Flop:
    """Return the model's own arithmetic in a whole run, recomputation not counted.

    W = W_step · S

    >>> training_compute(work_of_step=4e18, steps=1e5)
    4e+23
    """
    return work_of_step * steps


@law("daly-2006")
def run_duration(work: Seconds, goodput: Fraction) -> Seconds:
    """Return how long a run takes of which a share of the time is spent on work that is kept.

    T = W / G

    >>> run_duration(work=90.0, goodput=0.9)
    100.0
    """
    return work / goodput


@law("narayanan-2021-megatron")
def parallel_efficiency(*, step: Seconds, links: Seconds, bubble: Seconds) -> Fraction:
    """Return the share of a step in which devices neither wait for links nor for one another.

    η = (t - t_links - t_bubble) / t

    >>> parallel_efficiency(step=10.0, links=1.0, bubble=2.0)
    0.7
    """
    return (step - links - bubble) / step
