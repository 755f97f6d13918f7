"""What other libraries and textbooks call the things of glassnet: one table of names for every message and door.

A name that means one thing alone ("mse") is accepted as that thing, which then prints and is saved under glassnet's own
name. The name of a setting (``lr=``) is never accepted, but the message gives glassnet's.
"""

from __future__ import annotations


def _by_other(table: dict[str, str]) -> dict[str, str]:
    """A table that tells what others call each thing, read the other way: what each of their names means here."""
    return {theirs: ours for ours, names in table.items() for theirs in names.split()}


ALIASES: dict[str, dict[str, str]] = {
    family: _by_other(names)
    for family, names in {
        "loss": {
            "mean_squared_error": "mse mse_loss",
            "mean_absolute_error": "mae mae_loss l1_loss",
            "huber": "huber_loss",
            "binary_cross_entropy": "bce bce_loss binary_crossentropy bce_with_logits bce_with_logits_loss "
            "binary_cross_entropy_with_logits",
            "cross_entropy": "ce crossentropy cross_entropy_loss softmax_cross_entropy categorical_crossentropy "
            "categorical_cross_entropy sparse_categorical_crossentropy sparse_categorical_cross_entropy",
            "hinge": "hinge_loss",
            "quantile": "pinball",
        },
        "metric": {
            "accuracy": "acc accuracy_score categorical_accuracy sparse_categorical_accuracy binary_accuracy",
            "f1": "f1_score",
            "roc_auc": "auc auroc roc_auc_score",
            "perplexity": "ppl",
            "bits_per_character": "bpc bits_per_char",
            "mean_squared_error": "mse",
            "root_mean_squared_error": "rmse",
            "mean_absolute_error": "mae",
            "r2": "r2_score",
            "log_loss": "logloss",
        },
        "optimizer": {"sgd": "gradient_descent", "rmsprop": "rms_prop", "adagrad": "ada_grad"},
        "layer": {"silu": "swish", "sigmoid": "logistic", "leaky_relu": "leakyrelu lrelu", "relu6": "relu_6"},
        "initializer": {
            "glorot_uniform": "xavier glorot xavier_uniform",  # as its paper's equation 16 draws it
            "glorot_normal": "xavier_normal",
            "he_normal": "he kaiming kaiming_normal",  # as its paper's equation 10 draws it
            "he_uniform": "kaiming_uniform",
            "zeros": "zero",
            "ones": "one",
            "uniform": "random_uniform",
            "normal": "random_normal",
        },
    }.items()
}
"""Names that mean one thing alone, by family."""

NEAR: dict[str, dict[str, str]] = {
    family: _by_other(names)
    for family, names in {
        "loss": {
            "sum_squared_error": "sse",
            "mean_squared_error": "l2_loss squared_error rmse",
            "huber": "smooth_l1 smooth_l1_loss",
            "cross_entropy": "log_loss logloss nll nll_loss",
            "binary_cross_entropy": "logistic",
            "poisson": "poisson_nll_loss",
        },
        "metric": {"accuracy": "error", "precision": "precision_score", "recall": "recall_score"},
        "optimizer": {"sgd": "momentum nesterov gd"},
        "layer": {"leaky_relu": "prelu", "identity": "linear none"},
        "initializer": {
            "lecun_normal": "lecun",
            "normal": "truncated_normal trunc_normal random gaussian",
            "he_normal": "variance_scaling",
        },
    }.items()
}
"""Names that mean something close by, by family: they are suggested, not accepted."""

ATTRIBUTES = {
    "trainable": "requires_grad frozen freeze is_frozen train",
    "learning_rate_scale": "lr learning_rate rate lr_scale lr_mult lr_multiplier",
    "value": "data values array weight",
    "preprocessing": "scaler preprocessor transform normalizer",
    "class_names": "classes classes_ labels",
    "feature_names": "columns features feature_names_in_",
}
"""Attributes and what others call them."""

