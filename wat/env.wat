;; Prints the arguments behind the program's name, then the environment, one a line; the exit status is the number of arguments.
;;
;; run: run env.wat
;; run: run --env COLOUR=blue --env "GREETING=good morning" env.wat one "two words" --three
;; stdout: one
;; stdout: two words
;; stdout: --three
;; stdout: COLOUR=blue
;; stdout: GREETING=good morning
;; status: 3

(module $env
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  ;; 0 and 4: what the size calls give. 8: the vector of fd_write. 16: how much was written. 24: a line feed.
  (data (i32.const 24) "\n")

  (func $write (param $from i32) (param $len i32)
    (i32.store (i32.const 8) (local.get $from))
    (i32.store (i32.const 12) (local.get $len))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))))

  (func $len (param $string i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $string))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $string)))

  ;; Prints strings from a list of pointers at 1024.
  (func $print (param $index i32) (param $count i32)
    (local $string i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
        (local.set $string (i32.load offset=1024 (i32.shl (local.get $index) (i32.const 2))))
        (call $write (local.get $string) (call $len (local.get $string)))
        (call $write (i32.const 24) (i32.const 1))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next))))

  (func (export "_start")
    (local $args i32)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 1024) (i32.const 65536)))
    (local.set $args (i32.load (i32.const 0)))
    (call $print (i32.const 1) (local.get $args))
    (drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $environ_get (i32.const 1024) (i32.const 65536)))
    (call $print (i32.const 0) (i32.load (i32.const 0)))
    (if (i32.gt_u (local.get $args) (i32.const 1))
      (then (call $proc_exit (i32.sub (local.get $args) (i32.const 1)))))))
