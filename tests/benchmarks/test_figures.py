import numpy as np

from benchmarks.figures import Figure, mean_over_sequences, pooled


def test_mean_and_pooled():
    values, counts = np.array([0.5, 1.0]), np.array([10, 30])
    assert mean_over_sequences(values).value() == 0.75
    assert pooled(values * counts, counts).value() == 35 / 40


def test_weights_repeat_sequences():
    figure = pooled(np.array([5.0, 30.0]), np.array([10, 30]))
    weights = np.array([[1, 1], [2, 0], [0, 2], [3, 1]])
    np.testing.assert_allclose(figure.value(weights), [35 / 40, 0.5, 1, 45 / 60])


def test_columns_are_averaged_and_empty_ones_left_out():
    # Two lengths: only the first sequence is long enough for the second.
    figure = Figure(np.array([[0.8, 0.4], [0.6, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]]))
    np.testing.assert_allclose(figure.value(), (0.7 + 0.4) / 2)
    np.testing.assert_allclose(figure.value(np.array([0, 1])), 0.6)
    assert np.isnan(figure.value(np.array([0, 0])))


def test_a_sequence_without_a_value_does_not_count():
    assert mean_over_sequences(np.array([np.nan, 0.4])).value() == 0.4
