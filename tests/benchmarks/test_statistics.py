import numpy as np

from benchmarks.figures import mean_over_sequences, pooled
from benchmarks.statistics import compare_paired, draws, interval


def test_bootstrap_agrees_with_a_plain_loop():
    values = np.random.default_rng(1).beta(4, 2, 40)
    generator = np.random.default_rng(99)
    means = [generator.choice(values, len(values)).mean() for _ in range(20_000)]
    found = interval(mean_over_sequences(values).value(draws(40)))
    # Both are drawn: an end of the interval is known to about 0.001 from 10 000 draws.
    np.testing.assert_allclose(found, np.percentile(means, [2.5, 97.5]), atol=0.004)
    assert found[0] < values.mean() < found[1]


def test_pooled_figures_resample_whole_sequences():
    sums, counts = np.array([5.0, 90.0]), np.array([10, 100])
    found = set(np.round(pooled(sums, counts).value(draws(2)), 9))
    assert found == set(np.round([0.5, 0.9, 95 / 110], 9))


def test_draws_have_a_seed_and_are_shared():
    assert draws(12).sum(1).tolist() == [12] * len(draws(12))
    np.testing.assert_array_equal(draws(12, 50, 7), draws(12, 50, 7))
    assert not np.array_equal(draws(12, 50, 7), draws(12, 50, 8))


def test_equal_values_have_no_spread_and_no_values_no_interval():
    np.testing.assert_allclose(
        interval(mean_over_sequences(np.full(9, 0.3)).value(draws(9))), [0.3, 0.3]
    )
    assert np.isnan(interval(np.array([np.nan]))).all()
    assert interval(np.array([np.nan, 0.5])) == (0.5, 0.5)


def test_paired_comparison_by_hand():
    values = {"b": np.array([0.4, 0.6, 0.5, 0.3]), "a": np.array([0.5, 0.6, 0.7, 0.2])}
    figures = {tracker: mean_over_sequences(own) for tracker, own in values.items()}
    (comparison,) = compare_paired(figures, values, "success_auc")
    assert (comparison.tracker, comparison.reference) == ("a", "b")
    np.testing.assert_allclose(comparison.difference, 0.05)
    assert (comparison.won, comparison.lost) == (0.5, 0.25)
    # Any mean of four differences lies between the least and the largest one.
    assert -0.1 <= comparison.interval[0] < 0.05 < comparison.interval[1] <= 0.2
    assert compare_paired({"b": figures["b"]}, values, "success_auc") == ()


def test_pairs_share_their_draws():
    values = np.random.default_rng(2).random(12)
    figures = {"b": mean_over_sequences(values), "a": mean_over_sequences(values + 0.25)}
    (comparison,) = compare_paired(figures, {"a": values + 0.25, "b": values}, "ao")
    np.testing.assert_allclose(comparison.interval, [0.25, 0.25])


def test_every_pair_is_compared_those_with_the_first_at_first():
    values = {name: np.random.default_rng(n).random(5) for n, name in enumerate("cab")}
    figures = {tracker: mean_over_sequences(own) for tracker, own in values.items()}
    pairs = [(c.reference, c.tracker) for c in compare_paired(figures, values, "ao")]
    assert pairs == [("c", "a"), ("c", "b"), ("a", "b")]


def test_sequences_without_a_figure_are_nobodys_win():
    values = {"a": np.array([0.5, np.nan, 0.5]), "b": np.array([0.4, 0.1, np.nan])}
    figures = {tracker: mean_over_sequences(own) for tracker, own in values.items()}
    (comparison,) = compare_paired(figures, values, "ao")
    assert (comparison.won, comparison.lost) == (0, 1)
