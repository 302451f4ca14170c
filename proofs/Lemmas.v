(** The inequalities of one real variable or of one step under the bounds (THEORY 1, 3 and 5), each on exactly the
    domain of its card: v(x) = x - ln(1 + x), tangents and chords of the exponential, the steps of the inequalities
    of Hoeffding, Freedman, Bennett and of Fan, Grama and Liu, Pinsker's inequality, and the means of one step. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
Import ListNotations.
From Genbound Require Import Process Analysis.
Open Scope R_scope.

(** * Monotone functions from their derivatives *)

(** A function whose derivative is nonnegative between a and b does not decrease from a to b. *)
Lemma nondecreasing_by_derivative (f f' : R -> R) a b : a <= b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) -> (forall t, a <= t <= b -> 0 <= f' t) -> f a <= f b.
Proof.
  intros Hab Hd Hpos. destruct (MVT_gen f a b f') as [c [Hc He]].
  - intros t Ht. rewrite Rmin_left, Rmax_right in Ht by assumption. apply Hd; lra.
  - intros t Ht. rewrite Rmin_left, Rmax_right in Ht by assumption.
    apply (continuity_pt_filterlim f t), (ex_derive_continuous f). exists (f' t). now apply Hd.
  - rewrite Rmin_left, Rmax_right in Hc by assumption.
    assert (H : 0 <= f' c * (b - a)) by (apply Rmult_le_pos; [now apply Hpos|lra]). lra.
Qed.

(** A function whose derivative has the sign of t - a lies above its value at a. *)
Lemma minimum_by_derivative (f f' : R -> R) a x :
  (forall t, Rmin a x <= t <= Rmax a x -> is_derive f t (f' t)) ->
  (forall t, a <= t <= x -> 0 <= f' t) -> (forall t, x <= t <= a -> f' t <= 0) -> f a <= f x.
Proof.
  intros Hd Hup Hdown. destruct (Rle_dec a x) as [Hax|Hax].
  - rewrite Rmin_left, Rmax_right in Hd by assumption. now apply (nondecreasing_by_derivative f f').
  - rewrite Rmin_right, Rmax_left in Hd by lra.
    assert (H : - f x <= - f a); [|lra].
    apply (nondecreasing_by_derivative (fun t => - f t) (fun t => - f' t)); [lra| |].
    + intros t Ht. apply (is_derive_opp f t (f' t)). now apply Hd.
    + intros t Ht. assert (H := Hdown t Ht). lra.
Qed.

Lemma inverse_positive x : 0 < x -> 0 < / x.
Proof. apply Rinv_0_lt_compat. Qed.

(** * v(x) = x - ln(1 + x) *)

(** v(x) >= 0 for x > -1. *)
Theorem v_nonnegative x : -1 < x -> 0 <= x - ln (1 + x).
Proof. intros Hx. assert (H := ln_le_minus_one (1 + x) ltac:(lra)). lra. Qed.

(** v(x) <= x^2 for x >= -1/2. *)
Theorem v_quadratic x : - (1 / 2) <= x -> x - ln (1 + x) <= x ^ 2.
Proof.
  intros Hx.
  assert (H : 0 ^ 2 - 0 + ln (1 + 0) <= x ^ 2 - x + ln (1 + x)).
  { apply (minimum_by_derivative (fun t => t ^ 2 - t + ln (1 + t)) (fun t => t * (1 + 2 * t) * / (1 + t)) 0 x).
    - intros t Ht. assert (Ht' : - (1 / 2) <= t)
        by (apply Rle_trans with (2 := proj1 Ht); apply Rmin_glb; lra).
      auto_derive; [lra|field; lra].
    - intros t Ht. assert (Hi := inverse_positive (1 + t) ltac:(lra)).
      apply Rmult_le_pos; [apply Rmult_le_pos|]; lra.
    - intros t Ht. assert (Hi := inverse_positive (1 + t) ltac:(lra)).
      assert (H : 0 <= - t * (1 + 2 * t) * / (1 + t)) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; lra). lra. }
  rewrite Rplus_0_r, ln_1 in H. lra.
Qed.

(** * Tangents and chords of the exponential and the logarithm *)

(** 1 - e^{-x} <= x for all x. *)
Theorem one_minus_exp x : 1 - exp (- x) <= x.
Proof. apply one_minus_exp_le. Qed.

(** e^{g0} (1 + g - g0) <= e^g for all g and g0. *)
Theorem tangent_step g g0 : exp g0 * (1 + g - g0) <= exp g.
Proof.
  replace (exp g) with (exp g0 * exp (g - g0)) by (rewrite <- exp_plus; f_equal; ring).
  apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|]. assert (H := exp_ineq1_le (g - g0)). lra.
Qed.

(** w ln a + (1 - w) ln b <= ln(w a + (1 - w) b) for a, b > 0 and 0 <= w <= 1. *)
Theorem am_gm a b w : 0 < a -> 0 < b -> 0 <= w <= 1 -> w * ln a + (1 - w) * ln b <= ln (w * a + (1 - w) * b).
Proof.
  intros Ha Hb Hw. set (m := w * a + (1 - w) * b).
  assert (Hm : 0 < m).
  { unfold m. destruct (Req_dec w 0) as [E|E]; [rewrite E; lra|].
    assert (H1 : 0 < w * a) by (apply Rmult_lt_0_compat; lra).
    assert (H2 : 0 <= (1 - w) * b) by (apply Rmult_le_pos; lra). lra. }
  assert (Hi := inverse_positive m Hm).
  assert (Ln : forall t, 0 < t -> ln t <= ln m + (t / m - 1)).
  { intros t Ht. assert (H := ln_le_minus_one (t / m) ltac:(now apply Rdiv_lt_0_compat)).
    unfold Rdiv in *. rewrite ln_mult, ln_Rinv in H by assumption. lra. }
  apply Rle_trans with (w * (ln m + (a / m - 1)) + (1 - w) * (ln m + (b / m - 1))).
  - apply Rplus_le_compat; apply Rmult_le_compat_l; try lra; now apply Ln.
  - right. replace (w * (ln m + (a / m - 1)) + (1 - w) * (ln m + (b / m - 1)))
      with (ln m + ((w * a + (1 - w) * b) / m - 1)) by (field; lra).
    fold m. field; lra.
Qed.

(** e^{w x} <= 1 - w + w e^x for 0 <= w <= 1: the exponential lies under its chord. *)
Theorem chord_step w x : 0 <= w <= 1 -> exp (w * x) <= 1 - w + w * exp x.
Proof.
  intros Hw.
  assert (H : 1 - w + w * exp 0 - exp (w * 0) <= 1 - w + w * exp x - exp (w * x)).
  { apply (minimum_by_derivative (fun t => 1 - w + w * exp t - exp (w * t))
      (fun t => w * (exp t - exp (w * t))) 0 x).
    - intros t Ht; auto_derive; [exact I|ring].
    - intros t Ht. apply Rmult_le_pos; [lra|].
      assert (H : w * t <= 1 * t) by (apply Rmult_le_compat_r; lra).
      assert (H' := exp_le_compat (w * t) t ltac:(lra)). lra.
    - intros t Ht. assert (H : w * - t <= 1 * - t) by (apply Rmult_le_compat_r; lra).
      assert (H' := exp_le_compat t (w * t) ltac:(lra)).
      assert (H'' : 0 <= w * (exp (w * t) - exp t)) by (apply Rmult_le_pos; lra). lra. }
  rewrite Rmult_0_r, exp_0 in H. lra.
Qed.

(** u - c ln u is convex: between a and a + h it is at most the chord ... *)
Theorem second_stage_range a h w c : 0 < a -> 0 < h -> 0 <= w <= 1 -> 0 <= c ->
  a + w * h - c * ln (a + w * h) <= (1 - w) * (a - c * ln a) + w * (a + h - c * ln (a + h)).
Proof.
  intros Ha Hh Hw Hc. assert (H := am_gm (a + h) a w ltac:(lra) Ha Hw).
  replace (w * (a + h) + (1 - w) * a) with (a + w * h) in H by ring.
  assert (Hm := Rmult_le_compat_l c _ _ Hc H). lra.
Qed.

(** ... and so at most its larger end value. *)
Theorem second_stage_end low high t c : 0 < low -> low <= t <= high -> 0 <= c ->
  t - c * ln t <= Rmax (low - c * ln low) (high - c * ln high).
Proof.
  intros Hl Ht Hc. destruct (Req_dec low high) as [E|E].
  { replace t with low by lra. apply Rmax_l. }
  set (w := (t - low) / (high - low)). assert (Hi := inverse_positive (high - low) ltac:(lra)).
  assert (Hw : 0 <= w <= 1).
  { unfold w, Rdiv; split; [apply Rmult_le_pos; lra|].
    apply Rle_trans with ((high - low) * / (high - low)); [apply Rmult_le_compat_r; lra|right; field; lra]. }
  assert (H := second_stage_range low (high - low) w c Hl ltac:(lra) Hw Hc).
  replace (low + w * (high - low)) with t in H by (unfold w; field; lra).
  replace (low + (high - low)) with high in H by ring.
  apply Rle_trans with (1 := H).
  set (M := Rmax (low - c * ln low) (high - c * ln high)).
  apply Rle_trans with ((1 - w) * M + w * M); [|right; ring].
  apply Rplus_le_compat; apply Rmult_le_compat_l; try lra; [apply Rmax_l|apply Rmax_r].
Qed.

(** * The steps of the classical inequalities *)

(** Hoeffding: ln(1 - p + p e^x) <= p x + x^2/8 for 0 <= p <= 1 and all x. *)
Theorem hoeffding_lemma p x : 0 <= p <= 1 -> ln (1 - p + p * exp x) <= p * x + x ^ 2 / 8.
Proof.
  intros Hp.
  assert (Hz : forall t, 0 < 1 - p + p * exp t).
  { intros t. assert (He := exp_pos t). destruct (Req_dec p 0) as [E|E]; [rewrite E; lra|].
    assert (H : 0 < p * exp t) by (apply Rmult_lt_0_compat; lra). lra. }
  set (slope := fun t => p + t / 4 - p * exp t / (1 - p + p * exp t)).
  set (curvature := fun t => 1 / 4 - p * exp t * (1 - p) / (1 - p + p * exp t) ^ 2).
  assert (Dslope : forall t, is_derive slope t (curvature t)).
  { intros t. assert (H := Hz t). unfold slope, curvature. auto_derive; [lra|field; lra]. }
  assert (Hcurve : forall t, 0 <= curvature t).
  { intros t. assert (H := Hz t). unfold curvature.
    replace (1 / 4 - p * exp t * (1 - p) / (1 - p + p * exp t) ^ 2)
      with ((1 - p - p * exp t) ^ 2 * / (4 * (1 - p + p * exp t) ^ 2)) by (field; lra).
    apply Rmult_le_pos; [apply pow2_ge_0|].
    apply Rlt_le, Rinv_0_lt_compat, Rmult_lt_0_compat; [lra|now apply pow_lt]. }
  assert (S0 : slope 0 = 0) by (unfold slope; rewrite exp_0; field; lra).
  assert (H : p * 0 + 0 ^ 2 / 8 - ln (1 - p + p * exp 0) <= p * x + x ^ 2 / 8 - ln (1 - p + p * exp x)).
  { apply (minimum_by_derivative (fun t => p * t + t ^ 2 / 8 - ln (1 - p + p * exp t)) slope 0 x).
    - intros t Ht. assert (H := Hz t). unfold slope. auto_derive; [lra|field; lra].
    - intros t Ht. rewrite <- S0. now apply (nondecreasing_by_derivative slope curvature 0 t).
    - intros t Ht. rewrite <- S0. now apply (nondecreasing_by_derivative slope curvature t 0). }
  rewrite exp_0 in H. replace (1 - p + p * 1) with 1 in H by ring. rewrite ln_1 in H. lra.
Qed.

(** Freedman: e^{y x} <= 1 + y x + x^2 (e^y - 1 - y) for x <= 1 and y >= 0. *)
Theorem freedman_step x y : x <= 1 -> 0 <= y -> exp (y * x) <= 1 + y * x + x ^ 2 * (exp y - 1 - y).
Proof.
  intros Hx Hy.
  set (f := fun t => 1 + t * x + x ^ 2 * (exp t - 1 - t) - exp (t * x)).
  set (slope := fun t => x + x ^ 2 * (exp t - 1) - x * exp (t * x)).
  assert (H : f 0 <= f y); [|unfold f in H; rewrite Rmult_0_l, exp_0 in H; lra].
  apply (nondecreasing_by_derivative f slope); [assumption| |].
  - intros t Ht; unfold f, slope; auto_derive; [exact I|ring].
  - intros t Ht. replace 0 with (slope 0) by (unfold slope; rewrite Rmult_0_l, exp_0; ring).
    apply (nondecreasing_by_derivative slope (fun u => x ^ 2 * (exp u - exp (u * x)))); [lra| |].
    + intros u Hu; unfold slope; auto_derive; [exact I|ring].
    + intros u Hu. apply Rmult_le_pos; [apply pow2_ge_0|].
      assert (Hm : u * x <= u * 1) by (apply Rmult_le_compat_l; lra).
      assert (He := exp_le_compat (u * x) u ltac:(lra)). lra.
Qed.

(** Bennett: 1 + p (e^x - 1 - x) <= e^{p (e^x - 1 - x)}. *)
Theorem bennett_step p x : 1 + p * (exp x - 1 - x) <= exp (p * (exp x - 1 - x)).
Proof. apply exp_ineq1_le. Qed.

(** Fan, Grama and Liu: s x - ln(1 + s x) <= x^2 (-ln(1 - s) - s) for x >= -1 and 0 <= s < 1. *)
Theorem fan_step x s : -1 <= x -> 0 <= s < 1 -> s * x - ln (1 + s * x) <= x ^ 2 * (- ln (1 - s) - s).
Proof.
  intros Hx Hs.
  set (f := fun t => x ^ 2 * (- ln (1 - t) - t) - t * x + ln (1 + t * x)).
  assert (Hpos : forall t, 0 <= t <= s -> 1 - t <= 1 + t * x).
  { intros t Ht. assert (H : t * -1 <= t * x) by (apply Rmult_le_compat_l; lra). lra. }
  assert (H : f 0 <= f s).
  - apply (nondecreasing_by_derivative f (fun t => t * x ^ 2 * (/ (1 - t) - / (1 + t * x)))); [lra| |].
    + intros t Ht. assert (H := Hpos t Ht). unfold f. auto_derive; [lra|field; lra].
    + intros t Ht. assert (H := Hpos t Ht). apply Rmult_le_pos; [apply Rmult_le_pos; [lra|apply pow2_ge_0]|].
      assert (Hi := Rinv_le_contravar (1 - t) (1 + t * x) ltac:(lra) H). lra.
  - assert (H0 : f 0 = 0).
    { unfold f. replace (1 - 0) with 1 by ring. replace (1 + 0 * x) with 1 by ring. rewrite ln_1; ring. }
    unfold f in H, H0. lra.
Qed.

(** Relative entropy of two coins: kl(q || p). *)
Definition binary_kl (q p : R) : R := q * (ln q - ln p) + (1 - q) * (ln (1 - q) - ln (1 - p)).

(** Pinsker: 2 (p - q)^2 <= kl(q || p) for 0 < p, q < 1. *)
Theorem pinsker p q : 0 < p < 1 -> 0 < q < 1 -> 2 * (p - q) ^ 2 <= binary_kl q p.
Proof.
  intros Hp Hq.
  assert (Hbetween : forall t, Rmin q p <= t <= Rmax q p -> 0 < t < 1).
  { intros t [H1 H2]. split; [apply Rlt_le_trans with (2 := H1); now apply Rmin_glb_lt|].
    apply Rle_lt_trans with (1 := H2). now apply Rmax_lub_lt. }
  assert (Hfactor : forall t, 0 < t < 1 -> 0 <= / (t * (1 - t)) - 4).
  { intros t Ht. assert (H1 : 0 < t * (1 - t)) by (apply Rmult_lt_0_compat; lra).
    assert (H2 : t * (1 - t) <= / 4) by (assert (H := pow2_ge_0 (t - 1 / 2)); lra).
    assert (H := Rinv_le_contravar _ _ H1 H2). rewrite Rinv_inv in H. lra. }
  assert (H : binary_kl q q - 2 * (q - q) ^ 2 <= binary_kl q p - 2 * (p - q) ^ 2).
  { apply (minimum_by_derivative (fun t => binary_kl q t - 2 * (t - q) ^ 2)
      (fun t => (t - q) * (/ (t * (1 - t)) - 4)) q p).
    - intros t Ht. apply Hbetween in Ht. unfold binary_kl. auto_derive; [repeat split; lra|field; lra].
    - intros t Ht. apply Rmult_le_pos; [lra|]. apply Hfactor; lra.
    - intros t Ht. assert (H := Rmult_le_pos (q - t) _ ltac:(lra) (Hfactor t ltac:(lra))). lra. }
  unfold binary_kl in *. lra.
Qed.

(** q ln a + (1 - q) ln b <= kl(q || p) + ln(p a + (1 - p) b): the change of measure between two coins. *)
Theorem binary_change_of_measure p q a b : 0 < p < 1 -> 0 < q < 1 -> 0 < a -> 0 < b ->
  q * ln a + (1 - q) * ln b <= binary_kl q p + ln (p * a + (1 - p) * b).
Proof.
  intros Hp Hq Ha Hb. unfold binary_kl.
  assert (Hlog : forall x y z, 0 < x -> 0 < y -> 0 < z -> ln (x * y / z) = ln x + ln y - ln z).
  { intros x y z Hx Hy Hz. unfold Rdiv. rewrite ln_mult, ln_mult, ln_Rinv; try assumption; [ring| |].
    - now apply Rmult_lt_0_compat.
    - now apply Rinv_0_lt_compat. }
  assert (Ha' : 0 < p * a / q) by (apply Rdiv_lt_0_compat; [apply Rmult_lt_0_compat|]; lra).
  assert (Hb' : 0 < (1 - p) * b / (1 - q)) by (apply Rdiv_lt_0_compat; [apply Rmult_lt_0_compat|]; lra).
  assert (H := am_gm _ _ q Ha' Hb' ltac:(lra)).
  rewrite !Hlog in H by lra.
  replace (q * (p * a / q) + (1 - q) * ((1 - p) * b / (1 - q))) with (p * a + (1 - p) * b) in H by (field; lra).
  lra.
Qed.

Lemma list_sum_affine {A : Type} (l : list A) f b c :
  list_sum l (fun t => b * f t + c) = b * list_sum l f + INR (length l) * c.
Proof.
  induction l as [|t l IH]; [simpl; ring|]. cbn [list_sum length]. rewrite IH, S_INR. ring.
Qed.

(** * One step under any finite law *)

(** E[(U - X)/(U - m)] = 1, m = E X, U <> m. *)
Theorem one_step_product {O : Type} (law : list (R * O)) (X : O -> R) U :
  distribution law -> U <> weighted_sum law X ->
  weighted_sum law (fun o => (U - X o) / (U - weighted_sum law X)) = 1.
Proof.
  intros [Hw H1] HU. set (m := weighted_sum law X) in *.
  rewrite (weighted_sum_eq law _ (fun o => U / (U - m) * 1 + - / (U - m) * X o)); [|assumption|].
  - rewrite weighted_sum_linear, H1. fold m. field; lra.
  - intros w o Hi Hp; field; lra.
Qed.

(** E[1 + s A] <= exp(s (Y - m)/Delta), A = (Y - X)/Delta, m = E X. *)
Theorem one_step_freedman {O : Type} (law : list (R * O)) (X : O -> R) Y s Delta :
  distribution law -> 0 < Delta ->
  weighted_sum law (fun o => 1 + s * (Y - X o) / Delta) <= exp (s * (Y - weighted_sum law X) / Delta).
Proof.
  intros [Hw H1] HD. set (m := weighted_sum law X) in *.
  apply Rle_trans with (1 + s * (Y - m) / Delta); [right|apply exp_ineq1_le].
  rewrite (weighted_sum_eq law _ (fun o => (1 + s * Y / Delta) * 1 + - (s / Delta) * X o)); [|assumption|].
  - rewrite weighted_sum_linear, H1. fold m. field; lra.
  - intros w o Hi Hp; field; lra.
Qed.
