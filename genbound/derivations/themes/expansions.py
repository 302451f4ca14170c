"""Small variance (THEORY 1): expansions of the bound, each coefficient shown, each remainder bounded.

With C = eps^2 the objective of `empirical_freedman` in units of Delta, s = eps t, is

    (1/s)(C + mean v(sA)) = eps (1/t + t mean A^2/2) - eps^2 t^2 mean A^3/3 + eps^3 t^3 mean A^4/4 - ...
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Certified, Identity, Minimum
from genbound.derivations.reasons.asymptotics import Taylor
from genbound.derivations.reasons.averages import Applied
from genbound.derivations.rules import Z
from genbound.symbols import symbols

A, C, D, Delta, eps, s, x, y = symbols("A C D Delta eps s x y")
mean_loss, mean_prediction, mean_v = symbols("mean_loss mean_prediction mean_v")
mean_square, mean_cube, mean_fourth = symbols("mean_square mean_cube mean_fourth")

_HALF, _THIRD = sp.Rational(1, 2), sp.Rational(1, 3)
_CUBIC = x**2 / 2 - x**3 / 3

V_SERIES = Derivation(
    "v_series",
    f.v(x) - x**2 / 2,
    (Step("~", -(x**3) / 3, Taylor(over=x, at=sp.Integer(0), order=3)),),
    title="v(x) = x^2/2 - x^3/3 + o(x^3)",
    note="the leading term is taken off, so that the next one is what ~ is about",
)

V_BELOW = Derivation(
    "v_below",
    f.v(x),
    (Step(">=", _CUBIC, Certified(small=_CUBIC, large=f.v(x), contact={x: sp.Integer(0)})),),
    title="v(x) is nowhere below its cubic",
    where={x: (-1, sp.oo)},
)

V_ABOVE = Derivation(
    "v_above",
    f.v(x),
    (
        Step(
            "<=",
            _CUBIC + x**4 / 2,
            Certified(small=f.v(x), large=_CUBIC + x**4 / 2, contact={x: sp.Integer(0)}),
        ),
    ),
    title="v(x) exceeds its cubic by x^4/2 at most, where x >= -1/2",
    where={x: (-_HALF, sp.oo)},
    note="the term of order 4 of the series is x^4/4; twice that suffices on this domain",
)

_MEANS = {
    sp.log(1 + s * A): s * (mean_prediction - mean_loss) / Delta - mean_v,
    A**4: mean_fourth,
    A**3: mean_cube,
    A**2: mean_square,
    A: (mean_prediction - mean_loss) / Delta,
}
_BALANCED = s**2 * mean_square / 2
_AT_BALANCE = f.empirical_freedman().subs(C, _BALANCED)
_SIDES = {"at": {"x": s * A}, "means": _MEANS, "context": mean_loss + (Delta / s) * (_BALANCED + Z)}
_BALANCE = "s is set to sqrt(2 C/mean A^2), which is written C = s^2 mean A^2/2"

SMALL_VARIANCE_ABOVE = Derivation(
    "small_variance_above",
    _AT_BALANCE,
    (
        Step(
            "<=",
            mean_loss + Delta * (s * mean_square - s**2 * mean_cube / 3 + s**3 * mean_fourth / 2),
            Applied(derivation=V_ABOVE, **_SIDES),
        ),
        Step(
            "==",
            (f.small_variance_bound() + f.small_variance_remainder()).subs(C, _BALANCED),
            Identity(why="s = sqrt(2 C/mean A^2)"),
        ),
    ),
    title="Empirical Freedman at small variance, with its remainder: from above",
    where={s: (0, _HALF)},
    note=f"{_BALANCE}; s <= 1/2 is C <= mean A^2/8",
    sources=(("finzi2025", "Theorem 3.1"),),
)

SMALL_VARIANCE_BELOW = Derivation(
    "small_variance_below",
    _AT_BALANCE,
    (
        Step(
            ">=",
            mean_loss + Delta * (s * mean_square - s**2 * mean_cube / 3),
            Applied(derivation=V_BELOW, **_SIDES),
        ),
        Step("==", f.small_variance_bound().subs(C, _BALANCED), Identity(why="s = sqrt(2 C/mean A^2)")),
    ),
    title="Empirical Freedman at small variance: from below, at the same s",
    note=_BALANCE,
    sources=(("finzi2025", "Theorem 3.1"),),
)

_BEST_SHIFT = Delta * sp.sqrt(mean_square / (2 * C))

SMALL_VARIANCE_LEADING = Derivation(
    "small_variance_leading",
    Delta * sp.sqrt(2 * C * mean_square),
    (
        Step(
            "<=",
            D * C + Delta**2 * mean_square / (2 * D),
            Minimum(function=D * C + Delta**2 * mean_square / (2 * D), over=D, at=_BEST_SHIFT),
        ),
    ),
    title="The best s is sqrt(2 C/mean A^2) to leading order (D = Delta/s)",
    note="v(sA) is replaced by its leading term s^2 A^2/2",
)

_T0 = sp.sqrt(2 / mean_square)
_BEST_CORRECTION = sp.Rational(4, 3) * mean_cube / mean_square**2


def _objective(t: sp.Expr) -> sp.Expr:
    return (
        eps * (1 / t + t * mean_square / 2)
        - eps**2 * t**2 * mean_cube / 3
        + eps**3 * t**3 * mean_fourth / 4
    )  # fmt: skip


_THIRD_COEFFICIENT = y**2 / _T0**3 - sp.Rational(2, 3) * _T0 * mean_cube * y + _T0**3 * mean_fourth / 4
_SERIES = eps * sp.sqrt(2 * mean_square) - eps**2 * sp.Rational(2, 3) * mean_cube / mean_square
_REST = (
    mean_fourth * (3 * _T0**2 * y + 3 * _T0 * eps * y**2 + eps**2 * y**3) / 4
    - mean_cube * y**2 / 3
    - y**3 / (_T0**3 * (_T0 + eps * y))
)

SMALL_VARIANCE_SERIES = Derivation(
    "small_variance_series",
    _objective(_T0 + eps * y),
    (
        Step(
            "==",
            _SERIES + eps**3 * _THIRD_COEFFICIENT + eps**4 * _REST,
            Identity(why="the powers of eps collected; the last part is bounded as eps tends to 0"),
        ),
    ),
    title="Empirical Freedman in powers of eps = sqrt(C), at s = eps sqrt(2/mean A^2) + eps^2 y",
    note="(1/s)(C + mean v(sA)) with the series of v cut after x^4. The first two coefficients do not depend on y: the "
    "leading s already gives them",
)

SMALL_VARIANCE_NEXT = Derivation(
    "small_variance_next",
    f.small_variance_third_order() / (Delta * C ** sp.Rational(3, 2)),
    (
        Step(
            "==",
            _THIRD_COEFFICIENT.subs(y, _BEST_CORRECTION),
            Identity(why="y = (4/3) mean A^3/(mean A^2)^2"),
        ),
        Step("<=", _THIRD_COEFFICIENT, Minimum(function=_THIRD_COEFFICIENT, over=y, at=_BEST_CORRECTION)),
    ),
    title="The next order of the best s: y = (4/3) mean A^3/(mean A^2)^2 is best, with this coefficient of C^{3/2}",
)

SMALL_VARIANCE_MEMBER = Derivation(
    "small_variance_member",
    eps * _T0 + eps**2 * _BEST_CORRECTION,
    (Step("==", f.small_variance_member().subs(C, eps**2), Identity(why="C = eps^2")),),
    title="The best s up to O(C^{3/2}), its two terms put together",
    note="the first term is that of small_variance_leading, the second that of small_variance_next",
)

CHAINS = (
    V_SERIES,
    V_BELOW,
    V_ABOVE,
    SMALL_VARIANCE_ABOVE,
    SMALL_VARIANCE_BELOW,
    SMALL_VARIANCE_LEADING,
    SMALL_VARIANCE_SERIES,
    SMALL_VARIANCE_NEXT,
    SMALL_VARIANCE_MEMBER,
)

MISTAKES = (
    Mistake("v_series", 1, "sign_of_the_cube", "the cube added", after=x**3 / 3),
    Mistake("v_below", 1, "quadratic", "x^2/2 alone taken for a lower bound on both sides of 0", after=x**2 / 2,
            reason={"small": x**2 / 2}),
    Mistake("v_above", 1, "next_term_only", "the next term of the series, x^4/4, taken for an upper bound",
            after=_CUBIC + x**4 / 4, reason={"large": _CUBIC + x**4 / 4}),
    Mistake("small_variance_above", 2, "third_of_the_cube", "1/3 in place of 2/3: s^2 = C/mean A^2 in that term",
            after=f.small_variance_bound().subs(C, _BALANCED) + Delta * s**2 * mean_cube / 6
            + f.small_variance_remainder().subs(C, _BALANCED)),
    Mistake("small_variance_below", 1, "upwards", "the cubic taken for an upper bound of mean v(sA)", relation="<="),
    Mistake("small_variance_below", 2, "variance_not_doubled", "sqrt(C mean A^2) in place of sqrt(2 C mean A^2)",
            after=f.small_variance_bound().subs(C, _BALANCED) - Delta * s * mean_square * (1 - 1 / sp.sqrt(2))),
    Mistake("small_variance_leading", 1, "constant", "sqrt(3 C mean A^2) claimed as the least value",
            reason={"at": Delta * sp.sqrt(mean_square / (3 * C))}),
    Mistake("small_variance_series", 1, "sign_of_the_cube", "a loss skewed upwards taken to lower the bound",
            after=_SERIES.subs(mean_cube, -mean_cube) + eps**3 * _THIRD_COEFFICIENT + eps**4 * _REST),
    Mistake("small_variance_next", 1, "cube_not_squared", "2/3 in place of 2/9: the gain of the better s threefold",
            after=_T0**3 * (mean_fourth / 4 - sp.Rational(2, 3) * mean_cube**2 / mean_square)),
    Mistake("small_variance_next", 2, "half_the_correction", "y = (2/3) mean A^3/(mean A^2)^2 taken for the best",
            reason={"at": _BEST_CORRECTION / 2}),
    Mistake("small_variance_member", 1, "correction_forgotten", "the leading s taken for both orders",
            after=sp.sqrt(2 / mean_square) * eps),
)  # fmt: skip
