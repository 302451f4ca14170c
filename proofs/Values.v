(** Worked values: the definitions that the theorems are about, applied to written-down data, enclosed by interval
    arithmetic inside Coq. tests/test_formal.py reads the decimals here and compares the Python functions with them.

    The outcomes are the losses themselves, histories have the newest first: in order of time the losses are
    1, 3, 1/2, 2. The prediction Y is the last loss (1 at first), the ceiling 4, U = Y + 6, or U = Y + 4. *)
From Coq Require Import Reals Lra Lia List.
From Interval Require Import Tactic.
Import ListNotations.
From Genbound Require Import Process Analysis GeometricMean EmpiricalFreedman LowerSide Mixture PacBayes Smoothing
  Subsample.
Open Scope R_scope.

Definition observed : list R := [2; 1 / 2; 3; 1].
Definition loss_itself (past : list R) (o : R) : R := o.
Definition last_loss (past : list R) : R := match past with [] => 1 | x :: _ => x end.
Definition shifted_last_loss (D : R) (past : list R) : R := last_loss past + D.

Ltac rooted := rewrite nth_root_positive by (unfold shifted_last_loss, last_loss, loss_itself; simpl; lra).
Ltac evaluated := simpl; interval with (i_prec 80).

(** [geometric_mean] at C = 1/5 with D = 6. *)
Theorem geometric_mean_value :
  Rabs (geometric_mean_bound (1 / 5) loss_itself (shifted_last_loss 6) observed - 2.868371343713784) <= 1 / 10 ^ 10.
Proof.
  unfold geometric_mean_bound, path_mean, path_geometric_mean, observed. rooted.
  unfold shifted_last_loss, last_loss, loss_itself. evaluated.
Qed.

(** [empirical_freedman] at C = 1/5 with Delta = 4, s = 2/3: the same member D = Delta/s = 6, looser. *)
Theorem empirical_freedman_value :
  Rabs (empirical_freedman_bound (1 / 5) 4 (2 / 3) loss_itself last_loss observed - 3.092260729437594) <= 1 / 10 ^ 10.
Proof.
  unfold empirical_freedman_bound, deviation, v, path_mean, observed, last_loss, loss_itself. evaluated.
Qed.

(** [lower_geometric_mean] at C = 1/5 with L = Y - 3. *)
Theorem lower_geometric_mean_value :
  Rabs (lower_geometric_mean_bound (1 / 5) loss_itself (shifted_last_loss (-3)) observed - 0.348374663460421)
  <= 1 / 10 ^ 10.
Proof.
  unfold lower_geometric_mean_bound, path_mean, path_geometric_mean, observed. rooted.
  unfold shifted_last_loss, last_loss, loss_itself. evaluated.
Qed.

(** [mixture] of D = 4 and D = 6 with weights 3/4 and 1/4: at this M the implied wealth is 4/3 = 1/delta. *)
Theorem mixture_value :
  Rabs (implied_wealth [4; 6] (fun D => if Rlt_dec D 5 then 3 / 4 else 1 / 4) loss_itself shifted_last_loss
          2.236022328919584 observed - 4 / 3) <= 1 / 10 ^ 10.
Proof.
  unfold implied_wealth, path_mean, path_geometric_mean, observed. cbn [list_sum].
  destruct (Rlt_dec 4 5) as [H4|H4]; [|exfalso; lra]. destruct (Rlt_dec 6 5) as [H6|H6]; [exfalso; lra|].
  do 2 rooted. unfold shifted_last_loss, last_loss, loss_itself. evaluated.
Qed.

(** [prior_union]: the whole bound of a hypothesis with a code word of 2 bits, delta = 1/2, one of two shifts. *)
Theorem prior_union_value :
  Rabs (geometric_mean_bound ((INR (length [true; false]) * ln 2 + ln (/ (1 / 2)) + ln (/ (1 / 2))) / INR 4)
          loss_itself (shifted_last_loss 6) observed - 4.622795664604175) <= 1 / 10 ^ 10.
Proof.
  unfold geometric_mean_bound, path_mean, path_geometric_mean, observed. rooted.
  unfold shifted_last_loss, last_loss, loss_itself. evaluated.
Qed.

(** Two hypotheses: the loss itself, and half of it. *)
Definition two_losses (whole : bool) (past : list R) (o : R) : R := if whole then o else o / 2.
Definition three_quarters (whole : bool) : R := if whole then 3 / 4 else 1 / 4.

(** [pac_bayes] on these two: Q = (3/4, 1/4), P = (1/2, 1/2), delta = 1/4, D = 6. *)
Theorem pac_bayes_value :
  Rabs (posterior_bound
          ((kl_divergence [true; false] three_quarters (fun _ => 1 / 2) + ln (/ (1 / 4))) / INR 4)
          [true; false] three_quarters two_losses (fun _ => shifted_last_loss 6) observed - 3.457191601919623)
  <= 1 / 10 ^ 10.
Proof.
  unfold posterior_bound, kl_divergence, path_mean, observed, three_quarters, two_losses, shifted_last_loss, last_loss.
  evaluated.
Qed.

(** [smoothing_cost_sqrt]: the price h(C) at C = 1/5. *)
Theorem smoothing_price_value : Rabs (smoothing_price (1 / 5) - 0.540673450639566) <= 1 / 10 ^ 10.
Proof. unfold smoothing_price. evaluated. Qed.

(** [azuma_hoeffding] at C = 1/5 with losses in [0, 4]. *)
Theorem azuma_hoeffding_value :
  Rabs (path_mean loss_itself observed + 4 * sqrt (1 / 5 / 2) - 2.889911064067352) <= 1 / 10 ^ 10.
Proof. unfold path_mean, observed, loss_itself. evaluated. Qed.

(** [floor] at C = 1/5 with the ceiling 4. *)
Theorem floor_value :
  Rabs (path_mean (fun _ o => o) observed + (1 - exp (- (1 / 5))) * (4 - path_mean (fun _ o => o) observed)
        - 2.055514461439793) <= 1 / 10 ^ 10.
Proof. unfold path_mean, observed. evaluated. Qed.

(** [two_stage_geometric_mean]: the positions 1, 4, 2 were drawn; C_1 = 1/5, C_2 = 1/10, D = 6, g_0 = 3/2, u = 12. *)
Theorem two_stage_geometric_mean_value :
  Rabs (geometric_mean_bound (1 / 10)
          (fun _ k => at_position (tangent_value (1 / 5) (3 / 2) loss_itself (shifted_last_loss 6)) observed k)
          (fun _ => 12) [2; 4; 1]%nat - 3.822440090316461) <= 1 / 10 ^ 10.
Proof.
  unfold geometric_mean_bound, path_mean, path_geometric_mean, observed, at_position, first_steps, tangent_value,
    shifted_last_loss, last_loss, loss_itself.
  simpl. rewrite nth_root_positive; [interval with (i_prec 80)|].
  repeat apply Rmult_lt_0_compat; interval with (i_prec 80).
Qed.
