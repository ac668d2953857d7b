// Deliberately wrong: the type check must say so, or it checks nothing.
export const count: number = 'four replicas';
