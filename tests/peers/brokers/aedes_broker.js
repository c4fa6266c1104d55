// Runs the aedes broker on a loopback port of the system's choice, until standard input ends.

const aedes = require('aedes')()
const server = require('net').createServer(aedes.handle)

server.listen(0, '127.0.0.1', () => {
  console.log('listening on port ' + server.address().port)
})
process.stdin.on('end', () => process.exit(0))
process.stdin.resume()
