"""The server's life: started, killed, restarted, drained, refused twice on one port or directory."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from adyton.core.errors import PolicyError, UnavailableError, UsageError
from adyton.host.config import ServeSettings
from adyton.host.serve import ServerFacts, serve
from adyton.host.store import Store
from tests.host_kit import ROOT, Http, envelope, fake_launch, serving, verify_whole


def refuse_ready(facts: ServerFacts) -> None:
    raise AssertionError("the server must not become ready")


def wait_until_serving(http: Http, *, status: int = 200) -> None:
    deadline = time.monotonic() + 60
    while http.call("GET", "/health")[0] != status:
        assert time.monotonic() < deadline


def test_everything_is_kept_over_a_restart(tmp_path: Path) -> None:
    data, launch = tmp_path / "data", fake_launch(tmp_path)
    with serving(data, launch) as first, closing(Http(first)) as http:
        item = envelope(first.chain_id, b"kept")
        _, answer = http.call("POST", "/task", {"envelope": item})
        _, before = http.call("GET", "/block")
    with serving(data, launch) as second, closing(Http(second)) as http:
        assert second.fingerprint == first.fingerprint
        assert second.chain_id == first.chain_id
        assert http.call("POST", "/task", {"envelope": item}) == (200, answer)
        _, after = http.call("GET", "/block")
        assert after["blocks"][: before["height"]] == before["blocks"]
        assert after["height"] == before["height"] + 1  # the second start entry
    store = Store(data / "ledger.sqlite")
    assert verify_whole(store, first.chain_id) == 3
    store.close()


def test_an_enclave_that_dies_is_started_again(tmp_path: Path) -> None:
    with serving(tmp_path / "data", fake_launch(tmp_path)) as facts, closing(Http(facts)) as http:
        before = http.post(b"before")[1]
        status, problem = http.post(b"die")
        assert (status, problem["code"]) == (503, "enclave_down")
        # What is stored is shown meanwhile; what needs the enclave is told to come again.
        name = before["task_hash"].hex()
        assert http.call("GET", f"/block?task_hash={name}")[0] == 200
        wait_until_serving(http)
        assert http.post(b"after")[0] == 200
        _, block = http.call("GET", "/block")
        assert block["height"] == 4
        metrics = http.raw("GET", "/metrics")[2].decode()
        assert "adyton_enclave_starts_total 2.0" in metrics


def test_the_same_bytes_may_be_sent_again_after_a_crash(tmp_path: Path) -> None:
    with serving(tmp_path / "data", fake_launch(tmp_path)) as facts, closing(Http(facts)) as http:
        assert http.post(b"die")[0] == 503
        item = envelope(facts.chain_id, b"retried")
        deadline = time.monotonic() + 60
        while (answer := http.call("POST", "/task", {"envelope": item}))[0] == 503:
            assert time.monotonic() < deadline
        assert answer[0] == 200
        assert http.call("POST", "/task", {"envelope": item}) == answer


def test_two_servers_share_neither_directory_nor_port(tmp_path: Path) -> None:
    launch = fake_launch(tmp_path)
    with serving(tmp_path / "data", launch) as facts:
        with pytest.raises(UnavailableError, match="another server"):
            serve(ServeSettings(tmp_path / "data", port=0), refuse_ready, launch)
        with pytest.raises(UnavailableError, match="in use") as caught:
            serve(ServeSettings(tmp_path / "other", port=facts.port), refuse_ready, launch)
        assert caught.value.code == "unreachable"


@pytest.mark.parametrize(("host", "port"), [("no such host", 0), ("192.0.2.1", 0)])
def test_an_impossible_address_is_told(tmp_path: Path, host: str, port: int) -> None:
    settings = ServeSettings(tmp_path / "data", host=host, port=port)
    with pytest.raises(UnavailableError, match="cannot listen"):
        serve(settings, refuse_ready, fake_launch(tmp_path))


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_an_impossible_port_is_told(tmp_path: Path, port: int) -> None:
    with pytest.raises(UsageError, match="65535"):
        serve(ServeSettings(tmp_path / "data", port=port), refuse_ready, fake_launch(tmp_path))


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    launch = fake_launch(tmp_path)
    with serving(tmp_path / "data", launch):
        pass
    with pytest.raises(UsageError, match="fixed at genesis"):
        serve(ServeSettings(tmp_path / "data", port=0, admission="invite"), refuse_ready, launch)


def test_the_simulated_platform_needs_consent(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        serve(ServeSettings(tmp_path / "data", port=0, allow_simulated=False), refuse_ready)
    assert caught.value.code == "simulated_refused"
    assert not (tmp_path / "data" / "device").exists()


def test_an_enclave_that_does_not_start_is_told(tmp_path: Path) -> None:
    launch = fake_launch(tmp_path)
    (tmp_path / "boot.py").write_text("raise SystemExit(70)\n")
    with pytest.raises(UnavailableError) as caught:
        serve(ServeSettings(tmp_path / "data", port=0), refuse_ready, launch)
    assert caught.value.code == "enclave_down"


SERVER = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from adyton.host.config import ServeSettings
from adyton.host.serve import serve
from tests.host_kit import fake_launch

def ready(facts):
    print(facts.port, facts.chain_id.hex(), flush=True)

directory = Path(sys.argv[1])
serve(ServeSettings(directory / "data", port=0), ready, fake_launch(directory))
print("drained", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    code = SERVER.format(paths=[str(ROOT / "src"), str(ROOT)])
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    port, chain_id = server.stdout.readline().split()
    item = envelope(bytes.fromhex(chain_id), b"never ends")
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as waiting:
        body = b"\xa1henvelope" + b"\x58" + bytes([len(item)]) + item
        fields = f"Host: x\r\nContent-Type: application/cbor\r\nContent-Length: {len(body)}"
        waiting.sendall(f"POST /task HTTP/1.1\r\n{fields}\r\n\r\n".encode() + body)
        assert b"200 OK" in waiting.recv(65536)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        server.send_signal(number)
        assert server.stdout.read() == "drained\n"
    assert server.wait(60) == 0
    server.stdout.close()
    for child in children:
        assert not Path(f"/proc/{child}").exists()
    store = Store(tmp_path / "data" / "ledger.sqlite")
    assert verify_whole(store, bytes.fromhex(chain_id)) == 2
    store.close()


def test_the_enclave_gets_nothing_but_its_descriptors(tmp_path: Path) -> None:
    os.environ["ADYTON_TEST_SECRET"] = "x"
    launch = fake_launch(tmp_path)
    seen = tmp_path / "seen"
    boot = tmp_path / "boot.py"
    boot.write_text(
        "import os\n"
        f"with open({str(seen)!r}, 'w') as file:\n"
        "    fds = sorted(int(fd) for fd in os.listdir('/proc/self/fd'))\n"
        "    environ = open('/proc/self/environ').read()\n"
        "    print(fds, repr(environ), os.getcwd(), os.getsid(0) == os.getpid(), file=file)\n"
        + boot.read_text()
    )
    try:
        with serving(tmp_path / "data", launch):
            pass
    finally:
        del os.environ["ADYTON_TEST_SECRET"]
    fds, _, rest = seen.read_text().partition("] ")
    # Standard streams, channel, device; the file being written and the listing itself.
    assert len(fds.split(",")) <= 7
    assert rest == "'' / True\n"
