"""A receiver of OTLP logs over gRPC or HTTP, by the protocol's official Python classes.

Each record's body is written as a line of a file before the request is answered. It listens on
loopback only.
"""

import argparse
import gzip
import json
import signal
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

arguments = argparse.ArgumentParser()
arguments.add_argument("kind", choices=["grpc", "http"])
arguments.add_argument("port", type=int)
arguments.add_argument("out")
arguments = arguments.parse_args()

out = open(arguments.out, "ab", buffering=0)


def keep(request):
    lines = b""
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                if record.body.HasField("string_value"):
                    lines += record.body.string_value.encode() + b"\n"
                else:
                    lines += json.dumps(MessageToDict(record)).encode() + b"\n"
    out.write(lines)


class Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def Export(self, request, context):
        keep(request)
        return logs_service_pb2.ExportLogsServiceResponse()


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        right = self.path == "/v1/logs" and self.headers["content-type"] == "application/x-protobuf"
        answer = b""
        if right:
            keep(logs_service_pb2.ExportLogsServiceRequest.FromString(body))
            answer = logs_service_pb2.ExportLogsServiceResponse().SerializeToString()
        self.send_response(200 if right else 400)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


if arguments.kind == "grpc":
    # One worker, so that records are written in the order of their requests.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Logs(), server)
    server.add_insecure_port(f"127.0.0.1:{arguments.port}")
    server.start()
    signal.pause()
else:
    ThreadingHTTPServer(("127.0.0.1", arguments.port), Request).serve_forever()
