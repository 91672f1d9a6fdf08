"""Each rule of .ci/check_queries.py, violated once on a small made-up tree."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SCRIPT = REPO / ".ci" / "check_queries.py"

READ = "-- Read one run by id.\nSELECT id FROM runs WHERE id = %(id)s\n"
FINISH = (
    "-- Finish a run. Guard: state running and the token.\n"
    "UPDATE runs SET state = 'done; 100%%' -- one; statement\n"
    "WHERE id = %(id)s AND state = 'running' AND fencing_token = %(token)s;\n"
)
CLAIM = "-- Lock due schedules,\n-- but no locked ones.\nSELECT id FROM schedules FOR NO KEY UPDATE\n"
PYTHON = '''"""SELECT id FROM runs is what a docstring may say."""

MIME = str("text/plain")
HELP = "Select a run from the list"


class Runs:
    """Runs."""

    def get(self):
        """INSERT INTO nothing."""
        return self._one("runs/get", {"id": 1})

    def finish(self):
        return self._execute("runs/finish", {})


CLAIM = load("schedules/claim")
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clean tree of three queries and one module."""
    write(tmp_path, "sql/queries/runs/get.sql", READ)
    write(tmp_path, "sql/queries/runs/finish.sql", FINISH)
    write(tmp_path, "sql/queries/schedules/claim.sql", CLAIM)
    write(tmp_path, "resources/repositories/runs.py", PYTHON)
    write(tmp_path, "scheduler_defs/__init__.py", "")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def check(root: Path) -> tuple[int, list[str]]:
    """Exit code and the lines printed before the summary."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(root)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()[:-1]


def test_clean_tree_passes(tree: Path) -> None:
    assert check(tree) == (0, [])


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        pytest.param(
            "SELECT 1\n-- Read one run, said too late.\n",
            "does not begin with a comment",
            id="header missing",
        ),
        pytest.param("-- Read a run.\nSELECT 1\n", "does not begin with a comment", id="header short"),
        pytest.param(
            "-- Remove one run for good.\nDELETE FROM runs -- Guard: too late\n",
            "names no 'Guard:'",
            id="delete without guard",
        ),
        pytest.param(
            "-- Finish a run inside a CTE.\nWITH x AS (update runs\nSET id = 1) SELECT 1\n",
            "names no 'Guard:'",
            id="update without guard",
        ),
        pytest.param(
            "-- Add one run to the ledger.\nINSERT\n  INTO runs VALUES (1)\n",
            "names no 'Guard:'",
            id="insert without guard",
        ),
        pytest.param(
            "-- Read one run, then another.\nSELECT 1;\nSELECT 2;\n",
            "holds 2 statements",
            id="two statements",
        ),
        pytest.param(
            "-- Nothing but a comment here.\n", "holds 0 statements instead of one", id="no statement"
        ),
        pytest.param(
            "-- Silent workers, in seconds.\nSELECT interval '%(ttl)s seconds'\n",
            "placeholder inside quotes: '%(ttl)s seconds'",
            id="quoted placeholder",
        ),
        pytest.param(
            "-- A placeholder in a dollar quote.\nSELECT $q$ %(ttl)s $q$\n",
            "placeholder inside quotes: $q$ %(ttl)s $q$",
            id="dollar-quoted placeholder",
        ),
        pytest.param(
            "-- Read one run by position.\nSELECT id FROM runs WHERE id = %s\n",
            "positional placeholder",
            id="positional placeholder",
        ),
        pytest.param(
            "-- Read the runs that look so.\nSELECT id FROM runs WHERE name LIKE 'a%'\n",
            "lone %",
            id="lone percent",
        ),
    ],
)
def test_query_that_breaks_one_rule(tree: Path, query: str, problem: str) -> None:
    write(tree, "sql/queries/runs/get.sql", query)
    code, lines = check(tree)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("sql/queries/runs/get.sql: ")
    assert problem in lines[0]


@pytest.mark.parametrize("name", ["get.sql", "runs/deep/get.sql", "runs/Get.sql"])
def test_query_in_the_wrong_place(tree: Path, name: str) -> None:
    write(tree, f"sql/queries/{name}", READ)
    assert check(tree) == (
        1,
        [f"sql/queries/{name}: is not sql/queries/<table>/<verb>.sql in small letters and underscores"],
    )


def test_query_that_nothing_names(tree: Path) -> None:
    write(tree, "sql/queries/runs/forgotten.sql", READ)
    assert check(tree) == (
        1,
        ["sql/queries/runs/forgotten.sql: nothing in resources or scheduler_defs names it"],
    )


@pytest.mark.parametrize(
    "call",
    [
        'load("nowhere/get")',
        'queries.load("runs/gett")',
        'self._many("jobs/add", [])',
        'anything("runs/gett")',
    ],
)
def test_call_that_names_a_missing_query(tree: Path, call: str) -> None:
    write(tree, "scheduler_defs/ops.py", f"\n{call}\n")
    name = call.split('"')[1]
    assert check(tree) == (1, [f"scheduler_defs/ops.py:2: sql/queries/{name}.sql does not exist"])


@pytest.mark.parametrize(
    "literal",
    [
        '"SELECT id FROM runs"',
        'f"SELECT {columns} FROM {table}"',
        '"""\n  select id\n  from runs\n"""',
        '"INSERT INTO runs VALUES (1)"',
        '"UPDATE " "runs SET state = 1"',
        'f"DELETE FROM {table}"',
        '"WITH due AS (SELECT 1) TABLE due"',
    ],
)
def test_sql_text_in_python(tree: Path, literal: str) -> None:
    write(tree, "resources/sneaky.py", f"\nQUERY = {literal}\n")
    assert check(tree) == (1, ["resources/sneaky.py:2: SQL text in Python; give it a file in sql/queries"])


def test_tree_without_queries_is_a_problem(tmp_path: Path) -> None:
    assert check(tmp_path) == (1, ["sql/queries: holds no query at all"])
