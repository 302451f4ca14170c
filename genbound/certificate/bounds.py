"""The bounds side by side, from statistics of coded models: which rate, alpha and family member, and what each costs.

A description pays for everything about its model (by the size of its file, or by an exact log-ratio). What else is
chosen with the data is paid here: which kind of description, the smoothing weight alpha within its grid, the shift D
or s within theirs. Each method takes its own best description and alpha; each printed bound holds with probability
1 - delta taken alone.
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
from genbound.complexity.codes import choice_nats, log_inv_delta, split_delta
from genbound.complexity.progressive import held_out, progressive_validation
from genbound.concentration import BoundResult, Wealth, empirical_freedman, geometric_mean
from genbound.concentration.floor import floor_at
from genbound.tilting import WEIGHTS, most_ceiling, tilted_bound

ALPHAS = smoothing.ALPHAS
ABOUT_CODE = "the decoded, smoothed model: its average conditional risk over the training stream"
ABOUT_TILTED = "the decoded model under the optimal law with w = {w:g}: its average conditional risk over the stream"
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
        before: tokens of the stream before those the bounds are about (0: they are about the whole stream).
        codes: how many ways of describing the model there were to choose from.
    """

    n: int
    vocab_size: int
    delta: float
    window: int
    windows: int = 0
    before: int = 0
    codes: int = 1

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
        paid = {**coded.prices, "failure probability": self.stages[0]}
        if self.codes > 1:
            paid[f"choice of code ({self.codes})"] = choice_nats(self.codes)
        paid |= {f"choice of {name} ({count})": choice_nats(count) for name, count in choices.items()}
        with precision():
            return up(sum((ball(v) for v in paid.values()), arb(0))), paid


ANY_PRICE = ("empirical_freedman", "geometric_mean", "floor")
"""The methods whose constants come from paid grids (the floor has none).

`azuma_hoeffding`, `finzi_bound` and `lotfi_subsampled` take theirs as functions of C. A file has the same C whatever
the data are; a log-ratio has not, and then a constant that depends on C is chosen with the data and unpaid.
"""

_DEPENDS = {
    "draw": "the log-ratio of a draw depends on the data",
    "prefix": "the log-ratio to a prefix prior may depend on the tokens the bound is about",
    "transcript": "the log-ratio of a transcript depends on the data",
}


def offers(method: str, coded: CodedModel) -> bool:
    """Whether a method holds for this kind of description."""
    return coded.kind == "coded file" or method in ANY_PRICE


def not_offered(kinds: Iterable[str]) -> dict[str, str]:
    """Why methods are missing, where no description among these kinds is a coded file."""
    found = sorted(set(kinds))
    if "coded file" in found:
        return {}
    because = f"{'; '.join(_DEPENDS[kind] for kind in found)}; the constants of this bound are functions of the price"
    return {name: because for name in METHODS if name not in ANY_PRICE}


# ------------------------------------------------------------------------------------- one method on one coded model


def _of_result(result: BoundResult, coded: CodedModel, alpha: float | None, paid: Mapping[str, float]) -> BoundRow:
    grids = {f"choice of {k}": v for k, v in result.costs.items() if k != "code and failure probability"}
    return BoundRow(
        value=result.value, about=ABOUT_CODE, n=result.n, code=coded.label, alpha=alpha,
        complexity=result.complexity, terms=dict(result.terms), tuned=dict(result.tuned), paid={**paid, **grids},
    )  # fmt: skip


def _geometric_mean(problem: Problem, coded: CodedModel, statistics: StreamStatistics) -> Iterable[BoundRow]:
    nats, paid = problem.nats(coded, kind=2, alpha=len(ALPHAS), centre=len(OFFSETS))
    for (alpha, offset), wealth in statistics.wealth.items():
        if alpha in ALPHAS and offset in OFFSETS:
            row = _of_result(geometric_mean(wealth, log_inv_delta=nats), coded, alpha, paid)
            yield replace(row, tuned={**row.tuned, "offset": offset})
    nats, paid = problem.nats(coded, kind=2, w=len(WEIGHTS))
    for w, means in statistics.tilted.items():
        if w in WEIGHTS:
            result = tilted_bound(
                means.ceiling.upper, means.log_slack.lower, means.loss.upper, n=means.loss.n, weight=w,
                ceiling=most_ceiling(w, problem.vocab_size), log_inv_delta=nats,
            )  # fmt: skip
            yield replace(_of_result(result, coded, None, paid), about=ABOUT_TILTED.format(w=w))


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
    with precision():
        failure = up(ball(problem.stages[0]) + ball(choice_nats(problem.codes)))
    assert coded.code_bits is not None
    result = lotfi_subsampled(
        {alpha: statistics.smoothed[alpha].upper for alpha in LOTFI_ALPHAS},
        code_bits=coded.code_bits, n=problem.n, vocab_size=problem.vocab_size, log_inv=failure, self_delimiting=True,
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
    for w, means in statistics.tilted.items():
        mean, ceiling = means.loss.lower, means.ceiling.lower
        with precision():
            c = ball(nats) / problem.n
            value = down(floor_at(ball(mean), ceiling, c))
        terms = {"empirical risk": mean, "complexity": value - mean}
        tuned = {"w": w, "mean ceiling": ceiling}
        yield BoundRow(value, ABOUT_FLOOR, problem.n, coded.label, None, up(c), terms, tuned, paid)


METHODS = {
    "lotfi_subsampled": _lotfi,
    "azuma_hoeffding": _azuma,
    "finzi_bound": _finzi,
    "empirical_freedman": _empirical_freedman,
    "geometric_mean": _geometric_mean,
    "floor": _floor,
}


def best_rows(problem: Problem, codes: Mapping[str, Stream]) -> dict[str, BoundRow]:
    """Each method at its own best description and alpha, when every token was read; those that hold for one."""
    found: dict[str, BoundRow] = {}
    for name, method in METHODS.items():
        entries = [entry for entry in codes.values() if offers(name, entry[0])]
        if entries:
            found[name] = min((row for e in entries for row in method(problem, *e)), key=lambda row: row.value)
    return found


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
    assert headline.complexity is not None
    ceiling = float(headline.tuned.get("mean ceiling", 0.0))  # of the optimal law: one ceiling per context
    if headline.alpha is not None:
        ceiling = smoothing.ceiling(headline.alpha, problem.vocab_size)
    return decompose(
        headline.value, empirical_risk=original_loss, coded_loss=coded_loss, smoothed_loss=smoothed_loss,
        complexity=headline.complexity, ceiling=ceiling, sampling=sampling,
    )  # fmt: skip
