"""Small CSV files of the form of the study's."""

PRUNING = "begin,end,freq,label smoothing"
SET = "8000,68000,2000,0.1"


def _write(folder, name, header, *rows):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]))  # without a newline at the end, as some are


def write_resnet50(folder):
    """Writes files on ResNet-50 and returns their folder."""
    compared, masks = folder / "technique_comparison", folder / "scratch_lotto"
    _write(compared, "rn50_baselines.csv", "Accuracy,Training Steps,Batch Size", "76,1,1", "77,1,1")
    _write(
        compared,
        "rn50_magnitude_pruning.csv",
        f"Sparsity,{PRUNING},accuracy",
        f"0.5,{SET},0.75",
        f"0.5,{SET.replace('8000,', '40000,', 1)},0.760100",
        f"0.9,{SET},0.73",
        f"0.9,{SET},0.71",
    )
    _write(
        compared,
        "rn50_random_pruning.csv",
        f"Target Sparsity,{PRUNING},accuracy",
        f"0.5,{SET},0.7001",
    )
    _write(
        compared,
        "rn50_variational_dropout.csv",
        "DKL loss begin,DKL loss saturate,DKL loss coeff,label_smoothing,global sparsity,Accuracy",
        "8000,68000,7.8e-9,0.1,0.4990,0.70",
        "8000,68000,7.8e-9,0.1,0.5029,0.74",
        "8000,68000,7.8e-9,0.1,0.5031,0.76",
        "8000,68000,7.8e-9,0.1,0.9000,0.66",
        "8000,68000,7.8e-9,0.1,0.9010,0.60",
    )
    _write(
        compared,
        "rn50_l0_regularization.csv",
        "initial_log_alpha,l0_norm_weight,label_smoothing,weight_decay,global_sparsity,accuracy",
        "4.6,0.003,0.000101,0.1,0.22,0.005",
    )
    _write(
        masks,
        "rn50_lottery_ticket.csv",
        f"{PRUNING},sparsity,accuracy",
        f"{SET},0.5,0.74",
        f"{SET},0.5,0.75",
    )
    _write(
        masks,
        "rn50_scratch_lr_scaled.csv",
        f"sparsity,time multiplier,init method,{PRUNING},Run 1,Run 2",
        f"0.5,1,baseline,{SET},0.72,0.73",
        f"0.5,2,baseline,{SET},0.73,0.75",
    )
    _write(
        masks,
        "rn50_scratch_lr_constant_decay.csv",
        f"sparsity,time multiplier,,{PRUNING},accuracy",
        f"0.5,2,sparse,{SET},0.725",
    )
    return folder


def write_transformer(folder):
    """Writes files on the Transformer and returns their folder."""
    compared, masks = folder / "technique_comparison", folder / "scratch_lotto"
    header = "begin_pruning_step,end_pruning_step,pruning_frequency,regularization"
    steps = "0,500000,1000,none"
    _write(compared, "transformer_baselines.csv", "MOSES BLEU", "27.1", "27.5")
    _write(
        compared,
        "transformer_magnitude_pruning.csv",
        f"Moses BLEU,Sparsity,{header}",
        f"26.33,0.49994,{steps}",
        f"0,0.5,{steps}",
    )
    thresholds = "MOSES BLEU:0.0,Sparsity:0.0,MOSES BLEU:0.5,Sparsity:0.5"
    _write(
        compared,
        "transformer_variational_dropout.csv",
        f"dkl_weight,dkl_weight_fn,dkl_weight_start,dkl_weight_diff,regularization,{thresholds}",
        "2.2e-8,cubic,0,1,none,20.5,0.95,24.25,0.5",
    )
    _write(
        masks,
        "transformer_scratche.csv",
        f"MOSES BLEU,Sparsity,{header}",
        f"24.5,0.5,{steps}",
        f"0.00,0.5,{steps}",
        f"24.1,0.49994,{steps}",
    )
    return folder
