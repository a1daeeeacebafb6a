;; Imports in groups: one module name for many items, and one type for many names.
(module $a
  (func (export "one") (result i32) (i32.const 1))
  (func (export "two") (result i32) (i32.const 2))
  (global (export "three") i32 (i32.const 3)))
(register "a" $a)
(module
  (import "a" (item "one" (func $one (result i32))) (item "three" (global $three i32)))
  (func (export "sum") (result i32) (i32.add (call $one) (global.get $three))))
(assert_return (invoke "sum") (i32.const 4))
(module
  (import "a" (item "one") (item "two") (func (result i32)))
  (func (export "sum") (result i32) (i32.add (call 0) (call 1))))
(assert_return (invoke "sum") (i32.const 3))
(assert_unlinkable (module (import "a" (item "one") (item "three") (func (result i32)))) "incompatible import type")
(assert_unlinkable (module (import "a" (item "one" (func (result i32))) (item "four" (global i32)))) "unknown import")
