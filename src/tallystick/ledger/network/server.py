"""A witness on the network: HTTP of C2SP tlog-witness, on the standard library."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tallystick.core import TallystickError
from tallystick.ledger.witness.protocol import REQUEST_BYTES_MAX, Reply, origin_id
from tallystick.ledger.witness.witness import Witness

_SECONDS_MAX = 30
_LENGTH = re.compile(r"[0-9]{1,9}")


class WitnessServer:
    """Serves one witness: `POST /add-checkpoint`, and `GET /<SHA-256 of the origin>/checkpoint` for who compares.

    It speaks plain HTTP; an institution puts its own TLS in front. A request has 30 seconds a read and at most 1 MiB.

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

        self._server = ThreadingHTTPServer((host, port), Handler)
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


class _Handler(BaseHTTPRequestHandler):
    served: ClassVar[Witness]
    protocol_version = "HTTP/1.1"
    server_version = "tallystick-witness"
    sys_version = ""
    timeout = _SECONDS_MAX

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not _LENGTH.fullmatch(length):
            self._answer(Reply(411, b"Content-Length is needed\n"), close=True)
        elif int(length) > REQUEST_BYTES_MAX:
            self._answer(Reply(413, f"at most {REQUEST_BYTES_MAX} bytes\n".encode()), close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
            elif self.path != "/add-checkpoint":
                self._answer(Reply(404, b"no such path; allowed: POST /add-checkpoint\n"))
            else:
                self._answer(self.served.add_checkpoint(body))

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
