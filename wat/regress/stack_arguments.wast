;; Exceptions out of calls whose arguments or results do not all fit in the registers of the C convention, with values that live on in
;; registers, in the frame and on the heap.

(module
  (type $box (struct (field i32)))
  (tag $t (param i32))
  (tag $u (param i32))

  ;; Throws its first argument if that is odd; else all arguments tell in the result.
  (func $ints (param i32 i32 i32 i64 i32 i32 i32 i64 i32) (result i32)
    (if (i32.and (local.get 0) (i32.const 1)) (then (throw $t (local.get 0))))
    (i32.add (i32.mul (local.get 0) (i32.const 3))
      (i32.add (i32.add (i32.add (local.get 1) (local.get 2)) (i32.wrap_i64 (local.get 3)))
        (i32.add (i32.add (local.get 4) (local.get 5))
          (i32.add (i32.add (local.get 6) (i32.wrap_i64 (local.get 7))) (local.get 8))))))

  ;; The same with more on the stack than it was called with.
  (func $grows (param i32) (result i32)
    (return_call $ints (local.get 0) (i32.const 1) (i32.const 2) (i64.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i64.const 7) (i32.const 8)))
  ;; The same with less.
  (func $shrinks (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (return_call $grows (local.get 0)))

  ;; More floats than registers.
  (func $floats (param i32 f64 f64 f64 f32 f64 f64 f64 f64 f64 f32) (result f64)
    (if (i32.and (local.get 0) (i32.const 1)) (then (throw $t (local.get 0))))
    (f64.add (f64.add (local.get 9) (f64.promote_f32 (local.get 10))) (f64.add (local.get 1) (f64.promote_f32 (local.get 4)))))

  ;; More results than C has registers for.
  (func $results (param i32) (result i32 i64 i32 i32 f64 f64 f64)
    (if (i32.and (local.get 0) (i32.const 1)) (then (throw $t (local.get 0))))
    (local.get 0) (i64.const 20) (i32.const 3) (i32.const 4) (f64.const 1) (f64.const 2) (f64.const 3))
  (func $sum-of-results (param $i i32) (result i32)
    (local $last i32)
    (block $caught (result i32)
      (try_table (catch $t $caught)
        (call $results (local.get $i))
        (drop) (drop) (drop) (i32.add) (local.set $last) (i32.wrap_i64) (i32.add) (local.set $i))
      (i32.add (local.get $i) (local.get $last))))

  ;; References among the arguments on the stack, one of them the only one to its object.
  (func $refs (param i32 i32 i32 i32 i32 (ref null $box) (ref null $box)) (result i32)
    (drop (struct.new $box (i32.const 1)))
    (if (i32.and (local.get 0) (i32.const 1)) (then (throw $t (struct.get $box 0 (local.get 6)))))
    (i32.add (struct.get $box 0 (local.get 5)) (struct.get $box 0 (local.get 6))))

  ;; Calls all of them in turn, and adds up what they give or throw; values live across the calls.
  (func (export "sum") (param $n i32) (result i32 i64 f64 i32)
    (local $i i32) (local $sum i32) (local $long i64) (local $double f64) (local $box (ref null $box))
    (local.set $box (struct.new $box (i32.const 0)))
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $ints (local.get $i) (local.get $i) (i32.const -1) (i64.const -2) (i32.const 3) (i32.const 4) (local.get $i) (i64.const 6) (i32.const 7))))))
      (local.set $long (i64.add (local.get $long) (i64.const 0x100000001)))
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $grows (local.get $i))))))
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $shrinks (local.get $i) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))))
      (local.set $double (f64.add (local.get $double) (f64.const 0.5)))
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (i32.trunc_f64_s (call $floats (local.get $i) (f64.const 1) (f64.const 2) (f64.const 3) (f32.const 4) (f64.const 5)
              (f64.const 6) (f64.const 7) (f64.const 8) (f64.const 9) (f32.const 10)))))))
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $sum-of-results (local.get $i))))))
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (call $refs (local.get $i) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
              (local.get $box) (struct.new $box (i32.add (local.get $i) (i32.const 100))))))))
      ;; Through a handler that does not fit.
      (local.set $sum (i32.add (local.get $sum)
        (block $caught (result i32)
          (try_table (result i32) (catch $t $caught)
            (block $other (result i32)
              (try_table (result i32) (catch $u $other)
                (call $ints (local.get $i) (local.get $i) (i32.const -1) (i64.const -2) (i32.const 3) (i32.const 4) (local.get $i) (i64.const 6) (i32.const 7))))))))
      (local.set $box (struct.new $box (i32.add (struct.get $box 0 (local.get $box)) (i32.const 1))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum) (local.get $long) (local.get $double) (struct.get $box 0 (local.get $box)))

  ;; Nobody catches.
  (func (export "leaves") (result i32) (call $ints (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0)))
)

(assert_return (invoke "sum" (i32.const 1000)) (i32.const 6669000) (i64.const 4294967297000) (f64.const 500.0) (i32.const 1000))
(assert_exception (invoke "leaves"))
(assert_return (invoke "sum" (i32.const 1)) (i32.const 257) (i64.const 0x100000001) (f64.const 0.5) (i32.const 1))
