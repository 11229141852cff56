"""Damaged files of a run are refused, and so is what belongs to another run."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.run_files import check_damaged, read_or_refused, with_checkpoint
from helpers.trainings import asked, content, trained, until

from chainrule import initialise, load_model, save_model
from chainrule.files import ModelError
from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_checkpoint, write_checkpoint
from chainrule.runs.folder import open_run, prepare, write_run
from chainrule.runs.machine import machine, machine_difference
from chainrule.runs.run import CHECKPOINT, FORMAT, RUN, TRAJECTORY, row_bytes
from chainrule.runs.settings import RunError
from chainrule.runs.trajectory import network_at


@pytest.fixture
def small_network(monkeypatch):
    """Runs of a 3-2-2 network, whose files are small enough to damage in every way."""
    monkeypatch.setattr("chainrule.runs.settings.PIXELS", 3)
    return asked(hidden=(2,), steps=4), ("no", "yes")


def flips(content):
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


def test_the_checkpoint_comes_back(tmp_path, small_network):
    a_run = with_checkpoint(tmp_path, *small_network)
    found = read_checkpoint(open_run(tmp_path))
    assert found.step == 2
    assert np.append(found.parameters, found.memory).tolist() == (
        np.linspace(-1, 1, 28, dtype=np.float32).tolist()
    )
    assert found.history[:, 3].tolist() == [0, 0.25, 0.5]
    before = (tmp_path / CHECKPOINT).read_bytes()
    write_checkpoint(a_run, found)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_flipped_bits_and_cuts_of_a_checkpoint_are_refused(tmp_path, small_network):
    a_run = with_checkpoint(tmp_path, *small_network)
    whole, wanted = (tmp_path / CHECKPOINT).read_bytes(), read_checkpoint(a_run)
    for damaged in list(flips(whole))[::41]:
        check_damaged(a_run, wanted, damaged)
    for end in range(0, len(whole), 37):
        assert read_or_refused(a_run, whole[:end]) is None


@pytest.mark.long
def test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_refused(tmp_path, small_network):
    a_run = with_checkpoint(tmp_path, *small_network)
    whole, wanted = (tmp_path / CHECKPOINT).read_bytes(), read_checkpoint(a_run)
    for damaged in flips(whole):
        check_damaged(a_run, wanted, damaged)
    for end in range(len(whole)):
        assert read_or_refused(a_run, whole[:end]) is None


@pytest.mark.long
def test_every_flipped_bit_and_every_cut_of_a_model_is_refused(tmp_path):
    network = initialise((3, 2, 2), rng=np.random.default_rng(0))
    check_model(tmp_path, network, lambda whole: flips(whole), range)


@pytest.mark.long
def test_2000_random_flips_and_cuts_of_the_small_networks_files_are_refused(tmp_path):
    rng = np.random.default_rng()

    def some_flips(whole):
        for bit in rng.integers(8 * len(whole), size=1000):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            yield bytes(damaged)

    def some_ends(length):
        return rng.integers(length, size=1000)

    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    check_model(tmp_path, network, some_flips, some_ends)
    (tmp_path / "run").mkdir()
    a_run = with_checkpoint(tmp_path / "run", asked(steps=4))
    whole, wanted = (a_run.folder / CHECKPOINT).read_bytes(), read_checkpoint(a_run)
    for damaged in some_flips(whole):
        check_damaged(a_run, wanted, damaged)
    for end in some_ends(len(whole)):
        assert read_or_refused(a_run, whole[:end]) is None


def check_model(folder, network, flipped, ends):
    path = folder / MODEL
    save_model(network, path)
    whole = path.read_bytes()
    for damaged in flipped(whole):
        path.write_bytes(damaged)
        try:
            found = load_model(path)
        except ModelError as error:
            said, found = str(error), network
        else:
            said = f"{path}: "
        assert said.startswith(f"{path}: ")
        assert found.parameters.tobytes() == network.parameters.tobytes()
        assert (found.sizes, found.loss) == (network.sizes, network.loss)
    for end in ends(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ModelError, match=MODEL):
            load_model(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden": (12,)}, r"hidden is \[12\], that of run.json is \[10\]"),
        ({"optimizer": "adam"}, "optimizer is 'adam', that of run.json is 'momentum'"),
        ({"loss": "cross_entropy"}, "loss is 'cross_entropy', that of run.json is 'squared_error'"),
        ({"seed": 4}, "seed is 4, that of run.json is 3"),
        ({"steps": 5}, "steps is 5, that of run.json is 4"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_both_sides(tmp_path, changes, says):
    for name, wanted in (("a", asked(steps=4)), ("b", asked(**{"steps": 4, **changes}))):
        (tmp_path / name).mkdir()
        with_checkpoint(tmp_path / name, wanted)
    (tmp_path / "b" / CHECKPOINT).replace(tmp_path / "a" / CHECKPOINT)
    with pytest.raises(RunError, match=f"{CHECKPOINT}: it is of another run: its {says}"):
        read_checkpoint(open_run(tmp_path / "a"))


def test_a_checkpoint_from_other_data_or_a_newer_format_is_refused(tmp_path, monkeypatch):
    a_run = with_checkpoint(tmp_path, asked(steps=4))
    other = replace(a_run, data={"training": "c" * 64, "test": "b" * 64})
    with pytest.raises(RunError, match=r"training digits is 'a+', that of run.json is 'c+'"):
        read_checkpoint(other)
    found = read_checkpoint(a_run)
    with monkeypatch.context() as newer:
        newer.setattr("chainrule.runs.folder.FORMAT", FORMAT + 1)
        newer.setattr("chainrule.runs.checkpoint.FORMAT", FORMAT + 1)
        write_checkpoint(a_run, found)
        write_run(a_run)
    with pytest.raises(
        RunError,
        match=f"{CHECKPOINT}: made by a newer chainrule: .* the file has {FORMAT + 1}",
    ):
        read_checkpoint(a_run)
    with pytest.raises(
        RunError,
        match=f"{RUN}: made by a newer chainrule: .* reads format 1, 2, .* has {FORMAT + 1}",
    ):
        open_run(tmp_path)


def test_a_run_is_refused_for_other_digits(tmp_path, digits):
    trained(tmp_path / "a", digits, allowed=until(4))
    with pytest.raises(RunError, match=r"trained on other training digits: SHA-256 .{12}…, these"):
        prepare(open_run(tmp_path / "a"), digits[0][1:], digits[1])
    with pytest.raises(RunError, match="trained on other test digits"):
        prepare(open_run(tmp_path / "a"), digits[0], digits[1][:-1])


def test_a_run_goes_on_on_another_machine_and_says_so(inside, tmp_path, digits, monkeypatch, small):
    trained(tmp_path / "a", digits, asked(data=str(small)), "numpy", allowed=until(4))
    here = machine()
    assert machine_difference(open_run(tmp_path / "a")) is None
    there = {**here, "numpy": "1.0", "kernel": "Z80"}
    for room in ("machine", "folder"):
        monkeypatch.setattr(f"chainrule.runs.{room}.machine", lambda: there)
    a_run = open_run(tmp_path / "a")
    assert f"numpy was {here['numpy']}, is 1.0" in machine_difference(a_run)
    prepare(a_run, *digits)
    monkeypatch.undo()
    assert open_run(tmp_path / "a").machines == (here, there)
    done = inside("train", "--resume", tmp_path / "a", "--quiet")
    assert done.returncode == 0
    assert done.stderr.startswith("chainrule: bytes may differ from here on: numpy was 1.0, is ")
    assert done.stderr.count("\n") == 1
    assert open_run(tmp_path / "a").machines == (here, there, here)


def test_a_damaged_row_of_the_trajectory_is_refused(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits)
    path = tmp_path / "a" / TRAJECTORY
    whole = path.read_bytes()
    size = row_bytes(done.sizes)
    for place in (7 * size, 7 * size + 8, 8 * size - 33, 8 * size - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="damaged: the row of step 7 does not match"):
            network_at(done, 7)
        network_at(done, 6)
    path.write_bytes(whole[: 8 * size - 1])
    with pytest.raises(RunError, match="damaged: the row of step 7"):
        network_at(done, 7)


def test_a_trajectory_that_lost_rows_is_refused_on_resume(tmp_path, digits):
    trained(tmp_path / "a", digits, allowed=until(4))
    path = tmp_path / "a" / TRAJECTORY
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match="damaged: it must hold 5 rows"):
        trained(tmp_path / "a", digits)


def test_rows_past_the_checkpoint_are_dropped_and_computed_again(tmp_path, digits):
    trained(tmp_path / "whole", digits)
    trained(tmp_path / "a", digits, allowed=until(4))
    with (tmp_path / "a" / TRAJECTORY).open("ab") as file:
        file.write(b"more than all the rows that are still to come" * 40_000)
    trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == content(tmp_path / "whole")
