"""Weights from files and addresses: what matches, what is said of the rest, and what is never fetched."""

import datetime
import hashlib
import ipaddress
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from safetensors.torch import save_file

from models.network_specs import spec_of
from models.specs import input_spec
from swath.errors import ModelError
from swath.models import pretrained
from swath.models.network import Network
from swath.models.package import Package
from swath.models.pretrained import is_public, load_pretrained
from swath.models.provenance import Provenance
from swath.models.spec import BandInput


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def built(seed: int, **settings: Any) -> Network:
    torch.manual_seed(seed)
    return Network.build(spec_of("unet", **settings))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(built(1).state_dict(), path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_of_the_same_network_match_whole(file: Path) -> None:
    network = built(2)
    matched = load_pretrained(network, file, sha256=sha256(file).upper())
    assert set(matched.loaded) == set(network.state_dict())
    assert (matched.reshaped, matched.missing, matched.unused) == ({}, (), ())
    assert matched.numbers[0] == matched.numbers[1] == sum(t.numel() for t in network.state_dict().values())
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), built(1).state_dict().values(), strict=True)
    )


def test_what_is_of_another_shape_stays_and_is_told(file: Path) -> None:
    more = tuple(BandInput(name=name) for name in ("B02", "B03", "B04"))
    network = built(2, given=input_spec().model_copy(update={"bands": more}))
    before = network.state_dict()["encoder.down.levels.0.0.weight"].clone()
    matched = load_pretrained(network, file)
    assert matched.reshaped == {"encoder.down.levels.0.0.weight": ((8, 2, 3, 3), (8, 3, 3, 3))}
    assert torch.equal(network.state_dict()["encoder.down.levels.0.0.weight"], before)
    assert "1 of another shape, left fresh: encoder.down.levels.0.0.weight (8, 2, 3, 3) for (8, 3, 3, 3)" in str(
        matched
    )


def test_what_is_missing_or_unused_is_told(tmp_path: Path) -> None:
    weights = {name: w for name, w in built(1).state_dict().items() if name.startswith("encoder.")}
    save_file({**weights, "decoder.weight": torch.zeros(3)}, tmp_path / "part.safetensors")
    network = built(2)
    matched = load_pretrained(network, tmp_path / "part.safetensors")
    assert matched.unused == ("decoder.weight",)
    assert set(matched.missing) == {name for name in network.state_dict() if name.startswith("head.")}
    lines = str(matched).splitlines()
    assert lines[0].startswith(f"Weights from {tmp_path / 'part.safetensors'}: {len(weights)} of ")
    assert "in the file only, unused: decoder.weight" in lines[-1]
    assert matched.to_dict()["unused"] == ["decoder.weight"]


def test_half_precision_is_turned_into_the_networks(tmp_path: Path) -> None:
    save_file(
        {n: w.to(torch.bfloat16) if w.is_floating_point() else w for n, w in built(1).state_dict().items()},
        tmp_path / "h.safetensors",
    )
    network = built(2)
    load_pretrained(network, tmp_path / "h.safetensors")
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert torch.allclose(network.head.score.weight, built(1).head.score.weight, rtol=1e-2)


def test_the_folder_of_a_package_is_a_source(tmp_path: Path) -> None:
    provenance = Provenance(licence="CC0-1.0")
    Package.write(tmp_path / "model", spec_of("unet"), provenance=provenance, weights=built(1).state_dict())
    assert load_pretrained(built(2), tmp_path / "model").missing == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "There is no file"),
        (lambda path: path.write_bytes(b"PK\x03\x04 a pickle"), "is no safetensors file"),
        (lambda path: save_file({"a": torch.zeros(2)}, path), r"None of the 1 tensors .* it has a, the network"),
        (
            lambda path: save_file({"head.score.bias": torch.tensor([1.0, float("nan"), 0.0])}, path),
            "'head.score.bias' of .* holds NaN",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, make: Callable[[Path], Any], message: str) -> None:
    path = tmp_path / "x.safetensors"
    make(path)
    with pytest.raises(ModelError, match=message):
        load_pretrained(built(2), path)


