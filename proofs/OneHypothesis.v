(** Other inequalities for one fixed hypothesis (THEORY 1), each for any process of tokens: Azuma and Hoeffding (an
    interval of length Delta), Freedman (known variance), Howard et al. (mean square around a prediction) and the bound
    of Finzi et al. The last two follow from [geometric_mean] along every path. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean EmpiricalFreedman Lemmas Smoothing.
Open Scope R_scope.

Lemma length_positive {O : Type} (h : list O) : h <> [] -> 0 < INR (length h).
Proof. intros Hh. apply lt_0_INR. destruct h; simpl; [congruence|lia]. Qed.

Lemma nonempty_length {O : Type} (h : list O) n : (0 < n)%nat -> length h = n -> h <> [].
Proof. intros Hn Hl E. rewrite E in Hl. simpl in Hl. lia. Qed.

(** If E[exp F_k | past] <= 1 at every step, the sum of the F_k reaches t with probability at most e^{-t}. *)
Theorem exponential_supermartingale {O : Type} (P : process O) (F : list O -> O -> R) n t :
  (forall past, reachable P past -> weighted_sum (kernel P past) (fun o => exp (F past o)) <= 1) ->
  probability P n (fun h => t <= path_sum F h) <= exp (- t).
Proof.
  intros Hone. set (M := path_product (fun past o => exp (F past o))).
  assert (HM : supermartingale P M).
  { apply product_supermartingale; [|exact Hone]. intros past o Hr. apply Rlt_le, exp_pos. }
  apply Rle_trans with (probability P n (fun h => exp t <= M h)).
  - apply probability_mono. intros h Hr Hl Ht. unfold M. rewrite <- exp_path_sum. now apply exp_le_compat.
  - apply Rle_trans with (expectation P n M / exp t).
    + apply markov_inequality; [apply exp_pos|]. intros h Hr Hl. apply (HM h Hr).
    + rewrite exp_Ropp. assert (H := supermartingale_expectation P M n HM).
      change (M []) with 1 in H. assert (Hi := inverse_positive (exp t) (exp_pos t)).
      apply Rle_trans with (1 * / exp t); [apply Rmult_le_compat_r; lra|lra].
Qed.

(** * Azuma and Hoeffding *)

(** E[exp(lambda (m - X))] <= exp(lambda^2 Delta^2/8) for X in an interval of length Delta, m = E X. *)
Theorem hoeffding_step {O : Type} (law : list (R * O)) (X : O -> R) lambda low Delta :
  distribution law -> 0 < Delta -> (forall w o, In (w, o) law -> 0 < w -> low <= X o <= low + Delta) ->
  weighted_sum law (fun o => exp (lambda * (weighted_sum law X - X o))) <= exp (lambda ^ 2 * Delta ^ 2 / 8).
Proof.
  intros Hlaw HD HX. assert (Hw := proj1 Hlaw). set (m := weighted_sum law X).
  assert (Hi : 0 < / Delta) by now apply Rinv_0_lt_compat.
  assert (Share : forall t, low <= t <= low + Delta -> 0 <= (t - low) / Delta <= 1).
  { intros t Ht. unfold Rdiv. split; [apply Rmult_le_pos; lra|].
    apply Rle_trans with (Delta * / Delta); [apply Rmult_le_compat_r; lra|right; field; lra]. }
  assert (Hm : low <= m <= low + Delta).
  { split; [rewrite <- (weighted_sum_constant law low Hlaw)|rewrite <- (weighted_sum_constant law (low + Delta) Hlaw)];
      apply weighted_sum_le; try assumption; intros w o Hin Hp; now apply (HX w o). }
  set (p := (m - low) / Delta). assert (Hp : 0 <= p <= 1) by now apply Share.
  set (x := - (lambda * Delta)).
  apply Rle_trans with (exp (- (p * x)) * (1 - p + p * exp x)).
  - apply Rle_trans with (weighted_sum law (fun o => exp (- (p * x)) * (1 - low * (exp x - 1) / Delta) * 1
      + exp (- (p * x)) * (exp x - 1) / Delta * X o)).
    + apply weighted_sum_le; [assumption|]. intros w o Hin Hpos.
      assert (Hc := chord_step ((X o - low) / Delta) x (Share _ (HX w o Hin Hpos))).
      replace (exp (lambda * (m - X o))) with (exp (- (p * x)) * exp ((X o - low) / Delta * x)).
      * apply Rle_trans with (exp (- (p * x)) * (1 - (X o - low) / Delta + (X o - low) / Delta * exp x)).
        -- apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|exact Hc].
        -- right; field; lra.
      * rewrite <- exp_plus. f_equal. unfold p, x. field; lra.
    + rewrite weighted_sum_linear, (proj2 Hlaw). fold m. right. unfold p. field; lra.
  - apply Rle_trans with (exp (- (p * x)) * exp (p * x + x ^ 2 / 8)).
    + apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|].
      assert (Hz : 0 < 1 - p + p * exp x).
      { assert (He := exp_pos x). destruct (Req_dec p 0) as [E|E]; [rewrite E; lra|].
        assert (H : 0 < p * exp x) by (apply Rmult_lt_0_compat; lra). lra. }
      rewrite <- (exp_ln _ Hz). apply exp_le_compat. now apply hoeffding_lemma.
    + rewrite <- exp_plus. right. f_equal. unfold x. field.
