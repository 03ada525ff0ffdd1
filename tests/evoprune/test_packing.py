"""What is packed comes back to the bit, is small where there are zeros, and is refused where it is damaged."""

import io
from typing import Any

import pytest
import torch
from torch import Tensor

from evoprune import packing
from evoprune.packing import NUMBERS, PACKED, WHOLE, WORTH, pack, unpack

KINDS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
assert set(KINDS) == set(NUMBERS)


def as_stored(value: Any) -> Any:
    """What a file gives back of plain values and tensors."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def through(value: Any) -> Any:
    """What comes back of it through a file."""
    return unpack(as_stored(pack(value)))


def size(value: Any) -> int:
    """Bytes of a file."""
    torch.save(value, file := io.BytesIO())
    return file.tell()


def is_packed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {PACKED}


def assert_same(found: Any, expected: Tensor) -> None:
    assert type(found) is Tensor
    assert (found.dtype, found.shape, found.stride()) == (expected.dtype, expected.shape, expected.stride())
    assert torch.equal(found.reshape(-1).view(torch.uint8), expected.reshape(-1).view(torch.uint8))


def sparse(*shape: int, dtype: torch.dtype = torch.float32, share: float = 0.2) -> Tensor:
    """Numbers of which a share is no zero."""
    generator = torch.Generator().manual_seed(0)
    keep = torch.rand(*shape, generator=generator) < share
    return torch.where(keep, torch.randn(*shape, generator=generator), 0.0).to(dtype)


def test_the_layout_by_hand(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "WORTH", 0)
    packed = pack(torch.tensor([[0.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, -3.0]]))
    (fields,) = packed.values()
    assert (fields["shape"], fields["strides"]) == ((2, 5), (5, 1))
    assert fields["bits"].tolist() == [0b01000000, 0b01000000]  # the second and the tenth entry
    assert fields["bits"].dtype == torch.uint8
    assert fields["values"].tolist() == [2.0, -3.0]
    mask = pack(torch.tensor([True, False, True, True, True, True, True, True, False, True]))
    assert mask[PACKED]["bits"].tolist() == [0b10111111, 0b01000000]
    assert mask[PACKED]["values"] is None
    assert_same(unpack(packed), torch.tensor([[0.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, -3.0]]))


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_every_bit_comes_back(dtype: torch.dtype):
    sign = -(2 ** (8 * dtype.itemsize - 1))  # the bits of -0.0
    nan = int(torch.tensor(torch.nan, dtype=dtype).view(WHOLE[dtype]))
    odd = torch.tensor([sign, 1, sign + 1, -1, nan | 5], dtype=WHOLE[dtype]).view(dtype)
    assert odd.isnan().tolist() == [False, False, False, True, True]
    assert odd[0] == 0
    tensor = torch.zeros(40, 50, dtype=dtype)
    tensor[3, 7:12] = odd
    tensor[39, 49] = torch.inf
    packed = pack(tensor)
    assert is_packed(packed)
    assert len(packed[PACKED]["values"]) == 6
    assert_same(through(tensor), tensor)


@pytest.mark.parametrize("dtype", [*KINDS, torch.bool], ids=str)
@pytest.mark.parametrize("count", [7993, 7999, 8000, 8001])
def test_any_number_of_entries_comes_back(dtype: torch.dtype, count: int):
    tensor = sparse(count, dtype=dtype)
    assert is_packed(pack(tensor))
    assert_same(through(tensor), tensor)


SHAPED = {
    "turned": sparse(30, 50).t(),
    "three dimensions": sparse(10, 12, 14).permute(2, 0, 1),
    "channels last": sparse(4, 5, 6, 7).contiguous(memory_format=torch.channels_last),
    "one row": sparse(2000, 1).t(),
    "one column with odd strides": sparse(2000).as_strided((2000, 1), (1, 77)),
    "part of a larger one": sparse(100, 50)[20:60],
}


@pytest.mark.parametrize("tensor", SHAPED.values(), ids=list(SHAPED))
def test_the_order_in_memory_comes_back(tensor: Tensor):
    assert is_packed(pack(tensor))
    assert_same(through(tensor), tensor)


OTHERS = {
    "dense": torch.randn(50, 50),
    "whole numbers": torch.zeros(5000, dtype=torch.int64),
    "complex": torch.zeros(5000, dtype=torch.complex64),
    "another layout": sparse(100, 100).to_sparse(),
    "spread over one number": torch.zeros(1).expand(5000),
    "every second column": sparse(50, 100)[:, ::2],
    "windows that overlap": sparse(2000).as_strided((1000, 10), (1, 1)),
    "a parameter": torch.nn.Parameter(torch.zeros(5000)),
    "with a gradient": torch.zeros(5000, requires_grad=True),
    "without numbers": torch.zeros(5000, device="meta"),
    "negative by a flag": torch.zeros(5000, dtype=torch.complex64).conj().imag,
    "scalar": torch.tensor(0.0),
    "empty": torch.zeros(0),
    "empty in one dimension": torch.zeros(5000, 0),
    "small": torch.zeros(100),
    "a small mask": torch.ones(500, dtype=torch.bool),
}


@pytest.mark.parametrize("tensor", OTHERS.values(), ids=list(OTHERS))
def test_what_is_not_packed_stays_as_it_is(tensor: Tensor):
    assert pack({"a": [tensor]})["a"][0] is tensor


@pytest.mark.parametrize("dtype", [*KINDS, torch.bool], ids=str)
def test_without_a_bound_scalars_come_back_and_empty_ones_stay(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "WORTH", 0)
    for tensor in (torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype), torch.zeros(3, 0, 2, dtype=dtype)):
        assert_same(through(tensor), tensor)


def test_it_is_packed_where_it_saves_more_than_records_take():
    count = 1000  # 4,000 bytes; packed 125 and 4 a value
    most = (4 * count - count // 8 - WORTH - 1) // 4
    tensor = torch.zeros(count)
    tensor[:most] = 1
    assert is_packed(pack(tensor))
    tensor[most] = 1
    assert pack(tensor) is tensor


@pytest.mark.parametrize("share", [0.0, 0.2, 0.8, 1.0])
@pytest.mark.parametrize("dtype", [*KINDS, torch.bool], ids=str)
def test_no_file_gets_larger_and_the_zeros_take_a_bit(dtype: torch.dtype, share: float):
    for count in (600, 1000, 30000):
        tensor = sparse(count, dtype=dtype, share=share)
        packed = pack(tensor)
        assert size(packed) <= size(tensor)
        if is_packed(packed):
            values = 0 if dtype == torch.bool else int(tensor.count_nonzero()) * dtype.itemsize
            assert sum(each.nbytes for each in packed[PACKED].values() if isinstance(each, Tensor)) == (
                values + -(-count // 8)
            )
    assert is_packed(packed) == (dtype == torch.bool or share < 1)


def test_a_weight_its_mask_and_its_moments_share_their_bits():
    weight = sparse(100, 100)
    state = {"weight": weight, "mask": weight != 0, "moments": (weight * 2, weight.double() ** 2)}
    one = {"weight": weight}
    packed = as_stored(pack(state))
    bits = [packed[name][PACKED]["bits"] for name in ("weight", "mask")]
    bits += [each[PACKED]["bits"] for each in packed["moments"]]
    assert len({each.data_ptr() for each in bits}) == 1
    values = int(weight.count_nonzero())
    assert size(pack(state)) - size(pack(one)) < (4 + 8) * values + 100 * 100 // 8
    back = unpack(packed)
    for found, expected in zip(
        (back["weight"], back["mask"], *back["moments"]),
        (weight, weight != 0, weight * 2, weight.double() ** 2),
        strict=True,
    ):
        assert_same(found, expected)
    back["weight"].fill_(7)  # nothing of it is shared
    assert back["moments"][0].eq(7).sum() == 0


def test_a_tensor_that_is_there_twice_is_stored_once():
    tensor = sparse(100, 100)
    twice = [tensor, {"again": tensor}]
    assert size(pack(twice)) < size(pack([tensor])) + WORTH
    back = through(twice)
    assert back[0] is back[1]["again"]
    assert_same(back[0], tensor)


def test_containers_and_plain_values_come_back_as_they_were():
    tensors = sparse(2000), [sparse(2000).bool()]
    value = {"a": [1, (2.0, None), "x", True], 5: {"b": b"bytes"}, "c": tensors, "d": ()}
    back = through(value)
    assert repr(back["a"]) == repr(value["a"])
    assert back[5] == value[5]
    assert (type(back["c"]), type(back["c"][1]), back["d"]) == (tuple, list, ())
    assert_same(back["c"][0], tensors[0])
    assert_same(back["c"][1][0], tensors[1][0])
    assert list(back) == list(value)


def test_nothing_is_changed_in_place():
    tensor = sparse(2000)
    before = tensor.clone()
    value = {"a": [tensor]}
    packed = pack(value)
    assert value["a"][0] is tensor
    unpack(packed)["a"][0].fill_(1)
    unpack(packed)["a"][0].fill_(2)
    assert is_packed(packed["a"][0])
    assert_same(tensor, before)


def fields(**others: Any) -> dict[str, Any]:
    """The fields of a good packed tensor, 3 of 12 numbers, but for some."""
    bits = torch.tensor([0b00010001, 0b10000000], dtype=torch.uint8)
    good = {"shape": (3, 4), "strides": (4, 1), "bits": bits, "values": torch.tensor([1.0, 2.0, 3.0])}
    return good | others


def bits(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.uint8)


DAMAGED: list[tuple[Any, str]] = [
    (None, "must have shape, strides, bits, values, got None"),
    ([fields()], "must have shape"),
    ({}, "must have shape"),
    ({name: value for name, value in fields().items() if name != "values"}, "must have shape"),
    (fields(more=1), "must have shape"),
    (fields(shape=5), "shape .* must be whole numbers, got 5"),
    (fields(shape=(3, 4.0)), "shape .* must be whole numbers"),
    (fields(shape=(3, True)), "shape .* must be whole numbers"),
    (fields(shape=(-3, -4)), "shape .* must be whole numbers"),
    (fields(shape=(10**30, 4)), "shape .* must be whole numbers"),
    (fields(shape=(2**62, 2**62)), r"strides .* must fit the shape"),
    (fields(shape=(2**62, 2**62), strides=(2**62, 1)), r"bits .* must be 2658455991569831745807614120560689152 bytes"),
    (fields(shape=(10**12,), strides=(1,)), "bits .* must be 125000000000 bytes"),
    (fields(shape=(0, 4)), "must fit the shape"),
    (fields(shape=(12,)), "must fit the shape"),
    (fields(shape=(4, 3)), "must fit the shape"),
    (fields(strides=(0, 0)), "must fit the shape"),
    (fields(strides=(1, 1)), "must fit the shape"),
    (fields(strides=(5, 1)), "must fit the shape"),
    (fields(strides=(-4, 1)), "strides .* must be whole numbers"),
    (fields(strides=None), "strides .* must be whole numbers"),
    (fields(bits=None), "bits .* must be 2 bytes, got None"),
    (fields(bits=bits(1)), "bits .* must be 2 bytes"),
    (fields(bits=bits(3)), "bits .* must be 2 bytes"),
    (fields(bits=bits(2).float()), "bits .* must be 2 bytes"),
    (fields(bits=bits(2).view(1, 2)), "bits .* must be 2 bytes"),
    (fields(bits=bits(1).expand(2)), "bits .* must be 2 bytes"),
    (fields(bits=bits(2).to_sparse()), "bits .* must be 2 bytes"),
    (fields(shape=(8 * 10**12,), strides=(1,), bits=bits(1).expand(10**12)), "bits .* must be 1000000000000 bytes"),
    (fields(values=5), "values .* must be real numbers, got 5"),
    (fields(values=torch.zeros(3, dtype=torch.int32)), "values .* must be real numbers"),
    (fields(values=torch.zeros(3, dtype=torch.bool)), "values .* must be real numbers"),
    (fields(values=torch.zeros(3, 1)), "values .* must be real numbers"),
    (fields(values=torch.zeros(1).expand(3)), "values .* must be real numbers"),
    (fields(values=torch.zeros(3).to_sparse()), "values .* must be real numbers"),
    (fields(values=torch.zeros(3, requires_grad=True)), "values .* must be real numbers"),
    (fields(values=torch.zeros(2)), "a value for each of its 3 bits, got 2"),
    (fields(values=torch.zeros(1)), "a value for each of its 3 bits, got 1"),
    (fields(values=torch.zeros(0)), "a value for each of its 3 bits, got 0"),
    (fields(bits=bits(2)), "a value for each of its 0 bits, got 3"),
    (fields(values=torch.zeros(1), bits=torch.tensor([0, 1], dtype=torch.uint8)), "each of its 0 bits, got 1"),
]


@pytest.mark.parametrize(("damaged", "message"), DAMAGED)
def test_what_is_damaged_is_refused(damaged: Any, message: str):
    assert unpack({PACKED: fields()}).tolist() == [[0, 0, 0, 1], [0, 0, 0, 2], [3, 0, 0, 0]]
    with pytest.raises(ValueError, match=message) as caught:
        unpack({"a": [{PACKED: damaged}]})
    assert "packed tensor" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_many_that_share_few_bits_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("evoprune.memory.available", lambda: 3e6)
    shared = bits(10**4), torch.zeros(0, dtype=torch.float64)
    many = [{PACKED: dict(zip(packing.FIELDS, ((80_000,), (1,), *shared), strict=True))} for _ in range(5)]
    assert len(unpack(many[:4])) == 4  # 64 bytes a byte of bits
    monkeypatch.setattr(torch, "empty_strided", None)
    with pytest.raises(ValueError, match=r"about 3\.2 MB of memory \(packed tensors 3\.2 MB\)"):
        unpack(many)


def test_a_file_of_lists_within_lists_is_read_once():
    value: Any = [sparse(2000)]
    for _ in range(200):
        value = [value, value]
    back = through(value)
    for _ in range(200):
        assert back[0] is back[1]
        back = back[0]
    assert_same(back[0], sparse(2000))
