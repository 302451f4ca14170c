(** Finite stochastic processes: tokens drawn one after another, each from a law that may depend on all before it.

    A process over outcomes [O] gives for every history a finite weighted list of next outcomes. Histories are lists,
    newest outcome first. Expectation is a plain recursion over the tree of histories: no measure theory is used.
    A quantity of step k is a function of the past and of the outcome; a predictable one ignores the outcome. *)
From Coq Require Import Reals Lra Lia List.
From Coq Require ClassicalDedekindReals.
Import ListNotations.
Open Scope R_scope.

(** * Finite laws *)

Fixpoint weighted_sum {O : Type} (law : list (R * O)) (f : O -> R) : R :=
  match law with
  | [] => 0
  | (w, o) :: rest => w * f o + weighted_sum rest f
  end.

Definition distribution {O : Type} (law : list (R * O)) : Prop :=
  (forall w o, In (w, o) law -> 0 <= w) /\ weighted_sum law (fun _ => 1) = 1.

Section FiniteLaws.
Context {O : Type}.
Implicit Types (law : list (R * O)) (f g : O -> R).

Lemma weighted_sum_le law f g :
  (forall w o, In (w, o) law -> 0 <= w) ->
  (forall w o, In (w, o) law -> 0 < w -> f o <= g o) ->
  weighted_sum law f <= weighted_sum law g.
Proof.
  induction law as [|[w o] law IH]; simpl; intros Hw Hle; [lra|].
  assert (H1 : 0 <= w) by (apply (Hw w o); now left).
  assert (H2 : weighted_sum law f <= weighted_sum law g) by (apply IH; intros; eauto).
  destruct (Req_dec w 0) as [E|Hn]; [rewrite E; lra|].
  assert (H3 : f o <= g o) by (apply (Hle w o); [now left|lra]).
  apply Rplus_le_compat; [apply Rmult_le_compat_l|]; assumption.
Qed.

Lemma weighted_sum_eq law f g :
  (forall w o, In (w, o) law -> 0 <= w) ->
  (forall w o, In (w, o) law -> 0 < w -> f o = g o) ->
  weighted_sum law f = weighted_sum law g.
Proof.
  intros Hw He; apply Rle_antisym; apply weighted_sum_le; auto;
    intros w o Hi Hp; rewrite (He w o); auto; lra.
Qed.

Lemma weighted_sum_linear law f g a b :
  weighted_sum law (fun o => a * f o + b * g o) = a * weighted_sum law f + b * weighted_sum law g.
