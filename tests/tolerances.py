"""Every tolerance of the tests, with its reason: rounding × condition, a solver's residual, or standard errors at a stated rate."""

from __future__ import annotations

#: Rounding of float64 sums over the tests' samples (tens to thousands of terms of size one): 256 units of 2⁻⁵², with room for scale.
ROUNDING = 1e-12

#: The same for float32 input: 256 units of 2⁻²³.
ROUNDING_FLOAT32 = 3e-5

#: A central finite difference with step 1e-5 of a smooth function of size one is off by about 1e-10 (truncation) + 1e-11 (rounding).
FINITE_DIFFERENCE = 1e-7

#: Standard errors for a Monte-Carlo comparison. Two-sided false-alarm rate 2.6e-7 each, below 1e-3 for a thousand of them.
STANDARD_ERRORS = 5.15

#: Adaptive quadrature (scipy.integrate) with its default error target 1.5e-8.
QUADRATURE = 1e-7

#: Two ways to solve one linear problem of condition at most 1e5: rounding (2⁻⁵² over ≤ 100 terms) times the condition, 2e-14 · 1e5.
SOLVE = 3e-9

#: A computed rounding error against its first-order estimate eps · condition, which leaves out a constant of the size of √n.
ERROR_ESTIMATE_FACTOR = 10

#: CLARABEL stops at relative gap and residuals of 1e-8; unknowns of size ten turn a residual into 1e-7 of an optimum, and a factor 10
#: is room. Two members whose variational inequalities hold to g and g' are at squared distance at most g + g', so squared
#: distances agree to the same.
CLARABEL = 1e-6

#: Fitted values of a Design may be this many times further from the truth than LAPACK's: the goal of the engine, which the switch
#: from the Gram matrix to a QR at GRAM_LIMIT is set to keep.
DESIGN_OVER_LAPACK = 10

#: scipy.integrate.solve_ivp at rtol 1e-11 over a few hundred steps of a flow whose heads are of order one.
INTEGRATED_FLOW = 1e-8

#: Gram matrix of tens of thousands of float32 rows multiplied in blocks: rounding 6e-8 of a block's sums, averaged over tens of blocks.
#: One block alone stays below twice that.
FLOAT32_GRAM = 1e-7

#: Heads fitted to a relative gradient of 1e-10 (float64) on problems whose curvature varies by at most 1e4: probabilities to 1e-10 · 1e4, and
#: no worse than a peer's own stop at about as much.
SOFTMAX = 1e-6

#: The same in float32, to a relative gradient of 1e-5 on problems whose curvature varies by 1e2.
SOFTMAX_FLOAT32 = 1e-3

#: What scipy.optimize.minimize (BFGS, numerical gradients) leaves of an objective of size 10 to 100: gradient 1e-5 squared over curvature.
BFGS = 1e-7

#: scipy.optimize.fminbound at xtol 1e-5 stops within that of the minimum of a function of curvature of order one: its square.
BRENT = 1e-9

#: SLSQP at ftol 1e-15 on a quadratic of order one: a point within 3e-8 of the best, times a slope of order one and room for its stop.
SLSQP = 1e-6

#: Students of ``solve_hull``: a gap of at most 1e-10 of labels of order one, so a distance of at most 1e-5.
CONSTRAINED = 1e-5

#: The trapezoidal rule on analytic integrands that end below 1e-17 of their peak: rounding of thousands of terms of order one.
TRAPEZOIDAL = 1e-12

#: A loop over logarithms: each step rounds a number of size up to 1e4 (2e-12), over up to 5000 steps, mostly cancelling.
LOG_SPACE = 1e-9

#: Gauss–Hermite quadrature with 32 nodes of the log ratio of two mixtures whose components have similar widths: 1e-5 was the most seen.
HERMITE = 1e-4

#: A number quoted with four decimals is within half of the last one.
PRINTED = 5.1e-5

#: Chances of winning a tie from 2 000 000 simulated walks (standard error 3.4e-4) whose covariance comes from 2 000 000 examples (relative
#: error 2e-3 of its entries, less of a chance): five standard errors and as much again. Sees 2 % of a chance of 0.2.
TIE_CHANCES = 0.004

