"""Batch norm over two processes against torch's own on the whole batch."""

import pytest
import torch
from torch import nn
from two_ranks import on_two_ranks

from backbones import ResNet
from engine.batch_norm import SharedBatchNorm2d, share_batch_norm, shared_statistics

CPU = torch.device("cpu")
SHARES = [slice(0, 3), slice(3, 5)]  # of a batch of five: not the same for each


def network():
    torch.manual_seed(0)
    parts = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3, momentum=0.3)
    network = nn.Sequential(*parts).double()
    for norm in (network[1], network[3]):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, -1, 1)
    return network


def two_steps(network, inputs, share):
    """Outputs, input gradients, gradients of weights and buffers of two steps on `share`."""
    outputs, gradients = [], []
    for batch in inputs:
        x = batch[share].clone().requires_grad_()
        y = network(x)
        weights = torch.linspace(-1, 1, batch[:, :1, 2:, 2:].numel(), dtype=x.dtype)
        weights = weights.reshape(len(batch), 1, *y.shape[2:])[share]
        (y.sin() * weights).sum().backward()
        outputs.append(y.detach())
        gradients.append(x.grad)
    learned = {name: p.grad for name, p in network.named_parameters()}
    network.eval()
    return outputs, gradients, learned, dict(network.named_buffers()), network(inputs[0]).detach()


def shared_steps(world, inputs):
    shared = network()
    share_batch_norm(shared, CPU)
    return two_steps(shared, inputs, SHARES[world.rank])


def test_two_processes_equal_one_with_the_whole_batch(tmp_path):
    inputs = torch.randn(2, 5, 2, 6, 7, generator=torch.manual_seed(1)).double()
    whole = two_steps(network(), inputs, slice(None))
    ranks = on_two_ranks(shared_steps, tmp_path, inputs)

    def close(a, b):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)

    for kind in (0, 1):  # outputs, input gradients: in pieces
        for step in range(2):
            close(torch.cat([rank[kind][step] for rank in ranks]), whole[kind][step])
    for name, gradient in whole[2].items():  # of weights: in summands
        close(ranks[0][2][name] + ranks[1][2][name], gradient)
    for rank in ranks:
        assert rank[3].keys() == whole[3].keys()
        for name, buffer in whole[3].items():
            close(rank[3][name], buffer)
            assert torch.equal(rank[3][name], ranks[0][3][name])
        close(rank[4], whole[4])


def statistics(world, x):
    return shared_statistics(x[SHARES[world.rank]])


def test_a_large_mean_costs_no_digits(tmp_path):
    x = (
        1e4
        + torch.randn(5, 2, 6, 7, generator=torch.manual_seed(1))
        * torch.tensor([0.1, 10.0])[:, None, None]
    )
    variance, mean = torch.var_mean(x.double(), (0, 2, 3), correction=0)
    for found in on_two_ranks(statistics, tmp_path, x):
        torch.testing.assert_close(found[0], mean, rtol=1e-6, atol=0)
        torch.testing.assert_close(found[1], variance, rtol=1e-3, atol=0)
        assert found[2] == 5 * 6 * 7


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_network_keeps_its_weights_names_and_frozen_stages(tmp_path, device):
    file = str(tmp_path / "resnet.pt")
    torch.save(ResNet(18, ["conv2"], 4).state_dict(), file)
    backbone = ResNet(18, ["conv2"], 4, weights=file, frozen=["conv1"]).train()
    before, parameters = backbone.state_dict(), list(backbone.parameters())
    share_batch_norm(backbone, torch.device(device))
    kind = SharedBatchNorm2d if device == "cpu" else nn.SyncBatchNorm
    norms = [
        part for part in backbone.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)
    ]
    assert {type(norm) for norm in norms} == {kind} and len(norms) == 5
    assert all(a is b for a, b in zip(backbone.parameters(), parameters, strict=True))
    after = backbone.state_dict()
    assert list(after) == list(before)
    assert all(after[key].data_ptr() == before[key].data_ptr() for key in before)
    backbone.eval().train()
    assert not backbone.bn1.training and backbone.layer1[0].bn1.training
    backbone.freeze("all")
    assert not any(norm.training for norm in norms)
    backbone(torch.zeros(1, 3, 32, 32))  # frozen, it asks nobody: there is no process group here
