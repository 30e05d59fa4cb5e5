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