#: Errors of soft concepts quoted to three digits from a simulation of unstated length: half a digit and about a standard error of 20 000 prompts.
QUOTED_SOFT_RISK = 0.002

#: A trapezoidal rule through a saddle point, its integrand resolved to 1e-16 per step: rounding over up to 1e5 oscillating terms.
SADDLE = 1e-10

#: A number quoted with three digits after rounding, by a computation of its own: half of the last one, with room for its own rounding.
PRINTED_THREE = 6e-4

#: A bounded scalar search finds its argument to the root of rounding times the curvature's root: 1e-8 · √(300 labels), with room for EM's end.
SEARCHED_ARGUMENT = 1e-6

#: Eigenvalues of a matrix that is not symmetric, and may be nearly defective: the root of rounding, with room.
EIGENVALUES = 1e-6

#: A linear law of an iteration within 1e-5 of its fixed point: the quadratic term is of that relative size, times a modest constant.
NEAR_FIXED_POINT = 1e-3

#: EM after thousands of rounds that contract by a factor below 0.99: its distance to the limit is below rounding of the weights' sums.
EM_LIMIT = 1e-9

#: A correction of 1 + κ/n, κ about 5, changes by 1e-3 between n = 2000 and 4000: over 2000 steps of exponent 0.1, 5e-6, with room.
EXPONENT = 1e-4

#: 1001 votes that are wrong with a chance of 0.38 each: most of them are with a chance below ½(2√(.38 · .62))^1001 < 1e-12.
LANDSLIDE = 1e-9

#: The coefficient of 1/n in an expansion, extrapolated over n, 2n, 4n with n a hundred times the coefficient: the terms left out are of
#: relative size a few times 1e-6, and rounding of the ratio (1e-12) times n / coefficient is smaller.
EXTRAPOLATED = 1e-4

#: The smallest value of a convex function by two bisections: its argument to 1e-16 of its range, and rounding of a handful of logarithms.
SEARCHED_MINIMUM = 1e-10

#: Bytes: twelve arrays the size of a piece of a simulation (2²² numbers of 8 bytes are 32 MiB); all at once would be several times as many.
PIECE_MEMORY = 128 * 2**20

#: Heads of ``SoftmaxRule``, fitted to a relative gradient of 1e-6 where curvature varies by 1e2: probabilities to 1e-6 · 1e2.
SOFTMAX_RULE = 1e-4

#: HiGHS (scipy.optimize.linprog) stops at feasibilities of 1e-7; with ten variables of order one and slopes of ten, 1e-6 of an optimum.
LINEAR_PROGRAM = 2e-6

#: Heads after 700 full-batch steps of Adam on a cosine schedule to rate 0, of a problem of curvature about 0.1: what is left of the
#: oscillation in the probabilities; 2e-6 was the most seen (reverse KL, three classes).
ADAM_END = 1e-5

#: A sum over up to 201 counts of products of Poisson chances, divided by another, relative: positive terms, with exponents of up to a thousand.
VOTES = 1e-11

#: scipy.optimize.minimize (BFGS, numerical gradients) stops at gradients of 1e-6 to 1e-5 where the curvature is 0.02 or more (the penalty):
#: heads to 5e-4 at most, probabilities to a quarter of that.
BFGS_PROBABILITY = 2e-4

#: Log-odds of tens, from probabilities that are rounded to 2⁻⁵² and as small as 1e-8, against an affine fit to hundreds of points.
LOG_ODDS = 1e-8

#: Mean squares in two samples of 10 000 and 20 000 rows with kurtosis below 10: 3 per cent is one standard error of heavy ones, and the
#: root of a mean square is off by half of that.
CALIBRATED = 0.08

#: What an average of 100 draws adds to its law of order 1/k: terms of the order 1/k² with coefficients of a few times the first.
NEXT_ORDER = 0.05

#: Leaving one of 2000 points out against the derivative of the metric: relative terms of 1/n times a modest constant, per standard deviation.
JACKKNIFE = 0.01

#: Students of ``project_on_hull``: a certificate of at most 1e-9 of divergences of order one to ten, with room for rounding's stop.
HULL_OPTIMUM = 1e-7

