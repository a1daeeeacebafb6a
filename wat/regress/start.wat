;; A start function runs before anything else; a module with nothing else to run is a program all the same.
;;
;; run: run start.wat
;; stdout: started
;; run: run --invoke count start.wat
;; stdout: started
;; stdout: 1

(module $start
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\08\00\00\00")
  (data (i32.const 16) "started\n")
  (global $count (mut i32) (i32.const 0))
  (func $run
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (global.set $count (i32.add (global.get $count) (i32.const 1))))
  (start $run)
  (func (export "count") (result i32) (global.get $count)))
