await null;
export const late = 'late';
export { late as default };
