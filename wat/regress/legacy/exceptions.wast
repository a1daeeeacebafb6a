;; Exceptions in the form before WebAssembly 3.0.

(module
  (tag $e0) (tag $e1 (param i32)) (tag $e2 (param i32 i64 f64))
  (func $throw-by (param i32) (result i32)
    local.get 0 i32.const 1 i32.eq if throw $e0 end
    local.get 0 i32.const 2 i32.eq if i32.const 77 throw $e1 end
    local.get 0 i32.const 3 i32.eq if i32.const 7 i64.const 8 f64.const 9 throw $e2 end
    i32.const 5)
  (func (export "catch") (param i32) (result i32)
    try (result i32)
      local.get 0 call $throw-by
    catch $e0
      i32.const 100
    catch $e1
      i32.const 1 i32.add
    catch_all
      i32.const 300
    end)
  (func (export "rethrow") (param i32) (result i32)
    try (result i32)
      try (result i32)
        local.get 0 call $throw-by
      catch $e1
        drop
        try
          i32.const 1 call $throw-by drop
        catch $e0
          rethrow 1
        end
        i32.const 11
      end
    catch $e1
      i32.const 1000 i32.add
    catch $e0
      i32.const 2000
    end)
  (func (export "delegate") (param i32) (result i32)
    try (result i32)
      try (result i32)
        try (result i32)
          local.get 0 call $throw-by
        delegate 1
      catch_all
        i32.const -1
      end
    catch $e1
      i32.const 1 i32.add
    end)
  (func (export "delegate-to-caller") (param i32) (result i32)
    try (result i32)
      try (result i32)
        local.get 0 call $throw-by
      delegate 1
    catch_all
      i32.const -1
    end)
  ;; In a clause, the `try` itself is in force no more.
  (func (export "from-clause") (param i32) (result i32)
    try (result i32)
      try (result i32)
        i32.const 1 call $throw-by
      catch $e0
        try (result i32)
          local.get 0 call $throw-by
        delegate 0
      catch_all
        i32.const -1
      end
    catch_all
      i32.const 9
    end)
  ;; Both forms in one function.
  (func (export "mixed") (param i32) (result i32)
    block $e1 (result i32)
      try_table (result i32) (catch $e1 $e1)
        try (result i32)
          local.get 0 call $throw-by
        catch $e0
          i32.const 41
        end
      end
    end)
  ;; Parameters, a loop, and clauses that nothing reaches.
  (func (export "params") (param i32) (result i32)
    (local i32)
    loop
      i32.const 8
      try (param i32) (result i32)
        local.get 0 call $throw-by i32.add
      catch $e0
        i32.const 1000
      catch_all
        i32.const 2000
      end
      local.get 1 i32.add local.set 1
      local.get 0 i32.const 1 i32.sub local.tee 0
      br_if 0
    end
    local.get 1)
  (func (export "unreached") (result i32)
    try (result i32)
      i32.const 6
    catch $e0
      i32.const 1
    catch_all
      i32.const 2
    end
    return
    try (result i32)
      throw $e0
    catch $e0
      try throw $e0 delegate 0
      i32.const 3
    end)
  (func (export "trap") try unreachable catch_all end)
)

(assert_return (invoke "catch" (i32.const 0)) (i32.const 5))
(assert_return (invoke "catch" (i32.const 1)) (i32.const 100))
(assert_return (invoke "catch" (i32.const 2)) (i32.const 78))
(assert_return (invoke "catch" (i32.const 3)) (i32.const 300))
(assert_return (invoke "rethrow" (i32.const 0)) (i32.const 5))
(assert_return (invoke "rethrow" (i32.const 1)) (i32.const 2000))
(assert_return (invoke "rethrow" (i32.const 2)) (i32.const 1077))
(assert_exception (invoke "rethrow" (i32.const 3)))
(assert_return (invoke "delegate" (i32.const 0)) (i32.const 5))
(assert_exception (invoke "delegate" (i32.const 1)))
(assert_return (invoke "delegate" (i32.const 2)) (i32.const 78))
(assert_exception (invoke "delegate-to-caller" (i32.const 1)))
(assert_return (invoke "from-clause" (i32.const 0)) (i32.const 5))
(assert_return (invoke "from-clause" (i32.const 2)) (i32.const 9))
(assert_return (invoke "mixed" (i32.const 0)) (i32.const 5))
(assert_return (invoke "mixed" (i32.const 1)) (i32.const 41))
(assert_return (invoke "mixed" (i32.const 2)) (i32.const 77))
(assert_exception (invoke "mixed" (i32.const 3)))
(assert_return (invoke "params" (i32.const 4)) (i32.const 5013))
(assert_return (invoke "unreached") (i32.const 6))
(assert_trap (invoke "trap") "unreachable")
