(** Bounds without complexity (THEORY 2, `progressive_validation` and `held_out`).

    Progressive validation: X_k is the loss of the predictor trained on the first k - 1 tokens; what is bounded is the
    average risk of the predictors along the run. Held out: one hypothesis is trained on the first n0 tokens in any way
    and then tested on the tokens after them. In both C = (ln(1/delta) + ln(1/pi_j))/n. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale GeometricMean PriorUnion Prefix.
Open Scope R_scope.

(** [progressive_validation] for all n at once: for every learner (any function of the tokens before) and every loss,
    with probability at least 1 - delta, for all members j of the family and all t up to the horizon, the mean over the
    first t steps of the conditional mean of the loss of the then present predictor is at most the geometric-mean bound
    with C = (ln(1/delta) + ln(1/pi_j))/t. *)
Theorem progressive_validation {O H J : Type} (P : process O) (learner : list O -> H) (loss : H -> list O -> O -> R)
    (U : J -> list O -> R) (members : list J) (pi : J -> R) n delta :
  0 < delta -> (forall j, In j members -> upper_bounded P (fun past => loss (learner past) past) (U j)) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P n (fun h => exists j, In j members /\ exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((ln (/ delta) + ln (/ pi j)) / INR t) (fun past => loss (learner past) past) (U j)
      (first_steps t h)
      < path_mean (fun past _ => weighted_sum (kernel P past) (loss (learner past) past)) (first_steps t h)) <= delta.
Proof.
  intros Hd HU Hpi Hmass.
  assert (HC := coded_failure_probability P (fun past => loss (learner past) past) U 0 members pi n delta
    Hd HU Hpi Hmass).
  rewrite pow_O, Rmult_1_r in HC. apply Rle_trans with (2 := HC).
  apply probability_mono. intros h Hr Hl [j [Hj [t [Ht Hfail]]]].
  exists j; split; [assumption|]. exists t; split; [assumption|].
  change (INR 0) with 0. rewrite Rmult_0_l, Rplus_0_l. exact Hfail.
Qed.

(** [held_out] for all n at once: one hypothesis, any function of the first n0 tokens, tested on the tokens after them;
    with probability at least 1 - delta, for all members j (which may be chosen by looking at the test tokens) and all
    t up to n, its risk over tokens n0+1, ..., n0+t is at most the bound over these with
    C = (ln(1/delta) + ln(1/pi_j))/t. *)
Theorem held_out {O H J : Type} (P : process O) (train : list O -> H) (loss : H -> list O -> O -> R)
    (U : H -> J -> list O -> R) (members : list J) (pi : J -> R) n0 n delta :
  0 < delta -> (forall g j, In j members -> upper_bounded_after P n0 (loss g) (U g j)) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P (n0 + n) (fun h => exists j, In j members /\ exists t, (1 <= t <= n)%nat /\
    suffix_bound n0 ((ln (/ delta) + ln (/ pi j)) / INR t) (loss (train (first_steps n0 h)))
      (U (train (first_steps n0 h)) j) (first_steps (n0 + t) h)
      < suffix_risk P n0 (loss (train (first_steps n0 h))) (first_steps (n0 + t) h)) <= delta.
Proof.
  intros Hd HU Hpi Hmass. apply expectation_given_prefix; intros h0 Hr Hl. set (g := train h0).
  assert (HC := coded_failure_probability (restart P h0) (after h0 (loss g)) (fun j => after h0 (U g j)) 0 members pi
    n delta Hd (fun j Hj => upper_bounded_restart P n0 (loss g) (U g j) h0 (HU g j Hj) Hr Hl) Hpi Hmass).
  rewrite pow_O, Rmult_1_r in HC. apply Rle_trans with (2 := HC).
  apply probability_mono. intros s Hrs Hls [j [Hj [t [Ht Hfail]]]]. rewrite <- Hl in Hfail.
  rewrite first_steps_app, first_steps_restart, suffix_bound_restart, suffix_risk_restart in Hfail. fold g in Hfail.
  exists j; split; [assumption|]. exists t; split; [assumption|].
  change (INR 0) with 0. rewrite Rmult_0_l, Rplus_0_l. exact Hfail.
Qed.
