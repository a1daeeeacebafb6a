//! Loops whose bodies stand several times in a row: left in any of them, by any way out, they give what they gave.

use crate::inlining::same;

/// As many iterations as there are copies, one more, one less, and many; with operands of the blocks around on the stack.
#[test]
fn loops_end_in_every_copy() {
    let found = same(
        r#"(module
            (func $down (param $n i32) (result i32) (local $sum i32)
                (i32.const 1000)
                (loop $l
                    (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (local.get $n)))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.add (local.get $sum)))
            (func $up (param $n i32) (result i64) (local $at i32) (local $sum i64)
                (i64.const 7)
                (block $out (loop $l
                    (br_if $out (i32.ge_u (local.get $at) (local.get $n)))
                    (local.set $sum (i64.xor (i64.rotl (local.get $sum) (i64.const 5)) (i64.extend_i32_u (local.get $at))))
                    (local.set $at (i32.add (local.get $at) (i32.const 1)))
                    (br $l)))
                (i64.sub (local.get $sum)))
            (func $once (param $n i32) (result i32)
                (loop $l (local.set $n (i32.add (local.get $n) (i32.const 5))))
                (local.get $n))
            (func $never (param $n i32) (result i32)
                (loop $l (return (i32.add (local.get $n) (i32.const 2))))
                (unreachable))
            (func $skips (param $n i32) (result i32) (local $odd i32) (local $even i32)
                (loop $l
                    (if (i32.and (local.get $n) (i32.const 1))
                        (then
                            (local.set $odd (i32.add (local.get $odd) (local.get $n)))
                            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                        (else
                            (local.set $even (i32.add (local.get $even) (i32.const 1)))
                            (br_if $l (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))))
                (i32.add (local.get $odd) (i32.shl (local.get $even) (i32.const 16))))
            (func (export "f") (param $n i32) (result i64)
                (i64.add (call $up (local.get $n))
                    (i64.extend_i32_u (i32.add
                        (i32.add (call $down (local.get $n)) (call $once (local.get $n)))
                        (i32.add (call $never (local.get $n)) (call $skips (local.get $n))))))))"#,
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 100],
    );
    assert!(found[0].starts_with("[I64("), "{found:?}");
}

/// An inner loop that is unrolled, in loops that are not: entered again and again, with operands of a block on the stack, and in the
/// version that a loop around it goes on in.
#[test]
fn loops_around_begin_anew() {
    same(
        r#"(module
            (memory 1)
            (func (export "f") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $sum i32)
                (local.set $i (local.get $n))
                (loop $outer
                    (local.set $j (i32.and (local.get $i) (i32.const 15)))
                    (local.get $i)
                    (block $out
                        (loop $inner
                            (br_if $out (i32.eqz (local.get $j)))
                            (i32.store8 (local.get $j) (i32.add (i32.load8_u (local.get $j)) (local.get $i)))
                            (local.set $j (i32.sub (local.get $j) (i32.const 1)))
                            (br $inner)))
                    (local.set $sum (i32.add (local.get $sum)))
                    (local.set $j (i32.const 0))
                    (loop $add
                        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $j))))
                        (br_if $add (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 16))))
                    (br_if $outer (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                (local.get $sum)))"#,
        &[1, 5, 20, 500],
    );
}

/// A trap in whichever copy has the position of the operator, and what was stored before it is stored.
#[test]
fn traps_are_those_of_one_body() {
    let found = same(
        r#"(module
            (memory 1 1)
            (func $fill (param $at i32) (param $divisor i32) (result i32)
                (loop $l
                    (i32.store (local.get $at) (i32.div_u (i32.const 1000) (local.get $divisor)))
                    (local.set $divisor (i32.sub (local.get $divisor) (i32.const 1)))
                    (br_if $l (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 0))))
                (local.get $at))
            (func (export "f") (param $n i32) (result i32)
                (if (i32.lt_s (local.get $n) (i32.const 0)) (then (return (i32.load (i32.sub (i32.const 0) (local.get $n))))))
                (call $fill (i32.sub (i32.const 65536) (i32.mul (local.get $n) (i32.const 4))) (i32.const 7))))"#,
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 40, -65532, -65528, -65400],
    );
    assert!(found[0].contains("out of bounds") && found[8].contains("divide by zero") && found[8].contains("fill"), "{found:?}");
}

/// Vectors, floats and references of the heap are carried from copy to copy; objects move meanwhile.
#[test]
fn every_kind_of_value_goes_along() {
    same(
        r#"(module
            (type $list (struct (field (ref null $list)) (field i32)))
            (func $make (param $n i32) (result (ref null $list)) (local $l (ref null $list))
                (loop $next
                    (local.set $l (struct.new $list (local.get $l) (local.get $n)))
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $l))
            (func $sum (param $l (ref null $list)) (result i32) (local $sum i32)
                (loop $next
                    (local.set $sum (i32.add (local.get $sum) (struct.get $list 1 (local.get $l))))
                    (br_if $next (i32.eqz (ref.is_null (local.tee $l (struct.get $list 0 (local.get $l)))))))
                (local.get $sum))
            (func $float (param $n i32) (result f64) (local $x f64) (local $v v128)
                (loop $next
                    (local.set $x (f64.add (local.get $x) (f64.sqrt (f64.convert_i32_s (local.get $n)))))
                    (local.set $v (f64x2.add (local.get $v) (f64x2.splat (local.get $x))))
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (f64.add (local.get $x) (f64x2.extract_lane 1 (local.get $v))))
            (func (export "f") (param $n i32) (result i32)
                (i32.add (call $sum (call $make (local.get $n))) (i32.trunc_f64_s (call $float (local.get $n))))))"#,
        &[1, 3, 4, 5, 1000],
    );
}
