"""Random numbers as a pure function of keys.

A generator's numbers depend on what was drawn before; these depend on nothing but their key, so
that a target gets the same ones whatever else is in its batch. Keys are int64 tensors of any shape,
one stream of numbers each. Derived keys and uniform numbers are the same on every device, bit for
bit; normal ones but for the rounding of a device's logarithm and cosine.
"""

import math

import torch
from torch import Tensor

# splitmix64 (Steele, Lea and Flood, 2014), its constants as signed numbers.
STEP = 0x9E3779B97F4A7C15 - 2**64
FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
SHIFTS = (30, 27, 31)


def derive(keys: Tensor, data: Tensor | int) -> Tensor:
    """New keys from keys and int64 data of a shape that broadcasts with them: other data, other
    and unrelated numbers. What is derived is no number of the keys' own streams."""
    return _scramble((_scramble(keys + STEP) ^ data) + STEP)


def derive_from_numbers(keys: Tensor, numbers: Tensor) -> Tensor:
    """New keys (B,) from keys (B,) and the bits of float32 numbers (B, n)."""
    for column in numbers.float().contiguous().view(torch.int32).long().unbind(1):
        keys = derive(keys, column)
    return keys


def uniform(keys: Tensor, *shape: int) -> Tensor:
    """float32 numbers (*keys.shape, *shape), uniform in [0, 1), multiples of 2^-24."""
    counts = torch.arange(1, math.prod(shape) + 1, device=keys.device)
    bits = _scramble(keys[..., None] + counts * STEP)  # (..., n)
    numbers = _shifted(bits, 40).float() * 2.0**-24
    return numbers.view(*keys.shape, *shape)


def normal(keys: Tensor, *shape: int) -> Tensor:
    """float32 numbers (*keys.shape, *shape) of mean 0 and variance 1 (Box and Muller)."""
    radii, turns = uniform(keys, 2, *shape).unbind(keys.dim())
    return (-2 * torch.log(1 - radii)).sqrt() * torch.cos(2 * math.pi * turns)


def _scramble(bits: Tensor) -> Tensor:
    """splitmix64's output function; int64 products wrap around, as its unsigned ones do."""
    bits = (bits ^ _shifted(bits, SHIFTS[0])) * FACTORS[0]
    bits = (bits ^ _shifted(bits, SHIFTS[1])) * FACTORS[1]
    return bits ^ _shifted(bits, SHIFTS[2])


def _shifted(bits: Tensor, count: int) -> Tensor:
    """`bits` shifted right with zeros coming in, where >> repeats the sign."""
    return (bits >> count) & (2 ** (64 - count) - 1)
