(** Families of geometric-mean bounds (THEORY 1, `geometric_mean`, `capped_geometric_mean`, `mixture`): predictable
    U_a >= X with weights pi_a fixed beforehand, sum_a pi_a <= 1. Either a member is chosen with the data in view and
    paid for,

        R <= mean U_a - e^{-C_a} GM(U_a - X),   n C_a = ln(1/delta) + ln(1/pi_a),

    or all of them bet at once: R <= M wherever sum_a pi_a [GM(U_a - X)/(mean U_a - M)]^n >= 1/delta.
    Both hold with probability >= 1 - delta for all n at once, and the second is never looser. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean.
Open Scope R_scope.

Lemma first_steps_horizon {O : Type} n (h : list O) : length h = n -> first_steps n h = h.
Proof. intros Hl; rewrite <- Hl; apply first_steps_all. Qed.

Lemma nonempty_of_length {O : Type} n (h : list O) : (1 <= n)%nat -> length h = n -> h <> [].
Proof. intros Hn Hl E; rewrite E in Hl; simpl in Hl; lia. Qed.

(** * A member chosen with the data in view *)

(** A family with weights, all members and all n at once: with probability at least 1 - delta no member's bound, at
    C = ln(1/(delta pi_a))/t, is below the risk of the first t steps. *)
Theorem geometric_mean_family {O A : Type} (P : process O) X (members : list A) (U : A -> list O -> R)
    (prior : A -> R) n delta :
  0 < delta -> (forall a, In a members -> 0 < prior a) -> list_sum members prior <= 1 ->
  (forall a, In a members -> upper_bounded P X (U a)) ->
  probability P n (fun h => exists a t, In a members /\ (1 <= t <= n)%nat /\
    geometric_mean_bound (ln (/ (delta * prior a)) / INR t) X (U a) (first_steps t h)
    < risk P X (first_steps t h)) <= delta.
Proof.
  intros Hd Hprior Hsum HU.
  set (fails := fun a h => exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound (ln (/ (delta * prior a)) / INR t) X (U a) (first_steps t h) < risk P X (first_steps t h)).
  apply Rle_trans with (probability P n (fun h => exists a, In a members /\ fails a h)).
  - apply probability_mono. intros h Hr Hl [a [t [Ha [Ht Hfail]]]]. exists a; split; [assumption|]. now exists t.
  - apply Rle_trans with (1 := union_bound P members n fails).
    apply Rle_trans with (list_sum members (fun a => delta * prior a)).
    + apply list_sum_le. intros a Ha. apply geometric_mean_anytime; auto. now apply Rmult_lt_0_compat; auto.
    + rewrite list_sum_scale. apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l|]; lra.
Qed.

(** The member and the time may be picked with all of the data in view. *)
Theorem geometric_mean_family_selected {O A : Type} (P : process O) X (members : list A) (U : A -> list O -> R)
    (prior : A -> R) n delta (pick : list O -> A) (stop : list O -> nat) :
  0 < delta -> (forall a, In a members -> 0 < prior a) -> list_sum members prior <= 1 ->
  (forall a, In a members -> upper_bounded P X (U a)) ->
  (forall h, In (pick h) members) -> (forall h, (1 <= stop h <= n)%nat) ->
  probability P n (fun h =>
    geometric_mean_bound (ln (/ (delta * prior (pick h))) / INR (stop h)) X (U (pick h)) (first_steps (stop h) h)
    < risk P X (first_steps (stop h) h)) <= delta.
Proof.
  intros Hd Hprior Hsum HU Hpick Hstop.
  apply Rle_trans with (2 := geometric_mean_family P X members U prior n delta Hd Hprior Hsum HU).
  apply probability_mono. intros h Hr Hl Hfail. exists (pick h), (stop h). auto.
Qed.

(** k members of equal weight at one n: C = ln(k/delta)/n. *)
Theorem geometric_mean_grid {O A : Type} (P : process O) X (members : list A) (U : A -> list O -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a members -> upper_bounded P X (U a)) ->
  probability P n (fun h => exists a, In a members /\
    geometric_mean_bound (ln (INR (length members) / delta) / INR n) X (U a) h < risk P X h) <= delta.
