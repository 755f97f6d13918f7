"""Amounts as people write them: decimal signs, thousands, currencies, percent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from glassnet.core.settings import boolean, one_of
from glassnet.core.shapes import Array
from glassnet.tables.forms import NOTHING, Form, Texts
from glassnet.tables.kinds import LARGEST_EXACT, NUMBER

SIGNS = str.maketrans(
    dict.fromkeys("\u2212\uff0d\ufe63\u2013", "-") | dict.fromkeys("\u00a0\u202f\u2009", " ") | {"\u2019": "'"}
)
"""Minus signs, narrow spaces and apostrophes by their plain equals."""
CURRENCIES = (
    r"(?:US|A|C|HK|NZ|S|R|NT|CN)?\$|CN¥|[€£¥￥₽₹₩₺₫฿₴₦₪₱]|元|円|块|kr\.?|zł|Kč|Ft|Fr\.?|"
    r"(?:USD|EUR|GBP|CNY|RMB|JPY|CHF|INR|KRW|CAD|AUD|NZD|HKD|SGD|TWD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|BRL|MXN|ZAR)"
)
# Spaces are taken possessively: nothing behind them begins with one, and a text of many is not tried in every way.
_BODY = r"[0-9]+(?:[.,' ][0-9]+)*[.,]?|[.,][0-9]+"
_CELL = re.compile(
    rf"(?P<open>\()?\s*+(?P<sign>[+-])?\s*+(?P<before>{CURRENCIES})?\s*+(?P<inner>[+-])?\s*+"
    rf"(?P<body>{_BODY})(?P<exponent>[eE][+-]?[0-9]+)?\s*+(?P<after>%|％|{CURRENCIES})?\s*+(?P<close>\))?"
)
OTHER_SIGN = {",": ".", ".": ","}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_ZERO_FIRST = re.compile(r"^[+-]?0[0-9]+$", re.MULTILINE)
_MANY_DIGITS = re.compile(r"^[+-]?[0-9]{16,}$", re.MULTILINE)
_GROUPS_OF_THREE = re.compile(r"[1-9][0-9]{0,2}(?:([,.' ])[0-9]{3})(?:\1[0-9]{3})*")
_GROUPS_OF_TWO = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")  # 12,34,567, as in India


@dataclass(frozen=True)
class Cell:
    """The parts of a cell that looks like an amount.

    Attributes:
        body: digits and their separators.
        negative: whether a minus or brackets say so.
        exponent: such as "e-3", or nothing.
        currency: its sign, or nothing.
        percent: whether it ends in a percent sign.
    """

    body: str
    negative: bool
    exponent: str
    currency: str
    percent: bool

    @classmethod
    def of(cls, text: str) -> Cell | None:
        """The parts of a trimmed text; None where it is no amount."""
        match = _CELL.fullmatch(text.translate(SIGNS))
        if match is None:
            return None
        found = match.groupdict("")
        percent = found["after"] in ("%", "％")
        after = "" if percent else found["after"]
        twice = bool(found["before"] and after) or bool(found["sign"] and found["inner"])
        brackets = bool(found["open"])
        if twice or brackets != bool(found["close"]) or (brackets and (found["sign"] or found["inner"])):
            return None
        negative = brackets or "-" in (found["sign"], found["inner"])
        return cls(found["body"], negative, found["exponent"], found["before"] or after, percent)

    def readings(self) -> frozenset[tuple[str, str]]:
        """The pairs of decimal sign and separator of thousands that it can be read with; "" where it needs none."""
        separators = [c for c in self.body if not c.isdigit()]
        if not separators:
            return frozenset({("", "")})
        last, others = separators[-1], set(separators[:-1])
        found = set()
        whole, _, fraction = self.body.rpartition(last)
        if last in ".," and last not in others and len(others) <= 1:
            inner = next(iter(others), "")
            if not inner or (is_grouped(whole, inner) and fraction.isdigit()):
                found.add((last, inner))
        if not others - {last} and is_grouped(self.body, last) and not self.exponent:
            found.add(("", last))
        return frozenset(found)


def is_grouped(digits: str, separator: str) -> bool:
    """Whether the separators part the digits by thousands."""
    match = _GROUPS_OF_THREE.fullmatch(digits)
    return (match is not None and match[1] == separator) or (
        separator == "," and _GROUPS_OF_TWO.fullmatch(digits) is not None
    )


class NumberForm(Form):
    """Amounts, all written in one way.

    Args:
        decimal: the sign before the fraction, "." or ",".
        thousands: what parts thousands: ",", ".", " " (any narrow space too), "'", or "" for nothing.
        currency: the sign that may stand at each amount, or "".
        percent: whether each amount is in percent: 12% is 0.12.
        assumed: whether the texts would be read in another way as well.
        missing: see ``Form``.

    Example:
        >>> form = NumberForm(",", ".", "€")
        >>> form.value("1.234,50 €"), form.value("\u22127"), NumberForm(percent=True).value("12%")
        (1234.5, -7.0, 0.12)
    """

    kind = NUMBER

    def __init__(
        self,
        decimal: str = ".",
        thousands: str = "",
        currency: str = "",
        percent: bool = False,
        assumed: bool = False,
        missing: Sequence[str] = (),
    ) -> None:
        self.decimal = one_of(decimal, "decimal", "NumberForm", (".", ","))
        self.thousands = one_of(thousands, "thousands", "NumberForm", ("", ",", ".", " ", "'"))
        self.currency = str(currency)
        self.percent = boolean(percent, "percent", "NumberForm")
        self.assumed = boolean(assumed, "assumed", "NumberForm")
        super().__init__(missing)
        if self.decimal == self.thousands:
            raise ValueError("the same sign for decimals and thousands")

    @property
    def is_plain(self) -> bool:
        """Whether Python's own ``float`` reads it."""
        return self.decimal == "." and not (self.thousands or self.currency or self.percent)

    def value(self, text: str) -> Any:
        """The amount."""
        if self.is_plain and "_" not in text:
            with suppress(ValueError):
                plain = float(text)
                return plain if isfinite(plain) else NOTHING
        cell = Cell.of(text)
        if cell is None or cell.percent != self.percent or cell.currency not in ("", self.currency):
            return NOTHING
        if not any(
            decimal in ("", self.decimal) and thousands in ("", self.thousands)
            for decimal, thousands in cell.readings()
        ):
            return NOTHING
        digits = cell.body.replace(self.thousands, "") if self.thousands else cell.body
        amount = float(digits.replace(self.decimal, ".") + cell.exponent)
        if not isfinite(amount):
            return NOTHING
        amount = -amount if cell.negative else amount
        return float(f"{amount!r}e-2") if self.percent and "e" not in repr(amount) else amount / 100**self.percent

    def read(self, texts: Texts) -> tuple[Array, Array]:
        """Reads as ``Form.read`` does; where plain numbers are the rule, Python reads them at once."""
        plain = plain_numbers(texts) if self.is_plain and not self.missing else None
        return super().read(texts) if plain is None else (plain, np.empty(0, np.intp))

    @property
    def expected(self) -> str:  # type: ignore[override]
        """An example in this form."""
        whole = f"1{self.thousands}234" if self.thousands else "1234"
        example = f"{whole}{self.decimal}5" + (f" {self.currency}" if self.currency else "%" if self.percent else "")
        return "a finite number" if self.is_plain else f"an amount such as {example}"

    def describe(self) -> str:
        """Its signs."""
        said = []
        if self.decimal == ",":
            said.append("decimal comma")
        if self.thousands:
            said.append(f"thousands parted by {self.thousands!r}")
        if self.currency:
            said.append(f"in {self.currency}")
        if self.percent:
            said.append("percent, 12% as 0.12")
        if self.assumed:
            other = "." if self.decimal == "," else ","
            said.append(f"which could be meant otherwise: choose with decimal={other!r} (--decimal {other})")
        return ", ".join(said)


