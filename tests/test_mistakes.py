"""Planted mistakes: each is refuted at the step that was spoiled, with a counterexample; what is true has none."""

# pyright: reportArgumentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp
from refuted import PLANTED, refuted

from genbound.certified import precision
from genbound.derivations import DERIVATIONS, Derivation, Step, StepError
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Certified, Identity, Lemma, Minimum, Optimum
from genbound.derivations.reasons.asymptotics import Leading, Solve
from genbound.derivations.reasons.chance import Spend
from genbound.derivations.refuting.refute import refute
from genbound.derivations.refuting.seeking import seek
from genbound.derivations.refuting.witness import counterexample, refutation
from genbound.errors import DomainError
from genbound.formulas import evaluate
from genbound.symbols import symbol, symbols

C, n, p, lam, x, N, mean_loss = symbols("C n p lam x parameters mean_loss")


@pytest.mark.parametrize("number", range(len(PLANTED)), ids=lambda k: f"{PLANTED[k].derivation}-{PLANTED[k].name}")
def test_a_mistake_is_refuted_where_it_was_made(number: int) -> None:
    found = refuted(number)
    assert found.step == found.mistake.step, found.message
    assert found.counterexample is not None, found.message
    assert len(str(found.counterexample)) < 400


def test_every_derivation_has_a_mistake() -> None:
    assert set(DERIVATIONS) == {each.derivation for each in PLANTED}
    names = [(each.derivation, each.name) for each in PLANTED]
    assert len(set(names)) == len(names)
    assert all(each.mistake for each in PLANTED)


@pytest.mark.parametrize("name", DERIVATIONS)
def test_a_true_step_has_no_counterexample(name: str) -> None:
    for number in range(1, len(DERIVATIONS[name].steps) + 1):
        assert refutation(DERIVATIONS[name], number) is None


def test_a_counterexample_contradicts_the_step() -> None:
    """The place that is shown is one where the claimed relation fails, evaluated again."""
    seen = 0
    for number, mistake in enumerate(PLANTED):
        found = refuted(number).counterexample
        step = mistake.wrong().steps[mistake.step - 1]
        plain = type(step.reason) in (Identity, Certified) or (isinstance(step.reason, Lemma) and not step.reason.means)
        if found is None or found.about != "line" or found.told or not plain or step.after.has(sp.Sum):
            continue
        true = mistake.true
        before = (true.start, *(each.after for each in true.steps))[mistake.step - 1]
        values = dict(found.at)
        with precision():
            low, high = evaluate(before, values), evaluate(step.after, values)
            fails = {"<=": low > high, ">=": low < high, "==": low > high or low < high}
        assert fails[step.relation], (mistake, found)
        seen += 1
    assert seen >= 15


def test_a_mistake_that_is_none_is_not_refuted() -> None:
    true = DERIVATIONS["azuma_hoeffding"]
    harmless = refute(Mistake("azuma_hoeffding", 1, "none", "nothing", after=true.steps[0].after))
    assert (harmless.step, harmless.counterexample, harmless.refuted) == (None, None, False)
    loose = refute(Mistake("azuma_hoeffding", 2, "loose", "one nat too many", after=true.steps[1].after + 1))
    assert (loose.step, loose.refuted) == (2, True)  # it holds, but the reason does not give it
    assert loose.counterexample is not None
    assert loose.counterexample.about == "reason"


def test_a_mistake_names_a_step_that_exists() -> None:
    for mistake in (Mistake("no_such", 1, "a", "a"), Mistake("floor", 0, "a", "a"), Mistake("floor", 3, "a", "a")):
        with pytest.raises(DomainError):
            mistake.wrong()


def test_the_case_of_a_chain_is_kept() -> None:
    """x^2 <= x holds on (0, 1), and a counterexample must lie in the case that is treated."""
    step = Step("<=", C, Certified(small=C**2, large=C))
    inside = Derivation("own", C**2, (step,), where={C: (sp.Integer(0), sp.Integer(1))})
    assert refutation(inside, 1) is None
    found = refutation(replace(inside, where={}), 1)
    assert found is not None
    assert dict(found.at)["C"] > 1


