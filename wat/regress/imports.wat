;; An import that nobody provides: an error of linking, or with --stub-imports a trap when it is called.
;;
;; run: run --invoke three imports.wat
;; status: 1
;; stderr: unknown import: "env" "missing" wants (func (param i32) (result i64))
;; run: run --stub-imports --invoke three imports.wat
;; stdout: 3
;; run: run --stub-imports --invoke call imports.wat
;; status: 134
;; stderr: unknown import "env" "missing" was called
;; stderr: imports!call

(module $imports
  (import "env" "missing" (func $missing (param i32) (result i64)))
  (func (export "three") (result i32) (i32.const 3))
  (func $call (export "call") (result i64) (call $missing (i32.const 1))))
