"""A witness on the network: HTTP of C2SP tlog-witness, on the standard library."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tallystick.core import TallystickError
from tallystick.ledger.witness.protocol import REQUEST_BYTES_MAX, Reply, origin_id
from tallystick.ledger.witness.witness import Witness

_SECONDS_MAX = 30
_CONNECTION_SECONDS_MAX = 60
_CONNECTIONS_MAX = 128
_LENGTH = re.compile(r"[0-9]{1,9}")


class WitnessServer:
    """Serves one witness: `POST /add-checkpoint` and `/sign-subtree`, and `GET /<SHA-256 of the origin>/checkpoint`.

    It speaks plain HTTP; an institution puts its own TLS in front. A request has at most 1 MiB, a read 30 seconds, a
    connection 60 seconds in all, and there are at most 128 of them: a client that dawdles takes no place for ever.

    Parameters
    ----------
    witness
        The witness; it is not closed with the server.
    host, port
        Where to listen; port 0 takes a free one, which `url` names.

    Examples
    --------
    >>> from tallystick.ledger import Signer, generate_key, KeyKind
    >>> import tempfile, urllib.request
    >>> key = Signer(generate_key("witness.example", KeyKind.COSIGNATURE)[0])
    >>> with tempfile.TemporaryDirectory() as folder, WitnessServer(Witness(folder, [key], [], lambda: 1)) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, witness: Witness, host: str = "127.0.0.1", port: int = 0) -> None:
        class Handler(_Handler):
            served = witness

        self._server = _Server((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="witness", daemon=True)

    @property
    def url(self) -> str:
        """The address that it listens on: the submission prefix."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def serve(self) -> None:
        """Serve until the process ends."""
        self._server.serve_forever()

    def __enter__(self) -> WitnessServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _CONNECTIONS_MAX

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: dict[Any, float] = {}
        self._turn = threading.Lock()
        super().__init__(address, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is a place for one more connection."""
        with self._turn:
            if len(self._open) >= _CONNECTIONS_MAX:
                return False
            self._open[request] = time.monotonic()
        return True

    def shutdown_request(self, request: Any) -> None:
        """End a connection and free its place."""
        with self._turn:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Between requests: end the connections that had their time; whoever reads from them finds the end."""
        late = time.monotonic() - _CONNECTION_SECONDS_MAX
        with self._turn:
            for request, since in self._open.items():
                if since < late:
                    with suppress(OSError):
                        request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of the operator's business; anything else is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    served: ClassVar[Witness]
    protocol_version = "HTTP/1.1"
    server_version = "tallystick-witness"
    sys_version = ""
    timeout = _SECONDS_MAX

    def do_POST(self) -> None:
        lengths = self.headers.get_all("Content-Length", [])
        if self.headers.get("Transfer-Encoding") or len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
            self._answer(Reply(411, b"one Content-Length is needed\n"), close=True)
            return
        length = int(lengths[0])
        if length > REQUEST_BYTES_MAX:
            self._answer(Reply(413, f"at most {REQUEST_BYTES_MAX} bytes\n".encode()), close=True)
            return
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        answers = {"/add-checkpoint": self.served.add_checkpoint, "/sign-subtree": self.served.sign_subtree}
        answer = answers.get(self.path)
        if answer is None:
            self._answer(Reply(404, f"no such path; allowed: POST {', POST '.join(answers)}\n".encode()))
        else:
            self._answer(answer(body))

    def do_GET(self) -> None:
        try:
            found = [
                self.served.checkpoint(origin)
                for origin in self.served.origins
                if self.path == f"/{origin_id(origin)}/checkpoint"
            ]
        except (OSError, TallystickError):
            self._answer(Reply(500, b"the state of this witness cannot be read\n"))
            return
        note = found[0] if found else None
        self._answer(Reply(200, note) if note else Reply(404, b"no checkpoint here\n"))

    def _answer(self, reply: Reply, close: bool = False) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content)
        self.send_header("Content-Length", str(len(reply.body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: who asks is the log's business."""
