"""Two runs side by side. The second answer is computed here, from the files and by hand."""

import math
import re

import numpy as np
import pytest
from helpers.trainings import asked, trained, until

from chainrule import initialise, load_digits, load_model, predict
from chainrule.cli.tables import telling
from chainrule.network import Network
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.compare import ComparedStep, compare, side_by_side, weights_apart
from chainrule.runs.settings import Change, RunError
from chainrule.runs.trajectory import network_at


@pytest.fixture(scope="module")
def digits(small):
    return load_digits(small)


@pytest.fixture(scope="module")
def folder(small, digits, tmp_path_factory):
    """Three runs from the same start but for the last: another rate on the way, another width."""
    folder = tmp_path_factory.mktemp("compared")
    known = {"data": str(small), "batch_size": None}
    trained(folder / "a", digits, asked(**known))
    wish = iter([*[None] * 20, 0.3, *[None] * 30]).__next__
    trained(folder / "b", digits, asked(**known, steps=50), new_rate=wish)
    trained(folder / "wide", digits, asked(**known, hidden=(12,), loss="cross_entropy", seed=4))
    return folder


def opened(folder, *names):
    from chainrule.runs.folder import open_run

    return [open_run(folder / name) for name in names]


def test_the_images_that_only_one_reads_right(folder, digits):
    found = compare(*opened(folder, "a", "wide"), digits[1])
    a, b = (load_model(folder / name) for name in ("a", "wide"))
    lists, pairs = ([], [], []), ([], [], [])
    for k, label in enumerate(digits[1].labels):
        one, two = (int(predict(each, digits[1].X[:, [k]])[0]) for each in (a, b))
        if one != two:
            kind = 0 if one == label else 1 if two == label else 2
            lists[kind].append(k)
            pairs[kind].append([one, two])
    assert [numbers.tolist() for numbers in found.answers] == list(lists)
    assert [both.tolist() for both in found.read] == list(pairs)
    assert all(lists)
    right = len(digits[1]) * found.accuracy[0], len(digits[1]) * found.accuracy[1]
    assert right[0] - right[1] == pytest.approx(len(lists[0]) - len(lists[1]))
    assert found.apart is None
    assert found.steps == (40, 40)


def test_the_settings_that_differ(folder, digits):
    a, b, wide = opened(folder, "a", "b", "wide")
    assert compare(a, a, digits[1]).settings == {}
    assert compare(a, b, digits[1]).settings == {
        "steps": (40, 50),
        "changes": ([], [Change(20, 0.3)._asdict()]),
    }
    assert compare(a, wide, digits[1]).settings == {
        "hidden": ([10], [12]),
        "loss": ("squared_error", "cross_entropy"),
        "seed": (3, 4),
    }


def test_the_weights_are_apart_from_the_change_on(folder, digits):
    a, b = opened(folder, "a", "b")
    for step in (0, 20):
        found = compare(a, b, digits[1], step=step)
        assert found.apart == ((0, 0), (0, 0))
        assert not any(map(len, found.answers))
        assert [row.step for row in found.rows] == list(range(step + 1))
        assert found.rows[-1].loss[0] == found.rows[-1].loss[1]
    found = compare(a, b, digits[1], step=21)
    assert all(each > 0 for pair in found.apart for each in pair)
    W = [network_at(each, 21).layers[0][0].astype(np.float64) for each in (a, b)]
    larger = max((w**2).sum() ** 0.5 for w in W)
    distance = ((W[0] - W[1]) ** 2).sum() ** 0.5 / larger
    assert abs(found.apart[0].W - distance) < 1e-12


def test_weights_apart_by_hand():
    a, b = (Network((1, 1, 1), np.array(p)) for p in ([3.0, 0, 1, 5], [-1.0, 0, 1, 4]))
    assert weights_apart(a, b) == ((4 / 3, 0), (0, 1 / 5))
    assert weights_apart(b, a) == weights_apart(a, b)
    rng = np.random.default_rng(0)
    one, two = initialise((3, 2, 2), rng=rng), initialise((3, 2, 2), rng=rng)
    assert all(0 <= each <= 2 for pair in weights_apart(one, two) for each in pair)


def test_every_recorded_step_is_a_row():
    def history(*steps):
        return np.array([[step, step + 0.5, math.nan, step / 100, 9] for step in steps])

    rows = side_by_side(history(0, 2, 4, 6, 7), history(0, 3, 6, 9))
    assert [row.step for row in rows] == [0, 2, 3, 4, 6, 7, 9]
    nothing = None
    told = [[None if np.isnan(x) else x for x in row.loss] for row in rows]
    assert [pair[0] for pair in told] == [0.5, 2.5, nothing, 4.5, 6.5, 7.5, nothing]
    assert [pair[1] for pair in told] == [0.5, nothing, 3.5, nothing, 6.5, nothing, 9.5]
    assert rows[-1].test_accuracy[1] == 0.09
    assert np.isnan([*rows[0].train_accuracy, rows[1].test_accuracy[1]]).all()


@pytest.fixture(scope="module")
def spike(folder, small, digits):
    """Two runs that share every fifteenth step; the loss of one leaps between two of them."""
    known = {"data": str(small), "batch_size": None, "optimizer": "descent", "learning_rate": 0.5}
    trained(folder / "calm", digits, asked(**known, steps=450))
    wish = iter([*[None] * 190, 40.0, *[None] * 2, 0.5, *[None] * 200]).__next__
    leaping = {"new_rate": wish, "allowed": lambda _: 1}  # asked after each step
    trained(folder / "leaps", digits, asked(**known, steps=300), **leaping)
    histories = [read_checkpoint(each).history for each in opened(folder, "calm", "leaps")]
    steps, losses = histories[1][:, 0], histories[1][:, 1]
    at = int(steps[40 + losses[40:].argmax()])
    assert at % 15
    assert losses[40:].max() > 2 * losses[40]
    assert len({*histories[0][:, 0]} & {*steps}) == 21
    return at


