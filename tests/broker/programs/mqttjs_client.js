// MQTT.js against the broker: node mqttjs_client.js PORT VERSION, where the version is 3, 4 or 5.
// NODE_PATH says where the library is.

const mqtt = require('mqtt')

const port = Number(process.argv[2])
const protocolVersion = Number(process.argv[3])
const protocolId = protocolVersion === 3 ? 'MQIsdp' : 'MQTT'

function options (clientId, clean) {
  const properties = protocolVersion === 5 ? { sessionExpiryInterval: clean ? 0 : 3600 } : undefined
  return { clientId, clean, protocolId, protocolVersion, properties, reconnectPeriod: 0 }
}

async function next (client) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('nothing came')), 60000)
    client.once('message', (topic, payload, packet) => {
      clearTimeout(timer)
      resolve(packet)
    })
  })
}

async function main () {
  const url = `mqtt://127.0.0.1:${port}`
  const client = await mqtt.connectAsync(url, options('mqttjs', true))
  for (const qos of [0, 1, 2]) {
    const granted = await client.subscribeAsync(`js/${qos}`, { qos })
    if (granted[0].qos !== qos) throw new Error(`granted ${granted[0].qos} instead of ${qos}`)
    for (const size of [0, 1, 5000, 300000]) {
      const coming = next(client)
      await client.publishAsync(`js/${qos}`, Buffer.alloc(size, 'x'), { qos })
      const packet = await coming
      if (packet.payload.length !== size || packet.qos !== qos) {
        throw new Error(`${packet.payload.length} bytes at QoS ${packet.qos}`)
      }
    }
  }
  const will = { topic: 'js/will', payload: 'gone', qos: 1 }
  const leaving = await mqtt.connectAsync(url, { ...options('leaving', true), will })
  await client.subscribeAsync('js/will', { qos: 1 })
  const coming = next(client)
  leaving.stream.destroy()
  if ((await coming).payload.toString() !== 'gone') throw new Error('not the will')
  await client.endAsync()
  console.log('ok')
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
