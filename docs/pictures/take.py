"""Take the pictures of the lab anew, with the lab as it is: `make pictures`.

A lab is started in an empty folder, and a Chromium looks at it: at one gradient opened, at a
drawing, at code and its verdict, and at a training on its way. A page of digits is read by the
command.
"""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import playwright.sync_api
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "tests"))
sys.path.insert(0, str(HERE.parent.parent / "benchmarks"))
import pages  # noqa: E402 (the script that makes pages)
from browser import chromium  # noqa: E402 (the tests know where a browser is)

from chainrule import load_mnist  # noqa: E402 (after the folders above)

THREE = "85-62-116-48-148-58-157-87-131-112-104-111-139-114-166-137-156-172-126-186-85-173"

GRADED = HERE.parent / "guide/grade.md"  # whose first try is shown


def main():
    draw_boxes()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "chainrule", "lab", "--no-browser"]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
        try:
            address = re.search(r"http://\S+", server.stdout.readline())[0]
            with playwright.sync_api.sync_playwright() as started:
                look(chromium.start(started), address)
        finally:
            server.terminate()
            server.wait()


def look(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 940})
    page.goto(address)
    home = address.partition("?")[0]

    page.goto(f"{home}?story=why")
    page.locator(".edge.lit").first.wait_for()
    keep(page, "lab")

    page.goto(f"{home}?cell=dW2[3,*]")
    page.get_by_role("button", name="Prove it").first.wait_for()
    keep(page, "numbers")

    page.set_viewport_size({"width": 1440, "height": 1160})
    page.goto(f"{home}?view=draw&strokes={THREE}")
    page.get_by_text("I say 3 (>").first.wait_for()
    keep(page, "draw")

    page.set_viewport_size({"width": 1440, "height": 1160})
    page.goto(f"{home}?view=code")
    page.get_by_role("textbox", name="Your code").fill(first_try())
    page.get_by_role("button", name="Check my code").click()
    page.get_by_text("2 of 3 functions right").wait_for()
    keep(page, "code")

    page.set_viewport_size({"width": 1440, "height": 940})
    page.goto(f"{home}?view=train")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text(re.compile(r"[3-9]\d\d of 1,000")).first.wait_for(timeout=600_000)
    keep(page, "train")
    page.get_by_role("button", name="Stop", exact=True).click()
    browser.close()


def draw_boxes():
    """A hard page of test digits, as `chainrule read --boxes` draws it."""
    *_, (_, picture, _) = pages.pages(load_mnist()[1], True, 2, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        page, out = Path(folder) / "page.png", Path(folder) / "seen.png"
        Image.fromarray(picture).save(page)
        command = [sys.executable, "-m", "chainrule", "read", page, "--boxes", out]
        subprocess.run(command, check=True)
        Image.open(out).quantize(48).save(HERE / "page.png", optimize=True)


def first_try():
    return re.search(r'"""\n(.*?)"""', GRADED.read_text(encoding="utf-8"), re.DOTALL)[1]


def keep(page, name):
    page.locator("main:not([aria-busy])").wait_for()
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1000)  # what fades in has done so
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(256)
    image.save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
