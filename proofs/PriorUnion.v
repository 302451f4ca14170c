(** Many hypotheses at once (THEORY 2, `prior_union`): prefix-free code lengths L(h) in bits, a family of bounds U^(j)
    with prior weights pi_j; with probability at least 1 - delta, for every hypothesis and every member at once,

        R(h) <= mean U - e^{-C} GM(U - X),   C = (L(h) ln 2 + ln(1/delta) + ln(1/pi_j))/n.

    The hypothesis and the member may therefore be chosen with the data. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale GeometricMean Kraft.
Open Scope R_scope.

(** What cannot happen has probability zero. *)
Lemma probability_never {O : Type} (P : process O) n (E : list O -> Prop) :
  (forall h, ~ E h) -> probability P n E = 0.
Proof.
  intros H. rewrite <- (expectation_constant P n 0). unfold probability, expectation.
  apply expectation_from_eq; [constructor|]. intros h Hr Hl. apply indicator_false, H.
Qed.

(** A share [weight] of the failure probability pays ln(1/weight). *)
Lemma failure_probability {O : Type} (P : process O) X U n delta weight :
  0 < delta -> 0 < weight -> upper_bounded P X U ->
  probability P n (fun h => exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((ln (/ weight) + ln (/ delta)) / INR t) X U (first_steps t h)
      < risk P X (first_steps t h)) <= delta * weight.
Proof.
  intros Hd Hw HU.
  replace (ln (/ weight) + ln (/ delta)) with (ln (/ (delta * weight))).
  - apply geometric_mean_anytime; [now apply Rmult_lt_0_compat|assumption].
  - rewrite <- ln_mult; [f_equal; field; lra| |]; apply Rinv_0_lt_compat; assumption.
Qed.

(** Prior weights of total mass at most one on hypotheses 0, 1, 2, ..., each with its own losses and its own bound:
    with probability at least 1 - delta, for every hypothesis of positive weight and every t up to the horizon,
    R_t <= mean U - e^{-C} GM(U - X) with C = (ln(1/weight) + ln(1/delta))/t. *)
Theorem prior_union_weights {O : Type} (P : process O) (X : nat -> list O -> O -> R) (U : nat -> list O -> R)
    (weight : nat -> R) n delta :
  0 < delta -> (forall i, upper_bounded P (X i) (U i)) ->
  (forall i, 0 <= weight i) -> (forall N, list_sum (seq 0 N) weight <= 1) ->
  probability P n (fun h => exists i, 0 < weight i /\ exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((ln (/ weight i) + ln (/ delta)) / INR t) (X i) (U i) (first_steps t h)
      < risk P (X i) (first_steps t h)) <= delta.
Proof.
  intros Hd HU Hw Hmass; apply countable_union_bound; intros N.
  apply Rle_trans with (list_sum (seq 0 N) (fun i => delta * weight i)).
  - apply list_sum_le; intros i _. destruct (Hw i) as [Hi|Hi].
    + apply Rle_trans with (2 := failure_probability P (X i) (U i) n delta (weight i) Hd Hi (HU i)).
      apply probability_mono; intros h Hr Hl [_ H]; exact H.
    + rewrite probability_never; [rewrite <- Hi; lra|]. intros h [H _]; lra.
  - rewrite list_sum_scale. assert (H := Hmass N).
    apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l; lra|lra].
Qed.

(** L bits and a member of weight pi cost L ln 2 + ln(1/pi). *)
Lemma code_cost L weight : 0 < weight -> ln (/ ((/ 2) ^ L * weight)) = INR L * ln 2 + ln (/ weight).
Proof.
  intros Hw. assert (H2 : 0 < (/ 2) ^ L) by (apply pow_lt; lra).
  assert (Hiw : 0 < / weight) by now apply Rinv_0_lt_compat.
  replace (/ ((/ 2) ^ L * weight)) with (2 ^ L * / weight).
  - rewrite ln_mult, ln_pow; [reflexivity|lra|apply pow_lt; lra|assumption].
  - rewrite pow_inv. assert (H : 0 < 2 ^ L) by (apply pow_lt; lra). field; lra.
Qed.

