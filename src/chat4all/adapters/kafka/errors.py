"""Kafka's errors as ours, at the edge."""

from __future__ import annotations

from confluent_kafka import KafkaError

from chat4all.domain.errors import Chat4AllError, InvalidInput, StorageFull, Unavailable

# The client's own codes have names with an underscore; they are public all the same.
AUTHENTICATION = KafkaError._AUTHENTICATION  # noqa: SLF001
NOT_HEARD_OF = KafkaError._NOENT  # noqa: SLF001
END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001
DISCONNECTED = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT})  # noqa: SLF001

_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
_LOST = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    }
)


def translate(error: KafkaError) -> Chat4AllError:
    """Return the error of our tree for one of Kafka."""
    if error.code() in _TOO_LARGE:
        return InvalidInput("the record is larger than Kafka's topic takes (max.message.bytes)")
    if error.code() == KafkaError.KAFKA_STORAGE_ERROR:
        return StorageFull("Kafka cannot write to its disk: free some space there")
    return Unavailable(f"Kafka does not take it now ({error.name()})")


def is_lost(error: KafkaError) -> bool:
    """Say whether the partition belongs to another consumer by now."""
    return error.code() in _LOST
