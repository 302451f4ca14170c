(** Facts of real analysis that the bounds rest on: logarithms and exponentials, the inequality of arithmetic and
    geometric means along a history, and the n-th root of a product. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process.
Open Scope R_scope.

(** 1 + x <= e^x, as a bound on the logarithm. *)
Lemma ln_le_minus_one x : 0 < x -> ln x <= x - 1.
Proof.
  intros Hx. assert (H := exp_ineq1_le (ln x)). rewrite exp_ln in H by assumption. lra.
Qed.

(** 1 - e^{-x} <= x: what [empirical_freedman] loses against [geometric_mean]. *)
Lemma one_minus_exp_le x : 1 - exp (- x) <= x.
Proof. assert (H := exp_ineq1_le (- x)); lra. Qed.

Lemma exp_le_compat x y : x <= y -> exp x <= exp y.
Proof. intros [H|H]; [left; now apply exp_increasing|right; now rewrite H]. Qed.

Lemma ln_le_compat x y : 0 < x -> x <= y -> ln x <= ln y.
Proof. intros Hx [H|H]; [left; now apply ln_increasing|right; now rewrite H]. Qed.

Lemma exp_times_INR n x : exp (INR n * x) = exp x ^ n.
Proof.
  induction n as [|n IH]; [simpl; rewrite Rmult_0_l; apply exp_0|].
  rewrite S_INR, <- tech_pow_Rmult, <- IH, <- exp_plus. f_equal; ring.
Qed.

(** The n-th root of a number; of what is not positive it is 0. *)
Definition nth_root (n : nat) (x : R) : R := if Rle_dec x 0 then 0 else exp (ln x / INR n).

Lemma nth_root_nonneg n x : 0 <= nth_root n x.
Proof. unfold nth_root; destruct (Rle_dec x 0) as [H|H]; [lra|apply Rlt_le, exp_pos]. Qed.

Lemma nth_root_positive n x : 0 < x -> nth_root n x = exp (ln x / INR n).
Proof. intros Hx; unfold nth_root; destruct (Rle_dec x 0) as [H|H]; [lra|reflexivity]. Qed.

Lemma nth_root_power n x : (0 < n)%nat -> 0 <= x -> nth_root n x ^ n = x.
Proof.
  intros Hn Hx. assert (Hn' : 0 < INR n) by now apply lt_0_INR.
  unfold nth_root; destruct (Rle_dec x 0) as [H|H].
  - rewrite pow_i by assumption. lra.
  - rewrite <- exp_times_INR. replace (INR n * (ln x / INR n)) with (ln x) by (field; lra).
    apply exp_ln; lra.
Qed.

Lemma nth_root_le n x y : (0 < n)%nat -> 0 <= x -> x <= y -> nth_root n x <= nth_root n y.
Proof.
  intros Hn Hx Hxy. assert (Hn' : 0 < INR n) by now apply lt_0_INR.
  unfold nth_root at 1; destruct (Rle_dec x 0) as [H|H]; [apply nth_root_nonneg|].
  rewrite nth_root_positive by lra. apply exp_le_compat.
  apply Rmult_le_compat_r; [apply Rlt_le; now apply Rinv_0_lt_compat|]. apply ln_le_compat; lra.
Qed.

Lemma pow_le_inv n x y : (0 < n)%nat -> 0 <= x -> 0 <= y -> x ^ n <= y ^ n -> x <= y.
Proof.
  intros Hn Hx Hy H. apply Rnot_lt_le; intros Hlt.
  assert (H1 : y ^ n < x ^ n).
  { clear H; induction n as [|n IH]; [lia|]. destruct n as [|n]; [simpl; lra|].
    rewrite <- (tech_pow_Rmult y), <- (tech_pow_Rmult x).
    apply Rmult_le_0_lt_compat; [assumption|now apply pow_le|assumption|apply IH; lia]. }
  lra.
Qed.

Section Means.
Context {O : Type} (P : process O).
Implicit Types (F : list O -> O -> R).

Lemma product_under_exponential F M h : 0 < M -> reachable P h ->
  (forall past o, reachable P (o :: past) -> 0 <= F past o) ->
  path_product F h <= M ^ length h * exp (path_sum F h / M - INR (length h)).
Proof.
  intros HM Hr HF; induction h as [|o h IH].
  - simpl. replace (0 / M - 0) with 0 by (field; lra). rewrite exp_0; lra.
  - assert (Hr0 := reachable_past P o h Hr). specialize (IH Hr0).
    assert (Hstep : F h o <= M * exp (F h o / M - 1)).
    { assert (H := exp_ineq1_le (F h o / M - 1)).
      apply Rle_trans with (M * (F h o / M)); [right; field; lra|].
      apply Rmult_le_compat_l; lra. }
    cbn [path_product path_sum length]. rewrite S_INR.
    replace ((F h o + path_sum F h) / M - (INR (length h) + 1))
      with ((F h o / M - 1) + (path_sum F h / M - INR (length h))) by (field; lra).
    rewrite exp_plus, <- tech_pow_Rmult.
    replace (M * M ^ length h * (exp (F h o / M - 1) * exp (path_sum F h / M - INR (length h))))
      with ((M * exp (F h o / M - 1)) * (M ^ length h * exp (path_sum F h / M - INR (length h)))) by ring.
    apply Rmult_le_compat; auto. now apply (path_product_nonneg P).
Qed.

(** The geometric mean of nonnegative numbers along a history is at most their mean. *)
Theorem path_am_gm F h : reachable P h -> h <> [] ->
  (forall past o, reachable P (o :: past) -> 0 <= F past o) ->
  path_product F h <= path_mean F h ^ length h.
Proof.
  intros Hr Hh HF.
  assert (Hlen : (0 < length h)%nat) by (destruct h; simpl; [congruence|lia]).
  assert (Hn : 0 < INR (length h)) by now apply lt_0_INR.
  assert (H0 : 0 <= path_mean F h).
  { rewrite <- (path_mean_constant 0 h Hh). apply (path_mean_le P); auto. }
  destruct H0 as [H0|H0].
  - apply Rle_trans with (1 := product_under_exponential F _ h H0 Hr HF).
    replace (path_sum F h / path_mean F h - INR (length h)) with 0.
    + rewrite exp_0; lra.
    + unfold path_mean in *. assert (Hs : path_sum F h <> 0) by (intros E; rewrite E in H0; lra).
      field; split; lra.
  - rewrite <- H0, pow_i by assumption. apply Rnot_lt_le; intros Hpos.
    assert (G : 0 < path_product F h -> reachable P h -> 0 < path_sum F h \/ h = []).
    { clear Hh Hlen Hn H0 Hpos Hr. induction h as [|o h IH]; [now right|]. intros Hpos Hr; left.
      cbn [path_product path_sum] in *. assert (Hr0 := reachable_past P o h Hr).
      assert (H1 := HF h o Hr). assert (H2 := path_product_nonneg P F h Hr0 HF).
      assert (H3 : 0 < F h o) by (destruct H1 as [H1|H1]; [assumption|rewrite <- H1 in Hpos; lra]).
      assert (H4 : 0 <= path_sum F h).
      { replace 0 with (path_sum (fun (_ : list O) (_ : O) => 0) h) by (rewrite path_sum_constant; ring).
        apply (path_sum_le P); auto. }
      lra. }
    destruct (G Hpos Hr) as [Hs|Hs]; [|contradiction].
    unfold path_mean in H0. assert (H := Rmult_lt_0_compat _ _ Hs (Rinv_0_lt_compat _ Hn)).
    unfold Rdiv in H0; lra.
Qed.
End Means.
