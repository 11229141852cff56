"""My code: written, pasted or opened, and its verdict beside the formulas."""

import json
import re

import pytest
from helpers.hands import eventually
from helpers.mistaken import program
from playwright.sync_api import expect

from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.forms import template_of

WRONG = program(("dW of dA",), seed=2)
RIGHT = program(seed=1)


@pytest.fixture
def page(visit):
    page = visit("?view=code")
    if area(page).input_value():  # what a test before has left
        area(page).fill("")
        page.reload()
    expect(area(page)).to_have_value("")
    return page


def area(page):
    return page.get_by_role("textbox", name="Your code")


def told(page):
    return page.locator("#code-told")


def check(page, text):
    area(page).fill(text)
    page.get_by_role("button", name="Check my code").click()


def step(page, array):
    return page.locator(f"[data-step={array}]")


def test_a_wrong_file_is_led_on_to_its_mistake(page):
    check(page, WRONG)
    expect(told(page)).to_contain_text("✗ 2 of 3 functions right.")
    for array, verdict in (("dW2", "✗ wrong"), ("db2", "✓ right"), ("dZ2", "on the way")):
        expect(step(page, array).get_by_role("cell")).to_contain_text(verdict)
    expect(step(page, "dW2").locator("math").first).to_be_visible()
    most = re.compile(r"wrong most in dW[12]\[\d+,\d+\]: yours .*, measured ")
    expect(told(page)).to_contain_text(most)
    bug = next(each for each in ZOO if each.name == "dW of dA")
    expect(told(page)).to_contain_text(bug.question)
    expect(page.get_by_text(bug.sentence)).to_be_hidden()
    page.get_by_text("Name the mistake").click()
    expect(told(page)).to_contain_text(f"dW of dA: {bug.sentence}")


def test_a_mistake_that_is_named_can_be_trained_with(page):
    check(page, program(("s(1 − s)",), seed=2))
    page.get_by_text("Name the mistake").click()
    page.get_by_role("button", name="See what it does to a training").click()
    expect(page.get_by_label("Mistake", exact=True)).to_have_value("s(1 − s)")
    expect(page.locator("#zoo-after")).to_contain_text("After 600 steps it reads ")
    expect(page.locator("#zoo-title")).to_be_focused()
    expect(page.locator("#zoo-title")).to_be_in_viewport()
    expect(page).to_have_url(re.compile(r"view=code&bug=s"))
    expect(told(page)).to_contain_text("2 of 3 functions right")
    page.go_back()
    expect(page.locator("#zoo-after")).to_be_hidden()


def test_a_right_file_by_keyboard(page):
    area(page).focus()
    page.keyboard.insert_text(RIGHT)
    page.keyboard.press("Control+Enter")
    expect(told(page)).to_contain_text("✓ All 3 functions are right.")
    expect(page.locator(".code-finding .bad")).to_have_count(0)
    page.keyboard.press("Tab")  # the field does not keep who writes in it
    expect(area(page)).not_to_be_focused()


def test_errors_name_the_line_and_lead_there(page):
    broken = RIGHT + "\n\ndef softmax(Z):\n    return exp(Z)\n"
    check(page, broken)
    expect(told(page)).to_contain_text("softmax: does not run")
    expect(told(page)).to_contain_text("NameError: name 'exp' is not defined")
    line = broken.count("\n")
    page.get_by_role("button", name=f"Go to line {line}").click()
    expect(area(page)).to_be_focused()
    selected = "area => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert area(page).evaluate(selected) == "    return exp(Z)"
    check(page, "def forward(:\n")
    expect(told(page)).to_contain_text("my_code.py, line 1: Python cannot read it")
    check(page, "")
    expect(told(page)).to_have_text("There is no code yet.")


def test_an_endless_loop_can_be_stopped_and_the_lab_goes_on(page):
    check(page, "def forward(W1, b1, W2, b2, X):\n    while True:\n        pass\n")
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_visible()
    stop.click()
    expect(told(page)).to_have_text("Stopped.")

    def graded():
        check(page, RIGHT)
        expect(page.get_by_role("button", name="Check my code")).to_be_enabled()
        assert "All 3 functions are right" in told(page).inner_text()

    eventually(graded)


def test_what_is_written_outlives_a_reload(page):
    area(page).fill(WRONG)
    page.get_by_role("radio", name="cross-entropy").check()
    page.reload()
    expect(area(page)).to_have_value(WRONG)
    expect(page.get_by_role("radio", name="cross-entropy").first).to_be_checked()


def test_a_form_takes_the_place_of_code_and_gives_it_back(page):
    area(page).fill(WRONG)
    page.get_by_role("button", name="rows").click()
    expect(area(page)).to_have_value(template_of("rows"))
    page.get_by_role("button", name="Check my code").click()
    expect(told(page)).to_contain_text("backward: not written yet")
    page.get_by_role("button", name="Put back what was here").click()
    expect(area(page)).to_have_value(WRONG)


def test_files_are_opened_and_dropped(page, tmp_path):
    place = tmp_path / "mine.py"
    place.write_bytes(("# é\n" + RIGHT).encode("latin-1"))
    page.locator("input[accept='.py,.ipynb']").set_input_files(place)
    expect(area(page)).to_have_value("# é\n" + RIGHT)
    expect(page.get_by_role("heading", name="mine.py")).to_be_visible()
    expect(page.locator("#code-notes")).to_contain_text("read as Latin-1")
    cells = [{"cell_type": "code", "source": cell} for cell in ("%pylab", WRONG)]
    dropped = page.evaluate_handle(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], "theirs.ipynb"));
          return data;
        }""",
        json.dumps({"cells": cells}),
    )
    area(page).dispatch_event("drop", {"dataTransfer": dropped})
    expect(area(page)).to_have_value("pass\n\n" + WRONG)
    page.get_by_role("button", name="Check my code").click()
    expect(told(page)).to_contain_text("2 of 3 functions right")
    picture = tmp_path / "mine.png"
    picture.write_bytes(b"x")
    page.locator("input[accept='.py,.ipynb']").set_input_files(picture)
    expect(page.get_by_text("That is no file of Python")).to_be_visible()


def test_what_is_kept_has_the_code_and_its_verdict(page, tmp_path):
    check(page, WRONG)
    expect(told(page)).to_contain_text("2 of 3 functions right")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as one HTML file").click()
    kept = tmp_path / "kept.html"
    download.value.save_as(kept)
    text = kept.read_text(encoding="utf-8")
    assert "a running lab is needed" in text
    assert "def back_prop(act1, Y" in text
    assert "<textarea" not in text


def test_a_lab_that_others_can_reach_says_that_it_runs_nothing(page):
    def closed(route):
        told = route.fetch().json()
        assert told["runs_code"] is True
        route.fulfill(json={**told, "runs_code": False})

    page.route("**/api/lab", closed)
    page.reload()
    says = "Other machines can reach this lab, so it runs no code."
    expect(page.get_by_text(says)).to_be_visible()
    expect(page.get_by_role("button", name="Check my code")).to_have_count(0)
    page.unroute("**/api/lab")
