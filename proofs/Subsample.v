(** Bounds from m sampled positions or windows instead of every token, in two stages (THEORY 5).

    Stage 1 turns a bound into the mean over all tokens of a quantity W (for [geometric_mean] by the tangent of the
    exponential); stage 2, given the data, bounds that mean from a random sample, drawn with or without replacement and
    independently of the data. A joint probability is the expectation over the data of that over the draws. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean EmpiricalFreedman Lemmas OneHypothesis
  Sampling.
Open Scope R_scope.

(** * Two stages *)

(** E_data P_draws: the draws do not depend on the data, the event on both. *)
Definition joint_probability {O A : Type} (P : process O) (n : nat) (J : process A) (m : nat)
    (E : list O -> list A -> Prop) : R :=
  expectation P n (fun h => probability J m (E h)).

Lemma probability_at_most_one {A : Type} (J : process A) m E : probability J m E <= 1.
Proof. assert (H := probability_complement J m E). assert (H' := probability_nonneg J m (fun h => ~ E h)). lra. Qed.

(** An event whose probability given the data is at most e wherever the first stage holds. *)
Lemma two_stages {O : Type} (P : process O) n (given : list O -> R) (Fail : list O -> Prop) delta e :
  probability P n Fail <= delta -> (forall h, given h <= 1) -> 0 <= e ->
  (forall h, reachable P h -> length h = n -> ~ Fail h -> given h <= e) ->
  expectation P n given <= delta + e.
Proof.
  intros Hfirst Hone He Hsecond.
  apply Rle_trans with (expectation P n (fun h => 1 * indicator (Fail h) + 1 * e)).
  - apply expectation_le. intros h Hr Hl. unfold indicator.
    destruct (ClassicalDedekindReals.sig_not_dec (Fail h)) as [H|H].
    + assert (H1 := Hone h). lra.
    + assert (H1 := Hsecond h Hr Hl H). lra.
  - rewrite (expectation_linear P n (fun h => indicator (Fail h)) (fun _ => e)), expectation_constant.
    unfold probability in Hfirst. lra.
Qed.

(** The principle. If the target is at most extra + the population mean of z wherever the first stage does not fail, the
    first stage fails with probability at most delta, and z <= u on the population, then with joint probability at
    least 1 - delta - e^{-mC} the target is at most extra + the bound from the sample. *)
Theorem two_stage {O A : Type} (P : process O) n (J : process A) population m C delta (Fail : list O -> Prop)
    (target extra u : list O -> R) (z : list O -> A -> R) :
  random_sample J population m -> probability P n Fail <= delta ->
  (forall h a, reachable P h -> length h = n -> In a population -> z h a <= u h) ->
  (forall h, reachable P h -> length h = n -> ~ Fail h -> target h <= extra h + population_mean population (z h)) ->
  joint_probability P n J m (fun h drawn =>
    extra h + geometric_mean_bound C (fun _ a => z h a) (fun _ => u h) drawn < target h)
  <= delta + exp (- (INR m * C)).
Proof.
  intros HJ Hfirst Hz Hmean. apply (two_stages P n _ _ _ _ Hfirst).
  - intros h. apply probability_at_most_one.
  - apply Rlt_le, exp_pos.
  - intros h Hr Hl Hok. assert (H := Hmean h Hr Hl Hok).
    apply Rle_trans with (2 := sampled_mean_high_probability J population (z h) (u h) m C HJ
      (fun a Ha => Hz h a Hr Hl Ha)).
    apply probability_mono. intros drawn _ _ Hfail. lra.
Qed.

(** The same when everything, the target included, is chosen from the data and a separate pilot: nothing more to pay in
    stage 2. *)
Theorem two_stage_pilot {O A B : Type} (P : process O) n (pilot : list O -> process B) r (J : process A) population
    m C delta (Fail : list O -> Prop) (target extra u : list O -> list B -> R) (z : list O -> list B -> A -> R) :
  random_sample J population m -> probability P n Fail <= delta ->
  (forall h seen a, reachable P h -> length h = n -> In a population -> z h seen a <= u h seen) ->
  (forall h seen, reachable P h -> length h = n -> ~ Fail h ->
    target h seen <= extra h seen + population_mean population (z h seen)) ->
  expectation P n (fun h => joint_probability (pilot h) r J m (fun seen drawn =>
    extra h seen + geometric_mean_bound C (fun _ a => z h seen a) (fun _ => u h seen) drawn < target h seen))
  <= delta + exp (- (INR m * C)).
Proof.
  intros HJ Hfirst Hz Hmean. unfold joint_probability. apply (two_stages P n _ _ _ _ Hfirst).
  - intros h. rewrite <- (expectation_constant (pilot h) r 1). apply expectation_le.
    intros seen _ _. apply probability_at_most_one.
  - apply Rlt_le, exp_pos.
  - intros h Hr Hl Hok. rewrite <- (expectation_constant (pilot h) r (exp (- (INR m * C)))). apply expectation_le.
    intros seen _ _. assert (H := Hmean h seen Hr Hl Hok).
    apply Rle_trans with (2 := sampled_mean_high_probability J population (z h seen) (u h seen) m C HJ
      (fun a Ha => Hz h seen a Hr Hl Ha)).
    apply probability_mono. intros drawn _ _ Hfail. lra.
Qed.

(** A finite list of choices s, each with values z_s <= u_s on the population and a number extra_s. If with probability
    at least 1 - delta_1 every target_s is at most extra_s + the population mean of z_s, then with joint probability at
    least 1 - delta_1 - k e^{-mC}, k the number of choices, every target_s is at most extra_s + the sampled bound: a
    choice made by looking at the data and at the sample costs ln k in stage 2. *)
Theorem two_stage_choices {O A S : Type} (P : process O) n (J : process A) population m C delta
    (choices : list S) (target extra u : S -> list O -> R) (z : S -> list O -> A -> R) :
  random_sample J population m ->
  (forall s h a, In s choices -> reachable P h -> length h = n -> In a population -> z s h a <= u s h) ->
  probability P n (fun h => exists s, In s choices /\
    extra s h + population_mean population (z s h) < target s h) <= delta ->
  joint_probability P n J m (fun h drawn => exists s, In s choices /\
    extra s h + geometric_mean_bound C (fun _ a => z s h a) (fun _ => u s h) drawn < target s h)
  <= delta + INR (length choices) * exp (- (INR m * C)).
Proof.
  intros HJ Hz Hfirst.
  apply (two_stages P n _ _ _ _ Hfirst).
  - intros h. apply probability_at_most_one.
  - apply Rmult_le_pos; [apply pos_INR|apply Rlt_le, exp_pos].
  - intros h Hr Hl Hok. rewrite <- list_sum_constant.
    apply Rle_trans with (list_sum choices (fun s => probability J m (fun drawn => In s choices /\
      extra s h + geometric_mean_bound C (fun _ a => z s h a) (fun _ => u s h) drawn < target s h))).
    + apply Rle_trans with (2 := union_bound J choices m _).
      apply probability_mono. intros drawn _ _ [s [Hs Hfail]]. exists s. auto.
    + apply list_sum_le. intros s Hs.
      apply Rle_trans with (2 := sampled_mean_high_probability J population (z s h) (u s h) m C HJ
        (fun a Ha => Hz s h a Hs Hr Hl Ha)).
      apply probability_mono. intros drawn _ _ [_ Hfail]. apply Rnot_le_lt. intros Hle.
      apply Hok. exists s. split; [assumption|lra].
Qed.

(** * Positions and windows of a stream *)

(** The value of F at the k-th token, k = 1 .. n. *)
Definition at_position {O : Type} (F : list O -> O -> R) (h : list O) (k : nat) : R :=
  match first_steps k h with
  | [] => 0
  | o :: past => F past o
  end.

(** The mean of F over the i-th window of T tokens, i = 0, 1, ...: tokens i T + 1 .. (i + 1) T. *)
Definition window_mean {O : Type} (T : nat) (F : list O -> O -> R) (h : list O) (i : nat) : R :=
  population_mean (seq (i * T + 1) T) (at_position F h).

Lemma positions_sum {O : Type} (F : list O -> O -> R) h :
  list_sum (seq 1 (length h)) (at_position F h) = path_sum F h.
Proof.
  induction h as [|o h IH]; [reflexivity|].
  cbn [length path_sum]. rewrite seq_S, list_sum_app. cbn [list_sum].
  replace (1 + length h)%nat with (length (o :: h)) by reflexivity.
  replace (at_position F (o :: h) (length (o :: h))) with (F h o)
    by (unfold at_position; now rewrite first_steps_all).
  rewrite <- IH. rewrite (list_sum_eq _ (at_position F (o :: h)) (at_position F h)); [ring|].
  intros k Hk. apply in_seq in Hk. unfold at_position, first_steps. cbn [length].
  replace (S (length h) - k)%nat with (S (length h - k)) by lia. reflexivity.
Qed.

(** The mean over the positions is the mean along the stream ... *)
Theorem population_mean_positions {O : Type} (F : list O -> O -> R) h n :
  length h = n -> population_mean (seq 1 n) (at_position F h) = path_mean F h.
Proof.
  intros Hl. unfold population_mean, path_mean. rewrite <- positions_sum, Hl, seq_size. reflexivity.
Qed.

(** ... and so is the mean over the windows of a partition. *)
Theorem population_mean_windows {O : Type} (F : list O -> O -> R) h N T :
  (0 < N)%nat -> (0 < T)%nat -> length h = (N * T)%nat ->
  population_mean (seq 0 N) (window_mean T F h) = path_mean F h.
Proof.
  intros HN HT Hl.
  assert (HN' : 0 < INR N) by now apply lt_0_INR. assert (HT' : 0 < INR T) by now apply lt_0_INR.
  assert (Sum : forall M, INR T * list_sum (seq 0 M) (window_mean T F h) = list_sum (seq 1 (M * T)) (at_position F h)).
  { induction M as [|M IH]; [simpl; ring|].
    rewrite seq_S, list_sum_app. replace (S M * T)%nat with (M * T + T)%nat by lia.
    replace (0 + M)%nat with M by lia.
    rewrite seq_app, list_sum_app, Rmult_plus_distr_l, IH. f_equal. cbn [list_sum].
    unfold window_mean, population_mean. rewrite seq_size.
    replace (M * T + 1)%nat with (1 + M * T)%nat by lia. field; lra. }
  unfold path_mean. rewrite <- positions_sum, Hl, <- Sum, mult_INR. unfold population_mean. rewrite seq_size.
  field; lra.
Qed.

(** Values that are at most u on every outcome are at most u at every position and in every window. *)
Lemma at_position_at_most {O : Type} (P : process O) (F : list O -> O -> R) u h k :
  reachable P h -> (1 <= k <= length h)%nat ->
  (forall past o, reachable P (o :: past) -> F past o <= u) -> at_position F h k <= u.
Proof.
  intros Hr Hk HF. unfold at_position. assert (Hr' := reachable_first_steps P k h Hr).
  assert (Hl := length_first_steps k h ltac:(lia)).
  destruct (first_steps k h) as [|o past]; [simpl in Hl; lia|]. now apply HF.
Qed.

Lemma window_mean_at_most {O : Type} (P : process O) (F : list O -> O -> R) u h N T i :
  (0 < T)%nat -> reachable P h -> length h = (N * T)%nat -> In i (seq 0 N) ->
  (forall past o, reachable P (o :: past) -> F past o <= u) -> window_mean T F h i <= u.
Proof.
  intros HT Hr Hl Hi HF. apply in_seq in Hi.
  assert (HT' : 0 < INR T) by now apply lt_0_INR. assert (Hinv := inverse_positive (INR T) HT').
  unfold window_mean, population_mean. rewrite seq_size.
  apply Rle_trans with (list_sum (seq (i * T + 1) T) (fun _ => u) / INR T).
  - apply Rmult_le_compat_r; [lra|]. apply list_sum_le. intros k Hk. apply in_seq in Hk.
    apply (at_position_at_most P); [assumption| |assumption]. rewrite Hl. nia.
  - rewrite list_sum_constant, seq_size. right. field; lra.
Qed.

(** A window of one token is a position. *)
Lemma window_of_one_token {O : Type} (F : list O -> O -> R) h i : window_mean 1 F h i = at_position F h (S i).
Proof.
  unfold window_mean, population_mean. rewrite Nat.mul_1_r, Nat.add_1_r. cbn [seq list_sum length].
  change (INR 1) with 1. field.
Qed.

(** * The geometric-mean bound from a sample *)

(** W = U - c (1 + ln(U - X) - g0), c = e^{g0 - C}. *)
Definition tangent_value {O : Type} (C g0 : R) (X : list O -> O -> R) (U : list O -> R) (past : list O) (o : O) : R :=
  U past - exp (g0 - C) * (1 + ln (U past - X past o) - g0).

(** e^{mean ln(U - X)} >= e^{g0} (1 + mean ln(U - X) - g0): along every path and for every g0, the geometric-mean bound
    is at most the mean of W. *)
Theorem tangent_step_bound {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R) C g0 h :
  reachable P h -> h <> [] -> (forall past o, reachable P (o :: past) -> X past o < U past) ->
  geometric_mean_bound C X U h <= path_mean (tangent_value C g0 X U) h.
Proof.
  intros Hr Hh HU. rewrite (geometric_mean_bound_logarithm P) by assumption.
  set (g := path_mean (fun past o => ln (U past - X past o)) h).
  assert (E : path_mean (tangent_value C g0 X U) h
    = path_mean (fun past _ => U past) h - exp (g0 - C) * (1 + g - g0)).
  { rewrite (path_mean_eq P _ (fun past o => 1 * (1 * U past + (- (exp (g0 - C) * (1 - g0))) * 1)
      + (- exp (g0 - C)) * ln (U past - X past o))); [|assumption|].
    - rewrite path_mean_linear, (path_mean_linear (fun past _ => U past) (fun _ _ => 1)), path_mean_constant
        by assumption. unfold g. ring.
    - intros past o _. unfold tangent_value. ring. }
  rewrite E. apply Rplus_le_compat_l, Ropp_le_contravar.
  replace (exp (g0 - C)) with (exp (- C) * exp g0) by (rewrite <- exp_plus; f_equal; ring).
  replace (exp (g - C)) with (exp (- C) * exp g) by (rewrite <- exp_plus; f_equal; ring).
  rewrite Rmult_assoc. apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|apply tangent_step].
Qed.

(** Where X <= B < low <= U <= high, W is at most its larger value at X = B, U = low and U = high. *)
Theorem tangent_value_ceiling {O : Type} (C g0 B low high : R) (X : list O -> O -> R) (U : list O -> R) past o :
  X past o <= B -> B < low -> low <= U past <= high ->
  let c := exp (g0 - C) in
  tangent_value C g0 X U past o
  <= Rmax (low - c * (1 + ln (low - B) - g0)) (high - c * (1 + ln (high - B) - g0)).
Proof.
  intros HX HB HU c. assert (Hc : 0 < c) by apply exp_pos.
  assert (Hend := second_stage_end (low - B) (high - B) (U past - B) c ltac:(lra) ltac:(lra) ltac:(lra)).
  assert (Hln := ln_le_compat (U past - B) (U past - X past o) ltac:(lra) ltac:(lra)).
  assert (Hm := Rmult_le_compat_l c _ _ (Rlt_le _ _ Hc) Hln).
  unfold tangent_value. fold c.
  apply Rle_trans with (U past - B - c * ln (U past - B) + (B - c * (1 - g0))); [lra|].
  apply Rle_trans with (Rmax (low - B - c * ln (low - B)) (high - B - c * ln (high - B)) + (B - c * (1 - g0))).
  - lra.
  - apply Rmax_case; [apply Rle_trans with (2 := Rmax_l _ _)|apply Rle_trans with (2 := Rmax_r _ _)]; lra.
Qed.

(** [two_stage_geometric_mean] from m of the n positions: U > X on every outcome, any g0, u >= W. With joint probability
    at least 1 - e^{-n C_1} - e^{-m C_2} the risk is at most u - e^{-C_2} GM(u - W). *)
Theorem two_stage_high_probability {O : Type} (P : process O) (X : list O -> O -> R) (U : list O -> R)
    (J : process nat) n m C1 C2 g0 u :
  (0 < n)%nat -> random_sample J (seq 1 n) m ->
  (forall past o, reachable P (o :: past) -> X past o < U past) ->
  (forall past o, reachable P (o :: past) -> tangent_value C1 g0 X U past o <= u) ->
  joint_probability P n J m (fun h drawn =>
    geometric_mean_bound C2 (fun _ k => at_position (tangent_value C1 g0 X U) h k) (fun _ => u) drawn < risk P X h)
  <= exp (- (INR n * C1)) + exp (- (INR m * C2)).
Proof.
  intros Hn HJ HX HW.
  assert (HU : upper_bounded P X U) by (intros past o Hr; now apply Rlt_le, HX).
  refine (Rle_trans _ _ _ _ (two_stage P n J (seq 1 n) m C2 _ _ (risk P X) (fun _ => 0) (fun _ => u)
    (at_position (tangent_value C1 g0 X U)) HJ (geometric_mean_high_probability P X U n C1 Hn HU) _ _)).
  - apply expectation_le. intros h _ _. apply probability_mono. intros drawn _ _ Hfail. lra.
  - intros h k Hr Hl Hk. apply in_seq in Hk. apply (at_position_at_most P); [assumption|lia|assumption].
  - intros h Hr Hl Hok. rewrite population_mean_positions by assumption.
    assert (H := tangent_step_bound P X U C1 g0 h Hr (nonempty_length h n Hn Hl) HX). lra.
Qed.

(** The same from windows of T tokens, for everything that may be chosen: members j of a finite family (X_j, U_j),
    which may hold the smoothing alpha and the shift D, are paid in stage 1; choices (j, g0, u), made by looking at the
    sample, in stage 2. With joint probability at least 1 - |family| e^{-n C_1} - |choices| e^{-m C_2} all hold. *)
Theorem two_stage_grid {O I : Type} (P : process O) (X : I -> list O -> O -> R) (U : I -> list O -> R)
    (family : list I) (choices : list (I * R * R)) (J : process nat) N T m C1 C2 :
  (0 < N)%nat -> (0 < T)%nat -> random_sample J (seq 0 N) m ->
  (forall j past o, In j family -> reachable P (o :: past) -> X j past o < U j past) ->
  (forall j g0 u, In (j, g0, u) choices -> In j family /\
    forall past o, reachable P (o :: past) -> tangent_value C1 g0 (X j) (U j) past o <= u) ->
  joint_probability P (N * T) J m (fun h drawn => exists j g0 u, In (j, g0, u) choices /\
    geometric_mean_bound C2 (fun _ i => window_mean T (tangent_value C1 g0 (X j) (U j)) h i) (fun _ => u) drawn
    < risk P (X j) h)
  <= INR (length family) * exp (- (INR (N * T) * C1)) + INR (length choices) * exp (- (INR m * C2)).
Proof.
  intros HN HT HJ HX Hchoices. assert (Hn : (0 < N * T)%nat) by nia.
  set (value := fun s : I * R * R => tangent_value C1 (snd (fst s)) (X (fst (fst s))) (U (fst (fst s)))).
  assert (Hfirst : probability P (N * T) (fun h => exists s, In s choices /\
      0 + population_mean (seq 0 N) (window_mean T (value s) h) < risk P (X (fst (fst s))) h)
    <= INR (length family) * exp (- (INR (N * T) * C1))).
  { rewrite <- list_sum_constant.
    apply Rle_trans with (list_sum family (fun j => probability P (N * T) (fun h => In j family /\
      geometric_mean_bound C1 (X j) (U j) h < risk P (X j) h))).
    - apply Rle_trans with (2 := union_bound P family (N * T) _).
      apply probability_mono. intros h Hr Hl [[[j g0] u] [Hs Hfail]]. destruct (Hchoices j g0 u Hs) as [Hj HW].
      exists j. split; [assumption|split; [assumption|]].
      rewrite population_mean_windows in Hfail by assumption. unfold value in Hfail. cbn [fst snd] in Hfail.
      assert (H := tangent_step_bound P (X j) (U j) C1 g0 h Hr (nonempty_length h _ Hn Hl)
        (fun past o => HX j past o Hj)). lra.
    - apply list_sum_le. intros j Hj.
      apply Rle_trans with (2 := geometric_mean_high_probability P (X j) (U j) (N * T) C1 Hn
        (fun past o Hr => Rlt_le _ _ (HX j past o Hj Hr))).
      apply probability_mono. intros h _ _ [_ Hfail]. exact Hfail. }
  refine (Rle_trans _ _ _ _ (two_stage_choices P (N * T) J (seq 0 N) m C2 _ choices
    (fun s h => risk P (X (fst (fst s))) h) (fun _ _ => 0) (fun s _ => snd s) (fun s h => window_mean T (value s) h)
    HJ _ Hfirst)).
  - apply expectation_le. intros h _ _. apply probability_mono. intros drawn _ _ [j [g0 [u [Hs Hfail]]]].
    exists (j, g0, u). split; [assumption|]. cbn [fst snd]. rewrite Rplus_0_l. exact Hfail.
  - intros [[j g0] u] h i Hs Hr Hl Hi. apply (window_mean_at_most P _ _ _ N); try assumption.
    exact (proj2 (Hchoices j g0 u Hs)).
Qed.

Lemma paid_choices k n delta : (0 < k)%nat -> (0 < n)%nat -> 0 < delta ->
  INR k * exp (- (INR n * ((ln (INR k) + ln (/ delta)) / INR n))) = delta.
Proof.
  intros Hk Hn Hd. assert (Hk' : 0 < INR k) by now apply lt_0_INR. assert (Hn' : 0 < INR n) by now apply lt_0_INR.
  replace (- (INR n * ((ln (INR k) + ln (/ delta)) / INR n))) with (ln delta + - ln (INR k))
    by (rewrite ln_Rinv by assumption; field; lra).
  rewrite exp_plus, exp_ln, exp_Ropp, exp_ln by assumption. field; lra.
Qed.

(** With C_1 = (ln |family| + ln(1/delta_1))/n and C_2 = (ln |choices| + ln(1/delta_2))/m all hold with joint
    probability at least 1 - delta_1 - delta_2. *)
Theorem two_stage_grid_confidence {O I : Type} (P : process O) (X : I -> list O -> O -> R) (U : I -> list O -> R)
    (family : list I) (choices : list (I * R * R)) (J : process nat) N T m delta1 delta2 :
  let C1 := (ln (INR (length family)) + ln (/ delta1)) / INR (N * T) in
  let C2 := (ln (INR (length choices)) + ln (/ delta2)) / INR m in
  (0 < N)%nat -> (0 < T)%nat -> random_sample J (seq 0 N) m -> family <> [] -> choices <> [] ->
  0 < delta1 -> 0 < delta2 ->
  (forall j past o, In j family -> reachable P (o :: past) -> X j past o < U j past) ->
  (forall j g0 u, In (j, g0, u) choices -> In j family /\
    forall past o, reachable P (o :: past) -> tangent_value C1 g0 (X j) (U j) past o <= u) ->
  joint_probability P (N * T) J m (fun h drawn => exists j g0 u, In (j, g0, u) choices /\
    geometric_mean_bound C2 (fun _ i => window_mean T (tangent_value C1 g0 (X j) (U j)) h i) (fun _ => u) drawn
    < risk P (X j) h)
  <= delta1 + delta2.
Proof.
  intros C1 C2 HN HT HJ Hfamily Hlist Hd1 Hd2 HX Hchoices.
  assert (Hk1 : (0 < length family)%nat) by (destruct family; simpl; [congruence|lia]).
  assert (Hk2 : (0 < length choices)%nat) by (destruct choices; simpl; [congruence|lia]).
  assert (E1 := paid_choices (length family) (N * T) delta1 Hk1 ltac:(nia) Hd1). fold C1 in E1.
  assert (E2 := paid_choices (length choices) m delta2 Hk2 (proj1 HJ) Hd2). fold C2 in E2.
  rewrite <- E1, <- E2. now apply two_stage_grid.
Qed.

(** Now every choice is made on the data and a separate pilot sample. The hypothesis and the member are one
    index j, paid in stage 1 by any simultaneous bound (a prior over all of them, say) with the nats C_1(j); g0 and u
    are free. *)
Theorem two_stage_selected {O B I : Type} (P : process O) (X : I -> list O -> O -> R) (U : I -> list O -> R)
    (C1 : I -> R) (pilot : list O -> process B) r (J : process nat) N T m C2 delta
    (pick : list O -> list B -> I) (g0 u : list O -> list B -> R) :
  (0 < N)%nat -> (0 < T)%nat -> random_sample J (seq 0 N) m ->
  (forall j past o, reachable P (o :: past) -> X j past o < U j past) ->
  (forall h seen past o, reachable P (o :: past) ->
    tangent_value (C1 (pick h seen)) (g0 h seen) (X (pick h seen)) (U (pick h seen)) past o <= u h seen) ->
  probability P (N * T) (fun h => exists j, geometric_mean_bound (C1 j) (X j) (U j) h < risk P (X j) h) <= delta ->
  expectation P (N * T) (fun h => joint_probability (pilot h) r J m (fun seen drawn =>
    let j := pick h seen in
    geometric_mean_bound C2 (fun _ i => window_mean T (tangent_value (C1 j) (g0 h seen) (X j) (U j)) h i)
      (fun _ => u h seen) drawn < risk P (X j) h))
  <= delta + exp (- (INR m * C2)).
Proof.
  intros HN HT HJ HX HW Hfirst. assert (Hn : (0 < N * T)%nat) by nia.
  refine (Rle_trans _ _ _ _ (two_stage_pilot P (N * T) pilot r J (seq 0 N) m C2 delta _
    (fun h seen => risk P (X (pick h seen)) h) (fun _ _ => 0) u
    (fun h seen => window_mean T (tangent_value (C1 (pick h seen)) (g0 h seen) (X (pick h seen)) (U (pick h seen))) h)
    HJ Hfirst _ _)).
  - apply expectation_le. intros h _ _. apply expectation_le. intros seen _ _.
    apply probability_mono. intros drawn _ _ Hfail. cbv zeta in Hfail. lra.
  - intros h seen i Hr Hl Hi. apply (window_mean_at_most P _ _ _ N); try assumption. exact (HW h seen).
  - intros h seen Hr Hl Hok. set (j := pick h seen) in *. rewrite population_mean_windows by assumption.
    apply Rnot_lt_le. intros Hlt. apply Hok. exists j.
    assert (H := tangent_step_bound P (X j) (U j) (C1 j) (g0 h seen) h Hr (nonempty_length h _ Hn Hl) (HX j)). lra.
Qed.

(** * The other bounds from a sample *)

(** [two_stage_azuma]: X in an interval of length Delta and at most u. With joint probability at least
    1 - e^{-n C_1} - e^{-m C_2} the risk is at most Delta sqrt(C_1/2) + u - e^{-C_2} GM(u - X), X the window means. *)
Theorem two_stage_azuma_high_probability {O : Type} (P : process O) (X : list O -> O -> R) (low : list O -> R) Delta u
    (J : process nat) N T m C1 C2 :
  (0 < N)%nat -> (0 < T)%nat -> random_sample J (seq 0 N) m -> 0 < Delta -> 0 <= C1 ->
  (forall past o, reachable P (o :: past) -> low past <= X past o <= low past + Delta /\ X past o <= u) ->
  joint_probability P (N * T) J m (fun h drawn =>
    Delta * sqrt (C1 / 2) + geometric_mean_bound C2 (fun _ i => window_mean T X h i) (fun _ => u) drawn < risk P X h)
  <= exp (- (INR (N * T) * C1)) + exp (- (INR m * C2)).
Proof.
  intros HN HT HJ HD HC HX. assert (Hn : (0 < N * T)%nat) by nia.
  apply (two_stage P (N * T) J (seq 0 N) m C2 _ _ (risk P X) (fun _ => Delta * sqrt (C1 / 2)) (fun _ => u)
    (window_mean T X) HJ (azuma_hoeffding_high_probability P X low Delta (N * T) C1 Hn HD HC
      (fun past o Hr => proj1 (HX past o Hr)))).
  - intros h i Hr Hl Hi. apply (window_mean_at_most P _ _ _ N); try assumption.
    intros past o Hro. exact (proj2 (HX past o Hro)).
  - intros h Hr Hl Hok. rewrite population_mean_windows by assumption. lra.
Qed.

(** Z = Y - (Delta/s) ln(1 + s A), A = (Y - X)/Delta. *)
Definition freedman_value {O : Type} (Delta s : R) (X : list O -> O -> R) (Y : list O -> R)
    (past : list O) (o : O) : R :=
  Y past - Delta / s * ln (1 + s * deviation Delta X Y past o).

(** mean X + (Delta/s)(C + mean v(s A)) = (Delta/s) C + mean Z. *)
Lemma freedman_value_mean {O : Type} (X : list O -> O -> R) (Y : list O -> R) Delta s C h :
  h <> [] -> 0 < Delta -> 0 < s ->
  empirical_freedman_bound C Delta s X Y h = Delta / s * C + path_mean (freedman_value Delta s X Y) h.
Proof.
  intros Hh HD Hs. rewrite shift_form by (auto; lra).
  rewrite (path_mean_pointwise (freedman_value Delta s X Y) (fun past o => 1 * Y past
    + - (Delta / s) * ln (1 + s * deviation Delta X Y past o))) by (intros; unfold freedman_value; ring).
  rewrite (path_mean_linear (fun past _ => Y past)) by assumption. ring.
Qed.

(** [two_stage_empirical_freedman]: X <= Y + Delta, 0 < s < 1, u >= Z. With joint probability at least
    1 - e^{-n C_1} - e^{-m C_2} the risk is at most (Delta/s) C_1 + u - e^{-C_2} GM(u - Z), Z the window means. *)
Theorem two_stage_empirical_freedman_high_probability {O : Type} (P : process O) (X : list O -> O -> R)
    (Y : list O -> R) Delta s u (J : process nat) N T m C1 C2 :
  (0 < N)%nat -> (0 < T)%nat -> random_sample J (seq 0 N) m -> 0 < Delta -> 0 < s < 1 ->
  upper_bounded P X (fun past => Y past + Delta) ->
  (forall past o, reachable P (o :: past) -> freedman_value Delta s X Y past o <= u) ->
  joint_probability P (N * T) J m (fun h drawn =>
    Delta / s * C1 + geometric_mean_bound C2 (fun _ i => window_mean T (freedman_value Delta s X Y) h i)
      (fun _ => u) drawn < risk P X h)
  <= exp (- (INR (N * T) * C1)) + exp (- (INR m * C2)).
Proof.
  intros HN HT HJ HD Hs HX HZ. assert (Hn : (0 < N * T)%nat) by nia.
  apply (two_stage P (N * T) J (seq 0 N) m C2 _ _ (risk P X) (fun _ => Delta / s * C1) (fun _ => u)
    (window_mean T (freedman_value Delta s X Y)) HJ
    (geometric_mean_high_probability P X (fun past => Y past + Delta / s) (N * T) C1 Hn
      (shifted_upper_bounded P X Y Delta s HD ltac:(lra) HX))).
  - intros h i Hr Hl Hi. apply (window_mean_at_most P _ _ _ N); assumption.
  - intros h Hr Hl Hok. rewrite population_mean_windows by assumption.
    assert (Hh := nonempty_length h _ Hn Hl).
    assert (H := geometric_mean_dominates P X Y C1 Delta s h HD Hs HX Hr Hh).
    rewrite freedman_value_mean in H by (try assumption; lra). lra.
Qed.

(** The same with s from a grid of size k and u, both chosen on the data and a separate pilot sample: s is paid in
    stage 1, u is free. *)
Theorem two_stage_empirical_freedman_selected {O B : Type} (P : process O) (X : list O -> O -> R) (Y : list O -> R)
    Delta (grid : list R) (pilot : list O -> process B) r (J : process nat) N T m C1 C2
    (pick u : list O -> list B -> R) :
  (0 < N)%nat -> (0 < T)%nat -> random_sample J (seq 0 N) m -> 0 < Delta ->
  (forall s, In s grid -> 0 < s < 1) -> (forall h seen, In (pick h seen) grid) ->
  upper_bounded P X (fun past => Y past + Delta) ->
  (forall h seen past o, reachable P (o :: past) -> freedman_value Delta (pick h seen) X Y past o <= u h seen) ->
  expectation P (N * T) (fun h => joint_probability (pilot h) r J m (fun seen drawn =>
    Delta / pick h seen * C1
    + geometric_mean_bound C2 (fun _ i => window_mean T (freedman_value Delta (pick h seen) X Y) h i)
        (fun _ => u h seen) drawn < risk P X h))
  <= INR (length grid) * exp (- (INR (N * T) * C1)) + exp (- (INR m * C2)).
Proof.
  intros HN HT HJ HD Hgrid Hpick HX HZ. assert (Hn : (0 < N * T)%nat) by nia.
  apply (two_stage_pilot P (N * T) pilot r J (seq 0 N) m C2 _
    (fun h => exists s, In s grid /\ geometric_mean_bound C1 X (fun past => Y past + Delta / s) h < risk P X h)
    (fun h _ => risk P X h) (fun h seen => Delta / pick h seen * C1) u
    (fun h seen => window_mean T (freedman_value Delta (pick h seen) X Y) h) HJ).
  - rewrite <- list_sum_constant. apply Rle_trans with (1 := union_bound P grid (N * T) _).
    apply list_sum_le. intros s Hs. apply geometric_mean_high_probability; [assumption|].
    apply shifted_upper_bounded; [assumption| |assumption]. assert (H := Hgrid s Hs). lra.
  - intros h seen i Hr Hl Hi. apply (window_mean_at_most P _ _ _ N); try assumption. exact (HZ h seen).
  - intros h seen Hr Hl Hok. rewrite population_mean_windows by assumption.
    set (s := pick h seen) in *. assert (Hs := Hgrid s (Hpick h seen)). assert (Hh := nonempty_length h _ Hn Hl).
    assert (Hge : risk P X h <= geometric_mean_bound C1 X (fun past => Y past + Delta / s) h).
    { apply Rnot_lt_le. intros Hlt. apply Hok. exists s. split; [apply Hpick|assumption]. }
    assert (H := geometric_mean_dominates P X Y C1 Delta s h HD Hs HX Hr Hh).
    rewrite freedman_value_mean in H by (try assumption; lra). lra.
Qed.
