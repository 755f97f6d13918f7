"""What the server answers: the same as the model, in a form that stays."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from serving_client import CUSTOMER, Client, customers, flowers, plain
from starlette.testclient import TestClient

import glassnet as gn
from glassnet.serving.service import Service


def ask(client: TestClient, body: Any, **headers: str) -> Any:
    answer = client.post("/predict", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_classes_by_the_names_of_columns(client: Client) -> None:
    model, server = flowers(), client(flowers())
    rows = [{"width": 12, "height": 102.5}, {"height": 100, "width": 10}]
    x = np.array([[12, 102.5], [10, 100]])
    found = ask(server, {"rows": rows})
    assert list(found) == ["predictions"]
    for row, prediction in enumerate(found["predictions"]):
        k = int(model.predict_classes(x)[row])
        assert list(prediction) == ["class", "name", "probabilities", "outputs"]
        assert (prediction["class"], prediction["name"]) == (k, model.class_names[k])  # type: ignore[index]
        np.testing.assert_array_equal(np.float32(prediction["outputs"]), model.predict(x)[row])
        np.testing.assert_array_equal(np.float32(prediction["probabilities"]), model.predict_proba(x)[row])
    assert [own["name"] for own in found["predictions"]] == ["virginica", "setosa"]
    assert ask(server, {"rows": x.tolist()}) == found
    for row, prediction in zip(rows, found["predictions"], strict=True):
        assert ask(server, {"row": row}) == {"prediction": prediction}


def test_columns_that_the_model_does_not_know_are_named(client: Client) -> None:
    row = {"width": 12, "height": 102.5}
    expected = ask(client(flowers()), {"row": row})
    found = ask(client(flowers()), {"row": row | {"colour": "blue", "__class__": [1]}})
    assert found == expected | {"ignored": ["colour", "__class__"]}


def test_a_single_output_of_yes_or_no(client: Client) -> None:
    model = plain("binary_cross_entropy", 1)
    model.class_names = ("no", "yes")
    (p,) = model.predict_proba([[1.0, 2.0, 3.0]])[0]
    found = ask(client(model), {"row": [1, 2, 3]})["prediction"]
    assert found["name"] == ("yes" if p > 0.5 else "no")
    assert found["class"] == int(p > 0.5)
    np.testing.assert_allclose(found["probabilities"], [1 - p, p], rtol=1e-6)


def test_several_labels(client: Client) -> None:
    model = plain("binary_cross_entropy", 4)
    x = np.array([[1.0, -2.0, 3.0]])
    found = ask(client(model), {"row": x[0].tolist()})["prediction"]
    assert found["classes"] == model.predict_classes(x)[0].tolist()
    np.testing.assert_array_equal(np.float32(found["probabilities"]), model.predict_proba(x)[0])


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_loss_without_probabilities(client: Client, outputs: int) -> None:
    model = plain("hinge", outputs)
    found = ask(client(model), {"row": [1, 2, 3]})["prediction"]
    assert list(found) == ["class", "name", "outputs"]
    assert found["class"] == int(model.predict_classes([[1.0, 2.0, 3.0]])[0])
    assert found["name"] == str(found["class"])


def test_amounts_are_in_their_own_unit(client: Client) -> None:
    model = plain("mean_squared_error", 1)
    model.target_scaling = gn.Standardize(1000.0, 10.0)
    x = np.array([[1.0, 2.0, 3.0]])
    found = ask(client(model), {"row": [1, 2, 3]})["prediction"]
    assert found == {"value": model.predict(x)[0, 0], "outputs": model.predict(x)[0].tolist()}


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_means_of_a_log_link(client: Client, loss: str) -> None:
    model = plain(loss, 2)
    x = np.array([[1.0, 0.5, 0.25]])
    found = ask(client(model), {"row": x[0].tolist()})["prediction"]
    np.testing.assert_allclose(found["value"], model.predict_mean(x)[0], rtol=1e-6)
    np.testing.assert_allclose(found["outputs"], np.log(found["value"]), rtol=1e-5)


def test_several_targets_of_a_table_by_name(client: Client) -> None:
    data = {"a": [1, 2, 3, 4], "b": [1.5, 2.5, 3.0, 1.0], "c": [0.5, 2.5, 9.0, 1.0]}
    table = gn.Table.from_data(data, ["b", "c"])
    model = gn.Model(gn.Sequential(gn.Dense(2)), table.loss, "sgd")
    model.preprocessing = table
    model.fit(data, table.targets(data), verbose=False)
    found = ask(client(model), {"row": {"a": 3}})["prediction"]
    assert found["value"] == dict(zip("bc", model.predict({"a": [3]})[0].tolist(), strict=True))


def test_several_questions(client: Client) -> None:
    data = {"a": [1, 2, 3, 4], "b": ["x", "y", "x", "z"], "c": ["p", "q", "p", "p"]}
    table = gn.Table.from_data(data, ["b", "c"])
    model = gn.Model(gn.Sequential(gn.Dense(table.outputs)), table.loss, "adam")
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=3, verbose=False)
    found = ask(client(model), {"row": {"a": 3}})["prediction"]["answers"]
    words = table.words(model.predict_classes({"a": [3]}))[0]
    assert [found[name]["name"] for name in "bc"] == words.tolist()
    shares = found["b"]["probabilities"] + found["c"]["probabilities"]
    np.testing.assert_array_equal(np.float32(shares), model.predict_proba({"a": [3]})[0])


def test_images_in_lists(client: Client) -> None:
    model = plain("cross_entropy", 3, (2, 3, 4))
    x = np.random.default_rng(0).normal(size=(2, 2, 3, 4))
    found = ask(client(model), {"rows": x.tolist()})["predictions"]
    np.testing.assert_array_equal(np.float32([own["outputs"] for own in found]), model.predict(x))


def test_numbers_that_an_embedding_looks_up(client: Client) -> None:
    model = gn.Model(gn.Sequential(gn.Embedding(5, 2), gn.Flatten(), gn.Dense(1)), "mean_squared_error", "sgd")
    model.network.build((3,))
    assert ask(client(model), {"row": [0, 4, 2]})["prediction"]["outputs"] == model.predict([[0, 4, 2]])[0].tolist()
    refused = client(model).post("/predict", json={"row": [0, 5, 2]})
    assert refused.status_code == 422


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in CUSTOMER}


def test_columns_of_every_kind(client: Client) -> None:
    model, server = customers(), client(customers())
    rows = [CUSTOMER, CUSTOMER | {"age": None, "town": "Oslo", "member": None, "since": None, "spent": "17,25"}]
    found = ask(server, {"rows": rows})["predictions"]
    with pytest.warns(gn.DataWarning, match="'town' is a category never seen, such as 'Oslo'"):
        outputs = model.predict(columns_of(rows))
    np.testing.assert_array_equal(np.float32([own["outputs"] for own in found]), outputs)
    assert found[0]["name"] in ("no", "yes")


def test_a_row_means_the_same_whatever_stands_beside_it(client: Client) -> None:
    """Numbers beside texts: 1.234 is no 1234, though the column's texts part thousands by points."""
    server = client(customers())
    spent = [1.234, "1.234", "1,234", 1234, None, "NA", " 3,5 ", 2.5, -7]
    rows = [
        CUSTOMER | {"spent": own, "member": [True, "true", None, "False"][i % 4], "town": ["Ulm", None, "Bern"][i % 3]}
        for i, own in enumerate(spent)
    ]
    together = ask(server, {"rows": rows})["predictions"]
    alone = [ask(server, {"row": row})["prediction"] for row in rows]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one["outputs"], other["outputs"], rtol=1e-6)
    texts = {own: ask(server, {"row": CUSTOMER | {"spent": own}})["prediction"]["outputs"] for own in spent}
    assert texts["1.234"] == texts[1234] != texts[1.234] == texts["1,234"]
    assert texts[None] == texts["NA"]


