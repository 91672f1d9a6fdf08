"""No password stands in the tree: code, settings, examples and documents hold at most placeholders."""

import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
# Tests may hold passwords: of servers that they start themselves, and to see that no message shows one.
ALLOWED_IN = ("tests/",)
PLACEHOLDER = re.compile(r"…|\.\.\.|\*+|<\w+>|\{\w+\}|\$\{?\w+\}?|%\(\w+\)s|%[sIL]")
SECRETS = {
    "a DSN": re.compile(r"[a-z][a-z0-9+]*://[^\s:/@'\"`]*:(?P<secret>[^\s/@'\"`]+)@"),
    "a connection string": re.compile(r"\bpassword\s*=\s*['\"]?(?P<secret>[^\s'\",;)\]}]+)", re.IGNORECASE),
    "a role": re.compile(r"\bPASSWORD\s+'(?P<secret>[^']*)'"),
    "a variable": re.compile(r"\b(?:PGPASSWORD|[A-Z_]*(?:SECRET|TOKEN|API_KEY))=['\"]?(?P<secret>[^\s'\"]+)"),
    "a private key": re.compile(r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----)"),
}


def secrets_in(text: str) -> list[tuple[str, str]]:
    """What looks like a secret, as (where it stands, the secret); placeholders are none."""
    return [
        (kind, found["secret"])
        for kind, pattern in SECRETS.items()
        for found in pattern.finditer(text)
        if not PLACEHOLDER.fullmatch(found["secret"])
    ]


def test_no_file_of_the_project_holds_a_password() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.splitlines() if not name.startswith(ALLOWED_IN)]
    assert len(names) > 200
    held = {}
    for path in (REPO / name for name in names if (REPO / name).is_file()):
        text = path.read_bytes().decode("utf-8", "replace")
        # An assignment in Python takes its value from somewhere; only a literal could be a secret.
        text = re.sub(r"\bpassword\s*=\s*[a-z_.]+\b(?!['\"])", "", text) if path.suffix == ".py" else text
        if found := secrets_in(text):
            held[path.relative_to(REPO).as_posix()] = found
    assert held == {}


@pytest.mark.parametrize(
    "text",
    [
        "dsn: postgresql://app:hunter2@db.example/scheduler",
        "postgresql+psycopg2://:hunter2@/dagster",
        "host=db.example user=app password=hunter2",
        'make_conninfo(password="hunter2")',
        "CREATE ROLE app LOGIN PASSWORD 'hunter2'",
        "PGPASSWORD=hunter2 psql",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_password_would_be_found(text: str) -> None:
    assert secrets_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://scheduler_app:…@db.example:5432/scheduler",
        "postgresql://user@host:5432/database",
        "CREATE ROLE scheduler_app LOGIN PASSWORD '…'",
        "PGPASSWORD=$SECRET_OF_THE_VAULT psql",
    ],
)
def test_a_placeholder_is_none(text: str) -> None:
    assert not secrets_in(text)