Proof.
  intros Hn Hd HU. destruct (Nat.eq_dec (length members) 0) as [E|Hk].
  - rewrite probability_impossible; [lra|]. intros h Hr Hl [a [Ha Hfail]].
    destruct members as [|b rest]; [destruct Ha|discriminate E].
  - assert (Hk0 : 0 < INR (length members)) by (apply lt_0_INR; lia).
    assert (Hw : 0 < / INR (length members)) by now apply Rinv_0_lt_compat.
    apply Rle_trans with (2 := geometric_mean_family P X members U (fun _ => / INR (length members)) n delta Hd
      (fun _ _ => Hw) ltac:(rewrite list_sum_constant; right; field; lra) HU).
    apply probability_mono. intros h Hr Hl [a [Ha Hfail]]. exists a, n.
    rewrite (first_steps_horizon n h Hl).
    replace (/ (delta * / INR (length members))) with (INR (length members) / delta) by (field; lra).
    split; [assumption|]. split; [lia|assumption].
Qed.

(** The default family U = Y + D with k shifts D, each of them above every X - Y. *)
Theorem geometric_mean_shift_grid {O : Type} (P : process O) X Y (shifts : list R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall D, In D shifts -> upper_bounded P X (fun past => Y past + D)) ->
  probability P n (fun h => exists D, In D shifts /\
    geometric_mean_bound (ln (INR (length shifts) / delta) / INR n) X (fun past => Y past + D) h < risk P X h)
  <= delta.
Proof. intros Hn Hd HU. apply (geometric_mean_grid P X shifts (fun D past => Y past + D)); auto. Qed.

(** The family U = max(B, Y + D) with k shifts D of any size: B, a function of the past, is above the loss. *)
Theorem capped_geometric_mean_grid {O : Type} (P : process O) X (B Y : list O -> R) (shifts : list R) n delta :
  (0 < n)%nat -> 0 < delta -> upper_bounded P X B ->
  probability P n (fun h => exists D, In D shifts /\
    geometric_mean_bound (ln (INR (length shifts) / delta) / INR n) X (fun past => Rmax (B past) (Y past + D)) h
    < risk P X h) <= delta.
Proof.
  intros Hn Hd HB. apply (geometric_mean_grid P X shifts (fun D past => Rmax (B past) (Y past + D))); auto.
  intros D _ past o Hr. apply Rle_trans with (1 := HB past o Hr). apply Rmax_l.
Qed.

(** * All members at once *)

(** sum_a pi_a [GM(U_a - X)/(mean U_a - M)]^n: what the mixture has gained at least if the risk exceeds M. *)
Definition implied_wealth {O A : Type} (members : list A) (prior : A -> R) (X : list O -> O -> R)
    (U : A -> list O -> R) (M : R) (h : list O) : R :=
  list_sum members (fun a => prior a *
    (path_geometric_mean (fun past o => U a past - X past o) h / (path_mean (fun past _ => U a past) h - M))
    ^ length h).

Lemma pow_quotient x d n : 0 < d -> (x / d) ^ n * d ^ n = x ^ n.
Proof. intros Hd. rewrite <- Rpow_mult_distr. f_equal; field; lra. Qed.

Section Mixture.
Context {O A : Type} (P : process O) (X : list O -> O -> R).
Variable members : list A.
Variable prior : A -> R.
Variable U : A -> list O -> R.
Hypothesis Hprior : forall a, In a members -> 0 <= prior a.

(** The weighted wealth of all members is a nonnegative supermartingale; it starts at sum_a pi_a. *)
Theorem mixture_wealth_supermartingale : (forall a, In a members -> upper_bounded P X (U a)) ->
  supermartingale P (fun h => list_sum members (fun a => prior a * wealth P X (U a) h)).
Proof. intros HU. apply mixture_supermartingale; auto. intros a Ha; apply wealth_supermartingale; auto. Qed.

Lemma risk_below_mean a h : upper_bounded P X (U a) -> reachable P h -> h <> [] ->
  risk P X h <= path_mean (fun past _ => U a past) h.
Proof.
  intros HU Hr Hh; unfold risk; apply (path_mean_le P); auto. intros past o Hro.
  apply conditional_mean_le; [now apply reachable_past in Hro|]. intros x Hx; auto.
Qed.

