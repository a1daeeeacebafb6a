;; The sieve of Eratosthenes: how many primes are below a number. The memory grows to what is needed.
;;
;; run: run --invoke primes_below sieve.wat 10
;; stdout: 4
;; run: run --invoke primes_below sieve.wat 100000
;; stdout: 9592
;; run: run --invoke primes_below sieve.wat 2
;; stdout: 0
;; run: run --max-memory 64K --invoke primes_below sieve.wat 100000
;; status: 134
;; stderr: unreachable
;; stderr: sieve!primes_below

(module $sieve
  (memory 1)
  ;; Makes room for this many bytes.
  (func $reserve (param $bytes i32)
    (local $pages i32)
    (local.set $pages
      (i32.sub
        (i32.shr_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (unreachable))))))

  (func (export "primes_below") (param $limit i32) (result i32)
    (local $i i32) (local $j i32) (local $count i32)
    (call $reserve (local.get $limit))
    (memory.fill (i32.const 0) (i32.const 1) (local.get $limit))
    (local.set $i (i32.const 2))
    (block $done
      (loop $candidate
        (br_if $done (i32.ge_u (local.get $i) (local.get $limit)))
        (if (i32.load8_u (local.get $i))
          (then
            (local.set $count (i32.add (local.get $count) (i32.const 1)))
            (local.set $j (i32.shl (local.get $i) (i32.const 1)))
            (block $struck
              (loop $multiple
                (br_if $struck (i32.ge_u (local.get $j) (local.get $limit)))
                (i32.store8 (local.get $j) (i32.const 0))
                (local.set $j (i32.add (local.get $j) (local.get $i)))
                (br $multiple)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $candidate)))
    (local.get $count)))
