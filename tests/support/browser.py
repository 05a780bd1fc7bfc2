"""A real browser without a window: how wide a page is, and what it looks like."""

import json
import re
import subprocess
from pathlib import Path

from support.parts import program

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--allow-file-access-from-files", "--disable-web-security",
)  # fmt: skip
_ASK = """<!doctype html><body><iframe id="f" src="{url}" style="width:{width}px;height:900px;border:0"></iframe>
<script>document.getElementById("f").onload = function () {{
  var page = this.contentDocument, wide = [], edge = page.documentElement.clientWidth;
  page.querySelectorAll("body *").forEach(function (e) {{
    var box = e.getBoundingClientRect(), own = e.closest(".scroll");
    if (!own && box.width && box.right > edge + 1) wide.push(e.tagName + "." + (e.className.baseVal || e.className));
  }});
  document.title = JSON.stringify({{edge: edge, scroll: page.documentElement.scrollWidth, wide: wide.slice(0, 9)}});
}};</script>"""


def layout(page: Path, width: int, folder: Path) -> dict:
    """How a page lies in a window: its width, the width of what is in it, and elements that stick out."""
    browser = program("chromium", "chromium")
    asking = folder / f"ask-{width}.html"
    asking.write_text(_ASK.format(url=page.resolve().as_uri(), width=width))
    told = subprocess.run(
        [browser, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--dump-dom",
         asking.as_uri()],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", told.stdout, re.DOTALL)
    assert title, told.stdout[-500:]
    return json.loads(title.group(1).replace("&quot;", '"'))
