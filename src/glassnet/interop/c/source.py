"""A model as C99 source: one file and its header, which need nothing but the standard library's mathematics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError
from glassnet.core.files import replacing, require_writable
from glassnet.core.kinds import C_SOURCE
from glassnet.core.settings import boolean
from glassnet.core.shapes import Array, Shape, size_of
from glassnet.interop.c.names import function_name
from glassnet.interop.c.program import Program, literal, own_names
from glassnet.interop.c.table import emit_table, members, struct, text_arrays
from glassnet.interop.lengths import warn_of_lengths
from glassnet.interop.own import refuse_own_layers
from glassnet.many import Ensemble, as_one_model
from glassnet.model import Model
from glassnet.model.stream import Stream
from glassnet.preprocessing import Standardize, TargetScaling
from glassnet.tables import Duration, Number, Table
from glassnet.version import __version__

NUMBERS_IN_LINE = 8
TAKEN = "steps_taken"
"""The member of a stream's struct that counts, where there is room for so many steps alone."""


@suggests
def export_c(
    model: Model | Ensemble, path: str | Path, *, function: str = "predict", stream: bool = False
) -> tuple[Path, Path]:
    """Writes the model's prediction of one row in float32 as C99 source.

    The function is ``void predict(const float x[INPUTS], float y[OUTPUTS])``; x is a raw row in C order (images channel
    by channel; of a table of numbers the columns that it uses, in its order), y what ``model.predict`` gives (logits
    for a loss that takes them, logarithms of the mean for ``Poisson`` and ``Gamma``: the header says so). x is of
    doubles where ``preprocessing.needs_float64``, because float would lose the digits that tell rows apart, and y where
    ``target_scaling.needs_float64``. A ``Table`` with words, dates, truth or gaps is taken as ``const predict_row
    *row``, a struct with a member for each column that is used: doubles, NaN where one is missing, days since 1970 of
    dates, seconds of times of day; texts in UTF-8 of words. The function keeps its activations in static memory: it
    takes none from the heap and next to none of the stack, and two threads must not call it at once. Compile it with
    any C99 compiler and ``-lm``. What it calls are the recorded kernel calls of a prediction, batch norm and ReLU
    folded into the convolutions before them.

    With ``stream`` the source answers to one step of a sequence after another, as ``model.stream`` does: states go from
    step to step in a struct of the caller's, as many as there are sequences. ``void predict_reset(predict_state
    *state)`` begins one, and ``void predict_step(predict_state *state, const float x[INPUTS], float y[OUTPUTS])`` goes
    on with it.

    Args:
        model: built; of an ensemble one function averages the members.
        path: the source file, ending in .c; the header gets its name with .h.
        function: name of the function; one that C, C++ or their libraries keep for themselves, such as ``int`` or
            ``read``, gets ``glassnet_`` before it.
        stream: whether the functions take a step instead of a row.

    Returns:
        The paths of source and header.

    Raises:
        NotBuiltError: there is nothing to write yet.
        ConfigurationError: a layer that calls a kernel without a C function; a ``Graph`` of several inputs or outputs;
            a parameter that is not finite; a name that is no identifier; words that no text in C can hold; the path
            cannot be written.
        WriteError: the disk is full or failing.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(1))
        >>> _ = net.build(2)
        >>> model = gn.Model(net, "mean_squared_error", "adam")
        >>> with TemporaryDirectory() as folder:
        ...     source, header = gn.interop.export_c(model, Path(folder, "model.c"))
        ...     [line for line in header.read_text().splitlines() if line.startswith("void")]
        ['void predict(const float *x, float *y);']
    """
    source = require_writable(path, C_SOURCE, where="export_c")
    if source.suffix != ".c":
        raise ConfigurationError(
            where="export_c",
            received=f"the path {str(path)!r}",
            expected="a path that ends in .c",
            fix=f"write {source.with_suffix('.c').name!r}; the header will be {source.with_suffix('.h').name!r}",
        )
    function = function_name(function, own_names())
    header = source.with_suffix(".h")
    require_writable(header, C_SOURCE, where="export_c")
    model = as_one_model(model, "export_c")
    model.require_built("export_c")
    model.refuse_forecasting("export_c")
    refuse_own_layers(model.network, "export_c", graphs=True)
    given: Stream | None = None
    if boolean(stream, "stream", "export_c"):
        given = Stream(model.network, 1, "numpy", scaling_of(model), model.target_scaling)
    else:
        warn_of_lengths(model, where="export_c")
    text = _source(model, function, given)
    with replacing(header, C_SOURCE) as new_header, replacing(source, C_SOURCE) as new_source:  # both or none
        new_header.write_bytes(_header(model, function, given, text).encode())
        new_source.write_bytes(text.encode())
    return source, header


