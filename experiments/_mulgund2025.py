"""Results that Mulgund and Pabbaraju (ICML 2025) left in the outputs of their released notebooks, rounded to six digits.

AlexNet teaches linear heads on frozen features (ImageNet, CIFAR-10); the student is a mixture of k softmax heads. Cross-entropies,
entropies and divergences are means over test examples, in nats; "surrogate" stands for the truth as the same class of students learns
it from gold labels. A ± is the standard deviation over runs, as the notebooks print it. What can only be read off pictures is
not here, and nothing here is computed.
"""

from __future__ import annotations

from typing import NamedTuple

SOURCE = "outputs of the notebooks released with mulgund2025"
READ = "read in repository output"


class Setting(NamedTuple):
    """Means over ``runs`` of one weak model, student and loss. ``misfit`` is KL(student ‖ weak) in every setting."""

    task: str
    student: str
    loss: str
    heads: int
    runs: int
    weak_ce: float
    weak_accuracy: float
    student_ce: float
    student_ce_spread: float
    student_accuracy: float
    misfit: float
    misfit_spread: float


class Surrogate(NamedTuple):
    """KL(surrogate ‖ weak), KL(surrogate ‖ student), and the two printed differences gain − misfit: from labels, from the surrogate."""

    weak_kl: float
    student_kl: float
    residual_to_labels: float
    residual: float


class Heads(NamedTuple):
    """One k of a sweep: cross-entropy of the student, misfit or NaN, and printed differences gain − misfit or NaN (labels, surrogate)."""

    student_ce: float
    misfit: float
    gain: float
    residual: float
    residual_to_surrogate: float


VIT, RESNET = "ViT-B/8 (DINO)", "ResNet-50 (DINO)"
SETTINGS = (
    Setting("ImageNet", VIT, "reverse KL", 100, 10, 1.925897, 0.558800, 1.474215, 0.002816, 0.698610, 1.640137, 0.002335),
    Setting("ImageNet", RESNET, "forward KL", 100, 10, 1.925897, 0.558800, 1.648471, 0.003988, 0.602270, 1.098879, 0.003201),
    Setting("CIFAR-10", VIT, "forward KL", 100, 3, 0.582415, 0.796300, 0.405212, 0.002119, 0.898134, 0.368146, 0.001798),
)
#: Of the first setting; the others were not printed.
SURROGATE = Surrogate(1.517881, 0.710244, -1.188456, -0.832500)
#: Of the third setting: KL(weak ‖ student), its spread, and the cross-entropy −Σ student·log weak.
FORWARD_MISFIT, FORWARD_MISFIT_SPREAD, STUDENT_WEAK_CE = 0.268163, 0.000344, 1.102414

NAN = float("nan")
#: CIFAR-10, AlexNet to ViT-B/8, one run per number of heads, in two versions of the code. The weak model is the same in both.
SWEEP_WEAK_CE, SWEEP_WEAK_ACCURACY = 0.590277, 0.793100
SWEEPS = {
    "4.1": {
        1: Heads(0.378716, 0.321282, 0.211561, NAN, NAN),
        2: Heads(0.361246, 0.319733, 0.229031, NAN, NAN),
        3: Heads(0.357647, 0.317551, 0.232630, NAN, NAN),
        5: Heads(0.350766, 0.314467, 0.239511, NAN, NAN),
        10: Heads(0.348003, 0.309534, 0.242274, NAN, NAN),
        20: Heads(0.359845, 0.311407, 0.230431, NAN, NAN),
        50: Heads(0.357135, 0.306235, 0.233142, NAN, NAN),
        75: Heads(0.359666, 0.305192, 0.230610, NAN, NAN),
        100: Heads(0.355665, 0.305129, 0.234612, NAN, NAN),
        200: Heads(0.356685, 0.303655, 0.233591, NAN, NAN),
        500: Heads(0.356451, 0.303134, 0.233826, NAN, NAN),
    },
    "4.2": {
        1: Heads(0.348028, NAN, NAN, -0.097691, -0.055577),
        2: Heads(0.337354, NAN, NAN, -0.085624, -0.043233),
        3: Heads(0.331471, NAN, NAN, -0.081237, -0.037651),
        5: Heads(0.328085, NAN, NAN, -0.073951, -0.030560),
        10: Heads(0.333531, NAN, NAN, -0.074529, -0.032343),
        20: Heads(0.334465, NAN, NAN, -0.075090, -0.031560),
        50: Heads(0.337538, NAN, NAN, -0.074542, -0.031714),
        75: Heads(0.335005, NAN, NAN, -0.072342, -0.029377),
        100: Heads(0.337229, NAN, NAN, -0.073137, -0.029846),
        200: Heads(0.337242, NAN, NAN, -0.071963, -0.028445),
        500: Heads(0.343012, NAN, NAN, -0.077816, -0.034021),
    },
}
#: Ten single runs on ImageNet in an earlier version; the output names neither the student nor what varies.
#: Accuracy and cross-entropy of the student, misfit, and the gain from the surrogate.
RUNS_WEAK_CE = 1.925897
RUNS = (
    (0.6677, 1.346659, 1.193126, 0.739939),
    (0.6577, 1.373186, 1.211484, 0.723642),
    (0.6617, 1.369740, 1.204721, 0.749609),
    (0.6603, 1.382526, 1.204551, 0.715444),
    (0.6608, 1.387947, 1.211237, 0.687355),
    (0.6660, 1.370124, 1.212407, 0.723799),
    (0.6644, 1.357208, 1.198790, 0.740752),
    (0.6618, 1.378006, 1.209307, 0.709641),
    (0.6599, 1.372184, 1.204854, 0.711864),
    (0.6659, 1.348161, 1.200983, 0.756590),
)


class Synthetic(NamedTuple):
    """Their synthetic world: the truth is a network with the student's representation, inputs are Gaussian, the weak model a smaller network."""

    trials: int
    entropy: float
    weak_ce: float
    student_ce: float
    weak_kl: float
    student_kl: float
    misfit: float
    residual: float
    residual_std: float
    residual_error: float


SYNTHETIC = Synthetic(1_000_000, 0.730697, 1.917858, 1.684219, 1.187164, 0.953519, 0.234974, -0.001332, 0.475234, 0.000950)
