"""RAR's head: pictures' feature levels in, the reinforced attentional representation out."""

from torch import Tensor, nn

from heads.rar.attention import HierarchicalAttention, LSTMState
from heads.rar.refinement import Refinement, Unrefined


class RARHead(nn.Module):
    """Attention on each level (section 3.2), merged by refinement (Fig. 6), into the filter.

    Args:
        channels, strides: of the backbone's levels, first to last.
        stride: of the representation in input pixels; None: 8, within the levels' own.
        hidden_channels: D, of every level's ConvLSTM.
        width: channels inside the refinement.
        out_channels: channels of the representation, which are the filter's.
        inter_frame, channel, spatial: which attentions there are (Table 4's rows leave one out).
        refined: whether levels are merged by the refinement; without it there is one level, which
            goes straight into the filter's channels (`width` is then of no use).

    Raises:
        InputError: a stride to which the levels do not come, or several levels without refinement.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int | None = None,
        hidden_channels: int = 128,
        width: int = 256,
        out_channels: int = 64,
        inter_frame: bool = True,
        channel: bool = True,
        spatial: bool = True,
        refined: bool = True,
    ):
        super().__init__()
        self.stride = stride if stride is not None else max(min(strides), min(8, max(strides)))
        self.attentions = nn.ModuleList(
            HierarchicalAttention(c, hidden_channels, inter_frame, channel, spatial)
            for c in channels
        )
        if refined:
            self.refinement = Refinement(channels, strides, self.stride, width, out_channels)
        else:
            self.refinement = Unrefined(channels, strides, self.stride, out_channels)

    def initial_state(self, levels: list[Tensor], batch: int) -> list[LSTMState]:
        """Zero states of B targets, for levels of these sizes."""
        return [
            attention.initial_state(batch, *level.shape[-2:], device=level.device)
            for attention, level in zip(self.attentions, levels, strict=True)
        ]

    def forward(
        self, levels: list[Tensor], states: list[LSTMState]
    ) -> tuple[Tensor, list[LSTMState]]:
        """N patches of each of B targets.

        Args:
            levels: (B N, C_l, H_l, W_l) each.
            states: one for each level, of the B targets.

        Returns:
            representation (B N, out_channels, H, W), and the states that each patch would leave.
        """
        pairs = zip(self.attentions, levels, states, strict=True)
        attended, states = zip(*(attention(*pair) for attention, *pair in pairs), strict=True)
        return self.refinement(list(attended)), list(states)
