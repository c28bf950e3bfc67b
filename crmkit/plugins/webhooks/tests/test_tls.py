"""Over https the certificate must be that of the host which the URL names, though the client connects to an address."""

import asyncio
import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crmkit import NetworkGuard
from crmkit.plugins.webhooks.services import client

_HOST = "hooks.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for one host, which vouches for itself, with its key in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "hooks.pem"
    kept = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*kept) + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def port(certificate):
    """The port of a server that has the certificate, and takes everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            try:
                plain, _address = listening.accept()
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    # What is closed with something unread is reset, and the answer may be lost with it.
                    while connection.recv(65_536):
                        pass
            except (TimeoutError, ssl.SSLError):
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    ended.set()
    thread.join()
    listening.close()


@pytest.fixture
def post(certificate, monkeypatch):
    """Send something over https to a host that is this machine."""
    trusted = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(client, "_trusted", lambda: trusted)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked, **_more: found)

    def post(url):
        async def sent():
            async with client.Client(NetworkGuard(["127.0.0.1/32"])) as sender:
                return await sender.post(0, url, {}, b"{}")

        return asyncio.run(sent())

    return post


def test_host_proves_itself_by_its_certificate(port, post):
    assert post(f"https://{_HOST}:{port}/").status == 204


def test_other_host_at_the_same_address_does_not(port, post):
    answer = post(f"https://other.example:{port}/")
    assert answer.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in answer.error
