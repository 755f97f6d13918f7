"""The pages of the site in their order: one list for both languages. ``tests/test_site.py`` holds it complete."""

from __future__ import annotations

CHAPTERS = (
    "01-linear-network",
    "02-xor-with-noise",
    "03-cost-curve",
    "04-neurons-and-digits",
    "05-images-and-softmax",
    "06-optimizers",
    "07-when-it-does-not-learn",
    "08-convolution",
    "09-tables",
    "10-sequences",
    "11-compiled",
    "12-shipping",
)

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Course", "课程", ("course/README", *(f"course/{chapter}" for chapter in CHAPTERS))),
    ("Start", "入门", ("tour", "coming-from", "contents", "command-line", "performance")),
    (
        "Look inside",
        "看清每一步",
        ("playground", "trace", "questions", "museum", "looking-inside", "gallery", "reports"),
    ),
    ("Data", "数据", ("tables", "table-models", "frames", "large-data")),
    (
        "Networks",
        "网络",
        (
            "networks",
            "graphs",
            "sequences",
            "transfer-learning",
            "own-parts",
            "custom-loss",
            "own-loop",
            "add-a-layer",
        ),
    ),
    (
        "Training",
        "训练",
        ("long-trainings", "tuning", "many-models", "clusters", "distributed", "determinism"),
    ),
    ("Keep, serve, pass on", "保存、部署、导出", ("saving", "serving", "onnx", "c-source", "estimators", "languages")),
)
"""Title in English and in Chinese, and the pages under ``docs`` without their endings."""

PROJECT = ("ARCHITECTURE", "CONTRIBUTING", "CHANGELOG", "RELEASING", "CODE_OF_CONDUCT", "SECURITY")
"""Files at the root of the project; those without a Chinese form are shown in English."""


def pages() -> list[str]:
    """All pages under ``docs``, without their endings."""
    return [page for _, _, section in SECTIONS for page in section]
