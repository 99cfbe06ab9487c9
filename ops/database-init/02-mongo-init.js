// Collections, indexes and shard keys of Chat4All's messages and records of files.
//
//   mongosh 'mongodb://admin@router:27017/chat4all' 02-mongo-init.js
//
// Run it once, on an empty database, before the program first starts there. Without shards it
// makes the indexes only, which the program does as well. A repeat changes nothing.
// https://www.mongodb.com/docs/manual/reference/method/sh.shardCollection/
"use strict";

const CHUNKS = 64; // made beforehand for each collection, so that no shard takes all at first

// [collection, name, keys, options]: as in src/chat4all/adapters/mongodb/schema.py.
const INDEXES = [
  ["messages", "place", ["conversation_id", "seq"], { unique: true }],
  ["messages", "message", ["conversation_id", "message_id"], { unique: true }],
  ["messages", "position", ["conversation_id", "partition", "offset"], {}],
  ["messages", "words", ["conversation_id", "words"], {}],
  ["changes", "position", ["conversation_id", "partition", "offset"], { unique: true }],
  ["cursors", "member", ["conversation_id", "user_id"], { unique: true }],
  ["statuses", "number", ["message_id", "number"], { unique: true }],
  ["statuses", "external", ["account_id", "address", "external_id"], { sparse: true }],
  ["batches", "partitions", ["partitions"], { unique: true }],
  ["files", "owner", ["owner_id", "state"], {}],
  ["files", "conversation", ["conversation_id", "_id"], {}],
  ["files", "state", ["state", "created_at", "_id"], {}],
  ["files", "expiry", ["state", "expires_at"], {}],
  ["file_references", "pair", ["file_id", "message_id"], { unique: true }],
  ["file_references", "message", ["message_id"], {}],
];

// A unique index has to begin with the shard key. What is not here is small and stays on one
// shard: `batches` (those under way), `partitions` (one document each), `schema`.
const SHARD_KEYS = {
  messages: "conversation_id",
  changes: "conversation_id",
  cursors: "conversation_id",
  message_ids: "_id",
  statuses: "message_id",
  files: "_id",
  file_owners: "_id",
  file_references: "file_id",
};

function isSharded() {
  return db.adminCommand({ hello: 1 }).msg === "isdbgrid";
}

function shard(collection, key) {
  const name = `${db.getName()}.${collection}`;
  const hashed = { [key]: "hashed" };
  try {
    sh.shardCollection(name, hashed, false, { numInitialChunks: CHUNKS });
  } catch (error) {
    print(`${name}: chunks are made later (${error.codeName})`); // by the balancer
    sh.shardCollection(name, hashed);
  }
}

// Before the indexes: only an empty collection gets its chunks beforehand.
if (isSharded()) {
  for (const [collection, key] of Object.entries(SHARD_KEYS)) {
    shard(collection, key);
  }
}
for (const [collection, name, keys, options] of INDEXES) {
  const ascending = Object.fromEntries(keys.map((key) => [key, 1]));
  db.getCollection(collection).createIndex(ascending, { name, ...options });
}

// Zones keep ranges of the hashed key on chosen shards, such as a half of all conversations on
// the larger machines. An example, for shards named `large` and `small`:
//
//   sh.addShardToZone("large", "many");
//   sh.addShardToZone("small", "few");
//   const messages = `${db.getName()}.messages`;
//   const middle = { conversation_id: NumberLong("0") };
//   sh.updateZoneKeyRange(messages, { conversation_id: MinKey() }, middle, "few");
//   sh.updateZoneKeyRange(messages, middle, { conversation_id: MaxKey() }, "many");
//
// Do the same for `changes` and `cursors`. A shard that is hot for its share of conversations
// gets a smaller range; the balancer moves the rest while people talk.
