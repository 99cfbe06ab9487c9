"""The log on Apache Kafka: one topic per stream, partitioned by the record's key."""
