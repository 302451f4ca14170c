(** Posteriors over finitely many hypotheses (THEORY 2, `pac_bayes`): with probability at least 1 - delta, for every
    posterior Q and all n at once,

        E_Q R <= E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)),   C = (KL(Q||P) + ln(1/delta))/n.

    Its one tool is the change of measure of Donsker and Varadhan. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean.
Open Scope R_scope.

(** Q is a probability vector on the hypotheses of the list. *)
Definition probability_vector {H : Type} (hypotheses : list H) (Q : H -> R) : Prop :=
  (forall a, In a hypotheses -> 0 <= Q a) /\ list_sum hypotheses Q = 1.

(** p is positive wherever Q is. *)
Definition absolutely_continuous {H : Type} (hypotheses : list H) (Q p : H -> R) : Prop :=
  forall a, In a hypotheses -> 0 < Q a -> 0 < p a.

(** KL(Q||p), in nats; a term with Q = 0 is 0. *)
Definition kl_divergence {H : Type} (hypotheses : list H) (Q p : H -> R) : R :=
  list_sum hypotheses (fun a => Q a * ln (Q a / p a)).

(** U > X under the true law. *)
Definition strictly_upper_bounded {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R) : Prop :=
  forall past o, reachable P (o :: past) -> X past o < U past.

Lemma list_sum_linear {A : Type} (l : list A) f g a b :
  list_sum l (fun x => a * f x + b * g x) = a * list_sum l f + b * list_sum l g.
