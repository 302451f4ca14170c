(** A constant U (THEORY 1): kl_inf and the binary kl inverse for any adapted losses, with u from a paid grid. What the
    bound has to do with relative entropy: it is above the mean of every law within C of the law of the losses, and one
    law attains it; for two-valued losses the best u gives the inverse of the binary relative entropy. Where the risk is
    not random (independent losses) that inverse holds with nothing paid (Hoeffding 1963). *)
From Coq Require Import Reals Lra Lia List Classical_Prop.
From Coquelicot Require Import Coquelicot.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean PacBayes Lemmas Smoothing OneHypothesis.
Open Scope R_scope.

(** * Any adapted losses *)

(** [kl_inf]: constant ceilings u >= X from a finite grid of size k: with probability at least 1 - k e^{-nC} the risk
    is at most u - e^{-C} GM(u - X) for every u of the grid. *)
Theorem kl_inf_high_probability {O : Type} (P : process O) (X : list O -> O -> R) (grid : list R) n C :
  (0 < n)%nat -> (forall u past o, In u grid -> reachable P (o :: past) -> X past o <= u) ->
  probability P n (fun h => exists u, In u grid /\ geometric_mean_bound C X (fun _ => u) h < risk P X h)
  <= INR (length grid) * exp (- (INR n * C)).
Proof.
  intros Hn Hgrid. rewrite <- list_sum_constant. apply Rle_trans with (1 := union_bound P grid n _).
  apply list_sum_le. intros u Hu. apply geometric_mean_high_probability; [assumption|].
  intros past o Hr. now apply Hgrid.
Qed.

(** [kl_inf], weak duality: a law Q on points x <= u with KL(P_hat || Q) <= C, P_hat any law below u, has
    E_Q x <= u - e^{-C} exp(E_{P_hat} ln(u - x)). *)
Theorem kl_inf_weak_duality {A : Type} (points : list A) (P_hat Q x : A -> R) u C :
  probability_vector points P_hat -> probability_vector points Q -> absolutely_continuous points P_hat Q ->
  (forall a, In a points -> 0 < P_hat a -> x a < u) -> (forall a, In a points -> 0 < Q a -> x a <= u) ->
  kl_divergence points P_hat Q <= C ->
  list_sum points (fun a => Q a * x a)
  <= u - exp (- C) * exp (list_sum points (fun a => P_hat a * ln (u - x a))).
Proof.
  intros HP HQ Hac Hbelow Hsupport HC.
  (* Mass that Q has at u itself only helps: it is left out. *)
  set (inside := fun a => if Rlt_dec (x a) u then Q a else 0).
  assert (Hin : forall a, In a points -> 0 < P_hat a -> inside a = Q a).
  { intros a Ha Hp. unfold inside. assert (H := Hbelow a Ha Hp). destruct (Rlt_dec (x a) u); [reflexivity|lra]. }
  assert (H := change_of_measure points P_hat inside (fun a => ln (u - x a)) HP
    ltac:(intros a Ha; unfold inside; assert (H0 := proj1 HQ a Ha); destruct (Rlt_dec (x a) u); lra)
    ltac:(intros a Ha Hp; rewrite (Hin a Ha Hp); now apply Hac)).
  cbv beta in H.
  replace (kl_divergence points P_hat inside) with (kl_divergence points P_hat Q) in H.
  2:{ apply list_sum_eq. intros a Ha. destruct (proj1 HP a Ha) as [Hp|Hp]; [now rewrite Hin|].
      rewrite <- Hp. ring. }
  rewrite (list_sum_eq points (fun a => inside a * exp (ln (u - x a))) (fun a => u * Q a + (-1) * (Q a * x a))) in H.
  2:{ intros a Ha. unfold inside. assert (H0 := proj1 HQ a Ha). destruct (Rlt_dec (x a) u) as [Hlt|Hge].
      - rewrite exp_ln by lra. ring.
      - destruct H0 as [H0|H0]; [|rewrite <- H0; ring].
        assert (Hs := Hsupport a Ha H0). replace (x a) with u by lra. ring. }
  rewrite list_sum_linear, (proj2 HQ) in H.
  assert (Hgap : 0 < u * 1 + -1 * list_sum points (fun a => Q a * x a)).
  { rewrite <- (proj2 HQ), <- list_sum_linear.
    assert (Hterm : forall a, In a points -> 0 <= u * Q a + -1 * (Q a * x a)).
    { intros a Ha. replace (u * Q a + -1 * (Q a * x a)) with (Q a * (u - x a)) by ring.
      destruct (proj1 HQ a Ha) as [H0|H0]; [|rewrite <- H0; lra].
      apply Rmult_le_pos; [lra|]. assert (Hs := Hsupport a Ha H0). lra. }
    destruct (probability_vector_support points P_hat HP) as [a [Ha Hp]].
    apply (list_sum_pos points _ a); [exact Hterm|assumption|].
    replace (u * Q a + -1 * (Q a * x a)) with (Q a * (u - x a)) by ring.
    apply Rmult_lt_0_compat; [now apply Hac|]. assert (Hb := Hbelow a Ha Hp). lra. }
  rewrite <- exp_plus.
  assert (Hle : exp (- C + list_sum points (fun a => P_hat a * ln (u - x a)))
    <= exp (ln (u * 1 + -1 * list_sum points (fun a => Q a * x a)))) by (apply exp_le_compat; lra).
  rewrite exp_ln in Hle by assumption. lra.
