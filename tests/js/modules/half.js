exports.name = 'half';
exports.other = require('./other');
