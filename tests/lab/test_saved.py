"""The page, and a moment of it that is saved as one file."""

import base64
import json
import re

import pytest
from helpers import PAGE
from helpers.clients import MISREAD, posted
from helpers.elements import Elements

from chainrule.lab.api import saved
from chainrule.lab.server import app
from chainrule.lab.server.app import page_files

# ---------------------------------------------------------------------------------- a moment saved


VIEW = {"view": "inside", "cell": "dW1[3,350]", "note": "</script><script>alert(1)</script><!--"}


@pytest.fixture(scope="module")
def kept(page):
    return page.post("/api/save", json=MISREAD | {"view": VIEW})


def test_a_saved_moment_holds_the_answers(page, kept):
    assert kept.status_code == 200
    disposition = 'attachment; filename="chainrule-small-test1832.html"'
    assert kept.headers["content-disposition"] == disposition
    block = json.loads(Elements(kept.text).only("script", id="moment")[1])
    assert block["view"] == VIEW
    assert block["lab"] == page.get("/api/lab").json()
    assert block["mistakes"] is None
    for route in ("ledger", "impostors", "step", "picture"):
        assert block[route] == posted(page, f"/api/{route}", MISREAD)
    every = {"E", "b1[0]", "Z1[9]", "A2[5]", "W2[3,7]", "dW2[3,7]", "db1[4]", "y[3]", "dW1[3,350]"}
    assert every <= set(block["cells"])
    assert "dW1[3,351]" not in block["cells"]  # too many: only the selected one
    for name in every:
        assert block["cells"][name] == posted(page, "/api/cell", MISREAD | {"cell": name})
    assert {"dW2[3,7]", "dZ2[0]", "dA1[9]", "dW1[3,350]"} <= set(block["proofs"])
    told = posted(page, "/api/proof", MISREAD | {"cell": "dW1[3,350]"})
    assert block["proofs"]["dW1[3,350]"] == told
    assert set(block["truths"]) == set(block["proofs"])
    for name in ("dW1[3,350]", "dZ2[0]"):
        assert block["truths"][name] == posted(page, "/api/truth", MISREAD | {"cell": name})
    assert len(kept.content) < 3_000_000


def test_a_saved_moment_needs_and_tells_nobody(kept):
    elements = Elements(kept.text)
    policy = elements.only("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy == (
        "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    names = [tag for tag, _ in elements.tags]
    before = elements.tags[: names.index("style")]
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in before
    for tag, attributes in elements.tags:
        for name in ("src", "href", "action"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    (_, style) = elements.only("style")
    assert all(
        url.startswith(("data:", "#")) for url in re.findall(r"""url\(["']?([^)]*)""", style)
    )
    assert "@import" not in style
    # No text of the moment ends its element or begins another.
    assert names.count("script") == 3
    assert "alert(1)" not in kept.text.replace("\\u003cscript>alert(1)\\u003c/script>", "")


def test_a_saved_moments_modules_find_each_other(kept):
    elements = Elements(kept.text)
    (_, text) = elements.only("script", type="importmap")
    modules = json.loads(text)["imports"]
    files = {name for name in page_files() if name.endswith(".js")}
    assert set(modules) == files
    for name, url in modules.items():
        kind, _, content = url.partition(",")
        assert kind == "data:text/javascript;base64"
        code = base64.b64decode(content).decode()
        wanted = (PAGE / name).read_text(encoding="utf-8")
        statement = r"""^(?:import|export)\b[^"';]*\bfrom ["'](.*)["'];"""
        needs = re.findall(statement, code, re.MULTILINE)
        originally = re.findall(statement, wanted, re.MULTILINE)
        assert [PAGE / each for each in needs] == [
            ((PAGE / name).parent / each).resolve() for each in originally
        ]
        assert set(needs) <= files
        assert not re.search(r"""import\(\s*["'`]\.""", code)
    (main,) = re.findall(r'import "(.*)";', elements.texts[-1] + kept.text.split("</head>")[0])
    assert main in modules


def test_what_is_inlined(tmp_path):
    """The rewriting by itself, on a page made for it."""
    files = {
        "index.html": '<head>\n<link rel="stylesheet" href="lab/looks/a.css">\n'
        '<script type="module" src="lab/main.js"></script>\n</head><body>$x</body>',
        "looks/a.css": '@font-face { src: url("f.woff2") } '
        "a { background: url(../f.woff2), url(#b) }",
        "main.js": 'import { a } from "./in/b.js";\nimport "./in/b.js";\n'
        "await import(\"./in/b.js\");\nexport * from './in/deep/c.js';\n",
        "in/b.js": 'export const a = "from ./b";\n',
        "in/deep/c.js": 'import { a } from "../b.js";\nimport "./d.js";\nimport "../../main.js";\n',
        "in/deep/d.js": "export const d = 4;\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "f.woff2").write_bytes(b"font")
    (tmp_path / "looks/f.woff2").write_bytes(b"other")
    paths = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.*")}
    made = saved.saved_page(paths, app.TYPES, '{"a":"</script>"}').decode()
    font, other = "url(data:font/woff2;base64,Zm9udA==)", "url(data:font/woff2;base64,b3RoZXI=)"
    assert f"src: {other} }} a {{ background: {font}, url(#b)" in made
    assert '<script type="application/json" id="moment">{"a":"\\u003c/script>"}</script>' in made
    modules = json.loads(Elements(made).only("script", type="importmap")[1])["imports"]
    codes = {
        name: base64.b64decode(url.partition(",")[2]).decode() for name, url in modules.items()
    }
    assert codes == {
        "main.js": files["main.js"].replace("./in", "in"),
        "in/b.js": files["in/b.js"],
        "in/deep/c.js": 'import { a } from "in/b.js";\nimport "in/deep/d.js";\nimport "main.js";\n',
        "in/deep/d.js": files["in/deep/d.js"],
    }
    assert 'import "main.js";' in made
    assert made.endswith("</head><body>$x</body>")


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (None, "view must be an object"),
        ([], "view must be an object"),
        ({"cell": "dW9[0]"}, "no cell is called"),
        ({"a": json.loads("[" * 30 + "]" * 30)}, "nested 20 deep"),
    ],
)
def test_a_view_is_checked(page, view, reason):
    refused = page.post("/api/save", json=MISREAD | {"view": view})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    infinite = json.dumps(MISREAD | {"view": {"a": 1}}).replace(": 1}", ": 1e999}")
    headers = {"Content-Type": "application/json"}
    assert page.post("/api/save", content=infinite, headers=headers).status_code == 400


# ------------------------------------------------------------------------------------- the page


def test_the_page_names_no_other_host_and_no_inline_script():
    for name, path in page_files().items():
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            hosts = set(re.findall(r"\b(?:https?:)?//([a-z][\w.-]*\.[a-z]+)", text))
            assert hosts <= {"www.w3.org"}, name  # the names of MathML and SVG
    for tag, attributes in Elements((PAGE / "index.html").read_text(encoding="utf-8")).tags:
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name.startswith("on")]