Qed.

(** [kl_inf], equality: when Q = P_hat lambda/(u - x), lambda = e^{-C} exp(E_{P_hat} ln(u - x)), has mass 1, it is a law
    with KL(P_hat || Q) = C and E_Q x = u - lambda. *)
Theorem kl_inf_attained {A : Type} (points : list A) (P_hat x : A -> R) u C :
  let lambda := exp (- C) * exp (list_sum points (fun a => P_hat a * ln (u - x a))) in
  let Q := fun a => P_hat a * (lambda / (u - x a)) in
  probability_vector points P_hat -> (forall a, In a points -> 0 < P_hat a -> x a < u) ->
  list_sum points Q = 1 ->
  probability_vector points Q /\ absolutely_continuous points P_hat Q /\ kl_divergence points P_hat Q = C /\
  list_sum points (fun a => Q a * x a) = u - lambda.
Proof.
  intros lambda Q HP Hbelow Hmass.
  assert (Hl : 0 < lambda) by (apply Rmult_lt_0_compat; apply exp_pos).
  assert (Hfactor : forall a, In a points -> 0 < P_hat a -> 0 < lambda / (u - x a)).
  { intros a Ha Hp. assert (H := Hbelow a Ha Hp). apply Rdiv_lt_0_compat; lra. }
  split; [|split; [|split]].
  - split; [|assumption]. intros a Ha. unfold Q.
    destruct (proj1 HP a Ha) as [Hp|Hp]; [|rewrite <- Hp; lra].
    assert (H := Hfactor a Ha Hp). apply Rmult_le_pos; lra.
  - intros a Ha Hp. unfold Q. apply Rmult_lt_0_compat; auto.
  - unfold kl_divergence.
    rewrite (list_sum_eq points _ (fun a => 1 * (P_hat a * ln (u - x a)) + - ln lambda * P_hat a)).
    + rewrite list_sum_linear, (proj2 HP). unfold lambda. rewrite ln_mult, !ln_exp by apply exp_pos. ring.
    + intros a Ha. destruct (proj1 HP a Ha) as [Hp|Hp]; [|rewrite <- Hp; ring].
      assert (Hb := Hbelow a Ha Hp). assert (Hf := Hfactor a Ha Hp).
      replace (P_hat a / Q a) with ((u - x a) / lambda) by (unfold Q; field; lra).
      rewrite ln_quotient by lra. ring.
  - rewrite (list_sum_eq points _ (fun a => u * Q a + - lambda * P_hat a)).
    + rewrite list_sum_linear, Hmass, (proj2 HP). ring.
    + intros a Ha. unfold Q. destruct (proj1 HP a Ha) as [Hp|Hp]; [|rewrite <- Hp; ring].
      assert (Hb := Hbelow a Ha Hp). field; lra.
Qed.

