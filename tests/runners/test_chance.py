"""Chance: uniform, repeatable, and another for every seed."""

from chance import Chance


def draws(seed: int, count: int = 20_000) -> list[float]:
    chance = Chance(seed)
    return [chance.random() for _ in range(count)]


def test_a_seed_repeats_its_draws_and_another_has_others() -> None:
    assert draws(7, 100) == draws(7, 100) != draws(8, 100)


def test_draws_are_uniform() -> None:
    drawn = draws(1)
    assert all(0 <= draw < 1 for draw in drawn)
    for tenth in range(10):
        share = sum(tenth / 10 <= draw < (tenth + 1) / 10 for draw in drawn) / len(drawn)
        assert abs(share - 0.1) < 5 * (0.1 * 0.9 / len(drawn)) ** 0.5


def test_the_largest_seed_is_taken() -> None:
    assert len(set(draws(2**63 - 1, 100))) == 100
