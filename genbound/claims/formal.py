"""Which theorem of proofs/ each claim is, or why there is none.

Apart from the cards, so that a proof that lands does not make the evidence of a claim stale. A test reads it against
proofs/theorems.tsv in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genbound.claims.card import Rate
from genbound.claims.registry import claims
from genbound.errors import domain_error

LIBRARY = "Genbound"
NOT_FORMALISED = "not formalised: "


@dataclass(frozen=True)
class Formal:
    """The formal side of a claim.

    Attributes:
        constants: names of Coq theorems, `Genbound.File.name`; empty when there is none.
        reason: why there is none; empty when there is one.

    >>> str(formal("geometric_mean")).startswith("Coq: Genbound.GeometricMean.geometric_mean_high_probability")
    True
    """

    constants: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        return f"Coq: {', '.join(self.constants)}" if self.constants else f"{NOT_FORMALISED}{self.reason}"


def formal(name: str) -> Formal:
    """The theorem behind a claim, or why there is none.

    Raises:
        DomainError: no such claim.

    >>> formal("maurer_pontil").constants
    ()
    """
    if name in _PROVED:
        return Formal(tuple(f"{LIBRARY}.{constant}" for constant in _PROVED[name].split()))
    if name in _REASONS:
        return Formal(reason=_REASONS[name])
    if isinstance(claims().get(name), Rate):
        return Formal(reason=RATE)
    raise domain_error("claim", name, "a claim that proofs/ knows of", "name")


def formal_names() -> tuple[str, ...]:
    """Every claim this table lists; rates, which have one reason in common, are not listed."""
    return (*_PROVED, *_REASONS)


_PROVED: Mapping[str, str] = {
    "v_nonnegative": "Lemmas.v_nonnegative",
    "v_quadratic": "Lemmas.v_quadratic",
    "one_minus_exp": "Lemmas.one_minus_exp",
    "tangent_step": "Lemmas.tangent_step",
    "am_gm": "Lemmas.am_gm Analysis.path_am_gm",
    "linear_binning":
        "Binning.linear_binning Binning.binned_bound_is_safe Binning.histogram_is_exact "
        "Binning.histogram_bound_is_safe Binning.histogram_bound_high_probability",
    "hoeffding_lemma": "Lemmas.hoeffding_lemma",
    "chord_step": "Lemmas.chord_step",
    "freedman_step": "Lemmas.freedman_step",
    "bennett_step": "Lemmas.bennett_step",
    "fan_step": "Lemmas.fan_step",
    "pinsker": "Lemmas.pinsker",
    "change_of_measure": "Lemmas.binary_change_of_measure PacBayes.change_of_measure",
    "one_step_product": "Lemmas.one_step_product",
    "one_step_freedman": "Lemmas.one_step_freedman",
    "geometric_mean_dominates": "EmpiricalFreedman.geometric_mean_dominates",
    "sigma_form": "EmpiricalFreedman.sigma_form EmpiricalFreedman.sigma_form_minimum",
    "shift_form": "EmpiricalFreedman.shift_form EmpiricalFreedman.geometric_mean_shift_form",
    "second_stage_range": "Lemmas.second_stage_range Lemmas.second_stage_end Subsample.tangent_value_ceiling",
    "smoothing_cost": "Smoothing.smoothing_cost",
    "smoothing_price": "Smoothing.smoothing_price_least",
    "smoothing_price_attained": "Smoothing.smoothing_price_attained",
    "smoothing_cost_sqrt": "Smoothing.smoothing_cost_sqrt",
    "smoothing_cost_sqrt_sharp": "Smoothing.smoothing_cost_sqrt_sharp",
    "binary_entropy": "Smoothing.binary_entropy",
    "smoothed_range": "Smoothing.smoothed_range",
    "smoothed_least_loss": "Smoothing.smoothed_least_loss",
    "smoothed_span": "Smoothing.smoothed_span",
    "entropy_floor": "Smoothing.entropy_floor",
    "entropy_transfer": "Smoothing.entropy_transfer",
    "per_context_ceiling": "Smoothing.per_context_ceiling Smoothing.smoothed_upper_bounded_per_context",
    "azuma_hoeffding": "OneHypothesis.azuma_hoeffding_high_probability",
    "freedman": "OneHypothesis.freedman_high_probability",
    "empirical_freedman":
        "EmpiricalFreedman.empirical_freedman_high_probability "
        "EmpiricalFreedman.empirical_freedman_sigma EmpiricalFreedman.empirical_freedman_anytime "
        "EmpiricalFreedman.empirical_freedman_selected EmpiricalFreedman.freedman_moment",
    "geometric_mean":
        "GeometricMean.geometric_mean_high_probability Mixture.geometric_mean_shift_grid "
        "Mixture.geometric_mean_family_selected GeometricMean.wealth_mean_one",
    "geometric_mean_anytime": "GeometricMean.geometric_mean_anytime",
    "lower_geometric_mean": "LowerSide.lower_geometric_mean_high_probability LowerSide.lower_geometric_mean_anytime",
    "mixture": "Mixture.mixture_high_probability Mixture.mixture_anytime Mixture.mixture_never_looser",
    "capped_geometric_mean": "Mixture.capped_geometric_mean_grid",
    "confidence_sequence": "LowerSide.confidence_sequence",
    "kl_inverse": "KlInverse.kl_inverse_high_probability KlInverse.kl_inverse_least KlInverse.kl_inverse_attained",
    "kl_inf":
        "KlInverse.kl_inf_high_probability KlInverse.kl_inf_weak_duality KlInverse.kl_inf_attained "
        "KlInverse.kl_inf_below_geometric_mean KlInverse.empirical_law_of_path",
    "kl_inverse_independent": "KlInverse.kl_inverse_independent KlInverse.kl_inverse_known_risk",
    "howard": "OneHypothesis.howard_high_probability OneHypothesis.howard_grid OneHypothesis.howard_anytime",
    "prior_union":
        "PriorUnion.prior_union PriorUnion.prior_union_anytime PriorUnion.prior_union_selected "
        "PriorUnion.prior_union_prefix_free Kraft.kraft_inequality Kraft.kraft_inequality_countable",
    "pac_bayes": "PacBayes.pac_bayes PacBayes.pac_bayes_anytime",
    "disintegrated":
        "Draws.disintegrated Draws.disintegrated_family SeveralDraws.disintegrated_draws "
        "SeveralDraws.disintegrated_configurations SeveralDraws.disintegrated_independent_draws",
    "requential":
        "Requential.requential Requential.requential_inexact Requential.requential_checkpoints "
        "Requential.transcript_law",
    "prefix_prior":
        "Prefix.prefix_prior Prefix.prefix_prior_code Prefix.prefix_prior_pac_bayes "
        "Prefix.prefix_prior_disintegrated",
    "progressive_validation": "Validation.progressive_validation",
    "held_out": "Validation.held_out",
    "finzi_bound": "OneHypothesis.finzi_high_probability",
    "two_stage_geometric_mean":
        "Subsample.two_stage_high_probability Subsample.two_stage_grid Subsample.two_stage_selected "
        "Sampling.sampled_mean_high_probability",
    "two_stage_empirical_freedman":
        "Subsample.two_stage_empirical_freedman_high_probability Subsample.two_stage_empirical_freedman_selected",
    "two_stage_azuma": "Subsample.two_stage_azuma_high_probability",
    "floor":
        "Floor.floor_unimprovable Floor.floor_unimprovable_ceilings Floor.floor_unimprovable_general "
        "Floor.floor_process Floor.geometric_mean_above_floor",
}  # fmt: skip
"""Claim -> its theorems, `File.name`, the main one first."""

_COMPARATOR = "a published comparator for independent losses, stated for comparison only; its theorem is cited"
_REASONS: Mapping[str, str] = {
    "kl_inf_constant_mean": "a comparator that needs one conditional mean; its mixture over u is an integral",
    "maurer_pontil": _COMPARATOR,
    "empirical_bernstein": _COMPARATOR,
    "mineiro": "a published comparator, never tighter than the mixture of the same members, which is proved",
    "optimal_law": "it chooses the law that is evaluated; the bound for that law is geometric_mean, which is proved",
    "optimal_slack": "it chooses the law that is evaluated, like optimal_law",
    "lotfi_subsampled": "the published baseline; azuma_hoeffding, the union over codes and smoothed_span are proved",
}
"""Claim -> why it is not formalised."""

RATE = "a rate: the limit of a formula, derived step by step (genbound derive), not a statement about a process"