(** The law of the losses of a path: the mean of any f over it is the mean of f(X) along the path. *)
Definition empirical_law {O A : Type} (X : list O -> O -> R) (h : list O) (points : list A) (P_hat x : A -> R) : Prop :=
  forall f : R -> R, list_sum points (fun a => P_hat a * f (x a)) = path_mean (fun past o => f (X past o)) h.

(** The losses of a path, the newest first. *)
Fixpoint path_values {O : Type} (X : list O -> O -> R) (h : list O) : list R :=
  match h with
  | [] => []
  | o :: past => X past o :: path_values X past
  end.

(** Every path has one: weight 1/n on each of its losses. *)
Theorem empirical_law_of_path {O : Type} (X : list O -> O -> R) (h : list O) :
  h <> [] ->
  empirical_law X h (path_values X h) (fun _ => / INR (length h)) (fun loss => loss) /\
  probability_vector (path_values X h) (fun _ => / INR (length h)).
Proof.
  intros Hh. assert (Hn := length_positive h Hh).
  assert (Sum : forall (f : R -> R) g, list_sum (path_values X g) f = path_sum (fun past o => f (X past o)) g).
  { intros f g. induction g as [|o g IH]; [reflexivity|]. cbn [path_values list_sum path_sum]. now rewrite IH. }
  assert (Length : forall g, length (path_values X g) = length g).
  { intros g. induction g as [|o g IH]; [reflexivity|]. cbn [path_values length]. now rewrite IH. }
  split; [|split].
  - intros f. rewrite list_sum_scale, Sum. unfold path_mean, Rdiv. ring.
  - intros a Ha. now apply Rlt_le, Rinv_0_lt_compat.
  - rewrite list_sum_constant, Length. field. lra.
Qed.

(** So on every path the bound at a constant u > X is at least the largest mean of a law Q <= u with
    KL(P_hat || Q) <= C, P_hat the law of the losses that were seen. *)
Theorem kl_inf_below_geometric_mean {O A : Type} (P : process O) (X : list O -> O -> R) u C h
    (points : list A) (P_hat Q x : A -> R) :
  reachable P h -> h <> [] -> (forall past o, reachable P (o :: past) -> X past o < u) ->
  empirical_law X h points P_hat x ->
  probability_vector points P_hat -> probability_vector points Q -> absolutely_continuous points P_hat Q ->
  (forall a, In a points -> 0 < P_hat a -> x a < u) -> (forall a, In a points -> 0 < Q a -> x a <= u) ->
  kl_divergence points P_hat Q <= C ->
  list_sum points (fun a => Q a * x a) <= geometric_mean_bound C X (fun _ => u) h.
Proof.
  intros Hr Hh HX Hlaw HP HQ Hac Hbelow Hsupport HC.
  rewrite (geometric_mean_bound_logarithm P) by (try assumption; intros past o Hro; now apply HX).
  rewrite path_mean_constant by assumption. rewrite <- (Hlaw (fun y => ln (u - y))).
  unfold Rminus at 2. rewrite Rplus_comm with (r2 := - C), exp_plus.
  now apply kl_inf_weak_duality.
Qed.

(** u - e^{-C} (u - B)^p u^{1 - p}, p = mean X/B. *)
Definition kl_inverse_bound {O : Type} (C B u : R) (X : list O -> O -> R) (h : list O) : R :=
  u - exp (- C) * (Rpower (u - B) (path_mean X h / B) * Rpower u (1 - path_mean X h / B)).

(** Losses in [0, B] are worst at the ends: the bound from their mean alone is never below the one from all of them. *)
Theorem geometric_mean_below_kl_inverse {O : Type} (P : process O) (X : list O -> O -> R) B u C h :
  reachable P h -> h <> [] -> 0 < B < u -> (forall past o, reachable P (o :: past) -> 0 <= X past o <= B) ->
  geometric_mean_bound C X (fun _ => u) h <= kl_inverse_bound C B u X h.
