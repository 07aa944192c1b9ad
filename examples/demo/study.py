"""A study on private data: a statistic, and a linear model fitted with the standard library alone.

Runs inside the enclave's sandbox. Its directory holds `patients.csv`; what it leaves in `out/` goes back, sealed.
"""

import csv
import json
import statistics
import sys

with open(sys.argv[1], newline="") as table:
    rows = list(csv.DictReader(table))

dose = [float(row["dose_mg"]) for row in rows]
age = [float(row["age"]) - 50 for row in rows]
drop = [float(row["pressure_drop_mmhg"]) for row in rows]


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve a small linear system by elimination with pivots."""
    size = len(right)
    system = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at in range(size):
        pivot = max(range(at, size), key=lambda place: abs(system[place][at]))
        system[at], system[pivot] = system[pivot], system[at]
        for below in range(size):
            if below != at:
                factor = system[below][at] / system[at][at]
                system[below] = [
                    x - factor * y for x, y in zip(system[below], system[at], strict=True)
                ]
    return [row[size] / row[at] for at, row in enumerate(system)]


# Least squares: drop = intercept + a * dose + b * (age - 50), by the normal equations.
design = [[1.0, x, y] for x, y in zip(dose, age, strict=True)]
normal = [[sum(row[i] * row[j] for row in design) for j in range(3)] for i in range(3)]
target = [sum(row[i] * y for row, y in zip(design, drop, strict=True)) for i in range(3)]
intercept, per_mg, per_year = solve(normal, target)

predicted = [intercept + per_mg * x + per_year * y for x, y in zip(dose, age, strict=True)]
mean = statistics.fmean(drop)
explained = 1 - sum((y - p) ** 2 for y, p in zip(drop, predicted, strict=True)) / sum(
    (y - mean) ** 2 for y in drop
)

model = {
    "patients": len(rows),
    "mean_drop_mmhg": round(mean, 2),
    "stdev_mmhg": round(statistics.stdev(drop), 2),
    "drop_per_mg": round(per_mg, 3),
    "drop_per_year_of_age": round(per_year, 3),
    "explained_variance": round(explained, 3),
}
with open("out/model.json", "w") as file:
    json.dump(model, file, indent=2)

print(f"{model['patients']} patients, mean drop {model['mean_drop_mmhg']} mmHg")
print(
    f"each mg lowers pressure by {model['drop_per_mg']} mmHg (R² = {model['explained_variance']})"
)