(** One coded hypothesis with every member of its family: failure probability at most delta 2^{-L}. *)
Lemma coded_failure_probability {O J : Type} (P : process O) X (U : J -> list O -> R) L (members : list J) pi n delta :
  0 < delta -> (forall j, In j members -> upper_bounded P X (U j)) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P n (fun h => exists j, In j members /\ exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((INR L * ln 2 + ln (/ delta) + ln (/ pi j)) / INR t) X (U j) (first_steps t h)
      < risk P X (first_steps t h)) <= delta * (/ 2) ^ L.
Proof.
  intros Hd HU Hpi Hmass. assert (H2 : 0 < (/ 2) ^ L) by (apply pow_lt; lra).
  set (bad := fun j h => exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((INR L * ln 2 + ln (/ delta) + ln (/ pi j)) / INR t) X (U j) (first_steps t h)
      < risk P X (first_steps t h)).
  apply Rle_trans with (1 := union_bound P members n bad).
  apply Rle_trans with (list_sum members (fun j => (delta * (/ 2) ^ L) * pi j)).
  - apply list_sum_le; intros j Hj. assert (Hpij := Hpi j Hj).
    assert (Hw : 0 < (/ 2) ^ L * pi j) by now apply Rmult_lt_0_compat.
    assert (H := failure_probability P X (U j) n delta ((/ 2) ^ L * pi j) Hd Hw (HU j Hj)).
    rewrite code_cost in H by assumption. rewrite Rmult_assoc.
    unfold bad. replace (INR L * ln 2 + ln (/ delta) + ln (/ pi j))
      with (INR L * ln 2 + ln (/ pi j) + ln (/ delta)) by ring. exact H.
  - rewrite list_sum_scale. assert (Hc : 0 < delta * (/ 2) ^ L) by now apply Rmult_lt_0_compat.
    apply Rle_trans with (delta * (/ 2) ^ L * 1); [apply Rmult_le_compat_l; lra|lra].
Qed.

(** [prior_union] for all n at once: code lengths with Kraft sum at most one, members with weights pi_j; with
    probability at least 1 - delta, for all hypotheses i, all members j and all t up to the horizon the risk of the
    first t steps is at most the bound with C = (L_i ln 2 + ln(1/delta) + ln(1/pi_j))/t. *)
