from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Experiment(_message.Message):
    __slots__ = ("dataset_config", "augmentation_config", "training_config", "eval_config", "nms_config", "yolov4_config", "random_seed", "class_weighting_config", "extension")
    DATASET_CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUGMENTATION_CONFIG_FIELD_NUMBER: _ClassVar[int]
    TRAINING_CONFIG_FIELD_NUMBER: _ClassVar[int]
    EVAL_CONFIG_FIELD_NUMBER: _ClassVar[int]
    NMS_CONFIG_FIELD_NUMBER: _ClassVar[int]
    YOLOV4_CONFIG_FIELD_NUMBER: _ClassVar[int]
    RANDOM_SEED_FIELD_NUMBER: _ClassVar[int]
    CLASS_WEIGHTING_CONFIG_FIELD_NUMBER: _ClassVar[int]
    EXTENSION_FIELD_NUMBER: _ClassVar[int]
    dataset_config: YOLOv3DatasetConfig
    augmentation_config: AugmentationConfig
    training_config: TrainingConfig
    eval_config: EvalConfig
    nms_config: NMSConfig
    yolov4_config: YOLOv4Config
    random_seed: int
    class_weighting_config: ClassWeightingConfig
    extension: Extension
    def __init__(self, dataset_config: _Optional[_Union[YOLOv3DatasetConfig, _Mapping]] = ..., augmentation_config: _Optional[_Union[AugmentationConfig, _Mapping]] = ..., training_config: _Optional[_Union[TrainingConfig, _Mapping]] = ..., eval_config: _Optional[_Union[EvalConfig, _Mapping]] = ..., nms_config: _Optional[_Union[NMSConfig, _Mapping]] = ..., yolov4_config: _Optional[_Union[YOLOv4Config, _Mapping]] = ..., random_seed: _Optional[int] = ..., class_weighting_config: _Optional[_Union[ClassWeightingConfig, _Mapping]] = ..., extension: _Optional[_Union[Extension, _Mapping]] = ...) -> None: ...

class Extension(_message.Message):
    __slots__ = ("mosaic_crop", "mosaic_until", "min_visible", "inference_scale")
    MOSAIC_CROP_FIELD_NUMBER: _ClassVar[int]
    MOSAIC_UNTIL_FIELD_NUMBER: _ClassVar[int]
    MIN_VISIBLE_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_SCALE_FIELD_NUMBER: _ClassVar[int]
    mosaic_crop: MosaicCrop
    mosaic_until: float
    min_visible: float
    inference_scale: float
    def __init__(self, mosaic_crop: _Optional[_Union[MosaicCrop, _Mapping]] = ..., mosaic_until: _Optional[float] = ..., min_visible: _Optional[float] = ..., inference_scale: _Optional[float] = ...) -> None: ...

class MosaicCrop(_message.Message):
    __slots__ = ("min_scale", "max_scale", "object_share")
    MIN_SCALE_FIELD_NUMBER: _ClassVar[int]
    MAX_SCALE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_SHARE_FIELD_NUMBER: _ClassVar[int]
    min_scale: float
    max_scale: float
    object_share: float
    def __init__(self, min_scale: _Optional[float] = ..., max_scale: _Optional[float] = ..., object_share: _Optional[float] = ...) -> None: ...

