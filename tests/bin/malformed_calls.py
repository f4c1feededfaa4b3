"""Command lines that are wrong: `(program, arguments, what the line says)`.

In braces stand paths of a folder that the test makes: `{run}` is a finished run of magnitude
pruning, `{damaged_*}` is one with a file damaged, `{started}` one without a checkpoint, `{file}` a
text file, `{folder}` an empty folder, `{no}` what is not there, `{new}` what may be made.
"""

PRUNE = "--gin_file=quickstart/magnitude_pruning.gin"
DENSE = "--gin_file=quickstart/dense.gin"
NEW = "--run_dir={new}"
LONG = "x" * 300
LINE = ["--run_dir={run}", "--run_dir={run}"]


def _bound(*bindings):
    """Returns the arguments of a short run with some bindings."""
    short = ("STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1")
    return [DENSE, NEW, *(f"--gin_binding={binding}" for binding in (*short, *bindings))]


FLAGS = [
    ("train", [], "run_dir"),
    ("train", [NEW], "gin_file"),
    ("train", [DENSE], "run_dir"),
    ("train", [DENSE, "--run_dir="], "run_dir"),
    ("train", [DENSE, NEW, "--gin_flie=x"], "gin_flie.*gin_file"),
    ("train", [DENSE, NEW, "--rundir=x"], "rundir.*run_dir"),
    ("train", [DENSE, NEW, "surplus"], "surplus.*flags"),
    ("train", [DENSE, NEW, "--dry_run=perhaps"], "dry_run.*perhaps"),
    ("train", [DENSE, NEW, "--strategy=many"], "strategy.*many"),
    ("train", [DENSE, NEW, "--strategy="], "strategy"),
    ("train", [DENSE, NEW, "--strategy=multi_worker"], "TF_CONFIG"),
    ("train", [DENSE, NEW, "--gin_binding"], "gin_binding"),
    ("train", [DENSE, NEW, "--verbosity=loud"], "verbosity"),
    ("train", [DENSE, NEW, "--train_source=a.txt"], "TRAIN_SOURCE.*--train_source"),
    ("train", [DENSE, NEW, "--data_dir=/nowhere"], "DATA_DIR.*--data_dir"),
    ("evaluate", [], "run_dir.*model"),
    ("evaluate", ["--run_dir={run}", "--model={file}"], "run_dir.*model.*both"),
    ("evaluate", ["--run_dir={run}", DENSE], "gin_file.*run_dir"),
    ("evaluate", ["--run_dir={run}", "--gin_binding=SEED = 1"], "gin_binding.*run_dir"),
    ("evaluate", ["--run_dir={run}", "--thresholds=a,b"], "thresholds.*a,b"),
    ("evaluate", ["--run_dir={run}", "--thresholds=nan"], "thresholds.*nan"),
    ("evaluate", ["--run_dir={run}", "--thresholds=inf"], "thresholds.*inf"),
    ("evaluate", ["--run_dir={run}", "--thresholds=1"], "thresholds|variational dropout"),
    ("evaluate", ["--run_dir={run}", "--split=train"], "split.*train"),
    ("evaluate", ["--model={file}"], "gin_file"),
    ("evaluate", ["--model={file}", DENSE, "--thresholds=1"], "thresholds.*run_dir"),
    ("decode", [], "run_dir.*model"),
    ("decode", ["--run_dir={run}", "--model={file}"], "run_dir.*model.*both"),
    ("decode", ["--model={file}"], "vocabulary"),
    ("decode", ["--run_dir={run}", "--vocabulary={file}"], "vocabulary"),
    ("decode", ["--run_dir={run}", "--input={file}", "--beam_size=0"], "beam_size"),
    ("decode", ["--run_dir={run}", "--input={file}", "--beam_size=many"], "beam_size"),
    ("decode", ["--run_dir={run}", "--input={file}", "--length_penalty=-1"], "length_penalty"),
    ("decode", ["--run_dir={run}", "--input={file}", "--length_penalty=nan"], "length_penalty"),
    ("sweep", [], "sweep_dir"),
    ("sweep", ["--sweep_dir={new}"], "grid"),
    ("sweep", ["--sweep_dir={new}", "--workers=0", "--grid=a.gin"], "workers"),
    ("sweep", ["--sweep_dir={new}", "--workers=two", "--grid=a.gin"], "workers"),
    ("sweep", ["--sweep_dir=", "--grid=quickstart/dense.gin"], "sweep_dir"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.grid"], "grid.*a.grid.*grids/resnet50/dense.grid"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.gin X=1 X=2"], "grid.*each macro once.*X=2"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.gin", "--cell=1"], "cell.*from 0 to 0.*'1'"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.gin", "--slurm", "--cell=0"], "cell.*only"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.gin", "--slurm", "--tasks=2"], "tasks.*1 cells.*2"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.gin", "--slurm", "--tasks=0"], "tasks.*0"),
    ("sweep", ["--sweep_dir={new}", "--grid=a.gin", "--slurm", "--print"], "print.*slurm"),
    ("sweep", ["--sweep_dir=/a/b", "--grid=a.gin", "--kubernetes=image"], "kubernetes.*claim"),
    ("sweep", ["--sweep_dir=a", *["--grid=a.gin", "--kubernetes=i", "--claim=c"]], r"kuber.*: a\."),
    ("sweep", ["--sweep_dir=gs://a/b", "--grid=quickstart/dense.gin"], "sweep_dir.*mirror"),
    ("train", [DENSE, "--run_dir=gs://a/b"], "run_dir.*gs://a/b.*mirror"),
    ("train", [DENSE, NEW, "--mirror=ftp://a/b"], "mirror.*gs://.*Received: ftp://a/b"),
    ("report", [], "output_dir"),
    ("report", ["--output_dir={new}"], "run_dir.*runs_glob"),
    ("report", ["--output_dir={new}", "--runs_glob="], "runs_glob"),
    ("report", ["--output_dir=", "--run_dir={run}"], "output_dir"),
    ("interpolate", [], "run_dir.*twice.*0"),
    ("interpolate", ["--run_dir={run}", "--output_dir={new}"], "run_dir.*twice.*1"),
    ("interpolate", [*LINE, "--run_dir={run}", "--output_dir={new}"], "run_dir.*twice.*3"),
    ("interpolate", LINE, "output_dir"),
    ("interpolate", [*LINE, "--output_dir={new}", "--points=1"], "points.*1"),
    ("interpolate", [*LINE, "--output_dir={new}", "--points=many"], "points.*many"),
    ("interpolate", [*LINE, "--output_dir={new}", "--from=0.5"], "from.*0.5"),
    ("interpolate", [*LINE, "--output_dir={new}", "--to=0.5"], "to.*0.5"),
    ("interpolate", [*LINE, "--output_dir={new}", "--to=nan"], "to.*nan"),
    ("interpolate", [*LINE, "--output_dir={new}", "--from=-inf"], "from.*-inf"),
    ("interpolate", [*LINE, "--output_dir={new}", "--mask=both"], "mask.*both"),
    ("interpolate", [*LINE, "--output_dir={new}", "--split=all"], "split.*all"),
    ("interpolate", [*LINE, "--output_dir={new}", "--step=-1"], "step.*-1"),
    ("interpolate", [*LINE, "--output_dir={new}", "--step=first"], "step.*first"),
    ("interpolate", [*LINE, "--output_dir={new}", *["--step=0"] * 3], "step.*3"),
    ("interpolate", [*LINE, "--output_dir={new}", "--train_batches=0"], "train_batches.*0"),
]

