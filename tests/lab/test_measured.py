"""Recall and precision of all ten digits, and labels that people doubt."""

import json

import pytest
from helpers.clients import posted

from chainrule import load_bundled
from chainrule.distort import distort
from chainrule.lab.api.doubted import LIST
from chainrule.network import probabilities


@pytest.mark.parametrize("damage", [{}, {"rotation": 40}, {"noise": 1}])
@pytest.mark.parametrize("name", ["small", "large"])
def test_recall_and_precision_are_those_of_the_answers(page, mnist, name, damage):
    told = posted(page, "/api/evaluate", {"network": name, "damage": damage})
    digits = distort(mnist[1], **damage) if damage else mnist[1]
    answers = probabilities(load_bundled(name), digits.X).argmax(axis=0)
    for digit in range(10):
        of, read = digits.labels == digit, answers == digit
        assert told["counts"][digit] == of.sum()
        assert told["read_as"][digit] == read.sum()
        assert told["per_digit"][digit] == pytest.approx(read[of].mean(), abs=1e-15)
        if read.any():
            assert told["precision"][digit] == pytest.approx(of[read].mean(), abs=1e-15)
        else:
            assert told["precision"][digit] is None


def test_fifteen_labels_are_doubted_and_each_by_most_of_five_people(mnist):
    listed = json.loads(LIST.read_text(encoding="utf-8"))
    assert "GNU General Public License" in listed["licence"]
    assert "Northcutt" in listed["source"]
    numbers = [image[0] for image in listed["images"]]
    assert len(numbers) == len(set(numbers)) == 15
    for number, label, guess, *votes in listed["images"]:
        assert mnist[1].labels[number] == label != guess
        assert sum(votes) == 5
        assert votes[0] < 3


def test_a_doubted_label_is_said_wherever_its_image_is(page, mnist):
    listed = {image[0]: image[1:] for image in json.loads(LIST.read_text())["images"]}
    names = ["label", "guess", "for_label", "for_guess", "for_neither"]
    wanted = {number: dict(zip(names, image, strict=True)) for number, image in listed.items()}
    told = posted(page, "/api/evaluate", {"network": "large"})["mistakes"]
    assert told["doubts"] == [wanted.get(number) for number in told["indices"]]
    assert any(told["doubts"])
    answers = probabilities(load_bundled("large"), mnist[1].X).argmax(axis=0)
    truth, read = int(mnist[1].labels[947]), int(answers[947])
    cell = posted(page, "/api/confused", {"network": "large", "truth": truth, "read": read})
    assert cell["doubts"] == [wanted.get(number) for number in cell["indices"]]
    for number in (947, 9729, 946):
        moment = {"network": "small", "image": {"test": number}}
        assert posted(page, "/api/ledger", moment)["doubt"] == wanted.get(number)
    drawn = {"network": "small", "image": {"strokes": [[60, 60, 200, 60]], "off": []}}
    assert posted(page, "/api/ledger", drawn)["doubt"] is None
