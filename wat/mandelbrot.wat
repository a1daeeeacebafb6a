;; The Mandelbrot set as text, 64 columns by 25 rows: a blank outside, a dot near the edge, a hash inside.
;;
;; run: run mandelbrot.wat
;; stdout:
;; stdout:                                        .
;; stdout:                                        ....
;; stdout:                                       .....
;; stdout:                                     ..#####.
;; stdout:                                ........###....    .
;; stdout:                              ..##.############......
;; stdout:                             ...###################.
;; stdout:                 .         ....####################...
;; stdout:                 .............######################..
;; stdout:                ...#######...#######################..
;; stdout:             .....##################################.
;; stdout: ..###############################################..
;; stdout:             .....##################################.
;; stdout:                ...#######...#######################..
;; stdout:                 .............######################..
;; stdout:                 .         ....####################...
;; stdout:                             ...###################.
;; stdout:                              ..##.############......
;; stdout:                                ........###....    .
;; stdout:                                     ..#####.
;; stdout:                                       .....
;; stdout:                                        ....
;; stdout:                                        .
;; stdout:

(module $mandelbrot
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\41\00\00\00")

  ;; Steps until the point leaves the circle of radius 2; at most 64.
  (func $steps (param $cx f64) (param $cy f64) (result i32)
    (local $x f64) (local $y f64) (local $xx f64) (local $yy f64) (local $n i32)
    (block $out
      (loop $step
        (local.set $xx (f64.mul (local.get $x) (local.get $x)))
        (local.set $yy (f64.mul (local.get $y) (local.get $y)))
        (br_if $out (f64.gt (f64.add (local.get $xx) (local.get $yy)) (f64.const 4)))
        (br_if $out (i32.ge_u (local.get $n) (i32.const 64)))
        (local.set $y
          (f64.add (f64.mul (f64.mul (f64.const 2) (local.get $x)) (local.get $y)) (local.get $cy)))
        (local.set $x (f64.add (f64.sub (local.get $xx) (local.get $yy)) (local.get $cx)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $step)))
    (local.get $n))

  (func $shade (param $steps i32) (result i32)
    (if (i32.ge_u (local.get $steps) (i32.const 64)) (then (return (i32.const 35))))
    (if (i32.ge_u (local.get $steps) (i32.const 8)) (then (return (i32.const 46))))
    (i32.const 32))

  (func (export "_start")
    (local $row i32) (local $column i32)
    (loop $rows
      (local.set $column (i32.const 0))
      (loop $columns
        (i32.store8 offset=16 (local.get $column)
          (call $shade
            (call $steps
              (f64.add (f64.const -2) (f64.mul (f64.convert_i32_u (local.get $column)) (f64.const 0.046875)))
              (f64.add (f64.const -1.2) (f64.mul (f64.convert_i32_u (local.get $row)) (f64.const 0.1))))))
        (br_if $columns
          (i32.lt_u (local.tee $column (i32.add (local.get $column) (i32.const 1))) (i32.const 64))))
      (i32.store8 (i32.const 80) (i32.const 10))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $rows (i32.le_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (i32.const 24))))))