Proof. induction law as [|[w o] law IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma weighted_sum_scale law f a : weighted_sum law (fun o => a * f o) = a * weighted_sum law f.
Proof. induction law as [|[w o] law IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma weighted_sum_constant law c : distribution law -> weighted_sum law (fun _ => c) = c.
Proof.
  intros [Hw H1].
  rewrite (weighted_sum_eq law _ (fun _ => c * 1)); auto; [|intros; ring].
  rewrite weighted_sum_scale, H1; ring.
Qed.

Lemma weighted_sum_nonneg law f :
  (forall w o, In (w, o) law -> 0 <= w) ->
  (forall w o, In (w, o) law -> 0 < w -> 0 <= f o) -> 0 <= weighted_sum law f.
Proof.
  intros Hw Hf; rewrite <- (Rmult_0_l (weighted_sum law (fun _ => 1))).
  rewrite <- weighted_sum_scale; apply weighted_sum_le; auto.
  intros w o Hi Hp; rewrite Rmult_0_l; eauto.
Qed.

(** A nonnegative function of mean zero vanishes wherever there is mass. *)
Lemma weighted_sum_zero law f :
  (forall w o, In (w, o) law -> 0 <= w) ->
  (forall w o, In (w, o) law -> 0 < w -> 0 <= f o) -> weighted_sum law f = 0 ->
  forall w o, In (w, o) law -> 0 < w -> f o = 0.
Proof.
  induction law as [|[w0 o0] law IH]; simpl; intros Hw Hf H0 w o Hi Hp; [destruct Hi|].
  assert (Hrest : 0 <= weighted_sum law f) by (apply weighted_sum_nonneg; intros; eauto).
  assert (Hw0 : 0 <= w0) by (apply (Hw w0 o0); now left).
  assert (Hfirst : 0 <= w0 * f o0).
  { destruct (Req_dec w0 0) as [E|Hn]; [rewrite E; lra|].
    apply Rmult_le_pos; [assumption|]. apply (Hf w0); [now left|lra]. }
  destruct Hi as [E|Hi].
  - injection E as E1 E2; rewrite E1, E2 in *.
    assert (Hz : w * f o = 0) by lra.
    apply Rmult_integral in Hz; destruct Hz; lra.
  - apply (IH) with (w := w); eauto; lra.
Qed.

(** The mean of a strictly positive function is strictly positive. *)
Lemma weighted_sum_pos law f :
  distribution law -> (forall w o, In (w, o) law -> 0 < w -> 0 < f o) -> 0 < weighted_sum law f.
Proof.
  intros [Hw H1] Hf.
  assert (H0 : 0 <= weighted_sum law f).
  { apply weighted_sum_nonneg; auto. intros w o Hi Hp; apply Rlt_le; eauto. }
  destruct H0 as [H0|H0]; [assumption|exfalso].
  assert (Hz : weighted_sum law (fun _ => 1) = weighted_sum law (fun _ => 0)).
  { apply weighted_sum_eq; auto. intros w o Hi Hp.
    assert (E : f o = 0).
    { apply (weighted_sum_zero law f) with (w := w); auto.
      intros w' o' Hi' Hp'; apply Rlt_le; eauto. }
    assert (F := Hf w o Hi Hp); lra. }
  rewrite H1, (weighted_sum_constant law 0 (conj Hw H1)) in Hz; lra.
Qed.
End FiniteLaws.

(** * Indicators and finite sums *)

(** The indicator of any proposition; it uses only the axiom on which the real numbers of the library rest. *)
Definition indicator (A : Prop) : R := if ClassicalDedekindReals.sig_not_dec A then 1 else 0.

Lemma indicator_le (A : Prop) x : 0 <= x -> (A -> 1 <= x) -> indicator A <= x.
Proof.
  intros H0 H1; unfold indicator; destruct (ClassicalDedekindReals.sig_not_dec A) as [H|H]; [|assumption].
  apply Rnot_lt_le; intros Hlt; apply H; intros HA; apply H1 in HA; lra.
Qed.
Lemma indicator_true (A : Prop) : A -> indicator A = 1.
Proof. unfold indicator; destruct (ClassicalDedekindReals.sig_not_dec A); tauto. Qed.
Lemma indicator_false (A : Prop) : ~ A -> indicator A = 0.
Proof. unfold indicator; destruct (ClassicalDedekindReals.sig_not_dec A); tauto. Qed.
Lemma indicator_nonneg (A : Prop) : 0 <= indicator A.
Proof. unfold indicator; destruct (ClassicalDedekindReals.sig_not_dec A); lra. Qed.

Fixpoint list_sum {A : Type} (l : list A) (f : A -> R) : R :=
  match l with
  | [] => 0
  | a :: rest => f a + list_sum rest f
  end.

Lemma list_sum_le {A : Type} (l : list A) f g : (forall a, In a l -> f a <= g a) -> list_sum l f <= list_sum l g.
Proof.
  induction l as [|a l IH]; simpl; intros H; [lra|].
  assert (H1 : f a <= g a) by (apply H; now left).
  assert (H2 : list_sum l f <= list_sum l g) by (apply IH; intros; apply H; now right). lra.
Qed.
Lemma list_sum_eq {A : Type} (l : list A) f g : (forall a, In a l -> f a = g a) -> list_sum l f = list_sum l g.
Proof. intros H; apply Rle_antisym; apply list_sum_le; intros a Ha; rewrite (H a Ha); lra. Qed.
Lemma list_sum_scale {A : Type} (l : list A) c f : list_sum l (fun a => c * f a) = c * list_sum l f.
Proof. induction l as [|a l IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma list_sum_constant {A : Type} (l : list A) c : list_sum l (fun _ => c) = INR (length l) * c.
Proof.
  induction l as [|a l IH]; [simpl; ring|].
  cbn [list_sum length]; rewrite IH, S_INR; ring.
Qed.
Lemma list_sum_nonneg {A : Type} (l : list A) f : (forall a, In a l -> 0 <= f a) -> 0 <= list_sum l f.
Proof.
  induction l as [|a l IH]; simpl; intros H; [lra|].
  assert (H1 : 0 <= f a) by (apply H; now left).
  assert (H2 : 0 <= list_sum l f) by (apply IH; intros; apply H; now right). lra.
Qed.
Lemma list_sum_term {A : Type} (l : list A) f a :
  (forall b, In b l -> 0 <= f b) -> In a l -> f a <= list_sum l f.
Proof.
  induction l as [|b l IH]; simpl; intros Hf Hi; [destruct Hi|].
  assert (Hb : 0 <= f b) by (apply Hf; now left).
  assert (Hr : 0 <= list_sum l f) by (apply list_sum_nonneg; intros; apply Hf; now right).
  destruct Hi as [E|Hi]; [rewrite E; lra|].
  assert (H : f a <= list_sum l f) by (apply IH; auto). lra.
Qed.

(** * Processes *)

Record process (O : Type) : Type := Process {
  kernel : list O -> list (R * O);
  kernel_distribution : forall h, distribution (kernel h)
}.
Arguments Process {O}. Arguments kernel {O}. Arguments kernel_distribution {O}.

(** Histories that have positive probability. *)
Inductive reachable {O : Type} (P : process O) : list O -> Prop :=
| reachable_nil : reachable P []
| reachable_cons : forall h w o, reachable P h -> In (w, o) (kernel P h) -> 0 < w -> reachable P (o :: h).

(** [expectation_from P n h f]: the mean of [f] at the history after [n] more steps from [h]. *)
Fixpoint expectation_from {O : Type} (P : process O) (n : nat) (h : list O) (f : list O -> R) : R :=
  match n with
  | 0%nat => f h
  | S n' => weighted_sum (kernel P h) (fun o => expectation_from P n' (o :: h) f)
  end.

Definition expectation {O : Type} (P : process O) (n : nat) (f : list O -> R) : R := expectation_from P n [] f.

Definition probability {O : Type} (P : process O) (n : nat) (E : list O -> Prop) : R :=
  expectation P n (fun h => indicator (E h)).

(** E[X_k | past]. *)
Definition conditional_mean {O : Type} (P : process O) (X : list O -> O -> R) (h : list O) : R :=
  weighted_sum (kernel P h) (X h).

(** * Sums, products and means of per-step quantities along a history *)

Fixpoint path_sum {O : Type} (F : list O -> O -> R) (h : list O) : R :=
  match h with [] => 0 | o :: past => F past o + path_sum F past end.

Fixpoint path_product {O : Type} (F : list O -> O -> R) (h : list O) : R :=
  match h with [] => 1 | o :: past => F past o * path_product F past end.

Definition path_mean {O : Type} (F : list O -> O -> R) (h : list O) : R := path_sum F h / INR (length h).

(** The risk: the mean of the conditional means along the history. *)
Definition risk {O : Type} (P : process O) (X : list O -> O -> R) (h : list O) : R :=
  path_mean (fun past _ => conditional_mean P X past) h.

(** The history after the first [t] steps. *)
Definition first_steps {O : Type} (t : nat) (h : list O) : list O := skipn (length h - t) h.

Section Processes.
Context {O : Type} (P : process O).
Implicit Types (h past : list O) (f g : list O -> R) (F G : list O -> O -> R).

Lemma kernel_weights h w o : In (w, o) (kernel P h) -> 0 <= w.
Proof. apply (kernel_distribution P h). Qed.

Lemma reachable_past o h : reachable P (o :: h) -> reachable P h.
Proof. intros H; inversion H as [|past w o' Hr Hi Hw E]; assumption. Qed.

Lemma reachable_skipn k : forall h, reachable P h -> reachable P (skipn k h).
Proof.
  induction k as [|k IH]; intros h Hr; [assumption|].
  destruct h as [|o h]; [assumption|]. simpl; apply IH; now apply reachable_past in Hr.
Qed.

Lemma reachable_first_steps t h : reachable P h -> reachable P (first_steps t h).
Proof. apply reachable_skipn. Qed.

Lemma length_first_steps t h : (t <= length h)%nat -> length (first_steps t h) = t.
Proof. intros H; unfold first_steps; rewrite skipn_length; lia. Qed.

Lemma first_steps_all h : first_steps (length h) h = h.
Proof. unfold first_steps; rewrite Nat.sub_diag; reflexivity. Qed.

Lemma first_steps_app extra h : first_steps (length h) (extra ++ h) = h.
Proof.
  unfold first_steps; rewrite app_length.
  replace (length extra + length h - length h)%nat with (length extra) by lia.
  rewrite skipn_app, skipn_all, Nat.sub_diag; reflexivity.
Qed.

(** The expectation is monotone on the reachable extensions of a history. *)
Lemma expectation_from_le_extension n : forall h f g, reachable P h ->
  (forall l, length l = n -> reachable P (l ++ h) -> f (l ++ h) <= g (l ++ h)) ->
  expectation_from P n h f <= expectation_from P n h g.
Proof.
  induction n as [|n IH]; simpl; intros h f g Hr Hle; [apply (Hle []); auto|].
  apply weighted_sum_le; [apply kernel_weights|]. intros w o Hi Hw.
  apply IH; [econstructor; eauto|]. intros l Hl Hrl.
  specialize (Hle (l ++ [o])). rewrite <- app_assoc in Hle. apply Hle; auto.
  rewrite app_length; simpl; lia.
Qed.

Lemma expectation_from_le n h f g : reachable P h ->
  (forall h', reachable P h' -> length h' = (n + length h)%nat -> f h' <= g h') ->
  expectation_from P n h f <= expectation_from P n h g.
Proof.
  intros Hr Hle; apply expectation_from_le_extension; auto.
  intros l Hl Hrl; apply Hle; auto. rewrite app_length; lia.
Qed.

Lemma expectation_from_eq n h f g : reachable P h ->
  (forall h', reachable P h' -> length h' = (n + length h)%nat -> f h' = g h') ->
  expectation_from P n h f = expectation_from P n h g.
Proof.
  intros Hr He; apply Rle_antisym; apply expectation_from_le; auto;
    intros h' H1 H2; rewrite He; auto; lra.
Qed.

Lemma expectation_from_linear n : forall h f g a b,
  expectation_from P n h (fun x => a * f x + b * g x)
  = a * expectation_from P n h f + b * expectation_from P n h g.
Proof.
  induction n as [|n IH]; simpl; intros h f g a b; [reflexivity|].
  rewrite <- weighted_sum_linear; apply weighted_sum_eq; [apply kernel_weights|].
  intros w o Hi Hw; apply IH.
Qed.

Lemma expectation_from_constant n : forall h c, expectation_from P n h (fun _ => c) = c.
Proof.
  induction n as [|n IH]; simpl; intros h c; [reflexivity|].
  rewrite (weighted_sum_eq _ _ (fun _ => c)); [|apply kernel_weights|intros; apply IH].
  apply weighted_sum_constant, kernel_distribution.
Qed.

(** The tower rule: [a + b] steps are [b] steps after [a] steps. *)
Lemma expectation_from_tower a : forall b h f,
  expectation_from P (a + b) h f = expectation_from P a h (fun past => expectation_from P b past f).
Proof.
  induction a as [|a IH]; intros b h f; [reflexivity|].
  simpl. apply weighted_sum_eq; [apply kernel_weights|]. intros w o Hi Hw; apply IH.
Qed.

Lemma expectation_le n f g : (forall h, reachable P h -> length h = n -> f h <= g h) ->
  expectation P n f <= expectation P n g.
Proof.
  intros H; apply expectation_from_le; [constructor|].
  intros h Hr Hl; apply H; auto; simpl in Hl; lia.
Qed.

Lemma expectation_linear n f g a b :
  expectation P n (fun h => a * f h + b * g h) = a * expectation P n f + b * expectation P n g.
Proof. apply expectation_from_linear. Qed.

Lemma expectation_scale n f a : expectation P n (fun h => a * f h) = a * expectation P n f.
Proof.
  transitivity (expectation P n (fun h => a * f h + 0 * 0)).
  - apply expectation_from_eq; [constructor|]. intros; ring.
  - rewrite (expectation_linear n f (fun _ => 0)); ring.
Qed.

Lemma expectation_constant n c : expectation P n (fun _ => c) = c.
Proof. apply expectation_from_constant. Qed.

Lemma expectation_list_sum {A : Type} n (l : list A) (f : A -> list O -> R) :
  expectation P n (fun h => list_sum l (fun a => f a h)) = list_sum l (fun a => expectation P n (f a)).
Proof.
  induction l as [|a l IH]; simpl; [apply expectation_constant|].
  rewrite <- IH.
  transitivity (expectation P n (fun h => 1 * f a h + 1 * list_sum l (fun b => f b h))).
  - apply expectation_from_eq; [constructor|]. intros; ring.
  - rewrite expectation_linear; ring.
Qed.

(** ** Probabilities *)

Lemma probability_mono n (E E' : list O -> Prop) :
  (forall h, reachable P h -> length h = n -> E h -> E' h) -> probability P n E <= probability P n E'.
Proof.
  intros H; apply expectation_le; intros h Hr Hl.
  apply indicator_le; [apply indicator_nonneg|]. intros HE; rewrite indicator_true; [lra|auto].
Qed.

Lemma probability_nonneg n E : 0 <= probability P n E.
Proof.
  rewrite <- (expectation_constant n 0). apply expectation_le. intros; apply indicator_nonneg.
Qed.

Lemma probability_impossible n (E : list O -> Prop) :
  (forall h, reachable P h -> length h = n -> ~ E h) -> probability P n E = 0.
Proof.
  intros H; rewrite <- (expectation_constant n 0).
  apply expectation_from_eq; [constructor|]. intros h Hr Hl.
  apply indicator_false, H; auto; simpl in Hl; lia.
Qed.

(** The probabilities of an event and of its complement sum to one. *)
Theorem probability_complement n E : probability P n E + probability P n (fun h => ~ E h) = 1.
Proof.
  transitivity (expectation P n (fun h => 1 * indicator (E h) + 1 * indicator (~ E h))).
  - rewrite (expectation_linear n (fun h => indicator (E h)) (fun h => indicator (~ E h))); unfold probability; ring.
  - transitivity (expectation P n (fun _ => 1)); [|apply expectation_constant].
    apply expectation_from_eq; [constructor|]. intros h Hr Hl; unfold indicator.
    destruct (ClassicalDedekindReals.sig_not_dec (E h)), (ClassicalDedekindReals.sig_not_dec (~ E h));
      try tauto; ring.
Qed.

(** The union bound over a finite list. *)
Lemma union_bound {A : Type} (l : list A) n (E : A -> list O -> Prop) :
  probability P n (fun h => exists a, In a l /\ E a h) <= list_sum l (fun a => probability P n (E a)).
Proof.
  unfold probability; rewrite <- expectation_list_sum. apply expectation_le. intros h Hr Hl.
  assert (Hpos : forall a, In a l -> 0 <= indicator (E a h)) by (intros; apply indicator_nonneg).
  apply indicator_le; [now apply list_sum_nonneg|].
  intros [a [Ha HE]].
  apply Rle_trans with (indicator (E a h)); [rewrite indicator_true; auto; lra|].
  now apply (list_sum_term l (fun a => indicator (E a h))).
Qed.

(** ** Sums and products along a history *)

Lemma path_sum_linear F G a b h :
  path_sum (fun past o => a * F past o + b * G past o) h = a * path_sum F h + b * path_sum G h.
Proof. induction h as [|o h IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma path_sum_constant c h : path_sum (fun _ _ => c) h = INR (length h) * c.
Proof.
  induction h as [|o h IH]; [simpl; ring|].
  cbn [path_sum length]; rewrite IH, S_INR; ring.
Qed.

Lemma path_sum_le F G h : reachable P h ->
  (forall past o, reachable P (o :: past) -> F past o <= G past o) -> path_sum F h <= path_sum G h.
Proof.
  intros Hr Hle; induction h as [|o h IH]; simpl; [lra|].
  assert (H1 := Hle h o Hr). assert (H2 := IH (reachable_past _ _ Hr)). lra.
Qed.

Lemma path_sum_eq F G h : reachable P h ->
  (forall past o, reachable P (o :: past) -> F past o = G past o) -> path_sum F h = path_sum G h.
Proof.
  intros Hr He; apply Rle_antisym; apply path_sum_le; auto; intros past o H; rewrite He; auto; lra.
Qed.

Lemma path_product_nonneg F h : reachable P h ->
  (forall past o, reachable P (o :: past) -> 0 <= F past o) -> 0 <= path_product F h.
Proof.
  intros Hr Hp; induction h as [|o h IH]; simpl; [lra|].
  apply Rmult_le_pos; [now apply Hp|apply IH]. now apply reachable_past in Hr.
Qed.

Lemma path_product_pos F h : reachable P h ->
  (forall past o, reachable P (o :: past) -> 0 < F past o) -> 0 < path_product F h.
Proof.
  intros Hr Hp; induction h as [|o h IH]; simpl; [lra|].
  apply Rmult_lt_0_compat; [now apply Hp|apply IH]. now apply reachable_past in Hr.
Qed.

Lemma path_product_le F G h : reachable P h ->
  (forall past o, reachable P (o :: past) -> 0 <= F past o) ->
  (forall past o, reachable P (o :: past) -> F past o <= G past o) ->
  path_product F h <= path_product G h.
Proof.
  intros Hr Hp Hle; induction h as [|o h IH]; simpl; [lra|].
  assert (Hr0 := reachable_past _ _ Hr).
  apply Rmult_le_compat; auto. now apply path_product_nonneg.
Qed.

Lemma path_product_eq F G h : reachable P h ->
  (forall past o, reachable P (o :: past) -> F past o = G past o) -> path_product F h = path_product G h.
Proof.
  intros Hr He; induction h as [|o h IH]; simpl; [reflexivity|].
  rewrite He by assumption. rewrite IH; [reflexivity|now apply reachable_past in Hr].
Qed.

Lemma path_product_mult F G h :
  path_product F h * path_product G h = path_product (fun past o => F past o * G past o) h.
Proof. induction h as [|o h IH]; simpl; [ring|rewrite <- IH; ring]. Qed.

Lemma exp_path_sum F h : exp (path_sum F h) = path_product (fun past o => exp (F past o)) h.
Proof. induction h as [|o h IH]; simpl; [apply exp_0|rewrite exp_plus, IH; reflexivity]. Qed.

Lemma ln_path_product F h : reachable P h -> (forall past o, reachable P (o :: past) -> 0 < F past o) ->
  ln (path_product F h) = path_sum (fun past o => ln (F past o)) h.
Proof.
  intros Hr Hp; induction h as [|o h IH]; simpl; [apply ln_1|].
  assert (Hr0 := reachable_past _ _ Hr).
  rewrite ln_mult, IH; auto. now apply path_product_pos.
Qed.

(** A mean of step quantities on a nonempty path. *)
Lemma path_mean_linear F G a b h : h <> [] ->
  path_mean (fun past o => a * F past o + b * G past o) h = a * path_mean F h + b * path_mean G h.
Proof.
  intros Hh; unfold path_mean; rewrite path_sum_linear.
  assert (Hn : INR (length h) <> 0) by (apply not_0_INR; destruct h; simpl; [congruence|lia]).
  field; assumption.
Qed.

Lemma path_mean_constant c h : h <> [] -> path_mean (fun _ _ => c) h = c.
Proof.
  intros Hh; unfold path_mean; rewrite path_sum_constant.
  assert (Hn : INR (length h) <> 0) by (apply not_0_INR; destruct h; simpl; [congruence|lia]).
  field; assumption.
Qed.

Lemma path_mean_le F G h : reachable P h -> h <> [] ->
  (forall past o, reachable P (o :: past) -> F past o <= G past o) -> path_mean F h <= path_mean G h.
Proof.
  intros Hr Hh Hle; unfold path_mean.
  assert (Hn : 0 < INR (length h)) by (apply lt_0_INR; destruct h; simpl; [congruence|lia]).
  apply Rmult_le_compat_r; [apply Rlt_le; now apply Rinv_0_lt_compat|]. now apply path_sum_le.
Qed.

Lemma path_mean_eq F G h : reachable P h ->
  (forall past o, reachable P (o :: past) -> F past o = G past o) -> path_mean F h = path_mean G h.
Proof. intros Hr He; unfold path_mean; now rewrite (path_sum_eq F G). Qed.

(** A quantity that lies below a predictable one on every outcome has a conditional mean below it. *)
Lemma conditional_mean_le (X : list O -> O -> R) (U : list O -> R) h : reachable P h ->
  (forall o, reachable P (o :: h) -> X h o <= U h) -> conditional_mean P X h <= U h.
Proof.
  intros Hr HU; unfold conditional_mean.
  rewrite <- (weighted_sum_constant (kernel P h) (U h) (kernel_distribution P h)).
  apply weighted_sum_le; [apply kernel_weights|].
  intros w o Hi Hw; apply HU; econstructor; eauto.
Qed.

Lemma conditional_mean_affine (X : list O -> O -> R) a b h :
  weighted_sum (kernel P h) (fun o => a + b * X h o) = a + b * conditional_mean P X h.
Proof.
  rewrite (weighted_sum_eq _ _ (fun o => a * 1 + b * X h o)); [|apply kernel_weights|intros; ring].
  rewrite weighted_sum_linear. destruct (kernel_distribution P h) as [_ H1]; rewrite H1.
  unfold conditional_mean; ring.
Qed.
End Processes.
