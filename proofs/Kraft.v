(** Kraft's inequality (THEORY 2, `prior_union`): the code lengths L of a prefix-free binary code satisfy

        sum_h 2^{-L(h)} <= 1

    over every finite set of hypotheses; so 2^{-L} is a prior. The lengths len + 2 log2 len of words of every length
    len >= 2 satisfy it too. *)
From Coq Require Import Reals Lra Lia List.
Import ListNotations.
From Genbound Require Import Process.
Open Scope R_scope.

(** The word [a] is an initial part of the word [b]. *)
Definition prefix (a b : list bool) : Prop := exists rest, b = a ++ rest.

(** No code word is an initial part of another one. *)
Definition prefix_free {A : Type} (code : A -> list bool) : Prop :=
  forall a b, a <> b -> ~ prefix (code a) (code b).

(** The same among the hypotheses of a list only. *)
Definition prefix_free_on {A : Type} (hypotheses : list A) (code : A -> list bool) : Prop :=
  forall a b, In a hypotheses -> In b hypotheses -> a <> b -> ~ prefix (code a) (code b).

Definition incomparable (a b : list bool) : Prop := ~ prefix a b /\ ~ prefix b a.

(** 2^{-length}. *)
Definition word_weight (word : list bool) : R := (/ 2) ^ length word.

(** What follows the first bit [x] in the words that begin with it. *)
Definition tails (x : bool) (words : list (list bool)) : list (list bool) :=
  flat_map (fun word => match word with
                        | [] => []
                        | y :: rest => if Bool.eqb x y then [rest] else []
                        end) words.

Lemma tails_cons x y rest words :
  tails x ((y :: rest) :: words) = (if Bool.eqb x y then [rest] else []) ++ tails x words.
Proof. reflexivity. Qed.

Lemma in_tails x words rest : In rest (tails x words) -> In (x :: rest) words.
Proof.
  unfold tails; rewrite in_flat_map; intros [[|y word] [Hi Ht]]; [destruct Ht|].
  destruct (Bool.eqb x y) eqn:E; [|destruct Ht].
  apply Bool.eqb_prop in E. destruct Ht as [Ht|Ht]; [|destruct Ht]. now rewrite E, <- Ht.
Qed.

Lemma tails_incomparable x words :
  ForallOrdPairs incomparable words -> ForallOrdPairs incomparable (tails x words).
Proof.
  intros H; induction H as [|word words Hword Hwords IH]; [constructor|].
  destruct word as [|y rest]; [exact IH|]. rewrite tails_cons.
  destruct (Bool.eqb x y) eqn:E; [|assumption]. apply Bool.eqb_prop in E.
  simpl; constructor; [|assumption].
  rewrite Forall_forall in *. intros t Ht; apply in_tails in Ht.
  destruct (Hword _ Ht) as [H1 H2]; split; intros [u Hu]; [apply H1|apply H2]; exists u; rewrite E, Hu; reflexivity.
Qed.

Lemma word_weight_split words : ~ In [] words ->
  list_sum words word_weight
  = / 2 * list_sum (tails true words) word_weight + / 2 * list_sum (tails false words) word_weight.
Proof.
  induction words as [|word words IH]; intros Hn; [simpl; ring|].
  cbn [list_sum]. rewrite IH by (intros H; apply Hn; now right).
  assert (E : forall x rest, word_weight (x :: rest) = / 2 * word_weight rest) by reflexivity.
  destruct word as [|[|] rest].
  - exfalso; apply Hn; now left.
  - rewrite !tails_cons, E; cbn [Bool.eqb app list_sum]; ring.
  - rewrite !tails_cons, E; cbn [Bool.eqb app list_sum]; ring.
Qed.

