(** Transcripts drawn from a teacher (THEORY 2, `requential`): a student is trained only on tokens x drawn one after
    another from a moving teacher q, which may depend on the data in any way; the hypothesis is a function of the
    transcript of draws. The student's own law p gives the prior. With probability at least 1 - delta over the data and
    the transcript,

        R <= mean U - e^{-C} GM(U - X),   n C = sum over the drawn tokens of [ln q(x) - ln p(x)] + ln(1/delta).

    Transcripts are lists, newest token first, as histories are; p and q are conditional laws: functions of the
    transcript so far and of the next token. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean PacBayes Draws.
Open Scope R_scope.

(** All transcripts of [M] tokens. *)
Fixpoint transcripts {T : Type} (alphabet : list T) (M : nat) : list (list T) :=
  match M with
  | 0%nat => [[]]
  | S M' => flat_map (fun past => map (fun x => x :: past) alphabet) (transcripts alphabet M')
  end.

(** The probability of a transcript: the product of the conditional probabilities of its tokens. *)
Definition transcript_probability {T : Type} (q : list T -> T -> R) (transcript : list T) : R :=
  path_product q transcript.

(** sum over the tokens of ln q - ln p. *)
Definition transcript_log_ratio {T : Type} (q p : list T -> T -> R) (transcript : list T) : R :=
  path_sum (fun past x => ln (q past x) - ln (p past x)) transcript.

