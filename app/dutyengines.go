package app

import (
	"errors"
	"time"

	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/worker"
)

const (
	// maxWorkerOutput bounds the outputs that a worker hands over, in bytes: those of one golden vector. A request's own limit
	// is far below.
	maxWorkerOutput = golden.VectorBytes
	// maxWorkerModel bounds a model that a worker loads, in bytes: what a protobuf message holds.
	maxWorkerModel = 1<<31 - 1
	// maxSentModel bounds a model that is sent to another server, in bytes.
	maxSentModel = 1 << 30
	// The worker is asked often whether it answers: a node that does not know that its worker hangs goes on
	// claiming readiness.
	healthInterval = time.Second
	healthTimeout  = 3 * time.Second
	// A worker that others have precedence over may be slow to answer.
	patientHealthTimeout = time.Minute
	patientStartTimeout  = 2 * time.Minute
)

// engines are what the node runs models on.
type engines struct {
	serving executor.Engine
	// provers are those on which models are tried: a second worker with the library of the first, and one with the library
	// that the node is to move to. A server in place of the worker tries models itself.
	provers []executor.Prover
	stops   []func()
}

func (e engines) stop() {
	for _, stop := range e.stops {
		stop()
	}
}

// openEngines starts the workers, or connects to the server that stands in for them.
func (d *duty) openEngines() (opened engines, err error) {
	defer func() {
		if err != nil {
			opened.stop()
		}
	}()
	c := d.config
	if len(c.Endpoints) > 0 {
		endpoint, err := worker.Dial(worker.EndpointConfig{
			Target: c.Endpoints[0], MaxModelBytes: maxSentModel, MaxOutputBytes: maxWorkerOutput,
			PollInterval: healthInterval, PollTimeout: healthTimeout,
		})
		if err != nil {
			return opened, err
		}
		opened.stops = append(opened.stops, endpoint.Close)
		opened.serving = executor.NewWorkerEngine(endpoint, d.limits(maxSentModel))
		opened.provers = append(opened.provers, executor.Prover{
			Engine: opened.serving, Shared: true, Timeout: c.LoadTimeout + golden.MaxVectors*c.RunTimeout,
		})
		return opened, d.openNext(&opened)
	}
	library, err := worker.LocateLibrary(c.Library, d.home)
	if err != nil {
		return opened, err
	}
	if opened.serving, err = d.startWorker(&opened, "worker", d.workerConfig(c, library)); err != nil {
		return opened, err
	}
	tries, err := d.startWorker(&opened, "admission-worker", d.patientConfig(library))
	if err != nil {
		return opened, err
	}
	opened.provers = append(opened.provers, executor.Prover{Engine: tries})
	return opened, d.openNext(&opened)
}

// openNext starts the worker with the library that the node is to move to. Its absence costs the preparation alone.
func (d *duty) openNext(opened *engines) error {
	if d.config.NextLibrary == "" {
		return nil
	}
	logger := d.app.Logger().With("module", "inference")
	library, err := worker.LocateLibrary(d.config.NextLibrary, d.home)
	if errors.Is(err, worker.ErrMissing) {
		logger.Error("the next library is not prepared for", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	next, err := d.startWorker(opened, "next-worker", d.patientConfig(library))
	if errors.Is(err, worker.ErrMissing) {
		logger.Error("the next library is not prepared for", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	opened.provers = append(opened.provers, executor.Prover{Engine: next, Next: true})
	return nil
}

func (d *duty) limits(maxModel uint64) executor.WorkerLimits {
	return executor.WorkerLimits{MaxOutput: maxWorkerOutput, MaxModel: maxModel, ModelBudget: d.config.ModelBudget}
}

// workerConfig describes a worker within the limits of a configuration.
func (d *duty) workerConfig(c executor.Config, library string) worker.Config {
	w := worker.DefaultConfig()
	w.LibraryPath, w.ModelFolder = library, d.modelFolder()
	w.MemoryLimit, w.ModelBudget = int64(c.MemoryLimit), int64(c.ModelBudget)
	w.MaxModelBytes, w.MaxOutputBytes = maxWorkerModel, maxWorkerOutput
	w.Nice, w.LoadTimeout, w.RunTimeout = c.Nice, c.LoadTimeout, c.RunTimeout
	w.HealthInterval, w.HealthTimeout = healthInterval, healthTimeout
	w.Backoff.Max = 10 * time.Second
	return w
}

// patientConfig describes a worker that everything else has precedence over. Models that nobody vouches for run in it.
func (d *duty) patientConfig(library string) worker.Config {
	w := d.workerConfig(d.config.Admission(), library)
	w.CPUTime, w.HealthTimeout, w.StartTimeout = true, patientHealthTimeout, patientStartTimeout
	return w
}

// startWorker starts a worker; its lines are logged under a name.
func (d *duty) startWorker(opened *engines, name string, w worker.Config) (executor.Engine, error) {
	var err error
	if w.BinaryPath, err = worker.LocateBinary(d.config.Worker); err != nil {
		return nil, err
	}
	// The worker opens the folder of model files when it starts.
	if _, err := d.store(); err != nil {
		return nil, err
	}
	logger := d.app.Logger().With("module", name)
	w.Log = func(line string) { logger.Info(line) }
	supervisor, err := worker.NewSupervisor(w)
	if err != nil {
		return nil, err
	}
	opened.stops = append(opened.stops, supervisor.Close)
	return executor.NewWorkerEngine(supervisor, d.limits(maxWorkerModel)), nil
}
