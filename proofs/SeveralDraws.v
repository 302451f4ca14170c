(** Several draws from posteriors that depend on the data (THEORY 2, `disintegrated`): every draw that was looked at
    counts. With probability at least 1 - delta over data and draws, for every one of r draws at once,

        R(omega) <= mean U - e^{-C} GM(U - X),   n C = ln(Q_data(omega)/p(omega)) + ln r + ln(1/delta),

    whatever the joint law of the draws; draws with configurations of their own pay the logarithm of their share. *)
From Coq Require Import Reals Lra Lia List Classical_Prop.
Import ListNotations.
From Genbound Require Import Process GeometricMean PacBayes Draws.
Open Scope R_scope.

(** The law of the draw number [k] when all are drawn together from a law on lists. *)
Definition marginal {H : Type} (law : list (R * list H)) (k : nat) (a : H) : R :=
  weighted_sum law (fun draws => indicator (nth_error draws k = Some a)).

Lemma weighted_sum_list_sum {O A : Type} (law : list (R * O)) (l : list A) (f : A -> O -> R) :
  weighted_sum law (fun o => list_sum l (fun a => f a o)) = list_sum l (fun a => weighted_sum law (f a)).
Proof.
  induction law as [|[w o] law IH]; simpl.
  - rewrite (list_sum_constant l 0); ring.
  - rewrite IH, <- list_sum_scale, <- (Rmult_1_l (list_sum l _)) at 1.
    rewrite <- (Rmult_1_l (list_sum l (fun a => weighted_sum law (f a)))), <- list_sum_linear.
    apply list_sum_eq; intros a Ha; ring.
Qed.

(** The probability that draw [k] is bad, through its marginal. *)
Lemma bad_draw {H : Type} (law : list (R * list H)) (hypotheses : list H) k (bad : H -> Prop) :
  (forall w draws, In (w, draws) law -> 0 <= w) ->
  (forall w draws a, In (w, draws) law -> nth_error draws k = Some a -> In a hypotheses) ->
  weighted_sum law (fun draws => indicator (exists a, nth_error draws k = Some a /\ bad a))
  <= list_sum hypotheses (fun a => marginal law k a * indicator (bad a)).
Proof.
  intros Hw Hin. unfold marginal.
  rewrite (list_sum_eq hypotheses _ (fun a => weighted_sum law (fun draws =>
    indicator (bad a) * indicator (nth_error draws k = Some a)))).
  - rewrite <- weighted_sum_list_sum. apply weighted_sum_le; [assumption|]. intros w draws Hi Hpos.
    assert (Hterm : forall a, In a hypotheses -> 0 <= indicator (bad a) * indicator (nth_error draws k = Some a)).
    { intros a _; apply Rmult_le_pos; apply indicator_nonneg. }
    apply indicator_le; [now apply list_sum_nonneg|]. intros [a [Ea Ha]].
    apply Rle_trans with (indicator (bad a) * indicator (nth_error draws k = Some a)).
    + rewrite !indicator_true by assumption; lra.
    + apply (list_sum_term hypotheses (fun b => indicator (bad b) * indicator (nth_error draws k = Some b))); eauto.
  - intros a Ha. rewrite weighted_sum_scale; ring.
Qed.

(** Draws with shares of delta: the list of draws comes from any joint law that depends on the data; draw k has the
    configuration k, that is a posterior (its marginal Q_k), a prior p_k and a share s_k of delta, sum s_k <= 1.
    With probability at least 1 - delta over data and draws, for every k < r the draw number k has a risk at most its
    bound with n C = ln(Q_k(omega)/p_k(omega)) + ln(1/s_k) + ln(1/delta). *)
