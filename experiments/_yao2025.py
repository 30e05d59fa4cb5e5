"""Accuracies reported by Yao et al. (Findings of ACL 2025) for forward and reverse KL, second-hand: not checked against the paper.

Reward models on CAI-Harmless, ``TEST`` examples. Every number is copied, none is computed here; cross-entropy losses are left out.
"""

from __future__ import annotations

READ = "second-hand"
TEST = 4000
#: Family, weak and strong model, share of flipped weak labels: accuracy with forward and with reverse KL, in percent.
ACCURACY = {
    ("GPT-2", "base", "medium", 0.0): (89.7, 91.5),
    ("GPT-2", "base", "large", 0.0): (93.6, 94.2),
    ("GPT-2", "medium", "large", 0.0): (93.5, 94.1),
    ("GPT-2", "base", "medium", 0.1): (90.1, 92.4),
    ("GPT-2", "base", "medium", 0.2): (86.3, 91.3),
    ("GPT-2", "base", "medium", 0.3): (81.7, 90.0),
    ("GPT-2", "base", "medium", 0.4): (72.8, 80.6),
    ("Qwen2.5", "3B", "7B", 0.0): (96.2, 96.8),
    ("Qwen2.5", "3B", "14B", 0.0): (96.4, 96.5),
    ("Qwen2.5", "7B", "14B", 0.0): (96.8, 96.8),
}
