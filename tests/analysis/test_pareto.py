import pytest

from state_of_sparsity.analysis.pareto import interpolate, upper_envelope


def test_envelope_holds_the_points_that_none_beats():
    points = [(0.5, 0.9), (0.8, 0.7), (0.6, 0.6), (0.5, 0.8), (0.9, 0.7), (0.95, 0.1)]
    assert upper_envelope(points) == [(0.5, 0.9), (0.9, 0.7), (0.95, 0.1)]
    assert upper_envelope([]) == []


def test_every_point_lies_under_the_envelope():
    points = [((7 * i % 31) / 31, (11 * i % 29) / 29) for i in range(31)]
    envelope = upper_envelope(points)
    for sparsity, metric in points:
        assert any(s >= sparsity and m >= metric for s, m in envelope)
    assert [s for s, _ in envelope] == sorted(s for s, _ in envelope)
    assert [m for _, m in envelope] == sorted((m for _, m in envelope), reverse=True)


@pytest.mark.parametrize(
    ("sparsity", "expected"),
    [(0.5, 0.9), (0.75, 0.775), (0.9, 0.7), (0.95, 0.35), (1.0, 0.0), (0.4, None), (1.1, None)],
)
def test_interpolation_is_linear_and_never_extrapolates(sparsity, expected):
    envelope = [(0.5, 0.9), (0.9, 0.7), (1.0, 0.0)]
    assert interpolate(envelope, sparsity) == (expected and pytest.approx(expected))


def test_nothing_to_interpolate():
    assert interpolate([], 0.5) is None
    assert interpolate([(0.5, 0.9)], 0.5) == 0.9