Proof.
  intros Hr Hh HB HX. assert (Hi := inverse_positive B ltac:(lra)).
  rewrite (geometric_mean_bound_logarithm P); [|assumption|].
  - unfold kl_inverse_bound, Rpower. rewrite path_mean_constant by assumption. rewrite <- !exp_plus.
    apply Rplus_le_compat_l, Ropp_le_contravar, exp_le_compat.
    assert (H : path_mean (fun past o => (ln (u - B) - ln u) / B * X past o + ln u * 1) h
      <= path_mean (fun past o => ln (u - X past o)) h).
    { apply (path_mean_le P); [assumption|assumption|]. intros past o Hro. assert (H := HX past o Hro).
      assert (Hw : 0 <= X past o / B <= 1).
      { unfold Rdiv. split; [apply Rmult_le_pos; lra|].
        apply Rle_trans with (B * / B); [apply Rmult_le_compat_r; lra|right; field; lra]. }
      assert (Ha := am_gm (u - B) u (X past o / B) ltac:(lra) ltac:(lra) Hw).
      replace (X past o / B * (u - B) + (1 - X past o / B) * u) with (u - X past o) in Ha by (field; lra).
      apply Rle_trans with (2 := Ha). right. field; lra. }
    rewrite (path_mean_linear _ (fun _ _ => 1)), path_mean_constant in H by assumption.
    replace (path_mean X h / B * ln (u - B) + (1 - path_mean X h / B) * ln u)
      with ((ln (u - B) - ln u) / B * path_mean X h + ln u * 1) by (field; lra). lra.
  - intros past o Hro. assert (H := HX past o Hro). lra.
Qed.

(** [kl_inverse] from a finite grid of u > B: any adapted losses in [0, B]. *)
Theorem kl_inverse_high_probability {O : Type} (P : process O) (X : list O -> O -> R) B (grid : list R) n C :
  (0 < n)%nat -> 0 < B -> (forall u, In u grid -> B < u) ->
  (forall past o, reachable P (o :: past) -> 0 <= X past o <= B) ->
  probability P n (fun h => exists u, In u grid /\ kl_inverse_bound C B u X h < risk P X h)
  <= INR (length grid) * exp (- (INR n * C)).
Proof.
  intros Hn HB Hgrid HX.
  apply Rle_trans with (2 := kl_inf_high_probability P X grid n C Hn
    (fun u past o Hu Hr => Rle_trans _ _ _ (proj2 (HX past o Hr)) (Rlt_le _ _ (Hgrid u Hu)))).
  apply probability_mono. intros h Hr Hlen [u [Hu Hfail]]. exists u. split; [assumption|].
  apply Rle_lt_trans with (2 := Hfail). apply (geometric_mean_below_kl_inverse P); try assumption.
  - now apply (nonempty_length h n).
  - split; [assumption|now apply Hgrid].
Qed.

(** * The best u *)

(** Over all u the least value is the inverse of the binary relative entropy: with B = 1 and kl(p || q) = C, p < q, no
    u > 1 gives less than q ... *)
Theorem kl_inverse_least p q u : 0 < p < 1 -> 0 < q < 1 -> 1 < u ->
  q <= u - exp (- binary_kl p q) * (Rpower (u - 1) p * Rpower u (1 - p)).
Proof.
  intros Hp Hq Hu. unfold Rpower. rewrite <- !exp_plus.
  assert (Hb : 0 < / (u - q)) by (apply Rinv_0_lt_compat; lra).
  assert (H := binary_change_of_measure q p ((u - 1) * / (u - q)) (u * / (u - q)) Hq Hp
    ltac:(apply Rmult_lt_0_compat; lra) ltac:(apply Rmult_lt_0_compat; lra)).
  replace (q * ((u - 1) * / (u - q)) + (1 - q) * (u * / (u - q))) with 1 in H by (field; lra).
  rewrite ln_1, !ln_mult, ln_Rinv in H by lra.
  assert (Hle : exp (- binary_kl p q + (p * ln (u - 1) + (1 - p) * ln u)) <= exp (ln (u - q))).
  { apply exp_le_compat. lra. }
  rewrite exp_ln in Hle by lra. lra.
Qed.

(** ... and u = q (1 - p)/(q - p) gives exactly q. *)
Theorem kl_inverse_attained p q : 0 < p < q -> q < 1 ->
  let u := q * (1 - p) / (q - p) in
  u - exp (- binary_kl p q) * (Rpower (u - 1) p * Rpower u (1 - p)) = q.
