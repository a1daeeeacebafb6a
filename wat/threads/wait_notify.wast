;; Waiting and waking across threads.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $Waiter (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
    (func (export "wait64") (result i32) (memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const -1)))
  )
  (assert_return (invoke "wait") (i32.const 0))
  (assert_return (invoke "wait64") (i32.const 0))
)

(thread $Notifier (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    ;; The value does not change: the other thread can only be woken, however late it comes.
    (func (export "wake") (param i32) (result i32)
      (local $woken i32)
      (loop $again
        (local.set $woken (memory.atomic.notify (local.get 0) (i32.const 10)))
        (br_if $again (i32.eqz (local.get $woken))))
      (local.get $woken))
  )
  (assert_return (invoke "wake" (i32.const 0)) (i32.const 1))
  (assert_return (invoke "wake" (i32.const 8)) (i32.const 1))
)

(wait $Waiter)
(wait $Notifier)

;; Store buffering: two threads write one flag each and read the other's. With sequentially consistent accesses one of them sees it.
(module $SB (memory (export "shared") 1 1 shared)
  (func (export "check") (result i32)
    (i32.or (i32.atomic.load (i32.const 16)) (i32.atomic.load (i32.const 20)))))
(thread $A (shared (module $SB))
  (register "mem" $SB)
  (module (memory (import "mem" "shared") 1 1 shared)
    (func (export "run")
      (i32.atomic.store (i32.const 0) (i32.const 1))
      (i32.atomic.store (i32.const 16) (i32.atomic.load (i32.const 4)))))
  (invoke "run"))
(thread $B (shared (module $SB))
  (register "mem" $SB)
  (module (memory (import "mem" "shared") 1 1 shared)
    (func (export "run")
      (i32.atomic.store (i32.const 4) (i32.const 1))
      (i32.atomic.store (i32.const 20) (i32.atomic.load (i32.const 0)))))
  (invoke "run"))
(wait $A)
(wait $B)
(assert_return (invoke $SB "check") (i32.const 1))
