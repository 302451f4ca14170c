"""The gap of the published bound as models grow: what is left of it, how it falls, which term leads (THEORY 9).

Put together from the law of C, the law of the loss variation and the law of the quantization error; each is an
assumption, and the chains say what follows from all of them.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.asymptotics import Leading, Solve
from genbound.derivations.reasons.paths import Along, Negligible
from genbound.symbols import symbol, symbols

C, V, N, sigma, b, more = symbols("C V parameters sigma data_exponent a")
c, kappa, r = symbols("complexity_coefficient complexity_exponent quantization_exponent")
limit, falling, gamma = symbols("variation_limit variation_coefficient variation_exponent")

LOSS_VARIATION_LAW = Derivation(
    "loss_variation_law",
    f.loss_variation_law(),
    (Step("~", f.variation_left(), Leading(over=N)),),
    title="What is left of the loss variation",
    note="A fit: .27 + 8337 N^-.54 on Pythia. Read as it stands, the loss variation tends to .27 nats, not to 0.",
    sources=("finzi2025",),
)

_GAP = f.finzi_bound() - symbol("unsmoothed_loss") + f.quantization_law()
"""The published bound less the empirical risk of the coded model, and what coding has cost."""


def _with_laws(of_c: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The gap with this law of C, and with that of the loss variation as well."""
    first = _GAP.subs(C, of_c)
    return first, first.subs(sigma, f.loss_variation_law())


def _laws(of_c: sp.Expr) -> tuple[Step, Step]:
    first, second = _with_laws(of_c)
    return (Step("->", first, Along(over=C, at=of_c)), Step("->", second, Along(over=sigma, at=f.loss_variation_law())))


GAP_LAW = Derivation(
    "gap_law",
    _GAP,
    (
        *_laws(f.complexity_law()),
        Step("~", f.gap_leading(), Negligible(over=N, kept=(f.gap_root_term(), f.quantization_law()))),
    ),
    title="The gap where C falls with the size of the model",
    note="It falls as N^-min(kappa/2, r), as slowly as the square root of C: C ln V falls as N^-kappa and never leads, "
    "the falling part of the loss variation as N^{-gamma-kappa/2}. Assumed: C = c_C N^-kappa with kappa > 0, "
    "Sigma = Sigma_oo + c N^-gamma whatever C is, a quantization error of c_Q N^-r, all of them exactly.",
    sources=("finzi2025",),
)

GAP_LIMIT = Derivation(
    "gap_limit",
    _GAP,
    (
        *_laws(c),
        Step("~", f.gap_limit(), Negligible(over=N, kept=(c * sp.log(V), (limit + sp.sqrt(2)) * sp.sqrt(c)))),
    ),
    formula="gap_limit",
    title="The gap where C stays what it is: it does not vanish",
    note="Larger models gain what the falling part of the loss variation and the quantization error give, no more: "
    "C ln V, Sigma_oo sqrt(C) and sqrt(2C) stay.",
    sources=("finzi2025",),
)

_GROWN = c * N**kappa

GAP_GROWS = Derivation(
    "gap_grows",
    _GAP,
    (*_laws(_GROWN), Step("~", _GROWN * sp.log(V), Negligible(over=N, kept=(_GROWN * sp.log(V),)))),
    title="The gap where C grows with the size of the model: C ln V leads, and the gap outgrows ln V",
    note="kappa is here the power of N with which C grows. So it is with b-bit codes along the frontier for a < b, by "
    "frontier_complexity: C grows as N^{1 - a/b}, with the exponents of [B24] as N^.049. For a > b gap_law holds with "
    "kappa = a/b - 1: .214 with those of [H22].",
    sources=("finzi2025", "hoffmann2022", "besiroglu2024"),
)

_FIXED = f.fixed_ratio_complexity()

