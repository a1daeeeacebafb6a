;; A program that does nothing: what a process of an engine costs anyhow.
;;
;; run: run nothing.wat
(module
  (memory (export "memory") 1)
  (func (export "_start")))
