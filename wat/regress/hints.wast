;; Branch hints, right and wrong ones: they change no result.

(module
  (func (export "collatz") (param $n i32) (result i32) (local $steps i32)
    block $done
      loop $next
        local.get $n
        i32.const 1
        i32.le_u
        (@metadata.code.branch_hint "\00") br_if $done
        local.get $n
        i32.const 1
        i32.and
        (@metadata.code.branch_hint "\01") if
          local.get $n
          i32.const 3
          i32.mul
          i32.const 1
          i32.add
          local.set $n
        else
          local.get $n
          i32.const 1
          i32.shr_u
          local.set $n
        end
        local.get $steps
        i32.const 1
        i32.add
        local.set $steps
        i32.const 1
        (@metadata.code.branch_hint "\00") br_if $next
      end
    end
    local.get $steps)

  ;; Values that go along with a branch.
  (func (export "value") (param $x i32) (result i32)
    block $out (result i32)
      i32.const 10
      local.get $x
      (@metadata.code.branch_hint "\00") br_if $out
      i32.const 1
      i32.add
      local.get $x
      i32.eqz
      (@metadata.code.branch_hint "\01") br_if $out
      drop
      i32.const -1
    end)

  ;; An `if` without `else`, and one with a parameter.
  (func (export "if") (param $x i32) (result i32)
    local.get $x
    local.get $x
    i32.const 5
    i32.gt_s
    (@metadata.code.branch_hint "\01") if (param i32) (result i32)
      i32.const 100
      i32.add
    end
    local.get $x
    (@metadata.code.branch_hint "\00") if
      i32.const 1000
      local.set $x
    end
    local.get $x
    i32.add))

(assert_return (invoke "collatz" (i32.const 1)) (i32.const 0))
(assert_return (invoke "collatz" (i32.const 27)) (i32.const 111))
(assert_return (invoke "value" (i32.const 0)) (i32.const 11))
(assert_return (invoke "value" (i32.const 3)) (i32.const 10))
(assert_return (invoke "if" (i32.const 0)) (i32.const 0))
(assert_return (invoke "if" (i32.const 5)) (i32.const 1005))
(assert_return (invoke "if" (i32.const 6)) (i32.const 1106))
