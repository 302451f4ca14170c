(** The floor (THEORY 1, `floor`): no method that knows only X <= B certifies less than

        mean X + (1 - e^{-C})(B - mean X),

    at any n. Let every X_k be x_k with probability p just above e^{-C}, else B: the losses x have probability
    p^n > e^{-nC}, and the risk is mean x + (1 - p)(B - mean x). The method may see the whole history and may know
    which outcomes are possible after every past; only the law is hidden from it. *)
From Coq Require Import Reals Lra Lia List.
From Coq Require ClassicalDedekindReals Classical_Prop.
Import ListNotations.
From Genbound Require Import Process Martingale Analysis GeometricMean.
Open Scope R_scope.

(** Every step of the path is possible after the past it has there. *)
Fixpoint path_possible {O : Type} (possible : list O -> O -> Prop) (h : list O) : Prop :=
  match h with [] => True | o :: past => possible past o /\ path_possible possible past end.

(** * The process that hides the risk *)

(** The outcome that continues the path [x] after as many steps as [past] has, where possible; else [top]. *)
Definition continued {O : Type} (possible : list O -> O -> Prop) (top : list O -> O) (x past : list O) : O :=
  let o := nth (length past) (rev x) (top past) in
  if ClassicalDedekindReals.sig_not_dec (possible past o) then o else top past.

Lemma hiding_distribution {O : Type} (p : R) (o o' : O) : 0 <= p <= 1 -> distribution [(p, o); (1 - p, o')].
Proof.
  intros Hp; split; [|simpl; ring].
  intros w y [E|[E|[]]]; injection E as E1 E2; lra.
Qed.

(** With probability p the path [x] goes on, else [top] comes. *)
Definition hiding_process {O : Type} (possible : list O -> O -> Prop) (top : list O -> O) (x : list O)
    (p : R) (Hp : 0 <= p <= 1) : process O :=
  Process (fun past => [(p, continued possible top x past); (1 - p, top past)])
    (fun past => hiding_distribution p _ _ Hp).

Section Hiding.
Context {O : Type} (possible : list O -> O -> Prop) (top : list O -> O) (x : list O).

Lemma continued_possible past : (forall h, possible h (top h)) -> possible past (continued possible top x past).
Proof.
  intros Htop; unfold continued. destruct (ClassicalDedekindReals.sig_not_dec _) as [H|H]; [|apply Htop].
  now apply Classical_Prop.NNPP.
Qed.

Lemma continued_on_path l o past : x = l ++ o :: past -> possible past o -> continued possible top x past = o.
Proof.
  intros E Ho. assert (En : nth (length past) (rev x) (top past) = o).
  { rewrite E, rev_app_distr. cbn [rev]. rewrite <- app_assoc, app_nth2; rewrite rev_length; [|lia].
    rewrite Nat.sub_diag. reflexivity. }
  unfold continued; rewrite En. destruct (ClassicalDedekindReals.sig_not_dec (possible past o)) as [H|H]; tauto.
Qed.

Variable p : R.
Hypothesis Hp : 0 <= p <= 1.

Lemma hiding_possible past o : (forall h, possible h (top h)) ->
  reachable (hiding_process possible top x p Hp) (o :: past) -> possible past o.
