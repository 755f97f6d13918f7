"""A parser that says which option, command or choice was probably meant."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from glassnet.cli.numbers import MOST_LETTERS, Amount, Whole
from glassnet.core.catalogues import translated
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.suggestions import nearest, setting_meant

OPTIONS: dict[str, str] = {
    "layers": "hidden",
    "units": "hidden",
    "weight_decay": "l2",
    "wd": "l2",
    "early_stopping": "patience",
    "save": "output",
    "o": "output",
    "out_file": "output",
    "silent": "quiet",
    "q": "quiet",
    "sep": "delimiter",
    "na_values": "missing",
    "size": "resize",
    "model": "network",
    "format": "to",
}
"""Options by names of others that no setting in Python has."""
PATHS = ("FILE", "FOLDER")
"""What options that take a path call it."""


class Parser(argparse.ArgumentParser):
    """Refuses what it does not know with the nearest that it does; so do the parsers of its commands."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._negative_number_matcher = re.compile(r"-(?:\.?[0-9]|inf|nan)")  # else -1e5 is taken for an option

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses; in a command nothing may be left over that looks like an option."""
        found, rest = super().parse_known_args(args, namespace)
        unknown = [text.partition("=")[0] for text in rest if text.startswith("-") and text != "-"]
        if unknown:
            self._refuse(unknown[0])
        return found, rest

    def _refuse(self, option: str) -> NoReturn:
        known = [text for action in self._actions for text in action.option_strings if text.startswith("--")]
        names = {text.removeprefix("--").replace("-", "_"): text for text in known}
        asked = option.lstrip("-").replace("-", "_")
        meant = OPTIONS.get(asked.lower()) or setting_meant(asked, names)
        if meant is None and len(asked) > 1:
            meant = nearest(asked, names)
        write = f"write {names[meant]}; " if meant in names else ""
        error = ConfigurationError(
            where=self.prog.removeprefix("glassnet ") or self.prog,
            received=f"the option {option}, unknown here",
            expected=f"{names[meant]}" if meant in names else f"an option of '{self.prog}'",
            fix=f"{write}'{self.prog} --help' lists all",
        )
        self.exit(2, f"glassnet: {error}\n")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Reads a value; a number that the option cannot take is refused in the words of all other errors.

        So is a path without a letter, as of a variable of the shell that is not set: it is not the option left out.
        """
        if not arg_string and action.metavar in PATHS:
            self._refuse_value(action, "''")
        if not isinstance(action.type, Whole | Amount):
            return super()._get_value(action, arg_string)
        try:
            return action.type(arg_string)
        except ValueError:
            self._refuse_value(action, arg_string)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Reads the values of an option; argparse takes the two dashes in --seed=-- for none at all."""
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            self._refuse_value(action, "--")
        return super()._get_values(action, arg_strings)

    def _refuse_value(self, action: argparse.Action, text: str) -> NoReturn:
        option = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
        is_number = isinstance(action.type, Whole | Amount)
        given = text if text.isprintable() and len(text) <= MOST_LETTERS else shown(text, MOST_LETTERS)
        raise ConfigurationError(
            where=self.prog.removeprefix("glassnet "),
            received=f"{option}={given}",
            expected=str(action.type) if is_number else f"{action.metavar or 'a value'}",
            fix=f"choose {option} in that range" if is_number else f"write {option} and what it is to be",
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices: Sequence[str] = [str(choice) for choice in action.choices or ()]
        if action.choices is None or value in action.choices:
            return
        families = {"optimizer": "optimizer", "activation": "layer"}
        meant = nearest(str(value), choices, families.get(action.dest, ""))
        hint = f"did you mean {meant!r}? " if meant else ""
        listed = ", ".join(map(repr, choices))
        message = f"invalid choice: {value!r} ({hint}choose from {listed})"
        raise argparse.ArgumentError(action, translated(message))
