"""All mistakes of the zoo."""

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.forward import FORWARD
from chainrule.explain.bugs.hidden import HIDDEN
from chainrule.explain.bugs.output import OUTPUT
from chainrule.explain.bugs.parameters import PARAMETERS
from chainrule.explain.bugs.steps import STEPS

FAMILIES: dict[str, tuple[Bug, ...]] = {
    "The way forward, and the loss": FORWARD,
    "Where the way back begins": OUTPUT,
    "Back to a hidden layer": HIDDEN,
    "The derivatives by the parameters": PARAMETERS,
    "A training step": STEPS,
}
ZOO: tuple[Bug, ...] = tuple(bug for family in FAMILIES.values() for bug in family)
