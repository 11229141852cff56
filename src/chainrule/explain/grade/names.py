"""What names mean: W_hidden is W1, y_hat the last A, back_prop the backward pass."""

import re
from functools import cache
from typing import Literal, get_args

Role = Literal[
    "forward", "loss", "backward", "softmax", "relu", "relu_derivative", "one_hot", "update",
    "train_step", "init",
]  # fmt: skip
GRADED: tuple[Role, ...] = tuple(role for role in get_args(Role) if role != "init")

# The first that fits a function's name, in small letters and without underscores.
ROLES: tuple[tuple[Role, str], ...] = (
    ("relu_derivative", r"d(eriv)?(erivative)?(of)?relu|relu(d(er)?|deriv\w*|prime|grad(ient)?|"
                        r"back(ward)?|der)|(deriv|derivative|grad|gradient|prime)(of)?relu|"
                        r"reluderivative|gradrelu"),
    ("one_hot", r"\w*onehot\w*|tocategorical|encode(labels?|y)?"),
    ("softmax", r"(stable|my)?softmax(stable)?"),
    ("relu", r"relu"),
    ("init", r"init\w*|make(params|parameters|network)|createnetwork"),
    ("train_step", r"train(ing)?step|(gradient)?descentstep|sgdtrainstep|onestep|step|trainonce|"
                   r"trainbatch|traininonestep|update(mini)?batch"),
    ("update", r"update(?!(mini)?batch)\w*|(sgd|momentum|adam)update|actualizar\w*|"
               r"applygrad(s|ients)?|(sgd|gd)(step|update)?|optimi[sz]erstep|"
               r"gradientstep|stepparams|descend|takestep|move"),
    ("backward", r"(l?model|nn|network|net|deep)?back\w*|retropropag\w*|propagationarriere|"
                 r"rueckwaerts|fanxiang\w*|bprop|(loss|cost|value)(and|with)grads?(ients?)?|"
                 r"(compute|calc|calculate|get)?(the)?grad(s|ients?)?|"
                 r"(compute|calc)derivatives|derivatives|gradientsof\w*"),
    ("loss", r"(compute|calc|calculate|get|the|mean|my)?(loss|cost|crossentropy|xent|ce|nll|mse|"
             r"squarederrors?|meansquarederror|error|objective|energy)(loss|cost|function|fn|of\w*)?|"
             r"(squared|crossentropy)\w*"),
    ("forward", r"(for|forward|feedforward|fwd|fprop|ff)(pass|prop(agat(e|ion))?|step)?|"
                r"(l?model|nn|network|net|deep)?forward\w*|feedforward|predictproba|runnetwork|"
                r"propagate|compute(outputs?|activations)|activate|propag(acion|ar|ationavant)\w*|vorwaerts|"
                r"qianxiang\w*"),
)  # fmt: skip

FIRST = r"1|h|hid|hidden|ih|in|input|inputhidden|inputtohidden|xh|first|one"
SECOND = r"2|o|out|output|ho|hiddenoutput|hiddentooutput|hy|y|last|second|two"
DERIVED = r"(?:dl|dloss|dj|de|dc|d|grad(?:ient)?(?:of)?|nabla|g|delta)"
KINDS: tuple[tuple[str, str], ...] = (
    ("W", r"w|wt|ws?|weights?|kernel|theta|mat"),
    ("b", r"b|bias|biases|bs|offset"),
    ("Z", r"z|zs|pre|preact(?:ivation)?|net|in|s|logits?|lin|linear|sum"),
    ("A", r"a|act(?:ivation)?s?|post|h"),
)
WHOLE: tuple[tuple[str, str], ...] = (
    ("X", r"x|xs|inputs?|data|images?|pixels|x(?:train|batch|b|data|in|input)|batchx|a0|features"),
    ("labels", r"labels?|lab|classids?|digits?|y(?:labels?|int|ids?|idx)|targetlabels"),
    ("Y", r"y|ys|t|ts|targets?|truths?|y(?:true|train|batch|b|oh|onehot|t|real|hot|data)|onehoty?|"
          r"onehotlabels|batchy|truelabels|goal|expected|desired|hot|ground(?:truth)?"),
    ("probs", r"yhat|ypred|yp|ypr|pred|preds|predictions?|probs?|probabilit(?:y|ies)|p|ps|"
              r"outputs?|out|al|afinal|aout|alast|softmaxout|yout|softmaxoutput|guess|o"),
    ("alpha", r"alpha|l?lr|lrate|learningrate|eta|rate|stepsize|step|learnrate|a"),
    ("beta1", r"beta1|b1rate|decay1"),
    ("beta2", r"beta2|b2rate|decay2"),
    ("beta", r"beta|momentum|gamma|mu|rho"),
    ("epsilon", r"eps|epsilon"),
    ("decay", r"weightdecay|wd|lambda?|lambd|lam|reg|l2|l2reg"),
    ("m", r"m|n|batchsize|nsamples|numsamples|nexamples|numexamples|examples|samples|size"),
    ("classes", r"(?:num|n|no|numof)?(?:classes|class|labels|outputs|categories|digits)|k|c|depth"),
    ("params", r"param\w*|theta|model\w*|net|network|nn|layers|p|wandb|weightsandbiases"),
    ("batch", r"(?:mini)?batch"),
    ("grads", r"grads?|gradients?|derivatives|dparams|g|deltas|dtheta"),
    ("cache", r"caches?|trace|memory|mem|store|stored|intermediates?|state|states|fwd|history|"
              r"ctx|context|saved|tape|values|passed|forwardpass|record|activations"),
    ("A1", r"h|hidden|hiddenlayer|hiddenout(?:put)?|hact|hiddenact(?:ivation)?s?"),
)  # fmt: skip


