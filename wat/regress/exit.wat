;; The exit status is the guest's own, from wherever `proc_exit` is called.
;;
;; run: run --invoke exit exit.wat 0
;; run: run --invoke exit exit.wat 42
;; status: 42
;; run: run --invoke deep exit.wat 255 100
;; status: 255

(module $exit
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $exit (export "exit") (param i32) (call $proc_exit (local.get 0)))
  (func $deep (export "deep") (param $status i32) (param $depth i32)
    (if (local.get $depth)
      (then (call $deep (local.get $status) (i32.sub (local.get $depth) (i32.const 1))))
      (else (call $exit (local.get $status))))
    (unreachable)))
