;; What `select` chose is a reference like others: it is found, and told of its new place, when objects move.

(module
  (type $s (struct (field (mut i32))))
  (type $a (array (mut i32)))
  (type $b (array (mut (ref null $s))))
  (tag $e (param i32))
  (func (export "struct") (param i32) (result i32)
    i32.const 11 struct.new $s
    i32.const 22 struct.new $s
    local.get 0 select (result (ref $s))
    ;; Objects are born while the reference is on the stack.
    i32.const 33 struct.new $s drop
    i32.const 44 struct.new $s drop
    struct.get $s 0)
  (func (export "any") (param i32) (result i32)
    i32.const 7 ref.i31
    i32.const 22 struct.new $s
    local.get 0 select (result anyref)
    i32.const 5 array.new_default $a drop
    i32.const 33 struct.new $s drop
    ref.cast (ref $s)
    struct.get $s 0)
  (func (export "extern") (param i32) (result i32)
    i32.const 11 struct.new $s extern.convert_any
    ref.null extern
    local.get 0 select (result externref)
    i32.const 33 struct.new $s drop
    any.convert_extern
    ref.cast (ref $s)
    struct.get $s 0)
  (func $exn (param i32) (result exnref)
    block $caught (result exnref)
      try_table (catch_all_ref $caught)
        local.get 0 throw $e
      end
      unreachable
    end)
  (func (export "exn") (param i32) (result i32)
    block $caught (result i32)
      try_table (catch $e $caught)
        i32.const 11 call $exn
        i32.const 22 call $exn
        local.get 0 select (result exnref)
        i32.const 33 struct.new $s drop
        throw_ref
      end
      unreachable
    end)
  ;; The choice of an array's only value: it is needed behind the array's allocation.
  (func (export "array") (param i32) (result i32)
    (local $array (ref null $b))
    i32.const 11 struct.new $s
    i32.const 22 struct.new $s
    local.get 0 select (result (ref $s))
    i32.const 9 array.new $b
    local.set $array
    local.get $array i32.const 8 array.get $b
    struct.get $s 0))

(assert_return (invoke "struct" (i32.const 1)) (i32.const 11))
(assert_return (invoke "struct" (i32.const 0)) (i32.const 22))
(assert_trap (invoke "any" (i32.const 1)) "cast failure")
(assert_return (invoke "any" (i32.const 0)) (i32.const 22))
(assert_return (invoke "extern" (i32.const 1)) (i32.const 11))
(assert_return (invoke "exn" (i32.const 1)) (i32.const 11))
(assert_return (invoke "exn" (i32.const 0)) (i32.const 22))
(assert_return (invoke "array" (i32.const 1)) (i32.const 11))
(assert_return (invoke "array" (i32.const 0)) (i32.const 22))
