"""What a column of texts is: decided once, for the whole column, by the rules of this file.

1. Texts are trimmed; what stands for a missing value (``forms.MISSING``, NaN in any letters) is left out.
2. All of what remains true or false: truth.
3. Half of the rows, or half of the different texts, are numbers, dates, times of day or durations: the column is of
   that kind, in the form that most of them have, and each other text is a slip, which is refused with its place.
4. Whole numbers of which one begins with 0 or is beyond 2^53 are names, not amounts; whole numbers that all are dates
   such as 20241231 are dates.
5. Everything else is words.

In a column of answers the rules are the same, but NA, None or nan among words are classes, and so are words among at
most 20 different whole numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from glassnet.core.errors import DataError
from glassnet.core.settings import Configurable, one_of
from glassnet.core.waiting import go_on
from glassnet.tables.amounts import Cell, NumberForm, are_names, decimal_signs, number_form, plain_numbers
from glassnet.tables.clocks import ClockForm, DurationForm
from glassnet.tables.forms import MISSING, NOTHING, Form, TruthForm, WordForm, as_array
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TEXTS, TIME, TRUTH, WORDS
from glassnet.tables.moments import (
    COMPACT,
    DateForm,
    are_compact_dates,
    by_pattern,
    check_dates,
    date_form,
    date_of,
    date_orders,
)
from glassnet.tables.raws import Raw

MOST_CLASSES_OF_NUMBERS = 20
"""A column with more different whole numbers than this holds amounts."""
SIGNS_OF_NOTHING = ("?", "-", "--")
"""Never the name of a class."""
LOOKED_AT = 1000
"""Different texts of a column that tell the others of its file which decimal sign is used."""


class Reading(Configurable):
    """How a table of texts is read. None: found from the texts.

    Args:
        decimal: the sign before the fraction, "." or ",".
        dates: the order of day and month, "dmy", "mdy" or "ymd"; or a pattern such as "%d.%m.%Y".
        missing: further texts that stand for a missing value, beside empty cells, NA, N/A, NaN, NULL, None, ? and -.
        delimiter: the character between two fields of a file.
        encoding: of a file, such as "utf-8", "gb18030" or "cp1252".

    Raises:
        ConfigurationError: a value of none of these.

    Example:
        >>> import glassnet as gn
        >>> prices = {"price": ["1.000,50", "7,25"], "sold": ["1/2/2024", "3/2/2024"]}
        >>> print(gn.Table.from_data(prices, reading=gn.tables.Reading(dates="dmy")))
        price  number, mean 503.875, deviation 496.625; decimal comma, thousands parted by '.'
        sold   time, by month, weekday; read as DD/MM/YYYY
    """

    def __init__(
        self,
        decimal: str | None = None,
        dates: str | None = None,
        missing: str | Sequence[str] = (),
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self.decimal = None if decimal is None else one_of(decimal, "decimal", "Reading", (".", ","))
        self.dates = check_dates(dates, "Reading")
        self.missing = (missing,) if isinstance(missing, str) else tuple(str(own).strip() for own in missing)
        self.delimiter = None if delimiter is None else str(delimiter)
        self.encoding = None if encoding is None else str(encoding)


Counts = Mapping[str, int]


def read_columns(
    raws: Iterable[Raw], reading: Reading, *, answers: Sequence[str] = (), words: Sequence[str] = ()
) -> dict[str, Raw]:
    """Finds the form of each column of texts and reads it; other columns stay as they are.

    Args:
        raws: the columns.
        reading: what is known of the texts.
        answers: columns that are to be predicted.
        words: columns whose values are names whatever they look like.

    Raises:
        DataError: a text in a column of numbers, dates, times or durations that is none.
    """
    columns = {raw.name: raw for raw in raws}
    counts = {name: counted_texts(raw) for name, raw in columns.items() if raw.kind == TEXTS}
    for name, form in forms_of(counts, reading, answers=answers, words=words):
        columns[name] = read(columns[name], form)
    return columns


def forms_of(
    counts: Mapping[str, Counts], reading: Reading, *, answers: Sequence[str] = (), words: Sequence[str] = ()
) -> Iterator[tuple[str, Form]]:
    """The form of each column of texts, in turn; see ``read_columns``.

    Args:
        counts: by the column's name its different texts, trimmed, and how often each is there.
        reading: what is known of the texts.
        answers: columns that are to be predicted.
        words: columns whose values are names whatever they look like.
    """
    hints, of_answers, of_words = _Hints(counts, reading), set(answers), set(words)
    for name, own in counts.items():
        go_on()
        yield name, _form(own, reading, hints, is_answer=name in of_answers, as_words=name in of_words)


def read(raw: Raw, form: Form) -> Raw:
    """Reads a column of texts in a form that is known; columns of other kinds stay as they are.

    Numbers such as 20241231 are texts too where they were dates.

    Raises:
        DataError: a text that has not that form.
    """
    if raw.kind == NUMBER and isinstance(form, DateForm) and form.form == COMPACT:
        texts = [None if value != value else f"{value:.0f}" for value in raw.values.tolist()]
        raw = raw.become(TEXTS, as_array(texts, TEXTS))
    if raw.kind != TEXTS:
        return raw
    go_on()
    values, wrong = form.read(raw.values)
    if len(wrong):
        text, place = raw.values[wrong[0]], raw.place(int(wrong[0]))
        raise DataError(
            where=f"column {raw.name!r}",
            received=f"the text {text!r:.80} in {place}, in a column of {form.kind}"
            + (f" (and {len(wrong) - 1:,} more such cells)" if len(wrong) > 1 else ""),
            expected=form.expected,
            fix="mend the cell, or leave it empty where there is no value; "
            + (
                ""
                if _has_digit(text)
                else f"a word that means so is named with missing={text.strip()[:40]!r} (--missing), "
            )
            + f"a column of names with categories={raw.name!r} (--categories)",
        )
    zones = form.zones(raw.values.tolist()) if isinstance(form, DateForm) else ()
    return raw.become(form.kind, values, form, zones)


def adapted(form: Form, asked: Reading | None, raw: Raw) -> Form:
    """The form of a column in another file, of which something is known outright; otherwise the form itself."""
    if asked is None or raw.kind != TEXTS:
        return form
    missing = tuple(dict.fromkeys((*form.missing, *asked.missing)))
    settings = form.settings() | {"missing": missing}
    if isinstance(form, NumberForm) and asked.decimal not in (None, form.decimal):
        thousands = form.decimal if form.thousands == asked.decimal else form.thousands
        settings |= {"decimal": asked.decimal, "thousands": thousands}
    own = type(form)(**settings)
    if isinstance(form, DateForm) and asked.dates is not None:
        present = {text: n for text, n in counted_texts(raw).items() if not own.is_missing(text)}
        return date_form(present, asked=asked.dates, hint=None, missing=missing) if present else own
    return own


def counted_texts(raw: Raw) -> Counter[str]:
    """The different texts, trimmed, and how often each is there."""
    found = Counter[str]()
    for text, count in Counter(raw.values.tolist()).items():  # a text of many rows is trimmed once
        found["" if text is None else text.strip()] += count
    return found


class _Hints:
    """What the columns of one file tell each other: its decimal sign, and whether days or months come first."""

    def __init__(self, columns: Mapping[str, Counts], reading: Reading) -> None:
        digits = (((text, n) for text, n in counts.items() if _has_digit(text)) for counts in columns.values())
        looked_at = [dict(islice(own, LOOKED_AT)) for own in digits]
        decimals = {sign for own in looked_at for sign in decimal_signs(own)}
        orders = {order for own in looked_at for order in date_orders(own)}
        self.decimal = reading.decimal or (decimals.pop() if len(decimals) == 1 else None)
        self.order = orders.pop() if len(orders) == 1 else None


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _form(counts: Counts, reading: Reading, hints: _Hints, *, is_answer: bool, as_words: bool) -> Form:
    plain = WordForm(missing=reading.missing)
    gaps = counts.keys() & {*MISSING, *reading.missing}
    present = {text: n for text, n in counts.items() if text not in gaps} if gaps else counts
    if as_words:
        return _word_form(counts, present, reading, is_answer=is_answer)
    if present and all(text.lower() in ("true", "false") for text in present):
        has_names = is_answer and any(plain.is_missing(text) and _is_name(text, reading) for text in counts)
        return _word_form(counts, present, reading, is_answer=True) if has_names else TruthForm(reading.missing)
    if is_answer and not present and sum(_is_name(text, reading) for text in counts) > 1:
        return _word_form(counts, present, reading, is_answer=True)
    kind, share = _kind(present, reading)
    if share < 1 and is_answer and kind == NUMBER and _are_classes(present):
        kind = WORDS
    if kind == NUMBER and not is_answer and are_compact_dates(present):
        return DateForm(COMPACT, False, reading.missing)
    if kind == NUMBER and are_names(list(present)):
        kind = WORDS
    if kind == NUMBER:
        return number_form(
            present,
            decimal=reading.decimal,
            hint=hints.decimal,
            delimited_by_semicolon=reading.delimiter == ";",
            missing=reading.missing,
        )
    if kind == TIME:
        return date_form(present, asked=reading.dates, hint=hints.order, missing=reading.missing)
    if kind in (DAYTIME, DURATION):
        return (ClockForm if kind == DAYTIME else DurationForm)(reading.missing)
    return _word_form(counts, present, reading, is_answer=is_answer)


def _word_form(counts: Counts, present: Counts, reading: Reading, *, is_answer: bool) -> WordForm:
    """Words; of those that name numbers or truth each has one spelling."""
    signs = [sign for sign in SIGNS_OF_NOTHING if sign != "-" or "+" not in present]
    gaps = not is_answer and "-" in signs
    texts = list(present if gaps else (text for text in counts if _is_name(text, reading)))
    missing = reading.missing if gaps else (*reading.missing, *signs)
    if not gaps and not is_answer:  # + and - are a pair
        missing = tuple(dict.fromkeys((*missing, *sorted(MISSING - {"", "-"}))))
    of = WORDS
    if texts and all(text.lower() in ("true", "false") for text in texts):
        of = TRUTH
    elif texts and plain_numbers(texts) is not None and not are_names(texts):
        of = NUMBER
    return WordForm(of, gaps, missing)


def _is_name(text: str, reading: Reading) -> bool:
    return text != "" and text not in (*reading.missing, *SIGNS_OF_NOTHING)


def _are_classes(present: Counts) -> bool:
    """Whether what is a number is whole, and there are few of them: among words these are classes."""
    numbers = [text for text in present if _is_number(text)]
    values = plain_numbers(numbers)
    return values is not None and len(numbers) <= MOST_CLASSES_OF_NUMBERS and bool((values % 1 == 0).all())


def _is_number(text: str) -> bool:
    cell = Cell.of(text)
    return cell is not None and bool(cell.readings())


def _kind(present: Counts, reading: Reading) -> tuple[str, float]:
    """The kind of most texts, and the share of rows that have it; words where no other kind has half."""
    if not present:
        return NUMBER, 1.0
    pattern = reading.dates if "%" in (reading.dates or "") else None
    if pattern and all(by_pattern(text, pattern) is not NOTHING for text in present):
        return TIME, 1.0
    if plain_numbers(list(present)) is not None:
        return NUMBER, 1.0
    rows, texts = Counter[str](), Counter[str]()
    clock, duration = ClockForm(), DurationForm()
    for text, n in present.items():
        if not _has_digit(text):
            continue
        kinds = []
        if pattern and by_pattern(text, pattern) is not NOTHING:
            kinds.append(TIME)
        elif _is_number(text):
            kinds.append(NUMBER)
        elif date_of(text):
            kinds.append(TIME)
        else:
            kinds += [DAYTIME] if clock.value(text) is not NOTHING else []
            kinds += [DURATION] if duration.value(text) is not NOTHING else []
        for kind in kinds:
            rows[kind] += n
            texts[kind] += 1
    total = sum(present.values())
    shares = {kind: max(rows[kind] / total, texts[kind] / len(present)) for kind in rows}
    # 08:15 is a time of day and a duration; 36:00 makes a column one of durations.
    best = max((NUMBER, TIME, DAYTIME, DURATION), key=lambda kind: (shares.get(kind, 0.0), kind == DAYTIME))
    share = shares.get(best, 0.0)
    return (best, rows[best] / total) if share >= 0.5 else (WORDS, 1.0)