class YOLOv4Config(_message.Message):
    __slots__ = ("big_anchor_shape", "mid_anchor_shape", "small_anchor_shape", "matching_neutral_box_iou", "box_matching_iou", "arch", "nlayers", "arch_conv_blocks", "loss_loc_weight", "loss_neg_obj_weights", "loss_class_weights", "freeze_blocks", "freeze_bn", "force_relu", "focal_loss_alpha", "focal_loss_gamma", "label_smoothing", "big_grid_xy_extend", "mid_grid_xy_extend", "small_grid_xy_extend", "activation")
    BIG_ANCHOR_SHAPE_FIELD_NUMBER: _ClassVar[int]
    MID_ANCHOR_SHAPE_FIELD_NUMBER: _ClassVar[int]
    SMALL_ANCHOR_SHAPE_FIELD_NUMBER: _ClassVar[int]
    MATCHING_NEUTRAL_BOX_IOU_FIELD_NUMBER: _ClassVar[int]
    BOX_MATCHING_IOU_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    NLAYERS_FIELD_NUMBER: _ClassVar[int]
    ARCH_CONV_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    LOSS_LOC_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LOSS_NEG_OBJ_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    LOSS_CLASS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    FREEZE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    FREEZE_BN_FIELD_NUMBER: _ClassVar[int]
    FORCE_RELU_FIELD_NUMBER: _ClassVar[int]
    FOCAL_LOSS_ALPHA_FIELD_NUMBER: _ClassVar[int]
    FOCAL_LOSS_GAMMA_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    BIG_GRID_XY_EXTEND_FIELD_NUMBER: _ClassVar[int]
    MID_GRID_XY_EXTEND_FIELD_NUMBER: _ClassVar[int]
    SMALL_GRID_XY_EXTEND_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    big_anchor_shape: str
    mid_anchor_shape: str
    small_anchor_shape: str
    matching_neutral_box_iou: float
    box_matching_iou: float
    arch: str
    nlayers: int
    arch_conv_blocks: int
    loss_loc_weight: float
    loss_neg_obj_weights: float
    loss_class_weights: float
    freeze_blocks: _containers.RepeatedScalarFieldContainer[float]
    freeze_bn: bool
    force_relu: bool
    focal_loss_alpha: float
    focal_loss_gamma: float
    label_smoothing: float
    big_grid_xy_extend: float
    mid_grid_xy_extend: float
    small_grid_xy_extend: float
    activation: str
    def __init__(self, big_anchor_shape: _Optional[str] = ..., mid_anchor_shape: _Optional[str] = ..., small_anchor_shape: _Optional[str] = ..., matching_neutral_box_iou: _Optional[float] = ..., box_matching_iou: _Optional[float] = ..., arch: _Optional[str] = ..., nlayers: _Optional[int] = ..., arch_conv_blocks: _Optional[int] = ..., loss_loc_weight: _Optional[float] = ..., loss_neg_obj_weights: _Optional[float] = ..., loss_class_weights: _Optional[float] = ..., freeze_blocks: _Optional[_Iterable[float]] = ..., freeze_bn: bool = ..., force_relu: bool = ..., focal_loss_alpha: _Optional[float] = ..., focal_loss_gamma: _Optional[float] = ..., label_smoothing: _Optional[float] = ..., big_grid_xy_extend: _Optional[float] = ..., mid_grid_xy_extend: _Optional[float] = ..., small_grid_xy_extend: _Optional[float] = ..., activation: _Optional[str] = ...) -> None: ...

