"""Images set apart to validate on, and a run that its patience ends."""

import json
import math
import pickle

import numpy as np
import pytest
from helpers.run_files import opened, written
from helpers.trainings import asked, content, trained, until

from chainrule import Digits, evaluate, load_digits, load_mnist, load_model, set_apart, train
from chainrule.data import DataError
from chainrule.lab.api.requests import parse_order
from chainrule.lab.live.control import ordered
from chainrule.lab.wire import RefusedError
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.compare import run_at
from chainrule.runs.folder import open_run, start_of
from chainrule.runs.listing import list_runs
from chainrule.runs.names import run_id, settings_of
from chainrule.runs.run import HISTORY, RUN
from chainrule.runs.settings import RunError

# It reads its few training images by heart soon, and the others no better.
IMPATIENT = {
    "validation_share": 0.2, "patience": 3, "steps": 4000, "learning_rate": 0.1, "hidden": (20,),
    "loss": "cross_entropy",
}  # fmt: skip


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, digits):
    """A run that its patience has ended, and the snapshots of its rows."""
    return trained(tmp_path_factory.mktemp("impatient") / "a", digits, asked(**IMPATIENT))


# ------------------------------------------------------------------------------------- the images


def test_they_are_drawn_from_the_seed_and_each_is_in_one_part(digits):
    numbered = Digits(
        np.arange(100, dtype=np.uint8)[:, None].repeat(784, axis=1), np.zeros(100, np.uint8)
    )
    drawn = set()
    for seed in range(5):
        left, apart = (part.images[:, 0].tolist() for part in set_apart(numbered, 0.1, seed=seed))
        assert (len(left), len(apart)) == (90, 10)
        assert sorted(left + apart) == list(range(100))
        assert (left, apart) == (sorted(left), sorted(apart))
        drawn.add(tuple(apart))
    assert len(drawn) == 5
    again = set_apart(numbered, 0.1, seed=4)[1].images[:, 0].tolist()
    assert again == apart
    for share, count in ((0.001, 1), (0.999, 99)):
        assert len(set_apart(numbered, share)[1]) == count


def test_they_travel_by_name(small):
    left, apart = set_apart(load_digits(small)[0], 0.3, seed=7)
    for part in (left, apart):
        text = pickle.dumps(part)
        assert len(text) < 2000
        found = pickle.loads(text)
        assert np.array_equal(found.images, part.images)
        assert np.array_equal(found.labels, part.labels)
    assert apart.name.endswith("(30 % of its training part, drawn with seed 7)")


@pytest.mark.parametrize(
    ("share", "seed", "says"),
    [
        (0, 0, "above 0 and below 1, got 0"),
        (1, 0, "above 0 and below 1, got 1"),
        (math.nan, 0, "above 0 and below 1, got nan"),
        (0.5, -1, "the seed must be a whole number from 0, got -1"),
    ],
)
def test_a_share_that_cannot_be_is_refused(digits, share, seed, says):
    with pytest.raises(DataError, match=says):
        set_apart(digits[0], share, seed=seed)


def test_of_one_image_none_is_set_apart(digits):
    with pytest.raises(DataError, match="from 2 to 2,000,000 images, it has 1"):
        set_apart(digits[0][:1], 0.5)


# ---------------------------------------------------------------------------------------- the run


def test_a_run_learns_from_what_is_left_and_measures_what_is_not(tmp_path, digits):
    settings = asked(validation_share=0.25, steps=60)
    run, rows = trained(tmp_path / "a", digits, settings)
    left, apart = set_apart(digits[0], 0.25, seed=settings.seed)
    network, rng = start_of(settings)
    library = list(
        train(
            network, left, optimizer="momentum", learning_rate=0.05, batch_size=50, steps=60,
            rng=rng, validation=apart,
        )
    )  # fmt: skip
    ours = load_model(run.folder)
    assert ours.parameters.tobytes() == library[-1].network.parameters.tobytes()
    history = read_checkpoint(run).history
    for row, snapshot, said in zip(history, library, rows, strict=True):
        A = network_answers(snapshot.network, apart.X)
        Y = np.eye(10)[apart.labels].T
        E = float(((A - Y) ** 2).sum()) / (2 * len(apart))
        right = float((A.argmax(axis=0) == apart.labels).mean())
        for loss, accuracy in (
            row[5:],
            (snapshot.validation_loss, snapshot.validation_accuracy),
            (said.validation_loss, said.validation_accuracy),
        ):
            assert loss == pytest.approx(E, rel=1e-5)
            assert accuracy == right


