(** Random samples of a finite population (THEORY 5, the second stage): m draws, with or without replacement, bound the
    population mean of values z <= u by

        mean z <= u - e^{-C} GM(u - z(J_k))        with probability at least 1 - e^{-mC}.

    Without replacement the draws are not independent, but the mean product of m distinct values is at most the m-th
    power of their mean (Maclaurin). *)
From Coq Require Import Reals Lra Lia List Permutation.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean Lemmas OneHypothesis.
Open Scope R_scope.

(** * Draws with replacement *)

Definition population_mean {A : Type} (population : list A) (z : A -> R) : R :=
  list_sum population z / INR (length population).

Definition uniform_law {A : Type} (population : list A) : list (R * A) :=
  map (fun a => (/ INR (length population), a)) population.

(** Every draw is uniform on the population, whatever was drawn before. *)
Definition uniform_draws {A : Type} (J : process A) (population : list A) : Prop :=
  forall drawn, kernel J drawn = uniform_law population.

Lemma weighted_sum_uniform_law {A : Type} (population : list A) (z : A -> R) :
  weighted_sum (uniform_law population) z = population_mean population z.
Proof.
  unfold uniform_law, population_mean. set (w := / INR (length population)). unfold Rdiv. fold w. clearbody w.
  induction population as [|a l IH]; simpl; [ring|rewrite IH; ring].
Qed.

Lemma uniform_law_distribution {A : Type} (population : list A) :
  population <> [] -> distribution (uniform_law population).
Proof.
  intros Hl. assert (Hpos := length_positive population Hl). split.
  - intros w a Hin. apply in_map_iff in Hin. destruct Hin as [b [E Hb]]. injection E as E1 E2. rewrite <- E1.
    now apply Rlt_le, Rinv_0_lt_compat.
  - rewrite weighted_sum_uniform_law. unfold population_mean. rewrite list_sum_constant. field; lra.
Qed.

(** There are such draws from every nonempty population. *)
Theorem uniform_draws_exist {A : Type} (population : list A) :
  population <> [] -> exists J : process A, uniform_draws J population.
Proof.
  intros Hl. exists (Process (fun _ => uniform_law population) (fun _ => uniform_law_distribution population Hl)).
  intros drawn. reflexivity.
Qed.

Lemma drawn_from_population {A : Type} (J : process A) population drawn a :
  uniform_draws J population -> reachable J (a :: drawn) -> In a population.