FIXED_RATIO_GAP = Derivation(
    "fixed_ratio_gap",
    _GAP,
    (
        *_laws(_FIXED),
        Step("~", f.fixed_ratio_gap(),
             Negligible(over=N, kept=(_FIXED * sp.log(V), (limit + sp.sqrt(2)) * sp.sqrt(_FIXED)))),
    ),
    formula="fixed_ratio_gap",
    title="What is left of the gap with b bits a parameter at a fixed number of tokens per parameter",
    note="C = b ln 2/rho, its limit (parameters_per_token). At 4 bits, 20 tokens a parameter, V = 50304 and "
    "Sigma_oo = .27 about 2.1 nats are left, 1.5 of them C ln V.",
    sources=("finzi2025",),
)  # fmt: skip

_PREQUENTIAL = f.frontier_prequential_complexity()

FRONTIER_GAP = Derivation(
    "frontier_gap",
    _GAP,
    (
        *_laws(_PREQUENTIAL),
        Step("~", f.frontier_gap(), Negligible(over=N, kept=(
            f.frontier_gap() - f.quantization_law(), f.quantization_law()))),
    ),
    formula="frontier_gap",
    where={b: (0, 1)},
    title="The gap with a code as long as the prequential area, along the frontier",
    note="Heuristic: no code of that length is exhibited (prequential_information). The exponent is min(a/2, r): "
    "half of Chinchilla's a, .17, unless quantization is slower. C is its leading term: ln(1/delta)/D is less.",
    sources=("finzi2025", "hoffmann2022"),
)  # fmt: skip

_LINE = f.gap_law()


def _case(name: str, over: sp.Symbol, at: sp.Expr, last: sp.Expr, kept: tuple[sp.Expr, ...], **told: str) -> Derivation:
    return Derivation(
        name,
        _LINE,
        (Step("->", _LINE.subs(over, at), Along(over=over, at=at)), Step("~", last, Negligible(over=N, kept=kept))),
        **told,
    )


GAP_LED_BY_ROOTS = _case("gap_led_by_roots", r, kappa / 2 + more, f.gap_root_term(), (f.gap_root_term(),),
                         formula="gap_root_term", title="The leading term of the gap for r > kappa/2",
                         note="sqrt(2) is the price of smoothing, Sigma_oo the loss variation.")  # fmt: skip
GAP_LED_BY_QUANTIZATION = _case("gap_led_by_quantization", kappa, 2 * r + more, f.quantization_law(),
                                (f.quantization_law(),), formula="quantization_law",
                                title="The leading term of the gap for r < kappa/2")  # fmt: skip

_SHARP = f.gap_law_sharp()
_ROOT_LEFT = limit * sp.sqrt(c) * N ** (-kappa / 2)

GAP_LAW_SHARP = Derivation(
    "gap_law_sharp",
    _SHARP,
    (Step("~", _ROOT_LEFT + f.quantization_law(), Negligible(over=N, kept=(_ROOT_LEFT, f.quantization_law()))),),
    title="The gap with the true price of smoothing, h(C) for sqrt(2C)",
    note="h(C) falls as C ln(1/C): of the square roots only that of the loss variation is left, so that the exponent "
    "rises above kappa/2 as soon as Sigma_oo = 0.",
)

_NONE_LEFT = _SHARP.subs(limit, 0)

GAP_LAW_SHARP_WITHOUT_LIMIT = Derivation(
    "gap_law_sharp_without_limit",
    _SHARP,
    (
        Step("->", _NONE_LEFT, Along(over=limit, at=sp.Integer(0))),
        Step("~", f.sharp_gap_leading(), Negligible(over=N, kept=sp.Add.make_args(f.sharp_gap_leading()))),
    ),
    formula="sharp_gap_leading",
    title="The same, where the loss variation vanishes",
    note="The exponent is min(kappa, gamma + kappa/2, r), with a factor ln N for the first.",
)

_ROOTS = limit + sp.sqrt(2)

_LEVEL = (_ROOTS / more) ** 2

GAP_TURN = Derivation(
    "gap_turn",
    sp.sqrt(C) * more - _ROOTS,
    (
        Step("->", _LEVEL, Solve(over=C, at=_LEVEL)),
        Step("->", f.gap_turn(), Along(over=more, at=sp.log(V))),
    ),
    formula="gap_turn",
    title="The C above which C ln V is more than the square roots together, and below which it is less",
    note="The first line is (C ln V - (Sigma_oo + sqrt 2) sqrt(C))/sqrt(C), a = ln V. At V = 50304, Sigma_oo = .27: "
    "C = .0242.",
)

