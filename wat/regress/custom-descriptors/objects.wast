;; Custom descriptors at run time: what an object keeps alive, what a cast by descriptor compares, and where null traps.

(module $shapes
  (rec
    (type $shape (sub (descriptor $shape.vt) (struct (field $size i32))))
    (type $shape.vt (sub (describes $shape) (struct (field $area (ref $method)) (field $name i64))))
    (type $square (sub $shape (descriptor $square.vt) (struct (field $size i32) (field f64))))
    (type $square.vt (sub $shape.vt (describes $square) (struct (field $area (ref $method)) (field $name i64) (field i8))))
    (type $method (func (param (ref $shape)) (result i32))))
  (type $cell (struct (field (ref null $shape)) (field (ref null $cell))))
  (type $bytes (array (mut i8)))

  (elem declare func $line-area $square-area)
  (func $line-area (type $method) (struct.get $shape $size (local.get 0)))
  (func $square-area (type $method)
    (i32.mul (struct.get $shape $size (local.get 0)) (struct.get $shape $size (local.get 0))))
  (global $line.vt (ref (exact $shape.vt)) (struct.new $shape.vt (ref.func $line-area) (i64.const 11)))
  (global $square.vt (ref (exact $square.vt)) (struct.new $square.vt (ref.func $square-area) (i64.const 22) (i32.const 1)))

  (func $line (param i32) (result (ref (exact $shape)))
    (struct.new_desc $shape (local.get 0) (global.get $line.vt)))
  (func $square (param i32) (result (ref (exact $square)))
    (struct.new_desc $square (local.get 0) (f64.const 0.5) (global.get $square.vt)))
  ;; A virtual call.
  (func $area (param $s (ref $shape)) (result i32)
    (call_ref $method (local.get $s) (struct.get $shape.vt $area (ref.get_desc $shape (local.get $s)))))
  (func (export "areas") (param i32) (result i32)
    (i32.add (call $area (call $line (local.get 0))) (call $area (call $square (local.get 0)))))

  ;; A list of objects, each with a descriptor that nothing else holds, between much that is dropped.
  (func (export "names") (param $n i32) (result i64) (local $i i32) (local $list (ref null $cell)) (local $sum i64)
    (loop $make
      (local.set $list
        (struct.new $cell
          (struct.new_desc $shape (local.get $i)
            (struct.new $shape.vt (ref.func $line-area) (i64.extend_i32_u (local.get $i))))
          (local.get $list)))
      (drop (array.new $bytes (i32.const -1) (i32.const 15000)))
      (drop (struct.new_default_desc $shape (struct.new $shape.vt (ref.func $line-area) (i64.const -1))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $make (i32.lt_u (local.get $i) (local.get $n))))
    (loop $read
      (local.set $sum
        (i64.add (local.get $sum)
          (struct.get $shape.vt $name (ref.get_desc $shape (struct.get $cell 0 (local.get $list))))))
      (local.set $list (struct.get $cell 1 (local.get $list)))
      (br_if $read (i32.eqz (ref.is_null (local.get $list)))))
    (local.get $sum))

  ;; What a cast by a descriptor says of anything: 1 for an object that has it, 2 for null, 3 for the rest.
  (func $kind (param $x anyref) (param $vt (ref null $shape.vt)) (result i32)
    (block $no (result anyref)
      (br_on_cast_desc_eq_fail $no anyref (ref null $shape) (local.get $x) (local.get $vt))
      (if (result i32) (ref.is_null) (then (i32.const 2)) (else (i32.const 1)))
      (return))
    (drop)
    (i32.const 3))
  (func (export "kind of line") (result i32) (call $kind (call $line (i32.const 1)) (global.get $line.vt)))
  (func (export "kind of square") (result i32) (call $kind (call $square (i32.const 1)) (global.get $line.vt)))
  (func (export "kind of square, as shape") (result i32) (call $kind (call $square (i32.const 1)) (global.get $square.vt)))
  (func (export "kind of descriptor") (result i32) (call $kind (global.get $line.vt) (global.get $line.vt)))
  (func (export "kind of null") (result i32) (call $kind (ref.null none) (global.get $line.vt)))
  (func (export "kind of i31") (result i32) (call $kind (ref.i31 (i32.const 4)) (global.get $line.vt)))
  (func (export "kind of array") (param i32) (result i32)
    (call $kind (array.new_default $bytes (local.get 0)) (global.get $line.vt)))
  (func (export "kind of host") (param externref) (result i32)
    (call $kind (any.convert_extern (local.get 0)) (global.get $line.vt)))
  (func (export "kind by null") (param externref) (result i32)
    (call $kind (any.convert_extern (local.get 0)) (ref.null none)))
  ;; The same of what is known to have a descriptor: no more than a comparison.
  (func (export "known") (param i32) (result i32)
    (local $s (ref $shape))
    (local.set $s (if (result (ref $shape)) (local.get 0) (then (call $square (i32.const 5))) (else (call $line (i32.const 6)))))
    (block $yes (result (ref $square))
      (drop (br_on_cast_desc_eq $yes (ref $shape) (ref $square) (local.get $s) (global.get $square.vt)))
      (return (i32.const -1)))
    (struct.get $square $size))

  ;; Tests of exact types.
  (func (export "exact") (param i32) (result i32)
    (local $s (ref $shape))
    (local.set $s (if (result (ref $shape)) (local.get 0) (then (call $square (i32.const 5))) (else (call $line (i32.const 6)))))
    (i32.or
      (ref.test (ref (exact $shape)) (local.get $s))
      (i32.or
        (i32.shl (ref.test (ref $shape) (local.get $s)) (i32.const 1))
        (i32.shl (ref.test (ref (exact $square)) (local.get $s)) (i32.const 2)))))
  (func (export "as exact shape") (param i32) (result i32)
    (struct.get $shape $size
      (ref.cast (ref (exact $shape))
        (if (result (ref $shape)) (local.get 0) (then (call $square (i32.const 5))) (else (call $line (i32.const 6)))))))

  (func (export "new by null") (result anyref) (struct.new_desc $shape (i32.const 1) (ref.null none)))
  (func (export "new default by null") (result anyref) (struct.new_default_desc $shape (ref.null none)))
  (func (export "of null") (result anyref) (ref.get_desc $shape (ref.null none)))
  (func (export "cast by another") (result anyref)
    (ref.cast_desc_eq (ref $shape) (call $line (i32.const 1))
      (struct.new $shape.vt (ref.func $line-area) (i64.const 11))))
  (func (export "cast null") (result anyref)
    (ref.cast_desc_eq (ref $shape) (ref.null none) (global.get $line.vt)))
  (func (export "cast null to null") (result anyref)
    (ref.cast_desc_eq (ref null $shape) (ref.null none) (global.get $line.vt))))

(assert_return (invoke "areas" (i32.const 7)) (i32.const 56))
(assert_return (invoke "names" (i32.const 300)) (i64.const 44850))
(assert_return (invoke "kind of line") (i32.const 1))
(assert_return (invoke "kind of square") (i32.const 3))
(assert_return (invoke "kind of square, as shape") (i32.const 1))
(assert_return (invoke "kind of descriptor") (i32.const 3))
(assert_return (invoke "kind of null") (i32.const 2))
(assert_return (invoke "kind of i31") (i32.const 3))
(assert_return (invoke "kind of array" (i32.const 0)) (i32.const 3))
(assert_return (invoke "kind of array" (i32.const 65536)) (i32.const 3))
(assert_return (invoke "kind of host" (ref.extern 4)) (i32.const 3))
(assert_return (invoke "kind of host" (ref.null extern)) (i32.const 2))
(assert_trap (invoke "kind by null" (ref.extern 4)) "null descriptor reference")
(assert_trap (invoke "kind by null" (ref.null extern)) "null descriptor reference")
(assert_return (invoke "known" (i32.const 0)) (i32.const -1))
(assert_return (invoke "known" (i32.const 1)) (i32.const 5))
(assert_return (invoke "exact" (i32.const 0)) (i32.const 3))
(assert_return (invoke "exact" (i32.const 1)) (i32.const 6))
(assert_return (invoke "as exact shape" (i32.const 0)) (i32.const 6))
(assert_trap (invoke "as exact shape" (i32.const 1)) "cast failure")
(assert_trap (invoke "new by null") "null descriptor reference")
(assert_trap (invoke "new default by null") "null descriptor reference")
(assert_trap (invoke "of null") "null reference")
(assert_trap (invoke "cast by another") "descriptor cast failure")
(assert_trap (invoke "cast null") "descriptor cast failure")
(assert_return (invoke "cast null to null") (ref.null none))

;; Constant expressions: objects with descriptors in globals, tables and segments, descriptors with descriptors of their own.
(module
  (rec
    (type $a (descriptor $b) (struct (field i32)))
    (type $b (describes $a) (descriptor $c) (struct (field i32)))
    (type $c (describes $b) (struct (field i32))))
  (global $c (ref (exact $c)) (struct.new $c (i32.const 3)))
  (global $b (ref (exact $b)) (struct.new_desc $b (i32.const 2) (global.get $c)))
  (table $t 2 (ref (exact $a)) 
    (struct.new_desc $a (i32.const 1) (struct.new_desc $b (i32.const 2) (struct.new $c (i32.const 3)))))
  (table $u 3 (ref null $a))
  (elem (table $u) (i32.const 1) (ref null $a)
    (item (struct.new_default_desc $a (struct.new_desc $b (i32.const 20) (struct.new_default $c))))
    (item (struct.new_desc $a (i32.const 10) (global.get $b))))
  (func $sum (param $a (ref null $a)) (result i32)
    (i32.add
      (struct.get $a 0 (local.get $a))
      (i32.add
        (i32.mul (struct.get $b 0 (ref.get_desc $a (local.get $a))) (i32.const 100))
        (i32.mul (struct.get $c 0 (ref.get_desc $b (ref.get_desc $a (local.get $a)))) (i32.const 10000)))))
  (func (export "t") (result i32) (call $sum (table.get $t (i32.const 1))))
  (func (export "u") (param i32) (result i32) (call $sum (table.get $u (local.get 0)))))

(assert_return (invoke "t") (i32.const 30201))
(assert_return (invoke "u" (i32.const 1)) (i32.const 2000))
(assert_return (invoke "u" (i32.const 2)) (i32.const 30210))
(assert_trap (invoke "u" (i32.const 0)) "null structure reference")

(assert_trap
  (module
    (rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))
    (table 1 (ref null $a))
    (elem (i32.const 0) (ref null $a) (struct.new_default_desc $a (ref.null none))))
  "null descriptor reference")
