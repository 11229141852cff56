"""How this machine differs from the one that a run was computed on."""

from chainrule.engine.blas import machine
from chainrule.runs.run import Run


def machine_difference(run: Run) -> str | None:
    """How this machine differs from the one the run was last computed on, if its bits might.

    Those of the compiled engine do not.
    """
    if run.engine == "compiled":
        return None
    now, then = machine(), run.machines[-1]
    differ = [name for name in now if name != "python" and now[name] != then.get(name)]
    return ", ".join(f"{name} was {then.get(name)}, is {now[name]}" for name in differ) or None