Proof. induction l as [|x l IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma ln_quotient x y : 0 < x -> 0 < y -> ln (x / y) = ln x - ln y.
Proof. intros Hx Hy; unfold Rdiv; rewrite ln_mult, ln_Rinv; auto using Rinv_0_lt_compat; ring. Qed.

(** A sum of nonnegative terms with a positive one is positive. *)
Lemma list_sum_pos {A : Type} (l : list A) f a :
  (forall b, In b l -> 0 <= f b) -> In a l -> 0 < f a -> 0 < list_sum l f.
Proof. intros Hf Ha Hp. assert (H := list_sum_term l f a Hf Ha). lra. Qed.

(** A probability vector is positive somewhere. *)
Lemma probability_vector_support {H : Type} (hypotheses : list H) Q :
  probability_vector hypotheses Q -> exists a, In a hypotheses /\ 0 < Q a.
Proof.
  intros [HQ H1]. assert (G : 0 < list_sum hypotheses Q) by lra. clear H1.
  induction hypotheses as [|a l IH]; simpl in *; [lra|].
  destruct (Rlt_dec 0 (Q a)) as [Ha|Ha]; [exists a; auto|].
  destruct IH as [b [Hb Hp]]; [intros; apply HQ; now right| |exists b; auto].
  assert (H0 : 0 <= Q a) by (apply HQ; now left). lra.
Qed.

(** [change_of_measure] (Donsker-Varadhan): E_Q f - KL(Q||p) <= ln E_p e^f, for weights p of any total mass. *)
Theorem change_of_measure {H : Type} (hypotheses : list H) (Q p f : H -> R) :
  probability_vector hypotheses Q -> (forall a, In a hypotheses -> 0 <= p a) ->
  absolutely_continuous hypotheses Q p ->
  list_sum hypotheses (fun a => Q a * f a) - kl_divergence hypotheses Q p
  <= ln (list_sum hypotheses (fun a => p a * exp (f a))).
Proof.
  intros HQv Hp Hac. assert (HQv' := HQv). destruct HQv' as [HQ HQ1].
  set (S := list_sum hypotheses (fun a => p a * exp (f a))).
  assert (HS : 0 < S).
  { destruct (probability_vector_support _ _ HQv) as [a [Ha Hpos]].
    apply (list_sum_pos hypotheses (fun b => p b * exp (f b)) a); auto.
    - intros b Hb; apply Rmult_le_pos; [auto|apply Rlt_le, exp_pos].
    - apply Rmult_lt_0_compat; [now apply Hac|apply exp_pos]. }
  (* Term by term, by ln x <= x - 1 at x = p e^f / (Q S). *)
  assert (Hterm : list_sum hypotheses (fun a => Q a * f a - Q a * ln (Q a / p a) - Q a * ln S)
      <= list_sum hypotheses (fun a => / S * (p a * exp (f a)) + (-1) * Q a)).
  { apply list_sum_le; intros a Ha. assert (HSi : 0 < / S) by now apply Rinv_0_lt_compat.
    destruct (HQ a Ha) as [HQa|HQa].
    - assert (Hpa := Hac a Ha HQa). assert (He := exp_pos (f a)).
      assert (Hx : 0 < p a * exp (f a) / (Q a * S)).
      { apply Rdiv_lt_0_compat; now apply Rmult_lt_0_compat. }
      assert (HL := ln_le_minus_one _ Hx). rewrite (ln_quotient (p a * exp (f a))) in HL.
      2: now apply Rmult_lt_0_compat.
      2: now apply Rmult_lt_0_compat.
      rewrite (ln_mult (p a)), ln_exp, (ln_mult (Q a)) in HL by assumption.
      rewrite ln_quotient by assumption.
      apply (Rmult_le_compat_l (Q a)) in HL; [|lra].
      replace (Q a * (p a * exp (f a) / (Q a * S) - 1)) with (/ S * (p a * exp (f a)) + -1 * Q a) in HL
        by (field; lra).
      lra.
    - rewrite <- HQa. assert (H0 : 0 <= / S * (p a * exp (f a))); [|lra].
      apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; [auto|apply Rlt_le, exp_pos]. }
  rewrite list_sum_linear in Hterm. fold S in Hterm. rewrite HQ1 in Hterm.
  replace (/ S * S) with 1 in Hterm by (field; lra).
  rewrite (list_sum_eq hypotheses _ (fun a => 1 * (1 * (Q a * f a) + (-1) * (Q a * ln (Q a / p a)))
    + (- ln S) * Q a)) in Hterm by (intros; ring).
  rewrite list_sum_linear, list_sum_linear, HQ1 in Hterm. unfold kl_divergence. lra.
Qed.

(** The mean of a logarithm is at most the logarithm of the mean. *)
Lemma mean_of_logarithm {H : Type} (hypotheses : list H) (Q g : H -> R) :
  probability_vector hypotheses Q -> (forall a, In a hypotheses -> 0 < g a) ->
  list_sum hypotheses (fun a => Q a * ln (g a)) <= ln (list_sum hypotheses (fun a => Q a * g a)).
Proof.
  intros HQ Hg.
  assert (HC := change_of_measure hypotheses Q Q (fun a => ln (g a)) HQ (proj1 HQ) (fun a _ Ha => Ha)).
  assert (E0 : kl_divergence hypotheses Q Q = 0).
  { unfold kl_divergence. rewrite (list_sum_eq hypotheses _ (fun a => 0 * Q a)).
    - rewrite list_sum_scale; ring.
    - intros a Ha. destruct (proj1 HQ a Ha) as [Hp|Hp]; [|rewrite <- Hp; ring].
      replace (Q a / Q a) with 1 by (field; lra). rewrite ln_1; ring. }
  rewrite E0 in HC. cbv beta in HC.
  rewrite (list_sum_eq hypotheses (fun a => Q a * exp (ln (g a))) (fun a => Q a * g a)) in HC; [lra|].
  intros a Ha; rewrite exp_ln; auto.
Qed.

Section StrictBound.
Context {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R).
Hypothesis HU : strictly_upper_bounded P X U.

Lemma strict_is_upper_bounded : upper_bounded P X U.
Proof. intros past o Hr; apply Rlt_le; auto. Qed.

Lemma mean_strictly_below past : reachable P past -> 0 < U past - conditional_mean P X past.
Proof.
  intros Hr.
  replace (U past - conditional_mean P X past) with (U past + (-1) * conditional_mean P X past) by ring.
  rewrite <- conditional_mean_affine. apply weighted_sum_pos; [apply kernel_distribution|].
  intros w o Hi Hw. assert (H : X past o < U past) by (apply HU; econstructor; eauto). lra.
Qed.

Lemma wealth_pos h : reachable P h -> 0 < wealth P X U h.
Proof.
  intros Hr; apply (path_product_pos P); [assumption|]. intros past o Hro; unfold wealth_factor.
  destruct (Req_EM_T (U past) (conditional_mean P X past)) as [E|E]; [lra|].
  assert (H1 := HU past o Hro). assert (H2 := mean_strictly_below past (reachable_past P o past Hro)).
  apply Rdiv_lt_0_compat; lra.
Qed.

Lemma mean_gap_pos h : reachable P h -> h <> [] -> 0 < path_mean (fun past _ => U past) h - risk P X h.
Proof.
  intros Hr Hh; rewrite <- mean_gap with (P := P) by assumption.
  assert (Hn : 0 < INR (length h)) by (apply lt_0_INR; destruct h; simpl; [congruence|lia]).
  apply Rdiv_lt_0_compat; [|assumption]. clear Hn.
  destruct h as [|o h]; [congruence|]. simpl.
  assert (Hr0 := reachable_past P o h Hr). assert (H1 := mean_strictly_below h Hr0).
  assert (H2 : 0 <= path_sum (fun past _ => U past - conditional_mean P X past) h); [|lra].
  replace 0 with (path_sum (fun (_ : list O) (_ : O) => 0) h) by (rewrite path_sum_constant; ring).
  apply (path_sum_le P); [assumption|]. intros past x Hx.
  apply Rlt_le, mean_strictly_below. now apply reachable_past in Hx.
Qed.

(** sum ln(U - X) <= ln(wealth) + n ln(mean U - R). *)
Lemma log_sum_below_wealth h : reachable P h -> h <> [] ->
  path_sum (fun past o => ln (U past - X past o)) h
  <= ln (wealth P X U h) + INR (length h) * ln (path_mean (fun past _ => U past) h - risk P X h).
Proof.
  intros Hr Hh. assert (Hgap := mean_gap_pos h Hr Hh). assert (Hw := wealth_pos h Hr).
  assert (Hpos : forall past o, reachable P (o :: past) -> 0 < U past - X past o).
  { intros past o Hro. assert (H := HU past o Hro); lra. }
  rewrite <- (ln_path_product P (fun past o => U past - X past o) h Hr Hpos).
  rewrite <- ln_pow by assumption. rewrite <- ln_mult by (try apply pow_lt; assumption).
  apply ln_le_compat; [now apply (path_product_pos P)|].
  apply product_below_wealth; auto. apply strict_is_upper_bounded.
Qed.
End StrictBound.

(** E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)). *)
Definition posterior_bound {O H : Type} (C : R) (hypotheses : list H) (Q : H -> R) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (h : list O) : R :=
  list_sum hypotheses (fun a => Q a * path_mean (fun past _ => U a past) h)
  - exp (- C) * exp (list_sum hypotheses (fun a => Q a * path_mean (fun past o => ln (U a past - X a past o)) h)).

