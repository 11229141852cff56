"""A moment as one HTML file: the page's own files and the answers it needs, put into one.

It opens by a double-click and asks nobody for anything: its policy forbids every connection.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from posixpath import dirname, join, normpath
from string import Template

from chainrule.encode import to_json

PAGE = Path(__file__).parents[1] / "page"  # the browser's files
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
TEMPLATE = PAGE / "saved.template"
STYLE = re.compile(r'<link rel="stylesheet" href="lab/([\w./-]+)">\n?')
MAIN = re.compile(r'<script type="module" src="lab/([\w./-]+)"></script>\n?')
# import { grid } from "../grid.js", import "./grid.js", import("./grid.js")
IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.\.?/[\w./-]+\.js)\2""")
FILE = re.compile(r"""url\((["']?)([\w./-]+)\1\)""")


def page_files() -> dict[str, Path]:
    """The page's files by their paths in its folder; there are no others."""
    found = sorted(path for path in PAGE.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(PAGE).as_posix(): path for path in found}


def saved_page(files: Mapping[str, Path], types: Mapping[str, str], moment: str) -> bytes:
    """The page of these files, by their paths in the page's folder, fed from this JSON.

    Modules become an import map of data: URLs, in which they know each other by these paths.
    """
    texts = {
        name: path.read_text(encoding="utf-8")
        for name, path in files.items()
        if path.suffix in (".html", ".css", ".js")
    }

    def styled(name: str) -> str:
        def inlined(found: re.Match[str]) -> str:
            path = files[meant(found[2], name)]
            return f"url({data_url(types[path.suffix], path.read_bytes())})"

        return FILE.sub(inlined, texts[name])

    def module(name: str) -> str:
        def named(found: re.Match[str]) -> str:
            return f"{found[1]}{found[2]}{meant(found[3], name)}{found[2]}"

        return data_url("text/javascript", IMPORT.sub(named, texts[name]).encode())

    shell = texts["index.html"]
    styles = [styled(name) for name in STYLE.findall(shell)]
    (main,) = MAIN.findall(shell)
    modules = {name: module(name) for name in texts if name.endswith(".js")}
    parts = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        style="\n".join(styles).replace("</", "<\\/"),
        moment=inert(moment),
        imports=inert(to_json({"imports": modules})),
        main=main,
    )
    shell = STYLE.sub("", MAIN.sub("", shell))
    head, end = shell.split("</head>")
    return f"{head}{parts}</head>{end}".encode()


def meant(address: str, name: str) -> str:
    """The file that an address leads to, if it is written in the file of this name."""
    return normpath(join(dirname(name), address))


def data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def inert(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c")
