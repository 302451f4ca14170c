"""From the spectrum of the Hessian to the quantization error that the law of the gap asks for (THEORY 9)."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Identity
from genbound.derivations.reasons.asymptotics import Squeeze
from genbound.derivations.reasons.paths import Along
from genbound.derivations.rules import Z
from genbound.derivations.themes.power_law import ONE, SIDES, TWO, exchanged, sum_bound
from genbound.symbols import symbols

n, p, N = symbols("dimension spectral_exponent parameters")
_BELOW_TWO = {p: (sp.Integer(0), TWO)}
_SUM = f.power_sum(p / 2)


def _line(z: sp.Expr) -> sp.Expr:
    return f.quantization_error().subs(_SUM, z)


def _bounds() -> tuple[Derivation, Derivation]:
    found = []
    for side, _, sign in SIDES:
        value, reason = sum_bound(p / 2, side, False)
        step = Step(sign, _line(value), replace(reason, context=_line(Z)))
        title = f"the bound on the error of LDLQ, from {side}"
        found.append(Derivation(f"quantization_error_{side}", _line(_SUM), (step,), title=title, where=_BELOW_TWO))
    return found[0], found[1]


BELOW, ABOVE = _bounds()

QUANTIZATION_ERROR = Derivation(
    "quantization_error",
    f.quantization_error(),
    (Step("~", f.quantization_error_slow(), Squeeze(below=BELOW, above=ABOVE, over=n)),),
    title="the bound on the error of LDLQ for p < 2: it falls with the width for p > 1 only",
    where=_BELOW_TWO,
    note="the bound is cited: the mean error of LDLQ is (m/12) Delta_b^2 tr(D), tr(D) <= (mu^2/n) tr(H^(1/2))^2 for a "
    "mu-incoherent Hessian. At p = 2 it is of the order ln(n)^2/n, for p > 2 of the order 1/n",
    sources=("chee2023",),
)

_WIDTH = sp.sqrt(N)

QUANTIZATION_AGAINST_SIZE = Derivation(
    "quantization_against_size",
    f.trace_ratio_middle(),
    (
        Step("->", f.trace_ratio_middle().subs(n, _WIDTH), Along(over=n, at=_WIDTH)),
        Step("==", N ** ((1 - p) / 2) / ((1 - p / 2) ** 2 * sp.zeta(p)), Identity()),
    ),
    title="LDLQ over nearest rounding against the size of a square layer: N^{-(p-1)/2} for 1 < p < 2",
    where={p: (ONE, TWO), N: (ONE, sp.oo)},
    note="N = n^2 weights in the layer. It is the exponent r of the law of the gap where layers grow in width, keep "
    "their number, and nearest rounding costs the same at every size. Above p = 2 the bound gives 1/2 and no more.",
)

CHAINS = (BELOW, ABOVE, QUANTIZATION_ERROR, QUANTIZATION_AGAINST_SIZE)

MISTAKES = (
    *exchanged((BELOW, ABOVE), "tr H^(1/2)"),
    Mistake("quantization_error", 1, "square_forgotten", "1 - p/2 not squared",
            after=f.quantization_error_slow() * (1 - p / 2)),
    Mistake("quantization_against_size", 2, "width_for_size", "N^(1-p), as if N were the width",
            after=N ** (1 - p) / ((1 - p / 2) ** 2 * sp.zeta(p))),
)  # fmt: skip
