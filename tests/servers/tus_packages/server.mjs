// A reference to compare with: @tus/server on a folder. `node server.mjs FOLDER PORT MAX_SIZE [EXPIRY_MS]`
import { createServer } from 'node:http'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [folder, port, maxSize, expiry] = process.argv.slice(2)
const datastore = new FileStore({
  directory: folder,
  ...(expiry ? { expirationPeriodInMilliseconds: Number(expiry) } : {}),
})
const tus = new Server({ path: '/files', datastore, maxSize: Number(maxSize), respectForwardedHeaders: false })
createServer((request, response) => tus.handle(request, response)).listen(Number(port), '127.0.0.1')