class TrainingConfig(_message.Message):
    __slots__ = ("batch_size_per_gpu", "num_epochs", "learning_rate", "regularizer", "optimizer", "cost_scaling", "checkpoint_interval", "enable_qat", "resume_model_path", "pretrain_model_path", "pruned_model_path", "max_queue_size", "n_workers", "use_multiprocessing", "early_stopping", "visualizer", "model_ema")
    BATCH_SIZE_PER_GPU_FIELD_NUMBER: _ClassVar[int]
    NUM_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    REGULARIZER_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    COST_SCALING_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    ENABLE_QAT_FIELD_NUMBER: _ClassVar[int]
    RESUME_MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    PRETRAIN_MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    PRUNED_MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUE_SIZE_FIELD_NUMBER: _ClassVar[int]
    N_WORKERS_FIELD_NUMBER: _ClassVar[int]
    USE_MULTIPROCESSING_FIELD_NUMBER: _ClassVar[int]
    EARLY_STOPPING_FIELD_NUMBER: _ClassVar[int]
    VISUALIZER_FIELD_NUMBER: _ClassVar[int]
    MODEL_EMA_FIELD_NUMBER: _ClassVar[int]
    batch_size_per_gpu: int
    num_epochs: int
    learning_rate: LearningRateConfig
    regularizer: RegularizerConfig
    optimizer: OptimizerConfig
    cost_scaling: CostScalingConfig
    checkpoint_interval: int
    enable_qat: bool
    resume_model_path: str
    pretrain_model_path: str
    pruned_model_path: str
    max_queue_size: int
    n_workers: int
    use_multiprocessing: bool
    early_stopping: EarlyStopping
    visualizer: VisualizerConfig
    model_ema: bool
    def __init__(self, batch_size_per_gpu: _Optional[int] = ..., num_epochs: _Optional[int] = ..., learning_rate: _Optional[_Union[LearningRateConfig, _Mapping]] = ..., regularizer: _Optional[_Union[RegularizerConfig, _Mapping]] = ..., optimizer: _Optional[_Union[OptimizerConfig, _Mapping]] = ..., cost_scaling: _Optional[_Union[CostScalingConfig, _Mapping]] = ..., checkpoint_interval: _Optional[int] = ..., enable_qat: bool = ..., resume_model_path: _Optional[str] = ..., pretrain_model_path: _Optional[str] = ..., pruned_model_path: _Optional[str] = ..., max_queue_size: _Optional[int] = ..., n_workers: _Optional[int] = ..., use_multiprocessing: bool = ..., early_stopping: _Optional[_Union[EarlyStopping, _Mapping]] = ..., visualizer: _Optional[_Union[VisualizerConfig, _Mapping]] = ..., model_ema: bool = ...) -> None: ...

class LearningRateConfig(_message.Message):
    __slots__ = ("soft_start_annealing_schedule", "soft_start_cosine_annealing_schedule")
    SOFT_START_ANNEALING_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    SOFT_START_COSINE_ANNEALING_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    soft_start_annealing_schedule: SoftStartAnnealingSchedule
    soft_start_cosine_annealing_schedule: SoftStartCosineAnnealingSchedule
    def __init__(self, soft_start_annealing_schedule: _Optional[_Union[SoftStartAnnealingSchedule, _Mapping]] = ..., soft_start_cosine_annealing_schedule: _Optional[_Union[SoftStartCosineAnnealingSchedule, _Mapping]] = ...) -> None: ...

class SoftStartAnnealingSchedule(_message.Message):
    __slots__ = ("min_learning_rate", "max_learning_rate", "soft_start", "annealing")
    MIN_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    MAX_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    SOFT_START_FIELD_NUMBER: _ClassVar[int]
    ANNEALING_FIELD_NUMBER: _ClassVar[int]
    min_learning_rate: float
    max_learning_rate: float
    soft_start: float
    annealing: float
    def __init__(self, min_learning_rate: _Optional[float] = ..., max_learning_rate: _Optional[float] = ..., soft_start: _Optional[float] = ..., annealing: _Optional[float] = ...) -> None: ...

class SoftStartCosineAnnealingSchedule(_message.Message):
    __slots__ = ("max_learning_rate", "soft_start", "min_learning_rate")
    MAX_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    SOFT_START_FIELD_NUMBER: _ClassVar[int]
    MIN_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    max_learning_rate: float
    soft_start: float
    min_learning_rate: float
    def __init__(self, max_learning_rate: _Optional[float] = ..., soft_start: _Optional[float] = ..., min_learning_rate: _Optional[float] = ...) -> None: ...

class RegularizerConfig(_message.Message):
    __slots__ = ("type", "weight")
    class RegularizationType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NO_REG: _ClassVar[RegularizerConfig.RegularizationType]
        L1: _ClassVar[RegularizerConfig.RegularizationType]
        L2: _ClassVar[RegularizerConfig.RegularizationType]
    NO_REG: RegularizerConfig.RegularizationType
    L1: RegularizerConfig.RegularizationType
    L2: RegularizerConfig.RegularizationType
    TYPE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    type: RegularizerConfig.RegularizationType
    weight: float
    def __init__(self, type: _Optional[_Union[RegularizerConfig.RegularizationType, str]] = ..., weight: _Optional[float] = ...) -> None: ...

