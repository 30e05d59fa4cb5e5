"""Representation pretraining: a network learns h: R^d_in → R^width from tasks whose heads are known. torch on the CPU.

The set-up is that of the synthetic experiment in "Quantifying the Gain in Weak-to-Strong Generalization" (Charikar, Pabbaraju,
Shiragur 2024): heads copied and frozen, mean squared error, AdamW with learning rate 1e-3 and weight decay 0.01, batches of 32,
1000 epochs, 10 tasks with 2000 inputs each. What differs from the authors' notebook: there a step sees 32 inputs of one task, and
the tasks take turns; here it sees 32 inputs of every task. That costs little more per step, has less noise (a lower loss of the
weak network), and makes 63 steps of an epoch of 10 tasks instead of 630.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._array import to_numpy
from .._validation import MissingExtra, SolverFailure, finite, generator, positive, whole
from ..problems.representations import MLP, predict

Progress = Callable[[int, float], bool | None]


def pretrain(
    start: MLP,
    target: MLP,
    heads: np.ndarray,
    inputs: np.ndarray,
    *,
    epochs: int = 1000,
    batch: int = 32,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    progress: Progress | None = None,
    rng: np.random.Generator,
) -> tuple[MLP, np.ndarray]:
    """Train ``start`` so that the known heads, put on its features, reproduce the tasks of the target representation:

        minimise over h   mean over tasks t and inputs x of task t of (head_t(h(x)) − head_t(target(x)))².

    ``heads`` (tasks, width + 1), intercept last, as from ``random_heads``; ``inputs`` (tasks, n, d_in), a sample for each task.
    An epoch visits the samples in a new random order; its last batch may be smaller. ``progress(epoch, loss)`` is called after
    every epoch, counted from 1; when it returns True, training ends there.

    Returns the trained network and the loss of each epoch, (epochs,): the mean over its batches of the mean squared error (not
    halved, labels as they are), each taken just before the step. The arithmetic is float32. The outcome depends on the arguments
    and on ``rng`` only. While it runs, torch is set to one thread: the matrices are far too small for two.

    Raises ``MissingExtra`` without torch, ``ValueError`` for shapes that do not belong together, ``SolverFailure`` when the loss
    is no longer finite.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", "torch") from None
    inputs, heads, labels = _tasks(start, target, heads, inputs)
    whole("epochs", epochs)
    whole("batch", batch)
    positive("learning_rate", learning_rate)
    positive("weight_decay", weight_decay, strict=False)
    generator(rng)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = _Network(start)
        optimiser = torch.optim.AdamW([network.flat], lr=learning_rate, weight_decay=weight_decay, fused=True)
        # Samples first: a batch of all tasks is then one contiguous slice.
        x = torch.as_tensor(np.swapaxes(inputs, 0, 1), dtype=torch.float32).contiguous()
        y = torch.as_tensor(labels.T, dtype=torch.float32).contiguous()
        vectors, intercepts = (torch.as_tensor(part, dtype=torch.float32) for part in (heads[:, :-1], heads[:, -1]))
        losses: list[float] = []
        for epoch in range(1, epochs + 1):
            order = torch.from_numpy(rng.permutation(len(x)))
            batches = list(zip(x[order].split(batch), y[order].split(batch), strict=True))
            total = torch.zeros(())
            for some_x, some_y in batches:
                predictions = (network(some_x) * vectors).sum(dim=-1) + intercepts
                loss = torch.nn.functional.mse_loss(predictions, some_y)
                network.gradient.zero_()
                loss.backward()
                optimiser.step()
                total += loss.detach()
            losses.append(float(total) / len(batches))
            if not np.isfinite(losses[-1]):
                raise SolverFailure(
                    f"the loss is {losses[-1]} after {epoch} epochs; use a smaller learning_rate than {learning_rate}."
                )
            if progress is not None and progress(epoch, losses[-1]):
                break
        return network.trained(), np.array(losses)
    finally:
        torch.set_num_threads(threads)


class _Network:
    """The network in torch; parameters and gradients are views of one vector each, so that AdamW has a single array to update."""

    def __init__(self, start: MLP) -> None:
        import torch

        arrays = [array for layer in zip(start.weights, start.biases, strict=True) for array in layer]
        self.flat = torch.nn.Parameter(torch.as_tensor(np.concatenate([array.ravel() for array in arrays]), dtype=torch.float32))
        self.flat.grad = self.gradient = torch.zeros_like(self.flat)
        sizes = [array.size for array in arrays]
        self.parameters = [part.view(array.shape) for part, array in zip(self.flat.detach().split(sizes), arrays, strict=True)]
        for parameter, gradient in zip(self.parameters, self.gradient.split(sizes), strict=True):
            parameter.requires_grad_().grad = gradient.view_as(parameter)

    def __call__(self, inputs: Any) -> Any:
        import torch

        # A matrix product of two axes has a much shorter way back through autograd than one of three.
        features = inputs.flatten(0, -2)
        for weight, bias in zip(self.parameters[::2], self.parameters[1::2], strict=True):
            features = torch.relu_(torch.nn.functional.linear(features, weight, bias))
        return features.view(*inputs.shape[:-1], -1)

    def trained(self) -> MLP:
        arrays = [parameter.detach().numpy() for parameter in self.parameters]
        return MLP(tuple(arrays[::2]), tuple(arrays[1::2]))


def _tasks(start: MLP, target: MLP, heads: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Validated inputs (tasks, n, d_in) and heads, and the labels (tasks, n) that the target representation and the heads give them."""
    inputs, heads = (
        np.asarray(to_numpy(finite(*named, ndim=k))) for named, k in ((("inputs", inputs), 3), (("heads", heads), 2))
    )
    if len(heads) != len(inputs):
        raise ValueError(
            f"inputs must hold a sample for each of the {len(heads)} heads; the shape is {inputs.shape}: (tasks, n, d_in)."
        )
    if start.width != target.width or start.d_in != target.d_in:
        raise ValueError(
            f"start must have the target's d_in {target.d_in} and width {target.width}, as the heads are kept; "
            f"it has {start.d_in} and {start.width}."
        )
    return inputs, heads, predict(target(inputs), heads)
