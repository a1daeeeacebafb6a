;;! tier = "optimized"
;;! settings = "inline uninterruptible"
(module
  ;; The trap names both functions.
  (func $half (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func $caller (param i32 i32) (result i32) (i32.add (call $half (local.get 0) (local.get 1)) (i32.const 1))))

;; optimized: $half, 21 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rdx
;;     xor rdx, rdx
;;     mov rax, rsi
;;     div r10d                                     ; trap IntegerDivideByZero; I32DivU at 0x1f
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
;; optimized: $caller, 27 bytes
;;     push rbp
;;     mov rbp, rsp
;;     mov r11, rdx
;;     xor rdx, rdx
;;     mov rax, rsi
;;     div r11d                                     ; trap IntegerDivideByZero; I32DivU at 0x1f of $half in Call at 0x27 of $caller
;;     add eax, 1
;;     mov rsp, rbp
;;     pop rbp
;;     ret
;;
