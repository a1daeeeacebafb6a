;; Throws an exception through ten frames and catches it, again and again.
;;
;; run: run --invoke run throw.wat 1000
;; stdout: 499500

(module
  (tag $t (param i32))
  (func $f0 (param i32) (result i32) (throw $t (local.get 0)))
  (func $f1 (param i32) (result i32) (i32.add (call $f0 (local.get 0)) (i32.const 1)))
  (func $f2 (param i32) (result i32) (i32.add (call $f1 (local.get 0)) (i32.const 1)))
  (func $f3 (param i32) (result i32) (i32.add (call $f2 (local.get 0)) (i32.const 1)))
  (func $f4 (param i32) (result i32) (i32.add (call $f3 (local.get 0)) (i32.const 1)))
  (func $f5 (param i32) (result i32) (i32.add (call $f4 (local.get 0)) (i32.const 1)))
  (func $f6 (param i32) (result i32) (i32.add (call $f5 (local.get 0)) (i32.const 1)))
  (func $f7 (param i32) (result i32) (i32.add (call $f6 (local.get 0)) (i32.const 1)))
  (func $f8 (param i32) (result i32) (i32.add (call $f7 (local.get 0)) (i32.const 1)))
  (func $f9 (param i32) (result i32) (i32.add (call $f8 (local.get 0)) (i32.const 1)))

  ;; The sum of what was thrown: 0 to n - 1.
  (func (export "run") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (local.set $sum
        (i32.add (local.get $sum)
          (block $caught (result i32)
            (try_table (result i32) (catch $t $caught) (call $f9 (local.get $n))))))
      (br_if $again (local.get $n)))
    (local.get $sum))
)
