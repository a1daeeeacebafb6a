;; Where values are at a label, when a block inside has sent those that lie deep to the frame: whoever goes to the label from outside of that
;; block, or has not been in it, must agree.
(module
  (memory 1)
  (global $g (mut i32) (i32.const 0))

  ;; The deep stack is in one arm, which decides where $below is behind both.
  (func (export "arms") (param $taken i32) (result i32)
    (i32.mul (memory.size) (i32.const 7))
    (if (result i32) (local.get $taken)
      (then
        (i32.const 1) (local.get $taken) (memory.size) (local.get $taken) (memory.size) (local.get $taken) (memory.size)
        (local.get $taken) (memory.size) (local.get $taken) (memory.size) (local.get $taken) (memory.size) (local.get $taken)
        (memory.size) (local.get $taken) (memory.size) (local.get $taken) (memory.size)
        (block (result i32) (memory.size))
        (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop)
        (drop))
      (else (i32.const 2)))
    (i32.add))

  ;; The same, with a branch out of the deep block, and parameters that one arm takes off.
  (func (export "out") (param $taken i32) (result i32)
    (i32.mul (memory.size) (i32.const 100))
    (block $out (param i32) (result i32)
      (i32.add (memory.size))
      (if (param i32) (result i32) (local.get $taken)
        (then
          (global.set $g)
          (local.get $taken) (memory.size) (local.get $taken) (memory.size) (local.get $taken) (memory.size) (local.get $taken)
          (memory.size) (local.get $taken) (memory.size) (local.get $taken) (memory.size) (local.get $taken) (memory.size)
          (local.get $taken) (memory.size) (local.get $taken) (memory.size)
          (block (br $out (global.get $g)))
          (unreachable))
        (else (i32.mul (i32.const 3)))))))

(assert_return (invoke "arms" (i32.const 1)) (i32.const 8))
(assert_return (invoke "arms" (i32.const 0)) (i32.const 9))
(assert_return (invoke "out" (i32.const 1)) (i32.const 101))
(assert_return (invoke "out" (i32.const 0)) (i32.const 303))
