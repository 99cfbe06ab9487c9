// Sends a file with tus-js-client as it is, and goes on with what an earlier run began.
// `node send.mjs` with a job in JSON as its standard input.
import { createReadStream } from 'node:fs'
import { FileUrlStorage, Upload } from 'tus-js-client'

let text = ''
for await (const piece of process.stdin) text += piece
const job = JSON.parse(text)

const upload = new Upload(createReadStream(job.file), {
  endpoint: job.endpoint,
  headers: job.headers,
  metadata: job.metadata,
  retryDelays: Array(60).fill(500),
  chunkSize: job.chunk ?? Infinity,
  urlStorage: new FileUrlStorage(job.memory),
  fingerprint: async () => `file-${job.file}`,
  onBeforeRequest: () => new Promise((go) => setTimeout(go, 1000 * (job.pause ?? 0))),
  onError: (error) => {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: () => process.exit(0),
})
const earlier = await upload.findPreviousUploads()
if (earlier.length > 0) upload.resumeFromPreviousUpload(earlier[0])
upload.start()