Lemma list_sum_app {A : Type} (l l' : list A) f : list_sum (l ++ l') f = list_sum l f + list_sum l' f.
Proof. induction l as [|a l IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma list_sum_map {A B : Type} (g : A -> B) (l : list A) f : list_sum (map g l) f = list_sum l (fun a => f (g a)).
Proof. induction l as [|a l IH]; simpl; [reflexivity|rewrite IH; reflexivity]. Qed.

Lemma transcripts_sum {T : Type} (alphabet : list T) M f :
  list_sum (transcripts alphabet (S M)) f
  = list_sum (transcripts alphabet M) (fun past => list_sum alphabet (fun x => f (x :: past))).
Proof.
  cbn [transcripts]. generalize (transcripts alphabet M) as pasts; intros pasts.
  induction pasts as [|past pasts IH]; simpl; [reflexivity|].
  now rewrite list_sum_app, list_sum_map, IH.
Qed.

Lemma transcript_mass_step {T : Type} (alphabet : list T) (q : list T -> T -> R) past :
  list_sum alphabet (fun x => transcript_probability q (x :: past))
  = transcript_probability q past * list_sum alphabet (q past).
Proof. rewrite <- list_sum_scale. apply list_sum_eq; intros x Hx; unfold transcript_probability; simpl; ring. Qed.

(** Drawing token after token from conditional laws is a law on transcripts. *)
Theorem transcript_law {T : Type} (alphabet : list T) (q : list T -> T -> R) M :
  (forall past, list_sum alphabet (q past) = 1) ->
  list_sum (transcripts alphabet M) (transcript_probability q) = 1.
Proof.
  intros Hq; induction M as [|M IH]; [unfold transcript_probability; simpl; ring|].
  rewrite transcripts_sum, <- IH. apply list_sum_eq; intros past Hpast.
  rewrite transcript_mass_step, Hq; ring.
Qed.

Lemma transcript_tokens {T : Type} (alphabet : list T) M : forall w, In w (transcripts alphabet M) ->
  length w = M /\ incl w alphabet.
Proof.
  induction M as [|M IH]; intros w Hw.
  - destruct Hw as [E|[]]. rewrite <- E. split; [reflexivity|]. intros x Hx; destruct Hx.
  - cbn [transcripts] in Hw. apply in_flat_map in Hw. destruct Hw as [past [Hpast Hw]].
    apply in_map_iff in Hw. destruct Hw as [x [E Hx]]. destruct (IH past Hpast) as [Hlen Hincl].
    rewrite <- E. split; [simpl; now rewrite Hlen|].
    intros y Hy; destruct Hy as [Ey|Hy]; [now rewrite <- Ey|now apply Hincl].
Qed.

Lemma transcript_probability_nonneg {T : Type} (alphabet : list T) (q : list T -> T -> R) w :
  (forall past x, In x alphabet -> 0 <= q past x) -> incl w alphabet -> 0 <= transcript_probability q w.
Proof.
  intros Hq; unfold transcript_probability. induction w as [|x past IH]; intros Hw; simpl; [lra|].
  apply Rmult_le_pos; [apply Hq, Hw; now left|apply IH; intros y Hy; apply Hw; now right].
Qed.

(** Conditional weights of total at most one have a total of at most one on transcripts. *)
Lemma transcript_mass {T : Type} (alphabet : list T) (p : list T -> T -> R) M :
  (forall past x, In x alphabet -> 0 <= p past x) -> (forall past, list_sum alphabet (p past) <= 1) ->
  list_sum (transcripts alphabet M) (transcript_probability p) <= 1.
Proof.
  intros Hp Hmass; induction M as [|M IH]; [unfold transcript_probability; simpl; lra|].
  rewrite transcripts_sum. apply Rle_trans with (2 := IH). apply list_sum_le; intros past Hpast.
  rewrite transcript_mass_step. assert (H := Hmass past).
  assert (H0 : 0 <= transcript_probability p past).
  { apply transcript_probability_nonneg with (alphabet := alphabet); [assumption|].
    now apply (transcript_tokens alphabet M). }
  apply Rle_trans with (transcript_probability p past * 1); [apply Rmult_le_compat_l|]; lra.
Qed.

(** On a transcript the teacher can draw, the log-ratio of the products is the sum of the log-ratios. *)
Lemma transcript_density {T : Type} (alphabet : list T) (q p : list T -> T -> R) w :
  (forall past x, In x alphabet -> 0 <= q past x) -> (forall past x, In x alphabet -> 0 < q past x -> 0 < p past x) ->
  incl w alphabet -> 0 < transcript_probability q w ->
  0 < transcript_probability p w /\
  ln (transcript_probability q w / transcript_probability p w) = transcript_log_ratio q p w.
Proof.
  intros Hq Hac; unfold transcript_probability, transcript_log_ratio.
  induction w as [|x past IH]; intros Hw Hpos; simpl in *.
  - split; [lra|]. replace (1 / 1) with 1 by field. apply ln_1.
  - assert (Hx : In x alphabet) by (apply Hw; now left).
    assert (Hpast : incl past alphabet) by (intros y Hy; apply Hw; now right).
    assert (H0 := transcript_probability_nonneg alphabet q past Hq Hpast). unfold transcript_probability in H0.
    assert (Hqx : 0 < q past x).
    { destruct (Hq past x Hx) as [H|H]; [assumption|]. rewrite <- H in Hpos; lra. }
    assert (Hqp : 0 < path_product q past).
    { destruct H0 as [H|H]; [assumption|]. rewrite <- H in Hpos; lra. }
    destruct (IH Hpast Hqp) as [Hpp E]. assert (Hpx := Hac past x Hx Hqx). split.
    + now apply Rmult_lt_0_compat.
    + rewrite <- E, !ln_quotient, !ln_mult; auto; try (now apply Rmult_lt_0_compat). ring.
Qed.

(** [requential]: the student's conditional weights p, of total at most one, are fixed beforehand as functions of the
    transcript and positive wherever the teacher's q are; the teacher may depend on the data; the hypothesis is a
    function of the transcript of M tokens. With probability at least 1 - delta over data and transcript its risk is at
    most its bound with n C = sum over the drawn tokens of [ln q - ln p] + ln(1/delta). *)
Theorem requential {O T : Type} (P : process O) (alphabet : list T) M (X : list T -> list O -> O -> R)
    (U : list T -> list O -> R) (p : list T -> T -> R) (q : list O -> list T -> T -> R) n delta :
  (0 < n)%nat -> 0 < delta ->
  (forall w, In w (transcripts alphabet M) -> upper_bounded P (X w) (U w)) ->
  (forall past x, In x alphabet -> 0 <= p past x) -> (forall past, list_sum alphabet (p past) <= 1) ->
  (forall h past x, In x alphabet -> 0 <= q h past x) ->
  (forall h past x, In x alphabet -> 0 < q h past x -> 0 < p past x) ->
  draw_probability P n (transcripts alphabet M) (fun h => transcript_probability (q h)) (fun w h =>
    geometric_mean_bound ((transcript_log_ratio (q h) p w + ln (/ delta)) / INR n) (X w) (U w) h
      < risk P (X w) h) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass Hq Hac.
  assert (HQ : forall h w, In w (transcripts alphabet M) -> 0 <= transcript_probability (q h) w).
  { intros h w Hw. apply transcript_probability_nonneg with (alphabet := alphabet); [apply Hq|].
    now apply (transcript_tokens alphabet M). }
  assert (Hdensity : forall h w, In w (transcripts alphabet M) -> 0 < transcript_probability (q h) w ->
    0 < transcript_probability p w /\
    ln (transcript_probability (q h) w / transcript_probability p w) = transcript_log_ratio (q h) p w).
  { intros h w Hw. apply transcript_density with (alphabet := alphabet); [apply Hq|apply Hac|].
    now apply (transcript_tokens alphabet M). }
  apply Rle_trans with (2 := disintegrated P (transcripts alphabet M) X U (transcript_probability p)
    (fun h => transcript_probability (q h)) n delta Hn Hd HU
    (fun w Hw => transcript_probability_nonneg alphabet p w Hp (proj2 (transcript_tokens alphabet M w Hw)))
    (transcript_mass alphabet p M Hp Hmass) HQ (fun h w Hw Hpos => proj1 (Hdensity h w Hw Hpos))).
  apply draw_probability_le; [assumption|]. intros h w Hr Hl Hw Hpos Hfail.
  rewrite (proj2 (Hdensity h w Hw Hpos)); exact Hfail.
Qed.

(** ** Checkpoints *)

(** The first m tokens of a longer transcript have the law of a transcript of m tokens. *)
Lemma transcript_marginal {T : Type} (alphabet : list T) (q : list T -> T -> R) (f : list T -> R) m :
  (forall past x, In x alphabet -> 0 <= q past x) -> (forall past, list_sum alphabet (q past) <= 1) ->
  (forall w, 0 <= f w) -> forall M, (m <= M)%nat ->
  list_sum (transcripts alphabet M) (fun w => transcript_probability q w * f (first_steps m w))
  <= list_sum (transcripts alphabet m) (fun w => transcript_probability q w * f w).
Proof.
  intros Hq Hmass Hf M; induction M as [|M IH]; intros HmM.
  - assert (E : m = 0%nat) by lia. rewrite E. unfold first_steps; simpl; lra.
  - destruct (Nat.eq_dec m (S M)) as [E|Hne].
    + rewrite E. right. apply list_sum_eq; intros w Hw.
      destruct (transcript_tokens alphabet (S M) w Hw) as [Hlen _].
      assert (Ew : first_steps (S M) w = w) by (rewrite <- Hlen; apply first_steps_all). now rewrite Ew.
    + assert (HmM' : (m <= M)%nat) by lia.
      apply Rle_trans with (2 := IH HmM'). rewrite transcripts_sum.
      apply list_sum_le; intros past Hpast. destruct (transcript_tokens alphabet M past Hpast) as [Hlen Hincl].
      rewrite (list_sum_eq alphabet _ (fun x => (transcript_probability q past * f (first_steps m past)) * q past x)).
      * rewrite list_sum_scale. assert (H := Hmass past).
        assert (H0 : 0 <= transcript_probability q past * f (first_steps m past)).
        { apply Rmult_le_pos; [|apply Hf]. now apply transcript_probability_nonneg with (alphabet := alphabet). }
        apply Rle_trans with (transcript_probability q past * f (first_steps m past) * 1);
          [apply Rmult_le_compat_l|]; lra.
      * intros x Hx. assert (E : first_steps m (x :: past) = first_steps m past).
        { unfold first_steps; cbn [length].
          replace (S (length past) - m)%nat with (S (length past - m)) by lia. reflexivity. }
        rewrite E. unfold transcript_probability; simpl; ring.
Qed.

(** Which checkpoint of the run is reported may be chosen after everything else: checkpoint (or member of a family of
    bounds) j reads the first tokens_j of the M tokens, is charged for these alone, and has a prior weight pi_j; with
    probability at least 1 - delta over data and transcript, for every j the risk is at most the bound with
    n C = sum over the first tokens_j tokens of [ln q - ln p] + ln(1/delta) + ln(1/pi_j). *)
Theorem requential_checkpoints {O T J : Type} (P : process O) (alphabet : list T) M
    (X : J -> list T -> list O -> O -> R) (U : J -> list T -> list O -> R) (p : list T -> T -> R)
    (q : list O -> list T -> T -> R) (checkpoints : list J) (tokens : J -> nat) (pi : J -> R) n delta :
  (0 < n)%nat -> 0 < delta -> (forall j, In j checkpoints -> (tokens j <= M)%nat) ->
  (forall j w, In j checkpoints -> In w (transcripts alphabet (tokens j)) -> upper_bounded P (X j w) (U j w)) ->
  (forall past x, In x alphabet -> 0 <= p past x) -> (forall past, list_sum alphabet (p past) <= 1) ->
  (forall h past x, In x alphabet -> 0 <= q h past x) -> (forall h past, list_sum alphabet (q h past) = 1) ->
  (forall h past x, In x alphabet -> 0 < q h past x -> 0 < p past x) ->
  (forall j, In j checkpoints -> 0 < pi j) -> list_sum checkpoints pi <= 1 ->
  draw_probability P n (transcripts alphabet M) (fun h => transcript_probability (q h)) (fun w h =>
    exists j, In j checkpoints /\
      geometric_mean_bound
        ((transcript_log_ratio (q h) p (first_steps (tokens j) w) + ln (/ delta) + ln (/ pi j)) / INR n)
        (X j (first_steps (tokens j) w)) (U j (first_steps (tokens j) w)) h
        < risk P (X j (first_steps (tokens j) w)) h) <= delta.
Proof.
  intros Hn Hd HM HU Hp Hmass Hq Hlaw Hac Hpi Hweights.
  assert (HQ : forall h w, In w (transcripts alphabet M) -> 0 <= transcript_probability (q h) w).
  { intros h w Hw. apply transcript_probability_nonneg with (alphabet := alphabet); [apply Hq|].
    now apply (transcript_tokens alphabet M). }
  apply Rle_trans with (1 := draw_probability_union P n (transcripts alphabet M)
    (fun h => transcript_probability (q h)) checkpoints _ HQ).
  apply Rle_trans with (list_sum checkpoints (fun j => delta * pi j)).
  - apply list_sum_le; intros j Hj. assert (Hpij := Hpi j Hj).
    assert (Hdj : 0 < delta * pi j) by now apply Rmult_lt_0_compat.
    apply Rle_trans with (2 := requential P alphabet (tokens j) (X j) (U j) p q n (delta * pi j) Hn Hdj
      (fun w Hw => HU j w Hj Hw) Hp Hmass Hq Hac).
    unfold draw_probability. apply expectation_le; intros h Hr Hl.
    replace (ln (/ (delta * pi j))) with (ln (/ delta) + ln (/ pi j)).
    + set (bad := fun w => geometric_mean_bound
        ((transcript_log_ratio (q h) p w + (ln (/ delta) + ln (/ pi j))) / INR n) (X j w) (U j w) h
        < risk P (X j w) h).
      apply Rle_trans with (2 := transcript_marginal alphabet (q h) (fun w => indicator (bad w)) (tokens j) (Hq h)
        (fun past => Req_le _ _ (Hlaw h past)) (fun w => indicator_nonneg (bad w)) M (HM j Hj)).
      right. apply list_sum_eq; intros w Hw. unfold bad. rewrite <- Rplus_assoc. reflexivity.
    + rewrite <- ln_mult by (now apply Rinv_0_lt_compat). f_equal; field; lra.
  - rewrite list_sum_scale. apply Rle_trans with (delta * 1); [apply Rmult_le_compat_l|]; lra.
Qed.

(** ** Inexact sampling *)

Lemma transcript_probability_error {T : Type} (alphabet : list T) (sampled q : list T -> T -> R) eps w :
  (forall past x, In x alphabet -> 0 <= sampled past x <= exp eps * q past x) -> incl w alphabet ->
  0 <= transcript_probability sampled w <= exp (INR (length w) * eps) * transcript_probability q w.
Proof.
  intros Hs; unfold transcript_probability. induction w as [|x past IH]; intros Hw.
  - simpl. rewrite Rmult_0_l, exp_0; lra.
  - assert (Hx := Hs past x (Hw x (or_introl eq_refl))).
    assert (HP : incl past alphabet) by (intros y Hy; apply Hw; now right). specialize (IH HP).
    cbn [path_product length]. rewrite S_INR.
    replace ((INR (length past) + 1) * eps) with (eps + INR (length past) * eps) by ring.
    rewrite exp_plus. split; [apply Rmult_le_pos; lra|].
    replace (exp eps * exp (INR (length past) * eps) * (q past x * path_product q past))
      with ((exp eps * q past x) * (exp (INR (length past) * eps) * path_product q past)) by ring.
    apply Rmult_le_compat; lra.
Qed.

(** [requential] with inexact sampling: if the tokens are truly drawn from a law of at most e^eps times the q that is
    charged, M eps nats more are paid; with eps = 0, q need only not lie below the true law. *)
Theorem requential_inexact {O T : Type} (P : process O) (alphabet : list T) M (X : list T -> list O -> O -> R)
    (U : list T -> list O -> R) (p : list T -> T -> R) (q sampled : list O -> list T -> T -> R) eps n delta :
  (0 < n)%nat -> 0 < delta ->
  (forall w, In w (transcripts alphabet M) -> upper_bounded P (X w) (U w)) ->
  (forall past x, In x alphabet -> 0 <= p past x) -> (forall past, list_sum alphabet (p past) <= 1) ->
  (forall h past x, In x alphabet -> 0 <= q h past x) ->
  (forall h past x, In x alphabet -> 0 < q h past x -> 0 < p past x) ->
  (forall h past x, In x alphabet -> 0 <= sampled h past x <= exp eps * q h past x) ->
  draw_probability P n (transcripts alphabet M) (fun h => transcript_probability (sampled h)) (fun w h =>
    geometric_mean_bound ((transcript_log_ratio (q h) p w + INR M * eps + ln (/ delta)) / INR n) (X w) (U w) h
      < risk P (X w) h) <= delta.
Proof.
  intros Hn Hd HU Hp Hmass Hq Hac Hs.
  assert (Hexp := exp_pos (- (INR M * eps))). assert (Hexp' := exp_pos (INR M * eps)).
  assert (Hd' : 0 < delta * exp (- (INR M * eps))) by now apply Rmult_lt_0_compat.
  assert (HR := requential P alphabet M X U p q n _ Hn Hd' HU Hp Hmass Hq Hac).
  apply (Rmult_le_compat_l (exp (INR M * eps))) in HR; [|lra].
  replace (exp (INR M * eps) * (delta * exp (- (INR M * eps)))) with delta in HR.
  - apply Rle_trans with (2 := HR). unfold draw_probability. rewrite <- expectation_scale.
    apply expectation_le; intros h Hr Hl. rewrite <- list_sum_scale. apply list_sum_le; intros w Hw.
    destruct (transcript_tokens alphabet M w Hw) as [Hlen Hincl].
    assert (HE := transcript_probability_error alphabet (sampled h) (q h) eps w (Hs h) Hincl). rewrite Hlen in HE.
    replace (ln (/ (delta * exp (- (INR M * eps))))) with (INR M * eps + ln (/ delta)).
    + rewrite <- Rplus_assoc, <- Rmult_assoc. apply Rmult_le_compat_r; [apply indicator_nonneg|lra].
    + replace (/ (delta * exp (- (INR M * eps)))) with (exp (INR M * eps) * / delta).
      * rewrite ln_mult, ln_exp; [reflexivity|assumption|now apply Rinv_0_lt_compat].
      * rewrite exp_Ropp. field; lra.
  - replace (exp (INR M * eps) * (delta * exp (- (INR M * eps))))
      with (delta * (exp (INR M * eps) * exp (- (INR M * eps)))) by ring.
    rewrite <- exp_plus, Rplus_opp_r, exp_0; ring.
Qed.