def plain_numbers(texts: Sequence[str | None] | Array) -> Array | None:
    """The texts as float64, or None where one of them is no plain finite number."""
    try:
        found = np.array(list(map(float, texts)))
        joined = "".join(texts)  # type: ignore[arg-type]
    except (TypeError, ValueError):  # None among them, or words
        return None
    # Python's underscores are refused: 12_3 in a table is an identifier. NaN and infinity are looked at one by one.
    return found if np.isfinite(found).all() and "_" not in joined else None


def are_names(texts: Sequence[str]) -> bool:
    """Whether numbers are names: all are whole, and one begins with 0 or has more digits than float64 keeps."""
    joined = "\n".join(texts).translate(SIGNS)
    zeros = _ZERO_FIRST.search(joined) is not None
    large = any(_is_beyond(digits.lstrip("+-0")) for digits in _MANY_DIGITS.findall(joined))
    return (zeros or large) and all(_WHOLE.fullmatch(text.translate(SIGNS)) for text in texts)


def _is_beyond(digits: str) -> bool:
    """Whether a whole number without its sign is not exact in float64; Python reads no number of 5,000 digits."""
    return len(digits) > len(str(LARGEST_EXACT)) or int(digits or 0) >= LARGEST_EXACT


def decimal_signs(counts: Mapping[str, int]) -> set[str]:
    """The decimal signs that some of the texts can only be read with."""
    found = set()
    for text in counts:
        cell = Cell.of(text)
        readings = cell.readings() if cell else frozenset()
        if len(readings) == 1:
            decimal, thousands = next(iter(readings))
            found |= {decimal} - {""} | ({"."} if thousands == "," else {","} if thousands == "." else set())
    return found


