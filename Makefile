# The front door: every target is one line into the package, and reading this file does nothing.
# Variables given on make's command line, and only those, become options: EPOCHS=3 is passed on as --epochs=3.

VENV := .venv
YOLO_V4_GOLDEN ?= ../shared/oracle
YOLO_V4_TRAINED ?= ../shared/oracle-trained
PYTHON := python3

VARIABLES += RECIPE=--recipe                       ## what to run: smoke, sample, jamcam, jamcam-plus, photographs, or a path to a recipe
VARIABLES += DATASET=--dataset                     ## data set in specs/datasets, or a path to one
VARIABLES += ENGINE=--engine                       ## which yolo_v4 to run: portable (ours), tao (NVIDIA's container), here (the one on PATH)
VARIABLES += PLATFORM=--platform                   ## machine in specs/platforms, or a path to its file
VARIABLES += IMAGE=--image                         ## container image that holds the engine; tao needs one
VARIABLES += TAO_VERSION=--tao-version             ## TAO release in that image, such as 3.21.11 or 5.0.0
VARIABLES += WORKSPACE=--workspace                 ## folder for data and products
VARIABLES += RESULTS=--results                     ## folder for records of measurements
VARIABLES += PRETRAINED=--pretrained               ## weights to start training from: a file or an address
VARIABLES += PRETRAINED_SHA256=--pretrained-sha256 ## sha256 of those weights; a remote address needs one
VARIABLES += EPOCHS=--epochs                       ## training epochs
VARIABLES += BATCH=--batch                         ## frames per GPU and step
VARIABLES += SEED=--seed                           ## seed of splits and training
VARIABLES += VAL_SPLIT=--val-split                 ## percent of the training frames kept for validation
VARIABLES += LIMIT=--limit                         ## train on only this many frames; 0: all
VARIABLES += NUMBERS=--numbers                     ## number format of training: fp32, bf16, fp16, or auto for the faster one, measured once
VARIABLES += CHECKPOINT=--checkpoint               ## checkpoint that eval, vis, export and predict take: last, or best on the validation frames
VARIABLES += GPUS=--gpus                           ## GPUs to train on, of each machine
VARIABLES += NODES=--nodes                         ## machines to train on
VARIABLES += ACCOUNT=--account                     ## Slurm account
VARIABLES += QOS=--qos                             ## Slurm quality of service
VARIABLES += PARTITION=--partition                 ## Slurm partition
VARIABLES += WALL_TIME=--wall-time                 ## time limit of a job: [days-]hours:minutes:seconds
VARIABLES += ARRAY=--array                         ## how many times a job runs, one after another, as a job array
VARIABLES += DEEP=--deep                           ## 1: compare the contents of products, not only their sizes
VARIABLES += KEEP=--keep                           ## 0: clean also removes archive, weights and spec copies; 1: bench keeps its workspace
VARIABLES += KEPT_GIB=--kept-gib                   ## GiB that products of earlier settings may take until they are taken back
VARIABLES += GPU_HZ=--gpu-hz                       ## GPU samples per second while measuring
VARIABLES += HOST_HZ=--host-hz                     ## samples of the rest of the machine per second while measuring
VARIABLES += STAGE=--stage                         ## the stage that `why` explains, or that `plan` ends with
VARIABLES += WATCH=--watch                         ## 1: `status` is shown again and again, until Ctrl-C
VARIABLES += A=--a                                 ## what `compare` and `report` look at: a platform, bench or record, or several with commas; `compare` also a workspace or crate
VARIABLES += B=--b                                 ## what they compare that with
VARIABLES += TEXT=--text                           ## 1: `report` as text, for a terminal of 80 columns
VARIABLES += POWER_W=--power-w                     ## watts of one machine, for `cost` where no energy was measured
VARIABLES += GCO2E_PER_KWH=--gco2e-per-kwh         ## grams of CO2 equivalent for each kWh; without it `cost` tells none
VARIABLES += SESSIONS=--sessions                   ## how many sessions `bench` measures, half an hour apart
VARIABLES += N=--n                                 ## how many seeds `seeds` trains
VARIABLES += JUNIT=--junit                         ## a file that `gate` writes its answer to, as JUnit XML
VARIABLES += FORCE=--force                         ## 1: `unlock` although the holder may be alive; `compare` and `gate` show what must not be compared; `export` writes int8 that could not be judged
VARIABLES += FROM=--from                           ## the archive (.zip) or folder that `new-dataset` looks at; the workspace, crate or record that `reproduce` runs again
VARIABLES += EXACT=--exact                         ## 1: `reproduce` with the sources of the recorded commit and the recorded packages
VARIABLES += ONLY=--only                           ## stages that `reproduce` does from the other's products: eval,export
VARIABLES += WITH=--with                           ## what goes into a `crate` besides: weights, data, or both with a comma
VARIABLES += ON=--on                               ## the pictures, folders and videos that `predict` looks at; several with commas
VARIABLES += MODEL=--model                         ## a .pt, .hdf5 or .onnx for `predict`, in place of the workspace's
VARIABLES += SPEC=--spec                           ## the experiment spec that MODEL was trained with
VARIABLES += OUT=--out                             ## folder for what `predict` writes; workspace/predictions/NAME unless given
VARIABLES += EVERY=--every                         ## of videos, `predict` looks at every so many frames; 5 unless given
VARIABLES += THRESHOLD=--threshold                 ## lowest score that `predict` counts, between 0 and 1; 0.3 unless given
VARIABLES += SKIP_DAMAGED=--skip-damaged           ## `predict` ends when it cannot read more than so many; unless given, never

