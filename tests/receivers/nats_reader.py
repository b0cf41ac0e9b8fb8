"""Reads a stream of JetStream from its first message to its last, and goes on; writes what it gets, one
document a line. It makes the stream if it is not there, and outlives the server."""

import argparse
import base64
import json
import socket
import ssl
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("port", type=int)
arguments.add_argument("token")
arguments.add_argument("out")
arguments.add_argument("--ca")
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments = arguments.parse_args()

STREAM = {"name": "SENSOR", "subjects": ["sensor.>"], "storage": "file", "num_replicas": 1,
          "retention": "limits"}


class Connection:
    def __init__(self):
        raw = socket.create_connection(("127.0.0.1", arguments.port), timeout=5)
        # What the server says before it speaks TLS is read without reading further.
        while raw.recv(1) != b"\n":
            pass
        if arguments.ca:
            context = ssl.create_default_context(cafile=arguments.ca)
            context.load_cert_chain(arguments.certificate, arguments.key)
            raw = context.wrap_socket(raw, server_hostname="localhost")
        self.lines = raw.makefile("rwb", buffering=1 << 16)
        options = {"verbose": False, "auth_token": arguments.token}
        self.lines.write(b"CONNECT " + json.dumps(options).encode() + b"\r\nSUB answers 1\r\n")

    def ask(self, subject, question):
        body = json.dumps(question).encode()
        self.lines.write(b"PUB $JS.API.%s answers %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        self.lines.flush()
        while True:
            line = self.lines.readline()
            if line.startswith(b"MSG"):
                answer = self.lines.read(int(line.split()[-1]) + 2)
                return json.loads(answer)
            if line.startswith(b"PING"):
                self.lines.write(b"PONG\r\n")
            elif not line.startswith((b"INFO", b"PONG")):
                raise OSError(f"not expected: {line!r}")


def read(connection, sequence):
    """The document of that number; nothing if there is none yet."""
    answer = connection.ask("STREAM.MSG.GET.SENSOR", {"seq": sequence})
    if "error" not in answer:
        return base64.b64decode(answer["message"].get("data", ""))
    if answer["error"]["code"] != 404:
        raise OSError(answer["error"])
    return None


sequence = 1
connection = None
with open(arguments.out, "ab", buffering=0) as out:
    while True:
        try:
            if connection is None:
                connection = Connection()
                made = connection.ask("STREAM.CREATE.SENSOR", STREAM)
                if "error" in made and made["error"]["err_code"] != 10058:
                    raise OSError(made["error"])
                print("ready", flush=True)
            while (document := read(connection, sequence)) is not None:
                out.write(document + b"\n")
                sequence += 1
        except OSError as error:
            print(error, flush=True)
            connection = None
        time.sleep(0.1)
