(** Non-vacuity for many hypotheses: a code, priors and posteriors that satisfy every premise; the events that the
    theorems bound do happen; and a posterior whose log-ratio is not paid breaks the bound.

    Two hypotheses bet on the two sides of a coin: the loss of [b] is 0 if the toss is [b] and 1 if not; U = 2. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Analysis GeometricMean Kraft PriorUnion PacBayes Draws Requential Examples.
Open Scope R_scope.

(** * A prefix-free code of all natural numbers *)

(** i zeros and a one. *)
Definition unary_code (i : nat) : list bool := repeat false i ++ [true].

Theorem unary_code_prefix_free : prefix_free unary_code.
Proof.
  unfold prefix_free, prefix, unary_code. intros i; induction i as [|i IH]; intros j Hij [rest E].
  - destruct j as [|j]; [congruence|]. simpl in E. discriminate.
  - destruct j as [|j]; simpl in E; [discriminate|]. injection E as E.
    apply (IH j); [congruence|]. exists rest; exact E.
Qed.

Theorem unary_code_length i : length (unary_code i) = S i.
Proof. unfold unary_code. induction i as [|i IH]; simpl in *; [reflexivity|now rewrite IH]. Qed.

(** * Two bets on one toss *)

Definition sides : list bool := [true; false].

Definition bet_loss (b : bool) (past : list bool) (o : bool) : R := if Bool.eqb o b then 0 else 1.

Theorem bet_strictly_upper_bounded b : strictly_upper_bounded sticky_coin (bet_loss b) (fun _ => 2).
Proof. intros past o _. unfold bet_loss. destruct (Bool.eqb o b); lra. Qed.

Lemma bet_bound C b o :
  geometric_mean_bound C (bet_loss b) (fun _ => 2) [o] = 2 - exp (- C) * (2 - bet_loss b [] o).
Proof.
  unfold geometric_mean_bound, path_mean, path_geometric_mean; simpl.
  assert (H0 : 0 < (2 - bet_loss b [] o) * 1) by (unfold bet_loss; destruct (Bool.eqb o b); lra).
  rewrite nth_root_positive by assumption. simpl.
  replace (ln ((2 - bet_loss b [] o) * 1) / 1) with (ln ((2 - bet_loss b [] o) * 1)) by field.
  rewrite exp_ln by assumption. field.
Qed.

Lemma bet_risk b o : risk sticky_coin (bet_loss b) [o] = 1 / 2.
Proof. unfold risk, path_mean, conditional_mean, bet_loss; simpl. destruct b; simpl; field. Qed.

(** At e^{-C} = 7/8 the bound of a bet is below its risk exactly if the bet was won. *)
Lemma bet_fails C b o : exp (- C) = 7 / 8 ->
  (geometric_mean_bound C (bet_loss b) (fun _ => 2) [o] < risk sticky_coin (bet_loss b) [o] <-> o = b).
Proof.
  intros HC. rewrite bet_bound, bet_risk, HC. unfold bet_loss. destruct o, b; simpl; split; intros H;
    try reflexivity; try discriminate; try lra.
Qed.

Lemma cost_of_confidence x : x = 0 -> exp (- ((x + ln (/ (7 / 8))) / INR 1)) = 7 / 8.
Proof.
  intros E. rewrite E. simpl.
  replace (- ((0 + ln (/ (7 / 8))) / 1)) with (- ln (/ (7 / 8))) by field.
  rewrite exp_Ropp, exp_ln by lra. field.
Qed.

Definition even_prior (b : bool) : R := 1 / 2.

(** The posterior that knows the toss: all its mass is on the bet that was won. *)
Definition informed_posterior (h : list bool) (b : bool) : R :=
  match h with o :: _ => if Bool.eqb o b then 1 else 0 | [] => 1 / 2 end.

(** Every premise of [disintegrated] holds for it. *)
Theorem informed_draw delta n : (0 < n)%nat -> 0 < delta ->
  draw_probability sticky_coin n sides informed_posterior (fun b h =>
    geometric_mean_bound ((ln (informed_posterior h b / even_prior b) + ln (/ delta)) / INR n)
      (bet_loss b) (fun _ => 2) h < risk sticky_coin (bet_loss b) h) <= delta.
Proof.
  intros Hn Hd. apply disintegrated; auto.
  - intros b Hb. apply strict_is_upper_bounded, bet_strictly_upper_bounded.
  - intros b Hb. unfold even_prior; lra.
  - unfold even_prior; simpl; lra.
  - intros h b Hb. unfold informed_posterior. destruct h as [|o h]; [lra|]. destruct (Bool.eqb o b); lra.
  - intros h b Hb H. unfold even_prior; lra.
Qed.

(** A posterior that is the prior pays nothing, and at delta = 7/8 its bound fails half of the time. *)
Theorem blind_draw_can_fail :
  draw_probability sticky_coin 1 sides (fun _ => even_prior) (fun b h =>
    geometric_mean_bound ((ln (even_prior b / even_prior b) + ln (/ (7 / 8))) / INR 1)
      (bet_loss b) (fun _ => 2) h < risk sticky_coin (bet_loss b) h) = 1 / 2.
Proof.
  assert (HC : exp (- ((ln (even_prior true / even_prior true) + ln (/ (7 / 8))) / INR 1)) = 7 / 8).
  { apply cost_of_confidence. unfold even_prior. replace (1 / 2 / (1 / 2)) with 1 by field. apply ln_1. }
  unfold draw_probability, expectation; cbn [expectation_from kernel sticky_coin coin_law weighted_sum list_sum sides].
  rewrite (indicator_true (geometric_mean_bound _ (bet_loss true) _ [true] < _)) by now apply bet_fails.
  rewrite (indicator_false (geometric_mean_bound _ (bet_loss false) _ [true] < _)).
  2: intros H; apply bet_fails in H; [discriminate|exact HC].
  rewrite (indicator_false (geometric_mean_bound _ (bet_loss true) _ [false] < _)).
  2: intros H; apply bet_fails in H; [discriminate|exact HC].
  rewrite (indicator_true (geometric_mean_bound _ (bet_loss false) _ [false] < _)) by now apply bet_fails.
  unfold even_prior; lra.
Qed.

(** If the log-ratio of the informed draw is not paid, its bound at delta = 7/8 fails always. *)
Theorem unpaid_log_ratio_fails :
  draw_probability sticky_coin 1 sides informed_posterior (fun b h =>
    geometric_mean_bound ((0 + ln (/ (7 / 8))) / INR 1) (bet_loss b) (fun _ => 2) h
      < risk sticky_coin (bet_loss b) h) = 1.
Proof.
  assert (HC := cost_of_confidence 0 eq_refl).
  unfold draw_probability, expectation; cbn [expectation_from kernel sticky_coin coin_law weighted_sum list_sum sides].
  rewrite (indicator_true (geometric_mean_bound _ (bet_loss true) _ [true] < _)) by now apply bet_fails.
  rewrite (indicator_true (geometric_mean_bound _ (bet_loss false) _ [false] < _)) by now apply bet_fails.
  unfold informed_posterior; simpl; lra.
Qed.

(** Infinitely many hypotheses with this code, and a choice of U: every premise of [prior_union_prefix_free] holds. *)
Theorem coded_bets delta n : (0 < n)%nat -> 0 < delta ->
  probability sticky_coin n (fun h => exists i u, In u [1; 2] /\
    geometric_mean_bound ((INR (length (unary_code i)) * ln 2 + ln (/ delta) + ln (/ (1 / 2))) / INR n)
      (bet_loss (Nat.even i)) (fun _ => u) h < risk sticky_coin (bet_loss (Nat.even i)) h) <= delta.
Proof.
  intros Hn Hd.
  apply (prior_union_prefix_free sticky_coin (fun i => bet_loss (Nat.even i)) (fun _ u _ => u) unary_code [1; 2]
    (fun _ => 1 / 2)); auto.
  - intros i u Hu past o _. unfold bet_loss.
    destruct Hu as [E|[E|[]]]; rewrite <- E; destruct (Bool.eqb o (Nat.even i)); lra.
  - apply unary_code_prefix_free.
  - intros u Hu; lra.
  - simpl; lra.
Qed.

(** * A transcript of drawn tokens *)

(** The student draws fair bits; the teacher draws the first one fairly and then repeats the last toss of the coin. *)
Definition fair_student (past : list bool) (x : bool) : R := 1 / 2.

Definition repeating_teacher (h past : list bool) (x : bool) : R :=
  match past, h with
  | _ :: _, o :: _ => if Bool.eqb o x then 1 else 0
  | _, _ => 1 / 2
  end.

(** It is a law on transcripts of any length, and the premises of [requential] hold for it. *)
Theorem repeating_teacher_law M h :
  list_sum (transcripts sides M) (transcript_probability (repeating_teacher h)) = 1.
Proof.
  apply transcript_law. intros past. unfold repeating_teacher, sides; simpl.
  destruct past as [|x past]; [lra|]. destruct h as [|o h]; [lra|]. destruct o; simpl; lra.
Qed.

Theorem taught_bet delta n M : (0 < n)%nat -> 0 < delta ->
  draw_probability sticky_coin n (transcripts sides M)
    (fun h => transcript_probability (repeating_teacher h)) (fun w h =>
    geometric_mean_bound ((transcript_log_ratio (repeating_teacher h) fair_student w + ln (/ delta)) / INR n)
      (bet_loss (hd true w)) (fun _ => 2) h < risk sticky_coin (bet_loss (hd true w)) h) <= delta.
Proof.
  intros Hn Hd.
  apply (requential sticky_coin sides M (fun w => bet_loss (hd true w)) (fun _ _ => 2) fair_student
    repeating_teacher); auto.
  - intros w Hw. apply strict_is_upper_bounded, bet_strictly_upper_bounded.
  - intros past x Hx. unfold fair_student; lra.
  - intros past. unfold fair_student, sides; simpl; lra.
  - intros h past x Hx. unfold repeating_teacher.
    destruct past as [|y past]; [lra|]. destruct h as [|o h]; [lra|]. destruct (Bool.eqb o x); lra.
  - intros h past x Hx H. unfold fair_student; lra.
Qed.
