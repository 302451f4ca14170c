(** Priors that depend on the first tokens (THEORY 2, `prefix_prior`): the prior may be any function of the first n0
    tokens; the bound is then about tokens n0+1, ..., n0+n, and every mean runs over these:

        R <= mean U - e^{-C} GM(U - X),   C = (ln(1/prior weight) + ln(1/delta))/n

    (or the log-ratio, or KL, to that prior). The posterior may depend on everything. The proof restarts the process
    after the first n0 tokens. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean PriorUnion PacBayes Draws.
Open Scope R_scope.

(** * Means over the tokens after the first n0 *)

Definition suffix_sum {O : Type} (n0 : nat) (F : list O -> O -> R) (h : list O) : R :=
  path_sum (fun past o => if (n0 <=? length past)%nat then F past o else 0) h.

Definition suffix_product {O : Type} (n0 : nat) (F : list O -> O -> R) (h : list O) : R :=
  path_product (fun past o => if (n0 <=? length past)%nat then F past o else 1) h.

Definition suffix_mean {O : Type} (n0 : nat) (F : list O -> O -> R) (h : list O) : R :=
  suffix_sum n0 F h / INR (length h - n0).

(** The risk over tokens n0+1, n0+2, ... *)
Definition suffix_risk {O : Type} (P : process O) (n0 : nat) (X : list O -> O -> R) (h : list O) : R :=
  suffix_mean n0 (fun past _ => conditional_mean P X past) h.

(** mean U - e^{-C} GM(U - X) over tokens n0+1, n0+2, ... *)
Definition suffix_bound {O : Type} (n0 : nat) (C : R) (X : list O -> O -> R) (U : list O -> R) (h : list O) : R :=
  suffix_mean n0 (fun past _ => U past) h
  - exp (- C) * nth_root (length h - n0) (suffix_product n0 (fun past o => U past - X past o) h).

(** E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)) over tokens n0+1, n0+2, ... *)
Definition suffix_posterior_bound {O H : Type} (n0 : nat) (C : R) (hypotheses : list H) (Q : H -> R)
    (X : H -> list O -> O -> R) (U : H -> list O -> R) (h : list O) : R :=
  list_sum hypotheses (fun a => Q a * suffix_mean n0 (fun past _ => U a past) h)
  - exp (- C) * exp (list_sum hypotheses (fun a =>
      Q a * suffix_mean n0 (fun past o => ln (U a past - X a past o)) h)).

(** U >= X, and U > X, from token n0+1 on. *)
Definition upper_bounded_after {O : Type} (P : process O) (n0 : nat) (X : list O -> O -> R) (U : list O -> R) : Prop :=
  forall past o, reachable P (o :: past) -> (n0 <= length past)%nat -> X past o <= U past.

Definition strictly_upper_bounded_after {O : Type} (P : process O) (n0 : nat) (X : list O -> O -> R)
    (U : list O -> R) : Prop :=
  forall past o, reachable P (o :: past) -> (n0 <= length past)%nat -> X past o < U past.

(** * The process after a beginning *)