# Stages are put side by side by the workflow, so `make -j` must not start two runs in one workspace.
.NOTPARALLEL:
.DEFAULT_GOAL := help

names := $(foreach pair,$(VARIABLES),$(firstword $(subst =, ,$(pair))))
cli_variables := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
unknown := $(filter-out $(names) VENV PYTHON BASE TAO_IMAGE YOLO_V4_GOLDEN YOLO_V4_TRAINED,$(cli_variables))
# Variables of a make that called this one arrive as if they had been given here; some are not for us.
refuse = $(error unknown variable $(unknown); `make help` lists those there are)
pass_over = $(warning unknown variable $(unknown) passed over; `make help` lists those there are)
$(if $(unknown),$(if $(filter 0,$(MAKELEVEL)),$(refuse),$(pass_over)))

quoted = '$(subst ','\'',$(value $(1)))'
option = $(if $(filter $(1),$(cli_variables)),$(2)=$(call quoted,$(1)))
options = $(foreach pair,$(VARIABLES),$(call option,$(word 1,$(subst =, ,$(pair))),$(word 2,$(subst =, ,$(pair)))))

# Only what a target needs is installed: torch serves the portable engine, matplotlib plots and the learning curve, linters developers.
ifeq ($(VENV),none)
python := $(PYTHON)
else
python := $(VENV)/bin/python
base := $(VENV)/.ready-base
report := $(VENV)/.ready-report
dev := $(VENV)/.ready-dev
engine := $(filter tao here,$(if $(filter ENGINE,$(cli_variables)),$(ENGINE),$(JAMCAM_ENGINE)))
detector := $(VENV)/.ready-$(if $(engine)$(filter IMAGE,$(cli_variables))$(JAMCAM_IMAGE),base,detector)
# A training ends with a picture of it, whatever engine it ran with.
training := $(detector:%base=%report)
predict := $(detector:%detector=%predict)
bench := $(training:%detector=%bench)
# Modules set them, and other packages than the pinned ones would be imported; a yolo_v4 on PATH may need them.
unexport PYTHONHOME $(if $(filter here,$(engine)),,PYTHONPATH)
endif

jamcam = JAMCAM_VIA=make $(python) -m harness $@ $(options)
build_options = $(foreach name,ENGINE TAO_VERSION TAO_IMAGE BASE,$(if $(filter $(name),$(cli_variables)),$(name)=$(call quoted,$(name))))
pytest = OMP_NUM_THREADS=1 $(python) -m pytest -n 2 --dist loadscope

##@ Stages, in order; each runs what it depends on
all: $(training) ## every stage that is not done yet
	@$(jamcam)
download: $(base) ## fetch (or make) the archive, unpack it, split train and test
	@$(jamcam)
verify: $(base) ## check names, sizes, boxes and pairs; convert the labels; print the numbers
	@$(jamcam)
gen-valid: $(base) ## set part of the training frames aside for validation
	@$(jamcam)
tune-bdb: $(detector) ## find nine anchor boxes for this data
	@$(jamcam)
convert-data: $(detector) ## write TFRecords of train, val and test
	@$(jamcam)
