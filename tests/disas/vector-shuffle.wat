;;! tier = "optimized"
;;! settings = "uninterruptible"
(module
  ;; No lane is of the first vector, or none of the second: the instruction does not wait for it.
  (func $of_second (param v128 v128) (result v128)
    (i8x16.shuffle 19 18 17 16 23 22 21 20 27 26 25 24 31 30 29 28 (local.get 0) (local.get 1)))
  (func $of_first (param v128 v128) (result v128)
    (i8x16.shuffle 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 (local.get 0) (local.get 1))))

;; optimized: $of_second, 48 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vpshufb xmm0, xmm1, [rip + L1]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     .byte 03 02 01 00 07 06 05 04 0b 0a 09 08 0f 0e 0d 0c
;;
;; optimized: $of_first, 48 bytes
;;     push rbp
;;     mov rbp, rsp
;;     vpshufb xmm0, xmm0, [rip + L1]
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     .byte 03 02 01 00 07 06 05 04 0b 0a 09 08 0f 0e 0d 0c
;;
