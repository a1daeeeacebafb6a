;; How results are printed: one a line, integers signed, floats so that they parse back, references by their kind.
;;
;; run: run --invoke all values.wat
;; stdout: -1
;; stdout: -9223372036854775808
;; stdout: 0.1
;; stdout: -0
;; stdout: 1e300
;; stdout: nan
;; stdout: -inf
;; stdout: 0x0f0e0d0c0b0a09080706050403020100
;; stdout: funcref
;; stdout: null
;; stdout: null
;; run: run --invoke f32 values.wat 0.1
;; stdout: 0.1
;; run: run --invoke f64 values.wat nan:0x4000000000001
;; stdout: nan:0x4000000000001
;; run: run --invoke i64 values.wat 18446744073709551615
;; stdout: -1
;; run: run --invoke i64 values.wat
;; status: 2
;; stderr: 0 arguments for a function of type (func (param i64) (result i64))
;; run: run --invoke i64 values.wat one
;; status: 2
;; stderr: "one" is not a value of type i64
;; run: run --invoke none values.wat
;; status: 1
;; stderr: no exported function "none". Exported functions: all, f32, f64, i64
;; run: run values.wat
;; status: 1
;; stderr: no _start

(module $values
  (elem declare func $all)
  (func $all (export "all") (result i32 i64 f32 f32 f64 f64 f64 v128 funcref funcref externref)
    (i32.const 0xffffffff) (i64.const 0x8000000000000000) (f32.const 0.1) (f32.const -0) (f64.const 1e300) (f64.const nan)
    (f64.const -inf) (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) (ref.func $all) (ref.null func)
    (ref.null extern))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0)))
