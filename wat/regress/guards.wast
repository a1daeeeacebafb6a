;; Accesses around the ends of memories that need guards, checks or both.

(module
  (memory $m 1 2)
  (memory $n i64 1)
  (func (export "load") (param i32) (result i32) (i32.load8_u $m offset=0xffffffff (local.get 0)))
  (func (export "load_last") (result i32) (i32.load8_u $m (i32.const 65535)))
  (func (export "load_beyond") (result i32) (i32.load8_u $m (i32.const 65536)))
  (func (export "load64") (param i64) (result i64) (i64.load $n offset=0xffffffffffffffff (local.get 0)))
  (func (export "copy") (param i32 i64 i32) (memory.copy $m $n (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param i32) (result i32) (memory.grow $m (local.get 0))))

(assert_trap (invoke "load" (i32.const 0)) "out of bounds memory access")
(assert_trap (invoke "load" (i32.const -1)) "out of bounds memory access")
(assert_return (invoke "load_last") (i32.const 0))
(assert_trap (invoke "load_beyond") "out of bounds memory access")
(assert_trap (invoke "load64" (i64.const 0)) "out of bounds memory access")
(assert_trap (invoke "load64" (i64.const 1)) "out of bounds memory access")
(assert_return (invoke "copy" (i32.const 65536) (i64.const 65536) (i32.const 0)))
(assert_trap (invoke "copy" (i32.const 65536) (i64.const 0) (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "copy" (i32.const 0) (i64.const 65536) (i32.const 1)) "out of bounds memory access")
(assert_return (invoke "grow" (i32.const 1)) (i32.const 1))
(assert_return (invoke "load_beyond") (i32.const 0))
(assert_return (invoke "grow" (i32.const 1)) (i32.const -1))
