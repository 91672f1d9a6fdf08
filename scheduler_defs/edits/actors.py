"""Who edits."""

import getpass
import os


def default_actor() -> str:
    """``SCHEDULER_ACTOR``, else the login name of this process's user."""
    if actor := os.environ.get("SCHEDULER_ACTOR"):
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
