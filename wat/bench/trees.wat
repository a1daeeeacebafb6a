;; Binary trees (after H. Boehm's GCBench and the benchmarks game): many short-lived trees beside one that lives on.
;;
;; run: run --invoke run trees.wat 10
;; stdout: 135854

(module
  (type $node (sub final (struct (field $left (ref null $node)) (field $right (ref null $node)))))

  (func $make (param $depth i32) (result (ref $node))
    (if (result (ref $node)) (i32.eqz (local.get $depth))
      (then (struct.new $node (ref.null $node) (ref.null $node)))
      (else
        (struct.new $node
          (call $make (i32.sub (local.get $depth) (i32.const 1)))
          (call $make (i32.sub (local.get $depth) (i32.const 1)))))))

  (func $count (param $node (ref $node)) (result i32)
    (local $left (ref null $node))
    (local.set $left (struct.get $node $left (local.get $node)))
    (if (result i32) (ref.is_null (local.get $left))
      (then (i32.const 1))
      (else
        (i32.add (i32.const 1)
          (i32.add
            (call $count (ref.as_non_null (local.get $left)))
            (call $count (ref.as_non_null (struct.get $node $right (local.get $node)))))))))

  ;; The nodes of all trees: one of depth n + 1, one of depth n that lives to the end, and for each depth from 4 to n, by
  ;; twos, as many as make about the same number of nodes.
  (func (export "run") (param $n i32) (result i32)
    (local $long (ref null $node)) (local $depth i32) (local $rounds i32) (local $sum i32)
    (local.set $sum (call $count (call $make (i32.add (local.get $n) (i32.const 1)))))
    (local.set $long (call $make (local.get $n)))
    (local.set $depth (i32.const 4))
    (block $done
      (loop $depths
        (br_if $done (i32.gt_s (local.get $depth) (local.get $n)))
        (local.set $rounds (i32.shl (i32.const 1) (i32.add (i32.sub (local.get $n) (local.get $depth)) (i32.const 4))))
        (loop $again
          (local.set $sum (i32.add (local.get $sum) (call $count (call $make (local.get $depth)))))
          (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
        (local.set $depth (i32.add (local.get $depth) (i32.const 2)))
        (br $depths)))
    (i32.add (local.get $sum) (call $count (ref.as_non_null (local.get $long)))))
)
