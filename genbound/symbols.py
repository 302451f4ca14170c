"""The alphabet: each symbol of the theory once, with its code name, domain, unit and meaning.

Natural logarithms and nats throughout. Where the literature uses one letter for two things, each has a name here:
bit_width (b, quantization) and data_exponent (Chinchilla's b); B (ceiling) and data_coefficient (Chinchilla's B);
D (shift) and training_tokens (Chinchilla's D); s_grid_size (|K|) and code_bits (K(h)); sigma (the loss variation
Sigma of [F25]) and variance.

This module imports sympy; nobody imports it at `import genbound`.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import sympy as sp

from genbound.errors import domain_error


@dataclass(frozen=True)
class Quantity:
    """One symbol: `lower` and `upper` are the ends of its domain as sympy reads them, open unless finite and closed."""

    name: str
    tex: str
    lower: str
    upper: str
    unit: str
    meaning: str

    @property
    def symbol(self) -> sp.Symbol:
        """The sympy symbol; its name is the code name and its assumptions follow from the domain."""
        low, high = sp.sympify(self.lower), sp.sympify(self.upper)
        if low >= 0:
            return sp.Symbol(self.name, positive=True)
        return sp.Symbol(self.name, negative=True) if high <= 0 else sp.Symbol(self.name, real=True)

    @property
    def domain(self) -> str:
        """`lower <= name <= upper`, in words of the code.

        >>> quantity("s").domain
        '0 <= s <= 1'
        """
        return f"{self.lower} <= {self.name} <= {self.upper}"


_TOKEN = "nats, token k"
_NATS = "nats per token"

_TABLE = (
    # per token: functions of the stream up to token k
    Quantity("X", "X_k", "0", "oo", _TOKEN, "loss of the hypothesis on token k"),
    Quantity("Y", "Y_k", "-oo", "oo", _TOKEN, "predictable centre: a function of the past only"),
    Quantity("U", "U_k", "-oo", "oo", _TOKEN, "predictable upper bound, U >= X under the true law"),
    Quantity("L", "L_k", "-oo", "oo", _TOKEN, "predictable lower bound, L <= X under the true law"),
    Quantity("m", "m_k", "0", "oo", _TOKEN, "conditional mean E[X_k | F_{k-1}]"),
    Quantity("A", "A_k", "-1", "oo", "none", "standardised bet (Y - X)/Delta"),
    Quantity("W", "W_k", "-oo", "oo", _TOKEN, "term of the two-stage bound, U - c (1 + ln(U - X) - g0)"),
    # means over the tokens
    Quantity("R", "R", "0", "oo", _NATS, "risk: the mean of m_k"),
    Quantity("mean_loss", r"\bar X", "0", "oo", _NATS, "empirical risk: mean of X"),
    Quantity("mean_prediction", r"\bar Y", "-oo", "oo", _NATS, "mean of Y"),
    Quantity("mean_bound", r"\bar U", "-oo", "oo", _NATS, "mean of U"),
    Quantity("mean_lower", r"\bar L", "-oo", "oo", _NATS, "mean of L"),
    Quantity("G", r"\mathrm{GM}(U - X)", "0", "oo", _NATS, "geometric mean exp(mean ln(U - X)); U may be constant, u"),
    Quantity("G_true", r"\mathrm{GM}(U - m)", "0", "oo", _NATS, "geometric mean exp(mean ln(U - m))"),
    Quantity("G_lower", r"\mathrm{GM}(X - L)", "0", "oo", _NATS, "geometric mean exp(mean ln(X - L))"),
    Quantity("G_lower_true", r"\mathrm{GM}(m - L)", "0", "oo", _NATS, "geometric mean exp(mean ln(m - L))"),
    Quantity("mean_v", r"\overline{v(sA)}", "0", "oo", "none", "mean of v(sA), v(x) = x - ln(1 + x)"),
    Quantity("mean_log", r"\overline{\ln(1+sA)}", "-oo", "oo", "none", "mean of ln(1 + sA)"),
    Quantity("mean_square", r"\overline{A^2}", "0", "oo", "none", "mean of A^2"),
    Quantity("variance", r"\bar\sigma^2", "0", "oo", "nats^2 per token", "bound on the mean conditional variance"),
    Quantity("mean_W", r"\bar W", "-oo", "oo", _NATS, "mean of W over the stream"),
    Quantity("unsmoothed_loss", r"\hat R", "0", "oo", _NATS, "empirical risk before smoothing"),
    Quantity("sampled_loss", r"\hat R_m", "0", "oo", _NATS, "mean loss of m sampled observations"),
    # constants of the statement
    Quantity("C", "C", "0", "oo", _NATS, "complexity: everything paid, ln(1/delta)/n included"),
    Quantity("C1", "C_1", "0", "oo", _NATS, "complexity of the first stage"),
    Quantity("C2", "C_2", "0", "oo", "nats per observation", "complexity of the second stage"),
    Quantity("n", "n", "1", "oo", "tokens", "number of tokens"),
    Quantity("m_sampled", "m", "1", "oo", "observations", "number of sampled observations"),
    Quantity("delta", r"\delta", "0", "1", "none", "failure probability"),
    Quantity("log_inv_delta", r"\ln(1/\delta)", "0", "oo", "nats", "ln(1/delta)"),
    Quantity("B", "B", "0", "oo", _NATS, "B >= X under the true law"),
    Quantity("loss_floor", r"\ell", "-oo", "oo", _NATS, "a constant <= X under the true law"),
    Quantity("Delta", r"\Delta", "0", "oo", _NATS, "range: of the losses, or a bound on X - Y"),
    Quantity("D", "D", "0", "oo", _NATS, "shift: U = Y + D"),
    Quantity("s", "s", "0", "1", "none", "Delta/D, a member of the grid K"),
    Quantity("s_grid_size", "|K|", "1", "oo", "members", "size of the grid K"),
    Quantity("sigma", r"\Sigma", "0", "oo", _NATS, "loss variation of [F25]"),
    Quantity("lam", r"\lambda", "0", "oo", "per nat", "Chernoff parameter; scale of a density"),
    Quantity("conditional_variance", r"\sigma_k^2", "0", "oo", "nats^2, token k", "Var[X_k | F_{k-1}]"),
    # smoothing
    Quantity("alpha", r"\alpha", "0", "1", "none", "smoothing weight"),
    Quantity("V", "V", "2", "oo", "tokens", "vocabulary size"),
    Quantity("h_min", r"h_{\min}", "0", "oo", _NATS, "least entropy of a smoothed prediction"),
    Quantity("l_min", r"\ell_{\min}", "0", "oo", _NATS, "least loss of a smoothed prediction"),
    Quantity("p_min", r"\min_x p(x)", "0", "1", "none", "least probability of the prediction in one context"),
    # many hypotheses
    Quantity("code_bits", "L(h)", "0", "oo", "bits", "prefix-free code length of the hypothesis"),
    Quantity("prior", r"\pi_j", "0", "1", "none", "prior weight of a family member"),
    Quantity("KL", r"\mathrm{KL}(Q\|P)", "0", "oo", "nats", "relative entropy of the posterior to the prior"),
    Quantity("log_ratio", r"\ln\frac{dQ}{dP}(\omega)", "-oo", "oo", "nats", "log-density ratio at the draw"),
    Quantity("log_teacher", r"\ln q", "-oo", "0", "nats", "log-probability of the transcript under the teacher"),
    Quantity("log_student", r"\ln p", "-oo", "0", "nats", "log-probability of the transcript under the student"),
    Quantity("draws", "r", "1", "oo", "draws", "number of draws looked at"),
    Quantity("prefix", "n_0", "0", "oo", "tokens", "tokens the data-dependent prior may read"),
    Quantity("posterior_risk", r"E_Q R", "0", "oo", _NATS, "risk averaged over the posterior Q"),
    Quantity("posterior_bound", r"E_Q \bar U", "-oo", "oo", _NATS, "mean of U, averaged over the posterior Q"),
    Quantity("posterior_G", r"\mathrm{GM}_Q(U - X)", "0", "oo", _NATS, "exp(E_Q mean ln(U - X))"),
    Quantity("later_risk", r"R_{>n_0}", "0", "oo", _NATS, "risk on the tokens after n_0"),
    Quantity("later_bound", r"\bar U_{>n_0}", "-oo", "oo", _NATS, "mean of U over the tokens after n_0"),
    Quantity("later_G", r"\mathrm{GM}_{>n_0}(U - X)", "0", "oo", _NATS, "geometric mean over the tokens after n_0"),
    # sampled evaluation
    Quantity("g", "g", "-oo", "oo", "ln nats", "mean ln(U - X)"),
    Quantity("g0", "g_0", "-oo", "oo", "ln nats", "where the tangent of exp touches"),
    Quantity("c", "c", "0", "oo", _NATS, "e^{g0 - C_1}"),
    Quantity("u", "u", "-oo", "oo", _NATS, "constant upper bound of what is averaged"),
    Quantity("G_second", r"\mathrm{GM}(u - W)", "0", "oo", _NATS, "geometric mean of u - W over the sample"),
    Quantity("mean_centred", r"\bar Z", "-oo", "oo", _NATS, "mean over the stream of Z = Y - (Delta/s) ln(1 + sA)"),
    Quantity("G_centred", r"\mathrm{GM}(u - Z)", "0", "oo", _NATS, "geometric mean of u - Z over the sample"),
    Quantity("G_sampled", r"\mathrm{GM}_m(u - X)", "0", "oo", _NATS, "geometric mean of u - X over the sample"),
    # free variables of the lemmas
    Quantity("x", "x", "-oo", "oo", "none", "a real number"),
    Quantity("y", "y", "-oo", "oo", "none", "a real number"),
    Quantity("z", "z", "-oo", "oo", "none", "place holder of a context"),
    Quantity("a", "a", "0", "oo", "none", "a positive number"),
    Quantity("b", "b", "0", "oo", "none", "a positive number"),
    Quantity("h", "h", "0", "oo", "none", "distance between two nodes"),
    Quantity("w", "w", "0", "1", "none", "a weight"),
    Quantity("p", "p", "0", "1", "none", "a probability"),
    Quantity("q", "q", "0", "1", "none", "a probability"),
    Quantity("p1", "p_1", "0", "1", "none", "probability of the first atom"),
    Quantity("p2", "p_2", "0", "1", "none", "probability of the second atom"),
    Quantity("x1", "x_1", "0", "oo", _TOKEN, "first possible loss"),
    Quantity("x2", "x_2", "0", "oo", _TOKEN, "second possible loss"),
    Quantity("x3", "x_3", "0", "oo", _TOKEN, "third possible loss"),
    Quantity("i", "i", "1", "oo", "none", "index of a sum"),
    Quantity("bit_width", "b", "0", "oo", "bits per parameter", "bits of a quantized parameter"),
    # scaling laws: the frontier
    Quantity("parameters", "N", "0", "oo", "parameters", "number of parameters"),
    Quantity("log_parameters", r"\ln N", "-oo", "oo", "none", "ln N"),
    Quantity("training_tokens", "D_H", "0", "oo", "tokens", "Chinchilla's D: training tokens"),
    Quantity("compute", "F", "0", "oo", "FLOP", "training compute, 6 N D"),
    Quantity("irreducible_loss", "E", "0", "oo", _NATS, "Chinchilla's E: the loss of the best predictor"),
    Quantity("parameter_coefficient", "A_H", "0", "oo", _NATS, "Chinchilla's A"),
    Quantity("parameter_exponent", "a_H", "0", "oo", "none", "Chinchilla's a: exponent of the parameters"),
    Quantity("data_coefficient", "B_H", "0", "oo", _NATS, "Chinchilla's B"),
    Quantity("data_exponent", "b_H", "0", "oo", "none", "Chinchilla's b: exponent of the training tokens"),
    Quantity("tokens_per_parameter", r"\rho", "0", "oo", "tokens per parameter", "D/N where it is held fixed"),
    # scaling laws: information
    Quantity("information_coefficient", "c_I", "0", "oo", "bits", "information of a model of one parameter"),
    Quantity("information_exponent", r"\beta", "0", "1", "none", "exponent of the parameters in the information"),
    Quantity("information_saving", r"\eta", "0", "1", "none", "1 - beta: what the information lacks to be linear"),
    # scaling laws: the gap
    Quantity("complexity_coefficient", "c_C", "0", "oo", _NATS, "coefficient of the law of C"),
    Quantity("complexity_exponent", r"\kappa", "0", "oo", "none", "C falls as this power of 1/N"),
    Quantity("variation_limit", r"\Sigma_\infty", "0", "oo", _NATS, "loss variation that is left at N = oo"),
    Quantity("variation_coefficient", r"c_\Sigma", "0", "oo", _NATS, "coefficient of the part that falls"),
    Quantity("variation_exponent", r"\gamma", "0", "oo", "none", "exponent of the part that falls"),
    Quantity("quantization_coefficient", "c_Q", "0", "oo", _NATS, "coefficient of the quantization error"),
    Quantity("quantization_exponent", "r_Q", "0", "oo", "none", "exponent of the quantization error"),
    # expansions, entropy and duality
    Quantity("mean_cube", r"\overline{A^3}", "-oo", "oo", "none", "mean of A^3"),
    Quantity("mean_fourth", r"\overline{A^4}", "0", "oo", "none", "mean of A^4"),
    Quantity("eps", r"\epsilon", "0", "oo", "none", "sqrt(C), the small parameter of an expansion"),
    Quantity("odds_factor", r"\tau", "0", "oo", "none", "s/(1 - s) in units of sqrt(C/mean A^2)"),
    Quantity("members_below", "i_K", "1", "oo", "members", "place of a member in the grid i/(|K| + 1)"),
    Quantity("members_above", "|K| - i_K", "1", "oo", "members", "members of the grid above that place"),
    Quantity("excess", "x_C", "0", "oo", "none", "C - mean ln(1 + sA) where it is positive"),
    Quantity("entropy", r"\bar H", "0", "oo", _NATS, "entropy of a smoothed prediction"),
    Quantity("divergence", r"\mathrm{KL}(\hat P\|Q)", "0", "oo", "nats", "relative entropy of the losses seen to Q"),
    Quantity("room", "d", "0", "oo", _NATS, "distance u - x of an atom x of the law from a constant u above it"),
    Quantity("mean_under_Q", r"E_Q X", "-oo", "oo", _NATS, "mean loss under a law Q near the empirical one"),
    Quantity("negentropy", r"\sum p \ln p", "-oo", "0", "nats", "negative entropy of the empirical law"),
    Quantity("mass", r"Q(\Omega)", "0", "oo", "none", "mass of a measure Q"),
    Quantity("mean_inverse", r"\overline{1/(u-X)}", "0", "oo", "per nat", "mean of 1/(u - X)"),
    Quantity("slack", r"\xi", "0", "oo", _NATS, "what is left of C: C - KL(P_hat || Q)"),
    # scaling laws: the spectrum of the Hessian
    Quantity("spectral_exponent", "p_H", "0", "oo", "none", "eigenvalue i of the Hessian is i^-p"),
    Quantity("dimension", "n_H", "1", "oo", "directions", "dimension of the Hessian: inputs of a layer"),
    Quantity("rows", "m_H", "1", "oo", "rows", "outputs of the layer: rows of the weight matrix"),
    Quantity("active", "k_H", "1", "oo", "directions", "directions above the water level"),
    Quantity("water_level", r"\theta", "0", "oo", "error per direction", "water level: error of an active direction"),
    Quantity("direction_bits", "r_H", "-oo", "oo", "bits per direction", "rate of one direction, on average"),
    Quantity("incoherence", r"\mu_H", "0", "oo", "none", "incoherence of the Hessian"),
    Quantity("hessian_trace", r"\mathrm{tr}\,H", "0", "oo", "loss per weight^2", "trace of the Hessian"),
    Quantity("hessian_rest", r"\textstyle\sum_{i\ne j} H_{ij}", "-oo", "oo", "loss per weight^2", "its other entries"),
    Quantity("grid_step", r"\Delta_b", "0", "oo", "weight", "distance of two values of the grid"),
    Quantity("weight_range", r"\Delta_w", "0", "oo", "weight", "distance of the ends of the grid"),
    Quantity("rounding_error", "e", "-1/2", "1/2", "grid steps", "error of rounding to the nearest"),
)

QUANTITIES: MappingProxyType[str, Quantity] = MappingProxyType({each.name: each for each in _TABLE})
"""Code name -> Quantity, in the order of THEORY."""


def quantity(name: str) -> Quantity:
    """One entry of the table; DomainError names the missing one."""
    if name not in QUANTITIES:
        raise domain_error("name", name, "a name of genbound.symbols.QUANTITIES", "symbol")
    return QUANTITIES[name]


def symbol(name: str) -> sp.Symbol:
    """The sympy symbol of this code name.

    >>> symbol("C"), symbol("C").is_positive, quantity("B").meaning
    (C, True, 'B >= X under the true law')
    """
    return quantity(name).symbol


def symbols(names: str) -> tuple[sp.Symbol, ...]:
    """The sympy symbols of several code names, separated by blanks.

    >>> symbols("C D s")
    (C, D, s)
    """
    return tuple(symbol(name) for name in names.split())


def tex(expression: sp.Basic) -> str:
    """LaTeX of an expression with each symbol as the paper writes it.

    >>> tex(symbol("mean_bound") - symbol("G"))
    '\\\\bar U - \\\\mathrm{GM}(U - X)'
    """
    names = {each: QUANTITIES[each.name].tex for each in expression.free_symbols if each.name in QUANTITIES}
    return sp.latex(expression, symbol_names=names, ln_notation=True, order="none")