Proof.
  intros Htop Hr. inversion Hr as [|past' w o' Hr' Hi Hw E]. simpl in Hi.
  destruct Hi as [Eo|[Eo|[]]]; injection Eo as Ew Ey; rewrite <- Ey; [now apply continued_possible|apply Htop].
Qed.

Lemma indicator_mean_nonneg n : forall h (E : list O -> Prop),
  0 <= expectation_from (hiding_process possible top x p Hp) n h (fun y => indicator (E y)).
Proof.
  induction n as [|n IH]; intros h E; cbn [expectation_from]; [apply indicator_nonneg|].
  apply weighted_sum_nonneg; [apply kernel_weights|]. intros w o Hi Hw; apply IH.
Qed.

Lemma path_probability_from : forall l past, x = l ++ past -> path_possible possible x ->
  p ^ length l <= expectation_from (hiding_process possible top x p Hp) (length l) past (fun y => indicator (y = x)).
Proof.
  intros l; induction l as [|o l IH] using rev_ind; intros past E Hposs.
  - simpl. rewrite indicator_true by (now symmetry). lra.
  - rewrite app_length, Nat.add_comm. cbn [length Nat.add expectation_from kernel hiding_process weighted_sum].
    rewrite <- app_assoc in E; cbn [app] in E.
    assert (Ho : possible past o).
    { clear IH. rewrite E in Hposs. revert Hposs. clear E. induction l as [|o' l IHl]; simpl; tauto. }
    rewrite (continued_on_path l o past E Ho). rewrite <- tech_pow_Rmult.
    assert (H1 := IH (o :: past) E Hposs).
    assert (H2 := indicator_mean_nonneg (length l) (top past :: past) (fun y => y = x)).
    assert (H3 := Rmult_le_compat_l p _ _ (proj1 Hp) H1).
    assert (H4 : 0 <= 1 - p) by lra. assert (H5 := Rmult_le_pos _ _ H4 H2). lra.
Qed.

Lemma path_probability : path_possible possible x ->
  p ^ length x <= probability (hiding_process possible top x p Hp) (length x) (fun h => h = x).
Proof. intros Hposs. apply (path_probability_from x []); [now rewrite app_nil_r|assumption]. Qed.

Lemma hidden_conditional_mean (X : list O -> O -> R) past :
  conditional_mean (hiding_process possible top x p Hp) X past
  = p * X past (continued possible top x past) + (1 - p) * X past (top past).
Proof. unfold conditional_mean; simpl; ring. Qed.

Lemma hidden_risk_sum (X : list O -> O -> R) : forall past l, x = l ++ past -> path_possible possible past ->
  path_sum (fun h _ => conditional_mean (hiding_process possible top x p Hp) X h) past
  = p * path_sum X past + (1 - p) * path_sum (fun h _ => X h (top h)) past.
Proof.
  induction past as [|o past IH]; intros l E Hposs; [simpl; ring|].
  destruct Hposs as [Ho Hpast]. cbn [path_sum].
  rewrite hidden_conditional_mean, (continued_on_path l o past E Ho).
  rewrite (IH (l ++ [o])); [ring| |assumption]. rewrite <- app_assoc; exact E.
Qed.

(** On the path itself R = mean X + (1 - p)(mean B - mean X), B the loss at [top]. *)
Lemma hidden_risk (X : list O -> O -> R) : path_possible possible x ->
  risk (hiding_process possible top x p Hp) X x
  = p * path_mean X x + (1 - p) * path_mean (fun h _ => X h (top h)) x.
Proof.
  intros Hposs. unfold risk, path_mean. rewrite (hidden_risk_sum X x []) by auto. unfold Rdiv; ring.
Qed.
End Hiding.

(** * The impossibility *)

(** Some p above q keeps p below 1 and B - p g above every number that is below B - q g. *)
Lemma room_above q g b c : q < 1 -> c < b - q * g -> exists p, q < p < 1 /\ c < b - p * g.
Proof.
  intros Hq Hc. set (slack := b - q * g - c). assert (Hslack : 0 < slack) by (unfold slack; lra).
  assert (Hg0 : 0 <= Rabs g) by apply Rabs_pos. assert (Hg : g <= Rabs g) by apply Rle_abs.
  assert (He : 0 < slack / (2 * (Rabs g + 1))) by (apply Rdiv_lt_0_compat; lra).
  set (e := Rmin ((1 - q) / 2) (slack / (2 * (Rabs g + 1)))).
  assert (Hpos : 0 < e) by (unfold e; apply Rmin_glb_lt; lra).
  assert (Hhalf : e <= (1 - q) / 2) by apply Rmin_l.
  assert (Hfrac : e * (2 * (Rabs g + 1)) <= slack).
  { apply Rle_trans with (slack / (2 * (Rabs g + 1)) * (2 * (Rabs g + 1))).
    - apply Rmult_le_compat_r; [lra|apply Rmin_r].
    - right; field; lra. }
  assert (Heg := Rmult_le_compat_l e _ _ (Rlt_le _ _ Hpos) Hg).
  assert (Heg0 := Rmult_le_pos _ _ (Rlt_le _ _ Hpos) Hg0).
  exists (q + e). split; [lra|]. unfold slack in Hfrac. lra.
Qed.

(** [floor] for a method that sees everything but the law. It knows which outcomes are possible after each past, [top]
    among them; if its failure probability is at most e^{-nC} under every law on possible outcomes, then on every
    possible path it is at least mean X + (1 - e^{-C})(mean B - mean X), where B_k is the loss at [top]. *)
Theorem floor_unimprovable_general {O : Type} (possible : list O -> O -> Prop) (top : list O -> O)
    (X : list O -> O -> R) (statistic : list O -> R) n C :
  (0 < n)%nat -> 0 < C -> (forall past, possible past (top past)) ->
  (forall P : process O, (forall past o, reachable P (o :: past) -> possible past o) ->
     probability P n (fun h => statistic h < risk P X h) <= exp (- (INR n * C))) ->
  forall x, length x = n -> path_possible possible x ->
  path_mean X x + (1 - exp (- C)) * (path_mean (fun past _ => X past (top past)) x - path_mean X x) <= statistic x.
Proof.
  intros Hn HC Htop Hvalid x Hl Hposs. apply Rnot_lt_le; intros Hlow.
  set (b := path_mean (fun past _ => X past (top past)) x) in *. set (m := path_mean X x) in *.
  assert (Hq0 := exp_pos (- C)).
  assert (Hq1 : exp (- C) < 1) by (rewrite <- exp_0; apply exp_increasing; lra).
  destruct (room_above (exp (- C)) (b - m) b (statistic x) Hq1) as [p [Hp Hroom]]; [lra|].
  assert (Hp01 : 0 <= p <= 1) by lra.
  assert (Hprob := path_probability possible top x p Hp01 Hposs). rewrite Hl in Hprob.
  assert (Hfail := Hvalid (hiding_process possible top x p Hp01)
    (fun past o => hiding_possible possible top x p Hp01 past o Htop)).
  assert (Hsub : probability (hiding_process possible top x p Hp01) n (fun h => h = x)
    <= probability (hiding_process possible top x p Hp01) n
        (fun h => statistic h < risk (hiding_process possible top x p Hp01) X h)).
  { apply probability_mono. intros h Hr Hlh E. rewrite E, hidden_risk by assumption. fold b m. lra. }
  assert (Hpow : p ^ n <= exp (- C) ^ n).
  { rewrite <- exp_times_INR. replace (INR n * - C) with (- (INR n * C)) by ring. lra. }
  assert (H := pow_le_inv n p (exp (- C)) Hn (proj1 Hp01) (Rlt_le _ _ Hq0) Hpow). lra.
Qed.

(** [floor] with a ceiling for each context: X_k <= B_k, B a function of the past that some outcome reaches. *)
Theorem floor_unimprovable_ceilings {O : Type} (X : list O -> O -> R) (B : list O -> R) (top : list O -> O)
    (statistic : list O -> R) n C :
  (0 < n)%nat -> 0 < C -> (forall past, X past (top past) = B past) ->
  (forall P : process O, upper_bounded P X B ->
     probability P n (fun h => statistic h < risk P X h) <= exp (- (INR n * C))) ->
  forall x, length x = n -> path_possible (fun past o => X past o <= B past) x ->
  path_mean X x + (1 - exp (- C)) * (path_mean (fun past _ => B past) x - path_mean X x) <= statistic x.
Proof.
  intros Hn HC Htop Hvalid x Hl Hposs.
  assert (E : forall h, path_mean (fun past _ => X past (top past)) h = path_mean (fun past (_ : O) => B past) h).
  { intros h; unfold path_mean; f_equal. induction h as [|o h IH]; simpl; [reflexivity|]. now rewrite Htop, IH. }
  rewrite <- E. apply (floor_unimprovable_general (fun past o => X past o <= B past) top X statistic n C); auto.
  intros past; rewrite Htop; lra.
Qed.

Lemma in_path_possible {O : Type} (good : O -> Prop) (x : list O) :
  (forall a, In a x -> good a) -> path_possible (fun _ o => good o) x.
Proof. induction x as [|a x IH]; simpl; [tauto|]. intros H; split; [|apply IH; intros b Hb]; apply H; tauto. Qed.

(** [floor]: a function of the losses, with the outcomes themselves as losses. If it fails with probability at most
    e^{-nC} under every law of losses in [least, B], then it is nowhere below mean x + (1 - e^{-C})(B - mean x). *)
Theorem floor_unimprovable (statistic : list R -> R) n C least B :
  (0 < n)%nat -> 0 < C -> least <= B ->
  (forall P : process R, (forall past o, reachable P (o :: past) -> least <= o <= B) ->
     probability P n (fun h => statistic h < risk P (fun _ o => o) h) <= exp (- (INR n * C))) ->
  forall x, length x = n -> (forall a, In a x -> least <= a <= B) ->
  path_mean (fun _ o => o) x + (1 - exp (- C)) * (B - path_mean (fun _ o => o) x) <= statistic x.
Proof.
  intros Hn HC HB Hvalid x Hl Hx.
  assert (H := floor_unimprovable_general (fun _ o => least <= o <= B) (fun _ => B) (fun _ o => o) statistic n C
    Hn HC (fun _ => conj HB (Rle_refl B)) Hvalid x Hl (in_path_possible _ x Hx)).
  cbv beta in H. rewrite path_mean_constant in H; [exact H|]. intros E; rewrite E in Hl; simpl in Hl; lia.
Qed.

(** The process that attains it, for one ceiling: the losses x have probability at least p^n, and the risk is
    mean x + (1 - p)(B - mean x) on EVERY path, seen or not. *)
Theorem floor_process (x : list R) p B :
  x <> [] -> 0 <= p <= 1 -> (forall a, In a x -> a <= B) ->
  exists P : process R,
    (forall past o, reachable P (o :: past) -> o <= B) /\
    p ^ length x <= probability P (length x) (fun h => h = x) /\
    (forall h, length h = length x ->
       risk P (fun _ o => o) h = path_mean (fun _ o => o) x + (1 - p) * (B - path_mean (fun _ o => o) x)).
Proof.
  intros Hx Hp HB. set (possible := fun (_ : list R) o => o <= B).
  assert (Htop : forall past : list R, possible past B) by (intros past; unfold possible; lra).
  assert (Hposs : path_possible possible x) by (now apply (in_path_possible (fun o => o <= B))).
  exists (hiding_process possible (fun _ => B) x p Hp). split; [|split].
  - intros past o Hr. exact (hiding_possible possible (fun _ => B) x p Hp past o Htop Hr).
  - now apply path_probability.
  - assert (Hlen : 0 < INR (length x)) by (apply lt_0_INR; destruct x; simpl; [congruence|lia]).
    assert (Hsum : forall h l r, length h = length l -> x = r ++ l ->
      path_sum (fun past _ => conditional_mean (hiding_process possible (fun _ => B) x p Hp) (fun _ o => o) past) h
      = p * path_sum (fun _ o => o) l + INR (length l) * ((1 - p) * B)).
    { induction h as [|o h IH]; intros l r Hl E; destruct l as [|a l]; try discriminate Hl; [simpl; ring|].
      cbn [path_sum]. rewrite hidden_conditional_mean.
      assert (Hc : continued possible (fun _ => B) x h = a).
      { assert (Hhl : length h = length l) by (simpl in Hl; lia).
        assert (Ho : possible l a) by (apply HB; rewrite E; apply in_or_app; right; now left).
        rewrite <- (continued_on_path possible (fun _ => B) x r a l E Ho).
        unfold continued; now rewrite Hhl. }
      rewrite Hc, (IH l (r ++ [a])); [|simpl in Hl; lia|rewrite <- app_assoc; exact E].
      cbn [length]; rewrite S_INR; ring. }
    intros h Hl. unfold risk, path_mean. rewrite (Hsum h x []) by auto. rewrite Hl. field; lra.
Qed.

(** In particular, for every C > 0: losses that have probability above e^{-nC}, and a risk as near the floor as wanted,
    or above it. *)
Corollary floor_attained (x : list R) C B gap :
  x <> [] -> 0 < C -> 0 < gap -> (forall a, In a x -> a <= B) ->
  exists P : process R,
    (forall past o, reachable P (o :: past) -> o <= B) /\
    exp (- (INR (length x) * C)) < probability P (length x) (fun h => h = x) /\
    (forall h, length h = length x ->
       path_mean (fun _ o => o) x + (1 - exp (- C)) * (B - path_mean (fun _ o => o) x) - gap
       < risk P (fun _ o => o) h).
Proof.
  intros Hx HC Hgap HB. assert (Hq0 := exp_pos (- C)).
  assert (Hq1 : exp (- C) < 1) by (rewrite <- exp_0; apply exp_increasing; lra).
  set (m := path_mean (fun (_ : list R) o => o) x).
  destruct (room_above (exp (- C)) (B - m) B (B - exp (- C) * (B - m) - gap) Hq1) as [p [Hp Hroom]]; [lra|].
  destruct (floor_process x p B Hx) as [P [HPB [Hprob Hrisk]]]; [lra|assumption|].
  exists P. split; [assumption|split].
  - apply Rlt_le_trans with (2 := Hprob). apply Rnot_le_lt; intros H.
    assert (Hlen : (0 < length x)%nat) by (destruct x; simpl; [congruence|lia]).
    assert (Hpow : p ^ length x <= exp (- C) ^ length x).
    { rewrite <- exp_times_INR. replace (INR (length x) * - C) with (- (INR (length x) * C)) by ring. assumption. }
    assert (Hle := pow_le_inv (length x) p (exp (- C)) Hlen ltac:(lra) (Rlt_le _ _ Hq0) Hpow). lra.
  - intros h Hl. rewrite Hrisk by assumption. fold m. lra.
Qed.

(** The premise of [floor_unimprovable] is not empty: the geometric-mean bound with U = B meets it. *)
Remark floor_premise_met n C B (P : process R) :
  (0 < n)%nat -> (forall past o, reachable P (o :: past) -> o <= B) ->
  probability P n (fun h => geometric_mean_bound C (fun _ o => o) (fun _ => B) h < risk P (fun _ o => o) h)
  <= exp (- (INR n * C)).
Proof. intros Hn HB. apply geometric_mean_high_probability; assumption. Qed.

(** The geometric-mean bound respects the floor of its own U: THEORY 4's loss variation is not negative. *)
Theorem geometric_mean_above_floor {O : Type} (P : process O) X U C h :
  upper_bounded P X U -> reachable P h -> h <> [] ->
  path_mean X h + (1 - exp (- C)) * (path_mean (fun past _ => U past) h - path_mean X h)
  <= geometric_mean_bound C X U h.
Proof.
  intros HU Hr Hh. unfold geometric_mean_bound, path_geometric_mean.
  assert (Hlen : (0 < length h)%nat) by (destruct h; simpl; [congruence|lia]).
  set (F := fun past o => U past - X past o).
  assert (HF : forall past o, reachable P (o :: past) -> 0 <= F past o)
    by (intros past o Hro; assert (H := HU past o Hro); unfold F; lra).
  assert (Hmean : path_mean F h = 1 * path_mean (fun past _ => U past) h + (-1) * path_mean X h).
  { rewrite <- path_mean_linear by assumption. apply (path_mean_eq P); [assumption|]. intros; unfold F; ring. }
  assert (Hmean0 : 0 <= path_mean F h).
  { rewrite <- (path_mean_constant (O := O) 0 h Hh). now apply (path_mean_le P). }
  assert (Hroot : nth_root (length h) (path_product F h) <= path_mean F h).
  { assert (HP0 : 0 <= path_product F h) by now apply (path_product_nonneg P).
    apply (pow_le_inv (length h)); [assumption|apply nth_root_nonneg|assumption|].
    rewrite nth_root_power by assumption. now apply (path_am_gm P). }
  assert (H := Rmult_le_compat_l (exp (- C)) _ _ (Rlt_le _ _ (exp_pos _)) Hroot).
  rewrite Hmean in H. lra.
Qed.