class OptimizerConfig(_message.Message):
    __slots__ = ("adam", "sgd", "rmsprop")
    ADAM_FIELD_NUMBER: _ClassVar[int]
    SGD_FIELD_NUMBER: _ClassVar[int]
    RMSPROP_FIELD_NUMBER: _ClassVar[int]
    adam: AdamOptimizerConfig
    sgd: SGDOptimizerConfig
    rmsprop: RMSpropOptimizerConfig
    def __init__(self, adam: _Optional[_Union[AdamOptimizerConfig, _Mapping]] = ..., sgd: _Optional[_Union[SGDOptimizerConfig, _Mapping]] = ..., rmsprop: _Optional[_Union[RMSpropOptimizerConfig, _Mapping]] = ...) -> None: ...

class AdamOptimizerConfig(_message.Message):
    __slots__ = ("epsilon", "beta1", "beta2", "amsgrad")
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    AMSGRAD_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    beta1: float
    beta2: float
    amsgrad: bool
    def __init__(self, epsilon: _Optional[float] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., amsgrad: bool = ...) -> None: ...

class SGDOptimizerConfig(_message.Message):
    __slots__ = ("momentum", "nesterov")
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    NESTEROV_FIELD_NUMBER: _ClassVar[int]
    momentum: float
    nesterov: bool
    def __init__(self, momentum: _Optional[float] = ..., nesterov: bool = ...) -> None: ...

class RMSpropOptimizerConfig(_message.Message):
    __slots__ = ("rho", "momentum", "epsilon", "centered")
    RHO_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    CENTERED_FIELD_NUMBER: _ClassVar[int]
    rho: float
    momentum: float
    epsilon: float
    centered: bool
    def __init__(self, rho: _Optional[float] = ..., momentum: _Optional[float] = ..., epsilon: _Optional[float] = ..., centered: bool = ...) -> None: ...

class CostScalingConfig(_message.Message):
    __slots__ = ("enabled", "initial_exponent", "increment", "decrement")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    INITIAL_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    INCREMENT_FIELD_NUMBER: _ClassVar[int]
    DECREMENT_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    initial_exponent: float
    increment: float
    decrement: float
    def __init__(self, enabled: bool = ..., initial_exponent: _Optional[float] = ..., increment: _Optional[float] = ..., decrement: _Optional[float] = ...) -> None: ...

class EarlyStopping(_message.Message):
    __slots__ = ("monitor", "min_delta", "patience")
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    MIN_DELTA_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    monitor: str
    min_delta: float
    patience: int
    def __init__(self, monitor: _Optional[str] = ..., min_delta: _Optional[float] = ..., patience: _Optional[int] = ...) -> None: ...

class VisualizerConfig(_message.Message):
    __slots__ = ("enabled", "num_images", "weight_histograms", "wandb_config", "clearml_config")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    NUM_IMAGES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_HISTOGRAMS_FIELD_NUMBER: _ClassVar[int]
    WANDB_CONFIG_FIELD_NUMBER: _ClassVar[int]
    CLEARML_CONFIG_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    num_images: int
    weight_histograms: bool
    wandb_config: WandBConfig
    clearml_config: ClearMLConfig
    def __init__(self, enabled: bool = ..., num_images: _Optional[int] = ..., weight_histograms: bool = ..., wandb_config: _Optional[_Union[WandBConfig, _Mapping]] = ..., clearml_config: _Optional[_Union[ClearMLConfig, _Mapping]] = ...) -> None: ...

