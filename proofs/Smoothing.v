(** Uniform smoothing p_alpha = (1 - alpha) p + alpha/V (THEORY 3): what it costs, the ranges it buys, the least entropy
    of a smoothed prediction, and the price h(C) = (1 + C) ln(1 + C) - C ln C of the best alpha.

    The losses of a smoothed model satisfy the premise [upper_bounded] of the bounds of section 1, with U = ln(V/alpha),
    with the ceiling of each context, and with U = Y + D, Y the entropy of the prediction. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
Import ListNotations.
From Genbound Require Import Process Analysis GeometricMean Lemmas.
Open Scope R_scope.

(** p_alpha = (1 - alpha) p + alpha/V. *)
Definition smoothed (alpha V p : R) : R := (1 - alpha) * p + alpha / V.

(** * One prediction *)

Lemma uniform_part_positive alpha V : 0 < alpha <= 1 -> 0 < V -> 0 < alpha / V.
Proof. intros Ha HV. apply Rdiv_lt_0_compat; lra. Qed.

Lemma smoothed_at_least alpha V p : 0 < alpha <= 1 -> 0 <= p -> alpha / V <= smoothed alpha V p.
Proof. intros Ha Hp. unfold smoothed. assert (H : 0 <= (1 - alpha) * p) by (apply Rmult_le_pos; lra). lra. Qed.

Lemma ln_uniform_part alpha V : 0 < alpha <= 1 -> 0 < V -> - ln (alpha / V) = ln (V / alpha).
Proof.
  intros Ha HV. rewrite <- ln_Rinv by now apply uniform_part_positive. f_equal. field; lra.
Qed.

(** [smoothing_cost]: -ln p_alpha <= -ln p - ln(1 - alpha). *)
Theorem smoothing_cost alpha V p : 0 <= alpha < 1 -> 0 < V -> 0 < p ->
  - ln (smoothed alpha V p) <= - ln p - ln (1 - alpha).
Proof.
  intros Ha HV Hp. unfold smoothed.
  assert (H1 : 0 < (1 - alpha) * p) by (apply Rmult_lt_0_compat; lra).
  assert (H2 : 0 <= alpha / V) by (apply Rmult_le_pos; [lra|now apply Rlt_le, Rinv_0_lt_compat]).
  assert (H3 := ln_le_compat _ ((1 - alpha) * p + alpha / V) H1 ltac:(lra)).
  rewrite ln_mult in H3 by lra. lra.
Qed.

(** [per_context_ceiling]: -ln p_alpha <= -ln((1 - alpha) p_min + alpha/V) whenever 0 <= p_min <= p. *)
Theorem per_context_ceiling alpha V p_min p : 0 < alpha <= 1 -> 0 < V -> 0 <= p_min <= p ->
  - ln (smoothed alpha V p) <= - ln (smoothed alpha V p_min).
Proof.
  intros Ha HV Hp. apply Ropp_le_contravar, ln_le_compat.
  - apply Rlt_le_trans with (1 := uniform_part_positive alpha V Ha HV). apply smoothed_at_least; lra.
  - unfold smoothed. apply Rplus_le_compat_r, Rmult_le_compat_l; lra.
Qed.

(** [smoothed_range]: -ln p_alpha <= B = ln(V/alpha). *)
Theorem smoothed_range alpha V p : 0 < alpha <= 1 -> 0 < V -> 0 <= p -> - ln (smoothed alpha V p) <= ln (V / alpha).
Proof.
  intros Ha HV Hp. rewrite <- ln_uniform_part by assumption.
  apply Ropp_le_contravar, ln_le_compat; [now apply uniform_part_positive|now apply smoothed_at_least].
Qed.

(** [smoothed_least_loss]: -ln p_alpha >= l_min = -ln(1 - alpha + alpha/V). *)
Theorem smoothed_least_loss alpha V p : 0 < alpha <= 1 -> 0 < V -> 0 <= p <= 1 ->
  - ln (1 - alpha + alpha / V) <= - ln (smoothed alpha V p).
Proof.
  intros Ha HV Hp. assert (H := per_context_ceiling alpha V p 1 Ha HV ltac:(lra)).
  unfold smoothed at 1 in H. now rewrite Rmult_1_r in H.
Qed.

(** [smoothed_span]: B - l_min = ln(1 + (1 - alpha) V/alpha). *)
Theorem smoothed_span alpha V : 0 < alpha <= 1 -> 0 < V ->
  ln (V / alpha) - - ln (1 - alpha + alpha / V) = ln (1 + (1 - alpha) * V / alpha).
Proof.
  intros Ha HV. assert (H := uniform_part_positive alpha V Ha HV).
  assert (H' : 0 < V / alpha) by (apply Rdiv_lt_0_compat; lra).
  unfold Rminus at 1. rewrite Ropp_involutive, <- ln_mult by lra. f_equal. field; lra.
Qed.

(** * The least entropy *)

(** -t ln t is concave. *)
Lemma entropy_term_concave a b w : 0 < a -> 0 < b -> 0 <= w <= 1 ->
  w * (- a * ln a) + (1 - w) * (- b * ln b)
  <= - (w * a + (1 - w) * b) * ln (w * a + (1 - w) * b).
Proof.
  intros Ha Hb Hw. set (m := w * a + (1 - w) * b).
  assert (Hm : 0 < m).
  { unfold m. destruct (Req_dec w 0) as [E|E]; [rewrite E; lra|].
    assert (H1 : 0 < w * a) by (apply Rmult_lt_0_compat; lra).
    assert (H2 : 0 <= (1 - w) * b) by (apply Rmult_le_pos; lra). lra. }
  assert (Tangent : forall t, 0 < t -> - t * ln t <= - t * ln m + (m - t)).
  { intros t Ht. assert (Hi : 0 < m * / t) by now apply Rdiv_lt_0_compat.
    assert (H := ln_le_minus_one (m * / t) Hi).
    rewrite ln_mult, ln_Rinv in H by (try assumption; now apply Rinv_0_lt_compat).
    apply (Rmult_le_compat_l t) in H; [|lra].
    replace (t * (m * / t - 1)) with (m - t) in H by (field; lra). lra. }
  apply Rle_trans with (w * (- a * ln m + (m - a)) + (1 - w) * (- b * ln m + (m - b))).
  - apply Rplus_le_compat; apply Rmult_le_compat_l; try lra; now apply Tangent.
  - right. unfold m at 2 4 5. ring.
Qed.

(** [entropy_transfer]: moving the mass y from one token to another lowers the entropy:
    -a ln a - (a + x + y) ln(a + x + y) <= -(a + x) ln(a + x) - (a + y) ln(a + y). *)
Theorem entropy_transfer a x y : 0 < a -> 0 < x -> 0 < y ->
  - a * ln a + - (a + x + y) * ln (a + x + y) <= - (a + x) * ln (a + x) + - (a + y) * ln (a + y).
Proof.
  intros Ha Hx Hy. set (w := y / (x + y)). assert (Hi := inverse_positive (x + y) ltac:(lra)).
  assert (Hw : 0 <= w <= 1).
  { unfold w, Rdiv; split; [apply Rmult_le_pos; lra|].
    apply Rle_trans with ((x + y) * / (x + y)); [apply Rmult_le_compat_r; lra|right; field; lra]. }
  assert (H1 := entropy_term_concave a (a + x + y) w Ha ltac:(lra) Hw).
  assert (H2 := entropy_term_concave a (a + x + y) (1 - w) Ha ltac:(lra) ltac:(lra)).
  replace (w * a + (1 - w) * (a + x + y)) with (a + x) in H1 by (unfold w; field; lra).
  replace ((1 - w) * a + (1 - (1 - w)) * (a + x + y)) with (a + y) in H2 by (unfold w; field; lra).
  lra.
Qed.

(** The entropy of the smoothed prediction p over the tokens of a vocabulary. *)
Definition smoothed_entropy {A : Type} (vocabulary : list A) (alpha : R) (p : A -> R) : R :=
  list_sum vocabulary (fun t => - smoothed alpha (INR (length vocabulary)) (p t)
                                * ln (smoothed alpha (INR (length vocabulary)) (p t))).

(** h_min, the entropy of a smoothed point mass. *)
Definition least_entropy (alpha V : R) : R :=
  - (1 - alpha + alpha / V) * ln (1 - alpha + alpha / V) + alpha * (1 - 1 / V) * ln (V / alpha).

(** p is a probability distribution over the vocabulary. *)
Definition prediction {A : Type} (vocabulary : list A) (p : A -> R) : Prop :=
  (forall t, In t vocabulary -> 0 <= p t) /\ list_sum vocabulary p = 1.

Lemma vocabulary_size {A : Type} (vocabulary : list A) p : prediction vocabulary p -> 1 <= INR (length vocabulary).
Proof.
  intros [H0 H1]. destruct vocabulary as [|t rest]; [simpl in H1; lra|].
  cbn [length]. rewrite S_INR. assert (H := pos_INR (length rest)). lra.
Qed.

Lemma prediction_at_most_one {A : Type} (vocabulary : list A) p t :
  prediction vocabulary p -> In t vocabulary -> p t <= 1.
Proof. intros [H0 H1] Ht. rewrite <- H1. now apply (list_sum_term vocabulary p). Qed.

(** A smoothed prediction is a prediction. *)
Theorem smoothed_prediction {A : Type} (vocabulary : list A) alpha p :
  0 <= alpha <= 1 -> prediction vocabulary p ->
  prediction vocabulary (fun t => smoothed alpha (INR (length vocabulary)) (p t)).
Proof.
  intros Ha Hp. assert (HV := vocabulary_size vocabulary p Hp). destruct Hp as [H0 H1]. unfold smoothed. split.
  - intros t Ht. assert (H2 : 0 <= (1 - alpha) * p t) by (apply Rmult_le_pos; [lra|now apply H0]).
    assert (H3 : 0 <= alpha / INR (length vocabulary))
      by (apply Rmult_le_pos; [lra|apply Rlt_le, Rinv_0_lt_compat; lra]). lra.
  - rewrite list_sum_affine, H1. field; lra.
Qed.

(** [entropy_floor]: the entropy of a smoothed prediction is at least h_min, for every vocabulary. *)
Theorem entropy_floor {A : Type} (vocabulary : list A) alpha p :
  0 < alpha <= 1 -> prediction vocabulary p ->
  least_entropy alpha (INR (length vocabulary)) <= smoothed_entropy vocabulary alpha p.
Proof.
  intros Ha Hp. assert (HV := vocabulary_size vocabulary p Hp). unfold smoothed_entropy, least_entropy.
  set (V := INR (length vocabulary)) in *.
  set (top := 1 - alpha + alpha / V). set (base := alpha / V).
  assert (Hbase : 0 < base) by (apply uniform_part_positive; lra).
  assert (Htop : 0 < top) by (unfold top; fold base; lra).
  apply Rle_trans with
    (list_sum vocabulary (fun t => (- top * ln top - - base * ln base) * p t + - base * ln base)).
  - rewrite list_sum_affine, (proj2 Hp). fold V. rewrite <- (ln_uniform_part alpha V) by lra. fold base.
    right. unfold base. field; lra.
  - apply list_sum_le. intros t Ht. assert (H0 := proj1 Hp t Ht).
    assert (H1 := prediction_at_most_one vocabulary p t Hp Ht).
    assert (H := entropy_term_concave top base (p t) Htop Hbase ltac:(lra)).
    replace (p t * top + (1 - p t) * base) with (smoothed alpha V (p t)) in H
      by (unfold smoothed, top, base; ring).
    lra.
Qed.

(** l_min <= h_min: the mean of losses that are at least l_min. *)
Lemma least_loss_below_least_entropy alpha V : 0 < alpha <= 1 -> 1 <= V ->
  - ln (1 - alpha + alpha / V) <= least_entropy alpha V.
Proof.
  intros Ha HV. assert (Hb := uniform_part_positive alpha V Ha ltac:(lra)).
  unfold least_entropy. rewrite <- (ln_uniform_part alpha V) by lra.
  assert (H : ln (alpha / V) <= ln (1 - alpha + alpha / V)) by (apply ln_le_compat; lra).
  assert (Hw : 0 <= alpha * (1 - 1 / V)).
  { apply Rmult_le_pos; [lra|]. assert (Hi := Rinv_le_contravar 1 V ltac:(lra) HV). rewrite Rinv_1 in Hi. lra. }
  assert (Hm := Rmult_le_compat_l _ _ _ Hw H).
  replace (1 - alpha + alpha / V) with (1 - alpha * (1 - 1 / V)) at 2 by (field; lra). lra.
Qed.

(** A smoothed loss exceeds the entropy of its own prediction by at most B - h_min <= ln(1 + (1 - alpha) V/alpha). *)
Theorem smoothed_deviation {A : Type} (vocabulary : list A) alpha p t :
  0 < alpha <= 1 -> prediction vocabulary p -> In t vocabulary ->
  let V := INR (length vocabulary) in
  - ln (smoothed alpha V (p t)) - smoothed_entropy vocabulary alpha p <= ln (V / alpha) - least_entropy alpha V
  /\ ln (V / alpha) - least_entropy alpha V <= ln (1 + (1 - alpha) * V / alpha).
Proof.
  intros Ha Hp Ht V. assert (HV := vocabulary_size vocabulary p Hp). fold V in HV. split.
  - assert (H1 := smoothed_range alpha V (p t) Ha ltac:(lra) (proj1 Hp t Ht)).
    assert (H2 := entropy_floor vocabulary alpha p Ha Hp). fold V in H2. lra.
  - rewrite <- smoothed_span by lra. assert (H := least_loss_below_least_entropy alpha V Ha HV). lra.
Qed.

(** * The price of smoothing *)

(** h(C) = (1 + C) ln(1 + C) - C ln C. *)
Definition smoothing_price (C : R) : R := (1 + C) * ln (1 + C) - C * ln C.

(** What alpha costs: -ln(1 - alpha) + C ln(1/alpha). *)
Definition smoothing_trade (alpha C : R) : R := - ln (1 - alpha) + C * ln (/ alpha).

(** [smoothing_price_attained]: -ln(1 - alpha) + C ln(1/alpha) = h(C) at alpha = C/(1 + C). *)
Theorem smoothing_price_attained C : 0 < C -> smoothing_trade (C / (1 + C)) C = smoothing_price C.
Proof.
  intros HC. unfold smoothing_trade, smoothing_price.
  replace (1 - C / (1 + C)) with (/ (1 + C)) by (field; lra).
  replace (/ (C / (1 + C))) with ((1 + C) * / C) by (field; lra).
  assert (Hi : 0 < / C) by now apply Rinv_0_lt_compat.
  rewrite ln_mult, !ln_Rinv by lra. ring.
Qed.

(** [smoothing_price]: h(C) <= -ln(1 - alpha) + C ln(1/alpha) for every alpha. *)
Theorem smoothing_price_least alpha C : 0 < alpha < 1 -> 0 < C -> smoothing_price C <= smoothing_trade alpha C.
Proof.
  intros Ha HC. unfold smoothing_trade, smoothing_price.
  assert (Hi : 0 < / C) by now apply Rinv_0_lt_compat.
  assert (Hq : 0 < / (1 + C)) by (apply Rinv_0_lt_compat; lra).
  assert (Hw : 0 <= C * / (1 + C) <= 1).
  { split; [apply Rmult_le_pos; lra|].
    apply Rle_trans with ((1 + C) * / (1 + C)); [apply Rmult_le_compat_r; lra|right; field; lra]. }
  assert (H := am_gm (alpha * (/ C * (1 + C))) ((1 - alpha) * (1 + C)) (C * / (1 + C))
    ltac:(repeat apply Rmult_lt_0_compat; lra) ltac:(apply Rmult_lt_0_compat; lra) Hw).
  replace (C * / (1 + C) * (alpha * (/ C * (1 + C))) + (1 - C * / (1 + C)) * ((1 - alpha) * (1 + C))) with 1 in H
    by (field; lra).
  rewrite ln_1, !ln_mult, ln_Rinv in H by (try lra; repeat apply Rmult_lt_0_compat; lra).
  apply (Rmult_le_compat_l (1 + C)) in H; [|lra].
  rewrite ln_Rinv by lra.
  replace ((1 + C) * (C * / (1 + C) * (ln alpha + (- ln C + ln (1 + C)))
           + (1 - C * / (1 + C)) * (ln (1 - alpha) + ln (1 + C))))
    with (C * ln alpha - C * ln C + (1 + C) * ln (1 + C) + ln (1 - alpha)) in H by (field; lra).
  lra.
Qed.

(** h(t^2)/t does not decrease on (0, 1], and is 2 ln 2 at t = 1. *)
Lemma smoothing_price_square t : 0 < t <= 1 -> smoothing_price (t ^ 2) <= 2 * ln 2 * t.
Proof.
  intros [H0 H1].
  set (phi := fun x => (x + / x) * ln (1 + x ^ 2) - 2 * x * ln x).
  set (slope := fun x => (1 - / x ^ 2) * ln (1 + x ^ 2) - 2 * ln x).
  assert (Square : forall x, 0 < x -> 0 < x ^ 2) by (intros; now apply pow_lt).
  assert (Ln : forall x, 0 < x -> ln (x ^ 2) = 2 * ln x)
    by (intros x Hx; simpl; rewrite Rmult_1_r, ln_mult by assumption; ring).
  assert (H : phi t <= phi 1).
  { apply (nondecreasing_by_derivative phi slope); [assumption| |].
    - intros x Hx. assert (Hs := Square x ltac:(lra)). unfold phi, slope. simpl in Hs.
      auto_derive; [repeat split; lra|]. simpl. field; split; lra.
    - intros x Hx. assert (Hs := Square x ltac:(lra)). unfold slope.
      assert (L1 := ln_le_minus_one (1 + x ^ 2) ltac:(lra)).
      assert (L2 := ln_le_minus_one (x ^ 2) Hs). rewrite Ln in L2 by lra.
      assert (Hx1 : x ^ 2 <= 1) by (rewrite <- (pow1 2); apply pow_incr; lra).
      assert (Hi := Rinv_le_contravar (x ^ 2) 1 Hs Hx1). rewrite Rinv_1 in Hi.
      assert (Hm := Rmult_le_compat_l (/ x ^ 2 - 1) _ _ ltac:(lra) L1).
      replace ((/ x ^ 2 - 1) * (1 + x ^ 2 - 1)) with (1 - x ^ 2) in Hm by (field; lra). lra. }
  assert (E : phi 1 = 2 * ln 2).
  { unfold phi. rewrite ln_1, Rinv_1, pow1. replace (1 + 1) with 2 by ring. ring. }
  assert (F : smoothing_price (t ^ 2) = phi t * t).
  { unfold smoothing_price, phi. rewrite Ln by assumption. field; lra. }
  rewrite F. apply Rmult_le_compat_r; lra.
Qed.

(** [smoothing_cost_sqrt_sharp]: h(C) <= 2 ln 2 sqrt(C) for C > 0, with equality at C = 1. *)
Theorem smoothing_cost_sqrt_sharp C : 0 < C -> smoothing_price C <= 2 * ln 2 * sqrt C.
Proof.
  assert (Small : forall c, 0 < c <= 1 -> smoothing_price c <= 2 * ln 2 * sqrt c).
  { intros c [H0 H1]. assert (Hs : 0 < sqrt c) by now apply sqrt_lt_R0.
    assert (Hs1 : sqrt c <= 1) by (rewrite <- sqrt_1; now apply sqrt_le_1_alt).
    assert (H := smoothing_price_square (sqrt c) (conj Hs Hs1)).
    simpl in H. rewrite Rmult_1_r, sqrt_sqrt in H by lra. exact H. }
  intros H0; destruct (Rle_dec C 1) as [H1|H1]; [now apply Small|].
  assert (Hi : 0 < / C) by now apply Rinv_0_lt_compat.
  assert (Hi1 : / C <= 1) by (rewrite <- Rinv_1; apply Rinv_le_contravar; lra).
  assert (H := Small (/ C) (conj Hi Hi1)).
  assert (E : smoothing_price (/ C) = smoothing_price C * / C).
  { unfold smoothing_price. replace (1 + / C) with ((1 + C) * / C) by (field; lra).
    rewrite ln_mult, ln_Rinv by lra. field; lra. }
  assert (Hs : 0 < sqrt C) by now apply sqrt_lt_R0.
  assert (F : C * sqrt (/ C) = sqrt C).
  { assert (HC : sqrt C * sqrt C = C) by (apply sqrt_sqrt; lra).
    assert (HI : sqrt C * sqrt (/ C) = 1)
      by (rewrite <- sqrt_mult by lra; replace (C * / C) with 1 by (field; lra); apply sqrt_1).
    rewrite <- HC at 1. rewrite Rmult_assoc, HI. ring. }
  rewrite E in H. apply (Rmult_le_compat_l C) in H; [|lra].
  replace (C * (smoothing_price C * / C)) with (smoothing_price C) in H by (field; lra).
  rewrite <- F. lra.
Qed.

Lemma ln_2_at_most : ln 2 <= 7 / 10.
Proof.
  rewrite <- (ln_exp (7 / 10)). apply ln_le_compat; [lra|].
  replace (7 / 10) with (INR 64 * (7 / 640)) by (simpl; lra).
  rewrite exp_times_INR. apply Rle_trans with ((1 + 7 / 640) ^ 64); [lra|].
  apply pow_incr. split; [lra|apply exp_ineq1_le].
Qed.

(** [smoothing_cost_sqrt]: h(C) <= sqrt(2 C) for C > 0. *)
Theorem smoothing_cost_sqrt C : 0 < C -> smoothing_price C <= sqrt (2 * C).
Proof.
  intros HC; apply Rle_trans with (1 := smoothing_cost_sqrt_sharp C HC).
  rewrite sqrt_mult by lra. apply Rmult_le_compat_r; [apply sqrt_pos|].
  apply Rle_trans with (14 / 10); [assert (H := ln_2_at_most); lra|].
  apply Rsqr_incr_0_var; [|apply sqrt_pos]. rewrite Rsqr_sqrt by lra. unfold Rsqr; lra.
Qed.

(** [binary_entropy]: H_b(p) <= 2 ln 2 sqrt(p (1 - p)) for 0 < p < 1. *)
Theorem binary_entropy p : 0 < p < 1 ->
  - p * ln p - (1 - p) * ln (1 - p) <= 2 * ln 2 * sqrt (p * (1 - p)).
Proof.
  intros Hp. assert (Hi : 0 < / (1 - p)) by (apply Rinv_0_lt_compat; lra).
  assert (HC : 0 < p * / (1 - p)) by (apply Rmult_lt_0_compat; lra).
  assert (H := smoothing_cost_sqrt_sharp _ HC). apply (Rmult_le_compat_l (1 - p)) in H; [|lra].
  assert (E : (1 - p) * smoothing_price (p * / (1 - p)) = - p * ln p - (1 - p) * ln (1 - p)).
  { unfold smoothing_price. replace (1 + p * / (1 - p)) with (/ (1 - p)) by (field; lra).
    rewrite ln_mult, ln_Rinv by lra. field; lra. }
  assert (F : (1 - p) * sqrt (p * / (1 - p)) = sqrt (p * (1 - p))).
  { replace (p * (1 - p)) with (((1 - p) * (1 - p)) * (p * / (1 - p))) by (field; lra).
    rewrite (sqrt_mult ((1 - p) * (1 - p))) by (try apply Rmult_le_pos; lra).
    rewrite sqrt_square by lra. reflexivity. }
  rewrite E in H. rewrite <- F. lra.
Qed.

(** * The losses of a smoothed model *)

(** -ln p_alpha(x_k) along a stream, when the model predicts p with V tokens. *)
Definition smoothed_loss {O : Type} (alpha V : R) (p : list O -> O -> R) (past : list O) (o : O) : R :=
  - ln (smoothed alpha V (p past o)).

(** A next-token predictor for the process: a prediction in every context, over a vocabulary with every token that can
    occur. *)
Definition predictor {O : Type} (P : process O) (vocabulary : list O) (p : list O -> O -> R) : Prop :=
  (forall past, reachable P past -> prediction vocabulary (p past)) /\
  (forall past o, reachable P (o :: past) -> In o vocabulary).

(** The ceiling B = ln(V/alpha) bounds the losses of a smoothed model. *)
Theorem smoothed_upper_bounded {O : Type} (P : process O) (vocabulary : list O) p alpha :
  0 < alpha <= 1 -> predictor P vocabulary p ->
  upper_bounded P (smoothed_loss alpha (INR (length vocabulary)) p) (fun _ => ln (INR (length vocabulary) / alpha)).
Proof.
  intros Ha [Hp Hv] past o Hr. assert (Hpast := Hp past (reachable_past P o past Hr)).
  assert (HV := vocabulary_size _ _ Hpast). apply smoothed_range; [assumption|lra|].
  apply (proj1 Hpast), (Hv past o Hr).
Qed.

(** The ceiling B_k = -ln((1 - alpha) min_x p_k(x) + alpha/V) of each context does. *)
Theorem smoothed_upper_bounded_per_context {O : Type} (P : process O) (vocabulary : list O) p alpha
    (least : list O -> R) :
  0 < alpha <= 1 -> predictor P vocabulary p ->
  (forall past t, reachable P past -> In t vocabulary -> 0 <= least past <= p past t) ->
  upper_bounded P (smoothed_loss alpha (INR (length vocabulary)) p)
    (fun past => - ln (smoothed alpha (INR (length vocabulary)) (least past))).
Proof.
  intros Ha [Hp Hv] Hleast past o Hr. assert (Hr0 := reachable_past P o past Hr).
  assert (HV := vocabulary_size _ _ (Hp past Hr0)). apply per_context_ceiling; [assumption|lra|].
  apply Hleast; [assumption|now apply (Hv past)].
Qed.

(** U = Y + D does, Y the entropy of the smoothed prediction, for every D >= B - h_min: in particular for every
    D >= ln(1 + (1 - alpha) V/alpha). *)
Theorem smoothed_upper_bounded_by_entropy {O : Type} (P : process O) (vocabulary : list O) p alpha D :
  0 < alpha <= 1 -> predictor P vocabulary p ->
  ln (INR (length vocabulary) / alpha) - least_entropy alpha (INR (length vocabulary)) <= D ->
  upper_bounded P (smoothed_loss alpha (INR (length vocabulary)) p)
    (fun past => smoothed_entropy vocabulary alpha (p past) + D).
Proof.
  intros Ha [Hp Hv] HD past o Hr. assert (Hpast := Hp past (reachable_past P o past Hr)).
  assert (H := proj1 (smoothed_deviation vocabulary alpha (p past) o Ha Hpast (Hv past o Hr))).
  unfold smoothed_loss. lra.
Qed.

Theorem smoothed_upper_bounded_by_span {O : Type} (P : process O) (vocabulary : list O) p alpha D :
  0 < alpha <= 1 -> predictor P vocabulary p -> ln (1 + (1 - alpha) * INR (length vocabulary) / alpha) <= D ->
  upper_bounded P (smoothed_loss alpha (INR (length vocabulary)) p)
    (fun past => smoothed_entropy vocabulary alpha (p past) + D).
Proof.
  intros Ha Hm HD. apply smoothed_upper_bounded_by_entropy; [assumption|assumption|].
  assert (HV := vocabulary_size _ _ (proj1 Hm [] (reachable_nil P))).
  assert (Hs := smoothed_span alpha (INR (length vocabulary)) Ha ltac:(lra)).
  assert (Hl := least_loss_below_least_entropy alpha (INR (length vocabulary)) Ha HV). lra.
Qed.

(** [geometric_mean] for a smoothed model, U = entropy + D: with probability at least 1 - e^{-nC} the risk of the
    smoothed model is at most the bound. *)
Theorem smoothed_geometric_mean_high_probability {O : Type} (P : process O) (vocabulary : list O) p alpha D n C :
  (0 < n)%nat -> 0 < alpha <= 1 -> predictor P vocabulary p ->
  ln (1 + (1 - alpha) * INR (length vocabulary) / alpha) <= D ->
  let X := smoothed_loss alpha (INR (length vocabulary)) p in
  let U := fun past => smoothed_entropy vocabulary alpha (p past) + D in
  probability P n (fun h => geometric_mean_bound C X U h < risk P X h) <= exp (- (INR n * C)).
Proof.
  intros Hn Ha Hm HD X U. apply geometric_mean_high_probability; [assumption|].
  now apply smoothed_upper_bounded_by_span.
Qed.
