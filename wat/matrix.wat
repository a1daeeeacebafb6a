;; A product of two square matrices, with scalars and with vectors. a[i][j] = i + j, b[i][j] = i - 2j; the result is the sum of
;; all elements of the product.
;;
;; run: run --invoke scalar matrix.wat 16
;; stdout: -373760
;; run: run --invoke vector matrix.wat 16
;; stdout: -373760
;; run: run --invoke vector matrix.wat 64
;; stdout: -430768128

(module $matrix
  (memory 4)
  (global $a i32 (i32.const 0))
  (global $b i32 (i32.const 32768))
  (global $c i32 (i32.const 65536))

  (func $at (param $base i32) (param $n i32) (param $i i32) (param $j i32) (result i32)
    (i32.add (local.get $base)
      (i32.shl (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $j)) (i32.const 3))))

  (func $fill (param $n i32)
    (local $i i32) (local $j i32)
    (loop $row
      (local.set $j (i32.const 0))
      (loop $column
        (f64.store (call $at (global.get $a) (local.get $n) (local.get $i) (local.get $j))
          (f64.convert_i32_s (i32.add (local.get $i) (local.get $j))))
        (f64.store (call $at (global.get $b) (local.get $n) (local.get $i) (local.get $j))
          (f64.convert_i32_s (i32.sub (local.get $i) (i32.shl (local.get $j) (i32.const 1)))))
        (br_if $column
          (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $row (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))

  (func $sum (param $n i32) (result f64)
    (local $position i32) (local $total f64)
    (loop $next
      (local.set $total
        (f64.add (local.get $total)
          (f64.load (i32.add (global.get $c) (i32.shl (local.get $position) (i32.const 3))))))
      (br_if $next
        (i32.lt_u (local.tee $position (i32.add (local.get $position) (i32.const 1)))
          (i32.mul (local.get $n) (local.get $n)))))
    (local.get $total))

  (func (export "scalar") (param $n i32) (result f64)
    (local $i i32) (local $j i32) (local $k i32) (local $total f64)
    (call $fill (local.get $n))
    (loop $row
      (local.set $j (i32.const 0))
      (loop $column
        (local.set $k (i32.const 0))
        (local.set $total (f64.const 0))
        (loop $inner
          (local.set $total
            (f64.add (local.get $total)
              (f64.mul
                (f64.load (call $at (global.get $a) (local.get $n) (local.get $i) (local.get $k)))
                (f64.load (call $at (global.get $b) (local.get $n) (local.get $k) (local.get $j))))))
          (br_if $inner (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $n))))
        (f64.store (call $at (global.get $c) (local.get $n) (local.get $i) (local.get $j)) (local.get $total))
        (br_if $column (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $row (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (call $sum (local.get $n)))

  ;; Two columns at a time; the size must be even.
  (func (export "vector") (param $n i32) (result f64)
    (local $i i32) (local $j i32) (local $k i32) (local $total v128)
    (call $fill (local.get $n))
    (loop $row
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $k (i32.const 0))
        (local.set $total (v128.const i64x2 0 0))
        (loop $inner
          (local.set $total
            (f64x2.add (local.get $total)
              (f64x2.mul
                (v128.load64_splat (call $at (global.get $a) (local.get $n) (local.get $i) (local.get $k)))
                (v128.load (call $at (global.get $b) (local.get $n) (local.get $k) (local.get $j))))))
          (br_if $inner (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $n))))
        (v128.store (call $at (global.get $c) (local.get $n) (local.get $i) (local.get $j)) (local.get $total))
        (br_if $columns (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 2))) (local.get $n))))
      (br_if $row (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (call $sum (local.get $n))))
