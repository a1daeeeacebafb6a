;;! processor = "v2"
;;! tier = "optimized"
(module (memory 1)
  ;; Without AVX.
  (func $add (param i32) (result v128)
    (i32x4.add (v128.load (local.get 0)) (v128.const i32x4 1 2 3 4)))
  (func $splat (param i32) (result v128) (i8x16.splat (local.get 0))))

;; optimized: $add, 64 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov rdi, [rdi + 0x38]
;;     mov r8d, esi
;;     movdqu xmm0, [rdi + r8]                      ; trap MemoryOutOfBounds; V128Load at 0x21
;;     movdqu xmm7, [rip + L1]
;;     paddd xmm0, xmm7
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;; L1:
;;     .byte 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00
;;
;; optimized: $splat, 22 bytes
;;     push rbp
;;     mov rbp, rsp
;;     movd xmm0, esi
;;     pxor xmm5, xmm5
;;     pshufb xmm0, xmm5
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