#: A number quoted with six decimals is within half of the last one.
PRINTED_SIX = 5.1e-7

#: Ends of an interval searched between neighbours on a grid of angles: π/128 divided by 16⁵, times the slope of tan on angles up to 1.3, with room.
BISECTED = 1e-6

#: What a Taylor series leaves out for averages of 60 draws: its next term is of relative size 1/60 times a modest constant.
TAYLOR = 0.05

#: Sums of up to hundreds of terms of order one that cancel to a thousandth of their size: rounding (1e-12) over that.
CANCELLED = 1e-9

#: A bound that is attained in a limit, seen at a step of 1e-4 to 1e-3 from it: the next term is of the step's size.
NEARLY_ATTAINED = 2e-3

#: KL of distributions 1e-4 apart is 1e-8 of the size of its terms, which rounds it by 1e-16 · 1e8; root, with room.
NEAR_KL = 1e-6

#: A leading order in σ² at noise σ = 0.02 to 0.03: the next term is σ² times a curvature squared times up to ten dimensions.
CURVATURE_ORDER = 0.02

#: A minimum on a grid of step 5e-4: its argument to that, its value to the square of it.
GRID_ARGUMENT, GRID_MINIMUM = 1e-3, 1e-6

#: Misfit of the best tanh unit on a grid of inner weights (steps 0.19 and 0.05) against the best of all: neighbours correlate by 0.989 or
#: more, points between them by 0.997, so 0.3 % of a unit's power of one is lost either way, beside a misfit of a quarter.
NEURON_GRID = 0.03

#: Share of independent noise that a class with k parameters leaves, 1 − k/n, exact for a linear class only: a neuron's curvature is a few per cent.
DEGREES_OF_FREEDOM = 0.05

#: A one-sided difference with step 1e-6 of a convex function of curvature up to some hundreds, relative to a slope of order 0.1.
ONE_SIDED = 1e-3

#: Peak memory of two streams that differ in length alone: the same blocks, and the queue may be fuller by one of six in the longer one.
FLAT_MEMORY = 1.3

#: Pooled states of a few blocks in float32 against float64: rounding 6e-8 over sums of up to 400 terms, relative to the largest,
#: carried through some five blocks with norms.
FLOAT32_FORWARD = 1e-5

#: The same in bfloat16 (8 bits, rounding 4e-3) and in float16 (11 bits, rounding 5e-4): a dozen roundings one after another, with room.
HALF_FORWARD, FLOAT16_FORWARD = 0.06, 0.008

#: Features stored as float16 against the same numbers in float32: rounding 5e-4 of an entry.
STORED_FLOAT16 = 1e-3

#: Ends of an interval for a difference of shares by 24 bisections of a range of at most 2: 2⁻²³, and half a cell's rounding.
BISECTED_SHARE = 3e-7

#: Features kept in half precision (2⁻¹¹ of the largest) by a model that may have run in bfloat16 (2⁻⁸ per operation, averaged over tokens).
HALF_FEATURES = 0.02

#: A central difference with step 0.01 of means over refitted softmax heads: heads to a relative gradient of 1e-6, so 1e-4 of the slope, the
#: curvature of the step 1e-4, and conjugate gradients that stop at 1e-4 of the solution, with room for ill-conditioned features.
INFLUENCE_OF_SOFTMAX = 0.01

#: Softmax heads fitted twice to a relative gradient of 1e-6, in NumPy and in torch, whose sums round otherwise on the way: means of losses.
DEVICE_SOFTMAX = 1e-4

#: A quantile of a maximum from 10 000 draws against one from 100 000: one per cent each, and as much again.
DRAWN_QUANTILE = 0.02

#: A standard deviation of 20 000 draws of products of normal numbers (kurtosis below 20): five standard errors.
SAMPLED_DEVIATION = 0.05

#: Power by Satterthwaite's degrees of freedom at eight seeds against 1500 simulated tests: 0.01 of noise, twice, and 0.01 of approximation.
SATTERTHWAITE = 0.03

#: Share of 200 waits inside a range that was forecast from 40 terms drawn again: the 40 terms' own error, seen to move it by up to 0.1.
FORECAST_SHARE = 0.15