Qed.

(** [azuma_hoeffding]: X_k in an interval of length Delta that the past fixes: with probability at least 1 - e^{-nC}
    the risk is at most mean X + Delta sqrt(C/2). *)
Theorem azuma_hoeffding_high_probability {O : Type} (P : process O) (X : list O -> O -> R) (low : list O -> R)
    Delta n C :
  (0 < n)%nat -> 0 < Delta -> 0 <= C ->
  (forall past o, reachable P (o :: past) -> low past <= X past o <= low past + Delta) ->
  probability P n (fun h => path_mean X h + Delta * sqrt (C / 2) < risk P X h) <= exp (- (INR n * C)).
Proof.
  intros Hn HD HC HX. set (root := sqrt (C / 2)). set (lambda := 4 * root / Delta).
  assert (Hroot : 0 <= root) by apply sqrt_pos.
  assert (Hsquare : root * root = C / 2) by (apply sqrt_sqrt; lra).
  set (F := fun past o => lambda * (conditional_mean P X past - X past o) - lambda ^ 2 * Delta ^ 2 / 8).
  apply Rle_trans with (probability P n (fun h => INR n * C <= path_sum F h)).
  - apply probability_mono. intros h Hr Hl Hfail.
    assert (Hh := nonempty_length h n Hn Hl). assert (Hpos := length_positive h Hh).
    assert (Hsum : path_sum F h = INR (length h) * (lambda * (risk P X h - path_mean X h) - C)).
    { unfold F, risk, path_mean.
      rewrite (path_sum_eq P _ (fun past o => 1 * (lambda * conditional_mean P X past + (- lambda) * X past o)
        + (- C) * 1)); [|assumption|].
      - rewrite path_sum_linear, path_sum_linear, path_sum_constant. field; lra.
      - intros past o _. unfold lambda.
        replace ((4 * root / Delta) ^ 2 * Delta ^ 2 / 8) with (2 * (root * root)) by (field; lra).
        rewrite Hsquare. field; lra. }
    rewrite Hsum, Hl. apply Rmult_le_compat_l; [apply pos_INR|].
    assert (Hl0 : 0 <= lambda).
    { unfold lambda, Rdiv. apply Rmult_le_pos; [lra|now apply Rlt_le, Rinv_0_lt_compat]. }
    assert (H := Rmult_le_compat_l lambda (Delta * root) (risk P X h - path_mean X h) Hl0
      ltac:(fold root in Hfail; lra)).
    replace (lambda * (Delta * root)) with (4 * (root * root)) in H by (unfold lambda; field; lra). lra.
  - apply exponential_supermartingale. intros past Hr. unfold F.
    rewrite (weighted_sum_eq _ _ (fun o => exp (- (lambda ^ 2 * Delta ^ 2 / 8))
      * exp (lambda * (conditional_mean P X past - X past o)))).
    + rewrite weighted_sum_scale.
      assert (H := hoeffding_step (kernel P past) (X past) lambda (low past) Delta
        (kernel_distribution P past) HD
        ltac:(intros w o Hin Hw; apply HX; exact (reachable_cons P past w o Hr Hin Hw))).
      apply Rle_trans with (exp (- (lambda ^ 2 * Delta ^ 2 / 8)) * exp (lambda ^ 2 * Delta ^ 2 / 8)).
      * apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|exact H].
      * rewrite <- exp_plus, Rplus_opp_l, exp_0. lra.
    + apply kernel_weights.
    + intros w o Hin Hw. rewrite <- exp_plus. f_equal. ring.
