"""The published closed forms, on tokens of a small vocabulary (THEORY 3 and 5)."""

from __future__ import annotations

import numpy as np

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS, finzi_alpha, finzi_bound, lotfi_subsampled
from genbound.claims import mistakes
from genbound.claims.card import Claim, TailBound, cited
from genbound.claims.tokens import Tokens
from genbound.concentration import Wealth
from genbound.concentration.result import BoundResult

TOKENS = "tokens drawn one after another from any law; the code length was fixed beforehand (here 0 bits)"


def smoothed_losses(tokens: np.ndarray, model: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """(losses, entropies) of the model smoothed with alpha, nats."""
    smoothed = (1.0 - alpha) * model + alpha / model.shape[-1]
    losses = -np.log(smoothed[np.arange(len(tokens)), tokens])
    return losses, -(smoothed * np.log(smoothed)).sum(axis=-1)


def finzi_on_tokens(tokens: np.ndarray, model: np.ndarray, *, vocab_size: int, log_inv_delta: float) -> BoundResult:
    """`finzi_bound` with one s, at alpha = C/(1+C)."""
    alpha = finzi_alpha(log_inv_delta, len(tokens), 1)
    losses, entropies = smoothed_losses(tokens, model, alpha)
    wealth = Wealth(ceiling=smoothing.ceiling(alpha, vocab_size))
    wealth.update(losses, np.maximum(entropies, 0.0))
    with np.errstate(divide="ignore"):
        unsmoothed = float(-np.log(model[np.arange(len(tokens)), tokens]).mean())
    if not np.isfinite(unsmoothed):
        return BoundResult("finzi_bound", np.inf, len(tokens), 0.0, (("empirical risk", np.inf),), {"alpha": alpha})
    return finzi_bound(max(unsmoothed, 0.0), wealth, vocab_size=vocab_size, log_inv_delta=log_inv_delta, grid_size=1)


def lotfi_on_tokens(tokens: np.ndarray, model: np.ndarray, *, vocab_size: int, log_inv_delta: float) -> BoundResult:
    """`lotfi_subsampled` with every token read and alpha chosen from the eight of [L24], paid."""
    means = {alpha: float(smoothed_losses(tokens, model, alpha)[0].mean()) for alpha in LOTFI_ALPHAS}
    return lotfi_subsampled(means, code_bits=0, self_delimiting=True, n=len(tokens), vocab_size=vocab_size,
                            log_inv=log_inv_delta)  # fmt: skip


CARDS: tuple[Claim, ...] = (
    TailBound(
        name="finzi_bound",
        statement="R <= R_hat + C ln V + Sigma sqrt(C) + sqrt(2C), alpha = C/(1+C), R the risk of the smoothed model",
        sources=(cited("finzi2025"),),
        uses=("empirical_freedman", "smoothing_cost", "smoothing_price", "smoothing_cost_sqrt"),
        assumes=(TOKENS, "Y is the entropy of the smoothed prediction"),
        minimum=frozenset({"derive", "fuzz", "simulate"}),
        note="the paper's exact choice of Y could not be read in full",
        setting=Tokens(),
        bounds=(finzi_on_tokens,),
        anytime=False,
        laws=frozenset({"monotone"}),
        planted=(
            mistakes.without("no_variation_no_smoothing", "smoothing sqrt(2C)", "loss variation Sigma sqrt C")(
                finzi_on_tokens
            ),
            mistakes.without("no_margins", "complexity C ln V", "loss variation Sigma sqrt C", "smoothing sqrt(2C)")(
                finzi_on_tokens
            ),
        ),
    ),
    TailBound(
        name="lotfi_subsampled",
        statement="R <= R_hat + Delta sqrt((L ln 2 + ln(1/delta) + ln 8)/(2n)), Delta = ln(1 + (1-alpha) V/alpha)",
        sources=(cited("lotfi2024"),),
        uses=("azuma_hoeffding", "smoothed_range"),
        assumes=(TOKENS, "one n, fixed beforehand"),
        minimum=frozenset({"fuzz", "simulate"}),
        setting=Tokens(),
        bounds=(lotfi_on_tokens,),
        laws=frozenset({"monotone"}),
        planted=(mistakes.without("no_complexity", "complexity")(lotfi_on_tokens),),
    ),
)
