"""Side-by-side timings against named peers, each answer checked. ``python -m benchmarks --help``; ``README.md`` reads the table."""

#: Every benchmark, in the order of the page: a module of this name with ``MODULES`` (imported before threads are counted) and
#: ``run(scale, here) -> Section``.
BENCHMARKS = {
    "ridge": "ridge heads: scikit-learn, himalaya, SciPy, cvxpy",
    "probe": "the published AdamW loop for one linear probe per task",
    "metrics": "errors from sufficient statistics, against forming heads",
    "logistic": "logistic heads: scikit-learn LogisticRegression, torch LBFGS",
    "streaming": "a Gram matrix from batches: rate and peak memory",
    "extraction": "features of texts: sentence-transformers; a decoder against bfloat16 products",
    "accuracy": "least squares and ridge from condition 10 to 1e14, against LAPACK",
    "prompts": "a million simulated prompts read by Bayes, against all features at once",
    "hidden_markov": "likelihoods under hidden Markov concepts, against loops over sequences",
    "pgr_intervals": "bootstrap intervals of PGR: scipy.stats.bootstrap",
    "sweeps": "what engines add to pure compute: joblib, Dask alone; reading and resuming a large store",
    "cost": "a plot of time against n, d, T and L",
}
#: Those that run on torch arrays as well.
ON_TORCH = ("ridge", "metrics", "logistic", "streaming", "extraction")