class WandBConfig(_message.Message):
    __slots__ = ("enabled", "key", "project", "entity", "reinit", "name", "tags", "wandb_dir", "notes", "mode")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ONLINE: _ClassVar[WandBConfig.Mode]
        OFFLINE: _ClassVar[WandBConfig.Mode]
        DISABLED: _ClassVar[WandBConfig.Mode]
    ONLINE: WandBConfig.Mode
    OFFLINE: WandBConfig.Mode
    DISABLED: WandBConfig.Mode
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    REINIT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    WANDB_DIR_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    key: str
    project: str
    entity: str
    reinit: bool
    name: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    wandb_dir: str
    notes: str
    mode: WandBConfig.Mode
    def __init__(self, enabled: bool = ..., key: _Optional[str] = ..., project: _Optional[str] = ..., entity: _Optional[str] = ..., reinit: bool = ..., name: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., wandb_dir: _Optional[str] = ..., notes: _Optional[str] = ..., mode: _Optional[_Union[WandBConfig.Mode, str]] = ...) -> None: ...

class ClearMLConfig(_message.Message):
    __slots__ = ("project", "task", "tags", "reuse_last_task_id", "continue_last_task", "deferred_init")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REUSE_LAST_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CONTINUE_LAST_TASK_FIELD_NUMBER: _ClassVar[int]
    DEFERRED_INIT_FIELD_NUMBER: _ClassVar[int]
    project: str
    task: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    reuse_last_task_id: bool
    continue_last_task: bool
    deferred_init: bool
    def __init__(self, project: _Optional[str] = ..., task: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., reuse_last_task_id: bool = ..., continue_last_task: bool = ..., deferred_init: bool = ...) -> None: ...

