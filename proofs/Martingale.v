(** Nonnegative supermartingales on finite processes: Markov's inequality, Ville's inequality, and products of factors
    whose conditional mean is at most one; union bounds over finite and countable families. *)
From Coq Require Import Reals Lra Lia List Classical_Prop.
Import ListNotations.
From Genbound Require Import Process.
Open Scope R_scope.

(** [M] is nonnegative and its conditional mean never exceeds its present value. *)
Definition supermartingale {O : Type} (P : process O) (M : list O -> R) : Prop :=
  forall h, reachable P h -> 0 <= M h /\ weighted_sum (kernel P h) (fun o => M (o :: h)) <= M h.

Section Martingales.
Context {O : Type} (P : process O).
Implicit Types (M : list O -> R) (F : list O -> O -> R).

Lemma supermartingale_mean M n : forall h, supermartingale P M -> reachable P h -> expectation_from P n h M <= M h.
Proof.
  induction n as [|n IH]; simpl; intros h HM Hr; [lra|].
  apply Rle_trans with (2 := proj2 (HM h Hr)).
  apply weighted_sum_le; [apply kernel_weights|]. intros w o Hi Hw.
  apply IH; [assumption|econstructor; eauto].
Qed.

(** The mean of a supermartingale is at most its initial value. *)
Theorem supermartingale_expectation M n : supermartingale P M -> expectation P n M <= M [].
Proof. intros HM; apply supermartingale_mean; [assumption|constructor]. Qed.

(** Markov: P(f >= c) <= E f / c for f >= 0, c > 0. *)
Theorem markov_inequality n (f : list O -> R) c : 0 < c ->
  (forall h, reachable P h -> length h = n -> 0 <= f h) ->
  probability P n (fun h => c <= f h) <= expectation P n f / c.
Proof.
  intros Hc Hf. assert (Hi : 0 < / c) by now apply Rinv_0_lt_compat.
  unfold Rdiv; rewrite Rmult_comm, <- expectation_scale.
  apply expectation_le; intros h Hr Hl. assert (H0 := Hf h Hr Hl).
  apply indicator_le; [apply Rmult_le_pos; lra|]. intros H.
  apply Rmult_le_reg_l with c; [assumption|].
  replace (c * (/ c * f h)) with (f h) by (field; lra). lra.
Qed.

Lemma ville_from M c : supermartingale P M -> 0 < c -> forall n h, reachable P h ->
  expectation_from P n h
    (fun x => indicator (exists k, (k <= n)%nat /\ c <= M (skipn k x))) <= M h / c.
Proof.
  intros HM Hc. assert (Hci : 0 < / c) by now apply Rinv_0_lt_compat.
  assert (Big : forall h, c <= M h -> 1 <= M h / c).
  { intros h Hh; unfold Rdiv. replace 1 with (c * / c) by (field; lra).
    apply Rmult_le_compat_r; lra. }
  assert (Pos : forall h, reachable P h -> 0 <= M h / c).
  { intros h Hr; apply Rmult_le_pos; [apply (HM h Hr)|lra]. }
  induction n as [|n IH]; intros h Hr.
  - simpl; apply indicator_le; [auto|]. intros [k [Hk Hle]].
    replace k with 0%nat in Hle by lia. apply Big; assumption.
  - destruct (Rle_dec c (M h)) as [Hb|Hb].
    + apply Rle_trans with (2 := Big h Hb).
      apply Rle_trans with (expectation_from P (S n) h (fun _ => 1)).
      * apply expectation_from_le; [assumption|]. intros h' _ _; apply indicator_le; [lra|intros; lra].
      * right; apply expectation_from_constant.
    + apply Rle_trans with
        (expectation_from P (S n) h (fun x => indicator (exists k, (k <= n)%nat /\ c <= M (skipn k x)))).
      * apply expectation_from_le_extension; [assumption|]. intros l Hl Hrl.
        apply indicator_le; [apply indicator_nonneg|].
        intros [k [Hk Hle]]. destruct (Nat.eq_dec k (S n)) as [E|Hne].
        -- exfalso; apply Hb. rewrite E, <- Hl, skipn_app, skipn_all, Nat.sub_diag in Hle. exact Hle.
        -- rewrite indicator_true; [lra|]. exists k; split; [lia|assumption].
      * cbn [expectation_from]. apply Rle_trans with (weighted_sum (kernel P h) (fun o => / c * M (o :: h))).
        -- apply weighted_sum_le; [apply kernel_weights|]. intros w o Hi Hw.
           apply Rle_trans with (1 := IH (o :: h) ltac:(econstructor; eauto)). right; unfold Rdiv; ring.
        -- rewrite weighted_sum_scale. unfold Rdiv; rewrite Rmult_comm.
           apply Rmult_le_compat_r; [lra|]. apply (HM h Hr).
Qed.

(** Ville: a nonnegative supermartingale ever reaches c with probability at most its initial value over c. *)
Theorem ville_inequality M c n : supermartingale P M -> 0 < c ->
  probability P n (fun h => exists t, (t <= n)%nat /\ c <= M (first_steps t h)) <= M [] / c.
Proof.
  intros HM Hc.
  apply Rle_trans with (2 := ville_from M c HM Hc n [] (reachable_nil P)).
  apply expectation_le; intros h Hr Hl. apply indicator_le; [apply indicator_nonneg|].
  intros [t [Ht HE]]. rewrite indicator_true; [lra|].
  exists (n - t)%nat; split; [lia|]. unfold first_steps in HE; now rewrite Hl in HE.
