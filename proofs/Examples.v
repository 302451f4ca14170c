(** Non-vacuity: a process that satisfies every premise of the theorems, on which the definitions compute what they
    should, the bounds say something, and the events they bound do happen.

    The process is a coin that remembers its last toss: fair at first, then the same side again with probability 3/4.
    The loss is 1 for [true] and 0 for [false]; the predictable upper bound U is 1, and 3/2 after [true]. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean.
Open Scope R_scope.

Definition coin_law (past : list bool) : list (R * bool) :=
  match past with
  | [] => [(1 / 2, true); (1 / 2, false)]
  | last :: _ => [(3 / 4, last); (1 / 4, negb last)]
  end.

Lemma coin_law_distribution past : distribution (coin_law past).
Proof.
  destruct past as [|last past]; (split; [|simpl; lra]); intros w o Hi; simpl in Hi;
    destruct Hi as [E|[E|E]]; try contradiction; injection E as E1 E2; lra.
Qed.

Definition sticky_coin : process bool := Process coin_law coin_law_distribution.

Definition coin_loss (past : list bool) (o : bool) : R := if o then 1 else 0.

Definition coin_upper (past : list bool) : R := match past with true :: _ => 3 / 2 | _ => 1 end.

(** The premise of the geometric-mean bound holds. *)
Theorem coin_upper_bounded : upper_bounded sticky_coin coin_loss coin_upper.
Proof.
  intros past o _. unfold coin_loss, coin_upper.
  destruct past as [|last past]; [destruct o; lra|]. destruct last, o; lra.
Qed.

(** The conditional means depend on the past: 1/2 at first, 3/4 after [true], 1/4 after [false]. *)
Theorem coin_conditional_mean past :
  conditional_mean sticky_coin coin_loss past = match past with [] => 1 / 2 | true :: _ => 3 / 4 | _ => 1 / 4 end.
Proof. unfold conditional_mean, coin_loss. destruct past as [|last past]; [|destruct last]; simpl; lra. Qed.

(** Two times [true] has probability 3/8. *)
Theorem coin_probability : probability sticky_coin 2 (fun h => h = [true; true]) = 3 / 8.
Proof.
  unfold probability, expectation; simpl.
  rewrite (indicator_true ([true; true] = _)) by reflexivity.
  rewrite !indicator_false by discriminate. lra.
Qed.

(** Two times [true] can occur, so the quantifiers over reachable histories range over something. *)
Theorem coin_reachable : reachable sticky_coin [true; true].
Proof.
  apply reachable_cons with (w := 3 / 4); [|simpl; auto|lra].
  apply reachable_cons with (w := 1 / 2); [constructor|simpl; auto|lra].
Qed.

(** The theorem, for this process. *)
Theorem coin_geometric_mean n C : (0 < n)%nat ->
  probability sticky_coin n
    (fun h => geometric_mean_bound C coin_loss coin_upper h < risk sticky_coin coin_loss h) <= exp (- (INR n * C)).
Proof. intros Hn. apply geometric_mean_high_probability; [assumption|apply coin_upper_bounded]. Qed.

(** Its event is not empty: with C = 0 and one toss the bound is the loss itself, below the risk half of the time. *)
Theorem coin_bound_can_fail :
  probability sticky_coin 1
    (fun h => geometric_mean_bound 0 coin_loss coin_upper h < risk sticky_coin coin_loss h) = 1 / 2.
Proof.
  unfold probability, expectation; simpl.
  assert (HB : forall o : bool, geometric_mean_bound 0 coin_loss coin_upper [o] = coin_loss [] o).
  { intros o. unfold geometric_mean_bound, path_mean, path_geometric_mean; simpl.
    replace (- 0) with 0 by ring. rewrite exp_0.
    assert (H := nth_root_power 1 ((1 - coin_loss [] o) * 1) (Nat.lt_0_1)).
    assert (H0 : 0 <= (1 - coin_loss [] o) * 1) by (destruct o; simpl; lra).
    specialize (H H0). simpl in H. rewrite Rmult_1_r in H. rewrite H. field. }
  assert (HR : forall o : bool, risk sticky_coin coin_loss [o] = 1 / 2).
  { intros o. unfold risk, path_mean. cbn [path_sum length]. rewrite coin_conditional_mean. simpl; lra. }
  rewrite indicator_false, indicator_true; [lra| |]; rewrite HB, HR; simpl; lra.
Qed.
