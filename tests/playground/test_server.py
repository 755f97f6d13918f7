"""The playground's server: who may come in, and what happens to what should not be said."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playground_messages import FLOWERS, in_base64, unpack
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from glassnet.playground import Setting
from glassnet.playground.messages import MOST_LETTERS, MOST_MESSAGE_BYTES, Allowance
from glassnet.playground.server import LETTERS, MOST_REFUSALS, MOST_SESSIONS, build_app
from glassnet.tables import reading
from glassnet.web import Names

HOST = "127.0.0.1:8000"
HEADERS = {"host": HOST, "origin": f"http://{HOST}"}


@pytest.fixture
def app() -> Starlette:
    return build_app("secret", [HOST])


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, base_url=f"http://{HOST}") as found:
        yield found


@contextmanager
def opened(client: TestClient, token: str = "secret", **headers: str) -> Iterator[WebSocketTestSession]:
    with client.websocket_connect(f"/socket?token={token}", headers=HEADERS | headers) as socket:
        yield socket


def hear(socket: WebSocketTestSession, kind: str) -> dict[str, Any]:
    """The next message of that kind; frames and structures before it are passed over."""
    for _ in range(200):
        header, arrays = unpack(socket.receive_bytes())
        if header["kind"] == kind:
            return header | {"arrays": arrays}
        assert header["kind"] in ("frame", "structure", "changes"), header
    raise AssertionError(kind)


def say(socket: WebSocketTestSession, kind: str, **fields: Any) -> None:
    socket.send_text(json.dumps({"kind": kind, **fields}))


def test_the_page_needs_the_token(client: TestClient) -> None:
    assert client.get("/?token=secret").status_code == 200
    for address in ("/", "/?token=", "/?token=secre", "/?token=secret2", "/?token=%C3%A9"):
        refused = client.get(address)
        assert refused.status_code == 403
        assert "<html" not in refused.text


def test_every_file_that_the_page_names_is_there(client: TestClient) -> None:
    page = client.get("/?token=secret").text
    names = set(re.findall(r'"/web/([\w.]+)"', page))
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        answer = client.get(f"/web/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].startswith(("text/", "image/svg+xml"))
        if name.endswith(".js"):
            found = set(re.findall(r'from "\./([\w.]+)"', answer.text)) - names
            names |= found
            waiting += found
    assert {"main.js", "explain.js", "words.js", "shared.css"} <= names


@pytest.mark.parametrize(
    "path",
    ["/web/../server.py", "/web/%2e%2e%2fserver.py", "/web//etc/passwd", "/web/server.py", "/web/", "/x", "/web"],
)
def test_no_other_file_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 405)
    assert "import" not in answer.text


def test_nothing_may_come_from_elsewhere(client: TestClient) -> None:
    headers = client.get("/?token=secret").headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "", "localhost:8000"]
)
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/?token=secret", headers={"host": host}).status_code == 403
    with pytest.raises(WebSocketDisconnect), opened(client, host=host, origin=f"http://{host}"):
        pass


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.0.7:8000", 200), ("[fe80::1]:8000", 200), ("evil.example:8000", 403)]
)
def test_a_server_for_all_addresses_takes_figures_but_no_names(host: str, status: int) -> None:
    with TestClient(build_app("secret", Names([HOST], any_address=True))) as client:
        assert client.get("/?token=secret", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"http://{HOST}.evil.example", "http://127.0.0.1:9", ""]
)
def test_another_origin_is_refused(app: Starlette, client: TestClient, origin: str) -> None:
    with pytest.raises(WebSocketDisconnect), opened(client, origin=origin):
        pass
    assert app.state.workers == set()


def test_no_origin_is_refused(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket?token=secret", headers={"host": HOST}):
        pass


@pytest.mark.parametrize("token", ["", "wrong", "secret%00", "%F0%9F%99%82"])
def test_a_socket_without_the_token_is_refused(app: Starlette, client: TestClient, token: str) -> None:
    with pytest.raises(WebSocketDisconnect), opened(client, token=token):
        pass
    assert app.state.workers == set()


def test_a_page_trains(client: TestClient) -> None:
    with opened(client) as socket:
        structure = hear(socket, "structure")
        assert structure["units"] == [2, 8, 8, 1]
        first = hear(socket, "frame")
        assert (first["epoch"], first["playing"]) == (0, False)
        say(socket, "step")
        frame = hear(socket, "frame")
        assert (frame["epoch"], frame["batch"], frame["updates"]) == (0, 1, 1)
        say(socket, "epoch")
        assert hear(socket, "frame")["epoch"] == 1
        say(socket, "pace", epochs_per_second=100_000)
        say(socket, "play")
        for _ in range(50):
            frame = hear(socket, "frame")
            if frame["epoch"] > 50:
                break
        assert frame["playing"]
        assert frame["loss"][0] < first["loss"][0]
        say(socket, "pause")
        while hear(socket, "frame")["playing"]:
            pass
        say(socket, "code")
        assert "gn.Sequential(" in hear(socket, "code")["text"]
        say(socket, "model")
        model = hear(socket, "model")
        assert len(model["arrays"]["file"]) == model["bytes"]
        say(socket, "trace", language="zh")
        trace = hear(socket, "trace")
        assert {stage["phase"] for stage in trace["stages"]} == {"forward", "loss", "backward", "update"}
        say(socket, "reset")
        assert hear(socket, "structure")["setting"]["dataset"] == "spiral"
        assert hear(socket, "frame")["epoch"] == 0


def test_a_slow_pace_is_kept(client: TestClient) -> None:
    with opened(client) as socket:
        hear(socket, "frame")
        say(socket, "pace", epochs_per_second=10)
        started = time.monotonic()
        say(socket, "play")
        while (epoch := hear(socket, "frame")["epoch"]) < 8:
            pass
        assert time.monotonic() - started > 0.5
        assert epoch < 12


def test_a_table_is_uploaded_and_learned(client: TestClient) -> None:
    with opened(client) as socket:
        hear(socket, "frame")
        say(socket, "table", content=in_base64(FLOWERS), name="flowers.csv")
        structure = hear(socket, "structure")
        assert structure["columns"] == ["length", "width", "species"]
        assert structure["classes"] == ["a", "b", "c"]
        assert structure["table"] == "flowers.csv"
        say(socket, "table", content=in_base64("a,b\n1,\n2,1\n"), name="bad.csv")
        assert "no value in line 2" in hear(socket, "error")["received"]
        say(socket, "configure", setting={"dataset": "table"})
        assert hear(socket, "structure")["classes"] == ["a", "b", "c"]  # the good table stays


GOOD = {"kind": "play"}
MALFORMED = [
    "",
    "play",
    "[]",
    "3",
    "null",
    "{",
    '{"kind": "play"',
    '{"kind": NaN}',
    '{"kind": "pace", "epochs_per_second": Infinity}',
    "[" * 9000,
    '{"a":' * 1500,
    "{}",
    '{"kind": null}',
    '{"kind": ["play"]}',
    '{"kind": "shutdown"}',
    '{"kind": "__class__"}',
    '{"kind": "play", "now": 1}',
    '{"kind": "step", "self": 1}',
    '{"kind": "pace"}',
    '{"kind": "pace", "epochs_per_second": "30"}',
    '{"kind": "pace", "epochs_per_second": true}',
    '{"kind": "pace", "epochs_per_second": 0}',
    '{"kind": "pace", "epochs_per_second": 1e300}',
    '{"kind": "trace", "language": "fr"}',
    '{"kind": "trace", "language": ["en"]}',
    '{"kind": "trace", "language": {}}',
    '{"kind": "table", "content": 3, "name": "x.csv"}',
    '{"kind": "table", "content": "YSxi", "name": null}',
    '{"kind": "table", "content": "a,b", "name": "x.csv"}',
    '{"kind": "table", "content": "字", "name": "x.csv"}',
    '{"kind": "table", "content": "YSxiCjEsMgo", "name": "x.csv"}',
    '{"kind": "table", "text": "a,b", "name": "x.csv"}',
    json.dumps({"kind": "table", "content": in_base64("a,b\n"), "name": "x" * 201}),
    json.dumps({"kind": "table", "content": in_base64("x" * 16_000_004), "name": "x.csv"}),
    json.dumps({"kind": "play"}) + " " * MOST_LETTERS,
    '{"kind": "configure", "setting": null}',
    '{"kind": "look", "place": 1.5}',
    '{"kind": "look", "place": -7}',
    '{"kind": "change", "name": "hidden", "value": 3, "place": -1}',
    '{"kind": "change", "name": "weight", "value": true, "place": 0}',
    '{"kind": "change", "name": "weight", "value": 1, "place": 900000}',
    '{"kind": "change", "name": ["l1"], "value": 1, "place": -1}',
    '{"kind": "resume", "setting": {}, "changes": 3, "epochs": 1, "batch": 0}',
    '{"kind": "resume", "setting": {}, "changes": [{"name": "l1"}], "epochs": 1, "batch": 0}',
    '{"kind": "resume", "setting": {}, "changes": [], "epochs": 1.5, "batch": 0}',
    '{"kind": "resume", "setting": {}, "changes": [], "epochs": 1, "batch": 900}',
    '{"kind": "configure", "setting": {"hidden": [1e9]}}',
    '{"kind": "configure", "setting": {"rows": ' + "9" * 4000 + "}}",
    '{"kind": "configure", "setting": {"rows": ' + "9" * 5000 + "}}",
    '{"kind": "configure", "setting": {"dataset": "table"}}',
    '{"kind": "configure", "setting": {"dataset": "digits", "axes": [0, 64]}}',
    '{"kind": "configure", "setting": {"dataset": "digits", "loss": "hinge"}}',
    '{"kind": "configure", "setting": {"rows": 20, "held_out": 0.9, "dataset": "../../x"}}',
]


def test_what_is_malformed_is_refused_and_the_page_goes_on(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(client) as socket:
        hear(socket, "frame")
        for text in MALFORMED:
            time.sleep(0.026)  # within what may be said in a second
            socket.send_text(text)
            error = hear(socket, "error")
            assert error["code"] == "refused", text[:80]
            assert all(error[part] for part in ("where", "received", "expected", "fix")), text[:80]
            assert "Traceback" not in str(error)
            assert len(str(error)) < 6000
        socket.send_bytes(b"\x00\x01")
        assert hear(socket, "error")["received"] == "bytes"
        say(socket, "step")
        assert hear(socket, "frame")["updates"] >= 0
    assert caplog.records == []


def test_too_many_messages_are_refused_and_then_the_page_is_sent_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may need seconds for the messages, in which others would be allowed.
    monkeypatch.setattr("glassnet.playground.server.Allowance", lambda: Allowance(per_second=0.001))
    with opened(client) as socket:
        hear(socket, "frame")
        for _ in range(120 + MOST_REFUSALS):
            say(socket, "pause")
        error = hear(socket, "error")
        assert "more messages" in error["received"]
        with pytest.raises(WebSocketDisconnect):
            all(socket.receive_bytes() for _ in range(2000))


def test_each_page_has_a_session_of_its_own(client: TestClient) -> None:
    with opened(client) as first, opened(client) as second:
        hear(first, "frame")
        hear(second, "frame")
        say(first, "configure", setting=Setting(dataset="blobs", hidden=(3,)).to_dict())
        assert hear(first, "structure")["units"] == [2, 3, 4]
        say(second, "step")
        assert hear(second, "frame")["updates"] == 1
        say(first, "pause")
        hear(first, "frame")
        assert hear(first, "frame")["updates"] == 0


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "glassnet playground"]


def wait_for_none(app: Starlette) -> None:
    """Until no page's thread is left, an earlier test's neither."""
    until = time.monotonic() + 20
    while app.state.workers or workers():
        assert time.monotonic() < until, "threads are left over"
        time.sleep(0.05)


def test_pages_are_bounded_and_a_closed_one_frees_its_thread(app: Starlette, client: TestClient) -> None:
    wait_for_none(app)
    with ExitStack() as pages:
        for _ in range(MOST_SESSIONS):
            socket = pages.enter_context(opened(client))
            hear(socket, "frame")
            say(socket, "play")
        assert len(workers()) == MOST_SESSIONS
        with opened(client) as one_more:
            assert hear(one_more, "error")["code"] == "too_many_pages"
            with pytest.raises(WebSocketDisconnect):
                one_more.receive_bytes()
    wait_for_none(app)
    with opened(client) as again:
        hear(again, "frame")


def test_the_work_for_a_page_counts_until_it_ends_and_ends_when_the_page_goes(
    app: Starlette, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_none(app)
    begun, may_go_on, read = threading.Event(), threading.Event(), []
    form = reading._form

    def slow(*given: Any, **named: Any) -> Any:
        read.append(given)
        begun.set()
        assert may_go_on.wait(20)
        return form(*given, **named)

    monkeypatch.setattr(reading, "_form", slow)
    with opened(client) as socket:
        hear(socket, "frame")
        columns = ",".join(f"c{i}" for i in range(60))
        table = columns + 30 * ("\n" + ",".join("1.5" for _ in range(60)))
        for _ in range(3):  # the others wait
            say(socket, "table", content=in_base64(table), name="wide.csv")
        assert begun.wait(20)
        (worker,) = app.state.workers
    until = time.monotonic() + 20
    while not worker._is_over:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert app.state.workers == {worker}
    assert worker.thread.is_alive()
    may_go_on.set()
    wait_for_none(app)
    assert len(read) == 1


def test_a_large_message_counts_as_many() -> None:
    allowance = Allowance(per_second=0.001, in_advance=80)
    largest = 1 + MOST_MESSAGE_BYTES / LETTERS
    assert allowance.take(largest)
    assert not allowance.take(largest)
    assert sum(allowance.take() for _ in range(80)) == 80 - math.ceil(largest)


def test_a_fault_is_told_and_the_page_goes_on(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> str:
        raise KeyError("inside")

    monkeypatch.setattr("glassnet.playground.worker.python_code", broken)
    with opened(client) as socket:
        hear(socket, "frame")
        say(socket, "code")
        error = hear(socket, "error")
        assert error == {"kind": "error", "code": "unforeseen", "arrays": {}}
        say(socket, "step")
        assert hear(socket, "frame")["updates"] == 1
    assert "KeyError" in caplog.text  # the terminal says what it was


def test_divergence_pauses_and_is_told(client: TestClient) -> None:
    setting = Setting(dataset="plane", optimizer="sgd", activation="linear", learning_rate=10.0, hidden=(16,) * 4)
    with opened(client) as socket:
        hear(socket, "frame")
        say(socket, "configure", setting=setting.to_dict())
        hear(socket, "structure")
        say(socket, "play")
        assert hear(socket, "error")["code"] == "diverged"
        assert hear(socket, "frame")["playing"] is False