Lemma length_of_app {A : Type} (l l' : list A) : length (l ++ l') = (length l + length l')%nat.
Proof. induction l as [|a l IH]; simpl; [reflexivity|now rewrite IH]. Qed.

Definition restart {O : Type} (P : process O) (h0 : list O) : process O :=
  Process (fun h => kernel P (h ++ h0)) (fun h => kernel_distribution P (h ++ h0)).

(** A quantity of the whole past, as a quantity of the past after [h0]. *)
Definition after {O B : Type} (h0 : list O) (F : list O -> B) : list O -> B := fun past => F (past ++ h0).

Section Restart.
Context {O : Type} (P : process O).

Lemma reachable_restart h0 s : reachable P h0 -> reachable (restart P h0) s -> reachable P (s ++ h0).
Proof.
  intros H0 Hs. induction Hs as [|s w o Hs IH Hi Hw]; [assumption|].
  simpl; apply reachable_cons with (w := w); assumption.
Qed.

Lemma expectation_from_restart n : forall h0 s f,
  expectation_from P n (s ++ h0) f = expectation_from (restart P h0) n s (fun x => f (x ++ h0)).
Proof.
  induction n as [|n IH]; intros h0 s f; [reflexivity|]. simpl.
  apply weighted_sum_eq; [apply kernel_weights|]. intros w o Hi Hw. apply (IH h0 (o :: s) f).
Qed.

(** What holds given every beginning holds. *)
Lemma expectation_given_prefix n0 n f c :
  (forall h0, reachable P h0 -> length h0 = n0 -> expectation (restart P h0) n (fun s => f (s ++ h0)) <= c) ->
  expectation P (n0 + n) f <= c.
Proof.
  intros H. unfold expectation. rewrite expectation_from_tower.
  rewrite <- (expectation_from_constant P n0 [] c). apply expectation_le; intros h0 Hr Hl.
  assert (E := expectation_from_restart n h0 [] f). simpl in E. rewrite E. now apply H.
Qed.

Lemma suffix_sum_prefix n0 (F : list O -> O -> R) h0 : (length h0 <= n0)%nat -> suffix_sum n0 F h0 = 0.
Proof.
  unfold suffix_sum; induction h0 as [|o h0 IH]; intros Hl; simpl in *; [reflexivity|].
  rewrite IH by lia. assert (E : (n0 <=? length h0)%nat = false) by (apply Nat.leb_gt; lia). rewrite E; ring.
Qed.

Lemma suffix_product_prefix n0 (F : list O -> O -> R) h0 : (length h0 <= n0)%nat -> suffix_product n0 F h0 = 1.
Proof.
  unfold suffix_product; induction h0 as [|o h0 IH]; intros Hl; simpl in *; [reflexivity|].
  rewrite IH by lia. assert (E : (n0 <=? length h0)%nat = false) by (apply Nat.leb_gt; lia). rewrite E; ring.
Qed.

Lemma suffix_sum_restart (F : list O -> O -> R) h0 s :
  suffix_sum (length h0) F (s ++ h0) = path_sum (after h0 F) s.
Proof.
  induction s as [|o s IH]; [now apply suffix_sum_prefix|].
  unfold suffix_sum in *; simpl. rewrite IH.
  assert (E : (length h0 <=? length (s ++ h0))%nat = true) by (apply Nat.leb_le; rewrite length_of_app; lia).
  now rewrite E.
Qed.

Lemma suffix_product_restart (F : list O -> O -> R) h0 s :
  suffix_product (length h0) F (s ++ h0) = path_product (after h0 F) s.
Proof.
  induction s as [|o s IH]; [now apply suffix_product_prefix|].
  unfold suffix_product in *; simpl. rewrite IH.
  assert (E : (length h0 <=? length (s ++ h0))%nat = true) by (apply Nat.leb_le; rewrite length_of_app; lia).
  now rewrite E.
Qed.

Lemma suffix_length h0 (s : list O) : (length (s ++ h0) - length h0 = length s)%nat.
Proof. rewrite length_of_app; lia. Qed.

Lemma suffix_mean_restart (F : list O -> O -> R) h0 s :
  suffix_mean (length h0) F (s ++ h0) = path_mean (after h0 F) s.
Proof. unfold suffix_mean, path_mean. now rewrite suffix_sum_restart, suffix_length. Qed.

Lemma suffix_risk_restart X h0 s :
  suffix_risk P (length h0) X (s ++ h0) = risk (restart P h0) (after h0 X) s.
Proof. unfold suffix_risk. now rewrite suffix_mean_restart. Qed.

Lemma suffix_bound_restart C (X : list O -> O -> R) U h0 s :
  suffix_bound (length h0) C X U (s ++ h0) = geometric_mean_bound C (after h0 X) (after h0 U) s.
Proof.
  unfold suffix_bound, geometric_mean_bound, path_geometric_mean.
  now rewrite suffix_mean_restart, suffix_product_restart, suffix_length.
Qed.

Lemma suffix_posterior_bound_restart {H : Type} C (hypotheses : list H) Q (X : H -> list O -> O -> R) U h0 s :
  suffix_posterior_bound (length h0) C hypotheses Q X U (s ++ h0)
  = posterior_bound C hypotheses Q (fun a => after h0 (X a)) (fun a => after h0 (U a)) s.
Proof.
  unfold suffix_posterior_bound, posterior_bound. f_equal; [|f_equal; f_equal].
  - apply list_sum_eq; intros a Ha; now rewrite suffix_mean_restart.
  - apply list_sum_eq; intros a Ha; now rewrite suffix_mean_restart.
Qed.

Lemma upper_bounded_restart n0 X U h0 : upper_bounded_after P n0 X U -> reachable P h0 -> length h0 = n0 ->
  upper_bounded (restart P h0) (after h0 X) (after h0 U).
Proof.
  intros HU Hr Hl past o Hro. apply HU.
  - now apply (reachable_restart h0 (o :: past)).
  - rewrite length_of_app; lia.
Qed.

Lemma strictly_upper_bounded_restart n0 X U h0 :
  strictly_upper_bounded_after P n0 X U -> reachable P h0 -> length h0 = n0 ->
  strictly_upper_bounded (restart P h0) (after h0 X) (after h0 U).
Proof.
  intros HU Hr Hl past o Hro. apply HU.
  - now apply (reachable_restart h0 (o :: past)).
  - rewrite length_of_app; lia.
Qed.

Lemma first_steps_restart t h0 (s : list O) : first_steps (length h0 + t) (s ++ h0) = first_steps t s ++ h0.
Proof.
  unfold first_steps. rewrite length_of_app, skipn_app.
  replace (length s + length h0 - (length h0 + t))%nat with (length s - t)%nat by lia.
  replace (length s - t - length s)%nat with 0%nat by lia. reflexivity.
Qed.
End Restart.

(** * The theorems *)

(** [prefix_prior]: prior weights that are any function of the first n0 tokens, of total mass at most one; with
    probability at least 1 - delta, for every hypothesis of positive weight and every t up to n, the risk over tokens
    n0+1, ..., n0+t is at most the bound over these tokens with C = (ln(1/weight) + ln(1/delta))/t. *)
Theorem prefix_prior {O : Type} (P : process O) (X : nat -> list O -> O -> R) (U : nat -> list O -> R)
    (weight : list O -> nat -> R) n0 n delta :
  0 < delta -> (forall i, upper_bounded_after P n0 (X i) (U i)) ->
  (forall h0 i, 0 <= weight h0 i) -> (forall h0 N, list_sum (seq 0 N) (weight h0) <= 1) ->
  probability P (n0 + n) (fun h => exists i, 0 < weight (first_steps n0 h) i /\ exists t, (1 <= t <= n)%nat /\
    suffix_bound n0 ((ln (/ weight (first_steps n0 h) i) + ln (/ delta)) / INR t) (X i) (U i) (first_steps (n0 + t) h)
      < suffix_risk P n0 (X i) (first_steps (n0 + t) h)) <= delta.
Proof.
  intros Hd HU Hw Hmass. apply expectation_given_prefix; intros h0 Hr Hl.
  apply Rle_trans with (2 := prior_union_weights (restart P h0) (fun i => after h0 (X i)) (fun i => after h0 (U i))
    (weight h0) n delta Hd (fun i => upper_bounded_restart P n0 (X i) (U i) h0 (HU i) Hr Hl) (Hw h0) (Hmass h0)).
  apply probability_mono. intros s Hrs Hls [i [Hi [t [Ht Hfail]]]]. rewrite <- Hl in *.
  rewrite first_steps_app in Hi, Hfail.
  rewrite first_steps_restart, suffix_bound_restart, suffix_risk_restart in Hfail.
  exists i; split; [assumption|]. exists t; split; assumption.
Qed.

(** The same with code lengths that are any function of the first n0 tokens, and members of a family of bounds: with
    probability at least 1 - delta, for all hypotheses i and members j the risk over tokens n0+1, ..., n0+n is at most
    the bound over these tokens with C = (L_i ln 2 + ln(1/delta) + ln(1/pi_j))/n. *)
Theorem prefix_prior_code {O J : Type} (P : process O) (X : nat -> list O -> O -> R) (U : nat -> J -> list O -> R)
    (L : list O -> nat -> nat) (members : list J) (pi : J -> R) n0 n delta :
  (0 < n)%nat -> 0 < delta -> (forall i j, In j members -> upper_bounded_after P n0 (X i) (U i j)) ->
  (forall h0 N, list_sum (seq 0 N) (fun i => (/ 2) ^ L h0 i) <= 1) ->
  (forall j, In j members -> 0 < pi j) -> list_sum members pi <= 1 ->
  probability P (n0 + n) (fun h => exists i j, In j members /\
    suffix_bound n0 ((INR (L (first_steps n0 h) i) * ln 2 + ln (/ delta) + ln (/ pi j)) / INR n) (X i) (U i j) h
      < suffix_risk P n0 (X i) h) <= delta.
Proof.
  intros Hn Hd HU HKraft Hpi Hmembers. apply expectation_given_prefix; intros h0 Hr Hl.
  apply Rle_trans with (2 := prior_union (restart P h0) (fun i => after h0 (X i)) (fun i j => after h0 (U i j))
    (L h0) members pi n delta Hn Hd
    (fun i j Hj => upper_bounded_restart P n0 (X i) (U i j) h0 (HU i j Hj) Hr Hl) (HKraft h0) Hpi Hmembers).
  apply probability_mono. intros s Hrs Hls [i [j [Hj Hfail]]]. rewrite <- Hl in *.
  rewrite first_steps_app, suffix_bound_restart, suffix_risk_restart in Hfail.
  exists i, j; split; assumption.
Qed.

(** [pac_bayes] with a prior that is any function of the first n0 tokens: with probability at least 1 - delta, for every
    posterior Q, however it depends on all tokens, E_Q of the risk over tokens n0+1, ..., n0+n is at most
    E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)) over these tokens, C = (KL(Q||p) + ln(1/delta))/n. *)