Lemma empty_word_alone words : In [] words -> ForallOrdPairs incomparable words -> words = [[]].
Proof.
  intros Hi Hp. destruct Hp as [|word words Hword Hp]; [destruct Hi|].
  rewrite Forall_forall in Hword. destruct Hi as [E|Hi].
  - rewrite E in *. destruct words as [|other words]; [reflexivity|].
    destruct (Hword other) as [H H']; [now left|]. exfalso; apply H; exists other; reflexivity.
  - destruct (Hword _ Hi) as [H' H]. exfalso; apply H; exists word; reflexivity.
Qed.

(** By induction on the length of the longest word: split by the first bit. *)
Lemma incomparable_words k : forall words, (forall word, In word words -> (length word <= k)%nat) ->
  ForallOrdPairs incomparable words -> list_sum words word_weight <= 1.
Proof.
  induction k as [|k IH]; intros words Hk Hp;
    (destruct (in_dec (list_eq_dec Bool.bool_dec) [] words) as [Hi|Hi];
     [rewrite (empty_word_alone words Hi Hp); unfold word_weight; simpl; lra|]).
  - destruct words as [|word words]; [simpl; lra|]. exfalso; apply Hi.
    assert (H := Hk word (or_introl eq_refl)).
    destruct word as [|x rest]; [now left|simpl in H; lia].
  - rewrite word_weight_split by assumption.
    assert (Half : forall x, list_sum (tails x words) word_weight <= 1).
    { intros x; apply IH; [|now apply tails_incomparable].
      intros word Hw; apply in_tails, Hk in Hw; simpl in Hw; lia. }
    assert (H1 := Half true); assert (H2 := Half false); lra.
Qed.

(** Kraft's inequality: among finitely many different hypotheses with a prefix-free code, sum 2^{-L} <= 1. *)
Theorem kraft_inequality {A : Type} (hypotheses : list A) (code : A -> list bool) :
  NoDup hypotheses -> prefix_free_on hypotheses code ->
  list_sum hypotheses (fun a => (/ 2) ^ length (code a)) <= 1.
Proof.
  intros Hd Hf.
  assert (E : forall l, list_sum l (fun a => (/ 2) ^ length (code a)) = list_sum (map code l) word_weight).
  { intros l; induction l as [|a l IH]; simpl; [reflexivity|]. rewrite IH; reflexivity. }
  rewrite E.
  apply incomparable_words with (k := list_max (map (@length bool) (map code hypotheses))).
  - intros word Hw. set (lengths := map (@length bool) (map code hypotheses)).
    assert (H : Forall (fun k => (k <= list_max lengths)%nat) lengths) by now apply list_max_le.
    rewrite Forall_forall in H. apply H. now apply in_map.
  - induction Hd as [|a l Hi Hd IH]; simpl; constructor.
    + rewrite Forall_forall; intros word Hw; apply in_map_iff in Hw; destruct Hw as [b [Eb Hb]].
      assert (Hab : a <> b) by (intros Hab; rewrite Hab in Hi; contradiction).
      rewrite <- Eb; split; apply Hf; auto; simpl; auto.
    + apply IH; intros b c Hb Hc Hbc; apply Hf; auto; now right.
Qed.

(** The same for a code of all natural numbers: no initial part of the sum exceeds one. *)
Theorem kraft_inequality_countable (code : nat -> list bool) : prefix_free code ->
  forall N, list_sum (seq 0 N) (fun i => (/ 2) ^ length (code i)) <= 1.
Proof.
  intros Hf N; apply kraft_inequality; [apply seq_NoDup|]. intros a b Ha Hb Hab; now apply Hf.
Qed.

(** Words of every length len = 2, 3, ..., 2^len of each, written with len + 2 log2 len bits: the sum
    2^len * 2^{-len} / len^2 over len = 2, ..., N + 1 stays below one. *)
Theorem kraft_with_length N :
  list_sum (seq 2 N) (fun len => 2 ^ len * ((/ 2) ^ len * / INR len ^ 2)) <= 1.
Proof.
  assert (G : forall M k, (2 <= k)%nat ->
    list_sum (seq k M) (fun len => 2 ^ len * ((/ 2) ^ len * / INR len ^ 2)) <= / (INR k - 1)).
  { induction M as [|M IH]; intros k Hk; assert (HK : 2 <= INR k) by (apply (le_INR 2) in Hk; simpl in Hk; lra).
    - simpl. apply Rlt_le, Rinv_0_lt_compat; lra.
    - cbn [seq list_sum]. assert (H := IH (S k) (le_S _ _ Hk)). rewrite S_INR in H.
      replace (INR k + 1 - 1) with (INR k) in H by ring.
      rewrite <- Rmult_assoc, <- Rpow_mult_distr. replace (2 * / 2) with 1 by field. rewrite pow1.
      apply Rle_trans with (1 * / INR k ^ 2 + / INR k); [lra|].
      apply Rle_trans with (/ (INR k * (INR k - 1)) + / INR k).
      + apply Rplus_le_compat_r. rewrite Rmult_1_l. apply Rinv_le_contravar; [apply Rmult_lt_0_compat; lra|].
        simpl; rewrite Rmult_1_r. apply Rmult_le_compat_l; lra.
      + right; field; lra. }
  apply Rle_trans with (1 := G N 2%nat (le_n 2)). simpl; lra.
Qed.
