import numpy as np

from benchmarks.statistics import bootstrap_intervals, bootstrap_means, compare_paired


def test_bootstrap_agrees_with_a_plain_loop():
    values = np.random.default_rng(1).beta(4, 2, 40)
    generator = np.random.default_rng(99)
    means = [generator.choice(values, len(values)).mean() for _ in range(20_000)]
    (interval,) = bootstrap_intervals(values[:, None])
    # Both are drawn: an end of the interval is known to about 0.001 from 10 000 draws.
    np.testing.assert_allclose(interval, np.percentile(means, [2.5, 97.5]), atol=0.004)
    assert interval[0] < values.mean() < interval[1]


def test_bootstrap_has_a_seed_and_pairs_its_columns():
    values = np.random.default_rng(2).random((12, 1))
    columns = np.hstack([values, values + 0.25])
    means = bootstrap_means(columns, resamples=500, seed=7)
    assert means.shape == (500, 2)
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.25)
    np.testing.assert_array_equal(means, bootstrap_means(columns, resamples=500, seed=7))
    assert not np.array_equal(means, bootstrap_means(columns, resamples=500, seed=8))


def test_equal_values_have_no_spread_and_one_value_no_interval():
    np.testing.assert_allclose(bootstrap_intervals(np.full((9, 1), 0.3)), [[0.3, 0.3]])
    assert np.isnan(bootstrap_intervals(np.array([[0.3, 0.4]]))).all()


def test_paired_comparison_by_hand():
    ours = np.array([0.5, 0.6, 0.7, 0.2])
    theirs = np.array([0.4, 0.6, 0.5, 0.3])
    (comparison,) = compare_paired({"b": theirs, "a": ours}, "b", "success_auc")
    assert (comparison.tracker, comparison.reference) == ("a", "b")
    np.testing.assert_allclose(comparison.difference, 0.05)
    assert (comparison.won, comparison.lost) == (0.5, 0.25)
    # Any mean of four differences lies between the least and the largest one.
    assert -0.1 <= comparison.interval[0] < 0.05 < comparison.interval[1] <= 0.2
    assert compare_paired({"b": theirs}, "b", "success_auc") == ()