SETTINGS = {
    "learning_rate_init": "lr eta eta0 base_lr initial_learning_rate",
    "learning_rate": "lr eta eta0 learning_rate_init base_lr initial_learning_rate",
    "rate": "lr learning_rate base_lr initial_learning_rate p prob drop_prob probability dropout dropout_rate "
    "weight_decay decay strength",
    "peak": "max_lr max_learning_rate lr learning_rate rate",
    "epochs": "epoch nb_epoch nb_epochs n_epochs num_epochs n_epoch max_epochs max_iter iterations n_iter",
    "batch_size": "batch batchsize bs minibatch_size mini_batch_size nb_batch",
    "validation_split": "validation_size val_split val_size valid_size validation_fraction validation_share test_size",
    "test_share": "test_size test_split test_fraction validation_split",
    "validation_data": "val_data valid_data eval_set eval_data validation",
    "sample_weight": "weights sample_weights weight",
    "seed": "random_state random_seed rng manual_seed",
    "threads": "n_jobs num_threads n_threads nthreads workers num_workers",
    "loss": "criterion loss_fn loss_function objective cost",
    "optimizer": "optim opt solver optimiser",
    "metrics": "metric",
    "network": "net model module",
    "verbose": "verbosity progress",
    "units": "out_features n_units num_units hidden_units output_dim embedding_dim output_size hidden_size dim",
    "filters": "out_channels nb_filter nb_filters num_filters n_filters channels units",
    "count": "num_embeddings input_dim vocab_size vocabulary_size num_words n_words",
    "kernel_size": "kernel filter_size window pool_size size",
    "pool_size": "kernel_size kernel window size",
    "stride": "strides subsample step",
    "dilation": "dilation_rate",
    "padding": "pad border_mode pads",
    "output_padding": "out_padding",
    "use_bias": "bias has_bias fit_intercept",
    "weight_init": "kernel_initializer kernel_init initializer init weights_init w_init embeddings_initializer "
    "weight_initializer init_method",
    "bias_init": "bias_initializer b_init",
    "groups": "num_groups n_groups group",
    "epsilon": "eps fuzz",
    "momentum": "mu mom",
    "nesterov": "nesterovs_momentum use_nesterov",
    "beta1": "beta_1 b1",
    "beta2": "beta_2 b2",
    "rho": "alpha decay smoothing beta",
    "slope": "alpha negative_slope leak",
    "alpha": "slope",
    "factor": "gamma decay_rate drop scale_factor size scale",
    "every": "step_size decay_steps period save_freq interval",
    "steps": "t_max total_steps decay_steps warmup warmup_steps num_steps",
    "final": "eta_min min_lr final_lr",
    "warm_share": "pct_start",
    "start_divisor": "div_factor",
    "final_divisor": "final_div_factor",
    "strength": "l2 l1 lam lambda_ lambd alpha penalty weight_decay rate",
    "limit": "max_norm clipnorm clipvalue clip_value max_value threshold c norm",
    "delta": "beta",
    "quantile": "q tau alpha",
    "restore_best": "restore_best_weights",
    "only_best": "save_best_only best_only",
    "min_delta": "tol threshold",
    "min_rate": "min_lr",
    "path": "filepath filename file fname",
    "shape": "target_shape size dims",
    "axis": "dim",
    "label_smoothing": "smoothing label_smooth",
    "class_weight": "class_weights weight pos_weight",
    "from_logits": "logits",
    "flip": "horizontal_flip random_flip",
    "rotation": "degrees rotation_range",
    "delimiter": "sep separator delim",
    "target": "label y target_column label_column",
    "ignore": "drop exclude skip",
    "categories": "categorical categorical_columns cat_features",
    "columns": "usecols",
    "classes": "num_classes n_classes",
    "custom": "custom_objects",
    "tolerance": "tol atol rtol eps",
    "opset": "opset_version",
}
"""What others call a setting of glassnet's."""

_STEP = "it is a step of its own: write gn.Chain(gn.{step}({value}), {call})"
_READING = "write reading=gn.tables.Reading({name}={value})"

