"""What of weights fits a model."""

from types import SimpleNamespace

from kpplugins.weights.comparison import compare_weights, listed


def sized(**shapes: tuple[int, ...]) -> dict:
    """Tensors, of which only the shape is looked at; ``_`` stands for a dot."""
    return {name.replace("_", ".", 1): SimpleNamespace(shape=shape) for name, shape in shapes.items()}


def test_every_name_is_in_one_group_but_for_counters():
    model = sized(a_w=(2, 3), b_w=(9,), c_w=(1,), d_num_batches_tracked=())
    weights = sized(a_w=(2, 3), b_w=(17,), e_w=(1,), f_num_batches_tracked=())
    found = compare_weights(model, weights)
    assert found.fitting == ("a.w",) and found.missing == ("c.w",) and found.left_over == ("e.w",)
    assert found.shapes == ["b.w (17,) for (9,)"] and not found.covers
    assert compare_weights(model, model).covers and not compare_weights(model, {}).covers


def test_groups_in_one_line_name_three_and_count_the_rest():
    assert (
        listed({"missing": ("a", "b"), "left over": [], "odd": list("wxyz")})
        == "2 missing (a, b); 4 odd (w, x, y, …)"
    )
