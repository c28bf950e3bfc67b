"""Receivers on this machine, as other programs have them: good ones, and every kind of bad one."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs

__all__ = ["Message", "Receiver", "Stubborn"]


@attrs.frozen
class Message:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self):
        return json.loads(self.body)


class Receiver:
    """A server that keeps what it is sent, and answers what *answer* returns: status, headers and body."""

    def __init__(self, answer: Callable[[Message], tuple] | int = 204):
        self.messages: list[Message] = []
        self.answer = answer
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else an answer waits for what the kernel wants to send with it.
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                message = Message(self.path, headers, body, time.monotonic())
                receiver.messages.append(message)
                answer = receiver.answer if isinstance(receiver.answer, int) else receiver.answer(message)
                status, more, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(content)

            def do_GET(self):
                receiver.messages.append(Message(self.path, {}, b"", time.monotonic()))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, *_args):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self._server.server_address[1]

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def events(self):
        return [message.event for message in self.messages]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Stubborn:
    """A server that takes connections and does what *behave* does with each of them, in a thread."""

    def __init__(self, behave: Callable[[socket.socket], object]):
        self.connections = 0
        self._behave, self._open = behave, True
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._socket.settimeout(0.05)
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while self._open:
            try:
                connection, _address = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            self._held.append(connection)
            threading.Thread(target=self._do, args=[connection], daemon=True).start()

    def _do(self, connection):
        with suppress(OSError):
            self._behave(connection)

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}{path}"

    def close(self):
        self._open = False
        self._thread.join()
        self._socket.close()
        for connection in self._held:
            connection.close()


def hang(_connection):
    """Take the request and say nothing."""


def dribble(connection):
    """Say the status at once, and then a byte a second."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        connection.sendall(b".")
        time.sleep(1)


def dribble_all(connection):
    """Say everything a byte a second."""
    connection.recv(65_536)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
        connection.sendall(bytes([byte]))
        time.sleep(1)


def pour(sent):
    """Return what answers without an end, and notes in the list *sent* how much was taken."""

    def behave(connection):
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            sent.append(connection.send(b"x" * 65_536))

    return behave
