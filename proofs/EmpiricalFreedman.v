(** The empirical Freedman bound (THEORY 1, `empirical_freedman`; Finzi et al. 2025, Theorem 3.1). Y is predictable,
    A = (Y - X)/Delta >= -1, v(x) = x - ln(1 + x), s is taken from a finite grid K in (0,1):

        R <= mean X + min_{s in K} (Delta/s)(C + mean v(s A)) = mean X + Delta C + Sigma sqrt C,   C = ln(|K|/delta)/n.

    At the same s and C the geometric-mean bound with U = Y + Delta/s is never looser, on any data; so this one holds
    wherever that one does. (At s = 1 and A = -1 the true v is infinite; a strict A > -1 covers s = 1.) *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean Mixture.
Open Scope R_scope.

Definition v (x : R) : R := x - ln (1 + x).

(** A_k = (Y_k - X_k)/Delta. *)
Definition deviation {O : Type} (Delta : R) (X : list O -> O -> R) (Y : list O -> R) (past : list O) (o : O) : R :=
  (Y past - X past o) / Delta.

(** D_k = (Y_k - m_k)/Delta. *)
Definition mean_deviation {O : Type} (P : process O) (Delta : R) (X : list O -> O -> R) (Y : list O -> R)
    (past : list O) : R :=
  (Y past - conditional_mean P X past) / Delta.

(** mean X + (Delta/s)(C + mean v(s A)). *)
Definition empirical_freedman_bound {O : Type} (C Delta s : R) (X : list O -> O -> R) (Y : list O -> R)
    (h : list O) : R :=
  path_mean X h + Delta / s * (C + path_mean (fun past o => v (s * deviation Delta X Y past o)) h).

(** Sigma(s) = Delta sqrt C (1 - s)/s + (Delta/(s sqrt C)) mean v(s A). *)
Definition loss_variation {O : Type} (C Delta s : R) (X : list O -> O -> R) (Y : list O -> R) (h : list O) : R :=
  Delta * sqrt C * (1 - s) / s
  + Delta / (s * sqrt C) * path_mean (fun past o => v (s * deviation Delta X Y past o)) h.

(** * Forms of the same number *)

Lemma path_mean_pointwise {O : Type} (F G : list O -> O -> R) h :
  (forall past o, F past o = G past o) -> path_mean F h = path_mean G h.
Proof.
  intros E; unfold path_mean; f_equal. induction h as [|o h IH]; simpl; [reflexivity|]. now rewrite E, IH.
Qed.

(** [shift_form]: mean X + (Delta/s)(C + mean v(s A)) = mean Y + D (C - mean ln(1 + s A)), D = Delta/s. *)
Theorem shift_form {O : Type} (C Delta s : R) (X : list O -> O -> R) (Y : list O -> R) (h : list O) :
  Delta <> 0 -> s <> 0 -> h <> [] ->
  empirical_freedman_bound C Delta s X Y h
  = path_mean (fun past _ => Y past) h
    + Delta / s * (C - path_mean (fun past o => ln (1 + s * deviation Delta X Y past o)) h).
Proof.
  intros HD Hs Hh. unfold empirical_freedman_bound, v.
  rewrite (path_mean_pointwise (fun past o => s * deviation Delta X Y past o - ln (1 + s * deviation Delta X Y past o))
    (fun past o => s * deviation Delta X Y past o + (-1) * ln (1 + s * deviation Delta X Y past o)))
    by (intros; ring).
  rewrite path_mean_linear by assumption.
  rewrite (path_mean_pointwise X (fun past o => 1 * Y past + - Delta * deviation Delta X Y past o))
    by (intros; unfold deviation; field; assumption).
  rewrite (path_mean_linear (fun past _ => Y past)) by assumption. field; assumption.
Qed.

(** [sigma_form]: (Delta/s)(C + mean v(s A)) = Delta C + Sigma(s) sqrt C. *)
Theorem sigma_form {O : Type} (C Delta s : R) (X : list O -> O -> R) (Y : list O -> R) (h : list O) :
  0 < C -> s <> 0 ->
  empirical_freedman_bound C Delta s X Y h = path_mean X h + Delta * C + loss_variation C Delta s X Y h * sqrt C.
Proof.
  intros HC Hs. assert (Hq : 0 < sqrt C) by now apply sqrt_lt_R0.
  unfold empirical_freedman_bound, loss_variation.
  set (mean_v := path_mean (fun past o => v (s * deviation Delta X Y past o)) h).
  replace ((Delta * sqrt C * (1 - s) / s + Delta / (s * sqrt C) * mean_v) * sqrt C)
    with (Delta * (sqrt C * sqrt C) * (1 - s) / s + Delta / s * mean_v) by (field; split; lra).
  rewrite sqrt_sqrt by lra. field; assumption.
Qed.

(** min over s0 and the rest of the grid. *)
Definition grid_minimum (f : R -> R) (s0 : R) (rest : list R) : R := fold_right (fun s m => Rmin (f s) m) (f s0) rest.

Lemma grid_minimum_attained f s0 rest : exists s, In s (s0 :: rest) /\ grid_minimum f s0 rest = f s.
Proof.
  induction rest as [|s rest [r [Hr E]]]; [exists s0; split; [now left|reflexivity]|].
  cbn [grid_minimum fold_right] in *. unfold Rmin. destruct (Rle_dec (f s) _) as [Hle|Hgt].
  - exists s; split; [now right; left|reflexivity].
  - exists r; split; [|assumption]. destruct Hr as [Hr|Hr]; [now left|now right; right].
Qed.

Lemma grid_minimum_least f s0 rest s : In s (s0 :: rest) -> grid_minimum f s0 rest <= f s.
Proof.
  induction rest as [|r rest IH]; intros Hs.
  - destruct Hs as [E|[]]; rewrite E; simpl; lra.
  - cbn [grid_minimum fold_right]. fold (grid_minimum f s0 rest).
    destruct Hs as [E|[E|Hs]].
    + apply Rle_trans with (1 := Rmin_r _ _). apply IH; now left.
    + rewrite E; apply Rmin_l.
    + apply Rle_trans with (1 := Rmin_r _ _). apply IH; now right.
Qed.

(** The minimum over the grid in both forms: min_s (Delta/s)(C + mean v(s A)) = Delta C + (min_s Sigma(s)) sqrt C. *)
Theorem sigma_form_minimum {O : Type} (C Delta s0 : R) (rest : list R) (X : list O -> O -> R) (Y : list O -> R)
    (h : list O) :
  0 < C -> (forall s, In s (s0 :: rest) -> 0 < s < 1) ->
  grid_minimum (fun s => empirical_freedman_bound C Delta s X Y h) s0 rest
  = path_mean X h + Delta * C + grid_minimum (fun s => loss_variation C Delta s X Y h) s0 rest * sqrt C.
Proof.
  intros HC Hgrid. assert (Hq : 0 < sqrt C) by now apply sqrt_lt_R0.
  assert (Hform : forall s, In s (s0 :: rest) -> empirical_freedman_bound C Delta s X Y h
    = path_mean X h + Delta * C + loss_variation C Delta s X Y h * sqrt C).
  { intros s Hs; apply sigma_form; [assumption|]. apply Hgrid in Hs; lra. }
  apply Rle_antisym.
  - destruct (grid_minimum_attained (fun s => loss_variation C Delta s X Y h) s0 rest) as [s [Hs E]].
    rewrite E, <- Hform by assumption.
    now apply (grid_minimum_least (fun r => empirical_freedman_bound C Delta r X Y h)).
  - destruct (grid_minimum_attained (fun s => empirical_freedman_bound C Delta s X Y h) s0 rest) as [s [Hs E]].
    rewrite E, Hform by assumption. apply Rplus_le_compat_l, Rmult_le_compat_r; [lra|].
    now apply (grid_minimum_least (fun r => loss_variation C Delta r X Y h)).
Qed.

(** * Moments *)

(** E[1 + s A | past] = 1 + s D. *)
Lemma bet_mean {O : Type} (P : process O) X Y Delta s past : Delta <> 0 ->
  weighted_sum (kernel P past) (fun o => 1 + s * deviation Delta X Y past o) = 1 + s * mean_deviation P Delta X Y past.
Proof.
  intros HD. rewrite (weighted_sum_eq _ _ (fun o => (1 + s * Y past / Delta) + (- s / Delta) * X past o)).
  - rewrite conditional_mean_affine; unfold mean_deviation; field; assumption.
  - apply kernel_weights.
  - intros w o Hi Hw; unfold deviation; field; assumption.
Qed.

Definition freedman_factor {O : Type} (P : process O) (Delta s : R) X Y (past : list O) (o : O) : R :=
  (1 + s * deviation Delta X Y past o) * exp (- (s * mean_deviation P Delta X Y past)).

Lemma deviation_at_least {O : Type} (P : process O) X Y Delta past o : 0 < Delta ->
  upper_bounded P X (fun past => Y past + Delta) -> reachable P (o :: past) -> -1 <= deviation Delta X Y past o.
Proof.
  intros HD HX Hr; apply HX in Hr; unfold deviation. apply Rmult_le_reg_r with Delta; [assumption|].
  replace ((Y past - X past o) / Delta * Delta) with (Y past - X past o) by (field; lra). lra.
Qed.

(** prod (1 + s A) e^{-s D} is a nonnegative supermartingale ... *)
Theorem freedman_supermartingale {O : Type} (P : process O) X Y Delta s :
  0 < Delta -> 0 <= s <= 1 -> upper_bounded P X (fun past => Y past + Delta) ->
  supermartingale P (path_product (freedman_factor P Delta s X Y)).
Proof.
  intros HD Hs HX. apply product_supermartingale.
  - intros past o Hr. apply Rmult_le_pos; [|apply Rlt_le, exp_pos].
    assert (HA := deviation_at_least P X Y Delta past o HD HX Hr).
    assert (H := Rmult_le_compat_l s _ _ (proj1 Hs) HA). lra.
  - intros past Hr. unfold freedman_factor.
    rewrite (weighted_sum_eq _ _ (fun o => exp (- (s * mean_deviation P Delta X Y past))
      * (1 + s * deviation Delta X Y past o))); [|apply kernel_weights|intros; ring].
    rewrite weighted_sum_scale.
    apply Rle_trans with (exp (- (s * mean_deviation P Delta X Y past)) * exp (s * mean_deviation P Delta X Y past)).
    + apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|]. rewrite bet_mean by lra. apply exp_ineq1_le.
    + rewrite <- exp_plus, Rplus_opp_l, exp_0; lra.
