"""The card, its variants, how a bound is called and judged, and the citation of what was used."""

from __future__ import annotations

import numpy as np
import pytest

import genbound as gb
from genbound.claims.calls import call, values_of
from genbound.claims.card import TailBound
from genbound.claims.choosing import Draws, ManyHypotheses, Posteriors, Prefix, Transcripts, code_lengths
from genbound.claims.registry import cite, claim, claims, rests_on
from genbound.claims.settings import AnyTime, OneStream, judge_values
from genbound.claims.tokens import TOKEN_LAWS, Tokens, Windows, risk_of
from genbound.complexity.codes import kraft_sum
from genbound.errors import DomainError
from genbound.processes import process

NATS = 1.2


def scenes(setting, name="iid_fair_coin", replicas=5, n=6):  # type: ignore[no-untyped-def]
    return list(setting.scenes(process(name), np.random.default_rng(3), replicas, n, NATS))


def test_a_variant_differs_in_what_was_planted_only() -> None:
    card = claim("azuma_hoeffding")
    variant = claim("azuma_hoeffding!half_range")
    assert isinstance(card, TailBound)
    assert isinstance(variant, TailBound)
    assert variant.bounds != card.bounds
    assert (variant.statement, variant.setting, variant.laws) == (card.statement, card.setting, card.laws)
    with pytest.raises(DomainError, match="half_range"):
        claim("azuma_hoeffding!quarter_range")
    with pytest.raises(DomainError, match=r"near: .*azuma_hoeffding"):
        claim("azuma_hoefding")


def test_a_bound_is_given_what_it_names() -> None:
    given = {"losses": np.ones(3), "predictions": np.zeros(3), "ceiling": 2.0, "log_inv_delta": NATS}
    assert call(lambda losses, *, delta: float(delta), given) == pytest.approx(np.exp(-NATS))
    assert call(lambda x, ceiling: x.sum() + ceiling, given) == 5.0
    assert call(lambda x, /: x.sum(), given) == 3.0
    assert call(lambda losses, *, ceiling, unknown=7: unknown, given) == 7
    with pytest.raises(DomainError, match="cannot be given sigma"):
        call(lambda losses, sigma: 0.0, given)


def test_what_a_bound_may_return() -> None:
    result = gb.floor([1.0], ceiling=2.0, complexity=0.1)
    assert values_of(result, "upper") == [(result.value, "limit")]
    assert values_of([1.0, (0.0, 2.0)], "upper") == [(1.0, "upper"), (0.0, "lower"), (2.0, "upper")]
    with pytest.raises(DomainError, match="need a number"):
        values_of("wide", "upper")


def test_the_worst_of_several_values_is_judged() -> None:
    judged = judge_values((0.2, 0.4), 0.5, "upper", 1.0)
    assert judged.violated
    assert judged.side == "upper"
    assert not judge_values((0.2, 0.5), 0.5, "upper", 1.0).violated
    assert judge_values([0.6, 0.3], np.array([0.5, 0.4]), "upper", 1.0).value == 0.3
    with pytest.raises(DomainError, match="nan"):
        judge_values(float("nan"), 0.5, "upper", 1.0)


def test_scenes_of_one_stream() -> None:
    for scene in scenes(OneStream(variance_share=0.25)):
        assert set(scene.given) >= {"losses", "predictions", "ceiling", "prediction_floor", "variance", "log_inv_delta"}
        assert scene.truth == 0.5
    tight = scenes(OneStream(variance_share=0.01))
    assert all(scene.truth == -np.inf for scene in tight)  # a path of larger variance cannot refute


def test_any_time_reads_prefixes() -> None:
    setting = AnyTime()
    seen: list[int] = []

    def bound(losses: np.ndarray) -> float:
        seen.append(len(losses))
        return 1.0

    setting.judge(bound, scenes(setting, n=6)[0], "upper")
    assert seen == [1, 2, 4, 6]