(** E_Q R. *)
Definition posterior_risk {O H : Type} (P : process O) (hypotheses : list H) (Q : H -> R) (X : H -> list O -> O -> R)
    (h : list O) : R := list_sum hypotheses (fun a => Q a * risk P (X a) h).

Section PacBayes.
Context {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R) (U : H -> list O -> R).
Context (p Q : H -> R).
Hypothesis HU : forall a, In a hypotheses -> strictly_upper_bounded P (X a) (U a).
Hypothesis Hp : forall a, In a hypotheses -> 0 <= p a.
Hypothesis HQ : probability_vector hypotheses Q.
Hypothesis Hac : absolutely_continuous hypotheses Q p.

(** Where the bound fails, the prior mixture of the wealths has exceeded e^{nC - KL}. *)
Lemma posterior_failure C h : reachable P h -> h <> [] ->
  posterior_bound C hypotheses Q X U h < posterior_risk P hypotheses Q X h ->
  exp (INR (length h) * C - kl_divergence hypotheses Q p)
  < list_sum hypotheses (fun a => p a * wealth P (X a) (U a) h).
Proof.
  intros Hr Hh Hfail. unfold posterior_bound, posterior_risk in Hfail.
  assert (Hn : 0 < INR (length h)) by (apply lt_0_INR; destruct h; simpl; [congruence|lia]).
  set (n := INR (length h)) in *.
  set (mixed := list_sum hypotheses (fun a => p a * wealth P (X a) (U a) h)).
  set (gap := fun a => path_mean (fun past _ => U a past) h - risk P (X a) h).
  set (G := list_sum hypotheses (fun a => Q a * path_mean (fun past o => ln (U a past - X a past o)) h)) in *.
  assert (Hgap : forall a, In a hypotheses -> 0 < gap a) by (intros a Ha; apply mean_gap_pos; auto).
  assert (Hwealth : forall a, In a hypotheses -> 0 < wealth P (X a) (U a) h) by (intros a Ha; apply wealth_pos; auto).
  destruct (probability_vector_support _ _ HQ) as [a0 [Ha0 HQ0]].
  assert (Hmixed : 0 < mixed).
  { apply (list_sum_pos _ (fun a => p a * wealth P (X a) (U a) h) a0); auto.
    - intros a Ha; apply Rmult_le_pos; [auto|apply Rlt_le; auto].
    - apply Rmult_lt_0_compat; auto. }
  set (mean_gap := list_sum hypotheses (fun a => Q a * gap a)).
  assert (Hmean : 0 < mean_gap).
  { apply (list_sum_pos _ (fun a => Q a * gap a) a0); auto.
    - intros a Ha; apply Rmult_le_pos; [apply HQ; assumption|apply Rlt_le; auto].
    - apply Rmult_lt_0_compat; auto. }
  (* The failure, in logarithms. *)
  assert (Hlog : ln mean_gap < - C + G).
  { rewrite <- (ln_exp (- C + G)). apply ln_increasing; [assumption|]. rewrite exp_plus.
    assert (E : mean_gap = list_sum hypotheses (fun a => Q a * path_mean (fun past _ => U a past) h)
        - list_sum hypotheses (fun a => Q a * risk P (X a) h)).
    { unfold mean_gap, gap. rewrite (list_sum_eq hypotheses _ (fun a =>
        1 * (Q a * path_mean (fun past _ => U a past) h) + (-1) * (Q a * risk P (X a) h))) by (intros; ring).
      rewrite list_sum_linear; ring. }
    lra. }
  (* The inequality of the means per hypothesis, averaged over Q. *)
  assert (HnG : n * G <= list_sum hypotheses (fun a => Q a * ln (wealth P (X a) (U a) h))
      + n * list_sum hypotheses (fun a => Q a * ln (gap a))).
  { unfold G. rewrite <- !list_sum_scale.
    apply Rle_trans with (list_sum hypotheses (fun a =>
      1 * (Q a * ln (wealth P (X a) (U a) h)) + 1 * (n * (Q a * ln (gap a))))).
    - apply list_sum_le; intros a Ha.
      assert (HL := log_sum_below_wealth P (X a) (U a) (HU a Ha) h Hr Hh).
      apply (Rmult_le_compat_l (Q a)) in HL; [|apply HQ; assumption]. fold n (gap a) in HL.
      unfold path_mean. fold n.
      replace (n * (Q a * (path_sum (fun past o => ln (U a past - X a past o)) h / n)))
        with (Q a * path_sum (fun past o => ln (U a past - X a past o)) h) by (field; lra).
      lra.
    - rewrite list_sum_linear; lra. }
  assert (HJ := mean_of_logarithm hypotheses Q gap HQ Hgap). fold mean_gap in HJ.
  assert (HD := change_of_measure hypotheses Q p (fun a => ln (wealth P (X a) (U a) h)) HQ Hp Hac).
  cbv beta in HD.
  rewrite (list_sum_eq hypotheses (fun a => p a * exp (ln (wealth P (X a) (U a) h)))
    (fun a => p a * wealth P (X a) (U a) h)) in HD by (intros a Ha; rewrite exp_ln; auto).
  fold mixed in HD. rewrite <- (exp_ln mixed) by assumption. apply exp_increasing.
  apply (Rmult_lt_compat_l n) in Hlog; [|assumption].
  apply (Rmult_le_compat_l n) in HJ; [|lra]. lra.
