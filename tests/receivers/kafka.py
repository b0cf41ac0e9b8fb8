"""librdkafka's own broker for tests, and a consumer that writes what it gets, one document a line.

The broker chooses its port and says it in the file PORT. What it has been sent dies with it.
"""

import argparse
import os

from confluent_kafka import Consumer, Producer, TopicPartition

arguments = argparse.ArgumentParser()
arguments.add_argument("topic")
arguments.add_argument("port_file")
arguments.add_argument("out")
arguments = arguments.parse_args()

broker = Producer({"test.mock.num.brokers": 1, "log_level": 3})
metadata = broker.list_topics(timeout=20)
address = next(iter(metadata.brokers.values()))
# The broker makes a topic when somebody asks for it.
broker.list_topics(arguments.topic, timeout=20)

consumer = Consumer({
    "bootstrap.servers": f"{address.host}:{address.port}",
    "group.id": "test",
    "auto.offset.reset": "earliest",
    "enable.partition.eof": False,
})
partitions = consumer.list_topics(arguments.topic, timeout=20).topics[arguments.topic].partitions
consumer.assign([TopicPartition(arguments.topic, partition, 0) for partition in partitions])

unfinished = arguments.port_file + ".unfinished"
with open(unfinished, "w", encoding="ascii") as file:
    file.write(str(address.port))
os.rename(unfinished, arguments.port_file)

with open(arguments.out, "ab", buffering=0) as out:
    while True:
        messages = consumer.consume(500, timeout=0.5)
        out.write(b"".join(message.value() + b"\n" for message in messages if not message.error()))
