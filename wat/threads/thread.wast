;; Threads that share a memory: `thread` starts one, `wait` ends when it has ended.

(module $Mem
  (memory (export "shared") 1 2 shared)
  (func (export "load") (param i32) (result i32) (i32.atomic.load (local.get 0)))
)

;; A thread sees the stores of its starter, and the starter sees those of the thread once it has waited for it.
(thread $T1 (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  )
  (assert_return (invoke "load" (i32.const 4)) (i32.const 0))
  (invoke "store" (i32.const 4) (i32.const 42))
  (assert_return (invoke "grow") (i32.const 1))
)
(wait $T1)
(assert_return (invoke $Mem "load" (i32.const 4)) (i32.const 42))
(assert_return (invoke $Mem "load" (i32.const 0x1fffc)) (i32.const 0))

;; Names of the starter are not known in the thread, but for the module that is shared.
(thread $T2
  (assert_unlinkable
    (module (memory (import "Mem" "shared") 1 2 shared))
    "unknown import")
)
(wait $T2)

;; Functions are not shared.
(thread $T3 (shared (module $Mem))
  (register "mem" $Mem)
  (assert_unlinkable
    (module (func (import "mem" "load") (param i32) (result i32)))
    "unknown import")
)
(wait $T3)
