"""The words of a report, for somebody who has not read the papers."""

from __future__ import annotations

from .sections import Section

GLOSSARY = Section(
    "Glossary",
    "All errors are averages over test points that trained none of the models, unless a table says otherwise.",
    rows=[
        {"word": "target", "meaning": "the truth: gold labels, or what they are drawn from"},
        {"word": "weak", "meaning": "the weak supervisor (teacher): the model whose labels the strong model is trained on"},
        {"word": "student", "meaning": "the strong model trained on the weak labels; it has seen no gold label"},
        {"word": "ceiling", "meaning": "the same strong model trained on gold labels: what it could do with a perfect teacher"},
        {"word": "gain", "meaning": "error of weak − error of student; positive means that the student beats its teacher"},
        {"word": "misfit", "meaning": "how far student and weak are apart, in the same loss; it needs no gold label"},
        {
            "word": "residual",
            "meaning": "gain − misfit; zero where the strong class is convex, contains the target, and the student is its best fit",
        },
        {
            "word": "PGR",
            "meaning": "performance gap recovered: gain / (error of weak − error of ceiling); 1 means that the student is as good as "
            "the ceiling, 0 that it is as good as the weak model; no number where the ceiling does not beat the weak model",
        },
        {
            "word": "ε",
            "meaning": "realizability error: the error of the best model in the strong class. In squared loss, for an unpenalised "
            "linear student of the whole population, the gain lies within misfit ± 2√(misfit · ε)",
        },
        {
            "word": "interval",
            "meaning": "[low, high] covers the true value in the stated share of repetitions (95 % unless said otherwise)",
        },
    ],
)