def _shapes(model: Model, stream: Stream | None) -> tuple[Shape, Shape]:
    """Of x and y."""
    if stream is not None:
        return stream.row_shape, stream.output_shape
    return model.network.input_shape or (), model.network.output_shape or ()


def _source(model: Model, name: str, stream: Stream | None) -> str:
    inputs, outputs = _shapes(model, stream)
    scaling, restoring = scaling_of(model), model.target_scaling
    table = _table_of(model)
    is_raw = scaling is None and table is None
    program = Program(model.network, "x" if is_raw else None, is_stream=stream is not None)
    body = program.statements
    if scaling is not None:
        names = _of_each(program, "input", scaling, inputs)
        standardize = "standardize" + "_double" * scaling.needs_float64
        body.insert(0, f"{standardize}(x, {', '.join(names)}, {size_of(inputs)}, {program.input});")
    elif table is not None:
        body[:0] = emit_table(program, table)
    count = size_of(outputs)
    if stream is not None and stream.most_steps is not None:
        none = f"for (int i = 0; i < {count}; ++i) y[i] = NAN;"
        full = f"if (state->{TAKEN} == {stream.most_steps}) {{\n        {none}\n        return;\n    }}"
        body[:0] = [full, f"++state->{TAKEN};"]
    elif stream is not None and not program.states:
        body.insert(0, "(void)state;")
    if restoring is None:
        body.append(f"memcpy(y, {program.output}, {count} * sizeof *y);")
    else:
        mean, scale = _of_each(program, "output", restoring, outputs)
        if restoring.needs_float64:
            program.call("restore_double", program.output, mean, scale, count, "y")
        else:
            program.call("scale_and_shift", program.output, scale, mean, 1, count, 1, "y")
        if isinstance(restoring, TargetScaling):
            _bend(program, restoring, outputs)
    return "\n\n".join(
        [
            _comment(model),
            "#include <math.h>\n#include <string.h>",
            *([_struct(name, program, stream.most_steps)] if stream is not None else []),
            *([struct(table, f"{name}_row", _in_comment)] if table is not None else []),
            *(f'#ifdef __cplusplus\nextern "C"\n#endif\n{line};' for line in _declared(model, name, stream)),
            *program.functions("\n".join(body)),
            *(_array(own, values) for own, values in program.constants.items()),
            *text_arrays(program.texts),
            *([f"static float arena[{program.size}];"] if program.size else []),
            *([f"{_declared(model, name, stream)[1]}\n{{\n    memset(state, 0, sizeof *state);\n}}"] if stream else []),
            f"{_declared(model, name, stream)[0]}\n{{\n" + "\n".join(f"    {line}" for line in body) + "\n}\n",
        ]
    )


def _declared(model: Model, name: str, stream: Stream | None) -> list[str]:
    """The functions' first lines."""
    if stream is None:
        return [f"void {name}({_arguments(model, name)})"]
    state = f"{name}_state *state"
    return [f"void {name}_step({state}, {_arguments(model, name)})", f"void {name}_reset({state})"]


def _struct(name: str, program: Program, most_steps: int | None) -> str:
    """What goes from one step to the next."""
    kinds = {own: "float" if array.dtype.kind == "f" else "int" for own, array in program.states.items()}
    members = "".join(f"    {kinds[own]} {own}[{array.size}];\n" for own, array in program.states.items())
    members += "" if most_steps is None else f"    int {TAKEN};\n"
    return f"typedef struct {{\n{members or '    float none[1];' + chr(10)}}} {name}_state;"


def _header(model: Model, function: str, stream: Stream | None, source: str) -> str:
    name = function.upper()
    inputs, outputs = map(size_of, _shapes(model, stream))
    types = source[source.index("typedef struct") : source.index(f"}} {function}_state;")] if stream else ""
    if types:
        types = f"/* What one sequence has come to; {function}_reset begins it. */\n{types}}} {function}_state;\n\n"
    table = _table_of(model)
    if table is not None:
        types, inputs = struct(table, f"{function}_row", _in_comment) + "\n\n", len(members(table))
    row = f"The next step x of a sequence, {name}_INPUTS numbers," if stream else f"One row x of {name}_INPUTS numbers"
    row = row if table is None else f"A row of {name}_INPUTS columns"
    functions = "\n".join(f"{line};" for line in _declared(model, function, stream))
    most = stream.most_steps if stream else None
    room = (
        ""
        if most is None
        else f"\n   There is room for {most} steps; after {most} steps y is NaN until {function}_reset."
    )
    unit = " They are logarithms of the mean: exp(y[i])." if model.loss.has_log_link else ""
    return f"""{_comment(model)}
#ifndef GLASSNET_{name}_H
#define GLASSNET_{name}_H

#define {name}_INPUTS {inputs}
#define {name}_OUTPUTS {outputs}

#ifdef __cplusplus
extern "C" {{
#endif

{types}/* {row} to the {name}_OUTPUTS numbers y.{unit}{room}
   Not to be called by two threads at once. */
{functions}

#ifdef __cplusplus
}}
#endif

#endif
"""