Qed.
End PacBayes.

(** [pac_bayes] for all n at once: finitely many hypotheses, prior weights of total mass at most one, U > X; with
    probability at least 1 - delta, for every posterior Q (however it depends on the data) and every t up to the
    horizon, E_Q R_t <= E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)) with C = (KL(Q||p) + ln(1/delta))/t. *)
Theorem pac_bayes_anytime {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : H -> R) n delta :
  0 < delta -> (forall a, In a hypotheses -> strictly_upper_bounded P (X a) (U a)) ->
  (forall a, In a hypotheses -> 0 <= p a) -> list_sum hypotheses p <= 1 ->
  probability P n (fun h => exists t Q, (1 <= t <= n)%nat /\
    probability_vector hypotheses Q /\ absolutely_continuous hypotheses Q p /\
    posterior_bound ((kl_divergence hypotheses Q p + ln (/ delta)) / INR t) hypotheses Q X U (first_steps t h)
      < posterior_risk P hypotheses Q X (first_steps t h)) <= delta.
Proof.
  intros Hd HU Hp Hmass. assert (Hi : 0 < / delta) by now apply Rinv_0_lt_compat.
  set (mixed := fun h => list_sum hypotheses (fun a => p a * wealth P (X a) (U a) h)).
  assert (HM : supermartingale P mixed).
  { apply mixture_supermartingale; [assumption|]. intros a Ha.
    apply wealth_supermartingale, strict_is_upper_bounded; auto. }
  apply Rle_trans with (mixed [] / / delta).
  - apply Rle_trans with (2 := ville_inequality P mixed (/ delta) n HM Hi).
    apply probability_mono. intros h Hr Hl [t [Q [Ht [HQ [Hac Hfail]]]]]. exists t; split; [lia|].
    assert (Hlt : length (first_steps t h) = t) by (apply length_first_steps; lia).
    assert (Ht0 : 0 < INR t) by (apply lt_0_INR; lia).
    apply Rlt_le. rewrite <- (exp_ln (/ delta)) by assumption.
    replace (ln (/ delta)) with (INR (length (first_steps t h)) *
      ((kl_divergence hypotheses Q p + ln (/ delta)) / INR t) - kl_divergence hypotheses Q p).
    + apply posterior_failure; auto.
      * now apply reachable_first_steps.
      * intros E; rewrite E in Hlt; simpl in Hlt; lia.
    + rewrite Hlt; field; lra.
  - replace (mixed [] / / delta) with (delta * mixed []) by (field; lra).
    apply Rle_trans with (delta * 1); [|lra]. apply Rmult_le_compat_l; [lra|].
    apply Rle_trans with (2 := Hmass). right. apply list_sum_eq; intros a Ha. unfold wealth; simpl; ring.
Qed.

(** [pac_bayes] at one n. *)
Theorem pac_bayes {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : H -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a hypotheses -> strictly_upper_bounded P (X a) (U a)) ->
  (forall a, In a hypotheses -> 0 <= p a) -> list_sum hypotheses p <= 1 ->
  probability P n (fun h => exists Q,
    probability_vector hypotheses Q /\ absolutely_continuous hypotheses Q p /\
    posterior_bound ((kl_divergence hypotheses Q p + ln (/ delta)) / INR n) hypotheses Q X U h
      < posterior_risk P hypotheses Q X h) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass.
  apply Rle_trans with (2 := pac_bayes_anytime P hypotheses X U p n delta Hd HU Hp Hmass).
  apply probability_mono; intros h Hr Hl [Q [HQ [Hac Hfail]]].
  exists n, Q; split; [lia|split; [assumption|split; [assumption|]]].
  assert (E : first_steps n h = h) by (rewrite <- Hl; apply first_steps_all). rewrite E; assumption.
Qed.
