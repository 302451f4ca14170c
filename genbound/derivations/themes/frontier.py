"""The compute-optimal frontier of [H22] and the nats per token along it (THEORY 9)."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Identity, Optimum
from genbound.derivations.reasons.asymptotics import Leading, Solve
from genbound.derivations.reasons.paths import Along
from genbound.symbols import symbols

N, D, F, t, rho = symbols("parameters training_tokens compute log_parameters tokens_per_parameter")
A, a, B, b = symbols("parameter_coefficient parameter_exponent data_coefficient data_exponent")
bit_width, log_inv_delta = symbols("bit_width log_inv_delta")

_SPENT = f.chinchilla_excess().subs(D, F / (6 * N))
_IN_LOG = A * sp.exp(-a * t) + B * (F / 6) ** -b * sp.exp(b * t)
_BEST = sp.log(f.frontier_parameters())

CHINCHILLA_FRONTIER = Derivation(
    "chinchilla_frontier",
    _SPENT,
    (
        Step("->", _SPENT.subs(N, sp.exp(t)), Along(over=N, at=sp.exp(t))),
        Step(
            "==",
            _IN_LOG,
            Identity(why="exponentials of t = ln N: strictly convex"),
        ),
        Step("->", _IN_LOG.subs(t, _BEST), Optimum(over=t, at=_BEST)),
        Step("==", f.frontier_excess(), Identity(why="aA N^-a = bB D^-b at the minimum")),
    ),
    title="The loss on the compute-optimal frontier, with its constants",
    note="E does not move the minimum and is left out. D = F/(6N) spends the compute.",
    sources=("hoffmann2022",),
)

_SLOPE = N**a * (b * B * (6 * N / F) ** b - a * A * N**-a)

FRONTIER_PARAMETERS = Derivation(
    "frontier_parameters",
    _SLOPE,
    (
        Step("==", b * B * (6 / F) ** b * N ** (a + b) - a * A, Identity()),
        Step("->", f.frontier_parameters(), Solve(over=N, at=f.frontier_parameters())),
    ),
    formula="frontier_parameters",
    title="The only number of parameters at which the loss stops falling",
    note="The first line is N^a dL/d ln N at D = F/(6N): it rises with N from below 0 to above.",
    sources=("hoffmann2022",),
)

_AT_BEST = F / (6 * f.frontier_parameters())

FRONTIER_TOKENS = Derivation(
    "frontier_tokens",
    F / (6 * N),
    (
        Step("->", _AT_BEST, Along(over=N, at=f.frontier_parameters(), derived=FRONTIER_PARAMETERS)),
        Step("==", f.frontier_tokens(), Identity(why="1 - b/(a+b) = a/(a+b)")),
    ),
    formula="frontier_tokens",
    title="The tokens of the compute-optimal model",
    sources=("hoffmann2022",),
)

_COMPUTE = 6 * (N / f.frontier_constant()) ** ((a + b) / b)

FRONTIER_COMPUTE = Derivation(
    "frontier_compute",
    f.frontier_parameters() - N,
    (Step("->", _COMPUTE, Solve(over=F, at=_COMPUTE)),),
    title="The compute whose best model has N parameters",
)

FRONTIER_RELATION = Derivation(
    "frontier_relation",
    f.frontier_tokens(),
    (
        Step("->", f.frontier_tokens().subs(F, _COMPUTE), Along(over=F, at=_COMPUTE, derived=FRONTIER_COMPUTE)),
        Step("==", f.frontier_tokens_of_parameters(), Identity(why="G^{-(a+b)/b} = (bB/(aA))^{1/b}")),
    ),
    formula="frontier_tokens_of_parameters",
    title="Tokens against parameters along the frontier",
)

FRONTIER_RATIO = Derivation(
    "frontier_ratio",
    f.frontier_tokens_of_parameters() / N,
    (Step("==", f.frontier_tokens_per_parameter(), Identity()),),
    formula="frontier_tokens_per_parameter",
    title="Tokens per parameter along the frontier: constant for a = b only",
    note="N^{a/b - 1}: with a = .34, b = .28 [H22] it grows as N^.214, with a = .3478, b = .3658 [B24] it falls as "
    "N^-.049. Twenty tokens a parameter is a rule of thumb for one size, not a law.",
    sources=("hoffmann2022", "besiroglu2024"),
)

_FIXED = f.parameters_per_token().subs(D, rho * N)

PARAMETERS_PER_TOKEN = Derivation(
    "parameters_per_token",
    f.parameters_per_token(),
    (
        Step("->", _FIXED, Along(over=D, at=rho * N)),
        Step("~", f.fixed_ratio_complexity(), Leading(over=N)),
    ),
    title="Nats per token of a b-bit code at a fixed number of tokens per parameter",
    note="At 20 tokens a parameter and b bits: b ln 2/20, .139 nats at 4 bits. It does not fall as the model grows.",
    sources=("finzi2025",),
)

_ON_FRONTIER = f.parameters_per_token().subs(D, f.frontier_tokens_of_parameters())

FRONTIER_COMPLEXITY = Derivation(
    "frontier_complexity",
    f.parameters_per_token(),
    (
        Step("->", _ON_FRONTIER, Along(over=D, at=f.frontier_tokens_of_parameters(), derived=FRONTIER_RELATION)),
        Step("~", f.frontier_complexity(), Leading(over=N)),
    ),
    title="Nats per token of a b-bit code along the frontier: constant for a = b only, falling for a > b only",
    note="With the exponents of [H22] it falls as N^-.214, with those of [B24] it grows as N^.049.",
    sources=("finzi2025", "hoffmann2022"),
)

CHAINS = (
    CHINCHILLA_FRONTIER,
    FRONTIER_PARAMETERS,
    FRONTIER_TOKENS,
    FRONTIER_COMPUTE,
    FRONTIER_RELATION,
    FRONTIER_RATIO,
    PARAMETERS_PER_TOKEN,
    FRONTIER_COMPLEXITY,
)

_EXCHANGED = sp.log(f.frontier_constant()) + a / (a + b) * sp.log(F / 6)

MISTAKES = (
    Mistake("chinchilla_frontier", 3, "exponents_exchanged", "N = G (F/6)^{a/(a+b)} taken for the minimum",
            after=_IN_LOG.subs(t, _EXCHANGED), reason={"at": _EXCHANGED}),
    Mistake("chinchilla_frontier", 4, "tokens_for_nothing", "the loss of finite data left out",
            after=A * f.frontier_parameters() ** -a),
    Mistake("frontier_parameters", 2, "first_power", "A/B for aA/(bB)",
            after=(A / B) ** (1 / (a + b)) * (F / 6) ** (b / (a + b)),
            reason={"at": (A / B) ** (1 / (a + b)) * (F / 6) ** (b / (a + b))}),
    Mistake("frontier_compute", 1, "proportional", "compute proportional to N^2, whatever a and b",
            after=6 * (N / f.frontier_constant()) ** 2, reason={"at": 6 * (N / f.frontier_constant()) ** 2}),
    Mistake("frontier_tokens", 2, "exponents_exchanged", "(F/6)^{b/(a+b)} for (F/6)^{a/(a+b)}",
            after=(F / 6) ** (b / (a + b)) / f.frontier_constant()),
    Mistake("frontier_relation", 2, "proportional", "D proportional to N, whatever a and b",
            after=(b * B / (a * A)) ** (1 / b) * N),
    Mistake("frontier_ratio", 1, "constant", "a constant number of tokens per parameter, whatever a and b",
            after=(b * B / (a * A)) ** (1 / b)),
    Mistake("parameters_per_token", 2, "bits_for_nats", "bits, not nats", after=bit_width / rho),
    Mistake("frontier_complexity", 2, "flat", "constant along the frontier, whatever a and b",
            after=bit_width * sp.log(2) * (a * A / (b * B)) ** (1 / b)),
)  # fmt: skip