def scaling_of(model: Model) -> Standardize | None:
    """What is done to the numbers of a row; None for nothing, or for a table of more than numbers."""
    given = model.preprocessing
    if not isinstance(given, Table):
        return given
    used = [column for column in given.columns if column.features]
    numbers = [own for own in used if type(own) in (Number, Duration) and not getattr(own, "has_missing", True)]
    if len(numbers) < len(used):
        return None
    return Standardize([own.mean for own in numbers], [own.scale for own in numbers])  # type: ignore[attr-defined]


def _table_of(model: Model) -> Table | None:
    """The table whose columns a row's struct has; None for arrays, and for tables of nothing but plain numbers."""
    table = model.preprocessing
    return table if isinstance(table, Table) and scaling_of(model) is None else None


def _arguments(model: Model, name: str) -> str:
    """The function's arguments: numbers in float, or in double where float is too short for them."""
    long_x, long_y = (
        scaling is not None and scaling.needs_float64 for scaling in (scaling_of(model), model.target_scaling)
    )
    row = f"{'double' if long_x else 'float'} *x" if _table_of(model) is None else f"{name}_row *row"
    return f"const {row}, {'double' if long_y else 'float'} *y"


def _comment(model: Model) -> str:
    shapes = " -> ".join(
        "x".join(map(str, shape or ())) for shape in (model.network.input_shape, model.network.output_shape)
    )
    lines = [f"Made by glassnet {__version__}. One row: {shapes}."]
    if isinstance(model.preprocessing, Table) and _table_of(model) is None:
        names = [own.name for own in model.preprocessing.columns if own.features]
        lines.append("Numbers of a row, none missing, as JSON: " + _in_comment(json.dumps(names)))
    if isinstance(model.class_names, tuple):
        lines.append("Classes by their number, from 0, as JSON: " + _in_comment(json.dumps(model.class_names)))
    return "/* " + "\n   ".join(lines) + " */"


def _in_comment(text: str) -> str:
    """JSON as a comment may hold it, still the same JSON: no comment ends or begins in it, and no trigraph."""
    return text.replace("*/", r"*\/").replace("/*", r"/\u002a").replace("??", r"?\u003f")


def _array(name: str, values: Array) -> str:
    kind, written = {"f4": ("float", literal), "f8": ("double", repr)}.get(values.dtype.str[1:], ("int", str))
    numbers = [written(value) for value in values.ravel().tolist()]
    lines = [", ".join(numbers[i : i + NUMBERS_IN_LINE]) for i in range(0, len(numbers), NUMBERS_IN_LINE)]
    return f"static const {kind} {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + ",\n};"


def _bend(program: Program, scaling: TargetScaling, shape: Shape) -> None:
    """The rest of what is done to the answers: e^y − 1, and the bounds."""
    ending, dtype = ("_double", np.float64) if scaling.needs_float64 else ("", np.float32)
    if scaling.logarithm:
        program.call(f"exp_minus_1{ending}", size_of(shape), "y")
    if scaling.low is not None or scaling.high is not None:
        low, high = (np.broadcast_to(own, shape) for own in scaling.bounds)
        largest = np.finfo(dtype).max
        names = (
            program.constant(f"output_{which}", np.clip(own, -largest, largest), dtype)
            for which, own in (("low", low), ("high", high))
        )
        program.call(f"hold_within{ending}", *names, size_of(shape), "y")


def _of_each(program: Program, prefix: str, scaling: Standardize, shape: Shape) -> tuple[str, str]:
    """Mean and scale of each element of a row, as constants."""
    dtype = np.float64 if scaling.needs_float64 else np.float32
    mean, scale = (np.broadcast_to(own, shape) for own in (scaling.mean, scaling.scale))
    return program.constant(f"{prefix}_mean", mean, dtype), program.constant(f"{prefix}_scale", scale, dtype)
