"""The `swath` command inside the test's process: its exit code and what `--json` says."""

import contextlib
import io
import json

from swath.cli import main


def swath(*arguments: object) -> tuple[int, dict]:
    """Run a command with `--json`; (exit code, the document)."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            code = main([*map(str, arguments), "--json"])
        except SystemExit as end:
            code = end.code
    text = printed.getvalue()
    return int(code or 0), json.loads(text) if text.strip() else {}
