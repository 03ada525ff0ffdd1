"""What is exported computes the same for any number of samples, without evoprune, and says nothing of this machine."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, load_model
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder, compact
from evoprune.benchmarks.shrinking.export import ONNX, PROGRAM, WEIGHTS, Exports, export
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.benchmarks.shrinking.quick import quick

__all__ = ["quick"]

LONE = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("evoprune", "deap"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Blocker())
import torch

for name in sys.argv[1:]:
    network, (inputs, wanted) = torch.export.load(f"{name}.pt2").module(), torch.load(f"{name}.pt")
    for count in (1, 2, 5):
        torch.testing.assert_close(network(inputs[:count]), wanted[:count])
    print(name, "evoprune" in sys.modules)
"""
"""A program that has torch alone."""


def pair() -> nn.Module:
    return compact(Autoencoder([Encoder(mlp_encoder([12, 6, 3])), Decoder(mlp_decoder([3, 6, 12]))]))


def variational() -> nn.Module:
    return compact(Autoencoder([Encoder(variational_encoder([12, 6, 3])), Decoder(mlp_decoder([3, 6, 12]))]))


def tied() -> nn.Module:
    return compact(TiedAutoencoder(TiedNetwork([12, 6, 3])))


def convolutional() -> nn.Module:
    layers = nn.Sequential(
        *(nn.Unflatten(1, (1, 3, 4)), nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.ConvTranspose2d(4, 2, 2), nn.Flatten(), nn.Linear(12, 5), nn.BatchNorm1d(5), nn.GELU()),
    )
    layers(torch.rand(20, 12))  # norms that are no identity
    return layers.eval()


MAKERS: dict[str, Callable[[], nn.Module]] = {each.__name__: each for each in (pair, variational, tied, convolutional)}


QUICK = ("convolutional",)
every = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in MAKERS]
)


@cache  # exporting for ONNX takes a second
def made(name: str) -> tuple[nn.Module, Exports]:
    torch.manual_seed(1)
    module = MAKERS[name]()
    return module, export(module, (12,))


def inputs(count: int) -> Tensor:
    return torch.rand(count, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("names", [QUICK, pytest.param([*MAKERS], marks=pytest.mark.slow)], ids=["quick", "all"])
def test_torch_alone_reads_every_program(names: list[str], tmp_path: Path):
    for name in names:
        module, exports = made(name)
        (tmp_path / f"{name}.pt2").write_bytes(exports.contents[PROGRAM])
        torch.save((inputs(5), module(inputs(5)).detach()), tmp_path / f"{name}.pt")
    command = [sys.executable, "-c", LONE, *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (0, [f"{name} False" for name in names]), done.stderr


@every
def test_onnxruntime_reads_every_model(name: str, tmp_path: Path):
    import onnxruntime

    module, exports = made(name)
    assert exports.left_out == {}
    (tmp_path / ONNX).write_bytes(exports.contents[ONNX])
    session = onnxruntime.InferenceSession(tmp_path / ONNX)
    assert [each.name for each in (*session.get_inputs(), *session.get_outputs())] == ["input", "output"]
    for count in (1, 2, 5):
        (found,) = session.run(["output"], {"input": inputs(count).numpy()})
        torch.testing.assert_close(torch.from_numpy(found), module(inputs(count)).detach())


@every
def test_calls_are_those_of_the_contents(name: str):
    module, exports = made(name)
    assert list(exports.calls) == [PROGRAM, ONNX]
    for call in exports.calls.values():
        torch.testing.assert_close(call(inputs(3)), module(inputs(3)))


@every
def test_files_say_nothing_of_this_machine(name: str):
    for content in made(name)[1].contents.values():
        assert str(Path(torch.__file__).parent).encode() not in content
        assert str(Path(__file__).resolve().parents[3]).encode() not in content
    assert b"evoprune" not in made(name)[1].contents[ONNX]


@every
def test_weights_fill_the_same_layers(name: str, tmp_path: Path):
    module, exports = made(name)
    (tmp_path / WEIGHTS).write_bytes(exports.contents[WEIGHTS])
    other = MAKERS[name]()
    load_model(other, tmp_path / WEIGHTS)
    torch.testing.assert_close(other.eval()(inputs(3)), module(inputs(3)), rtol=0, atol=0)


@pytest.mark.usefixtures("quick")
def test_a_tied_weight_is_stored_once(tmp_path: Path):
    content = export(tied(), (12,)).contents[WEIGHTS]
    assert {name: tuple(tensor.shape) for name, tensor in load(content).items()} == {
        "encoder.encoder.0.weight": (6, 12),
        "encoder.encoder.0.bias": (6,),
        "encoder.encoder.2.weight": (3, 6),
        "encoder.encoder.2.bias": (3,),
        "encoder.decoder.0.bias": (6,),
        "encoder.decoder.2.bias": (12,),
    }
    (tmp_path / WEIGHTS).write_bytes(content)
    with safe_open(tmp_path / WEIGHTS, "pt") as file:
        assert file.metadata() == {
            "format": "pt",
            "encoder.decoder.0.weight": "encoder.encoder.2.weight",
            "encoder.decoder.2.weight": "encoder.encoder.0.weight",
        }


def test_without_the_extra_the_rest_is_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    exports = export(nn.Linear(2, 3).eval(), (2,))
    assert list(exports.contents) == [PROGRAM, WEIGHTS]
    assert list(exports.calls) == [PROGRAM]
    assert exports.left_out == {ONNX: "it takes onnxscript, onnxruntime: pip install 'evoprune[export]'"}


def test_what_onnx_has_no_words_for_is_left_out(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no such operator\nin these versions")

    monkeypatch.setattr(torch.onnx, "export", fail)
    exports = export(nn.Linear(2, 3).eval(), (2,))
    assert list(exports.contents) == [PROGRAM, WEIGHTS]
    assert exports.left_out == {ONNX: "it cannot be made (RuntimeError: no such operator in these versions)"}


def test_exporters_are_silent_and_leave_a_module_as_it_was(
    capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
):
    module = nn.Linear(2, 3).eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    program = torch.export.load(BytesIO(export(module, (2,)).contents[PROGRAM]))
    assert list(program.state_dict) == ["weight", "bias"]
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert module.weight.requires_grad
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
