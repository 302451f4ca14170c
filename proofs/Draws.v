(** A hypothesis drawn from a posterior that depends on the data (THEORY 2, `disintegrated`).

    One draw omega ~ Q_data: with probability at least 1 - delta over the data and the draw,

        R(omega) <= mean U - e^{-C} GM(U - X),   n C = ln(Q_data(omega)/p(omega)) + ln(1/delta),

    where p are prior weights fixed beforehand, of total mass at most one. What is chosen after the draw (a member of a
    family of bounds, a checkpoint) costs the logarithm of its prior weight. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean PacBayes.
Open Scope R_scope.

(** The probability, over data and draw, of an event: the mean over the data of sum_a Q_data(a) 1[event a]. *)
Definition draw_probability {O H : Type} (P : process O) (n : nat) (hypotheses : list H) (Q : list O -> H -> R)
    (E : H -> list O -> Prop) : R :=
  expectation P n (fun h => list_sum hypotheses (fun a => Q h a * indicator (E a h))).

(** The mean prior mixture of the wealths is at most the prior mass. *)
Lemma prior_mixture_mean {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : H -> R) n :
  (forall a, In a hypotheses -> upper_bounded P (X a) (U a)) ->
  expectation P n (fun h => list_sum hypotheses (fun a => p a * wealth P (X a) (U a) h)) = list_sum hypotheses p.
Proof.
  intros HU. rewrite expectation_list_sum. apply list_sum_eq; intros a Ha.
  rewrite expectation_scale, wealth_mean_one; ring.
Qed.

(** A hypothesis whose bound fails with C = (ln(Q/p) + ln(1/delta))/n has Q <= delta p wealth. *)
Lemma failure_bounds_density {O : Type} (P : process O) X U n delta (Q p : R) h :
  upper_bounded P X U -> (0 < n)%nat -> 0 < delta -> reachable P h -> length h = n ->
  0 <= Q -> 0 <= p -> (0 < Q -> 0 < p) ->
  Q * indicator (geometric_mean_bound ((ln (Q / p) + ln (/ delta)) / INR n) X U h < risk P X h)
  <= delta * (p * wealth P X U h).
Proof.
  intros HU Hn Hd Hr Hl HQ Hp Hac.
  assert (Hw : 0 <= wealth P X U h) by apply (wealth_supermartingale P X U HU h Hr).
  assert (H0 : 0 <= delta * (p * wealth P X U h)) by (repeat apply Rmult_le_pos; lra).
  destruct HQ as [HQ|HQ]; [|rewrite <- HQ, Rmult_0_l; assumption].
  assert (Hp' := Hac HQ). assert (Hn' : 0 < INR n) by now apply lt_0_INR.
  replace (delta * (p * wealth P X U h)) with (Q * (delta * p * wealth P X U h / Q)) by (field; lra).
  apply Rmult_le_compat_l; [lra|]. apply indicator_le.
  - apply Rmult_le_pos; [rewrite Rmult_assoc; assumption|apply Rlt_le; now apply Rinv_0_lt_compat].
  - intros Hfail. apply failure_means_wealth in Hfail; auto.
    + rewrite Hl in Hfail.
      replace (INR n * ((ln (Q / p) + ln (/ delta)) / INR n)) with (ln (Q / p) + ln (/ delta)) in Hfail
        by (field; lra).
      rewrite exp_plus, !exp_ln in Hfail; [|now apply Rinv_0_lt_compat|now apply Rdiv_lt_0_compat].
      apply Rmult_le_reg_l with (Q / p * / delta).
      { apply Rmult_lt_0_compat; [now apply Rdiv_lt_0_compat|now apply Rinv_0_lt_compat]. }
      replace (Q / p * / delta * (delta * p * wealth P X U h / Q)) with (wealth P X U h) by (field; lra). lra.
    + intros E; rewrite E in Hl; simpl in Hl; lia.
Qed.

(** [disintegrated]: finitely many hypotheses, prior weights p of total mass at most one, a posterior Q that may depend
    on all the data and is positive only where p is; one draw: with probability at least 1 - delta over data and draw
    the risk of the drawn hypothesis is at most its bound with n C = ln(Q(omega)/p(omega)) + ln(1/delta).
    (Nothing is asked of the total mass of Q: it is one when Q is a law.) *)
Theorem disintegrated {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : H -> R) (Q : list O -> H -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a hypotheses -> upper_bounded P (X a) (U a)) ->
  (forall a, In a hypotheses -> 0 <= p a) -> list_sum hypotheses p <= 1 ->
  (forall h a, In a hypotheses -> 0 <= Q h a) -> (forall h, absolutely_continuous hypotheses (Q h) p) ->
  draw_probability P n hypotheses Q (fun a h =>
    geometric_mean_bound ((ln (Q h a / p a) + ln (/ delta)) / INR n) (X a) (U a) h < risk P (X a) h) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass HQ Hac. unfold draw_probability.
  apply Rle_trans with (expectation P n (fun h =>
    delta * list_sum hypotheses (fun a => p a * wealth P (X a) (U a) h))).
  - apply expectation_le; intros h Hr Hl. rewrite <- list_sum_scale.
    apply list_sum_le; intros a Ha. apply failure_bounds_density; auto. now apply Hac.
  - rewrite expectation_scale, prior_mixture_mean by assumption.
    apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l|]; lra.