PATHS = [
    ("train", [DENSE, "--run_dir={file}"], "run_dir.*a file"),
    ("train", [DENSE, "--run_dir={file}/under"], "run_dir.*lies under"),
    ("train", [DENSE, "--run_dir={folder}/" + LONG], "run_dir.*too long"),
    ("train", [DENSE, "--run_dir=/dev/null"], "run_dir.*a device"),
    ("train", [DENSE, "--run_dir=/proc/new"], "run_dir.*/proc"),
    ("train", [DENSE, "--run_dir={full}"], "run_dir.*holds thesis.tex"),
    ("train", [DENSE, "--run_dir={run}"], "run_dir.*another configuration"),
    ("train", ["--gin_file={no}", NEW], "no gin file"),
    ("train", ["--gin_file=schedules/cubic.gin", NEW], "Experiment|SPARSITY"),
    ("train", ["--gin_file={empty}", NEW], "Experiment.*Received"),
    ("train", ["--gin_file={folder}", NEW], "gin file|gin_file"),
    ("train", ["--gin_file=", NEW], "gin file|gin_file"),
    ("train", ["--gin_file=quickstart/magnitud_pruning.gin", NEW], "quickstart/magnitude_pruning"),
    ("evaluate", ["--run_dir={no}"], "run_dir.*run.json"),
    ("evaluate", ["--run_dir={file}"], "run_dir.*run.json"),
    ("evaluate", ["--run_dir={folder}"], "run_dir.*run.json"),
    ("evaluate", ["--run_dir={folder}/" + LONG], "run_dir|too long"),
    ("evaluate", ["--run_dir={started}"], "run_dir.*checkpoint"),
    ("evaluate", ["--run_dir={run}", "--output={folder}"], "output.*a directory"),
    ("evaluate", ["--run_dir={run}", "--output=/dev/null"], "output.*a device"),
    ("evaluate", ["--run_dir={run}", "--output=/dev/full"], "output.*a device"),
    ("evaluate", ["--run_dir={run}", "--output={file}/under"], "output.*lies under"),
    ("evaluate", ["--run_dir={run}", "--output={folder}/" + LONG], "output.*too long"),
    ("evaluate", ["--run_dir={run}", "--output={run}/run.json"], "output.*a file of the run"),
    ("evaluate", ["--model={file}", DENSE, "--output={file}"], "output.*what is read"),
    ("decode", ["--run_dir={run}", "--input={file}", "--output={file}"], "output.*what is read"),
    ("report", ["--run_dir={run}", "--output_dir={run}"], "output_dir.*a run directory"),
    ("report", ["--run_dir={run}", "--output_dir={pages}"], "output_dir.*report.md.*no report"),
    ("train", [DENSE, "--run_dir={dangling}"], "run_dir.*a link to .*not there"),
    ("evaluate", ["--model={no}", DENSE], "model.*{no}"),
    ("evaluate", ["--model={file}", DENSE], "model.*{file}"),
    ("evaluate", ["--model={folder}", DENSE], "model.*{folder}"),
    ("decode", ["--run_dir={no}", "--input={file}"], "run_dir.*run.json"),
    ("decode", ["--run_dir={run}", "--input={file}"], "run_dir.*translate.*Digits"),
    ("decode", ["--run_dir={run}", "--input={no}"], "input.*{no}"),
    ("decode", ["--run_dir={run}", "--input={folder}"], "input.*{folder}"),
    ("decode", ["--run_dir={run}", "--input={empty}"], "input.*empty"),
    ("decode", ["--run_dir={run}", "--input={binary}"], "input.*{binary}|UTF-8"),
    ("decode", ["--run_dir={run}", "--input={file}", "--reference={no}"], "reference.*{no}"),
    ("decode", ["--run_dir={run}", "--input={file}", "--reference={empty}"], "reference.*lines"),
    ("decode", ["--run_dir={run}", "--input={file}", "--output=/dev/null"], "output.*device"),
    ("decode", ["--model={file}", "--vocabulary={no}", "--input={file}"], "model|vocabulary"),
    ("sweep", ["--sweep_dir={file}", "--grid=quickstart/dense.gin"], "sweep_dir.*a file"),
    ("sweep", ["--sweep_dir={file}/x", "--grid=quickstart/dense.gin"], "sweep_dir.*lies under"),
    ("sweep", ["--sweep_dir={new}", "--grid=quickstart/dense.gin", "--table={folder}"], "table"),
    ("sweep", ["--sweep_dir={new}", "--grid=quickstart/dense.gin", "--table={file}"], "{file}"),
    ("sweep", ["--sweep_dir={new}", "--grid=quickstart/dense.gin", "--table=/dev/null"], "table"),
    ("sweep", ["--sweep_dir={new}", "--grid=quickstart/dense.gin", "--table={file}/x"], "table"),
    ("sweep", ["--sweep_dir={new}", "--grid=quickstart/dense.gin", "--table={binary}"], "{binary}"),
    ("report", ["--output_dir={file}", "--run_dir={run}"], "output_dir.*a file"),
    ("report", ["--output_dir={file}/under", "--run_dir={run}"], "output_dir.*lies under"),
    ("report", ["--output_dir=/dev/null", "--run_dir={run}"], "output_dir.*a device"),
    ("report", ["--output_dir={new}", "--run_dir={no}"], "run_dir.*{no}"),
    ("report", ["--output_dir={new}", "--run_dir={folder}"], "run_dir.*{folder}"),
    ("report", ["--output_dir={new}", "--runs_glob={folder}/*"], "run_dir.*runs_glob.*finished"),
    ("report", ["--output_dir={new}", "--run_dir={started}"], "none finished"),
    ("interpolate", ["--run_dir={run}", "--run_dir={no}", "--output_dir={new}"], "run_dir.*{no}"),
    ("interpolate", ["--run_dir={file}", "--run_dir={run}", "--output_dir={new}"], "run_dir"),
    ("interpolate", [*LINE, "--output_dir={run}"], "output_dir.*a run directory"),
    ("interpolate", [*LINE, "--output_dir={file}"], "output_dir.*a file"),
    ("interpolate", [*LINE, "--output_dir={file}/under"], "output_dir.*lies under"),
    ("interpolate", [*LINE, "--output_dir=/dev/null"], "output_dir.*a device"),
    ("interpolate", [*LINE, "--output_dir={lines}"], "output_dir.*interpolation.md.*no report"),
]

