package jobstest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// Worked is a dispatcher with the functions that process its tasks.
type Worked struct {
	jobs.Dispatcher

	// Run calls work for each task, until ctx ends. It returns nil then.
	Run func(ctx context.Context, work func(context.Context, jobs.Task) error) error

	// Listen calls cancelled for each job that is cancelled, until ctx ends. It
	// returns nil then. It may be nil if the dispatcher is no [jobs.Canceller].
	Listen func(ctx context.Context, cancelled func(jobID string)) error
}

// RunDispatcher checks a [jobs.Dispatcher] against its documentation.
// newDispatcher returns one without tasks for each subtest.
func RunDispatcher(t *testing.T, newDispatcher func(t *testing.T) Worked) {
	t.Helper()
	kittest.Run(t, dispatcherPromises, newDispatcher)
}

var dispatcherPromises = []kittest.Promise[Worked]{
	{"EachTaskIsWorkedOn", dispatcherEach},
	{"BeforeAndWhileItRuns", dispatcherWhile},
	{"Concurrent", dispatcherConcurrent},
	{"CancelledJobsAreHeardOf", dispatcherCancel},
}

func exportTask(n int) jobs.Task { return jobs.Task{Kind: jobs.TaskExport, JobID: kittest.ShortID(n)} }

func dispatchTask(t testing.TB, d jobs.Dispatcher, n int) {
	t.Helper()
	if err := d.Dispatch(t.Context(), exportTask(n)); err != nil {
		t.Errorf("Dispatch: %v", err)
	}
}

// workOn runs a dispatcher until work was called for all tasks from 1 to n. During
// the first of them it calls while. If a task never comes the test times out.
func workOn(t testing.TB, d Worked, n int, while func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	missing := make(map[jobs.Task]bool)
	for i := range n {
		missing[exportTask(i+1)] = true
	}
	first := true
	err := d.Run(ctx, func(_ context.Context, task jobs.Task) error {
		mu.Lock()
		begin := first
		first = false
		mu.Unlock()
		if begin {
			while()
		}
		mu.Lock()
		defer mu.Unlock()
		delete(missing, task) // at least once
		if task.Kind != jobs.TaskExport {
			t.Errorf("a task of the kind %q comes", task.Kind)
		}
		if len(missing) == 0 {
			stop()
		}
		return nil
	})
	if err != nil {
		t.Errorf("it ends with %v", err)
	}
	if len(missing) > 0 {
		t.Errorf("%d tasks did not come", len(missing))
	}
}

func dispatcherEach(t testing.TB, d Worked) {
	const n = 20
	for i := range n {
		dispatchTask(t, d, i+1)
	}
	workOn(t, d, n, func() {})
}

func dispatcherWhile(t testing.TB, d Worked) {
	dispatchTask(t, d, 1)
	workOn(t, d, 2, func() { dispatchTask(t, d, 2) })
}

func dispatcherConcurrent(t testing.TB, d Worked) {
	const n = 40
	dispatchTask(t, d, 1)
	workOn(t, d, n, func() {
		var all sync.WaitGroup
		for i := 1; i < n; i++ {
			all.Go(func() { dispatchTask(t, d, i+1) })
		}
		all.Wait()
	})
}

// dispatcherCancel cancels a job until both of two listeners have heard of it. What
// was cancelled before they listen they need not hear.
func dispatcherCancel(t testing.TB, d Worked) {
	c, ok := d.Dispatcher.(jobs.Canceller)
	if !ok {
		return
	}
	ctx, stop := context.WithTimeout(t.Context(), kitPatience)
	defer stop()
	var listening, hearing sync.WaitGroup
	for range 2 {
		hearing.Add(1)
		heard := sync.OnceFunc(hearing.Done)
		listening.Go(func() {
			err := d.Listen(ctx, func(jobID string) {
				if jobID != kittest.ShortID(1) {
					t.Errorf("of job %s it is heard as %s", kittest.ShortID(1), jobID)
				}
				heard()
			})
			if err != nil {
				t.Errorf("Listen ends with %v", err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		hearing.Wait()
		close(done)
	}()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for heard := false; !heard; {
		select {
		case <-done:
			heard = true
		case <-ctx.Done():
			t.Error("not all who listen hear of it")
			heard = true
		case <-again.C:
			if err := c.Cancel(ctx, kittest.ShortID(1)); err != nil && ctx.Err() == nil {
				t.Errorf("Cancel: %v", err)
			}
		}
	}
	stop()
	listening.Wait()
}

// kitPatience is how long the kit waits for something that should happen at once.
const kitPatience = 10 * time.Second
