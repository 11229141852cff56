"""All mistakes of the zoo."""

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.forward import FORWARD
from chainrule.explain.bugs.hidden import HIDDEN
from chainrule.explain.bugs.output import OUTPUT
from chainrule.explain.bugs.parameters import PARAMETERS
from chainrule.explain.bugs.steps import STEPS

ZOO: tuple[Bug, ...] = (*OUTPUT, *HIDDEN, *PARAMETERS, *FORWARD, *STEPS)
