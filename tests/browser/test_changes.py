"""A network that is changed by a link: what is shown, what is kept, what is refused."""

import re
from dataclasses import replace
from urllib.parse import parse_qs

import numpy as np
import pytest
from helpers.answers import beginning, held_out, network
from helpers.hands import cell, exact, opened, shown_cells, value_of
from playwright.sync_api import expect

from chainrule import predict
from chainrule.explain.ledger import open_ledger

LINK = "?cell=dW2[4,1]&cut=1.7,1.3&set=W2[3,7]:0.25,b1[4]:-1.5e-7"


def changed():
    """The small network, changed by hand."""
    plain = network("small")
    after = replace(plain, parameters=plain.parameters.copy())
    (W1, b1), (W2, _) = after.layers
    W2[3, 7], b1[4] = 0.25, -1.5e-7
    W1[[7, 3]], b1[[7, 3]] = 0, -1
    return open_ledger(after, held_out().X[:, beginning()], 3)


def asked(page):
    return parse_qs(page.url.partition("?")[2])


def test_a_link_keeps_what_is_changed(visit):
    page = visit(LINK)
    book = changed()
    expect(opened(page, "dW2[4,1]")).to_be_visible()
    assert float(value_of(page, "dW2[4,1]")) == book.arrays["dW2"][4, 1]
    shown = exact(shown_cells(page))
    for unit in range(10):
        assert shown[f"A1[{unit}]"] == book.arrays["A1"][unit]
    assert shown["A1[7]"] == shown["A1[3]"] == 0
    assert page.url.endswith(LINK)  # it is written as people read it
    other = visit("?" + page.url.partition("?")[2], device_scale_factor=2)
    expect(opened(other, "dW2[4,1]")).to_be_visible()
    assert exact(shown_cells(other)) == shown
    assert other.url == page.url


def test_another_network_is_not_changed_and_back_leads_to_the_changed_one(visit):
    page = visit(LINK, device_scale_factor=2)
    page.locator("main:not([aria-busy])").wait_for()
    changed_cells = exact(shown_cells(page))
    page.get_by_label("Network", exact=True).select_option("large")
    expect(page).to_have_url(re.compile("network=large"))
    assert not {"cut", "set"} & set(asked(page))
    page.go_back()
    expect(page).to_have_url(re.compile(r"cut=1\.7,1\.3"))
    page.locator("main:not([aria-busy])").wait_for()
    expect(opened(page, "dW2[4,1]")).to_be_visible()
    assert exact(shown_cells(page)) == changed_cells
    cell(page, "dW2[4,2]").click()  # what is opened next is opened in the changed network
    assert asked(page)["cut"] == ["1.7,1.3"]
    assert float(value_of(page, "dW2[4,2]")) == changed().arrays["dW2"][4, 2]


def test_evaluate_measures_the_changed_network(visit):
    page = visit("?view=evaluate&cut=1.4")
    plain = network("small")
    after = replace(plain, parameters=plain.parameters.copy())
    (W1, b1), _ = after.layers
    W1[4], b1[4] = 0, -1
    right = np.mean(predict(after, held_out().X) == held_out().labels)
    said = f"The small network, as you changed it, reads {100 * right:.1f} % of"
    expect(page.get_by_role("heading", level=1)).to_contain_text(said)
    page.get_by_role("button", name="As it was").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("The small network reads 93.3 %")
    assert "cut" not in asked(page)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("cut=1.10,2.0,0.1,9.9,x,1.7.3,-1.2&set=W9[0,0]:1,W2[3]:1,b1[0,0]:1,W2[3,7]:1e99", {}),
        ("cut=1.7,1.7,1.07&set=b1[4]:1,b1[4]:2", {"cut": ["1.7"], "set": ["b1[4]:2"]}),
        ("set=W2[3,7]:0.5,rubbish,b1[04]:-0,A1[7]:1", {"set": ["W2[3,7]:0.5,b1[4]:0"]}),
        ("set=W2[3,7]:&cut=1.", {}),
    ],
)
def test_of_a_broken_link_what_can_be_changed_is(visit, query, kept):
    page = visit(f"?{query}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("It is a 3")
    page.keyboard.press("Alt+p")  # the page writes what it understood
    expect(page).to_have_url(re.compile("projector=1"))
    assert {name: said for name, said in asked(page).items() if name in ("cut", "set")} == kept


def test_changes_make_entries_but_not_while_dragging(visit):
    """What the page's own parts call, by its own modules."""
    page = visit("?cell=b1[4]", device_scale_factor=2)
    expect(opened(page, "b1[4]")).to_be_visible()
    entries = page.evaluate("history.length")

    def change(what, how="{}"):
        page.evaluate(
            "async ([what, how]) => (await import('/lab/state.js')).change(what, how)",
            [what, {"dragging": True} if how == "dragging" else {}],
        )

    change({"cut": ["A1[7]"]})
    assert page.evaluate("history.length") == entries + 1
    change({"set": [["W2[3,7]", 0.1]]})  # a drag begins
    for value in np.linspace(0.2, 0.9, 8):
        change({"set": [["W2[3,7]", float(value)]]}, "dragging")
    expect(page).to_have_url(re.compile(r"set=W2\[3,7\]:0\.9"))
    assert page.evaluate("history.length") == entries + 2
    page.go_back()
    expect(page).to_have_url(re.compile(r"cut=1\.7(&|$)"))
    assert "set" not in asked(page)
    page.go_back()
    expect(page).not_to_have_url(re.compile("cut"))
    page.go_forward()
    page.go_forward()
    expect(page).to_have_url(re.compile(r"set=W2\[3,7\]:0\.9"))
