import json
from html.parser import HTMLParser

from glassnet.core.kinds import PAGE
from glassnet.core.pages import as_json, page, printable


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_a_page_fetches_nothing_and_escapes_its_title():
    text = page("<b> & co", "<p>hello</p>", language="zh", script="console.log(1)")
    tags = Tags()
    tags.feed(text)
    assert "<title>&lt;b&gt; &amp; co</title>" in text
    assert ("html", {"lang": "zh"}) in tags.found
    assert not any(attributes.get("src") or attributes.get("href") for _, attributes in tags.found)
    policy = next(a["content"] for tag, a in tags.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_json_cannot_end_the_element_that_holds_it():
    data = {"name": "</script><script>alert(1)</script>", "values": [1.5, -2]}
    text = as_json(data)
    assert "<" not in text
    assert json.loads(text) == data


def test_what_no_page_can_hold_is_marked(tmp_path):
    assert printable("a\x07b\ud800c\n\t") == "a\ufffdb\ufffdc\n\t"
    path = tmp_path / "page.html"
    path.write_bytes(page("t", "a\x00b \udfff 类别").encode())
    assert "a\ufffdb \ufffd 类别" in path.read_text(encoding="utf-8")
    assert PAGE.is_kind_of(path)
    path.write_text("<!doctype html><p>mine</p>")
    assert not PAGE.is_kind_of(path)