Qed.

(** ... so that E prod (1 + s A_k) exp(-s D_k) <= 1. *)
Theorem freedman_moment {O : Type} (P : process O) X Y Delta s n :
  0 < Delta -> 0 <= s <= 1 -> upper_bounded P X (fun past => Y past + Delta) ->
  expectation P n (path_product (fun past o =>
    (1 + s * deviation Delta X Y past o) * exp (- (s * mean_deviation P Delta X Y past)))) <= 1.
Proof.
  intros HD Hs HX. exact (supermartingale_expectation P _ n (freedman_supermartingale P X Y Delta s HD Hs HX)).
Qed.

(** * The geometric-mean bound is never looser *)

(** For positive numbers GM = exp(mean ln). *)
Lemma path_geometric_mean_positive {O : Type} (P : process O) (F : list O -> O -> R) h : reachable P h ->
  (forall past o, reachable P (o :: past) -> 0 < F past o) ->
  path_geometric_mean F h = exp (path_mean (fun past o => ln (F past o)) h).
Proof.
  intros Hr HF. unfold path_geometric_mean, path_mean.
  rewrite nth_root_positive by now apply (path_product_pos P). now rewrite (ln_path_product P).
Qed.

Lemma stake_positive {O : Type} (P : process O) X Y Delta s : 0 < Delta -> 0 < s < 1 ->
  upper_bounded P X (fun past => Y past + Delta) ->
  forall past o, reachable P (o :: past) -> X past o < Y past + Delta / s.
