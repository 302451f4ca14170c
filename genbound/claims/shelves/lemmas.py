"""The lemmas of real analysis and the one-step moments under the bounds (THEORY 1 and 5)."""

from __future__ import annotations

from genbound.claims.card import Claim, Inequality, Planted, cited
from genbound.claims.written import POSITIVE, REAL, SHARE, over, written, wrong

CERTIFIED = frozenset({"certify"})
DERIVED = frozenset({"certify", "derive"})

_TWO_ATOMS = "p*x1 + (1 - p)*x2"
_THREE_ATOMS = "p1*x1 + p2*x2 + (1 - p1 - p2)*x3"
_RATIO = "p1*(U - x1)/({0}) + p2*(U - x2)/({0}) + (1 - p1 - p2)*(U - x3)/({0})"
_KL = "binary_kl(q, p)"
_BET = "(1 + s*(Y - {})/Delta)"
_CURVED = "geometric_mean_shift().subs(mean_log, g) - mean_prediction"
_PLAIN = "empirical_freedman().subs(mean_v, s*(mean_prediction - mean_loss)/Delta - mean_log)"

CARDS: tuple[Claim, ...] = (
    Inequality(
        name="v_nonnegative",
        statement="v(x) = x - ln(1 + x) >= 0 for x > -1",
        minimum=CERTIFIED,
        variables=over(x=("-1", "oo")),
        sides=written("0", "v(x)"),
        contact=({"x": "0"},),
        planted=(wrong("log_doubled", "ln(1 + x) counted one and a half times", "0", "x - 3*log(1 + x)/2"),),
    ),
    Inequality(
        name="v_quadratic",
        statement="v(x) = x - ln(1 + x) <= x^2 for x >= -1/2",
        minimum=CERTIFIED,
        variables=over(x=("-1/2", "oo")),
        sides=written("v(x)", "x**2"),
        contact=({"x": "0"},),
        planted=(
            Planted("too_far_left", "claimed for x >= -0.7", {"variables": over(x=("-7/10", "oo"))}),
            wrong("half_square", "x^2/2 for every x", "v(x)", "x**2/2"),
        ),
    ),
    Inequality(
        name="one_minus_exp",
        statement="1 - e^{-x} <= x for all x",
        minimum=CERTIFIED,
        variables=over(x=REAL),
        sides=written("1 - exp(-x)", "x"),
        contact=({"x": "0"},),
        planted=(wrong("slope", "slope 0.99 at the contact", "1 - exp(-x)", "99*x/100"),),
    ),
    Inequality(
        name="tangent_step",
        statement="e^{g0} (1 + g - g0) <= e^g for all g and g0",
        minimum=CERTIFIED,
        variables=over(g=REAL, g0=REAL),
        sides=written("exp(g0)*(1 + g - g0)", "exp(g)"),
        contact=({"g": "g0"},),
        planted=(wrong("not_tangent", "a line of slope e^{g0}/2", "exp(g0)*(1 + (g - g0)/2)", "exp(g)"),),
    ),
    Inequality(
        name="am_gm",
        statement="w ln a + (1 - w) ln b <= ln(w a + (1 - w) b) for a, b > 0, 0 <= w <= 1",
        minimum=CERTIFIED,
        note="two weights; any number of them by induction, which is GM <= mean",
        variables=over(a=POSITIVE, b=POSITIVE, w=SHARE),
        sides=written("w*log(a) + (1 - w)*log(b)", "log(w*a + (1 - w)*b)"),
        contact=({"a": "b"},),
        planted=(wrong("weights_exchanged", "the weights of a and b exchanged on one side",
                       "w*log(a) + (1 - w)*log(b)", "log((1 - w)*a + w*b)"),),
    ),
    Inequality(
        name="linear_binning",
        statement="(1 - w) ln a + w ln(a + h) <= ln(a + w h): splitting a bet between two nodes lowers ln(D + .)",
        uses=("am_gm",),
        minimum=DERIVED,
        variables=over(a=POSITIVE, h=POSITIVE, w=SHARE),
        sides=written("(1 - w)*log(a) + w*log(a + h)", "log(a + w*h)"),
        planted=(wrong("nearest_node", "the whole weight on the upper node", "log(a + h)", "log(a + w*h)"),),
    ),
    Inequality(
        name="hoeffding_lemma",
        statement="ln(1 - p + p e^x) <= p x + x^2/8 for 0 <= p <= 1 and all x",
        sources=(cited("hoeffding1963"),),
        minimum=CERTIFIED,
        variables=over(p=SHARE, x=REAL),
        sides=written("log(1 - p + p*exp(x))", "p*x + x**2/8"),
        contact=({"x": "0"},),
        planted=(wrong("sixteenth", "x^2/16", "log(1 - p + p*exp(x))", "p*x + x**2/16"),),
    ),
    Inequality(
        name="chord_step",
        statement="e^{w x} <= 1 - w + w e^x for 0 <= w <= 1: e^{lambda X} lies under its chord over the range of X",
        minimum=CERTIFIED,
        variables=over(w=SHARE, x=REAL),
        sides=written("exp(w*x)", "1 - w + w*exp(x)"),
        contact=({"x": "0"},),
        planted=(wrong("tangent_for_chord", "the tangent at 0 in place of the chord", "exp(w*x)", "1 + w*x"),),
    ),
    Inequality(
        name="freedman_step",
        statement="e^{y x} <= 1 + y x + x^2 (e^y - 1 - y) for x <= 1, y >= 0",
        sources=(cited("bennett1962"), cited("freedman1975")),
        minimum=CERTIFIED,
        variables=over(x=("-oo", "1"), y=POSITIVE),
        sides=written("exp(y*x)", "1 + y*x + x**2*phi(y)"),
        contact=({"x": "0"}, {"x": "1"}),
        planted=(
            Planted("beyond_one", "claimed for x <= 1.2", {"variables": over(x=("-oo", "6/5"), y=POSITIVE)}),
            wrong("second_order", "x^2 y^2/2 in place of x^2 (e^y - 1 - y)", "exp(y*x)", "1 + y*x + x**2*y**2/2"),
        ),
    ),
    Inequality(
        name="bennett_step",
        statement="p (e^x - 1 - x) <= e^{p (e^x - 1 - x)} - 1: the moment bound of one step as an exponential",
        uses=("one_minus_exp",),
        minimum=DERIVED,
        variables=over(p=POSITIVE, x=REAL),
        sides=written("1 + p*phi(x)", "exp(p*phi(x))"),
        contact=({"x": "0"},),
        planted=(wrong("variance_halved", "half the variance in the exponent",
                       "1 + p*phi(x)", "exp(p*phi(x)/2)"),),
    ),
    Inequality(
        name="fan_step",
        statement="s x - ln(1 + s x) <= x^2 (-ln(1 - s) - s) for x >= -1, 0 <= s < 1",
        sources=(cited("fan2015"),),
        minimum=CERTIFIED,
        variables=over(x=("-1", "oo"), s=SHARE),
        sides=written("v(s*x)", "x**2*psi(s)"),
        planted=(wrong("without_square", "|x| in place of x^2", "v(s*x)", "Max(x, -x)*psi(s)"),),
    ),
    Inequality(
        name="pinsker",
        statement="2 (p - q)^2 <= kl(q || p)",
        minimum=CERTIFIED,
        variables=over(p=SHARE, q=SHARE),
        sides=written("2*(p - q)**2", _KL),
        contact=({"p": "q"},),
        planted=(wrong("constant", "2.1 in place of 2", "21*(p - q)**2/10",
                       _KL),),
    ),
    Inequality(
        name="change_of_measure",
        statement="q ln a + (1-q) ln b <= kl(q || p) + ln(p a + (1-p) b): E_Q ln M <= KL(Q || P) + ln E_P M",
        sources=(cited("donsker1975"),),
        minimum=CERTIFIED,
        note="two hypotheses; any finite number by induction",
        variables=over(p=SHARE, q=SHARE, a=POSITIVE, b=POSITIVE),
        sides=written("q*log(a) + (1 - q)*log(b)", f"{_KL} + log(p*a + (1 - p)*b)"),
        contact=({"a": "q*(1 - p)*b/(p*(1 - q))"},),
        planted=(wrong("exchanged", "KL(P || Q) in place of KL(Q || P)", "q*log(a) + (1 - q)*log(b)",
                       "binary_kl(p, q) + log(p*a + (1 - p)*b)"),),
    ),
    Inequality(
        name="one_step_product",
        statement="E[(U - X)/(U - m) | past] = 1 for a law on three losses",
        minimum=DERIVED,
        relation="==",
        variables=over(p1=SHARE, p2=SHARE, x1=POSITIVE, x2=POSITIVE, x3=POSITIVE, U=REAL),
        sides=written(_RATIO.format(f"U - ({_THREE_ATOMS})"), "1"),
        planted=(wrong("empirical_centre", "U minus one of the losses for U - m", _RATIO.format("U - x1"), "1"),),
    ),
    Inequality(
        name="one_step_freedman",
        statement="E[1 + s A | past] <= exp(s (Y - m)/Delta), A = (Y - X)/Delta, for a law on two losses",
        uses=("tangent_step",),
        minimum=DERIVED,
        variables=over(p=SHARE, x1=POSITIVE, x2=POSITIVE, Y=REAL, s=SHARE, Delta=POSITIVE),
        sides=written(f"p*{_BET.format('x1')} + (1 - p)*{_BET.format('x2')}", f"exp(s*(Y - ({_TWO_ATOMS}))/Delta)"),
        contact=({"Y": _TWO_ATOMS},),
        planted=(wrong("halved", "half the exponent", f"p*{_BET.format('x1')} + (1 - p)*{_BET.format('x2')}",
                       f"exp(s*(Y - ({_TWO_ATOMS}))/(2*Delta))"),),
    ),
    Inequality(
        name="geometric_mean_dominates",
        statement="D (1 - e^{g - C}) <= D (C - g), g = mean ln(1 + (Y - X)/D): never looser than empirical_freedman",
        uses=("one_minus_exp",),
        minimum=DERIVED,
        variables=over(D=POSITIVE, g=REAL, C=POSITIVE),
        sides=written(_CURVED, "empirical_freedman_shift().subs(mean_log, g) - mean_prediction"),
        contact=({"g": "C"},),
        planted=(wrong("strict_gain", "a second-order gain claimed for every sign of C - g", _CURVED,
                       "D*(C - g - (C - g)**2/2)"),),
    ),
    Inequality(
        name="sigma_form",
        statement="(Delta/s)(C + mean v) = Delta C + Sigma sqrt C, "
        "Sigma = Delta sqrt C (1-s)/s + Delta mean v/(s sqrt C)",
        sources=(cited("finzi2025", "Theorem 3.1"),),
        minimum=DERIVED,
        relation="==",
        variables=over(Delta=POSITIVE, s=SHARE, C=POSITIVE, mean_v=POSITIVE),
        sides=written(
            "empirical_freedman() - mean_loss", "empirical_freedman_sigma().subs(sigma, loss_variation()) - mean_loss"
        ),
        planted=(wrong("range_term_twice", "1/s in place of (1 - s)/s", "Delta*(C + mean_v)/s",
                       "Delta*C + (Delta*sqrt(C)/s + Delta*mean_v/(s*sqrt(C)))*sqrt(C)"),),
    ),
    Inequality(
        name="shift_form",
        statement="mean X + (Delta/s)(C + mean v) = mean Y + D (C - mean ln(1 + sA)), D = Delta/s",
        minimum=DERIVED,
        relation="==",
        variables=over(mean_loss=POSITIVE, mean_prediction=REAL, Delta=POSITIVE, s=SHARE, C=POSITIVE, mean_log=REAL),
        sides=written(
            _PLAIN,
            "empirical_freedman_shift().subs(D, Delta/s)",
        ),
        planted=(wrong("centre_forgotten", "mean X in place of mean Y on the right",
                       _PLAIN, "mean_loss + Delta*(C - mean_log)/s"),),
    ),
    Inequality(
        name="second_stage_range",
        statement="u - c ln u is convex: on [a, a + h] it is at most its larger end value, so W_max is taken at an end",
        uses=("linear_binning",),
        minimum=DERIVED,
        variables=over(a=POSITIVE, h=POSITIVE, w=SHARE, c=POSITIVE),
        sides=written("a + w*h - c*log(a + w*h)", "(1 - w)*(a - c*log(a)) + w*(a + h - c*log(a + h))"),
        planted=(wrong("upper_end_only", "the upper end alone", "a + w*h - c*log(a + w*h)", "a + h - c*log(a + h)"),),
    ),
)  # fmt: skip