class EvalConfig(_message.Message):
    __slots__ = ("average_precision_mode", "batch_size", "matching_iou_threshold", "visualize_pr_curve")
    class AP_MODE(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SAMPLE: _ClassVar[EvalConfig.AP_MODE]
        INTEGRATE: _ClassVar[EvalConfig.AP_MODE]
    SAMPLE: EvalConfig.AP_MODE
    INTEGRATE: EvalConfig.AP_MODE
    AVERAGE_PRECISION_MODE_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MATCHING_IOU_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    VISUALIZE_PR_CURVE_FIELD_NUMBER: _ClassVar[int]
    average_precision_mode: EvalConfig.AP_MODE
    batch_size: int
    matching_iou_threshold: float
    visualize_pr_curve: bool
    def __init__(self, average_precision_mode: _Optional[_Union[EvalConfig.AP_MODE, str]] = ..., batch_size: _Optional[int] = ..., matching_iou_threshold: _Optional[float] = ..., visualize_pr_curve: bool = ...) -> None: ...

class NMSConfig(_message.Message):
    __slots__ = ("confidence_threshold", "clustering_iou_threshold", "top_k", "infer_nms_score_bits", "force_on_cpu")
    CONFIDENCE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    CLUSTERING_IOU_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    INFER_NMS_SCORE_BITS_FIELD_NUMBER: _ClassVar[int]
    FORCE_ON_CPU_FIELD_NUMBER: _ClassVar[int]
    confidence_threshold: float
    clustering_iou_threshold: float
    top_k: int
    infer_nms_score_bits: int
    force_on_cpu: bool
    def __init__(self, confidence_threshold: _Optional[float] = ..., clustering_iou_threshold: _Optional[float] = ..., top_k: _Optional[int] = ..., infer_nms_score_bits: _Optional[int] = ..., force_on_cpu: bool = ...) -> None: ...

class ClassWeightingConfig(_message.Message):
    __slots__ = ("class_weighting", "enable_auto")
    class ClassWeightingEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CLASS_WEIGHTING_FIELD_NUMBER: _ClassVar[int]
    ENABLE_AUTO_FIELD_NUMBER: _ClassVar[int]
    class_weighting: _containers.ScalarMap[str, float]
    enable_auto: bool
    def __init__(self, class_weighting: _Optional[_Mapping[str, float]] = ..., enable_auto: bool = ...) -> None: ...

class AugmentationConfig(_message.Message):
    __slots__ = ("hue", "saturation", "exposure", "vertical_flip", "horizontal_flip", "jitter", "output_width", "output_height", "output_channel", "randomize_input_shape_period", "mosaic_prob", "mosaic_min_ratio", "image_mean", "output_depth")
    class ImageMeanEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    HUE_FIELD_NUMBER: _ClassVar[int]
    SATURATION_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    VERTICAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    HORIZONTAL_FLIP_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_WIDTH_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    RANDOMIZE_INPUT_SHAPE_PERIOD_FIELD_NUMBER: _ClassVar[int]
    MOSAIC_PROB_FIELD_NUMBER: _ClassVar[int]
    MOSAIC_MIN_RATIO_FIELD_NUMBER: _ClassVar[int]
    IMAGE_MEAN_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_DEPTH_FIELD_NUMBER: _ClassVar[int]
    hue: float
    saturation: float
    exposure: float
    vertical_flip: float
    horizontal_flip: float
    jitter: float
    output_width: int
    output_height: int
    output_channel: int
    randomize_input_shape_period: int
    mosaic_prob: float
    mosaic_min_ratio: float
    image_mean: _containers.ScalarMap[str, float]
    output_depth: int
    def __init__(self, hue: _Optional[float] = ..., saturation: _Optional[float] = ..., exposure: _Optional[float] = ..., vertical_flip: _Optional[float] = ..., horizontal_flip: _Optional[float] = ..., jitter: _Optional[float] = ..., output_width: _Optional[int] = ..., output_height: _Optional[int] = ..., output_channel: _Optional[int] = ..., randomize_input_shape_period: _Optional[int] = ..., mosaic_prob: _Optional[float] = ..., mosaic_min_ratio: _Optional[float] = ..., image_mean: _Optional[_Mapping[str, float]] = ..., output_depth: _Optional[int] = ...) -> None: ...

class YOLOv3DatasetConfig(_message.Message):
    __slots__ = ("data_sources", "target_class_mapping", "validation_data_sources", "validation_fold", "type", "image_extension", "include_difficult_in_training", "is_monochrome")
    class TargetClassMappingEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DATA_SOURCES_FIELD_NUMBER: _ClassVar[int]
    TARGET_CLASS_MAPPING_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_DATA_SOURCES_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FOLD_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_EXTENSION_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DIFFICULT_IN_TRAINING_FIELD_NUMBER: _ClassVar[int]
    IS_MONOCHROME_FIELD_NUMBER: _ClassVar[int]
    data_sources: _containers.RepeatedCompositeFieldContainer[YOLOv3DataSource]
    target_class_mapping: _containers.ScalarMap[str, str]
    validation_data_sources: _containers.RepeatedCompositeFieldContainer[YOLOv3DataSource]
    validation_fold: int
    type: str
    image_extension: str
    include_difficult_in_training: bool
    is_monochrome: bool
    def __init__(self, data_sources: _Optional[_Iterable[_Union[YOLOv3DataSource, _Mapping]]] = ..., target_class_mapping: _Optional[_Mapping[str, str]] = ..., validation_data_sources: _Optional[_Iterable[_Union[YOLOv3DataSource, _Mapping]]] = ..., validation_fold: _Optional[int] = ..., type: _Optional[str] = ..., image_extension: _Optional[str] = ..., include_difficult_in_training: bool = ..., is_monochrome: bool = ...) -> None: ...

class YOLOv3DataSource(_message.Message):
    __slots__ = ("label_directory_path", "tfrecords_path", "image_directory_path", "root_path", "source_weight")
    LABEL_DIRECTORY_PATH_FIELD_NUMBER: _ClassVar[int]
    TFRECORDS_PATH_FIELD_NUMBER: _ClassVar[int]
    IMAGE_DIRECTORY_PATH_FIELD_NUMBER: _ClassVar[int]
    ROOT_PATH_FIELD_NUMBER: _ClassVar[int]
    SOURCE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    label_directory_path: str
    tfrecords_path: str
    image_directory_path: str
    root_path: str
    source_weight: float
    def __init__(self, label_directory_path: _Optional[str] = ..., tfrecords_path: _Optional[str] = ..., image_directory_path: _Optional[str] = ..., root_path: _Optional[str] = ..., source_weight: _Optional[float] = ...) -> None: ...
