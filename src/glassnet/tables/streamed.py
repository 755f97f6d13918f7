"""A table that is learned from blocks of rows, in one pass; columns of very many different texts take another one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from math import inf

import numpy as np

from glassnet.core.blocks import Block, Blocks, Side
from glassnet.core.errors import DataError, DataWarning
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.core.waiting import go_on
from glassnet.tables.forms import Form, as_array
from glassnet.tables.frame import Frame
from glassnet.tables.frames import check_names
from glassnet.tables.kinds import TEXTS
from glassnet.tables.learned import WHERE, Asked, Learned, require_differences
from glassnet.tables.learning import MOST_CATEGORIES
from glassnet.tables.raws import Raw
from glassnet.tables.reading import Reading, counted_texts, forms_of, read
from glassnet.tables.summaries import MOST_DISTINCT, MOST_WORDS, Moments, Summary, TextCounts
from glassnet.tables.targets import Answers, learn_targets


def learn_streamed(source: Blocks, asked: Asked) -> Learned:
    """Learns the columns of a source of frames.

    Of a side of a split that side tells what the inputs are, and the whole what answers there may be.

    Raises:
        DataError, ConfigurationError: as ``Table.from_data``; columns that hold other kinds of values in one file than
            in another.
    """
    if not source.are_frames:
        raise DataError(
            where=WHERE,
            received=f"{source!r}, which are arrays",
            expected="blocks of frames, whose columns have names",
            fix='name the column to be predicted: gn.data.blocks(source, target="y")',
        )
    return _Learning(source, asked).learned()


class _Learning:
    def __init__(self, source: Blocks, asked: Asked) -> None:
        self.asked = asked
        self.side = source if isinstance(source, Side) else None
        self.source = source.whole if isinstance(source, Side) else source
        self.targets, self.left_out = set(asked.target), set(asked.ignore) - set(asked.target)
        as_words = set(asked.categories) | set(asked.embeddings)
        self.as_words = as_words | (self.targets if asked.task == "classification" else set())
        self.texts: dict[str, TextCounts] = {}
        self.summaries: dict[str, Summary] = {}
        self.scaled: dict[str, Moments] = {}
        self.typed: dict[str, str] = {}
        self.reading: Reading | None = None

    def learned(self) -> Learned:
        """One pass over all; another over those columns of texts of which not all texts were kept."""
        for block in self.source.all_blocks():
            go_on()
            if self.reading is None and isinstance(block.x, Frame):
                self.reading = block.x.reading
            if not self.summaries:
                check_names(self.asked.named, list(block.x), WHERE)
                self.summaries = {name: self._summary(name) for name in block.x if name not in self.left_out}
            mask = None if self.side is None else self.side.has(block.file, block.numbers)
            for name in self.summaries:
                self._take(self._named(block, name), mask)
        forms = self._forms()
        again = [name for name, own in self.texts.items() if not own.is_complete]
        if again:
            self._read_again(again, forms)
        return self._result(forms)

    def _summary(self, name: str) -> Summary:
        is_answer = name in self.targets
        return Summary(
            name,
            as_category=name in self.as_words and not is_answer,
            quantiles=name in set(self.asked.quantiles) and not is_answer,
            is_answer=is_answer,
            numbers=self.asked.numbers,
        )

    def _named(self, block: Block, name: str) -> Raw:
        raw: Raw = block.x[name]
        if raw.source:
            return raw
        return Raw(raw.name, raw.kind, raw.values, raw.form, block.numbers.tolist(), block.name, "row")

    def _take(self, raw: Raw, mask: Array | None) -> None:
        """A block of a column: texts are counted, other values are learned from."""
        name = raw.name
        self._require_same(raw)
        if raw.kind == TEXTS:
            chosen = raw if mask is None or name in self.targets else raw.rows(mask)
            self.texts.setdefault(name, TextCounts()).add(counted_texts(chosen))
            if mask is not None and name in self.targets:
                self.texts.setdefault(f"\0{name}", TextCounts()).add(counted_texts(raw.rows(mask)))
            return
        self._learn(raw, mask)

    def _require_same(self, raw: Raw) -> None:
        """Texts in one file and other values in the next are not the same column; gaps are of any kind."""
        is_text = "texts" if raw.kind == TEXTS else "values with a type"
        before = self.typed.get(raw.name)
        if before is not None and before.partition(" of ")[0] != is_text and not raw.missing.all():
            raise DataError(
                where=f"column {raw.name!r}",
                received=f"{is_text} in {raw.source}, after {before.replace(' of ', ' in ', 1)}",
                expected="one type in all files and blocks",
                fix="write the column with the same type everywhere",
            )
        if before is None and not raw.missing.all():
            self.typed[raw.name] = f"{is_text} of {raw.source or 'the blocks before'}"

    def _learn(self, raw: Raw, mask: Array | None, counts: Array | None = None) -> None:
        own = self.summaries[raw.name]
        if raw.name not in self.targets:
            own.add(raw if mask is None else raw.rows(mask), counts)
            return
        own.add(raw, counts)
        trained = raw if mask is None else raw.rows(mask)
        if trained.values.dtype.kind == "f":
            present = ~trained.missing
            self.scaled.setdefault(raw.name, Moments()).add(
                trained.values[present], None if counts is None else counts[present]
            )

    def _forms(self) -> dict[str, Form]:
        """The forms of the columns of texts; those of which all texts are known are learned."""
        counts = {name: own.counts for name, own in self.texts.items() if name[:1] != "\0"}
        found = self.asked.reading or self.reading or Reading()
        how = {"answers": list(self.asked.target), "words": sorted(self.as_words)}
        forms = dict(forms_of(counts, found, **how))
        for name, form in forms.items():
            own = self.texts[name]
            self._require_readable(name, form, list(own.counts))
            if own.is_complete:
                self._from_counts(name, form)
        return forms

    def _from_counts(self, name: str, form: Form) -> None:
        def parts(key: str) -> tuple[Raw, Array]:
            counts = self.texts[key].counts
            cells = as_array(list(counts), TEXTS)
            return read(Raw(name, TEXTS, cells), form), np.array(list(counts.values()), dtype=np.int64)

        raw, numbers = parts(name)
        if raw.missing.any() and name in self.targets:
            self._place_of_gap(name, form)
        own = self.summaries[name]
        own.add(raw, numbers)
        trained, numbers = parts(f"\0{name}") if f"\0{name}" in self.texts else (raw, numbers)
        if name in self.targets and trained.values.dtype.kind == "f":
            present = ~trained.missing
            self.scaled.setdefault(name, Moments()).add(trained.values[present], numbers[present])

    def _require_readable(self, name: str, form: Form, texts: list[str]) -> None:
        """Raises the error of a text that has not the form, with its place in the files."""
        _, wrong = form.read(as_array(list(texts), TEXTS))
        if len(wrong):
            for raw in self._blocks_of(name):
                read(raw, form)

    def _place_of_gap(self, name: str, form: Form) -> None:
        for raw in self._blocks_of(name):
            own = read(raw, form)
            if own.missing.any():
                self.summaries[name].first_gap = own.place(int(np.argmax(own.missing)))
                return

    def _blocks_of(self, name: str) -> Iterator[Raw]:
        for block in self.source.all_blocks():
            raw = self._named(block, name)
            if self.side is not None and name not in self.targets:
                raw = raw.rows(self.side.has(block.file, block.numbers))
            yield raw

    def _read_again(self, names: Sequence[str], forms: dict[str, Form]) -> None:
        for block in self.source.all_blocks():
            go_on()
            mask = None if self.side is None else self.side.has(block.file, block.numbers)
            for name in names:
                if name[:1] != "\0" and self._named(block, name).kind == TEXTS:
                    self._learn(read(self._named(block, name), forms[name]), mask)

    def _result(self, forms: dict[str, Form]) -> Learned:
        asked = self.asked
        if not self.summaries:
            raise DataError(
                where=self.source.name, received="no rows", expected="at least one row", fix="add rows of data"
            )
        raws = {name: self.summaries[name].answers(WHERE) for name in asked.target}
        target = learn_targets(raws, list(asked.target), asked.task, where=WHERE) if asked.target else None
        for name in asked.target:
            if len(self.summaries[name].distinct) > MOST_DISTINCT and not isinstance(target, Answers):
                raise self.summaries[name].too_many(WHERE)
        looked_up = set(asked.embeddings)
        columns = [
            own.column(0 if name in looked_up else MOST_CATEGORIES if asked.is_automatic else inf)
            for name, own in self.summaries.items()
            if name not in self.targets
        ]
        require_differences(columns)
        many = [name for name, own in self.summaries.items() if own.words.forgotten]
        if many:
            warnings.warn(
                f"{WHERE}: more than {MOST_WORDS:,} different words in {', '.join(map(repr, many[:10]))}: the rarest "
                "were forgotten while they were counted",
                DataWarning,
                stacklevel=level_of_caller(),
            )
        return Learned(columns, target, forms, asked.reading or self.reading, self.scaled)
