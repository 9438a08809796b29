"""How training uses the hardware: processes, precision, a fused optimiser, compilation, and parameters in shards.

With "fsdp" a parameter is a `DTensor`, of which each process holds its share. Names stay as they are, and a state that
was saved by any number of processes, in shards or not, is loaded by any other.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn

from ..data.memory import ACTIVATIONS, keep_freed_memory
from ..model.residual import residual_blocks
from .recipe import PRECISIONS, STRATEGIES, TrainingConfig

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def resolved_precision(precision: str) -> str:
    """What "auto" stands for on this machine: mixed on CUDA, in bf16 where it is supported; 32 bit on the CPU."""
    if precision != "auto":
        return precision
    if not torch.cuda.is_available():
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def make_fabric(precision: str = "auto", strategy: str = "auto") -> "Fabric":
    """Lightning Fabric on the processes that there are: those of torchrun, else this one.

    Args:
        precision: one of `PRECISIONS`; "auto" see `resolved_precision`.
        strategy: "auto" and "ddp" give every process all parameters; "fsdp" gives it a share, for models that are too
            large otherwise. One process has them all in any case.

    Raises:
        ValueError: an unknown strategy or precision (with the choices), or "fsdp" with "16-mixed", whose gradient
            scaler cannot tell that another process's share has overflowed.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
    from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy

    for name, value, choices in (("strategy", strategy, STRATEGIES), ("precision", precision, PRECISIONS)):
        if value not in choices:
            raise ValueError(f"unknown {name} {value!r}; choose from: {', '.join(choices)}")
    precision = resolved_precision(precision)
    local, world = (int(os.environ[name]) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE")) if _by_torchrun() else (1, 1)
    plan: Any = "auto"
    if world > 1 and strategy == "fsdp":
        if precision == "16-mixed":
            raise ValueError("precision '16-mixed' does not go with strategy 'fsdp'; choose 'bf16-mixed' or '32-true'")
        plan = ModelParallelStrategy(_shard, data_parallel_size=world, tensor_parallel_size=1)
    elif world > 1:
        # Some models have parameters that no gradient reaches: a text tower that is not trained, a scale not used.
        plan = DDPStrategy(find_unused_parameters=True)
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if accelerator == "cpu":
        keep_freed_memory(ACTIVATIONS)
    # Named, for Fabric would take what is set inside a job of Slurm's for processes that Slurm started.
    environment = TorchElasticEnvironment() if _by_torchrun() else LightningEnvironment()
    return Fabric(
        accelerator=accelerator,
        strategy=plan,
        devices=local,
        num_nodes=world // local,
        precision=precision,  # type: ignore[arg-type]  # one of `PRECISIONS`
        plugins=[environment],
    )


def _by_torchrun() -> bool:
    return distributed.is_available() and distributed.is_torchelastic_launched()


def _shard(objective: Any, mesh) -> nn.Module:
    """Give each process its share of the image encoder, the temporal head and the text tower's transformer.

    Those are called as modules, so that each can gather its parameters when it is, in training and in evaluation. What
    is left (the scale, the classifier's rows, embeddings) stays whole on every process and has its gradients averaged.
    """
    from torch.distributed.fsdp import fully_shard

    mesh, model = mesh["data_parallel"], objective.model
    objective.to(mesh.device_type, memory_format=torch.contiguous_format)  # shards know no other
    towers = [model.visual, model.temporal]
    if model.text_tower is not None:
        towers.append(model.text_tower.model.transformer)
    for tower in towers:
        for block in _blocks(tower):
            fully_shard(block, mesh=mesh)
        if any(True for _ in tower.parameters()):
            fully_shard(tower, mesh=mesh)

    def averaged(gradient: Tensor) -> Tensor:
        gradient = gradient / distributed.get_world_size()
        distributed.all_reduce(gradient)
        return gradient

    for parameter in objective.parameters():
        if parameter.requires_grad and not _in_shards(parameter):
            parameter.register_hook(averaged)
    return objective


def _blocks(tower: nn.Module) -> list[nn.Module]:
    try:
        return [block for block, _ in residual_blocks(tower)]
    except ValueError:  # then the tower is one unit
        return []


def _in_shards(tensor: Any) -> bool:
    return hasattr(tensor, "full_tensor")  # a DTensor; its module takes a second to import


def make_optimizer(groups: Iterable[dict], config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW over the groups of `recipe.parameter_groups`, in one fused kernel.

    Not fused with "16-mixed" and `grad_clip`: the kernel would undo the gradients' scale itself, after the clipping. To
    be made after `fabric.setup_module`, which may replace parameters.
    """
    parts = []  # a fused kernel takes whole parameters or shards, not both
    for group in groups:
        for shards in (True, False):
            parameters = [parameter for parameter in group["params"] if _in_shards(parameter) is shards]
            if parameters:
                parts.append(group | {"params": parameters})
    fused = resolved_precision(config.precision) != "16-mixed" or config.grad_clip is None
    return torch.optim.AdamW(
        parts, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay, fused=fused or None
    )


@torch.no_grad()
def clip_gradients(fabric: "Fabric", optimizer: torch.optim.Optimizer, max_norm: float) -> Tensor:
    """Scale the gradients so that their norm over all parameters, shards of other processes too, is at most `max_norm`.

    A norm that is not finite makes them so too: in fp16 the scaler then skips the step. Returns the norm before, a
    scalar on the device.
    """
    fabric.strategy.precision.unscale_gradients(getattr(optimizer, "optimizer", optimizer))
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    kinds = [[p for p in parameters if _in_shards(p) is shards] for shards in (True, False)]
    norms = [_whole(nn.utils.get_total_norm([p.grad for p in kind])) for kind in kinds if kind]
    norm = torch.linalg.vector_norm(torch.stack(norms))
    for kind in kinds:
        nn.utils.clip_grads_with_norm_(kind, max_norm, norm)
    return norm


def compiled(fabric: "Fabric", objective: nn.Module, example: dict) -> tuple[nn.Module, str]:
    """An objective by torch.compile, or the objective itself and why: no C++ compiler, or code that cannot be compiled.

    It is tried in one forward and backward pass, whose gradients are thrown away.

    Args:
        fabric, objective: which gave which by `fabric.setup_module`; in training mode.
        example: keyword arguments of a forward pass, as of the first batch, for which stochastic depth has drawn.
    """
    candidate: Any = torch.compile(objective)
    try:
        fabric.backward(candidate(**example)[0])  # in mixed precision Fabric lets nobody else do it
    except Exception as error:  # whatever the compiler does not know; a fault of the model itself comes again, plain
        lines = str(error).strip().splitlines()
        return objective, f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
    finally:
        objective.zero_grad(set_to_none=True)
    return candidate, ""


def _whole(tensor: Any) -> Tensor:
    return tensor.full_tensor() if _in_shards(tensor) else tensor


def full_state(fabric: "Fabric", model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict:
    """Weights, moments by parameter name, and the gradient scaler: whole tensors, the same keys on any strategy.

    To be called on every process at once, with the model as it is, not wrapped; moments are the optimizer's, if given.

    Returns:
        {"model": weights, "optimizer": {name: {"step", "exp_avg", "exp_avg_sq"}}, "scaler": dict}; the last two only
        where there are. Empty but on the first process, where the tensors of shards are on the CPU.
    """
    first = fabric.global_rank == 0

    def gather(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        whole = {}
        for name, tensor in tensors.items():  # one at a time, so that no device ever holds the whole
            gathered = _whole(tensor)
            if first:
                whole[name] = gathered.cpu() if _in_shards(tensor) else gathered
        return whole

    state: dict[str, Any] = {"model": gather(model.state_dict())}
    if optimizer is not None:
        moments = {name: optimizer.state[p] for name, p in model.named_parameters() if p in optimizer.state}
        state["optimizer"] = {name: gather(own) for name, own in moments.items()}
        if scaler := fabric.strategy.precision.state_dict():
            state["scaler"] = scaler
    return state if first else {}


@torch.no_grad()
def load_full_state(
    fabric: "Fabric", state: dict, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Put in place what `full_state` gave; every process has read the whole state, and takes its share.

    After `fabric.setup_module` and `setup_optimizers`. A state may lack "optimizer" and "scaler", whose owners then
    stay as they are; weights that do not fit are a RuntimeError, moments that nobody has a KeyError.
    """
    present = model.state_dict()
    weights = {n: _share(t, present[n]) if n in present else t for n, t in state["model"].items()}
    model.load_state_dict(weights)
    if optimizer is not None and "optimizer" in state:
        named = dict(model.named_parameters())
        order = {id(p): i for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"])}
        moments = {
            order[id(named[name])]: {
                # A copy: the state may be a mapped file, which need not be there for as long as training takes.
                key: _share(value.clone(), named[name]) if value.ndim else value.clone()
                for key, value in own.items()
            }
            for name, own in state["optimizer"].items()
        }
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
        if "scaler" in state:
            fabric.strategy.precision.load_state_dict(state["scaler"])


def _share(whole: Tensor, like: Any) -> Tensor:
    """This process's part of a tensor, as another is in parts."""
    if not _in_shards(like) or _in_shards(whole):
        return whole
    from torch.distributed.tensor import distribute_tensor

    whole = whole.to(like.device_mesh.device_type)
    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)
