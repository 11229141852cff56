"""What the tests of the lab share: a lab with the networks of the package, and a page of it."""

import pytest
from helpers.clients import client_of

from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    return Lab(shipped(), ThreadedTraining, folder=tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="package")
def served(lab):
    return Served(lab, 8765)


@pytest.fixture(scope="package")
def page(served):
    return client_of(served)
