"""Sends documents, one a line of the standard input, as the sensor's sinks would: plainly.

It is how a receiver is tried without the sensor, so that what fails in a scenario is known not to be
the receiver.
"""

import argparse
import base64
import http.client
import json
import socket
import ssl
import sys

arguments = argparse.ArgumentParser()
arguments.add_argument("kind")
arguments.add_argument("address")
arguments.add_argument("--ca")
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments.add_argument("--token", default="")
arguments = arguments.parse_args()

documents = [line.rstrip(b"\n") for line in sys.stdin.buffer if line != b"\n"]


def port():
    return int(arguments.address.rsplit(":", 1)[1])


def tls(raw):
    context = ssl.create_default_context(cafile=arguments.ca)
    if arguments.certificate:
        context.load_cert_chain(arguments.certificate, arguments.key)
    return context.wrap_socket(raw, server_hostname="localhost")


def message(document):
    return b"<86>1 2026-01-01T00:00:00.000001Z localhost sensor - EXEC [event@32473 id=\"1\"] " + document


def octets(connection):
    for document in documents:
        text = message(document)
        connection.sendall(str(len(text)).encode() + b" " + text)
    # A connection that is closed with something unread is broken off, and what was sent is lost.
    if isinstance(connection, ssl.SSLSocket):
        try:
            connection = connection.unwrap()
        except (ssl.SSLError, OSError):
            # GnuTLS closes without a word when it has read ours.
            return
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass
    connection.close()


def post(path, kind, authorization, body):
    connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=30)
    headers = {"content-type": kind}
    if authorization:
        headers["authorization"] = authorization
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300 or b'"errors": true' in text:
        sys.exit(f"{answer.status}: {text[:500]!r}")


def datagrams(family, address, texts):
    connection = socket.socket(family, socket.SOCK_DGRAM)
    for text in texts:
        connection.sendto(text, address)


def nats():
    connection = socket.create_connection(("127.0.0.1", port()), timeout=30)
    lines = connection.makefile("rwb", buffering=0)
    if b'"tls_required":true' in lines.readline():
        lines = tls(connection).makefile("rwb", buffering=0)
    options = {"verbose": False, "headers": True, "no_responders": True, "auth_token": arguments.token}
    lines.write(b"CONNECT " + json.dumps(options).encode() + b"\r\nSUB answers.* 1\r\n")
    for document in documents:
        lines.write(b"PUB sensor.events answers.1 %d\r\n%s\r\n" % (len(document), document))
        line = lines.readline()
        if not line.startswith(b"MSG"):
            sys.exit(f"{line!r}")
        if b'"error"' in lines.readline():
            sys.exit("refused")


def kafka():
    from confluent_kafka import Producer

    topic, server = arguments.address.split("@")
    producer = Producer({"bootstrap.servers": server, "enable.idempotence": True})
    for document in documents:
        producer.produce(topic, document, partition=0)
    if producer.flush(30):
        sys.exit("not all were acknowledged")


def records():
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

    request = logs_service_pb2.ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for document in documents:
        scope.log_records.add().body.string_value = document.decode()
    return request


def otlp_grpc():
    import grpc
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{port()}") as channel:
        logs_service_pb2_grpc.LogsServiceStub(channel).Export(records(), timeout=30)


def elasticsearch():
    body = b"".join(b'{"create":{"_index":"sensor"}}\n' + document + b"\n" for document in documents)
    login = "Basic " + base64.b64encode(b"sensor:secret").decode()
    post("/_bulk", "application/x-ndjson", login, body)


def splunk():
    body = b"".join(b'{"event":' + document + b"}" for document in documents)
    post("/services/collector/event", "application/json", f"Splunk {arguments.token}", body)


ways = {
    "tls": lambda: octets(tls(socket.create_connection(("localhost", port()), timeout=30))),
    "tcp": lambda: octets(socket.create_connection(("127.0.0.1", port()), timeout=30)),
    "udp": lambda: datagrams(socket.AF_INET, ("127.0.0.1", port()), map(message, documents)),
    "unix": lambda: datagrams(socket.AF_UNIX, arguments.address, map(message, documents)),
    "journald": lambda: datagrams(
        socket.AF_UNIX, arguments.address, (b"MESSAGE=" + document + b"\n" for document in documents)),
    "nats": nats,
    "kafka": kafka,
    "elasticsearch": elasticsearch,
    "splunk": splunk,
    "http": lambda: post("/", "application/x-ndjson", f"Bearer {arguments.token}", b"\n".join(documents)),
    "otlp-http": lambda: post(
        "/v1/logs", "application/x-protobuf", None, records().SerializeToString()),
    "otlp-grpc": otlp_grpc,
}
ways[arguments.kind]()