_SIZE = (c / more) ** (1 / kappa)

GAP_TURN_PARAMETERS = Derivation(
    "gap_turn_parameters",
    f.complexity_law() - more,
    (
        Step("->", _SIZE, Solve(over=N, at=_SIZE)),
        Step("->", f.gap_turn_parameters(), Along(over=more, at=f.gap_turn(), derived=GAP_TURN)),
    ),
    formula="gap_turn_parameters",
    title="The size from which on the square roots outweigh C ln V",
)

CHAINS = (
    LOSS_VARIATION_LAW,
    GAP_LAW,
    GAP_LIMIT,
    GAP_GROWS,
    FIXED_RATIO_GAP,
    FRONTIER_GAP,
    GAP_LED_BY_ROOTS,
    GAP_LED_BY_QUANTIZATION,
    GAP_TURN,
    GAP_TURN_PARAMETERS,
    GAP_LAW_SHARP,
    GAP_LAW_SHARP_WITHOUT_LIMIT,
)

_NO_LOGARITHM = f.sharp_gap_leading().subs(sp.log(N), 1)
_FASTER = f.gap_root_term().subs(kappa, 2 * r + more)

MISTAKES = (
    Mistake("loss_variation_law", 1, "vanishes", "the loss variation taken to vanish", after=falling * N**-gamma),
    Mistake("gap_law", 3, "falls_like_C", "C ln V taken for the leading term",
            after=f.complexity_law() * sp.log(V) + f.quantization_law(),
            reason={"kept": (f.complexity_law() * sp.log(V), f.quantization_law())}),
    Mistake("gap_law", 3, "no_smoothing", "sqrt(2C) forgotten",
            after=_ROOT_LEFT + f.quantization_law(), reason={"kept": (_ROOT_LEFT, f.quantization_law())}),
    Mistake("gap_limit", 3, "vanishes", "only what falls is kept: as if the gap vanished",
            after=f.quantization_law(), reason={"kept": (f.quantization_law(),)}),
    Mistake("gap_grows", 3, "roots", "the square roots, which lead only where C falls",
            after=(limit + sp.sqrt(2)) * sp.sqrt(_GROWN), reason={"kept": ((limit + sp.sqrt(2)) * sp.sqrt(_GROWN),)}),
    Mistake("fixed_ratio_gap", 3, "complexity_alone", "C ln V alone", after=_FIXED * sp.log(V),
            reason={"kept": (_FIXED * sp.log(V),)}),
    Mistake("frontier_gap", 3, "exponent_of_C", "the exponent a of C, not a/2",
            after=_PREQUENTIAL * sp.log(V) + f.quantization_law(),
            reason={"kept": (_PREQUENTIAL * sp.log(V), f.quantization_law())}),
    Mistake("gap_led_by_roots", 2, "variation_alone", "Sigma_oo sqrt(C) alone: smoothing costs nothing",
            after=_ROOT_LEFT, reason={"kept": (_ROOT_LEFT,)}),
    Mistake("gap_led_by_quantization", 2, "roots", "the square roots, although they fall faster",
            after=_FASTER, reason={"kept": (_FASTER,)}),
    Mistake("gap_turn", 1, "not_squared", "C = (Sigma_oo + sqrt 2)/ln V",
            after=_ROOTS / more, reason={"at": _ROOTS / more}),
    Mistake("gap_turn_parameters", 1, "linear", "the exponent kappa forgotten", after=c / more,
            reason={"at": c / more}),
    Mistake("gap_law_sharp", 1, "root_price", "sqrt(2C) kept, although h(C) was paid",
            after=f.gap_leading(), reason={"kept": (f.gap_root_term(), f.quantization_law())}),
    Mistake("gap_law_sharp_without_limit", 2, "no_logarithm", "h(C) taken to be of the order of C",
            after=_NO_LOGARITHM, reason={"kept": sp.Add.make_args(_NO_LOGARITHM)}),
)  # fmt: skip
