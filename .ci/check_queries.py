"""Check the query files against the Python that uses them; prints all problems, exits 1 on any.

Usage: check_queries.py [ROOT]
ROOT holds sql/queries, resources and scheduler_defs (default: this repository).
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("resources", "scheduler_defs")
LOADERS = frozenset({"load", "_sql", "_one", "_all", "_run", "_execute", "_many"})
NAME = re.compile(r"[a-z_]+/[a-z_]+")

TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|\"(?:\"\"|[^\"])*\"|(?P<tag>\$[A-Za-z_]*\$).*?(?P=tag)",
    re.DOTALL,
)
WRITE = re.compile(r"\b(INSERT INTO|DELETE FROM|MERGE INTO)\b|(?<!\bFOR )(?<!\bKEY )\bUPDATE\b")
GOOD_PERCENT = re.compile(r"%%|%\(\w+\)s")
STATEMENT = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b|\bUPDATE \S+ (AS \S+ )?SET\b|\bWITH \S+ AS \("
)


def header_of(text: str) -> list[str]:
    """The comment lines a query file begins with."""
    lines = text.splitlines()
    end = next((at for at, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:end]


def flat(text: str) -> str:
    """The text on one line, blanks squeezed."""
    return " ".join(text.split())


def problems_of_query(text: str) -> Iterator[str]:
    """What is wrong inside one query file: header, guard, number of statements, placeholders."""
    header = header_of(text)
    quoted = [match.group() for match in TOKEN.finditer(text) if not match["comment"]]
    # Comments go and quoted text becomes a stand-in, so that no keyword or semicolon in them counts.
    code = TOKEN.sub(lambda match: " " if match["comment"] else " 'quoted' ", text)
    if not header or not header[0].startswith("-- ") or len(header[0]) < 20:
        yield "does not begin with a comment line of at least 20 characters that says its purpose"
    if WRITE.search(flat(code).upper()) and not any("Guard:" in line for line in header):
        yield "writes, but its leading comment names no 'Guard:'"
    statements = [part for part in code.split(";") if part.strip()]
    if len(statements) != 1:
        yield f"holds {len(statements)} statements instead of one"
    for token in quoted:
        if "%(" in token:
            yield f"has a placeholder inside quotes: {flat(token)[:60]}"
    # psycopg reads a percent sign everywhere, in comments and quoted text too.
    if "%" in GOOD_PERCENT.sub("", text):
        yield "has a positional placeholder or a lone %; write %(name)s, or %% for a percent sign"


def looks_like_sql(text: str) -> bool:
    """Whether a Python string is SQL: upper-case keywords anywhere, or lower-case ones at its start."""
    text = flat(text).lstrip("( ")
    return bool(STATEMENT.search(text) or (text[:1].islower() and STATEMENT.match(text.upper())))


def docstrings_of(tree: ast.AST) -> set[ast.AST]:
    """The string nodes that are docstrings."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {body[0].value for body in bodies if isinstance(body[0], ast.Expr)}


def strings_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string but docstrings as (line, text); the holes of an f-string become a stand-in."""
    passed_over = docstrings_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed_over.update(node.values)
            parts = [part.value if isinstance(part, ast.Constant) else "hole" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in passed_over:
            yield node.lineno, node.value


def loads_of(tree: ast.AST, tables: set[str]) -> Iterator[tuple[int, str]]:
    """Every query asked for as (line, name): by a known loader, or by any call that names a known table."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        name = node.args[0].value
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if not isinstance(name, str) or not NAME.fullmatch(name):
            continue
        if called in LOADERS or name.split("/")[0] in tables:
            yield node.lineno, name


def problems(root: Path) -> list[str]:
    """Every problem under root, one line each, as "path[:line]: what is wrong"."""
    folder = root / "sql" / "queries"
    files = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.sql")}
    tables = {name.split("/")[0] for name in files}
    found = [] if files else ["sql/queries: holds no query at all"]
    named: set[str] = set()
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.py")):
        where, tree = path.relative_to(root).as_posix(), ast.parse(path.read_text("utf-8"))
        for line, text in strings_of(tree):
            named.add(text)
            if looks_like_sql(text):
                found.append(f"{where}:{line}: SQL text in Python; give it a file in sql/queries")
        for line, name in loads_of(tree, tables):
            if name not in files:
                found.append(f"{where}:{line}: sql/queries/{name}.sql does not exist")
    for name, path in sorted(files.items()):
        where = path.relative_to(root).as_posix()
        if not NAME.fullmatch(name):
            found.append(f"{where}: is not sql/queries/<table>/<verb>.sql in small letters and underscores")
        elif name not in named:
            found.append(f"{where}: nothing in {' or '.join(ROOMS)} names it")
        found += [f"{where}: {problem}" for problem in problems_of_query(path.read_text("utf-8"))]
    return found


def main() -> int:
    """Check the tree named on the command line; returns the exit code."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    found = problems(root)
    for problem in found:
        print(problem)
    print(f"check_queries: {len(found)} problem(s)" if found else "check_queries: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
