import pytest
import torch
from torch.func import jvp, vjp

from heads.cract.discriminator import Discriminator, _linearize, _linearize_layers
from heads.cract.pooling import PRoIAlign

B, M, P, C, D, H = 2, 9, 5, 6, 4, 7
KEYS = torch.tensor([11, -4])


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def drawn():
    drawn = Discriminator.draw(KEYS, C, P, D, H)
    biases = {"convolution_bias": (B, D), "hidden_bias": (B, H), "output_bias": (B, 1)}
    values = {name: value.double() for name, value in vars(drawn).items()}
    return Discriminator(**values | {name: numbers(*s, seed=1) for name, s in biases.items()})


def plain(parameters, features):
    """Section 3.2.3 as one would write it for one target: scores (M,)."""
    convolution, convolution_bias, hidden, hidden_bias, output, output_bias = parameters
    maps = torch.relu(torch.einsum("dc,mpc->mpd", convolution, features) + convolution_bias)
    after = torch.relu(maps.flatten(1) @ hidden.T + hidden_bias)
    return after @ output + output_bias


def test_scores():
    discriminator, features = drawn(), numbers(B, M, P, C)
    found = discriminator.score(discriminator.project(features))
    for b in range(B):
        expected = plain([weight[b] for weight in vars(discriminator).values()], features[b])
        assert torch.allclose(found[b], expected)


@pytest.mark.parametrize("whole", [True, False])
def test_the_jacobian_is_autograds(whole):
    discriminator, features = drawn(), numbers(B, M, P, C)
    if whole:
        parameters, inputs = tuple(vars(discriminator).values()), features
        scores, forward, adjoint = _linearize(parameters, features)
    else:
        parameters, inputs = discriminator.layers, discriminator.project(features)
        scores, _, forward, adjoint = _linearize_layers(parameters, inputs)

    def batched(*parameters):
        if whole:
            return torch.stack([plain([p[b] for p in parameters], inputs[b]) for b in range(B)])
        return Discriminator(None, None, *parameters).score(inputs)

    direction = tuple(numbers(*p.shape, seed=2) for p in parameters)
    values, moved = jvp(batched, parameters, direction)
    assert torch.allclose(scores, values) and torch.allclose(forward(direction), moved)
    residuals = numbers(B, M, seed=3)
    for found, expected in zip(
        adjoint(residuals), vjp(batched, *parameters)[1](residuals), strict=True
    ):
        assert torch.allclose(found, expected)


def test_pooling_after_the_convolution_is_the_same():
    pool, boxes = PRoIAlign((2, 1), 8), torch.tensor([[10.0, 10, 30, 20], [-20, 40, 60, 50]])
    boxes = boxes.expand(B, 2, 4)
    discriminator = Discriminator.draw(KEYS, C, 5, D, H)
    discriminator.convolution_bias += 0.3
    maps = numbers(B, C, 15, 15).float()
    before = discriminator.project(pool(maps, boxes, 127).mT)
    after = discriminator.rectify(pool(discriminator.reduce(maps), boxes, 127))
    assert torch.allclose(before, after, atol=1e-5)


def test_first_weights_are_a_targets_own():
    one = Discriminator.draw(KEYS[1:], C, P, D, H)
    both = Discriminator.draw(KEYS, C, P, D, H)
    assert torch.equal(one.hidden[0], both.hidden[1])
    assert not torch.equal(both.hidden[0], both.hidden[1])
    assert torch.equal(both.select(torch.tensor([1])).convolution, one.convolution)


def test_first_scores_are_small():
    """The last fc starts at a tenth of He's rule."""
    discriminator, features = Discriminator.draw(KEYS, 64, 46), numbers(B, 20, 46, 64).float()
    assert discriminator.score(discriminator.project(features)).abs().max() < 0.6
    assert 0.8 < discriminator.output.std() / (0.1 * (2 / 128) ** 0.5) < 1.2