Theorem disintegrated_configurations {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (joint : list O -> list (R * list H)) (p : nat -> H -> R) (share : nat -> R) r n delta :
  (0 < n)%nat -> 0 < delta -> (forall a, In a hypotheses -> upper_bounded P (X a) (U a)) ->
  (forall k a, In a hypotheses -> 0 <= p k a) -> (forall k, list_sum hypotheses (p k) <= 1) ->
  (forall k, 0 < share k) -> list_sum (seq 0 r) share <= 1 ->
  (forall h, distribution (joint h)) ->
  (forall h w draws a, In (w, draws) (joint h) -> In a draws -> In a hypotheses) ->
  (forall h k, absolutely_continuous hypotheses (marginal (joint h) k) (p k)) ->
  expectation P n (fun h => weighted_sum (joint h) (fun draws => indicator (
    exists k a, (k < r)%nat /\ nth_error draws k = Some a /\
      geometric_mean_bound ((ln (marginal (joint h) k a / p k a) + ln (/ share k) + ln (/ delta)) / INR n)
        (X a) (U a) h < risk P (X a) h))) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass Hshare Hshares Hlaw Hin Hac.
  set (bad := fun k h a =>
    geometric_mean_bound ((ln (marginal (joint h) k a / p k a) + ln (/ share k) + ln (/ delta)) / INR n)
      (X a) (U a) h < risk P (X a) h).
  apply Rle_trans with (list_sum (seq 0 r) (fun k =>
    draw_probability P n hypotheses (fun h => marginal (joint h) k) (fun a h => bad k h a))).
  - unfold draw_probability. rewrite <- expectation_list_sum. apply expectation_le; intros h Hr Hl.
    apply Rle_trans with (list_sum (seq 0 r) (fun k => weighted_sum (joint h) (fun draws =>
      indicator (exists a, nth_error draws k = Some a /\ bad k h a)))).
    + rewrite <- weighted_sum_list_sum. apply weighted_sum_le; [apply Hlaw|]. intros w draws Hi Hpos.
      apply indicator_le; [apply list_sum_nonneg; intros; apply indicator_nonneg|].
      intros [k [a [Hk [Ea Hbad]]]].
      apply Rle_trans with (indicator (exists b, nth_error draws k = Some b /\ bad k h b)).
      * rewrite indicator_true; [lra|exists a; auto].
      * apply (list_sum_term (seq 0 r) (fun i => indicator (exists b, nth_error draws i = Some b /\ bad i h b))).
        -- intros; apply indicator_nonneg.
        -- apply in_seq; lia.
    + apply list_sum_le; intros k _. apply bad_draw; [apply Hlaw|].
      intros w draws a Hi Ea. apply (Hin h w draws); [assumption|]. now apply nth_error_In in Ea.
  - apply Rle_trans with (list_sum (seq 0 r) (fun k => delta * share k)).
    + apply list_sum_le; intros k _. assert (Hsk := Hshare k). unfold bad.
      assert (Hds : 0 < delta * share k) by now apply Rmult_lt_0_compat.
      assert (HM : forall h a, In a hypotheses -> 0 <= marginal (joint h) k a).
      { intros h a _; apply weighted_sum_nonneg; [apply Hlaw|]. intros; apply indicator_nonneg. }
      assert (HD := disintegrated P hypotheses X U (p k) (fun h => marginal (joint h) k) n (delta * share k)
        Hn Hds HU (Hp k) (Hmass k) HM (fun h => Hac h k)).
      replace (ln (/ (delta * share k))) with (ln (/ share k) + ln (/ delta)) in HD.
      * apply Rle_trans with (2 := HD). right. apply expectation_from_eq; [constructor|]. intros h Hr Hl.
        apply list_sum_eq; intros a Ha. rewrite Rplus_assoc; reflexivity.
      * rewrite <- ln_mult by (now apply Rinv_0_lt_compat). f_equal; field; lra.
    + rewrite list_sum_scale. apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l|]; lra.
Qed.

Lemma equal_shares r c : forall k, list_sum (seq k r) (fun _ => c) = INR r * c.
Proof. induction r as [|r IH]; intros k; [simpl; ring|]. cbn [seq list_sum]. rewrite IH, S_INR; ring. Qed.

(** r draws from one posterior Q, r fixed beforehand: whatever the joint law of the draws, if each has the law Q, with
    probability at least 1 - delta all of them have a risk at most their bound with
    n C = ln(Q(omega)/p(omega)) + ln r + ln(1/delta). *)
Theorem disintegrated_draws {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : H -> R) (Q : list O -> H -> R) (joint : list O -> list (R * list H)) r n delta :
  (0 < n)%nat -> (0 < r)%nat -> 0 < delta -> (forall a, In a hypotheses -> upper_bounded P (X a) (U a)) ->
  (forall a, In a hypotheses -> 0 <= p a) -> list_sum hypotheses p <= 1 ->
  (forall h, distribution (joint h)) ->
  (forall h w draws, In (w, draws) (joint h) -> length draws = r /\ incl draws hypotheses) ->
  (forall h k a, (k < r)%nat -> In a hypotheses -> marginal (joint h) k a = Q h a) ->
  (forall h, absolutely_continuous hypotheses (Q h) p) ->
  expectation P n (fun h => weighted_sum (joint h) (fun draws => indicator (
    exists a, In a draws /\
      geometric_mean_bound ((ln (Q h a / p a) + ln (INR r) + ln (/ delta)) / INR n) (X a) (U a) h
        < risk P (X a) h))) <= delta.