Proof.
  intros HD Hs HX past o Hr. assert (H := HX past o Hr). apply Rle_lt_trans with (1 := H), Rplus_lt_compat_l.
  apply Rmult_lt_reg_r with s; [lra|]. replace (Delta / s * s) with Delta by (field; lra).
  assert (Hlt := Rmult_lt_compat_l Delta _ _ HD (proj2 Hs)). lra.
Qed.

(** [geometric_mean] with U = Y + Delta/s reads mean Y + D (1 - exp(mean ln(1 + s A) - C)), D = Delta/s. *)
Theorem geometric_mean_shift_form {O : Type} (P : process O) X Y C Delta s h :
  0 < Delta -> 0 < s -> (forall past o, reachable P (o :: past) -> X past o < Y past + Delta / s) ->
  reachable P h -> h <> [] ->
  geometric_mean_bound C X (fun past => Y past + Delta / s) h
  = path_mean (fun past _ => Y past) h
    + Delta / s * (1 - exp (path_mean (fun past o => ln (1 + s * deviation Delta X Y past o)) h - C)).
Proof.
  intros HD Hs HX Hr Hh. assert (Hstake : 0 < Delta / s) by now apply Rdiv_lt_0_compat.
  assert (Hfactor : forall past o,
    Y past + Delta / s - X past o = Delta / s * (1 + s * deviation Delta X Y past o)).
  { intros past o; unfold deviation; field; lra. }
  assert (Hpos : forall past o, reachable P (o :: past) -> 0 < 1 + s * deviation Delta X Y past o).
  { intros past o Hro. assert (H := HX past o Hro). apply Rmult_lt_reg_l with (Delta / s); [assumption|].
    rewrite <- Hfactor, Rmult_0_r. lra. }
  unfold geometric_mean_bound; cbv beta. rewrite (path_geometric_mean_positive P); [|assumption|].
  - rewrite (path_mean_eq P (fun past o => ln (Y past + Delta / s - X past o))
      (fun past o => 1 * ln (Delta / s) + 1 * ln (1 + s * deviation Delta X Y past o))); [|assumption|].
    + rewrite (path_mean_linear (fun _ _ => ln (Delta / s))), path_mean_constant by assumption.
      rewrite (path_mean_pointwise (fun past _ => Y past + Delta / s) (fun past _ => 1 * Y past + 1 * (Delta / s)))
        by (intros; ring).
      rewrite (path_mean_linear (fun past _ => Y past) (fun _ _ => Delta / s)), path_mean_constant by assumption.
      set (g := path_mean (fun past o => ln (1 + s * deviation Delta X Y past o)) h).
      replace (1 * ln (Delta / s) + 1 * g) with (ln (Delta / s) + g) by ring.
      replace (g - C) with (g + - C) by ring.
      rewrite !exp_plus, exp_ln by assumption. ring.
    + intros past o Hro. rewrite Hfactor, ln_mult; auto; ring.
  - intros past o Hro. assert (H := HX past o Hro). lra.
