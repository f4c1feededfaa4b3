"""What a run leaves behind when its last step is done: report, stripped model, result."""

from state_of_sparsity import accounting, atomic_write, zip_years
from state_of_sparsity.analysis.run_settings import config_hash
from state_of_sparsity.surgery.strip import strip
from state_of_sparsity.training.evaluate import evaluate
from state_of_sparsity.training.run_identity import identity
from state_of_sparsity.training.runs import divergence, training_cost
from state_of_sparsity.version import __version__
from state_of_sparsity.wrapping.keras_internals import all_layers


def write(experiment, model, run_dir, rows, wall_time_s):
    """Writes the report, the stripped model and, last, `result.json`.

    Test data is read here and nowhere else, once, with the stripped model. Where there is none,
    the result has no loss, metrics and scores.

    Args:
        experiment: the `Experiment`.
        model: the trained model, wrappers and all.
        run_dir: the `RunDir`.
        rows: the metrics of the run, one dict an evaluation.
        wall_time_s: seconds that training took.

    Returns:
        The result, a dict that is flat but for `settings`.
    """
    stripped = strip(model)
    _write_report(accounting.report(model), run_dir)
    counts = accounting.report(stripped)
    with atomic_write.atomic_path(run_dir.model) as temporary, zip_years.any_year():
        stripped.save(temporary)
    validation = {k: v for k, v in rows[-1].items() if k.startswith("val_")}
    if experiment.averaged_checkpoints > 1:
        # Those in the log are of the last step's weights.
        validation = _validation_figures(experiment, stripped)
    elif model.losses or _penalizes_activity(model):
        # With penalties in it, it could not be compared with `loss`, nor with other techniques.
        validation.pop("val_loss", None)
    settings = run_dir.read_settings()
    result = {
        **identity(experiment, model, rows),
        "sparsity": counts.sparsity,
        **_test_figures(experiment, stripped, rows[-1]["step"]),
        **validation,
        "size": counts.size,
        "nonzero": counts.nonzero,
        "multiply_adds": counts.multiply_adds,
        "sparse_multiply_adds": counts.sparse_multiply_adds,
        "training_multiply_adds": training_cost.total(rows, experiment.data.batch_size),
        "seed": experiment.seed,
        "steps": rows[-1]["step"],
        "config_hash": config_hash(settings),
        "settings": settings,
        "wall_time_s": round(wall_time_s, 3),
        "version": __version__,
        "commit": run_dir.read_commit(),
    }
    run_dir.finish(result)
    return result


def _penalizes_activity(model):
    """Returns whether a layer adds a penalty of its outputs, which `losses` has in calls alone."""
    return any(getattr(layer, "activity_regularizer", None) for layer in all_layers(model))


def _test_figures(experiment, stripped, step):
    """Returns scores, loss and metrics on the test data; the first are what runs are judged by."""
    batches = experiment.data.test()
    if batches is None:
        return {}
    figures = {}
    for evaluator in experiment.evaluators:
        figures |= evaluator(stripped, experiment.data, "test")
    figures |= evaluate(stripped, batches, experiment.loss, experiment.metrics)
    divergence.check("loss on the test data", figures.get("loss", 0.0), step)
    return figures


def _validation_figures(experiment, stripped):
    batches = experiment.data.validation()
    if batches is None:
        return {}
    figures = evaluate(stripped, batches, experiment.loss, experiment.metrics)
    return {f"val_{name}": value for name, value in figures.items()}


def _write_report(report, run_dir):
    for suffix, text in (
        ("csv", report.to_csv()),
        ("md", report.to_markdown()),
        ("txt", str(report)),
    ):
        atomic_write.write_text(run_dir.report(suffix), text.rstrip("\n") + "\n")