def network_answers(network, X):
    """A of the last layer, a layer at a time in float64."""
    A = X.astype(np.float64)
    for W, b in network.layers[:-1]:
        A = np.maximum(W @ A + b, 0)
    W, b = network.layers[-1]
    Z = W @ A + b
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


def test_patience_ends_it_where_a_plain_loop_would(impatient):
    run, _ = impatient
    reached = read_checkpoint(run)
    losses = reached.history[:, 5].tolist()
    best, waited, seen = math.inf, 0, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        seen += 1
        if waited == 3:
            break
    assert seen == len(losses)
    assert run.length == run.ended == reached.step == reached.history[-1, 0] < 4000
    assert run.settings.steps == 4000


def test_its_model_is_the_network_with_the_lowest_validation_loss(impatient, digits):
    run, rows = impatient
    model = load_model(run.folder)
    _, apart = set_apart(digits[0], 0.2, seed=run.settings.seed)
    best = min(rows, key=lambda each: each.validation_loss)
    assert best.step < rows[-1].step
    assert model.parameters.tobytes() == best.network.parameters.tobytes()
    assert evaluate(model, apart).loss == best.validation_loss
    # All that speak of the run speak of it: the list, a comparison.
    [entry] = list_runs(run.folder.parent)
    assert (entry.test_accuracy, entry.step) == (best.test_accuracy, run.length)
    assert run_at(run, None)[0] == best.step
    assert run_at(run, None)[1].parameters.tobytes() == model.parameters.tobytes()


