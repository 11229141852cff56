"""scikit-learn: a trained MLPClassifier becomes a network."""

from chainrule.bridges.mlp import from_sklearn as from_sklearn