PROGRAMS = [
    ("evaluate", []),
    ("decode", ["--input={file}"]),
    ("train", [DENSE]),
    ("interpolate", ["--run_dir={run}", "--output_dir={new}"]),
]

DAMAGED = (
    [
        ("evaluate", ["--run_dir={unsaid}"], "Experiment.*Received"),
    ]
    + [
        (program, [f"--run_dir={{damaged_{name}}}", *more], f"damaged_{name}.*run.json.*damaged")
        for program, more in PROGRAMS
        for name in ("text", "list", "empty", "binary", "number", "deep")
    ]
    + [
        ("report", ["--output_dir={new}", "--run_dir={damaged_result}"], "result.json"),
        (
            "train",
            ["--run_dir={damaged_result}", "--gin_file={damaged_result}/config.gin"],
            "result",
        ),
    ]
)

GRIDS = [
    ("sweep", ["--sweep_dir={new}", f"--grid={grid}"], f"grid.*{says}")
    for grid, says in (
        ("", "gin file"),
        ("quickstart/dense", "gin file"),
        ("SEED=0", "gin file"),
        ("quickstart/dense.gin SEED", "SEED"),
        ("quickstart/dense.gin SEED=", "SEED="),
        ("quickstart/dense.gin =1", "=1"),
        ("quickstart/dense.gin SEED=0,,1", "SEED=0,,1"),
        ("quickstart/dense.gin SEED=0,0", "SEED=0,0"),
    )
] + [
    ("sweep", ["--sweep_dir={new}", "--grid=quickstart/dense.gin SEED=0", "--only=no"], "only.*no"),
]

