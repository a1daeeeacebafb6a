;;! loop = "1"
;;! settings = "tier_up uninterruptible"
(module
  ;; Entered in mid-function, with what the frame of baseline code held.
  (func $sum (param $n i32) (result f64) (local $sum f64)
    (loop $l
      (local.set $sum (f64.add (local.get $sum) (f64.convert_i32_u (local.get $n))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

;; optimized: $sum, 54 bytes, at the loop at 0x1b, state of 16 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov edi, [rsi - 8]
;;     vmovsd xmm0, [rsi - 0x10]
;; L1:
;;     mov rax, rdi
;;     sub eax, 1
;;     vxorpd xmm1, xmm1, xmm1
;;     mov ecx, edi
;;     vcvtsi2sd xmm1, xmm1, rcx
;;     vaddsd xmm0, xmm0, xmm1
;;     test eax, eax
;;     je L2
;;     mov rdi, rax
;;     jmp L1
;; L2:
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