Lemma implied_wealth_below M h : (forall a, In a members -> upper_bounded P X (U a)) -> reachable P h -> h <> [] ->
  M < risk P X h ->
  implied_wealth members prior X U M h <= list_sum members (fun a => prior a * wealth P X (U a) h).
Proof.
  intros HU Hr Hh HM. apply list_sum_le. intros a Ha. apply Rmult_le_compat_l; [auto|].
  assert (HUa := HU a Ha). assert (Hgap := risk_below_mean a h HUa Hr Hh).
  assert (Hlen : (0 < length h)%nat) by (destruct h; simpl; [congruence|lia]).
  set (d := path_mean (fun past _ => U a past) h - M). assert (Hd : 0 < d) by (unfold d; lra).
  apply Rmult_le_reg_r with (d ^ length h); [now apply pow_lt|].
  rewrite pow_quotient by assumption. unfold path_geometric_mean. rewrite nth_root_power; [|assumption|].
  - apply Rle_trans with (1 := product_below_wealth P X (U a) HUa h Hr Hh).
    apply Rmult_le_compat_l.
    + apply (proj1 (wealth_supermartingale P X (U a) HUa h Hr)).
    + apply pow_incr. unfold d; lra.
  - apply (path_product_nonneg P); [assumption|]. intros past o Hro. assert (H := HUa past o Hro). lra.
Qed.

Lemma implied_wealth_term M h a : In a members ->
  (forall b, In b members -> M < path_mean (fun past _ => U b past) h) ->
  prior a * (path_geometric_mean (fun past o => U a past - X past o) h
             / (path_mean (fun past _ => U a past) h - M)) ^ length h
  <= implied_wealth members prior X U M h.
Proof.
  intros Ha HM. unfold implied_wealth.
  apply (list_sum_term members (fun b => prior b * (path_geometric_mean (fun past o => U b past - X past o) h
    / (path_mean (fun past _ => U b past) h - M)) ^ length h)); [|assumption].
  intros b Hb. apply Rmult_le_pos; [auto|]. apply pow_le, Rmult_le_pos; [apply nth_root_nonneg|].
  assert (H := HM b Hb). apply Rlt_le, Rinv_0_lt_compat; lra.
Qed.
End Mixture.

(** [mixture]: with probability at least 1 - delta, for all t at once, every M with
    sum_a pi_a [GM(U_a - X)/(mean U_a - M)]^t >= 1/delta is an upper bound of the risk of the first t steps. *)
Theorem mixture_anytime {O A : Type} (P : process O) X (members : list A) (prior : A -> R) (U : A -> list O -> R)
    n delta :
  0 < delta -> (forall a, In a members -> 0 <= prior a) -> list_sum members prior <= 1 ->
  (forall a, In a members -> upper_bounded P X (U a)) ->
  probability P n (fun h => exists t M, (1 <= t <= n)%nat /\
    / delta <= implied_wealth members prior X U M (first_steps t h) /\ M < risk P X (first_steps t h)) <= delta.
Proof.
  intros Hd Hprior Hsum HU. assert (Hi : 0 < / delta) by now apply Rinv_0_lt_compat.
  set (W := fun h => list_sum members (fun a => prior a * wealth P X (U a) h)).
  assert (HW : supermartingale P W) by (apply mixture_wealth_supermartingale; assumption).
  assert (HV := ville_inequality P W (/ delta) n HW Hi).
  apply Rle_trans with (W [] / / delta).
  - apply Rle_trans with (2 := HV). apply probability_mono. intros h Hr Hl [t [M [Ht [Hlarge HM]]]].
    exists t; split; [lia|]. apply Rle_trans with (1 := Hlarge). apply implied_wealth_below; auto.
    + now apply reachable_first_steps.
    + apply (nonempty_of_length t); [lia|]. apply length_first_steps; lia.
  - assert (H0 : W [] = list_sum members prior).
    { apply list_sum_eq. intros a Ha; unfold wealth; simpl; ring. }
    rewrite H0. unfold Rdiv. rewrite Rinv_inv.
    apply Rle_trans with (1 * delta); [apply Rmult_le_compat_r|]; lra.
Qed.

