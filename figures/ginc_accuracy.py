"""In-context accuracy on GINC: exact Bayes from clean and weak examples, the plateau of short ones, the published transformers, two traps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.ginc_accuracy import BARE, BARE_WEAK, CLEAN, EXAMPLES, LENGTHS, PUBLISHED, SEPARATE, WEAK, mean
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Light to dark with the length of examples.
SHADES = dict(zip(LENGTHS, ("#7FBCE3", "#3E96CC", "#0072B2", "#003F63"), strict=True))
MARKERS = dict(zip(LENGTHS, "o^sD", strict=True))
AT = np.arange(len(EXAMPLES))
LEGEND = {"fontsize": 8, "loc": "lower right", "handletextpad": 0.3, "labelspacing": 0.25, "borderaxespad": 0.1}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Eight panels; numbers of examples are evenly spaced, 0 first."""
    figure, axes = new_figure(4, 2, height=12.2)
    (top, mass), (medium, large), (short, wide), (long, traps) = axes

    for k in LENGTHS:
        _line(top, table, ("text", 50, k), CLEAN, SHADES[k], MARKERS[k], str(k))
        _line(top, table, ("text", 50, k), WEAK, SHADES[k], MARKERS[k], "", hollow=True)
        _line(mass, table, ("text", 50, k), CLEAN, SHADES[k], MARKERS[k], str(k), name="mass")
        for panel, vocabulary in ((medium, 100), (large, 150)):
            _line(panel, table, ("text", vocabulary, k), CLEAN, SHADES[k], MARKERS[k], str(k))
            panel.set_title(f"Clean outputs, vocabulary {vocabulary}")
    for setting, text, below in ((CLEAN, "outputs in the prompt", False), (WEAK, "the same, 30 % random", True)):
        level = 100 * np.mean([m.value[0] for k in LENGTHS if (m := mean(table, "text", 50, k, setting, "weak_accuracy"))])
        top.axhline(level, **LINES["weak"])
        xy = (AT[0] - 0.3, level - 1 if below else level + 1)
        top.annotate(text, xy, va="top" if below else "bottom", fontsize=8.5, color=COLOURS["weak"])
    top.set_title("Refined labels beat the weak ones\n(hollow: 30 % of outputs are random)")
    top.legend(title="tokens per example", bbox_to_anchor=(1.02, 0.21), ncols=4, columnspacing=0.6, title_fontsize=8, **LEGEND)

    for panel in (medium, large):
        if panel.get_lines():  # the quick grid may not have this vocabulary
            panel.legend(title="tokens per example", ncols=4, columnspacing=0.6, title_fontsize=8, **LEGEND)
    _line(mass, table, ("text", 50, 3), SEPARATE, COLOURS["ceiling"], "v", "3, examples read apart", name="mass")
    mass.set_title("Delimiters stop short examples\nfrom identifying the concept")
    mass.set_ylabel("mass on the right concept, %")
    mass.legend(title="tokens per example", ncols=2, columnspacing=0.8, title_fontsize=8, **LEGEND)

    for panel, vocabulary, k in ((short, 50, 3), (wide, 150, 3), (long, 50, 10)):
        key = ("released", vocabulary, k)
        _line(panel, table, key, SEPARATE, COLOURS["ceiling"], "v", "exact Bayes, examples read apart")
        _line(panel, table, key, CLEAN, COLOURS["student"], "o", "exact Bayes, one stream")
        for (layers, v, length), values in PUBLISHED.items():
            if (v, length) == (vocabulary, k):
                marker = "x" if layers == 12 else "+"
                label = f"published: GPT-2, {layers} layers"
                panel.plot(AT, values, marker=marker, linestyle=":", linewidth=1.2, color=COLOURS["control"], label=label)
        panel.set_title(f"Released language, vocabulary {vocabulary},\n{k} tokens per example")
    _line(wide, table, ("text", 150, 3), CLEAN, COLOURS["theory"], "o", "exact Bayes, language as in the text")
    for panel in (short, wide, long):
        panel.legend(**LEGEND)

    for key, setting, colour, marker, text, place in (
        (("text", 50, 10), WEAK, COLOURS["student"], "o", "weak outputs, smoothed", (3.6, 88)),
        (("text", 50, 10), BARE_WEAK, COLOURS["weak"], "s", "weak outputs,\nnot smoothed", (5.25, 50)),
        (("released", 50, 10), BARE, COLOURS["theory"], "^", "released language,\nnot smoothed", (-0.2, 12)),
    ):
        _line(traps, table, key, setting, colour, marker, "")
        traps.annotate(text, place, fontsize=8.5, color=colour)
    traps.set_title("Zeros end exact Bayes\n(10 tokens per example)")

    for panel in axes.ravel():
        panel.set_xticks(AT, [str(n) for n in EXAMPLES])
        panel.set(xlabel="examples in the prompt", ylim=(0, 103), ylabel=panel.get_ylabel() or "right answers, %")
    clean = mean(table, "text", 50, 10, CLEAN)
    assert clean is not None
    prompts = int(table["prompts"][table["language"] == "text"][0])
    caption(
        figure,
        f"Synthetic. Markers: exact Bayes over five hidden Markov concepts; means over {len(clean.trials)} languages drawn as in the text "
        f"(vocabulary 50 unless said) with {prompts} prompts each, or over sets of prompts of the one released language; bars: ± 2 standard errors. "
        "The answer is the likeliest next token, the right one that of the true concept without noise; outputs in the prompt are samples, "
        "so most are not the likeliest token even when clean. Smoothed: any token may be a slip (2 %). "
        "Published: Xie et al. 2022, released notebooks; GPT-2 trained on GINC, its own prompts, five trainings. The released language mixes 10 "
        "permutations where the text says 100, and has zeros; exact Bayes is shown smoothed unless said. A prompt without an answer counts "
        "as wrong.",
    )
    return figure


def _line(panel, table, key, setting, colour, marker, label, *, name="accuracy", hollow=False):
    """Markers with bars on a faint line, in per cent; nothing where the table has no such rows."""
    language, vocabulary, length = key
    found = mean(table, language, vocabulary, length, setting, name)
    if found is None:
        return
    panel.plot(AT, 100 * found.value, color=colour, linewidth=0.8, alpha=0.6, linestyle="-")
    face = {"markerfacecolor": "white"} if hollow else {}
    bars = 200 * np.nan_to_num(found.stderr)
    panel.errorbar(
        AT, 100 * found.value, yerr=bars, fmt=marker, color=colour, elinewidth=1.0, label=label or None, zorder=3, **face
    )
