"""Jinja2's own tests that hold for bodies, from its source package, which is fetched by its hash and never copied here.

Left out are tests of what bodies do not have (calls, attributes, macros, other delimiters, undefined names, filters and tests
that there are none of), and those in which bodies differ on purpose: numbers are decimal, ``urlencode`` encodes ``/`` as well,
and a line that holds other text beside a tag keeps its line break (``trim_blocks`` takes it).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_parts  # pip and pytest are processes of their own

SUITE = Path(__file__).parent / "jinja2_suite"
CHECKOUT = Path(__file__).resolve().parent.parent.parent

APPLYING = {
    "test_lexnparse.py::TestTokenStream": "test_simple test_iter",
    "test_lexnparse.py::TestLexer": "test_raw1 test_raw2 test_raw3 test_raw4 test_operators test_lineno_with_strip",
    "test_lexnparse.py::TestParser": "test_error_messages",
    "test_lexnparse.py::TestSyntax": (
        "test_tuple test_div test_unary test_concat test_compare test_compare_compound test_inop test_bool test_grouping "
        "test_conditional_expression test_string_concatenation test_notin test_operator_precedence test_raw2 "
        "test_neg_filter_priority test_const_assign test_numeric_literal"
    ),
    "test_lexnparse.py::TestLstripBlocks": (
        "test_lstrip_trim test_lstrip_endline test_lstrip_left_chars test_lstrip_preserve_leading_newlines "
        "test_lstrip_trim_blocks_raw"
    ),
    "test_lexnparse.py::TestTrimBlocks": (
        "test_no_trim_outer test_lstrip_no_trim test_no_trim_nested test_comment_trim test_comment_no_trim "
        "test_multiple_comment_trim_lstrip test_multiple_comment_no_trim_lstrip test_raw_trim_lstrip "
        "test_raw_no_trim_lstrip"
    ),
    "test_core_tags.py::TestForLoop": "test_loop_unassignable",
    "test_core_tags.py::TestIfCondition": (
        "test_simple test_elif test_elif_deep test_else test_empty test_complete test_no_scope"
    ),
    "test_filters.py::TestFilter": (
        "test_capitalize test_default test_escape test_first test_format test_int_default test_last test_length test_lower "
        "test_string test_title test_truncate test_truncate_very_short test_truncate_end_length test_upper test_chaining "
        "test_abs test_int test_float"
    ),
    "test_tests.py::TestTestsCase": "test_defined test_even test_odd",
    "test_regression.py::TestBug": "test_partial_conditional_assignments test_empty_if_condition_fails test_empty_if",
}
"""The tests that are run, by file and class."""
OTHERWISE = {
    "test_numeric_literal[1e0-1.0]": "a decimal prints without zeros at its end",
    "test_numeric_literal[10e1-100.0]": "a decimal prints without zeros at its end",
    "test_numeric_literal[2.5e100-2.5e+100]": "numbers are bounded",
    "test_numeric_literal[2.5e+100-2.5e+100]": "numbers are bounded",
    "test_numeric_literal[25.6e-10-2.56e-09]": "a decimal prints without an exponent",
    "test_numeric_literal[1_2.3_4e5_6-1.234e+57]": "numbers are bounded",
    "test_int[1e10000-0]": "a number out of bounds fails the row, since 0 would be another amount",
    "test_float[42-42.0]": "a decimal prints without zeros at its end",
    "test_float[abc-0.0]": "a decimal prints without zeros at its end",
}
"""Cases of these tests in which bodies differ on purpose, each with the reason."""


@pytest.fixture(scope="module")
def jinja2_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Jinja2's tests, unpacked from the source package of the version that is installed."""
    requirements = SUITE / "requirements.txt"
    pinned = re.search(r"^jinja2==(\S+)", requirements.read_text(), re.MULTILINE)
    assert pinned is not None and pinned[1] == version("jinja2"), (
        f"state the version that is installed in {requirements}"
    )
    folder = tmp_path_factory.mktemp("jinja2")
    fetching = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"),
            *("--no-binary", ":all:", "--require-hashes", "--no-deps"),
            *("--requirement", str(requirements), "--dest", str(folder)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    packages = list(folder.glob("jinja2-*.tar.gz"))
    if not packages:
        reason = f"Jinja2's source package could not be fetched: {fetching.stderr.strip()[-300:]}"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    with tarfile.open(packages[0]) as archive:
        archive.extractall(folder, filter="data")
    tests = next(folder.glob("jinja2-*/tests"))
    shutil.copy(SUITE / "bodies_for_jinja2.py", tests / "conftest.py")
    return tests


def test_jinja2s_own_tests_that_apply(jinja2_tests: Path) -> None:
    """Each of them passes with bodies in place of Jinja2's environment; the cases that differ do differ."""
    chosen = [f"{place}::{name}" for place, names in APPLYING.items() for name in names.split()]
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-c", os.devnull, "-p", "no:cacheprovider", "--tb=line", *chosen],
        cwd=jinja2_tests,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    passed = set(re.findall(r"^PASSED \S+::(.*)$", outcome.stdout, re.MULTILINE))
    failed = set(re.findall(r"^(?:FAILED|ERROR) \S+?::\w+::(.*?)(?: - .*)?$", outcome.stdout, re.MULTILINE))
    assert failed == OTHERWISE.keys(), outcome.stdout[-4000:]
    names = {name.partition("[")[0] for name in passed}
    assert {name for names_ in APPLYING.values() for name in names_.split()} <= names, outcome.stdout[-4000:]