(** [mixture] at one n. *)
Theorem mixture_high_probability {O A : Type} (P : process O) X (members : list A) (prior : A -> R)
    (U : A -> list O -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a members -> 0 <= prior a) -> list_sum members prior <= 1 ->
  (forall a, In a members -> upper_bounded P X (U a)) ->
  probability P n (fun h => exists M,
    / delta <= implied_wealth members prior X U M h /\ M < risk P X h) <= delta.
Proof.
  intros Hn Hd Hprior Hsum HU.
  apply Rle_trans with (2 := mixture_anytime P X members prior U n delta Hd Hprior Hsum HU).
  apply probability_mono. intros h Hr Hl [M [Hlarge HM]]. exists n, M.
  rewrite (first_steps_horizon n h Hl). split; [lia|auto].
Qed.

(** What is certified stays certified above: below every mean U_a the left side grows with M. *)
Theorem implied_wealth_increasing {O A : Type} (members : list A) (prior : A -> R) (X : list O -> O -> R)
    (U : A -> list O -> R) (M N : R) (h : list O) :
  (forall a, In a members -> 0 <= prior a) -> M <= N ->
  (forall a, In a members -> N < path_mean (fun past _ => U a past) h) ->
  implied_wealth members prior X U M h <= implied_wealth members prior X U N h.
Proof.
  intros Hprior HMN HN. apply list_sum_le. intros a Ha. apply Rmult_le_compat_l; [auto|].
  assert (H := HN a Ha). apply pow_incr. split.
  - apply Rmult_le_pos; [apply nth_root_nonneg|]. apply Rlt_le, Rinv_0_lt_compat; lra.
  - apply Rmult_le_compat_l; [apply nth_root_nonneg|]. apply Rinv_le_contravar; lra.
Qed.

(** The mixture is never looser than a choice from the same family with the same weights: wherever a member's bound,
    at C = ln(1/(delta pi_a))/n, is at most M, the mixture certifies M too. *)
Theorem mixture_never_looser {O A : Type} (members : list A) (prior : A -> R) (X : list O -> O -> R)
    (U : A -> list O -> R) (M delta : R) (a : A) (h : list O) :
  0 < delta -> h <> [] -> (forall b, In b members -> 0 <= prior b) ->
  (forall b, In b members -> M < path_mean (fun past _ => U b past) h) ->
  In a members -> 0 < prior a ->
  geometric_mean_bound (ln (/ (delta * prior a)) / INR (length h)) X (U a) h <= M ->
  / delta <= implied_wealth members prior X U M h.
Proof.
  intros Hd Hh Hprior HM Ha Hpa Hbound.
  apply Rle_trans with (2 := implied_wealth_term X members prior U Hprior M h a Ha HM).
  assert (Hlen : (0 < length h)%nat) by (destruct h; simpl; [congruence|lia]).
  assert (Hn : 0 < INR (length h)) by now apply lt_0_INR.
  assert (Hda : 0 < delta * prior a) by now apply Rmult_lt_0_compat.
  unfold geometric_mean_bound in Hbound. set (C := ln (/ (delta * prior a)) / INR (length h)) in Hbound.
  set (G := path_geometric_mean (fun past o => U a past - X past o) h) in *.
  set (d := path_mean (fun past _ => U a past) h - M) in *.
  assert (Hdpos : 0 < d) by (assert (H := HM a Ha); unfold d; lra).
  assert (HdG : d <= exp (- C) * G) by (unfold d; lra).
  assert (Hratio : exp C <= G / d).
  { apply Rmult_le_reg_r with d; [assumption|]. replace (G / d * d) with G by (field; lra).
    apply Rle_trans with (exp C * (exp (- C) * G)).
    - apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|assumption].
    - rewrite <- Rmult_assoc, <- exp_plus, Rplus_opp_r, exp_0; lra. }
  apply Rle_trans with (prior a * exp C ^ length h).
  - rewrite <- exp_times_INR. unfold C.
    replace (INR (length h) * (ln (/ (delta * prior a)) / INR (length h))) with (ln (/ (delta * prior a)))
      by (field; lra).
    rewrite exp_ln by now apply Rinv_0_lt_compat. right; field; lra.
  - apply Rmult_le_compat_l; [lra|]. apply pow_incr. split; [apply Rlt_le, exp_pos|assumption].
Qed.
