"""Scaling laws (THEORY 9): what the terms of the bound come to as models grow."""

from __future__ import annotations

from genbound.claims.card import Claim, Rate, cited
from genbound.claims.formulas import formula
from genbound.claims.rates import off, read, spoiled

LAW = "the excess losses follow their power laws exactly, not just over the range in which they were fitted"
FIXED = "D = rho N"
FRONTIER = "D = (bB/(aA))^{1/b} N^{a/b}, the compute-optimal frontier"
NATS_OF_A_CODE = "every parameter costs the same bits, in a prefix-free code; nothing else is paid but ln(1/delta)"
HEURISTIC = "a heuristic of [F25]: no code of this length is exhibited"


CARDS: tuple[Claim, ...] = (
    Rate(
        name="chinchilla_frontier",
        statement="min {A N^-a + B D^-b: 6 N D = F} = (1 + a/b) A G^-a (F/6)^{-ab/(a+b)}, only at\n"
        "N = G (F/6)^{b/(a+b)}, D = G^-1 (F/6)^{a/(a+b)}, G = (aA/(bB))^{1/(a+b)}",
        sources=(cited("hoffmann2022"),),
        assumes=(LAW, "training costs 6 N D floating-point operations"),
        minimum=frozenset({"derive"}),
        note="E moves nothing. D/N = (bB/(aA))^{1/b} N^{a/b - 1} is constant for a = b only: the published exponents "
        "(.34, .28 and, replicated, .3478, .3658) differ",
        formula=formula("frontier_excess"),
        over="compute",
        to="oo",
        leading=formula("frontier_excess"),
        exponent=read("-parameter_exponent*data_exponent/(parameter_exponent + data_exponent)"),
        planted=(
            off(
                "one_term",
                "A N^-a alone, as if the tokens cost no loss",
                spoiled("frontier_excess", "data_exponent/(parameter_exponent + data_exponent)"),
            ),
            off(
                "cheap_tokens",
                "F = N D",
                spoiled(
                    "frontier_excess", "6**(-parameter_exponent*data_exponent/(parameter_exponent + data_exponent))"
                ),
            ),
        ),
    ),
    Rate(
        name="parameters_per_token",
        statement="C = (N/D) b ln 2 + ln(1/delta)/D -> b ln 2/rho at D = rho N: b ln 2/20 at 20 tokens a parameter",
        sources=(cited("finzi2025"),),
        uses=("prior_union",),
        assumes=(NATS_OF_A_CODE, FIXED),
        minimum=frozenset({"derive"}),
        formula=formula("parameters_per_token"),
        over="parameters",
        to="oo",
        leading=formula("fixed_ratio_complexity"),
        exponent=read("0"),
        planted=(
            off("bits_for_nats", "bits, not nats", spoiled("fixed_ratio_complexity", "1/log(2)")),
            off("upside_down", "D/N for N/D", spoiled("fixed_ratio_complexity", "tokens_per_parameter**2")),
        ),
    ),
    Rate(
        name="frontier_complexity",
        statement="C ~ b ln 2 (aA/(bB))^{1/b} N^{1 - a/b} along the frontier: it falls for a > b, grows for a < b",
        uses=("chinchilla_frontier", "parameters_per_token"),
        assumes=(LAW, NATS_OF_A_CODE, FRONTIER),
        minimum=frozenset({"derive"}),
        note="parameters per token stay constant for a = b only",
        formula=formula("parameters_per_token"),
        over="parameters",
        to="oo",
        leading=formula("frontier_complexity"),
        exponent=read("1 - parameter_exponent/data_exponent"),
        planted=(
            off(
                "flat",
                "constant along the frontier",
                spoiled("frontier_complexity", "parameters**(parameter_exponent/data_exponent - 1)"),
            ),
        ),
    ),
    Rate(
        name="prequential_information",
        statement="sum_{k <= D} [B k^-b - B D^-b] ~ B b/(1-b) D^{1-b} nats, b < 1; never more than "
        "B b (D^{1-b} - 1)/(1-b);\n~ B ln D at b = 1; at most B b/(b-1) for b > 1",
        sources=(cited("finzi2025"),),
        assumes=("the risk after k tokens is its limit plus B k^-b", "0 < b < 1"),
        minimum=frozenset({"derive"}),
        note=f"that K(h) ln 2 is about this area is {HEURISTIC}",
        formula=formula("prequential_area"),
        over="training_tokens",
        to="oo",
        leading=formula("prequential_information"),
        exponent=read("1 - data_exponent"),
        planted=(
            off(
                "last_risk_forgotten",
                "B D^{1-b}/(1-b): the last risk is not subtracted",
                spoiled("prequential_information", "1/data_exponent"),
            ),
            off("linear", "linear in the tokens", spoiled("prequential_information", "training_tokens**data_exponent")),
        ),
    ),
    Rate(
        name="information_crossover",
        statement="c N^beta <= b N from N = (c/b)^{1/(1-beta)} on, and only from there; d ln N/d beta = ln N/(1-beta)",
        sources=(cited("finzi2025"),),
        uses=("prequential_information",),
        assumes=("the information is c N^beta bits, a fit", "0 < beta < 1"),
        minimum=frozenset({"derive"}),
        note="c = 6e5, beta = .5 [F25]: 2.25e10 parameters at 4 bits, 4e10 at 3; 4.7e10 and 8.3e10 if c counts nats; "
        "4.2e8 to 8.7e12 over beta = .4 to .6. [F25] print 20-30B",
        formula=formula("information_crossover"),
        over="information_coefficient",
        to="oo",
        leading=formula("information_crossover"),
        exponent=read("1/(1 - information_exponent)"),
        planted=(
            off(
                "nats_for_bits",
                "c counts nats, b bits",
                spoiled("information_crossover", "log(2)**(-1/(1 - information_exponent))"),
            ),
            off("square", "(c/b)^2, whatever beta", read("(information_coefficient/bit_width)**2")),
        ),
    ),
    Rate(
        name="loss_variation_law",
        statement="Sigma = Sigma_oo + c N^-gamma -> Sigma_oo",
        sources=(cited("finzi2025"),),
        assumes=("a fit",),
        minimum=frozenset({"derive"}),
        note="Sigma_oo = .27, c = 8337, gamma = .54 on Pythia [F25]: the loss variation does not vanish",
        formula=formula("loss_variation_law"),
        over="parameters",
        to="oo",
        leading=formula("variation_left"),
        exponent=read("0"),
        planted=(
            off("vanishes", "as if Sigma_oo were 0", read("variation_coefficient*parameters**(-variation_exponent)")),
        ),
    ),
    Rate(
        name="gap_law",
        statement="C ln V + Sigma sqrt(C) + sqrt(2C) + c_Q N^-r\n"
        "~ (Sigma_oo + sqrt 2) sqrt(c_C) N^{-kappa/2} + c_Q N^-r:\n"
        "it falls as N^-min(kappa/2, r). At kappa = 0 it does not vanish:\n"
        "it tends to c_C ln V + (Sigma_oo + sqrt 2) sqrt(c_C)",
        sources=(cited("finzi2025"),),
        uses=(
            "finzi_bound",
            "loss_variation_law",
            "parameters_per_token",
            "prequential_information",
            "quantization_error",
        ),
        assumes=(
            "C = c_C N^-kappa, kappa > 0",
            "Sigma = Sigma_oo + c N^-gamma whatever C is",
            "quantization costs c_Q N^-r",
        ),
        minimum=frozenset({"derive"}),
        note="kappa = 0 for b bits a parameter at D = rho N, a/b - 1 along the frontier; for the prequential code, a "
        "heuristic, it is Chinchilla's b at D = rho N and a along the frontier",
        formula=formula("gap_law"),
        over="parameters",
        to="oo",
        leading=formula("gap_leading"),
        planted=(
            off(
                "no_smoothing",
                "sqrt(2C) forgotten",
                read(
                    "variation_limit*sqrt(complexity_coefficient)*parameters**(-complexity_exponent/2)"
                    " + quantization_coefficient*parameters**(-quantization_exponent)"
                ),
            ),
            off(
                "falls_like_C",
                "as if C ln V led",
                read(
                    "complexity_coefficient*log(V)*parameters**(-complexity_exponent)"
                    " + quantization_coefficient*parameters**(-quantization_exponent)"
                ),
            ),
        ),
    ),
)