Qed.

(** * Freedman *)

(** Var[X_k | past]. *)
Definition conditional_variance {O : Type} (P : process O) (X : list O -> O -> R) (past : list O) : R :=
  weighted_sum (kernel P past) (fun o => (conditional_mean P X past - X past o) ^ 2).

(** [freedman]: m_k - X_k <= Delta (so whenever 0 <= X_k <= Delta). With probability at least 1 - e^{-nC}: if the mean
    of the conditional variances is at most v, the risk is at most
    mean X + Delta (C + (e^lambda - 1 - lambda) v/Delta^2)/lambda. *)
Theorem freedman_high_probability {O : Type} (P : process O) (X : list O -> O -> R) Delta lambda variance n C :
  (0 < n)%nat -> 0 < Delta -> 0 < lambda ->
  (forall past o, reachable P (o :: past) -> conditional_mean P X past - X past o <= Delta) ->
  probability P n (fun h => path_mean (fun past _ => conditional_variance P X past) h <= variance /\
    path_mean X h + Delta * (C + (exp lambda - 1 - lambda) * variance / Delta ^ 2) / lambda < risk P X h)
  <= exp (- (INR n * C)).
Proof.
  intros Hn HD Hl HX. set (g := exp lambda - 1 - lambda).
  assert (Hg : 0 <= g) by (unfold g; assert (H := exp_ineq1_le lambda); lra).
  set (F := fun past o => lambda / Delta * (conditional_mean P X past - X past o)
    - g / Delta ^ 2 * conditional_variance P X past).
  apply Rle_trans with (probability P n (fun h => INR n * C <= path_sum F h)).
  - apply probability_mono. intros h Hr Hlen [Hv Hfail].
    assert (Hh := nonempty_length h n Hn Hlen). assert (Hpos := length_positive h Hh).
    assert (Hsum : path_sum F h = INR (length h) * (lambda / Delta * (risk P X h - path_mean X h)
      - g / Delta ^ 2 * path_mean (fun past _ => conditional_variance P X past) h)).
    { unfold F, risk, path_mean.
      rewrite (path_sum_eq P _ (fun past o => 1 * (lambda / Delta * conditional_mean P X past
        + (- (lambda / Delta)) * X past o) + (- (g / Delta ^ 2)) * conditional_variance P X past));
        [|assumption|intros; ring].
      rewrite path_sum_linear, path_sum_linear. field; lra. }
    rewrite Hsum, Hlen. apply Rmult_le_compat_l; [apply pos_INR|].
    assert (Hs : 0 < lambda / Delta) by now apply Rdiv_lt_0_compat.
    assert (Hq : 0 <= g / Delta ^ 2).
    { unfold Rdiv. apply Rmult_le_pos; [lra|]. now apply Rlt_le, Rinv_0_lt_compat, pow_lt. }
    assert (H1 := Rmult_le_compat_l _ _ _ Hq Hv).
    assert (H2 := Rmult_lt_compat_l _ _ _ Hs Hfail).
    replace (lambda / Delta * (path_mean X h + Delta * (C + g * variance / Delta ^ 2) / lambda))
      with (lambda / Delta * path_mean X h + C + g / Delta ^ 2 * variance) in H2 by (field; lra). lra.
  - apply exponential_supermartingale. intros past Hr. unfold F.
    set (m := conditional_mean P X past). set (q := g / Delta ^ 2 * conditional_variance P X past).
    apply Rle_trans with (weighted_sum (kernel P past) (fun o => exp (- q)
      * (1 * (1 + lambda / Delta * m - lambda / Delta * X past o) + g / Delta ^ 2 * (m - X past o) ^ 2))).
    + apply weighted_sum_le; [apply kernel_weights|]. intros w o Hin Hw.
      assert (Hx := HX past o ltac:(exact (reachable_cons P past w o Hr Hin Hw))). fold m in Hx.
      assert (Hx1 : (m - X past o) / Delta <= 1).
      { unfold Rdiv. apply Rle_trans with (Delta * / Delta); [|right; field; lra].
        apply Rmult_le_compat_r; [now apply Rlt_le, Rinv_0_lt_compat|assumption]. }
      assert (H := freedman_step _ lambda Hx1 ltac:(lra)). fold g in H.
      replace (lambda / Delta * (m - X past o) - q) with (- q + lambda * ((m - X past o) / Delta)) by (field; lra).
      rewrite exp_plus. apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|].
      apply Rle_trans with (1 := H). right; field; lra.
    + rewrite weighted_sum_scale, weighted_sum_linear. fold m. change (weighted_sum (kernel P past)
        (fun o => (m - X past o) ^ 2)) with (conditional_variance P X past). fold q.
      rewrite (weighted_sum_eq _ _ (fun o => (1 + lambda / Delta * m) + - (lambda / Delta) * X past o));
        [|apply kernel_weights|intros; ring].
      rewrite conditional_mean_affine. fold m.
      apply Rle_trans with (exp (- q) * exp q).
      * apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|]. assert (H := exp_ineq1_le q). lra.
      * rewrite <- exp_plus, Rplus_opp_l, exp_0. lra.