def number_form(
    counts: Mapping[str, int],
    *,
    decimal: str | None,
    hint: str | None,
    delimited_by_semicolon: bool,
    missing: Sequence[str],
) -> NumberForm:
    """The form that most of the texts have.

    Args:
        counts: the different texts with the number of their rows.
        decimal: the sign that was asked for, or None.
        hint: the sign that other columns of the file have; or None.
        delimited_by_semicolon: whether the file's fields are parted by ;, as where the comma is the decimal sign.
        missing: see ``Form``.
    """
    if decimal != "," and hint != "," and not delimited_by_semicolon and plain_numbers(list(counts)) is not None:
        return NumberForm(missing=missing)
    cells = {text: cell for text in counts if (cell := Cell.of(text)) is not None}
    percent = sum(counts[text] for text, cell in cells.items() if cell.percent) * 2 > sum(counts[t] for t in cells)
    currencies = Counter[str]()
    votes, unsure = Counter[tuple[str, str]](), set[str]()
    for text, cell in cells.items():
        if cell.currency:
            currencies[cell.currency] += counts[text]
        readings = cell.readings()
        if len(readings) == 1:
            votes[next(iter(readings))] += counts[text]
        elif readings:
            unsure |= {thousands for _, thousands in readings if thousands}
    sign, thousands = _signs(votes, decimal)
    known = sign or decimal or OTHER_SIGN.get(thousands) or hint
    assumed = bool(unsure) and known is None and ("," in unsure or delimited_by_semicolon)
    if unsure:
        separator = "," if "," in unsure else "."
        sign = known or _likely_sign(separator, [cell.body for cell in cells.values()], delimited_by_semicolon)
        if sign == OTHER_SIGN[separator]:
            thousands = thousands or separator
    sign = sign or known or ("," if delimited_by_semicolon else ".")
    currency = currencies.most_common(1)[0][0] if currencies else ""
    return NumberForm(sign, "" if thousands == sign else thousands, currency, percent, assumed, missing)


def _likely_sign(separator: str, bodies: Sequence[str], delimited_by_semicolon: bool) -> str:
    """The decimal sign of amounts such as 1,234 or 1.234, of which nothing else tells what they mean.

    In a file of commas 1,234 is a thousand and more. Where fields are parted by ; a comma is for fractions, and a point
    for thousands only if there are amounts below a thousand without one.
    """
    if separator == ",":
        return "," if delimited_by_semicolon else "."
    bare = [body for body in bodies if body.isdigit()]
    return "," if delimited_by_semicolon and bare and all(len(body) <= 3 for body in bare) else "."


def _signs(votes: Counter[tuple[str, str]], decimal: str | None) -> tuple[str, str]:
    """Decimal sign and separator of thousands, "" where none was seen: those of most rows."""
    if decimal is not None:
        votes = Counter({own: n for own, n in votes.items() if own[0] in ("", decimal) and own[1] != decimal})
    decimals, groups = Counter[str](), Counter[str]()
    for (sign, thousands), rows in votes.items():
        decimals[sign] += rows
        groups[thousands] += rows
    del decimals[""], groups[""]
    sign = decimals.most_common(1)[0][0] if decimals else ""
    del groups[sign]
    return sign, groups.most_common(1)[0][0] if groups else ""