def test_words_that_the_model_does_not_know_are_named(client: Client) -> None:
    server = client(customers())
    towns = ["Ulm", " Bern ", "Oslo", None, "NA", "", "Oslo ", "ulm"]
    found = ask(server, {"rows": [CUSTOMER | {"town": town} for town in towns]})
    assert found["unknown_words"] == {"town": ["Oslo", "ulm"]}
    outputs = [own["outputs"] for own in found["predictions"]]
    assert outputs[2] == outputs[6] == outputs[7]
    for town in ("Ulm", " Bern ", None, "NA"):
        assert "unknown_words" not in ask(server, {"row": CUSTOMER | {"town": town}})


def test_numbers_that_are_words_are_known_in_every_spelling(client: Client) -> None:
    data = {"code": ["7", "8", "9", "7"], "y": ["a", "b", "a", "b"]}
    table = gn.Table.from_data(data, "y", categories=["code"])
    model = gn.Model(gn.Sequential(gn.Dense(2)), table.loss, "sgd")
    model.preprocessing = table
    model.fit(data, table.targets(data), verbose=False)
    server = client(model)
    for code in (7, 7.0, "7", "7.0", "07", " 7"):
        outputs = model.predict({"code": [code]})[0].tolist()
        found = ask(server, {"row": {"code": code}})
        assert found["prediction"]["outputs"] == outputs
        is_known = outputs == model.predict({"code": ["7"]})[0].tolist()
        assert ("unknown_words" not in found) == is_known, code
    for code in ("11", 11, 11.0):
        assert ask(server, {"row": {"code": code}})["unknown_words"] == {"code": ["11"]}


