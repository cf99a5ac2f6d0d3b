import math

import torch

from ops.random import derive, derive_from_numbers, normal, uniform

MASK = 2**64 - 1


def splitmix(state):
    """The next number of splitmix64 after `state`, in unbounded integers (Steele et al., 2014)."""
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_numbers_are_those_of_splitmix64():
    keys = [0, 1, -5, 1234567, 2**63 - 1, -(2**63)]
    found = uniform(torch.tensor(keys), 4)
    for key, row in zip(keys, found.tolist(), strict=True):
        states = [(key + i * 0x9E3779B97F4A7C15) & MASK for i in range(4)]
        assert row == [(splitmix(state) >> 40) / 2**24 for state in states]


def test_splitmix64_itself():
    """The numbers that its authors' code gives for seed 1234567."""
    assert splitmix(1234567) == 6457827717110365317


def test_uniform_numbers_are_uniform():
    numbers = uniform(torch.arange(100), 1000)  # neighbouring keys
    assert numbers.dtype == torch.float32 and numbers.min() >= 0 and numbers.max() < 1
    counts = torch.histc(numbers, 20, 0, 1)
    assert (counts - 5000).abs().max() < 5 * math.sqrt(5000)
    means = numbers.mean(1)
    assert (means - 0.5).abs().max() < 5 / math.sqrt(12 * 1000)
    correlations = torch.corrcoef(numbers).fill_diagonal_(0)
    assert correlations.abs().max() < 6 / math.sqrt(1000)


def test_normal_numbers_are_normal():
    numbers = normal(torch.arange(50), 2000).double()
    assert torch.isfinite(numbers).all()
    assert abs(numbers.mean()) < 0.02 and abs(numbers.var() - 1) < 0.03
    assert abs((numbers**4).mean() - 3) < 0.15
    below = (numbers < 1).double().mean()
    assert abs(below - 0.8413) < 0.01


def test_a_key_has_its_numbers_in_any_batch():
    keys = torch.tensor([7, -3, 2**40])
    whole = normal(keys, 5, 2)
    assert whole.shape == (3, 5, 2)
    for key, row in zip(keys, whole, strict=True):
        assert torch.equal(normal(key[None], 5, 2)[0], row)


def test_derived_keys_differ_by_what_they_are_derived_from():
    keys = torch.tensor([0, 1, 2**62])
    derived = torch.stack([keys, *(derive(keys, number) for number in range(10))])
    assert len(derived.unique()) == derived.numel()
    numbers = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0000002], [2.0, 1.0, 3.0]])
    folded = derive_from_numbers(torch.zeros(3, dtype=torch.long), numbers)
    assert len(folded.unique()) == 3
    again = derive_from_numbers(torch.zeros(1, dtype=torch.long), numbers[1:2])
    assert torch.equal(again, folded[1:2])