Qed.

(** [geometric_mean_dominates], with A > -1/s: on every path and at the same s and C the geometric-mean bound is at
    most the empirical Freedman bound. This includes s = 1 where A > -1. *)
Theorem geometric_mean_dominates_strict {O : Type} (P : process O) X Y C Delta s h :
  0 < Delta -> 0 < s -> (forall past o, reachable P (o :: past) -> X past o < Y past + Delta / s) ->
  reachable P h -> h <> [] ->
  geometric_mean_bound C X (fun past => Y past + Delta / s) h <= empirical_freedman_bound C Delta s X Y h.
Proof.
  intros HD Hs HX Hr Hh. rewrite (geometric_mean_shift_form P), shift_form by (auto; lra).
  apply Rplus_le_compat_l, Rmult_le_compat_l; [apply Rlt_le; now apply Rdiv_lt_0_compat|].
  set (g := path_mean (fun past o => ln (1 + s * deviation Delta X Y past o)) h).
  replace (g - C) with (- (C - g)) by ring. apply one_minus_exp_le.
Qed.

(** [geometric_mean_dominates]: X <= Y + Delta and 0 < s < 1. *)
Theorem geometric_mean_dominates {O : Type} (P : process O) X Y C Delta s h :
  0 < Delta -> 0 < s < 1 -> upper_bounded P X (fun past => Y past + Delta) -> reachable P h -> h <> [] ->
  geometric_mean_bound C X (fun past => Y past + Delta / s) h <= empirical_freedman_bound C Delta s X Y h.
Proof.
  intros HD Hs HX Hr Hh. apply (geometric_mean_dominates_strict P); auto; [lra|].
  now apply (stake_positive P).
Qed.

(** * High probability *)

(** A grid with weights, all s and all n at once: C = ln(1/(delta pi_s))/t. *)
Theorem empirical_freedman_anytime {O : Type} (P : process O) X Y Delta (grid : list R) (prior : R -> R) n delta :
  0 < Delta -> 0 < delta -> (forall s, In s grid -> 0 < s < 1) -> (forall s, In s grid -> 0 < prior s) ->
  list_sum grid prior <= 1 -> upper_bounded P X (fun past => Y past + Delta) ->
  probability P n (fun h => exists s t, In s grid /\ (1 <= t <= n)%nat /\
    empirical_freedman_bound (ln (/ (delta * prior s)) / INR t) Delta s X Y (first_steps t h)
    < risk P X (first_steps t h)) <= delta.
Proof.
  intros HD Hd Hgrid Hprior Hsum HX.
  assert (HU : forall s, In s grid -> upper_bounded P X (fun past => Y past + Delta / s)).
  { intros s Hs past o Hr. apply Rlt_le. apply (stake_positive P); auto. }
  apply Rle_trans with
    (2 := geometric_mean_family P X grid (fun s past => Y past + Delta / s) prior n delta Hd Hprior Hsum HU).
  apply probability_mono. intros h Hr Hl [s [t [Hs [Ht Hfail]]]]. exists s, t. split; [assumption|].
  split; [assumption|]. apply Rle_lt_trans with (2 := Hfail). apply (geometric_mean_dominates P); auto.
  - now apply reachable_first_steps.
  - apply (nonempty_of_length t); [lia|]. apply length_first_steps; lia.