ROUNDS = (
    [
        ("rounds", [DENSE, *arguments], says)
        for arguments, says in (
            ([], "rounds_dir"),
            (["--rounds_dir={new}"], "rounds.*--rounds="),
            (["--rounds_dir={new}", "--rounds=0"], "rounds.*0"),
            (["--rounds_dir={new}", "--rounds=100"], "rounds.*100"),
            (["--rounds_dir={file}", "--rounds=2"], "rounds_dir.*file"),
            (["--rounds_dir={run}", "--rounds=2"], "rounds_dir.*no run itself"),
        )
    ]
    + [
        ("rounds", [DENSE, "--rounds_dir={new}", "--rounds=2", *arguments], says)
        for arguments, says in (
            (["--share=1"], "share.*1"),
            (["--share=nan"], "share.*nan"),
            (["--share=most"], "share.*most"),
            (["--variant=rewind"], "variant.*rewind.*weight_rewinding"),
            (["--layer_share=logits"], "layer_share.*logits"),
            (["--layer_share==0.1"], "layer_share.*=0.1"),
            (["--layer_share=(=0.1"], "layer_share.*subpattern"),
            (["--layer_share=logits=2"], "layer_share.*2"),
            (["--layer_share=no_such=0.1"], "round_01.*shares.*no_such"),
            (["--rewind_step=-1"], "rewind_step.*-1"),
            (["--rewind_step=1000"], "round_01.*`rewind_step` is 1000.*rate_from"),
            (["--rewind_step=100", "--variant=fine_tuning"], "rewind_step.*weight_rewinding"),
            (["--variant=fine_tuning"], "round_01.*final_rate"),
            (["--variant=fine_tuning", "--final_rate=0"], "final_rate.*0"),
            (["--final_rate=0.1"], "final_rate.*fine_tuning"),
            (["--reinitializations=-1"], "reinitializations.*-1"),
            (["--workers=0"], "workers.*0"),
            (["--table={folder}"], "table.*directory"),
            (["--gin_binding=SHARE = 0.5"], "SHARE"),
            (["--gin_binding=EVAL_EVERY = 3"], "round_00.*eval_every"),
        )
    ]
    + [
        ("rounds", ["--rounds_dir={new}", "--rounds=2"], "gin_file"),
        ("rounds", [PRUNE, "--rounds_dir={new}", "--rounds=2"], "SPARSITY"),
        (
            "rounds",
            [PRUNE, "--rounds_dir={new}", "--rounds=2", "--gin_binding=SPARSITY = 0.5"],
            "round_01.*rules.*dense run",
        ),
    ]
)

