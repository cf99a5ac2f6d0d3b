"""CRACT's discriminator (section 3.2.3, Eq. 7, 8): a small classifier that each target has its own
of, learned while it is tracked.

Nothing here is trained offline, so there is no nn.Module: weights are the target's memory, (B, ...)
each. A sample is what PRoIAlign says of a box, P cells of C channels; cells come before channels
here. Once the convolution is fixed a sample is kept as what it makes of it, P D numbers.
"""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ops.conjugate_gradient import Adjoint, Linear, Parameters, gauss_newton
from ops.random import derive, normal


def full_precision(device: torch.device) -> torch.autocast:
    """A context without autocast. The normal equations square the samples, whose half precision
    would leave little; `cat` and `index_copy` refuse mixed precisions."""
    return torch.autocast(device.type, enabled=False)


@dataclass
class Discriminator:
    """Weights of B targets: 1x1 convolution, ReLU, fc, ReLU, fc to one score.

    Attributes:
        convolution, convolution_bias: (B, D, C), (B, D).
        hidden, hidden_bias: (B, H, P D), (B, H).
        output, output_bias: (B, H), (B, 1).
    """

    convolution: Tensor
    convolution_bias: Tensor
    hidden: Tensor
    hidden_bias: Tensor
    output: Tensor
    output_bias: Tensor

    @classmethod
    def draw(
        cls, keys: Tensor, channels: int, cells: int, width: int = 64, hidden: int = 128
    ) -> "Discriminator":
        """First weights of targets with int64 keys (B,), by He's rule; biases are zero.

        Decision: the last fc starts at a tenth of it, so that first scores are near 0, as ATOM's
        are, whose filter starts at zero. At the whole of it they are larger than the labels, and
        what Gauss-Newton then finds tells new samples apart worse.

        Args:
            channels, cells: C and P, of a sample.
            width, hidden: D and H, of the layers.
        """

        def layer(number: int, *shape: int) -> Tensor:
            return normal(derive(keys, number), *shape) * (2 / shape[-1]) ** 0.5

        zeros = torch.zeros(len(keys), max(width, hidden), device=keys.device)
        return cls(
            layer(0, width, channels),
            zeros[:, :width].clone(),
            layer(1, hidden, cells * width),
            zeros[:, :hidden].clone(),
            0.1 * layer(2, hidden),
            zeros[:, :1].clone(),
        )

    def select(self, rows: Tensor) -> "Discriminator":
        """Those of the targets `rows` (R,)."""
        return Discriminator(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def layers(self) -> tuple[Tensor, ...]:
        """The two fc."""
        return self.hidden, self.hidden_bias, self.output, self.output_bias

    def project(self, features: Tensor) -> Tensor:
        """Samples (B, N, P, C) -> what the convolution makes of them, (B, N, P D)."""
        maps = features @ self.convolution[:, None].mT + self.convolution_bias[:, None, None]
        return maps.relu().flatten(2)

    def reduce(self, features: Tensor) -> Tensor:
        """The convolution without bias on maps (B, C, H, W), whose boxes can then be pooled in
        fewer channels: (B, D, H, W). `rectify` does the rest."""
        return (self.convolution @ features.flatten(2)).unflatten(2, features.shape[2:])

    def rectify(self, pooled: Tensor) -> Tensor:
        """Boxes (B, N, D, P) pooled in `reduce`'s maps -> the same as `project` (B, N, P D)."""
        return (pooled.mT + self.convolution_bias[:, None, None]).relu().flatten(2)

    def score(self, projected: Tensor) -> Tensor:
        """Projected samples (B, N, P D) -> scores (B, N), about 1 for the target, 0 for others."""
        return _score(self.layers, projected)

    def classify(self, features: Tensor) -> Tensor:
        """Samples (B, N, P, C) -> scores (B, N), in float32 whatever the autocast."""
        with full_precision(features.device):
            return self.score(self.project(features.float()))

    def learn(
        self,
        features: Tensor,
        labels: Tensor,
        regularization: float,
        steps: int,
        iterations: int,
    ) -> "Discriminator":
        """Eq. 8 over all weights, in the first frame.

        Features (B, M, P, C), labels (B, M). Decision: samples are brought to unit power (so does
        ATOM), with one factor a target: the weights of a trained network's features and an
        untrained one's are then alike. It multiplies the convolution, not a copy of the samples.
        """
        power = features.flatten(1).norm(dim=1) / features[0].numel() ** 0.5  # its root, (B,)
        factor = (1 / power.clamp(min=1e-6))[:, None, None]
        weights = torch.full_like(labels, 1 / labels.shape[1])

        def scaled(parameters: Parameters) -> Parameters:
            convolution, *rest = parameters
            return convolution * factor, *rest

        def linearize(parameters: Parameters) -> Linearization:
            scores, forward, adjoint = _linearize(scaled(parameters), features)
            whole = scores, lambda d: forward(scaled(d)), lambda r: scaled(adjoint(r))
            return _weigh(whole, labels, weights)

        def residuals(parameters: Parameters) -> Tensor:
            moved = Discriminator(*scaled(parameters))
            return weights.sqrt() * (moved.score(moved.project(features)) - labels)

        start = (self.convolution, self.convolution_bias, *self.layers)
        found = gauss_newton(residuals, linearize, start, regularization, steps, iterations)
        return Discriminator(*scaled(found))

    def update(
        self,
        projected: Tensor,
        labels: Tensor,
        weights: Tensor,
        regularization: float,
        iterations: int,
    ) -> "Discriminator":
        """Eq. 8 over the two fc (section 3.4): one Gauss-Newton step.

        Projected samples (B, M, P D), labels and weights (B, M); a target's weights sum to 1.
        """

        def linearize(parameters: Parameters) -> Linearization:
            return _weigh(_linearize_layers(parameters, projected), labels, weights)

        def residuals(parameters: Parameters) -> Tensor:
            return weights.sqrt() * (_score(parameters, projected) - labels)

        layers = gauss_newton(residuals, linearize, self.layers, regularization, 1, iterations)
        return Discriminator(self.convolution, self.convolution_bias, *layers)

    def put(self, rows: Tensor, others: "Discriminator") -> "Discriminator":
        """The fc of the targets `rows` (R,) replaced by those of `others`, of R targets."""
        return replace(
            self,
            **{
                name: getattr(self, name).index_copy(0, rows, getattr(others, name))
                for name in ("hidden", "hidden_bias", "output", "output_bias")
            },
        )


# ---------------------------------------------------------------- scores and their Jacobians

Linearization = tuple[Tensor, Linear, Adjoint]  # see ops.conjugate_gradient.Linearize


def _weigh(linearization: Linearization, labels: Tensor, weights: Tensor) -> Linearization:
    """Scores -> residuals of Eq. 8, whose squares are weighted."""
    (scores, *_, forward, adjoint), roots = linearization, weights.sqrt()
    return (
        roots * (scores - labels),
        lambda direction: roots * forward(direction),
        lambda residuals: adjoint(roots * residuals),
    )


def _score(layers: Parameters, projected: Tensor) -> Tensor:
    """Scores (B, M) of projected samples (B, M, P D) by both fc."""
    hidden, hidden_bias, output, output_bias = layers
    after = torch.baddbmm(hidden_bias[:, None], projected, hidden.mT).relu()  # (B, M, H)
    return (after @ output[..., None])[..., 0] + output_bias


def _linearize_layers(parameters: Parameters, projected: Tensor):
    """Scores (B, M) of projected samples (B, M, P D), the slopes (B, M, H) of the scores against
    what goes into the last ReLU, and the Jacobian against both fc."""
    hidden, hidden_bias, output, output_bias = parameters
    before = torch.baddbmm(hidden_bias[:, None], projected, hidden.mT)  # (B, M, H)
    after = before.relu()
    scores = (after @ output[..., None])[..., 0] + output_bias  # (B, M)
    slopes = (before > 0) * output[:, None]  # (B, M, H)

    def forward(direction):
        hidden, hidden_bias, output, output_bias = direction
        moved = torch.baddbmm(hidden_bias[:, None], projected, hidden.mT)
        return (slopes * moved).sum(-1) + (after @ output[..., None])[..., 0] + output_bias

    def adjoint(residuals):
        moved = slopes * residuals[..., None]
        answer = (residuals[:, None] @ after)[:, 0]
        return moved.mT @ projected, moved.sum(1), answer, residuals.sum(1, keepdim=True)

    return scores, slopes, forward, adjoint


def _linearize(parameters: Parameters, features: Tensor) -> Linearization:
    """Scores (B, M) of samples (B, M, P, C) and their Jacobian against all weights.

    The convolution's part is written out, M x D C numbers a target: for P cells in a sample that
    takes P times less to multiply with than to run the convolution back and forth.
    """
    convolution, convolution_bias, *layers = parameters
    count, cells = features.shape[1:3]
    before = torch.baddbmm(convolution_bias[:, None], features.flatten(1, 2), convolution.mT)
    scores, slopes, inner_forward, inner_adjoint = _linearize_layers(
        tuple(layers), before.relu().unflatten(1, (count, cells)).flatten(2)
    )
    slopes = (slopes @ layers[0]).view(len(before), count, cells, -1)  # (B, M, P, D)
    slopes = slopes * (before > 0).view_as(slopes)
    kernels = (slopes.mT @ features).flatten(2)  # (B, M, D C)
    biases = slopes.sum(2)  # (B, M, D)

    def forward(direction):
        convolution, convolution_bias, *layers = direction
        own = convolution.flatten(1)[:, None] @ kernels.mT + convolution_bias[:, None] @ biases.mT
        return own[:, 0] + inner_forward(tuple(layers))

    def adjoint(residuals):
        row = residuals[:, None]  # (B, 1, M)
        kernel = (row @ kernels).view_as(convolution)
        return kernel, (row @ biases)[:, 0], *inner_adjoint(residuals)

    return scores, forward, adjoint
