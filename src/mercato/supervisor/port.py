"""The one address all workers of a shop listen on."""

import socket

from mercato.supervisor.options import UpError

READ_TIMEOUT_S = 5.0


def reserve(host: str, port: int) -> socket.socket:
    """Bind `host:port` so that nobody else gets it, without listening; workers join by SO_REUSEPORT.

    Raises UpError when it is taken, not ours to take, or no address of this machine.
    """
    family, address = _resolve(host, port)
    # With SO_REUSEPORT it would join another shop of the same user instead of failing, so ask without.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, address)
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(held, address)
    return held


def answers(host: str, port: int, path: str) -> bool:
    """Whether a GET of `path` gets status 200; on a bare socket, because an HTTP client costs 4 MB."""
    try:
        with socket.create_connection((host, port), timeout=READ_TIMEOUT_S) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise UpError(f"{host} is no address of this machine: use --host 127.0.0.1 or 0.0.0.0") from None
    except OverflowError:
        raise UpError(f"{port} is no port: use --port with a number from 1 to 65535") from None
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, (str(address[0]), int(address[1]))


def _bind(unbound: socket.socket, address: tuple[str, int]) -> None:
    host, port = address
    try:
        unbound.bind(address)
    except OverflowError:
        raise UpError(f"{port} is no port: use --port with a number from 1 to 65535") from None
    except PermissionError:
        raise UpError(f"port {port} needs root: choose one above 1023, for example --port 8000") from None
    except OSError as error:
        if error.errno is not None and "in use" in (error.strerror or ""):
            raise UpError(
                f"port {port} is already in use: stop what listens there, or choose another,"
                f" for example --port {port + 1}"
            ) from None
        raise UpError(f"cannot listen on {host}:{port} ({error.strerror}): use another --host") from None