Qed.

(** ** Products *)

(** Nonnegative factors of conditional mean at most one multiply to a supermartingale. *)
Theorem product_supermartingale F :
  (forall past o, reachable P (o :: past) -> 0 <= F past o) ->
  (forall past, reachable P past -> weighted_sum (kernel P past) (F past) <= 1) ->
  supermartingale P (path_product F).
Proof.
  intros Hpos Hone h Hr. assert (H0 := path_product_nonneg P F h Hr Hpos). split; [assumption|].
  rewrite (weighted_sum_eq _ _ (fun o => path_product F h * F h o)); [|apply kernel_weights|].
  - rewrite weighted_sum_scale. assert (H := Hone h Hr).
    apply Rle_trans with (path_product F h * 1); [apply Rmult_le_compat_l|]; lra.
  - intros w o Hi Hw; simpl; ring.
Qed.

(** Factors of conditional mean exactly one: the product has mean exactly one. *)
Theorem product_mean_one F n :
  (forall past, reachable P past -> weighted_sum (kernel P past) (F past) = 1) ->
  expectation P n (path_product F) = 1.
Proof.
  intros Hone.
  assert (G : forall m h, reachable P h -> expectation_from P m h (path_product F) = path_product F h).
  { induction m as [|m IH]; simpl; intros h Hr; [reflexivity|].
    rewrite (weighted_sum_eq _ _ (fun o => path_product F h * F h o)); [|apply kernel_weights|].
    - rewrite weighted_sum_scale, Hone by assumption; ring.
    - intros w o Hi Hw. rewrite IH; [simpl; ring|econstructor; eauto]. }
  apply G; constructor.
Qed.

(** A weighted sum of supermartingales is one. *)
Theorem mixture_supermartingale {A : Type} (l : list A) (weight : A -> R) (M : A -> list O -> R) :
  (forall a, In a l -> 0 <= weight a) -> (forall a, In a l -> supermartingale P (M a)) ->
  supermartingale P (fun h => list_sum l (fun a => weight a * M a h)).
Proof.
  intros Hw HM h Hr. split.
  - apply list_sum_nonneg; intros a Ha. apply Rmult_le_pos; [now apply Hw|apply (HM a Ha h Hr)].
  - induction l as [|a l IH]; simpl.
    + rewrite (weighted_sum_constant _ 0 (kernel_distribution P h)); lra.
    + rewrite (weighted_sum_eq _ _ (fun o => weight a * M a (o :: h)
          + 1 * list_sum l (fun b => weight b * M b (o :: h)))); [|apply kernel_weights|intros; ring].
      rewrite weighted_sum_linear.
      assert (H1 : 0 <= weight a) by (apply Hw; now left).
      assert (H2 := proj2 (HM a (or_introl eq_refl) h Hr)).
      assert (H3 := Rmult_le_compat_l _ _ _ H1 H2).
      assert (H4 : weighted_sum (kernel P h) (fun o => list_sum l (fun b => weight b * M b (o :: h)))
                   <= list_sum l (fun b => weight b * M b h)).
      { apply IH; intros b Hb; [apply Hw|apply HM]; now right. }
      lra.
Qed.

(** ** Countable unions *)

Lemma countable_union_finite (E : nat -> list O -> Prop) n : forall h,
  exists N0, forall N, (N0 <= N)%nat ->
    expectation_from P n h (fun x => indicator (exists i, E i x)) <=
    expectation_from P n h (fun x => indicator (exists i, In i (seq 0 N) /\ E i x)).
Proof.
  induction n as [|n IH]; intros h; simpl.
  - destruct (classic (exists i, E i h)) as [[i Hi]|Hno].
    + exists (S i); intros N HN. rewrite (indicator_true (exists i0, In i0 (seq 0 N) /\ E i0 h)).
      * apply indicator_le; [lra|intros; lra].
      * exists i; split; [apply in_seq; lia|assumption].
    + exists 0%nat; intros N _. rewrite indicator_false by assumption. apply indicator_nonneg.
  - assert (Hw := kernel_weights P h).
    induction (kernel P h) as [|[w o] law IHlaw]; simpl; [exists 0%nat; intros; lra|].
    destruct IHlaw as [N1 H1]; [intros w' o' Hi'; apply (Hw w' o'); now right|].
    assert (Hw0 : 0 <= w) by (apply (Hw w o); now left).
    destruct (IH (o :: h)) as [N2 H2].
    exists (Nat.max N1 N2); intros N HN.
    apply Rplus_le_compat; [apply Rmult_le_compat_l; [assumption|apply H2; lia]|apply H1; lia].
Qed.

(** On a finite tree a countable union is a finite one: what bounds every finite sum of probabilities bounds it. *)
Theorem countable_union_bound n (E : nat -> list O -> Prop) c :
  (forall N, list_sum (seq 0 N) (fun i => probability P n (E i)) <= c) ->
  probability P n (fun h => exists i, E i h) <= c.
Proof.
  intros H; destruct (countable_union_finite E n []) as [N0 HN].
  apply Rle_trans with (1 := HN N0 (Nat.le_refl _)), Rle_trans with (2 := H N0).
  apply (union_bound P).
Qed.
End Martingales.
