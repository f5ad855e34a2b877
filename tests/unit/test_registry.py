"""Registries: entries by name, in their order, each name once."""

from dataclasses import dataclass

import pytest

from isoloss.errors import IsolossError
from isoloss.registry import Registry


@dataclass(frozen=True)
class Fruit:
    name: str
    weight: int = 1


@pytest.fixture
def fruit():
    registry = Registry[Fruit]("fruit")
    for name in ("pear", "apple", "fig"):
        registry.register(Fruit(name))
    return registry


def test_entries_are_found_by_name_in_the_order_registered(fruit):
    assert fruit.names() == ("pear", "apple", "fig")
    assert [entry.name for entry in fruit] == ["pear", "apple", "fig"]
    assert fruit.get("apple") == Fruit("apple")
    assert fruit.get("plum") is None
    assert "fig" in fruit
    assert "plum" not in fruit


def test_a_name_is_given_once(fruit):
    with pytest.raises(IsolossError, match="there is a fruit 'apple' already"):
        fruit.register(Fruit("apple", 2))
    assert fruit.get("apple") == Fruit("apple")


def test_what_is_taken_out_can_be_registered_again(fruit):
    fruit.unregister("pear")
    assert "pear" not in fruit
    heavy = fruit.register(Fruit("pear", 3))
    assert fruit.names() == ("apple", "fig", "pear")
    assert fruit.get("pear") is heavy
    with pytest.raises(KeyError):
        fruit.unregister("plum")