def test_limits_are_told() -> None:
    found = counterexample(2 * N + 1, Step("~", N, Leading(over=N)))
    assert found is not None
    assert found.statement == "2 > 1"
    assert "limit of the quotient" in found.told
    found = counterexample(N**2, Step("~", N, Leading(over=N)))
    assert found is not None
    assert found.statement == "oo > 1"
    found = counterexample(N**C + N, Step("~", N, Leading(over=N)))  # which one leads depends on C
    assert found is not None
    assert dict(found.at)["C"] >= 1
    assert counterexample(2 * N + 1, Step("~", 2 * N, Leading(over=N))) is None


def test_better_values_are_found() -> None:
    line = C / lam + lam
    for reason in (Optimum(over=lam, at=2 * sp.sqrt(C)), Minimum(function=line, over=lam, at=2 * sp.sqrt(C))):
        relation = "->" if isinstance(reason, Optimum) else "<="
        before = line if relation == "->" else line.subs(lam, 2 * sp.sqrt(C))
        after = line.subs(lam, 2 * sp.sqrt(C)) if relation == "->" else line
        found = counterexample(before, Step(relation, after, reason))
        assert found is not None
        at = {name: float(value) for name, value in found.at}
        assert at["C"] / at["lam"] + at["lam"] < at["C"] ** 0.5 * 2.5


def test_a_choice_made_with_the_data_is_named() -> None:
    line = mean_loss + (C + lam**2 * symbol("mean_square")) / lam
    at = sp.sqrt(C / symbol("mean_square"))
    found = counterexample(line, Step("->", line.subs(lam, at), Optimum(over=lam, at=at)))
    assert found is not None
    assert "mean_square" in found.statement


def test_roots_are_put_into_their_equation() -> None:
    assert counterexample(lam - C, Step("->", C, Solve(over=lam, at=C))) is None
    found = counterexample(lam - C, Step("->", 2 * C, Solve(over=lam, at=2 * C)))
    assert found is not None
    assert found.told == "the equation at its root"


def test_the_search_is_certified_and_repeats() -> None:
    box = {C: (sp.Integer(0), sp.oo), p: (sp.Integer(0), sp.Integer(1))}
    assert seek([(p, sp.Integer(1))], box) is None
    assert seek([(p * C, p * C)], box) is None
    found = seek([(p * C, C**2 + p**2 / sp.Rational(4001, 1000))], box)  # a thin cone around C = p/2
    assert found is not None
    assert found.large > found.small
    again = seek([(p * C, C**2 + p**2 / sp.Rational(4001, 1000))], box)
    assert again is not None
    assert found.at == again.at
    assert seek([(p * C, C**2 + p**2 / 4)], box) is None
    assert seek([(sp.Integer(2), sp.Integer(1))], {}) is not None
    assert seek([(x, sp.log(-1 - x**2))], {x: (-sp.oo, sp.oo)}) is None  # no real number anywhere


def test_sums_are_written_out() -> None:
    i = symbol("i")
    total = sp.Sum(1 / i, (i, 1, n))
    box = {n: (sp.Integer(1), sp.oo)}
    assert seek([(total, 1 + sp.log(n))], box) is None
    found = seek([(total, sp.log(n))], box)
    assert found is not None
    assert found.at[n] == Fraction(2)


def test_weights_must_add_up() -> None:
    """A union over hypotheses of weight 1/2 each is refused: nothing says that there are only two."""
    budget = symbol("log_inv_delta")
    for weight, price in ((sp.Rational(1, 2), sp.log(2)), (sp.Integer(1), sp.Integer(0))):
        step = Step("->", (budget + price) / n, Spend(rule="union", weight=weight, price=price))
        with pytest.raises(StepError, match="add up"):
            Derivation("own", budget / n, (step,)).verified()
