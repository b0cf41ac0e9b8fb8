#!/usr/bin/env python3
"""A Kafka broker for trials: librdkafka's mock cluster, and a consumer that prints what arrived.

Needs `confluent-kafka` (Apache-2.0) from PyPI. The first line that is printed is
{"address": "HOST:PORT"}; then each record as a line of JSON with its topic, partition, offset, key,
timestamp in milliseconds, headers and value. It ends when its standard input does, after --count
records, or after --seconds (then with status 1 if --count was given).

The mock cluster makes topics, with four partitions, when it is asked about them. It speaks neither
TLS nor SASL.
"""

import argparse
import json
import select
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer


def text(content):
    """Bytes as text, or nothing."""
    return None if content is None else content.decode("utf-8", "backslashreplace")


def line(message):
    """A record as JSON."""
    return json.dumps(
        {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "key": text(message.key()),
            "timestamp": message.timestamp()[1],
            "headers": {name: text(value) for name, value in message.headers() or []},
            "value": text(message.value()),
        }
    )


def main():
    """Runs the broker and prints what arrives."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--topic", default="sensor")
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--count", type=int, help="end after so many records")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()

    cluster = Producer(
        {"bootstrap.servers": "mock", "test.mock.num.brokers": options.brokers, "log_level": 0}
    )
    brokers = cluster.list_topics(timeout=10).brokers.values()
    address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    # The topic is there once somebody has asked for it.
    cluster.list_topics(options.topic, timeout=10)
    print(json.dumps({"address": address}), flush=True)

    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "trial",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([options.topic])
    end = time.monotonic() + options.seconds
    seen = 0
    while time.monotonic() < end and (options.count is None or seen < options.count):
        if select.select([sys.stdin], [], [], 0)[0] and not sys.stdin.read(1):
            break
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            if message.error().code() in (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART):
                continue
            raise KafkaException(message.error())
        print(line(message), flush=True)
        seen += 1
    consumer.close()
    return 1 if options.count is not None and seen < options.count else 0


if __name__ == "__main__":
    sys.exit(main())
