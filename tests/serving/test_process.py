"""The command as it is typed: one line, many clients at once, slow ones, and its end."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving_client import flowers

import glassnet as gn

Started = tuple[subprocess.Popen[str], int]
Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    flowers().save(tmp_path / "flowers.safetensors")
    started: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> Started:
        command = [sys.executable, "-m", "glassnet", "serve", "flowers.safetensors", "--port", "0", *options]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=tmp_path
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"The model is at http://127\.0\.0\.1:(\d+)\n", line)
        assert found, line
        return process, int(found[1])

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(port: int, body: Any, connection: HTTPConnection | None = None) -> tuple[int, Any]:
    own = connection or HTTPConnection("127.0.0.1", port, timeout=20)
    own.request("POST", "/predict", json.dumps(body), {"Content-Type": "application/json"})
    answer = own.getresponse()
    found = answer.status, json.loads(answer.read())
    if connection is None:
        own.close()
    return found


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_line_at_the_beginning_and_a_clean_end(start: Start, end: signal.Signals) -> None:
    process, port = start()
    assert ask(port, {"row": [12, 102]})[0] == 200
    process.send_signal(end)
    output, errors = process.communicate(timeout=20)
    assert (output, errors, process.returncode) == ("", "", 0)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_an_ignored_signal_stays_ignored(start: Start) -> None:
    """As in what a script starts with ``&``."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process, port = start()
    finally:
        signal.signal(signal.SIGINT, before)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert ask(port, {"row": [12, 102]})[0] == 200
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=20)
    assert (output, errors, process.returncode) == ("", "", 0)


def test_a_request_that_has_begun_is_answered_before_the_end(start: Start) -> None:
    process, port = start()
    body = b'{"row": [12, 102]}'
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as slow:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        slow.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        slow.sendall(body[5:])
        assert b" 200 OK" in slow.recv(4096)
    _, errors = process.communicate(timeout=20)
    assert (errors, process.returncode) == ("", 0)


def test_many_at_once_get_the_answers_to_their_own_questions(start: Start) -> None:
    _, port = start("--workers", "3")
    model = flowers()
    x = np.random.default_rng(1).normal(size=(16, 40, 2)) * [1, 1] + [11, 101]
    expected = [model.predict(own) for own in x]

    def client(number: int) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        wrong = 0
        for turn in range(12):
            rows = x[number] if turn % 2 else x[number, turn : turn + 1]
            status, answer = ask(port, {"rows": rows.tolist()}, connection)
            outputs = np.float32([own["outputs"] for own in answer["predictions"]])
            right = expected[number] if turn % 2 else expected[number][turn : turn + 1]
            wrong += status != 200 or not np.allclose(outputs, right, rtol=1e-6)
        connection.close()
        return wrong

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(client, range(16))) == 0


def test_slow_clients_are_let_go_and_block_nobody(start: Start) -> None:
    _, port = start("--timeout", "1")
    host = f"Host: 127.0.0.1:{port}\r\n"
    posted = f"POST /predict HTTP/1.1\r\n{host}Content-Type: application/json\r\n"
    heads = [
        "",
        "POST /predict HTTP/1.1\r\n" + host,
        posted + "Content-Length: 100\r\n\r\n{",
        posted + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        f"GET /health HTTP/1.1\r\n{host}\r\nGET /hea",
    ]
    clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in heads]
    for client, head in zip(clients, heads, strict=True):
        client.sendall(head.encode())
    started = time.perf_counter()
    for _ in range(20):
        assert ask(port, {"row": [12, 102]})[0] == 200
    assert time.perf_counter() - started < 5
    for client, head in zip(clients, heads, strict=True):
        answer = b""
        while part := client.recv(4096):
            answer += part
        client.close()
        assert (b" 408 " in answer) == ("Content-Type" in head)
        assert (b'"ready"' in answer) == ("health" in head)


def test_what_is_no_http(start: Start) -> None:
    process, port = start()
    for content in (b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n" * 50, b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"a" * 200_000):
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as client:
            answer = b""
            with suppress(ConnectionResetError, BrokenPipeError):  # as it may answer that
                client.sendall(content)
                client.shutdown(socket.SHUT_WR)
                while part := client.recv(4096):
                    answer += part
            assert b"Traceback" not in answer
    assert ask(port, {"row": [12, 102]})[0] == 200
    assert process.poll() is None


def test_the_command_refuses_what_it_cannot_serve(start: Start, tmp_path: Path) -> None:
    _, port = start()
    for options, words in (
        (["none.safetensors"], "no such file"),
        (["flowers.safetensors", "--port", str(port)], "port that is free"),
        (["flowers.safetensors", "--host", "203.0.113.7"], "an address of this computer"),
        (["flowers.safetensors", "--max-rows", "0"], "rows=0"),
        (["flowers.safetensors", "--workers", "0"], "workers=0"),
        (["flowers.safetensors", "--threads", "0"], "threads=0"),
        (["flowers.safetensors", "--timeout", "-1"], "timeout=-1"),
    ):
        command = [sys.executable, "-m", "glassnet", "serve", *options]
        found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        assert (found.returncode, found.stdout) == (2, "")
        assert words in found.stderr
        assert "Traceback" not in found.stderr


def test_a_server_without_its_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from glassnet.cli.main import main

    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    assert main(["serve", "m.safetensors"]) == 2
    assert 'pip install "glassnet[playground]"' in capsys.readouterr().err


def test_another_name_by_which_it_is_asked_for(start: Start) -> None:
    _, port = start("--allow-host", "Models.example.com")
    for host, status in (("models.example.com", 200), (f"models.example.com:{port}", 200), ("example.com", 403)):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/health", headers={"Host": host})
        assert connection.getresponse().status == status
        connection.close()


def test_the_model_is_the_files(start: Start) -> None:
    _, port = start()
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    found = json.loads(connection.getresponse().read())
    connection.close()
    assert found["model"] == "flowers"
    assert found["written"]["version"] == gn.__version__