Theorem prefix_prior_pac_bayes {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : list O -> H -> R) n0 n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a hypotheses -> strictly_upper_bounded_after P n0 (X a) (U a)) ->
  (forall h0 a, In a hypotheses -> 0 <= p h0 a) -> (forall h0, list_sum hypotheses (p h0) <= 1) ->
  probability P (n0 + n) (fun h => exists Q,
    probability_vector hypotheses Q /\ absolutely_continuous hypotheses Q (p (first_steps n0 h)) /\
    suffix_posterior_bound n0 ((kl_divergence hypotheses Q (p (first_steps n0 h)) + ln (/ delta)) / INR n)
      hypotheses Q X U h
      < list_sum hypotheses (fun a => Q a * suffix_risk P n0 (X a) h)) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass. apply expectation_given_prefix; intros h0 Hr Hl.
  apply Rle_trans with (2 := pac_bayes (restart P h0) hypotheses (fun a => after h0 (X a)) (fun a => after h0 (U a))
    (p h0) n delta Hn Hd
    (fun a Ha => strictly_upper_bounded_restart P n0 (X a) (U a) h0 (HU a Ha) Hr Hl) (Hp h0) (Hmass h0)).
  apply probability_mono. intros s Hrs Hls [Q [HQ [Hac Hfail]]]. rewrite <- Hl in *.
  rewrite first_steps_app in Hac, Hfail. rewrite suffix_posterior_bound_restart in Hfail.
  exists Q; split; [assumption|split; [assumption|]]. unfold posterior_risk.
  rewrite (list_sum_eq hypotheses (fun a => Q a * suffix_risk P (length h0) (X a) (s ++ h0))
    (fun a => Q a * risk (restart P h0) (after h0 (X a)) s)) in Hfail.
  - exact Hfail.
  - intros a Ha; now rewrite suffix_risk_restart.
