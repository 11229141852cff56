"""`chainrule models`: the trained networks of the package."""

import click

from chainrule.cli.options import dashed, example, json_option
from chainrule.cli.printing import Column, print_json, show, table
from chainrule.data import load_mnist
from chainrule.model import bundled, load_bundled
from chainrule.network import arrows
from chainrule.training import evaluate


@click.command("models", epilog=example("models --json"))
@json_option
def models_command(as_json: bool) -> None:
    """List the trained networks of the package, measured on MNIST.

    Every command that takes a model takes their names: chainrule predict large my-7.png
    """
    _, test_set = load_mnist()
    networks = {name: load_bundled(name) for name in bundled()}
    right = {
        name: evaluate(network, test_set, engine="numpy").accuracy
        for name, network in networks.items()
    }
    if as_json:
        print_json(
            models=[
                {
                    "name": name,
                    "sizes": network.sizes,
                    "loss": dashed(network.loss),
                    "parameters": network.parameters.size,
                    "accuracy": right[name],
                }
                for name, network in networks.items()
            ],
            data="mnist",
        )
        return
    from chainrule.cli.tables import percent

    each = networks.values()
    columns = [
        Column("name", list(networks), left=True),
        Column("layers", [arrows(network.sizes) for network in each], left=True),
        Column("loss", [network.loss.replace("_", " ") for network in each], 2, left=True),
        Column("parameters", [f"{network.parameters.size:,}" for network in each], 3),
        Column("MNIST", [percent(right[name]) for name in networks], 1),
    ]
    show([table(columns)])
