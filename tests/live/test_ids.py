"""The id of a run says all that decides it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.lab.live.control import Order
from chainrule.lab.wire import RefusedError
from chainrule.runs.names import run_id, settings_of
from chainrule.runs.settings import Change, Computing, RunError, Settings

RATES = st.floats(1e-30, 1e30) | st.sampled_from([0.1, 1.5, 1.0, 100.0, 1e-5, 1e22])


@settings(deadline=None)
@given(
    hidden=st.lists(st.integers(1, 4000), max_size=5),
    loss=st.sampled_from(["squared_error", "cross_entropy"]),
    optimizer=st.sampled_from(["descent", "momentum", "adam"]),
    rate=RATES,
    size=st.none() | st.integers(1, 60_000),
    steps=st.integers(1, 10**9),
    seed=st.integers(0, 10**12),
    changes=st.dictionaries(st.integers(0, 10**6), RATES, max_size=4),
    engine=st.sampled_from(["numpy", "compiled"]),
)
def test_an_id_says_all_that_decides_a_run(
    tmp_path_factory, hidden, loss, optimizer, rate, size, steps, seed, changes, engine
):
    asking = Settings(None, tuple(hidden), loss, optimizer, rate, size, steps, None, seed)
    changes = tuple(Change(at, changes[at]) for at in sorted(changes))
    folder = tmp_path_factory.getbasetemp()
    from chainrule.runs.run import Run

    engines = (Computing(0, engine),)
    id = run_id(Run(folder, asking, 0, "", (), changes=changes, engines=engines))
    assert settings_of(id) == (asking, changes, engine)
    assert id.isascii()
    assert not set(id) & set("/&=?# ")


@pytest.mark.parametrize(
    "id",
    [
        "",
        "seed",
        "784-10-10.squared_error.descent.1.50.all.1000.seed0",
        "784-10-10.squared_error.descent.01.5.all.1000.seed0",
        "784-10-10.squared_error.descent.0.all.1000.seed0",
        "784-10-10.squared_error.descent.1e999.all.1000.seed0",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.step300",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.data-12345678",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.rate9-0.1.rate9-0.2",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.rate9-0",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0\n",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.numpy",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.compiled.compiled",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.compiled.numpy500",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.rate9-0.1.compiled",
        "784-10-10.squared_error.descent.1.5.all.1000.seed٣",
        "784-0-10.squared_error.descent.1.5.all.1000.seed0",
        "783-10-10.squared_error.descent.1.5.all.1000.seed0",
        "784-10-10.squared_error.descent.1.5.all.0.seed0",
        "784-10-10.squared_error.descent.1.5.all.99999999999999999999.seed0",
        "../../etc/passwd",
    ],
)
def test_what_is_no_id_is_trained_by_nobody(lab, id):
    with pytest.raises(RunError):
        settings_of(id)
    with pytest.raises(RefusedError) as no:
        lab.execute(Order("start", id))
    assert no.value.kind == "missing"