Qed.

(** The choice of s and of the time may look at all of the data. *)
Theorem empirical_freedman_selected {O : Type} (P : process O) X Y Delta (grid : list R) (prior : R -> R) n delta
    (pick : list O -> R) (stop : list O -> nat) :
  0 < Delta -> 0 < delta -> (forall s, In s grid -> 0 < s < 1) -> (forall s, In s grid -> 0 < prior s) ->
  list_sum grid prior <= 1 -> upper_bounded P X (fun past => Y past + Delta) ->
  (forall h, In (pick h) grid) -> (forall h, (1 <= stop h <= n)%nat) ->
  probability P n (fun h =>
    empirical_freedman_bound (ln (/ (delta * prior (pick h))) / INR (stop h)) Delta (pick h) X Y
      (first_steps (stop h) h) < risk P X (first_steps (stop h) h)) <= delta.
Proof.
  intros HD Hd Hgrid Hprior Hsum HX Hpick Hstop.
  apply Rle_trans with (2 := empirical_freedman_anytime P X Y Delta grid prior n delta HD Hd Hgrid Hprior Hsum HX).
  apply probability_mono. intros h Hr Hl Hfail. exists (pick h), (stop h). auto.
Qed.

(** [empirical_freedman] on a grid of |K| values at one n: C = ln(|K|/delta)/n. *)
Theorem empirical_freedman_high_probability {O : Type} (P : process O) X Y Delta (grid : list R) n delta :
  (0 < n)%nat -> 0 < Delta -> 0 < delta -> (forall s, In s grid -> 0 < s < 1) ->
  upper_bounded P X (fun past => Y past + Delta) ->
  probability P n (fun h => exists s, In s grid /\
    empirical_freedman_bound (ln (INR (length grid) / delta) / INR n) Delta s X Y h < risk P X h) <= delta.
Proof.
  intros Hn HD Hd Hgrid HX.
  assert (HU : forall s, In s grid -> upper_bounded P X (fun past => Y past + Delta / s)).
  { intros s Hs past o Hr. apply Rlt_le. apply (stake_positive P); auto. }
  apply Rle_trans with (2 := geometric_mean_grid P X grid (fun s past => Y past + Delta / s) n delta Hn Hd HU).
  apply probability_mono. intros h Hr Hl [s [Hs Hfail]]. exists s. split; [assumption|].
  apply Rle_lt_trans with (2 := Hfail). apply (geometric_mean_dominates P); auto.
  apply (nonempty_of_length n); [lia|assumption].
Qed.

(** [empirical_freedman] as printed by Finzi et al. 2025: with probability at least 1 - delta,
    R <= mean X + Delta C + Sigma sqrt C, Sigma the minimum over K, C = ln(|K|/delta)/n. *)
Theorem empirical_freedman_sigma {O : Type} (P : process O) X Y Delta s0 (rest : list R) n delta :
  (0 < n)%nat -> 0 < Delta -> 0 < delta < 1 -> (forall s, In s (s0 :: rest) -> 0 < s < 1) ->
  upper_bounded P X (fun past => Y past + Delta) ->
  let C := ln (INR (length (s0 :: rest)) / delta) / INR n in
  probability P n (fun h =>
    path_mean X h + Delta * C + grid_minimum (fun s => loss_variation C Delta s X Y h) s0 rest * sqrt C
    < risk P X h) <= delta.
Proof.
  intros Hn HD Hd Hgrid HX C.
  assert (HC : 0 < C).
  { unfold C. apply Rdiv_lt_0_compat; [|now apply lt_0_INR]. rewrite <- ln_1. apply ln_increasing; [lra|].
    apply Rmult_lt_reg_r with delta; [lra|]. replace (INR (length (s0 :: rest)) / delta * delta)
      with (INR (length (s0 :: rest))) by (field; lra).
    assert (H1 : 1 <= INR (length (s0 :: rest))) by (apply (le_INR 1); simpl; lia). lra. }
  apply Rle_trans with
    (2 := empirical_freedman_high_probability P X Y Delta (s0 :: rest) n delta Hn HD (proj1 Hd) Hgrid HX).
  apply probability_mono. intros h Hr Hl Hfail. rewrite <- sigma_form_minimum in Hfail by assumption.
  destruct (grid_minimum_attained (fun s => empirical_freedman_bound C Delta s X Y h) s0 rest) as [s [Hs E]].
  exists s; split; [assumption|]. rewrite E in Hfail. exact Hfail.
Qed.