Qed.

(** ** A choice after the draw *)

Lemma draw_probability_le {O H : Type} (P : process O) n (hypotheses : list H) (Q : list O -> H -> R)
    (E E' : H -> list O -> Prop) :
  (forall h a, In a hypotheses -> 0 <= Q h a) ->
  (forall h a, reachable P h -> length h = n -> In a hypotheses -> 0 < Q h a -> E a h -> E' a h) ->
  draw_probability P n hypotheses Q E <= draw_probability P n hypotheses Q E'.
Proof.
  intros HQ HE. unfold draw_probability. apply expectation_le; intros h Hr Hl. apply list_sum_le; intros a Ha.
  destruct (HQ h a Ha) as [Hp|Hp]; [|rewrite <- Hp; lra]. apply Rmult_le_compat_l; [lra|].
  apply indicator_le; [apply indicator_nonneg|]. intros H0. rewrite indicator_true; [lra|]. now apply (HE h).
Qed.

Lemma list_sum_swap {A B : Type} (l : list A) (m : list B) (f : A -> B -> R) :
  list_sum l (fun a => list_sum m (f a)) = list_sum m (fun b => list_sum l (fun a => f a b)).
Proof.
  induction l as [|a l IH]; simpl; [rewrite (list_sum_constant m 0); ring|]. rewrite IH.
  rewrite <- (Rmult_1_l (list_sum m (f a))), <- (Rmult_1_l (list_sum m (fun b => list_sum l (fun x => f x b)))).
  rewrite <- list_sum_linear. apply list_sum_eq; intros b Hb; ring.
Qed.

Lemma draw_probability_union {O H J : Type} (P : process O) n (hypotheses : list H) (Q : list O -> H -> R)
    (members : list J) (E : J -> H -> list O -> Prop) :
  (forall h a, In a hypotheses -> 0 <= Q h a) ->
  draw_probability P n hypotheses Q (fun a h => exists j, In j members /\ E j a h)
  <= list_sum members (fun j => draw_probability P n hypotheses Q (E j)).
Proof.
  intros HQ. unfold draw_probability. rewrite <- expectation_list_sum.
  apply expectation_le; intros h Hr Hl. rewrite list_sum_swap. apply list_sum_le; intros a Ha.
  rewrite list_sum_scale. apply Rmult_le_compat_l; [auto|].
  apply indicator_le; [apply list_sum_nonneg; intros; apply indicator_nonneg|]. intros [j [Hj HE]].
  apply Rle_trans with (indicator (E j a h)); [rewrite indicator_true; auto; lra|].
  apply (list_sum_term members (fun i => indicator (E i a h))); [intros; apply indicator_nonneg|assumption].
Qed.

(** The same with a family of bounds, or of variants of the drawn hypothesis, with prior weights pi_j: the member may be
    chosen after everything else, and n C = ln(Q(omega)/p(omega)) + ln(1/delta) + ln(1/pi_j). *)
Theorem disintegrated_family {O H J : Type} (P : process O) (hypotheses : list H) (X : H -> J -> list O -> O -> R)
    (U : H -> J -> list O -> R) (p : H -> R) (Q : list O -> H -> R) (members : list J) (pi : J -> R) n delta :
  (0 < n)%nat -> 0 < delta ->
  (forall a j, In a hypotheses -> In j members -> upper_bounded P (X a j) (U a j)) ->
  (forall a, In a hypotheses -> 0 <= p a) -> list_sum hypotheses p <= 1 ->
  (forall h a, In a hypotheses -> 0 <= Q h a) -> (forall h, absolutely_continuous hypotheses (Q h) p) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  draw_probability P n hypotheses Q (fun a h => exists j, In j members /\
    geometric_mean_bound ((ln (Q h a / p a) + ln (/ delta) + ln (/ pi j)) / INR n) (X a j) (U a j) h
      < risk P (X a j) h) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass HQ Hac Hpi Hmembers.
  apply Rle_trans with (1 := draw_probability_union P n hypotheses Q members _ HQ).
  apply Rle_trans with (list_sum members (fun j => delta * pi j)).
  - apply list_sum_le; intros j Hj. assert (Hpij := Hpi j Hj).
    assert (Hdj : 0 < delta * pi j) by now apply Rmult_lt_0_compat.
    apply Rle_trans with (2 := disintegrated P hypotheses (fun a => X a j) (fun a => U a j) p Q n (delta * pi j)
      Hn Hdj (fun a Ha => HU a j Ha Hj) Hp Hmass HQ Hac).
    apply draw_probability_le; [assumption|]. intros h a Hr Hl Ha HQa Hfail.
    replace (ln (/ (delta * pi j))) with (ln (/ delta) + ln (/ pi j)).
    + rewrite <- Rplus_assoc; exact Hfail.
    + rewrite <- ln_mult by (now apply Rinv_0_lt_compat). f_equal; field; lra.
  - rewrite list_sum_scale. apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l|]; lra.
Qed.
