"""What is not answered: each wrong request gets an error that says what to send, in two languages."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from serving_client import CUSTOMER, HOST, Client, customers, flowers, plain
from starlette.testclient import TestClient

import glassnet as gn
from glassnet.serving import Limits, Service
from glassnet.serving.app import build_app
from glassnet.serving.refusals import language_of

JSON = {"content-type": "application/json"}
FLOWER = '{"width": 1, "height": 2}'


def error_of(answer: Any, status: int) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert list(found) == ["error"]
    error = found["error"]
    assert list(error) == ["where", "received", "expected", "fix", "message"]
    assert all(isinstance(text, str) and text for text in error.values())
    assert all(error[part] in error["message"] for part in ("where", "received", "expected", "fix"))
    assert not re.search(r"Traceback|File \"|\.py\b|site-packages", answer.text)
    return error  # type: ignore[no-any-return]


@pytest.fixture
def server(client: Client) -> TestClient:
    return client(flowers())


BODIES: dict[str, tuple[Any, int, str]] = {
    "nothing": ("", 400, "no JSON"),
    "no JSON": ("rows", 400, "no JSON"),
    "cut short": ('{"rows": [', 400, "no JSON"),
    "two values": ("{}{}", 400, "no JSON"),
    "a comma too many": ('{"rows": [1,]}', 400, "no JSON"),
    "no UTF-8": (b'{"row": "\xff"}', 400, "UTF-8"),
    "UTF-16": ('{"row": 1}'.encode("utf-16"), 400, "UTF-8"),
    "UTF-8 with a mark": (b'\xef\xbb\xbf{"row": 1}', 400, "no JSON"),
    "NaN": ('{"row": {"width": NaN, "height": 2}}', 400, "NaN"),
    "Infinity": ('{"row": {"width": Infinity, "height": 2}}', 400, "Infinity"),
    "-Infinity": ('{"row": {"width": -Infinity, "height": 2}}', 400, "-Infinity"),
    "a number beyond float64": ('{"row": {"width": 1e999, "height": 2}}', 400, "1e999"),
    "a whole number beyond float64": ('{"row": {"width": 1' + "0" * 399 + ', "height": 2}}', 400, "beyond"),
    "a number of a million digits": ('{"row": {"width": ' + "1" * 1_000_000 + "}}", 400, "beyond"),
    "a fraction of a million digits": ('{"row": {"width": 0.' + "1" * 1_000_000 + "}}", 400, "beyond"),
    "lists without end": ("[" * 200_000, 400, "lists in lists"),
    "objects without end": ('{"rows":' * 200_000, 400, "lists in lists"),
    "a name twice": ('{"row": {"width": 1, "width": 2, "height": 2}}', 400, '"width" twice'),
    "rows twice": ('{"rows": [], "rows": []}', 400, '"rows" twice'),
    "null": ("null", 400, "null"),
    "a list": (f"[{FLOWER}]", 400, "{"),
    "a row alone": (FLOWER, 400, '"width", "height"'),
    "both": (f'{{"row": {FLOWER}, "rows": [{FLOWER}]}}', 400, '"row", "rows"'),
    "an object with more": (f'{{"rows": [{FLOWER}], "seed": 1}}', 400, '"seed"'),
    "nothing inside": ("{}", 400, "nothing"),
    "no rows": ('{"rows": []}', 400, "[]"),
    "rows as an object": (f'{{"rows": {FLOWER}}}', 400, "width"),
    "rows as a text": ('{"rows": "a"}', 400, '"a"'),
    "rows as null": ('{"rows": null}', 400, "null"),
    "too many rows": (json.dumps({"rows": [{}] * 1001}), 413, "1,001 rows"),
    "a number as a row": ('{"row": 1}', 422, "1"),
    "null as a row": ('{"rows": [null]}', 422, "null"),
    "a row in a row": ('{"row": {"row": {"width": 1, "height": 2}}}', 422, '"width", "height"'),
    "no column": ('{"row": {}}', 422, '"width", "height"'),
    "one column": ('{"rows": [{"width": 1, "height": 2}, {"width": 1}]}', 422, 'no column "height"'),
    "a column in capitals": ('{"row": {"width": 1, "Height": 2}}', 422, 'no column "height"'),
    "a text": ('{"row": {"width": "1", "height": 2}}', 422, '"1"'),
    "truth": ('{"row": {"width": true, "height": 2}}', 422, "true"),
    "null in a row": ('{"row": {"width": null, "height": 2}}', 422, "null"),
    "a list in a row": ('{"row": {"width": [1], "height": 2}}', 422, "[1]"),
    "an object in a row": ('{"row": {"width": {"$ref": "/etc/passwd"}, "height": 2}}', 422, "passwd"),
    "a short list": ('{"rows": [[1, 2], [1]]}', 422, "a list of 1"),
    "a long list": ('{"rows": [[1, 2, 3]]}', 422, "a list of 3"),
    "a text in a list": ('{"rows": [[1, "2"]]}', 422, '"2"'),
    "lists and objects": (f'{{"rows": [[1, 2], {FLOWER}]}}', 422, "height"),
    "objects and lists": (f'{{"rows": [{FLOWER}, [1, 2]]}}', 422, "1, 2"),
    "numbers beyond float32": ('{"row": {"width": 1e300, "height": 2}}', 422, "1e+300"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_wrong(server: TestClient, name: str) -> None:
    body, status, words = BODIES[name]
    content = body if isinstance(body, bytes) else body.encode()
    english = error_of(server.post("/predict", content=content, headers=JSON), status)
    assert words in english["received"]
    answer = server.post("/predict", content=content, headers=JSON | {"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    chinese = error_of(answer, status)
    assert re.search(r"[\u4e00-\u9fff]", chinese["message"])
    assert "解决办法" in chinese["message"]
    assert server.post("/predict", content=f'{{"row": {FLOWER}}}', headers=JSON).status_code == 200


TABLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "a word among numbers": ({"age": "old"}, "old", "数值"),
    "truth among numbers": ({"age": True}, "true and false", "数值"),
    "a date of no form": ({"since": "2022-13-45"}, "2022-13-45", "日期"),
    "a number as a date": ({"since": 20220101}, "numbers", "日期"),
    "no time of day": ({"at": "25:61"}, "25:61", "时刻"),
    "a list as a value": ({"town": ["Ulm"]}, "Ulm", "文本"),
    "an object as a value": ({"town": {"a": 1}}, "a", "文本"),
    "numbers as words": ({"town": 5}, "numbers", "文字"),
    "a whole number as truth": ({"member": 7}, "numbers, such as 7", "真假值"),
    "another sign before the fraction": ({"spent": "1.5"}, "1.5", "数值"),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_value_that_a_column_cannot_have(client: Client, name: str) -> None:
    change, words, chinese = TABLE[name]
    server = client(customers())
    for body in ({"row": CUSTOMER | change}, {"rows": [CUSTOMER, CUSTOMER | change]}):
        error = error_of(server.post("/predict", json=body), 422)
        assert words in error["received"]
        assert next(iter(change)) in error["where"]
        error = error_of(server.post("/predict", json=body, headers={"accept-language": "zh"}), 422)
        assert chinese in error["received"] + error["expected"]


def test_a_missing_column_with_the_name_that_is_near(client: Client) -> None:
    row = {"Age" if name == "age" else name: value for name, value in CUSTOMER.items()}
    server = client(customers())
    assert "'Age'" in error_of(server.post("/predict", json={"row": row}), 422)["fix"]
    error = error_of(server.post("/predict", json={"row": row}, headers={"accept-language": "zh"}), 422)
    assert error["received"] == '缺少列 "age" 的数据'
    assert "'Age'" in error["fix"]


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ([[1, 2, 3], [4, 5]], "row[1]"),
        ([[1, 2, 3]], "row"),
        ([1, 2], "row[0]"),
        ([[1, 2, 3], [4, 5, "6"]], "row[1][2]"),
        ([[1, 2, [3]], [4, 5, 6]], "row[0][2]"),
        ([[1, 2, 3], None], "row[1]"),
        ({"a": 1}, "row"),
        ("abcdef", "row"),
    ],
)
def test_the_place_in_lists_of_lists(client: Client, row: Any, where: str) -> None:
    server = client(plain("mean_squared_error", 1, (2, 3)))
    assert error_of(server.post("/predict", json={"row": row}), 422)["where"] == where
    good = [[1, 2, 3], [4, 5, 6]]
    found = error_of(server.post("/predict", json={"rows": [good, row]}), 422)
    assert found["where"] == where.replace("row", "rows[1]", 1)


def test_whole_numbers_beyond_64_bits_are_amounts(client: Client) -> None:
    server = client(plain("mean_squared_error", 1))
    for number in (2**63, 2**64, -(2**70), 10**30):
        one = server.post("/predict", json={"row": [number, 1, 2]})
        other = server.post("/predict", json={"row": [float(number), 1.0, 2.0]})
        assert one.status_code == 200
        assert one.json() == other.json()


def test_predictions_that_are_not_finite(client: Client) -> None:
    model = plain("poisson", 1)
    model.network.parameters[...] = 100
    error = error_of(client(model).post("/predict", json={"rows": [[0, 0, 0], [1, 2, 3]]}), 422)
    assert "inf" in error["received"]


def test_addresses_and_methods(server: TestClient) -> None:
    for path in ("/predict/", "/etc/passwd", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/docs", "/模型"):
        assert "/predict" in error_of(server.get(path), 404)["expected"]
    for method, path, right in (
        ("GET", "/predict", "POST"), ("DELETE", "/predict", "POST"), ("PUT", "/", "GET"), ("POST", "/health", "GET"),
        ("TRACE", "/openapi.json", "GET"), ("OPTIONS", "/predict", "POST"), ("HACK", "/model", "GET"),
    ):  # fmt: skip
        answer = server.request(method, path)
        assert error_of(answer, 405)["expected"] == right
        assert right in answer.headers["allow"]
    assert "地址" in error_of(server.get("/none", headers={"accept-language": "zh"}), 404)["message"]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"])
def test_a_body_of_another_type(server: TestClient, kind: str) -> None:
    """So that another site's page cannot send one: for application/json browsers ask first, and get no leave."""
    answer = server.post("/predict", content=f'{{"row": {FLOWER}}}', headers={"content-type": kind})
    assert "application/json" in error_of(answer, 415)["fix"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"])
def test_a_body_of_the_right_type(server: TestClient, kind: str) -> None:
    answer = server.post("/predict", content=f'{{"row": {FLOWER}}}', headers={"content-type": kind})
    assert answer.status_code == 200


def test_no_other_sites_page_may_read_an_answer(server: TestClient) -> None:
    asked = {"origin": "https://evil.com", "access-control-request-method": "POST"}
    answers = [server.options("/predict", headers=asked), server.get("/health", headers={"origin": "https://evil.com"})]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:8000", "", "127.0.0.1", "127.0.0.1:80", "localhost.evil.com:8000"]
)
def test_a_server_that_is_called_by_another_name(server: TestClient, host: str) -> None:
    for path in ("/", "/health", "/none"):
        assert "name of this server" in error_of(server.get(path, headers={"host": host}), 403)["expected"]
    error_of(server.post("/predict", json={"row": [1, 2]}, headers={"host": host, "accept-language": "zh"}), 403)


