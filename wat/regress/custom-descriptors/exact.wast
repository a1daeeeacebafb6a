;; Exact references to functions: what links, what a table's type says, what a call need not check.

(module $lib
  (type $base (sub (func (result i32))))
  (type $leaf (sub $base (func (result i32))))
  (func $b (export "b") (type $base) i32.const 1)
  (func $l (export "l") (type $leaf) i32.const 2)
  (global (export "exact b") (ref (exact $base)) (ref.func $b))
  (global (export "exact l") (ref (exact $leaf)) (ref.func $l))
  (global (export "any b") (ref $base) (ref.func $b))
  (table (export "exact table") 2 (ref null (exact $base)))
  (elem (i32.const 0) (ref null (exact $base)) (ref.func $b) (ref.null nofunc))
  (func (export "call") (param i32) (result i32) (call_indirect (type $base) (local.get 0)))
  (func (export "call leaf") (param i32) (result i32) (call_indirect (type $leaf) (local.get 0)))
  (func (export "test") (param funcref) (result i32) (ref.test (ref null (exact $base)) (local.get 0)))
  (func (export "test base") (result i32) (ref.test (ref (exact $base)) (ref.func $b)))
  (func (export "test leaf") (result i32) (ref.test (ref (exact $base)) (ref.func $l)))
  (func (export "take") (param (ref null (exact $base))) (result i32) (call_ref $base (local.get 0))))

(assert_return (invoke "call" (i32.const 0)) (i32.const 1))
(assert_trap (invoke "call" (i32.const 1)) "uninitialized element")
(assert_trap (invoke "call leaf" (i32.const 0)) "indirect call type mismatch")
(assert_return (invoke "test" (ref.null nofunc)) (i32.const 1))
(assert_return (invoke "test base") (i32.const 1))
(assert_return (invoke "test leaf") (i32.const 0))
(assert_trap (invoke "take" (ref.null func)) "null function reference")

(register "lib" $lib)
(module
  (type $base (sub (func (result i32))))
  (type $leaf (sub $base (func (result i32))))
  (import "lib" "b" (func $b (exact (type $base))))
  (import "lib" "l" (func $l (exact (type $leaf))))
  (import "lib" "l" (func $any (type $base)))
  (import "lib" "exact b" (global (ref (exact $base))))
  (import "lib" "exact b" (global (ref $base)))
  (import "lib" "exact l" (global (ref null $base)))
  (import "lib" "exact table" (table 2 (ref null (exact $base))))
  (global $g (ref (exact $base)) (ref.func $b))
  (func (export "sum") (result i32)
    (i32.add (call $b) (i32.add (call $l) (i32.add (call $any) (call_ref $base (global.get $g))))))
  (func (export "set") (table.set (i32.const 1) (ref.func $b))))
(assert_return (invoke "sum") (i32.const 6))
(assert_return (invoke "set"))
(assert_return (invoke $lib "call" (i32.const 1)) (i32.const 1))

(assert_unlinkable
  (module (type $base (sub (func (result i32)))) (import "lib" "l" (func (exact (type $base)))))
  "incompatible import type")
(assert_unlinkable
  (module (type $base (sub (func (result i32)))) (import "lib" "any b" (global (ref (exact $base)))))
  "incompatible import type")
(assert_unlinkable
  (module (type $base (sub (func (result i32)))) (import "lib" "exact l" (global (ref (exact $base)))))
  "incompatible import type")
(assert_unlinkable
  (module (type $base (sub (func (result i32)))) (import "lib" "exact table" (table 2 (ref null $base))))
  "incompatible import type")
(assert_unlinkable
  (module (type $base (sub (func (result i32)))) (import "lib" "missing" (func (exact (type $base)))))
  "unknown import")
