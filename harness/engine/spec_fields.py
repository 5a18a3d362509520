"""The fields of NVIDIA's experiment and conversion specs, by message: names, and kinds of their values.

Source: the proto files of TAO 5.0, which `yolo_v4/spec/*.proto` repeat; a test compares the two. The harness
has a list of its own because no release of NVIDIA's program can be asked for one. Extension is of our own
engine alone.
"""

import functools

EXPERIMENT, CONVERSION = "Experiment", "DatasetExportConfig"  # the outermost messages
# A message, and below it each kind of value with the fields that take it. `X[]` may be a list in brackets,
# `map<K,V>` is a block with a key and a value, `A|B` one of these words; other capital letters are messages.
_FIELDS = """
Experiment
  YOLOv3DatasetConfig: dataset_config
  AugmentationConfig: augmentation_config
  TrainingConfig: training_config
  EvalConfig: eval_config
  NMSConfig: nms_config
  YOLOv4Config: yolov4_config
  uint: random_seed
  ClassWeightingConfig: class_weighting_config
  Extension: extension
Extension
  MosaicCrop: mosaic_crop
  number: mosaic_until min_visible inference_scale
MosaicCrop
  number: min_scale max_scale object_share
YOLOv4Config
  string: big_anchor_shape mid_anchor_shape small_anchor_shape arch activation
  number: matching_neutral_box_iou box_matching_iou loss_loc_weight loss_neg_obj_weights
  number: loss_class_weights focal_loss_alpha focal_loss_gamma label_smoothing big_grid_xy_extend
  number: mid_grid_xy_extend small_grid_xy_extend
  uint: nlayers arch_conv_blocks
  number[]: freeze_blocks
  bool: freeze_bn force_relu
TrainingConfig
  uint: batch_size_per_gpu num_epochs checkpoint_interval max_queue_size n_workers
  LearningRateConfig: learning_rate
  RegularizerConfig: regularizer
  OptimizerConfig: optimizer
  CostScalingConfig: cost_scaling
  bool: enable_qat use_multiprocessing model_ema
  string: resume_model_path pretrain_model_path pruned_model_path
  EarlyStopping: early_stopping
  VisualizerConfig: visualizer
LearningRateConfig
  SoftStartAnnealingSchedule: soft_start_annealing_schedule
  SoftStartCosineAnnealingSchedule: soft_start_cosine_annealing_schedule
SoftStartAnnealingSchedule
  number: min_learning_rate max_learning_rate soft_start annealing
SoftStartCosineAnnealingSchedule
  number: max_learning_rate soft_start min_learning_rate
RegularizerConfig
  NO_REG|L1|L2: type
  number: weight
OptimizerConfig
  AdamOptimizerConfig: adam
  SGDOptimizerConfig: sgd
  RMSpropOptimizerConfig: rmsprop
AdamOptimizerConfig
  number: epsilon beta1 beta2
  bool: amsgrad
SGDOptimizerConfig
  number: momentum
  bool: nesterov
RMSpropOptimizerConfig
  number: rho momentum epsilon
  bool: centered
CostScalingConfig
  bool: enabled
  number: initial_exponent increment decrement
EarlyStopping
  string: monitor
  number: min_delta
  uint: patience
VisualizerConfig
  bool: enabled weight_histograms
  uint: num_images
  WandBConfig: wandb_config
  ClearMLConfig: clearml_config
WandBConfig
  bool: enabled reinit
  string: key project entity name wandb_dir notes
  string[]: tags
  ONLINE|OFFLINE|DISABLED: mode
ClearMLConfig
  string: project task
  string[]: tags
  bool: reuse_last_task_id continue_last_task deferred_init
EvalConfig
  SAMPLE|INTEGRATE: average_precision_mode
  uint: batch_size
  number: matching_iou_threshold
  bool: visualize_pr_curve
NMSConfig
  number: confidence_threshold clustering_iou_threshold
  uint: top_k infer_nms_score_bits
  bool: force_on_cpu
ClassWeightingConfig
  map<string,number>: class_weighting
  bool: enable_auto
AugmentationConfig
  number: hue saturation exposure vertical_flip horizontal_flip jitter mosaic_prob mosaic_min_ratio
  int: output_width output_height output_channel randomize_input_shape_period
  map<string,number>: image_mean
  uint: output_depth
YOLOv3DatasetConfig
  YOLOv3DataSource: data_sources validation_data_sources
  map<string,string>: target_class_mapping
  uint: validation_fold
  string: type image_extension
  bool: include_difficult_in_training is_monochrome
YOLOv3DataSource
  string: label_directory_path tfrecords_path image_directory_path root_path
  number: source_weight
DatasetExportConfig
  COCOConfig: coco_config
  KITTIConfig: kitti_config
  SampleModifierConfig: sample_modifier_config
  string: image_directory_path
  map<string,string>: target_class_mapping
KITTIConfig
  string: root_directory_path image_dir_name label_dir_name point_clouds_dir calibrations_dir
  string: kitti_sequence_to_frames_file image_extension partition_mode
  uint: num_partitions num_shards
  number: val_split
COCOConfig
  string: root_directory_path
  string[]: img_dir_names annotation_files
  uint: num_partitions
  uint[]: num_shards
SampleModifierConfig
  string[]: filter_samples_containing_only dominant_target_classes
  map<string,number>: minimum_target_class_imbalance
  uint: num_duplicates max_training_samples
  map<string,string>: source_to_target_class_mapping
"""


@functools.cache
def fields() -> dict[str, dict[str, str]]:
    """Message -> field -> kind of its value; maps are messages, too."""
    table: dict[str, dict[str, str]] = {}
    message: dict[str, str] = {}
    for line in _FIELDS.strip().splitlines():
        kind, colon, names = line.strip().partition(": ")
        if not colon:
            message = table[kind] = {}
            continue
        message.update(dict.fromkeys(names.split(), kind))
        if kind.startswith("map<"):
            key, value = kind.removeprefix("map<").removesuffix(">").split(",")
            table[kind] = {"key": key, "value": value}
    return table
