;; A reactor: `_initialize` is called once, before the function that was asked for.
;;
;; run: run reactor.wat
;; run: run --invoke get reactor.wat
;; stdout: 7
;; run: run --stub-imports --invoke get reactor.wat
;; stdout: 7

(module $reactor
  (global $value (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $value (i32.add (global.get $value) (i32.const 7))))
  (func (export "get") (result i32) (global.get $value)))