@pytest.mark.parametrize("batch_size", [50, None])
def test_stopped_anywhere_it_ends_in_the_same_bytes(tmp_path, digits, batch_size):
    settings = asked(**IMPATIENT | {"batch_size": batch_size, "learning_rate": 0.5})
    whole, _ = trained(tmp_path / "whole", digits, settings)
    assert whole.ended
    half, _ = trained(tmp_path / "half", digits, settings, allowed=until(whole.ended // 3))
    assert half.ended is None
    for step in (whole.ended // 2, whole.ended - 1, whole.ended):
        trained(tmp_path / "half", digits, settings, allowed=until(step))
    trained(tmp_path / "half", digits, settings)
    assert content(tmp_path / "half") == content(tmp_path / "whole")
    one, two = (read_checkpoint(open_run(tmp_path / name)) for name in ("half", "whole"))
    assert np.array_equal(np.delete(one.history, 4, 1), np.delete(two.history, 4, 1), True)
    assert one.best.tobytes() == two.best.tobytes()
    assert open_run(tmp_path / "half").ended == whole.ended


def test_killed_between_its_end_and_its_checkpoint_it_ends_alike(tmp_path, digits, monkeypatch):
    whole, _ = trained(tmp_path / "whole", digits, asked(**IMPATIENT))

    class Kill(BaseException):
        pass

    def killed(*_):
        raise Kill

    with monkeypatch.context() as dying:
        dying.setattr("chainrule.runs.going.write_checkpoint", killed)
        with pytest.raises(Kill):
            trained(tmp_path / "a", digits, asked(**IMPATIENT), checkpoint_every=1e9)
    assert open_run(tmp_path / "a").ended == whole.ended
    trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == content(tmp_path / "whole")


def test_without_an_end_by_patience_the_last_step_is_the_end(tmp_path, digits):
    run, rows = trained(tmp_path / "a", digits, asked(validation_share=0.2, patience=99))
    assert (run.ended, run.length, rows[-1].step) == (None, 40, 40)


def test_its_id_says_both_and_it_can_be_trained_from_it(impatient, tmp_path):
    run, _ = impatient
    id = run_id(run)
    assert ".validation0.2.patience3" in id
    assert run.ended < 4000
    asked_for = settings_of(id).settings
    assert (asked_for.validation_share, asked_for.patience, asked_for.steps) == (0.2, 3, 4000)


def test_the_lab_is_ordered_both():
    settings = {"hidden": [5], "loss": "squared_error", "optimizer": "momentum", "seed": 0}
    order = {"validation_share": 0.1, "patience": 4}
    what = parse_order({"do": "start", "settings": settings | order}).what
    assert {name: what[name] for name in order} == order
    for wrong in ({"validation_share": 0}, {"patience": 0}, {"patience": "4"}):
        with pytest.raises(RefusedError, match=next(iter(wrong))):
            parse_order({"do": "start", "settings": settings | wrong})
    for wrong, says in (
        ({"validation_share": 1}, "validation_share cannot be 1.0"),
        ({"patience": 4}, "patience needs a validation share"),
        ({"momentum_decay": 1}, "momentum_decay cannot be 1.0"),
    ):
        with pytest.raises(RefusedError, match=says):
            ordered(parse_order({"do": "start", "settings": settings | wrong}))


@pytest.mark.parametrize(
    "content",
    [{"ended": 7}, {"ended": 0}, {"ended": "8"}, {"ended": True}, {"ended": 4000}],
)
def test_an_end_that_cannot_be_is_refused(tmp_path, content):
    settings = {"validation_share": 0.2, "patience": 3, "steps": 400}
    data = {"data": {"training": "a", "test": "b"}}
    assert opened(written(tmp_path / "a", data | {"ended": 8}, **settings)).length == 8
    assert opened(written(tmp_path / "a", data | content, **settings)) is None
    assert opened(written(tmp_path / "a", data | {"ended": 8}, steps=400)) is None


# ------------------------------------------------------------------------------- the command line


def test_on_the_command_line(small, tmp_path, inside):
    words = (
        *("--data", small, "--hidden", "20", "--loss", "cross-entropy", "--batch-size", "50"),
        *("--steps", "4000", "--learning-rate", "0.5", "--validation-share", "0.2"),
    )
    done = inside("train", *words, "--patience", "3", "--out", "a", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = open_run(tmp_path / "a")
    lines = done.stdout.splitlines()
    assert "120 images are set apart to validate on, patience 3" in lines
    (stopped,) = (line for line in lines if line.startswith("stopped early"))
    assert f"after step {run.ended:,}; the model is that of step" in stopped
    told = json.loads(inside("train", "--resume", "a", "--json", cwd=tmp_path).stdout)
    reached = read_checkpoint(run)
    best = reached.history[reached.history[:, 5].argmin()]
    assert told["validation"] == {"step": best[0], "loss": best[5], "accuracy": best[6]}
    assert told["accuracy"] == best[3]
    assert (told["settings"]["patience"], told["steps"]) == (3, run.ended)
    header = (tmp_path / "a" / HISTORY).read_text().splitlines()[0]
    assert header.endswith("seconds,validation_loss,validation_accuracy")
    page = inside("show", "a", "--no-browser", cwd=tmp_path)
    assert page.returncode == 0
    assert "validation" in (tmp_path / "a/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--patience 3", "chainrule: patience needs a validation share: images to validate on"),
        ("--patience 0 --validation-share 0.1", "--patience"),
        ("--validation-share 1", "wanted a number above 0 and below 1, such as 0.1, got '1'"),
        ("--validation-share x", "wanted a number above 0 and below 1"),
    ],
)
def test_wrong_words_are_one_line_and_leave_nothing(inside, tmp_path, words, says):
    refused = inside("train", *words.split(), "--out", "a", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert says in refused.stderr
    assert not (tmp_path / "a").exists()


def test_a_batch_may_have_no_more_than_what_is_left(small, tmp_path, inside):
    refused = inside(
        *("train", "--data", small, "--batch-size", "600", "--validation-share", "0.5"),
        *("--out", "a"),
        cwd=tmp_path,
    )
    assert refused.returncode == 2
    assert "batch_size must be at most the 300 examples, got 600" in refused.stderr
    assert not (tmp_path / "a").exists()


def test_the_bundled_digits_travel_by_name_too():
    _, apart = set_apart(load_mnist()[0], 0.1)
    assert len(pickle.dumps(apart)) < 2000
    assert len(apart) == 6000


def test_a_run_with_other_settings_than_its_checkpoint_is_refused(tmp_path, digits):
    run, _ = trained(tmp_path / "a", digits, asked(validation_share=0.2), allowed=until(4))
    other, _ = trained(tmp_path / "b", digits, asked(), allowed=until(4))
    (other.folder / RUN).replace(tmp_path / "a" / RUN)
    with pytest.raises(RunError, match=r"its validation_share is 0[.]2, that of run[.]json"):
        read_checkpoint(open_run(run.folder))
