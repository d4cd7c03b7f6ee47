"""What a tape is made of is the same on every processor: no function whose last digit depends on it is called.

Numpy's exponentials, logarithms and powers differ by instruction set, BLAS by machine, and sums and means by how wide
a register is; `exact` has what the market needs instead.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MARKET = Path(__file__).parent.parent.parent / "ticker" / "market"
ELSEWHERE = {"walk.py", "plain.py", "silence.py", "macro.py"}
"""The plain model's, that makes load and promises no more than its own machine's bytes; and what makes no tape."""
ROOMS = sorted(file for file in MARKET.glob("*.py") if file.name not in ELSEWHERE)
INEXACT = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "cbrt", "hypot", "logaddexp"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arctan2"),
    *("dot", "vdot", "inner", "matmul", "einsum", "tensordot", "linalg", "convolve", "correlate", "fft", "polyval"),
    *("mean", "average", "std", "var", "median", "nanmean", "nansum", "cov", "corrcoef", "trapezoid", "interp"),
}
OF_MATH = {"exp", "log", "pow", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "erf", "gamma"}
METHODS = {"mean", "std", "var", "dot"}
SUMMED_INTEGERS = {
    "auction.py": {"bids", "asks", "found.bids", "found.asks"},
    "realistic.py": {"found.bids", "found.asks"},
    "prints.py": {"prints"},
}
"""What may be summed, since it is counted in whole numbers, by room."""


def inexact(source: str, summed: set[str]) -> Iterator[str]:
    """Yield what in a source may round otherwise elsewhere."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if (owner in ("np", "numpy") and node.attr in INEXACT) or (owner == "math" and node.attr in OF_MATH):
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module in ("math", "numpy"):
            wrong = OF_MATH if node.module == "math" else INEXACT
            yield from (alias.name for alias in node.names if alias.name in wrong)
        elif isinstance(node, ast.BinOp | ast.AugAssign) and is_inexact(node):
            yield ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called, owner = node.func.attr, ast.unparse(node.func.value)
            if called in METHODS and owner not in ("np", "numpy"):
                yield ast.unparse(node)
            elif called == "sum":
                about = ast.unparse(node.args[0]) if owner == "np" else owner
                if about.removeprefix("(").removesuffix(")") not in summed:
                    yield ast.unparse(node)


def is_inexact(node: ast.BinOp | ast.AugAssign) -> bool:
    """Tell whether an operation is a matrix product or a power, unless of two numbers as they are written."""
    written = isinstance(node, ast.BinOp) and all(is_constant(part) for part in (node.left, node.right))
    return isinstance(node.op, ast.MatMult) or (isinstance(node.op, ast.Pow) and not written)


def is_constant(node: ast.expr) -> bool:
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_room_computes_what_a_processor_decides(room: Path) -> None:
    assert list(inexact(room.read_text(), SUMMED_INTEGERS.get(room.name, set()))) == []


@pytest.mark.parametrize(
    "source",
    [
        *("np.exp(x)", "numpy.log(x)", "np.power(x, 2.0)", "x ** 0.5", "x **= 2", "a @ b", "np.dot(a, b)", "a.dot(b)"),
        *(
            "x.sum()",
            "np.sum(x)",
            "x.mean()",
            "x.std(axis=0)",
            "math.exp(1.0)",
            "from math import log",
            "np.linalg.eigh(x)",
        ),
        "from numpy import exp",
    ],
)
def test_it_would_be_noticed(source: str) -> None:
    assert len(list(inexact(source, {"bids"}))) == 1


@pytest.mark.parametrize(
    "source", ["2.0**32", "2.0**-32", "1 << 40", "exp(x)", "np.sqrt(x)", "bids.sum(1)", "a * b + c"]
)
def test_what_is_exact_is_allowed(source: str) -> None:
    assert not list(inexact(source, {"bids"}))
