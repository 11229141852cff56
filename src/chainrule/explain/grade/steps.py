"""The right steps beside those of a file: each array with its formula, as the file lays it out.

They say by which rule an array comes from the ones before, and leave the derivatives of softmax
and of the loss to whoever learns them.
"""

from typing import NamedTuple

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.grade.judge import TOLERANCE
from chainrule.explain.grade.layout import Form
from chainrule.explain.grade.losses import Judged
from chainrule.explain.grade.report import Finding, Verdict
from chainrule.network import Loss

FORWARD = ("Z1", "A1", "Z2", "A2")
BACKWARD = ("dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1")
UPDATE = ("W1", "b1", "W2", "b2")
OF_ROLES = {
    "forward": FORWARD,
    "backward": BACKWARD,
    "train_step": BACKWARD,
    "loss": ("E",),
    "update": UPDATE,
}
OF_PARTS = {  # of functions that are judged by themselves, for any layer
    "softmax": ("A", "A = exp(Z) / Σ exp(Z)"),
    "relu": ("A", "A = max(0, Z)"),
    "relu_derivative": ("ReLU′", "ReLU′(Z) = 1 where Z > 0, else 0"),
    "one_hot": ("Y", "Y = 1 for the true label, else 0"),
}
CONCERNED = {  # by a mistake in this part of a program
    "X": ("X",),
    "Y": ("Y",),
    "Z": ("Z1", "Z2"),
    "A": ("A1",),
    "A_last": ("A2",),
    "E": ("E",),
    "divisor": ("dA2",),
    "away": ("dA2",),
    "dA_last": ("dA2",),
    "dZ_last": ("dZ2",),
    "dA": ("dA1",),
    "dZ": ("dZ1",),
    "dW": ("dW2", "dW1"),
    "db": ("db2", "db1"),
    "gather": UPDATE,
    "step": UPDATE,
}


class Step(NamedTuple):
    """An array, its formula, and whether a file has it right; None: the file does not give it."""

    array: str
    formula: str
    verdict: Verdict | None


def steps_of(finding: Finding, judged: Judged | None) -> list[Step]:
    """The steps of a function that was judged, those on the way too; [] of another one."""
    if finding.verdict not in ("right", "wrong"):
        return []
    if finding.role in OF_PARTS:
        return [Step(*OF_PARTS[finding.role], finding.verdict)]
    found = formulas(finding.form or Form(), judged)
    verdicts: dict[str, Verdict] = {}
    if finding.wrong or finding.verdict == "right":  # else it is not known which are wrong
        verdicts = {each: "wrong" if each in finding.wrong else "right" for each in finding.gives}
    arrays = [name for name in OF_ROLES[finding.role] if name in found]
    return [Step(name, found[name], verdicts.get(name)) for name in arrays]


def concerned(bug: Bug, finding: Finding, judged: Judged | None) -> list[str]:
    """The formulas that a mistake is about, of the arrays that it may have made wrong."""
    found = formulas(finding.form or Form(), judged)
    crossed = judged is not None and judged.loss == "cross_entropy"
    # A2 - Y is a step of its own in squared error; in cross-entropy it is all of dZ2.
    parts = ("dZ_last" if crossed and part == "away" else part for part in bug.parts)
    names = [name for part in parts for name in CONCERNED[part]]
    seen = [name for name in names if name in finding.wrong] or names
    return [found[name] for name in seen if name in found]


def formulas(form: Form, judged: Judged | None) -> dict[str, str]:
    """The right formula of each array, with W as the file has it and examples in rows or columns.

    E has none if the loss is one of the file's own.
    """
    found = {"X": "X = the pixels / 255", "Y": "Y = 1 for the true label, else 0"}
    for l, before in ((1, "X"), (2, "A1")):
        found[f"Z{l}"] = f"Z{l} = {forward_product(form, f'W{l}', before)} + b{l}"
        found[f"A{l}"] = f"A{l} = {'softmax' if l == 2 else 'ReLU'}(Z{l})"
    found |= loss_formula(judged) | {"dA2": "dA2 = ∂E/∂A2", "dZ2": "dZ2 = J dA2, J = ∂A2/∂Z2"}
    found["dA1"] = f"dA1 = {backward_product(form, 'W2', 'dZ2')}"
    found["dZ1"] = "dZ1 = dA1 ⊙ ReLU′(Z1)"
    for l, before in ((1, "X"), (2, "A1")):
        found[f"dW{l}"] = f"dW{l} = {weight_product(form, f'dZ{l}', before)}"
        total = "" if form.single else "Σ "
        over = "" if form.single else " over the images"
        found[f"db{l}"] = f"db{l} = {total}dZ{l}{over}"
        found |= {f"{kind}{l}": f"{kind}{l} := {kind}{l} - α d{kind}{l}" for kind in "Wb"}
    return found


def loss_formula(judged: Judged | None) -> dict[str, str]:
    """That of E; with c for the factor, where it is not the usual one."""
    if judged is None or judged.loss is None:
        return {}
    usual = all(abs(each - 1) < TOLERANCE for each in (judged.scale or {}).values())
    texts: dict[Loss, tuple[str, str]] = {
        "squared_error": ("E = 1/(2m) Σ (A2 - Y)²", "E = c Σ (A2 - Y)²"),
        "cross_entropy": ("E = -1/m Σ Y log A2", "E = -c Σ Y log A2"),
    }
    return {"E": texts[judged.loss][0 if usual else 1]}


def forward_product(form: Form, W: str, A: str) -> str:
    if form.rows:
        return f"{A} {W}" if form.inputs_first else f"{A} {W}ᵀ"
    return f"{W}ᵀ {A}" if form.inputs_first else f"{W} {A}"


def backward_product(form: Form, W: str, dZ: str) -> str:
    if form.rows:
        return f"{dZ} {W}ᵀ" if form.inputs_first else f"{dZ} {W}"
    return f"{W} {dZ}" if form.inputs_first else f"{W}ᵀ {dZ}"


def weight_product(form: Form, dZ: str, A: str) -> str:
    if form.rows:
        return f"{A}ᵀ {dZ}" if form.inputs_first else f"{dZ}ᵀ {A}"
    return f"{A} {dZ}ᵀ" if form.inputs_first else f"{dZ} {A}ᵀ"
