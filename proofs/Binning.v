(** Linear binning is safe (THEORY 6, `linear_binning`). W = Y - X is split between two nodes so that its position is
    kept, or lowered. ln(D + .) is concave, so the binned mean of ln(D + W) is never above the true one, for any D; the
    bound that is computed from the binned statistic,

        mean Y + D - e^{-C} exp(mean of the binned ln(D + .)),

    is never below the true one, and stays so when W is rounded down and mean Y up. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean Mixture EmpiricalFreedman Lemmas.
Open Scope R_scope.

(** * One value between two nodes *)

(** [linear_binning]: (1 - w) ln a + w ln(a + h) <= ln(a + w h). *)
Theorem linear_binning a h w : 0 < a -> 0 < h -> 0 <= w <= 1 ->
  (1 - w) * ln a + w * ln (a + h) <= ln (a + w * h).
Proof.
  intros Ha Hh Hw. assert (H := am_gm (a + h) a w ltac:(lra) Ha Hw).
  replace (w * (a + h) + (1 - w) * a) with (a + w * h) in H by ring. lra.
Qed.

(** A value W at or above the place between the nodes [low] and [high] at which it is booked. *)
Lemma binned_logarithm_le D low high w W : 0 < D + low -> 0 < D + high -> 0 <= w <= 1 ->
  (1 - w) * low + w * high <= W -> (1 - w) * ln (D + low) + w * ln (D + high) <= ln (D + W).
Proof.
  intros Hlow Hhigh Hw HW. assert (H := am_gm _ _ w Hhigh Hlow Hw).
  apply Rle_trans with (ln (w * (D + high) + (1 - w) * (D + low))); [lra|]. apply ln_le_compat; [|lra].
  destruct (Req_dec w 0) as [E|Hn]; [rewrite E; lra|].
  assert (H1 : 0 <= (1 - w) * (D + low)) by (apply Rmult_le_pos; lra).
  assert (H2 : 0 < w * (D + high)) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

(** * The bound from the binned statistic *)

(** mean Y + D - e^{-C} exp(mean ln(D + W)). *)
Definition shift_bound (C D mean_prediction mean_log : R) : R := mean_prediction + D - exp (- C) * exp mean_log.

(** It rises when mean Y is rounded up and the mean of logarithms down. *)
Lemma shift_bound_monotone C D y y' g g' : y <= y' -> g' <= g -> shift_bound C D y g <= shift_bound C D y' g'.
Proof.
  intros Hy Hg; unfold shift_bound.
  assert (H := Rmult_le_compat_l (exp (- C)) _ _ (Rlt_le _ _ (exp_pos _)) (exp_le_compat _ _ Hg)). lra.
Qed.

(** For a list of tokens: the binned bound is at least the bound of the values W themselves. *)
Theorem binned_bound_is_safe {A : Type} (tokens : list A) (W Y low high w : A -> R) (C D mean_prediction : R) :
  (forall a, In a tokens -> 0 <= w a <= 1) ->
  (forall a, In a tokens -> 0 < D + low a /\ 0 < D + high a) ->
  (forall a, In a tokens -> (1 - w a) * low a + w a * high a <= W a) ->
  list_sum tokens Y / INR (length tokens) <= mean_prediction ->
  shift_bound C D (list_sum tokens Y / INR (length tokens))
    (list_sum tokens (fun a => ln (D + W a)) / INR (length tokens))
  <= shift_bound C D mean_prediction
       (list_sum tokens (fun a => (1 - w a) * ln (D + low a) + w a * ln (D + high a)) / INR (length tokens)).
Proof.
  intros Hw Hnodes HW Hy. apply shift_bound_monotone; [assumption|].
  destruct tokens as [|a0 rest]; [simpl; lra|]. set (tokens := a0 :: rest) in *.
  assert (Hn : 0 < INR (length tokens)) by (apply lt_0_INR; simpl; lia).
  apply Rmult_le_compat_r; [apply Rlt_le; now apply Rinv_0_lt_compat|].
  apply list_sum_le. intros a Ha. destruct (Hnodes a Ha) as [Hlow Hhigh]. apply binned_logarithm_le; auto.
Qed.

(** * The histogram *)

(** The share of a token booked in cell [c] with upper share [w] that falls on node [i]. *)
Definition node_share (c : nat) (w : R) (i : nat) : R :=
  (if Nat.eq_dec i c then 1 - w else 0) + (if Nat.eq_dec i (S c) then w else 0).

(** The weight of node [i]: the sum of the shares of all tokens so far. *)
Definition node_weight {O : Type} (cell : list O -> O -> nat) (w : list O -> O -> R) (i : nat) (h : list O) : R :=
  path_sum (fun past o => node_share (cell past o) (w past o) i) h.

(** sum_i weight_i ln(D + node_i)/n: all that is needed of the data for any D. *)
Definition binned_mean_log {O : Type} (node : nat -> R) (top : nat) (cell : list O -> O -> nat) (w : list O -> O -> R)
    (D : R) (h : list O) : R :=
  list_sum (seq 0 (S top)) (fun i => node_weight cell w i h * ln (D + node i)) / INR (length h).

Lemma list_sum_add {A : Type} (l : list A) f g : list_sum l (fun a => f a + g a) = list_sum l f + list_sum l g.
Proof. induction l as [|a l IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_of_one_node start len (c : nat) (x : R) (f : nat -> R) :
  list_sum (seq start len) (fun i => (if Nat.eq_dec i c then x else 0) * f i)
  = if le_dec start c then (if lt_dec c (start + len) then x * f c else 0) else 0.
Proof.
  revert start; induction len as [|len IH]; intros start; cbn [seq list_sum].
  - destruct (le_dec start c) as [H1|H1]; destruct (lt_dec c (start + 0)) as [H2|H2]; try reflexivity; lia.
  - rewrite IH. destruct (Nat.eq_dec start c) as [E|E].
    + rewrite E. destruct (le_dec (S c) c) as [H1|H1]; [lia|]. destruct (le_dec c c) as [H2|H2]; [|lia].
      destruct (lt_dec c (c + S len)) as [H3|H3]; [ring|lia].
    + destruct (le_dec (S start) c) as [H1|H1]; destruct (le_dec start c) as [H2|H2]; try lia; [|ring].
      destruct (lt_dec c (S start + len)) as [H3|H3]; destruct (lt_dec c (start + S len)) as [H4|H4];
        try lia; ring.
Qed.

Lemma node_share_sum top c w (f : nat -> R) : (c < top)%nat ->
  list_sum (seq 0 (S top)) (fun i => node_share c w i * f i) = (1 - w) * f c + w * f (S c).
Proof.
  intros Hc. unfold node_share.
  rewrite (list_sum_eq _ _ (fun i => (if Nat.eq_dec i c then 1 - w else 0) * f i
    + (if Nat.eq_dec i (S c) then w else 0) * f i)) by (intros; ring).
  rewrite list_sum_add, !sum_of_one_node.
  destruct (le_dec 0 c) as [H1|H1]; [|lia]. destruct (lt_dec c (0 + S top)) as [H2|H2]; [|lia].
  destruct (le_dec 0 (S c)) as [H3|H3]; [|lia]. destruct (lt_dec (S c) (0 + S top)) as [H4|H4]; [ring|lia].
Qed.

(** The histogram loses nothing: it gives the mean over tokens of the two-node logarithms. *)
Theorem histogram_is_exact {O : Type} (node : nat -> R) top (cell : list O -> O -> nat) (w : list O -> O -> R) D h :
  (forall past o, (cell past o < top)%nat) ->
  binned_mean_log node top cell w D h
  = path_mean (fun past o => (1 - w past o) * ln (D + node (cell past o))
                             + w past o * ln (D + node (S (cell past o)))) h.
Proof.
  intros Hcell. unfold binned_mean_log, path_mean. f_equal. unfold node_weight.
  induction h as [|o h IH].
  - cbn [path_sum]. rewrite (list_sum_eq _ _ (fun i => 0 * 0)) by (intros; ring). rewrite list_sum_scale; ring.
  - cbn [path_sum]. rewrite <- IH, <- (node_share_sum top) with (f := fun i => ln (D + node i)) by apply Hcell.
    rewrite <- list_sum_add. apply list_sum_eq. intros i Hi; ring.
Qed.

(** On every path the geometric-mean bound with U = Y + D is at most the bound computed from the histogram. *)
Theorem histogram_bound_is_safe {O : Type} (P : process O) X Y (node : nat -> R) top (cell : list O -> O -> nat)
    (w : list O -> O -> R) (C D mean_prediction : R) (h : list O) :
  (forall past o, (cell past o < top)%nat) -> (forall past o, 0 <= w past o <= 1) ->
  (forall i, (i <= top)%nat -> 0 < D + node i) ->
  (forall past o, reachable P (o :: past) ->
     (1 - w past o) * node (cell past o) + w past o * node (S (cell past o)) <= Y past - X past o) ->
  reachable P h -> h <> [] -> path_mean (fun past _ => Y past) h <= mean_prediction ->
  geometric_mean_bound C X (fun past => Y past + D) h
  <= shift_bound C D mean_prediction (binned_mean_log node top cell w D h).
Proof.
  intros Hcell Hw Hnode HW Hr Hh Hy. rewrite histogram_is_exact by assumption.
  assert (Hlog : forall past o, reachable P (o :: past) ->
    (1 - w past o) * ln (D + node (cell past o)) + w past o * ln (D + node (S (cell past o)))
    <= ln (Y past + D - X past o)).
  { intros past o Hro. replace (Y past + D - X past o) with (D + (Y past - X past o)) by ring.
    apply binned_logarithm_le; auto; apply Hnode; assert (H := Hcell past o); lia. }
  assert (Hpos : forall past o, reachable P (o :: past) -> 0 < Y past + D - X past o).
  { intros past o Hro. assert (H := HW past o Hro). assert (Hc := Hcell past o). assert (Hwo := Hw past o).
    assert (Hlow := Hnode (cell past o) ltac:(lia)). assert (Hhigh := Hnode (S (cell past o)) ltac:(lia)).
    assert (H1 : 0 <= w past o * (D + node (S (cell past o)))) by (apply Rmult_le_pos; lra).
    destruct (Req_dec (w past o) 1) as [E|Hn]; [rewrite E in *; lra|].
    assert (H2 : 0 < (1 - w past o) * (D + node (cell past o))) by (apply Rmult_lt_0_compat; lra). lra. }
  unfold geometric_mean_bound; cbv beta. rewrite (path_geometric_mean_positive P) by assumption.
  rewrite (path_mean_pointwise (fun past _ => Y past + D) (fun past _ => 1 * Y past + 1 * D)) by (intros; ring).
  rewrite (path_mean_linear (fun past _ => Y past) (fun _ _ => D)), path_mean_constant by assumption.
  apply Rle_trans with (shift_bound C D (path_mean (fun past _ => Y past) h)
    (path_mean (fun past o => ln (Y past + D - X past o)) h)); [unfold shift_bound; lra|].
  apply shift_bound_monotone; [assumption|]. now apply (path_mean_le P).
Qed.

(** So the number that is computed bounds the risk, mean Y rounded up included: for k shifts D fixed beforehand and
    C = ln(k/delta)/n, with probability at least 1 - delta, whichever D is taken. One histogram serves them all. *)
Theorem histogram_bound_high_probability {O : Type} (P : process O) X Y (node : nat -> R) top
    (cell : list O -> O -> nat) (w : list O -> O -> R) (mean_prediction : list O -> R) (shifts : list R) n delta :
  (0 < n)%nat -> 0 < delta ->
  (forall past o, (cell past o < top)%nat) -> (forall past o, 0 <= w past o <= 1) ->
  (forall D i, In D shifts -> (i <= top)%nat -> 0 < D + node i) ->
  (forall past o, reachable P (o :: past) ->
     (1 - w past o) * node (cell past o) + w past o * node (S (cell past o)) <= Y past - X past o) ->
  (forall h, path_mean (fun past _ => Y past) h <= mean_prediction h) ->
  probability P n (fun h => exists D, In D shifts /\
    shift_bound (ln (INR (length shifts) / delta) / INR n) D (mean_prediction h) (binned_mean_log node top cell w D h)
    < risk P X h) <= delta.
Proof.
  intros Hn Hd Hcell Hw Hnode HW Hy.
  assert (HU : forall D, In D shifts -> upper_bounded P X (fun past => Y past + D)).
  { intros D HD past o Hr. assert (H := HW past o Hr). assert (Hc := Hcell past o). assert (Hwo := Hw past o).
    assert (Hlow := Hnode D (cell past o) HD ltac:(lia)).
    assert (Hhigh := Hnode D (S (cell past o)) HD ltac:(lia)).
    assert (H1 : 0 <= w past o * (D + node (S (cell past o)))) by (apply Rmult_le_pos; lra).
    assert (H2 : 0 <= (1 - w past o) * (D + node (cell past o))) by (apply Rmult_le_pos; lra). lra. }
  apply Rle_trans with (2 := geometric_mean_shift_grid P X Y shifts n delta Hn Hd HU).
  apply probability_mono. intros h Hr Hl [D [HD Hfail]]. exists D; split; [assumption|].
  apply Rle_lt_trans with (2 := Hfail). apply (histogram_bound_is_safe P); auto.
  apply (nonempty_of_length n); [lia|assumption].
Qed.
