;; The smallest WASI program: one line on standard output.
;;
;; run: run hello.wat
;; stdout: Hello, world!

(module $hello
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $iov_count i32) (param $written i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "Hello, world!\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))   ;; where the bytes are
    (i32.store (i32.const 4) (i32.const 14))   ;; how many
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