Proof.
  intros Hp Hq u. assert (Hi : 0 < / (q - p)) by (apply Rinv_0_lt_compat; lra).
  assert (E1 : u - 1 = p * (1 - q) * / (q - p)) by (unfold u; field; lra).
  assert (E2 : u - q = q * (1 - q) * / (q - p)) by (unfold u; field; lra).
  assert (Hu : 0 < u - q) by (rewrite E2; repeat apply Rmult_lt_0_compat; lra).
  unfold Rpower. rewrite <- !exp_plus, E1. unfold u at 2. unfold Rdiv.
  rewrite !ln_mult by (try lra; repeat apply Rmult_lt_0_compat; lra).
  assert (E3 : ln (u - q) = ln q + ln (1 - q) + ln (/ (q - p)))
    by (rewrite E2, !ln_mult by (try lra; repeat apply Rmult_lt_0_compat; lra); ring).
  unfold binary_kl.
  match goal with |- u - exp ?e = q => replace e with (ln (u - q)) end.
  - rewrite exp_ln by assumption. ring.
  - rewrite E3. ring.
Qed.

(** * A risk that is not random *)

(** kl(p || q) does not increase in p below q. *)
Lemma binary_kl_decreasing p p' q : 0 < p -> p <= p' -> p' < q -> q < 1 -> binary_kl p' q <= binary_kl p q.
Proof.
  intros Hp Hle Hq Hq1. apply Ropp_le_cancel.
  apply (nondecreasing_by_derivative (fun t => - binary_kl t q)
    (fun t => ln q - ln t + (ln (1 - t) - ln (1 - q))) p p'); [assumption| |].
  - intros t Ht. unfold binary_kl. auto_derive; [repeat split; lra|]. unfold Rminus. field; lra.
  - intros t Ht. assert (H1 := ln_le_compat t q ltac:(lra) ltac:(lra)).
    assert (H2 := ln_le_compat (1 - q) (1 - t) ltac:(lra) ltac:(lra)). lra.
Qed.

(** A C > 0 below kl(p || q) is kl(p0 || q) for some p0 between p and q. *)
Lemma binary_kl_between p q C : 0 < p < q -> q < 1 -> 0 < C < binary_kl p q ->
  exists p0, p < p0 < q /\ binary_kl p0 q = C.
Proof.
  intros Hp Hq HC. assert (Hqq : binary_kl q q = 0) by (unfold binary_kl; ring).
  assert (Hcont : forall t, 0 < t < 1 -> continuity_pt (fun x => - binary_kl x q) t).
  { intros t Ht. apply continuity_pt_filterlim, (ex_derive_continuous (fun x => - binary_kl x q)).
    unfold binary_kl. auto_derive. repeat split; lra. }
  destruct (IVT_Rbar_incr (fun x => - binary_kl x q) p q (- binary_kl p q) (- binary_kl q q) (- C))
    as [p0 [Hlow [Hhigh E]]].
  - apply (is_lim_continuity (fun x => - binary_kl x q) p), Hcont. lra.
  - apply (is_lim_continuity (fun x => - binary_kl x q) q), Hcont. lra.
  - intros t H1 H2. simpl in H1, H2. apply Hcont. lra.
  - simpl. lra.
  - simpl. rewrite Hqq. lra.
  - simpl in Hlow, Hhigh. exists p0. split; lra.
Qed.

(** So is a C > 0 below kl(0 || q) = -ln(1 - q). *)
Lemma binary_kl_near_zero q C : 0 < q < 1 -> 0 < C < - ln (1 - q) -> exists p, 0 < p < q /\ C < binary_kl p q.
Proof.
  intros Hq HC. set (L := - ln (1 - q)) in *. set (t := q * ((L - C) / (2 + L))).
  assert (Hi := inverse_positive (2 + L) ltac:(lra)).
  assert (Hshare : 0 < (L - C) / (2 + L) < 1).
  { unfold Rdiv. split; [apply Rmult_lt_0_compat; lra|].
    apply Rlt_le_trans with ((2 + L) * / (2 + L)); [apply Rmult_lt_compat_r; lra|right; field; lra]. }
  assert (Ht : 0 < t < q).
  { unfold t. split; [apply Rmult_lt_0_compat; lra|].
    apply Rlt_le_trans with (q * 1); [apply Rmult_lt_compat_l|]; lra. }
  assert (Htt : t * t < t * 1) by (apply Rmult_lt_compat_l; lra).
  assert (Htt0 : 0 < t * t) by (apply Rmult_lt_0_compat; lra).
  exists (t * t). split; [lra|].
  assert (He := binary_entropy (t * t) ltac:(lra)).
  assert (Hroot : sqrt (t * t * (1 - t * t)) <= t).
  { apply Rle_trans with (sqrt (t * t)); [apply sqrt_le_1_alt|rewrite sqrt_square; lra].
    apply Rle_trans with (t * t * 1); [apply Rmult_le_compat_l|]; lra. }
  assert (Hln := ln_2_at_most). assert (Hln0 : 0 <= ln 2) by (rewrite <- ln_1; apply ln_le_compat; lra).
  assert (H1 := Rmult_le_compat_l _ _ _ Hln0 Hroot).
  assert (H2 := Rmult_le_compat_r t _ _ ltac:(lra) Hln).
  assert (H3 : t * (2 + L) < L - C).
  { unfold t. replace (q * ((L - C) / (2 + L)) * (2 + L)) with (q * (L - C)) by (field; lra).
    apply Rlt_le_trans with (1 * (L - C)); [apply Rmult_lt_compat_r|]; lra. }
  assert (H4 : t * t * L <= t * 1 * L) by (apply Rmult_le_compat_r; lra).
  assert (H5 : 0 <= t * t * - ln q).
  { apply Rmult_le_pos; [lra|]. assert (H := ln_le_minus_one q ltac:(lra)). lra. }
  unfold binary_kl. replace (ln (1 - q)) with (- L) by (unfold L; ring). lra.
Qed.

(** Losses in [0, 1] whose risk is q on every path: with probability at least 1 - e^{-nC} it is not the case
    that the mean loss p is below q with kl(p || q) > C. *)
Theorem kl_inverse_known_risk {O : Type} (P : process O) (X : list O -> O -> R) q n C :
  (0 < n)%nat -> 0 < q < 1 -> 0 <= C -> (forall past o, reachable P (o :: past) -> 0 <= X past o <= 1) ->
  (forall h, reachable P h -> length h = n -> risk P X h = q) ->
  probability P n (fun h => path_mean X h < q /\ C < binary_kl (path_mean X h) q) <= exp (- (INR n * C)).
Proof.
  intros Hn Hq HC HX Hrisk. destruct HC as [HC|HC].
  2:{ rewrite <- HC, Rmult_0_r, Ropp_0, exp_0, <- (expectation_constant P n 1).
      apply expectation_le. intros h _ _. apply indicator_le; intros; lra. }
  assert (Mean : forall h, reachable P h -> length h = n -> 0 <= path_mean X h).
  { intros h Hr Hl. assert (Hh := nonempty_length h n Hn Hl). rewrite <- (path_mean_constant (O := O) 0 h Hh).
    apply (path_mean_le P); try assumption. intros past o Hro. apply (HX past o Hro). }
  destruct (Rle_dec (- ln (1 - q)) C) as [Hlarge|Hsmall].
  - rewrite probability_impossible; [apply Rlt_le, exp_pos|]. intros h Hr Hl [Hp Hkl].
    destruct (Mean h Hr Hl) as [H0|H0].
    + set (p := path_mean X h) in *. unfold binary_kl in Hkl.
      assert (H1 := ln_le_compat p q H0 ltac:(lra)). assert (H2 := ln_le_minus_one (1 - p) ltac:(lra)).
      assert (H3 := ln_le_minus_one (1 - q) ltac:(lra)).
      assert (H4 : 0 <= p * (ln q - ln p)) by (apply Rmult_le_pos; lra).
      assert (H5 : 0 <= (1 - p) * - ln (1 - p)) by (apply Rmult_le_pos; lra).
      assert (H6 : 0 <= p * - ln (1 - q)) by (apply Rmult_le_pos; lra). lra.
    + rewrite <- H0 in Hkl. unfold binary_kl in Hkl. rewrite Rminus_0_r, ln_1 in Hkl. lra.
  - destruct (binary_kl_near_zero q C Hq ltac:(lra)) as [p1 [Hp1 Hkl1]].
    destruct (binary_kl_between p1 q C Hp1 ltac:(lra) ltac:(lra)) as [p0 [Hp0 E0]].
    set (u := q * (1 - p0) / (q - p0)).
    assert (Attained := kl_inverse_attained p0 q ltac:(lra) ltac:(lra)). fold u in Attained. cbv zeta in Attained.
    assert (Hu : 1 < u).
    { assert (E : u - 1 = p0 * (1 - q) * / (q - p0)) by (unfold u; field; lra).
      assert (H : 0 < p0 * (1 - q) * / (q - p0)) by
        (repeat apply Rmult_lt_0_compat; try lra; apply Rinv_0_lt_compat; lra). lra. }
    apply Rle_trans with (2 := geometric_mean_high_probability P X (fun _ => u) n C Hn
      ltac:(intros past o Hr; assert (H := HX past o Hr); lra)).
    apply probability_mono. intros h Hr Hl [Hp Hkl]. assert (Hh := nonempty_length h n Hn Hl).
    assert (Hbelow : path_mean X h < p0).
    { apply Rnot_le_lt. intros Hle. assert (H := binary_kl_decreasing p0 (path_mean X h) q). lra. }
    apply Rle_lt_trans with (1 := geometric_mean_below_kl_inverse P X 1 u C h Hr Hh ltac:(lra) HX).
    rewrite (Hrisk h Hr Hl), <- Attained. rewrite E0.
    unfold kl_inverse_bound, Rpower, Rdiv. rewrite Rinv_1, Rmult_1_r.
    apply Rplus_lt_compat_l, Ropp_lt_contravar, Rmult_lt_compat_l; [apply exp_pos|].
    rewrite <- !exp_plus. apply exp_increasing.
    assert (Hlog : ln (u - 1) < ln u) by (apply ln_increasing; lra).
    assert (H := Rmult_lt_compat_l (p0 - path_mean X h) _ _ ltac:(lra) Hlog). lra.
Qed.

(** Independent losses, not necessarily of one law: the law of the k-th token and its loss depend on k alone. *)
Definition independent {O : Type} (P : process O) : Prop :=
  forall past past', length past = length past' -> kernel P past = kernel P past'.

(** [kl_inverse_independent]: with probability at least 1 - e^{-nC} over independent losses in [0, 1] it is not
    the case that the mean loss p is below the risk with kl(p || risk) > C. *)
Theorem kl_inverse_independent {O : Type} (P : process O) (X : nat -> O -> R) n C :
  let loss := fun past o => X (length past) o in
  (0 < n)%nat -> 0 <= C -> independent P ->
  (forall past o, reachable P (o :: past) -> 0 <= loss past o <= 1) ->
  (forall h, reachable P h -> length h = n -> 0 < risk P loss h < 1) ->
  probability P n (fun h => path_mean loss h < risk P loss h /\ C < binary_kl (path_mean loss h) (risk P loss h))
  <= exp (- (INR n * C)).
Proof.
  intros loss Hn HC Hind HX Hrisk.
  assert (Same : forall h h', length h = length h' -> risk P loss h = risk P loss h').
  { intros h h' Hl. unfold risk, path_mean. rewrite Hl. f_equal. revert h' Hl.
    induction h as [|o h IH]; intros [|o' h'] Hl; try discriminate; [reflexivity|].
    injection Hl as Hl. cbn [path_sum]. rewrite (IH h' Hl). f_equal.
    unfold conditional_mean, loss. rewrite (Hind h h' Hl), Hl. reflexivity. }
  destruct (classic (exists h, reachable P h /\ length h = n)) as [[h0 [Hr0 Hl0]]|Hnone].
  - apply Rle_trans with (2 := kl_inverse_known_risk P loss (risk P loss h0) n C Hn (Hrisk h0 Hr0 Hl0) HC HX
      (fun h _ Hl => Same h h0 (eq_trans Hl (eq_sym Hl0)))).
    apply probability_mono. intros h _ Hl Hfail. rewrite <- (Same h h0 (eq_trans Hl (eq_sym Hl0))). exact Hfail.
  - rewrite probability_impossible; [apply Rlt_le, exp_pos|]. intros h Hr Hl _. apply Hnone. exists h. auto.
Qed.
