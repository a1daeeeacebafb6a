;; Writes standard input backwards, byte by byte. The memory grows with the input.
;;
;; run: run reverse.wat
;; stdin: stressed
;; stdout:
;; stdout: desserts
;; run: run reverse.wat

(module $reverse
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (global $start i32 (i32.const 1024))

  ;; Fails the program when a call has an error number.
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))

  ;; Reads everything, and gives the end of it.
  (func $read (result i32)
    (local $end i32)
    (local.set $end (global.get $start))
    (loop $more
      (if (i32.gt_u (i32.add (local.get $end) (i32.const 65536)) (i32.shl (memory.size) (i32.const 16)))
        (then (if (i32.eq (memory.grow (memory.size)) (i32.const -1)) (then (unreachable)))))
      (i32.store (i32.const 0) (local.get $end))
      (i32.store (i32.const 4) (i32.const 65536))
      (call $check (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $end (i32.add (local.get $end) (i32.load (i32.const 8))))
      (br_if $more (i32.load (i32.const 8))))
    (local.get $end))

  (func $reverse (param $from i32) (param $to i32)
    (local $held i32)
    (loop $next
      (local.set $to (i32.sub (local.get $to) (i32.const 1)))
      (if (i32.lt_s (local.get $from) (local.get $to))
        (then
          (local.set $held (i32.load8_u (local.get $from)))
          (i32.store8 (local.get $from) (i32.load8_u (local.get $to)))
          (i32.store8 (local.get $to) (local.get $held))
          (local.set $from (i32.add (local.get $from) (i32.const 1)))
          (br $next)))))

  (func $write (param $from i32) (param $to i32)
    (loop $more
      (if (i32.lt_u (local.get $from) (local.get $to))
        (then
          (i32.store (i32.const 0) (local.get $from))
          (i32.store (i32.const 4) (i32.sub (local.get $to) (local.get $from)))
          (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (local.set $from (i32.add (local.get $from) (i32.load (i32.const 8))))
          (br $more)))))

  (func (export "_start")
    (local $end i32)
    (local.set $end (call $read))
    (call $reverse (global.get $start) (local.get $end))
    (call $write (global.get $start) (local.get $end))))