ADVICE: dict[str, str] = _by_other(
    {
        "leave it out, as sizes of inputs are taken from the data: write {call}": "in_features in_channels input_dim "
        "input_shape input_size in_dim num_features n_features n_inputs normalized_shape batch_input_shape",
        "an activation is a layer of its own: write {call}, {activation}": "activation nonlinearity",
        "the rate is the optimizer's: write gn.Adam({value})": "lr learning_rate",
        "it is a setting of fit: write model.fit(x, y, epochs={value})": "epochs epoch",
        "it is a setting of fit alone: write {call}": "batch_size",
        _READING.replace("{name}", "delimiter"): "sep delimiter",
        _READING.replace("{name}", "encoding"): "encoding",
        _READING.replace("{name}", "decimal"): "decimal",
        "each has a name of its own: write {with_betas}": "betas",
        "write gn.Chain(gn.L2({value}), {call}) for a penalty in the gradient, or {decayed} for decay "
        "of the weights alone": "weight_decay",
        _STEP.replace("{step}", "ClipByNorm"): "clipnorm grad_clip",
        _STEP.replace("{step}", "ClipByValue"): "clipvalue",
        _STEP.replace("{step}", "L1"): "l1",
        _STEP.replace("{step}", "L2"): "l2",
        "gn.SGD has it: write gn.SGD(0.01, momentum={value})": "momentum",
        "the rate is the share that is dropped: write gn.Dropout(1 - {value})": "keep_prob",
        "layers keep what backward needs: write {call}": "inplace",
        "images are (N, C, H, W), channels first: write {call}, and begin the network with "
        "gn.Permute(3, 1, 2) where channels stand last": "data_format",
        "what is padded is zeros: write {call}": "padding_mode",
        "everything is computed on the processor: write {call}": "device",
        "give the layers one by one: write gn.Sequential(*layers)": "layers",
        "it is a setting of the loss: write gn.losses.CrossEntropy(class_weight={value})": "class_weight class_weights",
        "write {call}, and put the penalty into the optimizer: gn.Chain(gn.L2(1e-4), gn.Adam())": "kernel_regularizer "
        "weight_regularizer bias_regularizer activity_regularizer regularizer",
        "write {call}, and put the limit into the optimizer: gn.Chain(gn.Adam(), gn.MaxNorm(3.0))": "kernel_constraint "
        "constraint max_norm",
    }
)
"""What to do instead of a setting that glassnet has in another form; ``suggestions.advice`` fills in the names."""

CLASSES: dict[str, str] = _by_other(
    {
        "gn.Dense(units)": "Linear",
        "gn.BatchNorm()": "BatchNorm1d BatchNorm2d BatchNormalization",
        "gn.LayerNorm()": "LayerNormalization",
        "gn.AveragePool1D()": "AvgPool1d",
        "gn.AveragePool2D()": "AvgPool2d AveragePooling2D",
        "gn.MaxPool1D()": "MaxPooling1D",
        "gn.MaxPool2D()": "MaxPooling2D",
        "gn.GlobalAveragePool()": "AdaptiveAvgPool2d GlobalAveragePooling2D",
        "gn.GlobalMaxPool()": "GlobalMaxPooling2D",
        "gn.ConvTranspose2D(filters, kernel_size)": "Conv2DTranspose",
        "gn.Dropout(rate)": "Dropout2d",
        "gn.SiLU()": "Swish",
        "gn.UpSample2D(factor)": "Upsample UpSampling2D",
        "gn.ZeroPad2D(padding)": "ZeroPadding2D",
        "gn.Concat(...)": "Concatenate",
        "gn.losses.MeanSquaredError()": "MSELoss",
        "gn.losses.MeanAbsoluteError()": "L1Loss",
        "gn.losses.Huber()": "SmoothL1Loss",
        "gn.losses.CrossEntropy()": "CrossEntropyLoss CategoricalCrossentropy SparseCategoricalCrossentropy",
        "gn.losses.BinaryCrossEntropy(from_logits=False)": "BCELoss",
        "gn.losses.BinaryCrossEntropy()": "BCEWithLogitsLoss BinaryCrossentropy",
        "gn.Checkpoint(path)": "ModelCheckpoint",
        "gn.ReduceOnPlateau()": "ReduceLROnPlateau",
        "gn.Standardize.from_data(x)": "StandardScaler",
        "gn.load(path)": "load_model",
        "gn.estimators.MLPClassifier()": "MLPClassifier",
        "gn.estimators.MLPRegressor()": "MLPRegressor",
    }
)
"""Names that are looked for in the package, and what to type."""
