"""Stands in for Jaeger where no registry answers: takes traces over OTLP (gRPC, 4317), and answers two of Jaeger's
questions (16686), /api/services and /api/traces/ID, with what came. It has no pages."""

import json
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc

SERVICES = set()
TRACES = {}


def fields(message):
    """The fields of a protobuf message that hold octets: (number, octets)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            octet = message[at]
            at += 1
            value |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return value

    while at < len(message):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            varint()
        elif kind == 2:
            length = varint()
            yield tag >> 3, message[at : at + length]
            at += length
        else:
            at += 8 if kind == 1 else 4


def field(message, number):
    return next((octets for n, octets in fields(message) if n == number), b"")


def export(request, _):
    """opentelemetry.proto.collector.trace.v1.TraceService/Export."""
    for resource_spans in (octets for n, octets in fields(request) if n == 1):
        attributes = [octets for n, octets in fields(field(resource_spans, 1)) if n == 1]
        names = [field(field(a, 2), 1).decode() for a in attributes if field(a, 1) == b"service.name"]
        SERVICES.update(names)
        for scope in (octets for n, octets in fields(resource_spans) if n == 2):
            for span in (octets for n, octets in fields(scope) if n == 2):
                seen = {"operationName": field(span, 5).decode(), "processID": names[0] if names else ""}
                TRACES.setdefault(field(span, 1).hex(), []).append(seen)
    return b""


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/api/services":
            data = sorted(SERVICES)
        elif self.path.startswith("/api/traces/"):
            trace = self.path.rsplit("/", 1)[1]
            data = [{"traceID": trace, "spans": TRACES[trace]}] if trace in TRACES else []
        else:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"data": data}).encode())

    def log_message(self, *_):
        pass


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    handler = grpc.unary_unary_rpc_method_handler(export)
    name = "opentelemetry.proto.collector.trace.v1.TraceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": handler}),))
    server.add_insecure_port("0.0.0.0:4317")
    server.start()
    ThreadingHTTPServer(("0.0.0.0", 16686), Answers).serve_forever()


main()
