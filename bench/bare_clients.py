"""What a router process is measured against: the bare clients, doing the same writes.

`python -m bench.bare_clients SERVERS PREFIX GROUP MONGODB_URL` reads the commands of a topic,
inserts a document of the same fields for each message and the claim of its id, produces an
event, and commits. It looks at nothing, numbers in memory and is ready for no failure.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import msgspec
from confluent_kafka import Consumer, Message, Producer
from pymongo import MongoClient

BATCH = 500  # as the router's


def main() -> None:
    """Work until killed."""
    servers, prefix, group, url = sys.argv[1:]
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "fetch.wait.max.ms": 100,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 3,
            "compression.type": "lz4",
        }
    )
    consumer.subscribe([f"{prefix}.commands"])
    with MongoClient[dict[str, Any]](url, w="majority", journal=True) as client:
        work(consumer, producer, client.get_default_database(), f"{prefix}.events")


def work(consumer: Any, producer: Any, database: Any, events: str) -> None:
    """Take batches, write, commit."""
    placed: Counter[str] = Counter()
    while True:
        batch = consumer.consume(BATCH, 0.1)
        if not batch:
            continue
        documents = [document(one, placed) for one in batch if one.error() is None]
        claims = [
            {name: one[name] for name in ("_id", "conversation_id", "digest")}
            for one in ({**each, "_id": each["message_id"]} for each in documents)
        ]
        database["message_ids"].insert_many(claims, ordered=False)
        database["messages"].insert_many(documents, ordered=True)
        for one in batch:
            producer.produce(events, key=one.key(), value=one.value())
        producer.flush()
        consumer.commit(asynchronous=False)


def document(record: Message, placed: Counter[str]) -> dict[str, Any]:
    """Return a message as it is stored."""
    command = msgspec.json.decode(record.value() or b"")
    conversation = command["conversation_id"]
    placed[conversation] += 1
    return {
        "conversation_id": conversation,
        "seq": placed[conversation],
        "message_id": command["message_id"],
        "sender": command["sender"],
        "channel": command["channel"],
        "created_at": command["accepted_at"],
        "partition": record.partition(),
        "offset": record.offset(),
        "digest": command["digest"],
        "body": msgspec.json.encode({"payload": command["payload"]}).decode(),
        "words": sorted(set(command["payload"]["text"].split())),
    }


if __name__ == "__main__":
    main()