def chunks(count: int, size: int) -> Iterator[bytes]:
    yield b'{"rows": ['
    for _ in range(count):
        yield b" " * size


def test_a_body_that_is_too_large(client: Client) -> None:
    server = client(flowers(), bytes=1000)
    body = b'{"row": {"width": 1, "height": 2}}'
    assert server.post("/predict", content=body + b" " * (1000 - len(body)), headers=JSON).status_code == 200
    assert (
        "1001"
        in error_of(server.post("/predict", content=body + b" " * (1001 - len(body)), headers=JSON), 413)["received"]
    )
    error_of(server.post("/predict", content=chunks(100, 100), headers=JSON), 413)
    for length in ("99999999999999999999999", "-1", "1e3", "٣", "abc"):
        headers = [(name.encode(), value.encode()) for name, value in (JSON | {"content-length": length}).items()]
        error_of(server.post("/predict", content=b"{}", headers=headers), 413)


def test_rows_of_a_request(client: Client) -> None:
    server = client(flowers(), rows=2)
    assert server.post("/predict", json={"rows": [[1, 2]] * 2}).status_code == 200
    assert error_of(server.post("/predict", json={"rows": [[1, 2]] * 3}), 413)["expected"] == "at most 2 in a request"


class Broken(gn.NumpyLayer):
    """Fails for numbers below 0."""

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        if (x < 0).any():
            raise RuntimeError("the secret of /home/me")
        return x, None

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy, {}