# What an update is handed to remember: v, velocity, vW1, m_b2, cache, …
KEPT = (
    r"(?:v|m|s|vel|velocity|velocities|mom|moments?|momentum|sq|squares?|cache|mean|var|first|second|"
    r"exp(?:avg)?(?:sq)?|g2|r)"
)
COUNTS = r"t|i|it|iter|iteration|epoch|timestep|tstep|stepnumber|step|k|count"


def kept_like(name: str) -> str | None:
    """Of what kind is a memory of this name: "W1" for vW1 or m_dW1, "" for one of all arrays."""
    short = squeezed(name)
    if re.fullmatch(rf"{KEPT}\d?|(?:opt\w*)?(?:state|memory|mem|slots?|cache)", short):
        return ""
    found = re.fullmatch(rf"{KEPT}d?([wb])([12]?)", short)
    return found and f"{'W' if found[1] == 'w' else 'b'}{found[2]}"


def of_training(name: str) -> bool:
    """Whether only a whole training takes an argument of this name: how often it goes round."""
    return bool(re.fullmatch(r"(n|num|max)?(epochs|iters|iterations)", squeezed(name)))


def role_of(name: str) -> Role | None:
    """What a function of this name computes."""
    short = squeezed(name.rpartition(".")[2])
    return next((role for role, names in ROLES if re.fullmatch(names, short)), None)


def squeezed(name: str) -> str:
    return name.lower().replace("_", "")


@cache
def meaning_of(name: str) -> str | None:
    """What a variable of this name holds: W1, dW2, Z1, X, Y, labels, probs, params, alpha, …

    W, b, dW, db, Z and A without a number are lists of those of every layer.
    """
    short = squeezed(name)
    whole = next((kind for kind, names in WHOLE if re.fullmatch(names, short)), None)
    if whole in ("X", "labels", "Y", "probs", "m", "A1"):
        return whole
    for kind, names in KINDS:
        for derived, pattern in (
            ("", rf"(?:{names})"),
            ("d", rf"{DERIVED}(?:{names})"),
            ("d", rf"(?:{names})(?:grads?|gradient|derivative)"),
        ):
            if re.fullmatch(pattern, short) and not (kind in "ZA" and derived == ""):
                return f"{derived}{kind}" if whole is None else whole
            for layer, numbers in ((1, FIRST), (2, SECOND)):
                if re.fullmatch(rf"{pattern}(?:{numbers})", short) or (
                    re.fullmatch(
                        rf"(?:{DERIVED})?(?:hidden|h)(?:{names})"
                        if layer == 1
                        else rf"(?:{DERIVED})?(?:output|out|o)(?:{names})",
                        short,
                    )
                    and derived
                    == ("d" if re.match(rf"{DERIVED}(?:hidden|output|out)", short) else "")
                ):
                    return f"{derived}{kind}{layer}"
            found = re.fullmatch(rf"{pattern}(\d)", short) or re.fullmatch(
                rf"{pattern[:-1]})(\d)(?:grads?|gradient)", short
            )
            if found:
                return f"{derived or 'd' * short.endswith(('grad', 'gradient'))}{kind}{found[1]}"
    if found := re.fullmatch(r"(?:d|delta|error|err)([12])", short):
        return f"dZ{found[1]}"
    if whole is None and short in ("z", "zs", "a", "acts", "activations"):
        return {"z": "Z", "a": "A"}[short[0]]
    return whole