Theorem prior_union_anytime {O J : Type} (P : process O) (X : nat -> list O -> O -> R) (U : nat -> J -> list O -> R)
    (L : nat -> nat) (members : list J) (pi : J -> R) n delta :
  0 < delta -> (forall i j, In j members -> upper_bounded P (X i) (U i j)) ->
  (forall N, list_sum (seq 0 N) (fun i => (/ 2) ^ L i) <= 1) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P n (fun h => exists i j t, In j members /\ (1 <= t <= n)%nat /\
    geometric_mean_bound ((INR (L i) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR t) (X i) (U i j) (first_steps t h)
      < risk P (X i) (first_steps t h)) <= delta.
Proof.
  intros Hd HU HKraft Hpi Hmass.
  set (bad := fun i h => exists j, In j members /\ exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((INR (L i) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR t) (X i) (U i j) (first_steps t h)
      < risk P (X i) (first_steps t h)).
  apply Rle_trans with (probability P n (fun h => exists i, bad i h)).
  - apply probability_mono; intros h Hr Hl [i [j [t [Hj [Ht Hfail]]]]].
    exists i, j; split; [assumption|]. exists t; split; assumption.
  - apply countable_union_bound; intros N.
    apply Rle_trans with (list_sum (seq 0 N) (fun i => delta * (/ 2) ^ L i)).
    + apply list_sum_le; intros i _. apply coded_failure_probability; auto.
    + rewrite list_sum_scale. assert (H := HKraft N).
      apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l; lra|lra].
Qed.

(** [prior_union] at one n: with probability at least 1 - delta, for all hypotheses i and all members j at once,
    R <= mean U - e^{-C} GM(U - X) with C = (L_i ln 2 + ln(1/delta) + ln(1/pi_j))/n. *)
Theorem prior_union {O J : Type} (P : process O) (X : nat -> list O -> O -> R) (U : nat -> J -> list O -> R)
    (L : nat -> nat) (members : list J) (pi : J -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall i j, In j members -> upper_bounded P (X i) (U i j)) ->
  (forall N, list_sum (seq 0 N) (fun i => (/ 2) ^ L i) <= 1) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P n (fun h => exists i j, In j members /\
    geometric_mean_bound ((INR (L i) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR n) (X i) (U i j) h
      < risk P (X i) h) <= delta.
Proof.
  intros Hn Hd HU HKraft Hpi Hmass.
  apply Rle_trans with (2 := prior_union_anytime P X U L members pi n delta Hd HU HKraft Hpi Hmass).
  apply probability_mono; intros h Hr Hl [i [j [Hj Hfail]]].
  exists i, j, n; split; [assumption|split; [lia|]].
  assert (E : first_steps n h = h) by (rewrite <- Hl; apply first_steps_all). rewrite E; assumption.
Qed.

(** Selection with the data: whatever rule picks a hypothesis and a member after seeing everything, with probability at
    least 1 - delta the risk of the pick is at most its bound. *)
Theorem prior_union_selected {O J : Type} (P : process O) (X : nat -> list O -> O -> R) (U : nat -> J -> list O -> R)
    (L : nat -> nat) (members : list J) (pi : J -> R) (pick : list O -> nat) (pick_member : list O -> J) n delta :
  (0 < n)%nat -> 0 < delta -> (forall i j, In j members -> upper_bounded P (X i) (U i j)) ->
  (forall N, list_sum (seq 0 N) (fun i => (/ 2) ^ L i) <= 1) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  (forall h, In (pick_member h) members) ->
  probability P n (fun h =>
    geometric_mean_bound ((INR (L (pick h)) * ln 2 + ln (/ delta) + ln (/ pi (pick_member h))) / INR n)
      (X (pick h)) (U (pick h) (pick_member h)) h < risk P (X (pick h)) h) <= delta.
Proof.
  intros Hn Hd HU HKraft Hpi Hmass Hpick.
  apply Rle_trans with (2 := prior_union P X U L members pi n delta Hn Hd HU HKraft Hpi Hmass).
  apply probability_mono; intros h Hr Hl Hfail. exists (pick h), (pick_member h); auto.
Qed.

(** The same with the code itself: any prefix-free binary code of the hypotheses 0, 1, 2, ... *)
Theorem prior_union_prefix_free {O J : Type} (P : process O) (X : nat -> list O -> O -> R)
    (U : nat -> J -> list O -> R) (code : nat -> list bool) (members : list J) (pi : J -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall i j, In j members -> upper_bounded P (X i) (U i j)) ->
  prefix_free code -> (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P n (fun h => exists i j, In j members /\
    geometric_mean_bound ((INR (length (code i)) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR n) (X i) (U i j) h
      < risk P (X i) h) <= delta.
Proof.
  intros Hn Hd HU Hcode Hpi Hmass.
  apply (prior_union P X U (fun i => length (code i)) members pi n delta); auto.
  now apply kraft_inequality_countable.
Qed.

(** The same for a finite set of hypotheses of any kind, and for all n at once: here a complete code, with Kraft sum
    exactly one, is allowed too. *)
Theorem prior_union_finite {O H J : Type} (P : process O) (X : H -> list O -> O -> R) (U : H -> J -> list O -> R)
    (hypotheses : list H) (code : H -> list bool) (members : list J) (pi : J -> R) n delta :
  0 < delta -> (forall i j, In i hypotheses -> In j members -> upper_bounded P (X i) (U i j)) ->
  NoDup hypotheses -> prefix_free_on hypotheses code ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P n (fun h => exists i, In i hypotheses /\ exists j, In j members /\ exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((INR (length (code i)) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR t) (X i) (U i j)
      (first_steps t h) < risk P (X i) (first_steps t h)) <= delta.
Proof.
  intros Hd HU Hdup Hcode Hpi Hmass.
  set (bad := fun i h => exists j, In j members /\ exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound ((INR (length (code i)) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR t) (X i) (U i j)
      (first_steps t h) < risk P (X i) (first_steps t h)).
  apply Rle_trans with (1 := union_bound P hypotheses n bad).
  apply Rle_trans with (list_sum hypotheses (fun i => delta * (/ 2) ^ length (code i))).
  - apply list_sum_le; intros i Hi. apply coded_failure_probability; auto.
  - rewrite list_sum_scale. assert (HK := kraft_inequality hypotheses code Hdup Hcode).
    apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l; lra|lra].
Qed.