Qed.

(** * Consequences of the geometric-mean bound *)

(** Where U > X, e^{-C} GM(U - X) = exp(mean ln(U - X) - C). *)
Lemma geometric_mean_bound_logarithm {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R) C h :
  reachable P h -> (forall past o, reachable P (o :: past) -> X past o < U past) ->
  geometric_mean_bound C X U h
  = path_mean (fun past _ => U past) h - exp (path_mean (fun past o => ln (U past - X past o)) h - C).
Proof.
  intros Hr HU. unfold geometric_mean_bound. rewrite (path_geometric_mean_positive P).
  - rewrite <- exp_plus. f_equal. f_equal. ring.
  - assumption.
  - intros past o Hro. assert (H := HU past o Hro). lra.
Qed.

Lemma shifted_upper_bounded {O : Type} (P : process O) (X : list O -> O -> R) (Y : list O -> R) Delta s :
  0 < Delta -> 0 < s <= 1 -> upper_bounded P X (fun past => Y past + Delta) ->
  upper_bounded P X (fun past => Y past + Delta / s).
Proof.
  intros HD Hs HX past o Hr. assert (H := HX past o Hr).
  assert (Hi := Rinv_le_contravar s 1 ltac:(lra) ltac:(lra)). rewrite Rinv_1 in Hi.
  assert (Hm := Rmult_le_compat_l Delta _ _ ltac:(lra) Hi). unfold Rdiv. lra.
Qed.

(** ** Howard, Ramdas, McAuliffe and Sekhon *)

(** mean X + (Delta/lambda)(C + psi_E(lambda) mean A^2), A = (Y - X)/Delta, psi_E(lambda) = -ln(1 - lambda) - lambda. *)
Definition howard_bound {O : Type} (C Delta lambda : R) (X : list O -> O -> R) (Y : list O -> R) (h : list O) : R :=
  path_mean X h + Delta / lambda
    * (C + (- ln (1 - lambda) - lambda) * path_mean (fun past o => deviation Delta X Y past o ^ 2) h).

(** Along every path [howard] is never below [geometric_mean]. *)
Theorem geometric_mean_below_howard {O : Type} (P : process O) (X : list O -> O -> R) (Y : list O -> R)
    Delta lambda C h :
  reachable P h -> h <> [] -> 0 < Delta -> 0 < lambda < 1 ->
  upper_bounded P X (fun past => Y past + Delta) ->
  geometric_mean_bound C X (fun past => Y past + Delta / lambda) h <= howard_bound C Delta lambda X Y h.
Proof.
  intros Hr Hh HD Hl HX.
  apply Rle_trans with (1 := geometric_mean_dominates P X Y C Delta lambda h HD Hl HX Hr Hh).
  unfold empirical_freedman_bound, howard_bound.
  apply Rplus_le_compat_l, Rmult_le_compat_l; [apply Rlt_le, Rdiv_lt_0_compat; lra|]. apply Rplus_le_compat_l.
  set (psi := - ln (1 - lambda) - lambda).
  apply Rle_trans with (path_mean (fun past o => psi * deviation Delta X Y past o ^ 2 + 0 * 0) h).
  - apply (path_mean_le P); [assumption|assumption|]. intros past o Hro.
    assert (HA : -1 <= deviation Delta X Y past o).
    { assert (H := HX past o Hro). assert (Hi := inverse_positive Delta HD). unfold deviation, Rdiv.
      replace (-1) with (- Delta * / Delta) by (field; lra). apply Rmult_le_compat_r; lra. }
    assert (H := fan_step _ lambda HA ltac:(lra)). fold psi in H. unfold v. lra.
  - rewrite (path_mean_linear _ (fun _ _ => 0)) by assumption. lra.
