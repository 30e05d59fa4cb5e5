"""Results that OpenAI left in the weak-to-strong repository of Burns et al. (2023): its vision table, and pictures of its language sweep.

Vision: AlexNet labels ImageNet images, linear probes on DINO features learn from 40 000 of the 50 000 validation images and are tested on the
other 10 000; the accuracy of AlexNet is taken on all 50 000. Language: two-class tasks, GPT-2 to Qwen-14B, defaults of the sweep (at most
10 000 test examples). A tag says where a number was read. Nothing here is computed.
"""

from __future__ import annotations

from typing import NamedTuple

READ = "read in repository output"
FIGURE = "read off a figure of the repository"
#: Accuracies in percent are printed to one digit.
PRINTED = 0.05


class Vision(NamedTuple):
    """Top-1 accuracies in percent, as the table has them."""

    weak: float
    student: float
    ceiling: float


VISION_TEST, VISION_WEAK_TEST = 10_000, 50_000
#: The first version's script stepped its cosine schedule, made for as many steps as epochs, once per batch; the later one is right.
VISION = {
    ("first", "ResNet-50 (DINO)"): Vision(56.6, 60.7, 63.7),
    ("first", "ViT-B/8 (DINO)"): Vision(56.6, 64.2, 74.9),
    ("later", "ResNet-50 (DINO)"): Vision(56.6, 61.9, 64.5),
    ("later", "ViT-B/8 (DINO)"): Vision(56.6, 66.6, 74.0),
}
#: The sweep: models in order of size, each pair of which is a weak model and a student.
MODELS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "Qwen-1_8B", "Qwen-7B", "Qwen-14B")
LOSSES = ("xent", "logconf")
#: Median PGR over the pairs, by loss; printed in the pictures.
MEDIAN_PGR = {
    "sciq": (0.332, 0.310),
    "amazon_polarity": (0.576, 0.521),
    "boolq": (0.048, -0.355),
    "cosmos_qa": (0.352, 0.369),
    "anthropic_hh": (-0.124, 0.806),
}
#: Test examples under the defaults: the size of the test split (validation, where the test split has no labels), at most 10 000.
TEST = {"sciq": 1000, "amazon_polarity": 10_000, "boolq": 3270, "cosmos_qa": 2985, "anthropic_hh": 8552}
#: Lowest and highest accuracy of a model trained on gold labels, which is also the weak model's of its pairs.
CEILINGS = {"anthropic_hh": (0.490, 0.496)}
#: sciq: weak and strong model -> accuracy of the student by loss, read to ± ``POINT``.
POINTS = {("gpt2", "gpt2"): (0.633, 0.605), ("gpt2", "Qwen-14B"): (0.771, 0.813)}
POINT = 0.005