def test_a_failure_of_own_code_is_logged_and_not_shown(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    model = gn.Model(gn.Sequential(Broken(), gn.Dense(1)), "mean_squared_error", "sgd")
    model.network.build((2,))
    server = client(model)
    with caplog.at_level(logging.ERROR, "glassnet"):
        for language in ("en", "zh"):
            answer = server.post("/predict", json={"row": [-1, 2]}, headers={"accept-language": language})
            error_of(answer, 500)
            assert "secret" not in answer.text
    assert [record.name for record in caplog.records] == ["glassnet", "glassnet"]
    assert "secret" in caplog.text
    assert server.post("/predict", json={"row": [1, 2]}).status_code == 200


def test_which_language() -> None:
    assert [language_of(own) for own in ("zh", "ZH-TW", "zh-Hans-CN;q=0.1", "fr,zh;q=0.2,en;q=0.1")] == ["zh"] * 4
    for own in ("en", "", None, "*", "zh;q=0", "zh;q=nan", "zh;q=-1", "en,zh", "zho", ";;;,,", "zh;q=", "x" * 10**6):
        assert language_of(own) == "en"


@pytest.mark.parametrize(
    "limits",
    [{"rows": 0}, {"rows": True}, {"bytes": -1}, {"seconds": 0}, {"seconds": float("nan")}, {"waiting": 1.5}],
)
def test_limits_that_are_none(limits: dict[str, Any]) -> None:
    with pytest.raises(gn.ConfigurationError, match=next(iter(limits))):
        Limits(**limits)


def test_a_model_without_shapes_is_refused() -> None:
    with pytest.raises(gn.NotBuiltError, match="serve"):
        Service(gn.Model(gn.Dense(1), "mean_squared_error", "sgd"), "m")


def test_waiting_is_bounded() -> None:
    """Requests that have begun and not ended take the places; when one ends, there is one more."""
    import anyio

    app = build_app(Service(flowers(), "m", Limits(waiting=2)), [HOST])
    answers: list[int] = []

    async def ask(gate: anyio.Event) -> None:
        headers = [(b"host", HOST.encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "headers": headers,
            "query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": "", "server": None,
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            await gate.wait()
            return {"type": "http.request", "body": f'{{"row": {FLOWER}}}'.encode(), "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])

        await app(scope, receive, send)

    async def main() -> None:
        closed, opened = anyio.Event(), anyio.Event()
        opened.set()
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(ask, closed)
            await anyio.wait_all_tasks_blocked()
            await ask(opened)
            assert answers == [503]
            closed.set()
        await ask(opened)

    anyio.run(main)
    assert answers == [503, 200, 200, 200]
