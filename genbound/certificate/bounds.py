"""The bounds side by side, from statistics of coded models: which rate, alpha and family member, and what each costs.

A coded model's file pays for everything about the model (architecture, rate, scales, weights). What else is chosen
with the data is paid here: the smoothing weight alpha within its grid, the shift D or s within theirs. Each method
takes its own best rate and alpha; each printed bound holds with probability 1 - delta taken alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from flint import arb

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS, finzi_alpha, finzi_bound, lotfi_subsampled
from genbound.certificate.rows import BoundRow, CodedModel, decompose
from genbound.certificate.statistics import OFFSETS, StreamStatistics
from genbound.certified import ball, down, precision, up
from genbound.complexity.codes import choice_nats, code_nats, log_inv_delta, split_delta
from genbound.complexity.progressive import held_out, progressive_validation
from genbound.concentration import BoundResult, Wealth, empirical_freedman, geometric_mean
from genbound.concentration.floor import floor_at

ALPHAS = smoothing.ALPHAS
ABOUT_CODE = "the decoded, smoothed model: its average conditional risk over the training stream"
ABOUT_HELD_OUT = "the original model, smoothed: its average conditional risk over the held-out stream"
ABOUT_PROGRESSIVE = "the predictors along the training run, smoothed: their average conditional risk"
ABOUT_FINZI = "Y is the entropy of the smoothed prediction (the paper's exact choice could not be read in full)"

RUN_SLACK = 1e-9
"""Added to progressive validation: covers the float64 evaluation of losses that were recorded during the run."""

ABOUT_FLOOR = "a limit: no certificate that knows only X <= B and spends this code is smaller"

Stream = tuple[CodedModel, StreamStatistics]


@dataclass(frozen=True)
class Problem:
    """What all bounds of one certificate share.

    Attributes:
        n: tokens the bounds are about. vocab_size: V. delta: failure probability of each bound.
        window: T, tokens per window. windows: how many were sampled (0: every token was read).
    """

    n: int
    vocab_size: int
    delta: float
    window: int
    windows: int = 0

    @cached_property
    def stages(self) -> tuple[float, float]:
        """(ln(1/delta_1), ln(1/delta_2)) in nats: the tokens' share and the sample's; (ln(1/delta), 0) unsampled."""
        whole = log_inv_delta(self.delta)
        return split_delta(whole, self.n, self.windows) if self.windows else (whole, 0.0)

    def finzi_alpha(self, coded: CodedModel) -> float:
        """alpha = C/(1+C), where `finzi_bound` needs its statistic."""
        return finzi_alpha(self.nats(coded)[0], self.n)

    def nats(self, coded: CodedModel, **choices: int) -> tuple[float, dict[str, float]]:
        """n C of a coded model with uniform choices among `choices` many, and what it is made of."""
        paid = {"code of the model": code_nats(coded.code_bits), "failure probability": self.stages[0]}
        paid |= {f"choice of {name} ({count})": choice_nats(count) for name, count in choices.items()}
        with precision():
            return up(sum((ball(v) for v in paid.values()), arb(0))), paid


# ------------------------------------------------------------------------------------- one method on one coded model


def _of_result(result: BoundResult, coded: CodedModel, alpha: float, paid: Mapping[str, float]) -> BoundRow:
    grids = {f"choice of {k}": v for k, v in result.costs.items() if k != "code and failure probability"}
    return BoundRow(
        value=result.value, about=ABOUT_CODE, n=result.n, code=coded.label, alpha=alpha,
        complexity=result.complexity, terms=dict(result.terms), tuned=dict(result.tuned), paid={**paid, **grids},
    )  # fmt: skip


def _geometric_mean(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    nats, paid = problem.nats(coded, alpha=len(ALPHAS), centre=len(OFFSETS))
    for (alpha, offset), wealth in statistics.wealth.items():
        if alpha in ALPHAS and offset in OFFSETS:
            row = _of_result(geometric_mean(wealth, log_inv_delta=nats), coded, alpha, paid)
            yield replace(row, tuned={**row.tuned, "offset": offset})


def _empirical_freedman(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    nats, paid = problem.nats(coded, alpha=len(ALPHAS))
    for alpha, wealth in statistics.by_alpha().items():
        if alpha in ALPHAS:
            yield _of_result(empirical_freedman(wealth, log_inv_delta=nats), coded, alpha, paid)


def _finzi(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    nats, paid = problem.nats(coded)
    alpha = problem.finzi_alpha(coded)
    wealth = statistics.by_alpha().get(alpha)
    if wealth is not None:
        result = finzi_bound(
            statistics.loss.upper, wealth, vocab_size=problem.vocab_size, log_inv_delta=nats, alpha=alpha
        )
        yield replace(_of_result(result, coded, alpha, paid), about=f"{ABOUT_CODE}; {ABOUT_FINZI}")


def _azuma(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    nats, paid = problem.nats(coded, alpha=len(ALPHAS))
    for alpha in ALPHAS:
        mean = statistics.smoothed[alpha].upper
        with precision():
            c = ball(nats) / problem.n
            margin = ball(smoothing.span(alpha, problem.vocab_size)) * (c / 2).sqrt()
            value = min(up(ball(mean) + margin), smoothing.ceiling(alpha, problem.vocab_size))
        terms = {"empirical risk": mean, "Azuma margin": value - mean}
        yield BoundRow(value, ABOUT_CODE, problem.n, coded.label, alpha, up(c), terms, {}, paid)


def _lotfi(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    result = lotfi_subsampled(
        {alpha: statistics.smoothed[alpha].upper for alpha in LOTFI_ALPHAS},
        code_bits=coded.code_bits, n=problem.n, vocab_size=problem.vocab_size, log_inv=problem.stages[0],
        self_delimiting=True,
    )  # fmt: skip
    yield replace(
        _of_result(result, coded, float(result.tuned["alpha"]), {}),
        paid=problem.nats(coded, alpha=len(LOTFI_ALPHAS))[1],
    )


def _floor(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    nats, paid = problem.nats(coded)
    for alpha in ALPHAS:
        ceiling, mean = smoothing.ceiling(alpha, problem.vocab_size), statistics.smoothed[alpha].lower
        with precision():
            c = ball(nats) / problem.n
            value = down(floor_at(ball(mean), ceiling, c))
        terms = {"empirical risk": mean, "complexity": value - mean}
        yield BoundRow(value, ABOUT_FLOOR, problem.n, coded.label, alpha, up(c), terms, {}, paid)


METHODS = {
    "lotfi_subsampled": _lotfi,
    "azuma_hoeffding": _azuma,
    "finzi_bound": _finzi,
    "empirical_freedman": _empirical_freedman,
    "geometric_mean": _geometric_mean,
    "floor": _floor,
}


def best_rows(problem: Problem, codes: Mapping[str, Stream]) -> dict[str, BoundRow]:
    """Each method at its own best rate and alpha, when every token was read."""
    return {
        name: min((row for entry in codes.values() for row in method(problem, *entry)), key=lambda row: row.value)
        for name, method in METHODS.items()
    }


# ------------------------------------------------------------------------------------------- yardsticks, explanation


def yardsticks(
    problem: Problem,
    heldout: StreamStatistics | None,
    progressive: Mapping[float, Wealth] | None,
    recipe_nats: float,
) -> dict[str, BoundRow]:
    """The bounds without a complexity term, each about what it is about."""
    guess = smoothing.log_vocabulary(problem.vocab_size)
    rows = {"random_guess": BoundRow(guess, "a uniform guess: ln V", problem.n)}
    if heldout is not None:
        result = held_out(heldout.by_alpha(), delta=problem.delta, paid=recipe_nats)
        rows["held_out"] = _yardstick(result, ABOUT_HELD_OUT)
    if progressive is not None:
        result = progressive_validation(progressive, delta=problem.delta, paid=recipe_nats)
        rows["progressive_validation"] = _yardstick(replace(result, value=result.value + RUN_SLACK), ABOUT_PROGRESSIVE)
    return rows


def _yardstick(result: BoundResult, about: str) -> BoundRow:
    tuned = dict(result.tuned)
    return BoundRow(
        value=result.value, about=about, n=result.n, alpha=float(tuned.pop("alpha")), complexity=result.complexity,
        terms=dict(result.terms), tuned=tuned, paid=dict(result.costs),
    )  # fmt: skip


def explain(
    problem: Problem,
    headline: BoundRow,
    *,
    original_loss: float,
    coded_loss: float,
    smoothed_loss: float,
    sampling: float = 0.0,
) -> dict[str, float]:
    """The decomposition of `geometric_mean`, see `rows.decompose`."""
    assert headline.alpha is not None
    assert headline.complexity is not None
    return decompose(
        headline.value, empirical_risk=original_loss, coded_loss=coded_loss, smoothed_loss=smoothed_loss,
        complexity=headline.complexity, ceiling=smoothing.ceiling(headline.alpha, problem.vocab_size),
        sampling=sampling,
    )  # fmt: skip