Qed.

(** [disintegrated] with a prior that is any function of the first n0 tokens: one draw from a posterior that may depend
    on all tokens; with probability at least 1 - delta over data and draw the risk of the drawn hypothesis over tokens
    n0+1, ..., n0+n is at most the bound over these tokens with n C = ln(Q(omega)/p(omega)) + ln(1/delta). *)
Theorem prefix_prior_disintegrated {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : list O -> H -> R) (Q : list O -> H -> R) n0 n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a hypotheses -> upper_bounded_after P n0 (X a) (U a)) ->
  (forall h0 a, In a hypotheses -> 0 <= p h0 a) -> (forall h0, list_sum hypotheses (p h0) <= 1) ->
  (forall h a, In a hypotheses -> 0 <= Q h a) ->
  (forall h, absolutely_continuous hypotheses (Q h) (p (first_steps n0 h))) ->
  draw_probability P (n0 + n) hypotheses Q (fun a h =>
    suffix_bound n0 ((ln (Q h a / p (first_steps n0 h) a) + ln (/ delta)) / INR n) (X a) (U a) h
      < suffix_risk P n0 (X a) h) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass HQ Hac. apply expectation_given_prefix; intros h0 Hr Hl.
  assert (Hac0 : forall s, absolutely_continuous hypotheses (Q (s ++ h0)) (p h0)).
  { intros s a Ha Hpos. specialize (Hac (s ++ h0) a Ha Hpos). rewrite <- Hl, first_steps_app in Hac; exact Hac. }
  assert (HD := disintegrated (restart P h0) hypotheses (fun a => after h0 (X a)) (fun a => after h0 (U a))
    (p h0) (fun s => Q (s ++ h0)) n delta Hn Hd
    (fun a Ha => upper_bounded_restart P n0 (X a) (U a) h0 (HU a Ha) Hr Hl) (Hp h0) (Hmass h0)
    (fun s => HQ (s ++ h0)) Hac0).
  apply Rle_trans with (2 := HD). right. apply expectation_from_eq; [constructor|]. intros s Hrs Hls.
  apply list_sum_eq; intros a Ha. rewrite <- Hl.
  now rewrite first_steps_app, suffix_bound_restart, suffix_risk_restart.
Qed.
