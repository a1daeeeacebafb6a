;; Heapsort of pseudo-random numbers, by a comparison that is called through a table. The results: whether the numbers are in
;; order, then the first, the middle and the last one.
;;
;; run: run --invoke ascending sort.wat 1000
;; stdout: 1
;; stdout: 555320
;; stdout: 2195743388
;; stdout: 4294649320
;; run: run --invoke descending sort.wat 1000
;; stdout: 1
;; stdout: 4294649320
;; stdout: 2195307310
;; stdout: 555320
;; run: run --invoke ascending sort.wat 100000000
;; status: 134
;; stderr: out of bounds memory access

(module $sort
  (type $compare (func (param i32 i32) (result i32)))
  (memory 16)
  (table funcref (elem $less $greater))
  (func $less (param $a i32) (param $b i32) (result i32) (i32.lt_u (local.get $a) (local.get $b)))
  (func $greater (param $a i32) (param $b i32) (result i32) (i32.gt_u (local.get $a) (local.get $b)))

  (func $get (param $i i32) (result i32) (i32.load (i32.shl (local.get $i) (i32.const 2))))
  (func $set (param $i i32) (param $value i32) (i32.store (i32.shl (local.get $i) (i32.const 2)) (local.get $value)))
  (func $swap (param $i i32) (param $j i32)
    (local $held i32)
    (local.set $held (call $get (local.get $i)))
    (call $set (local.get $i) (call $get (local.get $j)))
    (call $set (local.get $j) (local.get $held)))

  (func $fill (param $count i32)
    (local $i i32) (local $state i32)
    (local.set $state (i32.const 12345))
    (loop $next
      (local.set $state (i32.add (i32.mul (local.get $state) (i32.const 1664525)) (i32.const 1013904223)))
      (call $set (local.get $i) (local.get $state))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count)))))

  ;; Moves an element down until neither child should be above it.
  (func $sift (param $root i32) (param $end i32) (param $order i32)
    (local $child i32)
    (loop $down
      (local.set $child (i32.add (i32.shl (local.get $root) (i32.const 1)) (i32.const 1)))
      (if (i32.lt_u (local.get $child) (local.get $end))
        (then
          (if (i32.lt_u (i32.add (local.get $child) (i32.const 1)) (local.get $end))
            (then
              (if (call_indirect (type $compare)
                    (call $get (local.get $child))
                    (call $get (i32.add (local.get $child) (i32.const 1)))
                    (local.get $order))
                (then (local.set $child (i32.add (local.get $child) (i32.const 1)))))))
          (if (call_indirect (type $compare)
                (call $get (local.get $root))
                (call $get (local.get $child))
                (local.get $order))
            (then
              (call $swap (local.get $root) (local.get $child))
              (local.set $root (local.get $child))
              (br $down)))))))

  (func $sort (param $count i32) (param $order i32)
    (local $i i32)
    (local.set $i (i32.shr_u (local.get $count) (i32.const 1)))
    (loop $heap
      (if (local.get $i)
        (then
          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (call $sift (local.get $i) (local.get $count) (local.get $order))
          (br $heap))))
    (local.set $i (local.get $count))
    (loop $take
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (call $swap (i32.const 0) (local.get $i))
      (call $sift (i32.const 0) (local.get $i) (local.get $order))
      (br_if $take (i32.gt_u (local.get $i) (i32.const 1)))))

  (func $is_sorted (param $count i32) (param $order i32) (result i32)
    (local $i i32)
    (local.set $i (i32.const 1))
    (loop $next
      (if (call_indirect (type $compare)
            (call $get (local.get $i))
            (call $get (i32.sub (local.get $i) (i32.const 1)))
            (local.get $order))
        (then (return (i32.const 0))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
    (i32.const 1))

  (func $run (param $count i32) (param $order i32) (result i32 i64 i64 i64)
    (call $fill (local.get $count))
    (call $sort (local.get $count) (local.get $order))
    (call $is_sorted (local.get $count) (local.get $order))
    (i64.extend_i32_u (call $get (i32.const 0)))
    (i64.extend_i32_u (call $get (i32.shr_u (local.get $count) (i32.const 1))))
    (i64.extend_i32_u (call $get (i32.sub (local.get $count) (i32.const 1)))))

  (func (export "ascending") (param $count i32) (result i32 i64 i64 i64) (call $run (local.get $count) (i32.const 0)))
  (func (export "descending") (param $count i32) (result i32 i64 i64 i64) (call $run (local.get $count) (i32.const 1))))