Proof.
  intros Hn Hr Hd HU Hp Hmass Hlaw Hdraws HQ Hac. assert (Hr' : 0 < INR r) by now apply lt_0_INR.
  assert (Hout : forall h k a, (r <= k)%nat -> marginal (joint h) k a = 0).
  { intros h k a Hk. unfold marginal. rewrite (weighted_sum_eq _ _ (fun _ => 0)).
    - apply weighted_sum_constant, Hlaw.
    - apply Hlaw.
    - intros w draws Hi Hw. apply indicator_false.
      destruct (Hdraws h w draws Hi) as [Hlen _].
      assert (E : nth_error draws k = None) by (apply nth_error_None; lia). rewrite E; discriminate. }
  apply Rle_trans with (2 := disintegrated_configurations P hypotheses X U joint (fun _ => p) (fun _ => / INR r)
    r n delta Hn Hd HU (fun _ => Hp) (fun _ => Hmass) (fun _ => Rinv_0_lt_compat _ Hr')
    ltac:(rewrite equal_shares; right; field; lra) Hlaw
    (fun h w draws a Hi Ha => proj2 (Hdraws h w draws Hi) a Ha)
    ltac:(intros h k a Ha Hpos; destruct (Nat.lt_ge_cases k r) as [Hk|Hk];
      [rewrite HQ in Hpos by assumption; now apply (Hac h)|rewrite Hout in Hpos by assumption; lra])).
  apply expectation_le; intros h Hrh Hl. apply weighted_sum_le; [apply Hlaw|]. intros w draws Hi Hw.
  apply indicator_le; [apply indicator_nonneg|]. intros [a [Ha Hbad]].
  destruct (Hdraws h w draws Hi) as [Hlen Hincl].
  apply In_nth_error in Ha. destruct Ha as [k Hk].
  assert (Hkr : (k < r)%nat) by (rewrite <- Hlen; apply nth_error_Some; rewrite Hk; discriminate).
  rewrite indicator_true; [lra|]. exists k, a; split; [assumption|split; [assumption|]].
  rewrite HQ, Rinv_inv; auto. apply Hincl. now apply nth_error_In in Hk.
Qed.

(** Independent draws from a law on a list of hypotheses, as one joint law. *)
Fixpoint independent_draws {H : Type} (hypotheses : list H) (Q : H -> R) (r : nat) : list (R * list H) :=
  match r with
  | 0%nat => [(1, [])]
  | S r' => flat_map (fun a => map (fun entry => (Q a * fst entry, a :: snd entry))
              (independent_draws hypotheses Q r')) hypotheses
  end.

Lemma weighted_sum_app {O : Type} (law law' : list (R * O)) f :
  weighted_sum (law ++ law') f = weighted_sum law f + weighted_sum law' f.
Proof. induction law as [|[w o] law IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma independent_draws_sum {H : Type} (hypotheses : list H) Q r f :
  weighted_sum (independent_draws hypotheses Q (S r)) f
  = list_sum hypotheses (fun a => Q a * weighted_sum (independent_draws hypotheses Q r) (fun draws => f (a :: draws))).
Proof.
  cbn [independent_draws]. generalize (independent_draws hypotheses Q r) as rest; intros rest.
  assert (E : forall a, weighted_sum (map (fun entry => (Q a * fst entry, a :: snd entry)) rest) f
    = Q a * weighted_sum rest (fun draws => f (a :: draws))).
  { intros a; induction rest as [|[w draws] rest IH]; simpl; [ring|rewrite IH; ring]. }
  induction hypotheses as [|a l IH]; simpl; [reflexivity|].
  rewrite weighted_sum_app, IH, E; reflexivity.
Qed.

Lemma independent_draws_entry {H : Type} (hypotheses : list H) Q r : (forall a, In a hypotheses -> 0 <= Q a) ->
  forall w draws, In (w, draws) (independent_draws hypotheses Q r) ->
  0 <= w /\ length draws = r /\ incl draws hypotheses.
Proof.
  intros HQ; induction r as [|r IH]; intros w draws Hi.
  - destruct Hi as [E|[]]. injection E as E1 E2. rewrite <- E1, <- E2.
    split; [lra|split; [reflexivity|]]. intros a Ha; destruct Ha.
  - cbn [independent_draws] in Hi. apply in_flat_map in Hi. destruct Hi as [a [Ha Hi]].
    apply in_map_iff in Hi. destruct Hi as [[w' draws'] [E Hi]]. injection E as E1 E2. simpl in E1, E2.
    destruct (IH w' draws' Hi) as [Hw [Hlen Hincl]]. assert (HQa := HQ a Ha). rewrite <- E1, <- E2. split.
    + now apply Rmult_le_pos.
    + split; [simpl; now rewrite Hlen|]. intros b Hb; destruct Hb as [Eb|Hb]; [now rewrite <- Eb|now apply Hincl].
Qed.

Lemma independent_draws_distribution {H : Type} (hypotheses : list H) Q r :
  probability_vector hypotheses Q -> distribution (independent_draws hypotheses Q r).
Proof.
  intros [HQ H1]; split; [intros w draws Hi; now apply (independent_draws_entry hypotheses Q r HQ w draws)|].
  induction r as [|r IH]; [simpl; ring|].
  rewrite independent_draws_sum, IH. rewrite (list_sum_eq hypotheses _ Q); [exact H1|intros; ring].
Qed.

(** Each of the independent draws has the law Q. *)
Lemma independent_draws_marginal {H : Type} (hypotheses : list H) Q r k a :
  NoDup hypotheses -> probability_vector hypotheses Q -> In a hypotheses -> (k < r)%nat ->
  marginal (independent_draws hypotheses Q r) k a = Q a.
Proof.
  intros Hdup HQ Ha; revert k; induction r as [|r IH]; intros k Hk; [lia|].
  unfold marginal; rewrite independent_draws_sum. destruct k as [|k]; cbn [nth_error].
  - assert (HD := independent_draws_distribution hypotheses Q r HQ).
    rewrite (list_sum_eq hypotheses _ (fun b => Q b * indicator (b = a))).
    + clear HQ HD IH. induction Hdup as [|b l Hb Hdup IHl]; [destruct Ha|]. simpl. destruct Ha as [E|Ha].
      * rewrite E in *. rewrite indicator_true by reflexivity.
        rewrite (list_sum_eq l _ (fun _ => 0)); [rewrite list_sum_constant; ring|].
        intros c Hc. rewrite indicator_false; [ring|]. intros Ec; rewrite Ec in Hc; contradiction.
      * rewrite IHl by assumption. rewrite indicator_false; [ring|]. intros E; rewrite E in Hb; contradiction.
    + intros b Hb. f_equal. rewrite (weighted_sum_constant _ _ HD).
      destruct (classic (b = a)) as [E|E].
      * rewrite E, !indicator_true by reflexivity. reflexivity.
      * rewrite !indicator_false; [reflexivity|assumption|]. intros Es; injection Es as Eb; contradiction.
  - rewrite (list_sum_eq hypotheses _ (fun b => Q a * Q b)).
    + rewrite list_sum_scale, (proj2 HQ); ring.
    + intros b Hb. fold (marginal (independent_draws hypotheses Q r) k a). rewrite IH by lia. ring.
Qed.

(** r independent draws: with probability at least 1 - delta over data and draws, all of them have a risk at most
    their bound with n C = ln(Q(omega)/p(omega)) + ln r + ln(1/delta). *)
Theorem disintegrated_independent_draws {O H : Type} (P : process O) (hypotheses : list H) (X : H -> list O -> O -> R)
    (U : H -> list O -> R) (p : H -> R) (Q : list O -> H -> R) r n delta :
  (0 < n)%nat -> (0 < r)%nat -> 0 < delta -> (forall a, In a hypotheses -> upper_bounded P (X a) (U a)) ->
  NoDup hypotheses -> (forall a, In a hypotheses -> 0 <= p a) -> list_sum hypotheses p <= 1 ->
  (forall h, probability_vector hypotheses (Q h)) -> (forall h, absolutely_continuous hypotheses (Q h) p) ->
  expectation P n (fun h => weighted_sum (independent_draws hypotheses (Q h) r) (fun draws => indicator (
    exists a, In a draws /\
      geometric_mean_bound ((ln (Q h a / p a) + ln (INR r) + ln (/ delta)) / INR n) (X a) (U a) h
        < risk P (X a) h))) <= delta.
Proof.
  intros Hn Hr Hd HU Hdup Hp Hmass HQ Hac.
  apply (disintegrated_draws P hypotheses X U p Q (fun h => independent_draws hypotheses (Q h) r) r n delta); auto.
  - intros h; now apply independent_draws_distribution.
  - intros h w draws Hi. now apply (independent_draws_entry hypotheses (Q h) r (proj1 (HQ h)) w draws).
  - intros h k a Hk Ha. now apply independent_draws_marginal.
Qed.
