"""A module as files that need no evoprune: a program for torch, one for ONNX, and its weights."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO, StringIO
from warnings import catch_warnings, simplefilter

import torch
from safetensors.torch import save
from torch import Tensor, nn

from evoprune.files import reason

PROGRAM, ONNX, WEIGHTS = "model.pt2", "model.onnx", "weights.safetensors"
NEEDED = ("onnx", "onnxscript", "onnxruntime")
"""What writing and checking ``model.onnx`` takes."""
Call = Callable[[Tensor], Tensor]


@dataclass
class Exports:
    """The content of each file, what computes from that content, and why a file is missing, each by its name."""

    contents: dict[str, bytes] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def export(module: nn.Module, shape: Sequence[int]) -> Exports:
    """A module as ``model.pt2``, ``model.onnx`` and ``weights.safetensors``, the former two for any number of samples.

    Nothing in them says where they were made. Inputs and outputs of ``model.onnx`` are called ``input`` and ``output``.

    :param module: in evaluation mode, on the CPU.
    :param shape: of a sample.
    """
    made = Exports()
    program = _program(module, shape)
    buffer = BytesIO()
    torch.export.save(program, buffer)
    made.contents[PROGRAM] = buffer.getvalue()
    made.calls[PROGRAM] = torch.export.load(BytesIO(made.contents[PROGRAM])).module()
    if missing := _missing():
        made.left_out[ONNX] = f"it takes {', '.join(missing)}: pip install 'evoprune[export]'"
    else:
        try:
            content = _onnx(program)
            made.contents[ONNX], made.calls[ONNX] = content, _session(content)
        except Exception as error:  # whatever a network makes the exporter stumble over
            made.left_out[ONNX] = f"it cannot be made ({type(error).__name__}: {reason(error)})"
    made.contents[WEIGHTS] = _weights(module)
    return made


def _program(module: nn.Module, shape: Sequence[int]) -> torch.export.ExportedProgram:
    """What torch makes of a module; a batch of two stands for any, which one of a single sample would not."""
    example = torch.zeros(2, *shape)
    with _silence():
        program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def _missing() -> list[str]:
    """What of :data:`NEEDED` cannot be imported."""
    found = []
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError:
            found.append(name)
    return found


def _onnx(program: torch.export.ExportedProgram) -> bytes:
    with _silence():
        found = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=({0: "batch"},),
        )
    assert found is not None
    model = found.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # names of our classes
    content: bytes = model.SerializeToString()
    return content


def _session(content: bytes) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda inputs: torch.from_numpy(session.run(None, {"input": inputs.numpy()})[0])


def _weights(module: nn.Module) -> bytes:
    """Parameters and buffers; of one that stands in several places the first name has it, the metadata the others.

    So does ``safetensors.torch.save_model``.
    """
    first: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}
    metadata = {"format": "pt"}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) in first:
            metadata[name] = first[id(tensor)]
        else:
            first[id(tensor)] = name
            tensors[name] = tensor.detach().contiguous()
    return save(tensors, metadata)


@contextmanager
def _silence() -> Iterator[None]:
    """Exporters say much about themselves: on standard output, in warnings and in logs."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with catch_warnings(), redirect_stdout(StringIO()):
            simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