def test_a_column_that_says_nothing_need_not_be_there_and_is_no_stranger(client: Client) -> None:
    server = client(customers())
    assert ask(server, {"row": CUSTOMER | {"nothing": 5}}) == ask(server, {"row": CUSTOMER})


def test_the_description_and_health(client: Client) -> None:
    server = client(customers())
    assert server.get("/health").json() == {"status": "ready", "model": "model", "glassnet": gn.__version__}
    found = server.get("/").json()
    assert found == server.get("/model").json()
    assert found["written"] is None
    kinds = {own["name"]: own["kind"] for own in found["input"]["columns"]}
    assert kinds == {
        **{"age": "number", "town": "category", "member": "boolean", "since": "date", "at": "time"},
        **{"lasts": "duration", "spent": "number", "income": "number"},
    }
    assert found["output"] == {"kind": "classes", "shape": [2], "classes": ["no", "yes"]}
    assert ask(server, {"row": found["input"]["example"]})["prediction"]["class"] in (0, 1)
    assert set(found["input"]["example"]) == set(kinds)
    assert found["limits"]["rows"] == 1000


def test_the_description_of_a_file_says_what_wrote_it(client: Client, tmp_path: Any) -> None:
    flowers().save(tmp_path / "m")
    model = gn.load(tmp_path / "m")
    found = client(model).get("/model").json()
    assert f"{found['written']['time']} by glassnet {found['written']['version']}" == str(model.written)


def test_names_that_are_no_names_of_python(client: Client) -> None:
    names = ["__proto__", 'quote " \\ \n', "列", "</script>", "", " ", "row", "${x}", "😀", "a" * 5000]
    data: dict[str, list[Any]] = {name: [i, 1 - i, 0.5 * i] for i, name in enumerate(names)}
    table = gn.Table.from_data(data | {"y": ["<b>", "\x1b[2J", "<b>"]}, "y")
    model = gn.Model(gn.Sequential(gn.Dense(2)), table.loss, "sgd")
    model.preprocessing = table
    model.fit(data, [0, 1, 0], verbose=False)
    server = client(model)
    row = {name: values[0] for name, values in data.items()}
    found = ask(server, {"row": row})["prediction"]
    assert found["outputs"] == model.predict({name: [value] for name, value in row.items()})[0].tolist()
    assert json.loads(server.get("/openapi.json").text)["components"]["schemas"]["Row"]["required"] == names
    row.pop("__proto__")
    refused = server.post("/predict", json={"row": row})
    assert refused.status_code == 422
    assert '"__proto__"' in refused.json()["error"]["received"]


