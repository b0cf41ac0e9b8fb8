"""A receiver that is strict about what it is sent, and misbehaves when it is told to.

It writes each document that it takes as a line of a file before it answers, so that what it has
acknowledged survives its own sudden end. How it behaves is the word in another file, which is read
anew for each request:

    ok       as the real one does
    silent   takes the request and never answers
    close    takes half of the request and closes the connection
    429 503  refuses with that status; 429 asks for a second of patience
    partial  refuses some documents of each request for now: each of them once
"""

import argparse
import base64
import gzip
import json
import os
import re
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

arguments = argparse.ArgumentParser()
arguments.add_argument("kind", choices=["elasticsearch", "splunk", "http", "syslog"])
arguments.add_argument("port", type=int)
arguments.add_argument("out")
arguments.add_argument("behaviour")
arguments.add_argument("--certificate", help="with --key: speak TLS")
arguments.add_argument("--key")
arguments.add_argument("--client-ca", help="ask for a certificate of this authority")
arguments = arguments.parse_args()

TOKEN = "7a4a1e4c-5d3b-4a0c-9c0e-0c1f0f0e6a11"
USER = "sensor:secret"
MOST_BYTES = 100 << 20

lock = threading.Lock()
out = open(arguments.out, "a+b", buffering=0)
if out.seek(0, os.SEEK_END):
    out.seek(-1, os.SEEK_END)
    if out.read(1) != b"\n":
        # It was killed in the middle of a line, which it had not answered for.
        out.write(b"\n")
seen = set()
put_off = set()
acknowledgements = {}


def behaviour():
    with open(arguments.behaviour, encoding="ascii") as file:
        return file.read().strip()


def keep(documents):
    """Writes documents down, in one piece."""
    lines = b"".join(document + b"\n" for document in documents)
    if lines:
        out.write(lines)


class Wrong(Exception):
    """The request is not as the protocol has it."""