GIN = [
    ("train", _bound(binding), says)
    for binding, says in (
        ("SPARSITY = 0.5", "SPARSITY"),
        ("STEPS = ", "STEPS"),
        ("STEPS", "STEPS"),
        ("STEPS = [", "STEPS"),
        ("STEPS = 'two'", "steps"),
        ("STEPS = 0", "steps"),
        ("STEPS = 2.0", "steps"),
        ("STEPS = True", "steps"),
        ("STEPS = None", "steps"),
        (f"STEPS = {10**30}", "steps"),
        ("EVAL_EVERY = 3", "steps.*eval_every"),
        ("LEARNING_RATE = 'fast'", "fast"),
        ("LEARNING_RATE = -1", "-1"),
        ("LEARNING_RATE = None", "learning_rate"),
        ("SEED = -1", "seed"),
        ("SEED = 'a'", "seed"),
        ("BATCH_SIZE = 0", "batch_size"),
        ("BATCH_SIZE = 'a'", "batch_size"),
        ("PRECISION = 'float8'", "float8"),
        ("JIT_COMPILE = 'yes'", "jit_compile"),
        ("Adam.learning_rat = 1", "learning_rat.*learning_rate"),
        ("NoSuch.thing = 1", "NoSuch"),
        ("Experiment.loss = @nothing", "nothing"),
        ("Experiment.metrics = ['no_such_metric']", "no_such_metric"),
        ("SEED = %SEED", "SEED"),
    )
] + [
    ("train", [PRUNE, NEW], "SPARSITY.*gin_binding"),
    ("train", [PRUNE, NEW, "--gin_binding=SPARSITY = 95"], "SPARSITY.*95"),
    ("train", [PRUNE, NEW, "--gin_binding=SPARSITY = -0.1"], "SPARSITY|-0.1"),
]

CALLS = FLAGS + PATHS + DAMAGED + GRIDS + ROUNDS + GIN