def test_the_prior_of_the_settings_is_one() -> None:
    assert kraft_sum(code_lengths()) <= 1
    for scene in scenes(Posteriors()):
        assert all(q.sum() == pytest.approx(1.0, abs=1e-12) for q in scene.given["posteriors"])
        gaps = 0.5 - scene.given["losses"].mean(axis=1)
        worst = scene.given["posteriors"][-1][gaps == gaps.max()]
        assert worst.sum() == pytest.approx(1.0)
    for scene in scenes(ManyHypotheses()):
        assert scene.truth.shape == (len(code_lengths()),)


def test_draws_and_transcripts_pay_what_was_drawn() -> None:
    for varied in Draws().processes()[:2]:
        draws = varied.choice[0]
        for scene in Draws().scenes(varied, np.random.default_rng(3), 5, 6, NATS):
            assert scene.given["losses"].shape == (draws, 6)
            assert scene.given["log_ratios"].shape == (draws,)
    ratio = 0.0
    knowing = Transcripts().processes()[0]
    many = list(Transcripts().scenes(knowing, np.random.default_rng(3), 400, 6, NATS))
    for scene in many:
        assert (scene.given["teacher_log_probs"] < 0).all()
        ratio += float(np.exp(scene.given["student_log_probs"].sum() - scene.given["teacher_log_probs"].sum()))
    assert ratio / len(many) == pytest.approx(1.0, abs=0.3)  # E dP/dQ = 1


def test_the_prefix_is_not_part_of_the_truth() -> None:
    for scene in scenes(Prefix(), "markov_chain", n=6):
        assert len(scene.given["losses"]) == 24
        assert scene.given["prefix"] == 18
        assert scene.given["log_ratio"] >= 0


def test_token_scenes_and_window_scenes() -> None:
    setting = Tokens()
    for law in TOKEN_LAWS:
        for scene in setting.scenes(law, np.random.default_rng(0), 3, 5, NATS):
            np.testing.assert_allclose(scene.given["model"].sum(axis=-1), 1.0)
            np.testing.assert_allclose(scene.truth.sum(axis=-1), 1.0)
            assert risk_of(scene.truth, scene.given["model"], 1 - 1e-12) == pytest.approx(np.log(4), abs=1e-9)
    for scene in scenes(Windows(), n=5):
        assert scene.given["sample"].m == scene.given["pilot"].m == 4
        assert scene.given["n"] == 640
        split = [np.exp(-scene.given[f"log_inv_delta_{i}"]) for i in (1, 2)]
        assert sum(split) <= np.exp(-NATS) * (1 + 1e-12)


def test_citing_gives_exactly_what_was_used() -> None:
    result = gb.empirical_freedman([0.5] * 9, ceiling=1.0, log_inv_delta=3.0)
    text = cite(result)
    assert "finzi2025" in text
    assert "maurer2009" not in text
    assert "@software{genbound" in text
    assert cite("maurer_pontil", software=False).count("@") == 1
    assert gb.cite is cite


def test_the_graph_has_no_circles_and_no_loose_ends() -> None:
    for name, card in claims().items():
        below = [each.name for each in rests_on(name)[1:]]
        assert name not in below
        assert set(card.uses) <= set(below)


def test_a_token_bound_counts_as_a_trial_below_its_own_ceiling() -> None:
    """Nats above 1 are no reason to call a bound vacuous: its ceiling is ln(V/alpha)."""
    setting = Tokens()
    scene = next(iter(setting.scenes(TOKEN_LAWS[0], np.random.default_rng(0), 1, 5, NATS)))

    def says(value: float) -> gb.BoundResult:
        return gb.BoundResult("a", value, 5, 0.1, (), {"alpha": 0.1})

    assert setting.judge(lambda tokens: says(3.5), scene, "upper").effective
    assert not setting.judge(lambda tokens: says(3.7), scene, "upper").effective  # ln 40 = 3.69