def test_each_row_is_predicted_once_however_texts_and_numbers_stand_in_the_rows(monkeypatch: Any) -> None:
    names = [f"c{i}" for i in range(8)]
    data: dict[str, Any] = {name: np.arange(6) * (i + 1.0) for i, name in enumerate(names)} | {"y": ["n", "y"] * 3}
    table = gn.Table.from_data(data, "y")
    model = gn.Model(gn.Sequential(gn.Dense(2)), table.loss, "sgd")
    model.preprocessing = table
    model.fit(data, table.targets(data), verbose=False)
    service = Service(model, "mixed")
    rows = [{name: f"{i}" if k >> i & 1 else i for i, name in enumerate(names)} for k in range(64)]
    alone = [json.loads(service.predict(json.dumps({"row": row}).encode(), "en")[1])["prediction"] for row in rows]
    predicted: list[int] = []
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda x: predicted.append(x.height) or predict(x))
    status, body = service.predict(json.dumps({"rows": rows}).encode(), "en")
    assert (status, sum(predicted)) == (200, 64)
    assert json.loads(body)["predictions"] == alone
    rows[40]["c3"] = "three"
    assert "in row 40" in json.loads(service.predict(json.dumps({"rows": rows}).encode(), "en")[1])["error"]["received"]


def test_a_class_for_each_step(client: Client) -> None:
    net = gn.Sequential(gn.GRU(3, return_sequences=True), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", "adam")
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    model.fit(x, np.arange(20).reshape(4, 5) % 3, verbose=False)
    model.class_names = ("a", "b", "c")
    found = ask(client(model), {"row": x[0].tolist()})["prediction"]
    classes = model.predict_classes(x[:1])[0]
    assert found["class"] == classes.tolist()
    assert found["name"] == ["abc"[k] for k in classes]
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(x[:1])[0], rtol=1e-6)
    described = client(model).get("/openapi.json").json()["components"]["schemas"]["Prediction"]["properties"]
    assert described["class"]["type"] == "array"
    assert described["probabilities"]["items"]["type"] == "array"


def test_rows_of_different_length(client: Client) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(length, 2)) for length in (3, 5, 1, 4)]
    model = gn.Model(gn.Sequential(gn.GRU(3), gn.Dense(2)), "cross_entropy", "adam")
    model.fit(rows, [0, 1, 0, 1], verbose=False)
    server = client(model)
    found = ask(server, {"rows": [row.tolist() for row in rows]})["predictions"]
    np.testing.assert_array_equal(np.float32([own["outputs"] for own in found]), model.predict(rows))
    assert ask(server, {"row": rows[2].tolist()})["prediction"] == found[2]
    for row, words in ([], "a list of 0"), (np.ones((6, 2)).tolist(), "a list of 6"), ([[1, 2], [3]], "a list of 1"):
        refused = server.post("/predict", json={"row": row})
        assert (refused.status_code, refused.json()["error"]["received"]) == (422, words)
    refused = server.post("/predict", json={"rows": [[[1, 2]], [[1, 2], [3, "4"]]]}).json()["error"]
    assert refused["where"] == "rows[1][1][1]"
    assert server.get("/model").json()["input"]["lengths"] == [1, 5]
    schema = server.get("/openapi.json").json()["components"]["schemas"]["Row"]
    assert (schema["minItems"], schema["maxItems"]) == (1, 5)

    steps = gn.Model(gn.Sequential(gn.GRU(3, return_sequences=True), gn.Dense(2)), "cross_entropy", "adam")
    steps.fit(rows, [np.arange(len(row)) % 2 for row in rows], verbose=False)
    found = ask(client(steps), {"rows": [row.tolist() for row in rows]})["predictions"]
    assert [len(own["class"]) for own in found] == [len(own["outputs"]) for own in found] == [3, 5, 1, 4]
    described = client(steps).get("/openapi.json").json()["components"]["schemas"]["Prediction"]["properties"]
    assert {own["minItems"] for own in described.values()} == {1}
    whole = gn.Model(gn.Sequential(gn.GRU(3), gn.Dense(2)), "cross_entropy", "adam")
    whole.fit(np.ones((2, 5, 2)), [0, 1], verbose=False)  # which knows whole rows alone
    assert client(whole).post("/predict", json={"row": [[1, 2]]}).status_code == 422
