"""Mistakes: what each does to a training, in words and in curves."""

import re

from helpers.hands import serious
from playwright.sync_api import expect

from chainrule.explain.bugs.zoo import ZOO

UPHILL = next(bug for bug in ZOO if bug.name == "uphill")


def test_a_mistake_in_words_and_curves(visit):
    page = visit("?view=zoo")  # as links had it
    heading = page.get_by_role("heading", name="What a mistake does")
    expect(heading).to_be_visible()
    after = page.locator("#zoo-after")
    expect(after).to_contain_text("After 600 steps it reads ")
    choice = page.get_by_label("Mistake", exact=True)
    expect(choice).to_have_value("one db for all units")
    expect(choice.locator("option")).to_have_count(len(ZOO) + 1)  # or none
    choice.select_option("uphill")
    expect(page.locator("#zoo-sentence")).to_have_text(UPHILL.sentence)
    expect(page).to_have_url(re.compile(r"view=code&bug=uphill"))
    expect(after).to_have_text(
        re.compile(r"reads \d\d?\.\d % right, without the mistake (8|9)\d\.\d %")
    )
    plot = page.get_by_role("img", name="Test accuracy, with the mistake and without")
    plot.focus()
    page.keyboard.press("End")
    expect(page.locator(".zoo .chart [role=status]").last).to_contain_text("600")
    assert serious(page) == []


def test_only_losses_with_which_it_can_be_made_are_offered(visit):
    page = visit("?view=code&bug=softmax left out&loss=squared_error", color_scheme="dark")
    losses = page.get_by_role("group", name="Loss", exact=True)
    expect(losses.get_by_role("radio")).to_have_count(1)
    expect(losses.get_by_role("radio", name="cross-entropy")).to_be_checked()
    expect(page.locator("#zoo-after")).to_contain_text("After 600 steps")
    page.get_by_label("Mistake", exact=True).select_option("ReLU\N{PRIME} of the layer below")
    expect(page.locator("#zoo-after")).to_be_hidden()
    page.go_back()
    expect(page.locator("#zoo-sentence")).to_contain_text("Softmax is left out")
