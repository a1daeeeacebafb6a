;; Code in which nothing is thrown, each kind twice: as it is, and inside of a `try_table`.
;;
;; run: run --invoke run try.wat 20
;; stdout: 0

(module
  (tag $t (param i32))
  (tag $f (param f64))
  (type $unary (func (param i32) (result i32)))
  (memory 1)
  (table 1 funcref)
  (elem (i32.const 0) $next)

  (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $half (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func $pair (param i32) (result i32 i32) (i32.add (local.get 0) (i32.const 1)) (i32.xor (local.get 0) (i32.const 5)))
  (func $wide (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.add
      (i32.add (i32.add (local.get 0) (local.get 1)) (i32.add (local.get 2) (local.get 3)))
      (i32.add (i32.add (local.get 4) (local.get 5)) (i32.add (local.get 6) (local.get 7)))))

  ;; A loop that only calls.
  (func $leaf (export "leaf") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (call $next (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $leaf_try (export "leaf_try") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught) (call $next (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; Values that live across the call.
  (func $live (export "live") (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32)
    (loop $again
      (local.set $a (call $next (local.get $a)))
      (local.set $b (i32.add (local.get $b) (local.get $a)))
      (local.set $c (i32.xor (local.get $c) (local.get $b)))
      (local.set $d (i32.add (local.get $d) (local.get $c)))
      (local.set $e (i32.xor (local.get $e) (local.get $d)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (local.get $d) (local.get $e)))
  (func $live_try (export "live_try") (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32)
    (loop $again
      (local.set $a
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught) (call $next (local.get $a)))))
      (local.set $b (i32.add (local.get $b) (local.get $a)))
      (local.set $c (i32.xor (local.get $c) (local.get $b)))
      (local.set $d (i32.add (local.get $d) (local.get $c)))
      (local.set $e (i32.xor (local.get $e) (local.get $d)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (local.get $d) (local.get $e)))

  ;; The same with floating-point numbers, which no call preserves.
  (func $float (export "float") (param $n i32) (result i32) (local $x f64) (local $sum f64)
    (local.set $x (f64.const 1))
    (loop $again
      (local.set $sum (f64.add (local.get $sum) (local.tee $x (call $half (f64.add (local.get $x) (f64.const 1))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.trunc_sat_f64_s (local.get $sum)))
  (func $float_try (export "float_try") (param $n i32) (result i32) (local $x f64) (local $sum f64)
    (local.set $x (f64.const 1))
    (loop $again
      (local.set $sum
        (f64.add (local.get $sum)
          (local.tee $x
            (block $caught (result f64)
              (try_table (result f64) (catch $f $caught) (call $half (f64.add (local.get $x) (f64.const 1))))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.trunc_sat_f64_s (local.get $sum)))

  ;; Recursion, with the `try` in every frame.
  (func $fib (export "fib") (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else
        (i32.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func $fib_try (export "fib_try") (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (i32.add
              (call $fib_try (i32.sub (local.get $n) (i32.const 1)))
              (call $fib_try (i32.sub (local.get $n) (i32.const 2)))))))))

  ;; Many locals, which the handler reads, and several calls in one `try`.
  (func $locals (export "locals") (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (loop $again
      (local.set $a (call $next (i32.add (local.get $h) (local.get $n))))
      (local.set $b (i32.add (local.get $b) (local.get $a)))
      (local.set $c (i32.sub (local.get $c) (local.get $b)))
      (local.set $d (call $next (i32.xor (local.get $d) (local.get $c))))
      (local.set $e (i32.add (local.get $e) (local.get $d)))
      (local.set $f (i32.sub (local.get $f) (local.get $e)))
      (local.set $g (call $next (i32.xor (local.get $g) (local.get $f))))
      (local.set $h (i32.add (local.get $h) (local.get $g)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (i32.add (local.get $b) (local.get $c)) (i32.add (local.get $f) (local.get $h))))
  (func $locals_try (export "locals_try") (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (block $done
      (loop $again
        (block $caught (result i32)
          (try_table (catch $t $caught)
            (local.set $a (call $next (i32.add (local.get $h) (local.get $n))))
            (local.set $b (i32.add (local.get $b) (local.get $a)))
            (local.set $c (i32.sub (local.get $c) (local.get $b)))
            (local.set $d (call $next (i32.xor (local.get $d) (local.get $c))))
            (local.set $e (i32.add (local.get $e) (local.get $d)))
            (local.set $f (i32.sub (local.get $f) (local.get $e)))
            (local.set $g (call $next (i32.xor (local.get $g) (local.get $f))))
            (local.set $h (i32.add (local.get $h) (local.get $g))))
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
          (br $done))
        (local.set $h)
        (br $again)))
    (i32.add (i32.add (local.get $b) (local.get $c)) (i32.add (local.get $f) (local.get $h))))

  ;; A `try_table` around the whole loop.
  (func $around (export "around") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (i32.xor (call $next (local.get $x)) (local.get $n)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $around_try (export "around_try") (param $n i32) (result i32) (local $x i32)
    (block $caught (result i32)
      (try_table (catch $t $caught)
        (loop $again
          (local.set $x (i32.xor (call $next (local.get $x)) (local.get $n)))
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
      (local.get $x)))

  ;; No call at all.
  (func $straight (export "straight") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (i32.xor (i32.mul (local.get $x) (i32.const 5)) (local.get $n)))
      (i32.store (i32.and (local.get $x) (i32.const 0xfffc)) (local.get $n))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $straight_try (export "straight_try") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (block $caught
        (try_table (catch_all $caught)
          (local.set $x (i32.xor (i32.mul (local.get $x) (i32.const 5)) (local.get $n)))
          (i32.store (i32.and (local.get $x) (i32.const 0xfffc)) (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; A call through a table.
  (func $indirect (export "indirect") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (call_indirect (type $unary) (local.get $x) (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $indirect_try (export "indirect_try") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call_indirect (type $unary) (local.get $x) (i32.const 0)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; More parameters than there are registers. Several loops, each at another place: where it lies changes the time of such a loop by a
  ;; fifth.
  (func $many (export "many") (param $rounds i32) (result i32) (local $n i32) (local $x i32)
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $many_try (export "many_try") (param $rounds i32) (result i32) (local $n i32) (local $x i32)
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $n (local.get $rounds))
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $wide (local.get $x) (local.get $n) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; Two results.
  (func $both (export "both") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (i32.add (call $pair (local.get $x))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $both_try (export "both_try") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught) (i32.add (call $pair (local.get $x))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; How many kinds give different answers in so many rounds.
  (func (export "run") (param $n i32) (result i32)
    (i32.ne (call $leaf (local.get $n)) (call $leaf_try (local.get $n)))
    (i32.add (i32.ne (call $live (local.get $n)) (call $live_try (local.get $n))))
    (i32.add (i32.ne (call $float (local.get $n)) (call $float_try (local.get $n))))
    (i32.add (i32.ne (call $fib (local.get $n)) (call $fib_try (local.get $n))))
    (i32.add (i32.ne (call $locals (local.get $n)) (call $locals_try (local.get $n))))
    (i32.add (i32.ne (call $around (local.get $n)) (call $around_try (local.get $n))))
    (i32.add (i32.ne (call $straight (local.get $n)) (call $straight_try (local.get $n))))
    (i32.add (i32.ne (call $indirect (local.get $n)) (call $indirect_try (local.get $n))))
    (i32.add (i32.ne (call $many (local.get $n)) (call $many_try (local.get $n))))
    (i32.add (i32.ne (call $both (local.get $n)) (call $both_try (local.get $n)))))
)