Proof.
  intros HJ Hr. inversion Hr as [|past w o Hpast Hin Hw E]. rewrite HJ in Hin.
  apply in_map_iff in Hin. destruct Hin as [b [E' Hb]]. injection E' as E1 E2. now rewrite <- E2.
Qed.

Lemma conditional_mean_uniform {A : Type} (J : process A) population (z : A -> R) drawn :
  uniform_draws J population -> conditional_mean J (fun _ a => z a) drawn = population_mean population z.
Proof. intros HJ. unfold conditional_mean. rewrite HJ. apply weighted_sum_uniform_law. Qed.

(** The mean product of m draws is the m-th power of the mean. *)
Lemma uniform_product_mean {A : Type} (J : process A) population (f : A -> R) m : uniform_draws J population ->
  expectation J m (path_product (fun _ a => f a)) = population_mean population f ^ m.
Proof.
  intros HJ. set (F := fun (_ : list A) a => f a).
  assert (G : forall k drawn,
    expectation_from J k drawn (path_product F) = path_product F drawn * population_mean population f ^ k).
  { induction k as [|k IH]; intros drawn; [simpl; ring|].
    cbn [expectation_from].
    rewrite (weighted_sum_eq _ _ (fun a => path_product F drawn * population_mean population f ^ k * f a)).
    - rewrite weighted_sum_scale, HJ, weighted_sum_uniform_law. simpl. ring.
    - apply kernel_weights.
    - intros w a _ _. rewrite IH. simpl. unfold F. ring. }
  unfold expectation. rewrite G. simpl. ring.
Qed.

(** * Draws without replacement *)

(** Every draw is uniform on what the earlier draws have left of the population. *)
Definition draws_without_replacement {A : Type} (J : process A) (population : list A) : Prop :=
  forall drawn, reachable J drawn -> (length drawn < length population)%nat ->
    exists rest, kernel J drawn = uniform_law rest /\ Permutation (drawn ++ rest) population.

Lemma append_size {A : Type} (l l' : list A) : length (l ++ l') = (length l + length l')%nat.
Proof. induction l as [|a l IH]; simpl; [reflexivity|now rewrite IH]. Qed.

Lemma seq_size start n : length (seq start n) = n.
Proof. revert start. induction n as [|n IH]; intros start; simpl; [reflexivity|now rewrite IH]. Qed.

Lemma list_sum_permutation {A : Type} (l l' : list A) f : Permutation l l' -> list_sum l f = list_sum l' f.
Proof. intros H. induction H as [|a l l' H IH|a b l|l l' l'' H1 IH1 H2 IH2]; simpl; lra. Qed.

Lemma list_sum_app {A : Type} (l l' : list A) f : list_sum (l ++ l') f = list_sum l f + list_sum l' f.
Proof. induction l as [|a l IH]; simpl; [ring|rewrite IH; ring]. Qed.

(** (1 + k e)(1 - e)^m <= 1 + (k - m) e for -1/k <= e <= 1 and m <= k. *)
Lemma tangent_of_product k e m :
  0 <= 1 + k * e -> 0 <= 1 - e -> INR m <= k -> (1 + k * e) * (1 - e) ^ m <= 1 + (k - INR m) * e.
Proof.
  intros H0 H1. induction m as [|m IH]; intros Hm; [simpl; lra|].
  rewrite S_INR in *. assert (H := Rmult_le_compat_r _ _ _ H1 (IH ltac:(lra))).
  assert (Hs : 0 <= (k - INR m) * (e * e)) by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
  rewrite <- tech_pow_Rmult. lra.
Qed.

(** The mean of f(a) (mean of the other values)^m is at most mean(f)^{m + 1}. *)
Lemma leave_one_out {A : Type} (l : list A) (f : A -> R) m :
  (S m <= length l)%nat -> (forall a, In a l -> 0 <= f a) ->
  population_mean l (fun a => f a * ((list_sum l f - f a) / (INR (length l) - 1)) ^ m) <= population_mean l f ^ S m.
Proof.
  intros Hm Hf. destruct m as [|k].
  { right. simpl. rewrite Rmult_1_r. unfold population_mean. f_equal. apply list_sum_eq. intros; ring. }
  set (m := S k) in *. set (N := INR (length l)). set (total := list_sum l f).
  assert (HmN : INR m <= N - 1) by (apply le_INR in Hm; rewrite S_INR in Hm; fold N in Hm; lra).
  assert (HN : 2 <= N) by (unfold m in HmN; rewrite S_INR in HmN; assert (H := pos_INR k); lra).
  set (mu := total / N). assert (Etotal : total = N * mu) by (unfold mu; field; lra).
  assert (HiN : 0 < / N) by (apply Rinv_0_lt_compat; lra).
  assert (Htotal : 0 <= total) by now apply list_sum_nonneg.
  assert (Hmu : 0 <= mu) by (unfold mu, Rdiv; apply Rmult_le_pos; lra).
  assert (Point : forall a, In a l ->
    f a * ((total - f a) / (N - 1)) ^ m <= mu ^ m * (mu + (N - 1 - INR m) * ((f a - mu) / (N - 1)))).
  { intros a Ha. assert (Hfa := Hf a Ha). assert (Hft : f a <= total) by now apply (list_sum_term l f).
    destruct Hmu as [Hmu|Hmu].
    - set (e := (f a - mu) / (N - 1) / mu).
      assert (E1 : f a = mu * (1 + (N - 1) * e)) by (unfold e; field; lra).
      assert (E2 : (total - f a) / (N - 1) = mu * (1 - e)) by (rewrite Etotal; unfold e; field; lra).
      assert (E3 : (f a - mu) / (N - 1) = mu * e) by (unfold e; field; lra).
      assert (H1 : 0 <= 1 + (N - 1) * e) by (apply Rmult_le_reg_l with mu; lra).
      assert (H2 : 0 <= 1 - e).
      { apply Rmult_le_reg_l with mu; [assumption|]. rewrite Rmult_0_r, <- E2.
        apply Rmult_le_pos; [lra|apply Rlt_le, Rinv_0_lt_compat; lra]. }
      assert (Hpow : 0 <= mu * mu ^ m) by (apply Rmult_le_pos; [lra|apply pow_le; lra]).
      assert (H := Rmult_le_compat_l _ _ _ Hpow (tangent_of_product (N - 1) e m H1 H2 HmN)).
      rewrite E2, E3, Rpow_mult_distr, E1. lra.
    - rewrite <- Hmu in *. replace (f a) with 0 by lra.
      rewrite Rmult_0_l. right. unfold m. simpl. ring. }
  unfold population_mean. fold N total mu.
  apply Rle_trans with (list_sum l (fun a => mu ^ m * (mu + (N - 1 - INR m) * ((f a - mu) / (N - 1)))) / N).
  - apply Rmult_le_compat_r; [lra|]. now apply list_sum_le.
  - right.
    rewrite (list_sum_eq _ _ (fun a => mu ^ m * (N - 1 - INR m) / (N - 1) * f a
      + mu ^ m * (mu - (N - 1 - INR m) * mu / (N - 1)))) by (intros a _; field; lra).
    rewrite list_sum_affine. fold N total. rewrite Etotal, <- tech_pow_Rmult. field; lra.
Qed.

Lemma path_product_values_nonneg {A : Type} (f : A -> R) l :
  (forall a, In a l -> 0 <= f a) -> 0 <= path_product (fun _ a => f a) l.
Proof.
  induction l as [|a l IH]; intros Hf; simpl; [lra|].
  apply Rmult_le_pos; [apply Hf; now left|apply IH; intros b Hb; apply Hf; now right].
Qed.

(** Maclaurin: the mean product of m draws without replacement is at most the m-th power of the mean. *)
Theorem maclaurin_inequality {A : Type} (J : process A) population (f : A -> R) m :
  draws_without_replacement J population -> (m <= length population)%nat ->
  (forall a, In a population -> 0 <= f a) ->
  expectation J m (path_product (fun _ a => f a)) <= population_mean population f ^ m.
Proof.
  intros HJ Hm Hf. set (F := fun (_ : list A) a => f a).
  set (N := INR (length population)). set (total := list_sum population f).
  assert (G : forall k drawn, reachable J drawn -> (k + length drawn <= length population)%nat ->
    incl drawn population ->
    expectation_from J k drawn (path_product F)
    <= path_product F drawn * ((total - list_sum drawn f) / (N - INR (length drawn))) ^ k).
  { induction k as [|k IH]; intros drawn Hr Hk Hincl; [simpl; lra|].
    destruct (HJ drawn Hr ltac:(lia)) as [rest [Hkernel Hperm]].
    assert (Hsum := list_sum_permutation _ _ f Hperm). rewrite list_sum_app in Hsum. fold total in Hsum.
    assert (Hlen := Permutation_length Hperm). rewrite append_size in Hlen.
    assert (Hin : forall a, In a rest -> In a population).
    { intros a Ha. apply (Permutation_in a Hperm), in_or_app. now right. }
    assert (Hdrawn : 0 <= path_product F drawn)
      by (apply (path_product_values_nonneg f); intros a Ha; now apply Hf, Hincl).
    assert (Enumber : N - INR (length drawn) = INR (length rest)) by (unfold N; rewrite <- Hlen, plus_INR; ring).
    assert (Esum : total - list_sum drawn f = list_sum rest f) by lra.
    cbn [expectation_from].
    apply Rle_trans with (weighted_sum (kernel J drawn) (fun a => path_product F drawn
      * (f a * ((list_sum rest f - f a) / (INR (length rest) - 1)) ^ k))).
    - apply weighted_sum_le; [apply kernel_weights|]. intros w a Ha Hw.
      assert (Hra := reachable_cons J drawn w a Hr Ha Hw).
      assert (Hrest : In a rest).
      { rewrite Hkernel in Ha. apply in_map_iff in Ha. destruct Ha as [b [E Hb]].
        injection E as E1 E2. now rewrite <- E2. }
      apply Rle_trans with (1 := IH (a :: drawn) Hra ltac:(cbn [length]; lia)
        ltac:(intros x [Hx|Hx]; [rewrite <- Hx; now apply Hin|now apply Hincl])).
      right. cbn [path_product list_sum length]. rewrite S_INR. unfold F at 1.
      replace (total - (f a + list_sum drawn f)) with (list_sum rest f - f a) by lra.
      replace (N - (INR (length drawn) + 1)) with (INR (length rest) - 1) by lra. ring.
    - rewrite weighted_sum_scale, Hkernel, weighted_sum_uniform_law, Esum, Enumber.
      apply Rmult_le_compat_l; [assumption|].
      apply leave_one_out; [lia|]. intros a Ha. now apply Hf, Hin. }
  assert (H := G m [] (reachable_nil J) ltac:(cbn [length]; lia) ltac:(intros a Ha; destruct Ha)).
  cbn [path_product list_sum length INR] in H. rewrite !Rminus_0_r, Rmult_1_l in H. exact H.
Qed.

Lemma nodup_app {A : Type} (l l' : list A) :
  NoDup l -> NoDup l' -> (forall a, In a l -> ~ In a l') -> NoDup (l ++ l').
Proof.
  intros Hl Hl' Hdisjoint. induction Hl as [|a l Ha Hl IH]; [assumption|]. simpl. constructor.
  - rewrite in_app_iff. intros [H|H]; [contradiction|]. apply (Hdisjoint a); [now left|assumption].
  - apply IH. intros b Hb. apply Hdisjoint. now right.
Qed.

(** There are such draws from every population of numbers without repetitions, the positions 1 .. n among them. *)
Theorem draws_without_replacement_exist (population : list nat) :
  population <> [] -> NoDup population -> exists J : process nat, draws_without_replacement J population.
Proof.
  intros Hne Hdup.
  set (rest := fun drawn => filter (fun k => if in_dec Nat.eq_dec k drawn then false else true) population).
  set (law := fun drawn => match rest drawn with [] => uniform_law population | k :: l => uniform_law (k :: l) end).
  assert (Hlaw : forall drawn, distribution (law drawn)).
  { intros drawn. unfold law.
    destruct (rest drawn) as [|k l]; apply uniform_law_distribution; [assumption|discriminate]. }
  exists (Process law Hlaw).
  assert (Hrest : forall k drawn, In k (rest drawn) <-> In k population /\ ~ In k drawn).
  { intros k drawn. unfold rest. rewrite filter_In.
    destruct (in_dec Nat.eq_dec k drawn) as [H|H]; split; intros [H1 H2]; try discriminate; tauto. }
  assert (Hperm : forall drawn, NoDup drawn -> incl drawn population -> Permutation (drawn ++ rest drawn) population).
  { intros drawn Hd Hi. apply NoDup_Permutation; [|assumption|].
    - apply nodup_app; [assumption|now apply NoDup_filter|]. intros k H1 H2. apply Hrest in H2. tauto.
    - intros k. rewrite in_app_iff, Hrest. destruct (in_dec Nat.eq_dec k drawn) as [H|H]; [|tauto].
      assert (H' := Hi k H). tauto. }
  assert (Hreach : forall drawn, reachable (Process law Hlaw) drawn -> (length drawn <= length population)%nat ->
    NoDup drawn /\ incl drawn population).
  { intros drawn Hr. induction Hr as [|past w k Hr IH Hin Hw]; intros Hl.
    - split; [constructor|intros k H; destruct H].
    - cbn [length] in Hl. destruct (IH ltac:(lia)) as [Hd Hi].
      assert (Hp := Permutation_length (Hperm past Hd Hi)). rewrite append_size in Hp.
      cbn [kernel] in Hin. unfold law in Hin. destruct (rest past) as [|j l] eqn:E; [simpl in Hp; lia|].
      unfold uniform_law in Hin. apply in_map_iff in Hin. destruct Hin as [i [E' Hj]].
      injection E' as E1 E2. rewrite E2, <- E, Hrest in Hj. destruct Hj as [H1 H2]. split.
      + now constructor.
      + intros x [Hx|Hx]; [now rewrite <- Hx|now apply Hi]. }
  intros drawn Hr Hl. exists (rest drawn).
  destruct (Hreach drawn Hr ltac:(lia)) as [Hd Hi]. assert (Hp := Hperm drawn Hd Hi). split; [|assumption].
  cbn [kernel]. unfold law. apply Permutation_length in Hp. rewrite append_size in Hp.
  destruct (rest drawn) as [|k l]; [simpl in Hp; lia|reflexivity].
Qed.

(** * The bound *)

(** m >= 1 draws, with replacement, or without it and then at most as many as the population has. *)
Definition random_sample {A : Type} (J : process A) (population : list A) (m : nat) : Prop :=
  (0 < m)%nat /\ population <> [] /\
  (uniform_draws J population \/ (m <= length population)%nat /\ draws_without_replacement J population).

(** What is drawn belongs to the population. *)
Lemma sample_from_population {A : Type} (J : process A) population m drawn a :
  random_sample J population m -> reachable J drawn -> (length drawn <= m)%nat -> In a drawn -> In a population.
Proof.
  intros [Hm [Hne HJ]] Hr. induction Hr as [|past w b Hr IH Hin Hw]; intros Hl Ha; [destruct Ha|].
  cbn [length] in Hl. destruct Ha as [Ha|Ha]; [|apply IH; [lia|assumption]].
  assert (Hlaw : exists rest, In (w, b) (uniform_law rest) /\ incl rest population).
  { destruct HJ as [HJ|[Hle HJ]].
    - exists population. rewrite <- (HJ past). split; [assumption|apply incl_refl].
    - destruct (HJ past Hr ltac:(lia)) as [rest [Hkernel Hperm]]. exists rest. rewrite <- Hkernel.
      split; [assumption|]. intros x Hx. apply (Permutation_in x Hperm), in_or_app. now right. }
  destruct Hlaw as [rest [Hb Hincl]]. apply in_map_iff in Hb. destruct Hb as [c [E Hc]].
  injection E as E1 E2. rewrite <- Ha, <- E2. now apply Hincl.
Qed.

(** The mean of values z <= u over the population is at most u - e^{-C} GM(u - z(J_k)) with probability at least
    1 - e^{-mC} over the sample. *)
Theorem sampled_mean_high_probability {A : Type} (J : process A) population (z : A -> R) u m C :
  random_sample J population m -> (forall a, In a population -> z a <= u) ->
  probability J m (fun drawn =>
    geometric_mean_bound C (fun _ a => z a) (fun _ => u) drawn < population_mean population z)
  <= exp (- (INR m * C)).
Proof.
  intros [Hm [Hne HJ]] Hz. set (f := fun a => u - z a).
  assert (Hpos := length_positive population Hne). assert (Hi := inverse_positive _ Hpos).
  assert (Hf : forall a, In a population -> 0 <= f a) by (intros a Ha; unfold f; assert (H := Hz a Ha); lra).
  assert (Hmean : population_mean population f = u - population_mean population z).
  { unfold population_mean, f. rewrite (list_sum_eq _ _ (fun a => -1 * z a + u)) by (intros; ring).
    rewrite list_sum_affine. field; lra. }
  assert (Hmean0 : 0 <= population_mean population f).
  { unfold population_mean, Rdiv. apply Rmult_le_pos; [now apply list_sum_nonneg|lra]. }
  assert (Hmoment : expectation J m (path_product (fun _ a => f a)) <= population_mean population f ^ m).
  { destruct HJ as [HJ|[Hle HJ]]; [right; now apply uniform_product_mean|now apply maclaurin_inequality]. }
  assert (Hproduct : forall drawn, reachable J drawn -> length drawn = m -> 0 <= path_product (fun _ a => f a) drawn).
  { intros drawn Hr Hl. apply (path_product_values_nonneg f). intros a Ha. apply Hf.
    apply (sample_from_population J population m drawn); [repeat split; assumption|assumption|lia|assumption]. }
  destruct Hmean0 as [Hmu|Hmu].
  - set (mu := population_mean population f) in *. set (c := exp (INR m * C) * mu ^ m).
    assert (Hpow : 0 < mu ^ m) by now apply pow_lt.
    assert (Hc : 0 < c) by (apply Rmult_lt_0_compat; [apply exp_pos|assumption]).
    apply Rle_trans with (probability J m (fun drawn => c <= path_product (fun _ a => f a) drawn)).
    + apply probability_mono. intros drawn Hr Hl Hfail. assert (H0 := Hproduct drawn Hr Hl).
      unfold geometric_mean_bound, path_geometric_mean in Hfail.
      rewrite path_mean_constant, Hl in Hfail by now apply (nonempty_length drawn m). fold f in Hfail.
      set (product := path_product (fun _ a => f a) drawn) in *.
      assert (Hlt : mu * exp C <= nth_root m product).
      { apply Rmult_le_reg_l with (exp (- C)); [apply exp_pos|].
        replace (exp (- C) * (mu * exp C)) with (mu * exp (- C + C)) by (rewrite exp_plus; ring).
        rewrite Rplus_opp_l, exp_0. lra. }
      rewrite <- (nth_root_power m product) by assumption. unfold c. rewrite exp_times_INR, <- Rpow_mult_distr.
      apply pow_incr. split; [|lra]. apply Rmult_le_pos; [apply Rlt_le, exp_pos|lra].
    + apply Rle_trans with (1 := markov_inequality J m _ c Hc Hproduct).
      apply Rle_trans with (mu ^ m / c).
      * apply Rmult_le_compat_r; [now apply Rlt_le, Rinv_0_lt_compat|assumption].
      * right. unfold c. rewrite exp_Ropp. assert (He := exp_pos (INR m * C)). field. split; lra.
  - rewrite probability_impossible; [apply Rlt_le, exp_pos|]. intros drawn Hr Hl Hfail.
    assert (Hne' := nonempty_length drawn m Hm Hl).
    unfold geometric_mean_bound, path_geometric_mean in Hfail. rewrite path_mean_constant in Hfail by assumption.
    fold f in Hfail. assert (Hzero : path_product (fun _ a => f a) drawn <= 0).
    { destruct drawn as [|a past]; [congruence|]. simpl.
      assert (Ha : In a population).
      { apply (sample_from_population J population m (a :: past)); [repeat split; assumption|assumption|lia|now left]. }
      assert (Hterm := list_sum_term population f a Hf Ha). assert (H0 := Hf a Ha).
      assert (Htotal : list_sum population f = 0).
      { replace (list_sum population f) with (population_mean population f * INR (length population))
          by (unfold population_mean; field; lra). rewrite <- Hmu. ring. }
      replace (f a) with 0 by lra. lra. }
    unfold nth_root in Hfail. destruct (Rle_dec (path_product (fun _ a => f a) drawn) 0) as [H|H]; [|lra]. lra.
Qed.