Qed.

(** [howard] at one n. *)
Theorem howard_high_probability {O : Type} (P : process O) (X : list O -> O -> R) (Y : list O -> R)
    Delta lambda n C :
  (0 < n)%nat -> 0 < Delta -> 0 < lambda < 1 ->
  upper_bounded P X (fun past => Y past + Delta) ->
  probability P n (fun h => howard_bound C Delta lambda X Y h < risk P X h) <= exp (- (INR n * C)).
Proof.
  intros Hn HD Hl HX.
  apply Rle_trans with (2 := geometric_mean_high_probability P X (fun past => Y past + Delta / lambda) n C Hn
    (shifted_upper_bounded P X Y Delta lambda HD ltac:(lra) HX)).
  apply probability_mono. intros h Hr Hlen Hfail.
  apply Rle_lt_trans with (2 := Hfail). apply (geometric_mean_below_howard P); try assumption.
  now apply (nonempty_length h n).
Qed.

(** [howard] for every lambda of a finite grid of size k, with probability at least 1 - k e^{-nC}. *)
Theorem howard_grid {O : Type} (P : process O) (X : list O -> O -> R) (Y : list O -> R) Delta (grid : list R) n C :
  (0 < n)%nat -> 0 < Delta -> (forall lambda, In lambda grid -> 0 < lambda < 1) ->
  upper_bounded P X (fun past => Y past + Delta) ->
  probability P n (fun h => exists lambda, In lambda grid /\ howard_bound C Delta lambda X Y h < risk P X h)
  <= INR (length grid) * exp (- (INR n * C)).
Proof.
  intros Hn HD Hgrid HX. rewrite <- list_sum_constant. apply Rle_trans with (1 := union_bound P grid n _).
  apply list_sum_le. intros lambda Hl. apply howard_high_probability; try assumption. now apply Hgrid.
Qed.

(** [howard] for all n at once, C = ln(1/delta)/t after t tokens. *)
Theorem howard_anytime {O : Type} (P : process O) (X : list O -> O -> R) (Y : list O -> R) Delta lambda n delta :
  0 < delta -> 0 < Delta -> 0 < lambda < 1 ->
  upper_bounded P X (fun past => Y past + Delta) ->
  probability P n (fun h => exists t, (1 <= t <= n)%nat /\
    howard_bound (ln (/ delta) / INR t) Delta lambda X Y (first_steps t h) < risk P X (first_steps t h)) <= delta.
Proof.
  intros Hd HD Hl HX.
  apply Rle_trans with (2 := geometric_mean_anytime P X (fun past => Y past + Delta / lambda) n delta Hd
    (shifted_upper_bounded P X Y Delta lambda HD ltac:(lra) HX)).
  apply probability_mono. intros h Hr Hlen [t [Ht Hfail]]. exists t. split; [assumption|].
  apply Rle_lt_trans with (2 := Hfail). apply (geometric_mean_below_howard P); try assumption.
  - now apply reachable_first_steps.
  - apply (nonempty_length _ t); [lia|]. apply length_first_steps; lia.
Qed.

(** ** Finzi et al. *)

(** mean X + C ln V + Sigma sqrt C + sqrt(2 C): X is the unsmoothed loss -ln p, Sigma is [loss_variation] of the
    smoothed losses and Y at Delta = ln(V/alpha). *)
Definition finzi_bound {O : Type} (C alpha V s : R) (p : list O -> O -> R) (Y : list O -> R) (h : list O) : R :=
  path_mean (fun past o => - ln (p past o)) h + C * ln V
  + loss_variation C (ln (V / alpha)) s (smoothed_loss alpha V p) Y h * sqrt C + sqrt (2 * C).

