"""Scores reported by Somerstep et al. (ICLR 2025), recomputed from the per-question scores that the authors released with their code.

Persona and explanation tasks: means over test questions of a judge's scores (gpt-4o-2024-08-06) for content and for style (in the
explanation task: its use of analogies), up to 10, standard error at most ``STDERR``. Methods: "naive" fine-tunes the student on the
teacher's answers; "intent" has the student infer the intent behind a batch of them in one sentence and answer anew (the authors'
infer-and-respond); "icl" has it answer anew with the batch's other answers as in-context examples. Every number is copied, none is
computed here.
"""

from __future__ import annotations

from typing import NamedTuple

SOURCE = "recomputed from the scores released with somerstep2025"
#: No standard error of a mean score exceeds this.
STDERR = 0.37
STUDENTS = ("GPT-3.5", "GPT-4o mini")
METHODS = ("naive", "intent", "icl")
#: In-context examples per query: batches of five (persona) and of four (explanation), leaving the query's own pair out.
EXAMPLES = {"tinyTruthfulQA": 4, "tinyAlpacaEval": 4, "explanation": 3}


class Score(NamedTuple):
    """Mean content and style of a model's answers."""

    content: float
    style: float


#: The strong models before any fine-tuning, in the order of ``STUDENTS``.
UNTUNED = {
    "tinyTruthfulQA": (Score(7.42, 1.79), Score(8.32, 1.98)),
    "tinyAlpacaEval": (Score(7.98, 2.07), Score(8.72, 2.18)),
    "explanation": (Score(9.04, 0.42), Score(9.58, 0.78)),
}
#: The weak models that teach.
TEACHERS = {
    "tinyTruthfulQA": {
        "Falcon": Score(2.37, 6.28),
        "Llama 2": Score(3.56, 8.50),
        "Mistral": Score(4.70, 8.36),
        "Gemma": Score(2.63, 7.70),
    },
    "tinyAlpacaEval": {
        "Falcon": Score(3.58, 5.04),
        "Llama 2": Score(5.58, 8.67),
        "Mistral": Score(6.44, 8.48),
        "Gemma": Score(3.80, 7.80),
    },
    "explanation": {
        "Falcon": Score(5.93, 3.26),
        "Llama 2": Score(6.18, 7.15),
        "Mistral": Score(7.75, 8.16),
        "Gemma": Score(5.12, 5.05),
    },
}
#: Task, teacher: the methods' scores for each student, (naive, intent, icl).
TUNED = {
    ("tinyTruthfulQA", "Falcon"): (
        (Score(2.54, 5.23), Score(5.85, 8.79), Score(6.47, 6.04)),
        (Score(2.30, 4.58), Score(6.57, 9.07), Score(7.58, 5.70)),
    ),
    ("tinyTruthfulQA", "Llama 2"): (
        (Score(3.61, 8.55), Score(5.76, 8.79), Score(6.51, 7.23)),
        (Score(3.55, 8.52), Score(6.35, 9.09), Score(7.33, 7.99)),
    ),
    ("tinyTruthfulQA", "Mistral"): (
        (Score(4.57, 8.38), Score(5.93, 8.81), Score(6.73, 8.57)),
        (Score(4.55, 8.40), Score(6.48, 9.04), Score(7.07, 7.86)),
    ),
    ("tinyTruthfulQA", "Gemma"): (
        (Score(2.82, 7.86), Score(5.63, 8.75), Score(6.84, 7.38)),
        (Score(2.79, 7.94), Score(6.43, 9.15), Score(7.07, 7.85)),
    ),
    ("tinyAlpacaEval", "Falcon"): (
        (Score(3.05, 4.96), Score(7.03, 8.76), Score(7.58, 4.87)),
        (Score(3.27, 4.51), Score(7.80, 8.27), Score(8.20, 4.02)),
    ),
    ("tinyAlpacaEval", "Llama 2"): (
        (Score(5.74, 8.81), Score(7.21, 8.31), Score(7.70, 5.46)),
        (Score(5.60, 8.73), Score(7.81, 8.63), Score(8.09, 6.71)),
    ),
    ("tinyAlpacaEval", "Mistral"): (
        (Score(6.49, 8.56), Score(7.35, 7.95), Score(7.94, 6.91)),
        (Score(6.20, 8.57), Score(7.50, 9.00), Score(8.12, 6.26)),
    ),
    ("tinyAlpacaEval", "Gemma"): (
        (Score(3.74, 7.73), Score(7.31, 8.38), Score(7.74, 5.53)),
        (Score(3.73, 7.82), Score(7.76, 8.76), Score(8.27, 5.74)),
    ),
    ("explanation", "Falcon"): (
        (Score(6.95, 2.85), Score(9.07, 3.81), Score(9.22, 0.72)),
        (Score(6.98, 2.47), Score(9.16, 6.05), Score(9.45, 0.72)),
    ),
    ("explanation", "Llama 2"): (
        (Score(6.70, 7.28), Score(7.53, 8.56), Score(8.96, 4.48)),
        (Score(7.05, 7.26), Score(8.02, 9.06), Score(9.34, 4.31)),
    ),
    ("explanation", "Mistral"): (
        (Score(8.02, 7.98), Score(7.95, 8.65), Score(9.23, 2.55)),
        (Score(7.86, 8.02), Score(8.30, 9.17), Score(9.44, 4.16)),
    ),
    ("explanation", "Gemma"): (
        (Score(5.88, 4.05), Score(8.08, 8.62), Score(8.82, 2.40)),
        (Score(5.90, 4.39), Score(8.38, 9.08), Score(9.38, 2.48)),
    ),
}


class Accuracy(NamedTuple):
    """GPT-4o mini on 100 questions: fine-tuned on a weak teacher's solutions, and on solutions refined in context."""

    naive: float
    refined: float


MATH_QUESTIONS = 100
MATH_UNTUNED = {"MATH": 0.783, "GSM8K": 0.914}
MATH = {
    ("MATH", "Llama 2"): Accuracy(0.068, 0.742),
    ("MATH", "Gemma"): Accuracy(0.300, 0.740),
    ("MATH", "Mistral"): Accuracy(0.352, 0.730),
    ("GSM8K", "Llama 2"): Accuracy(0.520, 0.907),
    ("GSM8K", "Gemma"): Accuracy(0.775, 0.920),
    ("GSM8K", "Mistral"): Accuracy(0.727, 0.930),
}
#: A printed accuracy that can't be one: why, and what it most likely stands for.
DEFECTIVE = {
    ("GSM8K", "Gemma"): (
        "the notebook adds these scores twice and divides by 100, so 0.775 is about twice the accuracy; the standard deviation printed "
        "with it, 0.483, exceeds what scores between 0 and 1 of that mean allow (0.418) and fits a mean near 0.387"
    )
}
#: Bias task, the students in the order of ``STUDENTS``: content and the share of answers about women; no teacher-by-teacher scores.
BIAS = {
    "untuned": ((8.97, 0.713), (8.77, 0.923)),
    "naive": ((7.80, 1.000), (6.82, 1.000)),
    "refined": ((9.03, 0.963), (8.78, 0.981)),
}
