export let count = 0;
export function add(by) { count += by; }
export default () => `total ${count}`;
export class Shape { name = 'shape'; }
