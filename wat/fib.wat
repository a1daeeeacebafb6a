;; Fibonacci numbers, three ways.
;;
;; run: run --invoke recursive fib.wat 24
;; stdout: 46368
;; run: run --invoke iterative fib.wat 90
;; stdout: 2880067194370816120
;; run: run --invoke tail fib.wat 90 0 1
;; stdout: 2880067194370816120
;; run: run --invoke pair fib.wat 10
;; stdout: 55
;; stdout: 89

(module $fib
  (func $recursive (export "recursive") (param $n i32) (result i64)
    (if (result i64) (i32.lt_u (local.get $n) (i32.const 2))
      (then (i64.extend_i32_u (local.get $n)))
      (else
        (i64.add
          (call $recursive (i32.sub (local.get $n) (i32.const 1)))
          (call $recursive (i32.sub (local.get $n) (i32.const 2)))))))

  (func $iterative (export "iterative") (param $n i32) (result i64)
    (local $a i64) (local $b i64)
    (local.set $b (i64.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.get $b)
        (local.set $b (i64.add (local.get $a) (local.get $b)))
        (local.set $a)
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $a))

  (func $tail (export "tail") (param $n i32) (param $a i64) (param $b i64) (result i64)
    (if (i32.eqz (local.get $n)) (then (return (local.get $a))))
    (return_call $tail
      (i32.sub (local.get $n) (i32.const 1))
      (local.get $b)
      (i64.add (local.get $a) (local.get $b))))

  (func (export "pair") (param $n i32) (result i64 i64)
    (call $iterative (local.get $n))
    (call $iterative (i32.add (local.get $n) (i32.const 1)))))
