"""Uniform smoothing p_alpha = (1 - alpha) p + alpha/V (THEORY 3): what it costs, and the ranges it buys."""

from __future__ import annotations

from genbound.claims.card import Claim, Inequality, Planted, cited
from genbound.claims.written import POSITIVE, SHARE, over, written, wrong

CERTIFIED = frozenset({"certify"})
DERIVED = frozenset({"certify", "derive"})
VOCABULARY = ("2", "oo")

_SMOOTHED = "exp(-smoothed_loss({}))"
_PHI = "-{0}*log({0})"
_TWO = _SMOOTHED.format("p"), _SMOOTHED.format("(1 - p)")
_TOP = _SMOOTHED.format("1")
_REST = "(V - 2)*alpha*ceiling()/V"
_TWO_TOKENS = f"{_PHI.format(_TWO[0])} {_PHI.format(_TWO[1])} + {_REST}"
"""Entropy of a smoothed law on two of V tokens; the other V - 2 have alpha/V each."""

CARDS: tuple[Claim, ...] = (
    Inequality(
        name="smoothing_cost",
        statement="X_alpha = -ln((1-alpha) p + alpha/V) <= X - ln(1-alpha), X = -ln p",
        minimum=DERIVED,
        variables=over(p=SHARE, alpha=SHARE, V=VOCABULARY),
        sides=written("smoothed_loss()", "-log(p) - log(1 - alpha)"),
        planted=(wrong("forgotten", "-ln(1 - alpha) left out", "smoothed_loss()", "-log(p)"),),
    ),
    Inequality(
        name="smoothing_price",
        statement="h(C) = (1+C) ln(1+C) - C ln C <= -ln(1-alpha) + C ln(1/alpha), with equality at alpha = C/(1+C)",
        minimum=DERIVED,
        variables=over(alpha=SHARE, C=POSITIVE),
        sides=written("smoothing_price()", "smoothing_trade()"),
        contact=({"alpha": "C/(1 + C)"},),
        planted=(
            Planted("alpha_is_c", "the least value claimed to be at alpha = C", {
                "variables": over(alpha=SHARE, C=SHARE),
                "sides": written("smoothing_trade().subs(alpha, C)", "smoothing_trade()")}),
            wrong("without_log", "C ln C left out", "(1 + C)*log(1 + C)", "smoothing_trade()"),
        ),
    ),
    Inequality(
        name="smoothing_price_attained",
        statement="-ln(1-alpha) + C ln(1/alpha) = h(C) at alpha = C/(1+C)",
        minimum=DERIVED,
        relation="==",
        variables=over(C=POSITIVE),
        sides=written("smoothing_trade().subs(alpha, C/(1 + C))", "smoothing_price()"),
        planted=(Planted("alpha_is_c", "at alpha = C", {
            "variables": over(C=SHARE), "sides": written("smoothing_trade().subs(alpha, C)", "smoothing_price()")}),),
    ),
    Inequality(
        name="smoothing_cost_sqrt",
        statement="h(C) <= sqrt(2C) for C > 0",
        sources=(cited("finzi2025"),),
        uses=("binary_entropy",),
        minimum=DERIVED,
        variables=over(C=POSITIVE),
        sides=written("smoothing_price()", "smoothing_cost_sqrt()"),
        planted=(wrong("too_sharp", "sqrt(1.9 C)", "smoothing_price()", "sqrt(19*C/10)"),),
    ),
    Inequality(
        name="smoothing_cost_sqrt_sharp",
        statement="h(C) <= 2 ln 2 sqrt(C) for C > 0, with equality at C = 1",
        sources=(cited("lin1991"),),
        uses=("binary_entropy",),
        minimum=DERIVED,
        variables=over(C=POSITIVE),
        sides=written("smoothing_price()", "smoothing_cost_sqrt_sharp()"),
        contact=({"C": "1"},),
        planted=(wrong("constant", "1.38 in place of 2 ln 2 = 1.3863", "smoothing_price()", "138*sqrt(C)/100"),),
    ),
    Inequality(
        name="binary_entropy",
        statement="H_b(p) <= 2 ln 2 sqrt(p (1-p)), with equality at p = 1/2",
        sources=(cited("lin1991"),),
        minimum=CERTIFIED,
        variables=over(p=SHARE),
        sides=written("binary_entropy(p)", "2*log(2)*sqrt(p*(1 - p))"),
        contact=({"p": "1/2"},),
        planted=(wrong("parabola", "4 ln 2 p (1 - p): right at 0, 1/2 and 1 only",
                       "binary_entropy(p)", "4*log(2)*p*(1 - p)"),),
    ),
    Inequality(
        name="smoothed_range",
        statement="X_alpha <= B = ln(V/alpha)",
        minimum=CERTIFIED,
        variables=over(p=SHARE, alpha=SHARE, V=VOCABULARY),
        sides=written("smoothed_loss()", "ceiling()"),
        planted=(wrong("vocabulary_only", "ln V", "smoothed_loss()", "log(V)"),),
    ),
    Inequality(
        name="smoothed_least_loss",
        statement="X_alpha >= l_min = -ln(1-alpha+alpha/V)",
        minimum=CERTIFIED,
        variables=over(p=SHARE, alpha=SHARE, V=VOCABULARY),
        sides=written("least_loss()", "smoothed_loss()"),
        planted=(wrong("uniform_part", "-ln(1 - alpha), the uniform part forgotten", "-log(1 - alpha)",
                       "smoothed_loss()"),),
    ),
    Inequality(
        name="smoothed_span",
        statement="B - l_min = ln(1 + (1-alpha) V/alpha)",
        minimum=CERTIFIED,
        relation="==",
        variables=over(alpha=SHARE, V=VOCABULARY),
        sides=written("ceiling() - least_loss()", "span()"),
        planted=(wrong("without_one", "ln((1-alpha) V/alpha)",
                       "ceiling() - least_loss()", "log((1 - alpha)*V/alpha)"),),
    ),
    Inequality(
        name="entropy_floor",
        statement="the entropy of a smoothed law is >= h_min, that of a smoothed point mass (law on two of V tokens)",
        minimum=CERTIFIED,
        note="any law by entropy_transfer: moving the mass of one token to another, V - 1 times, ends in a point mass",
        variables=over(p=SHARE, alpha=SHARE, V=VOCABULARY),
        sides=written("entropy_floor()", _TWO_TOKENS),
        planted=(wrong("alpha_term_exchanged", "alpha ln(V/alpha) in place of alpha (1 - 1/V) ln(V/alpha)",
                       f"{_PHI.format(_TOP)} + alpha*ceiling()",
                       _TWO_TOKENS),),
    ),
    Inequality(
        name="entropy_transfer",
        statement="-e ln e - (e+x+y) ln(e+x+y) <= -(e+x) ln(e+x) - (e+y) ln(e+y): moving mass y to another token "
        "lowers the entropy (a stands for e)",
        minimum=CERTIFIED,
        variables=over(a=POSITIVE, x=POSITIVE, y=POSITIVE),
        sides=written(f"{_PHI.format('a')} {_PHI.format('(a + x + y)')}",
                      f"{_PHI.format('(a + x)')} {_PHI.format('(a + y)')}"),
        planted=(Planted("negative_mass", "a negative mass x may be moved as well", {
            "variables": over(a=("1", "oo"), x=("-1", "1"), y=POSITIVE)}),),
    ),
    Inequality(
        name="per_context_ceiling",
        statement="X_alpha <= B_k = -ln((1-alpha) min_x p_k(x) + alpha/V)",
        minimum=CERTIFIED,
        variables=over(p=SHARE, p_min=SHARE, alpha=SHARE, V=VOCABULARY),
        sides=written("smoothed_loss()", "smoothed_loss(p_min)"),
        where=("p_min <= p",),
        planted=(wrong("unsmoothed", "-ln min_x p_k(x) - ln(1/(1-alpha))", "smoothed_loss()",
                       "-log(p_min) + log(1 - alpha)"),),
    ),
    Inequality(
        name="optimal_law",
        statement="F(z) = ln sum e^z - w sum p ln z is least where z e^z = w p e^U, e^U = sum e^z: for any z' > 0 "
        "F(z') - F(z) = sum q [v(x) + a v(y)] >= 0, q = e^{z-U}, a = z, x = q'/q - 1, y = z'/z - 1, v(x) = x - ln(1+x)",
        minimum=DERIVED,
        note="one token; that the sum is F(z') - F(z) follows from sum q' = sum q = 1 and w p = q z",
        uses=("v_nonnegative",),
        variables=over(a=POSITIVE, x=("-1", "oo"), y=("-1", "oo")),
        sides=written("0", "optimal_law_excess()"),
        contact=({"x": "0"}, {"y": "0"}),
        planted=(
            wrong("slack_forgotten", "q = w p, the slack forgotten: the tilt's logarithm without its weight",
                  "0", "v(x) + a*y - log(1 + y)"),
            wrong("linear", "the law taken to be q = p: to first order only", "0", "v(x) + a*y"),
        ),
    ),
    Inequality(
        name="optimal_slack",
        statement="ln(e^a + b) - w p ln a is least at a = h, w p = h e^h/(e^h + b): one slack, the others held (sum b)",
        minimum=DERIVED,
        variables=over(a=POSITIVE, b=POSITIVE, h=POSITIVE),
        sides=written("slack_objective(h)", "slack_objective()"),
        contact=({"a": "h"},),
        planted=(wrong("probability_only", "least where h = w p, the law forgotten",
                       "log(exp(h) + b) - h*log(h)", "log(exp(a) + b) - h*log(a)"),),
    ),
)  # fmt: skip