@pytest.mark.parametrize(("told", "message"), [("0" * 64, "is asked for"), ("abc", "'abc' is no sha256")])
def test_another_checksum_is_refused(file: Path, told: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_pretrained(built(2), file, sha256=told)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.org/w.safetensors", "is no https address"),
        ("file:///etc/passwd", "is no https address"),
        ("s3://bucket/w.safetensors", "is no https address"),
        ("https://me:secret@example.org/w.safetensors", "or has a password in it"),
    ],
)
def test_other_addresses_are_refused_without_asking(url: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load_pretrained(built(2), url, sha256="0" * 64)
    assert "secret" not in str(caught.value)


def test_an_address_without_checksum_is_refused() -> None:
    with pytest.raises(ModelError, match="no checksum is given"):
        load_pretrained(built(2), "https://example.org/w.safetensors?token=secret")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False),
        ("169.254.169.254", False), ("172.16.0.1", False), ("100.64.0.1", False), ("0.0.0.0", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("224.0.0.1", False),
    ],
)  # fmt: skip
def test_private_addresses_are_known(address: str, public: bool) -> None:
    assert is_public(address) is public


# --- over https on loopback, with a certificate of its own


class Server:
    """Answers by path: bytes, (status, headers), or a redirect."""

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                body = owner.answers.get(self.path.split("?")[0], 404)
                if isinstance(body, str):
                    self.send_response(302)
                    self.send_header("Location", body)
                elif isinstance(body, int):
                    self.send_response(body)
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(body) if isinstance(body, bytes) else 0))
                self.end_headers()
                if isinstance(body, bytes):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *_: None  # type: ignore[method-assign]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(folder))
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()


def certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    yield made
    made.http.shutdown()
    made.http.server_close()
    made.thread.join()


@pytest.fixture
def open_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine stands for the open internet."""
    monkeypatch.setattr(pretrained, "is_public", lambda address: address == "127.0.0.1")


@pytest.mark.usefixtures("open_loopback")
def test_weights_are_fetched_over_https_and_nothing_is_left(
    server: Server, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    server.answers = {"/w": "/moved", "/moved": file.read_bytes()}
    matched = load_pretrained(built(2), f"{server.url}/w?token=secret", sha256=sha256(file))
    assert matched.missing == () and matched.source == f"{server.url}/w"
    assert server.asked == ["/w?token=secret", "/moved"]
    assert not os.listdir(scratch)


@pytest.mark.usefixtures("open_loopback")
@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "the server answers 404"),
        ({"/w": 500}, "the server answers 500"),
        ({"/w": b"something else"}, "have sha256 .* is asked for"),
        ({"/w": "/w"}, "leads on more than 5 times"),
        ({"/w": "http://127.0.0.1:9/w"}, "leads to http://127.0.0.1:9/w, which is no https address"),
        ({"/w": "file:///etc/passwd"}, "leads to file:///etc/passwd, which is no https"),
    ],
)
def test_an_answer_that_is_not_the_file_is_refused(server: Server, answers: dict[str, Any], message: str) -> None:
    server.answers = answers
    with pytest.raises(ModelError, match=message):
        load_pretrained(built(2), f"{server.url}/w", sha256="0" * 64)


@pytest.mark.usefixtures("open_loopback")
def test_a_file_that_is_too_large_is_not_fetched(server: Server, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "LIMIT", 1000)
    server.answers = {"/w": file.read_bytes()}
    with pytest.raises(ModelError, match="are fetched at most"):
        load_pretrained(built(2), f"{server.url}/w", sha256=sha256(file))


def test_a_private_address_is_not_spoken_to(server: Server, file: Path) -> None:
    server.answers = {"/w": file.read_bytes()}
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 is at 127\.0\.0\.1, which is no public address"):
        load_pretrained(built(2), f"{server.url}/w", sha256=sha256(file))
    assert server.asked == []


@pytest.mark.usefixtures("open_loopback")
def test_a_server_with_a_strange_certificate_is_not_believed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ModelError, match="cannot be fetched: SSLError"):
        load_pretrained(built(2), f"{server.url}/w", sha256="0" * 64)
    assert server.asked == []
