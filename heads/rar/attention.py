"""The hierarchical attention module, RAR section 3.2, Fig. 5, one level of it.

Shapes: B targets, N patches a target, C channels of the level, D hidden channels. The paper gives
no sizes inside: the reduction of 16 and the 7x7 of 8 channels are decisions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class LSTMState:
    """What a level remembers of a target: cell and hidden state, each (B, D, H, W)."""

    cell: Tensor
    hidden: Tensor


class ConvLSTM(nn.Module):
    """Inter-frame attention, Eq. 3.

    The input layer W_i is 1x1 and the hidden layer W_h 3x3; each of the four gates has rows of its
    own in both (the equation writes one name for all). Decision: D = 128, since D = C would take
    396 M parameters over the three levels of a ResNet-50.
    """

    def __init__(self, channels: int, hidden_channels: int = 128):
        super().__init__()
        self.hidden_channels = hidden_channels
        self.input = nn.Conv2d(channels, 4 * hidden_channels, 1)
        self.hidden = nn.Conv2d(hidden_channels, 4 * hidden_channels, 3, padding=1, bias=False)

    def forward(self, features: Tensor, state: LSTMState) -> LSTMState:
        """Step N patches a target (B N, C, H, W) from the B targets' states: B N new states."""
        count = len(features) // len(state.cell)
        gates = self.input(features) + self.hidden(state.hidden).repeat_interleave(count, 0)
        forget, write, output, content = gates.chunk(4, 1)
        kept = torch.sigmoid(forget) * state.cell.repeat_interleave(count, 0)
        cell = kept + torch.sigmoid(write) * torch.tanh(content)
        return LSTMState(cell, torch.sigmoid(output) * torch.tanh(cell))


class ChannelAttention(nn.Module):
    """Intra-frame attention along the channels, Eq. 5, with Eq. 4's h^c of the previous frame."""

    def __init__(self, channels: int, hidden_channels: int | None, reduction: int = 16):
        super().__init__()
        squeezed = max(channels // reduction, 8)  # one unit alone saturates
        self.feature = nn.Linear(channels, squeezed)
        self.output = nn.Linear(squeezed, channels)
        if hidden_channels is not None:
            self.inter_frame = nn.Linear(hidden_channels, channels)  # Eq. 4, W_hc after GAP
            self.hidden = nn.Linear(channels, squeezed, bias=False)

    def forward(self, features: Tensor, previous_hidden: Tensor | None) -> Tensor:
        """Psi^c (B N, C, 1, 1) of features (B N, C, H, W) and h_{t-1} (B, D, H, W)."""
        context = features.mean((2, 3)) + features.amax((2, 3))
        theta = self.feature(context)
        if previous_hidden is not None:
            inter_frame = torch.sigmoid(self.inter_frame(previous_hidden.mean((2, 3))))  # (B, C)
            count = len(features) // len(previous_hidden)
            theta = theta + self.hidden(inter_frame).repeat_interleave(count, 0)
        return torch.sigmoid(self.output(torch.tanh(theta)))[..., None, None]


class SpatialAttention(nn.Module):
    """Intra-frame attention along the cells, Eq. 6, with Eq. 4's h^s of the current frame."""

    def __init__(self, hidden_channels: int | None, width: int = 8, kernel: int = 7):
        super().__init__()
        self.feature = nn.Conv2d(1, width, kernel, padding=kernel // 2)
        self.output = nn.Conv2d(width, 1, 1)
        if hidden_channels is not None:
            self.inter_frame = nn.Conv2d(hidden_channels, 1, 1)  # Eq. 4, W_hs
            self.hidden = nn.Conv2d(1, width, kernel, padding=kernel // 2, bias=False)

    def forward(self, features: Tensor, hidden: Tensor | None) -> Tensor:
        """Psi^s (B N, 1, H, W) of features (B N, C, H, W) and h_t (B N, D, H, W)."""
        context = features.mean(1, keepdim=True) + features.amax(1, keepdim=True)
        theta = self.feature(context)
        if hidden is not None:
            theta = theta + self.hidden(torch.sigmoid(self.inter_frame(hidden)))
        return torch.sigmoid(self.output(torch.tanh(theta)))


class HierarchicalAttention(nn.Module):
    """Eq. 3-7 on one level; what an ablation leaves out is not there and not computed.

    Args:
        channels: C of the level.
        hidden_channels: D of its ConvLSTM.
        inter_frame, channel, spatial: which of the attentions there are. Without channel attention
            neither Eq. 5 nor h^c exists, without spatial attention neither Eq. 6 nor h^s.
    """

    def __init__(
        self,
        channels: int,
        hidden_channels: int = 128,
        inter_frame: bool = True,
        channel: bool = True,
        spatial: bool = True,
    ):
        super().__init__()
        self.hidden_channels = hidden_channels if inter_frame else 0
        self.lstm = ConvLSTM(channels, hidden_channels) if inter_frame else None
        remembered = hidden_channels if inter_frame else None
        self.channel = ChannelAttention(channels, remembered) if channel else None
        self.spatial = SpatialAttention(remembered) if spatial else None

    def initial_state(self, batch: int, height: int, width: int, **kind) -> LSTMState:
        """Zeros for B targets (without a ConvLSTM, D = 0)."""
        zeros = torch.zeros(batch, self.hidden_channels, height, width, **kind)
        return LSTMState(zeros, zeros)

    def forward(self, features: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Eq. 7: phi x Psi^s x Psi^c + phi.

        Args:
            features: (B N, C, H, W), N patches of each target.
            state: of the B targets after their previous frame.

        Returns:
            attentional features (B N, C, H, W), and the state that each patch would leave behind.
        """
        before, after = None, None
        if self.lstm is not None:
            before, state = state.hidden, self.lstm(features, state)
            after = state.hidden
        elif len(state.cell) != len(features):
            zeros = state.cell.new_zeros(len(features), *state.cell.shape[1:])
            state = LSTMState(zeros, zeros)
        if self.channel is None and self.spatial is None:
            return features, state
        emphasis = features
        if self.spatial is not None:
            emphasis = emphasis * self.spatial(features, after)
        if self.channel is not None:
            emphasis = emphasis * self.channel(features, before)
        return emphasis + features, state
