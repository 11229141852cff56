"""The reading of shown numbers is itself checked: it must refuse a wrong last digit."""

from decimal import Decimal

import pytest
from helpers.answers import numbers, says_share, shows


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dW2 = −0.666298637", ["-0.666298637"]),
        ("-6.66e-05 and +3", ["-0.0000666", "3"]),
        ("1.25 × 10⁻⁷", ["0.000000125"]),
        ("7,960 gradients", ["7960"]),
        ("64.0 %", ["64.0"]),
    ],
)
def test_numbers_are_read_as_they_stand(text, found):
    assert numbers(text) == [Decimal(each) for each in found]


def test_a_shown_number_must_be_right_to_its_last_digit():
    value = -0.6662986370633341
    assert shows(Decimal("-0.666299"), value)
    assert shows(Decimal("-0.6662986370633341"), value)
    assert not shows(Decimal("-0.666298"), value)
    assert not shows(Decimal("0.666299"), value)
    assert not shows(Decimal("-0.67"), value)  # right, but says little
    assert not shows(Decimal("0.0000"), value)
    assert shows(Decimal("0"), 0.0)
    assert not shows(Decimal("0"), 1e-300)
    assert shows(Decimal("3.613e-7"), 3.6131130862193625e-07)
    assert not shows(Decimal("3.614e-7"), 3.6131130862193625e-07)


def test_a_share_must_be_right_as_far_as_it_goes():
    assert says_share("64 %", 0.6390147)
    assert says_share("I say 3 (64 %).", 0.6390147)
    assert says_share("3 (> 99.9 %).", 0.99901)
    assert says_share("0.0 %", 1e-9)
    assert says_share("100 %", 1.0)
    assert not says_share("63 %", 0.6390147)
    assert not says_share("> 99.9 %", 0.99895)
    assert not says_share("> 99.9 %", 1.0)
    assert not says_share("64", 0.64)
