;; A splay tree (Sleator and Tarjan, JACM 32/3, 1985) whose nodes come and go: each step inserts a node with a payload tree of
;; arrays under a random key and removes the greatest node that is below it. Old nodes are changed all the time.
;;
;; run: run --invoke run splay.wat 1000
;; stdout: 8000

(module
  (type $array (array (mut i32)))
  (type $payload (sub final (struct
    (field $left (ref null $payload)) (field $right (ref null $payload)) (field $numbers (ref null $array)))))
  (type $node (sub final (struct
    (field $key i32) (field $payload (ref $payload))
    (field $left (mut (ref null $node))) (field $right (mut (ref null $node))))))

  (global $root (mut (ref null $node)) (ref.null $node))
  (global $seed (mut i32) (i32.const 49734321))
  (global $count (mut i32) (i32.const 0))

  (func $random (result i32)
    (local $x i32)
    (local.set $x (global.get $seed))
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
    (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
    (global.set $seed (local.get $x))
    (i32.and (local.get $x) (i32.const 0x3fffffff)))

  (func $make_payload (param $depth i32) (param $key i32) (result (ref $payload))
    (if (result (ref $payload)) (i32.eqz (local.get $depth))
      (then
        (struct.new $payload (ref.null $payload) (ref.null $payload)
          (array.new_fixed $array 10
            (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
            (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (local.get $key))))
      (else
        (struct.new $payload
          (call $make_payload (i32.sub (local.get $depth) (i32.const 1)) (local.get $key))
          (call $make_payload (i32.sub (local.get $depth) (i32.const 1)) (local.get $key))
          (ref.null $array)))))

  ;; Top-down: brings the node with the key, or a neighbour, to the root. The tree is not empty.
  (func $splay (param $key i32)
    (local $dummy (ref null $node)) (local $left (ref null $node)) (local $right (ref null $node))
    (local $current (ref null $node)) (local $child (ref null $node))
    (local.set $dummy (struct.new $node (i32.const 0)
      (struct.get $node $payload (global.get $root)) (ref.null $node) (ref.null $node)))
    (local.set $left (local.get $dummy))
    (local.set $right (local.get $dummy))
    (local.set $current (global.get $root))
    (block $done
      (loop $down
        (if (i32.lt_s (local.get $key) (struct.get $node $key (local.get $current)))
          (then
            (br_if $done (ref.is_null (local.tee $child (struct.get $node $left (local.get $current)))))
            (if (i32.lt_s (local.get $key) (struct.get $node $key (local.get $child)))
              (then
                (struct.set $node $left (local.get $current) (struct.get $node $right (local.get $child)))
                (struct.set $node $right (local.get $child) (local.get $current))
                (local.set $current (local.get $child))
                (br_if $done (ref.is_null (struct.get $node $left (local.get $current))))))
            (struct.set $node $left (local.get $right) (local.get $current))
            (local.set $right (local.get $current))
            (local.set $current (struct.get $node $left (local.get $current)))
            (br $down)))
        (if (i32.gt_s (local.get $key) (struct.get $node $key (local.get $current)))
          (then
            (br_if $done (ref.is_null (local.tee $child (struct.get $node $right (local.get $current)))))
            (if (i32.gt_s (local.get $key) (struct.get $node $key (local.get $child)))
              (then
                (struct.set $node $right (local.get $current) (struct.get $node $left (local.get $child)))
                (struct.set $node $left (local.get $child) (local.get $current))
                (local.set $current (local.get $child))
                (br_if $done (ref.is_null (struct.get $node $right (local.get $current))))))
            (struct.set $node $right (local.get $left) (local.get $current))
            (local.set $left (local.get $current))
            (local.set $current (struct.get $node $right (local.get $current)))
            (br $down)))))
    (struct.set $node $right (local.get $left) (struct.get $node $left (local.get $current)))
    (struct.set $node $left (local.get $right) (struct.get $node $right (local.get $current)))
    (struct.set $node $left (local.get $current) (struct.get $node $right (local.get $dummy)))
    (struct.set $node $right (local.get $current) (struct.get $node $left (local.get $dummy)))
    (global.set $root (local.get $current)))

  ;; Inserts a node under a new key, which is the result.
  (func $insert (result i32)
    (local $key i32) (local $node (ref null $node))
    (loop $again
      (local.set $key (call $random))
      (if (i32.eqz (ref.is_null (global.get $root)))
        (then
          (call $splay (local.get $key))
          (br_if $again (i32.eq (struct.get $node $key (global.get $root)) (local.get $key))))))
    (local.set $node
      (struct.new $node (local.get $key) (call $make_payload (i32.const 5) (local.get $key)) (ref.null $node) (ref.null $node)))
    (if (i32.eqz (ref.is_null (global.get $root)))
      (then
        (if (i32.gt_s (local.get $key) (struct.get $node $key (global.get $root)))
          (then
            (struct.set $node $left (local.get $node) (global.get $root))
            (struct.set $node $right (local.get $node) (struct.get $node $right (global.get $root)))
            (struct.set $node $right (global.get $root) (ref.null $node)))
          (else
            (struct.set $node $right (local.get $node) (global.get $root))
            (struct.set $node $left (local.get $node) (struct.get $node $left (global.get $root)))
            (struct.set $node $left (global.get $root) (ref.null $node))))))
    (global.set $root (local.get $node))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (local.get $key))

  ;; Removes the root, whose left subtree is not empty.
  (func $remove_root
    (local $right (ref null $node))
    (local.set $right (struct.get $node $right (global.get $root)))
    (global.set $root (struct.get $node $left (global.get $root)))
    (call $splay (i32.const 0x7fffffff))
    (struct.set $node $right (global.get $root) (local.get $right))
    (global.set $count (i32.sub (global.get $count) (i32.const 1))))

  ;; A tree of 8,000 nodes, and then so many steps; the number of nodes, which stays.
  (func (export "run") (param $steps i32) (result i32)
    (local $node (ref null $node))
    (loop $fill
      (drop (call $insert))
      (br_if $fill (i32.lt_u (global.get $count) (i32.const 8000))))
    (loop $step
      (drop (call $insert))
      ;; The new node is the root: its greatest smaller neighbour goes, or itself if it has none.
      (local.set $node (struct.get $node $left (global.get $root)))
      (if (ref.is_null (local.get $node))
        (then
          (global.set $root (struct.get $node $right (global.get $root)))
          (global.set $count (i32.sub (global.get $count) (i32.const 1))))
        (else (call $remove_root)))
      (br_if $step (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    (global.get $count))
)
