import x from "./y"; enum Kind { A, B = "b" } export const f = (a: number, b?: string): number => a ?? Kind.A; class P { constructor(private readonly n: number) {} }
