exports.name = 'other';
exports.seen = Object.keys(require('./half'));
