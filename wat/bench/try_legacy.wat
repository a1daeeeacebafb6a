;; Some of the kinds of `try.wat`, with `try` in the form before WebAssembly 3.0.
;;
;; run: run --invoke run try_legacy.wat 20
;; stdout: 0

(module
  (tag $t (param i32))

  (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))

  ;; A loop that only calls.
  (func $leaf (export "leaf") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (call $next (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $leaf_try (export "leaf_try") (param $n i32) (result i32) (local $x i32)
    loop $again
      try (result i32)
        (call $next (local.get $x))
      catch $t
      end
      local.set $x
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
    end
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
    loop $again
      try (result i32)
        (call $next (local.get $a))
      catch $t
      catch_all
        i32.const 0
      end
      local.set $a
      (local.set $b (i32.add (local.get $b) (local.get $a)))
      (local.set $c (i32.xor (local.get $c) (local.get $b)))
      (local.set $d (i32.add (local.get $d) (local.get $c)))
      (local.set $e (i32.xor (local.get $e) (local.get $d)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
    end
    (i32.add (local.get $d) (local.get $e)))

  ;; Recursion, with the `try` in every frame: what is thrown goes on, as from a frame with destructors.
  (func $fib (export "fib") (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else
        (i32.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func $fib_try (export "fib_try") (param $n i32) (result i32)
    (i32.lt_s (local.get $n) (i32.const 2))
    if (result i32)
      local.get $n
    else
      try (result i32)
        (i32.add
          (call $fib_try (i32.sub (local.get $n) (i32.const 1)))
          (call $fib_try (i32.sub (local.get $n) (i32.const 2))))
      catch_all
        rethrow 0
      end
    end)

  ;; How many kinds give different answers in so many rounds.
  (func (export "run") (param $n i32) (result i32)
    (i32.ne (call $leaf (local.get $n)) (call $leaf_try (local.get $n)))
    (i32.add (i32.ne (call $live (local.get $n)) (call $live_try (local.get $n))))
    (i32.add (i32.ne (call $fib (local.get $n)) (call $fib_try (local.get $n)))))
)
