;; Every kind of end that is not a return, with names in the backtrace.
;;
;; run: run --invoke unreachable traps.wat
;; status: 134
;; stderr: traps!inner
;; stderr: traps!outer
;; run: run --invoke divide traps.wat 1 0
;; status: 134
;; stderr: integer divide by zero
;; run: run --invoke divide traps.wat -2147483648 -1
;; status: 134
;; stderr: integer overflow
;; run: run --invoke divide traps.wat 42 -6
;; stdout: -7
;; run: run --invoke load traps.wat 65536
;; status: 134
;; stderr: out of bounds memory access
;; run: run --no-guard-pages --invoke load traps.wat -1
;; status: 134
;; stderr: out of bounds memory access
;; run: run --invoke recurse traps.wat
;; status: 134
;; stderr: call stack exhausted
;; run: run --invoke call traps.wat 0
;; status: 134
;; stderr: indirect call type mismatch
;; run: run --invoke call traps.wat 1
;; status: 134
;; stderr: uninitialized element
;; run: run --invoke call traps.wat 2
;; status: 134
;; stderr: undefined element
;; run: run --timeout 50ms --invoke spin traps.wat
;; status: 124
;; stderr: deadline exceeded
;; run: run --fuel 100000 --invoke spin traps.wat
;; status: 124
;; stderr: all fuel consumed

(module $traps
  (memory 1)
  (table 2 funcref)
  (elem (i32.const 0) $inner)
  (func $inner (param $x i32) (unreachable))
  (func $outer (export "unreachable") (call $inner (i32.const 1)))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func $recurse (export "recurse") (call $recurse) (call $recurse))
  (func (export "call") (param i32) (call_indirect (local.get 0)))
  (func (export "spin") (loop $again (br $again))))
