"""What an interpolation leaves: a table, a plot, and a page with both and how it was measured."""

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import interpolation
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.table_cells import for_markdown
from state_of_sparsity.tables import aligned

PAGE, TITLE = "interpolation.md", "# The line between two runs"


def run_in_words(run_dir, snapshot, place):
    """Returns a line on one end: its run, step and zeros, and what the run's result says of it.

    Args:
        run_dir: the `RunDir`.
        snapshot: what it kept of the step.
        place: which end it is, such as "first, at 0".
    """
    zeros = sum(int(mask.size - mask.sum()) for mask in snapshot.masks.values())
    weights = sum(snapshot.weights[path].size for path in snapshot.kernels)
    text = f"The {place}: {run_dir.path}, step {snapshot.step:,}, {percent(zeros / weights)} zeros"
    result = run_dir.read_result() if run_dir.is_finished else {}
    if result.get("steps") != snapshot.step:
        return f"{text}."
    figures = {k: v for k, v in result.items() if k == "loss" or k.endswith("accuracy")}
    recorded = ", ".join(
        f"{name} {value:.4f}"
        for name, value in figures.items()
        if name.isidentifier() and name[:4] != "val_" and isinstance(value, float)
    )
    return f"{text}; its result has test {recorded}." if recorded else f"{text}."


def write(rows, facts, ends, output_dir, doubts=()):
    """Writes the table, the plot and the page; prints the table and what it says.

    Args:
        rows: the rows of the table, with their error.
        facts: what was measured in words, a line each.
        ends: the names of both runs.
        output_dir: the folder they go to.
        doubts: why there is to be no verdict, a line each.
    """
    # Imports matplotlib, which what cannot be measured need not wait for.
    from state_of_sparsity.analysis import interpolation_plot

    found = interpolation.curves(rows)
    cells, verdict = interpolation.table_rows(found), doubts or interpolation.verdict(found)
    print("\n".join(["", *aligned([interpolation.HEADER, *cells], "<<>"), "", *verdict]))
    atomic_write.write_text(output_dir / "interpolation.csv", interpolation.to_csv(rows))
    interpolation_plot.plot({"": found}, output_dir / "interpolation.png", ends)
    text = "\n\n".join(
        [
            TITLE,
            "\n".join(f"* {for_markdown(fact)}" for fact in facts),
            table(interpolation.HEADER, cells),
            *verdict,
            "![Loss and error along the line](interpolation.png)",
        ]
    )
    atomic_write.write_text(output_dir / PAGE, text + "\n")
    print(f"\nWritten: {output_dir / PAGE}")
