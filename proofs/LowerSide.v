(** The lower side (THEORY 1, `lower_geometric_mean`), the mirror image with predictable L <= X,

        R >= mean L + e^{-C} GM(X - L)        with probability >= 1 - e^{-nC}, for all n at once,

    and both sides together (`confidence_sequence`). The losses may have any sign, so the upper theorem applied to -X
    and -L gives everything. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean Mixture.
Open Scope R_scope.

(** L <= X under the true law. *)
Definition lower_bounded {O : Type} (P : process O) (X : list O -> O -> R) (L : list O -> R) : Prop :=
  forall past o, reachable P (o :: past) -> L past <= X past o.

(** mean L + e^{-C} GM(X - L). *)
Definition lower_geometric_mean_bound {O : Type} (C : R) (X : list O -> O -> R) (L : list O -> R) (h : list O) : R :=
  path_mean (fun past _ => L past) h + exp (- C) * path_geometric_mean (fun past o => X past o - L past) h.

Definition negated_loss {O : Type} (X : list O -> O -> R) (past : list O) (o : O) : R := - X past o.
Definition negated_bound {O : Type} (L : list O -> R) (past : list O) : R := - L past.

Section Mirror.
Context {O : Type} (P : process O).
Implicit Types (X F G : list O -> O -> R) (L : list O -> R) (h : list O).

Lemma path_mean_opposite F G h : (forall past o, F past o = - G past o) -> path_mean F h = - path_mean G h.
Proof.
  intros E. assert (Hsum : path_sum F h = - path_sum G h).
  { induction h as [|o h IH]; simpl; [ring|]. rewrite E, IH; ring. }
  unfold path_mean, Rdiv; rewrite Hsum; ring.
Qed.

Lemma path_geometric_mean_pointwise F G h : (forall past o, F past o = G past o) ->
  path_geometric_mean F h = path_geometric_mean G h.
Proof.
  intros E; unfold path_geometric_mean; f_equal. induction h as [|o h IH]; simpl; [reflexivity|]. now rewrite E, IH.
Qed.

Lemma negated_conditional_mean X past : conditional_mean P (negated_loss X) past = - conditional_mean P X past.
Proof.
  unfold conditional_mean at 1, negated_loss.
  rewrite (weighted_sum_eq _ _ (fun o => 0 + (-1) * X past o)); [|apply kernel_weights|intros; ring].
  rewrite conditional_mean_affine; ring.
Qed.

Lemma negated_risk X h : risk P (negated_loss X) h = - risk P X h.
Proof. unfold risk; apply path_mean_opposite. intros; apply negated_conditional_mean. Qed.

Lemma negated_upper_bounded X L : lower_bounded P X L -> upper_bounded P (negated_loss X) (negated_bound L).
Proof. intros HL past o Hr. assert (H := HL past o Hr). unfold negated_loss, negated_bound; lra. Qed.
End Mirror.

Lemma negated_geometric_mean_bound {O : Type} C (X : list O -> O -> R) (L : list O -> R) h :
  geometric_mean_bound C (negated_loss X) (negated_bound L) h = - lower_geometric_mean_bound C X L h.
Proof.
  unfold geometric_mean_bound, lower_geometric_mean_bound.
  rewrite (path_mean_opposite (fun past _ => negated_bound L past) (fun past _ => L past)) by reflexivity.
  rewrite (path_geometric_mean_pointwise (fun past o => negated_bound L past - negated_loss X past o)
    (fun past o => X past o - L past)) by (intros; unfold negated_bound, negated_loss; ring).
  ring.
Qed.

(** [lower_geometric_mean] at one n: with probability at least 1 - e^{-nC} the risk is at least the bound. *)
Theorem lower_geometric_mean_high_probability {O : Type} (P : process O) X L n C :
  (0 < n)%nat -> lower_bounded P X L ->
  probability P n (fun h => risk P X h < lower_geometric_mean_bound C X L h) <= exp (- (INR n * C)).
Proof.
  intros Hn HL.
  apply Rle_trans with
    (2 := geometric_mean_high_probability P _ _ n C Hn (negated_upper_bounded P X L HL)).
  apply probability_mono. intros h Hr Hl Hfail. rewrite negated_geometric_mean_bound, negated_risk. lra.
Qed.

(** [lower_geometric_mean] for all n at once. *)
Theorem lower_geometric_mean_anytime {O : Type} (P : process O) X L n delta :
  0 < delta -> lower_bounded P X L ->
  probability P n (fun h => exists t, (1 <= t <= n)%nat /\
    risk P X (first_steps t h) < lower_geometric_mean_bound (ln (/ delta) / INR t) X L (first_steps t h)) <= delta.
Proof.
  intros Hd HL.
  apply Rle_trans with (2 := geometric_mean_anytime P _ _ n delta Hd (negated_upper_bounded P X L HL)).
  apply probability_mono. intros h Hr Hl [t [Ht Hfail]]. exists t; split; [assumption|].
  rewrite negated_geometric_mean_bound, negated_risk. lra.
Qed.

(** A family L_a with weights pi_a, all members and all n at once: C = ln(1/(delta pi_a))/t. *)
Theorem lower_geometric_mean_family {O A : Type} (P : process O) X (members : list A) (L : A -> list O -> R)
    (prior : A -> R) n delta :
  0 < delta -> (forall a, In a members -> 0 < prior a) -> list_sum members prior <= 1 ->
  (forall a, In a members -> lower_bounded P X (L a)) ->
  probability P n (fun h => exists a t, In a members /\ (1 <= t <= n)%nat /\
    risk P X (first_steps t h)
    < lower_geometric_mean_bound (ln (/ (delta * prior a)) / INR t) X (L a) (first_steps t h)) <= delta.
Proof.
  intros Hd Hprior Hsum HL.
  apply Rle_trans with (2 := geometric_mean_family P (negated_loss X) members (fun a => negated_bound (L a)) prior n
    delta Hd Hprior Hsum (fun a Ha => negated_upper_bounded P X (L a) (HL a Ha))).
  apply probability_mono. intros h Hr Hl [a [t [Ha [Ht Hfail]]]]. exists a, t.
  split; [assumption|split; [assumption|]]. rewrite negated_geometric_mean_bound, negated_risk. lra.
Qed.

(** sum_a pi_a [GM(X - L_a)/(M - mean L_a)]^n: what the mixture has gained at least if the risk is below M. *)
Definition lower_implied_wealth {O A : Type} (members : list A) (prior : A -> R) (X : list O -> O -> R)
    (L : A -> list O -> R) (M : R) (h : list O) : R :=
  list_sum members (fun a => prior a *
    (path_geometric_mean (fun past o => X past o - L a past) h / (M - path_mean (fun past _ => L a past) h))
    ^ length h).

Lemma negated_implied_wealth {O A : Type} (members : list A) prior (X : list O -> O -> R) (L : A -> list O -> R) M h :
  implied_wealth members prior (negated_loss X) (fun a => negated_bound (L a)) (- M) h
  = lower_implied_wealth members prior X L M h.
Proof.
  apply list_sum_eq. intros a Ha.
  rewrite (path_mean_opposite (fun past _ => negated_bound (L a) past) (fun past _ => L a past)) by reflexivity.
  rewrite (path_geometric_mean_pointwise (fun past o => negated_bound (L a) past - negated_loss X past o)
    (fun past o => X past o - L a past)) by (intros; unfold negated_bound, negated_loss; ring).
  replace (- path_mean (fun past _ => L a past) h - - M) with (M - path_mean (fun past _ => L a past) h) by ring.
  reflexivity.
Qed.

(** The lower mixture: every M with sum_a pi_a [GM(X - L_a)/(M - mean L_a)]^t >= 1/delta is a lower bound. *)
Theorem lower_mixture_anytime {O A : Type} (P : process O) X (members : list A) (prior : A -> R)
    (L : A -> list O -> R) n delta :
  0 < delta -> (forall a, In a members -> 0 <= prior a) -> list_sum members prior <= 1 ->
  (forall a, In a members -> lower_bounded P X (L a)) ->
  probability P n (fun h => exists t M, (1 <= t <= n)%nat /\
    / delta <= lower_implied_wealth members prior X L M (first_steps t h) /\ risk P X (first_steps t h) < M) <= delta.
Proof.
  intros Hd Hprior Hsum HL.
  apply Rle_trans with (2 := mixture_anytime P (negated_loss X) members prior (fun a => negated_bound (L a)) n delta
    Hd Hprior Hsum (fun a Ha => negated_upper_bounded P X (L a) (HL a Ha))).
  apply probability_mono. intros h Hr Hl [t [M [Ht [Hlarge HM]]]]. exists t, (- M).
  rewrite negated_implied_wealth, negated_risk. split; [assumption|split; [assumption|lra]].
Qed.

Lemma either_event {O : Type} (P : process O) n (E F : list O -> Prop) :
  probability P n (fun h => E h \/ F h) <= probability P n E + probability P n F.
Proof.
  apply Rle_trans with (probability P n (fun h => exists side, In side [true; false] /\ if side then E h else F h)).
  - apply probability_mono. intros h Hr Hl [HE|HF]; [exists true|exists false]; simpl; auto.
  - apply Rle_trans with
      (1 := union_bound P [true; false] n (fun (side : bool) h => if side then E h else F h)).
    cbn [list_sum]. change (probability P n (fun h => E h)) with (probability P n E).
    change (probability P n (fun h => F h)) with (probability P n F). lra.
Qed.

(** Both sides at once, one member each: L <= X <= U and delta/2 a side. *)
Theorem two_sided_geometric_mean_anytime {O : Type} (P : process O) X L U n delta :
  0 < delta -> lower_bounded P X L -> upper_bounded P X U ->
  probability P n (fun h => exists t, (1 <= t <= n)%nat /\
    (risk P X (first_steps t h) < lower_geometric_mean_bound (ln (2 / delta) / INR t) X L (first_steps t h) \/
     geometric_mean_bound (ln (2 / delta) / INR t) X U (first_steps t h) < risk P X (first_steps t h))) <= delta.
Proof.
  intros Hd HL HU. assert (H2 : 0 < delta / 2) by lra.
  assert (Hhalf : / (delta / 2) = 2 / delta) by (field; lra).
  assert (Hlow := lower_geometric_mean_anytime P X L n (delta / 2) H2 HL).
  assert (Hup := geometric_mean_anytime P X U n (delta / 2) H2 HU). rewrite Hhalf in Hlow, Hup.
  set (low := fun h => exists t, (1 <= t <= n)%nat /\
    risk P X (first_steps t h) < lower_geometric_mean_bound (ln (2 / delta) / INR t) X L (first_steps t h)) in Hlow.
  set (high := fun h => exists t, (1 <= t <= n)%nat /\
    geometric_mean_bound (ln (2 / delta) / INR t) X U (first_steps t h) < risk P X (first_steps t h)) in Hup.
  apply Rle_trans with (probability P n (fun h => low h \/ high h)).
  - apply probability_mono. intros h Hr Hl [t [Ht [Hfail|Hfail]]]; [left|right]; exists t; auto.
  - assert (H := either_event P n low high). lra.
Qed.

(** [confidence_sequence]: with probability at least 1 - delta, for all t at once, the running mean of the conditional
    means lies between the limits that the two mixtures certify with delta/2 each. *)
Theorem confidence_sequence {O A B : Type} (P : process O) X (lower_members : list A) (lower_prior : A -> R)
    (L : A -> list O -> R) (upper_members : list B) (upper_prior : B -> R) (U : B -> list O -> R) n delta :
  0 < delta ->
  (forall a, In a lower_members -> 0 <= lower_prior a) -> list_sum lower_members lower_prior <= 1 ->
  (forall b, In b upper_members -> 0 <= upper_prior b) -> list_sum upper_members upper_prior <= 1 ->
  (forall a, In a lower_members -> lower_bounded P X (L a)) ->
  (forall b, In b upper_members -> upper_bounded P X (U b)) ->
  probability P n (fun h => exists t M, (1 <= t <= n)%nat /\
    (2 / delta <= lower_implied_wealth lower_members lower_prior X L M (first_steps t h)
       /\ risk P X (first_steps t h) < M \/
     2 / delta <= implied_wealth upper_members upper_prior X U M (first_steps t h)
       /\ M < risk P X (first_steps t h))) <= delta.
Proof.
  intros Hd HpL HsL HpU HsU HL HU. assert (H2 : 0 < delta / 2) by lra.
  assert (Hhalf : / (delta / 2) = 2 / delta) by (field; lra).
  assert (Hlow := lower_mixture_anytime P X lower_members lower_prior L n (delta / 2) H2 HpL HsL HL).
  assert (Hup := mixture_anytime P X upper_members upper_prior U n (delta / 2) H2 HpU HsU HU).
  rewrite Hhalf in Hlow, Hup.
  set (low := fun h => exists t M, (1 <= t <= n)%nat /\
    2 / delta <= lower_implied_wealth lower_members lower_prior X L M (first_steps t h) /\
    risk P X (first_steps t h) < M) in Hlow.
  set (high := fun h => exists t M, (1 <= t <= n)%nat /\
    2 / delta <= implied_wealth upper_members upper_prior X U M (first_steps t h) /\
    M < risk P X (first_steps t h)) in Hup.
  apply Rle_trans with (probability P n (fun h => low h \/ high h)).
  - apply probability_mono. intros h Hr Hl [t [M [Ht [Hfail|Hfail]]]]; [left|right]; exists t, M; auto.
  - assert (H := either_event P n low high). lra.
Qed.
