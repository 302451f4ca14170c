"""The words of a certificate: what it claims, about which tokens, what it takes as given, why a bound is missing."""

from __future__ import annotations

from collections.abc import Collection

from genbound.certificate.bounds import Problem, not_offered
from genbound.certificate.settings import Settings

STATEMENT = {
    "claim": (
        "With probability at least 1 - delta (over the tokens, and over the draws where something was drawn), "
        "R <= bound, for each printed bound taken alone (they are not meant to hold jointly; the headline, fixed "
        "beforehand, is geometric_mean)."
    ),
    "risk": (
        "R is the average over the n tokens of E[X_k | the past]: the expected loss of the decoded, smoothed model "
        "on a fresh k-th token after the very context that was seen, in nats per token."
    ),
    "not_claimed": (
        "Nothing is said about fresh documents, whole sequences or downstream skill. Independence and stationarity "
        "are not assumed."
    ),
}

_ABOUT_THE_REST = (
    " The stream begins with {before:,} tokens of which the prior is a function: the bounds about coded models say"
    " nothing about them. The n tokens are those after them."
)

FIXED_BEFOREHAND: tuple[str, ...] = (
    "the tokenizer or alphabet and the vocabulary size",
    "the window length and the rule that cuts the stream into windows; the first token is conditioned on",
    "the formats of the descriptions, their decoders, and how each is priced (`states` of every coded model)",
    "the kinds of description there are to choose from (the choice is paid), and how long each is trained",
    "the grid of smoothing weights 2^-1 .. 2^-16 (the choice within it is paid)",
    "the centres Y = max(h_min, H - offset), H the entropy of the smoothed prediction, offset in a grid of 9 (paid)",
    "the geometric grid of 128 shifts D above every possible X - Y (the choice within it is paid)",
    "the optimal output laws: how z is solved for, its floor 2^-7, 64 weights w from 2 to 30.6 (the choice is paid)",
    "the two kinds of law, uniform smoothing and the optimal one (the choice of kind is paid)",
    "the grid of 1000 values of s for empirical_freedman and finzi_bound (the choice within it is paid)",
    "delta and its split, the headline bound, the seed, and how many windows are drawn",
    "which tokens DATA and the held-out data are (n with them), and that the two are disjoint",
    "the floating type, device and library versions the model runs with: part of the function that is certified",
)


def statement(problem: Problem) -> dict[str, str]:
    """What is claimed, and about which tokens."""
    rest = _ABOUT_THE_REST.format(before=problem.before) if problem.before else ""
    return {**STATEMENT, "risk": STATEMENT["risk"] + rest}


def reason(name: str, problem: Problem, kinds: Collection[str]) -> str:
    """Why a bound is not there."""
    if name == "held_out":
        return "no held-out data were given"
    if name == "progressive_validation":
        known = "they are about the whole stream, the other bounds are about its end"
        return known if problem.before else "the losses before each update are not known for this model and stream"
    return not_offered(kinds)[name]


def fixed_beforehand(settings: Settings, problem: Problem, kinds: Collection[str], *, recipe: bool) -> list[str]:
    """What was fixed before the data were seen, and what is assumed or idealised."""
    fixed = list(FIXED_BEFOREHAND)
    if problem.before:
        fixed.append("how many tokens the prior may read (the first ones), and which they are")
    if set(kinds) - {"coded file"}:
        fixed.append(
            "of descriptions that are no coded files: the architecture (that of MODEL), the seed, and the recipe of the"
            " trainer where its `states` does not price it"
        )
    if settings.centred:
        fixed.append(
            "ASSUMED, not checked: the weights of MODEL, on which the prior of `variational` is centred, were made"
            " without DATA"
        )
    if {"draw", "transcript"} & set(kinds):
        fixed.append(
            "IDEALISED: draws come from a pseudo-random generator with a seed fixed beforehand; they are taken for"
            " independent draws from their law, and independent of the data"
        )
    if recipe:
        fixed.append("the finite space of training recipes (the choice within it is paid where there is no code)")
    if problem.windows and settings.population is None:
        fixed.append(
            "IDEALISED: the windows come from a pseudo-random generator keyed by a hash of the seed, the data and all"
            " that was chosen; they are taken for independent uniform draws"
        )
    if settings.population is not None:
        fixed.append(
            "ASSUMED, not checked: DATA is a concatenation of windows of T + 1 tokens, each drawn independently and"
            " uniformly from the whole stream"
        )
    return fixed