(** [finzi_bound] for a finite grid of s: a model that predicts p with V tokens, alpha = C/(1 + C) and any predictable
    Y >= 0 (the entropy, say). With probability at least 1 - k e^{-nC}, k the size of the grid, the risk of the smoothed
    model is at most the bound at every s of the grid. *)
Theorem finzi_high_probability {O : Type} (P : process O) (vocabulary : list O) p (Y : list O -> R) (grid : list R)
    n C :
  let V := INR (length vocabulary) in let alpha := C / (1 + C) in
  (0 < n)%nat -> 0 < C -> predictor P vocabulary p ->
  (forall past o, reachable P (o :: past) -> 0 < p past o) ->
  (forall past, reachable P past -> 0 <= Y past) -> (forall s, In s grid -> 0 < s < 1) ->
  probability P n (fun h => exists s, In s grid /\
    finzi_bound C alpha V s p Y h < risk P (smoothed_loss alpha V p) h)
  <= INR (length grid) * exp (- (INR n * C)).
Proof.
  intros V alpha Hn HC Hmodel Hp HY Hgrid.
  assert (HV : 1 <= V) by (apply (vocabulary_size _ (p [])), (proj1 Hmodel), reachable_nil).
  assert (Ha : 0 < alpha < 1).
  { unfold alpha. split; [apply Rdiv_lt_0_compat; lra|]. assert (Hi := inverse_positive (1 + C) ltac:(lra)).
    replace 1 with ((1 + C) * / (1 + C)) at 2 by (field; lra). apply Rmult_lt_compat_r; lra. }
  set (X := smoothed_loss alpha V p). set (Delta := ln (V / alpha)).
  assert (HD : 0 < Delta).
  { unfold Delta. rewrite <- ln_1. apply ln_increasing; [lra|].
    apply Rlt_le_trans with (1 / alpha); [|unfold Rdiv; apply Rmult_le_compat_r; [|lra]].
    - unfold Rdiv. rewrite Rmult_1_l, <- Rinv_1 at 1. apply Rinv_lt_contravar; lra.
    - apply Rlt_le, Rinv_0_lt_compat; lra. }
  assert (HX : upper_bounded P X (fun past => Y past + Delta)).
  { intros past o Hr. assert (H := smoothed_upper_bounded P vocabulary p alpha ltac:(lra) Hmodel past o Hr).
    assert (H' := HY past (reachable_past P o past Hr)). fold V X Delta in H. lra. }
  rewrite <- list_sum_constant.
  apply Rle_trans with (1 := union_bound P grid n _). apply list_sum_le. intros s Hs.
  assert (Hs1 := Hgrid s Hs).
  apply Rle_trans with (2 := geometric_mean_high_probability P X (fun past => Y past + Delta / s) n C Hn
    (shifted_upper_bounded P X Y Delta s HD ltac:(lra) HX)).
  apply probability_mono. intros h Hr Hlen Hfail. assert (Hh := nonempty_length h n Hn Hlen).
  apply Rle_lt_trans with (2 := Hfail).
  apply Rle_trans with (1 := geometric_mean_dominates P X Y C Delta s h HD Hs1 HX Hr Hh).
  rewrite sigma_form by lra. unfold finzi_bound. fold X Delta.
  assert (Hcost : path_mean X h <= path_mean (fun past o => - ln (p past o)) h - ln (1 - alpha)).
  { apply Rle_trans with (path_mean (fun past o => 1 * - ln (p past o) + (- ln (1 - alpha)) * 1) h).
    - apply (path_mean_le P); [assumption|assumption|]. intros past o Hro.
      assert (H := smoothing_cost alpha V (p past o) ltac:(lra) ltac:(lra) (Hp past o Hro)).
      unfold X, smoothed_loss. lra.
    - rewrite (path_mean_linear _ (fun _ _ => 1)), path_mean_constant by assumption. lra. }
  assert (Hprice := smoothing_price_attained C HC). fold alpha in Hprice.
  assert (Hsqrt := smoothing_cost_sqrt C HC).
  assert (EDelta : Delta = ln V + ln (/ alpha)).
  { unfold Delta, Rdiv. apply ln_mult; [lra|apply Rinv_0_lt_compat; lra]. }
  unfold smoothing_trade in Hprice.
  assert (EDeltaC : Delta * C = C * ln V + C * ln (/ alpha)) by (rewrite EDelta; ring).
  lra.
Qed.