def test_a_leap_that_only_one_recorded_is_shown(inside, folder, spike, answer):
    told = answer("compare", "calm", "leaps", cwd=folder)
    for k, name in enumerate(("calm", "leaps")):
        lines = (folder / name / "history.csv").read_text().split()[1:]
        wanted = [[float(cell) for cell in line.split(",")[:2]] for line in lines]
        rows = [[row["step"], row["loss"][k]] for row in told["rows"] if row["loss"][k] is not None]
        assert rows == wanted
    printed = inside("compare", "calm", "leaps", cwd=folder).stdout
    (loss,) = (row["loss"][1] for row in told["rows"] if row["step"] == spike)
    assert re.search(rf"^ *{spike} +{loss:.4f} +\d+\.\d %", printed, re.MULTILINE), printed
    rows = re.findall(r"^ *(\d+)(?= +0\.\d{4} )", printed, re.MULTILINE)
    assert {"0", "300", "450"} <= {*rows}  # and where each begins and ends
    assert 11 <= len(rows) <= 16


def test_rows_that_stand_out_by_hand():
    """Straight lines say all of a curve but for one row; that is the row that is added."""

    def loss(step, leap):
        return 1.0 if step == leap else 0.5

    rows = [ComparedStep(s, (loss(s, 33), loss(s, 78)), (0, 0), (0.5, 0.5)) for s in range(101)]
    shown = [row.step for row in telling(rows)]
    assert {33, 78, *range(0, 101, 10)} <= {*shown}
    few = side_by_side(*(np.array([[s, 0.5, 0.5, 0.5] for s in steps]) for steps in ([0], [0, 1])))
    assert telling(few) == few


def test_rows_are_those_of_both_histories(folder, digits):
    a, b = opened(folder, "a", "b")
    histories = [read_checkpoint(each).history for each in (a, b)]
    for row in compare(a, b, digits[1]).rows:
        for which, history in enumerate(histories):
            known = history[history[:, 0] == row.step]
            values = [pair[which] for pair in row[1:]]
            assert values == known[0, 1:4].tolist() if len(known) else np.isnan(values).all()


def test_what_cannot_be_compared_is_refused(folder, digits, tmp_path, small):
    a, b = opened(folder, "a", "b")
    with pytest.raises(RunError, match=r"a: step 41 is not recorded; the nearest .* is 40"):
        compare(a, b, digits[1], step=41)
    part, _ = trained(tmp_path / "part", digits, asked(data=str(small)), allowed=until(7))
    assert compare(a, part, digits[1]).steps == (40, 7)
    (tmp_path / "part/checkpoint.safetensors").unlink()
    with pytest.raises(RunError, match="part: no checkpoint yet"):
        compare(a, part, digits[1])


def test_on_the_command_line(inside, folder, small, digits, answer):
    printed = inside("compare", "a", "b", cwd=folder)
    assert printed.returncode == 0, printed.stderr
    lines = printed.stdout.splitlines()
    assert max(len(line) for line in lines if str(small) not in line) <= 80
    assert f"% on {small}" in printed.stdout
    found = compare(*opened(folder, "a", "b"), digits[1])
    only_a, only_b, wrong = map(len, found.answers)
    differ = only_a + only_b + wrong
    assert re.search(r"^changes +none +0\.3 from step 20 *$", printed.stdout, re.MULTILINE)
    assert re.search(
        r"^ *0 +0\.\d{4} +0\.\d{4} +\d+\.\d % +\d+\.\d % ", printed.stdout, re.MULTILINE
    )
    assert f"answers differ on {differ} of 200 images" in printed.stdout
    assert re.search(rf"^  A right, B wrong +{only_a}( |$)", printed.stdout, re.MULTILINE)
    assert "A after step 40, B after step 50" in lines
    quiet = inside("compare", "a", "b", "--quiet", cwd=folder).stdout
    assert printed.stdout.endswith(quiet)
    assert quiet.startswith("test accuracy ")
    told = answer("compare", "a", "b", "--step", "30", cwd=folder)
    at = compare(*opened(folder, "a", "b"), digits[1], step=30)
    assert told["answers"] == {name: n.tolist() for name, n in at.answers._asdict().items()}
    assert told["read"] == {name: both.tolist() for name, both in at.read._asdict().items()}
    assert told["apart"] == [each._asdict() for each in at.apart]
    assert told["steps"] == [30, 30]
    assert [row["loss"] for row in told["rows"]] == [list(row.loss) for row in at.rows]
    assert len(told["rows"]) == 31
    wide = inside("compare", "a", "wide", cwd=folder).stdout
    assert "networks of other sizes cannot be subtracted" in wide
    assert re.search(r"^loss +squared-error +cross-entropy *$", wide, re.MULTILINE)
    same = inside("compare", "a", "a", cwd=folder).stdout
    assert "the settings are the same" in same
    assert "answers differ on 0 of 200" in same
    refused = inside("compare", "a", "b", "--step", "45", cwd=folder)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert inside("compare", "a", "nowhere", cwd=folder).returncode == 2


def test_json_says_nothing_where_there_is_nothing(folder, small, digits, answer):
    trained(folder / "batches", digits, asked(data=str(small)))
    told = answer("compare", "a", "batches", cwd=folder)
    assert told["rows"][3]["train_accuracy"][1] is None
    assert told["settings"] == {"batch_size": [None, 50]}