def whole_json(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise Wrong(f"no JSON: {error}") from error


class Elasticsearch:
    """The bulk API: actions and documents in turns, an answer with an item for each."""

    path = re.compile(r"^(/[a-z0-9.@_-]+)?/_bulk(\?.*)?$")
    types = {"application/x-ndjson", "application/json"}
    authorization = "Basic " + base64.b64encode(USER.encode()).decode()

    def answer(self, body, partial):
        if not body.endswith(b"\n"):
            raise Wrong("The bulk request must be terminated by a newline [\\n]")
        lines = body[:-1].split(b"\n")
        if len(lines) % 2:
            raise Wrong("an action without its document")
        items, kept = [], []
        for position, (action, document) in enumerate(zip(lines[::2], lines[1::2])):
            (verb, options), = whole_json(action).items()
            if verb != "create":
                raise Wrong(f"only create is for a data stream, not {verb}")
            if not isinstance(whole_json(document), dict):
                raise Wrong("a document must be an object")
            identity = options.get("_id")
            status = 201
            if identity is not None and identity in seen:
                status = 409
            elif partial and position % 3 == 1 and document not in put_off:
                put_off.add(document)
                status = 429
            if status == 201:
                seen.add(identity)
                kept.append(document)
            item = {"_index": options.get("_index", "events"), "_id": identity, "status": status}
            reasons = {409: "version_conflict_engine_exception", 429: "es_rejected_execution_exception"}
            if status in reasons:
                item["error"] = {"type": reasons[status], "reason": "as the test wants it"}
            items.append({verb: item})
        keep(kept)
        errors = any(item["create"]["status"] >= 300 for item in items)
        return 200, {"took": 1, "errors": errors, "items": items}


class Splunk:
    """The HTTP event collector, with and without acknowledgement."""

    path = re.compile(r"^/services/collector(/event|/ack)?(/1\.0)?(\?.*)?$")
    types = None
    authorization = f"Splunk {TOKEN}"

    def answer(self, body, partial):
        decoder = json.JSONDecoder()
        text = body.decode()
        position, kept = 0, []
        while position < len(text):
            if text[position].isspace():
                position += 1
                continue
            envelope, position = decoder.raw_decode(text, position)
            event = envelope.get("event")
            if event in (None, ""):
                return 400, {"text": "Event field is required", "code": 12,
                             "invalid-event-number": len(kept)}
            unknown = set(envelope) - {"time", "host", "source", "sourcetype", "index", "fields", "event"}
            if unknown:
                raise Wrong(f"unknown members {unknown}")
            if not isinstance(event, str):
                event = json.dumps(event, ensure_ascii=False)
            kept.append(event.replace("\n", " ").encode())
        if not kept:
            return 400, {"text": "No data", "code": 5}
        if partial and kept[0] not in put_off:
            put_off.add(kept[0])
            return 503, {"text": "Server is busy", "code": 9}
        keep(kept)
        number = len(acknowledgements)
        acknowledgements[number] = True
        return 200, {"text": "Success", "code": 0, "ackId": number}

    def acknowledge(self, body):
        asked = whole_json(body)["acks"]
        return 200, {"acks": {str(number): acknowledgements.pop(number, False) for number in asked}}


class Http:
    """A collector of its own: documents, one a line."""

    path = re.compile(r"^/")
    types = {"application/x-ndjson", "application/json", "text/plain"}
    authorization = f"Bearer {TOKEN}"

    def answer(self, body, partial):
        text = body.strip()
        if text.startswith(b"["):
            documents = [json.dumps(one, ensure_ascii=False).encode() for one in whole_json(text)]
        else:
            documents = text.split(b"\n")
        if partial and documents[0] not in put_off:
            put_off.add(documents[0])
            return 503, {"text": "as the test wants it"}
        keep(documents)
        return 200, {"taken": len(documents)}


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer = {"elasticsearch": Elasticsearch, "splunk": Splunk, "http": Http}.get(arguments.kind, Http)()

    def do_POST(self):
        self.connection.settimeout(60)
        how = behaviour()
        length = self.headers.get("content-length")
        if how == "close":
            self.rfile.read(int(length or 2) // 2)
            return self.end()
        body = self.body(length)
        if how == "silent":
            time.sleep(3600)
            return self.end()
        if how in ("429", "503"):
            after = {"retry-after": "1"} if how == "429" else {}
            return self.say(int(how), {"error": "as the test wants it"}, after)
        status, answer = self.judge(body, how == "partial")
        return self.say(status, answer, {})

    def do_GET(self):
        self.say(404, {"error": "only POST"}, {})

    def body(self, length):
        if length is not None:
            if int(length) > MOST_BYTES:
                raise Wrong("too large")
            return self.rfile.read(int(length))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def judge(self, body, partial):
        peer = self.peer
        if not peer.path.match(self.path):
            return 404, {"error": f"nothing is at {self.path}"}
        if self.headers.get("authorization") != peer.authorization:
            return 401, {"text": "Invalid authorization", "code": 3}
        kind = (self.headers.get("content-type") or "").split(";")[0]
        if peer.types is not None and kind not in peer.types:
            return 406, {"error": f"Content-Type [{kind}] is not supported"}
        try:
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            with lock:
                if "/ack" in self.path and arguments.kind == "splunk":
                    return peer.acknowledge(body)
                return peer.answer(body, partial)
        except (Wrong, ValueError, AttributeError, OSError) as error:
            print(f"malformed: {error}: {body[:300]!r}", file=sys.stderr, flush=True)
            return 400, {"error": str(error)}

    def say(self, status, answer, headers):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def end(self):
        self.close_connection = True

    def log_message(self, *_):
        pass


class Syslog(socketserver.StreamRequestHandler):
    """Messages that are counted in octets (RFC 6587, 5425), each of them as RFC 5424 has it."""

    header = re.compile(
        rb"^<\d{1,3}>1 (-|\d{4}-\d\d-\d\dT\S+) \S{1,255} \S{1,48} \S{1,128} \S{1,32} "
        rb"(-|(\[([^ =\]\"]{1,32})( [^ =\]\"]{1,32}=\"(\\[\"\\\]]|[^\"\\\]])*\")*\])+)( |$)", re.DOTALL)

    def handle(self):
        while length := self.length():
            if behaviour() == "silent":
                time.sleep(3600)
            if behaviour() == "close":
                self.rfile.read(length // 2)
                return
            message = self.rfile.read(length)
            header = self.header.match(message)
            if len(message) < length:
                return
            if header is None:
                print(f"malformed: {message[:300]!r}", file=sys.stderr, flush=True)
                return
            document = message[header.end():].removeprefix(b"\xef\xbb\xbf").rstrip(b"\n")
            with lock:
                keep([document])

    def length(self):
        digits = b""
        while (byte := self.rfile.read(1)) not in (b" ", b""):
            digits += byte
        return int(digits) if digits else 0


class Quiet:
    """A server that is not surprised when the other side goes away."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class SyslogServer(Quiet, socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class HttpServer(Quiet, ThreadingHTTPServer):
    pass


address = ("127.0.0.1", arguments.port)
if arguments.kind == "syslog":
    server = SyslogServer(address, Syslog)
else:
    server = HttpServer(address, Request)
if arguments.certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.key)
    if arguments.client_ca:
        context.load_verify_locations(arguments.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
