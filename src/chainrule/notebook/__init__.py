"""chainrule in a notebook: values as tables and pictures, curves that grow, a moment to look into.

Where IPython runs, `import chainrule` opens this room. Then networks, snapshots, evaluations,
ledgers, cells, proofs and comparisons have `_repr_html_`, which Jupyter, Colab, Kaggle and VS Code
ask for. No script is needed for that.
"""

from chainrule.notebook.grading import grade
from chainrule.notebook.showing import show
from chainrule.notebook.values import as_html, dress
from chainrule.notebook.watching import watch

__all__ = ["as_html", "grade", "show", "watch"]

dress()
