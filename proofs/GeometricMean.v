(** The geometric-mean bound (THEORY 1, `geometric_mean`), in its general form: U is predictable and U >= X on every
    outcome that can occur;

        R <= mean U - e^{-C} GM(U - X)        with probability >= 1 - e^{-nC}, for all n at once. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis.
Open Scope R_scope.

(** U >= X under the true law. *)
Definition upper_bounded {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R) : Prop :=
  forall past o, reachable P (o :: past) -> X past o <= U past.

(** GM(F) = (F_1 ... F_n)^{1/n}. *)
Definition path_geometric_mean {O : Type} (F : list O -> O -> R) (h : list O) : R :=
  nth_root (length h) (path_product F h).

(** mean U - e^{-C} GM(U - X). *)
Definition geometric_mean_bound {O : Type} (C : R) (X : list O -> O -> R) (U : list O -> R) (h : list O) : R :=
  path_mean (fun past _ => U past) h - exp (- C) * path_geometric_mean (fun past o => U past - X past o) h.

(** The factor (U - X)/(U - m) of the wealth; 1 where U = m. *)
Definition wealth_factor {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R)
    (past : list O) (o : O) : R :=
  if Req_EM_T (U past) (conditional_mean P X past) then 1
  else (U past - X past o) / (U past - conditional_mean P X past).

(** The wealth of a bettor: the product of (U_k - X_k)/(U_k - m_k). *)
Definition wealth {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R) (h : list O) : R :=
  path_product (wealth_factor P X U) h.

Section GeometricMean.
Context {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R).
Hypothesis HU : upper_bounded P X U.

Lemma mean_below_bound past : reachable P past -> conditional_mean P X past <= U past.
Proof. intros Hr; apply conditional_mean_le; auto. Qed.

Lemma wealth_factor_nonneg past o : reachable P (o :: past) -> 0 <= wealth_factor P X U past o.
Proof.
  intros Hr; unfold wealth_factor.
  destruct (Req_EM_T (U past) (conditional_mean P X past)) as [E|E]; [lra|].
  assert (H1 := HU past o Hr). assert (H2 := mean_below_bound past (reachable_past P o past Hr)).
  apply Rmult_le_pos; [lra|]. apply Rlt_le, Rinv_0_lt_compat; lra.
Qed.

(** Each factor has conditional mean one. *)
Lemma wealth_factor_mean past : weighted_sum (kernel P past) (wealth_factor P X U past) = 1.
Proof.
  unfold wealth_factor.
  destruct (Req_EM_T (U past) (conditional_mean P X past)) as [E|E].
  - apply weighted_sum_constant, kernel_distribution.
  - rewrite (weighted_sum_eq _ _ (fun o => U past / (U past - conditional_mean P X past)
        + (- / (U past - conditional_mean P X past)) * X past o)).
    + rewrite conditional_mean_affine; field; lra.
    + apply kernel_weights.
    + intros w o Hi Hw; field; lra.
Qed.

(** The wealth is a martingale of mean one ... *)
Theorem wealth_mean_one n : expectation P n (wealth P X U) = 1.
Proof. apply product_mean_one; intros past Hr; apply wealth_factor_mean. Qed.

(** ... and in particular a nonnegative supermartingale. *)
Theorem wealth_supermartingale : supermartingale P (wealth P X U).
Proof.
  apply product_supermartingale; [apply wealth_factor_nonneg|].
  intros past Hr; right; apply wealth_factor_mean.
Qed.

(** prod (U - X) = wealth * prod (U - m): where U = m every outcome that can occur has X = U. *)
Lemma product_is_wealth h : reachable P h ->
  path_product (fun past o => U past - X past o) h
  = wealth P X U h * path_product (fun past _ => U past - conditional_mean P X past) h.
Proof.
  intros Hr; unfold wealth; rewrite path_product_mult. apply (path_product_eq P); [assumption|].
  intros past o Hro; unfold wealth_factor.
  destruct (Req_EM_T (U past) (conditional_mean P X past)) as [E|E]; [|field; lra].
  assert (Hz : weighted_sum (kernel P past) (fun x => U past - X past x) = 0).
  { rewrite (weighted_sum_eq _ _ (fun x => U past + (-1) * X past x)); [|apply kernel_weights|intros; ring].
    rewrite conditional_mean_affine; lra. }
  inversion Hro as [|past' w o' Hr' Hi Hw Eh].
  assert (Hx : U past - X past o = 0).
  { apply (weighted_sum_zero (kernel P past) (fun x => U past - X past x) (kernel_weights P past)) with (w := w); auto.
    intros w' x Hi' Hw'. assert (Ho : X past x <= U past) by (apply HU; econstructor; eauto). lra. }
  lra.
Qed.

Lemma mean_gap h : reachable P h -> h <> [] ->
  path_mean (fun past _ => U past - conditional_mean P X past) h
  = path_mean (fun past _ => U past) h - risk P X h.
Proof.
  intros Hr Hh; unfold risk.
  replace (path_mean (fun past _ => U past) h - path_mean (fun past _ => conditional_mean P X past) h)
    with (1 * path_mean (fun past _ => U past) h
          + (-1) * path_mean (fun past _ => conditional_mean P X past) h) by ring.
  rewrite <- path_mean_linear by assumption.
  apply (path_mean_eq P); [assumption|intros; ring].
Qed.

(** The true side: prod (U - X) <= wealth * (mean U - R)^n, by the inequality of the means. *)
Theorem product_below_wealth h : reachable P h -> h <> [] ->
  path_product (fun past o => U past - X past o) h
  <= wealth P X U h * (path_mean (fun past _ => U past) h - risk P X h) ^ length h.
Proof.
  intros Hr Hh. rewrite product_is_wealth by assumption. apply Rmult_le_compat_l.
  - apply (path_product_nonneg P); [assumption|apply wealth_factor_nonneg].
  - rewrite <- mean_gap by assumption. apply (path_am_gm P); auto.
    intros past o Hro. assert (H := mean_below_bound past (reachable_past P o past Hro)). lra.
Qed.

(** Where the bound fails the wealth has exceeded e^{nC}. *)
Theorem failure_means_wealth C h : reachable P h -> h <> [] ->
  geometric_mean_bound C X U h < risk P X h -> exp (INR (length h) * C) < wealth P X U h.
Proof.
  intros Hr Hh Hfail.
  assert (Hlen : (0 < length h)%nat) by (destruct h; simpl; [congruence|lia]).
  assert (Hprod := product_below_wealth h Hr Hh).
  assert (Hgap0 : 0 <= path_mean (fun past _ => U past) h - risk P X h).
  { rewrite <- mean_gap, <- (path_mean_constant (O := O) 0 h Hh) by assumption.
    apply (path_mean_le P); auto. intros past o Hro.
    assert (H := mean_below_bound past (reachable_past P o past Hro)). lra. }
  assert (HA : 0 <= path_product (fun past o => U past - X past o) h).
  { apply (path_product_nonneg P); [assumption|]. intros past o Hro. assert (H := HU past o Hro); lra. }
  unfold geometric_mean_bound, path_geometric_mean in Hfail.
  set (n := length h) in *. set (A := path_product (fun past o => U past - X past o) h) in *.
  set (gap := path_mean (fun past _ => U past) h - risk P X h) in *.
  assert (Hgap : gap < exp (- C) * nth_root n A) by (unfold gap; lra).
  assert (HrootA := nth_root_power n A Hlen HA).
  assert (Hpow : gap ^ n < exp (- C) ^ n * A).
  { rewrite <- HrootA. rewrite <- Rpow_mult_distr. apply Rnot_le_lt; intros H.
    assert (H' : exp (- C) * nth_root n A <= gap).
    { apply (pow_le_inv n); auto. apply Rmult_le_pos; [apply Rlt_le, exp_pos|apply nth_root_nonneg]. }
    lra. }
  assert (HE : exp (INR n * C) * exp (- C) ^ n = 1).
  { rewrite <- exp_times_INR, <- exp_plus. replace (INR n * C + INR n * - C) with 0 by ring. apply exp_0. }
  assert (Hpow0 : 0 <= gap ^ n) by now apply pow_le.
  assert (HeA : exp (INR n * C) * gap ^ n < A).
  { apply Rlt_le_trans with (exp (INR n * C) * (exp (- C) ^ n * A)).
    - apply Rmult_lt_compat_l; [apply exp_pos|assumption].
    - rewrite <- Rmult_assoc, HE; lra. }
  assert (Hgn : 0 < gap ^ n).
  { destruct Hpow0 as [H|H]; [assumption|]. rewrite <- H in *. lra. }
  apply Rmult_lt_reg_r with (gap ^ n); [assumption|]. lra.
Qed.
End GeometricMean.

(** [geometric_mean] at one n: with probability at least 1 - e^{-nC} the risk is at most the bound. *)
Theorem geometric_mean_high_probability {O : Type} (P : process O) X U n C :
  (0 < n)%nat -> upper_bounded P X U ->
  probability P n (fun h => geometric_mean_bound C X U h < risk P X h) <= exp (- (INR n * C)).
Proof.
  intros Hn HU.
  apply Rle_trans with (probability P n (fun h => exp (INR n * C) <= wealth P X U h)).
  - apply probability_mono. intros h Hr Hl Hfail. apply Rlt_le. rewrite <- Hl.
    apply failure_means_wealth; auto. intros E; rewrite E in Hl; simpl in Hl; lia.
  - apply Rle_trans with (1 := markov_inequality P n _ _ (exp_pos _)
      (fun h Hr _ => proj1 (wealth_supermartingale P X U HU h Hr))).
    rewrite (wealth_mean_one P X U n), exp_Ropp. right; unfold Rdiv; ring.
Qed.

(** [geometric_mean] for all n at once: with probability at least 1 - delta the risk of the first t steps is at most
    the bound with C = ln(1/delta)/t for every t up to the horizon, whatever the horizon. *)
Theorem geometric_mean_anytime {O : Type} (P : process O) X U n delta :
  0 < delta -> upper_bounded P X U ->
  probability P n (fun h => exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound (ln (/ delta) / INR t) X U (first_steps t h) < risk P X (first_steps t h)) <= delta.
Proof.
  intros Hd HU. assert (Hi : 0 < / delta) by now apply Rinv_0_lt_compat.
  assert (HV := ville_inequality P (wealth P X U) (/ delta) n (wealth_supermartingale P X U HU) Hi).
  replace (wealth P X U [] / / delta) with delta in HV by (unfold wealth; simpl; field; lra).
  apply Rle_trans with (2 := HV).
  apply probability_mono. intros h Hr Hl [t [Ht Hfail]]. exists t; split; [lia|].
  assert (Hlt : length (first_steps t h) = t) by (apply length_first_steps; lia).
  assert (Ht0 : 0 < INR t) by (apply lt_0_INR; lia).
  apply Rlt_le. rewrite <- (exp_ln (/ delta)) by assumption.
  replace (ln (/ delta)) with (INR (length (first_steps t h)) * (ln (/ delta) / INR t)).
  - apply failure_means_wealth; auto.
    + now apply reachable_first_steps.
    + intros E; rewrite E in Hlt; simpl in Hlt; lia.
  - rewrite Hlt; field; lra.
Qed.