train: $(training) ## train the network
	@$(jamcam)
eval: $(detector) ## average precision of each class, on the test and validation frames
	@$(jamcam)
vis: $(detector) ## draw what the network finds on test frames
	@$(jamcam)
export: $(detector) ## write ONNX and check it against the model
	@$(jamcam)

##@ Bringing data
new-dataset: $(base) ## look at an archive or folder of pictures and labels, and write what a training needs
	@$(jamcam)

##@ Using a model
predict: $(predict) ## count what a trained model finds on pictures and videos of yours
	@$(jamcam)

##@ Measuring
bench: $(bench) ## measure this machine under the name of a platform, and leave records in results/
	@$(jamcam)
scaling: $(bench) ## measure training on 1,2,4 GPUs: the same batch over all of them, and the same on each
	@$(jamcam)
seeds: $(training) ## train a recipe with several seeds, and write the band of what comes out beside the recipe
	@$(jamcam)
plots: $(report) ## redraw plots and the README's Benchmarking section from results/ alone
	@$(jamcam)
compare: $(base) ## how records, workspaces or crates A and B differ (status 5: they must not be compared)
	@$(jamcam)
gate: $(base) ## status 3 if a platform's newest bench is worse than its reference, 5 if that cannot be told
	@$(jamcam)

##@ Showing
report: $(report) ## one page that tells a run, a comparison and a cost at a glance
	@$(jamcam)
cost: $(base) ## GPU-hours, core-hours, energy and lost work of runs and records
	@$(jamcam)

##@ Reproducing
reproduce: $(training) ## run again what a workspace, crate or record tells of, and say whether the same came out
	@$(jamcam)
crate: $(base) ## pack a run into one file that others can reproduce; weights and frames on request
	@$(jamcam)

##@ Looking and tidying
status: $(base) ## which stages are done, and why the others are not
	@$(jamcam)
plan: $(base) ## every command that would run; runs nothing
	@$(jamcam)
why: $(base) ## why a stage would run or not (status 1: it would)
	@$(jamcam)
show-config: $(base) ## every setting, and where its value came from
	@$(jamcam)
platforms: $(base) ## which machines there are files for
	@$(jamcam)
doctor: $(base) ## this machine against the file of a platform: what is missing, and how to get it
	@$(jamcam)
shell: $(base) ## the line that gives a shell on a compute node of the platform
	@$(jamcam)
unlock: $(base) ## remove the lock of a run that is gone
	@$(jamcam)
clean: $(base) ## remove products, markers and logs
	@$(jamcam)

##@ Containers
image: $(base) ## container/portable.sif, or nvidia-tao.sif with ENGINE=tao; also TAO_VERSION, TAO_IMAGE, BASE
	@PYTHON=$(python) container/build.sh $(build_options)

##@ Developing
check: $(dev) lint ## the quick part of the tests, some two minutes
	@$(pytest) -q -m "not slow and not system and not gpu"
test: $(dev) lint ## everything
	@$(pytest) --durations=15 --durations-min=1
golden: $(dev) ## all golden vectors of YOLO_V4_GOLDEN=DIR, and the checkpoint of NVIDIA's in YOLO_V4_TRAINED=DIR
	@YOLO_V4_GOLDEN=$(call quoted,YOLO_V4_GOLDEN) YOLO_V4_TRAINED=$(call quoted,YOLO_V4_TRAINED) OMP_NUM_THREADS=1 $(python) -m pytest -q tests/yolo_v4/golden --golden-complete
lint: $(dev) ## style and types
	@$(python) -m ruff check . && $(python) -m ruff format --check . && $(python) -m mypy

help: ## this list
	@awk -F '[=:].*## ' '/^##@/ { print "\n" substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 } \
	  /^VARIABLES/ { sub("VARIABLES .= ", ""); variables = variables sprintf("  %-19s %s\n", $$1, $$2) } \
	  END { print "\nVariables, as in: make all RECIPE=smoke EPOCHS=3\n" variables }' $(firstword $(MAKEFILE_LIST))

.PHONY: all download verify gen-valid tune-bdb convert-data train eval vis export new-dataset predict bench scaling seeds \
  report cost status plan why show-config platforms doctor shell unlock clean plots compare gate reproduce crate image check test golden \
  lint help

$(VENV)/.ready-%: environment.py pyproject.toml constraints.txt
	@$(PYTHON) environment.py $(VENV) $*
