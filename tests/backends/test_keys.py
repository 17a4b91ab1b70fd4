"""The language of index keys, against NumPy."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.backends.keys import ARRAY, broadcast_shape, decode, expand, layout


@settings(max_examples=200)
@given(data=st.data(), shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
def test_static_keys(data: st.DataObject, shape: tuple[int, ...]) -> None:
    drawn = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    items = drawn if isinstance(drawn, tuple) else (drawn,)
    key = tuple((k.start, k.stop, k.step) if isinstance(k, slice) else k for k in items)
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    wanted = x[drawn]
    np.testing.assert_array_equal(x[decode(key)], wanted)
    plan = layout(shape, key)
    assert plan.shape == wanted.shape
    assert all(k.step is None or k.step > 0 for k in plan.basic if isinstance(k, slice))
    np.testing.assert_array_equal(np.flip(x[plan.basic], plan.flipped), wanted)


def test_places_of_index_arrays() -> None:
    full = (None, None, None)
    for key, shapes, wanted in [
        ((ARRAY, full, ARRAY), ((2,), (2,)), (2, 4)),
        ((0, full, ARRAY), ((2,),), (2, 4)),
        ((full, 0, ARRAY), ((2,),), (3, 2)),
        ((full, ARRAY, Ellipsis, ARRAY), ((2,), (2,)), (2, 3)),
        ((full, ARRAY, ARRAY), ((2, 1), (6,)), (3, 2, 6)),
        ((ARRAY, None, 0), ((2,),), (2, 1, 5)),
    ]:
        indices = tuple(np.zeros(s, int) for s in shapes)
        assert layout((3, 4, 5), key, shapes).shape == wanted == np.empty((3, 4, 5))[decode(key, indices)].shape


def test_errors() -> None:
    with pytest.raises(IndexError, match="the array has 1 dimensions, the key names 2"):
        expand((0, 0), 1)
    with pytest.raises(IndexError, match="one Ellipsis only"):
        expand((Ellipsis, Ellipsis), 3)
    with pytest.raises(IndexError, match="index 3 is out of bounds for a dimension of size 3"):
        layout((3,), (3,))
    with pytest.raises(IndexError, match="do not broadcast"):
        broadcast_shape(((2,), (3,)))