def problem(seed):
    """Samples of two targets that are separable, labels and weights."""
    features, labels = numbers(B, 40, P, C, seed=seed).float(), torch.zeros(B, 40)
    labels[:, :15] = 1
    features[:, :15, :, 0] += 2
    return features, labels


def test_learning_separates_samples_at_any_scale():
    features, labels = problem(4)
    start = Discriminator.draw(KEYS, C, P, D, H)
    for scale in (1.0, 1000.0):
        learned = start.learn(features * scale, labels, 1e-4, 6, 10)
        scores = learned.score(learned.project(features * scale))
        assert scores[:, :15].min() > 0.6 and scores[:, 15:].max() < 0.4


def test_targets_learn_alone_as_they_do_together():
    """In float64, whose rounding is small even after as many steps as the paper takes."""
    features, labels = (x.double() for x in problem(4))
    start, weights = drawn(), torch.full_like(labels, 1 / 40)
    learned = start.learn(features, labels, 1e-4, 6, 10)
    together = learned.update(learned.project(features), labels, weights, 1e-4, 5)
    for row in torch.arange(B)[:, None]:
        alone = start.select(row).learn(features[row], labels[row], 1e-4, 6, 10)
        projected = alone.project(features[row])
        alone = alone.update(projected, labels[row], weights[row], 1e-4, 5)
        for name, value in vars(alone).items():
            assert torch.allclose(value, getattr(together, name)[row], atol=1e-7), name


def test_the_samples_are_averaged():
    """Eq. 8 over all samples twice is Eq. 8, also beside the regularisation."""
    features, labels = problem(4)
    start = Discriminator.draw(KEYS, C, P, D, H)
    once = start.learn(features, labels, 1e-2, 2, 4)
    twice = start.learn(torch.cat([features] * 2, 1), torch.cat([labels] * 2, 1), 1e-2, 2, 4)
    for name, value in vars(once).items():
        assert torch.allclose(value, getattr(twice, name), atol=1e-3), name


def test_the_objective_of_eq_8_never_rises():
    """Also where the regularisation outweighs the labels; in the samples' unit power."""
    features, labels = problem(4)
    features = features / features.square().mean((1, 2, 3), keepdim=True).sqrt()
    start = Discriminator.draw(KEYS, C, P, D, H)
    for regularization in (1e-4, 1e-2, 1e-1):
        heights = []
        for steps in range(7):
            learned = start.learn(features, labels, regularization, steps, 10)
            errors = learned.score(learned.project(features)) - labels
            weights = sum(value.square().flatten(1).sum(1) for value in vars(learned).values())
            heights.append(errors.square().mean(1) + regularization * weights)
        assert (torch.stack(heights).diff(dim=0) < 1e-4).all()


def test_an_update_moves_the_fc_of_its_targets_and_nothing_else():
    features, labels = problem(4)
    start = Discriminator.draw(KEYS, C, P, D, H).learn(features, labels, 1e-4, 3, 5)
    features, labels = problem(5)
    projected = start.project(features)
    weights = torch.full_like(labels, 1 / 40)
    weights[:, 20:] = 0  # ignored, so what stands there must not matter
    disturbed = projected.clone()
    disturbed[:, 20:] += 100

    rows = torch.tensor([1])
    learned = start.select(rows).update(projected[rows], labels[rows], weights[rows], 1e-4, 5)
    same = start.select(rows).update(disturbed[rows], labels[rows], weights[rows], 1e-4, 5)
    assert torch.allclose(learned.hidden, same.hidden, atol=1e-5)
    changed = start.put(rows, learned)
    for name, before in vars(start).items():
        after = getattr(changed, name)
        assert torch.equal(after[0], before[0])
        assert torch.equal(after[1], before[1]) == name.startswith("convolution")

    def loss(discriminator):
        errors = discriminator.score(projected) - labels
        return (weights * errors.square()).sum(1)[1]

    assert loss(changed) < loss(start)
